"""Duplicating and changing over, as `api/process.txt` and `domain.md` have them."""

import json
from typing import Any

import httpx
import pytest

from api.client import (
    UNKNOWN,
    Json,
    at,
    get,
    machine_of,
    make_machine,
    make_process,
    make_program,
    program_of,
    refused,
    report,
    unique,
    written,
)

MARCH = at("2026-03-10T12:00")
TRUE = ["1", "true", "on", "yes", "y", "checked", "True", "CHECKED"]
FALSE = ["0", "false", "off", "no", "2", "banana", ""]
FILLED: Json = {
    "archived": True,
    "cv_map": {"Serial number": {"number": 5, "notifyComparison": "EQ", "notifyValue": 1}},
    "description": "a long description",
    "display_variable": 501,
    "part_count_cv": 300,
    "part_material_cost": 1.25,
    "part_sell_price": 17.5,
    "parts_per_cycle": 4,
    "setup_instructions": "clean the vice",
    "tags": ["steel", "Müller"],
    "teardown_instructions": "take the vice off",
    "time_per_cycle": 2.5,
}
NEVER_RAN: Json = {"last_cycle": None, "loaded": False, "unassigned_tools_used": {}}


def made(answer: httpx.Response) -> Json:
    assert answer.status_code == 201, answer.text
    found: Json = answer.json()
    return found


def make_assembly(api: httpx.Client, process: Json | None = None, **fields: Any) -> Json:
    body = {"name": unique("assembly"), "process_id": process["id"] if process else None}
    return made(api.put("/api/tools/assemblies/", json=body | fields))


def make_tool(api: httpx.Client, assembly: Json | None = None, **fields: Any) -> Json:
    body = {"name": unique("tool"), "assembly_id": assembly["id"] if assembly else None}
    return made(api.put("/api/tools/", json=body | fields))


def process_of(api: httpx.Client, process: Json) -> Json:
    return get(api, f"/api/processes/{process['id']}")


def assembly_of(api: httpx.Client, assembly: Json) -> Json:
    return get(api, f"/api/tools/assemblies/{assembly['id']}")


def assemblies_of(api: httpx.Client, process: Json) -> list[Json]:
    found = get(api, "/api/tools/assemblies/", process=process["id"]).values()
    return sorted(found, key=lambda assembly: assembly["id"])


def tools_of(api: httpx.Client, process: Json) -> list[Json]:
    found = get(api, f"/api/processes/{process['id']}/tools").values()
    return sorted(found, key=lambda tool: tool["id"])


def duplicate(api: httpx.Client, process: Json, **body: Any) -> httpx.Response:
    return api.post(f"/api/processes/{process['id']}/duplicate", json=body)


def without(object_: Json, *names: str) -> Json:
    return {name: value for name, value in object_.items() if name not in names}


# POST /api/processes/{id}/duplicate


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_duplicate_is_answered_with_201(api: httpx.Client, slash: str) -> None:
    mill, lathe = make_machine(api), make_machine(api)
    process = make_process(api, mill)
    body = {"machine_id": lathe["id"], "name": "a copy"}
    copy = made(api.post(f"/api/processes/{process['id']}/duplicate{slash}", json=body))
    assert copy["id"] > process["id"]
    assert (copy["machine_id"], copy["name"]) == (lathe["id"], "a copy")
    assert process_of(api, copy).items() >= copy.items()


def test_every_field_is_copied(api: httpx.Client) -> None:
    mill, lathe = make_machine(api), make_machine(api)
    process = make_process(api, mill, **FILLED)
    before = process_of(api, process)
    copy = made(duplicate(api, process, machine_id=str(lathe["id"]), name="a copy"))
    assert {name: copy[name] for name in FILLED} == FILLED
    assert process_of(api, process) == before
    api.patch(f"/api/processes/{copy['id']}", json={"tags": [], "cv_map": {}})
    assert process_of(api, process) == before


