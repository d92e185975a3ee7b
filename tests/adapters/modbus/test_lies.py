"""Peers that lie, as a runner lives through them: no part too many, none lost, and the neighbours undisturbed."""

import asyncio
import json
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from adapters.modbus.liar import Answer, adapters_at, counted, liar, reply, silence
from adapters.scripted import ScriptedEdge
from takt_adapters import retry
from takt_adapters.adapter import AdapterError
from taktledger.shopfloor.profile import Profile

Eventually = Callable[..., Any]
GARBAGE = b"\x16\x03\x01 <html> " * 6000
HUNDRED_MB = 100_000_000


class Control:
    """Two units that count. While `lie` is set, it says that instead."""

    def __init__(self) -> None:
        self.count = 10
        self.lie: Answer | None = None
        self.lies = 0

    async def answer(self, request: bytes, writer: asyncio.StreamWriter) -> None:
        if self.lie is not None:
            self.lies += 1
            await self.lie(request, writer)
        else:
            writer.write(counted(request, self.count))


def sent(change: Callable[[bytes], bytes]) -> Answer:
    """What would have been right, but for a change."""

    async def answer(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(change(counted(request, 77)))

    return answer


async def flood(request: bytes, writer: asyncio.StreamWriter) -> None:
    for _ in range(HUNDRED_MB // len(GARBAGE)):
        writer.write(GARBAGE)
        await writer.drain()


async def drip(request: bytes, writer: asyncio.StreamWriter) -> None:
    for byte in counted(request, 77):
        writer.write(bytes([byte]))
        await asyncio.sleep(0.1)


async def cut(request: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(counted(request, 77)[:-1])
    writer.close()


async def late(request: bytes, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(0.25)
    writer.write(counted(request, 77))


LIES: dict[str, Answer] = {
    "silence": silence,
    "flood": flood,
    "drip": drip,
    "cut": cut,
    "late": late,
    "transaction": sent(lambda packet: b"\x12\x34" + packet[2:]),
    "no transaction": sent(lambda packet: b"\0\0" + packet[2:]),
    "protocol": sent(lambda packet: packet[:2] + b"\0\x07" + packet[4:]),
    "unit": sent(lambda packet: packet[:6] + bytes([packet[6] ^ 3]) + packet[7:]),
    "function": sent(lambda packet: packet[:7] + b"\x04" + packet[8:]),
    "short": sent(lambda packet: reply(packet, b"\x03\x02\0\x4d")),
    "long": sent(lambda packet: reply(packet, b"\x03\x06\0\0\0\x4d\0\x4e")),
    "exception": sent(lambda packet: reply(packet, b"\x83\x04")),
    "longer than Modbus": sent(lambda packet: packet[:4] + b"\xff\xff" + packet[6:]),
}


@pytest.mark.parametrize("name", LIES)
def test_no_lie_makes_or_loses_a_part(edge: ScriptedEdge, eventually: Eventually, name: str) -> None:
    control, healthy = Control(), Control()
    longest = 0.0

    async def main() -> None:
        nonlocal longest
        async with liar(control.answer) as peer, liar(healthy.answer) as other:
            tables: list[dict[str, Any]] = [
                {"port": port, "unit": unit, "timeout_seconds": 0.2} for port, unit in ((peer.port, 1), (peer.port, 2))
            ]
            tables.append({"port": other.port, "timeout_seconds": 0.2})
            machines = dict(zip("abc", adapters_at(*tables, clock=time.monotonic), strict=True))
            tasks = [asyncio.create_task(edge.runner(each, adapter).run()) for each, adapter in machines.items()]
            await eventually(lambda: edge.facts("a") and edge.facts("b") and edge.facts("c"))
            control.count = 12
            await eventually(lambda: len(edge.facts("a")) == len(edge.facts("b")) == 2)
            control.lie = LIES[name]
            while control.lies < 6:
                asked, began = len(other.requests), time.monotonic()
                await eventually(lambda asked=asked: len(other.requests) > asked)
                longest = max(longest, time.monotonic() - began)
            control.lie, control.count, healthy.count = None, 15, 11
            await eventually(lambda: len(edge.facts("a")) == len(edge.facts("b")) == 3)
            await eventually(lambda: len(edge.facts("c")) == 2)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    asyncio.run(main())
    for unit in "ab":
        assert edge.types(unit) == ["BaselineSeen", "CyclesSeen", "CyclesSeen"]
        assert [json.loads(data).get("cycles") for _, data in edge.facts(unit)] == [None, 2, 3]
    assert edge.lives["c"].errors == 0
    assert longest < 0.2


@pytest.mark.parametrize("asked", [True, False])
def test_a_hundred_megabytes_of_garbage_are_never_read(asked: bool) -> None:
    """Neither as an answer, nor after one, while nobody asks anything."""
    said = 0

    async def floods(request: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal said
        if not asked:
            writer.write(counted(request, 1))
        while said < HUNDRED_MB:
            writer.write(GARBAGE)
            await writer.drain()
            said += len(GARBAGE)

    async def main() -> None:
        async with liar(floods) as peer:
            (adapter,) = adapters_at({"port": peer.port}, clock=time.monotonic)
            await adapter.connect(None)
            tracemalloc.start()
            if not asked:
                await adapter.poll()
                await asyncio.sleep(0.5)
            with pytest.raises(AdapterError) as raised:
                await adapter.poll()
            assert "no answer within" not in str(raised.value)  # it didn't wait for the end
            assert tracemalloc.get_traced_memory()[1] < 2_000_000
            tracemalloc.stop()
            await adapter.close()

    asyncio.run(main())
    assert said < HUNDRED_MB / 4  # what the system itself keeps for the two sockets


def test_zeros_for_everything(edge: ScriptedEdge, eventually: Eventually) -> None:
    """Without a heartbeat they look like a restart: a gap says so, and the count goes on when they were none."""
    control = Control()

    async def main() -> None:
        async with liar(control.answer) as peer:
            (adapter,) = adapters_at({"port": peer.port}, clock=time.monotonic)
            task = asyncio.create_task(edge.runner("a", adapter).run())
            for facts, count in enumerate((10, 12, 0, 13), start=1):
                control.count = count
                await eventually(lambda facts=facts: len(edge.facts()) == facts)
            task.cancel()
            await asyncio.wait([task])

    asyncio.run(main())
    assert edge.types() == ["BaselineSeen", "CyclesSeen", "GapSeen", "CyclesSeen"]
    assert [json.loads(data).get("cycles") for _, data in edge.facts()] == [None, 2, None, 1]


def test_two_restarts_in_a_row(edge: ScriptedEdge, eventually: Eventually, closed_port: int) -> None:
    """The counter begins at zero each time. Each is a gap, and what is made after it is counted."""
    control = Control()

    async def main() -> None:
        (adapter,) = adapters_at({"port": closed_port}, clock=time.monotonic)
        task = asyncio.create_task(edge.runner("a", adapter).run())
        async with liar(control.answer, port=closed_port):
            await eventually(lambda: len(edge.facts()) == 1)
        for restart in range(2):
            control.count = 0
            async with liar(control.answer, port=closed_port):
                await eventually(lambda restart=restart: len(edge.facts()) == 2 + 2 * restart)
                control.count = 3 - restart
                await eventually(lambda restart=restart: len(edge.facts()) == 3 + 2 * restart)
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(main())
    assert edge.types() == ["BaselineSeen", "GapSeen", "CyclesSeen", "GapSeen", "CyclesSeen"]
    gaps = [json.loads(data) for kind, data in edge.facts() if kind == "GapSeen"]
    assert [(gap["from_reading"], gap["to_reading"]) for gap in gaps] == [(10, 0), (3, 0)]


@pytest.mark.long
def test_a_gateway_that_is_back_after_a_long_time(
    edge: ScriptedEdge, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half open for 20 s, with the waits of real life. All its machines are back within ten."""
    monkeypatch.undo()
    assert retry.LAST_SECONDS == 5.0
    control, healthy = Control(), Control()

    async def main() -> float:
        async with liar(control.answer) as peer, liar(healthy.answer) as other:
            tables = [{"port": peer.port, "unit": unit, "timeout_seconds": 2.0} for unit in range(1, 4)]
            adapters = adapters_at(*tables, {"port": other.port}, clock=time.monotonic)
            machines = dict(zip("abcd", adapters, strict=True))
            for name in machines:
                edge.profiles[name] = Profile()
            tasks = [asyncio.create_task(edge.runner(each, adapter).run()) for each, adapter in machines.items()]
            await eventually(lambda: all(map(edge.facts, machines)))
            control.lie = silence
            await asyncio.sleep(20)
            assert all(not edge.lives[name].connected for name in "abc")
            assert edge.lives["d"].errors == 0
            control.lie, control.count, began = None, 13, time.monotonic()
            await eventually(lambda: all(len(edge.facts(name)) == 2 for name in "abc"), 10)
            back_seconds = time.monotonic() - began
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            return back_seconds

    print(f"back after {asyncio.run(main()):.1f} s")
