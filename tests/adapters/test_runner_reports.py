"""What a runner makes of several reports, their ages and marks, and of what nobody heard."""

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.scripted import Script, ScriptedEdge, count
from takt_adapters.adapter import AdapterError, Report
from takt_adapters.runner import _moment
from takt_adapters.spool import RESERVE_BYTES, Spool
from taktledger.shopfloor.update import MachineUpdate

Eventually = Callable[..., Any]
NOTHING_NEW = Report(MachineUpdate())


def run(edge: ScriptedEdge, eventually: Eventually, until: Callable[[], Any], adapter: Script) -> None:
    asyncio.run(edge.run(until, eventually, a=adapter))


def dated(edge: ScriptedEdge) -> list[tuple[str, float]]:
    return [(fact.type, fact.occurred_at) for fact in edge.spool.waiting("a", 1000)]


def lost(edge: ScriptedEdge) -> list[dict[str, Any]]:
    return [json.loads(data) for kind, data in edge.facts() if kind == "ReportsLost"]


class Later(Script):
    """Ten seconds pass between its first poll and its second."""

    def __init__(self, edge: ScriptedEdge, *steps: Any) -> None:
        super().__init__(*steps)
        self.edge = edge

    async def poll(self) -> list[Report]:
        if self.polls == 1:
            self.edge.now += 10
        return await super().poll()


def test_the_reports_of_one_poll_are_facts_of_their_own_times(edge: ScriptedEdge, eventually: Eventually) -> None:
    said = [Report(count(42), 9.0), Report(count(43), 4.0), Report(MachineUpdate(program_name="B"), 4.0), NOTHING_NEW]
    adapter = Later(edge, [Report(count(41))], said, [NOTHING_NEW])
    run(edge, eventually, lambda: len(edge.types()) == 4, adapter)
    assert dated(edge) == [
        ("BaselineSeen", 1000.0),
        ("CyclesSeen", 1001.0),
        ("CyclesSeen", 1006.0),
        ("ProgramSeen", 1006.0),
    ]
    assert edge.lives["a"].last_contact == 1010.0


def test_what_is_older_than_the_report_before_it_came_after_it(edge: ScriptedEdge, eventually: Eventually) -> None:
    """A machine whose clock lies, or jumps by years."""
    said = [Report(count(2), 1e9), Report(count(3), 2.0), Report(count(4), 5.0)]
    adapter = Later(edge, [Report(count(1))], said, [NOTHING_NEW])
    run(edge, eventually, lambda: len(edge.types()) == 4, adapter)
    assert [at for _, at in dated(edge)] == [1000.0, 1000.0, 1008.0, 1008.0]


def test_a_report_goes_on_from_the_mark_of_what_is_safe(edge: ScriptedEdge, eventually: Eventually) -> None:
    adapter = Script(
        [Report(count(1), mark="m1")],
        [Report(count(2), mark="m2"), Report(MachineUpdate())],
        AdapterError("gone"),
        [Report(count(3), mark="m3")],
    )
    run(edge, eventually, lambda: edge.types().count("CyclesSeen") == 2, adapter)
    assert adapter.marks == [None, "m2"]
    assert edge.spool.state("a").mark == "m3"


def test_the_mark_outlives_the_edge(edge: ScriptedEdge, eventually: Eventually) -> None:
    run(edge, eventually, edge.types, Script([Report(count(1), mark="m1")]))
    again = Script([Report(count(2), mark="m2")])
    run(edge, eventually, lambda: len(edge.types()) == 2, again)
    assert again.marks == ["m1"]


def test_the_mark_is_saved_now_and_then_though_nothing_happens(edge: ScriptedEdge, eventually: Eventually) -> None:
    """An agent's buffer moves on with what its other machines say."""
    adapter = Script([Report(count(1), mark="m1")], [Report(MachineUpdate(), mark="m2")])

    async def main() -> None:
        running = asyncio.create_task(edge.runner("a", adapter).run())
        await eventually(lambda: adapter.polls > 3)
        assert edge.spool.state("a").mark == "m1"
        edge.now += 60
        await eventually(lambda: edge.spool.state("a").mark == "m2")
        running.cancel()
        await asyncio.wait([running])

    asyncio.run(main())
    assert edge.types() == ["BaselineSeen"]


