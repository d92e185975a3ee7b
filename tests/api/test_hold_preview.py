"""`POST /api/machines/holds/schedules/previewSchedule`: when a schedule would run.

What is expected comes from an oracle that walks over days. Times of day are hours away from now, so that no run falls
between asking and comparing.
"""

import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import httpx
import pytest

from api.client import Json, refused
from api.holding import (
    MONTHS,
    PREVIEW,
    QUARTERS,
    WEEKDAYS,
    WRONG_IN_SCHEDULE,
    as_foreseen,
    later,
    local,
    preview,
    previewing,
    wrong,
)
from api.stockroom import done, nothing_written

HOUR = 3_600.0


# count


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_preview_is_an_array_of_timestamps(api: httpx.Client, slash: str) -> None:
    """Returns an array of `count` UNIX timestamps."""
    answer = api.post(PREVIEW + slash, params={"count": 3}, json={"frequency": "D", "time_of_day": later()})
    assert answer.status_code == 200, answer.text
    times = answer.json()
    assert len(times) == 3
    assert all(isinstance(each, float) for each in times)


def test_count_defaults_to_1(api: httpx.Client) -> None:
    """count: how many future times to get (defaults to 1)."""
    before = time.time()
    (only,) = done(previewing(api))
    assert before < only <= before + 24 * HOUR


@pytest.mark.parametrize("count", [0, 1, 2, 999, 1_000])
def test_so_many_times_as_were_asked_for(api: httpx.Client, count: int) -> None:
    """count: how many future times to get. None is an empty array, and 1000 the most."""
    before = time.time()
    times = preview(api, count)
    assert len(times) == count
    assert all(each > before for each in times)
    assert all(second > first for first, second in pairwise(times))


@pytest.mark.parametrize("count", ["1001", "-1", "many", "1.5", "9" * 26])
def test_a_count_that_is_too_high_or_no_number_is_400(api: httpx.Client, count: str) -> None:
    """A preview's `count` over 1000: 400. A query parameter that is not a number where one is documented: 400."""
    refused(previewing(api, {"count": count}), 400)


# The body


@pytest.mark.parametrize("missing", ["frequency", "time_of_day"])
def test_the_body_has_at_least_the_scheduling_fields(api: httpx.Client, missing: str) -> None:
    """The request body should include at least the scheduling fields of a machine hold schedule."""
    body = {"frequency": "D", "time_of_day": "08:30"}
    del body[missing]
    refused(api.post(PREVIEW, json=body), 400, field=missing)


def test_the_other_fields_may_be_left_out(api: httpx.Client) -> None:
    """A partial MachineHoldSchedule: interval 1, all months, all weekdays."""
    whole = {"interval": 1, "indices": [], "months": 4095, "weekdays": 127, "duration": None, "reason": "", "name": "x"}
    assert preview(api, 20) == preview(api, 20, **whole)


def test_a_preview_needs_no_machine_and_makes_nothing(api: httpx.Client) -> None:
    """It lists times, and nothing else happens."""
    with nothing_written(api):
        assert len(preview(api, 5, colour="red")) == 5


@pytest.mark.parametrize("field", ["frequency", "indices", "interval", "months", "time_of_day", "weekdays"])
def test_an_invalid_field_is_400(api: httpx.Client, field: str) -> None:
    """A validation error says which field."""
    body = {"frequency": "M", "indices": [1], "time_of_day": "08:30"}
    for value in WRONG_IN_SCHEDULE[field]:
        wrong(api.post(PREVIEW, json=body | {field: value}), field)


@pytest.mark.parametrize(
    ("frequency", "indices"), [("Y", [367]), ("M", [0]), ("M", [-32]), ("W", [8]), ("Y", []), ("M", []), ("W", [])]
)
def test_indices_out_of_range_and_none_are_400(api: httpx.Client, frequency: str, indices: list[int]) -> None:
    """An index out of range: 400. Empty `indices` for Y, M, W: 400."""
    wrong(previewing(api, frequency=frequency, indices=indices), "indices")


@pytest.mark.parametrize("body", [[], "D", 5, None])
def test_a_body_that_is_no_object_is_400(api: httpx.Client, body: object) -> None:
    """A missing or invalid field: 400."""
    refused(api.post(PREVIEW, json=body), 400)


# Frequencies


