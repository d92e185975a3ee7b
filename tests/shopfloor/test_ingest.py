"""What the ledger makes of facts and updates: IDs for names, events for facts."""

from typing import Any

import msgspec
import pytest
from hypothesis import given as given_any
from hypothesis import settings
from hypothesis import strategies as st
from msgspec.structs import replace

from given import NOON, Given, a_machine, a_process, a_program
from shopfloor.readings import BY_CV, COUNTING_CV, PROGRAM_CV, SELECTED, SELECTED_VALUE, Said, scripts
from taktledger.domain.alerts import AlertRaised
from taktledger.domain.changeover import ProcessSwitched
from taktledger.domain.controls import (
    ControlChanges,
    MachineBaselineRead,
    MachineCountersRead,
    MachineFactSetAside,
    MachineHoldOutputFailed,
    MachineHoldOutputWritten,
    MachineReportsLost,
    MachineStateChanged,
    MachineVariablesChanged,
    ToolRunTimeMeasured,
)
from taktledger.domain.errors import Conflict, Invalid, NotFound
from taktledger.domain.event import Event
from taktledger.domain.machines import (
    DeleteMachine,
    EditMachine,
    MachineCreated,
    MachineFields,
    delete_machine,
    edit_machine,
)
from taktledger.domain.options import OptionFields, edit_options
from taktledger.domain.parts import CycleFinished, ProductionGapRecorded
from taktledger.domain.programs import (
    DeleteProgram,
    EditProgram,
    ProgramCreated,
    ProgramFields,
    ProgramLoaded,
    delete_program,
    edit_program,
)
from taktledger.domain.shop import ControlAlarm, Counter
from taktledger.shopfloor import facts as f
from taktledger.shopfloor.detector import DetectorState, detect
from taktledger.shopfloor.ingest import OldUpdate, ReportUpdate, TakeFact, UpdateInbox, take_fact
from taktledger.shopfloor.profile import profile_of
from taktledger.shopfloor.update import MachineUpdate

REPEATABLE = settings(deadline=None, derandomize=True, database=None)


class Edge:
    """The edge of one machine: sends its facts in order, as the writer takes them."""

    def __init__(self, given: Given, machine: str = "lathe", spool: str = "spool-a") -> None:
        self.given, self.machine, self.source, self.sequence = given, machine, f"{spool}/{machine}", 0

    def sends(self, fact: f.Fact, at: float = NOON, now: float | None = None) -> Given:
        self.sequence += 1
        command = TakeFact(machine=self.machine, fact=fact, occurred_at=at)
        envelope = {"actor": "key-1", "source": self.source, "source_sequence": self.sequence}
        return self.given.when(take_fact, command, now, **envelope)


class Endpoint:
    """Somebody who posts the updates of machine 1."""

    def __init__(self, *events: Event) -> None:
        self.given = Given(*(events or (a_machine(),)))
        self.inbox = UpdateInbox()

    def posts(self, now: float | None = None, **readings: Any) -> Given:
        update = msgspec.convert(readings, MachineUpdate)
        return self.given.when(self.inbox.take, ReportUpdate(machine_id=1, update=update), now)

    @property
    def machine(self) -> Any:
        return self.given.shop.machines[1]


def baseline(part_count: int) -> f.BaselineSeen:
    return f.BaselineSeen(counters={"part_count": Counter(part_count)})


def cycles(reading: int, many: int = 1, program: str | None = None) -> f.CyclesSeen:
    return f.CyclesSeen(cycles=many, counters={"part_count": Counter(reading)}, program=program)


