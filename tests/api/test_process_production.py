"""What a process does to production, and production to it, by the updates of a machine."""

import time
from typing import Any

import httpx
import pytest

from api.client import (
    DAY,
    Json,
    alerts_of,
    at,
    get,
    machine_of,
    make_machine,
    make_process,
    make_program,
    parts_of,
    refused,
    report,
    unique,
)

MARCH = at("2026-03-10T12:00")
MINUTE = 60.0
HOUR = 3_600.0


def made(answer: httpx.Response) -> Json:
    assert answer.status_code == 201, answer.text
    found: Json = answer.json()
    return found


def make_assembly(api: httpx.Client, process: Json | None = None, **fields: Any) -> Json:
    body = {"name": unique("assembly"), "process_id": process["id"] if process else None}
    return made(api.put("/api/tools/assemblies/", json=body | fields))


def process_id_of(api: httpx.Client, assembly: Json) -> int | None:
    found: int | None = get(api, f"/api/tools/assemblies/{assembly['id']}")["process_id"]
    return found


def process_of(api: httpx.Client, process: Json, **query: Any) -> Json:
    return get(api, f"/api/processes/{process['id']}", **query)


def patch(api: httpx.Client, kind: str, which: Json, **fields: Any) -> Json:
    answer = api.patch(f"/api/{kind}/{which['id']}", json=fields)
    assert answer.status_code == 200, answer.text
    changed: Json = answer.json()
    return changed


def running(api: httpx.Client, mill: Json | None = None, when: float = MARCH, **fields: Any) -> tuple[Json, Json, Json]:
    """A machine, a process of it that is loaded, and its program. The counter stands at 0."""
    mill = mill or make_machine(api)
    process = make_process(api, mill, **fields)
    program = make_program(api, mill, process_id=process["id"])
    report(api, mill, program_name=program["filename"], part_count=0, when=when)
    return mill, process, program


# Parts


def test_a_cycle_makes_the_parts_of_its_process(api: httpx.Client) -> None:
    mill, process, program = running(api, parts_per_cycle=3)
    report(api, mill, part_count=2, when=MARCH + MINUTE)
    parts = parts_of(api, mill)
    assert len(parts) == 6
    assert {(part["process_id"], part["program_id"]) for part in parts} == {(process["id"], program["id"])}
    assert get(api, f"/api/processes/{process['id']}/overview/2026") == {"2026": {"2026-03-10": 6}}


def test_a_change_of_parts_per_cycle_does_not_change_the_past(api: httpx.Client) -> None:
    mill, process, _ = running(api, parts_per_cycle=3)
    report(api, mill, part_count=1, when=MARCH + MINUTE)
    patch(api, "processes", process, parts_per_cycle=1)
    assert len(parts_of(api, mill)) == 3
    report(api, mill, part_count=2, when=MARCH + 2 * MINUTE)
    assert len(parts_of(api, mill)) == 4
    assert get(api, f"/api/processes/{process['id']}/overview/2026/3") == {"2026": {"2026-03-10": 4}}


def test_a_program_without_a_process_makes_one_part_a_cycle(api: httpx.Client) -> None:
    mill, _, program = running(api, parts_per_cycle=3)
    patch(api, "programs", program, process_id=None)
    report(api, mill, part_count=2, when=MARCH + MINUTE)
    assert [part["process_id"] for part in parts_of(api, mill)] == [None, None]


def test_a_variable_is_read_instead_of_the_part_count(api: httpx.Client) -> None:
    mill, process, _ = running(api, part_count_cv=300)
    report(api, mill, part_count=10, common_vars={"300": 5}, when=MARCH + MINUTE)
    report(api, mill, part_count=20, common_vars={"300": 7}, when=MARCH + 2 * MINUTE)
    report(api, mill, part_count=30, common_vars={"300": 7}, when=MARCH + 3 * MINUTE)
    assert [part["finished"] for part in parts_of(api, mill)] == [MARCH + 2 * MINUTE] * 2
    patch(api, "processes", process, part_count_cv=None)
    report(api, mill, part_count=31, common_vars={"300": 9}, when=MARCH + 4 * MINUTE)
    assert len(parts_of(api, mill)) == 3


