"""What follows when an edge can, or can't, tell a control to hold."""

from given import NOON, Given, a_machine
from taktledger.domain.alerts import AlertDismissed, AlertRaised
from taktledger.domain.controls import MachineHoldOutputFailed, MachineHoldOutputWritten
from taktledger.domain.holds.hold import (
    DeleteHold,
    EditHold,
    HoldCreated,
    HoldDeleted,
    HoldEdited,
    HoldEnded,
    HoldFields,
    HoldStarted,
    delete_hold,
    edit_hold,
)
from taktledger.domain.shop import Shop
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


def open_alerts(shop: Shop) -> list[tuple[str, bool | None]]:
    return [(alert.kind, alert.held) for alert in shop.open_alerts.values()]


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
    given = refuses(refuses(held()), hold=False).then(MachineHoldOutputFailed, AlertDismissed, AlertRaised)
    assert open_alerts(given.shop) == [("hold", False)]


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


def test_the_end_of_a_hold_says_nothing_of_a_release_that_failed() -> None:
    """The edge may have released the machine, or tried to, before the ledger writes that the hold is over."""
    given = refuses(held(), hold=False)
    release(given).then(HoldEdited, HoldEnded)
    assert open_alerts(given.shop) == [("hold", False)]


def test_an_alert_of_another_machine_stays() -> None:
    given = held(HoldCreated(occurred_at=NOON - 20, hold_id=2, machine_id=2, start=NOON - 20))
    refuses(given)
    release(given, 2)
    assert open_alerts(given.shop) == [("hold", True)]
