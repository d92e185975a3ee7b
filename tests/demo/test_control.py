"""The simulated control, by a clock that is only a number."""

from itertools import groupby, pairwise
from random import Random
from typing import NamedTuple

import pytest

from taktledger.demo.control import ACTIVE, LONGEST_CYCLE, SHORTEST_CYCLE, STOPPED, Control, Link
from taktledger.demo.machines import MACHINES
from taktledger.demo.specs import DIAMETER, PROGRAM_SELECT, MachineSpec

MACHINE = {machine.source_name: machine for machine in MACHINES}
HOURS = 3600.0


class Shown(NamedTuple):
    at: float
    total: int
    counter: int
    state: str
    process: str
    program: str
    tool: int
    alarm: str | None
    estopped: bool
    override: int
    diameter: float


def watch(machine: MachineSpec, seconds: float, seed: int = 7, counter: int = 0, every: float = 0.1) -> list[Shown]:
    control = Control(machine, Random(seed), counter=counter)
    seen = []
    for tick in range(int(seconds / every)):
        control.step(tick * every)
        alarm = control.alarm.code if control.alarm else None
        seen.append(
            Shown(
                tick * every,
                control.total,
                control.counter,
                control.cycle_state,
                control.process.name,
                control.program.filename,
                control.active_tool,
                alarm,
                control.estopped,
                control.feed_rate_override,
                control.variables[DIAMETER],
            )
        )
    return seen


def test_the_same_seed_makes_the_same_day() -> None:
    machine = MACHINE["mill-1"]
    assert watch(machine, 1200, seed=3) == watch(machine, 1200, seed=3)
    assert watch(machine, 1200, seed=3) != watch(machine, 1200, seed=4)


def test_how_often_it_is_stepped_changes_nothing() -> None:
    machine = MACHINE["lathe-1"]
    seldom = watch(machine, 600, every=5)
    often = {shown.at: shown for shown in watch(machine, 600, every=0.5)}
    assert seldom == [often[shown.at] for shown in seldom]


def test_while_it_is_held_its_time_stands_still() -> None:
    """A day with holds is the same day without them, only longer."""
    machine = MACHINE["lathe-1"]
    free, held = Control(machine, Random(5)), Control(machine, Random(5))
    now, states = 0.0, set()
    for second in range(2000):
        free.step(float(second))
        held.step(now)
        assert (held.counter, held.program, held.variables) == (free.counter, free.program, free.variables)
        assert held.cycle_state == free.cycle_state
        if second % 7 == 0:
            held.held = True
            for _ in range(second % 50):
                now += 1.0
                held.step(now)
                assert held.counter == free.counter
                assert held.cycle_state == ("FEED_HOLD" if free.cycle_state == ACTIVE else free.cycle_state)
                states.add(held.cycle_state)
            held.held = False
        now += 1.0
    assert free.total > 50
    assert states == {"STOPPED", "FEED_HOLD", "INTERRUPTED"}


def test_a_control_that_is_held_from_the_start_does_not_begin() -> None:
    control = Control(MACHINE["mill-1"], Random(5))
    control.held = True
    for second in range(600):
        control.step(float(second))
    assert (control.total, control.cycle_state) == (0, STOPPED)


@pytest.mark.parametrize("name", MACHINE)
def test_the_spindle_cuts_for_5_to_20_seconds(name: str) -> None:
    by_state = groupby(watch(MACHINE[name], 2 * HOURS), lambda each: each.state == STOPPED)
    runs = [list(run) for stopped, run in by_state if not stopped]
    finished = [len(run) * 0.1 for run in runs[:-1] if {each.state for each in run} == {ACTIVE}]
    assert len(finished) > 200
    assert min(finished) >= SHORTEST_CYCLE - 0.2
    assert max(finished) <= LONGEST_CYCLE + 0.2
    assert max(finished) > 1.1 * min(finished)


@pytest.mark.parametrize("name", MACHINE)
def test_a_shift_is_never_dull(name: str) -> None:
    machine = MACHINE[name]
    shown = watch(machine, 3 * HOURS)
    assert {each.program for each in shown} == {program.filename for program in machine.programs}
    tools = {tool for program in machine.programs for tool in program.tools}
    assert {each.tool for each in shown} == tools
    assert 12 <= len(tools) <= 20
    assert {each.state for each in shown} == {"STOPPED", "ACTIVE", "FEED_HOLD", "INTERRUPTED"}
    assert len({each.override for each in shown}) >= 3
    assert len({each.diameter for each in shown}) > 10
    assert any(each.alarm for each in shown)
    assert all(each.alarm == "9000" for each in shown if each.estopped)
    assert {each.process for each in shown} == {process.name for process in machine.processes}
    changes = [b.at for a, b in pairwise(shown) if a.process != b.process]
    assert all(120 < later - earlier < 1200 for earlier, later in pairwise(changes))


