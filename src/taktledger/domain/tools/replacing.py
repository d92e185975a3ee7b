"""Replacing a tool, and taking that back."""

import math
from collections.abc import Iterator

from msgspec import UNSET, Struct, UnsetType, field, structs

from taktledger.domain import inventory
from taktledger.domain.errors import Conflict, Invalid, ReferenceMissing, TooEarly
from taktledger.domain.event import Event
from taktledger.domain.shop import Image, InventoryItem, Shop, Tool
from taktledger.domain.tools.fields import Status, get_tool, process_of
from taktledger.domain.tools.life import ToolHistory, Use, life_in_force, usage
from taktledger.domain.tools.replacement import (
    WEAR_ALERTS,
    Condition,
    Reason,
    ReplacementFields,
    ReplacementHistory,
    ToolBefore,
    ToolReplaced,
    ToolReplacementEdited,
    ToolReplacementImageChanged,
    ToolReplacementUndone,
    get_replacement,
)
from taktledger.domain.values import Id, Seconds, Text, only_changes

# Decisions


class Replacing(Struct, kw_only=True, frozen=True):
    """What a user says when a tool is replaced."""

    reason: Reason = 0
    condition: Condition = 0
    notes: Text = ""
    indexed: bool = False
    """It was turned to its next corner: nothing is taken from the inventory."""
    substitute: Id | None = None
    """The tool that takes its place."""
    maintenance_status: Status | None = None
    inv_pt: Id | None = None
    """The inventory point that the new one comes from."""
    timestamp: Seconds | None = None
    """When it was replaced. UNIX seconds; null: now."""
    last_replacement_id: Id | UnsetType | None = UNSET
    """The latest replacement that the user knows of; null: none. Another one is a conflict."""


class ReplaceTool(Struct, kw_only=True, frozen=True):
    tool_id: int
    said: Replacing = field(default_factory=Replacing)
    force_substitute: bool = False
    """Also if the substitute is in an assembly."""
    user_id: int | None = None


class EditReplacement(Struct, kw_only=True, frozen=True):
    replacement_id: int
    fields: ReplacementFields = field(default_factory=ReplacementFields)


class ChangeReplacementImage(Struct, kw_only=True, frozen=True):
    replacement_id: int
    image: Image | None


class UndoReplacement(Struct, kw_only=True, frozen=True):
    replacement_id: int


def replace_tool(shop: Shop, command: ReplaceTool, now: float, *, history: ToolHistory) -> Iterator[Event]:
    """A tool was replaced or indexed (`POST /api/tools/{id}/replace`)."""
    tool, said = get_tool(shop, command.tool_id), command.said
    _check_last(tool, said)
    at = _time_of(tool, said, now)
    substitute = _substitute(shop, tool, command, at)
    _check_usage(shop, tool, at, history)
    replacement_id = shop.last_ids.get("tool_replacement", 0) + 1
    item = shop.inventory_items.get(tool.inventory_item_id) if tool.inventory_item_id else None
    used_corners, taken = 0, None
    if said.indexed:
        used_corners = _next_corner(tool, item)
    elif item is not None:
        taken = inventory.take(shop, said.inv_pt, item.id, tool.slots, replacement_id, now)
    process = process_of(shop, tool)
    yield ToolReplaced(
        occurred_at=at,
        tool_id=tool.id,
        replacement_id=replacement_id,
        user_id=command.user_id,
        reason=said.reason,
        condition=said.condition,
        notes=said.notes,
        indexed=said.indexed,
        inventory_item_id=tool.inventory_item_id,
        inventory_point_id=taken.point_id if taken else None,
        quantity=tool.slots if taken else 0,
        life_record_id=tool.life_record_id,
        day_count_type=tool.life.day_count_type,
        assembly_id=tool.assembly_id,
        process_id=process.id if process else None,
        used_corners=used_corners,
        maintenance_status=said.maintenance_status,
        substitute_id=substitute.id if substitute else None,
        before=_before(shop, tool, substitute),
    )
    if taken is not None and tool.slots:
        yield taken


def undo_replacement(
    shop: Shop, command: UndoReplacement, now: float, *, history: ReplacementHistory
) -> Iterator[Event]:
    """Takes the latest replacement of a tool back (`DELETE /api/tools/replacements/{id}`)."""
    record = get_replacement(shop, command.replacement_id, history)
    tool = shop.tools.get(record.tool_id)
    if tool is None or tool.last_replacement is None or tool.last_replacement.id != record.id:
        raise Conflict(f"replacement {record.id} is not the latest of its tool")
    expected = None if record.substitute_id else record.before.assembly_id
    moved_at = record.timestamp if record.substitute_id else record.before.moved_at
    if tool.assembly_id != expected or tool.moved_at != moved_at:
        raise Conflict(f"tool {tool.id} has been moved since")
    if record.substitute_id is not None:
        substitute = shop.tools.get(record.substitute_id)
        if (
            substitute is None
            or substitute.assembly_id != record.before.assembly_id
            or substitute.moved_at != record.timestamp
        ):
            raise Conflict(f"the substitute, tool {record.substitute_id}, has been moved since")
    before = record.before
    if before.substitute_assembly_id not in shop.assemblies:  # deleted since
        before = structs.replace(before, substitute_assembly_id=None)
    yield ToolReplacementUndone(
        occurred_at=now,
        tool_id=tool.id,
        replacement_id=record.id,
        substitute_id=record.substitute_id,
        before=before,
    )
    if record.quantity and record.inventory_point_id and record.inventory_item_id:
        returned = inventory.give_back(
            shop, record.inventory_point_id, record.inventory_item_id, record.quantity, record.id, now
        )
        if returned is not None:
            yield returned


