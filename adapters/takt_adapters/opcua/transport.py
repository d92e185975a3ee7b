"""asyncua's client, held within bounds.

By itself it takes messages of any size, reads the server's state every second, and reconnects in ways that can lose a
subscription without a word. Here a message has a limit, nothing runs by itself but the publish requests of the
subscription, and a connection is ended for good, whatever the peer does.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NoReturn

from asyncua import ua
from asyncua.client import ua_client
from asyncua.client.client import Client
from asyncua.client.ua_client import UaClient, UASocketProtocol
from asyncua.common.connection import TransportLimits
from asyncua.ua import ua_binary

# What it would log we raise, and the runner logs it once instead of at every try.
logging.getLogger("asyncua").setLevel(logging.CRITICAL + 1)

MESSAGE_BYTES = 2**18
"""Some thousand values. Nothing else happens while one is unpacked."""
CHUNKS = 256
SEND_BYTES = 2**16 - 1
GOODBYE_SECONDS = 0.2


class _NoArray:
    """An array of nothing takes no bytes, so a message of a few bytes could ask for all of our memory."""

    @staticmethod
    def pack_array(data: Sequence[Any] | None) -> bytes:
        return ua_binary.Primitives.Int32.pack(-1)

    @staticmethod
    def unpack_array(data: Any, length: int) -> NoReturn:
        raise ValueError("an array of null values")


ua_binary.Primitives1.Null = _NoArray  # type: ignore[attr-defined]


_wait_for = ua_client.wait_for  # type: ignore[attr-defined]


async def _wait_for_as_usual(what: Any, timeout: float | None) -> Any:
    """Theirs raises a cancellation of its own kind when the answer comes in the same moment, and then asyncio's
    timeouts don't know that it was they who cancelled: the machine's task would end, without a word."""
    try:
        return await _wait_for(what, timeout)
    except asyncio.CancelledError:
        raise asyncio.CancelledError from None


ua_client.wait_for = _wait_for_as_usual  # type: ignore[attr-defined,assignment]


class _Limits(TransportLimits):
    """Ours, whatever the server says of its own."""

    def update_client_limits(self, msg: ua.Acknowledge) -> None:
        self.max_send_buffer = min(max(msg.ReceiveBufferSize, 8192), SEND_BYTES)


class _Protocol(UASocketProtocol):
    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.receive_buffer is not None and len(self.receive_buffer) > MESSAGE_BYTES and self.transport is not None:
            self.transport.abort()  # the rest of a chunk that is too large

    def _process_received_message(self, msg: ua.Message | ua.Acknowledge | ua.ErrorMessage | None) -> None:
        if isinstance(msg, ua.Message) and isinstance(
            self._open_secure_channel_exchange, ua.OpenSecureChannelParameters
        ):
            # A server that refuses the channel says why.
            self.check_answer(msg.body(), "")  # type: ignore[no-untyped-call]  # asyncua forgot it there
        super()._process_received_message(msg)


class _UaClient(UaClient):
    def _make_protocol(self) -> UASocketProtocol:
        limits = _Limits(MESSAGE_BYTES, SEND_BYTES, CHUNKS, MESSAGE_BYTES)
        self.protocol = _Protocol(self._timeout, self.security_policy, limits)
        self.protocol.on_connection_lost = self._on_transport_lost
        self.protocol.is_session_closing = self._is_session_closing
        return self.protocol


class BoundedClient(Client):
    """Its `connect` is not used: that one starts tasks of its own."""

    def __init__(self, url: str, timeout_seconds: float) -> None:
        super().__init__(url, timeout=timeout_seconds)
        self.uaclient = _UaClient(timeout_seconds)
        self.max_messagesize, self.max_chunkcount = MESSAGE_BYTES, CHUNKS

    @property
    def protocol(self) -> UASocketProtocol | None:
        return self.uaclient.protocol

    @property
    def is_open(self) -> bool:
        return self.protocol is not None and self.protocol.transport is not None

    async def end(self) -> None:
        """Says goodbye, and doesn't wait for an answer for long: servers have room for few sessions."""
        publishing = self.uaclient.session._publish_task
        try:
            with suppress(Exception):
                async with asyncio.timeout(GOODBYE_SECONDS):
                    await self.uaclient.close_session(True)
                    await self.uaclient.close_secure_channel()
        finally:
            if publishing is not None:
                publishing.cancel()
            if self.protocol is not None and self.protocol.transport is not None:
                self.protocol.transport.abort()
        if publishing is not None:
            await asyncio.wait([publishing], timeout=GOODBYE_SECONDS)
        await asyncio.sleep(0)  # the transport's last call
