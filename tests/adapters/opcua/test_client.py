"""The OPC UA client on the wire: what it reads, what it asks for, and peers that freeze, lie or go away."""

import asyncio
import gc
import logging
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from asyncua import ua

from adapters.opcua.machine import Machine
from takt_adapters.adapter import AdapterError, BadAnswer, Report
from takt_adapters.opcua import inbox, session
from takt_adapters.opcua.opcua import OpcuaAdapter
from takt_adapters.opcua.settings import OpcuaSettings
from taktledger.shopfloor.update import MachineUpdate

Table = Callable[..., dict[str, Any]]
Settled = Callable[[OpcuaAdapter], Awaitable[None]]
UNKNOWN = [Report(None)]


def adapter_of(table: dict[str, Any]) -> OpcuaAdapter:
    return OpcuaAdapter(msgspec.convert(table, OpcuaSettings), time.monotonic)


@asynccontextmanager
async def connected(table: dict[str, Any], mark: str | None = None) -> AsyncIterator[OpcuaAdapter]:
    """Nothing may be left when it is closed."""
    adapter = adapter_of(table)
    before = tasks()
    try:
        await adapter.connect(mark)
        yield adapter
    finally:
        began = time.monotonic()
        await adapter.close()
        assert time.monotonic() - began < 3
        assert tasks() == before


def tasks() -> set[Any]:
    """But for those of a peer in the same loop."""
    return {task for task in asyncio.all_tasks() if "talk" not in repr(task.get_coro())}


def is_nothing(reports: Any) -> bool:
    """Nothing new, as of when the server said so."""
    return [report.update for report in reports] == [MachineUpdate()] and 0 <= reports[0].age_seconds < 3


def counts(reports: Any) -> list[int | None]:
    return [report.update.part_count for report in reports]


