"""Options: a row each, those that nobody has changed included."""

import sqlite3
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET, Struct
from sqlite_utils import Database

from takt_projections.model import Handler, ReadModel, column_value
from taktledger.domain.event import Event
from taktledger.domain.options import OptionsEdited
from taktledger.domain.shop import Options as Settings
from taktledger.domain.shop import Shop

INSERT = "INSERT OR REPLACE INTO options VALUES (?, ?)"


class Options(ReadModel):
    name = "options"
    version = 2

    def __init__(self) -> None:
        self._set: list[tuple[str, Any]] = []

    def create(self, db: Database) -> None:
        db.execute("CREATE TABLE options (name TEXT PRIMARY KEY, value) WITHOUT ROWID")
        db.conn.executemany(INSERT, _rows(Settings()))

    def handlers(self) -> Mapping[type[Event], Handler]:
        return {OptionsEdited: self._options_edited}

    def _options_edited(self, event: OptionsEdited, shop: Shop, position: int) -> None:
        self._set += _rows(event.fields)

    def write(self, connection: sqlite3.Connection, shop: Shop) -> None:
        connection.executemany(INSERT, self._set)
        self.forget()

    def forget(self) -> None:
        self._set.clear()


def _rows(options: Struct) -> list[tuple[str, Any]]:
    return [
        (name, column_value(value)) for name, value in msgspec.structs.asdict(options).items() if value is not UNSET
    ]


# Queries


def get(db: sqlite3.Connection) -> Settings:
    values = dict(map(tuple, db.execute("SELECT name, value FROM options")))
    values["tool_replaced_checklist"] = msgspec.json.decode(values["tool_replaced_checklist"])
    return msgspec.convert(values, Settings)


def zone(db: sqlite3.Connection) -> ZoneInfo:
    """What `local` means."""
    return ZoneInfo(get(db).timezone)


def checklist(db: sqlite3.Connection, tool_id: int) -> list[str]:
    """What to check after this tool was replaced: its own list, or that of all."""
    row = db.execute("SELECT replaced_checklist FROM tools WHERE id = ?", (tool_id,)).fetchone()
    if row is None or row[0] is None:
        return get(db).tool_replaced_checklist
    return msgspec.json.decode(row[0], type=list[str])
