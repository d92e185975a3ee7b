"""The fields of a process, sentence by sentence as `api/process.txt` and `domain.md` have them."""

from typing import Any

import httpx
import pytest

from api.client import (
    UNKNOWN,
    Json,
    at,
    get,
    make_machine,
    make_process,
    make_program,
    refused,
    report,
    unique,
    written,
)

MARCH = at("2026-03-10T12:00")
SERIAL = {"Serial number": {"number": 5, "notifyComparison": "EQ", "notifyValue": 1}}
"""The example of the document."""

DEFAULTS: Json = {
    "archived": False,
    "cv_map": {},
    "description": "",
    "display_variable": None,
    "part_count_cv": None,
    "part_material_cost": 0,
    "part_sell_price": 0,
    "parts_per_cycle": 1,
    "setup_instructions": "",
    "tags": [],
    "teardown_instructions": "",
    "time_per_cycle": None,
}
"""What a user may write and leave out, and what it is then."""
READ_ONLY: Json = {"last_cycle": None, "loaded": False, "unassigned_tools_used": {}}
FILLED: Json = {
    "archived": True,
    "cv_map": SERIAL,
    "description": "A long description.\nWith a second line, Größe 40.",
    "display_variable": 501,
    "part_count_cv": 300,
    "part_material_cost": 1.25,
    "part_sell_price": 17.5,
    "parts_per_cycle": 4,
    "setup_instructions": "clean the vice",
    "tags": ["steel", "Müller", "a"],
    "teardown_instructions": "take the vice off",
    "time_per_cycle": 2.5,
}
MODEL = {"id", "machine_id", "name", *DEFAULTS, *READ_ONLY}

NULLABLE_INTEGERS = ("display_variable", "part_count_cv")
INTEGERS = (*NULLABLE_INTEGERS, "parts_per_cycle")
FLOATS = ("part_material_cost", "part_sell_price")
NULLABLE = (*NULLABLE_INTEGERS, "time_per_cycle")
NUMBERS = (*INTEGERS, *FLOATS, "time_per_cycle")
TEXTS = ("description", "setup_instructions", "teardown_instructions")

WRONG: list[tuple[str, Any]] = [
    ("name", 5),
    ("name", None),
    ("name", ""),
    ("archived", []),
    ("archived", None),
    ("cv_map", []),
    ("cv_map", None),
    ("cv_map", "Serial number"),
    ("cv_map", {"Serial number": 5}),
    ("cv_map", {"Serial number": None}),
    ("cv_map", {"Serial number": {}}),
    ("cv_map", {"Serial number": {"notifyComparison": "EQ", "notifyValue": 1}}),
    ("cv_map", {"Serial number": {"number": 1.5}}),
    ("cv_map", {"Serial number": {"number": "1.5"}}),
    ("cv_map", {"Serial number": {"number": "five"}}),
    ("cv_map", {"Serial number": {"number": 5, "notifyComparison": "EQUAL", "notifyValue": 1}}),
    ("cv_map", {"Serial number": {"number": 5, "notifyComparison": "eq", "notifyValue": 1}}),
    ("cv_map", {"Serial number": {"number": 5, "notifyComparison": 1, "notifyValue": 1}}),
    ("cv_map", {"Serial number": {"number": 5, "notifyComparison": "EQ", "notifyValue": "one"}}),
    ("cv_map", {"Serial number": {"number": 5, "notifyComparison": "EQ", "notifyValue": []}}),
    ("cv_map", SERIAL | {"Depth": {"number": "six"}}),
    ("tags", "steel"),
    ("tags", None),
    ("tags", [5]),
    ("tags", {"steel": 1}),
    *[(name, None) for name in (*TEXTS, "parts_per_cycle", *FLOATS)],
    *[(name, 5) for name in TEXTS],
    *[(name, wrong) for name in INTEGERS for wrong in (1.5, "1.5", -0.25, "1e-3")],
    *[(name, wrong) for name in NUMBERS for wrong in ("many", "1x", "0x10", "1,5", [1], {})],
    ("parts_per_cycle", -1),
    ("time_per_cycle", -1),
]


@pytest.fixture(scope="module")
def mill(api: httpx.Client) -> Json:
    return make_machine(api)


def process_of(api: httpx.Client, process: Json) -> Json:
    return get(api, f"/api/processes/{process['id']}")


