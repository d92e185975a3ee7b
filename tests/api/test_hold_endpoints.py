"""One hold: `GET`, `PATCH` and `DELETE`, who may, and conditional and repeated requests."""

from uuid import uuid4

import httpx
import pytest

from api.client import UNKNOWN, Json, Server, at_once, get, make_key, make_machine, make_user, refused, unique, written
from api.holding import (
    HOLDS,
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
    schedule_path,
    tag_of,
    times_of,
    until,
)
from api.stockroom import forbidden, nothing_written

REPLAYED = "Idempotency-Replayed"


@pytest.fixture(scope="module")
def mill(api: httpx.Client) -> Json:
    return make_machine(api)


def new_key() -> dict[str, str]:
    return {"Idempotency-Key": uuid4().hex}


def replayed(answer: httpx.Response) -> bool:
    return bool(answer.headers.get(REPLAYED) == "true")


# GET, PATCH, DELETE


@pytest.mark.parametrize("slash", ["", "/"])
def test_one_hold(api: httpx.Client, mill: Json, slash: str) -> None:
    """Get details about a single machine hold: the MachineHold object."""
    hold = make_hold(api, mill, reason="chips")
    assert get(api, hold_path(hold) + slash) == hold


@pytest.mark.parametrize("slash", ["", "/"])
def test_patch_answers_200_with_the_modified_hold(api: httpx.Client, mill: Json, slash: str) -> None:
    """Edit an existing machine hold: the modified MachineHold object."""
    hold = make_hold(api, mill)
    answer = api.patch(hold_path(hold) + slash, json={"notes": "cleaned"})
    assert answer.status_code == 200, answer.text
    assert answer.json() == hold_of(api, hold) == hold | {"notes": "cleaned"}


@pytest.mark.parametrize("slash", ["", "/"])
def test_delete_answers_204_and_no_body(api: httpx.Client, slash: str) -> None:
    """Delete an existing machine hold."""
    mill = make_machine(api)
    hold, other = make_hold(api, mill), make_hold(api, mill)
    answer = api.delete(hold_path(hold) + slash)
    assert (answer.status_code, answer.content) == (204, b"")
    refused(api.get(hold_path(hold)), 404)
    refused(api.delete(hold_path(hold) + slash), 404)
    refused(api.patch(hold_path(hold), json={"notes": "x"}), 404)
    assert found(api, mill) == [other["id"]]


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
@pytest.mark.parametrize("identifier", [UNKNOWN, "9" * 26])
def test_an_unknown_hold_is_404(api: httpx.Client, method: str, identifier: object) -> None:
    """A missing object is 404."""
    for slash in ("", "/"):
        body = {"notes": "x"} if method == "PATCH" else None
        refused(api.request(method, f"{HOLDS}{identifier}{slash}", json=body), 404)


@pytest.mark.parametrize("identifier", ["abc", "1.5", "-1", "0"])
def test_an_id_that_is_none_finds_nothing(api: httpx.Client, identifier: str) -> None:
    """IDs are positive integers."""
    refused(api.get(f"{HOLDS}{identifier}"), 400, 404)
    refused(api.delete(f"{HOLDS}{identifier}"), 400, 404)


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", HOLDS), ("POST", HOLDS), ("DELETE", HOLDS), ("PUT", f"{HOLDS}1"), ("POST", f"{HOLDS}1")],
)
def test_a_wrong_method_is_405(api: httpx.Client, method: str, path: str) -> None:
    """A hold is created at its machine."""
    refused(api.request(method, path, json={}), 405)


def test_edits_and_deletions_are_events(api: httpx.Client, mill: Json) -> None:
    """Each is one event of a person, that names the hold."""
    hold = make_hold(api, mill, start=ahead(hours=1))
    patch_hold(api, hold, notes="x")
    assert api.delete(hold_path(hold)).status_code == 204
    told = [event for event in written(api) if event["data"].get("hold_id") == hold["id"]]
    assert [event["type"] for event in told] == ["HoldCreated", "HoldEdited", "HoldDeleted"]
    assert len({event["actor"] for event in told}) == 1


