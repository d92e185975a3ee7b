"""What a MachineHold is, and how one is made: field by field as `api/hold.txt` and `domain.md` have them."""

import time
from typing import Any

import httpx
import pytest

from api.client import UNKNOWN, Json, Server, get, ledger, make_machine, refused, report, written
from api.holding import (
    HOLD,
    NO_NUMBERS,
    ahead,
    events_about,
    found,
    hold_of,
    hold_path,
    holds,
    holds_path,
    make_hold,
    make_schedule,
    patch_hold,
)
from api.stockroom import nothing_written, of, person
from api.tooling import ago

TEXTS = ("reason", "notes")
TIMES = ("start", "end")
NOT_WRITABLE = ("id", "machine_id", "schedule_id", "user_id")
WRONG: dict[str, list[Any]] = {
    "start": [None, "2026-12-01T10:00:00Z", *NO_NUMBERS],
    "end": ["2026-12-01T10:00:00Z", *NO_NUMBERS],
    "reason": [None, 5, True, [], {}],
    "notes": [None, 5, True, [], {}],
}


@pytest.fixture(scope="module")
def mill(api: httpx.Client) -> Json:
    return make_machine(api)


# What a hold is


def test_a_hold_has_every_documented_field(api: httpx.Client, mill: Json) -> None:
    """The answer to creating, the single hold and the list show the same object."""
    hold = make_hold(api, mill)
    assert hold.keys() >= HOLD
    assert hold_of(api, hold) == hold
    assert hold in holds(api, machine=mill["id"])


def test_the_types_of_the_fields(api: httpx.Client, mill: Json) -> None:
    """Timestamps are UNIX seconds as float, IDs are integers."""
    hold = make_hold(api, mill, end=ahead(hours=1), reason="r", notes="n")
    types = {name: type(hold[name]) for name in HOLD - {"schedule_id"}}
    assert types == {
        "id": int,
        "machine_id": int,
        "start": float,
        "end": float,
        "reason": str,
        "notes": str,
        "user_id": int,
    }


def test_ids_are_given_in_order_and_never_twice(api: httpx.Client, mill: Json) -> None:
    """id: unique, numeric ID for this hold."""
    first, second = make_hold(api, mill), make_hold(api, mill)
    assert 0 < first["id"] < second["id"]
    assert api.delete(hold_path(second)).status_code == 204
    assert make_hold(api, mill)["id"] > second["id"]


def test_the_machine_is_that_of_the_path(api: httpx.Client, mill: Json) -> None:
    """machine_id: ID of the machine this hold applies to."""
    other = make_machine(api)
    assert make_hold(api, mill)["machine_id"] == mill["id"]
    assert make_hold(api, other)["machine_id"] == other["id"]
    assert len(found(api, other)) == 1


def test_start_defaults_to_the_time_of_creation(api: httpx.Client, mill: Json) -> None:
    """start: date and time when this hold should start. Defaults to the time of creation."""
    before = time.time()
    start = make_hold(api, mill)["start"]
    assert before - 1 <= start <= time.time() + 1


@pytest.mark.parametrize("hours", [-48, -1, 1, 48])
def test_a_hold_may_start_at_any_time(api: httpx.Client, mill: Json, hours: int) -> None:
    """start: date and time when this hold should start."""
    start = ahead(hours=hours)
    assert make_hold(api, mill, start=start)["start"] == pytest.approx(start, abs=1e-5)


def test_a_hold_without_an_end_is_indefinite(api: httpx.Client, mill: Json) -> None:
    """end: NULL means this hold is indefinite and must be manually released."""
    hold = make_hold(api, mill)
    assert hold["end"] is None
    time.sleep(0.3)
    assert hold_of(api, hold)["end"] is None
    assert events_about(api, hold, "HoldEnded") == []


def test_a_hold_may_have_an_end(api: httpx.Client, mill: Json) -> None:
    """end: date and time when this hold should end."""
    end = ahead(hours=2)
    assert make_hold(api, mill, end=end)["end"] == pytest.approx(end, abs=1e-5)


