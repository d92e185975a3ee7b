"""Processes: one row each."""

import sqlite3
from typing import Any

import msgspec
from msgspec import Struct

from takt_projections.model import ObjectModel, json_text
from taktledger.domain.shop import MappedVariable, Process


class Processes(ObjectModel):
    name = "processes"
    version = 1
    columns = {
        "id": int,
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
    }
    required = ("machine_id", "name")

    def row(self, process: Process) -> tuple[Any, ...]:
        return (
            process.id,
            process.machine_id,
            process.name,
            process.description,
            process.archived,
            json_text(process.cv_map),
            process.display_variable,
            process.part_count_cv,
            process.part_material_cost,
            process.part_sell_price,
            process.parts_per_cycle,
            process.setup_instructions,
            process.teardown_instructions,
            json_text(process.tags),
            process.time_per_cycle,
            process.last_cycle,
            process.last_program_id,
        )


# Queries


class LastCycle(Struct, kw_only=True):
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
    last_cycle: LastCycle | None
    loaded: bool


SELECT = (
    "SELECT processes.*, programs.id AS last_program, machines.loaded_process_id IS processes.id AS loaded "
    "FROM processes LEFT JOIN machines ON machines.id = processes.machine_id "
    "LEFT JOIN programs ON programs.id = processes.last_program_id"
)


def get(db: sqlite3.Connection, process_id: int) -> ProcessDocument | None:
    row = db.execute(f"{SELECT} WHERE processes.id = ?", (process_id,)).fetchone()
    return _document(row) if row else None


def find(db: sqlite3.Connection) -> list[ProcessDocument]:
    return [_document(row) for row in db.execute(f"{SELECT} ORDER BY processes.id")]


def exists(db: sqlite3.Connection, process_id: int) -> bool:
    return db.execute("SELECT 1 FROM processes WHERE id = ?", (process_id,)).fetchone() is not None


def _document(row: sqlite3.Row) -> ProcessDocument:
    values = dict(row)
    finished, program_id = values["last_cycle"], values["last_program"]  # null if it was deleted
    values["last_cycle"] = {"finished": finished, "program_id": program_id} if finished is not None else None
    values["cv_map"] = msgspec.json.decode(values["cv_map"])
    values["tags"] = msgspec.json.decode(values["tags"])
    return msgspec.convert(values, ProcessDocument, strict=False)
