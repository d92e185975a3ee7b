"""Days that have 23 and 25 hours: production by local day, and averages in real minutes."""

import httpx
import pytest

from api.client import DAY, Json, at, get, make_machine, make_process, make_program, parts_of, report

HOUR = 3_600.0


@pytest.fixture
def berlin(options: httpx.Client) -> httpx.Client:
    """The shop is in Berlin. The options are put back after the test."""
    set_zone(options, "Europe/Berlin")
    return options


def set_zone(api: httpx.Client, zone: str) -> None:
    assert api.patch("/api/options/", json={"timezone": zone}).status_code == 200


def produced(api: httpx.Client, *moments: float) -> tuple[Json, list[str]]:
    """A machine that finished a cycle at each of these moments, and the paths of its program and process."""
    mill = make_machine(api)
    process = make_process(api, mill)
    program = make_program(api, mill, process_id=process["id"])
    report(api, mill, program_name=program["filename"], part_count=0, when=moments[0] - 60)
    for count, when in enumerate(moments, 1):
        report(api, mill, part_count=count, when=when)
    parts = parts_of(api, mill)
    assert [part["finished"] for part in parts] == list(moments)
    return process, [f"/api/programs/{program['id']}", f"/api/processes/{process['id']}"]


def days(api: httpx.Client, paths: list[str], period: str) -> Json:
    """What the overviews of program and process both say."""
    program, process = (get(api, f"{path}/overview/{period}") for path in paths)
    assert program == process
    return process


def average(api: httpx.Client, process: Json) -> float:
    found: float = api.post("/api/processes/averageCycleTimes", json=[process["id"]]).json()[str(process["id"])]
    return found


@pytest.mark.parametrize(
    ("begins", "day", "before", "after", "hours"),
    [
        ("2026-03-28T23:00", "2026-03-29", "2026-03-28", "2026-03-30", 23),
        ("2026-10-24T22:00", "2026-10-25", "2026-10-24", "2026-10-26", 25),
        ("2026-06-09T22:00", "2026-06-10", "2026-06-09", "2026-06-11", 24),
    ],
)
def test_a_part_each_hour(berlin: httpx.Client, begins: str, day: str, before: str, after: str, hours: int) -> None:
    first = at(begins) - HOUR / 2
    process, paths = produced(berlin, *[first + number * HOUR for number in range(hours + 2)])
    expected = {before: 1, day: hours, after: 1}
    assert days(berlin, paths, "2026") == {"2026": expected}
    assert days(berlin, paths, f"2026/{day[5:7]}") == {"2026": expected}
    assert average(berlin, process) == pytest.approx(60)


@pytest.mark.parametrize(
    ("begins", "ends", "day"),
    [
        ("2026-03-28T23:00", "2026-03-29T22:00", "2026-03-29"),
        ("2026-10-24T22:00", "2026-10-25T23:00", "2026-10-25"),
    ],
)
def test_both_midnights(berlin: httpx.Client, begins: str, ends: str, day: str) -> None:
    start, end = at(begins), at(ends)
    _, paths = produced(berlin, start - 0.5, start, start + 0.5, end - 0.5, end, end + 0.5)
    found = days(berlin, paths, f"2026/{int(day[5:7])}")["2026"]
    assert found.pop(day) == 3
    assert sorted(found.values()) == [1, 2]
    assert [found[key] for key in sorted(found)] == [1, 2]


def test_the_repeated_hour_is_of_one_day(berlin: httpx.Client) -> None:
    """Half past two comes twice."""
    process, paths = produced(berlin, at("2026-10-25T00:30"), at("2026-10-25T01:30"), at("2026-10-25T02:30"))
    assert days(berlin, paths, "2026/10") == {"2026": {"2026-10-25": 3}}
    assert average(berlin, process) == pytest.approx(60)


def test_the_hour_that_is_left_out(berlin: httpx.Client) -> None:
    """Half past one, and half past three an hour later."""
    process, paths = produced(berlin, at("2026-03-29T00:30"), at("2026-03-29T01:30"), at("2026-03-29T02:30"))
    assert days(berlin, paths, "2026/3") == {"2026": {"2026-03-29": 3}}
    assert average(berlin, process) == pytest.approx(60)


