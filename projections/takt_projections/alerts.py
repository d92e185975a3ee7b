"""Alerts: what somebody should look at."""

import sqlite3
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct
from sqlite_utils import Database

from takt_projections.model import Handler, ReadModel, json_text
from taktledger.domain.alerts import AlertRaised
from taktledger.domain.event import Event
from taktledger.domain.shop import Shop

COLUMNS = {
    "id": int,
    "position": int,
    "kind": str,
    "message": str,
    "timestamp": float,
    "machine_id": int,
    "process_id": int,
    "tool_id": int,
    "data": str,
    "dismissed": int,
    "dismissed_by": int,
}


class Alerts(ReadModel):
    name = "alerts"
    version = 1

    def __init__(self) -> None:
        self._raised: list[tuple[Any, ...]] = []

    def create(self, db: Database) -> None:
        db.table("alerts").create(COLUMNS, pk="id", strict=True)

    def index(self, db: Database) -> None:
        db.table("alerts").create_index(["dismissed", "timestamp"])

    def handlers(self) -> Mapping[type[Event], Handler]:
        return {AlertRaised: self._alert_raised}

    def _alert_raised(self, event: AlertRaised, shop: Shop, position: int) -> None:
        self._raised.append(
            (
                event.alert_id,
                position,
                event.kind,
                event.message,
                event.occurred_at,
                event.machine_id,
                event.process_id,
                event.tool_id,
                json_text(event.data),
                0,
                None,
            )
        )

    def write(self, connection: sqlite3.Connection, shop: Shop) -> None:
        connection.executemany(f"INSERT INTO alerts VALUES ({', '.join('?' * len(COLUMNS))})", self._raised)
        self._raised.clear()

    def forget(self) -> None:
        self._raised.clear()


# Queries


class Alert(Struct, kw_only=True):
    id: int
    kind: str
    message: str
    timestamp: float
    """UNIX seconds."""
    machine_id: int | None
    process_id: int | None
    tool_id: int | None
    data: dict[str, Any]
    dismissed: bool
    dismissed_by: int | None


def find(db: sqlite3.Connection, limit: int | None = None, offset: int = 0) -> list[Alert]:
    """Open ones first, the newest first among them."""
    rows = db.execute(
        "SELECT alerts.id, kind, message, timestamp, machines.id AS machine_id, processes.id AS process_id, tool_id, "
        "data, dismissed, dismissed_by FROM alerts "
        "LEFT JOIN machines ON machines.id = alerts.machine_id LEFT JOIN processes ON processes.id = alerts.process_id "
        "ORDER BY dismissed, timestamp DESC, alerts.id DESC LIMIT ? OFFSET ?",
        (-1 if limit is None else limit, offset),
    )
    return [_alert(row) for row in rows]


def _alert(row: sqlite3.Row) -> Alert:
    values = dict(row)
    values["data"] = msgspec.json.decode(values["data"])
    return msgspec.convert(values, Alert, strict=False)
