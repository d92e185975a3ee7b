"""A recurring hold fires exactly when a walk over every day, and a look at every minute, say so."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from domain.hold_oracle import DAY, HOUR, MINUTE, Change, changes, fires_at, hour_is_uneven, walk
from taktledger.domain.holds.recurrence import Recurrence, next_firing

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",  # its clocks change by half an hour
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Pacific/Apia",  # had no 2011-12-30
    "America/Sao_Paulo",  # skipped midnights until 2018
    "Africa/Casablanca",  # its clocks change around Ramadan
    "Asia/Tehran",
    "Pacific/Chatham",
    "Europe/Lisbon",
    "Europe/Dublin",  # winter is the exception there
    "America/St_Johns",  # until 2011 its clocks changed at 00:01, back into the day before
    "America/Havana",
    "America/Caracas",  # once half an hour back, and once forth
    "Antarctica/Troll",  # two hours
)
CHANGING = tuple(name for name in ZONES if changes(ZoneInfo(name)))
BERLIN = ZoneInfo("Europe/Berlin")
YEAR = 365.25 * DAY
EVERY_MONTH, EVERY_WEEKDAY = 4095, 127
MONDAY, FRIDAY, SATURDAY, SUNDAY = 1, 16, 32, 64


class Schedule(Struct, frozen=True):
    rule: Recurrence
    created: float
    zone: ZoneInfo

    def next(self, after: float) -> float | None:
        return next_firing(self.rule, self.created, self.zone, after)

    def firings(self, after: float, until: float) -> list[float]:
        """By asking again and again."""
        found = []
        while (at := self.next(after)) is not None and at <= until:
            assert at > after, f"{at} comes after {after}"
            found.append(at)
            after = at
        return found

    def walked(self, after: float, until: float) -> list[float]:
        """By looking at every day."""
        return list(walk(self.rule, self.created, self.zone, after, until))

    def looked(self, after: float, until: float) -> list[float]:
        """By looking at every minute."""
        minutes = range(int(after // MINUTE + 1) * MINUTE, int(until) + 1, MINUTE)
        return [float(at) for at in minutes if fires_at(self.rule, self.created, self.zone, at)]

    def differences(self, found: Iterable[float], expected: Iterable[float]) -> dict[str, list[str]]:
        """The first of them, by the local clock. No word is said of an hour in which the minute hand was set."""
        found, expected = ({each for each in some if self.counts(each)} for some in (found, expected))
        lists = {"wrong": sorted(found - expected)[:5], "missing": sorted(expected - found)[:5]}
        return {name: [shown(each, self.zone) for each in some] for name, some in lists.items() if some}

    def counts(self, at: float) -> bool:
        return self.rule.frequency != "H" or not hour_is_uneven(self.created, self.zone, at)


def shown(at: float, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(at, zone).isoformat(timespec="minutes")


# Any schedule


def times(*likely: str) -> st.SearchStrategy[str]:
    any_time = st.integers(0, 1439).map(lambda minute: f"{minute // 60:02}:{minute % 60:02}")
    return st.one_of(st.sampled_from(likely), any_time, any_time)


def indices(length: int, *likely: int) -> st.SearchStrategy[tuple[int, ...]]:
    one = st.one_of(st.sampled_from(likely), st.integers(1, length), st.integers(-length, -1))
    return st.lists(one, min_size=1, max_size=6).map(tuple)


def bits(every: int) -> st.SearchStrategy[int]:
    return st.one_of(st.just(every), st.just(every), st.just(every), st.integers(0, every))


def rules(frequency: str, named: st.SearchStrategy[tuple[int, ...]]) -> st.SearchStrategy[Recurrence]:
    return st.builds(
        Recurrence,
        frequency=st.just(frequency),
        interval=st.one_of(st.sampled_from((1, 1, 1, 2, 3, 5)), st.integers(1, 60)),
        indices=named,
        months=bits(EVERY_MONTH),
        weekdays=bits(EVERY_WEEKDAY),
        time_of_day=times("00:00", "00:01", "01:30", "02:00", "02:15", "02:30", "03:00", "23:30", "23:59"),
    )


ignored = st.sampled_from(((), (1,), (3, -2)))
by_year = rules("Y", indices(366, 1, -1, 59, 60, 61, 365, 366, -365, -366))
by_month = rules("M", indices(31, 1, 28, 29, 30, 31, -1, -2, -28, -29, -30, -31))
by_week = rules("W", indices(7, 1, 7, -1, -7))
by_day = rules("D", ignored)
by_hour = rules("H", ignored)
EARLIEST, LATEST = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (1999, 2038))


@st.composite
def schedules(draw: st.DrawFn, rule: st.SearchStrategy[Recurrence], zones: tuple[str, ...] = ZONES) -> Schedule:
    zone = ZoneInfo(draw(st.sampled_from(zones)))
    moments = st.integers(EARLIEST, LATEST - 1)
    near = [each.at for each in changes(zone) if EARLIEST + 3 * DAY < each.at < LATEST - 3 * DAY]
    if near:
        minutes = st.integers(-900, 900).map(lambda number: number * MINUTE)
        moments = st.one_of(moments, st.builds(int.__add__, st.sampled_from(near), minutes))
    created = draw(moments) + draw(st.sampled_from((0.0, 0.25, 0.999)))
    found = draw(rule)
    if found.frequency == "H" and any(
        each.seconds % HOUR and abs(each.at - created) < 3 * HOUR for each in changes(zone)
    ):
        created += 8 * HOUR  # what is the hour in which the minute hand was set?
    return Schedule(found, created, zone)


def check_ten_years(schedule: Schedule) -> None:
    until = schedule.created + 10 * YEAR
    found = schedule.firings(schedule.created, until)
    assert not schedule.differences(found, schedule.walked(schedule.created, until))
    check_what_is_next(schedule, found[-1] if found else schedule.created, horizon=49 * YEAR)


def check_what_is_next(schedule: Schedule, after: float, horizon: float) -> None:
    """However far away it is. Beyond the horizon nothing is asked, only that what is said be a firing."""
    found = schedule.next(after)
    expected = next(walk(schedule.rule, schedule.created, schedule.zone, after, after + horizon), None)
    if not all(schedule.counts(each) for each in (found, expected) if each is not None):
        return
    if expected is not None:
        assert not schedule.differences([] if found is None else [found], [expected])
    elif found is not None:
        assert found > after + horizon
        assert fires_at(schedule.rule, schedule.created, schedule.zone, found)


def check_ten_years_of_hours(schedule: Schedule, seed: int) -> None:
    """Three weeks from its creation, some days around each kind of change, some weeks, and far away."""
    random = Random(seed)
    created = schedule.created
    windows = [(created, created + 21 * DAY)]
    near = [each.at for each in changes(schedule.zone) if created + DAY < each.at < created + 10 * YEAR]
    windows += [(at - DAY, at + DAY) for at in random.sample(near, min(6, len(near)))]
    windows += [(at, at + 7 * DAY) for at in (created + random.random() * 10 * YEAR for _ in range(3))]
    windows += [(at, at + 2 * DAY) for at in (created + random.random() * 40 * YEAR for _ in range(5))]
    for after, until in windows:
        found = schedule.firings(after, until)
        assert not schedule.differences(found, schedule.walked(after, until))
    check_what_is_next(schedule, created + random.random() * 10 * YEAR, horizon=2 * YEAR)


def check_minutes(schedule: Schedule, seed: int) -> None:
    """Three days around two changes, and sixty days somewhere."""
    random = Random(seed)
    created = schedule.created
    near = [each.at for each in changes(schedule.zone) if created < each.at < created + 10 * YEAR]
    begins = [at - 1.5 * DAY for at in random.sample(near, min(2, len(near)))]
    begins += [each + DAY for each in begins] + [each + 2 * DAY for each in begins]
    begins += [created + random.randrange(3650) * DAY for _ in range(60)]
    for begin in begins:
        after, until = max(created, begin), begin + DAY
        assert not schedule.differences(schedule.firings(after, until), schedule.looked(after, until))


calendar_schedules = schedules(st.one_of(by_year, by_month, by_month, by_week, by_week, by_day))
hour_schedules = schedules(by_hour)
frequent_schedules = schedules(st.one_of(by_month, by_week, by_day, by_day, by_hour), CHANGING)
seeds = st.integers(0, 2**32)


@settings(max_examples=70, deadline=None)
@given(calendar_schedules)
def test_ten_years_are_what_a_walk_over_every_day_says(schedule: Schedule) -> None:
    check_ten_years(schedule)


@pytest.mark.long
@pytest.mark.timeout(600)
@settings(max_examples=700, deadline=None)
@given(calendar_schedules)
def test_ten_years_are_what_a_walk_over_every_day_says_at_length(schedule: Schedule) -> None:
    check_ten_years(schedule)


@settings(max_examples=60, deadline=None)
@given(hour_schedules, seeds)
def test_hours_are_what_a_walk_over_every_hour_says(schedule: Schedule, seed: int) -> None:
    check_ten_years_of_hours(schedule, seed)


@pytest.mark.long
@pytest.mark.timeout(600)
@settings(max_examples=800, deadline=None)
@given(hour_schedules, seeds)
def test_hours_are_what_a_walk_over_every_hour_says_at_length(schedule: Schedule, seed: int) -> None:
    check_ten_years_of_hours(schedule, seed)


@settings(max_examples=8, deadline=None)
@given(frequent_schedules, seeds)
def test_it_fires_in_the_minutes_in_which_the_local_clock_says_so(schedule: Schedule, seed: int) -> None:
    check_minutes(schedule, seed)


@pytest.mark.long
@pytest.mark.timeout(600)
@settings(max_examples=100, deadline=None)
@given(frequent_schedules, seeds)
def test_it_fires_in_the_minutes_in_which_the_local_clock_says_so_at_length(schedule: Schedule, seed: int) -> None:
    check_minutes(schedule, seed)


def kinds_of_change(zone: ZoneInfo) -> list[Change]:
    """The last of each kind: by how much, and at which time of day."""
    found = {(each.seconds, each.shown.time()): each for each in changes(zone) if EARLIEST < each.at < LATEST}
    return list(found.values())


@pytest.mark.parametrize("name", CHANGING)
def test_many_times_of_day_around_a_change(name: str) -> None:
    zone = ZoneInfo(name)
    for change in kinds_of_change(zone):
        after, until = change.at - 1.5 * DAY, change.at + 1.5 * DAY
        for minute in range(0, 1440, 13):
            rule = Recurrence(frequency="D", time_of_day=f"{minute // 60:02}:{minute % 60:02}")
            schedule = Schedule(rule, after, zone)
            assert not schedule.differences(schedule.firings(after, until), schedule.walked(after, until))


@pytest.mark.parametrize("name", CHANGING)
def test_every_minute_around_a_change(name: str) -> None:
    """At times of day that are skipped or repeated (the first, one in the midst, the last), and next to them."""
    zone = ZoneInfo(name)
    for change in kinds_of_change(zone):
        after, until = change.at - DAY, change.at + 1.5 * DAY
        for seconds in (0, MINUTE, change.seconds / 2, change.seconds):
            time_of_day = f"{change.shown - timedelta(seconds=seconds):%H:%M}"
            schedule = Schedule(Recurrence(frequency="D", time_of_day=time_of_day), after, zone)
            assert not schedule.differences(schedule.firings(after, until), schedule.looked(after, until))


# One by one


def schedule_of(created: str, zone: str, frequency: Any, *indices: int, at: str = "08:00", **fields: int) -> Schedule:
    """`created` is in UTC, but for an offset that it names."""
    moment = datetime.fromisoformat(created)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    rule = Recurrence(frequency=frequency, indices=indices, time_of_day=at, **fields)
    return Schedule(rule, moment.timestamp(), ZoneInfo(zone))


def first(schedule: Schedule, count: int) -> list[str]:
    found, after = [], schedule.created
    for _ in range(count):
        at = schedule.next(after)
        if at is None:
            break
        found.append(shown(at, schedule.zone))
        after = at
    return found


def days(schedule: Schedule, count: int) -> list[str]:
    return [each[:10] for each in first(schedule, count)]


def test_the_first_day_of_each_quarter() -> None:
    quarters = schedule_of("2024-02-10", "Europe/Berlin", "M", 1, months=1 + 8 + 64 + 512)
    assert first(quarters, 5) == [
        "2024-04-01T08:00+02:00",
        "2024-07-01T08:00+02:00",
        "2024-10-01T08:00+02:00",
        "2025-01-01T08:00+01:00",
        "2025-04-01T08:00+02:00",
    ]


def test_two_days_of_a_month() -> None:
    assert days(schedule_of("2024-01-05", "UTC", "M", 14, 1), 4) == [
        "2024-01-14",
        "2024-02-01",
        "2024-02-14",
        "2024-03-01",
    ]


def test_the_day_before_the_last() -> None:
    assert days(schedule_of("2023-12-30T09:00", "UTC", "M", -2), 4) == [
        "2024-01-30",
        "2024-02-28",
        "2024-03-30",
        "2024-04-29",
    ]


def test_days_that_a_month_lacks() -> None:
    assert days(schedule_of("2023-01-31", "UTC", "M", 31, -31), 5) == [
        "2023-01-31",
        "2023-03-01",
        "2023-03-31",
        "2023-05-01",
        "2023-05-31",
    ]


def test_a_leap_day() -> None:
    assert days(schedule_of("2023-06-01", "UTC", "M", 29, months=2), 3) == ["2024-02-29", "2028-02-29", "2032-02-29"]


def test_a_leap_day_on_a_sunday() -> None:
    """It takes 28 years, and 2100 has none."""
    sundays = schedule_of("2004-02-29T09:00", "UTC", "M", 29, months=2, weekdays=SUNDAY)
    assert days(sundays, 2) == ["2032-02-29", "2060-02-29"]


def test_no_leap_day_in_2100() -> None:
    assert days(schedule_of("2095-01-01", "UTC", "M", 29, months=2), 3) == ["2096-02-29", "2104-02-29", "2108-02-29"]


def test_the_366th_day() -> None:
    assert days(schedule_of("2023-06-01", "UTC", "Y", 366), 3) == ["2024-12-31", "2028-12-31", "2032-12-31"]


def test_the_366th_day_from_the_end() -> None:
    assert days(schedule_of("2023-06-01", "UTC", "Y", -366), 3) == ["2024-01-01", "2028-01-01", "2032-01-01"]


def test_the_last_day_of_a_year() -> None:
    assert days(schedule_of("2023-06-01", "UTC", "Y", -1), 3) == ["2023-12-31", "2024-12-31", "2025-12-31"]


def test_the_sixtieth_day_of_a_year() -> None:
    assert days(schedule_of("2023-06-01", "UTC", "Y", 60), 3) == ["2024-02-29", "2025-03-01", "2026-03-01"]


def test_every_second_year() -> None:
    assert days(schedule_of("2023-06-01", "UTC", "Y", 1, interval=2), 2) == ["2025-01-01", "2027-01-01"]


def test_every_49th_year() -> None:
    assert days(schedule_of("2023-06-01", "UTC", "Y", 152, interval=49), 2) == ["2023-06-01", "2072-05-31"]


def test_indices_that_name_the_same_day() -> None:
    assert days(schedule_of("2024-01-01", "UTC", "M", 31, -1, 31, 30), 5) == [
        "2024-01-30",
        "2024-01-31",
        "2024-02-29",
        "2024-03-30",
        "2024-03-31",
    ]


def test_every_third_week_goes_on_across_the_end_of_a_year() -> None:
    assert days(schedule_of("2024-12-04", "UTC", "W", 1, interval=3), 3) == ["2024-12-23", "2025-01-13", "2025-02-03"]


def test_a_week_begins_on_monday() -> None:
    """It is created on a Sunday, and the Monday after belongs to the next week."""
    assert days(schedule_of("2024-12-08T07:00", "UTC", "W", 1, -1, interval=2), 4) == [
        "2024-12-08",
        "2024-12-16",
        "2024-12-22",
        "2024-12-30",
    ]


def test_weekdays_from_the_end() -> None:
    assert days(schedule_of("2024-12-02", "UTC", "W", -7, -3), 3) == ["2024-12-02", "2024-12-06", "2024-12-09"]


def test_every_fifth_month_goes_on_across_years() -> None:
    assert days(schedule_of("2024-11-15", "UTC", "M", 10, interval=5), 3) == ["2025-04-10", "2025-09-10", "2026-02-10"]


def test_every_fourteenth_month() -> None:
    assert days(schedule_of("2024-11-15", "UTC", "M", 20, interval=14), 3) == ["2024-11-20", "2026-01-20", "2027-03-20"]


def test_every_third_day_by_the_local_calendar() -> None:
    """It is created on the second of January in Auckland."""
    assert first(schedule_of("2024-01-01T12:00", "Pacific/Auckland", "D", interval=3), 2) == [
        "2024-01-02T08:00+13:00",
        "2024-01-05T08:00+13:00",
    ]


def test_days_do_not_look_at_indices() -> None:
    assert days(schedule_of("2024-01-01", "UTC", "D", 5, -1, interval=10), 3) == [
        "2024-01-01",
        "2024-01-11",
        "2024-01-21",
    ]


def test_the_filters_go_by_the_local_day() -> None:
    """Friday 20:00 in New York is Saturday in UTC, the first of the month."""
    fridays = schedule_of("2024-02-25", "America/New_York", "D", at="20:00", weekdays=FRIDAY)
    assert first(fridays, 2) == ["2024-03-01T20:00-05:00", "2024-03-08T20:00-05:00"]


@pytest.mark.parametrize(("bit", "month"), [(2**number, number + 1) for number in range(12)])
def test_a_bit_of_the_months(bit: int, month: int) -> None:
    found = days(schedule_of("2023-12-31T12:00", "UTC", "D", months=bit), 28)
    assert found == [f"2024-{month:02}-{day:02}" for day in range(1, 29)]


@pytest.mark.parametrize(("bit", "day"), [(2**number, number + 1) for number in range(7)])
def test_a_bit_of_the_weekdays(bit: int, day: int) -> None:
    """The first of January 2024 is a Monday."""
    found = days(schedule_of("2023-12-31T12:00", "UTC", "D", weekdays=bit), 3)
    assert found == [f"2024-01-{day + weeks:02}" for weeks in (0, 7, 14)]


# Clocks that change


def test_a_skipped_time_fires_at_the_next_minute() -> None:
    assert first(schedule_of("2024-03-30T00:00", "Europe/Berlin", "D", at="02:30"), 3) == [
        "2024-03-30T02:30+01:00",
        "2024-03-31T03:00+02:00",
        "2024-04-01T02:30+02:00",
    ]


def test_the_first_and_the_last_skipped_minute() -> None:
    for time_of_day in ("02:00", "02:59", "03:00"):
        sunday = schedule_of("2024-03-30T12:00", "Europe/Berlin", "D", at=time_of_day)
        assert first(sunday, 1) == ["2024-03-31T03:00+02:00"]


def test_a_repeated_time_fires_the_first_time() -> None:
    assert first(schedule_of("2024-10-26T12:00", "Europe/Berlin", "D", at="02:30"), 2) == [
        "2024-10-27T02:30+02:00",
        "2024-10-28T02:30+01:00",
    ]


def test_one_that_is_created_between_the_two_times_waits_for_the_next_day() -> None:
    between = schedule_of("2024-10-27T02:45+02:00", "Europe/Berlin", "D", at="02:30")
    assert first(between, 1) == ["2024-10-28T02:30+01:00"]


def test_a_skipped_midnight() -> None:
    assert first(schedule_of("2018-11-03T12:00", "America/Sao_Paulo", "D", at="00:00"), 2) == [
        "2018-11-04T01:00-02:00",
        "2018-11-05T00:00-02:00",
    ]


def test_an_evening_that_is_repeated() -> None:
    """At midnight it became 23:00 of Saturday again."""
    assert first(schedule_of("2019-02-16T12:00", "America/Sao_Paulo", "D", at="23:30"), 2) == [
        "2019-02-16T23:30-02:00",
        "2019-02-17T23:30-03:00",
    ]


def test_a_day_that_is_repeated_for_a_minute() -> None:
    """At 00:01 of Sunday it became 23:01 of Saturday again, so that Sunday began twice."""
    assert first(schedule_of("2010-11-06T12:00-02:30", "America/St_Johns", "D", at="00:00"), 2) == [
        "2010-11-07T00:00-02:30",
        "2010-11-08T00:00-03:30",
    ]


def test_a_day_that_never_was() -> None:
    """Apia went from Thursday, 2011-12-29, to Saturday."""
    assert first(schedule_of("2011-12-29T00:00-10:00", "Pacific/Apia", "D", at="07:00"), 4) == [
        "2011-12-29T07:00-10:00",
        "2011-12-31T00:00+14:00",
        "2011-12-31T07:00+14:00",
        "2012-01-01T07:00+14:00",
    ]


def test_two_nominal_times_in_one_moment() -> None:
    assert first(schedule_of("2011-12-29T00:00-10:00", "Pacific/Apia", "D", at="00:00"), 2) == [
        "2011-12-31T00:00+14:00",
        "2012-01-01T00:00+14:00",
    ]


@pytest.mark.parametrize(
    ("weekday", "fires"),
    [(FRIDAY, "2011-12-31T00:00+14:00"), (SATURDAY, "2011-12-31T07:00+14:00")],
)
def test_the_filters_go_by_the_nominal_day(weekday: int, fires: str) -> None:
    """The Friday that never was fires on Saturday, and is still no Saturday."""
    never = schedule_of("2011-12-29T00:00-10:00", "Pacific/Apia", "D", at="07:00", weekdays=weekday)
    assert first(never, 1) == [fires]


def test_half_an_hour_is_skipped() -> None:
    assert first(schedule_of("2024-10-05T00:00", "Australia/Lord_Howe", "D", at="02:10"), 2) == [
        "2024-10-06T02:30+11:00",
        "2024-10-07T02:10+11:00",
    ]


# Hours


def test_hours_go_by_the_minute() -> None:
    assert first(schedule_of("2024-01-01T10:20", "UTC", "H", at="23:15", interval=8), 3) == [
        "2024-01-01T18:15+00:00",
        "2024-01-02T02:15+00:00",
        "2024-01-02T10:15+00:00",
    ]


def test_the_hour_of_the_creation_is_the_first() -> None:
    assert first(schedule_of("2024-01-01T10:20", "UTC", "H", at="00:30", interval=8), 2) == [
        "2024-01-01T10:30+00:00",
        "2024-01-01T18:30+00:00",
    ]


def test_the_hour_of_the_creation_is_a_local_one() -> None:
    """10:20 in UTC is 15:50 in Kolkata."""
    assert first(schedule_of("2024-01-01T10:20", "Asia/Kolkata", "H", at="00:10", interval=2), 2) == [
        "2024-01-01T17:10+05:30",
        "2024-01-01T19:10+05:30",
    ]


def test_hours_are_elapsed_ones() -> None:
    assert first(schedule_of("2024-03-30T22:30+01:00", "Europe/Berlin", "H", at="00:00", interval=3), 3) == [
        "2024-03-31T01:00+01:00",
        "2024-03-31T05:00+02:00",
        "2024-03-31T08:00+02:00",
    ]


def test_a_repeated_hour_is_two() -> None:
    assert first(schedule_of("2024-10-27T01:30+02:00", "Europe/Berlin", "H", at="00:15"), 3) == [
        "2024-10-27T02:15+02:00",
        "2024-10-27T02:15+01:00",
        "2024-10-27T03:15+01:00",
    ]


def test_hours_are_filtered_by_the_local_day() -> None:
    """Sunday ends in Berlin at 23:00 UTC."""
    mondays = schedule_of("2024-01-06T12:30", "Europe/Berlin", "H", at="00:00", interval=5, weekdays=MONDAY, months=1)
    assert first(mondays, 6) == [
        "2024-01-08T00:00+01:00",
        "2024-01-08T05:00+01:00",
        "2024-01-08T10:00+01:00",
        "2024-01-08T15:00+01:00",
        "2024-01-08T20:00+01:00",
        "2024-01-15T02:00+01:00",
    ]


# Never, and when it is asked


@pytest.mark.parametrize("frequency", ["Y", "M", "W", "D", "H"])
@pytest.mark.parametrize("filters", [{"months": 0}, {"weekdays": 0}, {"months": 0, "weekdays": 0}])
def test_a_filter_of_nothing_never_fires(frequency: str, filters: dict[str, int]) -> None:
    assert first(schedule_of("2024-01-01", "Europe/Berlin", frequency, 1, **filters), 1) == []


@pytest.mark.parametrize(
    "never",
    [
        schedule_of("2024-01-01", "UTC", "W", 1, 2, weekdays=SATURDAY),
        schedule_of("2024-01-01", "UTC", "D", interval=7, weekdays=SUNDAY),
        schedule_of("2024-01-01", "UTC", "M", 30, months=2),
        schedule_of("2024-01-01", "UTC", "M", 31, months=8 + 32 + 256 + 1024),
        schedule_of("2024-01-01", "UTC", "M", 1, interval=12, months=2),
        schedule_of("2024-01-01", "UTC", "Y", 1, months=2048),
        schedule_of("2023-01-01", "UTC", "Y", 366, interval=2),
        schedule_of("2024-01-01", "UTC", "H", interval=56, weekdays=SUNDAY),
    ],
    ids=[
        "no index is a Saturday",
        "each seventh day is a Monday",
        "February 30",
        "months without a 31st",
        "every January is no February",
        "the first day is not in December",
        "odd years have no 366th day",
        "each 56th hour is of a Monday, a Wednesday or a Friday",
    ],
)
def test_a_schedule_that_never_fires(never: Schedule) -> None:
    assert never.next(never.created) is None


def test_a_long_interval_is_waited_for() -> None:
    assert first(schedule_of("2024-01-01T09:00", "UTC", "Y", 1, interval=60), 1) == ["2084-01-01T08:00+00:00"]


def test_what_comes_after_a_firing_is_the_next_one() -> None:
    daily = schedule_of("2024-01-01", "UTC", "D")
    at = daily.next(daily.created)
    assert at is not None
    assert daily.next(at) == at + DAY
    assert daily.next(at + 0.5) == at + DAY
    assert daily.next(at - 0.5) == at


@pytest.mark.parametrize("frequency", ["D", "H"])
def test_it_does_not_fire_at_its_creation(frequency: str) -> None:
    schedule = schedule_of("2024-01-01T08:00", "UTC", frequency)
    assert schedule.next(schedule.created) == schedule.created + (DAY if frequency == "D" else HOUR)


def test_it_fires_a_moment_after_its_creation() -> None:
    assert first(schedule_of("2024-01-01T07:59:59.5", "UTC", "D", interval=9), 1) == ["2024-01-01T08:00+00:00"]


@pytest.mark.parametrize(
    ("frequency", "asked", "fires"),
    [
        ("D", "2024-01-09T11:00", "2024-01-10T08:00+00:00"),
        ("W", "2024-01-09T11:00", "2024-01-22T08:00+00:00"),
        ("M", "2024-02-09T11:00", "2024-04-01T08:00+00:00"),
        ("Y", "2025-02-09T11:00", "2027-01-01T08:00+00:00"),
        ("H", "2024-01-09T11:00", "2024-01-09T12:00+00:00"),
    ],
)
def test_an_interval_counts_from_the_creation_and_not_from_when_it_is_asked(
    frequency: str, asked: str, fires: str
) -> None:
    schedule = schedule_of("2024-01-01T12:00", "UTC", frequency, 1, interval=3)
    found = schedule.next(datetime.fromisoformat(f"{asked}+00:00").timestamp())
    assert found is not None
    assert shown(found, schedule.zone) == fires


def test_far_ahead() -> None:
    """Nobody looked for thirty years."""
    schedule = schedule_of("2000-01-01T12:00", "UTC", "H", interval=7)
    asked = datetime.fromisoformat("2030-01-01T00:00+00:00").timestamp()
    found = schedule.next(asked)
    assert found is not None
    assert asked < found <= asked + 7 * HOUR
    assert (found - schedule.created) % (7 * HOUR) == 0
