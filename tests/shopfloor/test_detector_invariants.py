"""What holds for any sequence of readings. The oracle is written from the document, and shares no code."""

from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from shopfloor.readings import BY_CV, COUNTING_CV, PROGRAM_CV, SELECTED, SELECTED_VALUE, Said, encoded, scripts
from taktledger.domain.shop import Control
from taktledger.shopfloor import facts as f
from taktledger.shopfloor.detector import DetectorState, RunTime, detect
from taktledger.shopfloor.profile import Profile, ProgramProfile

REPEATABLE = settings(deadline=None, derandomize=True, database=None)
LIMITS = st.sampled_from([1, 3, 100])
BITS = st.sampled_from([16, 32])


def a_profile(limit: int) -> Profile:
    return Profile(
        part_report_limit=limit,
        program_cv=PROGRAM_CV,
        programs={
            BY_CV: ProgramProfile(counter=str(COUNTING_CV)),
            SELECTED: ProgramProfile(counter=str(COUNTING_CV), load_by_var_value=SELECTED_VALUE),
        },
        variables=[7],
    )


class Oracle:
    """What the document says of a script: cycles as (program, how many), gaps as (counter, from, to, why)."""

    def __init__(self, limit: int, bits: int) -> None:
        self.limit = limit
        self.sizes = {"part_count": 2**bits, str(COUNTING_CV): 2**32}
        self.last: dict[str, int] = {}
        self.old: dict[str, int] = {}
        """The reading before a decrease, until the very next change."""
        self.name: str | None = None
        self.selector: int | None = None
        self.program: str | None = None
        self.cycles: list[tuple[str | None, int]] = []
        self.gaps: list[tuple[str, int, int, str]] = []

    def hears(self, said: Said) -> None:
        if not said.success:
            return
        in_use = str(COUNTING_CV) if self.program in (BY_CV, SELECTED) else "part_count"
        for counter, reading in (("part_count", said.part_count), (str(COUNTING_CV), said.counting_cv)):
            if reading is None:
                continue
            cycles, why = self.reads(counter, reading)
            if counter == in_use and cycles:
                self.cycles.append((self.program, cycles))
            if counter == in_use and why:
                self.gaps.append((counter, self.before, reading, why))
        self.loads(said)

    def reads(self, counter: str, reading: int) -> tuple[int, str | None]:
        """How many cycles this reading finished, and why it is a gap, if it is one."""
        self.before = self.last.setdefault(counter, reading)
        if reading == self.before:
            return 0, None
        self.last[counter] = reading
        old = self.old.pop(counter, None)
        if old is not None and old <= reading <= old + self.limit:
            return reading - old, None
        if reading > self.before:
            grown = reading - self.before
            return (grown, None) if grown <= self.limit else (1, "jump")
        wrapped = self.sizes[counter] - self.before + reading
        if wrapped <= self.limit:
            return wrapped, None
        self.old[counter] = self.before
        return 0, "restart"

    def loads(self, said: Said) -> None:
        if said.name is not None:
            self.name = said.name
        if said.selector is not None:
            self.selector = said.selector
        if self.selector == SELECTED_VALUE:
            self.program = SELECTED
        elif self.name is not None:
            self.program = self.name or "(No Program)"


class Detecting:
    """The detector over a script, and what it found, in the oracle's terms."""

    def __init__(self, limit: int, bits: int) -> None:
        self.profile, self.bits, self.now = a_profile(limit), bits, 0.0
        self.state = DetectorState()
        self.facts: list[f.Fact] = []

    def hears(self, said: Said) -> list[f.Fact]:
        self.now += said.after
        self.state, found = detect(self.profile, self.state, said.update(), self.now, self.bits)
        self.facts += found
        return found

    @property
    def cycles(self) -> list[tuple[str | None, int]]:
        return [(fact.program, fact.cycles) for fact in self.facts if isinstance(fact, f.CyclesSeen)]

    @property
    def gaps(self) -> list[tuple[str, int, int, str]]:
        return [
            (fact.counter, fact.from_reading, fact.to_reading, fact.why)
            for fact in self.facts
            if isinstance(fact, f.GapSeen)
        ]


def folded(facts: list[f.Fact]) -> Control:
    """The state that facts alone make. Written here anew."""
    control = Control()
    for fact in facts:
        said: Any = fact
        if isinstance(fact, f.BaselineSeen | f.CountersSeen | f.CyclesSeen | f.GapSeen):
            control.counters = {**control.counters, **said.counters}
        elif isinstance(fact, f.ProgramSeen):
            control.program = said.program
            control.program_name = said.program if said.program_name is None else said.program_name
        elif isinstance(fact, f.VariablesSeen):
            control.variables = {**control.variables, **said.variables}
        elif isinstance(fact, f.StateSeen):
            for name in ("cycle_state", "active_tool", "estopped", "feed_rate_override", "alarms"):
                value = getattr(said.changes, name)
                if isinstance(value, str | int | float | list):
                    setattr(control, name, value)
    return control


@settings(REPEATABLE, max_examples=300)
@given(st.data(), LIMITS, BITS)
def test_cycles_and_gaps_are_those_of_the_document(data: st.DataObject, limit: int, bits: int) -> None:
    """For any sequence of readings with resets, wraps, glitches, missing readings and repeats."""
    detecting, oracle = Detecting(limit, bits), Oracle(limit, bits)
    for said in data.draw(scripts(limit, 2**bits)):
        detecting.hears(said)
        oracle.hears(said)
        assert detecting.cycles == oracle.cycles
        assert detecting.gaps == oracle.gaps
    assert detecting.state.control.program == oracle.program
    assert {name: counter.value for name, counter in detecting.state.control.counters.items()} == oracle.last


