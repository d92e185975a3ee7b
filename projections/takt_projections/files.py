"""The numbered files that hold the rows, `DATA/readmodel/000001.db`, and `DATA/readmodel.db`, which links to one.

A rebuild writes the next number beside the running server. A file is never renamed over an open one: SQLite would mix
the rows of both.
"""

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import msgspec
from sqlite_utils import Database

from takt_projections.model import Handler, ReadModel
from taktledger.domain.event import Event
from taktledger.domain.fold import fold
from taktledger.domain.shop import SHOP_VERSION, Shop
from taktledger.ledger.store import Ledger

SHOP_EVERY = 5_000
"""Events after which the shop is saved beside the rows again: what a start after a crash has to fold at most."""

Models = Sequence[type[ReadModel]]


class RowsFile:
    """One file: the rows of all read models at one position, and the shop as it was saved last."""

    def __init__(self, path: Path, models: Models) -> None:
        self.path = path
        self._models = [model() for model in models]
        self._handlers: dict[type[Event], list[Handler]] = {}
        for model in self._models:
            for kind, handler in model.handlers().items():
                self._handlers.setdefault(kind, []).append(handler)
        self.connection = sqlite3.connect(path, isolation_level=None)
        self._saved_at = 0

    @classmethod
    def create(cls, path: Path, models: Models) -> "RowsFile":
        """An empty file, for folding from zero. Until it is finished a crash costs nothing but the file."""
        new = cls(path, models)
        new.connection.execute("PRAGMA journal_mode=OFF")
        new.connection.execute("PRAGMA synchronous=OFF")
        db = Database(new.connection)
        db.table("checkpoint").create(
            {"id": int, "position": int, "versions": str, "shop_position": int, "shop_version": int, "shop": bytes},
            pk="id",
            strict=True,
        )
        for model in new._models:
            model.create(db)
        new.connection.execute(
            "INSERT INTO checkpoint (id, position, versions) VALUES (1, 0, ?)", (versions_of(models),)
        )
        return new

    @classmethod
    def open(cls, path: Path, models: Models) -> "RowsFile | None":
        """An existing file, or None if these models wrote other rows."""
        opened = cls(path, models)
        try:
            row = opened.connection.execute("SELECT versions FROM checkpoint").fetchone()
        except sqlite3.DatabaseError:
            row = None
        if row is None or row[0] != versions_of(models):
            opened.connection.close()
            return None
        opened.connection.execute("PRAGMA journal_mode=WAL")
        opened.connection.execute("PRAGMA synchronous=NORMAL")
        return opened

    @property
    def position(self) -> int:
        """Of the last event whose rows are committed."""
        return int(self.connection.execute("SELECT position FROM checkpoint").fetchone()[0])

    def close(self) -> None:
        self.connection.close()

    def finish(self) -> None:
        """Makes the indexes, after the rows."""
        db = Database(self.connection)
        for model in self._models:
            model.index(db)

    def apply(self, event: Event, shop: Shop, position: int) -> None:
        for handler in self._handlers.get(type(event), ()):
            handler(event, shop, position)

    def fold(self, shop: Shop, events: Sequence[Event], first: int) -> None:
        """Takes a batch of events from the ledger into the shop and the rows: the hot loop of a rebuild."""
        handlers = self._handlers
        for position, event in enumerate(events, first):
            fold(shop, event)
            for handler in handlers.get(type(event), ()):
                handler(event, shop, position)
        shop.position = first + len(events) - 1

    def write(self, shop: Shop) -> None:
        """Puts into the open transaction, or a new one, the rows and the position of the shop that they show."""
        connection = self.connection
        if not connection.in_transaction:
            connection.execute("BEGIN IMMEDIATE")
        for model in self._models:
            model.write(connection, shop)
        connection.execute("UPDATE checkpoint SET position = ?", (shop.position,))
        if shop.position - self._saved_at >= SHOP_EVERY:
            self.save_shop(shop)

    def commit(self) -> None:
        if self.connection.in_transaction:
            self.connection.execute("COMMIT")

    def rollback(self) -> None:
        """Drops what was collected and written since the last commit."""
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")
        for model in self._models:
            model.forget()

    def save_shop(self, shop: Shop) -> None:
        """Puts the shop beside the rows, so that the next start doesn't depend on the ledger's length."""
        self._saved_at = shop.position
        self.connection.execute(
            "UPDATE checkpoint SET shop = ?, shop_version = ?, shop_position = ?",
            (msgspec.msgpack.encode(shop), SHOP_VERSION, shop.position),
        )

    def load_shop(self) -> Shop:
        """The shop as it was saved last, or an empty one."""
        self._saved_at = 0
        row = self.connection.execute("SELECT shop_version, shop, shop_position FROM checkpoint").fetchone()
        if row[1] is None or row[0] != SHOP_VERSION:
            return Shop()
        try:
            shop = msgspec.msgpack.decode(row[1], type=Shop)
        except msgspec.MsgspecError:
            return Shop()  # of another release: fold it anew
        self._saved_at = shop.position
        return shop


def versions_of(models: Models) -> str:
    return msgspec.json.encode({model.name: model.version for model in models}).decode()


def catch_up(ledger: Ledger, file: RowsFile) -> Shop:
    """The shop of the ledger's head, with the rows behind it. What the rows have already goes into the shop alone."""
    file.rollback()
    shop, rows_at = file.load_shop(), file.position
    if shop.position > rows_at:
        shop = Shop()
    for first, events in ledger.scan(shop.position, rows_at):
        for event in events:
            fold(shop, event)
        shop.position = first + len(events) - 1
    shop.touched.clear()
    for first, events in ledger.scan(rows_at):
        file.fold(shop, events, first)
        file.write(shop)
        file.commit()
        shop.touched.clear()
    return shop


# Which file


def folder(data: Path) -> Path:
    return data / "readmodel"


def finished_files(data: Path) -> list[Path]:
    """Oldest first."""
    return sorted(folder(data).glob("[0-9]*.db"))


def next_number(data: Path) -> Path:
    files = finished_files(data)
    return folder(data) / f"{int(files[-1].stem) + 1 if files else 1:06d}.db"


def point_to(data: Path, path: Path) -> None:
    """Makes `DATA/readmodel.db` a link to this file, in one step."""
    link = data / "readmodel.db"
    new = data / "readmodel.db.new"
    new.unlink(missing_ok=True)
    new.symlink_to(path.relative_to(data))
    os.replace(new, link)


def remove(path: Path) -> None:
    for each in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        each.unlink(missing_ok=True)