@pytest.mark.parametrize("name", MACHINE)
def test_a_tray_of_parts_goes_through_the_programs_of_its_process_in_turn(name: str) -> None:
    counted: dict[str, list[tuple[str, int]]] = {}
    shown = watch(MACHINE[name], 2 * HOURS)
    programs = [(b.process, a.program) for a, b in pairwise(shown) if b.total == a.total + 1]
    for (process, program), run in groupby(programs):
        counted.setdefault(process, []).append((program, len(list(run))))
    for process in MACHINE[name].processes:
        names = [program.filename for program in process.programs]
        runs = counted[process.name][:-1] if process.name == shown[-1].process else counted[process.name]
        if len(names) > 1:  # the tray at the end of a batch and the first of the next one are the same program's
            assert {names.index(b) - names.index(a) for (a, _), (b, _) in pairwise(runs)} <= {1, 1 - len(names)}
            assert all(length == process.tray for _, length in runs)
        assert all(length % process.tray == 0 for _, length in runs)


@pytest.mark.parametrize("name", MACHINE)
def test_warming_up_and_measuring_count_no_part(name: str) -> None:
    machine = MACHINE[name]
    shown = watch(machine, 2 * HOURS)
    counting = {program.filename for program in machine.programs if program.counts}
    assert {a.program for a, b in pairwise(shown) if b.total != a.total} == counting
    assert next(each.program for each in shown if each.state == ACTIVE) == machine.warm_up.filename
    loaded = [program for program, _ in groupby(each.program for each in shown)]
    for before, warm_up, after in zip(loaded, loaded[1:], loaded[2:], strict=False):
        if warm_up == machine.warm_up.filename:
            assert before == after
    assert loaded.count(machine.warm_up.filename) >= 2  # after a long stand, too


def test_a_variable_selects_the_program_of_the_lathe() -> None:
    machine = MACHINE["lathe-1"]
    control, seen = Control(machine, Random(7)), set()
    for tick in range(20_000):
        control.step(tick * 0.5)
        assert control.program_name == "O3000 MAIN"
        seen.add((control.program.filename, control.variables[PROGRAM_SELECT]))
    assert seen == {(program.filename, program.selected_by) for program in machine.programs}
    assert Control(MACHINE["mill-1"], Random(7)).program_name == "O1001 BRACKET"


def test_it_goes_on_with_the_process_that_was_set_up() -> None:
    assert Control(MACHINE["mill-1"], Random(7), process="Manifold").program.filename == "O1010 MANIFOLD OP10"
    assert Control(MACHINE["mill-1"], Random(7), process="renamed").process.name == "Bracket"


def test_a_part_is_measured_before_it_is_counted() -> None:
    for a, b in pairwise(watch(MACHINE["mill-5ax"], HOURS)):
        assert a.total == b.total or a.diameter == b.diameter


def test_the_counter_of_one_machine_is_reset_where_it_can_be_seen() -> None:
    shown = watch(MACHINE["lathe-1"], 2 * HOURS, counter=310)
    resets = [(a, b) for a, b in pairwise(shown) if b.counter < a.counter]
    assert all(b.counter == 0 and b.total == a.total and b.state == STOPPED for a, b in resets)
    assert all(600 < later[1].at - earlier[1].at < 2400 for earlier, later in pairwise(resets))
    assert len(resets) >= 3
    # The 0 stays for longer than twice the time between two readings of it.
    assert all(any(each.counter == 0 for each in shown if abs(each.at - b.at - 4) < 0.05) for _, b in resets)


def test_a_counter_of_16_bits_wraps() -> None:
    shown = watch(MACHINE["mill-2"], HOURS, counter=65_530)
    assert all((each.counter - 65_530) % 65_536 == each.total for each in shown)
    assert shown[-1].counter < 1000


def test_the_link_drops_every_few_minutes_for_some_seconds() -> None:
    link = Link(Random(7))
    changes = [(0.0, True)]
    for tick in range(20_000):
        link.step(tick * 0.5)
        if link.up != changes[-1][1]:
            changes.append((tick * 0.5, link.up))
    assert len(changes) > 50
    for (since, up), (until, _) in pairwise(changes):
        low, high = (120, 240) if up else (10, 20)
        assert low - 1 <= until - since <= high + 1
