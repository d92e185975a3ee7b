"""The endpoints of processes, as `api/process.txt` has them. Fields: `test_process_model.py`."""

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
    parts_of,
    program_of,
    refused,
    report,
    unique,
    written,
)

MARCH = at("2026-03-10T12:00")
TRUE = ["1", "true", "on", "yes", "y", "checked", "TRUE", "Yes", "oN", "Y", "CHECKED"]
FALSE = ["0", "false", "off", "no", "n", "2", "banana", "truely", ""]
EMBEDDED = ("programs", "tools", "efficiency")


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


def assembly_of(api: httpx.Client, assembly: Json) -> Json:
    return get(api, f"/api/tools/assemblies/{assembly['id']}")


def process_of(api: httpx.Client, process: Json, **query: Any) -> Json:
    return get(api, f"/api/processes/{process['id']}", **query)


def listed(api: httpx.Client, process: Json, **query: Any) -> Json:
    found: Json = get(api, "/api/processes/", **query)[str(process["id"])]
    return found


def keys(*objects: Json) -> set[str]:
    return {str(each["id"]) for each in objects}


def made_at(api: httpx.Client, machine: Json, program: Json, *moments: float) -> None:
    """The machine runs this program, and finishes a cycle at each of these moments."""
    report(api, machine, program_name=program["filename"], part_count=0, when=moments[0] - 1)
    for count, when in enumerate(moments, 1):
        report(api, machine, part_count=count, when=when)


@pytest.fixture(scope="module")
def mill(api: httpx.Client) -> Json:
    return make_machine(api)


@pytest.fixture(scope="module")
def full(api: httpx.Client, mill: Json) -> Json:
    """A process with two programs, two assemblies and three tools, and beside it another with one of each."""
    process, other = make_process(api, mill), make_process(api, mill)
    programs = [make_program(api, mill, process_id=process["id"]) for _ in range(2)]
    make_program(api, mill, process_id=other["id"])
    assemblies = [make_assembly(api, process, location=location) for location in (1, 2)]
    tools = [make_tool(api, assemblies[0]), make_tool(api, assemblies[0]), make_tool(api, assemblies[1])]
    make_tool(api, make_assembly(api, other))
    make_tool(api)
    return {"process": process, "programs": programs, "tools": tools, "other": other}


# GET /api/processes/


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_list_maps_process_ids_to_processes(api: httpx.Client, full: Json, slash: str) -> None:
    processes = get(api, f"/api/processes{slash}")
    assert keys(full["process"], full["other"]) <= processes.keys()
    assert all(key == str(value["id"]) for key, value in processes.items())


def test_the_list_has_archived_processes_too(api: httpx.Client, mill: Json) -> None:
    assert listed(api, make_process(api, mill, archived=True))["archived"] is True


@pytest.mark.parametrize("yes", TRUE)
@pytest.mark.parametrize("what", EMBEDDED)
def test_the_list_includes_what_is_asked_for(api: httpx.Client, full: Json, what: str, yes: str) -> None:
    assert [name for name in EMBEDDED if name in listed(api, full["process"], **{what: yes})] == [what]
    assert [name for name in EMBEDDED if name in process_of(api, full["process"], **{what: yes})] == [what]


@pytest.mark.parametrize("no", FALSE)
@pytest.mark.parametrize("what", EMBEDDED)
def test_anything_else_is_false(api: httpx.Client, full: Json, what: str, no: str) -> None:
    for process in (listed(api, full["process"], **{what: no}), process_of(api, full["process"], **{what: no})):
        assert not any(name in process for name in EMBEDDED)


def test_without_a_query_nothing_is_included(api: httpx.Client, full: Json) -> None:
    for process in (listed(api, full["process"]), process_of(api, full["process"], colour="red", Programs=1)):
        assert not any(name in process for name in EMBEDDED)


def test_programs_are_those_in_the_process(api: httpx.Client, full: Json) -> None:
    expected = {str(program["id"]): program_of(api, program) for program in full["programs"]}
    assert listed(api, full["process"], programs=1)["programs"] == expected
    assert process_of(api, full["process"], programs=1)["programs"] == expected