def test_every_counter_is_followed_but_one_makes_cycles(api: httpx.Client) -> None:
    mill, first, program = running(api, part_count_cv=300)
    other = make_program(api, mill)
    for minute, name, count, variable in (
        (1, program["filename"], 4, 1),
        (2, program["filename"], 5, 2),
        (3, other["filename"], 5, 2),
        (4, other["filename"], 6, 8),
        (5, program["filename"], 6, 8),
        (6, program["filename"], 9, 9),
    ):
        values = {"part_count": count, "common_vars": {"300": variable}}
        report(api, mill, program_name=name, **values, when=MARCH + minute * MINUTE)
    assert [(part["finished"] - MARCH) / MINUTE for part in parts_of(api, mill)] == [2, 4, 6]
    assert process_of(api, first)["last_cycle"]["finished"] == MARCH + 6 * MINUTE


def test_the_variables_of_the_map_are_stored_with_the_part(api: httpx.Client) -> None:
    cv_map = {"Serial number": {"number": 5}, "Depth": {"number": 101}, "Never said": {"number": 7}}
    mill, _, _ = running(api, cv_map=cv_map)
    for count, variables in enumerate(({"5": 41, "101": 2.5, "999": 1}, {"5": 42, "101": -0.125}), 1):
        report(api, mill, part_count=count, common_vars=variables, when=MARCH + count * MINUTE)
    assert [part["variables"] for part in parts_of(api, mill)] == [
        {"Serial number": 41, "Depth": 2.5},
        {"Serial number": 42, "Depth": -0.125},
    ]


def test_a_part_keeps_the_names_that_the_map_had(api: httpx.Client) -> None:
    mill, process, _ = running(api, cv_map={"Depth": {"number": 5}})
    report(api, mill, part_count=1, common_vars={"5": 3}, when=MARCH + MINUTE)
    patch(api, "processes", process, cv_map={"Height": {"number": 5}})
    report(api, mill, part_count=2, common_vars={"5": 4}, when=MARCH + 2 * MINUTE)
    assert [part["variables"] for part in parts_of(api, mill)] == [{"Depth": 3}, {"Height": 4}]


# Comparisons


@pytest.mark.parametrize("value", [9, 9.999, 10, 10.001, 11])
@pytest.mark.parametrize(
    ("comparison", "holds"),
    [
        ("EQ", lambda value: value == 10),
        ("NE", lambda value: value != 10),
        ("LT", lambda value: value < 10),
        ("LE", lambda value: value <= 10),
        ("GT", lambda value: value > 10),
        ("GE", lambda value: value >= 10),
    ],
)
def test_a_comparison_alerts_at_and_beside_its_limit(
    api: httpx.Client, comparison: str, holds: Any, value: float
) -> None:
    cv_map = {"Depth": {"number": 5, "notifyComparison": comparison, "notifyValue": 10}}
    mill, process, _ = running(api, cv_map=cv_map)
    report(api, mill, part_count=1, common_vars={"5": value}, when=MARCH + MINUTE)
    alerts = [alert for alert in alerts_of(api, mill) if alert["process_id"] == process["id"]]
    assert len(alerts) == int(holds(value))


def test_a_variable_that_is_unknown_alerts_nobody(api: httpx.Client) -> None:
    mill, _, _ = running(api, cv_map={"Depth": {"number": 5, "notifyComparison": "NE", "notifyValue": 10}})
    report(api, mill, part_count=1, common_vars={"6": 3}, when=MARCH + MINUTE)
    report(api, mill, part_count=2, when=MARCH + 2 * MINUTE)
    assert alerts_of(api, mill) == []


def test_a_variable_without_a_comparison_alerts_nobody(api: httpx.Client) -> None:
    mill, _, _ = running(api, cv_map={"Depth": {"number": 5}})
    report(api, mill, part_count=1, common_vars={"5": 3}, when=MARCH + MINUTE)
    assert alerts_of(api, mill) == []


def test_only_the_loaded_process_compares(api: httpx.Client) -> None:
    mill = make_machine(api)
    make_process(api, mill, cv_map={"Depth": {"number": 5, "notifyComparison": "GT", "notifyValue": 10}})
    running(api, mill)
    report(api, mill, part_count=1, common_vars={"5": 20}, when=MARCH + MINUTE)
    assert alerts_of(api, mill) == []


def test_each_variable_alerts_for_itself(api: httpx.Client) -> None:
    entry = {"notifyComparison": "GT", "notifyValue": 10}
    mill, _, _ = running(api, cv_map={name: entry | {"number": number} for name, number in (("A", 5), ("B", 6))})
    report(api, mill, part_count=1, common_vars={"5": 20, "6": 20}, when=MARCH + MINUTE)
    assert len(alerts_of(api, mill)) == 2


# What is shown and loaded


