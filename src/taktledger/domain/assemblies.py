"""Tool assemblies: what stands in the pots of a machine (`docs/assemblies.md`)."""

from collections.abc import Iterator

from msgspec import UNSET, Struct, UnsetType, field

from taktledger.domain.errors import NotFound, ReferenceMissing
from taktledger.domain.event import SYSTEM, Event
from taktledger.domain.shop import Assembly, Image, Shop
from taktledger.domain.values import Id, Int, Name, Text, edit, narrow, only_changes, set_fields

# Events


class AssemblyFields(Struct, kw_only=True, frozen=True, omit_defaults=True):
    """The fields of an assembly that a user may write, but for its process: that is a move."""

    name: Name | UnsetType = UNSET
    notes: Text | UnsetType = UNSET
    location: Int | UnsetType | None = UNSET
    shared: bool | UnsetType = UNSET


class AssemblyEvent(Event, frozen=True, kw_only=True):
    assembly_id: int

    @property
    def stream(self) -> str:
        return f"assembly-{self.assembly_id}"


class AssemblyCreated(AssemblyEvent, frozen=True, kw_only=True):
    """A user set up a tool assembly, or made a copy of another one."""

    fields: AssemblyFields
    process_id: int | None = None
    copied_from: int | None = None
    image: Image | None = None


class AssemblyEdited(AssemblyEvent, frozen=True, kw_only=True):
    """A user changed an assembly."""

    fields: AssemblyFields


class AssemblyMoved(AssemblyEvent, frozen=True, kw_only=True):
    """An assembly went to another process, by a user or because it is shared and its machine switched processes."""

    process_id: int | None
    """Null: it belongs to no process any more."""


class AssemblyImageChanged(AssemblyEvent, frozen=True, kw_only=True):
    """A user uploaded a picture of an assembly, or took it away (null)."""

    image: Image | None


class AssemblyDeleted(AssemblyEvent, frozen=True, kw_only=True):
    """An assembly was deleted. Its tools stay, without an assembly."""


# What they do


def assembly_created(shop: Shop, event: AssemblyCreated) -> None:
    assembly = Assembly(id=event.assembly_id, name="", image=event.image)
    set_fields(assembly, event.fields)
    shop.assemblies[assembly.id] = assembly
    shop.last_ids["assembly"] = assembly.id
    shop.tooled_at = max(shop.tooled_at, event.occurred_at)
    _put(shop, assembly, event.process_id)


def assembly_edited(shop: Shop, event: AssemblyEdited) -> None:
    assembly = shop.assemblies[event.assembly_id]
    edit(assembly, event.fields)
    if event.fields.location is not UNSET:  # its tools wear by what another location cuts
        tooled(shop, assembly, event.occurred_at)
    _put(shop, assembly, assembly.process_id)


def assembly_moved(shop: Shop, event: AssemblyMoved) -> None:
    """A move from before its last one is history, and doesn't change its place. That it was put somewhere first is no
    move: there it has always been."""
    assembly = shop.assemblies[event.assembly_id]
    tooled(shop, assembly, event.occurred_at)
    if event.occurred_at >= assembly.moved_at:
        if assembly.process_id is not None or assembly.moved_at:
            assembly.moved_at = event.occurred_at
        assembly.revision += event.actor != SYSTEM  # a switch of the machine is nobody's edit
        _put(shop, assembly, event.process_id)


def tooled(shop: Shop, assembly: Assembly, at: float) -> None:
    """Its tools count what is made in another place. If that is not the latest that happened, any tool may."""
    if at < shop.tooled_at:
        shop.touched.worn.add(0)
    shop.touched.tools |= assembly.tool_ids
    shop.tooled_at = max(shop.tooled_at, at)


def assembly_image_changed(shop: Shop, event: AssemblyImageChanged) -> None:
    assembly = shop.assemblies[event.assembly_id]
    assembly.image = event.image
    assembly.revision += 1
    shop.touched.assemblies.add(assembly.id)