def test_tools_are_those_of_its_assemblies(api: httpx.Client, full: Json) -> None:
    expected = {str(tool["id"]): get(api, f"/api/tools/{tool['id']}") for tool in full["tools"]}
    assert listed(api, full["process"], tools=1)["tools"] == expected
    assert process_of(api, full["process"], tools=1)["tools"] == expected


def test_all_may_be_asked_for_at_once(api: httpx.Client, full: Json) -> None:
    asked = {"programs": 1, "tools": "on", "efficiency": "y"}
    for process in (listed(api, full["process"], **asked), process_of(api, full["process"], **asked)):
        assert process["programs"].keys() == keys(*full["programs"])
        assert process["tools"].keys() == keys(*full["tools"])
        assert process["efficiency"].keys() == {
            "start",
            "end",
            "parts",
            "expected_parts",
            "loaded_seconds",
            "running_seconds",
            "utilization",
            "efficiency",
            "average_cycle_minutes",
        }


def test_an_empty_process_includes_empty_maps(api: httpx.Client, mill: Json) -> None:
    process = make_process(api, mill)
    for shown in (listed(api, process, programs=1, tools=1), process_of(api, process, programs=1, tools=1)):
        assert (shown["programs"], shown["tools"]) == ({}, {})


# GET /api/processes/{id}


@pytest.mark.parametrize("slash", ["", "/"])
def test_one_process(api: httpx.Client, full: Json, slash: str) -> None:
    process = get(api, f"/api/processes/{full['process']['id']}{slash}")
    assert process.items() >= listed(api, full["process"]).items()
    assert sorted(process["unused_tool_locations"]) == process["unused_tool_locations"]


@pytest.mark.parametrize("slash", ["", "/"])
def test_an_unknown_process_is_404(api: httpx.Client, slash: str) -> None:
    refused(api.get(f"/api/processes/{UNKNOWN}{slash}"), 404)


@pytest.mark.parametrize("identifier", ["abc", "1.5", "-1", "0", "9" * 26])
def test_an_id_that_is_none_finds_nothing(api: httpx.Client, identifier: str) -> None:
    for path in ("", "/chart", "/tools", "/toolRequirements", "/overview/2026"):
        refused(api.get(f"/api/processes/{identifier}{path}"), 400, 404)


# PUT, PATCH


@pytest.mark.parametrize("slash", ["", "/"])
def test_creating_answers_201_with_the_new_process(api: httpx.Client, mill: Json, slash: str) -> None:
    process = made(api.put(f"/api/processes{slash}", json={"name": "Flansch", "machine_id": mill["id"]}))
    assert process.items() >= listed(api, process).items()