def test_a_hold_may_be_of_the_past_as_a_whole(api: httpx.Client, mill: Json) -> None:
    """Holds may be imported."""
    start, end = ago(days=2), ago(days=1)
    hold = make_hold(api, mill, start=start, end=end)
    assert (hold["start"], hold["end"]) == pytest.approx((start, end), abs=1e-5)


@pytest.mark.parametrize("field", TEXTS)
def test_texts_are_the_users_own(api: httpx.Client, mill: Json, field: str) -> None:
    """reason: user-supplied reason for this hold. notes: user-supplied notes for this hold."""
    text = "Spindel läuft heiß,\n2 µm zu groß"
    assert make_hold(api, mill)[field] == ""
    hold = make_hold(api, mill, **{field: text})
    assert of(hold, TEXTS) == {"reason": "", "notes": ""} | {field: text}
    assert make_hold(api, mill, **{field: ""})[field] == ""


def test_a_hold_that_a_person_makes_is_of_no_schedule(api: httpx.Client, mill: Json) -> None:
    """schedule_id: will be NULL for holds that were created manually."""
    schedule = make_schedule(api, mill)
    assert make_hold(api, mill, schedule_id=schedule["id"])["schedule_id"] is None


@pytest.mark.parametrize("level", ["admin", "plan", "shop"])
def test_the_user_is_who_made_it(api: httpx.Client, server: Server, mill: Json, level: str) -> None:
    """user_id: ID of the user who created this machine hold."""
    with person(api, server, level) as caller:
        hold = make_hold(caller, mill, user_id=1)
        assert hold["user_id"] == get(caller, "/api/users/me")["id"]
    assert hold_of(api, patch_hold(api, hold, notes="seen"))["user_id"] == hold["user_id"]


# Creating


@pytest.mark.parametrize("slash", ["", "/"])
def test_creating_answers_201_with_the_whole_hold(api: httpx.Client, mill: Json, slash: str) -> None:
    """With and without the trailing slash."""
    answer = api.put(holds_path(mill) + slash, json={"reason": "chips"})
    assert answer.status_code == 201, answer.text
    assert answer.json() == hold_of(api, answer.json())


def test_creating_takes_every_field_that_a_user_writes(api: httpx.Client, mill: Json) -> None:
    """A partial MachineHold."""
    fields = {"start": ahead(hours=1), "end": ahead(hours=2), "reason": "service", "notes": "ask Ana"}
    hold = make_hold(api, mill, **fields)
    assert of(hold, TEXTS) == of(fields, TEXTS)
    assert [hold[name] for name in TIMES] == pytest.approx([fields[name] for name in TIMES], abs=1e-5)


def test_creating_ignores_fields_that_are_read_only_or_unknown(api: httpx.Client, mill: Json) -> None:
    """Unknown fields and fields that are read-only are ignored silently, whatever their type."""
    other = make_machine(api)
    for wrong in (UNKNOWN, other["id"], "x", [], None):
        hold = make_hold(api, mill, **dict.fromkeys(NOT_WRITABLE, wrong), colour="red", active=True)
        assert (hold["machine_id"], hold["schedule_id"]) == (mill["id"], None)
        assert hold["user_id"] == get(api, "/api/users/me")["id"]
        assert hold["id"] != UNKNOWN
        assert "colour" not in hold
    assert found(api, other) == []


def test_times_may_come_as_strings(api: httpx.Client, mill: Json) -> None:
    """Numbers may come as strings; `""` is null for a nullable field."""
    start, end = round(ahead(hours=1)), round(ahead(hours=2)) + 0.5
    hold = make_hold(api, mill, start=str(start), end=str(end))
    assert (hold["start"], hold["end"]) == (start, end)
    assert make_hold(api, mill, end="")["end"] is None
    assert make_hold(api, mill, end=None)["end"] is None


@pytest.mark.parametrize("slash", ["", "/"])
def test_creating_on_an_unknown_machine_is_404(api: httpx.Client, slash: str) -> None:
    """Create: 201, 404, 400."""
    with nothing_written(api):
        refused(api.put(f"/api/machines/{UNKNOWN}/holds{slash}", json={}), 404)