A_GAP = f.GapSeen(
    counter="part_count",
    gap_from=NOON - 9,
    from_reading=500,
    to_reading=3,
    why="restart",
    counters={"part_count": Counter(3, 500)},
)
FACTS: list[tuple[f.Fact, type[Event]]] = [
    (baseline(3), MachineBaselineRead),
    (f.CountersSeen(counters={"500": Counter(4)}), MachineCountersRead),
    (cycles(42, 2, "O1"), CycleFinished),
    (A_GAP, ProductionGapRecorded),
    (f.ProgramSeen(program="O1"), ProgramLoaded),
    (f.StateSeen(changes=ControlChanges(cycle_state="ACTIVE")), MachineStateChanged),
    (f.VariablesSeen(variables={7: 1.0}), MachineVariablesChanged),
    (f.RunTimeSeen(tool_seconds={5: 60.0}), ToolRunTimeMeasured),
    (f.HoldOutputWritten(held=True), MachineHoldOutputWritten),
    (f.HoldOutputFailed(held=True, error="it has no hold output"), MachineHoldOutputFailed),
    (f.FactSetAside(fact="{}", error="no"), MachineFactSetAside),
    (f.ReportsLost(gap_from=NOON - 9, why="overrun", before={"part_count": 3}), MachineReportsLost),
]


# Facts from an edge


def test_every_kind_of_fact_is_tried_here() -> None:
    assert {type(fact).__name__ for fact, _ in FACTS} == set(f.FACT_TYPES)


@pytest.mark.parametrize(("fact", "kind"), FACTS, ids=lambda each: getattr(each, "__name__", ""))
def test_every_fact_yields_an_event(fact: f.Fact, kind: type[Event]) -> None:
    """Never silently lost: each fact makes at least one event, which has its time, source and sequence."""
    given = Edge(Given(a_machine(), a_program())).sends(fact, at=NOON - 500)
    events = [event for event in given.events if isinstance(event, kind)]
    assert len(events) == 1
    assert (events[0].occurred_at, events[0].source, events[0].source_sequence) == (NOON - 500, "spool-a/lathe", 1)
    has_spoken = not isinstance(fact, f.HoldOutputFailed)  # its edge says that it can't be told
    assert given.shop.machines[1].last_fact_at == (NOON - 500 if has_spoken else None)


@pytest.mark.parametrize(("fact", "kind"), FACTS, ids=lambda each: getattr(each, "__name__", ""))
def test_a_source_name_that_the_ledger_does_not_know_makes_a_machine(fact: f.Fact, kind: type[Event]) -> None:
    """A source name that the ledger doesn't know makes a machine, whatever its first fact."""
    given = Edge(Given(a_machine(name="mill"))).sends(fact)
    assert isinstance(given.events[0], MachineCreated)
    assert any(isinstance(event, kind) for event in given.events)
    machine = given.shop.machines[2]
    assert (machine.name, machine.source_name, machine.reported_by_edge) == ("lathe", "lathe", True)


def test_a_machine_that_was_renamed_keeps_its_facts() -> None:
    """`source_name` never changes (renaming the machine changes `name`)."""
    given = Given(a_machine()).when(edit_machine, EditMachine(machine_id=1, fields=MachineFields(name="By the door")))
    Edge(given).sends(baseline(3)).then(MachineBaselineRead)


def test_a_machine_that_was_deleted_comes_back_as_another_one() -> None:
    """Deleting always works; IDs are never used twice; machine events are never lost."""
    given = Given(a_machine()).when(delete_machine, DeleteMachine(machine_id=1))
    Edge(given).sends(cycles(9, 2, "O1")).then(MachineCreated, ProgramCreated, ProgramLoaded, CycleFinished)
    assert (list(given.shop.machines), given.shop.parts_made) == ([2], 2)
    assert given.shop.machines[2].loaded_program_id == 1


@pytest.mark.parametrize("fields", [None, ProgramFields(filename="OTHER")], ids=["deleted", "renamed"])
def test_a_program_that_goes_on_is_loaded_again(fields: ProgramFields | None) -> None:
    """A deleted loaded program: none is loaded. Until the control finishes its next cycle, which says what it runs."""
    given = Edge(Given(a_machine(), a_program())).sends(f.ProgramSeen(program="O1"))
    if fields is None:
        given.when(delete_program, DeleteProgram(program_id=1))
        assert given.shop.machines[1].loaded_program_id is None
    else:
        given.when(edit_program, EditProgram(program_id=1, fields=fields))
    Edge(given).sends(cycles(1, program="O1")).then(ProgramCreated, ProgramLoaded, CycleFinished)
    assert given.shop.machines[1].loaded_program_id == 2


