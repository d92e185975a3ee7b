"""Parts: what finished cycles make, and the gaps where nobody can know (`docs/parts.md`)."""

from collections.abc import Iterator

from msgspec import Struct

from taktledger.domain.event import Event
from taktledger.domain.machines import MachineEvent, heard
from taktledger.domain.programs import ProgramLoaded, ensure_program
from taktledger.domain.shop import Counter, Shop

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
    if process is not None and event.parts and (process.last_cycle is None or finished >= process.last_cycle):
        process.last_cycle = finished
        process.last_program_id = event.program_id
        shop.touched.processes.add(process.id)


def production_gap_recorded(shop: Shop, event: ProductionGapRecorded) -> None:
    heard(shop, event).control.counters.update(event.counters)


# Decisions


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
