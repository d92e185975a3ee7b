"""What is there when the server starts, and what is there again when it is started a second time."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import httpx
import pytest

from api.client import (
    Json,
    Server,
    Spool,
    at,
    at_once,
    baseline,
    cycle,
    facts,
    get,
    ledger,
    machine_of,
    make_machine,
    make_process,
    make_program,
    parts_of,
    post_events,
    program_seen,
    refused,
    report,
)

MARCH = at("2024-03-10T12:00")
PATHS = ("machines", "programs", "processes", "parts", "alerts", "options", "events")
KEY = {"Idempotency-Key": "new-machine"}


class Story(NamedTuple):
    """What was seen before the restart."""

    empty: Json
    options: Json
    made: list[int]
    everything: Json
    mill: Json
    behind: Json
    live: Json
    events: list[Json]
    at_once: list[Json]


@pytest.fixture(scope="module")
def restarted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("restarted") / "data")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def story(restarted: Server) -> Story:
    """A new ledger in which this and that happens, and which is then started again."""
    with restarted.client(restarted.admin_key) as api, restarted.client(restarted.edge_key) as edge:
        empty = {path: get(api, f"/api/{path}/") for path in ("machines", "programs", "processes", "parts", "alerts")}
        options = get(api, "/api/options/")
        mill = api.put("/api/machines/", json={"name": "mill"}, headers=KEY).json()
        behind, gone = make_machine(api, name="behind"), make_machine(api, name="gone")
        made = [mill["id"], behind["id"], gone["id"], make_program(api, mill)["id"], make_process(api, mill)["id"]]
        assert api.delete(f"/api/machines/{gone['id']}").status_code == 204
        api.patch("/api/options/", json={"timezone": "Asia/Tokyo"})
        cycles = [cycle(MARCH + reading, reading) for reading in range(1, 51)]
        events = Spool(edge, mill).events(baseline(MARCH), program_seen(MARCH, "O1"), *cycles)
        answers = at_once(*[lambda: post_events(edge, events)] * 4)
        for minute, reading in enumerate((5, 7, 500, 20)):
            report(api, behind, part_count=reading, program_name="O2", cycle_state="HOLD", when=MARCH + 60 * minute)
        live = {"connected": True, "last_contact": MARCH + 9_000, "error": None, "backlog": 0}
        edge.post("/api/edge/state", json={"machines": {"mill": live}})
        shown = machine_of(api, mill)
        seen = Story(
            empty, options, made, everything(api), mill, behind, shown, events, [answer.json() for answer in answers]
        )
    restarted.restart()
    return seen


@pytest.fixture(scope="module")
def again(restarted: Server, story: Story) -> Iterator[httpx.Client]:
    with restarted.client(restarted.admin_key) as client:
        yield client


def everything(api: httpx.Client) -> dict[str, Any]:
    """All that the API shows, but live state, which is none of the ledger's."""
    shown = {path: get(api, f"/api/{path}/", limit=1_000) for path in PATHS}
    for machine in shown["machines"].values():
        del machine["last_contact"]
    return shown


def test_a_new_ledger_is_empty(story: Story) -> None:
    assert list(story.empty.values()) == [{}] * 5


def test_the_default_options(story: Story) -> None:
    assert story.options.items() >= {"timezone": "UTC", "part_report_limit": 100}.items()


def test_ids_are_given_in_order_from_1(story: Story) -> None:
    assert story.made == [1, 2, 3, 1, 1]


def test_batches_that_are_sent_at_once_are_stored_once(story: Story) -> None:
    assert sorted(count["stored"] for count in story.at_once) == [0, 0, 0, 52]
    assert all(count["stored"] + count["repeated"] == 52 for count in story.at_once)


def test_everything_is_there_again(again: httpx.Client, story: Story) -> None:
    now = everything(again)
    for path in PATHS:
        assert now[path] == story.everything[path], path


def test_the_key_of_the_edge_stays(restarted: Server, again: httpx.Client, story: Story) -> None:
    with restarted.client(restarted.edge_key) as edge:
        before = ledger(again)
        answers = at_once(*[lambda: post_events(edge, story.events)] * 2)
        assert [answer.json() for answer in answers] == [{"stored": 0, "repeated": 52}] * 2
        assert ledger(again) == before
        assert len(parts_of(again, story.mill)) == 50


