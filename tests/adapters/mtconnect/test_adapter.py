"""The MTConnect adapter against an agent with a real buffer: marks, losses, agents that start anew, odd devices."""

import asyncio
import tracemalloc
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from adapters.mtconnect.agents import DEVICE, BufferAgent, adapter_at, serving
from takt_adapters.adapter import AdapterError, Report
from takt_adapters.mtconnect.mtconnect import MtconnectAdapter
from taktledger.shopfloor.update import MachineUpdate

Play = Callable[[BufferAgent, MtconnectAdapter], Awaitable[Any]]


def played(play: Play, agent: BufferAgent | None = None, **settings: Any) -> Any:
    agent = agent or BufferAgent()
    if agent.next <= 11:
        for item, text in (("avail", "AVAILABLE"), ("pc", "7"), ("exec", "ACTIVE")):
            agent.say(item, text)

    async def main() -> Any:
        async with serving(agent) as port:
            adapter = adapter_at(port, lambda: agent.now, **settings)
            try:
                return await play(agent, adapter)
            finally:
                await adapter.close()

    return asyncio.run(main())


def test_nothing_new() -> None:
    async def play(agent: BufferAgent, adapter: MtconnectAdapter) -> None:
        await adapter.connect(None)
        (first,) = await adapter.poll()
        assert (first.mark, first.age_seconds, first.lost) == (f"{agent.instance}:14", 0.0, None)
        assert await adapter.poll() == [Report(MachineUpdate())]
        agent.say("x", "1")  # nothing that is read; but the mark goes on, before the buffer does
        assert await adapter.poll() == [Report(MachineUpdate(), mark=f"{agent.instance}:15")]
        assert await adapter.poll() == [Report(MachineUpdate())]

    played(play)


def test_it_is_read_only() -> None:
    async def play(agent: BufferAgent, adapter: MtconnectAdapter) -> None:
        assert (adapter.has_hold_output, adapter.held, adapter.counter_bits) == (False, None, None)
        with pytest.raises(AdapterError, match="read-only"):
            await adapter.hold(True)

    played(play)


def test_a_restart_within_the_same_second_with_a_later_poll() -> None:
    async def play(agent: BufferAgent, adapter: MtconnectAdapter) -> None:
        for _ in range(10):
            agent.say("x", "1")
        await adapter.connect(None)
        await adapter.poll()
        agent.start()
        agent.say("avail", "AVAILABLE")
        agent.say("pc", "0")
        (report,) = await adapter.poll()
        assert (report.lost, report.update.part_count) == ("agent restart", 0)

    played(play)


def test_two_restarts_between_two_polls() -> None:
    async def play(agent: BufferAgent, adapter: MtconnectAdapter) -> None:
        await adapter.connect(None)
        await adapter.poll()
        for count in ("3", "0"):
            agent.restart()
            agent.say("avail", "AVAILABLE")
            agent.say("pc", count)
        (report,) = await adapter.poll()
        assert (report.lost, report.update.part_count) == ("agent restart", 0)
        assert await adapter.poll() == [Report(MachineUpdate())]

    played(play)


def test_an_agent_that_starts_anew_at_each_question() -> None:
    async def play(agent: BufferAgent, adapter: MtconnectAdapter) -> None:
        async def anew(target: str, writer: Any) -> Any:
            agent.restart()
            return NotImplemented

        agent.trouble = anew
        with pytest.raises(AdapterError, match="started anew 3 times"):
            await adapter.connect(None)

    played(play)


@pytest.mark.parametrize("mark", ["", "2026-03-02T06:00:00+00:00", "1:2:3", "-1:5", "9" * 50 + ":1"])
def test_a_mark_of_another_adapter_is_a_loss(mark: str) -> None:
    """It followed other counters: nobody knows whether they can be compared with these."""

    async def play(agent: BufferAgent, adapter: MtconnectAdapter) -> None:
        await adapter.connect(mark)
        (report,) = await adapter.poll()
        assert (report.update.part_count, report.lost) == (7, "restart")
        assert report.mark == f"{agent.instance}:{agent.next}"
        assert await adapter.poll() == [Report(MachineUpdate())]
        await adapter.connect(report.mark)
        assert await adapter.poll() == [Report(MachineUpdate())]

    played(play)


def off_and_on(agent: BufferAgent) -> None:
    """The device was gone for a moment, of which only its availability tells; then two parts."""
    for item, text in (("avail", "UNAVAILABLE"), ("avail", "AVAILABLE"), ("pc", "8"), ("pc", "9")):
        agent.now += 1
        agent.say(item, text)


def counts(reports: Sequence[Report]) -> list[int]:
    return [count for each in reports if (count := each.update.part_count) is not None]


