"""Switches and changeovers: what moves with the process of a machine, and who is asked to confirm it."""

import pytest

from given import NOON, Given, a_machine, a_process, a_program, an_assembly, cycles_of, said
from taktledger.domain.alerts import AlertDismissed, AlertRaised
from taktledger.domain.assemblies import AssemblyChanges, AssemblyMoved, EditAssembly, edit_assembly
from taktledger.domain.changeover import ChangeOver, ProcessChangedOver, ProcessSwitched, change_over
from taktledger.domain.controls import ControlChanges, MachineStateChanged
from taktledger.domain.errors import Conflict, Invalid, NotFound, PreconditionFailed
from taktledger.domain.event import Event
from taktledger.domain.machines import DeleteMachine, delete_machine
from taktledger.domain.parts import CycleFinished, ProductionGapRecorded, finish_cycles
from taktledger.domain.processes import DeleteProcess, delete_process
from taktledger.domain.programs import (
    DeleteProgram,
    EditProgram,
    ProgramCreated,
    ProgramDeleted,
    ProgramEdited,
    ProgramFields,
    ProgramLoaded,
    SelectProgram,
    delete_program,
    edit_program,
    select_program,
)

FLANGE, RING, BOLT, SPARE = 1, 2, 3, 4


def a_shop(*more: Event) -> Given:
    """On the lathe O1 makes flanges, O2 rings, O3 belongs to no process, and the spare process has O4. M1 makes bolts
    on the mill."""
    return Given(
        *(a_machine(1), a_machine(2, "mill")),
        *(a_process(FLANGE), a_process(RING, "ring"), a_process(BOLT, "bolt", 2), a_process(SPARE, "spare")),
        *(a_program(1, "O1", process_id=FLANGE), a_program(2, "O2", process_id=RING), a_program(3, "O3")),
        *(a_program(4, "M1", machine_id=2, process_id=BOLT), a_program(5, "O4", process_id=SPARE)),
        *more,
    )


def where(given: Given) -> dict[int, int | None]:
    """Assembly -> process."""
    return {each.id: each.process_id for each in given.shop.assemblies.values()}


def switches(given: Given) -> list[tuple[int | None, int | None]]:
    """Of the last `when`: from, to."""
    return [(each.previous_process_id, each.process_id) for each in given.events if isinstance(each, ProcessSwitched)]


def move_program(program_id: int, process_id: int | None) -> EditProgram:
    return EditProgram(program_id=program_id, fields=ProgramFields(process_id=process_id))


# What switches


def test_the_process_of_the_loaded_program_is_the_loaded_one() -> None:
    """The process of the loaded program becomes the machine's loaded process, with the time of its cause."""
    given = a_shop().loading("O1", at=NOON - 20)
    given.then(
        ProgramLoaded(occurred_at=NOON - 20, machine_id=1, program_id=1, program="O1"),
        ProcessSwitched(occurred_at=NOON - 20, machine_id=1, process_id=FLANGE),
    )
    assert given.shop.machines[1].loaded_process_id == FLANGE
    assert given.shop.machines[2].loaded_process_id is None


def test_another_program_of_the_same_process_is_no_switch() -> None:
    given = a_shop(a_program(6, "O6", process_id=FLANGE)).loading("O1")
    given.loading("O6").then(ProgramLoaded)


def test_moving_the_loaded_program_is_a_switch() -> None:
    """... also when the loaded program is moved to another process."""
    given = a_shop(an_assembly(1, process_id=FLANGE, shared=True)).loading("O1")
    given.when(edit_program, move_program(1, RING))
    given.then(
        ProgramEdited,
        ProcessSwitched(occurred_at=NOON + 2, machine_id=1, process_id=RING, previous_process_id=FLANGE),
        AssemblyMoved(occurred_at=NOON + 2, assembly_id=1, process_id=RING),
        AlertRaised,
    )
    assert given.shop.machines[1].loaded_process_id == RING


def test_moving_a_program_that_is_not_loaded_is_none() -> None:
    given = a_shop(an_assembly(1, process_id=FLANGE, shared=True)).loading("O1")
    given.when(edit_program, move_program(2, FLANGE)).then(ProgramEdited)
    assert where(given) == {1: FLANGE}


