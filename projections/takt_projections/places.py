"""Places: which assembly was in which process, in which location, and which tool in which assembly, since when.

What was made exactly when something moved, was made where it was before.
"""

import sqlite3
from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

from msgspec import UNSET
from sqlite_utils import Database

from takt_projections.model import Handler, ReadModel
from taktledger.domain.assemblies import AssemblyCreated, AssemblyDeleted, AssemblyEdited, AssemblyMoved
from taktledger.domain.event import Event
from taktledger.domain.shop import Shop
from taktledger.domain.tools.replacement import ToolReplaced, ToolReplacementUndone
from taktledger.domain.tools.tool import ToolCreated, ToolDeleted, ToolMoved

NEVER = float("inf")
EVER = -1.0
"""Before all time. UNIX seconds."""
INSERT_ASSEMBLY = "INSERT INTO assembly_moves VALUES (?, ?, ?, ?)"
INSERT_LOCATION = "INSERT INTO assembly_locations VALUES (?, ?, ?, ?)"
INSERT_TOOL = "INSERT INTO tool_moves VALUES (?, ?, ?, ?, ?)"
FORGET_REPLACEMENT = "DELETE FROM tool_moves WHERE replacement_id = ?"


class Places(ReadModel):
    name = "places"
    version = 2

    def __init__(self) -> None:
        self._changes: list[tuple[str, tuple[float | int | None, ...]]] = []
        """Statements and their parameters, in order."""

    def create(self, db: Database) -> None:
        assembly = {"assembly_id": int, "at": float, "position": int}
        tool = {"tool_id": int, "at": float, "position": int}
        for table, more in (("assembly_moves", {"process_id": int}), ("assembly_locations", {"location": int})):
            db.table(table).create({**assembly, **more}, pk=tuple(assembly), not_null={*assembly}, strict=True)
        more = {"assembly_id": int, "replacement_id": int}
        db.table("tool_moves").create({**tool, **more}, pk=tuple(tool), not_null={*tool}, strict=True)
        for column in ("assembly_id", "replacement_id"):
            db.table("tool_moves").create_index([column])

    def handlers(self) -> Mapping[type[Event], Handler]:
        return {
            AssemblyCreated: self._assembly_created,
            AssemblyEdited: self._assembly_edited,
            AssemblyMoved: self._assembly,
            AssemblyDeleted: self._assembly,
            ToolCreated: self._tool,
            ToolMoved: self._tool,
            ToolDeleted: self._tool,
            ToolReplaced: self._tool_replaced,
            ToolReplacementUndone: self._replacement_undone,
        }

    def _assembly_created(self, event: AssemblyCreated, shop: Shop, position: int) -> None:
        self._assembly(event, shop, position)
        self._located(event, shop, position)

    def _assembly(self, event: AssemblyCreated | AssemblyMoved | AssemblyDeleted, shop: Shop, position: int) -> None:
        process_id = None if isinstance(event, AssemblyDeleted) else event.process_id
        self._changes.append((INSERT_ASSEMBLY, (event.assembly_id, event.occurred_at, position, process_id)))

    def _assembly_edited(self, event: AssemblyEdited, shop: Shop, position: int) -> None:
        if event.fields.location is not UNSET:
            self._located(event, shop, position)

    def _located(self, event: AssemblyCreated | AssemblyEdited, shop: Shop, position: int) -> None:
        location = shop.assemblies[event.assembly_id].location
        self._changes.append((INSERT_LOCATION, (event.assembly_id, event.occurred_at, position, location)))

    def _tool(self, event: ToolCreated | ToolMoved | ToolDeleted, shop: Shop, position: int) -> None:
        assembly_id = None if isinstance(event, ToolDeleted) else event.assembly_id
        self._changes.append((INSERT_TOOL, (event.tool_id, event.occurred_at, position, assembly_id, None)))

    def _tool_replaced(self, event: ToolReplaced, shop: Shop, position: int) -> None:
        if event.substitute_id is not None:
            for tool_id, assembly_id in ((event.tool_id, None), (event.substitute_id, event.assembly_id)):
                row = (tool_id, event.occurred_at, position, assembly_id, event.replacement_id)
                self._changes.append((INSERT_TOOL, row))

    def _replacement_undone(self, event: ToolReplacementUndone, shop: Shop, position: int) -> None:
        if event.substitute_id is not None:
            self._changes.append((FORGET_REPLACEMENT, (event.replacement_id,)))

    def write(self, connection: sqlite3.Connection, shop: Shop) -> None:
        for statement, values in self._changes:
            connection.execute(statement, values)
        self.forget()

    def forget(self) -> None:
        self._changes.clear()


