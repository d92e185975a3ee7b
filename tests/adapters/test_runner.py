"""One machine, for ever: whatever it does, nothing is counted twice, nothing is lost, and nobody else notices."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import structlog

from adapters.scripted import HANG, Eventually, Script, count
from adapters.scripted import ScriptedEdge as Edge
from takt_adapters import runner
from takt_adapters.adapter import AdapterError
from takt_adapters.runner import Live
from takt_adapters.spool import Spool
from taktledger.domain.shop import ControlAlarm
from taktledger.shopfloor.profile import Profile
from taktledger.shopfloor.update import MachineUpdate


def test_updates_become_facts(edge: Edge, eventually: Eventually) -> None:
    script = Script(count(41), count(41), count(42), count(44))
    asyncio.run(edge.run(lambda: len(edge.facts()) == 3, eventually, a=script))
    assert edge.facts() == [
        ("BaselineSeen", '{"counters":{"part_count":{"value":41}}}'),
        ("CyclesSeen", '{"cycles":1,"counters":{"part_count":{"value":42}}}'),
        ("CyclesSeen", '{"cycles":2,"counters":{"part_count":{"value":44}}}'),
    ]
    assert script.connects == 1
    assert script.closes == 1
    assert edge.lives["a"] == Live(connected=True, last_contact=1000.0)


@pytest.mark.parametrize(
    ("trouble", "text"),
    [
        (AdapterError("no answer"), "no answer"),
        (MachineUpdate(success=False), "the control does not answer"),
        (count(-1), "impossible values"),
        (count(42, feed_rate_override=float("nan")), "impossible values"),
        (count(42, alarms=[ControlAlarm(info="?")]), "an alarm needs"),
        (ValueError("a bug"), "a bug"),
        (KeyError(7), "KeyError: 7"),
        ("not an update", "impossible values"),
        (HANG, "no answer for 0.05 s"),
    ],
)
def test_whatever_fails_is_connected_anew(
    edge: Edge, eventually: Eventually, monkeypatch: pytest.MonkeyPatch, trouble: Any, text: str
) -> None:
    monkeypatch.setattr(runner, "STUCK_SECONDS", 0.05)
    script = Script(count(41), trouble, trouble, count(43))
    healthy = Script(count(1), count(2))

    def done() -> bool:
        return edge.types() == ["BaselineSeen", "CyclesSeen"] and edge.lives["a"].connected

    with structlog.testing.capture_logs() as logs:
        asyncio.run(edge.run(done, eventually, a=script, b=healthy))
    assert script.connects == 3
    assert script.closes == 3
    assert [each["event"] for each in logs] == ["machine: fails", "machine: works again"]  # once, not each time
    assert text in logs[0]["error"]
    assert edge.types("b") == ["BaselineSeen", "CyclesSeen"]
    assert healthy.connects == 1


def test_a_disk_that_fails_loses_nothing(edge: Edge, eventually: Eventually, monkeypatch: pytest.MonkeyPatch) -> None:
    """The state doesn't go on without the spool, so the next poll detects the same once more."""
    write, failures = edge.spool.write, iter([False, True, True, False])

    def failing(*arguments: Any) -> None:
        if next(failures, False):
            raise sqlite3.OperationalError("database or disk is full")
        write(*arguments)

    monkeypatch.setattr(edge.spool, "write", failing)
    asyncio.run(edge.run(lambda: len(edge.facts()) == 3, eventually, a=Script(count(41), count(42))))
    assert edge.types() == ["BaselineSeen", "ReportsLost", "CyclesSeen"]


def test_a_start_goes_on_where_it_stopped(edge: Edge, eventually: Eventually, tmp_path: Path) -> None:
    asyncio.run(edge.run(lambda: len(edge.facts()) == 2, eventually, a=Script(count(41), count(42))))
    edge.spool.close()
    edge.spool = Spool(tmp_path / "spool.db", lambda: "another")
    asyncio.run(edge.run(lambda: len(edge.facts()) == 3, eventually, a=Script(count(45))))
    assert edge.facts()[2] == ("CyclesSeen", '{"cycles":3,"counters":{"part_count":{"value":45}}}')


def test_a_clock_that_goes_back_turns_nothing_around(edge: Edge, eventually: Eventually, tmp_path: Path) -> None:
    asyncio.run(edge.run(lambda: len(edge.facts()) == 1, eventually, a=Script(count(1))))
    edge.spool.close()
    edge.spool = Spool(tmp_path / "spool.db", lambda: "another")
    edge.now = 5.0  # a computer without a battery starts in 1970
    asyncio.run(edge.run(lambda: len(edge.facts()) == 2, eventually, a=Script(count(2))))
    assert [fact.occurred_at for fact in edge.spool.waiting("a", 9)] == [1000.0, 1000.0]


def test_run_time_is_saved_at_the_end_and_now_and_then(
    edge: Edge, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes = 0
    write = edge.spool.write

    def counted(name: str, state: Any, facts: Any) -> None:
        nonlocal writes
        writes += 1
        write(name, state, facts)

    monkeypatch.setattr(edge.spool, "write", counted)
    script = Script(count(1, cycle_state="ACTIVE", active_tool=7))

    def later() -> bool:
        edge.now += 1.0
        return edge.now >= 1041.0

    asyncio.run(edge.run(later, eventually, a=script))
    assert 3 <= writes <= 6  # not one for each poll
    assert edge.spool.state("a").run.tool_seconds[7] > 30


def test_the_profile_counts_from_the_next_poll_on(edge: Edge, eventually: Eventually) -> None:
    async def main() -> None:
        script = Script(count(1))
        task = asyncio.create_task(edge.runner("a", script).run())
        await eventually(lambda: edge.facts())
        edge.profiles["a"] = Profile(part_report_limit=5)
        script.steps = [count(7)]
        await eventually(lambda: len(edge.facts()) == 3)
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(main())
    assert edge.types() == ["BaselineSeen", "CyclesSeen", "GapSeen"]


def test_polls_keep_their_period(edge: Edge) -> None:
    script = Script(count(1))

    async def main() -> None:
        machine = edge.runner("a", script)
        machine._poll_seconds = 0.05
        task = asyncio.create_task(machine.run())
        await asyncio.sleep(0.52)
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(main())
    assert 4 <= script.polls <= 11