def test_renaming_the_loaded_program_is_none() -> None:
    given = a_shop().loading("O1")
    given.when(edit_program, EditProgram(program_id=1, fields=ProgramFields(filename="O9"))).then(ProgramEdited)


def test_a_deleted_loaded_program_loads_nothing() -> None:
    """A deleted loaded program: none is loaded; what is shared stays."""
    given = a_shop(an_assembly(1, process_id=FLANGE, shared=True)).loading("O1")
    given.when(delete_program, DeleteProgram(program_id=1))
    gone = ProcessSwitched(occurred_at=NOON + 2, machine_id=1, process_id=None, previous_process_id=FLANGE)
    given.then(ProgramDeleted, gone)
    machine = given.shop.machines[1]
    assert (machine.loaded_program_id, machine.loaded_process_id) == (None, None)
    assert where(given) == {1: FLANGE}


def test_a_program_that_comes_back_with_its_next_cycle_switches_nothing_else() -> None:
    """It was deleted while it was loaded: it is made anew, and belongs to no process."""
    given = a_shop(an_assembly(1, process_id=FLANGE, shared=True)).loading("O1")
    given.when(delete_program, DeleteProgram(program_id=1)).when(finish_cycles, cycles_of("O1"))
    given.then(ProgramCreated, ProgramLoaded, CycleFinished)
    assert where(given) == {1: FLANGE}


def test_a_cycle_of_a_program_that_is_not_loaded_is_no_switch() -> None:
    """An update that brings a new program and a higher count: the cycles belong to the program before."""
    given = a_shop().loading("O1")
    given.when(finish_cycles, cycles_of("O2")).then(CycleFinished)
    assert given.shop.machines[1].loaded_process_id == FLANGE


def test_what_a_person_causes_comes_after_what_the_machine_said() -> None:
    """Also if its clock is ahead: else the machine would have gone back to the process before."""
    given = a_shop().loading("O1", at=NOON + 9_000)
    given.when(edit_program, move_program(1, RING))
    switched = ProcessSwitched(occurred_at=NOON + 9_000, machine_id=1, process_id=RING, previous_process_id=FLANGE)
    given.then(ProgramEdited, switched, AlertRaised)


# What moves


def test_a_switch_moves_every_shared_assembly_of_the_machine() -> None:
    """Of any process of that machine, in the same transaction; with the time of the switch."""
    given = a_shop(
        an_assembly(1, process_id=FLANGE, shared=True),
        an_assembly(2, process_id=FLANGE),
        an_assembly(3, process_id=SPARE, shared=True),
        an_assembly(4, process_id=RING, shared=True),
        an_assembly(5, process_id=BOLT, shared=True),
        an_assembly(6, shared=True),
    ).loading("O1")
    assert where(given) == {1: FLANGE, 2: FLANGE, 3: FLANGE, 4: FLANGE, 5: BOLT, 6: None}
    given.loading("O2", at=NOON + 500)
    given.then(
        ProgramLoaded,
        ProcessSwitched(occurred_at=NOON + 500, machine_id=1, process_id=RING, previous_process_id=FLANGE),
        *(AssemblyMoved(occurred_at=NOON + 500, assembly_id=each, process_id=RING) for each in (1, 3, 4)),
        AlertRaised,
    )
    assert where(given) == {1: RING, 2: FLANGE, 3: RING, 4: RING, 5: BOLT, 6: None}
    assert [sorted(given.shop.processes[each].assembly_ids) for each in (FLANGE, RING)] == [[2], [1, 3, 4]]


def test_a_program_without_a_process_moves_nothing() -> None:
    """They stay; and the next process is asked about from the one that was loaded before."""
    given = a_shop(an_assembly(1, process_id=FLANGE, shared=True)).loading("O1")
    given.loading("O3").then(ProgramLoaded, ProcessSwitched)
    assert switches(given) == [(FLANGE, None)]
    assert (given.shop.machines[1].loaded_process_id, where(given)) == (None, {1: FLANGE})
    given.loading("O2").then(ProgramLoaded, ProcessSwitched, AssemblyMoved, AlertRaised)
    assert switches(given) == [(FLANGE, RING)]
    assert where(given) == {1: RING}


