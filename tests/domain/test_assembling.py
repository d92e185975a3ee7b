"""Assemblies and their tools: duplicate, add, merge, delete."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from given import NOON, Given, a_machine, a_process, a_tool, an_assembly
from taktledger.domain.assemblies import (
    AssemblyChanges,
    AssemblyCreated,
    AssemblyDeleted,
    AssemblyFields,
    AssemblyMoved,
)
from taktledger.domain.assembling import (
    AddTools,
    AssemblyCopy,
    DeleteAssembly,
    DuplicateAssembly,
    MergeAssemblies,
    add_tools,
    delete_assembly,
    duplicate_assembly,
    merge_assemblies,
)
from taktledger.domain.errors import Invalid, NotFound, ReferenceMissing
from taktledger.domain.event import Event
from taktledger.domain.shop import Image, LastReplacement
from taktledger.domain.tools.fields import LifeFields, ToolFields
from taktledger.domain.tools.life import ToolLifeChanged, ToolWarned
from taktledger.domain.tools.replacement import ToolReplaced
from taktledger.domain.tools.tool import ToolCreated, ToolMoved

PICTURE = Image("aa", "image/png")


def a_shop(*more: Event) -> Given:
    """Assembly 1 has tools 1 and 2, assembly 2 has tool 3; tool 4 is loose."""
    first = an_assembly(1, process_id=1, notes="long", location=5, shared=True)
    return Given(
        *(a_machine(), a_process(1), a_process(2, "ring"), replace(first, image=PICTURE), an_assembly(2, "mill")),
        *(a_tool(1, assembly_id=1), a_tool(2, "screw", assembly_id=1), a_tool(3, "tip", assembly_id=2), a_tool(4)),
        *more,
    )


def duplicate(given: Given, assembly_id: int = 1, **copy: Any) -> Given:
    """`assembly`: what is different; `tools`: to put into it; `duplicate`: to copy into it."""
    said = AssemblyCopy(
        assembly=msgspec.convert(copy.get("assembly", {}), AssemblyChanges),
        tools=copy.get("tools", []),
        duplicate=copy.get("duplicate", {}),
    )
    return given.when(duplicate_assembly, DuplicateAssembly(assembly_id=assembly_id, copy=said))


def moved(given: Given, tool_id: int, assembly_id: int | None, at: float | None = None) -> ToolMoved:
    return ToolMoved(occurred_at=given.now if at is None else at, tool_id=tool_id, assembly_id=assembly_id)


def merge(given: Given, assembly_id: int, *sources: int) -> Given:
    return given.when(merge_assemblies, MergeAssemblies(assembly_id=assembly_id, sources=list(sources)))


def places(given: Given) -> dict[int, set[int]]:
    """Assembly -> its tools. The two ways to say it agree."""
    tools = given.shop.tools.values()
    found = {each.id: each.tool_ids for each in given.shop.assemblies.values()}
    assert found == {each: {tool.id for tool in tools if tool.assembly_id == each} for each in found}
    return found


# Duplicate


def test_a_copy_keeps_what_the_original_says() -> None:
    """An assembly in a duplicate keeps notes and shared, its process and its picture; tools only as they are named."""
    fields = AssemblyFields(name="drill", notes="long", location=5, shared=True)
    created = AssemblyCreated(
        occurred_at=NOON + 1, assembly_id=3, process_id=1, fields=fields, copied_from=1, image=PICTURE
    )
    given = duplicate(a_shop()).then(created)
    assert given.shop.processes[1].assembly_ids == {1, 3}
    assert places(given)[3] == set()


def test_a_copy_with_another_name_and_process() -> None:
    given = duplicate(a_shop(), assembly={"name": "new", "location": None, "process_id": 2}).then(AssemblyCreated)
    copy = given.shop.assemblies[3]
    assert (copy.name, copy.notes, copy.location, copy.shared, copy.process_id) == ("new", "long", None, True, 2)
    assert duplicate(given, assembly={"process_id": None}).shop.assemblies[4].process_id is None


def test_loose_tools_go_into_the_copy_and_others_are_copied() -> None:
    given = duplicate(a_shop(a_tool(5, "fifth")), tools=[5, 4, 5], duplicate={2: "screw B", 3: "tip B"})
    copies = [
        ToolCreated(
            occurred_at=NOON + 1, tool_id=tool_id, fields=ToolFields(name=name), assembly_id=3, copied_from=original
        )
        for tool_id, original, name in ((6, 2, "screw B"), (7, 3, "tip B"))
    ]
    given.then(AssemblyCreated, moved(given, 5, 3), moved(given, 4, 3), *copies)
    assert places(given) == {1: {1, 2}, 2: {3}, 3: {4, 5, 6, 7}}


def test_a_copied_tool_keeps_its_life_and_starts_at_zero() -> None:
    """It keeps its life fields, and everything that somebody said of it; no counter, no replacement, no warning."""
    said = {
        **{"notes": "n", "tags": ["a"], "slots": 2, "is_critical": True, "maintenance_status": 6, "usage_mode": 2},
        **{"stick_out": 1.5, "pinned": True, "reorder_point": 0, "replaced_checklist": [], "used_corners": 3},
    }
    life = {"part_life": 9, "warn_life": 2, "day_life": 4, "day_count_type": "week"}
    pair = ToolLifeChanged(occurred_at=NOON, tool_id=5, process_id=1, fields=LifeFields(part_life=5))
    sent = ToolWarned(occurred_at=NOON, tool_id=5, what="life")
    replaced = ToolReplaced(occurred_at=NOON - 9, tool_id=5, replacement_id=1, used_corners=3)
    given = duplicate(a_shop(a_tool(5, **said, **life), replaced, pair, sent), duplicate={5: "copy"})
    expected = ToolFields(name="copy", **{name: each for name, each in said.items() if name != "used_corners"}, **life)
    assert isinstance(given.events[1], ToolCreated)
    assert given.events[1].fields == expected
    original, copy = given.shop.tools[5], given.shop.tools[6]
    assert original.last_replacement == LastReplacement(1, NOON - 9)
    assert (copy.last_replacement, copy.used_corners, copy.life.sent, copy.created) == (None, 0, set(), NOON + 1)
    assert (copy.process_lives, copy.life_record_id) == ({}, None)


@pytest.mark.parametrize(
    ("copy", "field"),
    [
        ({"tools": [4, 9]}, "tools"),
        ({"tools": [4, 1]}, "tools"),
        ({"tools": [3]}, "tools"),
        ({"duplicate": {2: "x", 9: "y"}}, "duplicate"),
    ],
)
def test_tools_that_a_copy_can_not_have(copy: dict[str, Any], field: str) -> None:
    """400: an unknown one, or one to put into it that is in an assembly. Nothing happens."""
    duplicate(a_shop(), **copy).then_error(Invalid, field)


def test_a_copy_of_nothing_or_in_no_known_process() -> None:
    given = duplicate(a_shop(), 9).then_error(NotFound)
    duplicate(given, assembly={"process_id": 9}).then_error(ReferenceMissing, "process_id")


def test_a_copy_of_a_copy_and_ids_are_never_used_twice() -> None:
    given = duplicate(a_shop()).when(delete_assembly, DeleteAssembly(assembly_id=3))
    assert list(duplicate(duplicate(given), 4).shop.assemblies) == [1, 2, 4, 5]


# Add


def test_tools_of_another_assembly_move() -> None:
    """Tools of another assembly move, those already in this one are ignored [doc]."""
    given = a_shop().when(add_tools, AddTools(assembly_id=2, tools=[4, 3, 1, 4]))
    given.then(moved(given, 4, 2), moved(given, 1, 2))
    assert places(given) == {1: {2}, 2: {1, 3, 4}}
    given.when(add_tools, AddTools(assembly_id=2, tools=[1, 3, 4])).then()
    given.when(add_tools, AddTools(assembly_id=2, tools=[])).then()


def test_tools_or_an_assembly_that_is_not_there() -> None:
    """Unknown: 400; all of them or none."""
    given = a_shop().when(add_tools, AddTools(assembly_id=2, tools=[4, 9])).then_error(Invalid, "tools")
    given.when(add_tools, AddTools(assembly_id=9, tools=[4])).then_error(NotFound)


# Merge


def test_all_tools_go_into_one_and_the_others_are_deleted() -> None:
    given = merge(a_shop(), 2, 1, 1)
    given.then(moved(given, 1, 2), moved(given, 2, 2), AssemblyDeleted(occurred_at=given.now, assembly_id=1))
    assert places(given) == {2: {1, 2, 3}}
    assert given.shop.processes[1].assembly_ids == set()
    assert given.shop.tools[1].moved_at == given.now


def test_several_are_merged_one_after_the_other() -> None:
    given = merge(a_shop(an_assembly(3, "empty"), a_tool(5, assembly_id=3)), 2, 3, 1)
    deleted = [AssemblyDeleted(occurred_at=given.now, assembly_id=each) for each in (3, 1)]
    given.then(moved(given, 5, 2), deleted[0], moved(given, 1, 2), moved(given, 2, 2), deleted[1])


@pytest.mark.parametrize("sources", [[2], [1, 2], [9], [1, 9]])
def test_a_merge_with_itself_or_with_nothing(sources: list[int]) -> None:
    """`merge` of an assembly into itself, or of an unknown one: 400. Nothing happens."""
    merge(a_shop(), 2, *sources).then_error(Invalid)


def test_a_merge_into_nothing_or_of_nothing() -> None:
    given = merge(a_shop(), 9, 1).then_error(NotFound)
    merge(given, 1).then()


# Delete


def test_a_deleted_assembly_leaves_its_tools_without_one() -> None:
    given = a_shop().when(delete_assembly, DeleteAssembly(assembly_id=1))
    given.then(moved(given, 1, None), moved(given, 2, None), AssemblyDeleted(occurred_at=given.now, assembly_id=1))
    assert places(given) == {2: {3}}
    given.when(delete_assembly, DeleteAssembly(assembly_id=1)).then_error(NotFound)


def test_what_a_person_does_holds_against_a_clock_that_is_ahead() -> None:
    """A machine, or somebody, moved them in the future: they are moved after that."""
    ahead = NOON + 9_000
    moves = [AssemblyMoved(occurred_at=ahead, assembly_id=1, process_id=2)]
    moves += [ToolMoved(occurred_at=ahead + 5, tool_id=1, assembly_id=to) for to in (2, 1)]
    given = merge(a_shop(*moves), 2, 1)
    deleted = AssemblyDeleted(occurred_at=ahead, assembly_id=1)
    given.then(moved(given, 1, 2, ahead + 5), moved(given, 2, 2), deleted)
    assert places(given) == {2: {1, 2, 3}}
