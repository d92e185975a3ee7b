"""Parts: what cycles make, and gaps."""

from typing import Any

import msgspec
import pytest

from given import NOON, Given, a_machine, a_process, a_program
from taktledger.domain.alerts import AlertRaised
from taktledger.domain.changeover import ProcessSwitched
from taktledger.domain.event import Event
from taktledger.domain.machines import EditMachine, MachineFields, edit_machine
from taktledger.domain.parts import CycleFinished, FinishCycles, ProductionGapRecorded, finish_cycles
from taktledger.domain.processes import CreateProcess, create_process
from taktledger.domain.programs import (
    CreateProgram,
    EditProgram,
    ProgramCreated,
    ProgramFields,
    ProgramLoaded,
    create_program,
    edit_program,
)
from taktledger.domain.shop import Counter, Shop


def finished(program: str | None = "O1", cycles: int = 1, **more: Any) -> FinishCycles:
    said = {"counters": {}, "tools_seen": [], "tool_seconds": {}, "variables": {}, "reported_at": None} | more
    return FinishCycles(**{"machine_id": 1, "program": program, "cycles": cycles, "occurred_at": NOON} | said)


def test_a_cycle_of_a_program_without_a_process_makes_one_part() -> None:
    """A cycle makes `parts_per_cycle` parts (a program without a process: 1)."""
    given = Given(a_machine(), a_program()).when(finish_cycles, finished(counters={"part_count": Counter(42)}))
    counters = {"part_count": Counter(42)}
    cycle = CycleFinished(occurred_at=NOON, machine_id=1, program_id=1, program="O1", counters=counters)
    given.then(ProgramLoaded, cycle)
    assert given.shop.parts_made == 1
    assert given.shop.machines[1].control.counters == counters


def test_cycles_make_parts_per_cycle_parts_each() -> None:
    """A cycle makes `parts_per_cycle` parts, each a Part of its own; the event holds the number."""
    given = Given(a_machine(), a_process(parts_per_cycle=3), a_program(process_id=1))
    given.when(finish_cycles, finished(cycles=2))
    given.then(
        ProgramLoaded,
        ProcessSwitched,
        CycleFinished(occurred_at=NOON, machine_id=1, program_id=1, process_id=1, program="O1", cycles=2, parts=6),
    )
    assert given.shop.parts_made == 6


def test_parts_per_cycle_is_one_by_default() -> None:
    """process, default 1."""
    given = Given(a_machine(), a_process(), a_program(process_id=1)).when(finish_cycles, finished(cycles=4))
    assert given.shop.parts_made == 4


def test_the_process_is_the_one_that_stands_when_the_cycle_arrives() -> None:
    """... except program, process and `parts_per_cycle`, which are those that stand when it arrives."""
    given = Given(
        a_machine(), a_process(1, parts_per_cycle=2), a_process(2, parts_per_cycle=5), a_program(process_id=1)
    )
    given.when(finish_cycles, finished())
    given.when(edit_program, EditProgram(program_id=1, fields=ProgramFields(process_id=2)))
    assert given.shop.parts_made == 2, "a later change of the process doesn't change the past"
    given.when(finish_cycles, finished(occurred_at=NOON - 9))
    assert given.shop.parts_made == 7


def test_a_cycle_of_a_name_that_was_not_reported_before_creates_its_program() -> None:
    """A program name that this machine hasn't reported before creates a program."""
    given = Given(a_machine(), a_program()).when(finish_cycles, finished("O2"))
    given.then(ProgramCreated, ProgramLoaded, CycleFinished)
    assert given.shop.programs[2].filename == "O2"
    assert given.events[2] == msgspec.structs.replace(given.events[2], program_id=2, program="O2")


def test_a_cycle_of_a_machine_that_never_said_its_program() -> None:
    """A machine need not say its program: unknown is never "none"."""
    given = Given(a_machine()).when(finish_cycles, finished(None, cycles=2))
    given.then(CycleFinished(occurred_at=NOON, machine_id=1, cycles=2, parts=2))
    assert (given.shop.programs, given.shop.parts_made) == ({}, 2)


