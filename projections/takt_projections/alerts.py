"""Alerts: what somebody should look at."""

import sqlite3
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct
from sqlite_utils import Database

from takt_projections.model import Handler, ReadModel, json_text
from taktledger.domain.alerts import AlertDismissed, AlertRaised
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
    version = 2

    def __init__(self) -> None:
        self._raised: list[tuple[Any, ...]] = []
        self._dismissed: list[tuple[int | None, int]] = []

    def create(self, db: Database) -> None:
        db.table("alerts").create(COLUMNS, pk="id", strict=True)

    def index(self, db: Database) -> None:
        db.table("alerts").create_index(["dismissed", "timestamp"])

    def handlers(self) -> Mapping[type[Event], Handler]:
        return {AlertRaised: self._alert_raised, AlertDismissed: self._alert_dismissed}

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

    def _alert_dismissed(self, event: AlertDismissed, shop: Shop, position: int) -> None:
        self._dismissed.append((event.user_id, event.alert_id))

    def write(self, connection: sqlite3.Connection, shop: Shop) -> None:
        connection.executemany(f"INSERT INTO alerts VALUES ({', '.join('?' * len(COLUMNS))})", self._raised)
        connection.executemany("UPDATE alerts SET dismissed = 1, dismissed_by = ? WHERE id = ?", self._dismissed)
        self.forget()

    def forget(self) -> None:
        self._raised.clear()
        self._dismissed.clear()


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
    """A user; null if it is open, the ledger itself did it, or the user was deleted."""


SELECT = (
    "SELECT alerts.id, kind, message, timestamp, machines.id AS machine_id, processes.id AS process_id, "
    "tools.id AS tool_id, data, dismissed, users.id AS dismissed_by FROM alerts "
    "LEFT JOIN machines ON machines.id = alerts.machine_id LEFT JOIN processes ON processes.id = alerts.process_id "
    "LEFT JOIN tools ON tools.id = alerts.tool_id LEFT JOIN users ON users.id = alerts.dismissed_by"
)


def get(db: sqlite3.Connection, alert_id: int) -> Alert | None:
    row = db.execute(f"{SELECT} WHERE alerts.id = ?", (alert_id,)).fetchone()
    return _alert(row) if row else None


def find(db: sqlite3.Connection, limit: int | None = None, offset: int = 0) -> list[Alert]:
    """Open ones first, the newest first among them."""
    rows = db.execute(
        f"{SELECT} ORDER BY dismissed, timestamp DESC, alerts.id DESC LIMIT ? OFFSET ?",
        (-1 if limit is None else limit, offset),
    )
    return [_alert(row) for row in rows]


def _alert(row: sqlite3.Row) -> Alert:
    values = dict(row)
    values["data"] = msgspec.json.decode(values["data"])
    return msgspec.convert(values, Alert, strict=False)
