"""Replacing a tool: what follows, and what is refused. Taking it back: `test_tool_undoing.py`."""

import math
from typing import Any

import msgspec
import pytest
from msgspec.structs import asdict, replace

from domain.bench import Bench, a_point, an_item, bare, stocked, tool_of
from given import NOON, a_machine, a_process, a_program, a_tool, an_assembly, said
from taktledger.domain.alerts import AlertDismissed, AlertRaised
from taktledger.domain.errors import Conflict, Invalid, NotFound, ReferenceMissing, TooEarly
from taktledger.domain.inventory.stock import StockMoved
from taktledger.domain.options import OptionFields, OptionsEdited
from taktledger.domain.tools.fields import LifeFields
from taktledger.domain.tools.life import ToolLifeChanged, ToolWarned, Use
from taktledger.domain.tools.replacement import ToolBefore, ToolReplaced
from taktledger.domain.tools.replacing import Replacing
from taktledger.domain.tools.tool import ToolMoved

# What is written


def test_a_replacement_says_all_of_itself_and_takes_from_stock() -> None:
    """Not indexed takes `slots` items from `inv_pt`. What it changed is kept, for taking it back."""
    lives = ToolLifeChanged(occurred_at=NOON - 9, tool_id=1, fields=LifeFields(day_count_type="week", day_life=30))
    given = stocked(lives, used_corners=2)
    body = {"reason": 2, "condition": 17, "notes": "hard spot", "maintenance_status": 6, "inv_pt": 1}
    given.replaced(**body, timestamp=NOON - 5, last_replacement_id=None)
    replaced = ToolReplaced(
        occurred_at=NOON - 5,
        tool_id=1,
        replacement_id=1,
        user_id=7,
        reason=2,
        condition=17,
        notes="hard spot",
        inventory_item_id=1,
        inventory_point_id=1,
        quantity=3,
        life_record_id=1,
        day_count_type="week",
        assembly_id=1,
        process_id=1,
        maintenance_status=6,
        before=ToolBefore(used_corners=2, assembly_id=1),
    )
    taken = StockMoved(occurred_at=NOON + 1, point_id=1, changes={1: -3}, why="replacement", replacement_id=1)
    given.then(replaced, taken)
    tool = tool_of(given)
    assert (tool.used_corners, tool.maintenance_status, tool.last_point_id, tool.revision) == (0, 6, 1, 3)
    assert (tool.last_replacement.id, tool.last_replacement.at) == (1, NOON - 5)
    assert given.shop.inventory_points[1].items == {1: 7}


def test_without_a_body_it_was_replaced_now() -> None:
    """A tool without an inventory item takes nothing and needs no point."""
    given = Bench(a_tool(1)).replaced()
    given.then(ToolReplaced(occurred_at=NOON + 1, tool_id=1, replacement_id=1, user_id=7))
    assert tool_of(given).maintenance_status == 1


def test_a_tool_without_an_item_takes_nothing_from_the_point_that_is_named() -> None:
    given = Bench(an_item(), *a_point(_1=10), a_tool(1)).replaced(inv_pt=1).then(ToolReplaced)
    assert (given.latest.inventory_point_id, given.latest.quantity) == (None, 0)


def test_a_tool_that_uses_no_slots_takes_nothing() -> None:
    stocked(slots=0).replaced(inv_pt=1).then(ToolReplaced)


def test_ids_are_never_used_twice() -> None:
    given = bare().replaced().undone().replaced().replaced(3)
    assert list(given.rows.records) == [2, 3]


def test_open_alerts_of_its_life_are_dismissed_before_the_stock_moves() -> None:
    kinds = ("tool_warning", "tool_life", "stock")
    alerts = [
        AlertRaised(occurred_at=NOON, alert_id=number, kind=kind, message="", tool_id=1)
        for number, kind in enumerate(kinds, 1)
    ]
    given = stocked(*alerts, AlertRaised(occurred_at=NOON, alert_id=4, kind="tool_life", message="", tool_id=2))
    given.replaced(inv_pt=1).then(ToolReplaced, AlertDismissed, AlertDismissed, StockMoved)
    assert list(given.shop.open_alerts) == [3, 4]


def test_what_was_alerted_is_forgotten_in_all_lives() -> None:
    """Warnings sent are reset, for the tool's own life and every pair."""
    pair = ToolLifeChanged(occurred_at=NOON, tool_id=1, process_id=1, fields=LifeFields(part_life=9))
    sent = [
        ToolWarned(occurred_at=NOON, tool_id=1, what=what, process_id=of)
        for what, of in (("warning", None), ("life", 1), ("day_warning", 1))
    ]
    given = Bench(a_machine(), a_process(), a_tool(1), pair, *sent).replaced()
    assert given.latest.before.sent == {0: ["warning"], 1: ["day_warning", "life"]}
    assert [life.sent for life in (tool_of(given).life, tool_of(given).process_lives[1])] == [set(), set()]


# What is refused


