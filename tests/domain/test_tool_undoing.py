"""Taking replacements back, and saying something else of them."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from domain.bench import Bench, a_point, an_item, bare, stocked, tool_of
from given import NOON, a_machine, a_process, a_tool, an_assembly, said
from taktledger.domain.assembling import DeleteAssembly, delete_assembly
from taktledger.domain.errors import Conflict, NotFound
from taktledger.domain.inventory.items import DeleteInventoryItem, delete_inventory_item
from taktledger.domain.inventory.points import DeleteInventoryPoint, delete_inventory_point
from taktledger.domain.inventory.stock import StockMoved
from taktledger.domain.shop import LastReplacement
from taktledger.domain.tools.fields import LifeFields
from taktledger.domain.tools.life import ToolLifeChanged, ToolWarned
from taktledger.domain.tools.replacement import (
    ReplacementFields,
    ToolBefore,
    ToolReplacementEdited,
    ToolReplacementUndone,
)
from taktledger.domain.tools.tool import DeleteTool, ToolMoved, delete_tool


def moved(given: Bench, tool_id: int, assembly_id: int | None) -> None:
    given.when(said, [ToolMoved(occurred_at=given.now + 1, tool_id=tool_id, assembly_id=assembly_id)])


# What is written


def test_it_is_as_if_it_had_not_been() -> None:
    """Undoes the latest replacement: items, corners, status and warnings as before."""
    warned = [ToolWarned(occurred_at=NOON, tool_id=1, what=what) for what in ("warning", "life")]
    given = stocked(*warned, corners=4, used_corners=2, maintenance_status=3)
    before = given.picture()
    given.replaced(inv_pt=1, maintenance_status=6)
    assert given.picture() != before
    given.undone()
    was = ToolBefore(used_corners=2, maintenance_status=3, assembly_id=1, sent={0: ["life", "warning"]})
    undone = ToolReplacementUndone(occurred_at=given.now, tool_id=1, replacement_id=1, before=was)
    back = StockMoved(occurred_at=given.now, point_id=1, changes={1: 3}, why="undo", replacement_id=1)
    given.then(undone, back)
    assert given.picture() == before
    assert tool_of(given).revision == 3, "the tool was changed, and changed again"


def test_what_was_sent_since_is_forgotten() -> None:
    """Warnings as before: of the tool's own life and of every pair."""
    pair = ToolLifeChanged(occurred_at=NOON, tool_id=1, process_id=1, fields=LifeFields(part_life=9))
    sent = ToolWarned(occurred_at=NOON, tool_id=1, what="warning", process_id=1)
    given = Bench(a_machine(), a_process(), a_tool(1), pair, sent).replaced()
    given.when(said, [replace(sent, process_id=None), replace(sent, what="life")]).undone()
    assert tool_of(given).life.sent == set()
    assert tool_of(given).process_lives[1].sent == {"warning"}


def test_an_index_gives_back_a_corner_and_nothing_else() -> None:
    given = stocked(corners=4)
    given.replaced(indexed=True).replaced(indexed=True).undone(2).then(ToolReplacementUndone)
    assert (tool_of(given).used_corners, given.shop.inventory_points[1].items) == (1, {1: 10})


def test_the_edits_of_the_tool_since_stay() -> None:
    given = stocked().replaced(inv_pt=1)
    given.when(said, [ToolLifeChanged(occurred_at=given.now, tool_id=1, fields=LifeFields(part_life=40))]).undone()
    assert tool_of(given).life.part_life == 40


@pytest.mark.parametrize("force", [False, True])
def test_a_substitute_goes_back_where_it_was(force: bool) -> None:
    moves = [ToolMoved(occurred_at=NOON - 20, tool_id=each, assembly_id=to) for each, to in ((1, 2), (3, 1))]
    back = [ToolMoved(occurred_at=NOON - 10, tool_id=each, assembly_id=to) for each, to in ((1, 1), (3, 2))]
    given = bare(*moves, *back)
    before = given.picture()
    given.replaced(substitute=3 if force else 2, force=force).undone().then(ToolReplacementUndone)
    assert given.events[0].substitute_id == (3 if force else 2)
    assert given.picture() == before
    assert [each.moved_at for each in given.shop.tools.values()] == [NOON - 10, 0.0, NOON - 10]