def test_back_from_a_program_without_a_process() -> None:
    given = a_shop(an_assembly(1, process_id=FLANGE, shared=True)).loading("O1").loading("O3")
    given.loading("O1").then(ProgramLoaded, ProcessSwitched)
    assert switches(given) == [(FLANGE, FLANGE)]
    assert given.shop.machines[1].loaded_process_id == FLANGE


def test_an_assembly_that_was_shared_stays_when_it_is_not_any_more() -> None:
    given = a_shop(an_assembly(1, process_id=FLANGE, shared=True)).loading("O1")
    given.when(edit_assembly, EditAssembly(assembly_id=1, changes=AssemblyChanges(shared=False)))
    given.loading("O2")
    assert where(given) == {1: FLANGE}
    given.when(edit_assembly, EditAssembly(assembly_id=1, changes=AssemblyChanges(shared=True)))
    given.loading("O1")
    assert where(given) == {1: FLANGE}


def test_the_switch_of_one_machine_leaves_the_other_alone() -> None:
    given = a_shop(an_assembly(1, process_id=FLANGE, shared=True)).loading("M1", machine_id=2)
    given.then(ProgramLoaded, ProcessSwitched)
    assert where(given) == {1: FLANGE}


def test_a_switch_older_than_the_last_move_changes_history_and_not_the_place() -> None:
    """A move older than the assembly's last changes history and charges, not its place."""
    given = a_shop(an_assembly(1, process_id=FLANGE, shared=True))
    given.when(edit_assembly, EditAssembly(assembly_id=1, changes=AssemblyChanges(process_id=SPARE)))
    given.loading("O2", at=NOON - 20)
    late = AssemblyMoved(occurred_at=NOON - 20, assembly_id=1, process_id=RING)
    given.then(ProgramLoaded, ProcessSwitched, late)
    assert where(given) == {1: SPARE}
    assert (given.shop.processes[RING].assembly_ids, given.shop.processes[SPARE].assembly_ids) == (set(), {1})
    assert given.shop.assemblies[1].moved_at == NOON + 1


def test_a_switch_at_the_time_of_the_last_move_comes_after_it() -> None:
    given = a_shop(an_assembly(1, process_id=SPARE, shared=True)).loading("O1", at=NOON).loading("O2", at=NOON)
    assert where(given) == {1: RING}


def test_a_switch_from_before_it_was_set_up_is_a_move() -> None:
    """Before its first recorded move it is taken to have always been where it was first put."""
    given = a_shop(an_assembly(1, process_id=SPARE, shared=True)).loading("O2", at=NOON - 9_000)
    assert where(given) == {1: RING}


def test_late_switches_end_where_the_latest_one_says() -> None:
    """Facts arrive late, in any order: each switch is recorded, the latest says where it stands."""
    given = a_shop(an_assembly(1, process_id=SPARE, shared=True))
    given.loading("O2", at=NOON + 300).loading("O1", at=NOON + 100)
    assert where(given) == {1: RING}
    assert given.shop.machines[1].loaded_process_id == FLANGE


# Who confirms


def test_a_switch_is_alerted_with_both_processes() -> None:
    given = a_shop().loading("O1")
    given.loading("O2", at=NOON + 60)
    (alert,) = given.alerts
    assert (alert.kind, alert.machine_id, alert.process_id, alert.occurred_at) == ("switch", 1, RING, NOON + 60)
    assert alert.data == {"from_process_id": FLANGE, "to_process_id": RING}
    for word in ("lathe", "flange", "ring"):
        assert word in alert.message


def test_the_first_process_of_a_machine_needs_nobody() -> None:
    assert a_shop().loading("O1").alerts == []


def test_one_such_alert_of_a_machine_is_open_at_a_time() -> None:
    """The latest. Nobody else's is touched."""
    given = a_shop(a_process(5, "nut", 2), a_program(6, "M2", machine_id=2, process_id=5))
    given.loading("M1", machine_id=2).loading("M2", machine_id=2).loading("O1").loading("O2")
    assert list(given.shop.open_alerts) == [1, 2]
    given.loading("O4").then(
        ProgramLoaded, ProcessSwitched, AlertDismissed(occurred_at=given.now, alert_id=2), AlertRaised
    )
    assert {each: alert.machine_id for each, alert in given.shop.open_alerts.items()} == {1: 2, 3: 1}
    given.loading("O3").then(ProgramLoaded, ProcessSwitched)
    assert list(given.shop.open_alerts) == [1, 3], "without a new process there is nothing else to confirm"