@pytest.mark.parametrize("slash", ["", "/"])
def test_patch_answers_200_with_the_updated_process(api: httpx.Client, mill: Json, slash: str) -> None:
    process = make_process(api, mill)
    answer = api.patch(f"/api/processes/{process['id']}{slash}", json={"name": "Deckel"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["name"] == "Deckel"
    assert answer.json().items() >= listed(api, process).items()


def test_patch_of_nothing_changes_nothing(api: httpx.Client, mill: Json) -> None:
    process = make_process(api, mill)
    before, events = process_of(api, process), written(api)
    assert api.patch(f"/api/processes/{process['id']}", json={}).status_code == 200
    assert (process_of(api, process), written(api)) == (before, events)


@pytest.mark.parametrize("body", [[], "name", 5, None, [{}]])
def test_a_body_that_is_no_object_is_400(api: httpx.Client, mill: Json, body: object) -> None:
    path = f"/api/processes/{make_process(api, mill)['id']}"
    events = written(api)
    refused(api.patch(path, json=body), 400)
    refused(api.put("/api/processes/", json=body), 400)
    refused(api.put(f"{path}/toolRequirements", json=body), 400)
    refused(api.post(f"{path}/duplicate", json=body), 400)
    assert written(api) == events


# DELETE /api/processes/{id}


@pytest.mark.parametrize("slash", ["", "/"])
def test_delete_answers_204_and_no_body(api: httpx.Client, mill: Json, slash: str) -> None:
    process = make_process(api, mill)
    answer = api.delete(f"/api/processes/{process['id']}{slash}")
    assert (answer.status_code, answer.content) == (204, b"")
    refused(api.get(f"/api/processes/{process['id']}"), 404)
    assert str(process["id"]) not in get(api, "/api/processes/")
    refused(api.delete(f"/api/processes/{process['id']}{slash}"), 404)


def test_delete_of_an_unknown_process_is_404(api: httpx.Client) -> None:
    refused(api.delete(f"/api/processes/{UNKNOWN}"), 404)


def test_programs_and_assemblies_of_a_deleted_process_stay_without_one(api: httpx.Client) -> None:
    mill = make_machine(api)
    process = make_process(api, mill)
    program, assembly = make_program(api, mill, process_id=process["id"]), make_assembly(api, process, shared=True)
    tool = make_tool(api, assembly)
    assert api.delete(f"/api/processes/{process['id']}").status_code == 204
    assert program_of(api, program) == program | {"process_id": None}
    assert assembly_of(api, assembly) == assembly | {"process_id": None}
    assert get(api, f"/api/tools/{tool['id']}")["assembly_id"] == assembly["id"]
    assert keys(program) == get(api, "/api/programs/", process=0, machine=mill["id"]).keys()


def test_parts_of_a_deleted_process_stay_and_count(api: httpx.Client) -> None:
    mill = make_machine(api)
    process = make_process(api, mill)
    program = make_program(api, mill, process_id=process["id"])
    made_at(api, mill, program, MARCH, MARCH + 60)
    assert api.delete(f"/api/processes/{process['id']}").status_code == 204
    assert [(part["program_id"], part["process_id"]) for part in parts_of(api, mill)] == [(program["id"], None)] * 2
    assert get(api, f"/api/programs/{program['id']}/overview/2026") == {"2026": {"2026-03-10": 2}}
    assert machine_of(api, mill)["loaded_program_id"] == program["id"]
    assert machine_of(api, mill)["loaded_process_id"] is None
    report(api, mill, part_count=3, when=MARCH + 120)
    assert parts_of(api, mill)[-1]["process_id"] is None


def test_of_a_deleted_process_nothing_is_found(api: httpx.Client, mill: Json) -> None:
    process = make_process(api, mill)
    path = f"/api/processes/{process['id']}"
    made(api.put(f"{path}/toolRequirements", json={"location": 1}))
    api.delete(path)
    for rest in ("", "/toolRequirements", "/tools", "/chart", "/overview/2026", "/overview/2026/3"):
        refused(api.get(path + rest), 404)
    refused(api.patch(path, json={"name": "x"}), 404)
    refused(api.post(f"{path}/archive"), 404)
    refused(api.get("/api/programs/", params={"process": process["id"]}), 424)


# POST /api/processes/{id}/archive


@pytest.mark.parametrize("slash", ["", "/"])
def test_archive_answers_the_updated_process(api: httpx.Client, mill: Json, slash: str) -> None:
    process = make_process(api, mill)
    program = make_program(api, mill, process_id=process["id"])
    before = listed(api, process)
    answer = api.post(f"/api/processes/{process['id']}/archive{slash}")
    assert answer.status_code == 200, answer.text
    assert answer.json().items() >= (before | {"archived": True}).items()
    assert listed(api, process) == before | {"archived": True}
    assert program_of(api, program)["archived"] is False


@pytest.mark.parametrize("yes", TRUE)
def test_archive_may_take_the_programs_with_it(api: httpx.Client, mill: Json, yes: str) -> None:
    process, other = make_process(api, mill), make_process(api, mill)
    inside = [make_program(api, mill, process_id=process["id"]) for _ in range(2)]
    outside = [make_program(api, mill, process_id=other["id"]), make_program(api, mill)]
    answer = api.post(f"/api/processes/{process['id']}/archive", params={"programs": yes})
    assert answer.json()["archived"] is True
    assert [program_of(api, program)["archived"] for program in inside + outside] == [True, True, False, False]
    assert listed(api, other)["archived"] is False
    assert program_of(api, inside[0])["process_id"] == process["id"]


@pytest.mark.parametrize("no", FALSE)
def test_archive_leaves_the_programs_otherwise(api: httpx.Client, mill: Json, no: str) -> None:
    process = make_process(api, mill)
    program = make_program(api, mill, process_id=process["id"])
    api.post(f"/api/processes/{process['id']}/archive", params={"programs": no})
    assert listed(api, process)["archived"] is True
    assert program_of(api, program)["archived"] is False


def test_an_archived_process_may_be_archived_again_and_taken_back(api: httpx.Client, mill: Json) -> None:
    process = make_process(api, mill)
    program = make_program(api, mill, process_id=process["id"])
    path = f"/api/processes/{process['id']}"
    api.post(f"{path}/archive")
    assert api.post(f"{path}/archive", params={"programs": 1}).status_code == 200
    assert program_of(api, program)["archived"] is True
    assert api.patch(path, json={"archived": False}).json()["archived"] is False


def test_archive_of_an_unknown_process_is_404(api: httpx.Client) -> None:
    refused(api.post(f"/api/processes/{UNKNOWN}/archive"), 404)


# PUT and GET /api/processes/{id}/toolRequirements


@pytest.fixture
def requirements(api: httpx.Client, mill: Json) -> str:
    return f"/api/processes/{make_process(api, mill)['id']}/toolRequirements"


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_requirement_is_created(api: httpx.Client, requirements: str, slash: str) -> None:
    fields = {"location": 12, "name": "Bohrer 8,5", "notes": "long one", "stick_out": 41.5}
    requirement = made(api.put(requirements + slash, json=fields))
    assert isinstance(requirement["id"], int)
    process_id = int(requirements.split("/")[3])
    assert requirement == fields | {
        "id": requirement["id"],
        "process_id": process_id,
        "inventory_item_id": None,
    }
    assert get(api, requirements + slash) == {str(requirement["id"]): requirement}


def test_a_requirement_needs_its_location_alone(api: httpx.Client, requirements: str) -> None:
    requirement = made(api.put(requirements, json={"location": "3"}))
    rest = {"location": 3, "name": "", "notes": "", "inventory_item_id": None, "stick_out": None}
    assert requirement.items() >= rest.items()


def test_requirements_of_a_process_are_its_own(api: httpx.Client, mill: Json, requirements: str) -> None:
    other = f"/api/processes/{make_process(api, mill)['id']}/toolRequirements"
    assert get(api, requirements) == {}
    ours = [made(api.put(requirements, json={"location": location})) for location in (1, 2)]
    theirs = made(api.put(other, json={"location": 1}))
    assert get(api, requirements) == {str(each["id"]): each for each in ours}
    assert get(api, other) == {str(theirs["id"]): theirs}
    assert theirs["id"] > ours[1]["id"] > ours[0]["id"]


def test_a_location_has_one_requirement(api: httpx.Client, requirements: str) -> None:
    made(api.put(requirements, json={"location": 1}))
    before = get(api, requirements)
    refused(api.put(requirements, json={"location": 1, "name": "another"}), 409)
    refused(api.put(requirements, json={"location": "1"}), 409)
    assert get(api, requirements) == before


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("location", None),
        ("location", "front"),
        ("location", 1.5),
        ("location", "1.5"),
        ("location", [1]),
        ("name", 5),
        ("name", None),
        ("notes", []),
        ("inventory_item_id", "drill"),
        ("inventory_item_id", 1.5),
        ("stick_out", "long"),
        ("stick_out", []),
    ],
)
def test_an_invalid_requirement_is_400(api: httpx.Client, requirements: str, field: str, value: object) -> None:
    events = written(api)
    refused(api.put(requirements, json={"location": 1, field: value}), 400, field=field)
    assert (get(api, requirements), written(api)) == ({}, events)


