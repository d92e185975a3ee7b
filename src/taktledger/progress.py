"""Progress of long work: a bar on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from takt_projections.rebuild import Progress as Report

LINE_SECONDS = 2.0


@contextmanager
def show_progress(what: str) -> Iterator[Report]:
    """Yields `report(done, total)`. Nothing is shown before there is something to do, nor after it is done."""
    if not sys.stderr.isatty():
        yield _lines(what)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    task = bar.add_task(what, total=None)

    def report(done: int, total: int) -> None:
        bar.update(task, completed=done, total=total)
        if done < total:
            bar.start()
        else:
            bar.stop()

    try:
        yield report
    finally:
        bar.stop()


def _lines(what: str) -> Report:
    said = time.monotonic()

    def report(done: int, total: int) -> None:
        nonlocal said
        if total and (done == total or time.monotonic() - said >= LINE_SECONDS):
            said = time.monotonic()
            print(f"{what}: {done:,} of {total:,} events", file=sys.stderr, flush=True)

    return report