def test_a_changeover_dismisses_it() -> None:
    """In the name of who confirmed it; other alerts stay."""
    what = {"counter": "part_count", "gap_from": None, "from_reading": 9, "to_reading": 3, "why": "restart"}
    given = a_shop().when(said, [ProductionGapRecorded(occurred_at=NOON, machine_id=1, **what)])
    given.loading("O1").loading("O2")
    given.when(change_over, ChangeOver(from_id=FLANGE, to_id=RING, user_id=7))
    given.then(
        ProcessChangedOver(occurred_at=given.now, machine_id=1, from_process_id=FLANGE, to_process_id=RING),
        AlertDismissed(occurred_at=given.now, alert_id=2, user_id=7),
    )
    assert [alert.kind for alert in given.shop.open_alerts.values()] == ["gap"]


def test_a_planned_changeover_asks_nobody() -> None:
    given = a_shop().loading("O1")
    given.when(change_over, ChangeOver(from_id=FLANGE, to_id=RING, planned=True, user_id=7))
    given.then(
        ProcessChangedOver(
            occurred_at=given.now, machine_id=1, from_process_id=FLANGE, to_process_id=RING, planned=True
        )
    )
    assert given.shop.machines[1].loaded_process_id == FLANGE, "what is loaded stays what the machine says"
    given.loading("O2").then(ProgramLoaded, ProcessSwitched)
    switched = given.events[1]
    assert isinstance(switched, ProcessSwitched)
    assert switched.planned
    given.loading("O1").loading("O2")
    assert [alert.kind for alert in given.alerts] == ["switch"], "one plan is for one switch"


def test_a_plan_waits_while_a_program_without_a_process_is_loaded() -> None:
    given = a_shop().loading("O1")
    given.when(change_over, ChangeOver(from_id=FLANGE, to_id=RING, planned=True))
    given.loading("O3").loading("O2")
    assert given.alerts == []


def test_a_switch_to_another_process_than_planned_is_asked_about() -> None:
    given = a_shop().loading("O1")
    given.when(change_over, ChangeOver(from_id=FLANGE, to_id=RING, planned=True))
    given.loading("O4")
    assert [alert.data["to_process_id"] for alert in given.alerts] == [SPARE]
    given.loading("O2")
    assert [alert.data["to_process_id"] for alert in given.alerts] == [RING], "that plan is over"


def test_a_planned_switch_answers_the_question_before() -> None:
    given = a_shop().loading("O1").loading("O4")
    given.when(change_over, ChangeOver(from_id=SPARE, to_id=RING, planned=True))
    assert list(given.shop.open_alerts) == [1]
    given.loading("O2").then(ProgramLoaded, ProcessSwitched, AlertDismissed)
    assert given.shop.open_alerts == {}


def test_a_plan_to_what_is_loaded_confirms_it() -> None:
    given = a_shop().loading("O1").loading("O2")
    given.when(change_over, ChangeOver(from_id=FLANGE, to_id=RING, planned=True))
    given.then(ProcessChangedOver, AlertDismissed)
    assert given.shop.machines[1].planned_process_id is None


def test_a_switch_by_a_clock_that_is_ahead_is_alerted_once() -> None:
    """The program and the process that follows it are one occasion."""
    command = SelectProgram(
        machine_id=1, program="O1", program_name=None, occurred_at=NOON + 1, reported_at=NOON + 3600
    )
    given = a_shop().when(select_program, command)
    assert [alert.kind for alert in given.alerts] == ["clock"]


@pytest.mark.parametrize("process_id", [FLANGE, RING])
def test_a_deleted_process_needs_no_confirmation_any_more(process_id: int) -> None:
    given = a_shop().loading("O1").loading("O2")
    given.when(delete_process, DeleteProcess(process_id=process_id))
    assert given.shop.open_alerts == {}


def test_a_deleted_process_leaves_the_other_alerts() -> None:
    given = a_shop().loading("O1").loading("O2").when(delete_process, DeleteProcess(process_id=SPARE))
    assert list(given.shop.open_alerts) == [1]


