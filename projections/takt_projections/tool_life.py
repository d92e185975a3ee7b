"""How many parts each tool of a part had made by then: since it was replaced, this part included."""

import sqlite3
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from takt_projections.production import parts_made
from takt_projections.spans import Span
from takt_projections.tool_counts import CORRECTIONS, OWN, SPANS, span_of


class Made(NamedTuple):
    """A part, as far as its tools go by it."""

    finished: float
    id: int
    process_id: int
    position: int


def tool_life(db: sqlite3.Connection, parts: Sequence[Made]) -> dict[int, dict[int, int]]:
    """Part ID -> tool ID -> its count. Parts in the order of `finished` and ID."""
    found: dict[int, dict[int, int]] = {part.id: {} for part in parts}
    by_process: defaultdict[int, list[Made]] = defaultdict(list)
    for part in parts:
        by_process[part.process_id].append(part)
    for process_id, those in by_process.items():
        production = _Production(db, process_id, those[0].finished, those[-1].finished)
        rows = db.execute(
            "SELECT DISTINCT tool_id FROM tool_spans "
            "WHERE process_id = ? AND begins < ? AND (ends IS NULL OR ends >= ?)",
            (process_id, those[-1].finished, those[0].finished),
        )
        for (tool_id,) in sorted(map(tuple, rows)):
            tool = _Tool(db, tool_id, production)
            for part in those:
                count = tool.count_at(part)
                if count is not None:
                    found[part.id][tool_id] = count
    return found


class _Production:
    """The parts of a process from the first that is asked for to the last, in order, asked once for all tools."""

    def __init__(self, db: sqlite3.Connection, process_id: int, first: float, last: float) -> None:
        self.process_id = process_id
        self._db = db
        self._first = first
        rows = db.execute(
            "SELECT finished, id, position FROM parts WHERE process_id = ? AND finished >= ? AND finished <= ? "
            "ORDER BY finished, id",
            (process_id, first, last),
        ).fetchall()
        self._keys = [(finished, part_id) for finished, part_id, _ in rows]
        self._positions = [position for _, _, position in rows]
        self._before: dict[tuple[float, int], int] = {}

    def made(self, span: Span, part: Made) -> int:
        """In this span up to this part, which is in it."""
        begins = bisect_left(self._keys, (span.begins, 2**63))  # what was made when it began, was made before it
        until = bisect_right(self._keys, (part.finished, part.id))
        inside = until - begins
        if span.after_position:
            inside = sum(position > span.after_position for position in self._positions[begins:until])
        return inside + self._until_first(span)

    def _until_first(self, span: Span) -> int:
        if span.begins >= self._first:
            return 0
        key = span.begins, span.after_position
        if key not in self._before:
            self._before[key] = self._count(span)
        return self._before[key]

    def _count(self, span: Span) -> int:
        if not span.after_position:
            return parts_made(self._db, self.process_id, span.begins, self._first, including_end=False)
        row = self._db.execute(  # what is older than the tool, and was written down after it came, is late
            "SELECT count(*) FROM parts WHERE late = 1 AND process_id = ? AND finished > ? AND finished < ? "
            "AND position > ?",
            (self.process_id, span.begins, self._first, span.after_position),
        )
        return int(row.fetchone()[0])


class _Tool:
    """Where a tool was, and what it had counted when each of its spans began."""

    def __init__(self, db: sqlite3.Connection, tool_id: int, production: _Production) -> None:
        self._production = production
        counted: defaultdict[int, int] = defaultdict(int)
        self._spans: list[Span] = []
        self._before: list[int] = []
        for span, sums in map(span_of, db.execute(f"{SPANS} WHERE tool_id = ? ORDER BY begins", (tool_id,))):
            self._spans.append(span)
            self._before.append(counted[span.replacement_id])
            counted[span.replacement_id] += sums.parts
        self._begins = [span.begins for span in self._spans]
        self._corrections: list[tuple[float, int, int]] = db.execute(
            f"SELECT at, replacement_id, parts FROM ({CORRECTIONS} WHERE tool_id = ? AND process_id = {OWN})",
            (tool_id,),
        ).fetchall()

    def count_at(self, part: Made) -> int | None:
        """None: it was not made with this tool."""
        index = bisect_left(self._begins, part.finished) - 1
        if index < 0:
            return None
        span = self._spans[index]
        if span.process_id != part.process_id or part.finished > span.ends or part.position <= span.after_position:
            return None
        corrected = sum(
            parts for at, counter, parts in self._corrections if counter == span.replacement_id and at <= part.finished
        )
        return self._before[index] + self._production.made(span, part) + corrected