def test_the_display_variable_is_among_the_variables_of_the_machine(api: httpx.Client) -> None:
    mill, _, _ = running(api, display_variable=501)
    report(api, mill, common_vars={"501": 7.5}, when=MARCH + MINUTE)
    assert machine_of(api, mill)["variables"]["501"] == 7.5
    report(api, mill, common_vars={"501": 8}, when=MARCH + 2 * MINUTE)
    assert machine_of(api, mill)["variables"]["501"] == 8


def test_a_variable_loads_the_process_of_its_program(api: httpx.Client) -> None:
    mill = make_machine(api, program_cv=500)
    first, second = make_process(api, mill), make_process(api, mill, parts_per_cycle=2)
    named = make_program(api, mill, process_id=first["id"])
    by_value = make_program(api, mill, process_id=second["id"], load_by_var_value=7)
    name = {"program_name": named["filename"]}
    for minute, value, expected in ((0, 3, named), (1, 7, by_value), (2, 8, named), (3, 7, by_value)):
        report(api, mill, **name, common_vars={"500": value}, part_count=minute, when=MARCH + minute * MINUTE)
        assert machine_of(api, mill)["loaded_program_id"] == expected["id"]
        loaded = [process_of(api, process)["loaded"] for process in (first, second)]
        assert loaded == [expected is named, expected is by_value]
    # A count that comes with another program belongs to the one before.
    assert [part["program_id"] for part in parts_of(api, mill)] == [
        named["id"],
        by_value["id"],
        by_value["id"],
        named["id"],
    ]


def test_loaded_goes_with_the_program(api: httpx.Client) -> None:
    mill, process, program = running(api)
    assert process_of(api, process)["loaded"] is True
    report(api, mill, program_name="another", when=MARCH + MINUTE)
    assert process_of(api, process)["loaded"] is False
    report(api, mill, program_name=program["filename"], when=MARCH + 2 * MINUTE)
    assert process_of(api, process)["loaded"] is True
    assert api.delete(f"/api/programs/{program['id']}").status_code == 204
    assert process_of(api, process)["loaded"] is False


def test_last_cycle_is_of_the_last_part(api: httpx.Client) -> None:
    mill, process, first = running(api)
    second = make_program(api, mill, process_id=process["id"])
    assert process_of(api, process)["last_cycle"] is None
    report(api, mill, part_count=1, program_name=second["filename"], when=MARCH + MINUTE)
    assert process_of(api, process)["last_cycle"] == {"finished": MARCH + MINUTE, "program_id": first["id"]}
    report(api, mill, part_count=2, when=MARCH + 2.5 * MINUTE)
    assert process_of(api, process)["last_cycle"] == {"finished": MARCH + 2.5 * MINUTE, "program_id": second["id"]}
    assert get(api, "/api/processes/")[str(process["id"])]["last_cycle"]["program_id"] == second["id"]


# Shared assemblies


@pytest.fixture
def street(api: httpx.Client) -> Json:
    """Two processes of a machine, the first of them loaded, and assemblies: shared, not shared, of another machine."""
    mill, first, _ = running(api, when=time.time() - 10)
    second, elsewhere = make_process(api, mill), make_process(api, make_machine(api))
    return {
        "mill": mill,
        "first": first,
        "second": second,
        "elsewhere": elsewhere,
        "program": make_program(api, mill, process_id=second["id"]),
        "shared": make_assembly(api, first, shared=True),
        "unloaded": make_assembly(api, make_process(api, mill), shared=True),
        "own": make_assembly(api, first),
        "loose": make_assembly(api, shared=True),
        "theirs": make_assembly(api, elsewhere, shared=True),
    }


def places(api: httpx.Client, street: Json) -> dict[str, int | None]:
    return {name: process_id_of(api, street[name]) for name in ("shared", "unloaded", "own", "loose", "theirs")}


def test_a_switch_moves_every_shared_assembly_of_the_machine(api: httpx.Client, street: Json) -> None:
    before = places(api, street)
    report(api, street["mill"], program_name=street["program"]["filename"])
    assert places(api, street) == before | {"shared": street["second"]["id"], "unloaded": street["second"]["id"]}


def test_a_switch_by_moving_the_program_moves_them_too(api: httpx.Client, street: Json) -> None:
    report(api, street["mill"], program_name=street["program"]["filename"])
    before = places(api, street)
    third = make_process(api, street["mill"])
    patch(api, "programs", street["program"], process_id=third["id"])
    assert machine_of(api, street["mill"])["loaded_process_id"] == third["id"]
    assert places(api, street) == before | {"shared": third["id"], "unloaded": third["id"]}


