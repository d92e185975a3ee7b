"""Holds at the edge: when a machine is held, and what the ledger hears of it."""

from typing import Any, NamedTuple, Self

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taktledger.shopfloor import enforcement as e
from taktledger.shopfloor.detector import DetectorState, detect
from taktledger.shopfloor.enforcement import NO_OUTPUT, REPEAT_SECONDS, RESET, HoldState, is_held
from taktledger.shopfloor.facts import Fact, HoldOutputFailed, HoldOutputWritten
from taktledger.shopfloor.profile import HoldTime, Profile
from taktledger.shopfloor.update import MachineUpdate

REPEATABLE = settings(deadline=None, derandomize=True, database=None)
HELD, RELEASED = HoldOutputWritten(held=True), HoldOutputWritten(held=False)


def not_held(error: str) -> HoldOutputFailed:
    return HoldOutputFailed(held=True, error=error)


def not_released(error: str) -> HoldOutputFailed:
    return HoldOutputFailed(held=False, error=error)


class Told:
    """One machine, and what the ledger was told of it."""

    def __init__(self) -> None:
        self.state = HoldState()
        self.now = 1000.0
        self.facts: list[Fact] = []

    def then(self, step: Any, held: bool, *more: Any, after: float = 1.0, **named: Any) -> Self:
        self.now += after
        self.state, facts = step(self.state, held, *more, self.now, **named)
        self.facts += facts
        return self

    def reads(self, held: bool, after: float = 1.0) -> Self:
        return self.then(e.confirmed, held, written=False, after=after)

    def writes(self, held: bool, after: float = 1.0) -> Self:
        return self.then(e.confirmed, held, written=True, after=after)

    def fails(self, held: bool, error: str = "no", after: float = 1.0) -> Self:
        return self.then(e.failed, held, error, after=after)

    def away(self, held: bool, error: str = "away") -> Self:
        return self.then(e.out_of_reach, held, error)

    def outputless(self, held: bool) -> Self:
        return self.then(e.without_output, held)


@pytest.mark.parametrize(
    ("holds", "at", "held"),
    [
        ([], 10.0, False),
        ([HoldTime(10.0, 20.0)], 9.999, False),
        ([HoldTime(10.0, 20.0)], 10.0, True),
        ([HoldTime(10.0, 20.0)], 19.999, True),
        ([HoldTime(10.0, 20.0)], 20.0, False),
        ([HoldTime(10.0)], 9.999, False),
        ([HoldTime(10.0)], 1e11, True),
        ([HoldTime(10.0, 20.0), HoldTime(20.0, 30.0)], 20.0, True),
        ([HoldTime(10.0, 20.0), HoldTime(30.0)], 25.0, False),
    ],
)
def test_a_hold_is_in_force_from_its_start_until_before_its_end(holds: list[HoldTime], at: float, held: bool) -> None:
    assert is_held(Profile(holds=holds), at) is held


def test_a_machine_that_was_never_held_tells_nothing() -> None:
    assert Told().reads(False).reads(False).facts == []


def test_what_was_written_is_told_once() -> None:
    assert Told().reads(False).writes(True).reads(True).reads(True).writes(False).reads(False).facts == [HELD, RELEASED]


def test_an_output_that_was_on_before_is_told_too() -> None:
    assert Told().reads(True).facts == [HELD]
    assert Told().writes(False).facts == [RELEASED]


def test_an_output_that_the_control_has_lost_is_told_again() -> None:
    assert Told().writes(True).reads(True, after=REPEAT_SECONDS).writes(True).facts == [HELD, HELD]


def test_a_control_that_keeps_resetting_its_output_is_not_held() -> None:
    """That is told once, until the output stays as it was written."""
    told = Told()
    for _ in range(101):
        told.writes(True, after=0.5)
    assert told.facts == [HELD, not_held(RESET)]
    assert told.reads(True, after=0.5).facts[2:] == [HELD]


def test_nor_does_that_hold_up_other_news() -> None:
    told = Told()
    for _ in range(101):
        told.writes(True, after=0.5)
    assert told.writes(False, after=0.5).facts[2:] == [RELEASED]


def test_an_output_that_is_lost_now_and_then_is_no_failure() -> None:
    told = Told()
    for _ in range(30):
        told.writes(True, after=20.0).writes(True).reads(True)
    assert told.facts == 30 * [HELD]


def test_a_clock_that_was_set_back_silences_nobody() -> None:
    assert Told().writes(True).writes(True, after=-500.0).facts == [HELD, HELD]


def test_a_failure_is_told_once_until_it_works_again() -> None:
    told = Told().fails(True, "a").fails(True, "b").writes(True)
    assert told.facts == [not_held("a"), HELD]
    assert told.fails(True, "c", after=REPEAT_SECONDS).reads(True).facts[2:] == [not_held("c"), HELD]


def test_a_failure_is_told_once_until_something_else_is_wanted() -> None:
    told = Told().fails(True).fails(False).fails(False).fails(True)
    assert told.facts == [not_held("no"), not_released("no"), not_held("no")]


def test_a_failure_is_over_when_nothing_is_wanted_any_more_and_the_output_is_off() -> None:
    assert Told().reads(False).fails(True).reads(False).reads(False).facts == [not_held("no"), RELEASED]


def test_an_output_that_works_now_and_then_does_not_flood_the_ledger() -> None:
    told = Told()
    for _ in range(100):
        told.writes(True, after=0.5).fails(True, after=0.5)
    assert 2 <= len(told.facts) <= 2 * 100 / REPEAT_SECONDS


