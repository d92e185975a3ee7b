"""Machine updates at the endpoint: what counts, what doesn't, and what is said of it."""

import time
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.client import (
    UNKNOWN,
    Json,
    alerts_of,
    at,
    baseline,
    facts,
    get,
    ledger,
    machine_of,
    make_machine,
    make_process,
    make_program,
    parts_of,
    program_seen,
    refused,
    report,
)

MARCH = at("2024-03-10T12:00")
LIMIT = 100
"""The default of `part_report_limit`."""


def counted(api: httpx.Client, *readings: int, machine: Json | None = None) -> list[Json]:
    """The parts that a machine makes whose control reports these counts, a minute apart."""
    mill = machine or make_machine(api)
    for number, reading in enumerate(readings):
        report(api, mill, part_count=reading, when=MARCH + 60 * number)
    return parts_of(api, mill)


def finished(parts: list[Json]) -> list[float]:
    """Minutes after the first update, of each part."""
    return [(part["finished"] - MARCH) / 60 for part in parts]


def stream(api: httpx.Client, machine: Json) -> list[Json]:
    return ledger(api, stream=f"machine-{machine['id']}")


def gaps(api: httpx.Client, machine: Json) -> list[Json]:
    return [
        event
        for event in ledger(api, type="ProductionGapRecorded")
        if event["stream"] == f"machine-{machine['id']}" or event["data"].get("machine_id") == machine["id"]
    ]


def holds_number(value: Any, number: float) -> bool:
    """Whether a number stands anywhere in a JSON value."""
    if isinstance(value, dict):
        return any(holds_number(each, number) for each in value.values())
    if isinstance(value, list):
        return any(holds_number(each, number) for each in value)
    return isinstance(value, int | float) and abs(value - number) < 1e-3


# Counting


@pytest.mark.parametrize(
    ("readings", "minutes"),
    [
        pytest.param([5], [], id="the first reading is a baseline"),
        pytest.param([5, 5], [], id="nothing moved"),
        pytest.param([5, 6], [1], id="one cycle"),
        pytest.param([5, 8], [1, 1, 1], id="three cycles of one update share its time"),
        pytest.param([0, 1, 3], [1, 2, 2], id="from zero"),
        pytest.param([0, LIMIT], [1] * LIMIT, id="the limit itself"),
        pytest.param([0, LIMIT + 1], [1], id="more than the limit is one cycle"),
        pytest.param([0, LIMIT + 1, LIMIT + 2], [1, 2], id="counting goes on after a jump"),
        pytest.param([65_535, 2], [1] * 3, id="a 16 bit register wraps"),
        pytest.param([65_500, 65_500 - 65_536 + LIMIT], [1] * LIMIT, id="a 16 bit wrap of the limit"),
        pytest.param([4_294_967_295, 1], [1] * 2, id="a 32 bit register wraps"),
        pytest.param([500, 0], [], id="any other decrease restarts counting"),
        pytest.param([500, 0, 2], [2, 2], id="counting goes on after a restart"),
        pytest.param([50, 3, 5], [2, 2], id="the value after a decrease is the new base"),
        pytest.param([500, 0, 501], [2], id="a glitch counts from before it"),
        pytest.param([500, 0, 500, 501], [3], id="a glitch that lost nothing"),
        pytest.param([500, 0, 0, 502], [3, 3], id="a glitch that lasted"),
    ],
)
def test_part_counts_make_parts(api: httpx.Client, readings: list[int], minutes: list[int]) -> None:
    assert finished(counted(api, *readings)) == minutes


def made_of(readings: list[int]) -> int:
    """Parts by the rules of the documents, for readings that are too small to wrap."""
    made, last, before_glitch = 0, readings[0], None
    for reading in readings[1:]:
        if reading == last:
            continue
        if before_glitch is not None and before_glitch <= reading <= before_glitch + LIMIT:
            made += reading - before_glitch
            before_glitch = None
        elif reading > last:
            made += reading - last if reading - last <= LIMIT else 1
            before_glitch = None
        else:
            before_glitch = last
        last = reading
    return made


@st.composite
def counts(draw: st.DrawFn) -> list[int]:
    """Readings as they come: most go on by a little, some jump, fall, or come back to one of before."""
    readings = [draw(st.integers(0, 2_000))]
    for _ in range(draw(st.integers(1, 9))):
        onward = st.integers(0, 5) | st.integers(LIMIT - 1, LIMIT + 1)
        base = draw(st.just(readings[-1]) | st.sampled_from(readings) | st.integers(0, 2_000))
        readings.append(base + draw(onward))
    return readings


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(readings=counts())
def test_any_part_counts_make_the_parts_of_the_rules(api: httpx.Client, readings: list[int]) -> None:
    assert len(counted(api, *readings)) == made_of(readings)


