"""Overviews, charts and average cycle times of processes, as `api/process.txt` and `domain.md` have them."""

import time
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from api.client import DAY, UNKNOWN, Json, at, get, make_machine, make_process, make_program, parts_of, refused, report

MARCH = at("2026-03-10T00:00")
MINUTE = 60.0


def loaded(api: httpx.Client, **fields: Any) -> tuple[Json, Json]:
    """A machine, and a process of it that is loaded. Its counter stands at 0."""
    mill = make_machine(api)
    process = make_process(api, mill, **fields)
    program = make_program(api, mill, process_id=process["id"])
    report(api, mill, program_name=program["filename"], part_count=0, when=MARCH - MINUTE)
    return mill, process


def cycles(api: httpx.Client, mill: Json, *minutes: float) -> None:
    """A cycle is finished at each of these minutes."""
    for count, minute in enumerate(minutes, 1):
        report(api, mill, part_count=count, when=MARCH + minute * MINUTE)


def listed(api: httpx.Client, process: Json) -> Json:
    found: Json = get(api, "/api/processes/")[str(process["id"])]
    return found


def averages(api: httpx.Client, *processes: Json) -> list[float | None]:
    answer = api.post("/api/processes/averageCycleTimes", json=[process["id"] for process in processes])
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found.keys() == {str(process["id"]) for process in processes}
    return [found[str(process["id"])] for process in processes]


# GET /api/processes/{id}/overview/{year}[/{month}]


@pytest.fixture(scope="module")
def produced(api: httpx.Client) -> Json:
    """A process of two programs that made two parts a cycle, in three months of 2025, and some before and after."""
    mill = make_machine(api)
    process = make_process(api, mill, parts_per_cycle=2)
    programs = [make_program(api, mill, process_id=process["id"]) for _ in range(2)]
    outside = make_program(api, mill)
    moments = [
        ("2024-12-31T23:59:59", programs[0]),
        ("2025-01-01T00:00:00", programs[1]),
        ("2025-02-28T12:00:00", programs[0]),
        ("2025-02-28T13:00:00", outside),
        ("2025-03-01T02:00:00", programs[0]),
        ("2025-03-01T08:00:00", programs[1]),
        ("2025-03-31T23:30:00", programs[0]),
        ("2025-12-31T23:59:59.5", programs[0]),
        ("2026-01-01T00:00:00", programs[0]),
    ]
    for count, (moment, program) in enumerate(moments):
        report(api, mill, program_name=program["filename"], part_count=count, when=at(moment) - 0.25)
        report(api, mill, part_count=count + 1, when=at(moment))
    return process


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_overview_of_a_year(api: httpx.Client, produced: Json, slash: str) -> None:
    path = f"/api/processes/{produced['id']}/overview"
    assert get(api, f"{path}/2025{slash}") == {
        "2025": {"2025-01-01": 2, "2025-02-28": 2, "2025-03-01": 4, "2025-03-31": 2, "2025-12-31": 2}
    }
    assert get(api, f"{path}/2024{slash}") == {"2024": {"2024-12-31": 2}}
    assert get(api, f"{path}/2026{slash}") == {"2026": {"2026-01-01": 2}}


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize(
    ("month", "days"),
    [
        ("1", {"2025-01-01": 2}),
        ("02", {"2025-02-28": 2}),
        ("3", {"2025-03-01": 4, "2025-03-31": 2}),
        ("4", {}),
        ("12", {"2025-12-31": 2}),
    ],
)
def test_the_overview_of_a_month(api: httpx.Client, produced: Json, month: str, days: Json, slash: str) -> None:
    assert get(api, f"/api/processes/{produced['id']}/overview/2025/{month}{slash}") == {"2025": days}


def test_the_overview_of_a_year_without_parts(api: httpx.Client, produced: Json) -> None:
    assert get(api, f"/api/processes/{produced['id']}/overview/2023") == {"2023": {}}
    never = make_process(api, make_machine(api))
    assert get(api, f"/api/processes/{never['id']}/overview/2025/3") == {"2025": {}}


