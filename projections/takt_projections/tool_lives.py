"""How long tools should last: in each process, and every change of it."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from sqlite_utils import Database

from takt_projections.model import AMONG, Handler, ReadModel, among
from takt_projections.options import zone as local_zone
from takt_projections.spans import LIVE, NOTHING
from takt_projections.tool_counts import OWN, counts, days_between, processes_ever
from taktledger.domain.event import Event
from taktledger.domain.shop import Life, Shop
from taktledger.domain.tools.life import ToolLifeChanged, is_recorded

LIFE = {
    "day_count_type": str,
    "day_life": int,
    "day_warning": int,
    "max_runtime": float,
    "part_life": int,
    "warn_life": int,
    "warn_runtime": float,
}
RECORD = {
    "id": int,
    "position": int,
    "tool_id": int,
    "user_id": int,
    "timestamp": float,
    "notes": str,
    "usage_mode": int,
    "process_id": int,
    "part_life": int,
    "max_runtime": float,
    "day_life": int,
}


class ToolLives(ReadModel):
    name = "tool_lives"
    version = 1

    def __init__(self) -> None:
        self._records: list[tuple[Any, ...]] = []

    def create(self, db: Database) -> None:
        key = ("tool_id", "process_id")
        db.table("tool_process_lives").create({"tool_id": int, "process_id": int, **LIFE}, pk=key, strict=True)
        db.table("tool_life_records").create(RECORD, pk="id", strict=True)

    def index(self, db: Database) -> None:
        db.table("tool_life_records").create_index(["tool_id", "timestamp"])

    def handlers(self) -> Mapping[type[Event], Handler]:
        return {ToolLifeChanged: self._life_changed}

    def _life_changed(self, event: ToolLifeChanged, shop: Shop, position: int) -> None:
        if not is_recorded(event):
            return
        tool = shop.tools[event.tool_id]
        life = tool.life if event.process_id is None else tool.process_lives[event.process_id]
        self._records.append(
            (
                tool.life_record_id,
                position,
                tool.id,
                event.user_id,
                event.occurred_at,
                event.notes,
                tool.usage_mode,
                event.process_id,
                life.part_life,
                life.max_runtime,
                life.day_life,
            )
        )

    def write(self, connection: sqlite3.Connection, shop: Shop) -> None:
        connection.executemany(f"INSERT INTO tool_life_records VALUES ({', '.join('?' * len(RECORD))})", self._records)
        touched = [(each,) for each in shop.touched.tools]
        connection.executemany("DELETE FROM tool_process_lives WHERE tool_id = ?", touched)
        connection.executemany(
            f"INSERT INTO tool_process_lives VALUES (?, ?{', ?' * len(LIFE)})",
            [
                (tool_id, process_id, *(getattr(life, name) for name in LIFE))
                for (tool_id,) in touched
                if tool_id in shop.tools
                for process_id, life in shop.tools[tool_id].process_lives.items()
            ],
        )
        self.forget()

    def forget(self) -> None:
        self._records.clear()


# Queries


class ToolProcessLife(Struct, kw_only=True):
    """What a tool should last and what it did, in one process or (`process_id` null) in all."""

    tool_id: int
    process_id: int | None
    day_count: int
    day_count_type: str
    day_life: int
    day_warning: int
    max_runtime: float
    """Seconds."""
    part_count: int
    part_life: int
    parts_remaining: int | None
    """Null: no limit."""
    runtime: float
    """Seconds."""
    warn_life: int
    warn_runtime: float
    """Seconds."""


class ToolLifeRecord(Struct, kw_only=True):
    """How long a tool should last from then on."""

    id: int
    tool_id: int | None
    """Null when it was deleted."""
    user_id: int | None
    timestamp: float
    """UNIX seconds."""
    notes: str
    usage_mode: int
    process_id: int | None
    """Null: the tool's own life."""
    part_life: int
    max_runtime: float
    """Seconds."""
    day_life: int


def process_lives(db: sqlite3.Connection, tool_id: int, now: float) -> dict[str, ToolProcessLife]:
    """Process ID, or `""` for the tool's own -> what it should last and what it did. Of processes that exist and that
    it has made something in, or that somebody said something of."""
    zone = local_zone(db)
    names = ", ".join(LIFE)
    tool = db.execute(f"SELECT created, last_replaced, {names} FROM tools WHERE id = ?", (tool_id,)).fetchone()
    since = tool["created"] if tool["last_replaced"] is None else tool["last_replaced"]
    lives: dict[int, Mapping[str, Any]] = {OWN: {name: tool[name] for name in LIFE}}
    default = {name: getattr(Life(), name) for name in LIFE}
    made = counts(db, [tool_id])[tool_id]
    ever = {*processes_ever(db, tool_id), *made}
    for (process_id,) in db.execute(f"SELECT id FROM processes WHERE id {AMONG}", among(sorted(ever))):
        lives[process_id] = default
    for row in db.execute(
        f"SELECT process_id, {names} FROM tool_process_lives WHERE tool_id = ? "
        "AND process_id IN (SELECT id FROM processes)",
        (tool_id,),
    ):
        lives[row["process_id"]] = {name: row[name] for name in LIFE}
    found = {}
    for process_id, life in sorted(lives.items()):
        parts, milliseconds = made.get(process_id, NOTHING)
        found[str(process_id or "")] = ToolProcessLife(
            tool_id=tool_id,
            process_id=process_id or None,
            day_count=days_between(db, tool_id, LIVE, life["day_count_type"], (since, now), zone),
            part_count=parts,
            parts_remaining=life["part_life"] - parts if life["part_life"] else None,
            runtime=milliseconds / 1000,
            **life,
        )
    return found


def day_count(db: sqlite3.Connection, tool_id: int, how: str, now: float) -> int:
    """Days since it was replaced or came, counted this way."""
    zone = local_zone(db)
    since = db.execute("SELECT coalesce(last_replaced, created) FROM tools WHERE id = ?", (tool_id,)).fetchone()[0]
    return days_between(db, tool_id, LIVE, how, (since, now), zone)


def life_history(
    db: sqlite3.Connection, tool_id: int, start: float | None = None, end: float | None = None
) -> Iterator[ToolLifeRecord]:
    """Changes from `start` to `end`, both included. UNIX seconds."""
    names = ", ".join(
        f"tool_life_records.{name}" for name in RECORD if name not in ("position", "user_id", "process_id")
    )
    rows: Sequence[sqlite3.Row] = db.execute(
        f"SELECT {names}, users.id AS user_id, processes.id AS process_id FROM tool_life_records "
        "LEFT JOIN users ON users.id = user_id LEFT JOIN processes ON processes.id = process_id "
        "WHERE tool_id = ? AND timestamp >= ? AND timestamp <= ? ORDER BY tool_life_records.id",
        (tool_id, start if start is not None else 0.0, end if end is not None else 1e300),
    ).fetchall()
    for row in rows:
        yield msgspec.convert(dict(row), ToolLifeRecord, strict=False)