def test_a_new_program_name_creates_a_program_and_loads_it() -> None:
    """A program name that this machine hasn't reported before creates a program."""
    given = Edge(Given(a_machine())).sends(f.ProgramSeen(program="O1"))
    said = ProgramFields(filename="O1")
    given.then(
        ProgramCreated(occurred_at=NOON, program_id=1, machine_id=1, fields=said),
        ProgramLoaded(occurred_at=NOON, machine_id=1, program_id=1, program="O1"),
    )
    machine = given.shop.machines[1]
    assert (machine.loaded_program_id, machine.loaded_process_id, machine.control.program) == (1, None, "O1")


def test_a_known_program_name_loads_that_program_and_its_process() -> None:
    """The process of the loaded program becomes the machine's loaded process."""
    given = Edge(Given(a_machine(), a_process(), a_program(process_id=1))).sends(f.ProgramSeen(program="O1"))
    given.then(
        ProgramLoaded(occurred_at=NOON, machine_id=1, program_id=1, program="O1"),
        ProcessSwitched(occurred_at=NOON, machine_id=1, process_id=1),
    )
    assert given.shop.machines[1].loaded_process_id == 1


def test_the_program_of_another_machine_is_another_program() -> None:
    """... that *this machine* hasn't reported before."""
    given = Given(a_machine(1), a_machine(2, "mill"), a_program(machine_id=2))
    Edge(given).sends(f.ProgramSeen(program="O1")).then(ProgramCreated, ProgramLoaded)


def test_a_deleted_program_that_is_reported_again_is_created_again() -> None:
    given = Given(a_machine(), a_program()).when(delete_program, DeleteProgram(program_id=1))
    Edge(given).sends(f.ProgramSeen(program="O1")).then(ProgramCreated, ProgramLoaded)
    assert given.shop.machines[1].loaded_program_id == 2


def test_the_baseline_of_a_new_source_that_differs_records_a_gap() -> None:
    """A spool that is lost and made anew is a new source: its baseline, if it differs from the machine's last reading,
    records a gap. Counts are never guessed."""
    given = Given(a_machine())
    old = Edge(given, spool="spool-a")
    old.sends(baseline(40), NOON - 99)
    old.sends(cycles(41), NOON - 60)
    Edge(given, spool="spool-b").sends(baseline(45), NOON).then(ProductionGapRecorded, AlertRaised, MachineBaselineRead)
    gap = given.events[0]
    assert isinstance(gap, ProductionGapRecorded)
    assert (gap.from_reading, gap.to_reading, gap.gap_from, gap.occurred_at) == (41, 45, NOON - 60, NOON)
    assert given.shop.parts_made == 1
    assert given.shop.machines[1].control.counters == {"part_count": Counter(45)}


def test_the_baseline_of_a_new_source_that_is_equal_records_none() -> None:
    given = Given(a_machine())
    Edge(given, spool="spool-a").sends(baseline(40)).then(MachineBaselineRead)
    Edge(given, spool="spool-b").sends(baseline(40)).then(MachineBaselineRead)


def test_a_first_baseline_records_no_gap() -> None:
    """The first reading is a baseline."""
    Edge(Given(a_machine())).sends(baseline(4000)).then(MachineBaselineRead)


def test_a_new_source_of_a_counter_that_is_not_in_use_records_no_gap() -> None:
    """Only the one in use makes cycles, so only that one has a gap."""
    given = Given(a_machine())
    counters = {"part_count": Counter(4), "500": Counter(7)}
    Edge(given, spool="spool-a").sends(f.BaselineSeen(counters=counters))
    again = counters | {"500": Counter(9)}
    Edge(given, spool="spool-b").sends(f.BaselineSeen(counters=again)).then(MachineBaselineRead)


