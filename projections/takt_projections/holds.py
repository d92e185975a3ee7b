"""Holds and their schedules: one row each (`api/holds.py` serves them)."""

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from sqlite_utils import Database

from takt_projections.model import AMONG, Loaded, ObjectModel, among


class Holds(ObjectModel):
    name = "holds"
    version = 1
    columns = {
        "id": int,
        "revision": int,
        "machine_id": int,
        "start": float,
        "end": float,
        "reason": str,
        "notes": str,
        "user_id": int,
        "schedule_id": int,
        "tool_id": int,
        "automatic": int,
    }
    required = ("machine_id", "start")

    def index(self, db: Database) -> None:
        db.table(self.name).create_index(["start", "id"])
        db.table(self.name).create_index(["schedule_id", "start"])


class HoldSchedules(ObjectModel):
    name = "hold_schedules"
    version = 1
    columns = {
        "id": int,
        "revision": int,
        "machine_id": int,
        "name": str,
        "reason": str,
        "frequency": str,
        "interval": int,
        "indices": str,
        "months": int,
        "weekdays": int,
        "time_of_day": str,
        "duration": float,
        "created": float,
    }
    required = ("machine_id", "name", "frequency", "indices", "time_of_day", "created")


# Queries


class HoldDocument(Struct, kw_only=True):
    """A hold, as `GET /api/machines/holds/{id}` answers it."""

    id: int
    machine_id: int
    start: float
    """UNIX seconds."""
    end: float | None
    """UNIX seconds. Null: until somebody ends it."""
    reason: str
    notes: str
    user_id: int | None
    """Null: the ledger made it, or somebody who was deleted."""
    schedule_id: int | None


class HoldScheduleDocument(Struct, kw_only=True):
    """A schedule, as `GET /api/machines/holds/schedules/{id}` answers it."""

    id: int
    machine_id: int
    name: str
    reason: str
    frequency: str
    interval: int
    indices: list[int]
    months: int
    weekdays: int
    time_of_day: str
    duration: float | None
    """Minutes."""


def load(db: sqlite3.Connection, ids: Sequence[int]) -> Iterator[Loaded]:
    for row in db.execute(f"SELECT * FROM holds WHERE id {AMONG}", among(ids)):
        yield Loaded(row["id"], row["revision"], msgspec.convert(dict(row), HoldDocument))


def ids(
    db: sqlite3.Connection,
    machines: Collection[int] = (),
    users: Collection[int] = (),
    ended: bool | None = None,
    start_after: float | None = None,
    end_before: float | None = None,
    limit: int | None = None,
    offset: int = 0,
) -> list[int]:
    """Holds that match all that is given, in order of their start. User 0: those that no person made."""
    where = ["1"]
    values: list[Any] = []
    if machines:
        where.append(f"machine_id {AMONG}")
        values += among(sorted(machines))
    if users:
        where.append(f"(user_id {AMONG} OR automatic AND ?)")
        values += [*among(sorted(users)), 0 in users]
    if ended is not None and end_before is None:  # which asks for those with an end, whatever else is said
        where.append(f'"end" IS {"NOT " if ended else ""}NULL')
    if start_after is not None:
        where.append("start > ?")
        values.append(start_after)
    if end_before is not None:
        where.append('"end" <= ?')
        values.append(end_before)
    query = f"SELECT id FROM holds WHERE {' AND '.join(where)} ORDER BY start, id LIMIT ? OFFSET ?"
    return [row[0] for row in db.execute(query, [*values, -1 if limit is None else limit, offset])]


def load_schedules(db: sqlite3.Connection, ids: Sequence[int]) -> Iterator[Loaded]:
    for row in db.execute(f"SELECT * FROM hold_schedules WHERE id {AMONG}", among(ids)):
        values = {**dict(row), "indices": msgspec.json.decode(row["indices"])}
        yield Loaded(row["id"], row["revision"], msgspec.convert(values, HoldScheduleDocument))


def schedule_ids(db: sqlite3.Connection) -> list[int]:
    return [row[0] for row in db.execute("SELECT id FROM hold_schedules ORDER BY id")]


def created_and_last_start(db: sqlite3.Connection, schedule_id: int) -> tuple[float, float | None] | None:
    """When a schedule was created, and the start of the last hold that it made; None if there is no such schedule."""
    query = "SELECT created, (SELECT max(start) FROM holds WHERE schedule_id = s.id) FROM hold_schedules s WHERE id = ?"
    row = db.execute(query, (schedule_id,)).fetchone()
    return (row[0], row[1]) if row else None
