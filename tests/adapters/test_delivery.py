"""Delivery to a real HTTP server on loopback: everything once, and in order, whatever it answers."""

import asyncio
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from takt_adapters import delivery, retry
from takt_adapters.delivery import Delivery, follow_profiles, tell_state
from takt_adapters.runner import Live
from takt_adapters.spool import Dated, Spool
from taktledger.domain.shop import Counter
from taktledger.shopfloor.detector import DetectorState
from taktledger.shopfloor.facts import CyclesSeen, ProgramSeen
from taktledger.shopfloor.profile import HoldTime, Profile

Eventually = Callable[..., Any]


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(tmp_path / "spool.db", lambda: "spool-a")
    yield spool
    spool.close()


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_SECONDS", 0.001)
    monkeypatch.setattr(retry, "LAST_SECONDS", 0.005)


def fill(spool: Spool, machine: str, count: int, first: int = 1) -> None:
    facts = [CyclesSeen(cycles=1, counters={"part_count": Counter(first + each)}) for each in range(count)]
    spool.write(machine, DetectorState(), [Dated(fact, 1_700_000_000.25) for fact in facts])


def deliver(spool: Spool, url: str, until: Callable[[], bool], eventually: Eventually) -> None:
    async def main() -> None:
        async with httpx.AsyncClient(base_url=url, headers={"Authorization": "Bearer k"}, timeout=1) as client:
            upward = Delivery(client, spool, asyncio.Event(), clock=lambda: 1_700_000_009.0, random=lambda: 0.5)
            task = asyncio.create_task(upward.run())
            try:
                await eventually(until)
            finally:
                task.cancel()
                await asyncio.wait([task])

    asyncio.run(main())


def deliver_all(spool: Spool, ledger: Any, eventually: Eventually) -> None:
    deliver(spool, ledger.url, lambda: not spool.machines_waiting(), eventually)


def test_a_fact_as_the_ledger_sees_it(spool: Spool, ledger: Any, eventually: Eventually) -> None:
    fill(spool, "mill-1", 1, first=42)
    deliver_all(spool, ledger, eventually)
    assert ledger.batches == [
        [
            {
                "specversion": "1.0",
                "id": "spool-a/mill-1/1",
                "source": "spool-a/mill-1",
                "type": "CyclesSeen",
                "subject": "mill-1",
                "time": "2023-11-14T22:13:20.250000Z",
                "sequence": "1",
                "datacontenttype": "application/json",
                "data": {"cycles": 1, "counters": {"part_count": {"value": 42}}},
            }
        ]
    ]
    assert ledger.headers[0]["Authorization"] == "Bearer k"
    assert ledger.headers[0]["Content-Type"] == "application/cloudevents-batch+json"


def test_batches_in_order_and_machines_in_turn(spool: Spool, ledger: Any, eventually: Eventually) -> None:
    fill(spool, "mill-1", 1200)
    fill(spool, "mill-2", 3)
    deliver_all(spool, ledger, eventually)
    assert ledger.sequences("mill-1") == list(range(1, 1201))
    assert ledger.sequences("mill-2") == [1, 2, 3]
    assert {each["subject"] for each in ledger.batches[0]} == {"mill-1", "mill-2"}
    assert [len(batch) for batch in ledger.batches] == [253, 500, 450]


@pytest.mark.parametrize(
    "answer",
    [
        401,
        403,
        404,
        429,
        500,
        503,
        (200, b"<html>"),
        (200, {"stored": 1, "repeated": 0}),
        (200, {}),
        (302, None),
        (400, b"<html>Bad Request</html>"),
        "lost",
    ],
)
def test_no_clear_answer_is_tried_again(spool: Spool, ledger: Any, eventually: Eventually, answer: Any) -> None:
    fill(spool, "mill-1", 3)
    ledger.answers = [answer, answer]
    with structlog.testing.capture_logs() as logs:
        deliver_all(spool, ledger, eventually)
    assert ledger.sequences("mill-1") == [1, 2, 3]
    assert len(ledger.batches) == 3
    assert [each["event"] for each in logs] == ["delivery: fails", "delivery: works again"]  # once, not each time


def test_a_ledger_that_is_not_there_yet(spool: Spool, ledger: Any, eventually: Eventually) -> None:
    fill(spool, "mill-1", 3)
    url = ledger.url
    ledger.server.server_close()
    for _ in range(2):
        with pytest.raises(TimeoutError):
            deliver(spool, url, lambda: False, lambda until: eventually(until, 0.1))
    assert spool.backlog("mill-1") == 3


