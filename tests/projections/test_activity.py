"""When a process was loaded and when its machine ran: against a look at every minute."""

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from projections.folding import a_cycle, a_mill_with_processes, folded_rows
from street import START
from takt_projections.activity import common, loaded_spans, running_spans
from takt_projections.cycle_times import Efficiency, efficiency
from takt_projections.processes import load
from taktledger.domain.changeover import ProcessSwitched
from taktledger.domain.controls import (
    RUNNING_STATES,
    ControlChanges,
    MachineFellSilent,
    MachineSilenceEnded,
    MachineStateChanged,
)
from taktledger.domain.event import Event
from taktledger.domain.machines import MachineCreated, MachineEdited, MachineFields
from taktledger.domain.processes import ProcessEdited, ProcessFields

LAST = 40
"""Minutes that are looked at."""

minutes = st.integers(0, LAST)
happenings = st.one_of(
    st.tuples(st.just("switch"), minutes, st.sampled_from((1, 2, None))),
    st.tuples(st.just("switch"), minutes, st.sampled_from((1, 2))),
    st.tuples(st.just("state"), minutes, st.sampled_from(("ACTIVE", "running", "STOPPED", ""))),
    st.tuples(st.just("state"), minutes, st.sampled_from(("ACTIVE", "STOPPED"))),
    st.tuples(st.just("running states"), minutes, st.sampled_from((None, ["stopped"], []))),
    st.tuples(st.just("silent"), minutes, st.none() | minutes),
    st.tuples(st.just("heard"), minutes, st.none()),
    st.tuples(st.just("something else"), minutes, st.none()),
)
Story = list[tuple[str, int, Any]]


def moment(minute: float) -> float:
    return START + 60 * minute


def event(kind: str, minute: int, value: Any, machine_id: int = 1) -> Event:
    on: dict[str, Any] = {"occurred_at": moment(minute), "machine_id": machine_id}
    match kind:
        case "switch":
            return ProcessSwitched(**on, process_id=value)
        case "state":
            return MachineStateChanged(**on, changes=ControlChanges(cycle_state=value))
        case "running states":
            return MachineEdited(**on, fields=MachineFields(running_states=value))
        case "silent":
            return MachineFellSilent(**on, last_contact=None if value is None else moment(value))
        case "heard":
            return MachineSilenceEnded(**on)
        case _:
            return MachineStateChanged(**on, changes=ControlChanges(estopped=True))


class Naive:
    """What was said, in the order of the ledger; the latest that was said of a minute holds."""

    def __init__(self, story: Story) -> None:
        self.loaded: list[tuple[int, int | None]] = []
        self.running: list[tuple[int, bool]] = []
        state, states = "", [each.casefold() for each in RUNNING_STATES]
        for kind, minute, value in story:
            if kind == "switch":
                self.loaded.append((minute, value))
            elif kind == "silent":
                self.running.append((minute if value is None else value, False))
            elif kind in ("state", "running states", "heard"):
                state = value.casefold() if kind == "state" else state
                if kind == "running states":
                    states = [each.casefold() for each in (RUNNING_STATES if value is None else value)]
                self.running.append((minute, state in states))

    @staticmethod
    def at(minute: int, said: list[tuple[int, Any]]) -> Any:
        found = None
        latest = -1
        for since, value in said:
            if latest <= since <= minute:
                latest, found = since, value
        return found

    def minutes(self, start: int, end: int, process_id: int) -> tuple[int, int, int]:
        """Loaded; running; both."""
        loaded = {each for each in range(start, end) if self.at(each, self.loaded) == process_id}
        running = {each for each in range(start, end) if self.at(each, self.running)}
        return len(loaded), len(running), len(loaded & running)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(happenings, max_size=14), minutes, minutes)
@example([("state", 5, "ACTIVE"), ("switch", 3, 1), ("silent", 20, 10), ("heard", 30, None)], 0, 40)
@example([("switch", 9, 2), ("switch", 9, 1), ("switch", 4, 2), ("switch", 4, 1)], 9, 9)
@example([("state", 5, "STOPPED"), ("running states", 8, ["stopped"]), ("state", 2, "ACTIVE")], 0, 40)
def test_spans_are_what_a_look_at_every_minute_says(story: Story, start: int, length: int) -> None:
    """Facts may arrive late, in any order: each says from when on."""
    end = start + length
    naive = Naive(story)
    with folded_rows([*a_mill_with_processes(1, 2), *(event(*each) for each in story)]) as db:
        for process_id in (1, 2):
            loaded = loaded_spans(db, 1, process_id, moment(start), moment(end))
            running = running_spans(db, 1, moment(start), moment(end))
            both = common(loaded, running)
            for spans in (loaded, running, both):
                times = [at for span in spans for at in span]
                assert times == sorted(times)
                assert all(moment(start) <= at <= moment(end) for at in times)
            found = tuple(round(sum(to - since for since, to in spans) / 60, 6) for spans in (loaded, running, both))
            assert found == naive.minutes(start, end, process_id)