@pytest.mark.parametrize("hours", [1, 6, 12, 23])
def test_daily_runs_every_day_at_that_time(api: httpx.Client, hours: int) -> None:
    """frequency=D and interval=1 will run every day."""
    times = as_foreseen(api, 400, time_of_day=later(hours))
    assert {second - first for first, second in pairwise(times)} == {24 * HOUR}


@pytest.mark.parametrize("interval", [2, 3, 10, 365])
def test_an_interval_of_days(api: httpx.Client, interval: int) -> None:
    """interval: one out of how many frequency occurrences to run. It counts local days from now."""
    for hours in (2, 22):
        times = as_foreseen(api, 20, interval=interval, time_of_day=later(hours))
        assert {second - first for first, second in pairwise(times)} == {interval * 24 * HOUR}


@pytest.mark.parametrize("index", [*range(1, 8), *range(-7, 0)])
def test_weekly_counts_weekdays(api: httpx.Client, index: int) -> None:
    """indices are weekdays 1..7 = Monday..Sunday, negative from the end."""
    times = as_foreseen(api, 10, frequency="W", indices=[index])
    assert {each.isoweekday() for each in local(times)} == {index if index > 0 else index + 8}


@pytest.mark.parametrize("interval", [1, 2, 3, 5])
def test_an_interval_of_weeks(api: httpx.Client, interval: int) -> None:
    """frequency=W and interval=3 will run every 3 weeks. Weeks are from Monday, of the schedule's creation."""
    times = as_foreseen(api, 30, frequency="W", interval=interval, indices=[1, 3, 7])
    assert {each.isoweekday() for each in local(times)} == {1, 3, 7}


def test_monthly_counts_days_of_the_month(api: httpx.Client) -> None:
    """frequency=M and indices=[1, 14] will run the 1st and 14th of every month."""
    times = as_foreseen(api, 48, frequency="M", indices=[1, 14])
    assert {each.day for each in local(times)} == {1, 14}


def test_monthly_counts_from_the_end(api: httpx.Client) -> None:
    """frequency=M and indices=[-2] will run on the second to last day of every month."""
    times = as_foreseen(api, 60, frequency="M", indices=[-2])
    assert all((each + timedelta(2)).day == 1 for each in local(times))
    assert {each.day for each in local(times)} >= {27, 29, 30}


@pytest.mark.parametrize("indices", [[31], [29, 30], [-31], [1, 15, -1], [28, -1], [31, -1]])
def test_a_day_that_a_month_does_not_have_is_left_out(api: httpx.Client, indices: list[int]) -> None:
    """A day that two indices name runs once."""
    times = as_foreseen(api, 60, frequency="M", indices=indices)
    assert len({each.date() for each in local(times)}) == 60


@pytest.mark.parametrize("interval", [2, 3, 12, 7])
def test_an_interval_of_months(api: httpx.Client, interval: int) -> None:
    """interval counts months from the schedule's creation."""
    as_foreseen(api, 24, frequency="M", interval=interval, indices=[1, 28])


@pytest.mark.parametrize("indices", [[1], [60], [365], [366], [-1], [-366], [-307], [1, 100, -1]])
def test_yearly_counts_days_of_the_year(api: httpx.Client, indices: list[int]) -> None:
    """indices count days of the year, negative from the end: leap years have 366."""
    as_foreseen(api, 5, frequency="Y", indices=indices)


@pytest.mark.parametrize("interval", [2, 4])
def test_an_interval_of_years(api: httpx.Client, interval: int) -> None:
    """interval counts years from the schedule's creation."""
    as_foreseen(api, 4, frequency="Y", interval=interval, indices=[1, -1])


@pytest.mark.parametrize("interval", [1, 2, 5, 24, 100])
def test_hourly_runs_at_the_minute(api: httpx.Client, interval: int) -> None:
    """H runs every `interval` elapsed hours at the minute of `time_of_day`."""
    before = time.time()
    minute = (datetime.now(UTC).minute + 30) % 60
    times = preview(api, 50, frequency="H", interval=interval, time_of_day=f"17:{minute:02}")
    assert {second - first for first, second in pairwise(times)} == {interval * HOUR}
    assert {(each.minute, each.second) for each in local(times)} == {(minute, 0)}
    assert before < times[0] <= before + interval * HOUR


def test_hourly_ignores_the_hour_and_the_indices(api: httpx.Client) -> None:
    """indices: ignored if frequency is set to H."""
    minute = f"{(datetime.now(UTC).minute + 30) % 60:02}"
    times = preview(api, 30, frequency="H", time_of_day=f"00:{minute}")
    assert times == preview(api, 30, frequency="H", time_of_day=f"23:{minute}", indices=[1, 5, 999])


