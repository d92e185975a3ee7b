"""Machines: what is known of them, and what stays when one is gone."""

import httpx
import pytest

from api.client import (
    UNKNOWN,
    at,
    baseline,
    cycle,
    facts,
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

MARCH = at("2024-03-10T12:00")
FIELDS = {
    "id",
    "name",
    "source_name",
    "description",
    "archived",
    "disabled",
    "active_tool",
    "alarms",
    "cycle_state",
    "estopped",
    "feed_rate_override",
    "part_count",
    "program_cv",
    "current_work_order",
    "loaded_program_id",
    "loaded_process_id",
    "last_contact",
    "variables",
    "custom_alarms",
    "custom_properties",
}


@pytest.mark.parametrize("slash", ["", "/"])
def test_creating_answers_201_with_the_whole_machine(api: httpx.Client, slash: str) -> None:
    name = unique("mill")
    answer = api.put(f"/api/machines{slash}", json={"name": name})
    assert answer.status_code == 201, answer.text
    machine = answer.json()
    assert machine.keys() >= FIELDS
    defaults = {
        "name": name,
        "source_name": name,
        "description": "",
        "archived": False,
        "disabled": False,
        "program_cv": None,
        "loaded_program_id": None,
        "loaded_process_id": None,
        "last_contact": None,
        "variables": {},
        "custom_alarms": {},
        "custom_properties": {},
    }
    assert {field: machine[field] for field in defaults} == defaults
    assert get(api, f"/api/machines/{machine['id']}{slash}") == machine
    assert get(api, f"/api/machines{slash}")[str(machine["id"])] == machine


def test_creating_takes_what_a_user_writes(api: httpx.Client) -> None:
    fields = {
        "name": unique("mill"),
        "description": "in the corner",
        "archived": True,
        "disabled": True,
        "program_cv": 500,
        "current_work_order": "WO-7",
        "custom_alarms": {"1001": "coolant is low"},
        "custom_properties": {"bay": 4, "owner": "Ana"},
    }
    machine = make_machine(api, **fields)
    assert {field: machine[field] for field in fields} == fields


@pytest.mark.parametrize("body", [{}, {"name": None}, {"name": 5}, {"name": ""}, {"description": "nameless"}])
def test_creating_without_a_name_is_400(api: httpx.Client, body: dict[str, object]) -> None:
    before = get(api, "/api/machines/")
    refused(api.put("/api/machines/", json=body), 400, field="name")
    assert get(api, "/api/machines/") == before


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_an_unknown_machine_is_404(api: httpx.Client, method: str, slash: str) -> None:
    body = {"description": "x"} if method == "PATCH" else None
    refused(api.request(method, f"/api/machines/{UNKNOWN}{slash}", json=body), 404)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "Deckel FP4"),
        ("description", "in the corner"),
        ("archived", True),
        ("disabled", True),
        ("program_cv", 500),
        ("current_work_order", "WO-7"),
        ("custom_alarms", {"1001": "coolant is low"}),
        ("custom_properties", {"bay": 4}),
    ],
)
@pytest.mark.parametrize("slash", ["", "/"])
def test_patch_takes_any_subset_of_fields(api: httpx.Client, field: str, value: object, slash: str) -> None:
    machine = make_machine(api)
    answer = api.patch(f"/api/machines/{machine['id']}{slash}", json={field: value})
    assert answer.status_code == 200, answer.text
    assert answer.json() == machine | {field: value}
    assert machine_of(api, machine) == answer.json()


def test_patch_ignores_read_only_and_unknown_fields(api: httpx.Client) -> None:
    machine = make_machine(api)
    ignored = {"id": UNKNOWN, "source_name": "other", "last_contact": 5.0, "part_count": 7, "colour": "red"}
    answer = api.patch(f"/api/machines/{machine['id']}", json=ignored | {"description": "x"})
    assert answer.status_code == 200, answer.text
    assert answer.json() == machine | {"description": "x"}


