"""The clock's part: what is due is written once, in order, with its own time, whenever somebody looks."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from given import NOON, Given, a_machine
from street import START, Clock, Street, assert_sound, events, new_folder, new_street, request, street_on
from taktledger.domain.event import Event
from taktledger.domain.holds.clock import LookAtHolds, hold_times, look_at_holds, next_turn
from taktledger.domain.holds.hold import (
    CreateHold,
    DeleteHold,
    EditHold,
    HoldCreated,
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
    HoldScheduleFields,
    create_hold_schedule,
    delete_hold_schedule,
    edit_hold_schedule,
)
from taktledger.domain.machines import CreateMachine, create_machine
from taktledger.domain.options import OptionFields, edit_options

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0


def a_schedule(schedule_id: int = 1, **fields: Any) -> HoldScheduleCreated:
    said = {"machine_id": 1, "name": "service", "frequency": "H", "time_of_day": "00:30", "duration": 10} | fields
    return HoldScheduleCreated(occurred_at=NOON, schedule_id=schedule_id, fields=HoldScheduleFields(**said))


def look(given: Given, now: float) -> Given:
    return given.when(look_at_holds, LookAtHolds(), now)


def times(found: Sequence[Event]) -> list[tuple[str, float]]:
    """What happened, and when. Minutes after noon."""
    return [(type(each).__name__, (each.occurred_at - NOON) / MINUTE) for each in found]


def test_a_schedule_that_fires() -> None:
    given = look(Given(a_machine(), a_schedule(reason="grease")), NOON + 31 * MINUTE)
    at = NOON + 30 * MINUTE
    made = HoldCreated(
        occurred_at=at, hold_id=1, machine_id=1, start=at, end=at + 10 * MINUTE, reason="grease", schedule_id=1
    )
    given.then(made, HoldStarted(occurred_at=at, hold_id=1))
    look(given, NOON + 39 * MINUTE).then()
    look(given, NOON + 40 * MINUTE).then(HoldEnded(occurred_at=NOON + 40 * MINUTE, hold_id=1))


def test_what_was_missed_is_made_up_in_order() -> None:
    """Over three scheduled holds, and the end of two of them."""
    given = look(Given(a_machine(), a_schedule(), a_schedule(2, time_of_day="00:35", interval=3)), NOON + 91 * MINUTE)
    assert times(given.events) == [
        ("HoldCreated", 30),
        ("HoldStarted", 30),
        ("HoldCreated", 35),
        ("HoldStarted", 35),
        ("HoldEnded", 40),
        ("HoldEnded", 45),
        ("HoldCreated", 90),
        ("HoldStarted", 90),
    ]
    assert next_turn(given.shop) == NOON + 100 * MINUTE
    look(given, NOON + 91 * MINUTE).then()


def test_nothing_to_wait_for() -> None:
    assert next_turn(Given(a_machine(), a_schedule(months=0)).shop) is None


def test_no_ghost_of_an_edited_schedule() -> None:
    """What it had to do by its old rule is done; a time that is past by its new rule is not."""
    given = Given(a_machine(), a_schedule())
    edit = EditHoldSchedule(schedule_id=1, fields=HoldScheduleFields(time_of_day="00:05"))
    given.when(edit_hold_schedule, edit, NOON + 32 * MINUTE)
    assert times(given.events[:2]) == [("HoldCreated", 30), ("HoldStarted", 30)]
    look(given, NOON + 59 * MINUTE).then(HoldEnded)
    look(given, NOON + 91 * MINUTE)
    assert times(given.events[:1]) == [("HoldCreated", 65)]


def test_no_ghost_of_a_deleted_schedule() -> None:
    given = Given(a_machine(), a_schedule())
    given.when(delete_hold_schedule, DeleteHoldSchedule(schedule_id=1), NOON + 29 * MINUTE)
    look(given, NOON + DAY).then()


def test_no_ghost_when_the_time_zone_changes() -> None:
    """12:20 in Berlin was past an hour ago when it became the shop's time."""
    given = Given(a_machine(), a_schedule(frequency="D", time_of_day="12:20"))
    given.when(edit_options, OptionFields(timezone="Europe/Berlin"), NOON + 10 * MINUTE)
    look(given, NOON + 30 * MINUTE).then()
    look(given, NOON + DAY)
    assert times(given.events[:1]) == [("HoldCreated", 23 * 60 + 20)]


