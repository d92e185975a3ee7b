"""What follows when an edge can, or can't, tell a control to hold."""

from given import NOON, Given, a_machine
from taktledger.domain.alerts import AlertDismissed, AlertRaised, DismissAlert, dismiss_alert
from taktledger.domain.controls import (
    MachineEdgeLossEnded,
    MachineEdgeLost,
    MachineHoldOutputFailed,
    MachineHoldOutputWritten,
)
from taktledger.domain.holds.clock import LookAtHolds, look_at_holds
from taktledger.domain.holds.edge import NoteEdge, note_edge
from taktledger.domain.holds.hold import (
    CreateHold,
    DeleteHold,
    EditHold,
    HoldCreated,
    HoldDeleted,
    HoldEdited,
    HoldEnded,
    HoldFields,
    HoldStarted,
    create_hold,
    delete_hold,
    edit_hold,
)
from taktledger.shopfloor.facts import Fact, HoldOutputFailed, HoldOutputWritten
from taktledger.shopfloor.ingest import TakeFact, take_fact


def held(*more: HoldCreated | HoldStarted) -> Given:
    """The lathe must not run, by hold 1."""
    made = HoldCreated(occurred_at=NOON - 30, hold_id=1, machine_id=1, start=NOON - 30)
    return Given(a_machine(), made, HoldStarted(occurred_at=NOON - 30, hold_id=1), *more)


def another() -> tuple[HoldCreated, HoldStarted]:
    made = HoldCreated(occurred_at=NOON - 20, hold_id=2, machine_id=1, start=NOON - 20)
    return made, HoldStarted(occurred_at=NOON - 20, hold_id=2)


def says(given: Given, fact: Fact) -> Given:
    command = TakeFact(machine="lathe", fact=fact, occurred_at=given.now + 1)
    return given.when(take_fact, command, source="spool/lathe", source_sequence=int(given.now - NOON) + 1)


def refuses(given: Given, *, hold: bool = True) -> Given:
    return says(given, HoldOutputFailed(held=hold, error="coil 0: no answer"))


def release(given: Given, hold_id: int = 1) -> Given:
    return given.when(edit_hold, EditHold(hold_id=hold_id, fields=HoldFields(end=given.now)))


def open_alerts(given: Given) -> list[bool]:
    """Of controls that can't be told: what each should be told."""
    shop = given.shop
    return [
        failure.held
        for alert in shop.open_alerts.values()
        if alert.kind == "hold" and (failure := shop.machines[alert.machine_id or 0].hold_failure) is not None
    ]


def test_what_was_written_is_an_event_and_no_alert() -> None:
    given = says(held(), HoldOutputWritten(held=True))
    given.then(
        MachineHoldOutputWritten(occurred_at=NOON + 1, machine_id=1, held=True, source="spool/lathe", source_sequence=1)
    )


def test_a_control_that_can_not_be_told_is_an_alert() -> None:
    given = refuses(held()).then(MachineHoldOutputFailed, AlertRaised)
    (alert,) = given.alerts
    assert alert.message == "lathe must not run, but its control can't be told so: coil 0: no answer"
    assert (alert.kind, alert.machine_id, alert.data) == ("hold", 1, {"held": True, "error": "coil 0: no answer"})


def test_nor_one_that_can_not_be_released() -> None:
    (alert,) = refuses(release(held()), hold=False).alerts
    assert alert.message == "lathe may run again, but its control can't be told so: coil 0: no answer"


def test_there_is_one_at_a_time() -> None:
    given = refuses(held())
    assert open_alerts(given) == [True]
    release(given).then(HoldEdited, HoldEnded, AlertDismissed)
    refuses(given, hold=False).then(MachineHoldOutputFailed, AlertRaised)
    assert open_alerts(given) == [False]


def test_it_is_over_when_the_control_was_told() -> None:
    says(refuses(held()), HoldOutputWritten(held=True)).then(MachineHoldOutputWritten, AlertDismissed)


def test_it_is_over_when_the_last_hold_is() -> None:
    given = refuses(held(*another()))
    release(given, 1).then(HoldEdited, HoldEnded)
    release(given, 2).then(HoldEdited, HoldEnded, AlertDismissed)


def test_a_deleted_hold_ends_it_too() -> None:
    refuses(held()).when(delete_hold, DeleteHold(hold_id=1)).then(HoldDeleted, AlertDismissed)


def test_and_one_that_is_put_off() -> None:
    given = refuses(held())
    later = HoldFields(start=NOON + 1000)
    given.when(edit_hold, EditHold(hold_id=1, fields=later)).then(HoldEdited, AlertDismissed)


def test_one_hold_after_the_other() -> None:
    """The edge has nothing new to say: its control still can't be told."""
    given = refuses(held())
    given.when(edit_hold, EditHold(hold_id=1, fields=HoldFields(end=NOON + 100)))
    given.when(create_hold, CreateHold(machine_id=1, fields=HoldFields(start=NOON + 100, end=NOON + 200)))
    given.when(look_at_holds, LookAtHolds(), NOON + 101)
    given.then(HoldEnded, AlertDismissed, HoldStarted, AlertRaised)
    given.when(look_at_holds, LookAtHolds(), NOON + 201).then(HoldEnded, AlertDismissed)