def test_a_program_without_a_process_moves_nothing(api: httpx.Client, street: Json) -> None:
    before = places(api, street)
    report(api, street["mill"], program_name="a new program")
    assert machine_of(api, street["mill"])["loaded_process_id"] is None
    assert places(api, street) == before
    patch(api, "programs", street["program"], process_id=street["first"]["id"])
    assert places(api, street) == before


def test_the_list_of_a_process_may_have_shared_ones_of_its_machine(api: httpx.Client, street: Json) -> None:
    query = {"process": street["second"]["id"]}
    assert get(api, "/api/tools/assemblies/", **query) == {}
    found = get(api, "/api/tools/assemblies/", **query, shared=1)
    assert found.keys() == {str(street[name]["id"]) for name in ("shared", "unloaded")}


def test_a_switch_of_the_past_moves_what_never_moved(api: httpx.Client) -> None:
    """Before its first move an assembly was always where it was first put: history comes after the set-up."""
    mill, first, _ = running(api)
    second = make_process(api, mill)
    assembly = make_assembly(api, first, shared=True)
    report(api, mill, program_name=make_program(api, mill, process_id=second["id"])["filename"], when=MARCH + MINUTE)
    assert machine_of(api, mill)["loaded_process_id"] == second["id"]
    assert process_id_of(api, assembly) == second["id"]


# Tools that are used, and that are not


def test_unassigned_tools_that_were_used(api: httpx.Client) -> None:
    mill, process, _ = running(api)
    make_assembly(api, process, location=1)
    make_assembly(api, make_process(api, mill), location=7)
    report(api, mill, part_count=1, tools_seen=[1, 7], when=MARCH + MINUTE)
    assert process_of(api, process)["unassigned_tools_used"] == {"7": MARCH + MINUTE}
    report(api, mill, part_count=2, tools_seen=[1, 12], when=MARCH + 2 * MINUTE)
    both = {"7": MARCH + MINUTE, "12": MARCH + 2 * MINUTE}
    assert process_of(api, process)["unassigned_tools_used"] == both
    report(api, mill, part_count=3, tools_seen=[7], when=MARCH + 3 * MINUTE)
    assert process_of(api, process)["unassigned_tools_used"] == both | {"7": MARCH + 3 * MINUTE}
    assert get(api, "/api/processes/")[str(process["id"])]["unassigned_tools_used"].keys() == {"7", "12"}


def test_a_location_that_an_assembly_fills_is_not_unassigned(api: httpx.Client) -> None:
    mill, process, _ = running(api)
    report(api, mill, part_count=1, tools_seen=[7, 8], when=MARCH + MINUTE)
    assert process_of(api, process)["unassigned_tools_used"].keys() == {"7", "8"}
    make_assembly(api, process, location=7)
    assert process_of(api, process)["unassigned_tools_used"].keys() == {"8"}


def test_locations_are_those_used_while_the_process_was_active(api: httpx.Client) -> None:
    mill, process, _ = running(api)
    other = make_process(api, mill)
    program = make_program(api, mill, process_id=other["id"])
    report(api, mill, program_name=program["filename"], when=MARCH + MINUTE)
    report(api, mill, part_count=1, tools_seen=[7], when=MARCH + 2 * MINUTE)
    assert process_of(api, process)["unassigned_tools_used"] == {}
    assert process_of(api, other)["unassigned_tools_used"] == {"7": MARCH + 2 * MINUTE}


def test_a_location_is_of_the_process_that_was_active_when_it_was_used(api: httpx.Client) -> None:
    mill, process, _ = running(api)
    other = make_process(api, mill)
    program = make_program(api, mill, process_id=other["id"])
    report(api, mill, tools_seen=[7], when=MARCH + MINUTE)
    report(api, mill, program_name=program["filename"], when=MARCH + 2 * MINUTE)
    report(api, mill, part_count=1, tools_seen=[8], when=MARCH + 3 * MINUTE)
    assert process_of(api, process)["unassigned_tools_used"].keys() == {"7"}
    assert process_of(api, other)["unassigned_tools_used"].keys() == {"8"}


def test_unused_tool_locations_go_by_the_last_parts(options: httpx.Client) -> None:
    mill, process, _ = running(options)
    for location in (1, 2, 3, 4, None):
        make_assembly(options, process, location=location)
    make_assembly(options, make_process(options, mill), location=5)
    for count, seen in enumerate(([1, 2, 3, 9], [1, 3], [1], [1], [1], [1]), 1):
        report(options, mill, part_count=count, tools_seen=seen, when=MARCH + count * MINUTE)

    def unused() -> list[int]:
        return sorted(process_of(options, process)["unused_tool_locations"])

    # The default is 5 parts.
    assert unused() == [2, 4]
    for parts, expected in ((1, [2, 3, 4]), (4, [2, 3, 4]), (5, [2, 4]), (6, [4]), ("6", [4])):
        answer = options.patch("/api/options/", json={"check_unused_tools_parts": parts})
        assert answer.status_code == 200, answer.text
        assert unused() == expected, parts


