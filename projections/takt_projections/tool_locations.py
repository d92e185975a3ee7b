"""Where each tool was put, and when: a row for each move, its assembly's included."""

import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct, UnsetType
from sqlite_utils import Database

from takt_projections.model import Handler, ReadModel
from taktledger.domain.assemblies import AssemblyEdited, AssemblyMoved
from taktledger.domain.event import Event
from taktledger.domain.shop import Assembly, Shop
from taktledger.domain.tools.replacement import ToolReplaced, ToolReplacementUndone
from taktledger.domain.tools.tool import ToolCreated, ToolMoved

COLUMNS = {
    "id": int,
    "tool_id": int,
    "timestamp": float,
    "user_id": int,
    "assembly_id": int,
    "process_id": int,
    "machine_id": int,
    "location": int,
}


class ToolLocations(ReadModel):
    name = "tool_locations"
    version = 1

    def __init__(self) -> None:
        self._rows: list[tuple[Any, ...]] = []

    def create(self, db: Database) -> None:
        db.table("tool_location_records").create(COLUMNS, pk="id", strict=True)

    def index(self, db: Database) -> None:
        db.table("tool_location_records").create_index(["tool_id", "timestamp"])

    def handlers(self) -> Mapping[type[Event], Handler]:
        return {
            ToolCreated: self._tool_created,
            ToolMoved: self._tool_moved,
            ToolReplaced: self._tool_replaced,
            ToolReplacementUndone: self._replacement_undone,
            AssemblyEdited: self._assembly_edited,
            AssemblyMoved: self._assembly_moved,
        }

    def _tool_created(self, event: ToolCreated, shop: Shop, position: int) -> None:
        if event.assembly_id is not None:
            self._moved(event, event.tool_id, event.assembly_id, shop)

    def _tool_moved(self, event: ToolMoved, shop: Shop, position: int) -> None:
        self._moved(event, event.tool_id, event.assembly_id, shop)

    def _tool_replaced(self, event: ToolReplaced, shop: Shop, position: int) -> None:
        if event.substitute_id is not None:
            self._moved(event, event.tool_id, None, shop)
            self._moved(event, event.substitute_id, event.assembly_id, shop)

    def _replacement_undone(self, event: ToolReplacementUndone, shop: Shop, position: int) -> None:
        if event.substitute_id is not None:
            self._moved(event, event.substitute_id, event.before.substitute_assembly_id, shop)
            self._moved(event, event.tool_id, event.before.assembly_id, shop)

    def _assembly_edited(self, event: AssemblyEdited, shop: Shop, position: int) -> None:
        if not isinstance(event.fields.location, UnsetType):
            for tool_id in sorted(shop.assemblies[event.assembly_id].tool_ids):
                self._moved(event, tool_id, event.assembly_id, shop)

    def _assembly_moved(self, event: AssemblyMoved, shop: Shop, position: int) -> None:
        for tool_id in sorted(shop.assemblies[event.assembly_id].tool_ids):
            self._moved(event, tool_id, event.assembly_id, shop, (event.process_id,))

    def _moved(
        self, event: Event, tool_id: int, assembly_id: int | None, shop: Shop, to: tuple[int | None] | None = None
    ) -> None:
        """`to`: the process, if it is not the one that the assembly is in (a move that is history already)."""
        assembly: Assembly | None = shop.assemblies.get(assembly_id) if assembly_id else None
        process_id = to[0] if to else assembly.process_id if assembly else None
        process = shop.processes.get(process_id) if process_id else None
        self._rows.append(
            (
                None,
                tool_id,
                event.occurred_at,
                _user_of(event),
                assembly_id,
                process_id,
                process.machine_id if process else None,
                assembly.location if assembly else None,
            )
        )

    def write(self, connection: sqlite3.Connection, shop: Shop) -> None:
        connection.executemany(
            f"INSERT INTO tool_location_records VALUES ({', '.join('?' * len(COLUMNS))})", self._rows
        )
        self.forget()

    def forget(self) -> None:
        self._rows.clear()


def _user_of(event: Event) -> int | None:
    kind, _, number = event.actor.partition("-")
    return int(number) if kind == "user" and number.isdigit() else None


# Queries


class ToolLocationRecord(Struct, kw_only=True):
    """Where a tool went. Null: nowhere, or to what was deleted since."""

    id: int
    tool_id: int
    timestamp: float
    """UNIX seconds."""
    user_id: int | None
    """Null: a machine switched processes, or the user was deleted."""
    assembly_id: int | None
    process_id: int | None
    machine_id: int | None
    location: int | None


def location_history(db: sqlite3.Connection, tool_id: int) -> Iterator[ToolLocationRecord]:
    rows = db.execute(
        "SELECT each.id, tool_id, timestamp, users.id AS user_id, assemblies.id AS assembly_id, "
        "processes.id AS process_id, machines.id AS machine_id, each.location FROM tool_location_records AS each "
        "LEFT JOIN users ON users.id = user_id LEFT JOIN assemblies ON assemblies.id = each.assembly_id "
        "LEFT JOIN processes ON processes.id = each.process_id LEFT JOIN machines ON machines.id = each.machine_id "
        "WHERE tool_id = ? ORDER BY each.id",
        (tool_id,),
    )
    for row in rows.fetchall():
        yield msgspec.convert(dict(row), ToolLocationRecord, strict=False)