def test_the_last_contact_is_the_time_of_the_last_fact(restarted: Server, again: httpx.Client, story: Story) -> None:
    assert story.live["last_contact"] == MARCH + 9_000
    assert machine_of(again, story.mill)["last_contact"] == MARCH + 50
    assert machine_of(again, story.behind)["last_contact"] == MARCH + 180


def test_an_idempotency_key_is_known_again(again: httpx.Client, story: Story) -> None:
    before = ledger(again)
    answer = again.put("/api/machines/", json={"name": "mill"}, headers=KEY)
    assert answer.status_code == 201
    assert answer.headers.get("Idempotency-Replayed") == "true"
    assert answer.json() == machine_of(again, story.mill)
    refused(again.put("/api/machines/", json={"name": "lathe"}, headers=KEY), 422)
    assert ledger(again) == before


def test_counting_goes_on(again: httpx.Client, story: Story) -> None:
    before = len(parts_of(again, story.behind))
    assert before == 2 + 1
    report(again, story.behind, part_count=22, when=MARCH + 600)
    parts = parts_of(again, story.behind)
    assert [part["finished"] for part in parts[before:]] == [MARCH + 600] * 2


def test_ids_are_never_used_twice(again: httpx.Client, story: Story) -> None:
    assert make_machine(again, name="next")["id"] == 4
    assert make_process(again, story.mill)["id"] == 2


def test_the_server_ends_also_while_an_edge_waits(fresh: Server) -> None:
    with fresh.client(fresh.admin_key) as api, fresh.client(fresh.edge_key) as edge:
        query: dict[str, str | float] = {"machine": make_machine(api)["source_name"]}
        query["known"] = get(edge, "/api/edge/profile", **query)["version"]
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(edge.get, "/api/edge/profile", params=query | {"wait": 25})
            time.sleep(0.5)
            fresh.stop()
            if (error := waiting.exception(10)) is not None:
                assert isinstance(error, httpx.TransportError)


INTEGERS = [10**26, 2**63, 2**64, -(2**63) - 1]


def test_no_integer_in_a_fact_breaks_the_ledger(fresh: Server) -> None:
    """A fact that is written and can't be folded would stop the ledger for good."""
    with fresh.client(fresh.admin_key) as api, fresh.client(fresh.edge_key) as edge:
        mill = make_machine(api)
        facts(edge, mill, baseline(MARCH))
        for number in INTEGERS:
            counters = {"part_count": {"value": number}}
            zero = {"part_count": {"value": 0}}
            gap = {"counter": "part_count", "gap_from": None, "from_reading": 1, "to_reading": 2, "why": "x"}
            odd: list[tuple[str, Json]] = [
                ("BaselineSeen", {"counters": counters}),
                ("CountersSeen", {"counters": counters}),
                ("CyclesSeen", {"cycles": 1, "counters": counters}),
                ("CyclesSeen", {"cycles": number, "counters": zero}),
                ("CyclesSeen", {"cycles": 1, "counters": zero, "tools_seen": [number]}),
                ("CyclesSeen", {"cycles": 1, "counters": zero, "tool_seconds": {str(number): 1}}),
                ("CyclesSeen", {"cycles": 1, "counters": zero, "variables": {str(number): 1}}),
                ("GapSeen", gap | {"from_reading": number, "counters": zero}),
                ("GapSeen", gap | {"to_reading": number, "counters": zero}),
                ("StateSeen", {"changes": {"active_tool": number}}),
                ("VariablesSeen", {"variables": {str(number): 1}}),
                ("RunTimeSeen", {"tool_seconds": {str(number): 1}}),
            ]
            wrong: list[Any] = []
            for kind, data in odd:
                answer = post_events(edge, Spool(edge, mill).events((kind, data, MARCH + 1)))
                if answer.status_code != 400:
                    wrong.append((kind, data, answer.status_code))
            (event,) = Spool(edge, mill).events(cycle(MARCH + 1))
            if (code := post_events(edge, event | {"sequence": str(number)}).status_code) != 400:
                wrong.append(("a sequence", number, code))
            assert wrong == []
            assert fresh.is_ready()