@pytest.fixture
def asked(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the machine was asked for."""
    requests: list[str] = []
    read = machine.server.iserver.attribute_service.read

    def watched(params: ua.ReadParameters) -> Any:
        requests.append(f"read {len(params.NodesToRead)}")
        return read(params)

    monkeypatch.setattr(machine.server.iserver.attribute_service, "read", watched)
    return requests


def test_one_request_at_the_start_and_none_for_a_poll(
    machine: Machine, table: Table, settled: Settled, asked: list[str]
) -> None:
    async def main() -> None:
        machine.write("Counter", 5)
        state = {"cycle_state": {"path": f"0:Objects/{machine.index}:Machine/{machine.index}:StateText"}}
        async with connected(table(state, hold_output={"node": f"ns={machine.index};s=Hold"})) as adapter:
            (report,) = await adapter.poll()
            assert (report.update.part_count, report.update.cycle_state, adapter.held) == (5, "IDLE", False)
            for number in range(6, 9):
                machine.write("Counter", number)
                await settled(adapter)
                (report,) = await adapter.poll()
                assert report.update.part_count == number
                assert is_nothing(await adapter.poll())
            assert asked == ["read 5"]  # with the server's times

    asyncio.run(main())


def test_every_change_in_its_order_and_with_its_age(machine: Machine, table: Table, settled: Settled) -> None:
    async def main() -> None:
        async with connected(table()) as adapter:
            await adapter.poll()
            await asyncio.sleep(0.6)
            now = datetime.now(UTC)
            for number, age in ((1, 0.5), (2, 0.3), (3, 0.1), (4, -5.0)):
                machine.write("Counter", number, at=now - timedelta(seconds=age))
            await settled(adapter)
            reports = await adapter.poll()
            assert counts(reports) == [1, 2, 3, 4]
            ages = [report.age_seconds for report in reports]
            for age, expected in zip(ages, (0.5, 0.3, 0.1, 0.0), strict=True):
                assert expected <= age <= expected + 0.5
            assert ages[-1] == 0.0  # in its future, for all we know

            machine.write("Counter", 5, at=datetime(1999, 1, 1, tzinfo=UTC))
            await settled(adapter)
            (report,) = await adapter.poll()
            assert report.update.part_count == 5
            assert report.age_seconds <= 0.5

    asyncio.run(main())


def test_more_changes_than_there_is_room_for(
    machine: Machine, table: Table, settled: Settled, monkeypatch: pytest.MonkeyPatch, asked: list[str]
) -> None:
    monkeypatch.setattr(inbox, "LIMIT", 10)

    async def main() -> None:
        async with connected(table()) as adapter:
            await adapter.poll()
            for number in range(1, 16):
                machine.write("Counter", number)
            await settled(adapter)
            (report,) = await adapter.poll()
            assert (report.update.part_count, report.lost) == (15, "overrun")
            assert asked == ["read 3", "read 1"]
            machine.write("Counter", 16)
            await settled(adapter)
            (report,) = await adapter.poll()
            assert (report.update.part_count, report.lost) == (16, None)

    asyncio.run(main())


def test_a_message_that_went_missing(machine: Machine, table: Table, settled: Settled) -> None:
    async def main() -> None:
        async with connected(table()) as adapter:
            await adapter.poll()
            await settled(adapter)
            for subscription in machine.server.iserver.subscription_service.subscriptions.values():
                subscription._notification_seq += 1
            machine.write("Counter", 7)
            await settled(adapter)
            (report,) = await adapter.poll()
            assert (report.update.part_count, report.lost) == (7, "overrun")

    asyncio.run(main())


def test_a_change_of_something_that_was_not_asked_for(machine: Machine, table: Table, settled: Settled) -> None:
    async def main() -> None:
        async with connected(table()) as adapter:
            await adapter.poll()
            for subscription in machine.server.iserver.subscription_service.subscriptions.values():
                change = ua.MonitoredItemNotification(77, ua.DataValue(ua.Variant(1)))
                machine.run(subscription.enqueue_datachange_event(1234, change, 1))
            await settled(adapter)
            with pytest.raises(BadAnswer, match="never asked for"):
                await adapter.poll()

    asyncio.run(main())


def test_a_flood(machine: Machine, table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that publishes as fast as it can is not asked as fast as it can."""
    monkeypatch.setattr(session, "PUBLISHING_MS", 1.0)
    monkeypatch.setattr(session, "LIFETIME_COUNT", 10_000)
    heard, take = [], inbox.Inbox.take
    monkeypatch.setattr(inbox.Inbox, "take", lambda *all: heard.append(all) or take(*all))

    def write() -> None:
        for number in range(1, 501):
            machine.write("Counter", number)

    async def main() -> None:
        async with connected(table()) as adapter:
            began = time.monotonic()
            await asyncio.to_thread(write)
            assert len(heard) <= (time.monotonic() - began) / session.PACE_SECONDS + 2
            await asyncio.sleep(0.3)
            assert (await adapter.poll())[-1].update.part_count == 500

    asyncio.run(main())


def test_the_mark_is_when_the_server_was_started(machine: Machine, table: Table) -> None:
    async def connect(mark: str | None) -> Report:
        async with connected(table(), mark) as adapter:
            (report,) = await adapter.poll()
            assert is_nothing(await adapter.poll())
            return report

    first = asyncio.run(connect(None))
    assert (first.lost, first.mark is not None) == (None, True)
    again = asyncio.run(connect(first.mark))
    assert (again.lost, again.mark) == (None, first.mark)
    for _ in range(2):  # within a second
        machine.stop()
        machine.start()
        restarted = asyncio.run(connect(first.mark))
        assert (restarted.lost, restarted.mark != first.mark) == ("restart", True)
        first = restarted


def test_a_server_that_ends_the_subscription(machine: Machine, table: Table, settled: Settled) -> None:
    async def main() -> None:
        async with connected(table()) as adapter:
            await adapter.poll()
            service = machine.server.iserver.subscription_service
            for subscription in service.subscriptions.values():
                machine.run(subscription.enqueue_statuschange(ua.StatusCode(ua.StatusCodes.BadTimeout)))
            await settled(adapter)
            with pytest.raises(AdapterError, match="ended the subscription: BadTimeout"):
                await adapter.poll()

    asyncio.run(main())


def test_the_channel_is_renewed(
    machine: Machine, table: Table, settled: Settled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "CHANNEL_MS", 400)

    async def main() -> None:
        async with connected(table()) as adapter:
            for number in range(1, 12):
                machine.write("Counter", number)
                await asyncio.sleep(0.1)
                await adapter.poll()
            await settled(adapter)
            await adapter.poll()
            assert adapter._values["part_count"] == 11

    asyncio.run(main())


def test_a_server_with_long_intervals_is_asked_for_a_keepalive_that_fits(
    machine: Machine, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This one says that it can't, so it is given more time."""
    service, asked = machine.server.iserver.subscription_service, []
    modify = service.modify_subscription
    monkeypatch.setattr(session, "PUBLISHING_MS", 500.0)
    monkeypatch.setattr(service, "modify_subscription", lambda wanted: asked.append(wanted) or modify(wanted))

    async def main() -> None:
        async with connected(table()) as adapter:
            assert [wanted.RequestedMaxKeepAliveCount for wanted in asked] == [4]  # that is, 2 s
            assert adapter._session is not None
            assert adapter._session._silent_seconds == 7.5

    asyncio.run(main())


def test_describe(machine: Machine, table: Table) -> None:
    machine.write("Tool", 0, status="BadSensorFailure")
    machine.write("Program", "five", "String")
    values = {
        "active_tool": {"node": f"ns={machine.index};s=Tool"},
        "feed_rate_override": {"node": f"ns={machine.index};s=Program"},
        "cycle_state": {"path": "0:Objects/0:Nothing"},
        "program_name": {"node": "nsu=http://example.com/other;s=Program"},
    }

    async def main() -> Any:
        async with connected(table(values)) as adapter:
            with pytest.raises(BadAnswer, match=r"there is no such node"):
                await adapter.poll()
            return await adapter.describe()

    shown = {reading.name: (reading.raw, reading.value, reading.error) for reading in asyncio.run(main())}
    assert shown == {
        "part_count": ("UInt32 0", 0, None),
        "active_tool": ("Null None", None, "BadSensorFailure"),
        "feed_rate_override": ("String 'five'", None, "expected a number, got String 'five'"),
        "cycle_state": ("", None, "there is no such node"),
        "program_name": ("", None, "there is no such node"),
    }


@pytest.mark.parametrize(
    ("node", "shown"),
    [
        ("Hold", ("Boolean False", False, None)),
        ("HoldNumber", ("Int16 0", None, None)),
        ("ReadOnly", ("Boolean False", False, "this user may not write it")),
    ],
)
def test_describe_a_hold_output(machine: Machine, table: Table, node: str, shown: Any) -> None:
    """What can't be written is seen before the first hold."""
    values = {"HoldNumber": {"on": 7, "off": -1}}.get(node, {})

    async def main() -> Any:
        async with connected(table(hold_output={"node": f"ns={machine.index};s={node}", **values})) as adapter:
            return (await adapter.describe())[-1]

    reading = asyncio.run(main())
    assert (reading.name, (reading.raw, reading.value, reading.error)) == ("hold output", shown)


@pytest.mark.parametrize("place", [{"node": "ns=2;s=Nothing"}, {"path": "0:Objects/2:Nothing"}])
def test_nothing_is_there(machine: Machine, table: Table, place: dict[str, str]) -> None:
    async def main() -> Any:
        async with connected({**table(), "values": {"part_count": place}}) as adapter:
            with pytest.raises(BadAnswer, match="there is no such node"):
                await adapter.poll()
            return await adapter.describe()

    (reading,) = asyncio.run(main())
    assert reading.error == "there is no such node"


@pytest.mark.parametrize(
    ("node", "kind", "more"),
    [("Hold", "Boolean", {}), ("Hold", "Boolean", {"on": 0, "off": 1}), ("HoldNumber", "Int16", {"on": 7, "off": -1})],
)
def test_the_hold_output(
    machine: Machine, table: Table, settled: Settled, node: str, kind: str, more: dict[str, int]
) -> None:
    on, off = more.get("on", 1), more.get("off", 0)

    async def main() -> None:
        async with connected(table(hold_output={"node": f"ns={machine.index};s={node}", **more})) as adapter:
            await adapter.poll()
            for held in (True, False, True):
                await adapter.hold(held)
                assert adapter.held is held
                assert machine.read(node) == (on if held else off)
                await settled(adapter)
                await adapter.poll()
                assert adapter.held is held
            machine.write(node, off, kind)  # the control was started anew
            await settled(adapter)
            assert is_nothing(await adapter.poll())
            assert adapter.held is False

    asyncio.run(main())


@pytest.mark.parametrize(
    ("output", "error"),
    [
        ({"node": "ns=2;s=ReadOnly"}, r"hold output \(ns=2;s=ReadOnly\): the server refuses .*: BadUserAccessDenied"),
        ({"node": "ns=2;s=None"}, r"hold output \(ns=2;s=None\): there is no such node"),
        ({"path": "0:Objects/2:None"}, r"hold output \(0:Objects/2:None\): there is no such node"),
        ({"node": "ns=2;s=Program"}, r"hold output \(ns=2;s=Program\): 1 can't be written to a String"),
        ({"node": "ns=2;s=HoldNumber", "on": 40_000}, "40000 can't be written to a Int16"),
        ({"node": "ns=2;s=Hold", "on": 2}, "2 can't be written to a Boolean"),
    ],
)
def test_a_hold_output_that_is_wrong_does_not_stop_the_counting(
    machine: Machine, table: Table, output: dict[str, Any], error: str
) -> None:
    async def main() -> None:
        machine.write("Counter", 3)
        async with connected(table(hold_output=output)) as adapter:
            assert counts(await adapter.poll()) == [3]
            with pytest.raises(BadAnswer, match=error):
                await adapter.hold(True)
            assert await adapter.poll()

    asyncio.run(main())


# Peers that lie.

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(-1)


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(100)


async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 100)
    await reader.read(-1)


async def half_an_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"ACKF\x1c\x00\x00\x00\x00\x00\x00\x00")
    await reader.read(-1)