def test_the_machine_shows_its_part_count(api: httpx.Client) -> None:
    mill = make_machine(api)
    counted(api, 5, 8, machine=mill)
    assert machine_of(api, mill)["part_count"] == 8


def test_a_part_is_of_the_loaded_program_and_its_process(api: httpx.Client) -> None:
    mill = make_machine(api)
    process = make_process(api, mill)
    program = make_program(api, mill, process_id=process["id"])
    report(api, mill, program_name=program["filename"], part_count=1, when=MARCH)
    report(api, mill, part_count=2, when=MARCH + 60)
    (part,) = parts_of(api, mill)
    assert (part["program_id"], part["process_id"]) == (program["id"], process["id"])
    assert part["program_name"] == program["filename"]


def test_the_cycles_of_an_update_with_a_new_program_belong_to_the_one_before(api: httpx.Client) -> None:
    mill = make_machine(api)
    report(api, mill, program_name="O1", part_count=1, when=MARCH)
    report(api, mill, program_name="O2", part_count=3, when=MARCH + 60)
    report(api, mill, program_name="O2", part_count=4, when=MARCH + 120)
    assert [part["program_name"] for part in parts_of(api, mill)] == ["O1", "O1", "O2"]


def test_an_empty_program_name_is_no_program(api: httpx.Client) -> None:
    mill = make_machine(api)
    report(api, mill, program_name="")
    (program,) = get(api, "/api/programs/", machine=mill["id"], loaded=1).values()
    assert program["filename"] == "(No Program)"


def test_a_cycle_makes_parts_per_cycle_parts(api: httpx.Client) -> None:
    mill = make_machine(api)
    program = make_program(api, mill, process_id=make_process(api, mill, parts_per_cycle=3)["id"])
    report(api, mill, program_name=program["filename"], part_count=0, when=MARCH)
    parts = counted(api, 0, 2, machine=mill)
    assert finished(parts) == [1] * 6
    assert len({part["id"] for part in parts}) == 6


def test_a_variable_of_the_process_replaces_the_part_count(api: httpx.Client) -> None:
    mill = make_machine(api)
    program = make_program(api, mill, process_id=make_process(api, mill, part_count_cv=300)["id"])
    for minute, (name, count, variable) in enumerate(
        [
            (program["filename"], 10, 5),
            (program["filename"], 20, 6),
            (program["filename"], 30, 8),
            ("O2", 30, 8),
            ("O2", 31, 50),
        ]
    ):
        report(api, mill, program_name=name, part_count=count, common_vars={"300": variable}, when=MARCH + 60 * minute)
    assert finished(parts_of(api, mill)) == [1, 2, 2, 4]


def test_variables_of_a_part_have_the_names_of_the_process(api: httpx.Client) -> None:
    mill = make_machine(api)
    process = make_process(api, mill, cv_map={"Serial number": {"number": 5}})
    program = make_program(api, mill, process_id=process["id"])
    report(api, mill, program_name=program["filename"], part_count=0, common_vars={"5": 41}, when=MARCH)
    report(api, mill, part_count=1, common_vars={"5": 42.5}, when=MARCH + 60)
    (part,) = parts_of(api, mill)
    assert part["variables"] == {"Serial number": 42.5}


def test_a_part_has_the_locations_used(api: httpx.Client) -> None:
    mill = make_machine(api)
    report(api, mill, part_count=0, when=MARCH)
    report(api, mill, part_count=1, tools_seen=[3, 12], when=MARCH + 60)
    (part,) = parts_of(api, mill)
    assert sorted(int(location) for location in part["tools_seen"]) == [3, 12]


def test_the_limit_is_an_option(options: httpx.Client) -> None:
    options.patch("/api/options/", json={"part_report_limit": 10})
    assert len(counted(options, 0, 10)) == 10
    assert len(counted(options, 0, 11)) == 1
    options.patch("/api/options/", json={"part_report_limit": 300})
    assert len(counted(options, 0, 300)) == 300


# Gaps and alerts


@pytest.mark.parametrize(
    ("readings", "jump"),
    [
        pytest.param([0, 250], (0, 250), id="more than the limit"),
        pytest.param([500, 20], (500, 20), id="counting restarted"),
    ],
)
def test_a_jump_is_a_gap_that_says_what_was_seen(api: httpx.Client, readings: list[int], jump: tuple[int, int]) -> None:
    mill = make_machine(api)
    counted(api, *readings, machine=mill)
    (gap,) = gaps(api, mill)
    assert all(holds_number(gap["data"], reading) for reading in jump)
    assert gap["occurred_at"] == MARCH + 60
    (alert,) = alerts_of(api, mill)
    assert alert.keys() >= {
        "id",
        "kind",
        "message",
        "timestamp",
        "machine_id",
        "process_id",
        "tool_id",
        "data",
        "dismissed",
        "dismissed_by",
    }
    assert alert["message"]
    assert not alert["dismissed"]
    assert alert["dismissed_by"] is None
    assert get(api, "/api/alerts")[str(alert["id"])] == alert


