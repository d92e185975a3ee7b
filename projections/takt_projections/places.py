"""Places: which assembly was in which process, and which tool in which assembly, since when. From it follows which
tools made a part, and how many each had made by then.

What was made exactly when something moved, was made where it was before.
"""

import sqlite3
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from sqlite_utils import Database

from takt_projections.model import Handler, ReadModel
from takt_projections.production import parts_made
from taktledger.domain.assemblies import AssemblyCreated, AssemblyDeleted, AssemblyMoved
from taktledger.domain.event import Event
from taktledger.domain.shop import Shop
from taktledger.domain.tools import ToolCreated, ToolDeleted, ToolMoved

EVER = float("inf")
Key = tuple[float, int]
"""When a part was finished, and its ID: the order of parts."""


class Places(ReadModel):
    name = "places"
    version = 1

    def __init__(self) -> None:
        self._moves: dict[str, list[tuple[int, float, int, int | None]]] = {"assembly": [], "tool": []}

    def create(self, db: Database) -> None:
        for table, mover, place in (
            ("assembly_moves", "assembly_id", "process_id"),
            ("tool_moves", "tool_id", "assembly_id"),
        ):
            key = {mover: int, "at": float, "position": int}
            db.table(table).create({**key, place: int}, pk=tuple(key), not_null={*key}, strict=True)

    def index(self, db: Database) -> None:
        db.table("assembly_moves").create_index(["process_id"])
        db.table("tool_moves").create_index(["assembly_id"])

    def handlers(self) -> Mapping[type[Event], Handler]:
        return {
            AssemblyCreated: self._assembly,
            AssemblyMoved: self._assembly,
            AssemblyDeleted: self._assembly,
            ToolCreated: self._tool,
            ToolMoved: self._tool,
            ToolDeleted: self._tool,
        }

    def _assembly(self, event: AssemblyCreated | AssemblyMoved | AssemblyDeleted, shop: Shop, position: int) -> None:
        place = None if isinstance(event, AssemblyDeleted) else event.process_id
        self._move("assembly", event, event.assembly_id, place, position)

    def _tool(self, event: ToolCreated | ToolMoved | ToolDeleted, shop: Shop, position: int) -> None:
        place = None if isinstance(event, ToolDeleted) else event.assembly_id
        self._move("tool", event, event.tool_id, place, position)

    def _move(self, what: str, event: Event, mover: int, place: int | None, position: int) -> None:
        self._moves[what].append((mover, event.occurred_at, position, place))

    def write(self, connection: sqlite3.Connection, shop: Shop) -> None:
        for what, moves in self._moves.items():
            connection.executemany(f"INSERT INTO {what}_moves VALUES (?, ?, ?, ?)", moves)
        self.forget()

    def forget(self) -> None:
        for moves in self._moves.values():
            moves.clear()


# Queries


class Stay(NamedTuple):
    """Something was in a place after `begins` and until `ends`. UNIX seconds."""

    place: int
    begins: float
    ends: float
    after_position: int = 0
    """Only what was written down after this position was made with it."""

    def within(self, other: "Stay") -> "Stay":
        """This place, while that one held too."""
        return Stay(
            self.place,
            max(self.begins, other.begins),
            min(self.ends, other.ends),
            max(self.after_position, other.after_position),
        )


class Made(NamedTuple):
    """A part, as far as its tools go by it."""

    finished: float
    id: int
    process_id: int
    position: int


def tool_life(db: sqlite3.Connection, parts: Sequence[Made]) -> dict[int, dict[int, int]]:
    """Part ID -> tool ID -> how many parts that tool had made, this one included. Parts in the order of `finished` and
    ID."""
    found: dict[int, dict[int, int]] = {}
    counters: dict[int, list[_Counter]] = {}
    sums = _Sums(db, parts[0][:2], parts[-1][:2]) if parts else None
    for part in parts:
        if sums is not None and part.process_id not in counters:
            tools = _tools_ever_in(db, part.process_id)
            counters[part.process_id] = [_Counter(tool_id, _stays_in_processes(db, tool_id), sums) for tool_id in tools]
        found[part.id] = {
            counter.tool_id: counter.at(part[:2]) for counter in counters[part.process_id] if counter.made(part)
        }
    return found