def edit_replacement(
    shop: Shop, command: EditReplacement, now: float, *, history: ReplacementHistory
) -> Iterator[Event]:
    """Says something else of a replacement (`PATCH /api/tools/replacements/{id}`)."""
    record = get_replacement(shop, command.replacement_id, history)
    if fields := only_changes(command.fields, record):
        yield ToolReplacementEdited(occurred_at=now, tool_id=record.tool_id, replacement_id=record.id, fields=fields)


def change_replacement_image(
    shop: Shop, command: ChangeReplacementImage, now: float, *, history: ReplacementHistory
) -> Iterator[Event]:
    """Shows another picture, or none (`POST` and `DELETE /api/tools/replacements/{id}/image`)."""
    record = get_replacement(shop, command.replacement_id, history)
    if record.image != command.image:
        yield ToolReplacementImageChanged(
            occurred_at=now, tool_id=record.tool_id, replacement_id=record.id, image=command.image
        )


def _check_last(tool: Tool, said: Replacing) -> None:
    last = tool.last_replacement
    if said.last_replacement_id is not UNSET and said.last_replacement_id != (last.id if last else None):
        what = f"replacement {last.id} came since" if last else "its latest replacement was taken back"
        raise Conflict(f"'{tool.name}' is not as you saw it: {what}", "last_replacement_id")


def _time_of(tool: Tool, said: Replacing, now: float) -> float:
    last = tool.last_replacement.at if tool.last_replacement else -math.inf
    if said.timestamp is None:
        return max(now, math.nextafter(last, math.inf))
    if said.timestamp > now:
        raise Invalid("the timestamp is in the future", "timestamp")
    if said.timestamp <= last:
        raise Invalid("the timestamp must be later than that of the replacement before", "timestamp")
    return said.timestamp


def _substitute(shop: Shop, tool: Tool, command: ReplaceTool, at: float) -> Tool | None:
    substitute_id = command.said.substitute
    if substitute_id is None:
        return None
    substitute = shop.tools.get(substitute_id)
    if substitute is None:
        raise ReferenceMissing(f"there is no tool {substitute_id}", "substitute")
    if substitute.id == tool.id:
        raise Invalid("a tool is no substitute for itself", "substitute")
    if tool.assembly_id is None:
        raise Invalid(f"'{tool.name}' is in no assembly: it has no place to take", "substitute")
    if substitute.assembly_id is not None and not command.force_substitute:
        raise Conflict(
            f"'{substitute.name}' is in assembly {substitute.assembly_id} (forceSub=1 takes it)", "substitute"
        )
    for each in (tool, substitute):
        if at < each.moved_at:
            raise Invalid(f"'{each.name}' has been moved after this timestamp", "timestamp")
    return substitute


def _check_usage(shop: Shop, tool: Tool, at: float, history: ToolHistory) -> None:
    least = shop.options.tool_replacement_min_usage
    if not least:
        return
    process_id, life = life_in_force(shop, tool)
    used = usage(tool.usage_mode, life, history.uses(shop, [tool.id], at, until=at)[tool.id].get(process_id, Use()))
    if used is not None and used < least:
        raise TooEarly(f"'{tool.name}' has been used for {used:.0%} of its life; it must be at least {least:.0%}")


def _next_corner(tool: Tool, item: InventoryItem | None) -> int:
    corners = item.corners if item else 0
    if corners < 2:
        raise Invalid(f"'{tool.name}' has no corners to turn to", "indexed")
    if tool.used_corners + 1 >= corners:
        raise Invalid(f"all {corners} corners of '{tool.name}' are used up", "indexed")
    return tool.used_corners + 1


def _before(shop: Shop, tool: Tool, substitute: Tool | None) -> ToolBefore:
    lives = {0: tool.life, **tool.process_lives}
    return ToolBefore(
        last_replacement=tool.last_replacement,
        used_corners=tool.used_corners,
        maintenance_status=tool.maintenance_status,
        last_point_id=tool.last_point_id,
        assembly_id=tool.assembly_id,
        moved_at=tool.moved_at,
        hold_waived=tool.hold_waived,
        sent={process_id: sorted(life.sent) for process_id, life in lives.items() if life.sent},
        alerted=sorted({each.kind for each in shop.open_alerts.values() if each.tool_id == tool.id} & WEAR_ALERTS),
        substitute_assembly_id=substitute.assembly_id if substitute else None,
        substitute_moved_at=substitute.moved_at if substitute else 0.0,
    )
