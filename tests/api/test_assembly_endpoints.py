"""The endpoints of tool assemblies, as `api/tool-assembly.txt` has them. Their tools: `test_assembly_tools.py`."""

import time
from typing import Any

import httpx
import pytest

from api.client import UNKNOWN, Json, Server, get, make_machine, make_process, refused, unique
from api.stockroom import (
    READERS,
    assembly_of,
    assembly_path,
    done,
    forbidden,
    gone,
    keys,
    made,
    make_assembly,
    make_tool,
    nothing_written,
    patched,
    person,
    replaced,
    tool_of,
)

PATH = "/api/tools/assemblies/"
TRUE = ["1", "true", "on", "yes", "y", "checked", "YES"]
FALSE = ["0", "false", "off", "no", "2", "banana"]


@pytest.fixture(scope="module")
def hall(api: httpx.Client) -> Json:
    """Two processes of one machine and one of another, with a shared and an own assembly each. And one of none."""
    mill = make_machine(api)
    processes = {"here": make_process(api, mill), "next": make_process(api, mill)}
    processes["away"] = make_process(api, make_machine(api))
    assemblies = {name: make_assembly(api, process) for name, process in processes.items()}
    shared = {name: make_assembly(api, process, shared=True) for name, process in processes.items()}
    return {
        "processes": processes,
        "own": assemblies,
        "shared": shared,
        "loose": make_assembly(api),
        "loose_shared": make_assembly(api, shared=True),
    }


# GET /api/tools/assemblies/


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_list_maps_ids_to_assemblies(api: httpx.Client, hall: Json, slash: str) -> None:
    """Returns an object mapping IDs to assembly objects."""
    found = get(api, f"/api/tools/assemblies{slash}")
    everything = [*hall["own"].values(), *hall["shared"].values(), hall["loose"], hall["loose_shared"]]
    assert found.items() >= {str(each["id"]): each for each in everything}.items()
    assert all(key == str(value["id"]) for key, value in found.items())


def test_the_list_of_a_process(api: httpx.Client, hall: Json) -> None:
    """process: only tool assemblies with the specified process ID will be returned."""
    found = get(api, PATH, process=hall["processes"]["here"]["id"])
    assert found.keys() == keys(hall["own"]["here"], hall["shared"]["here"])


@pytest.mark.parametrize("yes", TRUE)
def test_shared_adds_those_of_other_processes_of_the_machine(api: httpx.Client, hall: Json, yes: str) -> None:
    """shared=1: shared assemblies from other processes on the same machine will be included."""
    found = get(api, PATH, process=hall["processes"]["here"]["id"], shared=yes)
    assert found.keys() == keys(hall["own"]["here"], hall["shared"]["here"], hall["shared"]["next"])


@pytest.mark.parametrize("no", FALSE)
def test_anything_else_adds_nothing(api: httpx.Client, hall: Json, no: str) -> None:
    """A boolean query parameter is false for anything else."""
    found = get(api, PATH, process=hall["processes"]["here"]["id"], shared=no)
    assert found.keys() == keys(hall["own"]["here"], hall["shared"]["here"])


@pytest.mark.parametrize("flag", ["1", "0"])
def test_shared_without_a_process_is_ignored(api: httpx.Client, hall: Json, flag: str) -> None:
    """Ignored if process is not specified."""
    assert get(api, PATH, shared=flag) == get(api, PATH)


def test_the_list_of_an_empty_process(api: httpx.Client) -> None:
    """Only tool assemblies with the specified process ID will be returned."""
    process = make_process(api, make_machine(api))
    assert get(api, PATH, process=process["id"]) == get(api, PATH, process=process["id"], shared=1) == {}


@pytest.mark.parametrize("flag", ["0", "1"])
def test_the_list_of_an_unknown_process_is_424(api: httpx.Client, flag: str) -> None:
    """Assembly status codes: list 424."""
    refused(api.get(PATH, params={"process": UNKNOWN, "shared": flag}), 424)


@pytest.mark.parametrize("process", ["abc", "1.5"])
def test_a_process_that_is_no_number_is_400(api: httpx.Client, process: str) -> None:
    """A query parameter that is not a number where one is documented: 400."""
    refused(api.get(PATH, params={"process": process}), 400)


def test_an_unknown_query_parameter_is_ignored(api: httpx.Client, hall: Json) -> None:
    """An unknown query parameter is ignored."""
    assert get(api, PATH, colour="red", process=hall["processes"]["next"]["id"]).keys() == keys(
        hall["own"]["next"], hall["shared"]["next"]
    )


# GET, PUT, PATCH, DELETE


@pytest.mark.parametrize("slash", ["", "/"])
def test_one_assembly(api: httpx.Client, hall: Json, slash: str) -> None:
    """With and without the trailing slash is the same resource."""
    assert get(api, assembly_path(hall["loose"]) + slash) == hall["loose"]