def test_a_deleted_machine_has_no_open_alerts() -> None:
    given = a_shop().loading("O1").loading("O2").loading("M1", machine_id=2)
    given.when(delete_machine, DeleteMachine(machine_id=1))
    assert (given.shop.open_alerts, list(given.shop.processes)) == ({}, [BOLT])


def test_a_switch_after_a_deleted_process_is_like_the_first() -> None:
    given = a_shop().loading("O1").when(delete_process, DeleteProcess(process_id=FLANGE))
    assert switches(given) == [(None, None)]
    given.loading("O2").then(ProgramLoaded, ProcessSwitched)


# Changeovers


def test_a_changeover_is_a_record() -> None:
    """And moves the removed assemblies; what is loaded stays what the machine says."""
    given = a_shop(an_assembly(1, process_id=FLANGE), an_assembly(2, process_id=RING), an_assembly(3, process_id=RING))
    given.loading("O1").loading("O2")
    command = ChangeOver(from_id=FLANGE, to_id=RING, remove_tool_assemblies=[2, 1, 2], user_id=7)
    given.when(change_over, command)
    given.then(
        ProcessChangedOver(
            occurred_at=given.now,
            machine_id=1,
            from_process_id=FLANGE,
            to_process_id=RING,
            removed_assembly_ids=[2, 1],
        ),
        AssemblyMoved(occurred_at=given.now, assembly_id=2, process_id=None),
        AssemblyMoved(occurred_at=given.now, assembly_id=1, process_id=None),
        AlertDismissed,
    )
    assert where(given) == {1: None, 2: None, 3: RING}
    assert given.shop.machines[1].loaded_process_id == RING


@pytest.mark.parametrize("planned", [False, True])
@pytest.mark.parametrize(("from_id", "to_id"), [(FLANGE, 9), (9, FLANGE), (8, 9)])
def test_processes_that_do_not_both_exist(from_id: int, to_id: int, planned: bool) -> None:
    """404."""
    given = a_shop().loading("O1")
    given.when(change_over, ChangeOver(from_id=from_id, to_id=to_id, planned=planned)).then_error(NotFound)


@pytest.mark.parametrize("planned", [False, True])
def test_processes_of_two_machines(planned: bool) -> None:
    """409, before anything else is looked at."""
    given = a_shop().loading("O1")
    given.when(change_over, ChangeOver(from_id=FLANGE, to_id=BOLT, planned=planned)).then_error(Conflict)


@pytest.mark.parametrize("loaded", [None, "O1", "O3", "M1"])
def test_a_process_that_is_not_loaded(loaded: str | None) -> None:
    """412 if the current process on the machine is not the new process; ignored if it is planned."""
    given = a_shop()
    if loaded is not None:
        given.loading(loaded, machine_id=2 if loaded == "M1" else 1)
    given.when(change_over, ChangeOver(from_id=FLANGE, to_id=RING)).then_error(PreconditionFailed)
    given.when(change_over, ChangeOver(from_id=FLANGE, to_id=RING, planned=True)).then(ProcessChangedOver)


@pytest.mark.parametrize("ids", [[4], [9], [1, 5]], ids=["of the spare process", "unknown", "of none"])
def test_a_removed_assembly_of_neither_process(ids: list[int]) -> None:
    """400, and the others stay too."""
    given = a_shop(an_assembly(1, process_id=FLANGE), an_assembly(4, process_id=SPARE), an_assembly(5, process_id=None))
    given.loading("O2")
    command = ChangeOver(from_id=FLANGE, to_id=RING, remove_tool_assemblies=ids)
    given.when(change_over, command).then_error(Invalid, "remove_tool_assemblies")


def test_what_a_person_removes_leaves_also_when_the_clock_of_the_machine_is_ahead() -> None:
    """What a person says holds."""
    given = a_shop(an_assembly(1, process_id=FLANGE, shared=True)).loading("O2", at=NOON + 9_000)
    command = ChangeOver(from_id=FLANGE, to_id=RING, remove_tool_assemblies=[1])
    given.when(change_over, command).then(ProcessChangedOver, AssemblyMoved)
    assert where(given) == {1: None}


def test_a_machine_that_says_something_else_switches_nothing() -> None:
    event = MachineStateChanged(occurred_at=NOON, machine_id=1, changes=ControlChanges(cycle_state="ACTIVE"))
    a_shop().loading("O1").when(said, [event]).then(event)