def test_three_replacements_are_taken_back_one_after_the_other() -> None:
    """Then the one before it is the latest."""
    given = stocked(a_tool(2, "spare"), corners=3, maintenance_status=7)
    pictures = [given.picture()]
    for body in ({"inv_pt": 1, "maintenance_status": 4}, {"indexed": True}, {"inv_pt": 1, "substitute": 2}):
        pictures.append(given.replaced(**body).picture())
    assert tool_of(given).last_replacement.id == 3
    for number in (3, 2, 1):
        for other in {1, 2, 3} - {number}:
            given.undone(other).then_error(Conflict if other < number else NotFound)
        given.undone(number)
        assert given.picture() == pictures[number - 1]
    assert tool_of(given).last_replacement is None


def test_what_follows_an_undone_one_is_as_before_it() -> None:
    """Undo, replace again, undo both: the one that was taken back is no one's predecessor."""
    given = bare().replaced(timestamp=NOON - 20).replaced(timestamp=NOON - 10).undone(2).replaced(timestamp=NOON - 15)
    assert given.latest.before.last_replacement == LastReplacement(1, NOON - 20)
    given.undone(3).undone(1)
    assert tool_of(given).last_replacement is None


# What is refused


def test_an_unknown_replacement() -> None:
    """404; also of one that was taken back."""
    bare().undone().then_error(NotFound)
    bare().replaced().undone().undone().then_error(NotFound)


def test_only_the_latest_of_a_tool() -> None:
    """409. Those of other tools don't matter."""
    given = bare().replaced().replaced().replaced(3)
    given.undone(1).then_error(Conflict)
    given.undone(2).then(ToolReplacementUndone)


def test_the_tool_is_gone() -> None:
    given = bare().replaced().when(delete_tool, DeleteTool(tool_id=1))
    given.undone().then_error(Conflict)


@pytest.mark.parametrize("places", [[2], [None], [2, 1], [None, 1]])
@pytest.mark.parametrize("dated", [0, NOON - 100])
def test_the_tool_was_moved_since(places: list[int | None], dated: float) -> None:
    """409, also if it is back."""
    given = bare().replaced(timestamp=dated or None)
    for to in places:
        moved(given, 1, to)
    given.undone().then_error(Conflict)


@pytest.mark.parametrize("places", [[2], [1], [2, None]])
@pytest.mark.parametrize("which", [1, 2])
def test_one_of_the_two_was_moved_since(which: int, places: list[int | None]) -> None:
    """409: `a tool of it has moved since`. (The replaced one is in no assembly, the substitute is in 1.)"""
    given = bare().replaced(substitute=2)
    for to in places:
        moved(given, which, to)
    given.undone().then_error(Conflict)


def test_the_substitute_is_gone_or_was_itself_substituted() -> None:
    given = bare().replaced(substitute=2).when(delete_tool, DeleteTool(tool_id=2))
    given.undone().then_error(Conflict)
    given = bare().replaced(substitute=2).replaced(2, substitute=3, force=True)
    given.undone(1).then_error(Conflict)
    given.undone(2).undone(1).then(ToolReplacementUndone)
    assert [each.assembly_id for each in given.shop.tools.values()] == [1, None, 2]


def test_the_substitute_was_replaced_since() -> None:
    """It was not moved, and its own replacement stays."""
    given = bare().replaced(substitute=2).replaced(2).undone(1).then(ToolReplacementUndone)
    assert (tool_of(given, 2).assembly_id, tool_of(given, 2).last_replacement.id) == (None, 2)


# What was deleted since