async def an_endless_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"ACKF\xff\xff\xff\xff")
    for _ in range(100):
        writer.write(b"\x00" * 2**20)
        await writer.drain()


async def an_error(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"ERRF\x10\x00\x00\x00\x00\x00\x0d\x80\xff\xff\xff\xff")
    await reader.read(-1)


@pytest.mark.parametrize("answer", [silence, hang_up, garbage, half_an_answer, an_endless_answer, an_error])
def test_a_peer_that_is_no_server(answer: Answer, caplog: pytest.LogCaptureFixture) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def main() -> None:
        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        began = time.monotonic()
        settings = {"url": f"opc.tcp://127.0.0.1:{port}", "timeout_seconds": 0.5}
        with pytest.raises(AdapterError):
            async with connected({**settings, "values": {"part_count": {"node": "i=2258"}}}):
                pass
        assert time.monotonic() - began < 10
        server.close()
        await asyncio.sleep(0.05)  # so that the peer sees that we are gone

    with caplog.at_level(logging.ERROR):
        asyncio.run(main())
        gc.collect()  # where a forgotten task or future complains
    assert not caplog.records


def test_a_closed_port(closed_port: int) -> None:
    adapter = adapter_of({"url": f"opc.tcp://127.0.0.1:{closed_port}", "values": {"part_count": {"node": "i=2258"}}})
    with pytest.raises(AdapterError, match=f"no connection to 127.0.0.1:{closed_port}"):
        asyncio.run(adapter.connect(None))


