"""The cycle detector: one machine's consecutive updates in, facts out.

A pure function of profile, state and update: no clock, no network, the same code at the edge and behind the endpoint.
Every fact carries the readings after it, so that what was detected can be folded from facts alone: a crash between any
two steps detects nothing twice and nothing differently.
"""

from collections.abc import Iterator
from typing import NamedTuple

from msgspec import UNSET, Struct, field
from msgspec.structs import replace

from taktledger.domain.controls import ControlChanges
from taktledger.domain.programs import NO_PROGRAM
from taktledger.domain.shop import Control, Counter
from taktledger.domain.values import set_fields
from taktledger.shopfloor import facts as f
from taktledger.shopfloor.enforcement import HoldState
from taktledger.shopfloor.profile import (
    PART_COUNT,
    Profile,
    counter_in_use,
    counting_variables,
    selected_program,
)
from taktledger.shopfloor.update import MachineUpdate

COUNTER_SIZES: dict[int | None, tuple[int, ...]] = {16: (2**16,), 32: (2**32,), None: (2**16, 2**32)}
"""Bits of a counter's register -> where it wraps. None: nobody said how large it is, so both are possible."""
BLIND_SECONDS = 60.0
"""A longer interval between two updates adds nothing to a tool's run time. A running cycle reports at this pace."""
VARIABLES_SECONDS = 10.0
"""A watched variable is reported at most this often."""


class RunTime(Struct, kw_only=True):
    """What may be lost in a crash behind the endpoint: a moment's run time, never a count."""

    seen_at: float | None = None
    """Time of the last update."""
    counted_at: dict[str, float] = field(default_factory=dict)
    """Counter -> time of the last update that read it."""
    running: bool = False
    tool_seconds: dict[int, float] = field(default_factory=dict)
    """Not reported yet."""
    measured_since: float | None = None
    tools_seen: list[int] = field(default_factory=list)
    """Since the last cycle."""
    variables: dict[int, float] = field(default_factory=dict)
    """The last reading of every variable; `Control.variables` is what was reported of it."""
    variable_reported_at: dict[int, float] = field(default_factory=dict)


class DetectorState(Struct, kw_only=True):
    control: Control = field(default_factory=Control)
    """Folded from facts."""
    run: RunTime = field(default_factory=RunTime)
    hold: HoldState = HoldState()
    """Goes along with it, and is none of its business."""
    mark: str | None = None
    """Of the adapter: where it goes on after a new connection. Goes along, too."""


class CountStep(NamedTuple):
    """What one counter's move means."""

    cycles: int
    gap: str | None
    counter: Counter


def count(before: Counter, reading: int, limit: int, sizes: tuple[int, ...], anew: bool = False) -> CountStep:
    """Says what it means that a counter now reads `reading`: the rules of counting, in one place.

    `anew`: it is known that it may have begun anew. Then a decrease is neither a glitch nor a wrap.
    """
    if anew and reading < before.value:
        return CountStep(0, "restart", Counter(reading))
    if not anew and before.before_reset is not None and 0 <= reading - before.before_reset <= limit:
        return CountStep(reading - before.before_reset, None, Counter(reading))  # the decrease was a glitch
    grown = reading - before.value
    if 0 <= grown <= limit:
        return CountStep(grown, None, Counter(reading))
    if grown > limit:
        return CountStep(1, "jump", Counter(reading))
    for size in sizes:
        if before.value < size and grown % size <= limit:
            return CountStep(grown % size, None, Counter(reading))  # it wrapped
    return CountStep(0, "restart", Counter(reading, before.value))


def detect(
    profile: Profile,
    state: DetectorState,
    update: MachineUpdate,
    at: float,
    counter_bits: int | None = None,
    lost: str | None = None,
) -> tuple[DetectorState, list[f.Fact]]:
    """Takes one update, made at `at`, into a new state, and says which facts it makes. `state` itself stays as it is.

    `at` never goes back between calls for one machine. `counter_bits` is the size of the register of `part_count`:
    16, 32, or None if nobody knows. `lost`: why nobody knows what was said since the update before.
    """
    if not update.success:
        return state, []
    control, run = _copy(state.control), _copy_run(state.run)
    new = DetectorState(control=control, run=run, hold=state.hold, mark=state.mark)
    run.variables.update(update.common_vars or {})
    found: list[f.Fact] = []
    if lost is not None:
        run.running = False  # who knows which tool was active
        found.extend(_reports_lost(profile, state, update, lost))
    _measure(run, control, update, at)
    found.extend(_count_all(profile, state, new, update, counter_bits, anew=lost == f.RESTART))
    run.counted_at.update((name, at) for name, _ in _readings(profile, update))
    if not any(isinstance(each, f.CyclesSeen) for each in found):
        found.extend(_run_time(run, at))
    else:
        run.measured_since = at
    found.extend(_program(profile, new, update))
    found.extend(_state(control, update))
    found.extend(_variables(profile, new, at))

    run.seen_at = at
    running_states = {name.casefold() for name in profile.running_states}
    run.running = (control.cycle_state or "").casefold() in running_states
    return new, found


def _copy(control: Control) -> Control:
    return replace(control, counters=dict(control.counters), variables=dict(control.variables))


def _copy_run(run: RunTime) -> RunTime:
    return replace(
        run,
        counted_at=dict(run.counted_at),
        tool_seconds=dict(run.tool_seconds),
        tools_seen=list(run.tools_seen),
        variables=dict(run.variables),
        variable_reported_at=dict(run.variable_reported_at),
    )


