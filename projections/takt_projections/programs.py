"""Programs: one row each (`api/programs.py` serves them)."""

import sqlite3
from typing import Any

import msgspec

from takt_projections.model import ObjectModel
from taktledger.domain.shop import Program


class Programs(ObjectModel):
    name = "programs"
    version = 1
    columns = {
        "id": int,
        "machine_id": int,
        "filename": str,
        "custom_name": str,
        "description": str,
        "archived": int,
        "load_by_var_value": int,
        "process_id": int,
        "last_cycle": float,
    }
    required = ("machine_id", "filename")

    def row(self, program: Program) -> tuple[Any, ...]:
        return (
            program.id,
            program.machine_id,
            program.filename,
            program.custom_name,
            program.description,
            program.archived,
            program.load_by_var_value,
            program.process_id,
            program.last_cycle,
        )


# Queries


def get(db: sqlite3.Connection, program_id: int) -> Program | None:
    row = db.execute("SELECT * FROM programs WHERE id = ?", (program_id,)).fetchone()
    return _program(row) if row else None


def find(
    db: sqlite3.Connection,
    *,
    machine: int | None = None,
    process: int | None = None,
    loaded: bool | None = None,
    archived: bool | None = None,
) -> list[Program]:
    """Programs that match all that is given. `process` 0: those without a process."""
    where = ["1"]
    values: list[Any] = []
    if machine is not None:
        where.append("machine_id = ?")
        values.append(machine)
    if process == 0:
        where.append("process_id IS NULL")
    elif process is not None:
        where.append("process_id = ?")
        values.append(process)
    if loaded is not None:
        among = "IN" if loaded else "NOT IN"
        where.append(f"id {among} (SELECT loaded_program_id FROM machines WHERE loaded_program_id IS NOT NULL)")
    if archived is not None:
        where.append("archived = ?")
        values.append(archived)
    rows = db.execute(f"SELECT * FROM programs WHERE {' AND '.join(where)} ORDER BY id", values)
    return [_program(row) for row in rows]


def _program(row: sqlite3.Row) -> Program:
    return msgspec.convert(dict(row), Program, strict=False)
