"""Holds: made, changed, ended and deleted by people; what the clock does with them is in `test_hold_clock.py`."""

from typing import Any

import pytest

from given import NOON, Given, a_machine
from taktledger.domain.errors import Invalid, NotFound, ReferenceMissing
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
from taktledger.domain.holds.schedule import (
    CreateHoldSchedule,
    DeleteHoldSchedule,
    EditHoldSchedule,
    HoldScheduleCreated,
    HoldScheduleDeleted,
    HoldScheduleEdited,
    HoldScheduleFields,
    create_hold_schedule,
    delete_hold_schedule,
    edit_hold_schedule,
)
from taktledger.domain.machines import DeleteMachine, MachineDeleted, delete_machine
from taktledger.domain.users import DeleteUser, UserCreated, delete_user

HOUR = 3600.0


def a_hold(hold_id: int = 1, start: float = NOON - 30, **more: Any) -> HoldCreated:
    return HoldCreated(occurred_at=start, hold_id=hold_id, machine_id=1, start=start, **more)


def begun(hold_id: int = 1, at: float = NOON - 30) -> HoldStarted:
    return HoldStarted(occurred_at=at, hold_id=hold_id)


def a_schedule(schedule_id: int = 1, **fields: Any) -> HoldScheduleCreated:
    said = {"machine_id": 1, "name": "service", "frequency": "D", "time_of_day": "06:00"} | fields
    return HoldScheduleCreated(occurred_at=NOON - 30, schedule_id=schedule_id, fields=HoldScheduleFields(**said))


def make(**fields: Any) -> CreateHold:
    return CreateHold(machine_id=1, fields=HoldFields(**fields), user_id=7)


def test_a_hold_begins_at_once() -> None:
    made = HoldCreated(occurred_at=NOON + 1, hold_id=1, machine_id=1, start=NOON + 1, reason="fire drill", user_id=7)
    given = Given(a_machine()).when(create_hold, make(reason="fire drill"))
    given.then(made, HoldStarted(occurred_at=NOON + 1, hold_id=1))
    assert given.shop.holds[1].started
    assert given.shop.open_holds == {1}


def test_one_that_lies_ahead_has_not_started() -> None:
    Given(a_machine()).when(create_hold, make(start=NOON + HOUR)).then(HoldCreated)


def test_one_that_is_over_is_entered_with_its_times() -> None:
    given = Given(a_machine()).when(create_hold, make(start=NOON - HOUR, end=NOON - 60))
    given.then(
        HoldCreated, HoldStarted(occurred_at=NOON - HOUR, hold_id=1), HoldEnded(occurred_at=NOON - 60, hold_id=1)
    )
    assert given.shop.open_holds == set()


@pytest.mark.parametrize("fields", [{"end": NOON}, {"start": NOON + 60, "end": NOON + 60}])
def test_it_ends_after_its_start(fields: dict[str, float]) -> None:
    Given(a_machine()).when(create_hold, make(**fields)).then_error(Invalid, field="end")


def test_an_unknown_machine() -> None:
    Given().when(create_hold, make()).then_error(NotFound)


def test_its_end_releases_the_machine() -> None:
    given = Given(a_machine(), a_hold(), begun())
    given.when(edit_hold, EditHold(hold_id=1, fields=HoldFields(end=NOON)))
    given.then(
        HoldEdited(occurred_at=NOON + 1, hold_id=1, fields=HoldFields(end=NOON)), HoldEnded(occurred_at=NOON, hold_id=1)
    )


def test_what_changes_nothing_is_no_event() -> None:
    given = Given(a_machine(), a_hold(notes="x"), begun())
    given.when(edit_hold, EditHold(hold_id=1, fields=HoldFields(notes="x", end=None))).then()


@pytest.mark.parametrize("fields", [{"end": NOON - 30}, {"start": NOON + 90}])
def test_an_edit_may_not_turn_it_round(fields: dict[str, float]) -> None:
    given = Given(a_machine(), a_hold(end=NOON + 60), begun())
    given.when(edit_hold, EditHold(hold_id=1, fields=HoldFields(**fields))).then_error(Invalid, field="end")


def test_what_was_due_before_an_edit_is_written_first() -> None:
    given = Given(a_machine(), a_hold(start=NOON - 10, end=NOON - 5))
    given.when(edit_hold, EditHold(hold_id=1, fields=HoldFields(notes="x")))
    given.then(HoldStarted(occurred_at=NOON - 10, hold_id=1), HoldEnded(occurred_at=NOON - 5, hold_id=1), HoldEdited)


def test_one_that_was_over_goes_on_and_ends_again() -> None:
    over = HoldEnded(occurred_at=NOON - 5, hold_id=1)
    given = Given(a_machine(), a_hold(end=NOON - 5), begun(), over)
    given.when(edit_hold, EditHold(hold_id=1, fields=HoldFields(end=NOON + HOUR))).then(HoldEdited)
    assert given.shop.open_holds == {1}
    given.when(edit_hold, EditHold(hold_id=1, fields=HoldFields(end=NOON))).then(HoldEdited, HoldEnded)


