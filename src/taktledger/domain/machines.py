"""Machines: what a shop has, and what their controls said last (`docs/machines.md`)."""

from collections.abc import Iterator

from msgspec import UNSET, Struct, UnsetType, field

from taktledger.domain.errors import Conflict, NotFound
from taktledger.domain.event import Event
from taktledger.domain.processes import drop_process
from taktledger.domain.shop import ControlAlarm, Counter, Machine, Program, Shop
from taktledger.domain.values import Int, Line, Name, Number, Scalar, Text, only_changes, set_fields

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


class ControlChanges(Struct, kw_only=True, frozen=True, omit_defaults=True):
    """What of a control's state changed. Unset: as before."""

    cycle_state: Line | UnsetType = UNSET
    estopped: bool | UnsetType = UNSET
    feed_rate_override: Number | UnsetType = UNSET
    active_tool: Int | UnsetType = UNSET
    alarms: list[ControlAlarm] | UnsetType = UNSET


class MachineEvent(Event, frozen=True, kw_only=True):
    machine_id: int

    @property
    def stream(self) -> str:
        return f"machine-{self.machine_id}"


class MachineCreated(MachineEvent, frozen=True, kw_only=True):
    """A machine was set up, by a user or because an edge named it for the first time."""

    source_name: str
    """What the adapter's config calls it. It never changes."""
    fields: MachineFields


class MachineEdited(MachineEvent, frozen=True, kw_only=True):
    """A user changed what is known of a machine."""

    fields: MachineFields


class MachineDeleted(MachineEvent, frozen=True, kw_only=True):
    """A machine was deleted, and its programs and processes with it. Its parts stay."""


class MachineBaselineRead(MachineEvent, frozen=True, kw_only=True):
    """Counters of a control were read for the first time: counting starts here."""

    counters: dict[str, Counter]


class MachineCountersRead(MachineEvent, frozen=True, kw_only=True):
    """Counters moved without making a cycle: they are not the one in use, or a glitch was taken back."""

    counters: dict[str, Counter]


class MachineStateChanged(MachineEvent, frozen=True, kw_only=True):
    """A control's state, alarms, active tool or override changed."""

    changes: ControlChanges


class MachineVariablesChanged(MachineEvent, frozen=True, kw_only=True):
    """Watched variables of a control have new values."""

    variables: dict[int, float]


class ToolRunTimeMeasured(MachineEvent, frozen=True, kw_only=True):
    """Tools cut for so long, in a cycle that has not finished yet."""

    tool_seconds: dict[int, float]
    """Location -> seconds that it was the active tool while the control was running."""


class MachineFactSetAside(MachineEvent, frozen=True, kw_only=True):
    """An edge had a fact that the ledger refused. It is kept at the edge."""

    fact: str
    error: str


# What they do


def machine_created(shop: Shop, event: MachineCreated) -> None:
    machine = Machine(id=event.machine_id, name=event.source_name, source_name=event.source_name)
    set_fields(machine, event.fields)
    shop.machines[machine.id] = machine
    shop.machine_ids[machine.source_name] = machine.id
    shop.last_ids["machine"] = machine.id
    shop.touched.machines.add(machine.id)


def machine_edited(shop: Shop, event: MachineEdited) -> None:
    set_fields(shop.machines[event.machine_id], event.fields)
    shop.touched.machines.add(event.machine_id)


def machine_deleted(shop: Shop, event: MachineDeleted) -> None:
    machine = shop.machines.pop(event.machine_id)
    del shop.machine_ids[machine.source_name]
    for program_id in machine.programs.values():
        del shop.programs[program_id]
        shop.touched.programs.add(program_id)
    for process in [each for each in shop.processes.values() if each.machine_id == machine.id]:
        drop_process(shop, process)
    shop.touched.machines.add(machine.id)


def counters_read(shop: Shop, event: MachineBaselineRead | MachineCountersRead) -> None:
    machine = heard(shop, event)
    machine.control.counters.update(event.counters)


def state_changed(shop: Shop, event: MachineStateChanged) -> None:
    set_fields(heard(shop, event).control, event.changes)


def variables_changed(shop: Shop, event: MachineVariablesChanged) -> None:
    heard(shop, event).control.variables.update(event.variables)


def only_heard(shop: Shop, event: ToolRunTimeMeasured | MachineFactSetAside) -> None:
    heard(shop, event)


def heard(shop: Shop, event: MachineEvent) -> Machine:
    """The machine of an event that its control caused: what all such events do to it."""
    machine = shop.machines[event.machine_id]
    if machine.last_fact_at is None or event.occurred_at > machine.last_fact_at:
        machine.last_fact_at = event.occurred_at
    if event.source is not None:
        machine.reported_by_edge = True
    if event.reported_at is None:
        machine.clock_differs = False
    shop.touched.machines.add(machine.id)
    return machine


def load_program(shop: Shop, machine: Machine, program: Program | None) -> None:
    """Makes this the loaded program, and its process the loaded process."""
    machine.loaded_program_id = program.id if program else None
    machine.loaded_process_id = program.process_id if program else None
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
    fields = MachineFields(**{name: getattr(command, name) for name in MachineFields.__struct_fields__})
    return [
        MachineCreated(occurred_at=now, machine_id=next_machine_id(shop), source_name=source_name, fields=fields),
    ]


def edit_machine(shop: Shop, command: EditMachine, now: float) -> list[Event]:
    machine = get_machine(shop, command.machine_id)
    changes = only_changes(command.fields, machine)
    return [MachineEdited(occurred_at=now, machine_id=machine.id, fields=changes)] if changes else []


def delete_machine(shop: Shop, command: DeleteMachine, now: float) -> list[Event]:
    machine = get_machine(shop, command.machine_id)
    return [MachineDeleted(occurred_at=now, machine_id=machine.id)]


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
