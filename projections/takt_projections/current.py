"""The read models of a running server: the current file, and the change to a newer one."""

import sqlite3
from pathlib import Path

import structlog

from takt_projections.files import (
    Models,
    RowsFile,
    catch_up,
    finished_files,
    point_to,
    remove,
)
from takt_projections.rebuild import Progress, drop_unfinished, no_progress, rebuild_next
from taktledger.domain.event import Event
from taktledger.domain.shop import Shop
from taktledger.ledger.store import Ledger

log = structlog.get_logger()


class ReadModels:
    """The rows that the writer keeps and the API reads."""

    def __init__(self, ledger: Ledger, data: Path, models: Models, progress: Progress = no_progress) -> None:
        self._ledger = ledger
        self._data = data
        self._models = models
        self._file = self._open_newest() or self._rebuild(progress)
        self.db = _reader(self._file)
        """For queries. Read only; sees what is committed."""

    def load(self) -> Shop:
        return catch_up(self._ledger, self._file)

    def apply(self, event: Event, shop: Shop, position: int) -> None:
        self._file.apply(event, shop, position)

    def write(self, shop: Shop) -> None:
        self._file.write(shop)

    def open_rows(self, shop: Shop) -> sqlite3.Connection:
        """The rows of the open transaction, with all that is folded into this shop: for decisions that need them."""
        self._file.write(shop)
        return self._file.connection

    def commit(self) -> None:
        self._file.commit()

    def close(self, shop: Shop) -> None:
        if not self._file.connection.in_transaction and shop.position == self._file.position:
            self._file.save_shop(shop)
        self.db.close()
        self._file.close()

    def newer(self) -> bool:
        """Whether a rebuild has finished a file that is newer than the current one."""
        files = finished_files(self._data)
        return bool(files) and files[-1] > self._file.path

    def change_over(self) -> Shop | None:
        """Takes the newest file, lets it catch up with the ledger, and drops the one before. Between two groups.

        None if that file can't be used: it is of another release, or the disk is full. Then it is gone, and all stays
        as it was.
        """
        before, newest = self._file, finished_files(self._data)[-1]
        opened = RowsFile.open(newest, self._models)
        try:
            if opened is None:
                raise ValueError("these are the rows of another release")
            shop = catch_up(self._ledger, opened)
            reader = _reader(opened)
            point_to(self._data, newest)
        except Exception:
            log.exception("the rebuilt read model is not used", file=str(newest))
            if opened is not None:
                opened.close()
            remove(newest)
            return None
        self.db.close()
        self._file, self.db = opened, reader
        before.close()
        remove(before.path)
        return shop

    def _open_newest(self) -> RowsFile | None:
        drop_unfinished(self._data)
        for path in reversed(finished_files(self._data)):
            file = RowsFile.open(path, self._models)
            if file is not None and file.position <= self._ledger.head:
                self._use(path)
                return file
            if file is not None:
                file.close()
            remove(path)
        return None

    def _rebuild(self, progress: Progress) -> RowsFile:
        path = rebuild_next(self._ledger, self._data, self._models, progress)
        self._use(path)
        file = RowsFile.open(path, self._models)
        assert file is not None
        return file

    def _use(self, path: Path) -> None:
        point_to(self._data, path)
        for older in finished_files(self._data):
            if older < path:
                remove(older)


def _reader(file: RowsFile) -> sqlite3.Connection:
    connection = sqlite3.connect(file.path, isolation_level=None)
    connection.execute("PRAGMA query_only=ON")
    connection.row_factory = sqlite3.Row
    return connection