@settings(REPEATABLE, max_examples=150)
@given(st.data(), LIMITS, BITS)
def test_the_state_is_folded_from_facts(data: st.DataObject, limit: int, bits: int) -> None:
    """Every fact carries the reading after it, so the state can be folded from facts."""
    detecting = Detecting(limit, bits)
    for said in data.draw(scripts(limit, 2**bits)):
        detecting.hears(said)
        assert detecting.state.control == folded(detecting.facts)


@settings(REPEATABLE, max_examples=300)
@given(st.data(), LIMITS, BITS)
def test_a_crash_between_any_two_updates_changes_no_count(data: st.DataObject, limit: int, bits: int) -> None:
    """So a crash at any moment detects nothing twice and nothing differently: here the control always says its program
    and its selecting variable, and everything that is not folded from facts is lost."""
    steady, crashing = Detecting(limit, bits), Detecting(limit, bits)
    for said in data.draw(scripts(limit, 2**bits, complete=True)):
        steady.hears(said)
        crashing.hears(said)
        if data.draw(st.booleans()):
            crashing.state = DetectorState(control=folded(crashing.facts), run=RunTime())
        assert (crashing.cycles, crashing.gaps) == (steady.cycles, steady.gaps)


@settings(REPEATABLE, max_examples=200, phases=[Phase.generate])  # the smallest case is the last test
@given(st.data(), LIMITS, BITS)
def test_a_crash_changes_no_count_when_the_control_says_only_some_of_it(
    data: st.DataObject, limit: int, bits: int
) -> None:
    """Omitted is "unknown", so an update need not say its program: a crash may lose the last update's time and two
    minutes of run time, never a count. (What was reported of the variables is known again, as behind the endpoint.)"""
    steady, crashing = Detecting(limit, bits), Detecting(limit, bits)
    for said in data.draw(scripts(limit, 2**bits)):
        steady.hears(said)
        crashing.hears(said)
        if data.draw(st.booleans()):
            control = folded(crashing.facts)
            crashing.state = DetectorState(control=control, run=RunTime(variables=dict(control.variables)))
        assert (crashing.cycles, crashing.gaps) == (steady.cycles, steady.gaps)


@settings(REPEATABLE, max_examples=100)
@given(st.data(), LIMITS)
def test_detect_leaves_its_arguments_as_they_are(data: st.DataObject, limit: int) -> None:
    """It is a pure function (profile, state, update) -> (state, facts): the same again gives the same again."""
    detecting = Detecting(limit, 32)
    for said in data.draw(scripts(limit, 2**32)):
        state, update = detecting.state, said.update()
        before = encoded(detecting.profile, state, update, detecting.facts)
        earlier = list(detecting.facts)
        found = detecting.hears(said)
        assert encoded(detecting.profile, state, update, earlier) == before
        assert detect(detecting.profile, state, update, detecting.now, 32) == (detecting.state, found)


@settings(REPEATABLE, max_examples=100)
@given(st.data(), LIMITS)
def test_an_update_that_is_repeated_says_nothing_new(data: st.DataObject, limit: int) -> None:
    """What is a fact: what changed. The same update once more, at the same time, makes no fact."""
    detecting = Detecting(limit, 32)
    for said in data.draw(scripts(limit, 2**32)):
        detecting.hears(said)
        assert detecting.hears(said._replace(after=0.0)) == []


@settings(REPEATABLE, max_examples=150)
@given(st.data(), LIMITS)
def test_running_time_is_neither_lost_nor_counted_twice(data: st.DataObject, limit: int) -> None:
    """The time that a location was the active tool while the control reports a running state; an interval longer than
    60 s adds nothing. What is reported and what waits to be is all of it."""
    detecting, expected = Detecting(limit, 32), dict[int, float]()
    tool, running, seen_at, now = None, False, None, 0.0
    for said in data.draw(scripts(limit, 2**32)):
        now += said.after
        detecting.hears(said)
        if not said.success:
            continue
        if running and tool is not None and seen_at is not None and now - seen_at <= 60:
            expected[tool] = expected.get(tool, 0.0) + now - seen_at
        tool = tool if said.tool is None else said.tool
        running = running if said.state is None else said.state == "ACTIVE"
        seen_at = now
        reported = dict(detecting.state.run.tool_seconds)
        for fact in detecting.facts:
            for location, seconds in getattr(fact, "tool_seconds", {}).items():
                reported[location] = reported.get(location, 0.0) + seconds
        assert reported == pytest.approx({key: value for key, value in expected.items() if value})


def test_a_crash_forgets_the_program_name_that_the_variable_had_overruled() -> None:
    """The smallest case of a crash that changes a count, while the control doesn't repeat its program's name: the
    variable selects SELECTED, then no program any more, so that O1 is loaded; O1 counts by `part_count`."""
    quiet = Said(1.0, True, None, None, None, None, None, None, None)
    steady, crashing = Detecting(100, 32), Detecting(100, 32)
    for detecting in (steady, crashing):
        detecting.hears(quiet._replace(name="O1", selector=SELECTED_VALUE, part_count=5))
        if detecting is crashing:
            control = folded(detecting.facts)
            detecting.state = DetectorState(control=control, run=RunTime(variables=dict(control.variables)))
        detecting.hears(quiet._replace(selector=0))
        detecting.hears(quiet._replace(part_count=6))
    assert steady.cycles == [("O1", 1)]
    assert crashing.cycles == steady.cycles