def test_what_the_process_did_is_not_copied(api: httpx.Client) -> None:
    mill, lathe = make_machine(api), make_machine(api)
    process = make_process(api, mill)
    program = make_program(api, mill, process_id=process["id"])
    make_assembly(api, process, location=1)
    report(api, mill, program_name=program["filename"], part_count=0, when=MARCH)
    report(api, mill, part_count=1, tools_seen=[1, 9], when=MARCH + 60)
    assert process_of(api, process)["unassigned_tools_used"].keys() == {"9"}
    copy = made(duplicate(api, process, machine_id=lathe["id"], name="a copy"))
    assert process_of(api, copy).items() >= NEVER_RAN.items()
    assert get(api, f"/api/processes/{copy['id']}/overview/2026") == {"2026": {}}
    assert get(api, f"/api/processes/{copy['id']}/chart", start=0)["parts"] == {}
    assert api.post("/api/processes/averageCycleTimes", json=[copy["id"]]).json() == {str(copy["id"]): None}


def test_assemblies_and_their_tools_are_copied(api: httpx.Client) -> None:
    mill, lathe = make_machine(api), make_machine(api)
    process = make_process(api, mill)
    assemblies = [
        make_assembly(api, process, location=3, notes="a long one", shared=True),
        make_assembly(api, process, location=None),
    ]
    tools = [
        make_tool(api, assemblies[0], notes="carbide", tags=["steel", "6 mm"]),
        make_tool(api, assemblies[0]),
        make_tool(api, assemblies[1]),
    ]
    make_tool(api, make_assembly(api, make_process(api, mill)))
    copy = made(duplicate(api, process, machine_id=lathe["id"], name="a copy"))
    copies = assemblies_of(api, copy)
    own = ("id", "process_id")
    assert [without(each, *own) for each in copies] == [without(each, *own) for each in assemblies]
    assert {each["process_id"] for each in copies} == {copy["id"]}
    assert min(each["id"] for each in copies) > max(each["id"] for each in assemblies)
    copied = tools_of(api, copy)
    own = ("id", "assembly_id", "created")
    assert [without(each, *own) for each in copied] == [without(each, *own) for each in tools]
    first, second = (each["id"] for each in copies)
    assert [each["assembly_id"] for each in copied] == [first, first, second]
    assert min(each["id"] for each in copied) > max(each["id"] for each in tools)
    # The originals stay as they were.
    assert assemblies_of(api, process) == assemblies
    assert [get(api, f"/api/tools/{tool['id']}") for tool in tools] == tools


def test_requirements_are_copied(api: httpx.Client) -> None:
    mill, lathe = make_machine(api), make_machine(api)
    process = make_process(api, mill)
    path = f"/api/processes/{process['id']}/toolRequirements"
    fields = [{"location": 1, "name": "drill", "notes": "new", "stick_out": 41.5}, {"location": 2}]
    originals = [made(api.put(path, json=each)) for each in fields]
    copy = made(duplicate(api, process, machine_id=lathe["id"], name="a copy"))
    copies = get(api, f"/api/processes/{copy['id']}/toolRequirements")
    own = ("id", "process_id")
    assert [without(each, *own) for each in copies.values()] == [without(each, *own) for each in originals]
    assert {each["process_id"] for each in copies.values()} == {copy["id"]}
    assert copies.keys().isdisjoint(get(api, path).keys())


def test_programs_of_the_same_filename_are_assigned(api: httpx.Client) -> None:
    mill, lathe = make_machine(api), make_machine(api)
    process = make_process(api, mill)
    ours = [make_program(api, mill, filename=name, process_id=process["id"]) for name in ("O1", "O2", "O3")]
    make_program(api, mill, filename="O4")
    free = make_program(api, lathe, filename="O1", description="the lathe's")
    other = make_process(api, lathe)
    taken = make_program(api, lathe, filename="O2", process_id=other["id"])
    outside = [make_program(api, lathe, filename=name) for name in ("O4", "O5")]
    copy = made(duplicate(api, process, machine_id=lathe["id"], name="a copy"))
    assert program_of(api, free) == free | {"process_id": copy["id"]}
    assert [program_of(api, program) for program in (taken, *outside)] == [taken, *outside]
    assert [program_of(api, program) for program in ours] == ours
    on_lathe = get(api, "/api/programs/", machine=lathe["id"])
    assert sorted(program["filename"] for program in on_lathe.values()) == ["O1", "O2", "O4", "O5"]
    assert list(get(api, "/api/programs/", process=copy["id"])) == [str(free["id"])]


