"""Alerts: dismissing them, and those that a process asks for (`cv_map`)."""

from typing import Any

import pytest

from given import NOON, Given, a_machine, a_process, a_program, cycles_of, said
from taktledger.domain.alerts import AlertDismissed, AlertRaised, DismissAlert, dismiss_alert
from taktledger.domain.errors import NotFound
from taktledger.domain.parts import CycleFinished, ProductionGapRecorded, finish_cycles
from taktledger.domain.processes import EditProcess, ProcessFields, edit_process
from taktledger.domain.shop import MappedVariable

LIMIT = 12.5


def a_gap(at: float = NOON) -> ProductionGapRecorded:
    what: Any = {"counter": "part_count", "gap_from": None, "from_reading": 9, "to_reading": 3, "why": "restart"}
    return ProductionGapRecorded(occurred_at=at, machine_id=1, **what)


# Dismissing


def test_an_alert_is_dismissed() -> None:
    given = Given(a_machine()).when(said, [a_gap(), a_gap()])
    given.when(dismiss_alert, DismissAlert(alert_id=1, user_id=7))
    given.then(AlertDismissed(occurred_at=NOON + 2, alert_id=1, user_id=7))
    assert list(given.shop.open_alerts) == [2]


def test_a_second_time_nothing_happens() -> None:
    given = Given(a_machine()).when(said, [a_gap()]).when(dismiss_alert, DismissAlert(alert_id=1, user_id=7))
    given.when(dismiss_alert, DismissAlert(alert_id=1, user_id=8)).then()


@pytest.mark.parametrize("alert_id", [0, -1, 2])
def test_an_unknown_alert(alert_id: int) -> None:
    """404; also of one that may come."""
    given = Given(a_machine()).when(said, [a_gap()])
    given.when(dismiss_alert, DismissAlert(alert_id=alert_id, user_id=7)).then_error(NotFound)


def test_ids_are_never_used_twice() -> None:
    given = Given(a_machine()).when(said, [a_gap()]).when(dismiss_alert, DismissAlert(alert_id=1, user_id=7))
    given.when(said, [a_gap()])
    assert [alert.alert_id for alert in given.alerts] == [2]


# What a process compares


def a_shop(*compared: tuple[str, float | None], parts_per_cycle: int = 1) -> Given:
    cv_map = {
        f"bore {number}": {"number": number, "notifyComparison": comparison, "notifyValue": value}
        for number, (comparison, value) in enumerate(compared, 500)
    }
    process = a_process(cv_map=cv_map, parts_per_cycle=parts_per_cycle)
    return Given(a_machine(), process, a_program(process_id=1)).loading("O1", at=NOON - 9)


@pytest.mark.parametrize(
    ("comparison", "below", "at", "above"),
    [
        ("EQ", False, True, False),
        ("NE", True, False, True),
        ("LT", True, False, False),
        ("LE", True, True, False),
        ("GT", False, False, True),
        ("GE", False, True, True),
    ],
)
def test_comparisons_at_and_beside_the_limit(comparison: str, below: bool, at: bool, above: bool) -> None:
    for value, alerted in ((12.499999, below), (LIMIT, at), (12.500001, above)):
        given = a_shop((comparison, LIMIT)).when(finish_cycles, cycles_of(variables={500: value}))
        given.then(*([CycleFinished, AlertRaised] if alerted else [CycleFinished]))


def test_what_the_alert_says() -> None:
    given = a_shop(("GT", LIMIT), parts_per_cycle=2).when(finish_cycles, cycles_of(cycles=2))
    given.when(finish_cycles, cycles_of(cycles=2, variables={500: 13.0}, at=NOON + 60))
    (alert,) = given.alerts
    assert (alert.kind, alert.machine_id, alert.process_id, alert.occurred_at) == ("variable", 1, 1, NOON + 60)
    assert alert.data == {
        "variable": "bore 500",
        "number": 500,
        "value": 13.0,
        "comparison": "GT",
        "limit": LIMIT,
        "part_ids": [5, 6, 7, 8],
    }
    for word in ("lathe", "flange", "bore 500", "13", "12.5"):
        assert word in alert.message


def test_a_cycle_without_parts_has_a_value_too() -> None:
    given = a_shop(("GT", LIMIT), parts_per_cycle=0).when(finish_cycles, cycles_of(variables={500: 13.0}))
    assert [alert.data["part_ids"] for alert in given.alerts] == [[]]


def test_each_variable_for_itself_and_once_until_it_is_dismissed() -> None:
    """One per occasion: a tool that has worn out must not raise one alert with every part."""
    given = a_shop(("GT", LIMIT), ("LT", LIMIT), ("GE", 0.0))
    given.when(finish_cycles, cycles_of(variables={500: 13.0, 501: 13.0, 502: 0.0}))
    assert [alert.data["variable"] for alert in given.alerts] == ["bore 500", "bore 502"]
    given.when(finish_cycles, cycles_of(variables={500: 13.0, 502: 0.0}))
    assert given.alerts == []
    given.when(dismiss_alert, DismissAlert(alert_id=1, user_id=1))
    given.when(finish_cycles, cycles_of(variables={500: 13.0, 502: 0.0}))
    assert [(alert.alert_id, alert.data["variable"]) for alert in given.alerts] == [(3, "bore 500")]


def test_what_was_not_read_is_compared_with_nothing() -> None:
    """Omitted is "unknown", never 0."""
    a_shop(("LT", LIMIT), ("NE", LIMIT)).when(finish_cycles, cycles_of(variables={7: 1.0})).then(CycleFinished)


def test_a_limit_of_0_is_a_limit() -> None:
    given = a_shop(("EQ", 0.0)).when(finish_cycles, cycles_of(variables={500: 0.0}))
    assert len(given.alerts) == 1


def test_a_variable_without_a_comparison_is_only_kept() -> None:
    given = Given(a_machine(), a_process(cv_map={"bore": {"number": 500}}), a_program(process_id=1))
    given.loading("O1").when(finish_cycles, cycles_of(variables={500: 13.0})).then(CycleFinished)


def test_another_process_compares_nothing() -> None:
    cv_map = {"bore": {"number": 500, "notifyComparison": "GT", "notifyValue": 1}}
    given = Given(a_machine(), a_process(1, cv_map=cv_map), a_process(2), a_program(process_id=2), a_program(2, "O2"))
    for program in ("O1", "O2"):
        given.loading(program).when(finish_cycles, cycles_of(program, variables={500: 13.0})).then(CycleFinished)


def test_an_edit_compares_from_now_on() -> None:
    given = a_shop(("GT", LIMIT)).when(finish_cycles, cycles_of(variables={500: 12.0}))
    mapped = MappedVariable(number=500, notify_comparison="GT", notify_value=11.0)
    given.when(edit_process, EditProcess(process_id=1, fields=ProcessFields(cv_map={"bore": mapped})))
    assert given.alerts == []
    given.when(finish_cycles, cycles_of(variables={500: 12.0}))
    assert [alert.data["limit"] for alert in given.alerts] == [11.0]
