"""The Modbus client on the wire: peers that freeze, stammer, lie or go away."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import msgspec
import pytest

from takt_adapters.adapter import AdapterError
from takt_adapters.modbus.modbus import ModbusAdapter, make
from takt_adapters.modbus.settings import ModbusSettings

Answer = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]
SETTINGS = {
    "host": "127.0.0.1",
    "timeout_seconds": 0.3,
    "values": {"part_count": {"register": "holding", "address": 100, "type": "uint32"}},
}


def adapter_at(port: int, **settings: Any) -> ModbusAdapter:
    table = {**SETTINGS, "port": port, **settings}
    (adapter,) = make([msgspec.convert(table, ModbusSettings)], time.monotonic)
    return adapter


@asynccontextmanager
async def liar(answer: Answer) -> AsyncIterator[int]:
    """A raw TCP server that is asked like a Modbus device, and says what `answer` likes. Gives its port."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while request := await reader.read(12):
                await answer(request, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def reply(request: bytes, pdu: bytes) -> bytes:
    return request[:4] + (len(pdu) + 1).to_bytes(2, "big") + request[6:7] + pdu


def said(pdu: bytes) -> Answer:
    async def answer(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(request, pdu))

    return answer


async def silence(request: bytes, writer: asyncio.StreamWriter) -> None:
    pass


async def hang_up(request: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(reply(request, bytes.fromhex("0304000000"))[:-2])
    writer.close()


async def stammer(request: bytes, writer: asyncio.StreamWriter) -> None:
    for byte in reply(request, bytes.fromhex("03040000002a")):
        writer.write(bytes([byte]))
        await asyncio.sleep(0.002)


async def other_unit(request: bytes, writer: asyncio.StreamWriter) -> None:
    packet = bytearray(reply(request, bytes.fromhex("03040000002a")))
    packet[6] = 77
    writer.write(packet)


async def other_transaction(request: bytes, writer: asyncio.StreamWriter) -> None:
    packet = bytearray(reply(request, bytes.fromhex("03040000002a")))
    packet[:2] = b"\x77\x77"
    writer.write(packet)


async def poll_once(answer: Answer) -> Any:
    async with liar(answer) as port:
        adapter = adapter_at(port)
        await adapter.connect(None)
        began = time.monotonic()
        try:
            (report,) = await adapter.poll()
            return report.update
        finally:
            assert time.monotonic() - began < 3  # pymodbus alone takes 12
            await adapter.close()


@pytest.mark.parametrize(
    "answer",
    [
        silence,
        hang_up,
        other_unit,
        other_transaction,
        said(bytes.fromhex("0404 0000002a")),
        said(bytes.fromhex("0302 002a")),
        said(bytes.fromhex("0304 0000")),
        said(bytes.fromhex("03")),
        said(bytes.fromhex("8302")),
        said(bytes.fromhex("83")),
        said(bytes.fromhex("83ff")),
        said(bytes.fromhex("6304 0000002a")),
        said(b"HTTP/1.1 400 Bad Request"),
    ],
)
def test_what_was_not_asked_is_an_error(answer: Answer) -> None:
    with pytest.raises(AdapterError):
        asyncio.run(poll_once(answer))


def test_an_answer_in_pieces() -> None:
    assert asyncio.run(poll_once(stammer)).part_count == 42


def test_a_closed_port(closed_port: int) -> None:
    with pytest.raises(AdapterError, match=f"no connection to 127.0.0.1:{closed_port}"):
        asyncio.run(adapter_at(closed_port).connect(None))


def test_an_answer_that_is_late_is_not_taken_for_the_next_ones() -> None:
    """The first request is answered after its timeout; by then there is another connection."""
    asked = 0

    async def late(request: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        first = asked == 1
        await asyncio.sleep(0.45 if first else 0.0)
        writer.write(reply(request, bytes.fromhex("030400000001" if first else "030400000002")))

    async def main() -> int | None:
        async with liar(late) as port:
            adapter = adapter_at(port)
            await adapter.connect(None)
            with pytest.raises(AdapterError):
                await adapter.poll()
            await adapter.connect(None)
            await asyncio.sleep(0.3)
            (report,) = await adapter.poll()
            await adapter.close()
            return report.update.part_count

    assert asyncio.run(main()) == 2


def test_poll_without_a_connection() -> None:
    async def main() -> None:
        await adapter_at(1).poll()

    with pytest.raises(AdapterError, match="not connected"):
        asyncio.run(main())


def test_one_request_for_neighbours(modbus_device: Callable[[], AbstractAsyncContextManager[Any]]) -> None:
    async def main() -> None:
        async with modbus_device() as device:
            values = {
                "part_count": {"register": "holding", "address": 100, "type": "uint32"},
                "cycle_state": {"register": "holding", "address": 102, "type": "uint16"},
                "active_tool": {"register": "holding", "address": 105, "type": "uint16"},
            }
            adapter = adapter_at(device.port, values=values)
            await adapter.connect(None)
            await adapter.poll()
            assert device.requests == [(3, 100, 6)]
            await adapter.close()

    asyncio.run(main())


def test_a_device_that_refuses_holes_is_asked_without_them(
    modbus_device: Callable[[], AbstractAsyncContextManager[Any]],
) -> None:
    async def main() -> None:
        async with modbus_device() as device:
            values = {
                "part_count": {"register": "holding", "address": 210, "type": "uint32"},
                "active_tool": {"register": "holding", "address": 214, "type": "uint16"},
            }
            adapter = adapter_at(device.port, values=values)
            await adapter.connect(None)
            await adapter.poll()
            await adapter.poll()
            exact = [(3, 210, 2), (3, 214, 1)]
            assert device.requests == [(3, 210, 5), *exact, *exact]
            await adapter.close()

    asyncio.run(main())


def test_a_device_that_refuses_borders_is_asked_for_each_value_by_itself() -> None:
    """Two areas next to each other, as some controls have them."""
    asked = []

    async def two_areas(request: bytes, writer: asyncio.StreamWriter) -> None:
        address, size = int.from_bytes(request[8:10], "big"), int.from_bytes(request[10:12], "big")
        asked.append((address, size))
        crosses = address < 102 < address + size
        writer.write(reply(request, b"\x83\x02" if crosses else bytes([3, 2 * size]) + bytes(2 * size)))

    async def main() -> None:
        async with liar(two_areas) as port:
            values = {
                "part_count": {"register": "holding", "address": 100, "type": "uint32"},
                "active_tool": {"register": "holding", "address": 102, "type": "uint16"},
            }
            adapter = adapter_at(port, values=values)
            await adapter.connect(None)
            await adapter.poll()
            await adapter.poll()
            await adapter.close()

    asyncio.run(main())
    assert asked == [(100, 3), (100, 3), (100, 2), (102, 1), (100, 2), (102, 1)]


def test_describe_shows_each_value_and_each_error(
    modbus_device: Callable[[], AbstractAsyncContextManager[Any]],
) -> None:
    async def main() -> list[Any]:
        async with modbus_device() as device:
            await device.set("holding", 100, [1, 0])
            await device.set("coil", 3, [1])
            adapter = adapter_at(
                device.port,
                variables={500: {"register": "input", "address": 300, "type": "float32"}},
                alarms=[{"register": "coil", "address": 3, "code": "E-STOP"}],
            )
            await adapter.connect(None)
            readings = await adapter.describe()
            await adapter.close()
            return readings

    assert [tuple(each) for each in asyncio.run(main())] == [
        ("part_count", "holding 100..101", "0001 0000", 65536, None),
        (
            "variable 500",
            "input 300..301",
            "",
            None,
            "input 300..301: the device answers with exception 2 (illegal address)",
        ),
        ("alarm E-STOP", "coil 3", "1", True, None),
    ]


@pytest.mark.parametrize(("kind", "bits"), [("uint16", 16), ("uint32", 32)])
def test_the_size_of_the_counter(kind: str, bits: int) -> None:
    values = {"part_count": {"register": "holding", "address": 100, "type": kind}}
    assert adapter_at(1, values=values).counter_bits == bits
    assert adapter_at(1, values={"estopped": {"register": "coil", "address": 0}}).counter_bits == 32
