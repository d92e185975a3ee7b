"""The spans of tools: from when to when each was in which process, on which counter, and what was made there.

A span that is open counts `process_totals.parts + parts` and `location_totals.milliseconds + milliseconds`; a closed
one has its sums. All three tables are kept by `wear.py`.
"""

import sqlite3
from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import NamedTuple

import msgspec

from takt_projections.places import EVER, NEVER, Stay, stays_in_processes

INSERT = "INSERT INTO tool_spans VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_ADD = (
    "INSERT INTO tool_sums VALUES (NEW.tool_id, NEW.replacement_id, NEW.process_id, 1, NEW.parts, NEW.milliseconds) "
    "ON CONFLICT DO UPDATE SET spans = spans + 1, parts = parts + excluded.parts, "
    "milliseconds = milliseconds + excluded.milliseconds;"
)
_OLD = "tool_id = OLD.tool_id AND replacement_id = OLD.replacement_id AND process_id = OLD.process_id"
_TAKE = (
    "UPDATE tool_sums SET spans = spans - 1, parts = parts - OLD.parts, milliseconds = milliseconds - OLD.milliseconds "
    f"WHERE {_OLD}; DELETE FROM tool_sums WHERE {_OLD} AND spans = 0;"
)
KEEP_SUMS = (
    "INSERT INTO tool_sums SELECT tool_id, replacement_id, process_id, count(*), sum(parts), sum(milliseconds) "
    "FROM tool_spans WHERE ends IS NOT NULL GROUP BY tool_id, replacement_id, process_id",
    f"CREATE TRIGGER tool_spans_new AFTER INSERT ON tool_spans WHEN NEW.ends IS NOT NULL BEGIN {_ADD} END",
    f"CREATE TRIGGER tool_spans_gone AFTER DELETE ON tool_spans WHEN OLD.ends IS NOT NULL BEGIN {_TAKE} END",
    f"CREATE TRIGGER tool_spans_changed AFTER UPDATE ON tool_spans WHEN OLD.ends IS NOT NULL BEGIN {_TAKE} {_ADD} END",
    "CREATE TRIGGER tool_spans_closed AFTER UPDATE ON tool_spans WHEN OLD.ends IS NULL AND NEW.ends IS NOT NULL "
    f"BEGIN {_ADD} END",
)
"""The sums of the closed spans of each counter, from now on. A tool that often changes its process has thousands."""
LIVE = 0
"""In place of a replacement's ID: the counter that runs now."""


class Span(NamedTuple):
    """A tool was in a process after `begins` and until `ends`; UNIX seconds."""

    tool_id: int
    begins: float
    ends: float
    process_id: int
    location: int | None
    after_position: int
    """Only what was written down after it was made with it."""
    replacement_id: int
    """The replacement whose record it counts for, or LIVE."""

    @property
    def is_open(self) -> bool:
        return self.ends == NEVER


class Sums(NamedTuple):
    parts: int
    milliseconds: int

    def plus(self, other: "Sums") -> "Sums":
        return Sums(self.parts + other.parts, self.milliseconds + other.milliseconds)

    def minus(self, other: "Sums") -> "Sums":
        return Sums(self.parts - other.parts, self.milliseconds - other.milliseconds)


NOTHING = Sums(0, 0)

# While all goes in order of time: no row of the past is looked at


def switch(
    db: sqlite3.Connection,
    assembly_id: int,
    tool_ids: Iterable[int],
    at: float,
    process_id: int | None,
    location: int | None,
) -> set[int]:
    """An assembly goes to another place, and these tools with it. Answers the tools for which that is not the latest
    that happened: they must be recounted. So must tools that have left it, but were still in it at that time."""
    behind = {
        row[0]
        for row in db.execute(
            "SELECT been.tool_id FROM tool_moves AS been JOIN tool_moves AS later USING (tool_id) "
            "WHERE been.assembly_id = ? AND later.at >= ?",
            (assembly_id, at),
        )
    }
    for tool_id in tool_ids:
        last, span, sums = _last(db, tool_id)
        places = {each for each in (process_id, span.process_id if span else None) if each}
        if last is None or at <= last or any(at < _counted_until(db, each) for each in places):
            behind.add(tool_id)
            continue
        if span is not None:
            _close(db, span, sums, at, LIVE)
        if process_id:
            _open(db, Span(tool_id, at, NEVER, process_id, location, 0, LIVE))
    return behind