def assembly_deleted(shop: Shop, event: AssemblyDeleted) -> None:
    assembly = shop.assemblies[event.assembly_id]
    shop.tooled_at = max(shop.tooled_at, event.occurred_at)
    _put(shop, assembly, None)
    for tool_id in assembly.tool_ids:
        shop.tools[tool_id].assembly_id = None
        shop.tools[tool_id].revision += 1
    shop.touched.tools |= assembly.tool_ids
    del shop.assemblies[assembly.id]


def _put(shop: Shop, assembly: Assembly, process_id: int | None) -> None:
    """Where it stands is filled: it is no unassigned tool there."""
    before = shop.processes.get(assembly.process_id) if assembly.process_id else None
    if before is not None:
        before.assembly_ids.discard(assembly.id)
        shop.touched.processes.add(before.id)
    assembly.process_id = process_id
    process = shop.processes.get(process_id) if process_id else None
    if process is not None:
        process.assembly_ids.add(assembly.id)
        if assembly.location is not None:
            process.unassigned_tools_used.pop(assembly.location, None)
        shop.touched.processes.add(process.id)
    shop.touched.assemblies.add(assembly.id)


# Decisions


class CreateAssembly(AssemblyFields, kw_only=True, frozen=True):
    name: Name
    process_id: Id | None = None


class AssemblyChanges(AssemblyFields, kw_only=True, frozen=True):
    """What a user may ask for in one go."""

    process_id: Id | UnsetType | None = UNSET


class EditAssembly(Struct, kw_only=True, frozen=True):
    assembly_id: int
    changes: AssemblyChanges = field(default_factory=AssemblyChanges)


class ChangeAssemblyImage(Struct, kw_only=True, frozen=True):
    assembly_id: int
    image: Image | None


def create_assembly(shop: Shop, command: CreateAssembly, now: float) -> list[Event]:
    """Sets up an assembly (`PUT /api/tools/assemblies/`)."""
    check_process(shop, command.process_id)
    fields = narrow(AssemblyFields, command)
    created = AssemblyCreated(
        occurred_at=now, assembly_id=next_assembly_id(shop), fields=fields, process_id=command.process_id
    )
    return [created]


def edit_assembly(shop: Shop, command: EditAssembly, now: float) -> Iterator[Event]:
    """Changes an assembly, and moves it (`PATCH /api/tools/assemblies/{id}`)."""
    assembly = get_assembly(shop, command.assembly_id)
    check_process(shop, command.changes.process_id)
    if changes := only_changes(narrow(AssemblyFields, command.changes), assembly):
        yield AssemblyEdited(occurred_at=now, assembly_id=assembly.id, fields=changes)
    process_id = command.changes.process_id
    if process_id is not UNSET and process_id != assembly.process_id:
        yield move_assembly(assembly, process_id, now)


def change_assembly_image(shop: Shop, command: ChangeAssemblyImage, now: float) -> Iterator[Event]:
    """Shows another picture, or none (`POST` and `DELETE /api/tools/assemblies/{id}/image`)."""
    if get_assembly(shop, command.assembly_id).image != command.image:
        yield AssemblyImageChanged(occurred_at=now, assembly_id=command.assembly_id, image=command.image)


def move_assembly(assembly: Assembly, process_id: int | None, now: float) -> AssemblyMoved:
    """What a person says holds, also against a machine whose clock is ahead."""
    at = max(now, assembly.moved_at)
    return AssemblyMoved(occurred_at=at, assembly_id=assembly.id, process_id=process_id)


def get_assembly(shop: Shop, assembly_id: int) -> Assembly:
    assembly = shop.assemblies.get(assembly_id)
    if assembly is None:
        raise NotFound(f"there is no tool assembly {assembly_id}")
    return assembly


def next_assembly_id(shop: Shop) -> int:
    return shop.last_ids.get("assembly", 0) + 1


def check_process(shop: Shop, process_id: int | UnsetType | None) -> None:
    if process_id and process_id not in shop.processes:
        raise ReferenceMissing(f"there is no process {process_id}", "process_id")