def test_what_the_edge_must_know() -> None:
    """The holds that are not over, and what the schedules will do in the next seven days, made already or not."""
    given = Given(a_machine(), a_machine(2, "mill"), a_schedule(frequency="D", time_of_day="13:00", duration=None))
    given.when(create_hold, CreateHold(machine_id=1, fields=HoldFields(end=NOON + 90)), NOON + 1)
    given.when(create_hold, CreateHold(machine_id=2, fields=HoldFields()), NOON + 1)
    firings = [(NOON + HOUR + day * DAY, None) for day in range(8)]
    now = NOON + HOUR + 1
    assert hold_times(given.shop, 1, NOON + 2) == [(0.0, NOON + 90), *firings[:7]]
    assert hold_times(given.shop, 1, now) == firings
    look(given, now)
    assert hold_times(given.shop, 1, now) == [(0.0, None), *firings[1:]]
    assert hold_times(given.shop, 2, now) == [(0.0, None)]


def test_while_the_server_is_down() -> None:
    """Three scheduled holds begin and one of them ends while nobody looks: after the start they are there."""
    with new_folder() as folder:
        clock = Clock(NOON)
        with street_on(folder, clock) as street:
            street.do(create_machine, CreateMachine(name="lathe"))
            for minute, duration in ((10, 5), (20, 60), (30, None)):
                said: dict[str, Any] = {"time_of_day": f"12:{minute}", "duration": duration, "name": "n"}
                street.do(create_hold_schedule, CreateHoldSchedule(machine_id=1, frequency="D", **said))
        clock.now = NOON + 45 * MINUTE
        with street_on(folder, clock) as street:
            street.do(look_at_holds, LookAtHolds())
            found = [each for each in events(street.ledger) if isinstance(each, (HoldCreated, HoldStarted, HoldEnded))]
            assert times([each for each in found if isinstance(each, HoldStarted)]) == [
                ("HoldStarted", 10),
                ("HoldStarted", 20),
                ("HoldStarted", 30),
            ]
            assert times([each for each in found if isinstance(each, HoldEnded)]) == [("HoldEnded", 15)]
            assert {each.recorded_at for each in found} == {clock.now}
            assert [street.shop.holds[each].ended for each in (1, 2, 3)] == [True, False, False]
            assert_sound(street)


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_the_system_clock_jumps(jump: float) -> None:
    """No hold is made twice, and none is lost."""
    with new_street(Clock(NOON)) as street:
        street.do(create_machine, CreateMachine(name="lathe"))
        every_hour = CreateHoldSchedule(machine_id=1, name="n", frequency="H", time_of_day="00:30", duration=20.0)
        street.do(create_hold_schedule, every_hour)
        for minute in range(400):
            street.clock.now = NOON + minute * MINUTE + (jump if 100 <= minute < 250 else 0)
            street.do(look_at_holds, LookAtHolds())
        made = [each for each in events(street.ledger) if isinstance(each, HoldCreated)]
        assert times(made) == [("HoldCreated", 30 + 60 * hour) for hour in range(7)]
        ended = [each for each in events(street.ledger) if isinstance(each, HoldEnded)]
        assert times(ended) == [("HoldEnded", 50 + 60 * hour) for hour in range(6)]


# Whoever looks every minute sees no more than whoever looks once in a while