@pytest.mark.parametrize(("given", "meant"), [("500", 500), ("", None), (None, None)])
def test_numbers_may_come_as_strings(api: httpx.Client, given: object, meant: int | None) -> None:
    machine = make_machine(api, program_cv=1)
    assert api.patch(f"/api/machines/{machine['id']}", json={"program_cv": given}).json()["program_cv"] == meant


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", None), ("name", 5), ("archived", []), ("program_cv", 1.5), ("program_cv", "x"), ("custom_alarms", [])],
)
def test_one_invalid_field_rejects_the_whole_patch(api: httpx.Client, field: str, value: object) -> None:
    machine = make_machine(api)
    body = {"description": "changed", field: value}
    refused(api.patch(f"/api/machines/{machine['id']}", json=body), 400, field=field)
    assert machine_of(api, machine) == machine


def test_the_source_name_stays_when_the_machine_is_renamed(api: httpx.Client, edge: httpx.Client) -> None:
    machine = make_machine(api)
    api.patch(f"/api/machines/{machine['id']}", json={"name": "Deckel"})
    facts(edge, machine, baseline(MARCH), cycle(MARCH + 60))
    renamed = machine_of(api, machine)
    assert (renamed["name"], renamed["source_name"]) == ("Deckel", machine["source_name"])
    assert len(parts_of(api, machine)) == 1


def test_a_source_name_may_differ_from_the_name(api: httpx.Client, edge: httpx.Client) -> None:
    source = unique("plc")
    machine = make_machine(api, source_name=source)
    assert machine["source_name"] == source
    facts(edge, source, baseline(MARCH), cycle(MARCH + 60))
    assert len(parts_of(api, machine)) == 1


def test_an_unknown_source_name_makes_a_machine(api: httpx.Client, edge: httpx.Client) -> None:
    source = unique("new")
    facts(edge, source, baseline(MARCH), cycle(MARCH + 60))
    (machine,) = [each for each in get(api, "/api/machines/").values() if each["source_name"] == source]
    assert machine["name"] == source
    assert len(parts_of(api, machine)) == 1


def test_a_deleted_machine_that_reports_again_is_a_new_one(api: httpx.Client, edge: httpx.Client) -> None:
    machine = make_machine(api)
    facts(edge, machine, baseline(MARCH), cycle(MARCH + 60))
    assert api.delete(f"/api/machines/{machine['id']}").status_code == 204
    facts(edge, machine, baseline(MARCH + 90))
    found = [each for each in get(api, "/api/machines/").values() if each["source_name"] == machine["source_name"]]
    assert [each["id"] for each in found] != [machine["id"]]
    assert len(found) == 1
    assert parts_of(api, found[0]) == []


def test_deleting_takes_programs_and_processes_along_and_leaves_parts(api: httpx.Client) -> None:
    machine, other = make_machine(api), make_machine(api)
    process = make_process(api, machine)
    program = make_program(api, machine, process_id=process["id"])
    stays = [make_process(api, other)["id"], make_program(api, other)["id"]]
    report(api, machine, program_name=program["filename"], part_count=0, when=MARCH)
    report(api, machine, part_count=2, when=MARCH + 60)
    parts = parts_of(api, machine)
    assert len(parts) == 2

    answer = api.delete(f"/api/machines/{machine['id']}")
    assert (answer.status_code, answer.content) == (204, b"")

    refused(api.get(f"/api/machines/{machine['id']}"), 404)
    refused(api.get(f"/api/programs/{program['id']}"), 404)
    processes = get(api, "/api/processes/")
    assert str(process["id"]) not in processes
    assert str(stays[0]) in processes
    assert str(stays[1]) in get(api, "/api/programs/")
    for part in parts:
        left = get(api, f"/api/parts/{part['id']}")
        references = ("machine_id", "program_id", "process_id")
        assert left == part | {name: left[name] for name in references}
        assert (left["machine_id"], left["program_id"]) == (None, None)
    refused(api.post(f"/api/machines/{machine['id']}/update", json={"part_count": 3}), 404)
