"""Editing and deleting hold schedules, who may, and conditional and repeated requests."""

from uuid import uuid4

import httpx
import pytest

from api.client import Json, get, make_machine, refused, written
from api.holding import (
    FULL_SCHEDULE,
    PREVIEW,
    QUARTERS,
    SCHEDULES,
    WRONG_IN_SCHEDULE,
    found,
    later,
    make_hold,
    make_schedule,
    patch_schedule,
    schedule_body,
    schedule_of,
    schedule_path,
    tag_of,
    wrong,
)
from api.stockroom import forbidden, made, nothing_written, of


@pytest.fixture(scope="module")
def mill(api: httpx.Client) -> Json:
    return make_machine(api)


# PATCH


@pytest.mark.parametrize("slash", ["", "/"])
def test_patch_answers_200_with_the_modified_schedule(api: httpx.Client, mill: Json, slash: str) -> None:
    """Edit an existing machine hold schedule: the modified MachineHoldSchedule object."""
    schedule = make_schedule(api, mill)
    answer = api.patch(schedule_path(schedule) + slash, json={"reason": "service"})
    assert answer.status_code == 200, answer.text
    assert answer.json() == schedule_of(api, schedule) == schedule | {"reason": "service"}


@pytest.mark.parametrize("field", FULL_SCHEDULE)
def test_patch_changes_the_field_and_no_other(api: httpx.Client, mill: Json, field: str) -> None:
    """`PATCH` bodies hold any subset of fields."""
    schedule = make_schedule(api, mill, frequency="W", indices=[1, 5])
    changed = patch_schedule(api, schedule, **{field: [2] if field == "indices" else FULL_SCHEDULE[field]})
    assert changed == schedule | {field: changed[field]}
    assert changed[field] != schedule[field]
    assert schedule_of(api, schedule) == changed


def test_patch_takes_all_fields_at_once_and_back(api: httpx.Client, mill: Json) -> None:
    """Every field may be changed again."""
    schedule = make_schedule(api, mill)
    assert patch_schedule(api, schedule, **FULL_SCHEDULE) == schedule | FULL_SCHEDULE
    assert patch_schedule(api, schedule, **of(schedule, FULL_SCHEDULE)) == schedule


@pytest.mark.parametrize("field", WRONG_IN_SCHEDULE)
def test_patch_with_an_invalid_field_is_400(api: httpx.Client, mill: Json, field: str) -> None:
    """One invalid field rejects the whole request."""
    schedule = make_schedule(api, mill, **FULL_SCHEDULE)
    with nothing_written(api):
        for value in WRONG_IN_SCHEDULE[field]:
            body = {"name": "changed", "reason": "changed", field: value}
            wrong(api.patch(schedule_path(schedule), json=body), field)
    assert schedule_of(api, schedule) == schedule


@pytest.mark.parametrize(
    ("before", "edit"),
    [
        ({"frequency": "D"}, {"frequency": "M"}),
        ({"frequency": "H"}, {"frequency": "W"}),
        ({"frequency": "M", "indices": [31]}, {"frequency": "W"}),
        ({"frequency": "Y", "indices": [32]}, {"frequency": "M"}),
        ({"frequency": "M", "indices": [31]}, {"indices": [32]}),
        ({"frequency": "W", "indices": [7]}, {"indices": []}),
        ({"frequency": "D", "indices": [0]}, {"frequency": "Y"}),
    ],
)
def test_patch_that_makes_the_whole_invalid_is_400(api: httpx.Client, mill: Json, before: Json, edit: Json) -> None:
    """What counts is the schedule as it would be."""
    schedule = make_schedule(api, mill, **before)
    with nothing_written(api):
        wrong(api.patch(schedule_path(schedule), json={"name": "changed"} | edit), "indices")
    assert schedule_of(api, schedule) == schedule
    valid = edit | {"frequency": "W", "indices": [1]}
    assert patch_schedule(api, schedule, **valid) == schedule | valid


def test_patch_of_nothing_changes_nothing(api: httpx.Client, mill: Json) -> None:
    """Also of what it is already."""
    schedule = make_schedule(api, mill, **FULL_SCHEDULE)
    with nothing_written(api):
        for body in ({}, FULL_SCHEDULE, {"months": str(QUARTERS)}):
            assert patch_schedule(api, schedule, **body) == schedule


# DELETE


@pytest.mark.parametrize("slash", ["", "/"])
def test_delete_answers_204_and_no_body(api: httpx.Client, mill: Json, slash: str) -> None:
    """Delete an existing machine hold schedule."""
    schedule, other = make_schedule(api, mill), make_schedule(api, mill)
    answer = api.delete(schedule_path(schedule) + slash)
    assert (answer.status_code, answer.content) == (204, b"")
    refused(api.get(schedule_path(schedule)), 404)
    refused(api.delete(schedule_path(schedule)), 404)
    listed = get(api, SCHEDULES)
    assert (str(schedule["id"]) in listed, str(other["id"]) in listed) == (False, True)


def test_each_change_is_one_event_of_a_person(api: httpx.Client, mill: Json) -> None:
    """HoldScheduleCreated, HoldScheduleEdited, HoldScheduleDeleted."""
    count = len(written(api))
    schedule = make_schedule(api, mill)
    patch_schedule(api, schedule, reason="x")
    assert api.delete(schedule_path(schedule)).status_code == 204
    kinds = [event["type"] for event in written(api)[count:]]
    assert kinds == ["HoldScheduleCreated", "HoldScheduleEdited", "HoldScheduleDeleted"]


