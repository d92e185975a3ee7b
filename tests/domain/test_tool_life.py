"""How long tools should last, their counters put right by hand, and what is changed of many at once."""

from collections.abc import Iterable
from functools import partial
from typing import Any

import msgspec
import pytest

from given import NO_HISTORY, NOON, Given, a_machine, a_process, a_tool, an_assembly
from taktledger.domain.errors import NotFound, ReferenceMissing
from taktledger.domain.event import Event
from taktledger.domain.inventory.items import InventoryItemCreated, InventoryItemFields
from taktledger.domain.shop import Life, Shop
from taktledger.domain.tools import editing
from taktledger.domain.tools.editing import (
    AdjustPartCounts,
    ChangeTags,
    EditProcessLife,
    EditTool,
    ProcessLifeChanges,
    ToolChanges,
    UpdatePartLives,
    change_tags,
)
from taktledger.domain.tools.fields import LifeFields, ProcessLifeFields, ToolFields
from taktledger.domain.tools.life import RECORDED, ToolCountCorrected, ToolLifeChanged, Use
from taktledger.domain.tools.tool import CreateTool, ToolCreated, ToolEdited, ToolMoved, create_tool

EVERY_LIFE: dict[str, Any] = {
    "day_count_type": "part",
    "day_life": 30,
    "day_warning": 3,
    "max_runtime": 60.5,
    "part_life": 100,
    "warn_life": 10,
    "warn_runtime": 6.5,
}


class Rows:
    """What the rows would say: how much each tool did, and how long it lasted on average."""

    def __init__(self, averages: dict[int, float] | None = None, **uses: dict[int, Use]) -> None:
        self._uses = {int(tool.removeprefix("_")): by_process for tool, by_process in uses.items()}
        """`_1={2: Use(3)}`: tool 1 did three parts in process 2. Process 0: in all."""
        self._averages = averages or {}

    def uses(self, shop: Shop, tool_ids: Iterable[int], now: float, *, until: float | None = None) -> Any:
        assert until is None
        return {each: {0: Use()} | self._uses.get(each, {}) for each in tool_ids}

    def average_lives(self, shop: Shop, tool_ids: Iterable[int]) -> dict[int, float]:
        return {each: average for each, average in self._averages.items() if each in set(tool_ids)}


def edit(given: Given, rows: Any = NO_HISTORY, tool_id: int = 1, **changes: Any) -> Given:
    """As `PATCH /api/tools/{id}`."""
    command = EditTool(tool_id=tool_id, changes=msgspec.convert(changes, ToolChanges), user_id=7)
    return given.when(partial(editing.edit_tool, history=rows), command)


def edit_pair(given: Given, rows: Any = NO_HISTORY, tool_id: int = 1, process_id: int = 1, **changes: Any) -> Given:
    """As `PATCH /api/tools/{id}/processLife/{process_id}`."""
    said = msgspec.convert(changes, ProcessLifeChanges)
    command = EditProcessLife(tool_id=tool_id, process_id=process_id, changes=said, user_id=7)
    return given.when(partial(editing.edit_process_life, history=rows), command)


def adjust(given: Given, rows: Any, count: int, *tools: int) -> Given:
    command = AdjustPartCounts(tools=list(tools), count=count)
    return given.when(partial(editing.adjust_part_counts, history=rows), command)


def update_lives(given: Given, rows: Any, *tools: int) -> Given:
    command = UpdatePartLives(tools=list(tools), user_id=7)
    return given.when(partial(editing.update_part_lives, history=rows), command)


def a_shop(*more: Event, **tool: Any) -> Given:
    return Given(a_machine(), a_process(1), a_process(2, "ring"), a_tool(1, **tool), *more)


def changed(at: float, process_id: int | None = None, notes: str = "", **fields: Any) -> ToolLifeChanged:
    said = LifeFields(**fields)
    return ToolLifeChanged(occurred_at=at, tool_id=1, process_id=process_id, fields=said, notes=notes, user_id=7)


# The tool's own life