def _measure(run: RunTime, control: Control, update: MachineUpdate, at: float) -> None:
    """Adds the time since the update before to the tool that was active then, and notes which tools were used."""
    tool = control.active_tool
    if run.running and tool is not None and run.seen_at is not None:
        elapsed = at - run.seen_at
        if 0 < elapsed <= BLIND_SECONDS:
            if not run.tool_seconds:
                run.measured_since = run.seen_at
            run.tool_seconds[tool] = round(run.tool_seconds.get(tool, 0.0) + elapsed, 6)
    used = list(update.tools_seen or ())
    if update.active_tool is not None:
        used.append(update.active_tool)
    run.tools_seen.extend(tool for tool in dict.fromkeys(used) if tool not in run.tools_seen)


def _readings(profile: Profile, update: MachineUpdate) -> Iterator[tuple[str, int]]:
    """Every counter that this update reads. A variable that isn't a whole number counts nothing."""
    if update.part_count is not None:
        yield PART_COUNT, update.part_count
    for name in sorted(counting_variables(profile)):
        value = (update.common_vars or {}).get(int(name))
        if value is not None and value.is_integer() and 0 <= value < 2**32:
            yield name, int(value)


def _reports_lost(profile: Profile, before: DetectorState, update: MachineUpdate, why: str) -> Iterator[f.Fact]:
    known = {name: counter.value for name, counter in sorted(before.control.counters.items())}
    yield f.ReportsLost(gap_from=before.run.seen_at, why=why, before=known, after=dict(_readings(profile, update)))


def _count_all(
    profile: Profile,
    before: DetectorState,
    new: DetectorState,
    update: MachineUpdate,
    counter_bits: int | None,
    *,
    anew: bool,
) -> Iterator[f.Fact]:
    """Follows every counter. Only the one in use makes cycles: that of the program that was loaded before."""
    control = new.control
    in_use = counter_in_use(profile, control.program)
    first: f.Counters = {}
    idle: f.Counters = {}
    for name, reading in _readings(profile, update):
        last = control.counters.get(name)
        if last is None:
            first[name] = Counter(reading)
        elif last.value != reading:
            sizes = COUNTER_SIZES[counter_bits if name == PART_COUNT else 32]
            step = count(last, reading, profile.part_report_limit, sizes, anew)
            if name == in_use and (step.cycles or step.gap):
                yield from _cycles(profile, new, step, name)
                if step.gap:
                    yield f.GapSeen(
                        counter=name,
                        gap_from=before.run.counted_at.get(name),
                        from_reading=last.value,
                        to_reading=reading,
                        why=step.gap,
                        counters={name: step.counter},
                    )
                control.counters[name] = step.counter
            else:
                idle[name] = step.counter
    for kind, counters in ((f.BaselineSeen, first), (f.CountersSeen, idle)):
        if counters:
            control.counters.update(counters)
            yield kind(counters=counters)


def _cycles(profile: Profile, new: DetectorState, step: CountStep, counter: str) -> Iterator[f.Fact]:
    if step.cycles:
        run = new.run
        yield f.CyclesSeen(
            cycles=step.cycles,
            counters={counter: step.counter},
            program=new.control.program,
            tools_seen=run.tools_seen,
            tool_seconds=run.tool_seconds,
            variables={number: run.variables[number] for number in profile.variables if number in run.variables},
        )
        run.tools_seen, run.tool_seconds = [], {}


def _run_time(run: RunTime, at: float) -> Iterator[f.Fact]:
    if run.tool_seconds and run.measured_since is not None and not 0 <= at - run.measured_since < BLIND_SECONDS:
        yield f.RunTimeSeen(tool_seconds=run.tool_seconds)
        run.tool_seconds, run.measured_since = {}, at


def _program(profile: Profile, new: DetectorState, update: MachineUpdate) -> Iterator[f.Fact]:
    """The reported name is a fact also while a variable overrules it: what comes after a crash may need it."""
    control = new.control
    reported = control.program_name if update.program_name is None else update.program_name or NO_PROGRAM
    program = selected_program(profile, new.run.variables) or reported
    if program is not None and (program, reported or program) != (control.program, control.program_name):
        tools_seen: list[int] = []
        if control.program is not None:  # they were used with the program before
            tools_seen, new.run.tools_seen = new.run.tools_seen, []
        control.program, control.program_name = program, reported or program
        overruled = None if reported in (None, program) else reported
        yield f.ProgramSeen(program=program, program_name=overruled, tools_seen=tools_seen)


def _state(control: Control, update: MachineUpdate) -> Iterator[f.Fact]:
    changes = ControlChanges(
        **{
            name: value
            for name in ControlChanges.__struct_fields__
            if (value := getattr(update, name)) is not None and value != getattr(control, name)
        }
    )
    if any(getattr(changes, name) is not UNSET for name in changes.__struct_fields__):
        set_fields(control, changes)
        yield f.StateSeen(changes=changes)


def _variables(profile: Profile, new: DetectorState, at: float) -> Iterator[f.Fact]:
    """Watched variables that changed: each at most every ten seconds, those that count or select a program at once."""
    run, control = new.run, new.control
    at_once = {int(name) for name in counting_variables(profile)}
    if profile.program_cv is not None:
        at_once.add(profile.program_cv)
    changed = {}
    for number in sorted({*profile.variables, *at_once}):
        value = run.variables.get(number)
        if value is None or value == control.variables.get(number):
            continue
        since = at - run.variable_reported_at.get(number, float("-inf"))
        if number in at_once or not 0 <= since < VARIABLES_SECONDS:  # the clock may have been set back
            changed[number] = value
            run.variable_reported_at[number] = at
    if changed:
        control.variables.update(changed)
        yield f.VariablesSeen(variables=changed)