@pytest.mark.parametrize("identifier", ["abc", "1.5", "-1", "0", "9" * 26])
def test_creating_on_what_is_no_machine_finds_nothing(api: httpx.Client, identifier: str) -> None:
    """IDs are positive integers."""
    refused(api.put(f"/api/machines/{identifier}/holds", json={}), 400, 404)


@pytest.mark.parametrize("field", WRONG)
def test_creating_with_an_invalid_field_is_400(api: httpx.Client, field: str) -> None:
    """A validation error says which field, and nothing is made."""
    mill = make_machine(api)
    with nothing_written(api):
        for value in WRONG[field]:
            refused(api.put(holds_path(mill), json={"reason": "x", "notes": "x", field: value}), 400, field=field)
    assert found(api, mill) == []


@pytest.mark.parametrize("field", TIMES)
@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", '"NaN"', '"inf"', "1e300", "9" * 26])
def test_a_time_that_is_none_is_400(api: httpx.Client, mill: Json, field: str, number: str) -> None:
    """A missing or invalid field: 400. A number that is none is no JSON."""
    body, kind = b'{"%s": %s}' % (field.encode(), number.encode()), {"Content-Type": "application/json"}
    hold = make_hold(api, mill)
    with nothing_written(api):
        refused(api.put(holds_path(mill), content=body, headers=kind), 400)
        refused(api.patch(hold_path(hold), content=body, headers=kind), 400)
    assert hold_of(api, hold) == hold


@pytest.mark.parametrize("text", [r'"a\u0000b"', r'"\ud800"'], ids=["NUL", "surrogate"])
@pytest.mark.parametrize("field", TEXTS)
def test_a_text_that_cannot_be_stored_is_400(api: httpx.Client, mill: Json, field: str, text: str) -> None:
    """A missing or invalid field: 400."""
    body = b'{"%s": %s}' % (field.encode(), text.encode())
    with nothing_written(api):
        refused(api.put(holds_path(mill), content=body, headers={"Content-Type": "application/json"}), 400)


@pytest.mark.parametrize("body", [[], "reason", 5, None, [{}]])
def test_a_body_that_is_no_object_is_400(api: httpx.Client, mill: Json, body: object) -> None:
    """A missing or invalid field: 400."""
    path = hold_path(make_hold(api, mill))
    with nothing_written(api):
        refused(api.put(holds_path(mill), json=body), 400)
        refused(api.patch(path, json=body), 400)


def test_an_end_that_is_not_after_the_start_is_400(api: httpx.Client, mill: Json) -> None:
    """400 if `end` isn't after `start`; also if the start is the default."""
    start = ahead(hours=1)
    with nothing_written(api):
        for end in (start, start - 0.001, start - 7_200):
            refused(api.put(holds_path(mill), json={"start": start, "end": end}), 400, field="end")
        refused(api.put(holds_path(mill), json={"end": ago(minutes=1)}), 400, field="end")
    assert make_hold(api, mill, start=start, end=start + 0.01)["end"] == pytest.approx(start + 0.01, abs=1e-5)


def test_holds_of_one_machine_may_overlap(api: httpx.Client) -> None:
    """Each hold is of its own; nothing says that there is one at a time."""
    mill = make_machine(api)
    ids = {make_hold(api, mill)["id"] for _ in range(3)}
    assert set(found(api, mill)) == ids
    assert len(ids) == 3


def test_making_a_hold_is_one_event_of_a_person(api: httpx.Client) -> None:
    """HoldCreated names the hold, and happens when it is made."""
    mill = make_machine(api)
    before, count = time.time(), len(written(api))
    hold = make_hold(api, mill, start=ahead(hours=1), reason="service")
    (event,) = written(api)[count:]
    assert (event["type"], event["data"]["hold_id"]) == ("HoldCreated", hold["id"])
    assert before - 1 <= event["occurred_at"] <= time.time() + 1
    assert events_about(api, hold, "HoldStarted") == []


def test_a_feed_hold_of_the_machine_makes_no_hold(api: httpx.Client) -> None:
    """What the control reports is a state of the machine; a hold is the ledger's own."""
    mill = make_machine(api)
    before = len(ledger(api, type="HoldCreated"))
    for state in ("ACTIVE", "FEED_HOLD", "HOLD", "Paused", "INTERRUPTED", "OPTIONAL_STOP"):
        report(api, mill, cycle_state=state)
    assert found(api, mill) == []
    assert len(ledger(api, type="HoldCreated")) == before


