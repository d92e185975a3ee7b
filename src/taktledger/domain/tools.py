"""Tools: what cuts, and in which assembly it is (`docs/tools.md`)."""

from collections.abc import Iterator

from msgspec import UNSET, Struct, UnsetType, field

from taktledger.domain.errors import NotFound, ReferenceMissing
from taktledger.domain.event import Event
from taktledger.domain.shop import Shop, Tool
from taktledger.domain.users import forget_favorite
from taktledger.domain.values import Id, Name, Text, edit, narrow, only_changes, set_fields

# Events


class ToolFields(Struct, kw_only=True, frozen=True, omit_defaults=True):
    """The fields of a tool that a user may write, but for its assembly: that is a move."""

    name: Name | UnsetType = UNSET
    notes: Text | UnsetType = UNSET
    tags: list[Text] | UnsetType = UNSET


class ToolEvent(Event, frozen=True, kw_only=True):
    tool_id: int

    @property
    def stream(self) -> str:
        return f"tool-{self.tool_id}"


class ToolCreated(ToolEvent, frozen=True, kw_only=True):
    """A user set up a tool, or made a copy of another one. Its counters start at zero."""

    fields: ToolFields
    assembly_id: int | None = None
    copied_from: int | None = None


class ToolEdited(ToolEvent, frozen=True, kw_only=True):
    """A user changed a tool."""

    fields: ToolFields


class ToolMoved(ToolEvent, frozen=True, kw_only=True):
    """A tool went to another assembly."""

    assembly_id: int | None
    """Null: it is in no assembly any more."""


class ToolDeleted(ToolEvent, frozen=True, kw_only=True):
    """A tool was deleted. Its history stays."""


# What they do


def tool_created(shop: Shop, event: ToolCreated) -> None:
    tool = Tool(id=event.tool_id, name="", created=event.occurred_at)
    set_fields(tool, event.fields)
    shop.tools[tool.id] = tool
    shop.last_ids["tool"] = tool.id
    shop.tooled_at = max(shop.tooled_at, event.occurred_at)
    _put(shop, tool, event.assembly_id)


def tool_edited(shop: Shop, event: ToolEdited) -> None:
    edit(shop.tools[event.tool_id], event.fields)
    shop.touched.tools.add(event.tool_id)


def tool_moved(shop: Shop, event: ToolMoved) -> None:
    """As with assemblies: a move from before its last one is history, and where it was put first it has always been."""
    tool = shop.tools[event.tool_id]
    if event.occurred_at >= tool.moved_at:
        if tool.assembly_id is not None or tool.moved_at:
            tool.moved_at = event.occurred_at
        tool.revision += 1
        shop.tooled_at = max(shop.tooled_at, event.occurred_at)
        _put(shop, tool, event.assembly_id)


def tool_deleted(shop: Shop, event: ToolDeleted) -> None:
    _put(shop, shop.tools[event.tool_id], None)
    del shop.tools[event.tool_id]
    forget_favorite(shop, "favorite_tools", event.tool_id)


def _put(shop: Shop, tool: Tool, assembly_id: int | None) -> None:
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


class ToolChanges(ToolFields, kw_only=True, frozen=True):
    """What a user may ask for in one go."""

    assembly_id: Id | UnsetType | None = UNSET


class EditTool(Struct, kw_only=True, frozen=True):
    tool_id: int
    changes: ToolChanges = field(default_factory=ToolChanges)


class DeleteTool(Struct, kw_only=True, frozen=True):
    tool_id: int


def create_tool(shop: Shop, command: CreateTool, now: float) -> list[Event]:
    """Sets up a tool (`PUT /api/tools/`)."""
    _check_assembly(shop, command.assembly_id)
    fields = narrow(ToolFields, command)
    return [ToolCreated(occurred_at=now, tool_id=next_tool_id(shop), fields=fields, assembly_id=command.assembly_id)]


def edit_tool(shop: Shop, command: EditTool, now: float) -> Iterator[Event]:
    """Changes a tool, and moves it (`PATCH /api/tools/{id}`)."""
    tool = get_tool(shop, command.tool_id)
    _check_assembly(shop, command.changes.assembly_id)
    if changes := only_changes(narrow(ToolFields, command.changes), tool):
        yield ToolEdited(occurred_at=now, tool_id=tool.id, fields=changes)
    assembly_id = command.changes.assembly_id
    if assembly_id is not UNSET and assembly_id != tool.assembly_id:
        yield ToolMoved(occurred_at=max(now, tool.moved_at), tool_id=tool.id, assembly_id=assembly_id)


def delete_tool(shop: Shop, command: DeleteTool, now: float) -> list[Event]:
    """Deletes a tool (`DELETE /api/tools/{id}`)."""
    tool = get_tool(shop, command.tool_id)
    return [ToolDeleted(occurred_at=max(now, tool.moved_at), tool_id=tool.id)]


def get_tool(shop: Shop, tool_id: int) -> Tool:
    tool = shop.tools.get(tool_id)
    if tool is None:
        raise NotFound(f"there is no tool {tool_id}")
    return tool


def next_tool_id(shop: Shop) -> int:
    return shop.last_ids.get("tool", 0) + 1


def _check_assembly(shop: Shop, assembly_id: int | UnsetType | None) -> None:
    if assembly_id and assembly_id not in shop.assemblies:
        raise ReferenceMissing(f"there is no tool assembly {assembly_id}", "assembly_id")