def test_holds_and_schedules_have_ids_of_their_own(api: httpx.Client) -> None:
    """IDs are unique within their kind; a schedule is no hold."""
    mill = make_machine(api)
    make_schedule(api, mill)
    assert found(api, mill) == []
    hold = make_hold(api, mill)
    assert found(api, mill) == [hold["id"]]


# Levels


@pytest.mark.parametrize("level", ["admin", "plan", "shop", "audit"])
def test_everybody_reads(who: dict[str, httpx.Client], mill: Json, level: str) -> None:
    """Read everything: every level. A preview changes nothing."""
    schedule = make_schedule(who["admin"], mill)
    assert schedule_of(who[level], schedule) == schedule
    assert get(who[level], SCHEDULES)[str(schedule["id"])] == schedule
    with nothing_written(who["admin"]):
        answer = who[level].post(PREVIEW, json={"frequency": "D", "time_of_day": later()})
    assert (answer.status_code, len(answer.json())) == (200, 1)


@pytest.mark.parametrize("level", ["admin", "plan"])
def test_planners_write_schedules(who: dict[str, httpx.Client], mill: Json, level: str) -> None:
    """Hold schedules: admin and plan."""
    schedule = made(who[level].put(SCHEDULES, json=schedule_body(mill)))
    assert patch_schedule(who[level], schedule, **FULL_SCHEDULE) == schedule | FULL_SCHEDULE
    assert who[level].delete(schedule_path(schedule)).status_code == 204


@pytest.mark.parametrize("level", ["shop", "audit", "machine"])
def test_others_write_none(who: dict[str, httpx.Client], mill: Json, level: str) -> None:
    """403, and `allowed` lists the levels that may do it."""
    schedule = make_schedule(who["admin"], mill)
    path = schedule_path(schedule)
    with nothing_written(who["admin"]):
        forbidden(who[level].put(SCHEDULES, json=schedule_body(mill)), {"admin", "plan"})
        forbidden(who[level].patch(path, json={"reason": "x"}), {"admin", "plan"})
        forbidden(who[level].delete(path), {"admin", "plan"})
    assert schedule_of(who["admin"], schedule) == schedule


def test_a_key_of_a_machine_reads_no_schedules(who: dict[str, httpx.Client], mill: Json) -> None:
    """A key of level `machine` can do nothing else than append events and read its profile."""
    readers = {"admin", "plan", "shop", "audit"}
    for path in (SCHEDULES, schedule_path(make_schedule(who["admin"], mill))):
        forbidden(who["machine"].get(path), readers)
    forbidden(who["machine"].post(PREVIEW, json={"frequency": "D", "time_of_day": "08:30"}), readers)


def test_without_a_key_everything_is_401(api: httpx.Client, anonymous: httpx.Client, mill: Json) -> None:
    """Without one, or with a bad one, 401 on every `/api/` path."""
    path = schedule_path(make_schedule(api, mill))
    for method, where in (("GET", SCHEDULES), ("PUT", SCHEDULES), ("POST", PREVIEW), ("GET", path), ("PATCH", path)):
        refused(anonymous.request(method, where), 401)
    refused(anonymous.delete(path), 401)


# If-None-Match, If-Match, Idempotency-Key


def test_what_has_not_changed_is_304(api: httpx.Client, mill: Json) -> None:
    """A list has a tag, and so has each object in it."""
    schedule = make_schedule(api, mill)
    for path in (SCHEDULES, schedule_path(schedule)):
        tag = tag_of(api, path)
        answer = api.get(path, headers={"If-None-Match": tag})
        assert (answer.status_code, answer.content) == (304, b"")
        patch_schedule(api, schedule, name=f"after {path}")
        assert api.get(path, headers={"If-None-Match": tag}).status_code == 200
        assert tag_of(api, path) != tag


def test_who_has_not_seen_the_last_edit_is_412(api: httpx.Client, mill: Json) -> None:
    """`If-Match` guards PATCH and DELETE."""
    path = schedule_path(make_schedule(api, mill))
    tag = tag_of(api, path)
    api.patch(path, json={"reason": "first"})
    with nothing_written(api):
        for other in (tag, '"another"', "garbage"):
            refused(api.patch(path, json={"reason": "second"}, headers={"If-Match": other}), 412)
            refused(api.delete(path, headers={"If-Match": other}), 412)
    now = {"If-Match": tag_of(api, path)}
    assert api.patch(path, json={"reason": "second"}, headers=now).status_code == 200
    assert api.delete(path, headers={"If-Match": tag_of(api, path)}).status_code == 204
    refused(api.delete(path, headers={"If-Match": "*"}), 404)


def test_a_schedule_that_is_sent_twice_is_made_once(api: httpx.Client, mill: Json) -> None:
    """What is sent twice happens once, and is answered twice."""
    key, body = {"Idempotency-Key": uuid4().hex}, schedule_body(mill)
    answers = [api.put(SCHEDULES, json=body, headers=key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert [answer.headers.get("Idempotency-Replayed") for answer in answers] == [None, "true"]
    refused(api.put(SCHEDULES, json=body | {"reason": "other"}, headers=key), 422)
    same = [schedule for schedule in get(api, SCHEDULES).values() if schedule["name"] == body["name"]]
    assert len(same) == 1


def test_an_edit_and_a_deletion_may_be_repeated(api: httpx.Client, mill: Json) -> None:
    """What is sent twice happens once."""
    path, keys = schedule_path(make_schedule(api, mill)), [{"Idempotency-Key": uuid4().hex} for _ in range(2)]
    api.patch(path, json={"reason": "first"}, headers=keys[0])
    now = api.patch(path, json={"reason": "second"}).json()
    assert api.patch(path, json={"reason": "first"}, headers=keys[0]).json() == now
    assert [api.delete(path, headers=keys[1]).status_code for _ in range(2)] == [204, 204]
