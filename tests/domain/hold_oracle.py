"""When a recurring hold fires, found by looking at every day, or at every minute: the oracles of `test_recurrence.py`.

The walk asks each local day whether it is one of the schedule, and looks for the first moment whose local clock shows
the time of day. The minutes ask only what the local clock shows now and what it showed a minute ago. Both put the same
question to a day, and share nothing else.
"""

import calendar
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

MINUTE, HOUR, DAY = 60, 3_600, 86_400
FIRST, LAST = datetime(1998, 1, 1, tzinfo=UTC), datetime(2110, 1, 1, tzinfo=UTC)
"""Within these, a zone is looked at."""


class Rule(Protocol):
    """What is read of a schedule."""

    @property
    def frequency(self) -> str: ...
    @property
    def interval(self) -> int: ...
    @property
    def indices(self) -> tuple[int, ...]: ...
    @property
    def months(self) -> int: ...
    @property
    def weekdays(self) -> int: ...
    @property
    def time_of_day(self) -> str: ...


# The day question


def is_its_day(rule: Rule, first: date, day: date) -> bool:
    """Whether a schedule that was created on the local day `first` names this local day."""
    if day < first or not passes(rule, day):
        return False
    match rule.frequency:
        case "D":
            return (day - first).days % rule.interval == 0
        case "W":
            weeks = (monday(day) - monday(first)).days // 7
            return weeks % rule.interval == 0 and is_one_of(rule.indices, day.isoweekday(), 7)
        case "M":
            months = (day.year * 12 + day.month) - (first.year * 12 + first.month)
            length = calendar.monthrange(day.year, day.month)[1]
            return months % rule.interval == 0 and is_one_of(rule.indices, day.day, length)
        case "Y":
            length = 366 if calendar.isleap(day.year) else 365
            number = (day - date(day.year, 1, 1)).days + 1
            return (day.year - first.year) % rule.interval == 0 and is_one_of(rule.indices, number, length)
    raise ValueError(rule.frequency)


def passes(rule: Rule, day: date) -> bool:
    return bool(rule.months & 2 ** (day.month - 1)) and bool(rule.weekdays & 2 ** day.weekday())


def monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def is_one_of(indices: tuple[int, ...], number: int, length: int) -> bool:
    """The last one is number `length` from the front, and number -1 from the end."""
    return number in indices or number - length - 1 in indices


def clock(instant: float, zone: ZoneInfo) -> datetime:
    """What the local clock shows. `fold` is 1 the second time."""
    return datetime.fromtimestamp(instant, zone).replace(tzinfo=None)


# The walk over the days


def walk(rule: Rule, created: float, zone: ZoneInfo, after: float, until: float) -> Iterator[float]:
    """Every firing after the one time and until the other, in order."""
    moments = walk_hours if rule.frequency == "H" else walk_days
    for instant in moments(rule, created, zone, after, until):
        if max(created, after) < instant <= until:
            after = instant  # two nominal times may have become one
            yield instant


def walk_days(rule: Rule, created: float, zone: ZoneInfo, after: float, until: float) -> Iterator[float]:
    hour, minute = (int(part) for part in rule.time_of_day.split(":"))
    first = clock(created, zone).date()
    day = max(first, clock(after, zone).date() - timedelta(days=3))
    while day <= clock(until, zone).date():
        if is_its_day(rule, first, day):
            yield first_showing(datetime(day.year, day.month, day.day, hour, minute), zone)
        day += timedelta(days=1)


def first_showing(shown: datetime, zone: ZoneInfo) -> float:
    """When the local clock shows this for the first time; if it never does, the minute after it is asked for."""
    while True:
        for offset in offsets(zone):  # the one most ahead of UTC shows it first
            instant = shown.replace(tzinfo=UTC).timestamp() - offset
            if clock(instant, zone) == shown:
                return instant
        shown += timedelta(minutes=1)


@cache
def offsets(zone: ZoneInfo) -> list[float]:
    """All that this zone ever uses, the greatest first. Seconds."""
    days = range(int(FIRST.timestamp()), int(LAST.timestamp()), DAY)
    return sorted({offset_at(instant, zone) for instant in days}, reverse=True)


def offset_at(instant: float, zone: ZoneInfo) -> float:
    offset = datetime.fromtimestamp(instant, zone).utcoffset()
    assert offset is not None
    return offset.total_seconds()


def walk_hours(rule: Rule, created: float, zone: ZoneInfo, after: float, until: float) -> Iterator[float]:
    begin = start_of_hour(created, zone)
    number = max(0, int(after - begin) // HOUR - 1)
    wanted = int(rule.time_of_day.split(":")[1])
    while begin + number * HOUR <= until:
        if number % rule.interval == 0:
            start = begin + number * HOUR
            instant = start + (wanted - clock(start, zone).minute) % 60 * MINUTE
            if passes(rule, clock(instant, zone).date()):
                yield instant
        number += 1


def start_of_hour(instant: float, zone: ZoneInfo) -> float:
    """The minute hand goes back to the full hour."""
    shown = clock(instant // 1, zone)
    return instant // 1 - shown.minute * MINUTE - shown.second


# The minutes


def fires_at(rule: Rule, created: float, zone: ZoneInfo, instant: float) -> bool:
    """Whether it fires in this very minute, which begins at `instant`."""
    if instant <= created:
        return False
    now, before = clock(instant, zone), clock(instant - MINUTE, zone)
    hour, minute = rule.time_of_day.split(":")
    if rule.frequency == "H":
        return now.minute == int(minute) and is_its_hour(rule, created, zone, instant) and passes(rule, now.date())
    if now.fold:
        return False
    if now - before == timedelta(minutes=1) and (now.hour, now.minute) != (int(hour), int(minute)):
        return False
    first = clock(created, zone).date()
    passed = before + timedelta(minutes=1)
    while passed <= now:  # more than one minute: the others were skipped
        if passed.strftime("%H:%M") == rule.time_of_day and is_its_day(rule, first, passed.date()):
            return True
        passed += timedelta(minutes=1)
    return False


def is_its_hour(rule: Rule, created: float, zone: ZoneInfo, instant: float) -> bool:
    start = created // MINUTE * MINUTE
    while clock(start, zone).minute != 0:
        start -= MINUTE
    return (instant - start) // HOUR % rule.interval == 0


# Where clocks change


class Change(NamedTuple):
    """From this minute on, the local clock goes by another offset."""

    at: float
    shown: datetime
    """Just then, for the first time."""
    seconds: float
    """By how much. Negative: it was set back."""


@cache
def changes(zone: ZoneInfo) -> list[Change]:
    found = []
    for day in range(int(FIRST.timestamp()), int(LAST.timestamp()), DAY):
        if offset_at(day, zone) != offset_at(day + DAY, zone):
            before = offset_at(day, zone)
            hour = next(each for each in range(day, day + DAY, HOUR) if offset_at(each + HOUR, zone) != before)
            at = next(each for each in range(hour, hour + 2 * HOUR, MINUTE) if offset_at(each, zone) != before)
            found.append(Change(at, clock(at, zone), offset_at(at, zone) - before))
    return found


def hour_is_uneven(created: float, zone: ZoneInfo, instant: float) -> bool:
    """Whether the elapsed hour around this moment is one in which the minute hand was set."""
    begin = start_of_hour(created, zone)
    start = begin + (instant - begin) // HOUR * HOUR
    return (offset_at(start + HOUR, zone) - offset_at(start, zone)) % HOUR != 0
