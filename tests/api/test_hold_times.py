"""Holds begin and end by the clock, also while the server is down (`domain.md`, "Holds").

Nothing is asserted of how soon the ledger notices, only of what it says happened and when.
"""

import time
from typing import Any, NamedTuple

import httpx
import pytest

from api.client import Json, Server, ledger, make_machine
from api.holding import (
    ahead,
    events_about,
    hold_of,
    hold_path,
    holds,
    make_hold,
    patch_hold,
    times_of,
    until,
    until_moment,
)

STARTED, ENDED = "HoldStarted", "HoldEnded"
CLOCK = {STARTED, ENDED}


class Hour(NamedTuple):
    """Holds of a few seconds, after all of them have begun and ended."""

    mill: Json
    plain: Json
    indefinite: Json
    at_once: Json
    later: Json
    sooner: Json
    shortened: Json
    prolonged: Json
    released: Json
    noted: Json
    never: Json
    removed: Json
    removed_active: Json
    removed_with_machine: Json
    postponed: Json
    past: Json
    extended: Json
    first_end: float


@pytest.fixture(scope="module")
def hour(api: httpx.Client) -> Hour:
    """All at once, for each takes its seconds."""
    mill, gone = make_machine(api), make_machine(api)
    now = time.time()

    def hold(start: float | None = None, end: float | None = None, machine: Json = mill, **fields: Any) -> Json:
        times = {name: now + at for name, at in (("start", start), ("end", end)) if at is not None}
        return make_hold(api, machine, **times, **fields)

    extended = hold(end=1.5)
    plain, at_once, noted = hold(2, 3.5), hold(end=3), hold(2, 3)
    indefinite, never = hold(2), hold(3_600, 7_200)
    later, sooner = hold(2), hold(3_600, 7_200)
    shortened, prolonged, released = hold(end=3_600), hold(end=2), hold()
    removed, removed_active = hold(2, 3), hold(end=2)
    removed_with_machine = hold(2, 3, gone)
    postponed, past = hold(), hold(-7_200, -3_600)
    until(lambda: times_of(api, postponed, STARTED) != [])

    edits: dict[str, Json] = {
        "later": patch_hold(api, later, start=now + 3.5),
        "sooner": patch_hold(api, sooner, start=now + 2.5, end=now + 4),
        "shortened": patch_hold(api, shortened, end=now + 3),
        "postponed": patch_hold(api, postponed, start=now + 3),
        "prolonged": patch_hold(api, prolonged, end=now + 3.5),
        "noted": patch_hold(api, noted, notes="seen", reason="x"),
        "released": patch_hold(api, released, end=time.time()),
    }
    for each in (removed, removed_active):
        assert api.delete(hold_path(each)).status_code == 204
    assert api.delete(f"/api/machines/{gone['id']}").status_code == 204

    until(lambda: times_of(api, extended, ENDED) != [])
    first_end = extended["end"]
    extended = patch_hold(api, extended, end=round(ahead(seconds=2), 3))
    until(lambda: times_of(api, edits["sooner"], ENDED) != [])
    until(lambda: times_of(api, edits["later"], STARTED) != [])
    until(lambda: edits["postponed"]["start"] in times_of(api, edits["postponed"], STARTED))
    until(lambda: len(times_of(api, extended, ENDED)) > 1)
    time.sleep(0.5)
    named = {
        "plain": plain,
        "indefinite": indefinite,
        "at_once": at_once,
        "never": never,
        "past": past,
        "removed": removed,
        "removed_active": removed_active,
        "removed_with_machine": removed_with_machine,
        "extended": extended,
    }
    return Hour(mill=mill, first_end=first_end, **named, **edits)


# By the clock


def test_a_hold_that_starts_and_ends_by_the_clock_gets_its_events(api: httpx.Client, hour: Hour) -> None:
    """When that moment comes: each exactly once, and it happened exactly then."""
    assert times_of(api, hour.plain, STARTED) == [hour.plain["start"]]
    assert times_of(api, hour.plain, ENDED) == [hour.plain["end"]]


def test_its_events_are_of_the_ledger_and_in_order(api: httpx.Client, hour: Hour) -> None:
    """Created, started, ended. Nobody's work but the clock's."""
    told = [event for event in ledger(api) if event["data"].get("hold_id") == hour.plain["id"]]
    assert [event["type"] for event in told] == ["HoldCreated", STARTED, ENDED]
    assert [event["actor"] == "system" for event in told] == [False, True, True]
    assert all(event["recorded_at"] >= event["occurred_at"] - 1 for event in told)


def test_the_clock_changes_no_field(api: httpx.Client, hour: Hour) -> None:
    """A hold is what its fields say."""
    for hold in (hour.plain, hour.indefinite, hour.at_once, hour.sooner, hour.extended):
        assert hold_of(api, hold) == hold


def test_a_hold_that_starts_at_once_is_started_when_it_was_made(api: httpx.Client, hour: Hour) -> None:
    """start defaults to the time of creation."""
    assert times_of(api, hour.at_once, STARTED) == [hour.at_once["start"]]
    assert times_of(api, hour.at_once, ENDED) == [hour.at_once["end"]]


def test_an_indefinite_hold_does_not_end(api: httpx.Client, hour: Hour) -> None:
    """NULL means this hold is indefinite and must be manually released."""
    assert times_of(api, hour.indefinite, STARTED) == [hour.indefinite["start"]]
    assert times_of(api, hour.indefinite, ENDED) == []


def test_a_hold_of_the_past_began_and_ended_then(api: httpx.Client, hour: Hour) -> None:
    """Late, with the right `occurred_at`."""
    assert times_of(api, hour.past, STARTED) == [hour.past["start"]]
    assert times_of(api, hour.past, ENDED) == [hour.past["end"]]