def test_refused_facts_are_set_aside_and_the_rest_goes_on(spool: Spool, ledger: Any, eventually: Eventually) -> None:
    fill(spool, "mill-1", 2)
    spool.write("mill-1", DetectorState(), [Dated(ProgramSeen(program="A"), 1_700_000_001.0)])
    fill(spool, "mill-1", 2, first=3)
    fill(spool, "mill-2", 1)
    ledger.hated = {"ProgramSeen"}
    deliver_all(spool, ledger, eventually)
    assert ledger.sequences("mill-1") == [1, 2, 4, 5, 6]
    assert ledger.sequences("mill-2") == [1]
    notice = ledger.taken["spool-a/mill-1", 6]
    assert (notice["type"], notice["data"]) == ("FactSetAside", {"fact": "ProgramSeen", "error": "hated"})
    rows = spool._db.execute("SELECT machine, sequence, error FROM refused").fetchall()
    assert rows == [("mill-1", 3, "hated")]


def test_the_notice_is_refused_too(spool: Spool, ledger: Any, eventually: Eventually) -> None:
    fill(spool, "mill-1", 1)
    ledger.hated = {"CyclesSeen", "FactSetAside"}
    deliver_all(spool, ledger, eventually)
    assert ledger.taken == {}
    assert len(ledger.batches) == 2


@pytest.mark.parametrize("errors", [{}, {"errors": [{"field": "x", "error": "?"}]}, {"errors": [{"index": 99}]}])
def test_a_refusal_that_names_no_fact(spool: Spool, ledger: Any, eventually: Eventually, errors: Any) -> None:
    """Smaller batches find the one that is meant, whichever machine's turn it is."""
    for machine in ("mill-1", "mill-2", "mill-3"):
        fill(spool, machine, 5)
    culprit = ("spool-a/mill-2", 4)
    take = ledger.take

    def refuse(batch: list[Any]) -> tuple[int, Any]:
        if any((each["source"], int(each["sequence"])) == culprit for each in batch):
            return 400, {"error": "something in it", **errors}
        return take(batch)  # type: ignore[no-any-return]

    ledger.take = refuse
    deliver_all(spool, ledger, eventually)
    assert ledger.sequences("mill-1") == ledger.sequences("mill-3") == [1, 2, 3, 4, 5]
    assert ledger.sequences("mill-2") == [1, 2, 3, 5, 6]
    assert ledger.taken["spool-a/mill-2", 6]["data"] == {"fact": "CyclesSeen", "error": "something in it"}


def test_a_batch_that_is_too_large(spool: Spool, ledger: Any, eventually: Eventually) -> None:
    fill(spool, "mill-1", 40)
    ledger.largest = 7
    deliver_all(spool, ledger, eventually)
    assert ledger.sequences("mill-1") == list(range(1, 41))


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    answers=st.lists(st.sampled_from([200, "lost", 503, 413, 401, (200, b"?")]), max_size=12),
    counts=st.tuples(st.integers(0, 30), st.integers(0, 30)),
)
def test_once_and_in_order_whatever_happens(
    tmp_path_factory: pytest.TempPathFactory, ledger: Any, eventually: Eventually, answers: Any, counts: Any
) -> None:
    spool = Spool(tmp_path_factory.mktemp("spool") / "spool.db", lambda: "spool-a")
    ledger.taken.clear()
    ledger.answers = list(answers)
    for machine, count in zip(("a", "b"), counts, strict=True):
        fill(spool, machine, count)
    deliver_all(spool, ledger, eventually)
    for machine, count in zip(("a", "b"), counts, strict=True):
        kept = [each for each in ledger.taken.values() if each["subject"] == machine and each["type"] == "CyclesSeen"]
        aside = [row[0] for row in spool._db.execute("SELECT sequence FROM refused WHERE machine = ?", (machine,))]
        # Both, if its answer was lost and then it was refused: the ledger has it once all the same.
        assert {*(int(each["sequence"]) for each in kept), *aside} == set(range(1, count + 1))
        assert ledger.sequences(machine) == sorted(ledger.sequences(machine))
    spool.close()


def test_profiles_come_down_and_are_kept(spool: Spool, ledger: Any, eventually: Eventually) -> None:
    ledger.profiles = {"version": "7", "machines": {"mill-1": {"part_report_limit": 5, "new_field": 1}}}
    profiles: dict[str, Profile] = {}

    async def main() -> None:
        async with httpx.AsyncClient(base_url=ledger.url) as client:
            changed = {"mill-1": asyncio.Event(), "m/2 ü": asyncio.Event()}
            task = asyncio.create_task(follow_profiles(client, spool, changed, profiles, lambda: 0.5))
            await eventually(lambda: changed["mill-1"].is_set())
            assert profiles["mill-1"].part_report_limit == 5
            assert "m/2 ü" not in profiles  # the ledger has never said anything of it
            assert not changed["m/2 ü"].is_set()
            changed["mill-1"].clear()
            ledger.profiles = {"version": "8", "machines": {"mill-1": {"part_report_limit": 6}}}
            await eventually(lambda: changed["mill-1"].is_set())
            assert profiles["mill-1"].part_report_limit == 6
            assert not changed["m/2 ü"].is_set()
            task.cancel()
            await asyncio.wait([task])

    asyncio.run(main())
    assert ledger.profile_queries[0] == {"machine": ["mill-1", "m/2 ü"], "wait": ["10"]}
    assert ledger.profile_queries[1] == {"machine": ["mill-1", "m/2 ü"], "known": ["7"], "wait": ["10"]}
    assert spool.profiles() == (
        "8",
        {
            "mill-1": Profile(part_report_limit=6),
        },
    )


