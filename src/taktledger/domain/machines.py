"""Machines: what a shop has (`docs/machines.md`). What their controls say is in `controls.py`."""

from collections.abc import Iterator

from msgspec import UNSET, Struct, UnsetType, field

from taktledger.domain.controls import MachineEvent
from taktledger.domain.errors import Conflict, NotFound
from taktledger.domain.event import Event
from taktledger.domain.holds.hold import forget_holds_of
from taktledger.domain.processes import delete_processes_of
from taktledger.domain.programs import ProgramDeleted
from taktledger.domain.shop import Machine, Shop
from taktledger.domain.users import forget_favorite
from taktledger.domain.values import Int, Name, Scalar, Text, edit, narrow, only_changes, set_fields

# Events


class MachineFields(Struct, kw_only=True, frozen=True, omit_defaults=True):
    """The fields of a machine that a user may write."""

    name: Name | UnsetType = UNSET
    description: Text | UnsetType = UNSET
    archived: bool | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET
    program_cv: Int | UnsetType | None = UNSET
    """Number of the variable whose value selects the program (`Program.load_by_var_value`)."""
    current_work_order: Text | UnsetType = UNSET
    running_states: list[Name] | UnsetType | None = UNSET
    """Cycle states that count as running. Null: the usual ones."""
    custom_alarms: dict[str, str] | UnsetType = UNSET
    custom_properties: dict[str, Scalar] | UnsetType = UNSET


class MachineCreated(MachineEvent, frozen=True, kw_only=True):
    """A machine was set up, by a user or because an edge named it for the first time."""

    source_name: str
    """What the adapter's config calls it. It never changes."""
    fields: MachineFields


class MachineEdited(MachineEvent, frozen=True, kw_only=True):
    """A user changed what is known of a machine."""

    fields: MachineFields


class MachineDeleted(MachineEvent, frozen=True, kw_only=True):
    """A machine was deleted, its holds and their schedules with it. Its programs and processes were before; its parts
    stay."""


# What they do


def machine_created(shop: Shop, event: MachineCreated) -> None:
    machine = Machine(id=event.machine_id, name=event.source_name, source_name=event.source_name)
    set_fields(machine, event.fields)
    shop.machines[machine.id] = machine
    shop.machine_ids[machine.source_name] = machine.id
    shop.last_ids["machine"] = machine.id
    shop.touched.machines.add(machine.id)


def machine_edited(shop: Shop, event: MachineEdited) -> None:
    edit(shop.machines[event.machine_id], event.fields)
    shop.touched.machines.add(event.machine_id)


def machine_deleted(shop: Shop, event: MachineDeleted) -> None:
    machine = shop.machines.pop(event.machine_id)
    del shop.machine_ids[machine.source_name]
    forget_favorite(shop, "favorite_machines", machine.id)
    forget_holds_of(shop, machine.id)
    shop.touched.machines.add(machine.id)


# Decisions


class CreateMachine(MachineFields, kw_only=True, frozen=True):
    name: Name
    source_name: Name | UnsetType = UNSET
    """What the adapter's config calls it; the name if it is not given. It never changes."""


class EditMachine(Struct, kw_only=True, frozen=True):
    machine_id: int
    fields: MachineFields = field(default_factory=MachineFields)


class DeleteMachine(Struct, kw_only=True, frozen=True):
    machine_id: int


def create_machine(shop: Shop, command: CreateMachine, now: float) -> list[Event]:
    source_name = command.source_name or command.name
    if source_name in shop.machine_ids:
        raise Conflict(f"there is already a machine with the source name '{source_name}'", "source_name")
    fields = narrow(MachineFields, command)
    return [
        MachineCreated(occurred_at=now, machine_id=next_machine_id(shop), source_name=source_name, fields=fields),
    ]


def edit_machine(shop: Shop, command: EditMachine, now: float) -> list[Event]:
    machine = get_machine(shop, command.machine_id)
    changes = only_changes(command.fields, machine)
    return [MachineEdited(occurred_at=now, machine_id=machine.id, fields=changes)] if changes else []


def delete_machine(shop: Shop, command: DeleteMachine, now: float) -> Iterator[Event]:
    """Deletes a machine, and its processes and programs with it (`DELETE /api/machines/{id}`)."""
    machine = get_machine(shop, command.machine_id)
    yield from delete_processes_of(shop, machine.id, now)
    for program_id in list(machine.programs.values()):
        yield ProgramDeleted(occurred_at=now, program_id=program_id)
    yield MachineDeleted(occurred_at=now, machine_id=machine.id)


def ensure_machine(shop: Shop, source_name: str, at: float) -> Iterator[Event]:
    """A source name that the ledger doesn't know makes a machine."""
    if source_name not in shop.machine_ids:
        fields = MachineFields(name=source_name)
        yield MachineCreated(occurred_at=at, machine_id=next_machine_id(shop), source_name=source_name, fields=fields)


def get_machine(shop: Shop, machine_id: int) -> Machine:
    machine = shop.machines.get(machine_id)
    if machine is None:
        raise NotFound(f"there is no machine {machine_id}")
    return machine


def next_machine_id(shop: Shop) -> int:
    return shop.last_ids.get("machine", 0) + 1