def test_the_edge_may_be_ahead_of_the_ledger() -> None:
    """It knows the schedule, and says what failed before the ledger has written that the hold has begun."""
    made = HoldCreated(occurred_at=NOON, hold_id=1, machine_id=1, start=NOON + 10)
    given = refuses(Given(a_machine(), made)).then(MachineHoldOutputFailed)
    given.when(look_at_holds, LookAtHolds(), NOON + 10).then(HoldStarted, AlertRaised)


def test_or_of_its_end() -> None:
    given = refuses(held(), hold=False).then(MachineHoldOutputFailed)
    release(given).then(HoldEdited, HoldEnded, AlertRaised)
    assert open_alerts(given) == [False]


def test_a_hold_that_is_over_when_the_fact_comes_is_no_alert() -> None:
    given = refuses(release(held())).then(MachineHoldOutputFailed)
    assert open_alerts(given) == []


def test_what_somebody_has_seen_to_stays_so_until_there_is_news() -> None:
    given = refuses(held())
    (alert,) = given.alerts
    given.when(dismiss_alert, DismissAlert(alert_id=alert.alert_id, user_id=1)).then(AlertDismissed)
    given.when(edit_hold, EditHold(hold_id=1, fields=HoldFields(notes="spindle"))).then(HoldEdited)
    refuses(given).then(MachineHoldOutputFailed, AlertRaised)


def test_holds_of_another_machine_change_nothing() -> None:
    given = held(HoldCreated(occurred_at=NOON - 20, hold_id=2, machine_id=2, start=NOON - 20))
    refuses(given)
    release(given, 2)
    assert open_alerts(given) == [True]


def test_a_machine_that_does_not_answer_has_not_been_heard() -> None:
    shop = refuses(held()).shop
    assert (shop.machines[1].last_fact_at, shop.machines[1].reported_by_edge) == (None, True)


# An edge that is not heard


def edge(given: Given, *, lost: bool) -> Given:
    return given.when(note_edge, NoteEdge(machine_id=1, lost=lost))


def written(given: Given, *, held: bool) -> Given:
    return says(given, HoldOutputWritten(held=held))


def test_an_edge_that_is_lost_while_its_machine_must_not_run_is_an_alert() -> None:
    given = edge(held(), lost=True).then(MachineEdgeLost, AlertRaised)
    (alert,) = given.alerts
    assert alert.message == "lathe must not run, but its control can't be told so: its edge is not heard"
    assert (alert.kind, alert.machine_id, alert.data) == ("hold", 1, {"held": True, "error": "its edge is not heard"})
    edge(given, lost=True).then()


def test_it_is_over_when_the_edge_is_heard() -> None:
    given = edge(edge(held(), lost=True), lost=False).then(MachineEdgeLossEnded, AlertDismissed)
    edge(given, lost=False).then()
    edge(given, lost=True).then(MachineEdgeLost, AlertRaised)


def test_a_control_that_was_told_needs_no_edge() -> None:
    edge(written(held(), held=True), lost=True).then()
    edge(Given(a_machine()), lost=True).then()


def test_a_machine_that_can_not_be_released_since_its_edge_is_lost() -> None:
    given = edge(release(written(held(), held=True)), lost=True).then(MachineEdgeLost, AlertRaised)
    assert open_alerts(given) == [False]
    written(given, held=False).then(MachineHoldOutputWritten, AlertDismissed)


def test_a_hold_that_ends_before_the_edge_is_back() -> None:
    given = release(edge(held(), lost=True)).then(HoldEdited, HoldEnded, AlertDismissed)
    given = edge(given, lost=True).then()
    given = given.when(create_hold, CreateHold(machine_id=1, fields=HoldFields()))
    given.then(HoldCreated, HoldStarted, AlertRaised)  # it is lost still


def test_what_the_edge_says_itself_goes_before() -> None:
    given = refuses(edge(held(), lost=True)).then(MachineHoldOutputFailed, AlertDismissed, AlertRaised)
    given = edge(given, lost=False).then()
    edge(given, lost=True).then()


def test_what_the_edge_could_not_do_is_not_forgotten() -> None:
    """It says it once. The machine was held, can't be released, and is to be held again while the edge is away."""
    given = refuses(release(written(held(), held=True)), hold=False).then(MachineHoldOutputFailed, AlertRaised)
    given = given.when(create_hold, CreateHold(machine_id=1, fields=HoldFields()))
    given = edge(given.then(HoldCreated, HoldStarted, AlertDismissed), lost=True).then()
    given = release(given, hold_id=2).then(HoldEdited, HoldEnded, AlertRaised)
    edge(edge(given, lost=True).then(), lost=False).then()
    assert open_alerts(given) == [False]


def test_the_edge_of_a_machine_that_is_gone() -> None:
    edge(Given(), lost=True).then()
