"""A bench on which tools are replaced: what the tests of replacing and of undoing share."""

from collections.abc import Iterable
from copy import deepcopy
from functools import partial
from typing import Any, Self

import msgspec
from msgspec.structs import asdict, replace

from given import NOON, Given, a_machine, a_process, a_tool, an_assembly
from taktledger.domain.event import Event
from taktledger.domain.inventory.items import InventoryItemCreated, InventoryItemFields
from taktledger.domain.inventory.points import InventoryPointCreated, InventoryPointFields
from taktledger.domain.inventory.stock import StockMoved
from taktledger.domain.shop import Shop, Tool
from taktledger.domain.tools.life import Use
from taktledger.domain.tools.replacement import ReplacementFields, ReplacementRecord, ToolReplaced
from taktledger.domain.tools.replacing import (
    EditReplacement,
    ReplaceTool,
    Replacing,
    UndoReplacement,
    edit_replacement,
    replace_tool,
    undo_replacement,
)


class Rows:
    """What the rows would say."""

    def __init__(self, uses: dict[int, Use] | None = None) -> None:
        self.records: dict[int, ReplacementRecord] = {}
        self.asked_until: list[float | None] = []
        self._uses = uses or {}
        """Of tool 1: process ID, or 0 -> what it did."""

    def uses(self, shop: Shop, tool_ids: Iterable[int], now: float, *, until: float | None = None) -> Any:
        self.asked_until.append(until)
        return {each: {0: Use()} | (self._uses if each == 1 else {}) for each in tool_ids}

    def replacement(self, shop: Shop, replacement_id: int) -> ReplacementRecord | None:
        return self.records.get(replacement_id)


class Bench(Given):
    """A shop in which tools are replaced. What was replaced is in the rows."""

    def __init__(self, *events: Event, uses: dict[int, Use] | None = None) -> None:
        super().__init__(*events)
        self.rows = Rows(uses)

    def replaced(self, tool_id: int = 1, now: float | None = None, force: bool = False, **body: Any) -> Self:
        """As `POST /api/tools/{id}/replace` with this body."""
        command = ReplaceTool(tool_id=tool_id, said=msgspec.convert(body, Replacing), force_substitute=force, user_id=7)
        self.when(partial(replace_tool, history=self.rows), command, now)
        for event in self.events:
            if isinstance(event, ToolReplaced):
                names = ("tool_id", "notes", "reason", "condition", "inventory_item_id", "inventory_point_id")
                names += ("quantity", "substitute_id", "before")
                self.rows.records[event.replacement_id] = ReplacementRecord(
                    id=event.replacement_id,
                    timestamp=event.occurred_at,
                    revision=1,
                    image=None,
                    **{name: getattr(event, name) for name in names},
                )
        return self

    def undone(self, replacement_id: int = 1) -> Self:
        self.when(partial(undo_replacement, history=self.rows), UndoReplacement(replacement_id=replacement_id))
        if self._error is None:
            del self.rows.records[replacement_id]
        return self

    def edited(self, replacement_id: int = 1, **fields: Any) -> Self:
        command = EditReplacement(replacement_id=replacement_id, fields=msgspec.convert(fields, ReplacementFields))
        return self.when(partial(edit_replacement, history=self.rows), command)

    @property
    def latest(self) -> ToolReplaced:
        (found,) = [event for event in self.events if isinstance(event, ToolReplaced)]
        return found

    def picture(self) -> Any:
        """Everything that a replacement may change, but for how often it was changed."""
        tools = {each.id: asdict(replace(each, revision=0)) for each in self.shop.tools.values()}
        places = {each.id: sorted(each.tool_ids) for each in self.shop.assemblies.values()}
        points = {each.id: dict(each.items) for each in self.shop.inventory_points.values()}
        return deepcopy((tools, places, points))


def an_item(item_id: int = 1, **fields: Any) -> InventoryItemCreated:
    return InventoryItemCreated(
        occurred_at=NOON - 58, item_id=item_id, fields=InventoryItemFields(name="insert", **fields)
    )


def a_point(point_id: int = 1, **items: int) -> list[Event]:
    """`_1=10`: ten of item 1."""
    name = InventoryPointFields(name=f"cabinet {point_id}")
    changes = {int(item.removeprefix("_")): count for item, count in items.items()}
    return [
        InventoryPointCreated(occurred_at=NOON - 57, point_id=point_id, fields=name),
        StockMoved(occurred_at=NOON - 56, point_id=point_id, changes=changes, why="count"),
    ]


def stocked(*more: Event, corners: int = 0, **tool: Any) -> Bench:
    """Tool 1 uses three of item 1; there are ten in point 1."""
    fields = {"inventory_item_id": 1, "slots": 3, **tool}
    return Bench(
        *(a_machine(), a_process(), an_assembly(1, process_id=1), an_item(corners=corners), *a_point(_1=10)),
        *(a_tool(1, "mill", assembly_id=1, **fields), *more),
    )


def bare(*more: Event, **tool: Any) -> Bench:
    """Tool 1 is in assembly 1 and has no item, tool 2 is loose, tool 3 is in assembly 2."""
    return Bench(
        *(an_assembly(1), an_assembly(2), a_tool(1, assembly_id=1, **tool)),
        *(a_tool(2, "spare"), a_tool(3, "other", assembly_id=2), *more),
    )


def tool_of(given: Bench, tool_id: int = 1) -> Tool:
    return given.shop.tools[tool_id]
