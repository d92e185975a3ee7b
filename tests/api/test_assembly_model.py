"""The fields of a tool assembly, sentence by sentence as `api/tool-assembly.txt` and `domain.md` have them."""

import time
from typing import Any

import httpx
import pytest

from api.client import (
    UNKNOWN,
    Json,
    facts,
    get,
    make_machine,
    make_process,
    make_program,
    program_seen,
    refused,
    report,
    unique,
)
from api.stockroom import (
    assembly_of,
    assembly_path,
    make_assembly,
    make_tool,
    nothing_written,
    of,
    patched,
    tool_of,
    tools_in,
)

PATH = "/api/tools/assemblies/"
DEFAULTS: Json = {"image_type": None, "location": None, "notes": "", "process_id": None, "shared": False}
FILLED: Json = {"location": 7, "notes": "Größe 40.\nSecond line.", "shared": True}
MODEL = {"id", "name", *DEFAULTS}
WRONG: list[tuple[str, Any]] = [
    ("name", None),
    ("name", 5),
    ("name", []),
    ("notes", None),
    ("notes", 5),
    ("notes", {}),
    ("shared", None),
    ("shared", []),
    *[(name, wrong) for name in ("location", "process_id") for wrong in (1.5, "1.5", "pot", "1x", [1], {})],
]


@pytest.fixture(scope="module")
def mill(api: httpx.Client) -> Json:
    return make_machine(api)


@pytest.fixture(scope="module")
def process(api: httpx.Client, mill: Json) -> Json:
    return make_process(api, mill)


# What an assembly is


def test_every_documented_field(api: httpx.Client) -> None:
    """`image` bytes are never in JSON: `image_type` is."""
    assembly = make_assembly(api)
    for shown in (assembly, assembly_of(api, assembly), get(api, PATH)[str(assembly["id"])]):
        assert shown.keys() >= MODEL
        assert "image" not in shown


def test_the_defaults(api: httpx.Client) -> None:
    """Defaults: texts "", nullable fields null."""
    body = {"name": unique("assembly")}
    answer = api.put(PATH, json=body)
    assert answer.status_code == 201, answer.text
    assembly = answer.json()
    assert of(assembly, MODEL) == DEFAULTS | body | {"id": assembly["id"]}
    assert assembly_of(api, assembly) == assembly


def test_the_types(api: httpx.Client, process: Json) -> None:
    """location: int | None, name: str, notes: str, process_id: int | None, shared: bool."""
    assembly = make_assembly(api, process, **FILLED)
    types = {"id": int, "location": int, "name": str, "notes": str, "process_id": int, "shared": bool}
    assert {name: type(assembly.get(name)) for name in types} == types


def test_ids_are_given_in_order_and_never_twice(api: httpx.Client) -> None:
    """IDs are positive integers, unique within their kind, given in order, never used twice."""
    first, second = make_assembly(api), make_assembly(api)
    assert second["id"] > first["id"] > 0
    assert api.delete(assembly_path(second)).status_code == 204
    assert make_assembly(api)["id"] > second["id"]


def test_two_assemblies_may_have_one_name_and_one_location(api: httpx.Client, process: Json) -> None:
    """A grouping to make referencing whole tools easier: its name and pot are the user's."""
    fields = {"name": unique("twin"), "location": 3}
    first, second = make_assembly(api, process, **fields), make_assembly(api, process, **fields)
    assert first == second | {"id": first["id"]}


# Writing


@pytest.mark.parametrize("field", FILLED)
def test_creating_takes_the_field(api: httpx.Client, field: str) -> None:
    """Name is required, everything else is optional."""
    assembly = make_assembly(api, **{field: FILLED[field]})
    assert of(assembly, DEFAULTS) == DEFAULTS | {field: FILLED[field]}
    assert assembly_of(api, assembly) == assembly


@pytest.mark.parametrize("field", ["name", *FILLED])
def test_patch_changes_the_field_and_no_other(api: httpx.Client, process: Json, field: str) -> None:
    """`PATCH` bodies hold any subset of fields."""
    assembly = make_assembly(api, process)
    value = (FILLED | {"name": unique("renamed")})[field]
    assert patched(api, assembly_path(assembly), **{field: value}) == assembly | {field: value}
    assert assembly_of(api, assembly) == assembly | {field: value}


def test_patch_moves_it_to_a_process_and_out_again(api: httpx.Client, process: Json) -> None:
    """process_id: the process this assembly is currently being used for."""
    assembly = make_assembly(api)
    for process_id in (process["id"], None):
        assert patched(api, assembly_path(assembly), process_id=process_id)["process_id"] == process_id
        assert assembly_of(api, assembly)["process_id"] == process_id