class _Sums:
    """What was made in a stay, asked once for all the tools that went the same ways: shared ones do."""

    def __init__(self, db: sqlite3.Connection, first: Key, last: Key) -> None:
        self._db, self._first, self._last = db, first, last
        self._known: dict[Stay, tuple[int, list[Key]]] = {}

    def of(self, stay: Stay) -> tuple[int, list[Key]]:
        """How many before the first part that is asked for, and which from then on."""
        if stay not in self._known:
            since = [(at, part) for at, part in _made_between(self._db, stay, self._first, self._last)]
            self._known[stay] = _made_before(self._db, stay, self._first), since
        return self._known[stay]


class _Counter:
    """What one tool has made: a sum up to the first part that is asked for, and the order of those after it."""

    def __init__(self, tool_id: int, stays: list[Stay], sums: _Sums) -> None:
        self.tool_id = tool_id
        self._stays = stays
        self._before = sum(sums.of(stay)[0] for stay in stays)
        self._since = sorted(key for stay in stays for key in sums.of(stay)[1])

    def made(self, part: Made) -> bool:
        return any(
            stay.place == part.process_id
            and stay.begins < part.finished <= stay.ends
            and stay.after_position < part.position
            for stay in self._stays
        )

    def at(self, part: Key) -> int:
        return self._before + bisect_right(self._since, part)


def _tools_ever_in(db: sqlite3.Connection, process_id: int) -> list[int]:
    rows = db.execute(
        "SELECT DISTINCT tool_id FROM tool_moves JOIN assembly_moves USING (assembly_id) "
        "WHERE assembly_moves.process_id = ? ORDER BY tool_id",
        (process_id,),
    )
    return [row[0] for row in rows]


def _stays_in_processes(db: sqlite3.Connection, tool_id: int) -> list[Stay]:
    """Where its assemblies were while it was in them."""
    found = [
        there.within(here)
        for here in _stays(db, "tool_id", tool_id, "assembly_id", "tool_moves")
        for there in _stays(db, "assembly_id", here.place, "process_id", "assembly_moves")
    ]
    return [stay for stay in found if stay.begins < stay.ends]


def _stays(db: sqlite3.Connection, mover: str, mover_id: int, place: str, table: str) -> list[Stay]:
    """Where it was first put, it is taken to have always been, for what is written down later: so history may be
    imported after the set-up, and a new tool doesn't begin with the parts of its predecessor."""
    rows = db.execute(
        f"SELECT at, {place}, position FROM {table} WHERE {mover} = ? ORDER BY position", (mover_id,)
    ).fetchall()
    first = next((row for row in rows if row[1] is not None), None)
    if first is None:
        return []
    put_at, where, put_position = first
    later = [(at, to) for at, to, position in sorted(rows, key=_in_time) if position > put_position]
    moves = [(-EVER, where), *later, (EVER, None)]
    stays = [Stay(to, begins, ends) for (begins, to), (ends, _) in pairwise(moves) if to]
    before, after = Stay(0, -EVER, put_at, put_position), Stay(0, put_at, EVER)
    sides = [stay.within(side) for stay in stays for side in (before, after)]
    return [stay for stay in sides if stay.begins < stay.ends]


def _in_time(move: sqlite3.Row) -> tuple[float, int]:
    return move[0], move[2]


def _made_before(db: sqlite3.Connection, stay: Stay, part: Key) -> int:
    """Those that were finished at the same time as this part are between."""
    until, including_end = min(stay.ends, part[0]), stay.ends < part[0]
    if not stay.after_position:
        return parts_made(db, stay.place, stay.begins, until, including_end=including_end)
    rows = db.execute(  # what is older than the tool, and was written down later, is late
        "SELECT count(*) FROM parts WHERE late = 1 AND process_id = ? AND finished > ? "
        "AND (finished < ? OR (? AND finished = ?)) AND position > ?",
        (stay.place, stay.begins, until, including_end, until, stay.after_position),
    )
    return int(rows.fetchone()[0])


def _made_between(db: sqlite3.Connection, stay: Stay, first: Key, last: Key) -> Iterator[Key]:
    return db.execute(
        "SELECT finished, id FROM parts WHERE process_id = ? AND finished > ? AND finished >= ? AND finished <= ? "
        "AND position > ?",
        (stay.place, stay.begins, first[0], min(stay.ends, last[0]), stay.after_position),
    )