@pytest.mark.parametrize(
    "why", ["it never tells", "the mark is the oldest that it still has", "it tells of now instead"]
)
def test_a_later_count_is_not_told_too_early(why: str) -> None:
    """Whatever the agent says to `at`: what was said after the mark comes in its turn."""

    async def play(agent: BufferAgent, adapter: MtconnectAdapter) -> None:
        await adapter.connect(None)
        (first,) = await adapter.poll()
        off_and_on(agent)
        if why == "it never tells":
            agent.supports_at = False
        elif why == "it tells of now instead":

            async def now(target: str, writer: Any) -> Any:
                return agent.answer(target.partition("?")[0]) if "current" in target else NotImplemented

            agent.trouble = now
        else:
            agent.size = 4
            assert first.mark == f"{agent.instance}:{agent.first}"
        await adapter.connect(first.mark)
        reports = await adapter.poll()
        assert [each.lost for each in reports] == [None] * 4
        # 7, if it is told at all, was known before the mark.
        assert [count for count in counts(reports) if count != 7] == [8, 9]

    played(play)


def test_a_device_that_is_away_is_so_whether_or_not_the_agent_knows_how_it_was() -> None:
    async def play(agent: BufferAgent, adapter: MtconnectAdapter) -> None:
        agent.supports_at = False
        await adapter.connect(None)
        await adapter.poll()
        agent.say("avail", "UNAVAILABLE")
        (report,) = await adapter.poll()
        await adapter.connect(report.mark)
        assert await adapter.poll() == [Report(MachineUpdate(success=False))]

    played(play)


def test_what_the_agent_lost_waits_until_the_device_speaks() -> None:
    async def play(agent: BufferAgent, adapter: MtconnectAdapter) -> None:
        await adapter.connect(None)
        (first,) = await adapter.poll()
        agent.restart()
        assert await adapter.poll() == [Report(MachineUpdate(success=False))]
        assert await adapter.poll() == [Report(MachineUpdate(success=False))]
        await adapter.connect(first.mark)
        assert await adapter.poll() == [Report(MachineUpdate(success=False))]
        agent.say("pc", "9")
        agent.say("avail", "AVAILABLE")
        (report,) = await adapter.poll()
        assert (report.update.part_count, report.lost) == (9, "agent restart")
        assert report.mark == f"{agent.instance}:{agent.next}"

    played(play)


def test_an_unavailable_device_is_remembered_over_a_resume() -> None:
    async def play(agent: BufferAgent, adapter: MtconnectAdapter) -> None:
        agent.say("avail", "UNAVAILABLE")
        agent.say("pc", "8")  # said too early: it counts as soon as the device is there
        await adapter.connect(None)
        (first,) = await adapter.poll()
        assert not first.update.success
        await adapter.connect(first.mark)
        assert await adapter.poll() == [Report(MachineUpdate(success=False))]
        agent.say("avail", "AVAILABLE")
        (report,) = await adapter.poll()
        assert (report.update.part_count, report.update.cycle_state) == (8, "ACTIVE")

    played(play)


def test_unavailable_alarms_are_unknown_and_not_none() -> None:
    async def play(agent: BufferAgent, adapter: MtconnectAdapter) -> None:
        await adapter.connect(None)
        (first,) = await adapter.poll()
        assert first.update.alarms is None
        agent.say("sys", "", "Normal")
        (report,) = await adapter.poll()
        assert report.update.alarms == []
        agent.say("sys", "low", "Warning")
        (report,) = await adapter.poll()
        (alarm,) = report.update.alarms or []
        assert (alarm.alarm_code, alarm.alarm_type, alarm.custom_message, alarm.info) == (
            "SYSTEM",
            "SYSTEM",
            "low",
            "WARNING",
        )
        agent.say("sys", "UNAVAILABLE")
        (report,) = await adapter.poll()
        assert report.update.alarms == [alarm]
        agent.say("sys", "hot", "Fault")  # what was on before isn't, unless it is said again
        (report,) = await adapter.poll()
        assert [each.custom_message for each in report.update.alarms or []] == ["hot"]

    played(play)


def test_alarms_without_end_are_bounded() -> None:
    async def play(agent: BufferAgent, adapter: MtconnectAdapter) -> None:
        await adapter.connect(None)
        await adapter.poll()
        for number in range(400):
            agent.say("sys", "x" * 900, "Fault", nativeCode=str(number))
            agent.say("motion", "y", "Fault", nativeCode=str(number))
        agent.now += 1
        agent.say("pc", "8")
        reports = await adapter.poll()
        alarms = reports[-2].update.alarms or []
        assert len(alarms) == 100
        assert max(len(each.custom_message or "") for each in alarms) == 500
        assert counts(reports) == [8]
        agent.say("sys", "", "Normal")  # all of them: there is room for others
        agent.say("motion", "z", "Fault", nativeCode="z")
        reports = await adapter.poll()
        assert len(reports[-1].update.alarms or []) == 51

    played(play)