def patched(api: httpx.Client, process: Json, **fields: Any) -> Json:
    answer = api.patch(f"/api/processes/{process['id']}", json=fields)
    assert answer.status_code == 200, answer.text
    changed: Json = answer.json()
    return changed


def of(process: Json, names: Any) -> Json:
    return {name: process.get(name, "missing") for name in names}


# What a process is


def test_a_process_has_every_documented_field(api: httpx.Client, mill: Json) -> None:
    process = make_process(api, mill)
    assert process.keys() >= MODEL
    assert process_of(api, process).keys() >= MODEL
    assert get(api, "/api/processes/")[str(process["id"])].keys() >= MODEL


def test_the_defaults(api: httpx.Client, mill: Json) -> None:
    process = make_process(api, mill, name="Flansch")
    expected = DEFAULTS | READ_ONLY | {"name": "Flansch", "machine_id": mill["id"], "id": process["id"]}
    assert of(process, MODEL) == expected
    assert of(process_of(api, process), MODEL) == expected


def test_the_types_of_the_fields(api: httpx.Client) -> None:
    mill = make_machine(api)
    process = make_process(api, mill, **FILLED)
    program = make_program(api, mill, process_id=process["id"])
    report(api, mill, program_name=program["filename"], common_vars={"300": 0}, when=MARCH)
    report(api, mill, common_vars={"300": 1}, tools_seen=[7], when=MARCH + 60)
    shown = process_of(api, process)
    types = {
        "last_cycle": dict,
        "archived": bool,
        "cv_map": dict,
        "description": str,
        "display_variable": int,
        "id": int,
        "loaded": bool,
        "machine_id": int,
        "name": str,
        "part_count_cv": int,
        "part_material_cost": float,
        "part_sell_price": float,
        "parts_per_cycle": int,
        "setup_instructions": str,
        "tags": list,
        "teardown_instructions": str,
        "time_per_cycle": float,
        "unassigned_tools_used": dict,
        "unused_tool_locations": list,
    }
    assert {name: type(shown.get(name)) for name in types} == types
    assert type(shown["last_cycle"]["finished"]) is float
    assert type(shown["last_cycle"]["program_id"]) is int


def test_prices_are_floats_also_when_they_are_whole(api: httpx.Client, mill: Json) -> None:
    process = make_process(api, mill, part_material_cost=3, part_sell_price="4")
    assert of(process, FLOATS) == {"part_material_cost": 3, "part_sell_price": 4}
    assert all(isinstance(process[name], int | float) for name in FLOATS)


def test_ids_are_given_in_order_and_never_twice(api: httpx.Client, mill: Json) -> None:
    first, second = make_process(api, mill), make_process(api, mill)
    assert second["id"] == first["id"] + 1
    assert api.delete(f"/api/processes/{second['id']}").status_code == 204
    assert make_process(api, mill)["id"] == second["id"] + 1


def test_two_processes_may_have_one_name(api: httpx.Client, mill: Json) -> None:
    first, second = make_process(api, mill, name="Flansch"), make_process(api, mill, name="Flansch")
    assert first["id"] != second["id"]


# Writing


@pytest.mark.parametrize("field", FILLED)
def test_creating_takes_the_field(api: httpx.Client, mill: Json, field: str) -> None:
    process = make_process(api, mill, **{field: FILLED[field]})
    assert of(process, DEFAULTS) == DEFAULTS | {field: FILLED[field]}
    assert of(process_of(api, process), DEFAULTS) == DEFAULTS | {field: FILLED[field]}


@pytest.mark.parametrize("field", ["name", *FILLED])
def test_patch_changes_the_field_and_no_other(api: httpx.Client, mill: Json, field: str) -> None:
    process = make_process(api, mill)
    value = "Deckel" if field == "name" else FILLED[field]
    before = process_of(api, process)
    changed = patched(api, process, **{field: value})
    assert of(changed, MODEL) == of(before, MODEL) | {field: value}
    assert process_of(api, process) == before | {field: value}


def test_patch_takes_all_fields_at_once_and_back(api: httpx.Client, mill: Json) -> None:
    process = make_process(api, mill)
    assert of(patched(api, process, **FILLED), FILLED) == FILLED
    assert of(patched(api, process, **DEFAULTS), DEFAULTS) == DEFAULTS