def test_facts_from_an_edge_keep_their_time_however_late() -> None:
    """Machine events arrive late, in batches. Facts from an edge keep their time."""
    given = Edge(Given(a_machine(), a_program())).sends(cycles(42, program="O1"), at=NOON - 86400, now=NOON)
    *_, event = given.events
    assert (event.occurred_at, event.recorded_at, event.reported_at) == (NOON - 86400, NOON, None)
    assert given.alerts == []


def test_a_fact_from_a_clock_that_is_ahead_keeps_its_time_and_is_alerted() -> None:
    """Facts from an edge keep their time; a clock that differs by more than 5 s is alerted."""
    given = Edge(Given(a_machine(), a_program())).sends(cycles(42, program="O1"), at=NOON + 60, now=NOON)
    assert given.events[0].occurred_at == NOON + 60
    assert [alert.kind for alert in given.alerts] == ["clock"]


# Updates at the endpoint


def test_an_update_becomes_events() -> None:
    """`POST /api/machines/{id}/update`: the same code at the edge and behind the endpoint."""
    endpoint = Endpoint()
    endpoint.posts(part_count=41, program_name="O1", cycle_state="ACTIVE")
    endpoint.given.then(MachineBaselineRead, ProgramCreated, ProgramLoaded, MachineStateChanged)
    endpoint.posts(part_count=43, now=NOON + 30)
    counters = {"part_count": Counter(43)}
    cycle = {"program_id": 1, "program": "O1", "cycles": 2, "parts": 2, "counters": counters}
    endpoint.given.then(CycleFinished(occurred_at=NOON + 30, machine_id=1, **cycle))
    endpoint.posts(part_count=43).then()


def test_an_update_of_an_unknown_machine() -> None:
    """A missing object is 404."""
    given = Given(a_machine(2))
    given.when(UpdateInbox().take, ReportUpdate(machine_id=1, update=MachineUpdate())).then_error(NotFound)


def test_an_alarm_has_a_code_or_a_type() -> None:
    """`alarms`: one of code and type required."""
    endpoint = Endpoint()
    endpoint.posts(alarms=[ControlAlarm(alarm_code="1"), ControlAlarm(info="what?")]).then_error(Invalid, "alarms")
    endpoint.posts(alarms=[ControlAlarm(alarm_code="1"), ControlAlarm(alarm_type="x")]).then(MachineStateChanged)


def test_a_machine_that_an_edge_reports_takes_no_updates() -> None:
    """A machine that an edge reports takes no updates at the endpoint (409)."""
    endpoint = Endpoint()
    Edge(endpoint.given).sends(f.StateSeen(changes=ControlChanges(estopped=True)))
    endpoint.posts(part_count=5).then_error(Conflict)


def test_an_update_older_than_the_last_one_changes_nothing() -> None:
    """An update older than the machine's last one changes nothing, and is answered so."""
    endpoint = Endpoint()
    endpoint.posts(part_count=5, timestamp=NOON, now=NOON).then(MachineBaselineRead)
    endpoint.posts(part_count=6, timestamp=NOON - 0.5, now=NOON + 1).then_error(OldUpdate)
    endpoint.posts(part_count=6, timestamp=NOON, now=NOON + 2).then(CycleFinished)


def test_an_update_older_than_one_that_said_nothing_new_changes_nothing() -> None:
    """The last one need not have been a fact."""
    endpoint = Endpoint()
    endpoint.posts(part_count=5, timestamp=NOON, now=NOON)
    endpoint.posts(part_count=5, timestamp=NOON + 20, now=NOON + 20).then()
    endpoint.posts(part_count=6, timestamp=NOON + 19, now=NOON + 21).then_error(OldUpdate)


def test_an_update_older_than_the_last_fact_changes_nothing_after_a_crash() -> None:
    """After a restart `last_contact` is the time of the machine's last fact."""
    endpoint = Endpoint()
    endpoint.posts(part_count=5, timestamp=NOON, now=NOON)
    endpoint.inbox.forget()
    endpoint.posts(part_count=6, timestamp=NOON - 1, now=NOON + 1).then_error(OldUpdate)


