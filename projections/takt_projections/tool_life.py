"""How many parts each tool of a part had made by then: since it was replaced, this part included."""

import sqlite3
from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from takt_projections.production import parts_made
from takt_projections.spans import Span
from takt_projections.tool_counts import CORRECTIONS, OWN, SPANS, span_of

Key = tuple[float, int]
"""When a part was finished, and its ID: the order of parts."""


class Made(NamedTuple):
    """A part, as far as its tools go by it."""

    finished: float
    id: int
    process_id: int
    position: int


def tool_life(db: sqlite3.Connection, parts: Sequence[Made]) -> dict[int, dict[int, int]]:
    """Part ID -> tool ID -> its count. Parts in the order of `finished` and ID."""
    if not parts:
        return {}
    first, last = parts[0].finished, parts[-1].finished
    lives: dict[int, list[_Life]] = {}
    for process_id in {part.process_id for part in parts}:
        rows = db.execute(
            f"{SPANS} WHERE process_id = ? AND begins < ? AND (ends IS NULL OR ends >= ?) ORDER BY tool_id, begins",
            (process_id, last, first),
        )
        lives[process_id] = [_Life(db, span_of(row)[0], first, last) for row in rows.fetchall()]
    return {
        part.id: {life.tool_id: life.at(part) for life in lives[part.process_id] if life.made(part)} for part in parts
    }


class _Life:
    """What one tool made in one of its spans, and on the same counter before it."""

    def __init__(self, db: sqlite3.Connection, span: Span, first: float, last: float) -> None:
        """`first` and `last`: when the parts that are asked for were finished."""
        self.tool_id = span.tool_id
        self._span = span
        self._before = _on_counter_before(db, span) + _in_span_before(db, span, first)
        self._since: list[Key] = [
            (finished, part_id)
            for finished, part_id in db.execute(
                "SELECT finished, id FROM parts WHERE process_id = ? AND finished > ? AND finished >= ? "
                "AND finished <= ? AND position > ? ORDER BY finished, id",
                (span.process_id, span.begins, first, min(span.ends, last), span.after_position),
            )
        ]
        self._corrections: list[tuple[float, int]] = [
            (at, parts)
            for at, parts in db.execute(
                f"SELECT at, parts FROM ({CORRECTIONS} WHERE tool_id = ? AND process_id = {OWN}) "
                "WHERE replacement_id = ? ORDER BY at",
                (span.tool_id, span.replacement_id),
            )
        ]

    def made(self, part: Made) -> bool:
        span = self._span
        return span.begins < part.finished <= span.ends and span.after_position < part.position

    def at(self, part: Made) -> int:
        corrected: int = sum(parts for at, parts in self._corrections if at <= part.finished)
        return self._before + bisect_right(self._since, part[:2]) + corrected


def _on_counter_before(db: sqlite3.Connection, span: Span) -> int:
    row = db.execute(
        f"SELECT coalesce(sum(parts), 0) FROM ({SPANS} WHERE tool_id = ? AND replacement_id = ? AND ends <= ?)",
        (span.tool_id, span.replacement_id, span.begins),
    )
    return int(row.fetchone()[0])


def _in_span_before(db: sqlite3.Connection, span: Span, first: float) -> int:
    if first <= span.begins:
        return 0
    if not span.after_position:
        return parts_made(db, span.process_id, span.begins, first, including_end=False)
    row = db.execute(  # what is older than the tool, and was written down after it came, is late
        "SELECT count(*) FROM parts WHERE late = 1 AND process_id = ? AND finished > ? AND finished < ? "
        "AND position > ?",
        (span.process_id, span.begins, first, span.after_position),
    )
    return int(row.fetchone()[0])