@pytest.mark.parametrize("month", [0, 13, 100])
def test_a_month_that_is_none_is_400(api: httpx.Client, produced: Json, month: int) -> None:
    refused(api.get(f"/api/processes/{produced['id']}/overview/2025/{month}"), 400)


@pytest.mark.parametrize("year", ["0", "10000", "9" * 26, "-5", "abc", "2024.5"])
def test_a_year_that_is_none_is_no_error_of_the_server(api: httpx.Client, produced: Json, year: str) -> None:
    for path in (year, f"{year}/1"):
        assert api.get(f"/api/processes/{produced['id']}/overview/{path}").status_code in {200, 400, 404}


@pytest.mark.parametrize("path", ["2025", "2025/3"])
def test_the_overview_of_an_unknown_process_is_404(api: httpx.Client, path: str) -> None:
    refused(api.get(f"/api/processes/{UNKNOWN}/overview/{path}"), 404)


# POST /api/processes/averageCycleTimes


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_example(api: httpx.Client, slash: str) -> None:
    """42 and 43 have run, 44 never has, and 45 doesn't exist."""
    (first_mill, first), (second_mill, second), (_, never) = [loaded(api) for _ in range(3)]
    cycles(api, first_mill, 0, 18, 36.8)
    cycles(api, second_mill, 0, 26.1)
    ids = [first["id"], second["id"], never["id"]]
    answer = api.post(f"/api/processes/averageCycleTimes{slash}", json=[*ids, UNKNOWN])
    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        str(ids[0]): pytest.approx(18.4),
        str(ids[1]): pytest.approx(26.1),
        str(ids[2]): None,
    }


def test_of_no_process_there_is_no_average(api: httpx.Client) -> None:
    for ids in ([], [UNKNOWN], [0], [UNKNOWN, UNKNOWN + 1]):
        answer = api.post("/api/processes/averageCycleTimes", json=ids)
        assert (answer.status_code, answer.json()) == (200, {})


def test_a_process_may_be_asked_for_twice(api: httpx.Client) -> None:
    mill, process = loaded(api)
    cycles(api, mill, 0, 5)
    assert averages(api, process, process) == [pytest.approx(5)] * 2


def test_a_deleted_process_is_left_out(api: httpx.Client) -> None:
    _, process = loaded(api)
    api.delete(f"/api/processes/{process['id']}")
    assert api.post("/api/processes/averageCycleTimes", json=[process["id"]]).json() == {}


@pytest.mark.parametrize("body", [{}, {"42": 1}, "42", 42, None, [[42]], [{}], ["all"], [1.5]])
def test_a_body_that_is_no_list_of_ids_is_400(api: httpx.Client, body: object) -> None:
    refused(api.post("/api/processes/averageCycleTimes", json=body), 400)


def test_a_process_that_ran_once_has_no_time_between_cycles(api: httpx.Client) -> None:
    mill, process = loaded(api)
    cycles(api, mill, 3)
    assert averages(api, process) == [None]


@pytest.mark.parametrize(
    ("minutes", "average"),
    [
        pytest.param([0, 4, 10], 5, id="the mean, not the median"),
        pytest.param([0, 10, 20, 50], 50 / 3, id="three times the median is not longer"),
        pytest.param([0, 10, 20, 50.1], 10, id="longer than three times the median is a break"),
        pytest.param([0, 10, 20, 30, 900, 910], 10, id="a night"),
        pytest.param([0, 1, 2, 12], 1, id="a break between short ones"),
        pytest.param([0, 0.005, 0.01], 0.005, id="less than a second"),
    ],
)
def test_the_mean_of_the_gaps_without_breaks(api: httpx.Client, minutes: list[float], average: float) -> None:
    mill, process = loaded(api)
    cycles(api, mill, *minutes)
    assert averages(api, process) == [pytest.approx(average)]


def test_the_last_hundred_gaps_are_looked_at(api: httpx.Client) -> None:
    mill, process = loaded(api)
    slow = [3.0 * number for number in range(31)]
    cycles(api, mill, *slow, *[slow[-1] + 2 * number for number in range(1, 100)])
    # 99 of 2 minutes, and one of 3.
    assert averages(api, process) == [pytest.approx(2.01)]


