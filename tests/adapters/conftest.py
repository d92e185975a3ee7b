"""Real peers on loopback: a Modbus device, and a ledger that speaks HTTP and can be told to misbehave."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

import pytest
from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from adapters.scripted import ScriptedEdge
from takt_adapters import retry

UNIT = 1
FUNCTIONS = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
WORDS, BITS = 200, 64
ISLANDS = (210, 214)
"""Beyond the first words only these addresses, and the one after each, are there."""


class Device:
    """A real pymodbus server. With `answer`, it says that instead, whatever it was asked."""

    def __init__(self, port: int) -> None:
        self.answer: bytes | None = None
        """Function code and data."""
        self.writes: Literal["taken", "refused", "ignored"] = "taken"
        """Ignored: it says that it did, and didn't."""
        self.requests: list[tuple[int, int, int]] = []
        """(function code, address, count)"""
        words = [SimData(0, count=WORDS, values=0, datatype=DataType.REGISTERS)]
        words += [SimData(at, count=2, values=0, datatype=DataType.REGISTERS) for at in ISLANDS]
        bits = [SimData(0, values=[False] * BITS, datatype=DataType.BITS)]
        self.server = ModbusTcpServer(
            SimDevice(UNIT, (bits, list(bits), words, list(words)), action=self._action),
            address=("127.0.0.1", port),
            trace_packet=self._packet,
        )

    def _packet(self, sending: bool, data: bytes) -> bytes:
        """Sees every packet: transaction ID, protocol, length, unit, then the function code and its data."""
        if not sending:
            self._asked = data[7:]
            self.requests.append((data[7], int.from_bytes(data[8:10], "big"), int.from_bytes(data[10:12], "big")))
            return data
        answer = self._asked if self.writes == "ignored" and self._asked[0] in (5, 6) else self.answer
        if answer is None:
            return data
        return data[:4] + (len(answer) + 1).to_bytes(2, "big") + data[6:7] + answer

    async def _action(
        self, function: int, start: int, address: int, count: int, registers: list[int], values: list[Any] | None
    ) -> ExcCodes | None:
        return (
            ExcCodes.ILLEGAL_FUNCTION if values is not None and function in (5, 6) and self.writes != "taken" else None
        )

    @property
    def port(self) -> int:
        return int(self.server.transport.sockets[0].getsockname()[1])

    async def set(self, register: str, address: int, values: list[Any]) -> None:
        if register in ("coil", "discrete"):
            values = [bool(value) for value in values]
        await self.server.async_setValues(UNIT, FUNCTIONS[register], address, values)

    async def get(self, register: str, address: int) -> int:
        (value,) = await self.server.async_getValues(UNIT, FUNCTIONS[register], address, 1)
        return int(value)


@asynccontextmanager
async def a_device(port: int = 0) -> AsyncIterator[Device]:
    """At this port of 127.0.0.1. 0: any free one."""
    device = Device(port)
    await device.server.serve_forever(background=True)
    try:
        yield device
    finally:
        await device.server.shutdown()


@pytest.fixture
def modbus_device() -> Callable[..., AbstractAsyncContextManager[Device]]:
    return a_device


@pytest.fixture
def closed_port() -> int:
    """A port where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that is gone is what some tests are about."""


class Ledger:
    """Keeps what it takes, each (source, sequence) once. `answers` are the next ones to facts; then it takes all."""

    def __init__(self) -> None:
        self.taken: dict[tuple[str, int], dict[str, Any]] = {}
        self.batches: list[list[dict[str, Any]]] = []
        self.headers: list[dict[str, str]] = []
        self.states: list[dict[str, Any]] = []
        self.profile_queries: list[dict[str, list[str]]] = []
        self.answers: list[Any] = []
        """A status, (status, body), "lost" (stored, but the answer is cut off), or "refuse" for `hated` types."""
        self.hated: set[str] = set()
        self.largest = 10**9
        self.away = False
        self.profiles: dict[str, Any] = {"version": "1", "machines": {}}
        self.server = Server(("127.0.0.1", 0), _handler(self))
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def sequences(self, machine: str) -> list[int]:
        return [int(each["sequence"]) for each in self.taken.values() if each["subject"] == machine]

    def take(self, batch: list[dict[str, Any]]) -> tuple[int, Any]:
        self.batches.append(batch)
        answer = self.answers.pop(0) if self.answers else 200
        if answer not in (200, "lost"):
            return answer if isinstance(answer, tuple) else (answer, {"error": "no"})
        if len(batch) > self.largest:
            return 413, {"error": "too large"}
        wrong = [index for index, each in enumerate(batch) if each["type"] in self.hated]
        if wrong:
            return 400, {"error": "wrong", "errors": [{"index": index, "error": "hated"} for index in wrong]}
        before = len(self.taken)
        for each in batch:
            self.taken.setdefault((each["source"], int(each["sequence"])), each)
        stored = len(self.taken) - before
        return -1 if answer == "lost" else 200, {"stored": stored, "repeated": len(batch) - stored}


def _handler(ledger: Ledger) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            pass

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if ledger.away:
                return self.answer(503)
            if self.path == "/api/edge/state":
                ledger.states.append(body["machines"])
                return self.answer(204)
            ledger.headers.append(dict(self.headers))
            return self.answer(*ledger.take(body))

        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            ledger.profile_queries.append(query)
            if ledger.away:
                return self.answer(503)
            if query.get("known") == [ledger.profiles["version"]]:
                time.sleep(0.02)
                return self.answer(304)
            return self.answer(200, ledger.profiles)

        def answer(self, status: int, body: Any = None) -> None:
            lost, status = status == -1, abs(status) if status != -1 else 200
            data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[: len(data) // 2] if lost else data)
            self.close_connection = lost

    return Handler


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    ledger = Ledger()
    yield ledger
    ledger.close()


async def eventually(condition: Callable[[], Any], seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


@pytest.fixture(name="eventually")
def eventually_fixture() -> Callable[..., Any]:
    return eventually


@pytest.fixture
def edge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedEdge]:
    monkeypatch.setattr(retry, "FIRST_SECONDS", 0.001)
    monkeypatch.setattr(retry, "LAST_SECONDS", 0.005)
    edge = ScriptedEdge(tmp_path / "spool.db")
    yield edge
    edge.spool.close()