def test_no_program_is_created(api: httpx.Client) -> None:
    mill, lathe = make_machine(api), make_machine(api)
    process = make_process(api, mill)
    make_program(api, mill, process_id=process["id"])
    copy = made(duplicate(api, process, machine_id=lathe["id"], name="a copy"))
    assert get(api, "/api/programs/", machine=lathe["id"]) == {}
    assert get(api, f"/api/processes/{copy['id']}", programs=1)["programs"] == {}


def test_on_its_own_machine_a_copy_gets_no_programs(api: httpx.Client) -> None:
    mill = make_machine(api)
    process = make_process(api, mill)
    program = make_program(api, mill, process_id=process["id"])
    copy = made(duplicate(api, process, machine_id=mill["id"], name=process["name"]))
    assert program_of(api, program) == program
    assert get(api, f"/api/processes/{copy['id']}", programs=1)["programs"] == {}


def test_a_loaded_program_that_is_assigned_loads_the_copy(api: httpx.Client) -> None:
    mill, lathe = make_machine(api), make_machine(api)
    process = make_process(api, mill)
    make_program(api, mill, filename="O1", process_id=process["id"])
    report(api, lathe, program_name="O1", part_count=0, when=MARCH)
    copy = made(duplicate(api, process, machine_id=lathe["id"], name="a copy"))
    assert machine_of(api, lathe)["loaded_process_id"] == copy["id"]
    assert process_of(api, copy)["loaded"] is True
    report(api, lathe, part_count=1, when=MARCH + 60)
    assert get(api, f"/api/processes/{copy['id']}/overview/2026") == {"2026": {"2026-03-10": 1}}


@pytest.mark.parametrize("missing", ["machine_id", "name"])
def test_a_duplicate_without_a_required_field_is_400(api: httpx.Client, missing: str) -> None:
    mill = make_machine(api)
    process = make_process(api, mill)
    events = written(api)
    refused(duplicate(api, process, **without({"machine_id": mill["id"], "name": "x"}, missing)), 400, field=missing)
    assert written(api) == events


@pytest.mark.parametrize(
    ("field", "value"),
    [("machine_id", "mill"), ("machine_id", 1.5), ("machine_id", None), ("name", 5), ("name", None), ("name", "")],
)
def test_a_duplicate_with_an_invalid_field_is_400(api: httpx.Client, field: str, value: object) -> None:
    mill = make_machine(api)
    process = make_process(api, mill)
    events = written(api)
    refused(duplicate(api, process, **{"machine_id": mill["id"], "name": "x"} | {field: value}), 400, field=field)
    assert written(api) == events


def test_a_duplicate_on_an_unknown_machine_is_424(api: httpx.Client) -> None:
    process = make_process(api, make_machine(api))
    make_tool(api, make_assembly(api, process))
    events = written(api)
    refused(duplicate(api, process, machine_id=UNKNOWN, name="x"), 424)
    assert written(api) == events


def test_a_duplicate_of_an_unknown_process_is_404(api: httpx.Client) -> None:
    refused(duplicate(api, {"id": UNKNOWN}, machine_id=make_machine(api)["id"], name="x"), 404)


# POST /api/processes/{from}/changeover/{to}


