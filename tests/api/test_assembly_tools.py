"""What is done with the tools of assemblies: duplicate, addTools, merge (`api/tool-assembly.txt`)."""

from typing import Any

import httpx
import pytest

from api.client import UNKNOWN, Json, get, make_machine, make_process, make_program, refused, report, unique
from api.stockroom import (
    assembly_of,
    assembly_path,
    done,
    made,
    make_assembly,
    make_item,
    make_tool,
    nothing_written,
    tool_of,
    tool_path,
    tools_in,
)

LIFE: Json = {"part_life": 200, "warn_life": 20, "max_runtime": 3_600, "warn_runtime": 600, "day_life": 30}
LIFE |= {"day_warning": 3, "usage_mode": 1}


def duplicate(api: httpx.Client, assembly: Json, /, **body: Any) -> httpx.Response:
    body = {"assembly": {"name": unique("copy")}} | body
    return api.post(f"{assembly_path(assembly)}/duplicate", json=body)


def add(api: httpx.Client, assembly: Json, *tools: Json) -> httpx.Response:
    return api.post(f"{assembly_path(assembly)}/addTools", json={"tools": [tool["id"] for tool in tools]})


def merge(api: httpx.Client, assembly: Json, *sources: Json) -> httpx.Response:
    return api.post(f"{assembly_path(assembly)}/merge", json=[source["id"] for source in sources])


def copies(api: httpx.Client, assembly: Json, *originals: Json) -> list[Json]:
    """The tools of an assembly that are none of these."""
    found = tools_in(api, assembly) - {tool["id"] for tool in originals}
    return [get(api, f"/api/tools/{tool}") for tool in sorted(found)]


# POST /api/tools/assemblies/{id}/duplicate


def test_the_documented_example(api: httpx.Client) -> None:
    """This assembly will be part of process 34. It will contain tools 224 and 226, and duplicates of 176 and 120."""
    process = make_process(api, make_machine(api))
    original = make_assembly(api, location=5)
    inside = [make_tool(api, original) for _ in range(3)]
    loose = [make_tool(api) for _ in range(2)]
    fields = {"name": "My new assembly", "notes": "It was duplicated.", "process_id": process["id"]}
    names = {str(inside[0]["id"]): "Copy of the first", str(inside[1]["id"]): "Another of the second"}
    answer = duplicate(api, original, assembly=fields, tools=[tool["id"] for tool in loose], duplicate=names)
    assembly = made(answer)
    assert assembly.items() >= fields.items()
    assert assembly["id"] != original["id"]
    assert assembly_of(api, assembly) == assembly
    assert tools_in(api, assembly) >= {tool["id"] for tool in loose}
    assert {tool["name"] for tool in copies(api, assembly, *loose)} == set(names.values())
    assert len(tools_in(api, assembly)) == 4
    assert assembly_of(api, original) == original
    assert tools_in(api, original) == {tool["id"] for tool in inside}
    assert [tool_of(api, tool) for tool in inside] == inside


def test_tools_are_placed_into_the_new_assembly(api: httpx.Client) -> None:
    """tools: optional list of tool IDs to place into the new assembly."""
    original, tool = make_assembly(api), make_tool(api)
    assembly = made(duplicate(api, original, tools=[tool["id"]]))
    assert tool_of(api, tool)["assembly_id"] == assembly["id"]
    assert tools_in(api, original) == set()


def test_an_assembly_in_a_duplicate_keeps_notes_and_shared(api: httpx.Client) -> None:
    """An assembly in a duplicate keeps notes and shared."""
    original = make_assembly(api, notes="long holder", shared=True)
    assembly = made(duplicate(api, original))
    assert (assembly["notes"], assembly["shared"]) == ("long holder", True)