@pytest.mark.parametrize(
    "body",
    [
        *({"reason": each} for each in (-1, 7, 1.5, "x")),
        *({"condition": each} for each in (-1, 64)),
        *({"maintenance_status": each} for each in (0, 8)),
        *({name: each} for name in ("substitute", "inv_pt", "last_replacement_id") for each in (0, "x")),
        *({"timestamp": each} for each in (-1, math.inf)),
    ],
)
def test_another_value_is_wrong(body: dict[str, Any]) -> None:
    """Reasons are 0 to 6, a condition is a sum of 1, 2, 4, 8, 16 and 32. Another value: 400."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(body, Replacing)


def test_an_unknown_tool() -> None:
    """404."""
    bare().replaced(9).then_error(NotFound)


@pytest.mark.parametrize(("point", "on_hand"), [(None, 10), (2, 10), (1, 2), (1, 0)])
def test_a_point_that_is_missing_or_has_too_few(point: int | None, on_hand: int) -> None:
    """400 if the point is missing or has too few."""
    given = Bench(an_item(), *a_point(_1=on_hand), a_tool(1, inventory_item_id=1, slots=3))
    given.replaced(inv_pt=point).then_error(Invalid, "inv_pt")


def test_what_is_just_enough_is_taken() -> None:
    given = Bench(an_item(), *a_point(_1=3), a_tool(1, inventory_item_id=1, slots=3)).replaced(inv_pt=1)
    given.then(ToolReplaced, StockMoved)
    assert given.shop.inventory_points[1].items == {1: 0}
    given.replaced(inv_pt=1).then_error(Invalid, "inv_pt")


def test_an_insert_is_indexed_once_less_than_it_has_corners() -> None:
    """Indexed adds 1 to `used_corners` and takes nothing; 400 when they are used up. A replacement resets them."""
    given = stocked(corners=3)
    for used in (1, 2):
        given.replaced(indexed=True, inv_pt=1).then(ToolReplaced)
        assert (given.latest.indexed, given.latest.used_corners, given.latest.quantity) == (True, used, 0)
        assert (given.latest.inventory_item_id, given.latest.inventory_point_id) == (1, None)
        assert tool_of(given).used_corners == used
    given.replaced(indexed=True).then_error(Invalid, "indexed")
    given.replaced(inv_pt=1).then(ToolReplaced, StockMoved)
    assert tool_of(given).used_corners == 0
    given.replaced(indexed=True).then(ToolReplaced)


@pytest.mark.parametrize("given", [bare(), stocked(corners=0), stocked(corners=1)])
def test_what_has_no_corners_is_not_indexed(given: Bench) -> None:
    """A tool without an item, or with an item of fewer than 2 corners: 400."""
    given.replaced(indexed=True).then_error(Invalid, "indexed")


# When


def test_replacements_are_in_order() -> None:
    """`timestamp` after the previous replacement's and not after now, else 400."""
    given = bare().replaced(timestamp=NOON - 9)
    given.replaced(timestamp=NOON - 10).then_error(Invalid, "timestamp")
    given.replaced(timestamp=NOON - 9).then_error(Invalid, "timestamp")
    given.replaced(timestamp=given.now + 2).then_error(Invalid, "timestamp")
    given.replaced(timestamp=NOON - 8.5).then(ToolReplaced)
    given.replaced(timestamp=given.now + 1).then(ToolReplaced)
    assert tool_of(given).last_replacement.at == given.now
    given.replaced(3, timestamp=NOON - 10).then(ToolReplaced)


def test_two_at_the_same_moment_are_one_after_the_other() -> None:
    given = bare().replaced(now=NOON).replaced(now=NOON).then(ToolReplaced)
    assert given.latest.occurred_at == math.nextafter(NOON, math.inf)


def test_the_latest_that_the_user_knows_of() -> None:
    """409 if another one came since. Null: never replaced yet. Without it a second one is simply a second one."""
    given = bare().replaced(last_replacement_id=1).then_error(Conflict, "last_replacement_id")
    given.replaced(last_replacement_id=None).replaced(last_replacement_id=1).replaced()
    for stale in (None, 1, 2, 9):
        given.replaced(last_replacement_id=stale).then_error(Conflict, "last_replacement_id")
    given.undone(3).replaced(last_replacement_id=3).then_error(Conflict, "last_replacement_id")
    given.replaced(last_replacement_id=2).then(ToolReplaced)
    assert given.latest.replacement_id == 4
    given = bare().replaced().undone().replaced(last_replacement_id=1).then_error(Conflict, "last_replacement_id")
    given.replaced(last_replacement_id=None).then(ToolReplaced)


# Min usage


def min_usage(share: float = 0.5) -> OptionsEdited:
    return OptionsEdited(occurred_at=NOON - 1, fields=OptionFields(tool_replacement_min_usage=share))


MODES = [
    (LifeFields(usage_mode=0, part_life=10, max_runtime=9, day_life=9), Use(4, 99, 99), Use(5)),
    (LifeFields(usage_mode=1, part_life=9, max_runtime=8, day_life=9), Use(99, 3.999, 99), Use(0, 4)),
    (LifeFields(usage_mode=2, part_life=9, max_runtime=9, day_life=6), Use(99, 99, 2), Use(0, 0, 3)),
]


