"""When a schedule fires. Pure functions of the rule, its creation and the time zone.

The days are those of `dateutil.rrule`; what a day's local time is in UTC, and elapsed hours, are worked out here.
"""

from calendar import isleap, monthrange
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from math import gcd
from typing import Literal
from zoneinfo import ZoneInfo

from dateutil import rrule, tz
from msgspec import Struct

from taktledger.domain.shop import HoldSchedule
from taktledger.domain.values import narrow

Frequency = Literal["Y", "M", "W", "D", "H"]
ALL_MONTHS, ALL_WEEKDAYS = 2**12 - 1, 2**7 - 1
INDICES: dict[str, int] = {"Y": 366, "M": 31, "W": 7}
"""Frequency -> the highest index. (The lowest is the same below zero: counted from the end.)"""
RRULE_FREQUENCIES: dict[str, Literal[0, 1, 2, 3]] = {
    "Y": rrule.YEARLY,
    "M": rrule.MONTHLY,
    "W": rrule.WEEKLY,
    "D": rrule.DAILY,
}
PERIOD_DAYS = {"Y": 366, "M": 31, "W": 7, "D": 1}
SEARCHED_YEARS = SEARCHED_PERIODS = 50
"""A rule that fires in neither is taken as one that never does. A leap day that has to be a Monday comes every 28
years, and once in a while after 40."""
HOUR = 3600
LAST = datetime(9999, 12, 30, tzinfo=UTC).timestamp()
"""Beyond this there are no dates."""


class Recurrence(Struct, frozen=True, kw_only=True):
    frequency: Frequency
    interval: int = 1
    indices: tuple[int, ...] = ()
    months: int = ALL_MONTHS
    weekdays: int = ALL_WEEKDAYS
    time_of_day: str


def recurrence_of(schedule: HoldSchedule) -> Recurrence:
    return narrow(Recurrence, schedule, indices=tuple(schedule.indices))


@lru_cache(maxsize=4096)
def next_firing(rule: Recurrence, created: float, zone: ZoneInfo, after: float) -> float | None:
    """The first time after `after` at which a schedule fires that was created at `created`; all in UNIX seconds.

    None: it doesn't within the next fifty years, or fifty intervals.
    """
    if not rule.months or not rule.weekdays or after >= LAST:
        return None
    if rule.frequency == "H":
        return _next_hour(rule, created, zone, after)
    clock = time.fromisoformat(rule.time_of_day)
    # A local day that is skipped altogether fires on the next one.
    begin = _local(after, zone).date() - timedelta(days=1)
    for day in _days(rule, _local(created, zone).date(), begin):
        if (at := _instant(day, clock, zone)) > after:
            return at
    return None


def firings(rule: Recurrence, created: float, zone: ZoneInfo, after: float) -> Iterator[float]:
    """All times after `after`, in order, until there is none for fifty years, or fifty intervals."""
    at = next_firing(rule, created, zone, after)
    while at is not None:
        yield at
        at = next_firing(rule, created, zone, at)


def _days(rule: Recurrence, created: date, begin: date) -> Iterator[date]:
    """The days of the rule, from the beginning of its last period that starts at or before `begin`."""
    months, weekdays = list(_bits(rule.months, first=1)), set(_bits(rule.weekdays, first=0))
    if rule.frequency == "W":
        weekdays &= {(index - 1 if index > 0 else index + 7) for index in rule.indices}
    if not weekdays or not _has_a_day(rule, months, weekdays, created):
        return  # to rrule an empty list is no filter, and it would search for half a second
    found = rrule.rrule(
        RRULE_FREQUENCIES[rule.frequency],
        interval=rule.interval,
        dtstart=datetime.combine(_period(rule, created, begin), time.min),
        until=datetime.combine(_searched_until(rule, begin), time.min),
        wkst=rrule.MO,
        bymonth=months,
        byweekday=sorted(weekdays),
        bymonthday=rule.indices if rule.frequency == "M" else None,
        byyearday=rule.indices if rule.frequency == "Y" else None,
    )
    for moment in found:
        yield moment.date()