def test_a_gap_is_recorded_at_once_also_when_it_was_a_glitch(api: httpx.Client) -> None:
    mill = make_machine(api)
    counted(api, 500, 0, machine=mill)
    assert len(gaps(api, mill)) == 1


@pytest.mark.parametrize("readings", [[5, 8], [65_535, 2], [0, LIMIT]])
def test_counting_alone_alerts_nobody(api: httpx.Client, readings: list[int]) -> None:
    mill = make_machine(api)
    counted(api, *readings, machine=mill)
    assert alerts_of(api, mill) == []
    assert gaps(api, mill) == []


# The state of the control


def test_the_state_that_a_control_reports(api: httpx.Client) -> None:
    mill = make_machine(api)
    alarm = {"alarm_code": "401", "alarm_type": "SV", "custom_message": "x axis", "info": "servo", "timestamp": MARCH}
    state = {"cycle_state": "ACTIVE", "estopped": True, "feed_rate_override": 80.0, "active_tool": 12}
    report(api, mill, **state, alarms=[alarm], when=MARCH)
    machine = machine_of(api, mill)
    assert {name: machine[name] for name in state} == state
    (shown,) = machine["alarms"]
    assert shown.keys() >= alarm.keys()
    assert (str(shown["alarm_code"]), shown["alarm_type"], shown["timestamp"]) == ("401", "SV", MARCH)


@pytest.mark.parametrize("unknown", [{}, {"cycle_state": None, "alarms": None, "estopped": None, "active_tool": None}])
def test_omitted_or_null_is_unknown(api: httpx.Client, unknown: Json) -> None:
    mill = make_machine(api)
    alarms = [{"alarm_type": "SV", "timestamp": MARCH}]
    report(api, mill, cycle_state="ACTIVE", estopped=True, active_tool=12, alarms=alarms, part_count=7, when=MARCH)
    before = machine_of(api, mill)
    report(api, mill, **unknown, when=MARCH + 60)
    after = machine_of(api, mill)
    assert after == before | {"last_contact": after["last_contact"]}


def test_an_empty_list_of_alarms_is_none(api: httpx.Client) -> None:
    mill = make_machine(api)
    report(api, mill, alarms=[{"alarm_code": "401"}])
    assert len(machine_of(api, mill)["alarms"]) == 1
    report(api, mill, alarms=[])
    assert machine_of(api, mill)["alarms"] == []


def test_what_did_not_change_is_no_fact(api: httpx.Client) -> None:
    mill = make_machine(api)
    state = {"cycle_state": "STOPPED", "estopped": False, "program_name": "O1", "active_tool": 3, "part_count": 5}
    report(api, mill, **state, when=MARCH)
    before = stream(api, mill)
    for minute in range(1, 4):
        report(api, mill, **state, when=MARCH + 60 * minute)
    assert stream(api, mill) == before


def test_an_update_without_a_timestamp_is_of_now(api: httpx.Client) -> None:
    mill = make_machine(api)
    before = time.time()
    report(api, mill, part_count=0)
    report(api, mill, part_count=1)
    (part,) = parts_of(api, mill)
    assert before - 1 <= part["finished"] <= time.time() + 1
    assert before - 1 <= machine_of(api, mill)["last_contact"] <= time.time() + 1


@pytest.mark.parametrize("slash", ["", "/"])
def test_both_spellings_of_the_path(api: httpx.Client, slash: str) -> None:
    mill = make_machine(api)
    assert api.post(f"/api/machines/{mill['id']}/update{slash}", json={"part_count": 3}).status_code == 200
    assert machine_of(api, mill)["part_count"] == 3


# The rules of the endpoint


def test_when_the_control_did_not_answer_the_last_contact_stays(api: httpx.Client) -> None:
    mill = make_machine(api)
    report(api, mill, cycle_state="ACTIVE", part_count=5, when=MARCH)
    before = machine_of(api, mill)
    report(api, mill, success=False, when=MARCH + 60)
    assert machine_of(api, mill) == before
    assert before["last_contact"] is not None