def test_a_part_has_the_work_order_of_its_machine() -> None:
    """Part: `work_order`; machine: `current_work_order`."""
    given = Given(a_machine(), a_program())
    given.when(edit_machine, EditMachine(machine_id=1, fields=MachineFields(current_work_order="WO-7")))
    given.when(finish_cycles, finished())
    cycle = CycleFinished(occurred_at=NOON, machine_id=1, program_id=1, program="O1", work_order="WO-7")
    given.then(ProgramLoaded, cycle)


def test_a_part_has_the_variables_that_the_process_names() -> None:
    """Part: `variables {name: number}`; `cv_map` maps friendly names to common variable numbers."""
    cv_map = {"Serial number": {"number": 5}, "Diameter": {"number": 6}, "Never read": {"number": 7}}
    given = Given(a_machine(), a_process(cv_map=cv_map), a_program(process_id=1))
    given.when(finish_cycles, finished(variables={5: 1001.0, 6: 12.5, 8: 3.0}))
    *_, event = given.events
    assert isinstance(event, CycleFinished)
    assert event.variables == {"Serial number": 1001.0, "Diameter": 12.5}


@pytest.mark.parametrize("entry", [{}, {"number": None}, {"number": "5"}, {"number": [5]}, {"number": {"a": 1}}])
def test_no_cycle_is_refused_for_what_a_cv_map_says(entry: dict[str, object]) -> None:
    """Machine events are never silently lost: a `cv_map` is refused when it is written (400), or it does no harm."""
    body = {"name": "Flange", "machine_id": 1, "cv_map": {"Serial": entry}}
    try:
        command = msgspec.convert(body, CreateProcess)
    except msgspec.ValidationError:
        return
    given = Given(a_machine()).when(create_process, command)
    given.when(create_program, CreateProgram(filename="O1", machine_id=1, process_id=1))
    given.when(finish_cycles, finished(variables={5: 1.0})).then(CycleFinished)
    assert given.shop.parts_made == 1


def test_last_cycle_of_a_process() -> None:
    """`last_cycle` is `{finished, program_id}` of the process's last part, or null. Late ones are not the last."""
    given = Given(a_machine(), a_process(), a_program(1, process_id=1), a_program(2, "O2", process_id=1))
    given.when(finish_cycles, finished("O1", occurred_at=NOON))
    given.when(finish_cycles, finished("O2", occurred_at=NOON + 60))
    given.when(finish_cycles, finished("O1", occurred_at=NOON + 30))
    process = given.shop.processes[1]
    assert (process.last_cycle, process.last_program_id) == (NOON + 60, 2)


def test_a_part_id_is_never_given_twice() -> None:
    """IDs are given in order from 1: k cycles take k x parts_per_cycle of them."""
    given = Given(a_machine(), a_process(parts_per_cycle=2), a_program(process_id=1))
    taken: list[int] = []
    for cycles in (1, 3, 2):
        before = given.shop.parts_made
        given.when(finish_cycles, finished(cycles=cycles))
        taken += range(before + 1, given.shop.parts_made + 1)
    assert taken == list(range(1, 13))


def test_a_gap_is_a_fact_and_counts_nothing() -> None:
    """A gap is a fact (from, to, readings, why). Counts are never guessed."""

    def record(shop: Shop, gap: Event, now: float) -> list[Event]:
        return [gap]

    gap = ProductionGapRecorded(
        occurred_at=NOON,
        machine_id=1,
        counter="part_count",
        gap_from=NOON - 30,
        from_reading=900,
        to_reading=3,
        why="restart",
        counters={"part_count": Counter(3, 900)},
    )
    given = Given(a_machine()).when(record, gap).then(gap, AlertRaised)
    assert given.shop.parts_made == 0
    assert given.shop.machines[1].control.counters["part_count"].value == 3
