"""What a control's silence makes: a machine that its edge gets no answer from."""

import pytest

from given import NOON, Given, a_machine, a_process, a_program, said
from taktledger.domain.alerts import AlertDismissed, AlertRaised, DismissAlert, dismiss_alert
from taktledger.domain.controls import (
    RUNNING_STATES,
    ControlChanges,
    MachineFellSilent,
    MachineSilenceEnded,
    MachineStateChanged,
    NoteContact,
    is_running,
    note_contact,
)
from taktledger.domain.machines import (
    CreateMachine,
    DeleteMachine,
    EditMachine,
    MachineFields,
    create_machine,
    delete_machine,
    edit_machine,
)

SILENT = NoteContact(machine_id=1, last_contact=NOON - 90, silent=True)
HEARD = NoteContact(machine_id=1, last_contact=NOON, silent=False)


def test_a_silence_is_written_and_alerted_once() -> None:
    given = Given(a_machine()).when(note_contact, SILENT)
    given.then(MachineFellSilent(occurred_at=NOON + 1, machine_id=1, last_contact=NOON - 90), AlertRaised)
    (alert,) = given.alerts
    assert (alert.kind, alert.machine_id, alert.data) == ("silent", 1, {"last_contact": NOON - 90})
    assert "lathe has not answered since 2026-11-20T11:58:30" in alert.message
    given.when(note_contact, SILENT).then()


def test_its_end_is_written_once_and_dismisses_the_alert() -> None:
    given = Given(a_machine()).when(note_contact, SILENT).when(note_contact, HEARD)
    given.then(
        MachineSilenceEnded(occurred_at=NOON + 2, machine_id=1), AlertDismissed(occurred_at=NOON + 2, alert_id=1)
    )
    assert given.shop.open_alerts == {}
    given.when(note_contact, HEARD).then()


def test_the_next_silence_is_another_occasion() -> None:
    given = Given(a_machine()).when(note_contact, SILENT).when(note_contact, HEARD).when(note_contact, SILENT)
    assert [alert.alert_id for alert in given.alerts] == [2]


def test_a_machine_that_never_answered() -> None:
    given = Given(a_machine()).when(note_contact, NoteContact(machine_id=1, last_contact=None, silent=True))
    assert given.alerts[0].message == "lathe has not answered yet"


def test_a_silence_whose_alert_somebody_dismissed_goes_on() -> None:
    given = Given(a_machine()).when(note_contact, SILENT)
    given.when(dismiss_alert, DismissAlert(alert_id=1, user_id=7)).when(note_contact, SILENT).then()
    given.when(note_contact, HEARD).then(MachineSilenceEnded)


def test_a_machine_that_is_not_silent_has_nothing_to_end() -> None:
    Given(a_machine()).when(note_contact, HEARD).then()


def test_an_unknown_machine_is_silent_for_nobody() -> None:
    """It may have been deleted meanwhile: that is no error."""
    Given(a_machine()).when(note_contact, NoteContact(machine_id=2, last_contact=None, silent=True)).then()


def test_each_machine_is_silent_for_itself() -> None:
    given = Given(a_machine(1), a_machine(2, "mill")).when(note_contact, SILENT)
    given.when(note_contact, NoteContact(machine_id=2, last_contact=None, silent=True)).when(note_contact, HEARD)
    assert {each: alert.machine_id for each, alert in given.shop.open_alerts.items()} == {2: 2}


def test_a_silence_is_no_fact_of_the_machine() -> None:
    """After a restart `last_contact` is the time of its last fact: a silence is none. What it said stays."""
    state = MachineStateChanged(occurred_at=NOON - 99, machine_id=1, changes=ControlChanges(cycle_state="ACTIVE"))
    given = Given(a_machine(), a_process(), a_program(process_id=1)).loading("O1", at=NOON - 99).when(said, [state])
    given.when(note_contact, SILENT)
    machine = given.shop.machines[1]
    assert (machine.last_fact_at, machine.control.cycle_state, machine.loaded_process_id) == (NOON - 99, "ACTIVE", 1)
    given.when(note_contact, HEARD)
    assert machine.last_fact_at == NOON - 99


def test_a_silent_machine_may_be_deleted() -> None:
    given = Given(a_machine()).when(note_contact, SILENT).when(delete_machine, DeleteMachine(machine_id=1))
    assert given.shop.open_alerts == {}
    given.when(create_machine, CreateMachine(name="lathe"))
    assert not given.shop.machines[2].silent


@pytest.mark.parametrize("state", [*RUNNING_STATES, "active", "PRINTING"])
def test_running_states_in_any_case(state: str) -> None:
    changes = ControlChanges(cycle_state=state)
    given = Given(a_machine(), MachineStateChanged(occurred_at=NOON, machine_id=1, changes=changes))
    assert is_running(given.shop.machines[1])
    given.when(edit_machine, EditMachine(machine_id=1, fields=MachineFields(running_states=["cutting"])))
    assert not is_running(given.shop.machines[1])


@pytest.mark.parametrize("state", ["", "STOPPED", "FEED_HOLD", None])
def test_everything_else_is_no_running_state(state: str | None) -> None:
    given = Given(a_machine())
    if state is not None:
        changes = ControlChanges(cycle_state=state)
        given.when(said, [MachineStateChanged(occurred_at=NOON, machine_id=1, changes=changes)])
    assert not is_running(given.shop.machines[1])
