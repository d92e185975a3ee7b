"""The Modbus client on the wire: peers that freeze, stammer, lie or go away."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from adapters.modbus.liar import Answer, adapters_at, liar, reply, said, silence
from takt_adapters.adapter import AdapterError, BadAnswer
from takt_adapters.modbus.modbus import ModbusAdapter


def adapter_at(port: int, **settings: Any) -> ModbusAdapter:
    (adapter,) = adapters_at({"port": port, **settings}, clock=time.monotonic)
    return adapter


async def hang_up(request: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(reply(request, bytes.fromhex("0304000000"))[:-2])
    writer.close()


async def reset(request: bytes, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def drip(request: bytes, writer: asyncio.StreamWriter) -> None:
    """A byte a second: never silent, and never done."""
    for byte in reply(request, bytes.fromhex("03040000002a")):
        writer.write(bytes([byte]))
        await asyncio.sleep(1)


async def http(request: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


async def stammer(request: bytes, writer: asyncio.StreamWriter) -> None:
    for byte in reply(request, bytes.fromhex("03040000002a")):
        writer.write(bytes([byte]))
        await asyncio.sleep(0.002)


def changed(at: int, to: bytes) -> Answer:
    """A right answer, but for these bytes of it."""

    async def answer(request: bytes, writer: asyncio.StreamWriter) -> None:
        packet = reply(request, bytes.fromhex("03040000002a"))
        writer.write(packet[:at] + to + packet[at + len(to) :])

    return answer


async def poll_once(answer: Answer) -> Any:
    async with liar(answer) as peer:
        adapter = adapter_at(peer.port)
        await adapter.connect(None)
        began = time.monotonic()
        try:
            (report,) = await adapter.poll()
            return report.update
        finally:
            assert time.monotonic() - began < 10
            await adapter.close()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (silence, "no answer within 0.3 s"),
        (drip, "no answer within 0.3 s"),
        (hang_up, "the connection was lost"),
        (reset, "the connection was lost"),
        (changed(0, b"\x77\x77"), "asked with transaction 1, got an answer with 30583"),
        (changed(0, b"\0\0"), "asked with transaction 1, got an answer with 0"),
        (changed(2, b"\0\1"), "the answer is not Modbus/TCP"),
        (changed(6, b"\x77"), "asked unit 1, got an answer from 119"),
        (changed(4, b"\0\0"), "the answer is not Modbus/TCP"),
        (changed(4, b"\0\1"), "the answer is not Modbus/TCP"),
        (changed(4, b"\xff\xff"), "the answer is not Modbus/TCP"),
        (changed(4, b"\0\x20"), "no answer within 0.3 s"),
        (changed(8, b"\5"), "the answer says that it has 5 bytes, and has 4"),
        (said(bytes.fromhex("0404 0000002a")), "asked for function 3, got 4"),
        (said(bytes.fromhex("0302 002a")), "the answer has 1 values instead of 2"),
        (said(bytes.fromhex("0304 0000")), "the answer has 1 values instead of 2"),
        (said(bytes.fromhex("03")), "the answer has 0 values instead of 2"),
        (said(bytes.fromhex("8302")), "exception 2 (illegal address)"),
        (said(bytes.fromhex("83")), "asked for function 3, got 131"),
        (said(bytes.fromhex("8302 00")), "asked for function 3, got 131"),
        (said(bytes.fromhex("83ff")), "exception 255 (an unknown code)"),
        (said(bytes.fromhex("830a")), "the gateway answers with exception 10 (gateway path unavailable)"),
        (said(bytes.fromhex("830b")), "the gateway answers with exception 11 (gateway no response)"),
        (said(bytes.fromhex("6304 0000002a")), "asked for function 3, got 99"),
        (said(b"HTTP/1.1 400 Bad Request"), "asked for function 3, got 72"),
        (http, "the answer is not Modbus/TCP"),
    ],
)
def test_what_was_not_asked_is_an_error(answer: Answer, error: str) -> None:
    with pytest.raises(AdapterError) as raised:
        asyncio.run(poll_once(answer))
    assert str(raised.value).startswith("holding 100..101: ")
    assert error in str(raised.value)
    # Whoever can't be reached is no liar: nobody tries to hold it then.
    assert isinstance(raised.value, BadAnswer) is not any(
        word in error for word in ("no answer within", "was lost", "gateway")
    )


def test_an_answer_in_pieces() -> None:
    assert asyncio.run(poll_once(stammer)).part_count == 42


def test_a_closed_port(closed_port: int) -> None:
    with pytest.raises(AdapterError, match=f"no connection to 127.0.0.1:{closed_port}: Connection refused"):
        asyncio.run(adapter_at(closed_port).connect(None))


def test_a_name_that_no_host_can_have() -> None:
    with pytest.raises(AdapterError, match=r"^no connection to plc\.\.local:502: no host can have this name"):
        asyncio.run(adapter_at(502, host="plc..local").connect(None))


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
        async with liar(late) as peer:
            adapter = adapter_at(peer.port)
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
        async with liar(two_areas) as peer:
            values = {
                "part_count": {"register": "holding", "address": 100, "type": "uint32"},
                "active_tool": {"register": "holding", "address": 102, "type": "uint16"},
            }
            adapter = adapter_at(peer.port, values=values)
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