@pytest.mark.parametrize("ahead", [0.0, 3.0, 5.0])
def test_a_clock_that_is_a_little_ahead_is_believed(ahead: float) -> None:
    """Only one *more* than 5 s ahead is recorded as now."""
    endpoint = Endpoint()
    (event,) = endpoint.posts(part_count=5, timestamp=NOON + ahead, now=NOON).events
    assert (event.occurred_at, event.reported_at) == (NOON + ahead, None)


def test_an_update_from_the_future_is_recorded_as_now() -> None:
    """One more than 5 s ahead is recorded as now, with the reported time kept, and alerted."""
    endpoint = Endpoint()
    endpoint.posts(part_count=5, cycle_state="ACTIVE", timestamp=NOON + 5.5, now=NOON)
    endpoint.given.then(
        MachineBaselineRead(
            occurred_at=NOON, reported_at=NOON + 5.5, machine_id=1, counters={"part_count": Counter(5)}
        ),
        AlertRaised,
        MachineStateChanged(
            occurred_at=NOON, reported_at=NOON + 5.5, machine_id=1, changes=ControlChanges(cycle_state="ACTIVE")
        ),
    )
    assert endpoint.given.alerts[0].kind == "clock"
    endpoint.posts(part_count=6, program_name="O1", timestamp=NOON + 99, now=NOON + 1)
    assert endpoint.given.alerts == [], "one per occasion"
    assert {event.occurred_at for event in endpoint.given.events} == {NOON + 1}
    endpoint.posts(part_count=7, timestamp=NOON + 2, now=NOON + 2).then(CycleFinished)
    endpoint.posts(part_count=8, timestamp=NOON + 99, now=NOON + 3).then(CycleFinished, AlertRaised)


def test_the_time_of_updates_never_goes_back() -> None:
    """Their times never go back, also where none is given after one that was a little ahead."""
    endpoint = Endpoint()
    endpoint.posts(part_count=5, timestamp=NOON + 4, now=NOON)
    (event,) = endpoint.posts(part_count=6, now=NOON + 1).events
    assert event.occurred_at >= NOON + 4


def test_a_control_that_did_not_answer_is_no_event() -> None:
    """`success` false: the control did not answer, last contact stays."""
    endpoint = Endpoint()
    endpoint.posts(part_count=5, now=NOON)
    endpoint.posts(success=False, part_count=9, now=NOON + 10).then()
    assert endpoint.machine.last_fact_at == NOON


def test_the_limit_is_the_option() -> None:
    """`part_report_limit` (an option, default 100)."""
    endpoint = Endpoint()
    endpoint.posts(part_count=0)
    endpoint.posts(part_count=100).then(CycleFinished)
    endpoint.posts(part_count=201).then(CycleFinished, ProductionGapRecorded, AlertRaised)
    endpoint.given.when(edit_options, OptionFields(part_report_limit=1))
    endpoint.posts(part_count=203).then(CycleFinished, ProductionGapRecorded, AlertRaised)
    assert endpoint.given.shop.parts_made == 102


def test_a_program_that_moves_to_a_process_with_a_counter_counts_by_it() -> None:
    """A process's `part_count_cv` replaces `part_count` while one of its programs is loaded."""
    endpoint = Endpoint(a_machine(), a_process(part_count_cv=500, parts_per_cycle=3), a_program())
    endpoint.posts(program_name="O1", part_count=1, common_vars={500: 70.0})
    endpoint.given.when(edit_program, EditProgram(program_id=1, fields=ProgramFields(process_id=1)))
    endpoint.posts(part_count=2, common_vars={500: 70.0})
    assert endpoint.given.shop.parts_made == 0
    endpoint.posts(part_count=2, common_vars={500: 72.0})
    assert endpoint.given.shop.parts_made == 6
    assert endpoint.machine.loaded_process_id == 1