def test_a_copied_tool_keeps_its_life_fields_and_starts_at_zero(api: httpx.Client) -> None:
    """A copied tool keeps its life fields, and starts at zero."""
    machine = make_machine(api)
    process = make_process(api, machine)
    program = make_program(api, machine, process_id=process["id"])
    original, item = make_assembly(api, process), make_item(api)
    tool = make_tool(api, original, item, **LIFE)
    report(api, machine, program_name=program["filename"], part_count=0)
    report(api, machine, part_count=3)
    assert tool_of(api, tool)["part_count"] == 3
    assembly = made(duplicate(api, original, duplicate={str(tool["id"]): "the copy"}))
    (copy,) = copies(api, assembly)
    assert copy.items() >= (LIFE | {"name": "the copy", "inventory_item_id": item["id"]}).items()
    assert copy.items() >= {"part_count": 0, "runtime": 0, "last_replaced": None, "warning_sent": False}.items()
    assert tool_of(api, tool)["part_count"] == 3


def test_both_parts_are_optional(api: httpx.Client) -> None:
    """It will contain the tools that are named, and the duplicates that are named."""
    original = make_assembly(api)
    make_tool(api, original)
    for body in ({}, {"tools": [], "duplicate": {}}):
        assert tools_in(api, made(duplicate(api, original, **body))) == set()


@pytest.mark.parametrize("which", ["unknown", "its own", "another's"])
def test_tools_that_are_unknown_or_in_an_assembly_are_400(api: httpx.Client, which: str) -> None:
    """400: if any tools referenced do not exist or are already used in an assembly."""
    original, other, loose = make_assembly(api), make_assembly(api), make_tool(api)
    wrong = {
        "unknown": UNKNOWN,
        "its own": make_tool(api, original)["id"],
        "another's": make_tool(api, other)["id"],
    }
    with nothing_written(api):
        refused(duplicate(api, original, tools=[loose["id"], wrong[which]]), 400)
    assert tool_of(api, loose)["assembly_id"] is None


def test_a_duplicate_of_an_unknown_tool_is_400(api: httpx.Client) -> None:
    """400: if any tools referenced in provided fields do not exist."""
    original = make_assembly(api)
    tool = make_tool(api, original)
    with nothing_written(api):
        refused(duplicate(api, original, duplicate={str(tool["id"]): "copy", str(UNKNOWN): "copy"}), 400)


@pytest.mark.parametrize(
    "body",
    [
        {"tools": 5},
        {"tools": "all"},
        {"tools": {"1": "one"}},
        {"tools": [1.5]},
        {"tools": ["drill"]},
        {"duplicate": []},
        {"duplicate": {"drill": "copy"}},
        {"assembly": "copy"},
        {"assembly": {"name": 5}},
        {"assembly": {"name": "copy", "location": 1.5}},
    ],
)
def test_an_invalid_duplicate_is_400(api: httpx.Client, body: Json) -> None:
    """A missing or invalid field 400."""
    original = make_assembly(api)
    with nothing_written(api):
        refused(duplicate(api, original, **body), 400)


def test_a_copy_needs_a_name_that_is_a_text(api: httpx.Client) -> None:
    """The name of a tool is a text."""
    original = make_assembly(api)
    tool = make_tool(api, original)
    with nothing_written(api):
        refused(duplicate(api, original, duplicate={str(tool["id"]): 5}), 400)


def test_a_duplicate_for_an_unknown_process_is_refused(api: httpx.Client) -> None:
    """A reference to another object that doesn't exist is 424 (the document names only 400)."""
    original = make_assembly(api)
    with nothing_written(api):
        refused(duplicate(api, original, assembly={"name": "x", "process_id": UNKNOWN}), 400, 424)


def test_a_duplicate_of_an_unknown_assembly_is_404(api: httpx.Client) -> None:
    """404: if the original assembly does not exist."""
    refused(duplicate(api, {"id": UNKNOWN}), 404)


# POST /api/tools/assemblies/{id}/addTools


def test_tools_are_added(api: httpx.Client) -> None:
    """Add tools to an assembly. Returns the modified assembly object."""
    assembly, tools = make_assembly(api), [make_tool(api) for _ in range(2)]
    assert done(add(api, assembly, *tools)) == assembly_of(api, assembly)
    assert tools_in(api, assembly) == {tool["id"] for tool in tools}
    assert [tool_of(api, tool)["assembly_id"] for tool in tools] == [assembly["id"]] * 2