def test_the_assembly_of_both_is_gone() -> None:
    """Its tools were moved out of it."""
    given = bare().replaced(substitute=2).when(delete_assembly, DeleteAssembly(assembly_id=1))
    given.undone().then_error(Conflict)


def test_the_assembly_that_the_substitute_came_from_is_gone() -> None:
    given = bare().replaced(substitute=3, force=True).when(delete_assembly, DeleteAssembly(assembly_id=2))
    given.undone().then(ToolReplacementUndone)
    assert [each.assembly_id for each in given.shop.tools.values()] == [1, None, None]


def test_a_point_that_is_gone_gets_nothing_back() -> None:
    count = StockMoved(occurred_at=NOON, point_id=1, changes={1: -7}, why="count")
    given = stocked(count).replaced(inv_pt=1).when(delete_inventory_point, DeleteInventoryPoint(point_id=1))
    given.undone().then(ToolReplacementUndone)
    assert tool_of(given).last_replacement is None


def test_an_item_that_is_gone_does_not_come_back() -> None:
    given = stocked().replaced(inv_pt=1).when(delete_inventory_item, DeleteInventoryItem(item_id=1))
    given.undone().then(ToolReplacementUndone)
    assert given.shop.inventory_points[1].items == {}


def test_another_item_of_the_tool_since() -> None:
    """What was taken is given back, and where it was taken."""
    given = stocked(an_item(2), *a_point(2, _2=5)).replaced(inv_pt=1)
    tool_of(given).inventory_item_id, tool_of(given).slots = 2, 9
    given.undone().then(ToolReplacementUndone, StockMoved)
    assert [each.items for each in given.shop.inventory_points.values()] == [{1: 10}, {2: 5}]


# Saying something else


def test_an_edit_carries_only_what_changed() -> None:
    given = bare().replaced(reason=1, notes="n", condition=16).edited(reason=1, notes="worn", condition=16)
    fields = ReplacementFields(notes="worn")
    given.then(ToolReplacementEdited(occurred_at=given.now, tool_id=1, replacement_id=1, fields=fields))
    given.edited(reason=0, condition=0).then(ToolReplacementEdited)
    assert given.events[0].fields == ReplacementFields(reason=0, condition=0)


@pytest.mark.parametrize(
    "fields", [{}, {"notes": "n"}, {"reason": 1, "condition": 16, "timestamp": 5, "part_count": 1}]
)
def test_an_edit_that_changes_nothing_is_no_event(fields: dict[str, Any]) -> None:
    """Read-only fields are ignored silently."""
    bare().replaced(reason=1, notes="n", condition=16).edited(**fields).then()


@pytest.mark.parametrize("fields", [{"reason": 7}, {"condition": 64}, {"condition": -1}, {"notes": None}])
def test_an_edit_has_the_same_limits(fields: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(fields, ReplacementFields)


def test_an_edit_of_an_unknown_one() -> None:
    """404. One that is not the latest, or whose tool is gone, is edited all the same."""
    given = bare().replaced().replaced().edited(3, notes="x").then_error(NotFound)
    given.edited(1, notes="x").then(ToolReplacementEdited)
    given.when(delete_tool, DeleteTool(tool_id=1)).edited(2, notes="x").then(ToolReplacementEdited)


def test_what_was_replaced_before_a_move_that_is_known() -> None:
    """A replacement that was entered late, and nothing has been moved since it was entered: it can be taken back."""
    given = bare(ToolMoved(occurred_at=NOON - 5, tool_id=1, assembly_id=2)).replaced(timestamp=NOON - 10)
    given.undone().then(ToolReplacementUndone)


def test_what_had_been_put_nowhere_is_put_nowhere_again() -> None:
    """A loose tool stays one that was put nowhere: what it is put in first, it has always been in."""
    given = Bench(an_assembly(1), an_assembly(2), a_tool(1, assembly_id=1), a_tool(2))
    given.replaced(substitute=2).undone()
    moved(given, 2, 2)
    assert (tool_of(given, 2).assembly_id, tool_of(given, 2).moved_at) == (2, 0.0)
