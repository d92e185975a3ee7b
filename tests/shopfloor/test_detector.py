"""The cycle detector, sentence by sentence: "Machines and what they report"."""

from typing import Any, Self

import msgspec
import pytest

from taktledger.domain.controls import ControlChanges
from taktledger.domain.processes import ProcessFields
from taktledger.domain.shop import ControlAlarm, Counter
from taktledger.shopfloor import facts as f
from taktledger.shopfloor.detector import DetectorState, detect
from taktledger.shopfloor.profile import Profile, ProgramProfile
from taktledger.shopfloor.update import MachineUpdate

BY_VARIABLE = Profile(programs={"BY500": ProgramProfile(counter="500")})
"""The process of BY500 has a `part_count_cv`."""
SELECTED = Profile(
    program_cv=100,
    programs={"O2": ProgramProfile(load_by_var_value=2), "O3": ProgramProfile(load_by_var_value=3, counter="500")},
)


class Control:
    """One machine's control: what it says, second by second, and what the detector makes of it."""

    def __init__(self, profile: Profile | None = None, counter_bits: int = 32) -> None:
        self.profile = profile or Profile()
        self.counter_bits = counter_bits
        self.state = DetectorState()
        self.now = 0.0
        self.found: list[f.Fact] = []
        """Of the last update."""

    def says(self, *, after: float = 1.0, lost: str | None = None, **readings: Any) -> Self:
        self.now += after
        update = MachineUpdate(**readings)
        self.state, self.found = detect(self.profile, self.state, update, self.now, self.counter_bits, lost)
        return self

    def counts(self, *readings: int) -> Self:
        for reading in readings:
            self.says(part_count=reading)
        return self

    @property
    def cycles(self) -> list[tuple[str | None, int]]:
        return [(fact.program, fact.cycles) for fact in self.found if isinstance(fact, f.CyclesSeen)]

    @property
    def gaps(self) -> list[tuple[int, int]]:
        return [(fact.from_reading, fact.to_reading) for fact in self.found if isinstance(fact, f.GapSeen)]

    def seen(self, kind: type[Any]) -> list[Any]:
        return [fact for fact in self.found if isinstance(fact, kind)]


# Counting


def test_the_first_reading_is_a_baseline_and_a_fact_too() -> None:
    """The first reading is a baseline, and a fact too."""
    control = Control().counts(41)
    assert control.found == [f.BaselineSeen(counters={"part_count": Counter(41)})]


def test_one_more_is_one_cycle() -> None:
    """A control says "part count 41 -> 42": the detector makes that one fact, *cycle finished*."""
    control = Control().counts(41, 42)
    assert control.found == [f.CyclesSeen(cycles=1, counters={"part_count": Counter(42)})]


def test_the_same_count_is_nothing() -> None:
    """What is a fact: what changed."""
    assert Control().counts(41, 41).found == []


@pytest.mark.parametrize("grown", [2, 99, 100])
def test_a_count_that_grows_by_k_up_to_the_limit_is_k_cycles(grown: int) -> None:
    """`part_count` that grows by k, at most `part_report_limit` (default 100): k cycles finished."""
    control = Control().counts(7, 7 + grown)
    assert (control.cycles, control.gaps) == ([(None, grown)], [])


def test_more_than_the_limit_at_once_is_one_cycle_and_a_gap() -> None:
    """More than the limit at once: one cycle is recorded, and a gap that says what was seen."""
    control = Control().counts(7, 108)
    assert (control.cycles, control.gaps) == ([(None, 1)], [(7, 108)])
    control.counts(109)
    assert (control.cycles, control.gaps) == ([(None, 1)], []), "counting goes on from the new reading"


@pytest.mark.parametrize(("grown", "cycles", "gaps"), [(3, 3, []), (4, 1, [(10, 14)])])
def test_the_limit_is_an_option(grown: int, cycles: int, gaps: list[tuple[int, int]]) -> None:
    control = Control(Profile(part_report_limit=3)).counts(10, 10 + grown)
    assert (control.cycles, control.gaps) == ([(None, cycles)], gaps)