def test_a_released_hold_stays(api: httpx.Client) -> None:
    """Release: PATCH `end`. Deleting is another thing."""
    mill = make_machine(api)
    hold = make_hold(api, mill, start=ahead(hours=-1))
    end = round(ahead(minutes=-1))
    assert patch_hold(api, hold, end=end) == hold | {"end": end}
    assert found(api, mill, end=1) == [hold["id"]]
    until(lambda: times_of(api, hold, "HoldEnded") == [end])
    assert times_of(api, hold, "HoldStarted") == [hold["start"]]
    assert patch_hold(api, hold, notes="over")["notes"] == "over"


def test_holds_that_are_made_at_once_are_several(api: httpx.Client) -> None:
    """IDs are unique within their kind."""
    mill = make_machine(api)
    answers = at_once(*[lambda: api.put(holds_path(mill), json={})] * 8)
    assert {answer.status_code for answer in answers} == {201}
    assert sorted(answer.json()["id"] for answer in answers) == sorted(found(api, mill))
    assert len(set(found(api, mill))) == 8


# What a hold belongs to


def test_a_deleted_machine_deletes_its_holds_and_schedules(api: httpx.Client) -> None:
    """Deleting a machine deletes its programs, processes and holds with it."""
    mill, other = make_machine(api), make_machine(api)
    gone = [make_hold(api, mill), make_hold(api, mill, start=ahead(hours=1)), make_hold(api, mill, end=ahead(hours=1))]
    schedule, stays = make_schedule(api, mill), make_schedule(api, other)
    kept = make_hold(api, other)
    assert api.delete(f"/api/machines/{mill['id']}").status_code == 204
    for path in (schedule_path(schedule), *[hold_path(hold) for hold in gone]):
        refused(api.get(path), 404)
    listed = {hold["id"] for hold in holds(api)}
    assert listed & {hold["id"] for hold in (*gone, kept)} == {kept["id"]}
    schedules = get(api, "/api/machines/holds/schedules/")
    assert str(schedule["id"]) not in schedules
    assert str(stays["id"]) in schedules
    refused(api.put(holds_path(mill), json={}), 404)


def test_a_deleted_schedule_leaves_other_holds_alone(api: httpx.Client, mill: Json) -> None:
    """Deleting always works and history stays."""
    hold, schedule = make_hold(api, mill), make_schedule(api, mill)
    assert api.delete(schedule_path(schedule)).status_code == 204
    assert hold_of(api, hold) == hold


# Levels


@pytest.mark.parametrize("level", ["admin", "plan", "shop", "audit"])
def test_everybody_reads(who: dict[str, httpx.Client], mill: Json, level: str) -> None:
    """Read everything: every level."""
    hold = make_hold(who["admin"], mill)
    assert hold_of(who[level], hold) == hold
    assert hold in holds(who[level], machine=mill["id"])


@pytest.mark.parametrize("level", ["admin", "plan", "shop"])
def test_shop_and_up_create_holds(who: dict[str, httpx.Client], mill: Json, level: str) -> None:
    """Create holds and edit their notes: admin, plan and shop. With all its fields."""
    fields = {"start": round(ahead(hours=1)), "end": round(ahead(hours=2)), "reason": "chips", "notes": "many"}
    hold = make_hold(who[level], mill, **fields)
    assert hold.items() >= fields.items()


@pytest.mark.parametrize("level", ["admin", "plan"])
def test_planners_edit_and_delete_holds(who: dict[str, httpx.Client], mill: Json, level: str) -> None:
    """Edit and delete holds: admin and plan. This can only be done by administrators and planners."""
    hold = make_hold(who["shop"], mill)
    fields = {"start": round(ahead(hours=1)), "end": round(ahead(hours=2)), "reason": "chips", "notes": "many"}
    assert patch_hold(who[level], hold, **fields) == hold | fields
    assert who[level].delete(hold_path(hold)).status_code == 204