@pytest.mark.parametrize("slash", ["", "/"])
def test_creating_answers_201_with_the_new_assembly(api: httpx.Client, slash: str) -> None:
    """Create a new tool assembly. Returns the new assembly object."""
    assembly = made(api.put(f"/api/tools/assemblies{slash}", json={"name": unique("assembly"), "location": 3}))
    assert assembly_of(api, assembly) == assembly
    assert get(api, PATH)[str(assembly["id"])] == assembly


@pytest.mark.parametrize("slash", ["", "/"])
def test_patch_answers_200_with_the_modified_assembly(api: httpx.Client, slash: str) -> None:
    """Edit an existing assembly. Returns the modified assembly object."""
    assembly = make_assembly(api)
    changed = done(api.patch(assembly_path(assembly) + slash, json={"notes": "worn"}))
    assert changed == assembly | {"notes": "worn"} == assembly_of(api, assembly)


@pytest.mark.parametrize("slash", ["", "/"])
def test_delete_answers_204_and_no_body(api: httpx.Client, slash: str) -> None:
    """Delete a tool assembly: 204."""
    assembly = make_assembly(api)
    gone(api.delete(assembly_path(assembly) + slash))
    refused(api.get(assembly_path(assembly)), 404)
    refused(api.delete(assembly_path(assembly)), 404)
    refused(api.patch(assembly_path(assembly), json={"notes": "x"}), 404)
    assert str(assembly["id"]) not in get(api, PATH)


def test_tools_of_a_deleted_assembly_stay_without_one(api: httpx.Client) -> None:
    """Deleting an assembly leaves its tools without one."""
    process = make_process(api, make_machine(api))
    assembly = make_assembly(api, process)
    tools = [make_tool(api, assembly) for _ in range(2)]
    gone(api.delete(assembly_path(assembly)))
    assert [tool_of(api, tool)["assembly_id"] for tool in tools] == [None, None]
    assert get(api, "/api/tools/", process=process["id"]) == {}
    assert get(api, "/api/tools/", unassigned=1).keys() >= keys(*tools)


def test_history_of_a_deleted_assembly_stays(api: httpx.Client) -> None:
    """Deleting always works and history stays: references read null."""
    assembly = make_assembly(api)
    tool = make_tool(api, assembly)
    replacement = replaced(api, tool)
    assert replacement["assembly_id"] == assembly["id"]
    gone(api.delete(assembly_path(assembly)))
    assert get(api, f"/api/tools/replacements/{replacement['id']}")["assembly_id"] is None
    assert get(api, f"/api/tools/{tool['id']}/replacements").keys() == keys(replacement)


UNKNOWN_CALLS: list[tuple[str, str, Any]] = [
    ("GET", "", None),
    ("PATCH", "", {"notes": "x"}),
    ("DELETE", "", None),
    ("POST", "/duplicate", {"assembly": {"name": "x"}}),
    ("POST", "/addTools", {"tools": []}),
    ("POST", "/merge", []),
    ("GET", "/replacements", None),
]


@pytest.mark.parametrize(("method", "rest", "body"), UNKNOWN_CALLS)
def test_an_unknown_assembly_is_404(api: httpx.Client, method: str, rest: str, body: Any) -> None:
    """A missing object is 404."""
    refused(api.request(method, f"{PATH}{UNKNOWN}{rest}", json=body), 404)


@pytest.mark.parametrize("body", [[], "name", 5, None, [{}]])
def test_a_body_that_is_no_object_is_400(api: httpx.Client, body: object) -> None:
    """A missing or invalid field 400."""
    path = assembly_path(make_assembly(api))
    with nothing_written(api):
        refused(api.put(PATH, json=body), 400)
        refused(api.patch(path, json=body), 400)
        refused(api.post(f"{path}/addTools", json=body), 400)


# GET /api/tools/assemblies/{id}/replacements


@pytest.fixture(scope="module")
def history(api: httpx.Client) -> Json:
    """An assembly with two tools that were replaced in turns, and the IDs of that, most recent first."""
    assembly, other = make_assembly(api), make_assembly(api)
    tools = [make_tool(api, assembly) for _ in range(2)]
    replaced(api, make_tool(api, other))
    now = time.time()
    taken = [replaced(api, tools[turn % 2], timestamp=now - 500 + 100 * turn) for turn in range(5)]
    return {"path": f"{assembly_path(assembly)}/replacements", "replacements": taken[::-1]}


def recent(api: httpx.Client, history: Json, **query: Any) -> list[str]:
    return list(get(api, history["path"], **query))


def test_replacements_of_an_assembly_are_those_of_its_tools(api: httpx.Client, history: Json) -> None:
    """Returns an object mapping replacement ID to replacement object."""
    assert get(api, history["path"]) == {str(each["id"]): each for each in history["replacements"]}


def test_more_recent_replacements_are_returned_first(api: httpx.Client, history: Json) -> None:
    """More recent replacements are returned first. limit defaults to all."""
    assert recent(api, history) == [str(each["id"]) for each in history["replacements"]]


