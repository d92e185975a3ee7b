"""Schedules fire at a full minute of a real clock: all that waits for one waits together."""

import time
from calendar import monthrange
from datetime import UTC, datetime
from typing import Any, NamedTuple

import httpx
import pytest

from api.client import Json, Server, get, ledger, machine_of, make_machine
from api.holding import (
    HOLD,
    SCHEDULES,
    ahead,
    events_about,
    hold_of,
    hold_path,
    holds,
    later,
    make_hold,
    make_schedule,
    next_minute,
    patch_hold,
    patch_schedule,
    preview,
    schedule_path,
    time_at,
    times_of,
    until,
    until_moment,
)
from api.stockroom import done

pytestmark = pytest.mark.long

DAY, HOUR = 86_400.0, 3_600.0
DURATION = 0.05
"""Three seconds."""


class Minute(NamedTuple):
    """A full minute that has passed, and the schedules of a machine by name."""

    moment: float
    mill: Json
    schedules: dict[str, Json]

    def fired(self, api: httpx.Client, name: str) -> list[Json]:
        """The holds that a schedule made."""
        schedule = self.schedules[name]
        listed = holds(api, machine=schedule["machine_id"])
        return [hold for hold in listed if hold["schedule_id"] == schedule["id"]]


FIRES: dict[str, Json] = {
    "daily": {"duration": DURATION, "reason": "lubrication"},
    "indefinite": {},
    "hourly": {"frequency": "H"},
    "weekly": {"frequency": "W", "indices": "WEEKDAY"},
    "monthly": {"frequency": "M", "indices": "DAY"},
    "from the end": {"frequency": "M", "indices": "FROM THE END"},
    "yearly": {"frequency": "Y", "indices": "DAY OF YEAR"},
    "every third": {"interval": 3},
    "this month": {"months": "MONTH"},
    "this weekday": {"weekdays": "WEEKDAY BIT"},
    "moved here": {"time_of_day": "06:05"},
    "of another machine": {},
}
RESTS: dict[str, Json] = {
    "another weekday": {"frequency": "W", "indices": "ANOTHER WEEKDAY"},
    "another day": {"frequency": "M", "indices": "ANOTHER DAY"},
    "another month": {"months": "OTHER MONTHS"},
    "other weekdays": {"weekdays": "OTHER WEEKDAYS"},
    "no months": {"months": 0},
    "no weekdays": {"weekdays": 0},
    "another minute": {"frequency": "H", "time_of_day": "ANOTHER MINUTE"},
    "moved away": {},
    "deleted": {},
    "on a deleted machine": {},
}


def values_at(moment: float) -> Json:
    """What the words above mean at this moment."""
    day = datetime.fromtimestamp(moment, UTC)
    month, weekday = 1 << day.month - 1, 1 << day.weekday()
    days = [number for number in range(1, 8) if number != day.isoweekday()]
    last = monthrange(day.year, day.month)[1]
    return {
        "WEEKDAY": [day.isoweekday()],
        "ANOTHER WEEKDAY": days,
        "DAY": [day.day],
        "ANOTHER DAY": [number for number in range(1, 32) if number != day.day],
        "FROM THE END": [day.day - last - 1],
        "DAY OF YEAR": [day.timetuple().tm_yday],
        "MONTH": month,
        "OTHER MONTHS": 4095 - month,
        "WEEKDAY BIT": weekday,
        "OTHER WEEKDAYS": 127 - weekday,
        "ANOTHER MINUTE": time_at(moment + 30 * 60),
    }


@pytest.fixture(scope="module")
def minute(api: httpx.Client) -> Minute:
    assert get(api, "/api/options/")["timezone"] == "UTC"
    mill, gone, lathe = (make_machine(api) for _ in range(3))
    machines = {"on a deleted machine": gone, "of another machine": lathe}
    moment = next_minute()
    meant = values_at(moment)
    schedules = {
        name: make_schedule(
            api,
            machines.get(name, mill),
            **{"time_of_day": time_at(moment)} | {key: meant.get(str(value), value) for key, value in fields.items()},
        )
        for name, fields in (FIRES | RESTS).items()
    }
    patch_schedule(api, schedules["moved away"], time_of_day=later())
    patch_schedule(api, schedules["moved here"], time_of_day=time_at(moment), reason="edited")
    assert api.delete(schedule_path(schedules["deleted"])).status_code == 204
    assert api.delete(f"/api/machines/{gone['id']}").status_code == 204
    assert time.time() < moment, "the server took too long"
    until_moment(moment)
    found = Minute(moment, mill, schedules)
    until(lambda: all(found.fired(api, name) for name in FIRES))
    (hold,) = found.fired(api, "daily")
    until(lambda: times_of(api, hold, "HoldEnded") != [])
    return found


