"""`Idempotency-Key`: what is sent twice happens once, and is answered twice."""

from uuid import uuid4

import httpx
import pytest

from api.client import (
    BATCH,
    Json,
    Spool,
    at,
    at_once,
    cycle,
    get,
    machine_of,
    make_machine,
    make_process,
    make_program,
    parts_of,
    program_of,
    refused,
    report,
    unique,
    written,
)

MARCH = at("2024-03-10T12:00")
REPLAYED = "Idempotency-Replayed"


def new_key() -> dict[str, str]:
    return {"Idempotency-Key": uuid4().hex}


def replayed(answer: httpx.Response) -> bool:
    return bool(answer.headers.get(REPLAYED) == "true")


def test_a_repeated_request_happens_once(api: httpx.Client) -> None:
    mill, key = make_machine(api), new_key()
    body = {"filename": "O1", "machine_id": mill["id"]}
    first = api.put("/api/programs/", json=body, headers=key)
    assert first.status_code == 201
    assert REPLAYED not in first.headers
    before = written(api)
    again = api.put("/api/programs/", json=body, headers=key)
    assert (again.status_code, again.json(), replayed(again)) == (201, first.json(), True)
    assert written(api) == before


def test_a_replay_answers_with_the_object_as_it_is_now(api: httpx.Client) -> None:
    mill, key = make_machine(api), new_key()
    body = {"filename": "O1", "machine_id": mill["id"]}
    program = api.put("/api/programs/", json=body, headers=key).json()
    now = api.patch(f"/api/programs/{program['id']}", json={"custom_name": "Deckel"}).json()
    again = api.put("/api/programs/", json=body, headers=key)
    assert (again.status_code, again.json(), replayed(again)) == (201, now, True)


@pytest.mark.parametrize("kind", ["machines", "processes"])
def test_everything_that_is_made_may_be_repeated(api: httpx.Client, kind: str) -> None:
    body: Json = {"name": unique("x")}
    if kind == "processes":
        body["machine_id"] = make_machine(api)["id"]
    key = new_key()
    answers = [api.put(f"/api/{kind}/", json=body, headers=key) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201] * 3
    assert [replayed(answer) for answer in answers] == [False, True, True]
    assert answers[0].json() == answers[1].json() == answers[2].json()


def test_another_body_is_422(api: httpx.Client) -> None:
    mill, key = make_machine(api), new_key()
    body = {"filename": "O1", "machine_id": mill["id"]}
    assert api.put("/api/programs/", json=body, headers=key).status_code == 201
    refused(api.put("/api/programs/", json=body | {"filename": "O2"}, headers=key), 422)
    assert len(get(api, "/api/programs/", machine=mill["id"])) == 1


def test_another_key_is_another_request(api: httpx.Client) -> None:
    body = {"name": "mill", "machine_id": make_machine(api)["id"]}
    answers = [api.put("/api/processes/", json=body, headers=new_key()) for _ in range(2)]
    assert [(answer.status_code, replayed(answer)) for answer in answers] == [(201, False)] * 2
    assert answers[0].json()["id"] != answers[1].json()["id"]


def test_a_patch_is_not_done_again(api: httpx.Client) -> None:
    program, key = make_program(api, make_machine(api)), new_key()
    path = f"/api/programs/{program['id']}"
    assert api.patch(path, json={"description": "first"}, headers=key).status_code == 200
    second = api.patch(path, json={"description": "second"}).json()
    again = api.patch(path, json={"description": "first"}, headers=key)
    assert (again.status_code, again.json(), replayed(again)) == (200, second, True)
    assert program_of(api, program) == second


def test_a_delete_may_be_repeated(api: httpx.Client) -> None:
    program, key = make_program(api, make_machine(api)), new_key()
    path = f"/api/programs/{program['id']}"
    assert api.delete(path, headers=key).status_code == 204
    again = api.delete(path, headers=key)
    assert (again.status_code, again.content, replayed(again)) == (204, b"", True)
    refused(api.delete(path, headers=new_key()), 404)