@pytest.mark.parametrize(("limit", "offset"), [(2, None), (None, 3), (2, 1), (2, 4), (100, 0), (2, 5)])
def test_limit_and_offset(api: httpx.Client, history: Json, limit: int | None, offset: int | None) -> None:
    """limit: maximum number of items to return. offset: skip past this many results."""
    query = {name: value for name, value in (("limit", limit), ("offset", offset)) if value is not None}
    order = [str(each["id"]) for each in history["replacements"]][offset or 0 :]
    assert recent(api, history, **query) == order[:limit]


@pytest.mark.parametrize("name", ["limit", "offset"])
@pytest.mark.parametrize("value", ["many", "1.5"])
def test_a_limit_that_is_no_number_is_400(api: httpx.Client, history: Json, name: str, value: str) -> None:
    """A query parameter that is not a number where one is documented: 400."""
    refused(api.get(history["path"], params={name: value}), 400)


def test_an_assembly_whose_tools_were_never_replaced_has_none(api: httpx.Client) -> None:
    """Get the replacement history."""
    assembly = make_assembly(api)
    make_tool(api, assembly)
    assert get(api, f"{assembly_path(assembly)}/replacements") == {}


# Levels


@pytest.mark.parametrize("level", ["shop", "audit"])
def test_shop_and_audit_may_not_write(api: httpx.Client, server: Server, level: str) -> None:
    """Create, edit and delete assemblies: admin and plan. 403, and `allowed` lists the levels that may do it."""
    assembly, other, tool = make_assembly(api), make_assembly(api), make_tool(api)
    path = assembly_path(assembly)
    with person(api, server, level) as client, nothing_written(client):
        forbidden(client.put(PATH, json={"name": unique("assembly")}))
        forbidden(client.patch(path, json={"notes": "x"}))
        forbidden(client.delete(path))
        forbidden(client.post(f"{path}/duplicate", json={"assembly": {"name": "x"}}))
        forbidden(client.post(f"{path}/addTools", json={"tools": [tool["id"]]}))
        forbidden(client.post(f"{path}/merge", json=[other["id"]]))
    assert [assembly_of(api, each) for each in (assembly, other)] == [assembly, other]
    assert tool_of(api, tool)["assembly_id"] is None


@pytest.mark.parametrize("level", ["plan", "admin"])
def test_planners_and_administrators_may(api: httpx.Client, server: Server, level: str) -> None:
    """Create, edit and delete assemblies: admin and plan."""
    with person(api, server, level) as client:
        assembly, other, tool = make_assembly(client), make_assembly(client), make_tool(client)
        path = assembly_path(assembly)
        assert patched(client, path, notes="x")["notes"] == "x"
        made(client.post(f"{path}/duplicate", json={"assembly": {"name": "x"}}))
        done(client.post(f"{path}/addTools", json={"tools": [tool["id"]]}))
        done(client.post(f"{path}/merge", json=[other["id"]]))
        gone(client.delete(path))


@pytest.mark.parametrize("level", READERS)
def test_everybody_reads(api: httpx.Client, server: Server, hall: Json, level: str) -> None:
    """Read everything: all levels."""
    with person(api, server, level) as client:
        assert get(client, PATH).keys() >= keys(hall["loose"])
        assert get(client, assembly_path(hall["loose"])) == hall["loose"]
        assert get(client, f"{assembly_path(hall['loose'])}/replacements") == {}


def test_without_a_key_it_is_401(anonymous: httpx.Client, edge: httpx.Client, hall: Json) -> None:
    """Without one, or with a bad one, 401 on every `/api/` path."""
    for method, path in (("GET", PATH), ("PUT", PATH), ("DELETE", assembly_path(hall["loose"]))):
        refused(anonymous.request(method, path), 401)
        refused(edge.request(method, path), 403)


# If-Match


def etag(api: httpx.Client, assembly: Json) -> str:
    return api.get(assembly_path(assembly)).headers["etag"]


def test_if_match_guards_patch_and_delete(api: httpx.Client) -> None:
    """`If-Match` guards PATCH and DELETE."""
    assembly = make_assembly(api)
    stale = etag(api, assembly)
    headers = {"If-Match": stale}
    changed = done(api.patch(assembly_path(assembly), json={"notes": "first"}, headers=headers))
    with nothing_written(api):
        refused(api.patch(assembly_path(assembly), json={"notes": "second"}, headers=headers), 412)
        refused(api.delete(assembly_path(assembly), headers=headers), 412)
    assert assembly_of(api, assembly) == changed
    gone(api.delete(assembly_path(assembly), headers={"If-Match": etag(api, assembly)}))


def test_any_state_matches_a_star(api: httpx.Client) -> None:
    """`If-Match: *` matches what exists."""
    assembly = make_assembly(api)
    done(api.patch(assembly_path(assembly), json={"notes": "first"}, headers={"If-Match": "*"}))
    gone(api.delete(assembly_path(assembly), headers={"If-Match": "*"}))