def test_a_hold_to_come_has_not_begun(api: httpx.Client, hour: Hour) -> None:
    """A hold is active at t when start <= t."""
    assert times_of(api, hour.never, STARTED) == times_of(api, hour.never, ENDED) == []


# Edited


def test_patch_of_the_end_releases(api: httpx.Client, hour: Hour) -> None:
    """Release: PATCH `end`. It ended then, once."""
    assert times_of(api, hour.released, STARTED) == [hour.released["start"]]
    assert times_of(api, hour.released, ENDED) == [hour.released["end"]]


def test_an_end_that_is_moved_is_the_end(api: httpx.Client, hour: Hour) -> None:
    """Sooner and later than it was, while the hold is active."""
    for hold in (hour.shortened, hour.prolonged):
        assert times_of(api, hold, STARTED) == [hold["start"]]
        assert times_of(api, hold, ENDED) == [hold["end"]]


def test_a_start_that_is_moved_is_the_start(api: httpx.Client, hour: Hour) -> None:
    """Sooner and later than it was, while the hold has not begun."""
    for hold in (hour.sooner, hour.later):
        assert times_of(api, hold, STARTED) == [hold["start"]]
    assert times_of(api, hour.sooner, ENDED) == [hour.sooner["end"]]


def test_an_active_hold_that_is_postponed_starts_again(api: httpx.Client, hour: Hour) -> None:
    """A hold is active at t when start <= t."""
    assert times_of(api, hour.postponed, STARTED)[-1] == hour.postponed["start"]
    assert len(times_of(api, hour.postponed, STARTED)) == 2


def test_an_edit_of_texts_moves_nothing(api: httpx.Client, hour: Hour) -> None:
    """Notes are usually added or modified after creation."""
    assert times_of(api, hour.noted, STARTED) == [hour.noted["start"]]
    assert times_of(api, hour.noted, ENDED) == [hour.noted["end"]]


def test_a_hold_that_has_ended_can_be_extended(api: httpx.Client, hour: Hour) -> None:
    """It is active again, and ends again."""
    assert times_of(api, hour.extended, STARTED)[0] == hour.extended["start"]
    assert times_of(api, hour.extended, ENDED) == [hour.first_end, hour.extended["end"]]


def test_what_is_deleted_leaves_no_ghost(api: httpx.Client, hour: Hour) -> None:
    """A hold that has not begun, one that is active, and one whose machine is deleted: nothing comes after."""
    for hold in (hour.removed, hour.removed_with_machine):
        assert times_of(api, hold, STARTED) == times_of(api, hold, ENDED) == []
    (deleted,) = events_about(api, hour.removed_active, "HoldDeleted")
    told = [event for event in ledger(api) if event["data"].get("hold_id") == hour.removed_active["id"]]
    assert [event["type"] for event in told if event["position"] > deleted["position"] and event["type"] in CLOCK] == []
    assert hour.removed_active["end"] not in times_of(api, hour.removed_active, ENDED)


# While the server is down


def told_of(api: httpx.Client, *asked: Json) -> list[tuple[str, int, float]]:
    """What began and ended, in the order of the ledger."""
    ids = {hold["id"] for hold in asked}
    events = [event for event in ledger(api) if event["type"] in CLOCK and event["data"]["hold_id"] in ids]
    return [(event["type"], event["data"]["hold_id"], event["occurred_at"]) for event in events]


@pytest.mark.long
def test_what_came_while_the_server_was_down_is_told_late(fresh: Server) -> None:
    """Also when the ledger was down at the time: then late, with the right `occurred_at`, once, in order of time."""
    with fresh.client(fresh.admin_key) as api:
        mill = make_machine(api)
        now = time.time()
        third = make_hold(api, mill, start=now + 3.5)
        first = make_hold(api, mill, start=now + 2.5, end=now + 3_600)
        active = make_hold(api, mill, end=now + 2.75)
        second = make_hold(api, mill, start=now + 3, end=now + 3.25)
        coming = make_hold(api, mill, start=now + 9, end=now + 9.5)
        deleted = make_hold(api, mill, start=now + 3)
        assert api.delete(hold_path(deleted)).status_code == 204
        until(lambda: times_of(api, active, STARTED) != [])
        everything = (first, second, third, active, coming, deleted)
        expected = [(STARTED, active["id"], active["start"])]
        assert told_of(api, *everything) == expected
        before = holds(api)
    fresh.stop()
    until_moment(now + 4)
    fresh.start()
    expected += [
        (STARTED, first["id"], first["start"]),
        (ENDED, active["id"], active["end"]),
        (STARTED, second["id"], second["start"]),
        (ENDED, second["id"], second["end"]),
        (STARTED, third["id"], third["start"]),
    ]
    with fresh.client(fresh.admin_key) as api:
        until(lambda: len(told_of(api, *everything)) >= len(expected))
        assert told_of(api, *everything)[: len(expected)] == expected
        late = [event for event in ledger(api) if event["type"] in CLOCK and event["recorded_at"] > now + 4]
        assert len(late) >= 5
        assert holds(api) == before
    fresh.restart()
    expected += [(STARTED, coming["id"], coming["start"]), (ENDED, coming["id"], coming["end"])]
    with fresh.client(fresh.admin_key) as api:
        until(lambda: times_of(api, coming, ENDED) != [])
        assert told_of(api, *everything) == expected
        recorded = [event["recorded_at"] for event in ledger(api)]
        assert recorded == sorted(recorded)
        assert holds(api) == before