@pytest.fixture
def change(api: httpx.Client) -> Json:
    """A machine that ran the first of its processes, and has loaded the second."""
    mill = make_machine(api)
    first, second, third = (make_process(api, mill) for _ in range(3))
    programs = [make_program(api, mill, process_id=process["id"]) for process in (first, second)]
    for count, program in enumerate(programs):
        report(api, mill, program_name=program["filename"], part_count=count, when=MARCH + 60 * count)
    return {"mill": mill, "first": first, "second": second, "third": third}


def changeover(api: httpx.Client, before: Json, after: Json, *removed: Json, **query: Any) -> httpx.Response:
    body = {"remove_tool_assemblies": [assembly["id"] for assembly in removed]}
    return api.post(f"/api/processes/{before['id']}/changeover/{after['id']}", json=body, params=query)


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_changeover_answers_the_new_process(api: httpx.Client, change: Json, slash: str) -> None:
    path = f"/api/processes/{change['first']['id']}/changeover/{change['second']['id']}{slash}"
    answer = api.post(path, json={"remove_tool_assemblies": []})
    assert answer.status_code == 200, answer.text
    assert process_of(api, change["second"]).items() >= answer.json().items()
    assert answer.json()["id"] == change["second"]["id"]
    assert answer.json()["loaded"] is True


def test_a_changeover_is_a_record(api: httpx.Client, change: Json) -> None:
    count = len(written(api))
    assert changeover(api, change["first"], change["second"]).status_code == 200
    (event,) = [event for event in written(api)[count:] if event["type"] == "ProcessChangedOver"]
    said = [*event["data"].values(), int(event["stream"].rpartition("-")[2])]
    assert change["first"]["id"] in said
    assert change["second"]["id"] in said


def test_removed_assemblies_are_left_unassigned(api: httpx.Client, change: Json) -> None:
    removed = [make_assembly(api, change["first"]), make_assembly(api, change["second"], location=4)]
    kept = [make_assembly(api, change["first"]), make_assembly(api, change["second"])]
    tool = make_tool(api, removed[0])
    assert changeover(api, change["first"], change["second"], *removed).status_code == 200
    assert [assembly_of(api, each) for each in removed] == [each | {"process_id": None} for each in removed]
    assert [assembly_of(api, each) for each in kept] == kept
    assert get(api, f"/api/tools/{tool['id']}") == tool


def test_the_list_of_removed_assemblies_may_be_left_out(api: httpx.Client, change: Json) -> None:
    kept = make_assembly(api, change["first"])
    path = f"/api/processes/{change['first']['id']}/changeover/{change['second']['id']}"
    assert api.post(path, json={}).status_code == 200
    assert assembly_of(api, kept) == kept


def test_what_is_loaded_stays_what_the_machine_says(api: httpx.Client, change: Json) -> None:
    before = machine_of(api, change["mill"])
    assert changeover(api, change["first"], change["second"]).status_code == 200
    assert changeover(api, change["second"], change["third"], planned=1).status_code == 200
    after = machine_of(api, change["mill"])
    for name in ("loaded_process_id", "loaded_program_id", "part_count"):
        assert after[name] == before[name]


def test_a_changeover_to_a_process_that_is_not_loaded_is_412(api: httpx.Client, change: Json) -> None:
    assembly = make_assembly(api, change["first"])
    events = written(api)
    refused(changeover(api, change["second"], change["first"], assembly), 412)
    refused(changeover(api, change["second"], change["third"]), 412)
    assert written(api) == events
    assert assembly_of(api, assembly) == assembly


@pytest.mark.parametrize("no", FALSE)
def test_not_planned_it_is_412(api: httpx.Client, change: Json, no: str) -> None:
    refused(changeover(api, change["second"], change["third"], planned=no), 412)


@pytest.mark.parametrize("yes", TRUE)
def test_planned_it_may_go_to_an_inactive_process(api: httpx.Client, change: Json, yes: str) -> None:
    assembly = make_assembly(api, change["second"])
    answer = changeover(api, change["second"], change["third"], assembly, planned=yes)
    assert answer.status_code == 200, answer.text
    assert answer.json()["id"] == change["third"]["id"]
    assert assembly_of(api, assembly)["process_id"] is None