# What a firing makes


def test_a_schedule_that_fires_makes_a_hold(api: httpx.Client, minute: Minute) -> None:
    """Its reason, its machine, exactly that minute, and `duration` minutes long. Nobody made it."""
    (hold,) = minute.fired(api, "daily")
    assert hold.keys() >= HOLD
    assert hold | {"id": 0} == hold | {
        "id": 0,
        "machine_id": minute.mill["id"],
        "schedule_id": minute.schedules["daily"]["id"],
        "user_id": None,
        "reason": "lubrication",
        "notes": "",
        "start": minute.moment,
        "end": pytest.approx(minute.moment + DURATION * 60, abs=1e-5),
    }
    assert hold_of(api, hold) == hold


def test_without_a_duration_the_hold_is_indefinite(api: httpx.Client, minute: Minute) -> None:
    """NULL means the hold will be indefinite and must be manually released."""
    (hold,) = minute.fired(api, "indefinite")
    assert (hold["start"], hold["end"], hold["reason"]) == (minute.moment, None, "")
    assert times_of(api, hold, "HoldEnded") == []


@pytest.mark.parametrize("name", FIRES)
def test_it_fires_once_at_that_minute(api: httpx.Client, minute: Minute, name: str) -> None:
    """One out of how many frequency occurrences to run, beginning with the schedule's creation."""
    assert [hold["start"] for hold in minute.fired(api, name)] == [minute.moment]


@pytest.mark.parametrize("name", RESTS)
def test_it_does_not_fire(api: httpx.Client, minute: Minute, name: str) -> None:
    """Not its day, month or minute, or it isn't there any more."""
    schedule = minute.schedules[name]
    assert [hold for hold in holds(api) if hold["schedule_id"] == schedule["id"]] == []
    made = [event for event in ledger(api, type="HoldCreated") if event["data"].get("schedule_id") == schedule["id"]]
    assert made == []


def test_an_edited_schedule_fires_as_it_is_now(api: httpx.Client, minute: Minute) -> None:
    """An edit before the minute counts."""
    (hold,) = minute.fired(api, "moved here")
    assert hold["reason"] == "edited"


def test_a_firing_is_created_and_started_at_its_time(api: httpx.Client, minute: Minute) -> None:
    """HoldCreated, then HoldStarted, both at the firing's time; it ends by the clock."""
    (hold,) = minute.fired(api, "daily")
    told = [event for event in ledger(api) if event["data"].get("hold_id") == hold["id"]]
    assert [event["type"] for event in told] == ["HoldCreated", "HoldStarted", "HoldEnded"]
    assert [event["occurred_at"] for event in told] == [minute.moment, minute.moment, hold["end"]]
    assert {event["actor"] for event in told} == {"system"}


# Automatic holds


def test_user_0_finds_what_was_made_automatically(api: httpx.Client, minute: Minute) -> None:
    """user: use 0 to get holds created automatically."""
    by_hand = make_hold(api, minute.mill)
    automatic = [hold["id"] for name in FIRES for hold in minute.fired(api, name) if name != "of another machine"]
    me = by_hand["user_id"]
    assert sorted(found_by(api, minute, 0)) == sorted(automatic)
    assert found_by(api, minute, me) == [by_hand["id"]]
    assert sorted(found_by(api, minute, [0, me])) == sorted([*automatic, by_hand["id"]])


def found_by(api: httpx.Client, minute: Minute, user: Any) -> list[int]:
    return [hold["id"] for hold in holds(api, machine=minute.mill["id"], user=user)]


def test_a_person_releases_and_notes_an_automatic_hold(api: httpx.Client, minute: Minute) -> None:
    """It must be manually released. It stays automatic."""
    (hold,) = minute.fired(api, "indefinite")
    changed = patch_hold(api, hold, end=round(time.time(), 3), notes="done")
    assert changed == hold | {"end": changed["end"], "notes": "done"}
    until(lambda: times_of(api, hold, "HoldEnded") == [changed["end"]])
    assert hold["id"] in found_by(api, minute, 0)