def cut(db: sqlite3.Connection, tool_id: int, at: float, replacement_id: int) -> bool:
    """A tool was replaced: what it made goes to the record, and its counter starts anew. False: it must be recounted,
    for it is not the latest that happened."""
    last, span, sums = _last(db, tool_id)
    if last is None:
        return True  # it has not been anywhere
    if at <= last or (span is not None and at < _counted_until(db, span.process_id)):
        return False
    if span is not None:
        _close(db, span, sums, at, replacement_id)
        _open(db, span._replace(begins=at, after_position=0))
    db.execute(
        "UPDATE tool_spans SET replacement_id = ? WHERE tool_id = ? AND replacement_id = ? AND ends IS NOT NULL",
        (replacement_id, tool_id, LIVE),
    )
    return True


def _last(db: sqlite3.Connection, tool_id: int) -> tuple[float | None, Span | None, Sums]:
    """When a span of a tool began or ended last, and the open one."""
    row = db.execute(
        "SELECT coalesce(ends, begins) FROM tool_spans WHERE tool_id = ? ORDER BY begins DESC LIMIT 1", (tool_id,)
    ).fetchone()
    last = row[0] if row else None
    span = next(_rows(db, "WHERE tool_id = ? AND ends IS NULL", (tool_id,)), None)
    return (last, *span) if span else (last, None, NOTHING)


def _close(db: sqlite3.Connection, span: Span, base: Sums, at: float, replacement_id: int) -> None:
    sums = base.plus(_totals(db, span.process_id, span.location))
    db.execute(
        "UPDATE tool_spans SET ends = ?, parts = ?, milliseconds = ?, replacement_id = ? "
        "WHERE tool_id = ? AND begins = ?",
        (at, *sums, replacement_id, span.tool_id, span.begins),
    )


def _open(db: sqlite3.Connection, span: Span) -> None:
    _insert(db, span, NOTHING.minus(_totals(db, span.process_id, span.location)))


# What comes late, or goes


def add_late(db: sqlite3.Connection, process_id: int, at: float, parts: int, milliseconds: Mapping[int, int]) -> None:
    """The totals have it already. It belongs to closed spans, and not to open ones that began later."""
    _add(db, "parts", parts, process_id, at, "")
    for location, each in milliseconds.items():
        _add(db, "milliseconds", each, process_id, at, f"AND location = {int(location)}")


def take_out(db: sqlite3.Connection, process_id: int, at: float) -> set[int]:
    """A part was deleted. Answers the tools that must be recounted: those that count only what was written down after
    they came may not have counted it."""
    unsure = [
        span
        for span, _ in _rows(
            db, "WHERE process_id = ? AND begins < ? AND ends >= ? AND after_position > 0", (process_id, at, at)
        )
    ]
    db.executemany("DELETE FROM tool_spans WHERE tool_id = ? AND begins = ?", [(each[0], each[1]) for each in unsure])
    _add(db, "parts", -1, process_id, at, "")
    return {span.tool_id for span in unsure}


def _add(db: sqlite3.Connection, column: str, more: int, process_id: int, at: float, where: str) -> None:
    db.execute(
        f"UPDATE tool_spans SET {column} = {column} + ? WHERE process_id = ? AND ends >= ? AND begins < ? {where}",
        (more, process_id, at, at),
    )
    db.execute(
        f"UPDATE tool_spans SET {column} = {column} - ? WHERE process_id = ? AND ends IS NULL AND begins >= ? {where}",
        (more, process_id, at),
    )


# From the exact rows


def recount(db: sqlite3.Connection, tool_ids: Iterable[int]) -> None:
    """Makes the spans of tools anew, from their moves and replacements. Sums of spans that stay are right already."""
    wanted: dict[Span, Sums | None] = {}
    for tool_id in tool_ids:
        known = {_counted(span): sums for span, sums in _rows(db, "WHERE tool_id = ?", (tool_id,))}
        for span in make_spans(db, tool_id):
            before = known.get(_counted(span))
            wanted[span] = before
        db.execute("DELETE FROM tool_spans WHERE tool_id = ?", (tool_id,))
    found = exact_sums(db, [span for span, sums in wanted.items() if sums is None])
    for span, sums in found.items():
        wanted[span] = sums.minus(_totals(db, span.process_id, span.location)) if span.is_open else sums
    for span, kept in wanted.items():
        _insert(db, span, kept or NOTHING)


def _counted(span: Span) -> Span:
    """What its sums go by."""
    return span._replace(replacement_id=LIVE)


def make_spans(db: sqlite3.Connection, tool_id: int) -> Iterator[Span]:
    """Where a tool was, cut at its replacements."""
    cuts = db.execute("SELECT timestamp, id FROM tool_replacements WHERE tool_id = ? ORDER BY timestamp", (tool_id,))
    replaced = cuts.fetchall()
    first = 0
    for stay in stays_in_processes(db, tool_id):
        while first < len(replaced) and replaced[first][0] <= stay.begins:
            first += 1
        begins, at = stay.begins, first
        while at < len(replaced) and replaced[at][0] < stay.ends:
            yield _span(tool_id, stay, begins, replaced[at][0], replaced[at][1])
            begins, at = replaced[at][0], at + 1
        yield _span(tool_id, stay, begins, stay.ends, replaced[at][1] if at < len(replaced) else LIVE)


