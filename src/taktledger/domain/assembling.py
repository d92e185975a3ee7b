"""Assemblies and their tools: duplicate, add, merge, delete (`docs/assemblies.md`)."""

from collections.abc import Iterator

from msgspec import UNSET, Struct, field

from taktledger.domain.assemblies import (
    AssemblyChanges,
    AssemblyCreated,
    AssemblyDeleted,
    AssemblyFields,
    check_process,
    get_assembly,
    next_assembly_id,
)
from taktledger.domain.errors import Invalid
from taktledger.domain.event import Event
from taktledger.domain.shop import Assembly, Shop, Tool
from taktledger.domain.tools.tool import copy_tool, move_tool
from taktledger.domain.values import Id, Name, narrow


class AssemblyCopy(Struct, kw_only=True, frozen=True):
    """What a user says of the copy."""

    assembly: AssemblyChanges = field(default_factory=AssemblyChanges)
    """What is different from the original."""
    tools: list[Id] = []
    """Tools to put into it. They may not be in an assembly."""
    duplicate: dict[int, Name] = {}
    """Tools to copy into it, and the names of the copies."""


class DuplicateAssembly(Struct, kw_only=True, frozen=True):
    assembly_id: int
    copy: AssemblyCopy = field(default_factory=AssemblyCopy)


class AddTools(Struct, kw_only=True, frozen=True):
    assembly_id: int
    tools: list[int]


class DeleteAssembly(Struct, kw_only=True, frozen=True):
    assembly_id: int


class MergeAssemblies(Struct, kw_only=True, frozen=True):
    assembly_id: int
    """Where all tools go."""
    sources: list[int]


def duplicate_assembly(shop: Shop, command: DuplicateAssembly, now: float) -> Iterator[Event]:
    """Copies an assembly, with the tools that are named (`POST /api/tools/assemblies/{id}/duplicate`)."""
    original, copy = get_assembly(shop, command.assembly_id), command.copy
    check_process(shop, copy.assembly.process_id)
    loose = [_tool(shop, each, "tools") for each in dict.fromkeys(copy.tools)]
    for tool in loose:
        if tool.assembly_id is not None:
            raise Invalid(f"tool {tool.id} is in assembly {tool.assembly_id} already", "tools")
    originals = [(_tool(shop, each, "duplicate"), name) for each, name in copy.duplicate.items()]
    copy_id = next_assembly_id(shop)
    said = {
        name: value for name in AssemblyFields.__struct_fields__ if (value := getattr(copy.assembly, name)) is not UNSET
    }
    process_id = copy.assembly.process_id
    yield AssemblyCreated(
        occurred_at=now,
        assembly_id=copy_id,
        fields=narrow(AssemblyFields, original, **said),
        process_id=original.process_id if process_id is UNSET else process_id,
        copied_from=original.id,
        image=original.image,
    )
    for tool in loose:
        yield move_tool(tool, copy_id, now)
    for tool, name in originals:
        yield copy_tool(shop, tool, copy_id, now, name)


def add_tools(shop: Shop, command: AddTools, now: float) -> Iterator[Event]:
    """Moves tools into an assembly (`POST /api/tools/assemblies/{id}/addTools`). Those in it already stay."""
    assembly = get_assembly(shop, command.assembly_id)
    for tool in [_tool(shop, each, "tools") for each in dict.fromkeys(command.tools)]:
        if tool.assembly_id != assembly.id:
            yield move_tool(tool, assembly.id, now)


def merge_assemblies(shop: Shop, command: MergeAssemblies, now: float) -> Iterator[Event]:
    """Moves all tools of other assemblies into one, and deletes those (`POST /api/tools/assemblies/{id}/merge`)."""
    target = get_assembly(shop, command.assembly_id)
    sources = list(dict.fromkeys(command.sources))
    for each in sources:
        if each == target.id:
            raise Invalid("an assembly can't be merged into itself")
        if each not in shop.assemblies:
            raise Invalid(f"there is no tool assembly {each}")
    for each in sources:
        yield from _empty(shop, shop.assemblies[each], target.id, now)


def delete_assembly(shop: Shop, command: DeleteAssembly, now: float) -> Iterator[Event]:
    """Deletes an assembly (`DELETE /api/tools/assemblies/{id}`). Its tools stay, without one."""
    yield from _empty(shop, get_assembly(shop, command.assembly_id), None, now)


def _empty(shop: Shop, assembly: Assembly, to_id: int | None, now: float) -> Iterator[Event]:
    for tool_id in sorted(assembly.tool_ids):
        yield move_tool(shop.tools[tool_id], to_id, now)
    yield AssemblyDeleted(occurred_at=max(now, assembly.moved_at), assembly_id=assembly.id)


def _tool(shop: Shop, tool_id: int, field_name: str) -> Tool:
    tool = shop.tools.get(tool_id)
    if tool is None:
        raise Invalid(f"there is no tool {tool_id}", field_name)
    return tool
