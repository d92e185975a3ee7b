"""Parts: what finished cycles make, and the gaps where nobody can know (`docs/parts.md`)."""

from collections.abc import Iterator
from typing import Protocol

from msgspec import UNSET, Struct, UnsetType, field

from taktledger.domain.controls import MachineEvent, heard, note_tools_used, wear_tools
from taktledger.domain.errors import NotFound
from taktledger.domain.event import Event
from taktledger.domain.programs import ProgramLoaded, ensure_program
from taktledger.domain.shop import Counter, Shop
from taktledger.domain.values import Text, only_changes

# Events


class CycleFinished(MachineEvent, frozen=True, kw_only=True):
    """A program ran to its end: once, or several times since the control was last read. Each part it made is a Part."""

    program_id: int | None = None
    process_id: int | None = None
    program: str | None = None
    """The file name, as it was then."""
    cycles: int = 1
    parts: int = 1
    """Made by all these cycles together. Fixed here, so that editing the process doesn't change the past."""
    counters: dict[str, Counter] = {}
    """Readings after it."""
    tools_seen: list[int] = []
    """Locations used since the cycle before."""
    tool_seconds: dict[int, float] = {}
    """Location -> seconds that it was the active tool since this was last reported."""
    variables: dict[str, float] = {}
    """Values of the variables that the process's `cv_map` names, at the end of the cycle."""
    work_order: str = ""


class ProductionGapRecorded(MachineEvent, frozen=True, kw_only=True):
    """A counter moved in a way that says nothing certain about the parts made. They are not guessed."""

    counter: str
    gap_from: float | None
    """When the earlier reading was taken. UNIX seconds; null if nobody knows."""
    from_reading: int
    to_reading: int
    why: str
    """`jump`: more than the option `part_report_limit` at once. `restart`: counting went back. `new source`: the edge
    lost its memory."""
    counters: dict[str, Counter] = {}
    """Readings after it."""


class PartFields(Struct, kw_only=True, frozen=True, omit_defaults=True):
    """The fields of a part that a user may write."""

    notes: Text | UnsetType = UNSET
    scrapped: bool | UnsetType = UNSET
    reworked: bool | UnsetType = UNSET
    suspect: bool | UnsetType = UNSET


class PartEvent(Event, frozen=True, kw_only=True):
    part_id: int

    @property
    def stream(self) -> str:
        return f"part-{self.part_id}"


class PartEdited(PartEvent, frozen=True, kw_only=True):
    """A user said something about a part."""

    fields: PartFields
    editor_id: int


class LastCycle(Struct, kw_only=True, frozen=True):
    finished: float
    """UNIX seconds."""
    program_id: int | None


class PartDeleted(PartEvent, frozen=True, kw_only=True):
    """A user deleted a part: it counts nowhere, as if it had not been made."""

    machine_id: int
    program_id: int | None
    process_id: int | None
    finished: float
    program_last_cycle: LastCycle | None
    """Of the parts of its program that are left; null if there are none."""
    process_last_cycle: LastCycle | None
    """The same of its process."""


# What they do


def cycle_finished(shop: Shop, event: CycleFinished) -> None:
    machine = heard(shop, event)
    machine.control.counters.update(event.counters)
    shop.parts_made += event.parts
    finished = event.occurred_at
    program = shop.programs.get(event.program_id) if event.program_id else None
    if program is not None and (program.last_cycle is None or finished >= program.last_cycle):
        program.last_cycle = finished
        shop.touched.programs.add(program.id)
    process = shop.processes.get(event.process_id) if event.process_id else None
    if process is not None:
        if event.parts and (process.last_cycle is None or finished >= process.last_cycle):
            process.last_cycle = finished
            process.last_program_id = event.program_id
        note_tools_used(shop, process.id, event.tools_seen, finished)
        process.parts_made += event.parts
        wear_tools(shop, process, event.tool_seconds, finished)
        shop.touched.processes.add(process.id)  # also for its unused_tool_locations


def production_gap_recorded(shop: Shop, event: ProductionGapRecorded) -> None:
    heard(shop, event).control.counters.update(event.counters)


def part_edited(shop: Shop, event: PartEdited) -> None:
    """Parts are rows alone: the shop doesn't hold them."""