@pytest.mark.parametrize("body", [{}, {"name": "drill"}])
def test_a_requirement_without_a_location_is_400(api: httpx.Client, requirements: str, body: Json) -> None:
    refused(api.put(requirements, json=body), 400, field="location")


def test_a_requirement_of_an_unknown_item_is_424(api: httpx.Client, requirements: str) -> None:
    refused(api.put(requirements, json={"location": 1, "inventory_item_id": UNKNOWN}), 424)
    assert get(api, requirements) == {}


def test_numbers_of_a_requirement_may_be_strings_or_empty(api: httpx.Client, requirements: str) -> None:
    requirement = made(api.put(requirements, json={"location": "4", "stick_out": "41.5", "inventory_item_id": ""}))
    assert (requirement["location"], requirement["stick_out"]) == (4, 41.5)
    assert requirement["inventory_item_id"] is None
    assert made(api.put(requirements, json={"location": 5, "stick_out": ""}))["stick_out"] is None


def test_a_requirement_ignores_what_is_read_only_or_unknown(api: httpx.Client, mill: Json, requirements: str) -> None:
    other = make_process(api, mill)
    body = {"location": 1, "id": UNKNOWN, "process_id": other["id"], "colour": "red"}
    requirement = made(api.put(requirements, json=body))
    assert requirement["id"] != UNKNOWN
    assert requirement["process_id"] != other["id"]
    assert "colour" not in requirement