def test_an_older_update_changes_nothing_and_is_answered_so(api: httpx.Client) -> None:
    mill = make_machine(api)
    report(api, mill, cycle_state="ACTIVE", program_name="O1", part_count=5, when=MARCH)
    newer = report(api, mill, part_count=6, when=MARCH + 60).json()
    before, parts, events = machine_of(api, mill), parts_of(api, mill), stream(api, mill)
    older = report(api, mill, cycle_state="STOPPED", program_name="O2", part_count=9, when=MARCH + 30).json()
    assert (machine_of(api, mill), parts_of(api, mill), stream(api, mill)) == (before, parts, events)
    assert older != newer
    assert len(get(api, "/api/programs/", machine=mill["id"])) == 1


def test_an_update_from_the_future_is_of_now_and_alerted(api: httpx.Client) -> None:
    mill = make_machine(api)
    report(api, mill, part_count=5)
    assert alerts_of(api, mill) == []
    said = round(time.time()) + 3_600.0
    report(api, mill, part_count=6, when=said)
    (part,) = parts_of(api, mill)
    assert abs(part["finished"] - time.time()) < 5
    assert any(holds_number(event, said) for event in ledger(api)), "the reported time is kept"
    (alert,) = alerts_of(api, mill)
    assert abs(alert["timestamp"] - time.time()) < 5
    report(api, mill, part_count=7)
    assert len(parts_of(api, mill)) == 2, "the clock of the control holds nothing up"


def test_a_clock_that_goes_on_being_wrong_is_one_alert(api: httpx.Client) -> None:
    mill = make_machine(api)
    for count in range(4):
        report(api, mill, part_count=count, when=time.time() + 3_600)
    assert len(parts_of(api, mill)) == 3
    assert len(alerts_of(api, mill)) == 1


def test_a_clock_that_is_hardly_ahead_is_believed(api: httpx.Client) -> None:
    mill = make_machine(api)
    report(api, mill, part_count=5, when=time.time() - 10)
    said = round(time.time() + 3, 3)
    report(api, mill, part_count=6, when=said)
    assert [part["finished"] for part in parts_of(api, mill)] == [said]
    assert alerts_of(api, mill) == []


def test_a_machine_that_an_edge_reports_takes_no_updates(api: httpx.Client, edge: httpx.Client) -> None:
    mill = make_machine(api)
    report(api, mill, part_count=5, when=MARCH)
    facts(edge, mill, baseline(MARCH + 60), program_seen(MARCH + 60, "O1"))
    before = machine_of(api, mill)
    refused(api.post(f"/api/machines/{mill['id']}/update", json={"part_count": 9}), 409)
    assert machine_of(api, mill) == before


def test_an_update_of_an_unknown_machine_is_404(api: httpx.Client) -> None:
    refused(api.post(f"/api/machines/{UNKNOWN}/update", json={"part_count": 5}), 404)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("part_count", -1),
        ("part_count", 2**32),
        ("part_count", 1.5),
        ("part_count", "many"),
        ("part_count", [1]),
        ("success", "maybe"),
        ("cycle_state", 5),
        ("estopped", []),
        ("program_name", 1001),
        ("alarms", {}),
        ("alarms", [{}]),
        ("alarms", [{"custom_message": "neither code nor type", "info": "x", "timestamp": MARCH}]),
        ("alarms", [{"alarm_type": "SV"}, {"alarm_code": None, "alarm_type": None}]),
        ("alarms", ["401"]),
        ("common_vars", []),
        ("common_vars", {"five": 1}),
        ("common_vars", {"5": "x"}),
        ("feed_rate_override", "fast"),
        ("active_tool", 1.5),
        ("tools_seen", 4),
        ("tools_seen", ["x"]),
        ("timestamp", "today"),
        ("timestamp", -1e300),
        ("timestamp", 1e300),
    ],
)
def test_one_invalid_field_rejects_the_whole_update(api: httpx.Client, field: str, value: object) -> None:
    mill = make_machine(api)
    report(api, mill, part_count=5, cycle_state="ACTIVE", when=MARCH)
    before = machine_of(api, mill)
    body = {"cycle_state": "STOPPED", "part_count": 6, "timestamp": MARCH + 60} | {field: value}
    problem = refused(api.post(f"/api/machines/{mill['id']}/update", json=body), 400)
    assert field in problem["field"]
    assert machine_of(api, mill) == before
    assert parts_of(api, mill) == []


def test_numbers_may_come_as_strings(api: httpx.Client) -> None:
    mill = make_machine(api)
    report(api, mill, part_count="5", common_vars={"500": "1.5"}, timestamp=str(MARCH), active_tool="")
    report(api, mill, part_count="6", timestamp=str(MARCH + 60))
    assert machine_of(api, mill)["part_count"] == 6
    assert finished(parts_of(api, mill)) == [1]


def test_unknown_fields_are_ignored(api: httpx.Client) -> None:
    mill = make_machine(api)
    report(api, mill, part_count=5, spindle_load=80)
    assert machine_of(api, mill)["part_count"] == 5
