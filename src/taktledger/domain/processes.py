"""Processes: a machine, a subset of its programs, and what is made with them (`docs/processes.md`)."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType, field

from taktledger.domain.assemblies import move_assembly
from taktledger.domain.errors import Invalid, NotFound, ReferenceMissing
from taktledger.domain.event import Event
from taktledger.domain.programs import ProgramEdited, ProgramFields
from taktledger.domain.shop import MappedVariable, Process, Program, Shop
from taktledger.domain.values import (
    Count,
    Duration,
    Id,
    Int,
    Name,
    Number,
    Text,
    edit,
    narrow,
    only_changes,
    set_fields,
)

# Events


class ProcessFields(Struct, kw_only=True, frozen=True, omit_defaults=True):
    """The fields of a process that a user may write."""

    name: Name | UnsetType = UNSET
    description: Text | UnsetType = UNSET
    archived: bool | UnsetType = UNSET
    cv_map: dict[str, MappedVariable] | UnsetType = UNSET
    """Friendly name -> variable that is read at the end of each cycle, and what to compare it with."""
    display_variable: Int | UnsetType | None = UNSET
    part_count_cv: Count | UnsetType | None = UNSET
    part_material_cost: Number | UnsetType = UNSET
    part_sell_price: Number | UnsetType = UNSET
    parts_per_cycle: Annotated[int, Meta(ge=0, le=1000)] | UnsetType = UNSET
    setup_instructions: Text | UnsetType = UNSET
    teardown_instructions: Text | UnsetType = UNSET
    tags: list[Text] | UnsetType = UNSET
    time_per_cycle: Duration | UnsetType | None = UNSET
    """Minutes."""


class ProcessEvent(Event, frozen=True, kw_only=True):
    process_id: int

    @property
    def stream(self) -> str:
        return f"process-{self.process_id}"


class ProcessCreated(ProcessEvent, frozen=True, kw_only=True):
    """A user set up a process, or made a copy of another one."""

    machine_id: int
    fields: ProcessFields
    copied_from: int | None = None


class ProcessEdited(ProcessEvent, frozen=True, kw_only=True):
    """A user changed a process, or archived it."""

    fields: ProcessFields


class ProcessDeleted(ProcessEvent, frozen=True, kw_only=True):
    """A process was deleted, and its tool requirements with it. Its programs stay, without a process; its assemblies
    have left it before."""


# What they do


def process_created(shop: Shop, event: ProcessCreated) -> None:
    process = Process(id=event.process_id, machine_id=event.machine_id, name="")
    set_fields(process, event.fields)
    shop.processes[process.id] = process
    shop.machines[process.machine_id].process_ids.add(process.id)
    shop.last_ids["process"] = process.id
    shop.touched.processes.add(process.id)


def process_edited(shop: Shop, event: ProcessEdited) -> None:
    edit(shop.processes[event.process_id], event.fields)
    shop.touched.processes.add(event.process_id)


def process_deleted(shop: Shop, event: ProcessDeleted) -> None:
    process = shop.processes.pop(event.process_id)
    for program in programs_of(shop, process):
        program.process_id = None
        program.revision += 1
        shop.touched.programs.add(program.id)
    for requirement_id in process.requirement_ids:
        del shop.tool_requirements[requirement_id]
    machine = shop.machines[process.machine_id]
    machine.process_ids.discard(process.id)
    if machine.last_process_id == process.id:
        machine.last_process_id = None
    shop.touched.tool_requirements |= process.requirement_ids
    shop.touched.processes.add(process.id)


def programs_of(shop: Shop, process: Process) -> list[Program]:
    """In the order of their IDs. All of them are on the machine of the process."""
    found = (shop.programs[each] for each in shop.machines[process.machine_id].programs.values())
    return sorted((each for each in found if each.process_id == process.id), key=lambda each: each.id)


# Decisions


class CreateProcess(ProcessFields, kw_only=True, frozen=True):
    name: Name
    machine_id: Id


class EditProcess(Struct, kw_only=True, frozen=True):
    process_id: int
    fields: ProcessFields = field(default_factory=ProcessFields)


class ArchiveProcess(Struct, kw_only=True, frozen=True):
    process_id: int
    programs: bool = False
    """Its programs too."""


class DeleteProcess(Struct, kw_only=True, frozen=True):
    process_id: int


def create_process(shop: Shop, command: CreateProcess, now: float) -> list[Event]:
    """Sets up a process (`PUT /api/processes/`)."""
    if command.machine_id not in shop.machines:
        raise ReferenceMissing(f"there is no machine {command.machine_id}", "machine_id")
    fields = narrow(ProcessFields, command)
    _check(fields)
    return [
        ProcessCreated(occurred_at=now, process_id=next_process_id(shop), machine_id=command.machine_id, fields=fields)
    ]


def edit_process(shop: Shop, command: EditProcess, now: float) -> list[Event]:
    """Changes a process (`PATCH /api/processes/{id}`). Its machine never changes."""
    process = get_process(shop, command.process_id)
    _check(command.fields)
    changes = only_changes(command.fields, process)
    return [ProcessEdited(occurred_at=now, process_id=process.id, fields=changes)] if changes else []


def archive_process(shop: Shop, command: ArchiveProcess, now: float) -> Iterator[Event]:
    """Puts a process away (`POST /api/processes/{id}/archive`). It can still be loaded, and makes parts."""
    yield from edit_process(shop, EditProcess(process_id=command.process_id, fields=ProcessFields(archived=True)), now)
    if command.programs:
        for program in programs_of(shop, get_process(shop, command.process_id)):
            if not program.archived:
                yield ProgramEdited(occurred_at=now, program_id=program.id, fields=ProgramFields(archived=True))


def delete_process(shop: Shop, command: DeleteProcess, now: float) -> Iterator[Event]:
    """Deletes a process (`DELETE /api/processes/{id}`). Programs, assemblies and parts stay."""
    process = get_process(shop, command.process_id)
    for assembly_id in sorted(process.assembly_ids):
        yield move_assembly(shop.assemblies[assembly_id], None, now)
    yield ProcessDeleted(occurred_at=now, process_id=process.id)


def delete_processes_of(shop: Shop, machine_id: int, now: float) -> Iterator[Event]:
    for process_id in sorted(shop.machines[machine_id].process_ids):
        yield from delete_process(shop, DeleteProcess(process_id=process_id), now)


def get_process(shop: Shop, process_id: int) -> Process:
    process = shop.processes.get(process_id)
    if process is None:
        raise NotFound(f"there is no process {process_id}")
    return process


def next_process_id(shop: Shop) -> int:
    return shop.last_ids.get("process", 0) + 1


def _check(fields: ProcessFields) -> None:
    """What the types can't say: a comparison needs something to compare with."""
    for name, mapped in (fields.cv_map or {}).items():
        if not name.strip():
            raise Invalid("a variable in cv_map needs a name", "cv_map")
        if mapped.notify_comparison is not None and mapped.notify_value is None:
            raise Invalid(f"'{name}' has a notifyComparison, but no notifyValue", "cv_map")
