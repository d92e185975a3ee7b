"""A machine that its edge has not heard of for longer than the option `machine_silent_seconds`."""

import time
from collections.abc import Callable
from functools import partial

import httpx

from api.client import Json, Server, alerts_of, cycle, facts, get, ledger
from taktledger.api.live import LiveState, MachineLive
from taktledger.domain.controls import NoteContact
from taktledger.domain.shop import Machine, Shop

NOON = 1_700_000_000.0


def shop(**fields: object) -> Shop:
    machine = Machine(id=1, name="Mill 1", source_name="mill-1", reported_by_edge=True, last_fact_at=NOON)
    for name, value in fields.items():
        setattr(machine, name, value)
    return Shop(machines={1: machine}, machine_ids={"mill-1": 1})


def heard(at: float) -> LiveState:
    live = LiveState()
    live.hear(shop(), {"mill-1": MachineLive(connected=True, last_contact=at)}, at)
    return live


def silences(live: LiveState, there: Shop, now: float, since: float) -> list[NoteContact]:
    return list(live.silences(there, now, since))


def test_silence_begins_when_the_limit_is_passed() -> None:
    live = heard(NOON)
    assert silences(live, shop(), NOON + 60, NOON - 999) == []
    silent = NoteContact(machine_id=1, last_contact=NOON, silent=True)
    assert silences(live, shop(), NOON + 60.1, NOON - 999) == [silent]
    assert silences(live, shop(silent=True), NOON + 500, NOON - 999) == []


def test_it_ends_with_the_next_contact() -> None:
    ended = NoteContact(machine_id=1, last_contact=NOON, silent=False)
    assert silences(heard(NOON), shop(silent=True), NOON + 3, NOON - 999) == [ended]


def test_a_server_that_has_just_started_listens_for_a_while_first() -> None:
    assert silences(LiveState(), shop(), NOON + 5_000, NOON + 4_950) == []
    assert len(silences(LiveState(), shop(), NOON + 5_011, NOON + 4_950)) == 1


def test_nobody_waits_for_a_machine_that_is_not_used_or_not_read_by_an_edge() -> None:
    for state in ({"disabled": True}, {"archived": True}, {"reported_by_edge": False}):
        assert silences(LiveState(), shop(**state), NOON + 5_000, NOON) == []


def test_zero_seconds_mean_never() -> None:
    there = shop()
    there.options.machine_silent_seconds = 0
    assert silences(LiveState(), there, NOON + 1e6, NOON) == []


def test_each_silence_is_alerted_once_and_ends_by_itself(fresh: Server) -> None:
    with fresh.client(fresh.admin_key) as api, fresh.client(fresh.edge_key) as edge:
        assert api.patch("/api/options/", json={"machine_silent_seconds": 1}).status_code == 200
        facts(edge, "mill-1", cycle(time.time()))
        machine: Json = get(api, "/api/machines/1")
        _until(lambda: alerts_of(api, machine) != [])
        (alert,) = alerts_of(api, machine)
        assert (alert["kind"], alert["dismissed"]) == ("silent", False)
        assert alert["data"]["last_contact"] == machine["last_contact"]

        _say_it_answers(edge)
        _until(lambda: alerts_of(api, machine)[0]["dismissed"])
        assert alerts_of(api, machine)[0]["dismissed_by"] is None
        _until(lambda: len(alerts_of(api, machine)) == 2)
        assert [each["dismissed"] for each in alerts_of(api, machine)] == [False, True]
        events = partial(ledger, api, stream="machine-1")
        assert len(events(type="MachineFellSilent")) == 2
        assert len(events(type="MachineSilenceEnded")) == 1


def _say_it_answers(edge: httpx.Client) -> None:
    live = {"machines": {"mill-1": {"connected": True, "last_contact": time.time()}}}
    assert edge.post("/api/edge/state", json=live).status_code == 204


def _until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)
