"""What a replacement is: its events, and what they do to the tool.

`occurred_at` of a replacement is when the tool was replaced, which may be in the past: what was made until then counts
for its record, what was made later for the tool.
"""

from typing import Annotated, Protocol

from msgspec import UNSET, Meta, Struct, UnsetType

from taktledger.domain.errors import NotFound
from taktledger.domain.shop import Image, LastReplacement, Shop
from taktledger.domain.tools.fields import ToolEvent
from taktledger.domain.tools.life import ToolHistory
from taktledger.domain.tools.tool import put_tool
from taktledger.domain.values import Text

Reason = Annotated[int, Meta(ge=0, le=6)]
"""0 not specified, 1 worn, 2 damaged, 3 part quality, 4 setup or changeover, 5 preventive, 6 other."""
Condition = Annotated[int, Meta(ge=0, le=63)]
"""Of the old tool, as the sum of: 1 snapped, 2 corner fracture, 4 side fracture, 8 large fracture, 16 normal wear,
32 could have run longer."""

WEAR_ALERTS = {"tool_warning", "tool_life"}
"""Kinds of alerts that a replacement ends."""

# Events


class ReplacementFields(Struct, kw_only=True, frozen=True, omit_defaults=True):
    """The fields of a replacement that a user may still change."""

    notes: Text | UnsetType = UNSET
    reason: Reason | UnsetType = UNSET
    condition: Condition | UnsetType = UNSET


class ToolBefore(Struct, kw_only=True, frozen=True, omit_defaults=True):
    """What a replacement changed, as it was before: what taking it back restores."""

    last_replacement: LastReplacement | None = None
    used_corners: int = 0
    maintenance_status: int = 1
    last_point_id: int | None = None
    assembly_id: int | None = None
    moved_at: float = 0.0
    hold_waived: bool = False
    sent: dict[int, list[str]] = {}
    """Process ID, or 0 for the tool's own life -> what had been alerted."""
    alerted: list[str] = []
    """The kinds of its alerts that were open."""
    substitute_assembly_id: int | None = None
    substitute_moved_at: float = 0.0


class ToolReplaced(ToolEvent, frozen=True, kw_only=True):
    """A tool was replaced, or indexed to its next corner: its counters start anew."""

    replacement_id: int
    user_id: int | None = None
    reason: int = 0
    condition: int = 0
    notes: str = ""
    indexed: bool = False
    inventory_item_id: int | None = None
    inventory_point_id: int | None = None
    """Where the new one was taken from."""
    quantity: int = 0
    """Items taken."""
    life_record_id: int | None = None
    """The change of its life that it lasted by."""
    day_count_type: str = "all"
    assembly_id: int | None = None
    process_id: int | None = None
    used_corners: int = 0
    """After it."""
    maintenance_status: int | None = None
    """What it is now; null: as before."""
    substitute_id: int | None = None
    """The tool that takes its place in the assembly. The replaced one is in none then."""
    before: ToolBefore = ToolBefore()


class ToolReplacementUndone(ToolEvent, frozen=True, kw_only=True):
    """A user took the latest replacement of a tool back: everything is as if it had not been."""

    replacement_id: int
    substitute_id: int | None = None
    before: ToolBefore


class ToolReplacementEdited(ToolEvent, frozen=True, kw_only=True):
    """A user changed what is said of a replacement."""

    replacement_id: int
    fields: ReplacementFields


class ToolReplacementImageChanged(ToolEvent, frozen=True, kw_only=True):
    """A user uploaded a picture of a replacement, or took it away (null)."""

    replacement_id: int
    image: Image | None


# What they do


def tool_replaced(shop: Shop, event: ToolReplaced) -> None:
    tool = shop.tools[event.tool_id]
    shop.last_ids["tool_replacement"] = event.replacement_id
    tool.last_replacement = LastReplacement(event.replacement_id, event.occurred_at)
    tool.used_corners = event.used_corners
    tool.maintenance_status = event.maintenance_status or tool.maintenance_status
    tool.last_point_id = event.inventory_point_id or tool.last_point_id
    for life in (tool.life, *tool.process_lives.values()):
        life.sent.clear()
    tool.hold_waived = False
    tool.revision += 1
    shop.tooled_at = max(shop.tooled_at, event.occurred_at)
    shop.touched.tools.add(tool.id)
    if event.substitute_id is not None:
        substitute = shop.tools[event.substitute_id]
        assembly_id = tool.assembly_id
        put_tool(shop, tool, None)
        tool.moved_at = event.occurred_at
        substitute.moved_at = event.occurred_at  # also if it was put nowhere before: here it takes over
        substitute.revision += 1
        put_tool(shop, substitute, assembly_id)


def replacement_undone(shop: Shop, event: ToolReplacementUndone) -> None:
    tool, before = shop.tools[event.tool_id], event.before
    if event.substitute_id is not None:
        substitute = shop.tools[event.substitute_id]
        put_tool(shop, substitute, before.substitute_assembly_id)
        substitute.moved_at = before.substitute_moved_at
        substitute.revision += 1
        put_tool(shop, tool, before.assembly_id)
        tool.moved_at = before.moved_at
    tool.last_replacement = before.last_replacement
    tool.used_corners = before.used_corners
    tool.maintenance_status = before.maintenance_status
    tool.last_point_id = before.last_point_id
    tool.hold_waived = before.hold_waived
    tool.life.sent = set(before.sent.get(0, ()))
    for process_id, life in tool.process_lives.items():
        life.sent = set(before.sent.get(process_id, ()))
    tool.revision += 1
    shop.touched.tools.add(tool.id)


def replacement_edited(shop: Shop, event: ToolReplacementEdited | ToolReplacementImageChanged) -> None:
    """Replacements are rows alone: the shop knows the latest of each tool by its ID and time."""


# What is known of one


class ReplacementRecord(Struct, kw_only=True):
    """A replacement, as the rows have it."""

    id: int
    tool_id: int
    timestamp: float
    notes: str
    reason: int
    condition: int
    revision: int
    inventory_item_id: int | None
    inventory_point_id: int | None
    quantity: int
    substitute_id: int | None
    before: ToolBefore
    image: Image | None


class ReplacementHistory(ToolHistory, Protocol):
    def replacement(self, shop: Shop, replacement_id: int) -> ReplacementRecord | None: ...


def get_replacement(shop: Shop, replacement_id: int, history: ReplacementHistory) -> ReplacementRecord:
    record = history.replacement(shop, replacement_id)
    if record is None:
        raise NotFound(f"there is no tool replacement {replacement_id}")
    return record