def test_planned_it_may_go_to_the_active_process_too(api: httpx.Client, change: Json) -> None:
    assert changeover(api, change["first"], change["second"], planned=1).status_code == 200


def test_on_a_machine_that_has_loaded_nothing_it_must_be_planned(api: httpx.Client) -> None:
    mill = make_machine(api)
    first, second = make_process(api, mill), make_process(api, mill)
    refused(changeover(api, first, second), 412)
    assert changeover(api, first, second, planned=1).status_code == 200


@pytest.mark.parametrize("query", [{}, {"planned": 1}])
def test_processes_that_do_not_both_exist_are_404(api: httpx.Client, change: Json, query: Json) -> None:
    unknown = {"id": UNKNOWN}
    refused(changeover(api, unknown, change["second"], **query), 404)
    refused(changeover(api, change["first"], unknown, **query), 404)
    refused(changeover(api, unknown, {"id": UNKNOWN + 1}, **query), 404)


@pytest.mark.parametrize("query", [{}, {"planned": 1}])
def test_processes_of_two_machines_are_409(api: httpx.Client, change: Json, query: Json) -> None:
    elsewhere = make_process(api, make_machine(api))
    refused(changeover(api, elsewhere, change["second"], **query), 409)
    refused(changeover(api, change["first"], elsewhere, **query), 409)


@pytest.mark.parametrize("query", [{}, {"planned": 1}])
@pytest.mark.parametrize(
    "body",
    [
        [],
        [1],
        "all",
        5,
        None,
        {"remove_tool_assemblies": 5},
        {"remove_tool_assemblies": None},
        {"remove_tool_assemblies": "all"},
        {"remove_tool_assemblies": {}},
        {"remove_tool_assemblies": ["one"]},
        {"remove_tool_assemblies": [1.5]},
        {"remove_tool_assemblies": [None]},
        {"remove_tool_assemblies": [[1]]},
    ],
)
def test_an_invalid_body_is_400(api: httpx.Client, change: Json, body: object, query: Json) -> None:
    events = written(api)
    path = f"/api/processes/{change['first']['id']}/changeover/{change['second']['id']}"
    headers = {"Content-Type": "application/json"}
    refused(api.post(path, content=json.dumps(body), params=query, headers=headers), 400)
    assert written(api) == events


def test_a_body_that_is_no_json_is_400(api: httpx.Client, change: Json) -> None:
    path = f"/api/processes/{change['first']['id']}/changeover/{change['second']['id']}"
    headers = {"Content-Type": "application/json"}
    refused(api.post(path, content=b'{"remove_tool_assemblies": [', headers=headers), 400)


@pytest.mark.parametrize("whose", ["another", "none", "elsewhere", "unknown"])
def test_a_removed_assembly_of_neither_process_is_400(api: httpx.Client, change: Json, whose: str) -> None:
    ours = make_assembly(api, change["first"])
    theirs = {
        "another": lambda: make_assembly(api, change["third"]),
        "none": lambda: make_assembly(api),
        "elsewhere": lambda: make_assembly(api, make_process(api, make_machine(api))),
        "unknown": lambda: {"id": UNKNOWN},
    }[whose]()
    events = written(api)
    refused(changeover(api, change["first"], change["second"], ours, theirs), 400)
    assert written(api) == events
    assert assembly_of(api, ours) == ours


def test_a_shared_assembly_has_moved_before_the_changeover(api: httpx.Client) -> None:
    """It doesn't wait for the confirmation, and is removed from where it is."""
    mill = make_machine(api)
    first, second = make_process(api, mill), make_process(api, mill)
    shared = make_assembly(api, first, shared=True)
    program = make_program(api, mill, process_id=second["id"])
    report(api, mill, program_name=program["filename"])
    assert assembly_of(api, shared)["process_id"] == second["id"]
    assert changeover(api, first, second, shared).status_code == 200
    assert assembly_of(api, shared) == shared | {"process_id": None}