def test_a_failure_to_release_is_told_at_once_however_short_the_hold_was() -> None:
    assert Told().writes(True).fails(False, after=0.5).facts == [HELD, not_released("no")]


def test_what_was_confirmed_before_a_failure_silences_nobody() -> None:
    told = Told().writes(True).fails(False).fails(True)
    assert told.facts == [HELD, not_released("no"), not_held("no")]


def test_a_machine_out_of_reach_is_no_failure_while_it_is_as_it_should_be() -> None:
    assert Told().away(False).facts == []
    assert Told().writes(True).away(True).facts == [HELD]


def test_a_hold_that_begins_or_ends_without_the_machine_is_a_failure() -> None:
    assert Told().away(True).away(True).writes(True).facts == [not_held("away"), HELD]
    assert Told().writes(True).away(False).away(False).writes(False).facts == [HELD, not_released("away"), RELEASED]


def test_a_hold_that_passes_without_the_machine_is_over_when_it_is_back() -> None:
    assert Told().away(True).away(False).reads(False).facts == [not_held("away"), RELEASED]


def test_each_hold_that_a_machine_out_of_reach_misses_is_told() -> None:
    assert Told().away(True).away(False).away(True).facts == 2 * [not_held("away")]


def test_a_link_that_comes_and_goes_tells_a_failure_once() -> None:
    told = Told().writes(True).fails(True, after=REPEAT_SECONDS).away(True).fails(True).away(True).fails(True)
    assert told.facts == [HELD, not_held("no")]


def test_a_machine_without_output_tells_of_each_hold_once() -> None:
    told = Told().outputless(False).outputless(True).outputless(True).outputless(False).outputless(True)
    assert told.facts == 2 * [not_held(NO_OUTPUT)]


def test_the_state_goes_along_with_the_detectors() -> None:
    state = DetectorState(hold=HoldState(held=True, told_at=5.0))
    assert detect(Profile(), state, MachineUpdate(part_count=4), 6.0)[0].hold == HoldState(held=True, told_at=5.0)
    assert msgspec.json.decode(msgspec.json.encode(state), type=DetectorState) == state


def test_a_state_of_before_there_were_holds_is_read() -> None:
    assert msgspec.json.decode(b'{"control":{},"run":{}}', type=DetectorState).hold == HoldState()


class Moment(NamedTuple):
    """One poll of a machine that has a hold output."""

    after: float
    wanted: bool
    reached: bool
    works: bool
    """Whether it takes what is written."""
    reset: bool
    """Whether its output went off by itself."""


moments = st.builds(
    Moment,
    st.sampled_from([0.1, 1.0, 4.0, REPEAT_SECONDS, 60.0]),
    st.booleans(),
    *(st.sampled_from([True] * 4 + [False]),) * 2,
    st.sampled_from([False] * 4 + [True]),
)


class Machine:
    """The plainest machine there can be. It says what is true of it at each poll, and what the ledger hears."""

    def __init__(self) -> None:
        self.output = False
        self.state = HoldState()
        self.now = 1000.0

    def lives(self, moment: Moment) -> tuple[str, list[Fact]]:
        self.now += moment.after
        self.output = self.output and not moment.reset
        wrong = self.output is not moment.wanted
        if not moment.reached:
            self.state, facts = e.out_of_reach(self.state, moment.wanted, "away", self.now)
            return "away", facts
        if wrong and not moment.works:
            self.state, facts = e.failed(self.state, moment.wanted, "no", self.now)
            return "failed", facts
        self.output = moment.wanted
        self.state, facts = e.confirmed(self.state, moment.wanted, self.now, written=wrong)
        return "written" if wrong else "read", facts


@settings(REPEATABLE, max_examples=500)
@given(st.lists(moments, max_size=40))
def test_what_the_ledger_heard_last_is_the_truth(script: list[Moment]) -> None:
    machine, last, told_at = Machine(), None, float("-inf")
    for moment in script:
        what, facts = machine.lives(moment)
        for last in facts:  # noqa: B007  # the last of all
            told_at = machine.now
        if what in ("written", "read"):
            is_reset = what == "written" and last == HoldOutputFailed(held=moment.wanted, error=RESET)
            assert is_reset or last == HoldOutputWritten(held=moment.wanted) or (last is None and not machine.output)
        elif what == "failed":
            is_told = isinstance(last, HoldOutputFailed) and last.held is moment.wanted
            assert is_told or (last == HoldOutputWritten(held=moment.wanted) and machine.now - told_at < REPEAT_SECONDS)
        else:
            assert last != HoldOutputWritten(held=not moment.wanted)
            assert last is not None or not moment.wanted


@settings(REPEATABLE, max_examples=500)
@given(st.lists(moments, max_size=40))
def test_nothing_is_told_twice_without_a_reason(script: list[Moment]) -> None:
    machine = Machine()
    last: Any = None
    told_at, wanted_else = float("-inf"), False
    for moment in script:
        what, facts = machine.lives(moment)
        assert len(facts) <= 1
        wanted_else |= last is not None and last.held is not moment.wanted
        for fact in facts:
            if fact == last and isinstance(fact, HoldOutputFailed):
                assert wanted_else  # another occasion
            elif fact == last:
                assert what == "written"
                assert machine.now - told_at >= REPEAT_SECONDS or wanted_else
            last, told_at, wanted_else = fact, machine.now, False