@pytest.mark.parametrize("bits", [16, 32])
@pytest.mark.parametrize("grown", [1, 5, 100])
def test_it_wraps_at_the_size_of_its_register(bits: int, grown: int) -> None:
    """2^16 or 2^32: a decrease is a wrap when (new - old) mod size is at most the limit."""
    control = Control(counter_bits=bits).counts(2**bits - 1, grown - 1)
    assert (control.cycles, control.gaps) == ([(None, grown)], [])
    assert control.counts(grown).cycles == [(None, 1)]


@pytest.mark.parametrize("bits", [16, 32])
def test_a_decrease_that_would_be_a_wrap_of_more_than_the_limit_is_none(bits: int) -> None:
    control = Control(counter_bits=bits).counts(2**bits - 1, 100)
    assert (control.cycles, control.gaps) == ([], [(2**bits - 1, 100)])


def test_a_small_register_does_not_wrap_where_a_large_one_does() -> None:
    """The size of *its* register."""
    assert Control(counter_bits=32).counts(2**16 - 1, 0).cycles == []


def test_any_other_decrease_counts_nothing_and_records_a_gap_at_once() -> None:
    """Nothing is counted for that report. A gap is recorded at once, with both readings."""
    control = Control().counts(500, 3)
    assert (control.cycles, control.gaps) == ([], [(500, 3)])


def test_counting_goes_on_at_the_next_increase() -> None:
    """The value is the new base, counting goes on at the next increase."""
    control = Control().counts(500, 3, 3)
    assert control.found == []
    assert control.counts(5).cycles == [(None, 2)]


@pytest.mark.parametrize("back", [500, 501, 600])
def test_a_decrease_that_comes_back_was_a_glitch(back: int) -> None:
    """If the very next change comes back to old..old + limit, the decrease was a glitch: it counts from old."""
    control = Control().counts(500, 0, back)
    assert (control.cycles, control.gaps) == ([(None, back - 500)] if back > 500 else [], [])
    assert control.counts(back + 1).cycles == [(None, 1)]


def test_a_repeated_reading_is_no_change() -> None:
    """The very next *change* decides."""
    assert Control().counts(500, 0, 0, 0, 502).cycles == [(None, 2)]


@pytest.mark.parametrize("back", [499, 601])
def test_a_decrease_that_comes_back_elsewhere_was_none(back: int) -> None:
    """Only old..old + limit: anything else is an increase from the new base, here by more than the limit."""
    control = Control().counts(500, 0, back)
    assert (control.cycles, control.gaps) == ([(None, 1)], [(0, back)])


def test_only_the_very_next_change_can_come_back() -> None:
    control = Control().counts(500, 0, 1, 501)
    assert (control.cycles, control.gaps) == ([(None, 1)], [(1, 501)])


def test_each_decrease_is_a_gap() -> None:
    control = Control().counts(500, 30)
    assert control.gaps == [(500, 30)]
    assert control.counts(2).gaps == [(30, 2)]
    assert control.counts(31).cycles == [(None, 1)], "the second decrease was the glitch: it counts from 30"


def test_a_gap_says_from_when_to_when_and_why() -> None:
    """A gap is a fact (`ProductionGapRecorded`: from, to, readings, why)."""
    control = Control().says(part_count=500).says(part_count=500, after=7).says(part_count=3, after=5)
    (gap,) = control.seen(f.GapSeen)
    assert (gap.gap_from, gap.counter, gap.why) == (8.0, "part_count", "restart")
    (jump,) = control.says(part_count=903).seen(f.GapSeen)
    assert (jump.gap_from, jump.why) == (13.0, "jump")