def test_tools_of_another_assembly_move(api: httpx.Client) -> None:
    """Tools of another assembly move."""
    first, second = make_assembly(api), make_assembly(api)
    moving, staying = make_tool(api, first), make_tool(api, first)
    done(add(api, second, moving))
    assert (tools_in(api, first), tools_in(api, second)) == ({staying["id"]}, {moving["id"]})


def test_tools_that_are_already_in_it_are_ignored(api: httpx.Client) -> None:
    """Any tools that are already in the assembly will be silently ignored."""
    assembly = make_assembly(api)
    inside, outside = make_tool(api, assembly), make_tool(api)
    before = tool_of(api, inside)
    assert done(add(api, assembly, inside, outside))["id"] == assembly["id"]
    assert tools_in(api, assembly) == {inside["id"], outside["id"]}
    assert tool_of(api, inside) == before
    assert done(add(api, assembly, inside))["id"] == assembly["id"]


def test_adding_an_unknown_tool_is_400_and_moves_none(api: httpx.Client) -> None:
    """Unknown: 400."""
    assembly, tool = make_assembly(api), make_tool(api)
    with nothing_written(api):
        refused(add(api, assembly, tool, {"id": UNKNOWN}), 400)
    assert tool_of(api, tool)["assembly_id"] is None


@pytest.mark.parametrize("body", [{}, {"tools": None}, {"tools": 5}, {"tools": ["drill"]}, {"tools": [1.5]}])
def test_adding_what_is_no_list_of_ids_is_400(api: httpx.Client, body: Json) -> None:
    """tools (int): list of tool IDs to add."""
    assembly = make_assembly(api)
    refused(api.post(f"{assembly_path(assembly)}/addTools", json=body), 400)


def test_a_tool_may_be_added_by_its_own_field(api: httpx.Client) -> None:
    """assembly_id: the ID of the tool assembly that this tool is part of."""
    assembly, tool = make_assembly(api), make_tool(api)
    assert done(api.patch(tool_path(tool), json={"assembly_id": assembly["id"]}))["assembly_id"] == assembly["id"]
    assert tools_in(api, assembly) == {tool["id"]}


# POST /api/tools/assemblies/{id}/merge


def test_merge_moves_all_tools_and_deletes_the_sources(api: httpx.Client) -> None:
    """This will move all tools from the sources into the destination, and then delete the now-empty sources."""
    target, *sources = [make_assembly(api, location=location) for location in (1, 2, 3)]
    tools = [make_tool(api, assembly) for assembly in (target, *sources, sources[1])]
    empty = make_assembly(api)
    assert done(merge(api, target, *sources, empty)) == assembly_of(api, target)
    assert tools_in(api, target) == {tool["id"] for tool in tools}
    for source in (*sources, empty):
        refused(api.get(assembly_path(source)), 404)


def test_merge_leaves_the_destination_as_it_was(api: httpx.Client) -> None:
    """Destination assembly object after the merge."""
    process = make_process(api, make_machine(api))
    target = make_assembly(api, process, location=1, notes="target")
    source = make_assembly(api, location=2, notes="source", shared=True)
    assert done(merge(api, target, source)) == target


@pytest.mark.parametrize("which", ["itself", "unknown"])
def test_merge_of_itself_or_an_unknown_one_is_400(api: httpx.Client, which: str) -> None:
    """`merge` of an assembly into itself, or of an unknown one: 400."""
    target, source = make_assembly(api), make_assembly(api)
    tool = make_tool(api, source)
    with nothing_written(api):
        refused(merge(api, target, source, target if which == "itself" else {"id": UNKNOWN}), 400)
    assert tool_of(api, tool)["assembly_id"] == source["id"]


@pytest.mark.parametrize("body", [{}, {"sources": [1]}, 5, None, "1", ["drill"], [1.5], [[1]]])
def test_merge_takes_the_bare_list(api: httpx.Client, body: object) -> None:
    """List of source assembly IDs."""
    refused(api.post(f"{assembly_path(make_assembly(api))}/merge", json=body), 400)