def _has_a_day(rule: Recurrence, months: list[int], weekdays: set[int], created: date) -> bool:
    """False if no day can be in the rule, whatever the year."""
    match rule.frequency:
        case "Y":
            reached = range(created.year, min(created.year + 400 * rule.interval, 9999) + 1, rule.interval)
            years = {2028 if isleap(year) else 2027 for year in reached}
            days = [_day_of_year(year, index) for year in years for index in rule.indices]
            return any(day is not None and day.month in months for day in days)
        case "M":
            reachable = [month for month in months if (month - created.month) % gcd(rule.interval, 12) == 0]
            return any(abs(index) <= monthrange(2028, month)[1] for index in rule.indices for month in reachable)
        case "D" if rule.interval % 7 == 0:
            return created.weekday() in weekdays
    return True


def _day_of_year(year: int, index: int) -> date | None:
    day = date(year, 1, 1) + timedelta(days=index - 1) if index > 0 else date(year + 1, 1, 1) + timedelta(days=index)
    return day if day.year == year else None


def _period(rule: Recurrence, created: date, begin: date) -> date:
    """The first day of the rule's last period at or before `begin`. rrule would count through all before it."""
    match rule.frequency:
        case "Y":
            return date(_aligned(created.year, begin.year, rule.interval), 1, 1)
        case "M":
            month = _aligned(created.year * 12 + created.month - 1, begin.year * 12 + begin.month - 1, rule.interval)
            return date(month // 12, month % 12 + 1, 1)
        case "W":
            created, begin = (each - timedelta(days=each.weekday()) for each in (created, begin))
            return date.fromordinal(_aligned(created.toordinal(), begin.toordinal(), 7 * rule.interval))
    return date.fromordinal(_aligned(created.toordinal(), begin.toordinal(), rule.interval))


def _searched_until(rule: Recurrence, begin: date) -> date:
    days = max(SEARCHED_YEARS * 366, SEARCHED_PERIODS * rule.interval * PERIOD_DAYS[rule.frequency])
    return date.fromordinal(min(begin.toordinal() + days, date.max.toordinal() - 1))


def _aligned(first: int, until: int, step: int) -> int:
    """The last of `first`, `first + step` … that is not beyond `until`."""
    return first + max(0, until - first) // step * step


def _instant(day: date, clock: time, zone: ZoneInfo) -> float:
    """UNIX seconds. A time that daylight saving skips is the next valid minute; of two, the first is meant."""
    moment = datetime.combine(day, clock)
    while not tz.datetime_exists(moment, zone):
        moment += timedelta(minutes=1)
    return moment.replace(tzinfo=zone).timestamp()


def _next_hour(rule: Recurrence, created: float, zone: ZoneInfo, after: float) -> float | None:
    """Every so many elapsed hours, counted from the local hour in which it was created."""
    minute = int(rule.time_of_day[3:])
    local = _local(created, zone)
    first = int(created) - local.minute * 60 - local.second
    step = rule.interval * HOUR
    number = max(0, int((after - HOUR - first) // step))
    last = min(after + SEARCHED_YEARS * 366 * 24 * HOUR, LAST)
    while (hour := first + number * step) <= last:
        at = hour + (minute - _local(hour, zone).minute) % 60 * 60
        day = _local(at, zone).date()
        if not (1 << day.month - 1 & rule.months and 1 << day.weekday() & rule.weekdays):
            tomorrow = datetime.combine(day + timedelta(days=1), time.min, zone).timestamp()
            number = max(number + 1, int((tomorrow - HOUR - first) // step))
        elif at > after:
            return float(at)
        else:
            number += 1
    return None


def _local(at: float, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(int(at), zone)


def _bits(bitfield: int, first: int) -> Iterable[int]:
    """The numbers of the bits that are set, the lowest bit being `first`."""
    return (number + first for number in range(bitfield.bit_length()) if bitfield >> number & 1)