def test_every_fact_carries_the_reading_after_it() -> None:
    """Every fact carries the reading after it, so the state can be folded from facts."""
    control = Control().counts(500, 600)
    assert [fact.counters["part_count"].value for fact in control.seen(f.CyclesSeen)] == [600]
    (gap,) = control.counts(3).seen(f.GapSeen)
    assert gap.counters["part_count"].value == 3


# Which counter


def test_a_process_may_count_by_a_variable() -> None:
    """A process's `part_count_cv` replaces `part_count` while one of its programs is loaded."""
    control = Control(BY_VARIABLE).says(program_name="BY500", part_count=5, common_vars={500: 70.0})
    assert control.says(part_count=6, common_vars={500: 70.0}).cycles == []
    assert control.says(part_count=6, common_vars={500: 72.0}).cycles == [("BY500", 2)]


def test_a_counter_that_is_not_in_use_makes_neither_cycles_nor_gaps() -> None:
    """Only the one in use makes cycles."""
    control = Control(BY_VARIABLE).says(program_name="O1", part_count=5, common_vars={500: 70.0})
    for value in (71.0, 900.0, 2.0):
        control.says(part_count=5, common_vars={500: value})
        assert (control.cycles, control.gaps) == ([], [])


def test_every_counter_is_always_followed() -> None:
    """Every counter's last value is always followed: a switch of the counter counts from where it stood."""
    control = Control(BY_VARIABLE).says(program_name="O1", part_count=5, common_vars={500: 70.0})
    control.says(part_count=5, common_vars={500: 90.0})
    assert control.seen(f.CountersSeen) == [f.CountersSeen(counters={"500": Counter(90)})]
    control.says(program_name="BY500", part_count=5, common_vars={500: 90.0})
    assert control.says(part_count=9, common_vars={500: 91.0}).cycles == [("BY500", 1)]
    control.says(program_name="O1", part_count=9, common_vars={500: 91.0})
    assert control.says(part_count=10, common_vars={500: 91.0}).cycles == [("O1", 1)]


def test_the_cycles_of_an_update_with_a_new_program_belong_to_the_one_before() -> None:
    """An update that brings a new program and a higher count: the cycles belong to the program before."""
    control = Control().says(program_name="O1", part_count=5).says(program_name="O2", part_count=7)
    assert control.cycles == [("O1", 2)]
    assert control.seen(f.ProgramSeen) == [f.ProgramSeen(program="O2")]
    assert control.says(part_count=8).cycles == [("O2", 1)]


def test_the_counter_of_the_program_before_counts_in_an_update_with_a_new_program() -> None:
    control = Control(BY_VARIABLE).says(program_name="O1", part_count=5, common_vars={500: 70.0})
    assert control.says(program_name="BY500", part_count=6, common_vars={500: 73.0}).cycles == [("O1", 1)]
    assert control.says(program_name="O1", part_count=9, common_vars={500: 74.0}).cycles == [("BY500", 1)]


# Programs


def test_a_program_is_a_fact_when_it_changed() -> None:
    control = Control().says(program_name="O1")
    assert control.found == [f.ProgramSeen(program="O1")]
    assert control.says(program_name="O1").found == []
    assert control.says().found == [], "omitted is unknown"


def test_an_empty_name_is_no_program() -> None:
    """`program_name` (`""` is "(No Program)")."""
    assert Control().says(program_name="").found == [f.ProgramSeen(program="(No Program)")]


def test_the_variable_selects_the_program_whatever_the_name_says() -> None:
    """A program whose `load_by_var_value` equals the machine's `program_cv` variable is the loaded one, whatever the
    name says."""
    control = Control(SELECTED).says(program_name="MAIN", common_vars={100: 2.0})
    assert control.seen(f.ProgramSeen) == [f.ProgramSeen(program="O2", program_name="MAIN")]
    other = f.ProgramSeen(program="O2", program_name="OTHER")
    assert control.says(program_name="OTHER", common_vars={100: 2.0}).seen(f.ProgramSeen) == [other]
    third = f.ProgramSeen(program="O3", program_name="OTHER")
    assert control.says(common_vars={100: 3.0}).seen(f.ProgramSeen) == [third]


