"""What an edge asks for and tells beside its facts: the profile, and the live state."""

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import httpx
import pytest

from api.client import DAY, Json, at, get, ledger, machine_of, make_machine, refused, unique

MARCH = at("2024-03-10T12:00")


def profile(edge: httpx.Client, *machines: Json, **query: object) -> httpx.Response:
    names = [machine["source_name"] for machine in machines]
    return edge.get("/api/edge/profile", params={"machine": names} | query)  # type: ignore[arg-type]


def state(machine: Json, **changes: object) -> Json:
    live = {"connected": True, "last_contact": MARCH, "error": None, "backlog": 0}
    return {"machines": {machine["source_name"]: live | changes}}


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_profile_is_that_of_the_machines_asked_for(api: httpx.Client, edge: httpx.Client, slash: str) -> None:
    mill, lathe, other = (make_machine(api) for _ in range(3))
    names = [mill["source_name"], lathe["source_name"]]
    answer = edge.get(f"/api/edge/profile{slash}", params={"machine": names})
    assert answer.status_code == 200, answer.text
    assert answer.json().keys() == {"version", "machines"}
    assert set(answer.json()["machines"]) == set(names)
    assert other["source_name"] not in answer.text
    assert all(isinstance(each, dict) for each in answer.json()["machines"].values())


def test_the_known_version_is_304(api: httpx.Client, edge: httpx.Client) -> None:
    mill = make_machine(api)
    version = profile(edge, mill).json()["version"]
    answer = profile(edge, mill, known=version)
    assert (answer.status_code, answer.content) == (304, b"")
    assert profile(edge, mill, known="another").status_code == 200


def test_waiting_ends_with_304_when_nothing_changes(api: httpx.Client, edge: httpx.Client) -> None:
    mill = make_machine(api)
    version = profile(edge, mill).json()["version"]
    began = time.monotonic()
    assert profile(edge, mill, known=version, wait=1).status_code == 304
    assert 0.8 < time.monotonic() - began < 15


def test_waiting_ends_when_the_profile_changes(options: httpx.Client, edge: httpx.Client) -> None:
    mill = make_machine(options)
    known = profile(edge, mill).json()
    with ThreadPoolExecutor(1) as pool:
        began = time.monotonic()
        waiting = pool.submit(profile, edge, mill, known=known["version"], wait=20)
        time.sleep(0.3)
        assert not waiting.done()
        assert options.patch("/api/options/", json={"part_report_limit": 42}).status_code == 200
        answer = waiting.result(20)
    assert answer.status_code == 200
    assert time.monotonic() - began < 15
    assert answer.json()["version"] != known["version"]
    assert answer.json()["machines"] != known["machines"]


def test_another_version_does_not_wait(api: httpx.Client, edge: httpx.Client) -> None:
    mill = make_machine(api)
    began = time.monotonic()
    assert profile(edge, mill, known="another", wait=20).status_code == 200
    assert profile(edge, mill, wait=20).status_code == 200
    assert time.monotonic() - began < 15


@pytest.mark.parametrize("wait", ["soon", "nan", "inf", "1s"])
def test_a_wait_that_is_not_a_number_is_400(api: httpx.Client, edge: httpx.Client, wait: str) -> None:
    refused(profile(edge, make_machine(api), known="x", wait=wait), 400)


@pytest.mark.parametrize("slash", ["", "/"])
def test_live_state_is_shown_and_is_no_fact(api: httpx.Client, edge: httpx.Client, slash: str) -> None:
    mill = make_machine(api)
    before = ledger(api)
    answer = edge.post(f"/api/edge/state{slash}", json=state(mill))
    assert (answer.status_code, answer.content) == (204, b"")
    assert machine_of(api, mill)["last_contact"] == MARCH
    assert get(api, "/api/machines/")[str(mill["id"])]["last_contact"] == MARCH
    edge.post("/api/edge/state", json=state(mill, last_contact=MARCH + 5, error="no route", connected=False, backlog=9))
    assert machine_of(api, mill)["last_contact"] == MARCH + 5
    assert ledger(api) == before


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"machines": []},
        {"machines": {"mill": 5}},
        {"machines": {"mill": {"connected": "maybe", "last_contact": 1.0, "error": None, "backlog": 0}}},
        {"machines": {"mill": {"connected": True, "last_contact": "now", "error": None, "backlog": 0}}},
        {"machines": {"mill": {"connected": True, "last_contact": 1.0, "error": 5, "backlog": 0}}},
        {"machines": {"mill": {"connected": True, "last_contact": 1.0, "error": None, "backlog": "many"}}},
    ],
)
def test_a_live_state_that_is_none_is_400(edge: httpx.Client, body: Json) -> None:
    refused(edge.post("/api/edge/state", json=body), 400)


def test_an_administrator_may_do_what_an_edge_does(api: httpx.Client) -> None:
    mill = make_machine(api)
    assert profile(api, mill).status_code == 200
    assert api.post("/api/edge/state", json=state(mill)).status_code == 204


def test_the_state_of_an_unknown_machine_is_not_kept(api: httpx.Client, edge: httpx.Client) -> None:
    """Or anybody with a machine's key could fill the memory, and the metrics."""
    name = unique("nobody")
    state = {"connected": True, "last_contact": 1.0, "error": None, "backlog": 3}
    assert edge.post("/api/edge/state", json={"machines": {name: state}}).status_code == 204
    assert name not in api.get("/metrics").text


def holds_of(edge: httpx.Client, machine: Json) -> list[Json]:
    found: list[Json] = profile(edge, machine).json()["machines"][machine["source_name"]]["holds"]
    return found


def test_the_profile_says_when_a_machine_must_not_run(api: httpx.Client, edge: httpx.Client) -> None:
    """Its holds that are not over, and what its schedules will do within seven days."""
    mill, lathe, now = make_machine(api), make_machine(api), time.time()
    for hold in ({"start": 5, "end": 10}, {"start": now - 60}, {"start": now + 60, "end": now + 90}):
        assert api.put(f"/api/machines/{mill['id']}/holds", json=hold).status_code == 201
    daily = {"machine_id": mill["id"], "name": "n", "frequency": "D", "time_of_day": "00:00", "duration": 1}
    assert api.put("/api/machines/holds/schedules/", json=daily).status_code == 201
    found = holds_of(edge, mill)
    assert found[:2] == [{"start": 0.0}, {"start": now + 60, "end": now + 90}]
    assert [each["end"] - each["start"] for each in found[2:]] == [60.0] * 7
    assert [after["start"] - before["start"] for before, after in pairwise(found[2:])] == [DAY] * 6
    assert holds_of(edge, lathe) == []


def test_a_hold_wakes_who_waits_for_the_profile(api: httpx.Client, edge: httpx.Client) -> None:
    mill = make_machine(api)
    known = profile(edge, mill).json()["version"]
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(profile, edge, mill, known=known, wait=20)
        time.sleep(0.3)
        assert not waiting.done()
        assert api.put(f"/api/machines/{mill['id']}/holds", json={}).status_code == 201
        answer = waiting.result(timeout=10)
    assert answer.json()["machines"][mill["source_name"]]["holds"] == [{"start": 0.0}]
