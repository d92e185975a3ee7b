"""One connection to a device, or to a gateway with several devices behind it: one request at a time, in turns.

This is the framing of Modbus/TCP (MODBUS Messaging on TCP/IP Implementation Guide V1.0b, section 3.1.3) and nothing
more. pymodbus' client is not used, since it isn't strict enough for a peer that lies: it takes an answer with
transaction 0 for any request, over TLS it takes each piece of an answer for a whole one, it reads on without limit
whatever nobody asked for, and it tells neither why a connection failed nor that it is gone.
"""

import asyncio
import socket
import ssl
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from takt_adapters.adapter import AdapterError
from takt_adapters.modbus.registers import Span
from takt_adapters.modbus.requests import Broken
from takt_adapters.modbus.tls import Tls, reason
from takt_adapters.retry import LAST_SECONDS

HEADER = struct.Struct(">HHHB")
"""Transaction, protocol (0), length of what follows, unit."""
LONGEST = 254
"""What may follow, with the unit."""
BUFFER_BYTES = 1024
"""A peer that says more than it was asked has to wait with it after this and as much again."""
RETRY_SECONDS = 0.4
"""A try to connect that failed stands for all machines, and for so long. Shorter than what a machine waits itself."""
CLOSE_SECONDS = 0.2
WANTED_SECONDS = 2 * LAST_SECONDS
"""Who has not wanted to ask for so long has no turn."""

Answer = TypeVar("Answer")
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class _Silent:
    error: str
    """What was said of it."""
    wanted_at: float
    """When it last wanted to ask."""


