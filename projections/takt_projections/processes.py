"""Processes: one row each."""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from takt_projections.model import AMONG, Loaded, ObjectModel, among
from taktledger.domain.shop import MappedVariable


class Processes(ObjectModel):
    name = "processes"
    version = 2
    columns = {
        "id": int,
        "revision": int,
        "machine_id": int,
        "name": str,
        "description": str,
        "archived": int,
        "cv_map": str,
        "display_variable": int,
        "part_count_cv": int,
        "part_material_cost": float,
        "part_sell_price": float,
        "parts_per_cycle": int,
        "setup_instructions": str,
        "teardown_instructions": str,
        "tags": str,
        "time_per_cycle": float,
        "last_cycle": float,
        "last_program_id": int,
        "unassigned_tools_used": str,
    }
    required = ("machine_id", "name")


# Queries


class ProcessCycle(Struct, kw_only=True):
    finished: float
    """UNIX seconds."""
    program_id: int | None


class ProcessDocument(Struct, kw_only=True):
    """A process, as `GET /api/processes/{id}` answers it."""

    id: int
    machine_id: int
    name: str
    description: str
    archived: bool
    cv_map: dict[str, MappedVariable]
    display_variable: int | None
    part_count_cv: int | None
    part_material_cost: float
    part_sell_price: float
    parts_per_cycle: int
    setup_instructions: str
    teardown_instructions: str
    tags: list[str]
    time_per_cycle: float | None
    """Minutes."""
    last_cycle: ProcessCycle | None
    """Of the last part. `program_id` is null if the program was deleted."""
    loaded: bool
    """Whether one of its programs is loaded on its machine."""
    unassigned_tools_used: dict[int, float]
    """Location -> when the machine last used it with this process, which fills it with no assembly. UNIX seconds."""


class ProcessAlone(ProcessDocument, kw_only=True):
    """What one process alone is answered with besides."""

    unused_tool_locations: list[int]
    """Locations of its assemblies that none of its last parts used (option `check_unused_tools_parts`)."""


SELECT = (
    "SELECT processes.*, programs.id AS last_program, machines.loaded_process_id IS processes.id AS loaded "
    "FROM processes LEFT JOIN machines ON machines.id = processes.machine_id "
    "LEFT JOIN programs ON programs.id = processes.last_program_id"
)


def ids(db: sqlite3.Connection) -> list[int]:
    return [row[0] for row in db.execute("SELECT id FROM processes ORDER BY id")]


def load(db: sqlite3.Connection, ids: Sequence[int]) -> Iterator[Loaded]:
    for row in _rows(db, ids):
        yield Loaded(row["id"], row["revision"], msgspec.convert(_values(row), ProcessDocument, strict=False))


def load_alone(db: sqlite3.Connection, ids: Sequence[int]) -> Iterator[Loaded]:
    for row in _rows(db, ids):
        unused = unused_tool_locations(db, row["id"])
        values = _values(row) | {"unused_tool_locations": unused}
        yield Loaded(row["id"], row["revision"], msgspec.convert(values, ProcessAlone, strict=False))


def unused_tool_locations(db: sqlite3.Connection, process_id: int) -> list[int]:
    rows = db.execute(
        "SELECT DISTINCT location FROM assemblies WHERE process_id = :process AND location IS NOT NULL "
        "EXCEPT SELECT value FROM (SELECT tools_seen FROM parts WHERE process_id = :process "
        "ORDER BY finished DESC, id DESC LIMIT (SELECT value FROM options WHERE name = 'check_unused_tools_parts')), "
        "json_each(tools_seen) ORDER BY location",
        {"process": process_id},
    )
    return [row[0] for row in rows]


def variable_names(db: sqlite3.Connection) -> list[str]:
    """The names in the `cv_map` of any process, archived ones included, sorted."""
    rows = db.execute("SELECT DISTINCT each.key FROM processes, json_each(processes.cv_map) AS each ORDER BY each.key")
    return [row[0] for row in rows]


def _rows(db: sqlite3.Connection, ids: Sequence[int]) -> Iterator[sqlite3.Row]:
    return db.execute(f"{SELECT} WHERE processes.id {AMONG}", among(ids))


def _values(row: sqlite3.Row) -> dict[str, Any]:
    values = dict(row)
    finished, program_id = values["last_cycle"], values["last_program"]  # null if it was deleted
    values["last_cycle"] = {"finished": finished, "program_id": program_id} if finished is not None else None
    for name in ("cv_map", "tags", "unassigned_tools_used"):
        values[name] = msgspec.json.decode(values[name])
    return values