def test_a_value_of_no_program_leaves_the_word_to_the_name() -> None:
    control = Control(SELECTED).says(program_name="MAIN", common_vars={100: 9.0})
    assert control.seen(f.ProgramSeen) == [f.ProgramSeen(program="MAIN")]
    control.says(common_vars={100: 2.0})
    assert control.says(common_vars={100: 0.0}).seen(f.ProgramSeen) == [f.ProgramSeen(program="MAIN")]


def test_a_variable_that_is_not_read_is_unknown_and_selects_as_before() -> None:
    """Omitted or null is "unknown", never "none" or 0."""
    control = Control(SELECTED).says(program_name="MAIN", common_vars={100: 2.0})
    assert control.says(program_name="MAIN").seen(f.ProgramSeen) == []


# State


def test_a_state_is_a_fact_when_it_changed() -> None:
    """A state, program, alarm, active tool or override that **changed**."""
    alarm = ControlAlarm(alarm_code="E1", timestamp=1.0)
    said = {"cycle_state": "ACTIVE", "estopped": False, "feed_rate_override": 90.0, "active_tool": 5, "alarms": [alarm]}
    control = Control().says(**said)
    assert control.found == [f.StateSeen(changes=ControlChanges(**said))]
    assert control.says(**said).found == []
    for name, value in {
        "cycle_state": "STOPPED",
        "estopped": True,
        "feed_rate_override": 0.0,
        "active_tool": 6,
    }.items():
        assert control.says(**said | {name: value}).found == [f.StateSeen(changes=ControlChanges(**{name: value}))]
        control.says(**said)


def test_no_alarms_are_none_and_unknown_alarms_are_as_before() -> None:
    """`[]` = none. Omitted or null is "unknown", never "none"."""
    control = Control().says(alarms=[ControlAlarm(alarm_type="coolant")])
    assert control.says().found == []
    assert control.says(alarms=None).found == []
    assert control.says(alarms=[]).found == [f.StateSeen(changes=ControlChanges(alarms=[]))]


def test_unknown_is_never_none_or_zero() -> None:
    """An update that says nothing changes nothing of what is known."""
    control = Control(Profile(variables=[7]))
    control.says(part_count=5, program_name="O1", cycle_state="ACTIVE", active_tool=3, common_vars={7: 1.0})
    known = control.state.control
    assert control.says().found == []
    assert control.state.control == known


def test_a_control_that_did_not_answer_changes_nothing() -> None:
    """`success` false: the control did not answer, last contact stays."""
    control = Control().says(part_count=5, program_name="O1")
    before = control.state
    control.says(success=False, part_count=9, program_name="O2", cycle_state="ACTIVE", common_vars={7: 1.0})
    assert (control.found, control.state) == ([], before)
    assert control.says(part_count=6).cycles == [("O1", 1)]


# Variables


def test_watched_variables_are_facts_on_change() -> None:
    """Watched variables (those that the profile names) on change."""
    control = Control(Profile(variables=[7])).says(common_vars={7: 1.5, 8: 2.0})
    assert control.found == [f.VariablesSeen(variables={7: 1.5})]
    assert control.says(common_vars={7: 1.5, 8: 3.0}, after=20).found == []


def test_watched_variables_are_reported_every_ten_seconds_at_most() -> None:
    """... at most every 10 s: and the last value is never lost."""
    control = Control(Profile(variables=[7])).says(common_vars={7: 1.0})
    assert control.says(common_vars={7: 2.0}, after=4).found == []
    assert control.says(common_vars={7: 3.0}, after=5.9).found == []
    assert control.says(after=0.1).found == [f.VariablesSeen(variables={7: 3.0})]
    assert control.says(common_vars={7: 4.0}, after=9.9).found == []
    assert control.says(common_vars={7: 3.0}, after=9.9).found == [], "back to what was reported"


