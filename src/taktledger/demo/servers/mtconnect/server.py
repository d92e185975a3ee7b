"""An MTConnect agent's HTTP/1.1 server: it only reads, so the control can't be held over it."""

import asyncio
from contextlib import suppress
from http import HTTPStatus

from taktledger.demo.control import Control
from taktledger.demo.servers.mtconnect.agent import Agent, Answer
from taktledger.demo.servers.server import HOST

REQUEST_BYTES = 8192
"""Longer requests, headers included, are cut off."""


class MtConnectServer:
    def __init__(self, control: Control) -> None:
        self._agent = Agent(control)
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.StreamWriter] = set()
        self.was_read = False

    @property
    def listens(self) -> bool:
        return self._server is not None

    async def listen(self, port: int) -> int:
        self._server = await asyncio.start_server(self._serve, HOST, port, limit=REQUEST_BYTES)
        return int(self._server.sockets[0].getsockname()[1])

    async def publish(self) -> None:
        self._agent.observe()

    def hang_up(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in self._connections:
            connection.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, for as many requests as the client has."""
        self._connections.add(writer)
        try:
            # A task of the streams may not end as cancelled: their own callback would fail.
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
                while await self._serve_one(reader, writer):
                    pass
        finally:
            self._connections.discard(writer)
            writer.close()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection stays open."""
        request = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *fields = request.removesuffix("\r\n\r\n").split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (each.partition(":") for each in fields)}
        match line.split(" "):
            case [method, target, "HTTP/1.1" | "HTTP/1.0" as version]:
                answer = self._agent.answer(method, target)
            case _:
                return False
        # A body would be taken for the next request.
        has_body = "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
        asked_to_close = headers.get("connection", "").lower() == "close"
        stays = version == "HTTP/1.1" and not asked_to_close and not has_body
        self.was_read = self.was_read or answer.has_values
        writer.write(_written(answer, stays, with_body=method != "HEAD"))
        await writer.drain()
        return stays


def _written(answer: Answer, stays: bool, *, with_body: bool) -> bytes:
    status = HTTPStatus(answer.status)
    lines = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        "Content-Type: text/xml; charset=utf-8",
        f"Content-Length: {len(answer.document)}",
        *(["Allow: GET"] if status == HTTPStatus.METHOD_NOT_ALLOWED else []),
        f"Connection: {'keep-alive' if stays else 'close'}",
    ]
    head = "\r\n".join([*lines, "", ""]).encode("ascii")
    return head + answer.document if with_body else head