def _span(tool_id: int, stay: Stay, begins: float, ends: float, replacement_id: int) -> Span:
    return Span(tool_id, begins, ends, stay.place, stay.location, stay.after_position, replacement_id)


def exact_sums(db: sqlite3.Connection, spans: Iterable[Span]) -> dict[Span, Sums]:
    """What was made in each, out of the rows of parts and run times. Those of a process are read once for all."""
    by_process: defaultdict[tuple[int, bool], list[Span]] = defaultdict(list)
    for span in spans:
        by_process[span.process_id, span.after_position > 0].append(span)
    found: dict[Span, Sums] = {}
    for (process_id, only_late), those in by_process.items():
        made = _Made(db, process_id, those, only_late=only_late)
        found |= {span: Sums(made.parts(span), made.milliseconds(span)) for span in those}
    return found


class _Made:
    """What a process made, and what was cut in it, as long as some spans go."""

    def __init__(self, db: sqlite3.Connection, process_id: int, spans: Sequence[Span], *, only_late: bool) -> None:
        """`only_late`: what is older than a tool, and was written down after it came, is late."""
        begins, ends = min(span.begins for span in spans), max(span.ends for span in spans)
        after = min(span.after_position for span in spans)
        where = "AND late = 1 AND position > ?" if only_late else "AND position > ?"
        values = (process_id, begins, ends, after)
        self._finished, self._positions = array("d"), array("q")
        for finished, position in db.execute(
            "SELECT finished, position FROM parts WHERE process_id = ? AND finished > ? AND finished <= ? "
            f"{where} ORDER BY finished",
            values,
        ):
            self._finished.append(finished)
            self._positions.append(position)
        self._cut: defaultdict[int, tuple[array[float], array[int], array[int]]] = defaultdict(
            lambda: (array("d"), array("q"), array("q"))
        )
        for at, position, text in db.execute(
            "SELECT at, position, seconds FROM run_times WHERE process_id = ? AND at > ? AND at <= ? "
            f"{where} ORDER BY at",
            values,
        ):
            for location, seconds in msgspec.json.decode(text, type=dict[int, float]).items():
                for column, value in zip(self._cut[location], (at, position, round(seconds * 1000)), strict=True):
                    column.append(value)  # type: ignore[attr-defined]
        self._sums: dict[int, list[int]] = {}

    def parts(self, span: Span) -> int:
        first, last = bisect_right(self._finished, span.begins), bisect_right(self._finished, span.ends)
        if not span.after_position:
            return last - first
        return sum(position > span.after_position for position in self._positions[first:last])

    def milliseconds(self, span: Span) -> int:
        if span.location is None or span.location not in self._cut:
            return 0
        times, positions, each = self._cut[span.location]
        first, last = bisect_right(times, span.begins), bisect_right(times, span.ends)
        if span.after_position:
            return sum(each[index] for index in range(first, last) if positions[index] > span.after_position)
        sums = self._sums.get(span.location)
        if sums is None:
            sums = self._sums[span.location] = list(accumulate(each, initial=0))
        return sums[last] - sums[first]


# Rows


def _rows(db: sqlite3.Connection, where: str, values: Sequence[float | int]) -> Iterator[tuple[Span, Sums]]:
    rows = db.execute(f"SELECT * FROM tool_spans {where}", values).fetchall()
    for tool_id, begins, ends, process_id, location, after, replacement_id, parts, milliseconds in rows:
        until = NEVER if ends is None else ends
        yield Span(tool_id, begins, until, process_id, location, after, replacement_id), Sums(parts, milliseconds)


def _insert(db: sqlite3.Connection, span: Span, sums: Sums) -> None:
    ends = None if span.is_open else span.ends
    db.execute(INSERT, (*span[:2], ends, *span[3:], *sums))


def _totals(db: sqlite3.Connection, process_id: int, location: int | None) -> Sums:
    parts, milliseconds = db.execute(
        "SELECT (SELECT parts FROM process_totals WHERE process_id = ?), "
        "(SELECT milliseconds FROM location_totals WHERE process_id = ? AND location = ?)",
        (process_id, process_id, location),
    ).fetchone()
    return Sums(parts or 0, milliseconds or 0)


def _counted_until(db: sqlite3.Connection, process_id: int) -> float:
    """The latest that a process made or cut."""
    row = db.execute("SELECT counted_until FROM process_totals WHERE process_id = ?", (process_id,)).fetchone()
    return row[0] if row else EVER
