"""When the machines of the demo shop work."""

from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random

HOUR = 3600.0
DAY = 24 * HOUR
WEEKDAY = ((6.0, 11.5), (12.0, 18.0), (18.5, 22.0))
"""From six to ten in two shifts, with half an hour's break in each. Hours of UTC."""
SATURDAY = ((6.0, 12.0),)
HOURS = (*[WEEKDAY] * 5, SATURDAY, ())
"""By day of the week, from Monday."""


def shifts(random: Random, start: float, end: float, load: float) -> Iterator[tuple[float, float]]:
    """The spans within `start`..`end` (UNIX seconds) that a machine works, in order.

    `load`: its chance to have work in each. Machines start and stop up to a quarter of an hour within the shift.
    """
    midnight = start - start % DAY
    while midnight < end:
        for opens, closes in HOURS[datetime.fromtimestamp(midnight, UTC).weekday()]:
            busy = random.random() < load
            begins = midnight + opens * HOUR + random.uniform(0, 900)
            stops = midnight + closes * HOUR - random.uniform(0, 900)
            if busy and begins < end and stops > start:
                yield max(begins, start), min(stops, end)
        midnight += DAY
