"""Programs: one program file on one machine (`docs/programs.md`)."""

from collections.abc import Iterator

from msgspec import UNSET, Struct, UnsetType, field

from taktledger.domain.controls import MachineEvent, heard, note_tools_used
from taktledger.domain.errors import Conflict, NotFound, ReferenceMissing
from taktledger.domain.event import Event
from taktledger.domain.shop import Machine, Program, Shop
from taktledger.domain.values import Id, Int, Name, Text, edit, narrow, only_changes, set_fields

NO_PROGRAM = "(No Program)"
"""The file name that stands for an empty one."""

# Events


class ProgramFields(Struct, kw_only=True, frozen=True, omit_defaults=True):
    """The fields of a program that a user may write."""

    filename: Name | UnsetType = UNSET
    custom_name: Text | UnsetType = UNSET
    description: Text | UnsetType = UNSET
    archived: bool | UnsetType = UNSET
    load_by_var_value: Int | UnsetType | None = UNSET
    process_id: Id | UnsetType | None = UNSET


class ProgramEvent(Event, frozen=True, kw_only=True):
    program_id: int

    @property
    def stream(self) -> str:
        return f"program-{self.program_id}"


class ProgramCreated(ProgramEvent, frozen=True, kw_only=True):
    """A program was set up, by a user or because a control reported its name for the first time."""

    machine_id: int
    fields: ProgramFields


class ProgramEdited(ProgramEvent, frozen=True, kw_only=True):
    """A user changed a program, or moved it to another process."""

    fields: ProgramFields


class ProgramDeleted(ProgramEvent, frozen=True, kw_only=True):
    """A program was deleted. Its parts stay."""


class ProgramLoaded(MachineEvent, frozen=True, kw_only=True):
    """Another program is the loaded one on a machine."""

    program_id: int
    program: str
    """The file name that the control reported, or that its variable selected."""
    program_name: str | None = None
    """The one that was reported, where the variable selected another."""
    tools_seen: list[int] = []
    """Locations used since the last cycle, with the program before."""


# What they do


def program_created(shop: Shop, event: ProgramCreated) -> None:
    program = Program(id=event.program_id, machine_id=event.machine_id, filename="")
    set_fields(program, event.fields)
    shop.programs[program.id] = program
    shop.machines[event.machine_id].programs[program.filename] = program.id
    shop.last_ids["program"] = program.id
    shop.touched.programs.add(program.id)


def program_edited(shop: Shop, event: ProgramEdited) -> None:
    program = shop.programs[event.program_id]
    machine = shop.machines[program.machine_id]
    del machine.programs[program.filename]
    edit(program, event.fields)
    machine.programs[program.filename] = program.id
    shop.touched.programs.add(program.id)


def program_deleted(shop: Shop, event: ProgramDeleted) -> None:
    program = shop.programs.pop(event.program_id)
    machine = shop.machines[program.machine_id]
    del machine.programs[program.filename]
    if machine.loaded_program_id == program.id:
        _load(shop, machine, None)
    for process_id in machine.process_ids:
        if shop.processes[process_id].last_program_id == program.id:  # which reads null now
            shop.touched.processes.add(process_id)
    shop.touched.programs.add(program.id)


def program_loaded(shop: Shop, event: ProgramLoaded) -> None:
    machine = heard(shop, event)
    note_tools_used(shop, machine.loaded_process_id, event.tools_seen, event.occurred_at)
    machine.control.program = event.program
    machine.control.program_name = event.program_name or event.program
    _load(shop, machine, event.program_id)


def _load(shop: Shop, machine: Machine, program_id: int | None) -> None:
    """The process follows: `changeover.py` sees to it."""
    shop.touched.programs |= {each for each in (machine.loaded_program_id, program_id) if each is not None}
    machine.loaded_program_id = program_id
    shop.touched.machines.add(machine.id)


# Decisions


class CreateProgram(ProgramFields, kw_only=True, frozen=True):
    filename: Name
    machine_id: Id


class EditProgram(Struct, kw_only=True, frozen=True):
    program_id: int
    fields: ProgramFields = field(default_factory=ProgramFields)


class DeleteProgram(Struct, kw_only=True, frozen=True):
    program_id: int


def create_program(shop: Shop, command: CreateProgram, now: float) -> list[Event]:
    """Sets up a program by hand (`PUT /api/programs/`)."""
    machine = shop.machines.get(command.machine_id)
    if machine is None:
        raise ReferenceMissing(f"there is no machine {command.machine_id}", "machine_id")
    _check_filename(machine, command.filename)
    _check_process(shop, machine.id, command.process_id)
    fields = narrow(ProgramFields, command)
    return [
        ProgramCreated(occurred_at=now, program_id=next_program_id(shop), machine_id=machine.id, fields=fields),
    ]


def edit_program(shop: Shop, command: EditProgram, now: float) -> list[Event]:
    """Changes a program (`PATCH /api/programs/{id}`). Its machine never changes."""
    program = get_program(shop, command.program_id)
    changes = only_changes(command.fields, program)
    if changes is None:
        return []
    if changes.filename is not UNSET:
        _check_filename(shop.machines[program.machine_id], changes.filename)
    _check_process(shop, program.machine_id, changes.process_id)
    return [ProgramEdited(occurred_at=now, program_id=program.id, fields=changes)]


def delete_program(shop: Shop, command: DeleteProgram, now: float) -> list[Event]:
    program = get_program(shop, command.program_id)
    return [ProgramDeleted(occurred_at=now, program_id=program.id)]


def ensure_program(shop: Shop, machine: Machine, filename: str, at: float) -> Iterator[Event]:
    """A file name that this machine has no program for makes one."""
    if filename not in machine.programs:
        yield ProgramCreated(
            occurred_at=at,
            program_id=next_program_id(shop),
            machine_id=machine.id,
            fields=ProgramFields(filename=filename),
        )


class SelectProgram(Struct, kw_only=True, frozen=True):
    """What a control says about the program that it has loaded."""

    machine_id: int
    program: str
    """File name."""
    program_name: str | None
    """The one that was reported, where a variable selected another."""
    occurred_at: float
    reported_at: float | None
    tools_seen: list[int] = []


def select_program(shop: Shop, command: SelectProgram, now: float) -> Iterator[Event]:
    """The control has this program loaded now."""
    machine = shop.machines[command.machine_id]
    yield from ensure_program(shop, machine, command.program, command.occurred_at)
    yield ProgramLoaded(
        occurred_at=command.occurred_at,
        reported_at=command.reported_at,
        machine_id=machine.id,
        program_id=machine.programs[command.program],
        program=command.program,
        program_name=command.program_name,
        tools_seen=command.tools_seen,
    )


def get_program(shop: Shop, program_id: int) -> Program:
    program = shop.programs.get(program_id)
    if program is None:
        raise NotFound(f"there is no program {program_id}")
    return program


def next_program_id(shop: Shop) -> int:
    return shop.last_ids.get("program", 0) + 1


def _check_filename(machine: Machine, filename: str) -> None:
    if filename in machine.programs:
        raise Conflict(f"machine {machine.id} already has a program '{filename}'", "filename")


def _check_process(shop: Shop, machine_id: int, process_id: int | UnsetType | None) -> None:
    if process_id is None or process_id is UNSET:
        return
    process = shop.processes.get(process_id)
    if process is None:
        raise ReferenceMissing(f"there is no process {process_id}", "process_id")
    if process.machine_id != machine_id:
        raise Conflict(f"process {process_id} belongs to another machine", "process_id")
