"""Raw Modbus/TCP servers on loopback, which are asked like a device and say what the test likes."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from takt_adapters.modbus.modbus import ModbusAdapter, make
from takt_adapters.modbus.settings import ModbusSettings

Answer = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]
SETTINGS = {
    "host": "127.0.0.1",
    "timeout_seconds": 0.3,
    "values": {"part_count": {"register": "holding", "address": 100, "type": "uint32"}},
}


def adapters_at(*tables: dict[str, Any], clock: Callable[[], float]) -> list[ModbusAdapter]:
    """Adapters that were made together."""
    return make([msgspec.convert({**SETTINGS, **table}, ModbusSettings) for table in tables], clock)


class Liar:
    """Who is connected, and what was asked."""

    def __init__(self) -> None:
        self.port = 0
        self.connections = 0
        self.requests: list[bytes] = []
        self.writers: set[asyncio.StreamWriter] = set()
        """Of the connections that are open."""

    def hang_up(self) -> None:
        for writer in self.writers:
            writer.close()

    def units(self) -> list[int]:
        return [request[6] for request in self.requests]


@asynccontextmanager
async def liar(answer: Answer, tls: ssl.SSLContext | None = None, port: int = 0) -> AsyncIterator[Liar]:
    peer = Liar()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer.connections += 1
        peer.writers.add(writer)
        try:
            while request := await reader.read(4096):
                peer.requests.append(request)
                await answer(request, writer)
        except OSError:
            pass
        finally:
            peer.writers.discard(writer)
            writer.transport.abort()

    server = await asyncio.start_server(talk, "127.0.0.1", port, ssl=tls)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()
        for writer in list(peer.writers):
            writer.transport.abort()
        await asyncio.sleep(0)


def reply(request: bytes, pdu: bytes) -> bytes:
    return request[:4] + (len(pdu) + 1).to_bytes(2, "big") + request[6:7] + pdu


def counted(request: bytes, count: int) -> bytes:
    """An honest answer to whoever reads the 32-bit counter."""
    return reply(request, b"\x03\x04" + count.to_bytes(4, "big"))


def said(pdu: bytes) -> Answer:
    async def answer(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(request, pdu))

    return answer


async def silence(request: bytes, writer: asyncio.StreamWriter) -> None:
    pass