a_time = st.integers(0, 36 * 60).map(lambda minutes: START + minutes * MINUTE)
a_rule = st.fixed_dictionaries(
    {},
    optional={
        "frequency": st.sampled_from(("H", "D")),
        "interval": st.integers(1, 5),
        "time_of_day": st.sampled_from(("00:00", "02:30", "12:20", "23:59")),
        "duration": st.sampled_from((None, 1.0, 45.0, 300.0)),
        "weekdays": st.sampled_from((127, 8, 16)),
    },
)
an_act = st.one_of(
    st.builds(
        lambda start, end: (create_hold, CreateHold(machine_id=1, fields=HoldFields(start=start, end=end))),
        a_time,
        st.none() | a_time,
    ),
    st.builds(
        lambda hold, fields: (edit_hold, EditHold(hold_id=hold, fields=HoldFields(**fields))),
        st.integers(1, 5),
        st.fixed_dictionaries({}, optional={"start": a_time, "end": st.none() | a_time}),
    ),
    st.builds(lambda hold: (delete_hold, DeleteHold(hold_id=hold)), st.integers(1, 5)),
    st.builds(
        lambda rule: (
            create_hold_schedule,
            CreateHoldSchedule(
                **{"machine_id": 1, "name": "n", "frequency": "H", "time_of_day": "00:10", "duration": 5.0} | rule
            ),
        ),
        a_rule,
    ),
    st.builds(
        lambda schedule, rule: (
            edit_hold_schedule,
            EditHoldSchedule(schedule_id=schedule, fields=HoldScheduleFields(**rule)),
        ),
        st.integers(1, 2),
        a_rule,
    ),
    st.builds(lambda schedule: (delete_hold_schedule, DeleteHoldSchedule(schedule_id=schedule)), st.integers(1, 2)),
    st.builds(
        lambda zone: (edit_options, OptionFields(timezone=zone)),
        st.sampled_from(("UTC", "Asia/Kolkata", "Europe/Berlin")),
    ),
)
stories = st.lists(st.tuples(st.integers(1, 300), an_act), min_size=2, max_size=12)
"""Minutes since the last act, and the act."""


def told(street: Street) -> list[Event]:
    """All that was said, in order of time; who looked when makes no difference."""
    said = [replace(each, recorded_at=0.0, actor="") for each in events(street.ledger)]
    return sorted(said, key=lambda each: (each.occurred_at, each.stream))


def live(street: Street, story: list[tuple[int, Any]], every: float | None) -> None:
    """`every`: so often somebody looks. Seconds."""
    street.do(create_machine, CreateMachine(name="lathe"))
    for minutes, (decide, command) in story:
        until = street.clock.now + minutes * MINUTE
        while every is not None and street.clock.now + every < until:
            street.clock.now += every
            street.do(look_at_holds, LookAtHolds())
        street.clock.now = until
        street.write(request(look_at_holds, LookAtHolds()))
        street.write(request(decide, command))
    street.clock.now += DAY
    street.do(look_at_holds, LookAtHolds())


@settings(max_examples=60, deadline=None)
@given(stories)
def test_looking_seldom_is_as_good_as_looking_often(story: list[tuple[int, Any]]) -> None:
    with new_street(Clock(START)) as seldom, new_street(Clock(START)) as often:
        live(seldom, story, None)
        live(often, story, 7 * MINUTE)
        assert told(seldom) == told(often)
        assert_sound(seldom)


@settings(max_examples=60, deadline=None)
@given(stories)
def test_each_hold_begins_and_ends_in_turn(story: list[tuple[int, Any]]) -> None:
    """A hold is written to begin at its start and to be over at its end, and never twice without an edit between."""
    with new_street(Clock(START)) as street:
        live(street, story, 47 * MINUTE)
        shop, now = street.shop, street.clock.now
        for hold in shop.holds.values():
            assert hold.started == (hold.start <= now)
            assert hold.ended == (hold.end is not None and hold.end <= now)
            assert (hold.id in shop.open_holds) == (not hold.ended)
        fired = [(each.schedule_id, each.start) for each in events(street.ledger) if isinstance(each, HoldCreated)]
        by_schedules = [each for each in fired if each[0] is not None]
        assert len(set(by_schedules)) == len(by_schedules)