class Connection:
    def __init__(self, host: str, port: int, tls: Tls | None, clock: Callable[[], float]) -> None:
        """`clock` is monotonic, in seconds."""
        self._host, self._port, self._tls, self._clock = host, port, tls, clock
        self._users: set[object] = set()
        self._turn = asyncio.Lock()
        """Whoever came first is asked for first, so that no unit can keep the others from being asked."""
        self._stream: Stream | None = None
        self._transaction = 0
        """Goes on over a new connection: a gateway may still have an answer to what was asked over the one before."""
        self._failed: tuple[float, str] | None = None
        self._silent: dict[object, _Silent] = {}
        """Users who got no answer when they last asked. Who asked longest ago comes first."""
        self._in_vain_until: float | None = None
        """Until when none of them asks again. None: the last of them who did was answered."""

    async def join(self, user: object, timeout_seconds: float) -> None:
        """Connects, if it isn't. Raises AdapterError."""
        self._users.add(user)
        async with self._turn:
            await self._connected(timeout_seconds)

    async def leave(self, user: object) -> None:
        """The last one closes it."""
        self._users.discard(user)
        if not self._users and self._stream is not None:
            (_, writer), self._stream = self._stream, None
            writer.close()
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await writer.wait_closed()
            writer.transport.abort()

    async def ask(
        self,
        user: object,
        span: Span,
        unit: int,
        request: bytes,
        understand: Callable[[bytes], Answer],
        timeout_seconds: float,
    ) -> Answer:
        """Sends the request to this unit when it is the user's turn, and makes of the answer what `understand` does.

        Connects before, if the connection is gone. Raises AdapterError. The connection is kept after it only if the
        answer was one, be it that the device refuses. `span` is for the messages.

        Waiting in vain takes as long from the others. So whoever did it twice in a row leaves them as long for
        themselves, and fails at once meanwhile, as it did before.
        """
        async with self._turn:
            silent = self._silent.get(user)
            if silent is not None:
                if self._must_wait(user, silent):
                    raise AdapterError(silent.error)
                self._silent[user] = self._silent.pop(user)
            stream = await self._connected(timeout_seconds)
            try:
                async with asyncio.timeout(timeout_seconds):
                    answer = await self._exchange(*stream, span, unit, request)
                if self._silent.pop(user, None) is not None:
                    self._in_vain_until = None
                return understand(answer)
            except BaseException as error:
                if not isinstance(error, TimeoutError):
                    self._silent.pop(user, None)  # whatever it is, it isn't silence
                if not isinstance(error, AdapterError) or isinstance(error, Broken):
                    # Also when this was cancelled: an answer that is late must not be taken for another's.
                    self._drop()
                match error:
                    case TimeoutError():
                        said, now = f"{span}: no answer within {timeout_seconds:g} s", self._clock()
                        self._silent[user] = _Silent(said, now)
                        if silent is not None:
                            self._in_vain_until = now + timeout_seconds
                        raise AdapterError(said) from error
                    case ssl.SSLError():
                        raise AdapterError(f"{span}: the connection was lost: {reason(error)}") from error
                    case OSError() | EOFError():
                        raise AdapterError(f"{span}: the connection was lost") from error
                raise

    def _must_wait(self, user: object, silent: _Silent) -> bool:
        """They take turns: else chance would keep one waiting for minutes whose device answers again."""
        now = self._clock()
        silent.wanted_at = now
        if self._in_vain_until is None or not self._users - self._silent.keys():
            return False
        first = next(each for each, other in self._silent.items() if now - other.wanted_at < WANTED_SECONDS)
        return now < self._in_vain_until or user is not first

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, span: Span, unit: int, request: bytes
    ) -> bytes:
        self._transaction = self._transaction % 0xFFFF + 1
        writer.write(HEADER.pack(self._transaction, 0, 1 + len(request), unit) + request)
        transaction, protocol, length, sender = HEADER.unpack(await reader.readexactly(HEADER.size))
        if protocol != 0 or not 2 <= length <= LONGEST:
            raise Broken(f"{span}: the answer is not Modbus/TCP")
        if transaction != self._transaction:
            raise Broken(f"{span}: asked with transaction {self._transaction}, got an answer with {transaction}")
        if sender != unit:
            raise Broken(f"{span}: asked unit {unit}, got an answer from {sender}")
        return await reader.readexactly(length - 1)

    async def _connected(self, timeout_seconds: float) -> Stream:
        if self._stream is not None:
            reader, writer = self._stream
            if not reader.at_eof() and not writer.is_closing():
                return self._stream
            self._drop()  # it was closed while nobody asked anything: many gateways close idle connections
        if self._failed is not None and self._clock() - self._failed[0] < RETRY_SECONDS:
            raise AdapterError(self._failed[1])
        try:
            self._stream = await self._connect(timeout_seconds)
        except AdapterError as error:
            self._failed = self._clock(), str(error)
            raise
        self._failed = None
        return self._stream

    async def _connect(self, timeout_seconds: float) -> Stream:
        where = f"no connection to {self._host}:{self._port}"
        try:
            context = None if self._tls is None else await asyncio.to_thread(self._tls.context)
            name = None if self._tls is None else self._tls.server_name or self._host
            async with asyncio.timeout(timeout_seconds):
                return await asyncio.open_connection(
                    self._host, self._port, ssl=context, server_hostname=name, limit=BUFFER_BYTES
                )
        except TimeoutError as error:
            raise AdapterError(f"{where} within {timeout_seconds:g} s") from error
        except (ssl.SSLError, socket.gaierror) as error:
            raise AdapterError(f"{where}: {reason(error)}") from error
        except UnicodeError as error:
            raise AdapterError(f"{where}: no host can have this name") from error
        except OSError as error:
            hung_up = isinstance(error, ConnectionError) and not isinstance(error, ConnectionRefusedError)
            hint = " (does this port speak TLS?)" if self._tls is not None and hung_up else ""
            raise AdapterError(f"{where}: {reason(error)}{hint}") from error
        except ValueError as error:
            raise AdapterError(f"[machine.modbus.tls] {error}") from error

    def _drop(self) -> None:
        """At once, and without waiting for anything that the peer should say to it."""
        if self._stream is not None:
            self._stream[1].transport.abort()
            self._stream = None