def test_an_update_counts_once(api: httpx.Client) -> None:
    mill, key = make_machine(api), new_key()
    report(api, mill, part_count=5, when=MARCH)
    path, body = f"/api/machines/{mill['id']}/update", {"part_count": 7, "timestamp": MARCH + 60}
    answers = [api.post(path, json=body, headers=key) for _ in range(2)]
    assert [(answer.status_code, replayed(answer)) for answer in answers] == [(200, False), (200, True)]
    report(api, mill, part_count=9, when=MARCH + 120)
    api.post(path, json=body, headers=key)
    assert machine_of(api, mill)["part_count"] == 9
    assert len(parts_of(api, mill)) == 4


def test_what_was_refused_may_be_mended_under_the_same_key(api: httpx.Client) -> None:
    mill, key = make_machine(api), new_key()
    refused(api.put("/api/programs/", json={"machine_id": mill["id"]}, headers=key), 400)
    answer = api.put("/api/programs/", json={"machine_id": mill["id"], "filename": "O1"}, headers=key)
    assert (answer.status_code, replayed(answer)) == (201, False)


def test_a_replay_of_what_is_gone_is_no_error_of_the_server(api: httpx.Client) -> None:
    body, key = {"filename": "O1", "machine_id": make_machine(api)["id"]}, new_key()
    program = api.put("/api/programs/", json=body, headers=key).json()
    api.delete(f"/api/programs/{program['id']}")
    assert api.put("/api/programs/", json=body, headers=key).status_code < 500
    assert get(api, "/api/programs/", machine=body["machine_id"]) == {}


def test_the_same_key_at_once_makes_one(api: httpx.Client) -> None:
    mill, key = make_machine(api), new_key()
    process = make_process(api, mill)
    body = {"filename": "O1", "machine_id": mill["id"], "process_id": process["id"]}
    answers = at_once(*[lambda: api.put("/api/programs/", json=body, headers=key)] * 8)
    assert [answer.status_code for answer in answers] == [201] * 8
    assert sorted(replayed(answer) for answer in answers) == [False] + [True] * 7
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(get(api, "/api/programs/", machine=mill["id"])) == 1


def test_keys_are_each_users_own(api: httpx.Client, edge: httpx.Client) -> None:
    mill, key = make_machine(api), new_key()
    assert api.put("/api/programs/", json={"filename": "O1", "machine_id": mill["id"]}, headers=key).status_code == 201
    events = Spool(edge, mill).events(cycle(MARCH))
    answer = edge.post("/api/events", json=events, headers=key | {"Content-Type": BATCH})
    assert (answer.status_code, replayed(answer)) == (200, False)
    assert len(parts_of(api, mill)) == 1


@pytest.mark.parametrize("key", ["", "k" * 5_000, "schlüssel", "a b, c"])
def test_an_odd_key_is_no_error_of_the_server(api: httpx.Client, key: str) -> None:
    headers = {b"Idempotency-Key": key.encode()}
    answer = api.put("/api/machines/", json={"name": unique("mill")}, headers=headers)
    assert answer.status_code in {201, 400}, answer.text


def test_an_empty_key_is_none(api: httpx.Client) -> None:
    for name in (unique("a"), unique("b")):
        answer = api.put("/api/machines/", json={"name": name}, headers={"Idempotency-Key": ""})
        assert (answer.status_code, replayed(answer)) == (201, False)


def test_a_key_has_a_length(api: httpx.Client) -> None:
    """It stays in the ledger."""
    answer = api.put("/api/machines/", json={"name": unique("a")}, headers={"Idempotency-Key": "k" * 201})
    assert refused(answer, 400, field="Idempotency-Key")


def test_another_query_is_another_request(api: httpx.Client) -> None:
    """`programs=1` says what is to be done."""
    mill, key = make_machine(api), new_key()
    process = make_process(api, mill)
    program = make_program(api, mill, process_id=process["id"])
    archive = f"/api/processes/{process['id']}/archive"
    assert api.post(archive, headers=key).status_code == 200
    refused(api.post(archive, params={"programs": 1}, headers=key), 422, field="Idempotency-Key")
    assert replayed(api.post(archive, headers=key))
    assert get(api, f"/api/programs/{program['id']}")["archived"] is False