def test_cycles_of_one_update_are_equal_shares_of_its_time(api: httpx.Client) -> None:
    mill, process = loaded(api)
    for count, minute in ((1, 0), (2, 10), (6, 50), (7, 62)):
        report(api, mill, part_count=count, when=MARCH + minute * MINUTE)
    assert averages(api, process) == [pytest.approx(62 / 6)]


def test_cycles_are_looked_at_not_parts(api: httpx.Client) -> None:
    mill, process = loaded(api, parts_per_cycle=5)
    cycles(api, mill, 0, 4, 8)
    assert len(parts_of(api, mill)) == 15
    assert averages(api, process) == [pytest.approx(4)]


def test_all_programs_of_the_process_are_looked_at(api: httpx.Client) -> None:
    mill, process = loaded(api)
    other = make_program(api, mill, process_id=process["id"])
    report(api, mill, part_count=1, when=MARCH)
    report(api, mill, part_count=2, when=MARCH + 6 * MINUTE)
    report(api, mill, program_name=other["filename"], when=MARCH + 7 * MINUTE)
    report(api, mill, part_count=3, when=MARCH + 14 * MINUTE)
    assert averages(api, process) == [pytest.approx(7)]


def test_cycles_of_other_processes_do_not_count(api: httpx.Client) -> None:
    mill, process = loaded(api)
    other = make_process(api, mill)
    outside = make_program(api, mill, process_id=other["id"])
    report(api, mill, part_count=1, when=MARCH)
    report(api, mill, part_count=2, program_name=outside["filename"], when=MARCH + 6 * MINUTE)
    for count, minute in ((3, 8), (4, 9), (5, 10)):
        report(api, mill, part_count=count, when=MARCH + minute * MINUTE)
    assert averages(api, process, other) == [pytest.approx(6), pytest.approx(1)]


def test_scrapped_parts_were_made(api: httpx.Client) -> None:
    mill, process = loaded(api)
    cycles(api, mill, 0, 10, 30)
    api.patch(f"/api/parts/{parts_of(api, mill)[1]['id']}", json={"scrapped": True})
    assert averages(api, process) == [pytest.approx(15)]


@pytest.mark.parametrize(("index", "average"), [(0, 20), (1, 30), (2, 10)])
def test_a_deleted_part_was_never_made(api: httpx.Client, index: int, average: float) -> None:
    mill, process = loaded(api)
    cycles(api, mill, 0, 10, 30)
    assert api.delete(f"/api/parts/{parts_of(api, mill)[index]['id']}").status_code == 204
    assert averages(api, process) == [pytest.approx(average)]


def test_when_all_parts_are_deleted_the_process_never_ran(api: httpx.Client) -> None:
    mill, process = loaded(api)
    cycles(api, mill, 0, 10, 30)
    for part in parts_of(api, mill):
        api.delete(f"/api/parts/{part['id']}")
    assert averages(api, process) == [None]


# GET /api/processes/{id}/chart


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_chart_is_the_process_and_its_parts(api: httpx.Client, produced: Json, slash: str) -> None:
    query = {"start": at("2025-02-01T00:00"), "end": at("2025-03-01T05:00")}
    chart = get(api, f"/api/processes/{produced['id']}/chart{slash}", **query)
    assert chart.keys() == {"process", "parts"}
    assert chart["process"].items() >= listed(api, produced).items()
    moments = [at("2025-02-28T12:00"), at("2025-03-01T02:00")]
    assert sorted(part["finished"] for part in chart["parts"].values()) == sorted(moments * 2)
    for key, part in chart["parts"].items():
        assert part == get(api, f"/api/parts/{key}")
        assert part["process_id"] == produced["id"]


@pytest.mark.parametrize("query", ["start=monday", "end=now", "start=2024-01-01", "end=nan", "start=inf", "start="])
def test_a_bound_that_is_not_a_number_is_400(api: httpx.Client, produced: Json, query: str) -> None:
    refused(api.get(f"/api/processes/{produced['id']}/chart?{query}"), 400)