def test_an_array_of_nothing_takes_no_memory() -> None:
    message = bytes([0x80]) + (2**31 - 1).to_bytes(4, "little")
    with pytest.raises(ValueError, match="null"):
        ua.ua_binary.variant_from_binary(ua.utils.Buffer(message))


def test_a_value_that_is_too_large(machine: Machine, table: Table, settled: Settled) -> None:
    async def main() -> None:
        async with connected(table()) as adapter:
            await adapter.poll()
            machine.write("Counter", "x" * 2_000_000, "String")
            await settled(adapter)
            with pytest.raises(AdapterError):
                await adapter.poll()
            with pytest.raises(AdapterError):
                await adapter.connect(None)

    asyncio.run(main())


# A peer that freezes.

SERVER = """
import asyncio, sys
sys.path[:0] = sys.argv[2:]
from adapters.opcua.machine import Machine
machine = Machine(None, int(sys.argv[1]))
print("listening", flush=True)
number = 0
while sys.stdin.readline():
    number += 1
    machine.write("Counter", number)
    print(number, flush=True)
"""


class Process:
    def __init__(self, port: int) -> None:
        self.port = port
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(port), str(Path(__file__).parents[2])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "listening\n"

    def make_part(self) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def process(closed_port: int) -> Iterator[Process]:
    process = Process(closed_port)
    yield process
    process.close()


async def poll_until_it_fails(adapter: OpcuaAdapter) -> None:
    while True:
        await asyncio.sleep(0.2)
        await adapter.poll()


@pytest.mark.long
def test_a_frozen_peer(process: Process, caplog: pytest.LogCaptureFixture) -> None:
    """It is noticed within 3 s and a poll, closing takes no time, and after the thaw it works at once."""
    table = {"url": f"opc.tcp://127.0.0.1:{process.port}", "values": {"part_count": {"node": "ns=2;s=Counter"}}}

    async def main() -> None:
        before = tasks()
        adapter = adapter_of(table)
        await adapter.connect(None)
        (report,) = await adapter.poll()
        await asyncio.sleep(1.0)
        process.make_part()
        process.process.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        with pytest.raises(AdapterError, match="silent for more than 3 s"):
            await poll_until_it_fails(adapter)
        assert time.monotonic() - began < 10
        began = time.monotonic()
        await adapter.close()
        assert time.monotonic() - began < 3
        assert tasks() == before
        with pytest.raises(AdapterError, match=r"no answer from .* within 2 s"):
            await adapter.connect(report.mark)
        assert time.monotonic() - began < 10
        process.process.send_signal(signal.SIGCONT)
        began = time.monotonic()
        await adapter.connect(report.mark)
        (back,) = await adapter.poll()
        assert time.monotonic() - began < 10
        assert (back.update.part_count, back.lost, back.mark) == (1, None, report.mark)
        await adapter.close()
        assert tasks() == before

    with caplog.at_level(logging.ERROR):
        asyncio.run(main())
        gc.collect()
    assert not caplog.records