def test_a_deleted_hold_of_a_schedule_is_not_made_again(api: httpx.Client, minute: Minute) -> None:
    """A minute fires once."""
    (hold,) = minute.fired(api, "yearly")
    assert api.delete(hold_path(hold)).status_code == 204
    time.sleep(1.5)
    assert minute.fired(api, "yearly") == []
    assert len(events_about(api, hold, "HoldCreated")) == 1


def test_a_deleted_schedule_leaves_its_holds(api: httpx.Client, minute: Minute) -> None:
    """schedule_id reads null, and the hold stays automatic."""
    (hold,) = minute.fired(api, "weekly")
    assert api.delete(schedule_path(minute.schedules["weekly"])).status_code == 204
    assert hold_of(api, hold) == hold | {"schedule_id": None}
    assert hold["id"] in found_by(api, minute, 0)
    assert str(minute.schedules["weekly"]["id"]) not in get(api, SCHEDULES)


def test_a_deleted_machine_takes_what_fired_along(api: httpx.Client, minute: Minute) -> None:
    """Deleting a machine deletes its holds with it."""
    (hold,) = minute.fired(api, "of another machine")
    assert machine_of(api, {"id": hold["machine_id"]})
    assert api.delete(f"/api/machines/{hold['machine_id']}").status_code == 204
    assert api.get(hold_path(hold)).status_code == 404


# Previews after a hold


def test_the_next_time_is_after_the_last_hold(api: httpx.Client, minute: Minute) -> None:
    """If id is provided, the schedule will start from the timestamp of the last hold with that schedule ID."""
    daily, hourly = minute.schedules["daily"], minute.schedules["hourly"]
    assert preview(api, 3, **daily) == [minute.moment + DAY * day for day in (1, 2, 3)]
    assert preview(api, 3, **hourly) == [minute.moment + HOUR * hour for hour in (1, 2, 3)]


def test_an_interval_goes_on_after_the_last_hold(api: httpx.Client, minute: Minute) -> None:
    """`interval` counts from the schedule's creation."""
    third = minute.schedules["every third"]
    assert preview(api, 3, **third) == [minute.moment + DAY * day for day in (3, 6, 9)]


def test_a_time_between_the_last_hold_and_now_is_listed(api: httpx.Client, minute: Minute) -> None:
    """It counts from that hold's timestamp, and without an `id` from now."""
    until_moment(minute.moment + 62)
    passed = minute.moment + 60
    body = minute.schedules["daily"] | {"time_of_day": time_at(passed)}
    assert preview(api, 2, **body) == [passed, passed + DAY]
    assert preview(api, 2, **body | {"id": None}) == [passed + DAY, passed + 2 * DAY]
    make_hold(api, minute.mill, start=ahead(days=3))
    assert done(api.post(f"{SCHEDULES}previewSchedule", json=body)) == [passed]


# While the server is down


def test_a_minute_that_came_while_the_server_was_down_fires_late(fresh: Server) -> None:
    """Also when the ledger was down at the time: then late, with the right `occurred_at`, and once."""
    with fresh.client(fresh.admin_key) as api:
        mill, moment = make_machine(api), next_minute()
        schedule = make_schedule(api, mill, time_of_day=time_at(moment), duration=DURATION, reason="lubrication")
    fresh.stop()
    until_moment(moment + DURATION * 60 + 1)
    for _ in range(2):
        fresh.start()
        with fresh.client(fresh.admin_key) as api:
            until(lambda: any(times_of(api, hold, "HoldEnded") for hold in holds(api)))
            time.sleep(1)
            (hold,) = holds(api)
            assert (hold["start"], hold["schedule_id"], hold["user_id"]) == (moment, schedule["id"], None)
            told = [event for event in ledger(api) if event["data"].get("hold_id") == hold["id"]]
            assert [event["type"] for event in told] == ["HoldCreated", "HoldStarted", "HoldEnded"]
            assert [event["occurred_at"] for event in told] == [moment, moment, hold["end"]]
            assert all(event["recorded_at"] > moment for event in told)
        fresh.stop()