def test_patch_of_what_it_is_already_writes_nothing(api: httpx.Client, mill: Json) -> None:
    process = make_process(api, mill, **FILLED)
    events = written(api)
    assert of(patched(api, process, **FILLED), FILLED) == FILLED
    assert written(api) == events


@pytest.mark.parametrize("field", NULLABLE)
@pytest.mark.parametrize("null", [None, ""])
def test_null_and_an_empty_string_are_null(api: httpx.Client, mill: Json, field: str, null: object) -> None:
    process = make_process(api, mill, **FILLED)
    assert patched(api, process, **{field: null})[field] is None
    assert make_process(api, mill, **{field: null})[field] is None


@pytest.mark.parametrize("field", ["parts_per_cycle", *FLOATS])
def test_an_empty_string_is_0_for_a_number_that_is_never_null(api: httpx.Client, mill: Json, field: str) -> None:
    process = make_process(api, mill, **FILLED)
    assert patched(api, process, **{field: ""})[field] == 0
    assert make_process(api, mill, **{field: ""})[field] == 0


@pytest.mark.parametrize("field", NUMBERS)
def test_a_number_may_come_as_a_string(api: httpx.Client, mill: Json, field: str) -> None:
    process = make_process(api, mill)
    sent = "12" if field in INTEGERS else "12.75"
    changed = patched(api, process, **{field: sent})
    assert changed[field] == float(sent)
    assert type(changed[field]) is (int if field in INTEGERS else float)
    assert make_process(api, mill, **{field: sent})[field] == float(sent)


def test_time_per_cycle_is_in_minutes_and_keeps_its_fraction(api: httpx.Client, mill: Json) -> None:
    process = make_process(api, mill, time_per_cycle=0.1)
    assert process["time_per_cycle"] == 0.1
    assert patched(api, process, time_per_cycle=1_500.25)["time_per_cycle"] == 1_500.25
    assert process_of(api, process)["time_per_cycle"] == 1_500.25


@pytest.mark.parametrize("comparison", ["EQ", "NE", "LT", "LE", "GT", "GE"])
def test_the_comparisons_of_a_variable(api: httpx.Client, mill: Json, comparison: str) -> None:
    cv_map = {"Depth": {"number": 101, "notifyComparison": comparison, "notifyValue": -0.5}}
    assert make_process(api, mill, cv_map=cv_map)["cv_map"] == cv_map


def test_a_variable_needs_no_comparison(api: httpx.Client, mill: Json) -> None:
    for entry in ({"number": 5}, {"number": 5, "notifyComparison": None, "notifyValue": None}):
        shown = make_process(api, mill, cv_map={"Serial number": entry})["cv_map"]["Serial number"]
        assert shown["number"] == 5
        assert shown.get("notifyComparison") is None
        assert shown.get("notifyValue") is None


def test_numbers_of_a_variable_may_be_strings(api: httpx.Client, mill: Json) -> None:
    sent = {"Serial number": {"number": "5", "notifyComparison": "EQ", "notifyValue": "1"}}
    assert make_process(api, mill, cv_map=sent)["cv_map"] == SERIAL
    assert patched(api, make_process(api, mill), cv_map=sent)["cv_map"] == SERIAL


@pytest.mark.parametrize("null", ["", None])
def test_an_empty_limit_of_a_variable_is_null(api: httpx.Client, mill: Json, null: object) -> None:
    shown = make_process(api, mill, cv_map={"Depth": {"number": 5, "notifyValue": null}})["cv_map"]["Depth"]
    assert (shown["number"], shown.get("notifyValue")) == (5, None)


def test_patch_replaces_the_whole_map(api: httpx.Client, mill: Json) -> None:
    process = make_process(api, mill, cv_map=SERIAL)
    depth = {"Depth": {"number": 6, "notifyComparison": "GT", "notifyValue": 2.5}}
    assert patched(api, process, cv_map=depth)["cv_map"] == depth
    assert patched(api, process, cv_map={})["cv_map"] == {}