def test_each_variable_has_ten_seconds_of_its_own() -> None:
    control = Control(Profile(variables=[7, 8])).says(common_vars={7: 1.0})
    assert control.says(common_vars={8: 1.0}).found == [f.VariablesSeen(variables={8: 1.0})]


def test_counters_and_program_cv_are_reported_at_once() -> None:
    """... (counters and `program_cv` at once)."""
    control = Control(SELECTED).says(common_vars={100: 1.0, 500: 5.0})
    for value in (2.0, 3.0, 4.0):
        control.says(common_vars={100: value, 500: 5.0 + value}, after=0.5)
        assert control.seen(f.VariablesSeen) == [f.VariablesSeen(variables={100: value, 500: 5.0 + value})]


def test_a_cycle_has_the_variables_of_its_end() -> None:
    """Part: `variables {name: number}`: as they are read with the cycle, also within the ten seconds."""
    control = Control(Profile(variables=[7])).says(part_count=1, common_vars={7: 1.0, 8: 1.0})
    (cycle,) = control.says(part_count=2, common_vars={7: 2.0, 8: 2.0}).seen(f.CyclesSeen)
    assert cycle.variables == {7: 2.0}


# Tools


def test_the_tools_of_a_cycle_are_those_since_the_one_before() -> None:
    """`tools_seen` (locations used since the last update), and the active tool."""
    control = Control().says(part_count=1, tools_seen=[9]).says(part_count=2)
    control.says(tools_seen=[1, 2]).says(active_tool=3)
    (cycle,) = control.says(part_count=3, tools_seen=[2, 4]).seen(f.CyclesSeen)
    assert sorted(cycle.tools_seen) == [1, 2, 3, 4]
    (cycle,) = control.says(part_count=4, tools_seen=[5]).seen(f.CyclesSeen)
    assert 5 in cycle.tools_seen
    assert not {1, 2, 4} & set(cycle.tools_seen)


def test_running_time_adds_to_the_active_tool_and_is_reported_with_the_cycle() -> None:
    """The time that a location was the active tool adds to its runtime; it is reported with the cycle."""
    control = Control().says(part_count=1, cycle_state="ACTIVE", active_tool=5)
    control.says(after=20).says(active_tool=6, after=5).says(after=8)
    (cycle,) = control.says(part_count=2, after=2).seen(f.CyclesSeen)
    assert cycle.tool_seconds == {5: 25.0, 6: 10.0}
    (cycle,) = control.says(part_count=3, after=4).seen(f.CyclesSeen)
    assert cycle.tool_seconds == {6: 4.0}, "nothing is reported twice"


def test_only_a_running_control_adds_to_the_runtime() -> None:
    """... while the control reports a running state."""
    control = Control().says(part_count=1, cycle_state="STOPPED", active_tool=5)
    control.says(cycle_state="ACTIVE", after=10).says(cycle_state="FEED_HOLD", after=7).says(after=30)
    (cycle,) = control.says(part_count=2).seen(f.CyclesSeen)
    assert cycle.tool_seconds == {5: 7.0}


@pytest.mark.parametrize(
    "state", ["ACTIVE", "STARTED", "RUNNING", "Printing", "active", "Started", "rUNNING", "PRINTING"]
)
def test_running_states_by_default_in_any_case(state: str) -> None:
    """Running states by default: `ACTIVE`, `STARTED`, `RUNNING`, `Printing`, in any case."""
    control = Control().says(part_count=1, cycle_state=state, active_tool=5)
    (cycle,) = control.says(part_count=2, after=3).seen(f.CyclesSeen)
    assert cycle.tool_seconds == {5: 3.0}


@pytest.mark.parametrize("state", ["FEED_HOLD", "HOLD", "Paused", "INTERRUPTED", "OPTIONAL_STOP", "READY", ""])
def test_other_states_are_not_running(state: str) -> None:
    control = Control().says(part_count=1, cycle_state=state, active_tool=5)
    (cycle,) = control.says(part_count=2, after=3).seen(f.CyclesSeen)
    assert cycle.tool_seconds == {}