def test_nothing_is_known_of_the_time_before() -> None:
    story: Story = [("switch", 10, 1), ("state", 10, "ACTIVE")]
    with folded_rows([*a_mill_with_processes(1), *(event(*each) for each in story)]) as db:
        assert loaded_spans(db, 1, 1, moment(0), moment(20)) == [(moment(10), moment(20))]
        assert running_spans(db, 1, moment(0), moment(10)) == []
        assert loaded_spans(db, 1, 1, moment(30), moment(40)) == [(moment(30), moment(40))], "it goes on"


def test_each_machine_for_itself() -> None:
    lathe = MachineCreated(occurred_at=START, machine_id=2, source_name="lathe", fields=MachineFields(name="lathe"))
    events = [*a_mill_with_processes(1), lathe, event("state", 0, "ACTIVE", machine_id=2), event("switch", 0, 1)]
    with folded_rows(events) as db:
        assert running_spans(db, 1, moment(0), moment(9)) == []
        assert running_spans(db, 2, moment(0), moment(9)) == [(moment(0), moment(9))]


def test_what_is_silent_is_not_running_since_it_was_heard_last() -> None:
    """Nobody knows whether it runs. What it was doing is taken up again when it answers."""
    story: Story = [("switch", 0, 1), ("state", 0, "ACTIVE"), ("silent", 12, 10), ("heard", 30, None)]
    with folded_rows([*a_mill_with_processes(1), *(event(*each) for each in story)]) as db:
        assert running_spans(db, 1, moment(0), moment(40)) == [(moment(0), moment(10)), (moment(30), moment(40))]
        assert loaded_spans(db, 1, 1, moment(0), moment(40)) == [(moment(0), moment(40))]


def an_efficiency(events: list[Event], start: float, end: float, process_id: int = 1) -> Efficiency:
    with folded_rows(events) as db:
        ((_, _, process),) = load(db, [process_id])
        assert process is not None
        return efficiency(db, process, moment(start), moment(end), {})  # type: ignore[arg-type]


def test_efficiency() -> None:
    """Utilization = running / loaded; expected = loaded minutes / time_per_cycle x parts_per_cycle; efficiency =
    parts / expected."""
    fields = ProcessFields(time_per_cycle=2.5, parts_per_cycle=2)
    story: Story = [("state", 0, "ACTIVE"), ("switch", 10, 1), ("state", 25, "STOPPED"), ("switch", 30, 2)]
    cycles = [a_cycle(moment(each), 1, parts=2) for each in (0, 12, 14.5, 20, 40, 41)]
    events = [
        *a_mill_with_processes(1, 2),
        ProcessEdited(occurred_at=START, process_id=1, fields=fields),
        *(event(*each) for each in story),
        *cycles,
    ]
    found = an_efficiency(events, 0, 40)
    assert (found.start, found.end, found.loaded_seconds, found.running_seconds) == (START, moment(40), 1200, 900)
    assert (found.utilization, found.expected_parts, found.parts) == (0.75, 16.0, 10)
    assert found.efficiency == 10 / 16
    assert found.average_cycle_minutes == pytest.approx((12 + 2.5 + 5.5 + 1) / 4)  # 20 is more than three times 5.5


def test_efficiency_is_null_where_a_divisor_is_0_or_unknown() -> None:
    never = an_efficiency(a_mill_with_processes(1), 0, 40)
    assert (never.loaded_seconds, never.running_seconds, never.parts) == (0, 0, 0)
    assert (never.utilization, never.expected_parts, never.efficiency) == (None, None, None)
    assert never.average_cycle_minutes is None
    timed = ProcessEdited(occurred_at=START, process_id=1, fields=ProcessFields(time_per_cycle=2.0))
    not_loaded = an_efficiency([*a_mill_with_processes(1), timed, a_cycle(moment(1), 1)], 0, 40)
    assert (not_loaded.utilization, not_loaded.expected_parts, not_loaded.efficiency) == (None, 0.0, None)
    zero = ProcessEdited(occurred_at=START, process_id=1, fields=ProcessFields(time_per_cycle=0.0))
    assert an_efficiency([*a_mill_with_processes(1), zero, event("switch", 0, 1)], 0, 40).expected_parts is None