def test_shop_edits_notes_alone(who: dict[str, httpx.Client], mill: Json) -> None:
    """PATCH of a hold by shop: `notes` alone; what it may not write is ignored, its own holds included."""
    for maker in ("admin", "shop"):
        hold = make_hold(who[maker], mill, start=round(ahead(hours=1)))
        sent = {"start": round(ahead(hours=2)), "end": round(ahead(hours=3)), "reason": "mine", "notes": "seen"}
        assert patch_hold(who["shop"], hold, **sent) == hold | {"notes": "seen"}
        with nothing_written(who["admin"]):
            assert patch_hold(who["shop"], hold, end=round(ahead(hours=3))) == hold | {"notes": "seen"}
        assert hold_of(who["admin"], hold) == hold | {"notes": "seen"}


def test_shop_does_not_delete(who: dict[str, httpx.Client], mill: Json) -> None:
    """This can only be done by administrators and planners."""
    hold = make_hold(who["shop"], mill)
    forbidden(who["shop"].delete(hold_path(hold)), {"admin", "plan"})
    assert hold_of(who["shop"], hold) == hold


@pytest.mark.parametrize("level", ["audit", "machine"])
def test_auditors_and_machines_write_nothing(who: dict[str, httpx.Client], mill: Json, level: str) -> None:
    """403, and `allowed` lists the levels that may do it."""
    hold = make_hold(who["admin"], mill)
    with nothing_written(who["admin"]):
        forbidden(who[level].put(holds_path(mill), json={}), {"admin", "plan", "shop"})
        forbidden(who[level].patch(hold_path(hold), json={"notes": "x"}), {"admin", "plan", "shop"})
        forbidden(who[level].delete(hold_path(hold)), {"admin", "plan"})
    assert hold_of(who["admin"], hold) == hold


def test_a_key_of_a_machine_reads_no_holds(who: dict[str, httpx.Client], mill: Json) -> None:
    """A key of level `machine` can do nothing else than append events and read its profile."""
    for path in (HOLDS, hold_path(make_hold(who["admin"], mill))):
        forbidden(who["machine"].get(path), {"admin", "plan", "shop", "audit"})


def test_without_a_key_everything_is_401(api: httpx.Client, anonymous: httpx.Client, mill: Json) -> None:
    """Without one, or with a bad one, 401 on every `/api/` path."""
    path = hold_path(make_hold(api, mill))
    for method, where in (("GET", HOLDS), ("PUT", holds_path(mill)), ("GET", path), ("PATCH", path), ("DELETE", path)):
        refused(anonymous.request(method, where), 401)


# If-None-Match, If-Match


def test_what_has_not_changed_is_304(api: httpx.Client, mill: Json) -> None:
    """The tag stays while nothing changes, and another hold is no change."""
    path = hold_path(make_hold(api, mill, start=ahead(hours=1)))
    tag = tag_of(api, path)
    make_hold(api, mill)
    answer = api.get(path, headers={"If-None-Match": tag})
    assert (answer.status_code, answer.content) == (304, b"")
    api.patch(path, json={"notes": "x"})
    answer = api.get(path, headers={"If-None-Match": tag})
    assert (answer.status_code, answer.json()["notes"]) == (200, "x")
    assert answer.headers["etag"] != tag


def test_the_list_has_a_tag_too(api: httpx.Client) -> None:
    """Made, edited, deleted: each changes it."""
    mill = make_machine(api)
    path = f"{HOLDS}?machine={mill['id']}"
    tags = [tag_of(api, path)]
    hold = make_hold(api, mill, start=ahead(hours=1))
    tags.append(tag_of(api, path))
    assert api.get(path, headers={"If-None-Match": tags[1]}).status_code == 304
    patch_hold(api, hold, reason="chips")
    tags.append(tag_of(api, path))
    make_hold(api, mill, start=ahead(hours=2))
    tags.append(tag_of(api, path))
    api.delete(hold_path(hold))
    tags.append(tag_of(api, path))
    assert len(set(tags)) == 5


def test_a_hold_of_a_user_that_is_deleted_has_another_tag(api: httpx.Client, server: Server, mill: Json) -> None:
    """What is shown is part of the tag."""
    user = make_user(api)
    with server.client(make_key(api, user)["key"]) as caller:
        path = hold_path(make_hold(caller, mill))
    tag = tag_of(api, path)
    assert api.delete(f"/api/users/{user['id']}").status_code == 204
    answer = api.get(path, headers={"If-None-Match": tag})
    assert (answer.status_code, answer.json()["user_id"]) == (200, None)


