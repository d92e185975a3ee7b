"""Options: a row each, those that nobody has changed included."""

import sqlite3
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET
from sqlite_utils import Database

from takt_projections.model import Handler, ReadModel
from taktledger.domain.event import Event
from taktledger.domain.options import OptionsEdited
from taktledger.domain.shop import Options as Settings
from taktledger.domain.shop import Shop

INSERT = "INSERT OR REPLACE INTO options VALUES (?, ?)"


class Options(ReadModel):
    name = "options"
    version = 1

    def __init__(self) -> None:
        self._set: list[tuple[str, Any]] = []

    def create(self, db: Database) -> None:
        db.execute("CREATE TABLE options (name TEXT PRIMARY KEY, value) WITHOUT ROWID")
        db.conn.executemany(INSERT, msgspec.structs.asdict(Settings()).items())

    def handlers(self) -> Mapping[type[Event], Handler]:
        return {OptionsEdited: self._options_edited}

    def _options_edited(self, event: OptionsEdited, shop: Shop, position: int) -> None:
        said = msgspec.structs.asdict(event.fields)
        self._set += [(name, value) for name, value in said.items() if value is not UNSET]

    def write(self, connection: sqlite3.Connection, shop: Shop) -> None:
        connection.executemany(INSERT, self._set)
        self.forget()

    def forget(self) -> None:
        self._set.clear()


# Queries


def get(db: sqlite3.Connection) -> Settings:
    return msgspec.convert(dict(map(tuple, db.execute("SELECT name, value FROM options"))), Settings)
