"""What a read model is: a name, a version, its tables, what it writes."""

import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec
from sqlite_utils import Database

from taktledger.domain.event import Event
from taktledger.domain.shop import Shop

Handler = Callable[[Any, Shop, int], None]
"""`handler(event, shop, position)`: runs after the shop has folded this event."""


class ReadModel(Protocol):
    """Objects are written from the shop, which says what was touched. Sums and histories have handlers, which collect
    what `write` then puts into the tables."""

    name: str
    version: int
    """Raised whenever the rows would come out differently: they are rebuilt at the next start."""

    def create(self, db: Database) -> None:
        """Makes the tables."""

    def index(self, db: Database) -> None:
        """Makes the indexes: on a rebuild after the rows, which is several times faster."""

    def handlers(self) -> Mapping[type[Event], Handler]:
        """The events that it sums or keeps."""

    def write(self, connection: sqlite3.Connection, shop: Shop) -> None:
        """Writes the touched objects and what was collected. Plain `executemany`: this is a hot path."""

    def forget(self) -> None:
        """Drops what was collected: the transaction is rolled back."""


class ObjectTable:
    """The rows of one kind of object, written whole from the shop."""

    def __init__(self, table: str, columns: Mapping[str, type], *, required: Iterable[str] = ()) -> None:
        self.table = table
        self.columns = dict(columns)
        self._required = {*required}
        names = ", ".join(self.columns)
        places = ", ".join("?" * len(self.columns))
        self._insert = f"INSERT OR REPLACE INTO {table} ({names}) VALUES ({places})"
        self._delete = f"DELETE FROM {table} WHERE id = ?"

    def create(self, db: Database) -> None:
        db.table(self.table).create(self.columns, pk="id", not_null=self._required, strict=True)

    def write(
        self,
        connection: sqlite3.Connection,
        touched: Collection[int],
        objects: Mapping[int, Any],
        row: Callable[[Any], Sequence[Any]],
    ) -> None:
        """Those of the touched that still exist are written, the others deleted."""
        connection.executemany(self._insert, [row(objects[each]) for each in touched if each in objects])
        connection.executemany(self._delete, [(each,) for each in touched if each not in objects])


def json_text(value: Any) -> str | None:
    """A value for a JSON column; null for null."""
    return None if value is None else msgspec.json.encode(value).decode()