def test_who_has_not_seen_the_last_edit_is_412(api: httpx.Client, mill: Json) -> None:
    """`If-Match` guards PATCH and DELETE."""
    path = hold_path(make_hold(api, mill, start=ahead(hours=1)))
    tag = tag_of(api, path)
    api.patch(path, json={"notes": "first"})
    with nothing_written(api):
        for wrong in (tag, '"another"', "garbage", f'"another", {tag}'):
            refused(api.patch(path, json={"notes": "second"}, headers={"If-Match": wrong}), 412)
            refused(api.delete(path, headers={"If-Match": wrong}), 412)
    assert get(api, path)["notes"] == "first"
    now = {"If-Match": tag_of(api, path)}
    assert api.patch(path, json={"notes": "second"}, headers=now).status_code == 200
    refused(api.delete(path, headers=now), 412)
    assert api.delete(path, headers={"If-Match": tag_of(api, path)}).status_code == 204
    refused(api.delete(path, headers={"If-Match": "*"}), 404)


def test_of_many_at_once_one_succeeds(api: httpx.Client, mill: Json) -> None:
    """`If-Match` guards PATCH."""
    path = hold_path(make_hold(api, mill, start=ahead(hours=1)))
    headers = {"If-Match": tag_of(api, path)}
    texts = [unique("text") for _ in range(8)]
    sent = [lambda text=text: api.patch(path, json={"notes": text}, headers=headers) for text in texts]
    assert sorted(answer.status_code for answer in at_once(*sent)) == [200] + [412] * 7


def test_a_hold_that_begins_meanwhile_is_no_conflict(api: httpx.Client, mill: Json) -> None:
    """What the ledger notices by itself is no edit."""
    hold = make_hold(api, mill, start=ahead(seconds=0.5))
    tag = tag_of(api, hold_path(hold))
    until(lambda: len(events_about(api, hold, "HoldStarted")) == 1)
    answer = api.patch(hold_path(hold), json={"notes": "x"}, headers={"If-Match": tag})
    assert answer.status_code == 200, answer.text


# Idempotency-Key


def test_a_hold_that_is_sent_twice_is_made_once(api: httpx.Client) -> None:
    """What is sent twice happens once, and is answered twice."""
    mill, key = make_machine(api), new_key()
    first = api.put(holds_path(mill), json={"reason": "chips"}, headers=key)
    assert (first.status_code, replayed(first)) == (201, False)
    with nothing_written(api):
        again = api.put(holds_path(mill), json={"reason": "chips"}, headers=key)
    assert (again.status_code, again.json(), replayed(again)) == (201, first.json(), True)
    refused(api.put(holds_path(mill), json={"reason": "other"}, headers=key), 422)
    assert len(found(api, mill)) == 1


def test_a_replay_answers_with_the_hold_as_it_is_now(api: httpx.Client, mill: Json) -> None:
    """A replay happens no second time."""
    key = new_key()
    hold = api.put(holds_path(mill), json={}, headers=key).json()
    now = patch_hold(api, hold, notes="seen")
    assert api.put(holds_path(mill), json={}, headers=key).json() == now


def test_an_edit_and_a_deletion_may_be_repeated(api: httpx.Client, mill: Json) -> None:
    """What is sent twice happens once."""
    path, keys = hold_path(make_hold(api, mill)), [new_key(), new_key()]
    api.patch(path, json={"notes": "first"}, headers=keys[0])
    now = api.patch(path, json={"notes": "second"}).json()
    again = api.patch(path, json={"notes": "first"}, headers=keys[0])
    assert (again.status_code, again.json(), replayed(again)) == (200, now, True)
    answers = [api.delete(path, headers=keys[1]) for _ in range(2)]
    assert [(answer.status_code, replayed(answer)) for answer in answers] == [(204, False), (204, True)]
    refused(api.delete(path, headers=new_key()), 404)
