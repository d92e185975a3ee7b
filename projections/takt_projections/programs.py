"""Programs: one row each (`api/programs.py` serves them)."""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from takt_projections.model import AMONG, Loaded, ObjectModel, among


class Programs(ObjectModel):
    name = "programs"
    version = 2
    columns = {
        "id": int,
        "revision": int,
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


# Queries


class ProgramDocument(Struct, kw_only=True):
    """A program, as `GET /api/programs/{id}` answers it."""

    id: int
    machine_id: int
    filename: str
    custom_name: str
    description: str
    archived: bool
    load_by_var_value: int | None
    process_id: int | None
    last_cycle: float | None
    """UNIX seconds."""


def load(db: sqlite3.Connection, ids: Sequence[int]) -> Iterator[Loaded]:
    for row in db.execute(f"SELECT * FROM programs WHERE id {AMONG}", among(ids)):
        yield Loaded(row["id"], row["revision"], msgspec.convert(dict(row), ProgramDocument, strict=False))


def ids(
    db: sqlite3.Connection,
    machine: int | None = None,
    process: int | None = None,
    loaded: bool | None = None,
    archived: bool | None = None,
) -> list[int]:
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
    rows = db.execute(f"SELECT id FROM programs WHERE {' AND '.join(where)} ORDER BY id", values)
    return [row[0] for row in rows]


def by_process(db: sqlite3.Connection) -> dict[int, list[int]]:
    """Process ID -> IDs of its programs."""
    found: dict[int, list[int]] = {}
    for process_id, program_id in db.execute("SELECT process_id, id FROM programs WHERE process_id > 0 ORDER BY id"):
        found.setdefault(process_id, []).append(program_id)
    return found