def test_patch_takes_all_fields_at_once(api: httpx.Client, process: Json) -> None:
    """The modified assembly object."""
    fields = FILLED | {"name": unique("full"), "process_id": process["id"]}
    assembly = make_assembly(api)
    assert patched(api, assembly_path(assembly), **fields) == assembly | fields


def test_patch_of_what_it_is_already_writes_nothing(api: httpx.Client) -> None:
    assembly = make_assembly(api, **FILLED)
    with nothing_written(api):
        assert patched(api, assembly_path(assembly), **FILLED) == assembly
        assert patched(api, assembly_path(assembly)) == assembly


@pytest.mark.parametrize("null", [None, ""])
@pytest.mark.parametrize("field", ["location", "process_id"])
def test_null_and_an_empty_string_are_null(api: httpx.Client, process: Json, field: str, null: object) -> None:
    """`""` is null for a nullable field."""
    assembly = make_assembly(api, process, location=4)
    assert patched(api, assembly_path(assembly), **{field: null}) == assembly | {field: None}
    assert make_assembly(api, **{field: null})[field] is None


@pytest.mark.parametrize("field", ["location", "process_id"])
def test_numbers_may_come_as_strings(api: httpx.Client, process: Json, field: str) -> None:
    """Numbers may come as strings."""
    number = process["id"] if field == "process_id" else 12
    assert make_assembly(api, **{field: str(number)})[field] == number
    changed = patched(api, assembly_path(make_assembly(api)), **{field: str(number)})
    assert (changed[field], type(changed[field])) == (number, int)


@pytest.mark.parametrize("ignored", [{"id": UNKNOWN}, {"created": 5, "colour": "red"}, {"id": "x", "tools": 5}])
def test_fields_that_are_read_only_or_unknown_are_ignored(api: httpx.Client, ignored: Json) -> None:
    """Unknown fields and fields that are read-only are ignored silently."""
    assembly = make_assembly(api, **ignored)
    assert assembly["id"] != UNKNOWN
    assert assembly.keys().isdisjoint({"created", "colour"})
    assert patched(api, assembly_path(assembly), **ignored, notes="changed") == assembly | {"notes": "changed"}
    refused(api.get(f"{PATH}{UNKNOWN}"), 404)


# What is refused


@pytest.mark.parametrize(("field", "value"), WRONG)
def test_one_invalid_field_rejects_the_whole_patch(api: httpx.Client, field: str, value: object) -> None:
    """A string that doesn't parse, or a fraction for an integer, rejects the whole request with 400."""
    assembly = make_assembly(api)
    with nothing_written(api):
        body = FILLED | {"name": "changed"} | {field: value}
        refused(api.patch(assembly_path(assembly), json=body), 400, field=field)
    assert assembly_of(api, assembly) == assembly


@pytest.mark.parametrize(("field", "value"), WRONG)
def test_creating_with_an_invalid_field_is_400(api: httpx.Client, field: str, value: object) -> None:
    """A validation error says which field."""
    with nothing_written(api):
        refused(api.put(PATH, json={"name": unique("assembly"), field: value}), 400, field=field)


@pytest.mark.parametrize("body", [{}, {"notes": "no name"}])
def test_creating_without_a_name_is_400(api: httpx.Client, body: Json) -> None:
    """PUT 400 without name."""
    refused(api.put(PATH, json=body), 400, field="name")


def test_an_unknown_process_is_424(api: httpx.Client) -> None:
    """A reference to another object that doesn't exist is 424."""
    assembly = make_assembly(api)
    with nothing_written(api):
        refused(api.put(PATH, json={"name": unique("assembly"), "process_id": UNKNOWN}), 424)
        refused(api.patch(assembly_path(assembly), json={"process_id": UNKNOWN, "notes": "changed"}), 424)
    assert assembly_of(api, assembly) == assembly


# Shared assemblies


@pytest.fixture
def shop_floor(api: httpx.Client) -> Json:
    """A machine that runs the first of three processes, and a shared and an own assembly in each."""
    machine = make_machine(api)
    processes = [make_process(api, machine) for _ in range(3)]
    programs = [make_program(api, machine, process_id=process["id"]) for process in processes]
    report(api, machine, program_name=programs[0]["filename"], part_count=0)
    return {
        "machine": machine,
        "processes": processes,
        "programs": programs,
        "shared": [make_assembly(api, process, shared=True) for process in processes],
        "own": [make_assembly(api, process) for process in processes],
    }