def test_check_unused_tools_parts_is_an_integer(options: httpx.Client) -> None:
    before = get(options, "/api/options/")
    assert before["check_unused_tools_parts"] == 5
    for wrong in (1.5, "few", None, [], -1):
        refused(options.patch("/api/options/", json={"check_unused_tools_parts": wrong}), 400)
    assert get(options, "/api/options/") == before


# Efficiency


def efficiency_of(api: httpx.Client, process: Json) -> Json:
    found: Json = process_of(api, process, efficiency=1)["efficiency"]
    assert get(api, "/api/processes/", efficiency=1)[str(process["id"])]["efficiency"].keys() == found.keys()
    return found


def test_efficiency_of_the_last_day(api: httpx.Client) -> None:
    """Loaded for two hours of which it ran one: six cycles of two parts, where twelve cycles were expected."""
    now = time.time()
    start = now - 2 * HOUR
    mill, process, _ = running(api, when=start, time_per_cycle=10, parts_per_cycle=2)
    report(api, mill, cycle_state="ACTIVE", when=start)
    for count in range(1, 7):
        report(api, mill, part_count=count, when=start + count * 10 * MINUTE)
    report(api, mill, cycle_state="STOPPED", when=start + HOUR)
    found = efficiency_of(api, process)
    assert found["end"] == pytest.approx(time.time(), abs=10)
    assert found["start"] == pytest.approx(found["end"] - DAY)
    assert found["parts"] == 12
    assert found["loaded_seconds"] == pytest.approx(2 * HOUR, abs=10)
    assert found["running_seconds"] == pytest.approx(HOUR, abs=1)
    assert found["utilization"] == pytest.approx(0.5, rel=0.01)
    assert found["expected_parts"] == pytest.approx(24, rel=0.01)
    assert found["efficiency"] == pytest.approx(0.5, rel=0.01)
    assert found["average_cycle_minutes"] == pytest.approx(10)


def test_efficiency_counts_while_the_process_is_loaded(api: httpx.Client) -> None:
    start = time.time() - 5 * HOUR
    mill, process, program = running(api, when=start, time_per_cycle=6)
    report(api, mill, cycle_state="ACTIVE", when=start)
    report(api, mill, program_name="another", when=start + HOUR)
    report(api, mill, program_name=program["filename"], when=start + 2 * HOUR)
    report(api, mill, part_count=3, program_name="another", when=start + 2.5 * HOUR)
    found = efficiency_of(api, process)
    assert found["loaded_seconds"] == pytest.approx(1.5 * HOUR, abs=1)
    assert found["running_seconds"] == pytest.approx(1.5 * HOUR, abs=1)
    assert found["utilization"] == pytest.approx(1, rel=0.001)
    assert (found["parts"], found["expected_parts"]) == (3, pytest.approx(15, rel=0.001))
    assert found["efficiency"] == pytest.approx(0.2, rel=0.001)


def test_efficiency_looks_at_24_hours(api: httpx.Client) -> None:
    now = time.time()
    mill, process, _ = running(api, when=now - 3 * DAY, time_per_cycle=60)
    report(api, mill, cycle_state="running", part_count=1, when=now - 2 * DAY)
    report(api, mill, part_count=3, when=now - HOUR)
    found = efficiency_of(api, process)
    assert found["parts"] == 2
    assert found["loaded_seconds"] == pytest.approx(DAY, abs=1)
    assert found["running_seconds"] == pytest.approx(DAY, abs=1)
    assert found["expected_parts"] == pytest.approx(24, rel=0.001)


def test_efficiency_is_null_where_a_divisor_is_0_or_unknown(api: httpx.Client) -> None:
    never = efficiency_of(api, make_process(api, make_machine(api), time_per_cycle=5))
    nothing = {"parts": 0, "loaded_seconds": 0, "running_seconds": 0}
    unknown = {"utilization": None, "efficiency": None, "average_cycle_minutes": None}
    assert never.items() >= (nothing | unknown).items()
    mill, process, _ = running(api, when=time.time() - HOUR)
    report(api, mill, part_count=4, when=time.time() - 60)
    found = efficiency_of(api, process)
    assert (found["parts"], found["expected_parts"], found["efficiency"]) == (4, None, None)
    assert found["utilization"] == 0
