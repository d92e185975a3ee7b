"""Processes, as far as they go yet: the plain fields, `last_cycle` and `loaded`."""

import httpx
import pytest

from api.client import (
    UNKNOWN,
    Json,
    Spool,
    at,
    baseline,
    cycle,
    get,
    make_machine,
    make_process,
    make_program,
    program_seen,
    refused,
    report,
    unique,
)

MARCH = at("2024-03-10T12:00")
DEFAULTS = {
    "archived": False,
    "cv_map": {},
    "description": "",
    "display_variable": None,
    "last_cycle": None,
    "loaded": False,
    "part_count_cv": None,
    "part_material_cost": 0,
    "part_sell_price": 0,
    "parts_per_cycle": 1,
    "setup_instructions": "",
    "tags": [],
    "teardown_instructions": "",
    "time_per_cycle": None,
}


def process_of(api: httpx.Client, process: Json) -> Json:
    found: Json = get(api, "/api/processes/")[str(process["id"])]
    return found


@pytest.mark.parametrize("slash", ["", "/"])
def test_creating_answers_201_with_the_whole_process(api: httpx.Client, slash: str) -> None:
    mill = make_machine(api)
    answer = api.put(f"/api/processes{slash}", json={"name": "Flansch", "machine_id": mill["id"]})
    assert answer.status_code == 201, answer.text
    process = answer.json()
    expected = DEFAULTS | {"name": "Flansch", "machine_id": mill["id"], "id": process["id"]}
    assert {name: process.get(name, "missing") for name in expected} == expected
    listed = get(api, f"/api/processes{slash}")
    del process["unused_tool_locations"]  # of one process alone
    assert listed[str(process["id"])] == process
    assert all(key == str(each["id"]) for key, each in listed.items())


def test_creating_takes_every_field_that_a_user_writes(api: httpx.Client) -> None:
    fields = {
        "archived": True,
        "cv_map": {"Serial number": {"number": 5, "notifyComparison": "EQ", "notifyValue": 1}},
        "description": "a long description",
        "display_variable": 501,
        "name": unique("Flansch"),
        "part_count_cv": 300,
        "part_material_cost": 1.25,
        "part_sell_price": 17.5,
        "parts_per_cycle": 4,
        "setup_instructions": "clean the vice",
        "tags": ["steel", "Müller"],
        "teardown_instructions": "take the vice off",
        "time_per_cycle": 2.5,
    }
    process = make_process(api, make_machine(api), **fields)
    assert {name: process[name] for name in fields} == fields


@pytest.mark.parametrize("missing", ["name", "machine_id"])
def test_creating_without_a_required_field_is_400(api: httpx.Client, missing: str) -> None:
    body = {"name": unique("process"), "machine_id": make_machine(api)["id"]}
    del body[missing]
    before = get(api, "/api/processes/")
    refused(api.put("/api/processes/", json=body), 400, field=missing)
    assert get(api, "/api/processes/") == before


def test_creating_on_an_unknown_machine_is_424(api: httpx.Client) -> None:
    refused(api.put("/api/processes/", json={"name": "Flansch", "machine_id": UNKNOWN}), 424)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", 5),
        ("name", None),
        ("machine_id", "mill"),
        ("archived", []),
        ("cv_map", []),
        ("cv_map", {"Serial number": 5}),
        ("display_variable", 1.5),
        ("part_count_cv", "x"),
        ("part_material_cost", "cheap"),
        ("parts_per_cycle", 1.5),
        ("parts_per_cycle", "two"),
        ("tags", "steel"),
        ("tags", [5]),
        ("time_per_cycle", "long"),
    ],
)
def test_creating_with_an_invalid_field_is_400(api: httpx.Client, field: str, value: object) -> None:
    body = {"name": unique("process"), "machine_id": make_machine(api)["id"], field: value}
    problem = refused(api.put("/api/processes/", json=body), 400)
    assert field in problem["field"]


def test_numbers_may_come_as_strings(api: httpx.Client) -> None:
    given = {"parts_per_cycle": "2", "part_sell_price": "3.5", "part_material_cost": "", "time_per_cycle": ""}
    process = make_process(api, make_machine(api), **given, part_count_cv="")
    meant = {"parts_per_cycle": 2, "part_sell_price": 3.5, "part_material_cost": 0, "time_per_cycle": None}
    assert {name: process[name] for name in meant} == meant
    assert process["part_count_cv"] is None


def test_creating_ignores_read_only_and_unknown_fields(api: httpx.Client) -> None:
    last_cycle = {"finished": 1.0, "program_id": 1}
    process = make_process(api, make_machine(api), id=UNKNOWN, loaded=True, last_cycle=last_cycle, colour="red")
    assert process["id"] != UNKNOWN
    assert (process["loaded"], process["last_cycle"]) == (False, None)
    assert "colour" not in process


def test_a_process_is_loaded_while_one_of_its_programs_is(api: httpx.Client) -> None:
    mill = make_machine(api)
    process, other = make_process(api, mill), make_process(api, mill)
    programs = [make_program(api, mill, process_id=process["id"]) for _ in range(2)]
    outside = make_program(api, mill)
    for program, loaded in ((programs[0], True), (outside, False), (programs[1], True)):
        report(api, mill, program_name=program["filename"])
        assert process_of(api, process)["loaded"] is loaded
        assert process_of(api, other)["loaded"] is False


def test_last_cycle_is_that_of_the_last_part(api: httpx.Client, edge: httpx.Client) -> None:
    mill = make_machine(api)
    process = make_process(api, mill)
    names = ["O1", "O2"]
    programs = [make_program(api, mill, process_id=process["id"], filename=name) for name in names]
    spool = Spool(edge, mill)
    spool.send(baseline(MARCH))
    for number, (name, program) in enumerate(zip(names, programs, strict=True), 1):
        when = MARCH + 60 * number
        spool.send(program_seen(when - 30, name), cycle(when, number, program=name))
        assert process_of(api, process)["last_cycle"] == {"finished": when, "program_id": program["id"]}