def test_daily_ignores_the_indices(api: httpx.Client) -> None:
    """indices: ignored for H, and for D."""
    assert preview(api, 30, indices=[1, 14, -999]) == preview(api, 30)


# months, weekdays


@pytest.mark.parametrize("bit", MONTHS)
def test_a_bit_is_a_month(api: httpx.Client, bit: int) -> None:
    """Months in which to run this schedule."""
    times = as_foreseen(api, 40, months=bit)
    assert {each.strftime("%B") for each in local(times)} == {MONTHS[bit]}


@pytest.mark.parametrize("bit", WEEKDAYS)
def test_a_bit_is_a_day_of_the_week(api: httpx.Client, bit: int) -> None:
    """Days of the week on which to run this schedule."""
    times = as_foreseen(api, 20, weekdays=bit)
    assert {each.strftime("%A") for each in local(times)} == {WEEKDAYS[bit]}


def test_the_start_of_each_quarter(api: httpx.Client) -> None:
    """To run only at the start of each quarter, the value of this field would be 585."""
    times = as_foreseen(api, 12, frequency="M", indices=[1], months=QUARTERS)
    assert {each.month for each in local(times)} == {1, 4, 7, 10}


def test_monday_through_thursday(api: httpx.Client) -> None:
    """To run Monday through Thursday, the value of this field would be 15."""
    assert {each.isoweekday() for each in local(as_foreseen(api, 20, weekdays=15))} == {1, 2, 3, 4}


@pytest.mark.parametrize("frequency", ["Y", "M", "W", "D", "H"])
@pytest.mark.parametrize("none", [{"months": 0}, {"weekdays": 0}, {"months": 0, "weekdays": 0}])
def test_zero_never_runs(api: httpx.Client, frequency: str, none: Json) -> None:
    """Setting this value to zero will prevent this schedule from ever running."""
    assert preview(api, 3, frequency=frequency, indices=[1], **none) == []


@pytest.mark.parametrize(
    "never",
    [
        {"frequency": "M", "indices": [30, 31], "months": 2},
        {"frequency": "Y", "indices": [1], "months": 2},
        {"frequency": "W", "indices": [1], "weekdays": 64},
        {"frequency": "Y", "indices": [366], "months": 1},
    ],
)
def test_a_schedule_that_never_runs_gives_nothing(api: httpx.Client, never: Json) -> None:
    """There is no 30th of February, and the search for one ends."""
    assert preview(api, 3, **never) == []


def test_filters_and_frequency_together(api: httpx.Client) -> None:
    """`months` and `weekdays` always filter."""
    times = as_foreseen(api, 10, frequency="M", indices=[13], weekdays=16)
    assert {(each.day, each.isoweekday()) for each in local(times)} == {(13, 5)}
    as_foreseen(api, 20, frequency="W", indices=[1, 2, 6], weekdays=3, months=QUARTERS)
    as_foreseen(api, 20, interval=2, weekdays=31, months=2 + 2048)


@pytest.mark.parametrize("interval", [1, 3])
def test_filters_of_hours(api: httpx.Client, interval: int) -> None:
    """`months` and `weekdays` always filter, hours too."""
    minute = f"{(datetime.now(UTC).minute + 30) % 60:02}"
    times = preview(api, 60, frequency="H", interval=interval, time_of_day=f"00:{minute}", weekdays=64, months=1)
    assert {(each.month, each.isoweekday()) for each in local(times)} == {(1, 7)}
    assert all((second - first) % (interval * HOUR) == 0 for first, second in pairwise(times))
    assert len({each.date() for each in local(times)}) == -(-60 * interval // 24)


def test_an_interval_without_end_ends(api: httpx.Client) -> None:
    """No schedule keeps the server busy."""
    for frequency in ("Y", "M", "W", "D", "H"):
        answer = previewing(api, {"count": 1_000}, frequency=frequency, indices=[1], interval=1_000_000, months=1)
        assert answer.status_code in {200, 400}, answer.text


@pytest.mark.parametrize("rare", [{"indices": [366], "weekdays": 1}, {"indices": [1], "interval": 10}])
def test_a_preview_beyond_the_last_year_ends(api: httpx.Client, rare: Json) -> None:
    """It gives the times that there are, and is no error of the server."""
    times = preview(api, 1_000, frequency="Y", **rare)
    assert 0 < len(times) < 1_000
    assert all(second > first for first, second in pairwise(times))