def test_a_hold_at_local_time_over_the_change_of_clocks() -> None:
    """Each Sunday at half past two, also on the one on which that time is skipped."""
    begin = datetime(2026, 3, 21, 12, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()
    with new_street(Clock(begin)) as street:
        street.do(create_machine, CreateMachine(name="lathe"))
        street.do(edit_options, OptionFields(timezone="Europe/Berlin"))
        sundays = CreateHoldSchedule(machine_id=1, name="n", frequency="W", indices=[7], time_of_day="02:30")
        street.do(create_hold_schedule, sundays)
        street.clock.now += 16 * DAY
        street.do(look_at_holds, LookAtHolds())
        found = [each.start for each in street.shop.holds.values()]
        local = [datetime.fromtimestamp(each, ZoneInfo("Europe/Berlin")).isoformat() for each in found]
        assert local == ["2026-03-22T02:30:00+01:00", "2026-03-29T03:00:00+02:00", "2026-04-05T02:30:00+02:00"]


def test_a_clock_that_was_ahead_takes_no_hold_from_the_machine() -> None:
    """It began and ended while the clock was wrong. When its time really comes, the machine is held."""
    with new_street(Clock(NOON)) as street:
        street.do(create_machine, CreateMachine(name="lathe"))
        daily = CreateHoldSchedule(machine_id=1, name="n", frequency="D", time_of_day="12:30", duration=10.0)
        street.do(create_hold_schedule, daily)
        street.clock.now = NOON + HOUR
        street.do(look_at_holds, LookAtHolds())
        at = NOON + 30 * MINUTE
        for minute, held in ((5, False), (29, False), (30, True), (39, True), (40, False)):
            now = street.clock.now = NOON + minute * MINUTE
            times_held = hold_times(street.shop, 1, now)
            assert ((at, at + 10 * MINUTE) in times_held) == (minute < 40)
            assert any(start <= now and (end is None or now < end) for start, end in times_held) == held


def test_a_hold_made_while_the_clock_is_behind_its_own_record_holds_at_once() -> None:
    with new_street(Clock(NOON + HOUR)) as street:
        street.do(create_machine, CreateMachine(name="lathe"))
        street.clock.now = NOON
        street.do(create_hold, CreateHold(machine_id=1, fields=HoldFields(), user_id=7))
        assert hold_times(street.shop, 1, NOON) == [(0.0, None)]


def test_what_was_due_is_the_ledgers_own_doing() -> None:
    """Also when somebody's edit makes it be written; and a repeat of that edit is known as one."""
    with new_street(Clock(NOON)) as street:
        street.do(create_machine, CreateMachine(name="lathe"))
        every_hour = CreateHoldSchedule(machine_id=1, name="n", frequency="H", time_of_day="00:30", duration=20.0)
        street.do(create_hold_schedule, every_hour)
        street.clock.now = NOON + 55 * MINUTE
        edit = EditHoldSchedule(schedule_id=1, fields=HoldScheduleFields(name="other"))
        first = street.do(edit_hold_schedule, edit, key="k", actor="user-7")
        said = [(type(each.event).__name__, each.event.actor, each.event.receipt is not None) for each in first.events]
        assert said == [
            ("HoldCreated", "system", False),
            ("HoldStarted", "system", False),
            ("HoldEnded", "system", False),
            ("HoldScheduleEdited", "user-7", True),
        ]
        assert first.stream == "hold-schedule-1"
        again = street.do(edit_hold_schedule, edit, key="k", actor="user-7")
        assert again.replayed
        assert [type(each.event).__name__ for each in again.events] == ["HoldScheduleEdited"]


def test_much_that_was_due_is_written_bit_by_bit() -> None:
    """So that others get their turn; and it comes out the same."""
    with new_street(Clock(NOON)) as street:
        street.do(create_machine, CreateMachine(name="lathe"))
        every_hour = CreateHoldSchedule(machine_id=1, name="n", frequency="H", time_of_day="00:30", duration=20.0)
        street.do(create_hold_schedule, every_hour)
        street.clock.now = NOON + 1000 * HOUR
        while next_turn(street.shop) <= street.clock.now:  # type: ignore[operator]
            assert len(street.do(look_at_holds, LookAtHolds()).events) <= 1000
        holds = list(street.shop.holds.values())
        assert [hold.start for hold in holds] == [NOON + 30 * MINUTE + hour * HOUR for hour in range(1000)]
        assert all(hold.ended for hold in holds)
        assert_sound(street)
