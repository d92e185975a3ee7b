"""Tools: what cuts, and in which assembly it is."""

from functools import partial

import msgspec
import pytest

from given import NO_HISTORY, NOON, Given, a_tool, an_assembly, said
from taktledger.domain.errors import NotFound, ReferenceMissing
from taktledger.domain.tools import editing
from taktledger.domain.tools.editing import EditTool, ToolChanges
from taktledger.domain.tools.fields import ToolFields
from taktledger.domain.tools.tool import (
    CreateTool,
    DeleteTool,
    ToolCreated,
    ToolDeleted,
    ToolEdited,
    ToolMoved,
    create_tool,
    delete_tool,
)
from taktledger.domain.users import CreateUser, create_user

edit_tool = partial(editing.edit_tool, history=NO_HISTORY)


def edit(tool_id: int = 1, **changes: object) -> EditTool:
    return EditTool(tool_id=tool_id, changes=msgspec.convert(changes, ToolChanges))


def test_a_tool_is_created() -> None:
    given = Given(an_assembly(1))
    given.when(create_tool, CreateTool(name="insert", notes="left", tags=["steel", "Ø 8"], assembly_id=1))
    fields = ToolFields(name="insert", notes="left", tags=["steel", "Ø 8"])
    given.then(ToolCreated(occurred_at=NOON + 1, tool_id=1, assembly_id=1, fields=fields))
    assert given.shop.assemblies[1].tool_ids == {1}
    assert (given.shop.tools[1].created, given.shop.tools[1].moved_at) == (NOON + 1, 0.0)


def test_what_a_new_tool_does_not_say_has_its_default() -> None:
    tool = Given().when(create_tool, CreateTool(name="insert")).shop.tools[1]
    assert (tool.notes, tool.tags, tool.assembly_id) == ("", [], None)


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": "x", "assembly_id": 0}, {"name": "x", "tags": [1]}])
def test_a_tool_needs_a_name(body: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(body, CreateTool)


def test_an_unknown_assembly() -> None:
    """424."""
    given = Given(an_assembly(1), a_tool(1))
    given.when(create_tool, CreateTool(name="insert", assembly_id=2)).then_error(ReferenceMissing, "assembly_id")
    given.when(edit_tool, edit(notes="x", assembly_id=2)).then_error(ReferenceMissing, "assembly_id")


def test_an_unknown_tool() -> None:
    """404."""
    given = Given(a_tool(1))
    given.when(edit_tool, edit(2, notes="x")).then_error(NotFound)
    given.when(delete_tool, DeleteTool(tool_id=2)).then_error(NotFound)


def test_an_edit_carries_only_what_changed() -> None:
    given = Given(a_tool(1, notes="n", tags=["a"])).when(edit_tool, edit(notes="n", tags=["b"]))
    given.then(ToolEdited(occurred_at=NOON + 1, tool_id=1, fields=ToolFields(tags=["b"])))
    assert (given.shop.tools[1].revision, given.shop.tools[1].name) == (2, "insert")


def test_another_assembly_is_a_move() -> None:
    given = Given(an_assembly(1), an_assembly(2), a_tool(1, assembly_id=1)).when(edit_tool, edit(assembly_id=2))
    given.then(ToolMoved(occurred_at=NOON + 1, tool_id=1, assembly_id=2))
    assert [each.tool_ids for each in given.shop.assemblies.values()] == [set(), {1}]
    given.when(edit_tool, edit(notes="loose", assembly_id=None)).then(ToolEdited, ToolMoved)
    assert [each.tool_ids for each in given.shop.assemblies.values()] == [set(), set()]
    assert given.shop.tools[1].assembly_id is None


@pytest.mark.parametrize("changes", [{}, {"assembly_id": 1}, {"name": "insert", "assembly_id": 1, "created": 5}])
def test_an_edit_that_changes_nothing_is_no_event(changes: dict[str, object]) -> None:
    Given(an_assembly(1), a_tool(1, assembly_id=1)).when(edit_tool, edit(**changes)).then()


def test_a_move_from_before_the_last_one_changes_no_place() -> None:
    moves = [ToolMoved(occurred_at=NOON + at, tool_id=1, assembly_id=to) for at, to in ((9, 2), (5, 1))]
    given = Given(an_assembly(1), an_assembly(2), a_tool(1, assembly_id=1), *moves)
    assert (given.shop.tools[1].assembly_id, given.shop.tools[1].moved_at) == (2, NOON + 9)
    assert [each.tool_ids for each in given.shop.assemblies.values()] == [set(), {1}]
    given.when(edit_tool, edit(assembly_id=1)).then(ToolMoved(occurred_at=NOON + 9, tool_id=1, assembly_id=1))
    assert given.shop.tools[1].assembly_id == 1, "what a person says holds"


def test_a_loose_tool_has_always_been_where_it_is_put_first() -> None:
    given = Given(an_assembly(1), an_assembly(2), a_tool(1)).when(edit_tool, edit(assembly_id=1))
    assert (given.shop.tools[1].assembly_id, given.shop.tools[1].moved_at) == (1, 0.0)
    given.when(said, [ToolMoved(occurred_at=NOON - 9_000, tool_id=1, assembly_id=2)])
    assert (given.shop.tools[1].assembly_id, given.shop.tools[1].moved_at) == (2, NOON - 9_000)


def test_a_deleted_tool_leaves_its_assembly_and_who_liked_it() -> None:
    """Its history stays. Favourites name no tool that isn't there."""
    given = Given(an_assembly(1), a_tool(1, assembly_id=1), a_tool(2, assembly_id=1))
    given.when(create_user, CreateUser(username="anna", access_level="shop", favorite_tools=[2, 1]))
    given.when(delete_tool, DeleteTool(tool_id=1)).then(ToolDeleted(occurred_at=given.now, tool_id=1))
    assert (list(given.shop.tools), given.shop.assemblies[1].tool_ids) == ([2], {2})
    assert given.shop.users[1].favorite_tools == [2]
    given.when(create_tool, CreateTool(name="insert")).then(ToolCreated)
    assert list(given.shop.tools) == [2, 3], "IDs are never used twice"