def test_the_variable_selects_the_program() -> None:
    """A program whose `load_by_var_value` equals the value of the machine's `program_cv` variable is the loaded one."""
    endpoint = Endpoint(a_machine(program_cv=100), a_program(1, "O1"), a_program(2, "O2", load_by_var_value=2))
    endpoint.posts(program_name="O1", common_vars={100: 2.0}, part_count=4)
    assert endpoint.machine.loaded_program_id == 2
    endpoint.posts(program_name="O1", common_vars={100: 1.0}, part_count=5)
    assert endpoint.machine.loaded_program_id == 1
    assert endpoint.given.shop.programs[2].last_cycle is not None, "the cycle belongs to the program before"


def test_running_states_of_a_machine() -> None:
    """Configurable per machine; by default the usual ones."""
    for states, seconds in ((["Cutting"], {5: 3.0}), (None, {})):
        endpoint = Endpoint(a_machine(running_states=states))
        endpoint.posts(part_count=4, active_tool=5, cycle_state="CUTTING", now=NOON)
        (event,) = endpoint.posts(part_count=5, now=NOON + 3).events
        assert isinstance(event, CycleFinished)
        assert event.tool_seconds == seconds


def test_the_variables_of_a_process_are_watched() -> None:
    """Watched variables are those that the profile names: `cv_map` and `display_variable` of its processes."""
    process = a_process(cv_map={"Serial": {"number": 5}}, display_variable=6)
    endpoint = Endpoint(a_machine(), process, a_program(process_id=1))
    endpoint.posts(program_name="O1", part_count=1, common_vars={5: 1.0, 6: 2.0, 7: 3.0})
    assert endpoint.machine.control.variables == {5: 1.0, 6: 2.0}
    (event,) = endpoint.posts(part_count=2, common_vars={5: 9.0}).events
    assert isinstance(event, CycleFinished)
    assert event.variables == {"Serial": 9.0}


@pytest.mark.parametrize("length", [500, 501])
def test_a_program_name_of_any_length_is_readable_again_or_refused(length: int) -> None:
    """Events are readable for ever (`Given` reads back whatever is written); a name that doesn't fit is 400."""
    endpoint = Endpoint()
    try:
        endpoint.posts(program_name="O" * length, part_count=1)
    except msgspec.ValidationError:
        assert length > 500


def test_a_crash_forgets_no_program_name() -> None:
    """Behind the endpoint a crash may lose the last update's time and two minutes of run time, never a count: here the
    control says its program's name once, while the variable overrules it, and O1 counts by `part_count`."""
    counted = []
    for crash in (False, True):
        programs = (a_program(1, "O1"), a_program(2, "O2", load_by_var_value=2, process_id=1))
        endpoint = Endpoint(a_machine(program_cv=100), a_process(part_count_cv=500), *programs)
        endpoint.posts(program_name="O1", common_vars={100: 2.0, 500: 7.0}, part_count=5)
        if crash:
            endpoint.inbox.forget()
        endpoint.posts(common_vars={100: 0.0})
        endpoint.posts(part_count=6)
        counted.append((endpoint.machine.loaded_program_id, endpoint.given.shop.parts_made))
    assert counted == [(1, 1), (1, 1)]


def test_a_crash_forgets_no_selection() -> None:
    """Omitted is "unknown": a variable that isn't read after a crash still selects what it selected before."""
    endpoint = Endpoint(a_machine(program_cv=100), a_program(1, "O1"), a_program(2, "O2", load_by_var_value=2))
    endpoint.posts(program_name="O1", common_vars={100: 2.0}, part_count=5)
    endpoint.inbox.forget()
    endpoint.posts(program_name="O1", part_count=6).then(CycleFinished)
    assert endpoint.machine.loaded_program_id == 2


# For any sequence of updates


def a_shop(limit: int) -> Given:
    given = Given(
        a_machine(program_cv=PROGRAM_CV),
        a_process(part_count_cv=COUNTING_CV, cv_map={"Watched": {"number": 7}}),
        a_program(1, BY_CV, process_id=1),
        a_program(2, SELECTED, process_id=1, load_by_var_value=SELECTED_VALUE),
    )
    return given.when(edit_options, OptionFields(part_report_limit=limit))