def test_requirements_of_an_unknown_process_are_404(api: httpx.Client) -> None:
    refused(api.get(f"/api/processes/{UNKNOWN}/toolRequirements"), 404)
    refused(api.put(f"/api/processes/{UNKNOWN}/toolRequirements", json={"location": 1}), 404)


# GET /api/processes/{id}/tools


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_tools_assigned_to_a_process(api: httpx.Client, full: Json, slash: str) -> None:
    tools = get(api, f"/api/processes/{full['process']['id']}/tools{slash}")
    assert tools == {str(tool["id"]): get(api, f"/api/tools/{tool['id']}") for tool in full["tools"]}


def test_tools_follow_their_assembly(api: httpx.Client, mill: Json) -> None:
    first, second = make_process(api, mill), make_process(api, mill)
    assembly = make_assembly(api, first)
    tool = make_tool(api, assembly)
    path = f"/api/tools/assemblies/{assembly['id']}"
    for target, expected in ((first, [1, 0]), (second, [0, 1]), (None, [0, 0])):
        api.patch(path, json={"process_id": target["id"] if target else None})
        assert [len(get(api, f"/api/processes/{each['id']}/tools")) for each in (first, second)] == expected
    api.patch(path, json={"process_id": first["id"]})
    api.patch(f"/api/tools/{tool['id']}", json={"assembly_id": None})
    assert get(api, f"/api/processes/{first['id']}/tools") == {}


def test_tools_of_an_unknown_process_are_404(api: httpx.Client) -> None:
    refused(api.get(f"/api/processes/{UNKNOWN}/tools"), 404)


# GET /api/processes/variables


@pytest.mark.parametrize("slash", ["", "/"])
def test_variables_are_the_names_of_all_maps(api: httpx.Client, mill: Json, slash: str) -> None:
    first, second, third = (unique(letter) for letter in "zam")
    for names, archived in (((first, second), False), ((second,), False), ((third,), True)):
        make_process(api, mill, archived=archived, cv_map={name: {"number": 5} for name in names})
    names = api.get(f"/api/processes/variables{slash}").json()
    assert isinstance(names, list)
    assert names == sorted(set(names))
    assert [name for name in names if name in {first, second, third}] == sorted([first, second, third])


def test_a_variable_that_no_map_has_any_more_is_not_listed(api: httpx.Client, mill: Json) -> None:
    edited, deleted = unique("edited"), unique("deleted")
    processes = [make_process(api, mill, cv_map={name: {"number": 5}}) for name in (edited, deleted)]
    assert {edited, deleted} <= set(get(api, "/api/processes/variables"))
    api.patch(f"/api/processes/{processes[0]['id']}", json={"cv_map": {"Depth": {"number": 5}}})
    api.delete(f"/api/processes/{processes[1]['id']}")
    assert {edited, deleted}.isdisjoint(get(api, "/api/processes/variables"))