@pytest.mark.parametrize(("life", "early", "due"), MODES)
@pytest.mark.parametrize("body", [{}, {"substitute": 2}, {"timestamp": NOON - 5}])
def test_what_was_used_too_little_is_too_early(life: LifeFields, early: Use, due: Use, body: dict[str, Any]) -> None:
    """425 when usage, as the mode counts, is below the option. With `timestamp` it is that of the moment."""
    fields = {name: value for name, value in asdict(life).items() if value is not msgspec.UNSET}
    tools = (an_assembly(1), a_tool(1, assembly_id=1, **fields), a_tool(2), min_usage())
    given = Bench(*tools, uses={0: early}).replaced(**body)
    given.then_error(TooEarly)
    assert given.rows.asked_until == [body.get("timestamp", NOON + 1)]
    Bench(*tools, uses={0: due}).replaced(**body).then(ToolReplaced)


def test_a_life_of_0_is_never_too_early() -> None:
    """Whatever else has one: the usage mode counts."""
    Bench(a_tool(1, usage_mode=0, max_runtime=9, day_life=9), min_usage(1.0)).replaced().then(ToolReplaced)


def test_without_the_option_nobody_asks() -> None:
    given = Bench(a_tool(1, part_life=10)).replaced()
    assert given.rows.asked_until == []


def test_the_pair_of_the_loaded_process_says_what_is_too_early() -> None:
    """By the loaded process's pair if it has a life of its own, else by the tool's."""
    shop = (a_machine(), a_process(), a_program(process_id=1), an_assembly(1, process_id=1), min_usage())
    shop += (a_tool(1, assembly_id=1, part_life=100),)
    pair = ToolLifeChanged(occurred_at=NOON - 9, tool_id=1, process_id=1, fields=LifeFields(part_life=10))
    unset = replace(pair, fields=LifeFields(warn_life=3))
    used = {0: Use(60), 1: Use(4)}
    Bench(*shop, pair, uses=used).loading("O1").replaced().then_error(TooEarly)
    Bench(*shop, pair, uses={0: Use(1), 1: Use(5)}).loading("O1").replaced().then(ToolReplaced)
    Bench(*shop, unset, uses=used).loading("O1").replaced().then(ToolReplaced)
    Bench(*shop, pair, uses=used).replaced().then(ToolReplaced)
    given = Bench(*shop, pair, uses=used).loading("O1")
    given.when(said, [ToolMoved(occurred_at=NOON, tool_id=1, assembly_id=None)])
    given.replaced().then(ToolReplaced)


# A substitute


def test_a_substitute_takes_the_place() -> None:
    """It takes over from the replacement's time; the replaced tool is in no assembly."""
    given = bare().replaced(substitute=2, timestamp=NOON - 5)
    before = ToolBefore(assembly_id=1)
    event = ToolReplaced(
        occurred_at=NOON - 5, tool_id=1, replacement_id=1, user_id=7, assembly_id=1, substitute_id=2, before=before
    )
    given.then(event)
    assert [(each.assembly_id, each.moved_at) for each in given.shop.tools.values()] == [
        *((None, NOON - 5), (1, NOON - 5), (2, 0.0))
    ]
    assert [each.tool_ids for each in given.shop.assemblies.values()] == [{2}, {3}]
    assert tool_of(given, 2).last_replacement is None, "the record is that of the replaced tool"


def test_a_substitute_that_is_refused() -> None:
    bare().replaced(substitute=9).then_error(ReferenceMissing, "substitute")
    bare().replaced(substitute=1).then_error(Invalid, "substitute")
    bare().replaced(2, substitute=3).then_error(Invalid, "substitute")
    bare().replaced(substitute=3).then_error(Conflict, "substitute")


def test_a_substitute_is_forced_out_of_its_assembly() -> None:
    """409 when `substitute` is in an assembly and `forceSub` isn't set."""
    given = bare().replaced(substitute=3, force=True)
    given.then(ToolReplaced)
    assert given.latest.before == ToolBefore(assembly_id=1, substitute_assembly_id=2)
    assert [each.tool_ids for each in given.shop.assemblies.values()] == [{3}, set()]
    bare().replaced(substitute=9, force=True).then_error(ReferenceMissing, "substitute")
    bare().replaced(substitute=1, force=True).then_error(Invalid, "substitute")


@pytest.mark.parametrize("moved", [1, 3])
def test_neither_may_have_been_moved_after_the_timestamp(moved: int) -> None:
    """400: it would have been in two places."""
    moves = [ToolMoved(occurred_at=NOON - 5, tool_id=moved, assembly_id=to) for to in (2, 1, 2)]
    given = bare(*moves).replaced(substitute=3, force=True, timestamp=NOON - 5.5).then_error(Invalid, "timestamp")
    given.replaced(timestamp=NOON - 5.5).then(ToolReplaced)
    bare(*moves).replaced(substitute=3, force=True, timestamp=NOON - 5).then(ToolReplaced)