def test_every_field_of_a_life() -> None:
    assert {*EVERY_LIFE} == {*ProcessLifeFields.__struct_fields__} == {*Life.__struct_fields__} - {"sent"}
    given = edit(a_shop(), **EVERY_LIFE, usage_mode=2, life_modification_notes="new alloy")
    given.then(changed(NOON + 1, notes="new alloy", **EVERY_LIFE, usage_mode=2))
    tool = given.shop.tools[1]
    assert {name: getattr(tool.life, name) for name in EVERY_LIFE} == EVERY_LIFE
    assert (tool.usage_mode, tool.revision, tool.life_record_id) == (2, 2, 1)


def test_it_carries_only_what_changed() -> None:
    given = edit(a_shop(**EVERY_LIFE, usage_mode=1), **EVERY_LIFE | {"part_life": 90}, usage_mode=1)
    given.then(changed(NOON + 1, part_life=90))
    edit(given, usage_mode=0).then(changed(NOON + 2, usage_mode=0))
    edit(given, part_life=90, usage_mode=0, life_modification_notes="nothing new").then()
    assert given.shop.tools[1].life.day_life == 30


@pytest.mark.parametrize("name", [*EVERY_LIFE, "usage_mode"])
def test_what_is_kept_as_a_life_record(name: str) -> None:
    """Life fields (`usage_mode, part_life, max_runtime, day_life`) that change write one. A warning alone doesn't."""
    given = edit(a_shop(), **{name: (EVERY_LIFE | {"usage_mode": 1})[name]}).then(ToolLifeChanged)
    assert given.shop.tools[1].life_record_id == (1 if name in RECORDED else None)
    assert {*RECORDED} == {"usage_mode", "part_life", "max_runtime", "day_life"}


def test_life_records_are_numbered_over_all_tools() -> None:
    given = edit(edit(a_shop(a_tool(2)), part_life=5), tool_id=2, part_life=6)
    edit(edit(given, warn_life=1), part_life=7)
    assert [tool.life_record_id for tool in given.shop.tools.values()] == [3, 2]
    edit_pair(given, tool_id=2, part_life=9)
    assert given.shop.tools[2].life_record_id == 4


def test_fields_life_counters_and_place_at_once() -> None:
    """One event for each kind of change."""
    given = a_shop(an_assembly(1), inventory_item())
    rows = Rows(_1={0: Use(3, 10.0)})
    edit(given, rows, notes="n", inventory_item_id=1, part_life=9, part_count=5, runtime=4.5, assembly_id=1)
    given.then(
        ToolEdited(occurred_at=NOON + 1, tool_id=1, fields=ToolFields(notes="n", inventory_item_id=1)),
        changed(NOON + 1, part_life=9),
        ToolCountCorrected(occurred_at=NOON + 1, tool_id=1, parts=2, seconds=-5.5),
        ToolMoved(occurred_at=NOON + 1, tool_id=1, assembly_id=1),
    )


def inventory_item() -> InventoryItemCreated:
    return InventoryItemCreated(occurred_at=NOON - 9, item_id=1, fields=InventoryItemFields(name="insert"))


def test_unknown_ids() -> None:
    """404 for the tool, 424 for what it refers to; in all or nothing."""
    given = edit(a_shop(), tool_id=2, part_life=1).then_error(NotFound)
    edit(given, part_life=1, inventory_item_id=1).then_error(ReferenceMissing, "inventory_item_id")
    edit(given, part_count=1, assembly_id=1).then_error(ReferenceMissing, "assembly_id")
    edit_pair(given, tool_id=2, part_life=1).then_error(NotFound)
    edit_pair(given, process_id=3, part_life=1).then_error(NotFound)
    edit(given, inventory_item_id=None, assembly_id=None).then()


