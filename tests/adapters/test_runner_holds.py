"""One machine that is held: its output follows the holds, the ledger hears of it, and counting never notices."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import structlog

from adapters.scripted import HANG, Eventually, Script, count
from adapters.scripted import ScriptedEdge as Edge
from takt_adapters import retry, runner
from takt_adapters.adapter import AdapterError, BadAnswer, Report
from takt_adapters.spool import Spool
from taktledger.shopfloor.facts import HoldOutputWritten
from taktledger.shopfloor.profile import HoldTime, Profile

HOUR = HoldTime(2000.0, 5600.0)
WRITTEN, FAILED = "HoldOutputWritten", "HoldOutputFailed"


def machine() -> Script:
    return Script(count(1), output=False)


async def lives(edge: Edge, script: Script, *scenes: Callable[[], Any], eventually: Eventually) -> None:
    """Each scene is a function that changes something and returns what must follow."""
    task = asyncio.create_task(edge.runner("a", script).run())
    try:
        await eventually(lambda: script.polls)
        for scene in scenes:
            until = scene()
            await eventually(until)
    finally:
        task.cancel()
        await asyncio.wait([task])


def polled(script: Script, times: int = 3) -> Callable[[], bool]:
    """True when it was polled so often from now on."""
    until = script.polls + times
    return lambda: script.polls >= until


def holds(edge: Edge) -> list[tuple[str, str, float]]:
    """What the ledger will hear of holds, and of when."""
    return [(fact.type, fact.data, fact.occurred_at) for fact in edge.spool.waiting("a", 1000) if "Hold" in fact.type]


def test_the_output_follows_the_holds_by_the_clock_of_the_edge(edge: Edge, eventually: Eventually) -> None:
    script = machine()
    edge.profiles["a"] = Profile(holds=[HOUR])

    def at(now: float, output: bool) -> Callable[[], Any]:
        def scene() -> Callable[[], bool]:
            edge.now = now
            enough = polled(script)
            return lambda: enough() and script.output is output

        return scene

    scenes = [at(1999.5, False), at(2000.0, True), at(5599.5, True), at(5600.5, False)]
    asyncio.run(lives(edge, script, *scenes, eventually=eventually))
    assert script.holds == [True, False]
    assert holds(edge) == [(WRITTEN, '{"held":true}', 2000.0), (WRITTEN, '{"held":false}', 5600.5)]
    assert edge.types() == ["BaselineSeen", WRITTEN, WRITTEN]


def test_an_output_that_the_control_has_lost_is_written_anew(edge: Edge, eventually: Eventually) -> None:
    script = machine()
    edge.profiles["a"] = Profile(holds=[HoldTime(0.0)])

    def restarted() -> Callable[[], Any]:
        edge.now += 60.0
        script.output = False
        return lambda: script.output

    def reconnected() -> Callable[[], Any]:
        edge.now += 60.0
        script.output = False
        script.steps = [AdapterError("gone"), count(1)]
        return lambda: script.output and script.connects == 2

    asyncio.run(lives(edge, script, lambda: lambda: script.output, restarted, reconnected, eventually=eventually))
    assert script.holds == [True, True, True]
    assert [data for _, data, _ in holds(edge)] == ['{"held":true}'] * 3


def test_a_machine_that_the_ledger_has_never_spoken_of_is_left_alone(edge: Edge, eventually: Eventually) -> None:
    script = Script(count(1), output=True)
    asyncio.run(lives(edge, script, lambda: polled(script), eventually=eventually))
    assert script.holds == []
    assert edge.types() == ["BaselineSeen"]


def test_without_holds_an_output_that_is_off_is_not_written(edge: Edge, eventually: Eventually) -> None:
    script = machine()
    edge.profiles["a"] = Profile()
    asyncio.run(lives(edge, script, lambda: polled(script), eventually=eventually))
    assert script.holds == []
    assert edge.types() == ["BaselineSeen"]


def test_an_output_that_reads_neither_is_written(edge: Edge, eventually: Eventually) -> None:
    script = machine()
    script.output = None  # type: ignore[assignment]
    edge.profiles["a"] = Profile()
    asyncio.run(lives(edge, script, lambda: polled(script), eventually=eventually))
    assert script.holds == [False]


@pytest.mark.parametrize(
    ("trouble", "text"),
    [
        (AdapterError("write protected"), "write protected"),
        (KeyError(7), "KeyError: 7"),
        (HANG, "no answer for 0.05 s"),
    ],
)
def test_a_write_that_fails_is_tried_again_and_counting_goes_on(
    edge: Edge, eventually: Eventually, monkeypatch: pytest.MonkeyPatch, trouble: Any, text: str
) -> None:
    monkeypatch.setattr(runner, "STUCK_SECONDS", 0.05)
    script = machine()
    script.trouble = trouble
    edge.profiles["a"] = Profile(holds=[HoldTime(0.0)])

    def counts() -> Callable[[], Any]:
        script.steps = [count(2)]
        return lambda: "CyclesSeen" in edge.types() and len(script.holds) > 3

    def works() -> Callable[[], Any]:
        script.trouble = None
        return lambda: script.output

    with structlog.testing.capture_logs() as logs:
        asyncio.run(lives(edge, script, lambda: lambda: script.holds, counts, works, eventually=eventually))
    assert edge.facts() == [
        ("BaselineSeen", '{"counters":{"part_count":{"value":1}}}'),
        (FAILED, f'{{"held":true,"error":"{text}"}}'),
        ("CyclesSeen", '{"cycles":1,"counters":{"part_count":{"value":2}}}'),
        (WRITTEN, '{"held":true}'),
    ]
    assert script.connects == 1
    assert edge.lives["a"].connected
    assert [each["event"] for each in logs] == ["hold output: fails", "hold output: works again"]  # once


def test_a_machine_without_hold_output_tells_of_each_hold(edge: Edge, eventually: Eventually) -> None:
    script = Script(count(1))
    edge.profiles["a"] = Profile(holds=[HOUR, HoldTime(9000.0)])

    def at(now: float) -> Callable[[], Any]:
        edge.now = now
        return polled(script)

    scenes = [lambda: at(2000.0), lambda: at(6000.0), lambda: at(9000.0)]
    asyncio.run(lives(edge, script, *scenes, eventually=eventually))
    error = '{"held":true,"error":"it has no hold output"}'
    assert holds(edge) == [(FAILED, error, 2000.0), (FAILED, error, 9000.0)]


def test_a_hold_that_begins_or_ends_while_the_link_is_down(edge: Edge, eventually: Eventually) -> None:
    script = machine()
    edge.profiles["a"] = Profile(holds=[HOUR])

    def breaks(now: float) -> Callable[[], Any]:
        script.steps = [AdapterError("cut")]
        edge.now = now
        return polled(script)

    def mended() -> Callable[[], Any]:
        script.steps = [count(1)]
        return polled(script)

    scenes = [lambda: breaks(1500.0), lambda: breaks(2500.0), mended, lambda: breaks(6000.0), mended]
    asyncio.run(lives(edge, script, *scenes, eventually=eventually))
    assert holds(edge) == [
        (FAILED, '{"held":true,"error":"cut"}', 2500.0),
        (WRITTEN, '{"held":true}', 2500.0),
        (FAILED, '{"held":false,"error":"cut"}', 6000.0),
        (WRITTEN, '{"held":false}', 6000.0),
    ]
    assert script.output is False


def test_a_machine_that_never_answered_is_told_with_its_own_reason(edge: Edge, eventually: Eventually) -> None:
    edge.profiles["a"] = Profile(holds=[HoldTime(0.0)])
    without, away = Script(AdapterError("cut")), Script(AdapterError("cut"), output=False)
    edge.profiles["b"] = edge.profiles["a"]
    asyncio.run(edge.run(lambda: edge.facts("a") and edge.facts("b"), eventually, a=without, b=away))
    assert edge.facts("a") == [(FAILED, '{"held":true,"error":"it has no hold output"}')]
    assert edge.facts("b") == [(FAILED, '{"held":true,"error":"cut"}')]


def test_a_start_while_the_machine_is_held_tells_nothing_anew(
    edge: Edge, eventually: Eventually, tmp_path: Path
) -> None:
    script = machine()
    edge.profiles["a"] = Profile(holds=[HoldTime(0.0)])
    asyncio.run(lives(edge, script, lambda: lambda: script.output, eventually=eventually))
    assert script.output is True  # an edge that stops lets nothing go
    edge.spool.close()
    edge.spool = Spool(tmp_path / "spool.db", lambda: "another")
    asyncio.run(lives(edge, script, lambda: polled(script), eventually=eventually))
    assert script.holds == [True]
    assert len(holds(edge)) == 1


def test_a_disk_that_fails_loses_no_fact_of_a_hold(
    edge: Edge, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, failures = edge.spool.write, iter([True] * 5)

    def failing(name: str, state: Any, facts: Any) -> None:
        if HoldOutputWritten(held=True) in [dated.fact for dated in facts] and next(failures, False):
            raise sqlite3.OperationalError("database or disk is full")
        write(name, state, facts)

    monkeypatch.setattr(edge.spool, "write", failing)
    script = machine()
    edge.profiles["a"] = Profile(holds=[HoldTime(0.0)])
    asyncio.run(lives(edge, script, lambda: lambda: WRITTEN in edge.types(), eventually=eventually))
    assert next(failures, None) is None
    assert edge.types() == ["BaselineSeen", WRITTEN]  # nothing that the machine said was lost
    assert edge.spool.state("a").hold.held is True
    assert edge.spool.lost("a") is None


def test_a_new_profile_ends_the_wait_for_the_next_poll(edge: Edge, eventually: Eventually) -> None:
    script = machine()
    edge.profiles["a"] = Profile()

    async def main() -> None:
        held = edge.runner("a", script)
        held._poll_seconds = 3600.0
        task = asyncio.create_task(held.run())
        await eventually(lambda: script.polls == 1)
        for number in (2, 3):  # each time anew
            edge.profiles["a"] = Profile(holds=[HoldTime(0.0)] if number == 2 else [])
            edge.profile_changed.set()
            await eventually(lambda number=number: script.polls == number)
            await eventually(lambda number=number: script.output is (number == 2))
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(main())
    assert script.polls == 3  # and one for each


def test_new_profiles_put_off_no_poll(edge: Edge, eventually: Eventually) -> None:
    script = machine()

    async def main() -> None:
        often = edge.runner("a", script)
        often._poll_seconds = 1.0
        task = asyncio.create_task(often.run())
        await eventually(lambda: script.polls == 1)
        for number in range(2, 102):
            edge.profile_changed.set()
            await eventually(lambda number=number: script.polls >= number)
        await eventually(polled(script, 2))
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(main())


@pytest.mark.parametrize("held", [True, False])
def test_a_disk_that_is_full_stops_nobody_from_holding_or_releasing(
    edge: Edge, eventually: Eventually, monkeypatch: pytest.MonkeyPatch, held: bool
) -> None:
    """Nothing can be told meanwhile, but the machine comes first."""
    script = machine()
    script.output = script.held = not held
    edge.profiles["a"] = Profile(holds=[HoldTime(0.0)] if held else [])

    def full(*_: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(edge.spool, "write", full)
    asyncio.run(lives(edge, script, lambda: lambda: script.output is held, eventually=eventually))


def test_an_output_that_fails_is_the_error_of_its_machine(edge: Edge, eventually: Eventually) -> None:
    """As `adapters status` shows it."""
    script = machine()
    script.trouble = BadAnswer("refused")
    edge.profiles["a"] = Profile(holds=[HoldTime(0.0)])

    def fails() -> Callable[[], Any]:
        return lambda: (edge.lives["a"].connected, edge.lives["a"].error) == (True, "hold output: refused")

    def works() -> Callable[[], Any]:
        script.trouble = None
        return lambda: (edge.lives["a"].connected, edge.lives["a"].error) == (True, None)

    asyncio.run(lives(edge, script, fails, works, eventually=eventually))


def test_an_output_that_the_control_resets_is_the_error_of_its_machine(edge: Edge, eventually: Eventually) -> None:
    class Resetting(Script):
        async def poll(self) -> list[Report]:
            self.output = False
            return await super().poll()

    script = Resetting(count(1), output=False)
    edge.profiles["a"] = Profile(holds=[HoldTime(0.0)])
    reset = "hold output: something else at the control resets the hold output"
    asyncio.run(lives(edge, script, lambda: lambda: edge.lives["a"].error == reset, eventually=eventually))


@pytest.mark.parametrize("answer", [BadAnswer("feed_rate_override: -1 %"), count(-1)])
def test_a_machine_that_says_nonsense_is_held_and_released_all_the_same(
    edge: Edge, eventually: Eventually, answer: Any
) -> None:
    script = Script(count(1), answer, output=False)
    edge.profiles["a"] = Profile()

    def held(holds: list[HoldTime]) -> Callable[[], Any]:
        edge.profiles["a"] = Profile(holds=holds)
        return lambda: script.output is bool(holds) and script.holds[-1:] == [bool(holds)]

    scenes = [lambda: held([HoldTime(0.0)]), lambda: held([])]
    asyncio.run(lives(edge, script, *scenes, eventually=eventually))
    assert [data for _, data, _ in holds(edge)] == ['{"held":true}', '{"held":false}']


def test_an_output_that_is_reset_at_every_poll_is_a_failure(edge: Edge, eventually: Eventually) -> None:
    class Stubborn(Script):
        async def poll(self) -> Any:
            edge.now += 1.0
            self.output = False
            return await super().poll()

    script = Stubborn(count(1), output=False)
    edge.profiles["a"] = Profile(holds=[HoldTime(0.0)])
    asyncio.run(lives(edge, script, lambda: polled(script, 60), eventually=eventually))
    assert [kind for kind, _, _ in holds(edge)] == [WRITTEN, FAILED]


def test_a_slow_output_makes_no_part_later_than_it_was(edge: Edge, eventually: Eventually) -> None:
    class Slow(Script):
        async def hold(self, held: bool) -> None:
            edge.now += 5.0
            await super().hold(held)

    script = Slow(count(1), output=False)
    edge.profiles["a"] = Profile(holds=[HoldTime(0.0)])
    asyncio.run(lives(edge, script, lambda: polled(script), eventually=eventually))
    assert [(fact.type, fact.occurred_at) for fact in edge.spool.waiting("a", 9)] == [
        ("BaselineSeen", 1000.0),
        (WRITTEN, 1005.0),
    ]


def test_a_control_that_lost_its_output_is_held_again_though_it_says_nonsense(
    edge: Edge, eventually: Eventually
) -> None:
    """Its power was off. It answers since, but nothing that could be believed."""
    script = Script(count(1), count(1), BadAnswer("no such register"), output=False)
    edge.profiles["a"] = Profile(holds=[HoldTime(0.0)])

    def lose() -> Callable[[], Any]:
        script.output = False
        return lambda: script.output

    scenes = [lambda: lambda: script.output and len(script.steps) == 1, lose]
    asyncio.run(lives(edge, script, *scenes, eventually=eventually))
    assert [data for _, data, _ in holds(edge)] == ['{"held":true}']


def test_an_adapter_with_a_mistake_of_its_own_holds_its_machine_all_the_same(
    edge: Edge, eventually: Eventually
) -> None:
    script = Script(count(1), KeyError("a mistake"), output=False)
    edge.profiles["a"] = Profile(holds=[HoldTime(0.0)])
    asyncio.run(lives(edge, script, lambda: lambda: script.output, eventually=eventually))


def test_a_hold_does_not_wait_for_the_next_try(
    edge: Edge, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "FIRST_SECONDS", 60.0)
    monkeypatch.setattr(retry, "LAST_SECONDS", 60.0)
    script = Script(AdapterError("gone"), count(1), output=False)
    edge.profiles["a"] = Profile()

    def held() -> Callable[[], Any]:
        edge.profiles["a"] = Profile(holds=[HoldTime(0.0)])
        edge.profile_changed.set()
        return lambda: script.output

    scenes = [lambda: lambda: edge.lives["a"].error, held]
    asyncio.run(lives(edge, script, *scenes, eventually=eventually))