def test_what_nobody_heard_is_a_fact_with_the_readings_around_it(edge: ScriptedEdge, eventually: Eventually) -> None:
    adapter = Script(
        count(41, cycle_state="ACTIVE", active_tool=3), [Report(count(44, active_tool=3), lost="overrun")], count(44)
    )
    run(edge, eventually, lambda: lost(edge), adapter)
    assert edge.types()[-2:] == ["ReportsLost", "CyclesSeen"]
    assert lost(edge) == [
        {"gap_from": 1000.0, "why": "overrun", "before": {"part_count": 41}, "after": {"part_count": 44}}
    ]


@pytest.mark.parametrize("update", [None, MachineUpdate(success=False)])
def test_a_loss_waits_for_something_that_is_known(
    edge: ScriptedEdge, eventually: Eventually, update: MachineUpdate | None
) -> None:
    """And the mark waits with it: after a restart it is found again."""
    unknown = [Report(update, mark="m2", lost="overrun")]
    adapter = Script([Report(count(41), mark="m1")], unknown, [Report(count(44), mark="m3")])
    run(edge, eventually, lambda: "CyclesSeen" in edge.types(), adapter)
    assert [each["why"] for each in lost(edge)] == ["overrun"]
    assert set(adapter.marks) <= {None, "m1"}
    assert edge.spool.state("a").mark == "m3"


def test_what_the_adapter_knows_goes_before_what_the_disk_did(edge: ScriptedEdge, eventually: Eventually) -> None:
    """A counter of 16 bits that began anew while the disk was full did not wrap."""

    class Small(Script):
        counter_bits = 16

    adapter = Small(count(65_530), [Report(count(20), lost="restart")], [NOTHING_NEW])
    runner = edge.runner("a", adapter)
    runner._lost = "disk"

    async def main() -> None:
        running = asyncio.create_task(runner.run())
        await eventually(lambda: "GapSeen" in edge.types())
        running.cancel()
        await asyncio.wait([running])

    asyncio.run(main())
    assert "CyclesSeen" not in edge.types()