@settings(REPEATABLE, max_examples=60)
@given_any(st.data(), st.sampled_from([1, 3, 100]))
def test_the_shop_follows_the_detector_behind_the_endpoint(data: st.DataObject, limit: int) -> None:
    """The state can be folded from facts: behind the endpoint it is."""
    given, inbox, state, now = a_shop(limit), UpdateInbox(), DetectorState(), NOON
    made = 0
    for said in data.draw(scripts(limit, 2**32)):
        now += said.after
        profile = profile_of(given.shop, given.shop.machines[1])
        given.when(inbox.take, ReportUpdate(machine_id=1, update=said.update(now)), now)
        state, found = detect(profile, state, said.update(now), now)
        made += sum(fact.cycles for fact in found if isinstance(fact, f.CyclesSeen))
        assert given.shop.machines[1].control == state.control
        assert given.shop.parts_made == made
        assert bool(given.events) == bool(found)


@settings(REPEATABLE, max_examples=60)
@given_any(st.data(), st.sampled_from([1, 3, 100]))
def test_a_crash_behind_the_endpoint_changes_no_count(data: st.DataObject, limit: int) -> None:
    """Behind the endpoint a crash may lose the last update's time and two minutes of run time, never a count: here the
    control always says its program and its selecting variable."""
    steady, crashing = a_shop(limit), a_shop(limit)
    inboxes, now = (UpdateInbox(), UpdateInbox()), NOON
    for said in data.draw(scripts(limit, 2**32, complete=True)):
        now += said.after
        for given, inbox in zip((steady, crashing), inboxes, strict=True):
            given.when(inbox.take, ReportUpdate(machine_id=1, update=said.update(now)), now)
        if data.draw(st.booleans()):
            inboxes[1].forget()
        assert crashing.shop.parts_made == steady.shop.parts_made
        assert crashing.shop.machines[1].control.counters == steady.shop.machines[1].control.counters
        assert crashing.shop.machines[1].loaded_program_id == steady.shop.machines[1].loaded_program_id
        assert len(crashing.shop.programs) == len(steady.shop.programs)


@settings(REPEATABLE, max_examples=60)
@given_any(st.data(), st.sampled_from([1, 3, 100]), st.sampled_from([16, 32]))
def test_the_shop_follows_the_detector_at_the_edge(data: st.DataObject, limit: int, bits: int) -> None:
    """The same code at the edge and behind the endpoint: the facts that an edge sends make the edge's own state."""
    given, state, now = a_shop(limit), DetectorState(), NOON
    edge, profile = Edge(given), profile_of(given.shop, given.shop.machines[1])
    for said in data.draw(scripts(limit, 2**bits)):
        now += said.after
        state, found = detect(profile, state, said.update(now), now, bits)
        for fact in found:
            edge.sends(fact, now, now)
        assert given.shop.machines[1].control == state.control
    assert given.shop.received.get(edge.source, []) == ([[1, edge.sequence]] if edge.sequence else [])


def test_a_refused_update_is_not_remembered() -> None:
    """An update that changes nothing doesn't count as the machine's last one either."""
    endpoint = Endpoint()
    endpoint.posts(part_count=5, timestamp=NOON, now=NOON)
    bad = [ControlAlarm(info="neither code nor type")]
    endpoint.posts(part_count=6, alarms=bad, timestamp=NOON + 9, now=NOON + 9).then_error(Invalid)
    endpoint.posts(part_count=6, timestamp=NOON + 5, now=NOON + 10).then(CycleFinished)


def test_what_a_script_says_can_be_posted() -> None:
    """The scripts of these tests are ordinary updates."""
    said = Said(1.0, True, 5, 70, "O1", 0, 3, "ACTIVE", 2.5)
    assert replace(said.update(), timestamp=1.0) == said.update(1.0)