def test_creating_ignores_fields_that_are_read_only_or_unknown(api: httpx.Client, mill: Json) -> None:
    ignored = {
        "id": UNKNOWN,
        "created": 5,
        "last_cycle": {"finished": 1.0, "program_id": 1},
        "loaded": True,
        "unassigned_tools_used": {"3": 1.0},
        "unused_tool_locations": [4],
        "colour": "red",
    }
    process = make_process(api, mill, **ignored)
    assert process["id"] != UNKNOWN
    assert of(process, READ_ONLY) == READ_ONLY
    assert process.keys().isdisjoint({"colour", "created"})
    assert process_of(api, process)["unused_tool_locations"] == []


@pytest.mark.parametrize(
    "ignored",
    [
        {"id": UNKNOWN},
        {"last_cycle": {"finished": 1.0, "program_id": 1}},
        {"last_cycle": "yesterday"},
        {"loaded": True},
        {"loaded": []},
        {"unassigned_tools_used": {"3": 1.0}},
        {"unassigned_tools_used": 4},
        {"unused_tool_locations": [3]},
        {"programs": {}, "tools": 5, "efficiency": None},
        {"created": 5, "colour": "red"},
    ],
)
def test_patch_ignores_fields_that_are_read_only_or_unknown(api: httpx.Client, mill: Json, ignored: Json) -> None:
    process = make_process(api, mill)
    before = process_of(api, process)
    changed = patched(api, process, **ignored, description="changed")
    assert of(changed, MODEL) == of(before, MODEL) | {"description": "changed"}
    assert process_of(api, process) == before | {"description": "changed"}


@pytest.mark.parametrize("machine", ["another", UNKNOWN, None, "", "mill", 1.5])
def test_the_machine_cannot_be_changed(api: httpx.Client, mill: Json, machine: object) -> None:
    process = make_process(api, mill)
    value = make_machine(api)["id"] if machine == "another" else machine
    changed = patched(api, process, machine_id=value, description="changed")
    assert (changed["machine_id"], changed["description"]) == (mill["id"], "changed")
    assert process_of(api, process)["machine_id"] == mill["id"]


# What is refused


@pytest.mark.parametrize(("field", "value"), WRONG)
def test_one_invalid_field_rejects_the_whole_patch(api: httpx.Client, mill: Json, field: str, value: object) -> None:
    process = make_process(api, mill, **FILLED | {"archived": False})
    others = FILLED | {"name": "changed", "description": "changed", "parts_per_cycle": "9", "time_per_cycle": ""}
    before, events = process_of(api, process), written(api)
    problem = refused(api.patch(f"/api/processes/{process['id']}", json=others | {field: value}), 400)
    assert field in problem["field"]
    assert process_of(api, process) == before
    assert written(api) == events


@pytest.mark.parametrize(("field", "value"), WRONG)
def test_creating_with_an_invalid_field_is_400(api: httpx.Client, mill: Json, field: str, value: object) -> None:
    events = written(api)
    body = {"name": unique("process"), "machine_id": mill["id"], field: value}
    problem = refused(api.put("/api/processes/", json=body), 400)
    assert field in problem["field"]
    assert written(api) == events


@pytest.mark.parametrize("missing", ["name", "machine_id"])
def test_creating_without_a_required_field_is_400(api: httpx.Client, mill: Json, missing: str) -> None:
    body = {"name": unique("process"), "machine_id": mill["id"]}
    del body[missing]
    events = written(api)
    refused(api.put("/api/processes/", json=body), 400, field=missing)
    assert written(api) == events


@pytest.mark.parametrize("machine", ["mill", 1.5, "1.5", None, [1], {}])
def test_creating_on_a_machine_that_is_no_id_is_400(api: httpx.Client, machine: object) -> None:
    refused(api.put("/api/processes/", json={"name": "x", "machine_id": machine}), 400, field="machine_id")


def test_creating_on_an_unknown_machine_is_424(api: httpx.Client) -> None:
    events = written(api)
    refused(api.put("/api/processes/", json={"name": "x", "machine_id": UNKNOWN}), 424)
    assert written(api) == events


def test_the_machine_may_come_as_a_string(api: httpx.Client, mill: Json) -> None:
    assert make_process(api, mill, machine_id=str(mill["id"]))["machine_id"] == mill["id"]


def test_patch_of_an_unknown_process_is_404(api: httpx.Client) -> None:
    refused(api.patch(f"/api/processes/{UNKNOWN}", json={"name": "x"}), 404)