def test_many_reports_share_a_list_of_alarms() -> None:
    async def play(agent: BufferAgent, adapter: MtconnectAdapter) -> None:
        agent.say("sys", "low", "Warning", nativeCode="B1")
        await adapter.connect(None)
        (first,) = await adapter.poll()
        for text in ("UNAVAILABLE", "AVAILABLE") * 2:
            agent.now += 1
            agent.say("avail", text)
        told = [each.update.alarms for each in await adapter.poll() if each.update.alarms is not None]
        assert len(told) == 2
        assert all(each is first.update.alarms for each in told)

    played(play)


def test_names_of_alarms_without_end_fill_no_memory() -> None:
    async def play(agent: BufferAgent, adapter: MtconnectAdapter) -> None:
        await adapter.connect(None)
        await adapter.poll()
        tracemalloc.start()
        for number in range(10):
            agent.say(
                "sys", "", "Fault", nativeCode=f"{number}{'x' * 1_000_000}", conditionId=f"{number}{'x' * 1_000_000}"
            )
            reports = await adapter.poll()
            assert len(reports[-1].update.alarms or []) == number + 1
        agent.said.clear()
        assert tracemalloc.get_traced_memory()[0] < 5_000_000
        tracemalloc.stop()

    played(play)


def test_devices_that_change_while_the_agent_runs() -> None:
    """Since 1.7 the header says when that was; the buffer lives on."""

    async def play(agent: BufferAgent, adapter: MtconnectAdapter) -> None:
        original = agent.document
        changed = 1

        def document(kind: str, inside: str, following: int | None = None) -> bytes:
            made = original(kind, inside, following)
            return made.replace(b"<Header ", b'<Header deviceModelChangeTime="%d" ' % changed)

        agent.document = document  # type: ignore[method-assign]
        await adapter.connect(None)
        await adapter.poll()
        agent.requests.clear()
        changed = 2
        agent.device = DEVICE.replace('id="pc"', 'id="pc2"')
        agent.say("exec", "READY")
        (report,) = await adapter.poll()
        assert (report.update.cycle_state, report.lost) == ("READY", None)
        assert [each.split("?")[0] for each in agent.requests] == [
            "/VMC-3Axis/sample",
            "/probe",
            "/VMC-3Axis/current",
            "/VMC-3Axis/sample",
        ]
        await adapter.poll()
        assert len(agent.requests) == 5
        assert ("part_count", "pc2") in [(each.name, each.where) for each in await adapter.describe()]

    played(play)


def test_describe() -> None:
    async def play(agent: BufferAgent, adapter: MtconnectAdapter) -> None:
        agent.say("estop", "MAYBE")
        agent.say("sys", "low", "Warning", nativeCode="B1")
        with pytest.raises(AdapterError, match="expected ARMED or TRIGGERED, got 'MAYBE'"):
            await adapter.connect(None)
        agent.say("estop", "TRIGGERED")
        agent.say("x", "1.5")
        await adapter.connect(None)
        agent.say("pc", "-4")
        readings = {each.name: each for each in await adapter.describe()}
        assert readings["availability"].value is True
        assert (readings["part_count"].raw, readings["part_count"].error) == (
            "-4",
            "expected a whole number that isn't negative",
        )
        assert (readings["estopped"].where, readings["estopped"].raw, readings["estopped"].value) == (
            "estop",
            "TRIGGERED",
            True,
        )
        assert readings["variable 500"].value == 1.5
        assert (readings["alarm SYSTEM"].raw, readings["alarm SYSTEM"].value) == ("WARNING B1 low", True)
        assert readings["alarm MOTION_PROGRAM"].value is None

    played(play, variables={500: "x"})


def test_a_count_of_single_parts_is_shown_and_not_used() -> None:
    async def play(agent: BufferAgent, adapter: MtconnectAdapter) -> None:
        agent.device = DEVICE.replace('type="PART_COUNT"', 'type="PART_COUNT" representation="DISCRETE"')
        await adapter.connect(None)
        (report,) = await adapter.poll()
        assert report.update.part_count is None
        (reading,) = [each for each in await adapter.describe() if each.name == "part_count"]
        assert reading.error is not None
        assert "discrete" in reading.error

    played(play)


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"device": "other"}, 'the agent has no device "other"; it has "VMC-3Axis"'),
        ({"path": "path9"}, 'the device has no path "path9"; it has "path"'),
        ({"variables": {500: "nowhere"}}, 'variable 500: the device has no data item "nowhere"'),
        ({"variables": {500: "sys"}}, 'variable 500: data item "sys" is no single value'),
    ],
)
def test_what_isnt_there(settings: dict[str, Any], match: str) -> None:
    async def play(agent: BufferAgent, adapter: MtconnectAdapter) -> None:
        with pytest.raises(AdapterError, match=match):
            await adapter.connect(None)

    played(play, **settings)


@pytest.mark.parametrize("key", ["VMC-3Axis", "000", "d1"])
def test_a_device_by_any_of_its_names(key: str) -> None:
    async def play(agent: BufferAgent, adapter: MtconnectAdapter) -> None:
        await adapter.connect(None)
        (report,) = await adapter.poll()
        assert report.update.part_count == 7

    played(play, device=key)