def test_running_states_are_configurable_in_any_case() -> None:
    """Configurable per machine."""
    for state, seconds in (("cutting", {5: 3.0}), ("ACTIVE", {})):
        control = Control(Profile(running_states=["Cutting"])).says(part_count=1, cycle_state=state, active_tool=5)
        (cycle,) = control.says(part_count=2, after=3).seen(f.CyclesSeen)
        assert cycle.tool_seconds == seconds


@pytest.mark.parametrize(("interval", "seconds"), [(60.0, {5: 60.0}), (60.5, {}), (3600.0, {})])
def test_an_interval_longer_than_a_minute_adds_nothing(interval: float, seconds: dict[int, float]) -> None:
    """An interval longer than 60 s between two updates adds nothing."""
    control = Control().says(part_count=1, cycle_state="ACTIVE", active_tool=5)
    (cycle,) = control.says(part_count=2, after=interval).seen(f.CyclesSeen)
    assert cycle.tool_seconds == seconds


def test_a_longer_cycle_reports_its_running_time_every_minute() -> None:
    """It is reported with the cycle, and every 60 s in a longer one."""
    control = Control().says(part_count=1, cycle_state="ACTIVE", active_tool=5)
    reported = {}
    for _ in range(16):
        for fact in control.says(after=10).seen(f.RunTimeSeen):
            reported[control.now] = fact.tool_seconds
    assert reported == {61.0: {5: 60.0}, 121.0: {5: 60.0}}
    (cycle,) = control.says(part_count=2, after=10).seen(f.CyclesSeen)
    assert cycle.tool_seconds == {5: 50.0}


def test_a_short_cycle_reports_its_running_time_with_the_cycle_alone() -> None:
    control = Control().says(part_count=1, cycle_state="ACTIVE", active_tool=5)
    for count in range(2, 12):
        assert control.says(after=20).found == []
        assert control.says(part_count=count, after=20).seen(f.RunTimeSeen) == []


# What nobody heard


def test_what_was_lost_is_a_fact_with_the_readings_before_and_after() -> None:
    control = Control(BY_VARIABLE).says(part_count=5, common_vars={500: 7.0}, program_name="BY500")
    control.says(lost="overrun", part_count=9, common_vars={500: 8.0}, after=30)
    assert control.found[0] == f.ReportsLost(
        gap_from=1.0, why="overrun", before={"500": 7, "part_count": 5}, after={"500": 8, "part_count": 9}
    )
    assert control.cycles == [("BY500", 1)]  # counted as always


def test_what_was_lost_before_anything_was_heard_has_no_beginning() -> None:
    assert Control().says(lost="damaged", part_count=5).found == [
        f.ReportsLost(gap_from=None, why="damaged", after={"part_count": 5}),
        f.BaselineSeen(counters={"part_count": Counter(5)}),
    ]


def test_a_gap_begins_where_the_counter_was_read_last() -> None:
    """Updates that don't read it say nothing of what was made meanwhile."""
    control = Control().counts(72).says(cycle_state="ACTIVE", after=60).says(after=60).says(part_count=2)
    assert [(gap.gap_from, gap.from_reading, gap.to_reading) for gap in control.seen(f.GapSeen)] == [(1.0, 72, 2)]


@pytest.mark.parametrize("anew", [4, 0])
def test_a_counter_that_is_known_to_have_begun_anew_was_no_glitch(anew: int) -> None:
    control = Control().counts(5).says(lost="restart", part_count=anew)
    assert control.gaps == [(5, anew)]
    made = 0
    for reading in range(anew + 1, 9):
        made += sum(fact.cycles for fact in control.counts(reading).seen(f.CyclesSeen))
    assert made == 8 - anew