def part_deleted(shop: Shop, event: PartDeleted) -> None:
    shop.touched.worn.add(0)
    program = shop.programs.get(event.program_id) if event.program_id else None
    if program is not None and program.last_cycle == event.finished:
        program.last_cycle = event.program_last_cycle.finished if event.program_last_cycle else None
        shop.touched.programs.add(program.id)
    process = shop.processes.get(event.process_id) if event.process_id else None
    if process is not None:
        last = event.process_last_cycle
        process.last_cycle = last.finished if last else None
        process.last_program_id = last.program_id if last else None
        shop.touched.processes.add(process.id)


# Decisions


class PartRecord(Struct, kw_only=True):
    """A part, as the rows have it."""

    id: int
    revision: int
    machine_id: int
    program_id: int | None
    process_id: int | None
    finished: float
    notes: str
    scrapped: bool
    reworked: bool
    suspect: bool


class PartHistory(Protocol):
    """What the decisions about parts must know of the rows, those of the open transaction included."""

    def part(self, shop: Shop, part_id: int) -> PartRecord | None: ...

    def last_cycle_without(self, shop: Shop, part: PartRecord, of: str) -> LastCycle | None:
        """The last cycle of the part's program or process (`of`) if this part had not been made."""


class FinishCycles(Struct, kw_only=True, frozen=True):
    """What a control says about cycles that it finished."""

    machine_id: int
    program: str | None
    """File name."""
    cycles: int
    counters: dict[str, Counter]
    tools_seen: list[int]
    tool_seconds: dict[int, float]
    variables: dict[int, float]
    occurred_at: float
    reported_at: float | None


def finish_cycles(shop: Shop, command: FinishCycles, now: float) -> Iterator[Event]:
    """The control finished cycles of a program, which may not exist yet (or not any more)."""
    machine = shop.machines[command.machine_id]
    filename = command.program
    if filename is not None:
        yield from ensure_program(shop, machine, filename, command.occurred_at)
        if machine.control.program in (filename, None) and machine.loaded_program_id != machine.programs[filename]:
            # It was deleted or renamed while it was loaded, or the whole machine was: it is loaded all the same.
            yield ProgramLoaded(
                occurred_at=command.occurred_at,
                reported_at=command.reported_at,
                machine_id=machine.id,
                program_id=machine.programs[filename],
                program=filename,
                program_name=machine.control.program_name if machine.control.program_name != filename else None,
            )
    program_id = machine.programs[filename] if filename is not None else None
    process_id = shop.programs[program_id].process_id if program_id else None
    process = shop.processes[process_id] if process_id else None
    numbers = {name: mapped.number for name, mapped in process.cv_map.items()} if process else {}
    yield CycleFinished(
        occurred_at=command.occurred_at,
        reported_at=command.reported_at,
        machine_id=machine.id,
        program_id=program_id,
        process_id=process_id,
        program=filename,
        cycles=command.cycles,
        parts=command.cycles * (process.parts_per_cycle if process else 1),
        counters=command.counters,
        tools_seen=command.tools_seen,
        tool_seconds=command.tool_seconds,
        variables={name: command.variables[number] for name, number in numbers.items() if number in command.variables},
        work_order=machine.current_work_order,
    )


class EditPart(Struct, kw_only=True, frozen=True):
    part_id: int
    editor_id: int
    fields: PartFields = field(default_factory=PartFields)


class DeletePart(Struct, kw_only=True, frozen=True):
    part_id: int


def edit_part(shop: Shop, command: EditPart, now: float, *, history: PartHistory) -> list[Event]:
    """Says something about a part (`PATCH /api/parts/{id}`). What it counts for doesn't change."""
    changes = only_changes(command.fields, get_part(shop, command.part_id, history))
    if changes is None:
        return []
    return [PartEdited(occurred_at=now, part_id=command.part_id, fields=changes, editor_id=command.editor_id)]


def delete_part(shop: Shop, command: DeletePart, now: float, *, history: PartHistory) -> list[Event]:
    """Takes a part out of every count (`DELETE /api/parts/{id}`)."""
    part = get_part(shop, command.part_id, history)
    return [
        PartDeleted(
            occurred_at=now,
            part_id=part.id,
            machine_id=part.machine_id,
            program_id=part.program_id,
            process_id=part.process_id,
            finished=part.finished,
            program_last_cycle=history.last_cycle_without(shop, part, "program"),
            process_last_cycle=history.last_cycle_without(shop, part, "process"),
        )
    ]


def get_part(shop: Shop, part_id: int, history: PartHistory) -> PartRecord:
    part = history.part(shop, part_id)
    if part is None:
        raise NotFound(f"there is no part {part_id}")
    return part