def test_the_chart_of_nothing(api: httpx.Client, produced: Json) -> None:
    path = f"/api/processes/{produced['id']}/chart"
    start = at("2025-02-28T00:00")
    assert get(api, path, start=start - DAY, end=start)["parts"] == {}
    assert get(api, path, start=start + DAY, end=start)["parts"] == {}
    assert get(api, path)["parts"] == {}


def test_the_chart_of_an_unknown_process_is_404(api: httpx.Client) -> None:
    refused(api.get(f"/api/processes/{UNKNOWN}/chart"), 404)


def test_start_and_end_of_the_chart_are_floats(api: httpx.Client) -> None:
    mill, process = loaded(api)
    for count, part in enumerate((0.25, 0.5, 0.75), 1):
        report(api, mill, part_count=count, when=MARCH + part)
    chart = get(api, f"/api/processes/{process['id']}/chart", start=MARCH + 0.4, end=MARCH + 0.6)
    assert [part["finished"] for part in chart["parts"].values()] == [MARCH + 0.5]


def test_the_chart_begins_with_the_local_day_and_ends_now(options: httpx.Client) -> None:
    # A zone in which it is about noon, so that the day began twelve to thirteen hours ago.
    hour = datetime.now(UTC).hour
    options.patch("/api/options/", json={"timezone": "Etc/GMT" if hour == 12 else f"Etc/GMT{hour - 12:+d}"})
    mill, process = loaded(options)
    now = round(time.time())
    today = [now - 11 * 3_600, now - 2]
    for count, when in enumerate([now - 14 * 3_600, *today], 1):
        report(options, mill, part_count=count, when=when)
    path = f"/api/processes/{process['id']}/chart"

    def finished(**query: float) -> list[float]:
        return sorted(part["finished"] for part in get(options, path, **query)["parts"].values())

    assert finished() == today
    assert finished(end=now - 3_600) == today[:1]
    assert finished(start=now - 3_600) == today[1:]
    assert finished(start=0) == [now - 14 * 3_600, *today]


def test_the_day_of_the_chart_is_that_of_the_zone(options: httpx.Client) -> None:
    """A part of two hours ago is of today where it is noon, and of yesterday where it is one o'clock at night."""
    now = datetime.now(UTC)
    mill, process = loaded(options)
    report(options, mill, part_count=1, when=round(time.time()) - 7_200)
    path = f"/api/processes/{process['id']}/chart"
    for clock, parts in ((12, 1), (1, 0)):
        ahead = (clock - now.hour + 12) % 24 - 12
        options.patch("/api/options/", json={"timezone": f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"})
        assert len(get(options, path)["parts"]) == parts, clock


def test_the_chart_has_scrapped_parts_and_no_deleted_ones(api: httpx.Client) -> None:
    mill, process = loaded(api)
    cycles(api, mill, 1, 2, 3)
    scrapped, deleted, kept = (part["id"] for part in parts_of(api, mill))
    api.patch(f"/api/parts/{scrapped}", json={"scrapped": True})
    api.delete(f"/api/parts/{deleted}")
    chart = get(api, f"/api/processes/{process['id']}/chart", start=MARCH)
    assert {key: part["scrapped"] for key, part in chart["parts"].items()} == {str(scrapped): True, str(kept): False}


def test_a_number_of_minutes_may_come_in_any_year(api: httpx.Client) -> None:
    """Nothing about an average depends on how long ago it was."""
    mill = make_machine(api)
    process = make_process(api, mill)
    program = make_program(api, mill, process_id=process["id"])
    start = at("2009-05-03T10:00")
    report(api, mill, program_name=program["filename"], part_count=0, when=start)
    for count in range(1, 4):
        report(api, mill, part_count=count, when=start + count * 90)
    assert averages(api, process) == [pytest.approx(1.5)]
    assert get(api, f"/api/processes/{process['id']}/overview/2009/5") == {"2009": {"2009-05-03": 3}}