# Queries


class Stay(NamedTuple):
    """Something was in a place after `begins` and until `ends`. UNIX seconds."""

    place: int
    begins: float
    ends: float
    after_position: int = 0
    """Only what was written down after this position was made with it."""
    location: int | None = None

    def within(self, other: "Stay") -> "Stay":
        """This place, while that one held too."""
        return self._replace(
            begins=max(self.begins, other.begins),
            ends=min(self.ends, other.ends),
            after_position=max(self.after_position, other.after_position),
        )


class Move(NamedTuple):
    at: float
    position: int
    place: int | None
    replacement_id: int | None = None
    """A substitute was not here before, whatever is written down later."""


def stays_in_processes(db: sqlite3.Connection, tool_id: int) -> list[Stay]:
    """Where the assemblies of a tool were while it was in them, in order. No two overlap."""
    found = []
    for here in stays(_tool_moves(db, tool_id)):
        moves = _assembly_moves(db, here.place)
        for there in stays(moves):
            for spot in _locations(db, here.place, _first_put(moves)):
                found.append(there.within(here).within(spot)._replace(location=spot.location))
    return sorted((stay for stay in found if stay.begins < stay.ends), key=lambda stay: stay.begins)


def stays(moves: list[Move]) -> list[Stay]:
    """Where it was first put, it is taken to have always been, for what is written down later: so history may be
    imported after the set-up, and a new tool doesn't begin with the parts of its predecessor.

    `moves`: in the order of their positions.
    """
    first = _first_put(moves)
    if first is None:
        return []
    put = first if first.replacement_id else first._replace(at=EVER)
    where = [*sorted([put, *(move for move in moves if move.position > first.position)]), Move(NEVER, 0, None)]
    found = [Stay(move.place, move.at, then.at) for move, then in pairwise(where) if move.place]
    before, after = Stay(0, EVER, first.at, first.position), Stay(0, first.at, NEVER)
    sides = [stay.within(side) for stay in found for side in (before, after)]
    return [stay for stay in sides if stay.begins < stay.ends]


def _tool_moves(db: sqlite3.Connection, tool_id: int) -> list[Move]:
    rows = db.execute(
        "SELECT at, position, assembly_id, replacement_id FROM tool_moves WHERE tool_id = ? ORDER BY position",
        (tool_id,),
    )
    return [Move(*row) for row in rows]


def _assembly_moves(db: sqlite3.Connection, assembly_id: int) -> list[Move]:
    rows = db.execute(
        "SELECT at, position, process_id FROM assembly_moves WHERE assembly_id = ? ORDER BY position",
        (assembly_id,),
    )
    return [Move(*row) for row in rows]


def _first_put(moves: list[Move]) -> Move | None:
    return next((move for move in moves if move.place is not None), None)


def _locations(db: sqlite3.Connection, assembly_id: int, first: Move | None) -> list[Stay]:
    """Where in its machine an assembly stood. Where it stood when it was first put into a process, it has always
    been."""
    rows = db.execute(
        "SELECT at, position, location FROM assembly_locations WHERE assembly_id = ? ORDER BY position", (assembly_id,)
    ).fetchall()
    before = [location for _, position, location in rows if first is None or position <= first.position]
    later = sorted(tuple(row) for row in rows[len(before) :])
    where = [(EVER, 0, before[-1]), *later, (NEVER, 0, None)]
    return [Stay(0, begins, ends, location=at) for (begins, _, at), (ends, _, _) in pairwise(where) if begins < ends]