def test_a_counter_that_is_known_to_have_begun_anew_did_not_wrap() -> None:
    control = Control(counter_bits=16).counts(65_530).says(lost="restart", part_count=10)
    assert (control.cycles, control.gaps) == ([], [(65_530, 10)])


def test_an_overrun_leaves_the_counter_as_it_is() -> None:
    assert Control(counter_bits=16).counts(65_530).says(lost="overrun", part_count=4).cycles == [(None, 10)]


def test_no_run_time_is_taken_from_a_time_of_which_nothing_is_known() -> None:
    control = Control().says(cycle_state="ACTIVE", active_tool=3, part_count=1)
    control.says(lost="restart", after=20).says(part_count=2, after=10)
    assert [fact.tool_seconds for fact in control.seen(f.CyclesSeen)] == [{3: 10.0}]


def test_a_counter_that_began_anew_meanwhile_makes_no_part_too_many() -> None:
    """5 parts, then 12 since the restart: 7 are certain, and the gap says that nobody knows more."""
    control = Control().counts(5).says(lost="restart", part_count=12)
    assert [fact.cycles for fact in control.seen(f.CyclesSeen)] == [7]
    assert control.seen(f.ReportsLost)[0].before == {"part_count": 5}


# Facts on the wire


LONG = "O" * 501
ODD_UPDATES: list[dict[str, Any]] = [
    {"part_count": 2**32 - 2, "active_tool": 0, "tools_seen": [0, -1]},
    {"program_name": "", "cycle_state": "", "alarms": []},
    {"program_name": "name with\nlines and \u00e4"},
    {"program_name": LONG},
    {"cycle_state": LONG},
    {"common_vars": {"7": 1e300, "8": -0.0, "500": 2.5}},
]


@pytest.mark.parametrize("said", ODD_UPDATES, ids=lambda said: "-".join(said) + f"-{len(str(said))}")
def test_every_fact_of_an_accepted_update_can_be_sent(said: dict[str, Any]) -> None:
    """Machine events arrive late, possibly twice, never silently lost: what was accepted must be accepted as a fact."""
    try:
        update = msgspec.convert(said, MachineUpdate, str_keys=True)
    except msgspec.ValidationError:
        return  # refused at once, and nobody counts on it
    state, found = detect(Profile(variables=[7, 8]), DetectorState(), update, 1.0)
    again = msgspec.structs.replace(update, part_count=(update.part_count or 0) + 1)
    _, more = detect(Profile(variables=[7, 8]), state, again, 2.0)
    for fact in [*found, *more]:
        assert msgspec.json.decode(msgspec.json.encode(fact), type=f.Fact) == fact


@pytest.mark.parametrize("name", sorted(set(MachineUpdate.__struct_fields__) - {"success"}))
def test_null_is_unknown_in_an_update(name: str) -> None:
    """Omitted or null is "unknown"."""
    update = msgspec.json.decode(msgspec.json.encode({name: None}), type=MachineUpdate)
    assert detect(Profile(), DetectorState(), update, 1.0)[1] == []


@pytest.mark.parametrize("body", [{"part_count": -1}, {"part_count": 2**32}, {"part_count": 1.5}])
def test_a_part_count_is_a_uint32(body: dict[str, Any]) -> None:
    """`part_count` (uint32)."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(body, MachineUpdate)


@pytest.mark.parametrize("number", [0, 500, 10**10, -5])
def test_every_counter_that_a_process_may_name_can_be_sent(number: int) -> None:
    """`part_count_cv`: the number of a variable. What a process may name is a counter like any other."""
    try:
        msgspec.convert({"part_count_cv": number}, ProcessFields)
    except msgspec.ValidationError:
        return
    profile = Profile(programs={"O1": ProgramProfile(counter=str(number))})
    _, found = detect(profile, DetectorState(), MachineUpdate(common_vars={number: 5.0}), 1.0)
    for fact in found:
        assert msgspec.json.decode(msgspec.json.encode(fact), type=f.Fact) == fact