def where(api: httpx.Client, assemblies: list[Json]) -> list[int | None]:
    return [assembly_of(api, assembly)["process_id"] for assembly in assemblies]


def test_a_switch_moves_every_shared_assembly_of_the_machine(api: httpx.Client, shop_floor: Json) -> None:
    """It will reassign all shared tools in any process associated with that machine to the newly loaded process."""
    first, second, third = (process["id"] for process in shop_floor["processes"])
    assert where(api, shop_floor["shared"]) == [first, second, third]
    report(api, shop_floor["machine"], program_name=shop_floor["programs"][1]["filename"])
    assert where(api, shop_floor["shared"]) == [second, second, second]
    assert where(api, shop_floor["own"]) == [first, second, third]
    report(api, shop_floor["machine"], program_name=shop_floor["programs"][0]["filename"])
    assert where(api, shop_floor["shared"]) == [first, first, first]


def test_tools_go_with_their_shared_assembly(api: httpx.Client, shop_floor: Json) -> None:
    """Shared tools are associated with a machine instead of a single process."""
    assembly = shop_floor["shared"][0]
    tool = make_tool(api, assembly)
    report(api, shop_floor["machine"], program_name=shop_floor["programs"][1]["filename"])
    assert tools_in(api, assembly) == {tool["id"]}
    assert str(tool["id"]) in get(api, "/api/tools/", process=shop_floor["processes"][1]["id"])
    assert str(tool["id"]) not in get(api, "/api/tools/", process=shop_floor["processes"][0]["id"])
    assert tool_of(api, tool)["assembly_id"] == assembly["id"]


def test_assemblies_of_other_machines_and_of_no_process_stay(api: httpx.Client, shop_floor: Json) -> None:
    """Any process associated with that machine, and no other."""
    elsewhere = make_process(api, make_machine(api))
    assemblies = [make_assembly(api, elsewhere, shared=True), make_assembly(api, shared=True)]
    report(api, shop_floor["machine"], program_name=shop_floor["programs"][1]["filename"])
    assert where(api, assemblies) == [elsewhere["id"], None]


def test_a_program_without_a_process_moves_nothing(api: httpx.Client, shop_floor: Json) -> None:
    """A program without a process: they stay."""
    before = where(api, shop_floor["shared"])
    program = make_program(api, shop_floor["machine"])
    report(api, shop_floor["machine"], program_name=program["filename"])
    assert where(api, shop_floor["shared"]) == before


def test_moving_the_loaded_program_is_a_switch(api: httpx.Client, shop_floor: Json) -> None:
    """Also when the loaded program is moved to another process."""
    third = shop_floor["processes"][2]["id"]
    patched(api, f"/api/programs/{shop_floor['programs'][0]['id']}", process_id=third)
    assert where(api, shop_floor["shared"]) == [third] * 3


def test_another_program_of_the_same_process_moves_nothing(api: httpx.Client, shop_floor: Json) -> None:
    """When OnTakt detects that a machine has switched processes."""
    before = where(api, shop_floor["shared"])
    program = make_program(api, shop_floor["machine"], process_id=shop_floor["processes"][0]["id"])
    report(api, shop_floor["machine"], program_name=program["filename"])
    assert where(api, shop_floor["shared"]) == before


def test_an_assembly_that_is_not_shared_any_more_stays(api: httpx.Client, shop_floor: Json) -> None:
    """Shared tools are associated with a machine: those that are shared when it switches."""
    first = shop_floor["processes"][0]["id"]
    patched(api, assembly_path(shop_floor["shared"][0]), shared=False)
    patched(api, assembly_path(shop_floor["own"][0]), shared=True)
    report(api, shop_floor["machine"], program_name=shop_floor["programs"][1]["filename"])
    assert assembly_of(api, shop_floor["shared"][0])["process_id"] == first
    assert assembly_of(api, shop_floor["own"][0])["process_id"] == shop_floor["processes"][1]["id"]


def test_an_edge_that_reports_the_program_switches_too(api: httpx.Client, edge: httpx.Client) -> None:
    """When OnTakt detects that a machine has switched processes."""
    machine = make_machine(api)
    processes = [make_process(api, machine) for _ in range(2)]
    programs = [make_program(api, machine, process_id=process["id"]) for process in processes]
    shared = make_assembly(api, processes[0], shared=True)
    now = time.time()
    facts(edge, machine, *[program_seen(now + step, each["filename"]) for step, each in enumerate(programs)])
    assert where(api, [shared]) == [processes[1]["id"]]
