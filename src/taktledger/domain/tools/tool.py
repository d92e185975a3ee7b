"""A tool comes, moves from assembly to assembly, and goes."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct, UnsetType

from taktledger.domain.errors import ReferenceMissing
from taktledger.domain.event import Event
from taktledger.domain.shop import Image, Shop, Tool
from taktledger.domain.tools.fields import LifeFields, ProcessLifeFields, ToolEvent, ToolFields, get_tool
from taktledger.domain.tools.life import ToolCountCorrected, set_life
from taktledger.domain.users import forget_favorite
from taktledger.domain.values import Count, Duration, Id, Name, edit, narrow, set_fields

# Events


class ToolCreated(ToolEvent, frozen=True, kw_only=True):
    """A user set up a tool, or made a copy of another one. Its counters start at zero."""

    fields: ToolFields
    assembly_id: int | None = None
    copied_from: int | None = None
    image: Image | None = None


class ToolEdited(ToolEvent, frozen=True, kw_only=True):
    """A user changed a tool. (How long it should last has an event of its own.)"""

    fields: ToolFields


class ToolMoved(ToolEvent, frozen=True, kw_only=True):
    """A tool went to another assembly."""

    assembly_id: int | None
    """Null: it is in no assembly any more."""


class ToolImageChanged(ToolEvent, frozen=True, kw_only=True):
    """A user uploaded a picture of a tool, or took it away (null)."""

    image: Image | None


class ToolDeleted(ToolEvent, frozen=True, kw_only=True):
    """A tool was deleted. Its history stays."""


# What they do


def tool_created(shop: Shop, event: ToolCreated) -> None:
    tool = Tool(id=event.tool_id, name="", created=event.occurred_at, image=event.image)
    set_fields(tool, event.fields.without_life())
    set_life(tool, None, narrow(LifeFields, event.fields))
    shop.tools[tool.id] = tool
    shop.last_ids["tool"] = tool.id
    shop.tooled_at = max(shop.tooled_at, event.occurred_at)
    put_tool(shop, tool, event.assembly_id)


def tool_edited(shop: Shop, event: ToolEdited) -> None:
    edit(shop.tools[event.tool_id], event.fields)
    shop.touched.tools.add(event.tool_id)


def tool_moved(shop: Shop, event: ToolMoved) -> None:
    """As with assemblies: a move from before its last one is history, and where it was put first it has always been."""
    tool = shop.tools[event.tool_id]
    shop.tooled_at = max(shop.tooled_at, event.occurred_at)
    if event.occurred_at >= tool.moved_at:
        if tool.assembly_id is not None or tool.moved_at:
            tool.moved_at = event.occurred_at
        tool.revision += 1
        put_tool(shop, tool, event.assembly_id)


def tool_image_changed(shop: Shop, event: ToolImageChanged) -> None:
    tool = shop.tools[event.tool_id]
    tool.image = event.image
    tool.revision += 1
    shop.touched.tools.add(tool.id)


def tool_deleted(shop: Shop, event: ToolDeleted) -> None:
    put_tool(shop, shop.tools[event.tool_id], None)
    shop.tooled_at = max(shop.tooled_at, event.occurred_at)
    del shop.tools[event.tool_id]
    forget_favorite(shop, "favorite_tools", event.tool_id)


def put_tool(shop: Shop, tool: Tool, assembly_id: int | None) -> None:
    for each, change in ((tool.assembly_id, set.discard), (assembly_id, set.add)):
        assembly = shop.assemblies.get(each) if each else None
        if assembly is not None:
            change(assembly.tool_ids, tool.id)
    tool.assembly_id = assembly_id
    shop.touched.tools.add(tool.id)


# Decisions


class CreateTool(ToolFields, kw_only=True, frozen=True):
    name: Name
    assembly_id: Id | None = None
    part_count: Count = 0
    """What it has made already."""
    runtime: Duration = 0.0
    """Seconds."""


class DeleteTool(Struct, kw_only=True, frozen=True):
    tool_id: int


class ChangeToolImage(Struct, kw_only=True, frozen=True):
    tool_id: int
    image: Image | None


def create_tool(shop: Shop, command: CreateTool, now: float) -> Iterator[Event]:
    """Sets up a tool (`PUT /api/tools/`)."""
    check_references(shop, command.assembly_id, command.inventory_item_id)
    created = ToolCreated(
        occurred_at=now,
        tool_id=next_tool_id(shop),
        fields=narrow(ToolFields, command),
        assembly_id=command.assembly_id,
    )
    yield created
    if command.part_count or command.runtime:
        yield ToolCountCorrected(
            occurred_at=now, tool_id=created.tool_id, parts=command.part_count, seconds=command.runtime
        )


def delete_tool(shop: Shop, command: DeleteTool, now: float) -> list[Event]:
    """Deletes a tool (`DELETE /api/tools/{id}`)."""
    tool = get_tool(shop, command.tool_id)
    return [ToolDeleted(occurred_at=max(now, tool.moved_at), tool_id=tool.id)]


def change_tool_image(shop: Shop, command: ChangeToolImage, now: float) -> Iterator[Event]:
    """Shows another picture, or none (`POST` and `DELETE /api/tools/{id}/image`)."""
    if get_tool(shop, command.tool_id).image != command.image:
        yield ToolImageChanged(occurred_at=now, tool_id=command.tool_id, image=command.image)


def move_tool(tool: Tool, assembly_id: int | None, now: float) -> ToolMoved:
    """What a person says holds, also against a machine whose clock is ahead."""
    return ToolMoved(occurred_at=max(now, tool.moved_at), tool_id=tool.id, assembly_id=assembly_id)


def copy_tool(shop: Shop, original: Tool, assembly_id: int | None, now: float, name: str | None = None) -> ToolCreated:
    """With its life and its picture. Its counters start at zero."""
    return ToolCreated(
        occurred_at=now,
        tool_id=next_tool_id(shop),
        fields=ToolFields(**_said_of(original) | {"name": name or original.name}),
        assembly_id=assembly_id,
        copied_from=original.id,
        image=original.image,
    )


def _said_of(tool: Tool) -> dict[str, Any]:
    """The fields of a tool that somebody has set."""
    blank = Tool(id=0, name="", created=0.0)
    said = {}
    for each in ToolFields.__struct_fields__:
        mine, unset = (tool.life, blank.life) if each in ProcessLifeFields.__struct_fields__ else (tool, blank)
        if each != "used_corners" and getattr(mine, each) != getattr(unset, each):
            said[each] = getattr(mine, each)
    return said


def next_tool_id(shop: Shop) -> int:
    return shop.last_ids.get("tool", 0) + 1


def check_references(shop: Shop, assembly_id: int | UnsetType | None, item_id: int | UnsetType | None) -> None:
    if assembly_id and assembly_id not in shop.assemblies:
        raise ReferenceMissing(f"there is no tool assembly {assembly_id}", "assembly_id")
    if item_id and item_id not in shop.inventory_items:
        raise ReferenceMissing(f"there is no inventory item {item_id}", "inventory_item_id")
