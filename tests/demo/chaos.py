"""A network that can't be trusted: TCP proxies, each of which can freeze, drop, fall silent, drip, cut answers, or lie.

They run in one thread with a loop of its own; a `Link` is worked from any other thread.
"""

import asyncio
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from random import Random
from types import TracebackType
from typing import Protocol

from demo.processes import free_port

HOST = "127.0.0.1"
CHUNK = 65_536
BETWEEN_POLLS_SECONDS = 0.15
"""A machine that was not asked for so long has answered the whole of the last poll."""
HUGE = 64 * 2**20


class Lies(Protocol):
    """What a peer of one protocol may say that can be known for a lie: never another count that could be true."""

    names: tuple[str, ...]

    def length(self, buffer: bytes) -> int | None:
        """Of the first message in the buffer. None: not known yet."""

    def told(self, name: str, message: bytes, random: Random) -> bytes:
        """What is said instead of this answer."""

    def instead(self, name: str, random: Random) -> AsyncIterator[bytes] | None:
        """What is said without asking the peer at all, before the connection is closed. None: the peer is asked."""


class ModbusLies:
    names = ("exception", "zeros", "short", "function", "transaction", "length", "garbage")

    def length(self, buffer: bytes) -> int | None:
        return 6 + struct.unpack(">H", buffer[4:6])[0] if len(buffer) >= 6 else None

    def told(self, name: str, message: bytes, random: Random) -> bytes:
        transaction, unit, function, body = message[:2], message[6:7], message[7], message[8:]
        match name:
            case "exception":
                function, body = function | 0x80, bytes([random.choice((1, 2, 3, 4, 6, 11))])
            case "zeros" if function <= 4:
                body = body[:1] + bytes(len(body) - 1)
            case "short" if function <= 4:
                cut = 2 * random.randint(1, max(1, (len(body) - 1) // 2))
                data = body[1 : max(1, len(body) - cut)]
                body = bytes([len(data)]) + data
            case "function":
                function = random.choice([each for each in (1, 2, 3, 4, 7, 23) if each != function])
            case "transaction":
                transaction = struct.pack(">H", (struct.unpack(">H", transaction)[0] + random.randint(1, 9)) % 2**16)
            case "length":
                return message[:4] + struct.pack(">H", random.choice((0, 1, 2, 260, 65_535))) + message[6:]
            case "garbage":
                return random.randbytes(len(message))
        return transaction + bytes(2) + struct.pack(">H", len(body) + 2) + unit + bytes([function]) + body

    def instead(self, name: str, random: Random) -> AsyncIterator[bytes] | None:
        return None


class OpcUaLies:
    names = ("garbage", "truncated", "short", "size", "type", "error", "repeated")

    def length(self, buffer: bytes) -> int | None:
        return max(8, struct.unpack("<I", buffer[4:8])[0]) if len(buffer) >= 8 else None

    def told(self, name: str, message: bytes, random: Random) -> bytes:
        match name:
            case "garbage":
                return random.randbytes(len(message))
            case "truncated":
                return message[: len(message) // 2]
            case "short":  # by its own header it is whole
                half = message[: max(24, len(message) // 2)]
                return half[:4] + struct.pack("<I", len(half)) + half[8:]
            case "size":
                return message[:4] + struct.pack("<I", random.choice((0, 7, 2**31 - 1, 2**32 - 1))) + message[8:]
            case "type":
                return b"XYZ" + message[3:]
            case "error":
                reason = b"nothing in particular"
                body = struct.pack("<II", 0x80010000, len(reason)) + reason
                return b"ERRF" + struct.pack("<I", 8 + len(body)) + body
            case "repeated":
                return message + message
        return message

    def instead(self, name: str, random: Random) -> AsyncIterator[bytes] | None:
        return None


HEADER = '<?xml version="1.0" encoding="UTF-8"?>\n'
STREAMS = (
    '<MTConnectStreams xmlns="urn:mtconnect.org:MTConnectStreams:1.8"><Header instanceId="1" nextSequence="2" '
    'firstSequence="1" lastSequence="1" bufferSize="1024" version="1.8" creationTime="2025-01-01T00:00:00Z" '
    'sender="x"/><Streams><DeviceStream name="x" uuid="x">'
)
LEVELS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
BOMB = f'{HEADER}<!DOCTYPE x [<!ENTITY l0 "ha">{LEVELS}]>{STREAMS}&l11;</DeviceStream></Streams></MTConnectStreams>'
STOLEN = (
    f'{HEADER}<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]>{STREAMS}&x;</DeviceStream></Streams>'
    "</MTConnectStreams>"
)
ERROR = (
    f'{HEADER}<MTConnectError xmlns="urn:mtconnect.org:MTConnectError:1.8"><Header instanceId="1" version="1.8" '
    'creationTime="2025-01-01T00:00:00Z" sender="x" bufferSize="1024"/><Errors><Error errorCode="INTERNAL_ERROR">no'
    "</Error></Errors></MTConnectError>"
)


class HttpLies:
    """Of an MTConnect agent."""

    names = ("truncated", "500", "garbage", "page", "empty", "error", "bomb", "stolen", "huge", "headers")

    def length(self, buffer: bytes) -> int | None:
        return len(buffer) or None

    def told(self, name: str, message: bytes, random: Random) -> bytes:
        """An answer is cut, whatever else there is to lie about: then the connection is over."""
        return message[: len(message) // 2]

    def instead(self, name: str, random: Random) -> AsyncIterator[bytes] | None:
        bodies = {
            "500": (b"500 Internal Server Error", b"it does not work"),
            "garbage": (b"200 OK", random.randbytes(5000)),
            "page": (b"200 OK", b"<html><body><h1>Please log in</h1><br></body></html>"),
            "empty": (b"200 OK", b""),
            "error": (b"200 OK", ERROR.encode()),
            "bomb": (b"200 OK", BOMB.encode()),
            "stolen": (b"200 OK", STOLEN.encode()),
        }
        if name in bodies:
            return _answer(*bodies[name])
        return {"huge": _huge, "headers": _headers}[name]() if name in ("huge", "headers") else None


async def _answer(status: bytes, body: bytes) -> AsyncIterator[bytes]:
    yield b"HTTP/1.1 %s\r\nContent-Type: text/xml\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (
        status,
        len(body),
    )
    yield body


async def _huge() -> AsyncIterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nTransfer-Encoding: chunked\r\n\r\n"
    filler = b'<Events><Block dataItemId="b" timestamp="2025-01-01T00:00:00Z" sequence="1">G1 X1</Block></Events>' * 600
    for body in ((HEADER + STREAMS).encode(), *[filler] * (HUGE // len(filler))):
        yield b"%x\r\n%s\r\n" % (len(body), body)
    yield b"0\r\n\r\n"


async def _headers() -> AsyncIterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\n"
    for number in range(20_000):
        yield b"X-%d: %s\r\n" % (number, b"x" * 500)


MODBUS, OPCUA, HTTP = ModbusLies(), OpcUaLies(), HttpLies()
LIES: dict[str, Lies] = {"modbus": MODBUS, "opcua": OPCUA, "mtconnect": HTTP}


class _Connection:
    def __init__(self, client: asyncio.StreamWriter) -> None:
        self.client = client
        self.dead = False
        """Nobody will ever say anything here again, and nobody has hung up."""
        self.lie: str | None = None
        self.asked_at = float("-inf")
        self.asked = ""
        """First line of the last request, where it is one of HTTP."""


class Link:
    """One port in front of another. All is well until it is told otherwise; each trouble ends the one before."""

    def __init__(self, loop: asyncio.AbstractEventLoop, target: int, lies: Lies | None, random: Random) -> None:
        self.port = free_port()
        self.target = target
        self.lost_answers: Counter[str] = Counter()
        """By the first line of what was asked: the peer has done it, and nobody was told."""
        self.refusals: list[float] = []
        """When the peer itself took no connection. UNIX seconds."""
        self._loop, self._lies, self._random = loop, lies, random
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()
        self._flows = asyncio.Event()
        self._drip = 0.0
        self._lie: str | None = None
        self._silent = self._cuts = False

    def heal(self) -> None:
        """What is dead stays dead; everything new works."""
        self._do(self._healed)

    def freeze(self) -> None:
        """Nothing moves in either direction, and goes on where it was when the link heals."""
        self._do(self._healed, self._flows.clear)

    def drop(self) -> None:
        """Every connection is reset, and the port refuses new ones."""
        self._do(self._close)

    def silence(self) -> None:
        """Half open: the connections there are fall silent for ever, and so do new ones while it lasts."""
        self._do(self._healed, self._fall_silent)

    def drip(self, seconds: float) -> None:
        """So long for each byte of an answer."""
        self._do(self._healed, lambda: setattr(self, "_drip", seconds))

    def cut_answers(self) -> None:
        """What is asked arrives, is done, and the answer is lost in its middle with the connection."""
        self._do(self._healed, lambda: setattr(self, "_cuts", True))

    def lie(self, name: str) -> None:
        """A lie begins, and ends, between two polls: so that no answer is made of half a truth."""
        self._do(self._healed, lambda: setattr(self, "_lie", name))

    def open(self) -> None:
        self.heal()

    def close(self) -> None:
        self._do(self._close)

    def _do(self, *steps: Callable[[], object]) -> None:
        async def work() -> None:
            for step in steps:
                result = step()
                if asyncio.iscoroutine(result):
                    await result

        asyncio.run_coroutine_threadsafe(work(), self._loop).result(10)

    async def _healed(self) -> None:
        self._silent = self._cuts = False
        self._drip, self._lie = 0.0, None
        self._flows.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, HOST, self.port)

    def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        self._flows.set()
        for connection in list(self._connections):
            _reset(connection.client)

    def _fall_silent(self) -> None:
        self._silent = True
        for connection in self._connections:
            connection.dead = True

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(writer)
        self._connections.add(connection)
        ends = [writer]
        try:
            connection.dead = self._silent
            if connection.dead:
                while await reader.read(CHUNK):
                    pass
                return
            try:
                peer, peer_writer = await asyncio.open_connection(HOST, self.target)
            except OSError:
                self.refusals.append(time.time())
                _reset(writer)
                return
            ends.append(peer_writer)
            ways = [
                asyncio.ensure_future(self._ask(connection, reader, peer_writer)),
                asyncio.ensure_future(self._answer(connection, peer)),
            ]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
        except OSError:
            pass
        finally:
            self._connections.discard(connection)
            for end in ends:
                end.close()

    async def _ask(self, connection: _Connection, reader: asyncio.StreamReader, peer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK):
            await self._flows.wait()
            if connection.dead:
                continue
            now = self._loop.time()
            if now - connection.asked_at > BETWEEN_POLLS_SECONDS:
                connection.lie = self._lie
            connection.asked_at = now
            if data.startswith((b"GET ", b"POST ")):
                connection.asked = data.partition(b"\r\n")[0].decode("latin-1")
            instead = self._lies.instead(connection.lie, self._random) if self._lies and connection.lie else None
            if instead is not None:
                async for piece in instead:
                    connection.client.write(piece)
                    await connection.client.drain()
                return
            peer.write(data)
            await peer.drain()

    async def _answer(self, connection: _Connection, peer: asyncio.StreamReader) -> None:
        client, buffer = connection.client, b""
        while data := await peer.read(CHUNK):
            await self._flows.wait()
            if connection.dead:
                continue
            if self._cuts:
                self.lost_answers[connection.asked] += 1
                client.write(data[: len(data) // 2])
                await asyncio.sleep(0.01)
                _reset(client)
                return
            if self._lies is not None:
                buffer += data
                messages = []
                while (length := self._lies.length(buffer)) is not None and length <= len(buffer):
                    message, buffer = buffer[:length], buffer[length:]
                    if connection.lie is not None:
                        message = self._lies.told(connection.lie, message, self._random)
                    messages.append(message)
                data = b"".join(messages)
            await self._write(connection, data)
            if connection.lie is not None and isinstance(self._lies, HttpLies):
                return

    async def _write(self, connection: _Connection, data: bytes) -> None:
        while self._drip and data:
            connection.client.write(data[:1])
            data = data[1:]
            await asyncio.sleep(self._drip)
            await self._flows.wait()
            if connection.dead:
                return
        connection.client.write(data)
        await connection.client.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Hangs up with a RST: the other side sees an error, and not an end."""
    connected = writer.get_extra_info("socket")
    with suppress(OSError):
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class Network:
    """The thread in which the links run."""

    def __enter__(self) -> "Network":
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._links: list[Link] = []
        return self

    def link(self, target: int, random: Random, lies: Lies | None = None) -> Link:
        """In front of this port. All is well with it."""
        link = Link(self._loop, target, lies, random)
        link.open()
        self._links.append(link)
        return link

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for link in self._links:
            link.close()
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _end(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
