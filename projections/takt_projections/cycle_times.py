"""How long cycles take, and how well a process does: computed from parts and activity when it is asked."""

import sqlite3
from collections.abc import Iterator
from itertools import groupby, islice
from statistics import fmean, median

from msgspec import Struct

from takt_projections.activity import Span, common, loaded_spans, running_spans, seconds
from takt_projections.processes import ProcessDocument

GAPS = 100
"""Between consecutive cycles, the latest: what an average is made of."""
BREAK = 3
"""A gap of more than so many medians is a break or a night, and no cycle time."""


def average_cycle_minutes(db: sqlite3.Connection, process_id: int) -> float | None:
    """Mean time between the consecutive cycles of a process. Null if it has run less than twice."""
    gaps = list(islice(_gaps(db, process_id), GAPS))
    if not gaps:
        return None
    longest = BREAK * median(gaps)
    return fmean(gap for gap in gaps if gap <= longest) / 60


def _gaps(db: sqlite3.Connection, process_id: int) -> Iterator[float]:
    """Seconds, the latest first. Cycles that were reported together share the time since the cycle before."""
    rows = db.execute(
        "SELECT finished, position, parts_per_cycle FROM parts WHERE process_id = ? "
        "ORDER BY finished DESC, position DESC",
        (process_id,),
    )
    later: tuple[float, int] | None = None
    for (finished, _, per_cycle), parts in groupby(map(tuple, rows)):
        if later is not None:
            until, cycles = later
            yield from [(until - finished) / cycles] * cycles
        later = finished, -(-sum(1 for _ in parts) // (per_cycle or 1))


class Efficiency(Struct, kw_only=True):
    """How a process did between two times."""

    start: float
    """UNIX seconds."""
    end: float
    parts: int
    expected_parts: float | None
    """What its time per cycle makes of the time that it was loaded; null without one."""
    loaded_seconds: float
    running_seconds: float
    """While it was loaded."""
    utilization: float | None
    """Running of loaded seconds; null if it was not loaded."""
    efficiency: float | None
    """Parts of expected parts; null if none were expected."""
    average_cycle_minutes: float | None


def efficiency(
    db: sqlite3.Connection, process: ProcessDocument, start: float, end: float, running: dict[int, list[Span]]
) -> Efficiency:
    """`running`: what is known already of when machines ran; it is added to."""
    if process.machine_id not in running:
        running[process.machine_id] = running_spans(db, process.machine_id, start, end)
    loaded = loaded_spans(db, process.machine_id, process.id, start, end)
    loaded_seconds = seconds(loaded)
    running_seconds = seconds(common(loaded, running[process.machine_id]))
    (parts,) = db.execute(
        "SELECT count(*) FROM parts WHERE process_id = ? AND finished >= ? AND finished <= ?", (process.id, start, end)
    ).fetchone()
    expected = None
    if process.time_per_cycle:
        expected = loaded_seconds / 60 / process.time_per_cycle * process.parts_per_cycle
    return Efficiency(
        start=start,
        end=end,
        parts=parts,
        expected_parts=expected,
        loaded_seconds=loaded_seconds,
        running_seconds=running_seconds,
        utilization=running_seconds / loaded_seconds if loaded_seconds else None,
        efficiency=parts / expected if expected else None,
        average_cycle_minutes=average_cycle_minutes(db, process.id),
    )