def test_a_machine_that_the_ledger_no_longer_knows_has_no_holds(
    spool: Spool, ledger: Any, eventually: Eventually
) -> None:
    spool.keep_profiles("6", {"mill-1": Profile(holds=[HoldTime(1.0)])})
    _, profiles = spool.profiles()

    async def main() -> None:
        async with httpx.AsyncClient(base_url=ledger.url) as client:
            changed = {"mill-1": asyncio.Event()}
            task = asyncio.create_task(follow_profiles(client, spool, changed, profiles, lambda: 0.5))
            await eventually(lambda: changed["mill-1"].is_set())
            task.cancel()
            await asyncio.wait([task])

    asyncio.run(main())
    assert profiles == {"mill-1": Profile()}
    assert spool.profiles() == ("1", {"mill-1": Profile()})


def test_a_ledger_that_answers_at_once_is_not_asked_without_end(
    spool: Spool, ledger: Any, eventually: Eventually
) -> None:
    async def main() -> None:
        async with httpx.AsyncClient(base_url=ledger.url) as client:
            task = asyncio.create_task(follow_profiles(client, spool, {"mill-1": asyncio.Event()}, {}, lambda: 0.5))
            await asyncio.sleep(1.2)
            task.cancel()
            await asyncio.wait([task])

    asyncio.run(main())
    assert 1 <= len(ledger.profile_queries) <= 3


def test_an_answer_that_took_its_time_is_followed_by_the_next_request_at_once(
    spool: Spool, ledger: Any, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the edge hears at once of what changes while it takes in what has changed."""
    monkeypatch.setattr(delivery, "PROFILE_PAUSE_SECONDS", 0.02)  # the ledger here waits so long before its 304
    slept: list[float] = []
    sleep = asyncio.sleep

    async def noted(seconds: float) -> None:
        slept.append(seconds)
        await sleep(seconds)

    async def main() -> None:
        async with httpx.AsyncClient(base_url=ledger.url) as client:
            with monkeypatch.context() as patch:
                patch.setattr(delivery.asyncio, "sleep", noted)
                task = asyncio.create_task(follow_profiles(client, spool, {"mill-1": asyncio.Event()}, {}, lambda: 0.5))
                while len(ledger.profile_queries) < 5:
                    await sleep(0.005)
                task.cancel()
                await asyncio.wait([task])

    asyncio.run(main())
    assert slept[1:]
    assert set(slept[1:]) == {0.0}


def test_live_state_goes_up_on_change(spool: Spool, ledger: Any, eventually: Eventually) -> None:
    fill(spool, "mill-1", 2)
    lives = {"mill-1": Live(connected=True, last_contact=123.5), "mill-2": Live(error="no connection")}

    async def main() -> None:
        changed = asyncio.Event()
        async with httpx.AsyncClient(base_url=ledger.url) as client:
            task = asyncio.create_task(tell_state(client, spool, lives, changed, lambda: 77.5))
            await eventually(lambda: ledger.states)
            lives["mill-2"].error = "frozen"
            changed.set()
            await eventually(lambda: len(ledger.states) == 2, 1.8)  # long before the two seconds
            task.cancel()
            await asyncio.wait([task])

    asyncio.run(main())
    unknown = {"adapter": "", "errors": 0, "hold_output": None}
    assert ledger.states[0] == {
        "mill-1": {**unknown, "connected": True, "last_contact": 123.5, "error": None, "backlog": 2},
        "mill-2": {**unknown, "connected": False, "last_contact": None, "error": "no connection", "backlog": 0},
    }
    assert ledger.states[1]["mill-2"]["error"] == "frozen"


def test_the_back_off_grows_with_jitter_up_to_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    draws = itertools.cycle([0.0, 0.999])
    thing = retry.Retry(structlog.get_logger(), "thing", lambda: next(draws))
    waits = [thing.failed("no") for _ in range(10)]
    assert min(waits) == 0.5
    assert 4.9 < max(waits) < 5.0
    thing.worked()
    assert thing.failed("no") == 0.5