@pytest.mark.parametrize(
    "changes",
    [
        *({name: -1} for name in EVERY_LIFE if name != "day_count_type"),
        *({name: 1.5} for name in ("part_life", "warn_life", "day_life", "day_warning", "part_count")),
        *({"usage_mode": each} for each in (-1, 3)),
        *({"day_count_type": each} for each in ("month", "", None)),
        *({"part_count": each} for each in (-1, None)),
        *({"maintenance_status": each} for each in (0, 8)),
    ],
)
def test_what_is_no_life(changes: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(changes, ToolChanges)


# Counters


def test_a_correction_is_the_difference() -> None:
    """Who writes `part_count` or `runtime` says what the counter shows now. It is dated when it is entered."""
    rows = Rows(_1={0: Use(7, 12.25), 1: Use(99, 99)})
    given = edit(a_shop(), rows, part_count=3)
    given.then(ToolCountCorrected(occurred_at=NOON + 1, tool_id=1, parts=-4))
    assert given.shop.tools[1].revision == 2
    edit(given, rows, runtime=0).then(ToolCountCorrected(occurred_at=NOON + 2, tool_id=1, seconds=-12.25))
    edit(given, rows, part_count=7, runtime=12.25).then()


def test_a_counter_below_zero_is_put_right_too() -> None:
    """It can fall below 0: if somebody sets it to 0, and a part that it had counted is deleted."""
    edit(a_shop(), Rows(_1={0: Use(-2)}), part_count=0).then(
        ToolCountCorrected(occurred_at=NOON + 1, tool_id=1, parts=2)
    )


def test_without_a_counter_nobody_asks() -> None:
    edit(a_shop(), NO_HISTORY, notes="n", part_life=3).then(ToolEdited, ToolLifeChanged)


def test_a_tool_is_created_with_what_it_has_made_already() -> None:
    given = Given().when(create_tool, CreateTool(name="insert", part_count=5, runtime=2.5, part_life=9, usage_mode=1))
    fields = ToolFields(name="insert", part_life=9, usage_mode=1)
    created = ToolCreated(occurred_at=NOON + 1, tool_id=1, fields=fields)
    given.then(created, ToolCountCorrected(occurred_at=NOON + 1, tool_id=1, parts=5, seconds=2.5))
    assert (given.shop.tools[1].life.part_life, given.shop.tools[1].life_record_id) == (9, None)


# Pairs


def test_a_pair_is_born_with_what_is_said_of_it() -> None:
    """A pair is born with its first part or PATCH. It says only what is not the default."""
    given = edit_pair(a_shop(**EVERY_LIFE), part_life=50, warn_life=0, life_modification_notes="ring")
    given.then(changed(NOON + 1, process_id=1, notes="ring", part_life=50))
    tool = given.shop.tools[1]
    assert (tool.process_lives[1].part_life, tool.process_lives[1].day_life) == (50, 0)
    assert (tool.life.part_life, tool.life_record_id, tool.revision) == (100, 1, 2)


def test_a_pair_is_born_also_if_nothing_is_said() -> None:
    """A PATCH is enough. It is no change of a life, so there is no record."""
    given = edit_pair(a_shop(), part_life=0).then(changed(NOON + 1, process_id=1))
    assert given.shop.tools[1].process_lives == {1: Life()}
    assert given.shop.tools[1].life_record_id is None
    edit_pair(given).then()


def test_a_pair_carries_only_what_changed() -> None:
    given = edit_pair(edit_pair(a_shop(), **EVERY_LIFE), **EVERY_LIFE | {"warn_life": 11})
    given.then(changed(NOON + 2, process_id=1, warn_life=11))
    assert given.shop.tools[1].life_record_id == 1
    edit_pair(given, process_id=2, part_life=3).then(changed(NOON + 3, process_id=2, part_life=3))
    assert {each: life.part_life for each, life in given.shop.tools[1].process_lives.items()} == {1: 100, 2: 3}


def test_the_usage_mode_is_the_tools_own() -> None:
    """It is no field of a pair: ignored."""
    given = edit_pair(a_shop(), usage_mode=2).then(changed(NOON + 1, process_id=1))
    assert given.shop.tools[1].usage_mode == 0


def test_counters_of_a_pair() -> None:
    """A correction of the tool doesn't change its pairs, and one of a pair doesn't change the tool."""
    rows = Rows(_1={0: Use(70, 70), 2: Use(4, 1.5)})
    given = edit_pair(a_shop(), rows, process_id=2, part_count=6, runtime=1)
    corrected = ToolCountCorrected(occurred_at=NOON + 1, tool_id=1, process_id=2, parts=2, seconds=-0.5)
    given.then(changed(NOON + 1, process_id=2), corrected)
    edit_pair(given, rows, process_id=2, part_count=4).then()
    corrected = ToolCountCorrected(occurred_at=NOON + 3, tool_id=1, process_id=1, parts=8)
    edit_pair(given, rows, process_id=1, part_life=9, part_count=8).then(changed(NOON + 3, 1, part_life=9), corrected)


# Many at once


def test_more_and_fewer_parts() -> None:
    """Bulk calls leave out unknown IDs, and change the tool's own."""
    rows = Rows(_1={0: Use(5), 1: Use(1)}, _2={0: Use(2)})
    given = adjust(a_shop(a_tool(2), a_tool(3)), rows, 3, 2, 9, 1, 2)
    given.then(*(ToolCountCorrected(occurred_at=NOON + 1, tool_id=each, parts=3) for each in (2, 1)))
    adjust(given, rows, -3, 1).then(ToolCountCorrected(occurred_at=NOON + 2, tool_id=1, parts=-3))


@pytest.mark.parametrize(("has", "change"), [(5, -5), (2, -2), (0, None), (-2, None)])
def test_no_counter_goes_below_zero(has: int, change: int | None) -> None:
    given = adjust(a_shop(), Rows(_1={0: Use(has)}), -5, 1)
    at = NOON + 1
    given.then(*([ToolCountCorrected(occurred_at=at, tool_id=1, parts=change)] if change else []))


def test_no_tools_and_no_difference_are_no_events() -> None:
    adjust(a_shop(), Rows(_1={0: Use(5)}), 0, 1).then()
    adjust(a_shop(), Rows(), 5).then()
    adjust(a_shop(), Rows(), 5, 8, 9).then()


def test_tags_are_added_and_removed() -> None:
    """In the order that they have, each once. What is both, is removed."""
    given = a_shop(a_tool(2, tags=["x"]), a_tool(3, tags=["b", "new"]), tags=["a", "b", "c"])
    given.when(change_tags, ChangeTags(tools=[1, 3, 9, 1, 2], add=["new", "c", "new", "x"], remove=["b", "x"]))
    said = [(1, ["a", "c", "new"]), (3, ["new", "c"]), (2, ["new", "c"])]
    given.then(*(ToolEdited(occurred_at=NOON + 1, tool_id=each, fields=ToolFields(tags=tags)) for each, tags in said))
    given.when(change_tags, ChangeTags(tools=[1], add=["a"], remove=["b"])).then()
    given.when(change_tags, ChangeTags(tools=[1], remove=["a", "c", "new"])).then(ToolEdited)
    assert given.shop.tools[1].tags == []


def test_lives_become_what_they_were_on_average() -> None:
    """`updatePartLife` sets `part_life`, rounded, and leaves out tools without replacements."""
    given = a_shop(a_tool(2, part_life=7), a_tool(3, part_life=3), part_life=5)
    given = update_lives(given, Rows(averages={1: 12.6, 3: 3.4, 4: 9.0}), 1, 2, 3, 4, 1)
    given.then(changed(NOON + 1, part_life=13))
    assert [tool.life.part_life for tool in given.shop.tools.values()] == [13, 7, 3]
    assert given.shop.tools[1].life_record_id == 1


def test_an_average_below_zero_is_no_life() -> None:
    """Corrections and deleted parts may have made it so."""
    given = update_lives(a_shop(part_life=5), Rows(averages={1: -1.5}), 1).then(changed(NOON + 1, part_life=0))
    update_lives(given, Rows(averages={1: -1.5}), 1).then()
