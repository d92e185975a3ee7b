"""What a read model is: a name, a version, its tables, what it writes."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, ClassVar, NamedTuple

import msgspec
from msgspec import Struct
from sqlite_utils import Database

from taktledger.domain.event import Event
from taktledger.domain.shop import Shop

Handler = Callable[[Any, Shop, int], None]
"""`handler(event, shop, position)`: runs after the shop has folded this event."""


_encode = msgspec.json.Encoder().encode


class Loaded(NamedTuple):
    """An object as the API answers it."""

    id: int
    revision: int
    """How often people changed it."""
    document: Struct


class ReadModel:
    """Objects are written from the shop, which says what was touched. Sums and histories have handlers, which collect
    what `write` then puts into the tables."""

    name: ClassVar[str]
    version: ClassVar[int]
    """Raised whenever the rows would come out differently: they are rebuilt at the next start."""

    def create(self, db: Database) -> None:
        """Makes the tables."""
        raise NotImplementedError

    def index(self, db: Database) -> None:
        """Makes the indexes: on a rebuild after the rows, which is several times faster."""

    def handlers(self) -> Mapping[type[Event], Handler]:
        """The events that it sums or keeps."""
        return {}

    def write(self, connection: sqlite3.Connection, shop: Shop) -> None:
        """Writes the touched objects and what was collected. Plain `executemany`: this is a hot path."""
        raise NotImplementedError

    def forget(self) -> None:
        """Drops what was collected: the transaction is rolled back."""


class ObjectModel(ReadModel):
    """A read model of one kind of object: a row each, written whole from the shop when it was touched.

    The table, the shop's collection and its set of touched IDs all have the name of the model.
    """

    columns: ClassVar[Mapping[str, type]]
    """In the order of the table, `id` first, and for what can be edited `revision` second."""
    required: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None:
        self._insert = f"INSERT OR REPLACE INTO {self.name} VALUES ({', '.join('?' * len(self.columns))})"
        self._delete = f"DELETE FROM {self.name} WHERE id = ?"

    def row(self, each: Any) -> Sequence[Any]:
        """Its values, in the order of the columns: the fields of the same names."""
        return [column_value(getattr(each, name)) for name in self.columns]

    def create(self, db: Database) -> None:
        db.table(self.name).create(dict(self.columns), pk="id", not_null={*self.required}, strict=True)

    def write(self, connection: sqlite3.Connection, shop: Shop) -> None:
        """Those of the touched that still exist are written, the others deleted."""
        touched, objects = getattr(shop.touched, self.name), getattr(shop, self.name)
        connection.executemany(self._insert, [self.row(objects[each]) for each in touched if each in objects])
        connection.executemany(self._delete, [(each,) for each in touched if each not in objects])


AMONG = "IN (SELECT value FROM json_each(?))"
"""For any number of IDs in one query. The parameter: `among(ids)`."""


def among(ids: Sequence[int]) -> tuple[str]:
    return (str(list(ids)),)


def column_value(value: Any) -> Any:
    """A value as SQLite keeps it: lists and maps as JSON, dates as text."""
    match value:
        case list() | dict():
            return json_text(value)
        case date():
            return value.isoformat()
        case _:
            return value


def json_text(value: Any) -> str | None:
    """A value for a JSON column; null for null."""
    return None if value is None else _encode(value).decode()
