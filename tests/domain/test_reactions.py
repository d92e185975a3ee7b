"""Reactions: what follows from an event, in the same transaction."""

from typing import Any

import pytest

from given import NOON, Given, a_machine, said
from taktledger.domain.alerts import AlertRaised
from taktledger.domain.controls import (
    ControlChanges,
    MachineFactSetAside,
    MachineStateChanged,
    MachineVariablesChanged,
)
from taktledger.domain.event import Event
from taktledger.domain.parts import CycleFinished, ProductionGapRecorded
from taktledger.domain.shop import Counter


def gap(**more: Any) -> ProductionGapRecorded:
    what = {"counter": "part_count", "gap_from": NOON - 30, "from_reading": 900, "to_reading": 3, "why": "restart"}
    return ProductionGapRecorded(**{"occurred_at": NOON, "machine_id": 1} | what | more)


def state(at: float, state: str, reported_at: float | None = None, machine_id: int = 1) -> MachineStateChanged:
    changes = ControlChanges(cycle_state=state)
    return MachineStateChanged(occurred_at=at, reported_at=reported_at, machine_id=machine_id, changes=changes)


@pytest.mark.parametrize("why", ["jump", "restart", "new source"])
def test_every_recorded_gap_is_alerted(why: str) -> None:
    """A gap is a fact (from, to, readings, why); its alert names the machine and says what was seen."""
    given = Given(a_machine(name="lathe")).when(said, [gap(why=why)]).then(gap(why=why), AlertRaised)
    (alert,) = given.alerts
    assert (alert.kind, alert.machine_id, alert.occurred_at, alert.actor) == ("gap", 1, NOON, "system")
    assert "lathe" in alert.message
    assert alert.data["from_reading"] == 900
    assert alert.data["to_reading"] == 3
    assert alert.data["why"] == why


def test_every_gap_is_an_occasion_of_its_own() -> None:
    """Alert: one per occasion. IDs are given in order from 1."""
    given = Given(a_machine()).when(said, [gap(), gap(occurred_at=NOON + 5)])
    given.then(ProductionGapRecorded, AlertRaised, ProductionGapRecorded, AlertRaised)
    assert [alert.alert_id for alert in given.alerts] == [1, 2]


def test_a_fact_set_aside_is_alerted() -> None:
    """A fact that the ledger will never take is set aside, with an alert."""
    event = MachineFactSetAside(occurred_at=NOON, machine_id=1, fact='{"type": "CyclesSeen"}', error="cycles: not 0")
    given = Given(a_machine(name="lathe")).when(said, [event]).then(event, AlertRaised)
    (alert,) = given.alerts
    assert (alert.kind, alert.machine_id) == ("fact", 1)
    assert "lathe" in alert.message
    assert "cycles: not 0" in alert.message


def test_a_clock_that_is_ahead_is_alerted_once() -> None:
    """One more than 5 s ahead is recorded as now, with the reported time kept, and alerted: one per occasion."""
    ahead = [state(NOON + second, f"S{second}", reported_at=NOON + 3600 + second) for second in range(4)]
    given = Given(a_machine(name="lathe")).when(said, ahead)
    (alert,) = given.alerts
    assert (alert.kind, alert.machine_id) == ("clock", 1)
    assert alert.data["reported_at"] == NOON + 3600
    given.when(said, [state(NOON + 9, "S9", reported_at=NOON + 3609)]).then(MachineStateChanged)


def test_a_clock_that_was_right_again_is_another_occasion() -> None:
    given = Given(a_machine()).when(said, [state(NOON, "A", NOON + 99), state(NOON + 1, "B")])
    given.when(said, [state(NOON + 2, "C", NOON + 99)]).then(MachineStateChanged, AlertRaised)


def test_each_machine_has_a_clock_of_its_own() -> None:
    given = Given(a_machine(1), a_machine(2, "mill"))
    given.when(said, [state(NOON, "A", NOON + 99, machine_id=1), state(NOON, "A", NOON + 99, machine_id=2)])
    assert [alert.machine_id for alert in given.alerts] == [1, 2]
    given.when(said, [state(NOON + 1, "B", machine_id=1), state(NOON + 1, "B", NOON + 99, machine_id=2)])
    given.then(MachineStateChanged, MachineStateChanged)


def test_a_gap_reported_by_a_clock_that_is_ahead_is_two_occasions() -> None:
    given = Given(a_machine()).when(said, [gap(reported_at=NOON + 99)])
    assert [alert.kind for alert in given.alerts] == ["gap", "clock"]


@pytest.mark.parametrize(
    "event",
    [
        state(NOON, "ACTIVE"),
        MachineVariablesChanged(occurred_at=NOON, machine_id=1, variables={5: 1.0}),
        CycleFinished(occurred_at=NOON, machine_id=1, counters={"part_count": Counter(1)}),
    ],
    ids=lambda event: type(event).__name__,
)
def test_nobody_is_alerted_of_what_is_as_it_should_be(event: Event) -> None:
    Given(a_machine()).when(said, [event]).then(event)


def test_nothing_is_alerted_again_on_a_rebuild() -> None:
    """Same transaction, never on a rebuild: the ledger folded anew is the shop as it was."""
    given = Given(a_machine()).when(said, [gap(), state(NOON, "A", NOON + 99)])
    again = Given(a_machine(), *given.events)
    assert again.shop.last_ids == given.shop.last_ids
    assert again.shop.machines == given.shop.machines