# Editing


@pytest.mark.parametrize(("field", "value"), [("reason", "chips"), ("notes", "Größe"), ("start", 0), ("end", 0)])
def test_patch_changes_the_field_and_no_other(api: httpx.Client, mill: Json, field: str, value: Any) -> None:
    """`PATCH` bodies hold any subset of fields."""
    hold = make_hold(api, mill, start=round(ahead(hours=1)), end=round(ahead(hours=3)))
    sent = value if field in TEXTS else round(ahead(hours=2))
    changed = patch_hold(api, hold, **{field: sent})
    assert changed == hold | {field: sent}
    assert hold_of(api, hold) == changed


def test_patch_takes_all_fields_at_once(api: httpx.Client, mill: Json) -> None:
    """Also a start that is after the end as it was."""
    hold = make_hold(api, mill, start=round(ahead(hours=1)), end=round(ahead(hours=2)))
    fields = {"start": round(ahead(hours=5)), "end": round(ahead(hours=6)), "reason": "a", "notes": "b"}
    assert patch_hold(api, hold, **fields) == hold | fields
    earlier = {"start": hold["start"], "end": hold["end"]}
    assert patch_hold(api, hold, **earlier) == hold | fields | earlier


@pytest.mark.parametrize("null", [None, ""])
def test_an_end_may_be_taken_away(api: httpx.Client, mill: Json, null: object) -> None:
    """end: NULL means this hold is indefinite."""
    hold = make_hold(api, mill, end=ahead(hours=1))
    assert patch_hold(api, hold, end=null) == hold | {"end": None}


def test_notes_are_usually_added_after_creation(api: httpx.Client, mill: Json) -> None:
    """notes: usually added or modified after creation."""
    hold = make_hold(api, mill, reason="chips")
    for notes in ("cleaned", "cleaned twice", ""):
        assert patch_hold(api, hold, notes=notes) == hold | {"notes": notes}


def test_patch_ignores_read_only_and_unknown_fields(api: httpx.Client, mill: Json) -> None:
    """Unknown fields and fields that are read-only are ignored silently, whatever their type."""
    hold, other = make_hold(api, mill), make_machine(api)
    for wrong in (UNKNOWN, other["id"], "x", [], None):
        assert patch_hold(api, hold, **dict.fromkeys(NOT_WRITABLE, wrong), colour="red") == hold
    assert found(api, other) == []


@pytest.mark.parametrize("field", WRONG)
def test_patch_with_an_invalid_field_is_400(api: httpx.Client, mill: Json, field: str) -> None:
    """One invalid field rejects the whole request."""
    hold = make_hold(api, mill, start=ahead(hours=1), end=ahead(hours=2))
    with nothing_written(api):
        for value in WRONG[field]:
            body = {"reason": "changed", "notes": "changed", field: value}
            refused(api.patch(hold_path(hold), json=body), 400, field=field)
    assert hold_of(api, hold) == hold


def test_patch_that_ends_a_hold_before_its_start_is_400(api: httpx.Client, mill: Json) -> None:
    """400 if `end` isn't after `start`, whichever of them is edited."""
    hold = make_hold(api, mill, start=ahead(hours=1), end=ahead(hours=2))
    with nothing_written(api):
        for end in (hold["start"], hold["start"] - 1, time.time()):
            refused(api.patch(hold_path(hold), json={"notes": "x", "end": end}), 400, field="end")
        for start in (hold["end"], hold["end"] + 1):
            refused(api.patch(hold_path(hold), json={"notes": "x", "start": start}), 400)
    assert hold_of(api, hold) == hold


def test_patch_of_nothing_changes_nothing(api: httpx.Client, mill: Json) -> None:
    """Also of what it is already."""
    hold = make_hold(api, mill, start=round(ahead(hours=1)), reason="chips")
    with nothing_written(api):
        for body in ({}, {"reason": "chips"}, {"end": None, "notes": ""}, {"start": hold["start"]}):
            assert patch_hold(api, hold, **body) == hold