def test_a_full_disk_is_no_dead_link(
    edge: ScriptedEdge, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(edge.spool, "write", full)
    run(edge, eventually, lambda: edge.lives and edge.lives["a"].error, Script(count(1)))
    live = edge.lives["a"]
    assert (live.connected, live.last_contact) == (True, 1000.0)
    assert live.error == "the spool can't be written: database or disk is full"


def test_a_machine_that_is_off_is_not_connected_but_was_heard_until_then(
    edge: ScriptedEdge, eventually: Eventually
) -> None:
    off = Report(MachineUpdate(success=False), mark="off")
    adapter = Script(count(1), [Report(count(2), 1.0), off], [off])
    run(edge, eventually, lambda: len(adapter.marks) > 1, adapter)
    assert edge.types() == ["BaselineSeen", "CyclesSeen"]
    assert edge.lives["a"].error == "the control does not answer"
    assert not edge.lives["a"].connected
    assert adapter.marks[:2] == [None, "off"]


def test_what_is_not_believed_yet_is_as_if_it_had_not_been_read(edge: ScriptedEdge, eventually: Eventually) -> None:
    """So a gap that is told later begins where something was known last."""
    unknown = [Report(None)]
    adapter = Later(edge, [Report(count(41))], unknown, unknown, [Report(count(44), lost="restart")], [NOTHING_NEW])
    run(edge, eventually, lambda: "CyclesSeen" in edge.types(), adapter)
    assert lost(edge)[0]["gap_from"] == 1000.0
    assert edge.lives["a"].errors == 0


@pytest.mark.parametrize("age", [-1.0, float("nan"), float("inf")])
def test_an_age_that_can_not_be_is_not_believed(edge: ScriptedEdge, eventually: Eventually, age: float) -> None:
    adapter = Script([Report(count(1), age)])
    run(edge, eventually, lambda: edge.lives and edge.lives["a"].error, adapter)
    assert "impossible values" in (edge.lives["a"].error or "")
    assert edge.types() == []


def test_a_poll_says_something(edge: ScriptedEdge, eventually: Eventually) -> None:
    run(edge, eventually, lambda: edge.lives and edge.lives["a"].error, Script([]))
    assert edge.lives["a"].error == "a poll that says nothing"


@given(last=st.none() | st.floats(0, 2e9), now=st.floats(0, 2e9), age=st.floats(0, 1e12))
def test_ages_never_turn_time_around(last: float | None, now: float, age: float) -> None:
    at = _moment(last, now, age)
    assert at <= now
    if last is not None and last <= now:
        assert at >= last


def test_a_full_disk_is_told_when_there_is_room_again(edge: ScriptedEdge, eventually: Eventually) -> None:
    """A real one, as far as SQLite is concerned: it may not have another page."""
    adapter = Script(*[count(each, program_name=f"{each} {'x' * 400}") for each in range(1, 80)])
    limit = edge.spool._db.execute("PRAGMA page_count").fetchone()[0] + 4
    edge.spool._db.execute(f"PRAGMA max_page_count = {limit}")

    async def main() -> None:
        running = asyncio.create_task(edge.runner("a", adapter).run())
        await eventually(lambda: "full" in (edge.lives["a"].error or "") and len(adapter.steps) == 1)
        assert 1 < counted(edge) < 78
        edge.spool._db.execute("PRAGMA max_page_count = 1000000")
        edge.now += 60
        await eventually(lambda: edge.lives["a"].error is None)
        running.cancel()
        await asyncio.wait([running])

    asyncio.run(main())
    assert counted(edge) == 78
    gap = lost(edge)[-1]
    assert (gap["gap_from"], gap["why"], gap["after"]) == (1000.0, "disk", {"part_count": 79})
    assert gap["before"]["part_count"] < 79
    assert edge.types()[-1] == "ProgramSeen"


def test_an_edge_that_is_restarted_while_the_disk_is_full_tells_it_all_the_same(
    edge: ScriptedEdge, eventually: Eventually, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    adapter, room = Script(count(1)), shutil.disk_usage(tmp_path)

    def restart() -> None:
        edge.spool.close()
        edge.spool = Spool(edge.spool._path, str)

    run(edge, eventually, lambda: edge.types() == ["BaselineSeen"], adapter)
    monkeypatch.setattr("takt_adapters.spool.shutil.disk_usage", lambda path: room._replace(free=RESERVE_BYTES - 1))
    adapter.steps = [count(2), count(3)]
    edge.now += 60
    run(edge, eventually, lambda: "full" in (edge.lives["a"].error or ""), adapter)
    restart()
    edge.now += 60
    run(edge, eventually, lambda: "full" in (edge.lives["a"].error or ""), adapter)
    monkeypatch.setattr("takt_adapters.spool.shutil.disk_usage", lambda path: room)
    restart()
    edge.now += 60
    run(edge, eventually, lambda: edge.lives["a"].error is None and len(edge.facts()) > 1, adapter)
    assert edge.types() == ["BaselineSeen", "ReportsLost", "CyclesSeen"]
    assert lost(edge) == [{"gap_from": 1000.0, "why": "disk", "before": {"part_count": 1}, "after": {"part_count": 3}}]
    restart()  # it was told, and isn't told again
    adapter.steps = [count(4)]
    run(edge, eventually, lambda: len(edge.facts()) == 4, adapter)
    assert edge.types()[3:] == ["CyclesSeen"]


def counted(edge: ScriptedEdge) -> int:
    return sum(json.loads(data)["cycles"] for kind, data in edge.facts() if kind == "CyclesSeen")
