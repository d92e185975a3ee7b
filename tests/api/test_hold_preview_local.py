"""A preview by the local time of the shop, and by the `id` of a schedule."""

import time
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import httpx
import pytest

from api.client import UNKNOWN, Json, make_machine, refused, written
from api.holding import (
    BERLIN,
    ahead,
    as_foreseen,
    expected,
    later,
    local,
    make_hold,
    make_schedule,
    preview,
    previewing,
    schedule_of,
    schedule_path,
    set_zone,
)
from api.stockroom import nothing_written

HOUR = 3_600.0


@pytest.fixture
def berlin(options: httpx.Client) -> httpx.Client:
    """The shop is in Berlin. The options are put back after the test."""
    set_zone(options, BERLIN)
    return options


# Local time


@pytest.mark.parametrize("hours", [3, 20])
def test_the_time_of_day_is_local(berlin: httpx.Client, hours: int) -> None:
    """time_of_day in local time: the shop's time zone. A year of it has both changes of the clocks."""
    time_of_day = later(hours, BERLIN)
    times = preview(berlin, 400, time_of_day=time_of_day)
    shown = local(times, BERLIN)
    assert len({each.date() for each in shown}) == 400
    assert sum(each.strftime("%H:%M") != time_of_day for each in shown) <= 2
    assert {each.utcoffset() for each in shown} == {timedelta(hours=1), timedelta(hours=2)}


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata", "Pacific/Auckland", "Australia/Lord_Howe"])
def test_days_are_local_days(options: httpx.Client, zone: str) -> None:
    """Weekdays, days of the month and of the year are those of the shop."""
    set_zone(options, zone)
    time_of_day = later(7, zone)
    if "01:30" <= time_of_day <= "03:30":
        time_of_day = later(10, zone)
    for schedule in (
        {"frequency": "W", "indices": [1], "interval": 2},
        {"frequency": "M", "indices": [1, -1]},
        {"frequency": "Y", "indices": [1, -1]},
        {"frequency": "D", "weekdays": 1, "months": 1 + 64},
    ):
        as_foreseen(options, 20, zone, time_of_day=time_of_day, **schedule)


@pytest.mark.parametrize("time_of_day", ["00:00", "00:30", "23:30"])
def test_both_sides_of_midnight(berlin: httpx.Client, time_of_day: str) -> None:
    """A local day begins at local midnight."""
    for schedule in ({"frequency": "M", "indices": [1]}, {"frequency": "W", "indices": [7]}):
        shown = local(preview(berlin, 12, time_of_day=time_of_day, **schedule), BERLIN)
        assert {each.strftime("%H:%M") for each in shown} == {time_of_day}
        assert all(each.day == 1 if schedule["frequency"] == "M" else each.isoweekday() == 7 for each in shown)


@pytest.mark.parametrize("time_of_day", ["02:00", "02:30", "02:59"])
def test_a_time_that_is_skipped_runs_at_the_next_valid_minute(berlin: httpx.Client, time_of_day: str) -> None:
    """A time that daylight saving skips runs at the next valid minute."""
    shown = local(preview(berlin, 400, time_of_day=time_of_day), BERLIN)
    odd = [each for each in shown if each.strftime("%H:%M") != time_of_day]
    changes = {each.date() for each in shown if each.month == 3 and each.isoweekday() == 7 and each.day > 24}
    assert [each.strftime("%H:%M") for each in odd] == ["03:00"] * len(changes)
    assert {each.date() for each in odd} == changes != set()


@pytest.mark.parametrize("time_of_day", ["02:00", "02:30", "02:59"])
def test_a_time_that_comes_twice_runs_once(berlin: httpx.Client, time_of_day: str) -> None:
    """One that it repeats runs once."""
    shown = local(preview(berlin, 400, time_of_day=time_of_day), BERLIN)
    days = [each.date() for each in shown]
    assert len(set(days)) == len(days) == 400
    changes = [each for each in shown if each.month == 10 and each.isoweekday() == 7 and each.day > 24]
    assert {each.strftime("%H:%M") for each in changes} == {time_of_day}


def test_hours_are_elapsed_hours(berlin: httpx.Client) -> None:
    """H runs every `interval` elapsed hours, also over the change of the clocks."""
    times = preview(berlin, 1_000, frequency="H", interval=10, time_of_day=later(0.5, BERLIN))
    assert {second - first for first, second in pairwise(times)} == {10 * HOUR}
    assert {each.utcoffset() for each in local(times, BERLIN)} == {timedelta(hours=1), timedelta(hours=2)}


def test_the_minute_of_hours_is_local(options: httpx.Client) -> None:
    """Local time in Kolkata is half an hour off."""
    set_zone(options, "Asia/Kolkata")
    minute = (datetime.now(ZoneInfo("Asia/Kolkata")).minute + 30) % 60
    shown = local(preview(options, 30, frequency="H", time_of_day=f"00:{minute:02}"), "Asia/Kolkata")
    assert {each.minute for each in shown} == {minute}


# id


def test_a_schedule_without_a_hold_counts_from_now(api: httpx.Client) -> None:
    """A preview without an earlier hold counts from now."""
    mill = make_machine(api)
    fields = {"frequency": "W", "indices": [2, 5], "interval": 2, "time_of_day": later()}
    now = time.time()
    schedule = make_schedule(api, mill, **fields)
    make_hold(api, mill, start=ahead(days=30))
    assert preview(api, 10, id=schedule["id"], **fields) == expected(10, now, **fields)
    assert preview(api, 10, **schedule) == expected(10, now, **fields)


def test_the_body_says_when_and_not_the_schedule(api: httpx.Client) -> None:
    """The provided schedule: an edit is seen before it is saved."""
    schedule = make_schedule(api, make_machine(api), frequency="W", indices=[1])
    edited = {"frequency": "M", "indices": [1, -1], "time_of_day": later(9)}
    now = time.time()
    with nothing_written(api):
        assert preview(api, 10, id=schedule["id"], **edited) == expected(10, now, **edited)
    assert schedule_of(api, schedule) == schedule


@pytest.mark.parametrize(("frequency", "interval"), [("D", 3), ("W", 2), ("M", 5), ("H", 7)])
def test_the_interval_counts_from_the_creation(api: httpx.Client, frequency: str, interval: int) -> None:
    """`interval` counts from the schedule's creation: an edit of another field moves no run."""
    fields: Json = {"frequency": frequency, "interval": interval, "indices": [1], "time_of_day": later(6.5)}
    schedule = make_schedule(api, make_machine(api), **fields)
    times = preview(api, 10, **schedule)
    assert api.patch(schedule_path(schedule), json={"reason": "later"}).status_code == 200
    assert preview(api, 10, **schedule) == times
    if frequency != "H":
        assert times == expected(10, time.time(), **fields)


def test_an_id_may_come_as_a_string_or_null(api: httpx.Client) -> None:
    """Numbers may come as strings; `""` is null for a nullable field."""
    schedule = make_schedule(api, make_machine(api))
    assert len({tuple(preview(api, 3, id=each)) for each in (schedule["id"], str(schedule["id"]), None, "")}) == 1


def test_an_unknown_id_is_424(api: httpx.Client) -> None:
    """A reference to another object that doesn't exist: 424."""
    schedule = make_schedule(api, make_machine(api))
    assert api.delete(schedule_path(schedule)).status_code == 204
    events = written(api)
    for unknown in (UNKNOWN, schedule["id"]):
        refused(previewing(api, id=unknown), 424)
    refused(previewing(api, id="first"), 400, field="id")
    assert written(api) == events