@pytest.mark.parametrize("change", ["2026-03-29T01:00", "2026-10-25T01:00"])
def test_average_minutes_are_real_minutes(berlin: httpx.Client, change: str) -> None:
    """A gap over the change, a gap that ends at it, and one that begins at it."""
    moment = at(change)
    process, _ = produced(berlin, moment - 50 * 60, moment - 20 * 60, moment, moment + 25 * 60, moment + 50 * 60)
    assert average(berlin, process) == pytest.approx(25)
    process, _ = produced(berlin, moment - 600, moment + 600)
    assert average(berlin, process) == pytest.approx(20)
    set_zone(berlin, "UTC")
    assert average(berlin, process) == pytest.approx(20)


def test_the_ends_of_months_and_years(berlin: httpx.Client) -> None:
    moments = [
        "2025-12-31T22:59:59",
        "2025-12-31T23:00",
        "2026-03-31T21:59:59",
        "2026-03-31T22:00",
        "2026-10-31T22:59:59",
        "2026-10-31T23:00",
    ]
    _, paths = produced(berlin, *[at(moment) for moment in moments])
    year = {"2026-01-01": 1, "2026-03-31": 1, "2026-04-01": 1, "2026-10-31": 1, "2026-11-01": 1}
    assert days(berlin, paths, "2025") == {"2025": {"2025-12-31": 1}}
    assert days(berlin, paths, "2026") == {"2026": year}
    for month in range(1, 13):
        expected = {day: count for day, count in year.items() if day.startswith(f"2026-{month:02}")}
        assert days(berlin, paths, f"2026/{month}") == {"2026": expected}, month


def test_a_change_of_the_zone_counts_the_past_anew(berlin: httpx.Client) -> None:
    moments = ["2026-03-28T22:30", "2026-03-28T23:30", "2026-03-29T21:30", "2026-03-29T22:30"]
    _, paths = produced(berlin, *[at(moment) for moment in moments])
    local = {"2026": {"2026-03-28": 1, "2026-03-29": 2, "2026-03-30": 1}}
    assert days(berlin, paths, "2026/3") == local
    set_zone(berlin, "UTC")
    assert days(berlin, paths, "2026/3") == {"2026": {"2026-03-28": 2, "2026-03-29": 2}}
    # New York changed three weeks before.
    set_zone(berlin, "America/New_York")
    assert days(berlin, paths, "2026/3") == {"2026": {"2026-03-28": 2, "2026-03-29": 2}}
    # Summer time ended in Lord Howe a week later, by half an hour: it is 11 hours ahead.
    set_zone(berlin, "Australia/Lord_Howe")
    assert days(berlin, paths, "2026/3") == {"2026": {"2026-03-29": 2, "2026-03-30": 2}}
    set_zone(berlin, "Europe/Berlin")
    assert days(berlin, paths, "2026/3") == local


def test_a_change_by_half_an_hour(options: httpx.Client) -> None:
    """On Lord Howe Island the fifth of April has 24.5 hours: from 13:00 UTC to 13:30 UTC of the next day."""
    set_zone(options, "Australia/Lord_Howe")
    start = at("2026-04-04T13:00")
    moments = [start - 1, start, start + DAY + 1_799, start + DAY + 1_800]
    _, paths = produced(options, *moments)
    assert days(options, paths, "2026/4") == {"2026": {"2026-04-04": 1, "2026-04-05": 2, "2026-04-06": 1}}


def test_scrapped_and_deleted_parts_of_such_a_day(berlin: httpx.Client) -> None:
    moments = [at("2026-10-24T22:00"), at("2026-10-25T00:30"), at("2026-10-25T01:30"), at("2026-10-25T22:59:59")]
    process, paths = produced(berlin, *moments)
    parts = get(berlin, "/api/parts/", process=process["id"])
    ids = sorted(parts, key=lambda key: parts[key]["finished"])
    assert berlin.patch(f"/api/parts/{ids[1]}", json={"scrapped": True}).status_code == 200
    assert berlin.delete(f"/api/parts/{ids[2]}").status_code == 204
    assert days(berlin, paths, "2026") == {"2026": {"2026-10-25": 3}}


def test_the_chart_of_such_a_day(berlin: httpx.Client) -> None:
    start, end = at("2026-10-24T22:00"), at("2026-10-25T23:00")
    _, paths = produced(berlin, start - 1, start + 1, at("2026-10-25T00:30"), at("2026-10-25T01:30"), end - 1, end + 1)
    for path in paths:
        chart = get(berlin, f"{path}/chart", start=start, end=end)
        finished = sorted(part["finished"] for part in chart["parts"].values())
        assert finished == [start + 1, at("2026-10-25T00:30"), at("2026-10-25T01:30"), end - 1]