def test_one_that_had_begun_may_be_put_off() -> None:
    given = Given(a_machine(), a_hold(), begun())
    given.when(edit_hold, EditHold(hold_id=1, fields=HoldFields(start=NOON + HOUR))).then(HoldEdited)
    assert not given.shop.holds[1].started


def test_deleting_one() -> None:
    given = Given(a_machine(), a_hold(), begun()).when(delete_hold, DeleteHold(hold_id=1)).then(HoldDeleted)
    assert (given.shop.holds, given.shop.open_holds) == ({}, set())
    given.when(delete_hold, DeleteHold(hold_id=1)).then_error(NotFound)


def test_an_id_is_never_used_twice() -> None:
    given = Given(a_machine(), a_hold()).when(delete_hold, DeleteHold(hold_id=1))
    given.when(create_hold, make()).then(HoldCreated, HoldStarted)
    assert list(given.shop.holds) == [2]


def test_they_go_with_their_machine() -> None:
    other = HoldCreated(occurred_at=NOON, hold_id=2, machine_id=2, start=NOON)
    given = Given(a_machine(), a_machine(2, "mill"), a_hold(), other, a_schedule())
    given.when(delete_machine, DeleteMachine(machine_id=1)).then(MachineDeleted)
    assert (set(given.shop.holds), given.shop.open_holds, given.shop.hold_schedules) == ({2}, {2}, {})
    assert given.shop.touched.holds >= {1}
    assert given.shop.touched.hold_schedules >= {1}


def test_a_user_who_is_deleted_is_forgotten_and_made_it_all_the_same() -> None:
    anna = UserCreated(occurred_at=NOON - 40, user_id=7, username="anna", access_level="shop")
    admin = UserCreated(occurred_at=NOON - 40, user_id=8, username="ines", access_level="admin")
    given = Given(a_machine(), anna, admin, a_hold(user_id=7)).when(delete_user, DeleteUser(user_id=7, by=8))
    assert (given.shop.holds[1].user_id, given.shop.holds[1].automatic) == (None, False)


# Schedules


def schedule(**fields: Any) -> CreateHoldSchedule:
    return CreateHoldSchedule(**{"machine_id": 1, "name": "n", "frequency": "D", "time_of_day": "06:00"} | fields)


def test_a_schedule_fires_every_day_of_every_month_unless_it_says_otherwise() -> None:
    given = Given(a_machine()).when(create_hold_schedule, schedule()).then(HoldScheduleCreated)
    found = given.shop.hold_schedules[1]
    assert (found.interval, found.indices, found.months, found.weekdays, found.duration) == (1, [], 4095, 127, None)
    assert found.created == found.looked_until == NOON + 1


@pytest.mark.parametrize(
    ("frequency", "indices"),
    [
        *[(each, []) for each in "YMW"],
        *[(each, [0]) for each in "YMW"],
        *[("W", [8]), ("W", [-8]), ("M", [1, 32]), ("M", [-32]), ("Y", [367]), ("Y", [-367])],
    ],
)
def test_indices_must_mean_something(frequency: str, indices: list[int]) -> None:
    refused = schedule(frequency=frequency, indices=indices)
    Given(a_machine()).when(create_hold_schedule, refused).then_error(Invalid, field="indices")


@pytest.mark.parametrize("frequency", ["D", "H"])
@pytest.mark.parametrize("indices", [[], [0], [999]])
def test_days_and_hours_ignore_them(frequency: str, indices: list[int]) -> None:
    given = Given(a_machine()).when(create_hold_schedule, schedule(frequency=frequency, indices=indices))
    given.then(HoldScheduleCreated)


def test_an_edit_may_not_leave_a_schedule_without_meaning() -> None:
    weekly = EditHoldSchedule(schedule_id=1, fields=HoldScheduleFields(frequency="W"))
    Given(a_machine(), a_schedule()).when(edit_hold_schedule, weekly).then_error(Invalid, field="indices")


def test_a_schedule_of_no_machine() -> None:
    Given().when(create_hold_schedule, schedule()).then_error(ReferenceMissing, field="machine_id")
    moved = EditHoldSchedule(schedule_id=1, fields=HoldScheduleFields(machine_id=9))
    Given(a_machine(), a_schedule()).when(edit_hold_schedule, moved).then_error(ReferenceMissing, field="machine_id")


def test_a_schedule_may_go_to_another_machine() -> None:
    moved = EditHoldSchedule(schedule_id=1, fields=HoldScheduleFields(machine_id=2))
    given = Given(a_machine(), a_machine(2, "mill"), a_schedule()).when(edit_hold_schedule, moved)
    given.then(HoldScheduleEdited)
    assert given.shop.hold_schedules[1].machine_id == 2


def test_its_holds_stay_when_a_schedule_goes() -> None:
    given = Given(a_machine(), a_schedule(), a_hold(schedule_id=1))
    given.when(delete_hold_schedule, DeleteHoldSchedule(schedule_id=1)).then(HoldStarted, HoldScheduleDeleted)
    assert (given.shop.holds[1].schedule_id, given.shop.holds[1].automatic) == (None, True)
    given.when(delete_hold_schedule, DeleteHoldSchedule(schedule_id=1)).then_error(NotFound)
