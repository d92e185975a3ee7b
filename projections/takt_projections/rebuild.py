"""Folding the ledger from zero into a new file."""

import fcntl
import gc
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from takt_projections.files import Models, RowsFile, folder, next_number, remove
from taktledger.domain.shop import Shop
from taktledger.ledger.store import Ledger

Progress = Callable[[int, int], None]
"""`progress(done, total)`, in events."""


def no_progress(done: int, total: int) -> None:
    pass


def rebuild_into(
    ledger: Ledger, path: Path, models: Models, *, until: int | None = None, progress: Progress = no_progress
) -> int:
    """Folds the events up to a position (default: all) into a new file, and says how many. Memory stays flat."""
    remove(path)
    file = RowsFile.create(path, models)
    end = ledger.read_head() if until is None else until
    shop = Shop()
    collecting = gc.isenabled()
    gc.disable()  # a third faster, and a fold makes no cycles
    try:
        progress(0, end)
        for first, events in ledger.scan(0, end):
            file.fold(shop, events, first)
            file.write(shop)
            file.commit()
            shop.touched.clear()
            progress(shop.position, end)
        file.finish()
        file.save_shop(shop)
    finally:
        if collecting:
            gc.enable()
        file.close()
    return end


class RebuildRunning(Exception):
    """Another process is rebuilding these read models."""


def rebuild_next(ledger: Ledger, data: Path, models: Models, progress: Progress = no_progress) -> Path:
    """Folds all events into the next numbered file. It appears under its number when it is whole."""
    folder(data).mkdir(parents=True, exist_ok=True)
    with _alone_in(folder(data)):
        _drop_unfinished(data)
        path = next_number(data)
        building = path.with_suffix(".building")
        rebuild_into(ledger, building, models, progress=progress)
        with building.open("rb") as file:
            os.fsync(file.fileno())
        building.rename(path)  # closed, and without a WAL: nobody has it open
    return path


def drop_unfinished(data: Path) -> None:
    """Removes what a rebuild that was killed has left, unless one is running."""
    folder(data).mkdir(parents=True, exist_ok=True)
    with suppress(RebuildRunning), _alone_in(folder(data)):
        _drop_unfinished(data)


def _drop_unfinished(data: Path) -> None:
    for leftover in folder(data).glob("*.building*"):
        leftover.unlink()


@contextmanager
def _alone_in(directory: Path) -> Iterator[None]:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise RebuildRunning(f"another process is rebuilding the read models in {directory}") from None
    finally:
        os.close(descriptor)
