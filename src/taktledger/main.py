"""The composition root: what is built in, and how the rooms are put together."""

import asyncio
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

import structlog
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server

import takt_projections
from takt_projections.current import ReadModels
from takt_projections.files import Models
from takt_projections.history import History
from takt_projections.rebuild import Progress, no_progress
from taktledger import __version__, children
from taktledger.access import ensure_keys
from taktledger.api.app import create_app
from taktledger.api.backend import Backend
from taktledger.api.documents import Documents
from taktledger.api.live import LiveState
from taktledger.domain.tools.watch import ToolWatch
from taktledger.ledger.credentials import Credentials
from taktledger.ledger.store import Ledger
from taktledger.ledger.writer import Writer
from taktledger.shopfloor.ingest import UpdateInbox
from taktledger.watches import WATCHES

log = structlog.get_logger()

STOP_SECONDS = 4.0


@dataclass(frozen=True)
class Settings:
    host: str
    port: int
    data: Path
    config: Path | None = None
    admin_key: str | None = None


class CannotStart(Exception):
    """Something outside stands in the way; the message says what."""


def read_models() -> Models:
    """The built-in read models, and those that other packages bring."""
    return (*takt_projections.BUILT_IN, *(each.load() for each in entry_points(group="taktledger.projections")))


def open_backend(data: Path, clock: Callable[[], float] = time.time, progress: Progress = no_progress) -> Backend:
    """Opens the ledger for writing and brings the read models up to it. Raises LedgerInUse."""
    data.mkdir(parents=True, exist_ok=True)
    ledger = Ledger(data / "ledger.db")
    rows = ReadModels(ledger, data, read_models(), progress)
    history = History(rows)
    tools = ToolWatch(history)
    writer = Writer(ledger, rows, clock, tools.follow)
    inbox, live, documents = UpdateInbox(), LiveState(), Documents(rows, clock)
    writer.on_load += [inbox.forget, documents.clear, tools.forget]
    writer.on_commit += [documents.committed, live.committed]
    return Backend(
        ledger=ledger,
        writer=writer,
        rows=rows,
        history=history,
        documents=documents,
        credentials=Credentials(data / "credentials.db"),
        inbox=inbox,
        live=live,
        tools=tools,
        clock=clock,
    )


def use_newest(data: Path) -> None:
    """Makes the newest file the current one while no server runs. Raises LedgerInUse if one does."""
    ledger = Ledger(data / "ledger.db")
    try:
        rows = ReadModels(ledger, data, read_models())
        rows.close(rows.load())
    finally:
        ledger.close()


def close_backend(backend: Backend) -> None:
    backend.rows.close(backend.writer.shop)
    backend.credentials.close()
    backend.ledger.close()


Floor = Callable[[Settings, Backend, asyncio.Event], AbstractAsyncContextManager[Path | None]]
"""What machines there are: an edge's config, for as long as the server runs. The event is set when it should end."""


@asynccontextmanager
async def configured_floor(settings: Settings, backend: Backend, stopping: asyncio.Event) -> AsyncIterator[Path | None]:
    """The machines of the config file."""
    yield settings.config


async def serve(
    settings: Settings,
    floor: Floor = configured_floor,
    clock: Callable[[], float] = time.time,
    progress: Progress = no_progress,
) -> None:
    """Runs the server, and an edge beside it if there are machines, until SIGTERM or SIGINT."""
    _check_port(settings.host, settings.port)
    backend = open_backend(settings.data, clock, progress)
    try:
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
        async with floor(settings, backend, stopping) as config:
            if not stopping.is_set():
                ensure_keys(backend.writer, backend.credentials, settings.data, settings.admin_key)
                await _serve(settings, backend, config, stopping)
    finally:
        close_backend(backend)


async def _serve(settings: Settings, backend: Backend, config: Path | None, stopping: asyncio.Event) -> None:
    server = Server(
        create_app(backend),
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        websockets=False,
        log_enabled=True,
        log_level=LogLevels.error,
    )
    writing = asyncio.create_task(backend.writer.run(), name="the writer")
    watching = [asyncio.create_task(watch(backend), name=watch.__name__) for watch in WATCHES]
    serving = asyncio.create_task(server.serve(), name="the HTTP server")
    edge = asyncio.create_task(_edge(settings, config), name="the edge") if config else None
    tasks = [writing, *watching, serving, *([edge] if edge else [])]
    greeting = asyncio.create_task(_greet(settings), name="the greeting")
    stopped = asyncio.create_task(stopping.wait())
    done, _ = await asyncio.wait({*tasks, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if edge:  # before the server, so that its last facts are still taken
        await _cancel(edge)
    backend.live.stop()
    server.stop()  # type: ignore[no-untyped-call]
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(serving), STOP_SECONDS)
    for task in (*tasks, greeting):
        await _cancel(task)
    for task in done - {stopped}:
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError, Exception):
        await task


async def _edge(settings: Settings, config: Path | None) -> None:
    ledger = f"http://{_reachable(settings.host)}:{settings.port}"
    key, spool = settings.data / "edge.key", settings.data / "spool.db"
    arguments = ["edge", "--config", config, "--ledger", ledger, "--key-file", key, "--spool", spool]
    await children.keep_running("edge", "taktledger", [*map(str, arguments), "--end-with-parent"])


def _reachable(host: str) -> str:
    """Where the edge beside the server finds it."""
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)


def _check_port(host: str, port: int) -> None:
    """Says so before anything is opened, instead of somewhere inside the server."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error
        raise CannotStart(f"can't listen on {host}:{port}: {reason}") from None


async def _greet(settings: Settings) -> None:
    """Says where the server is, once it is there: others wait for this line."""
    while not await _is_listening(_reachable(settings.host).strip("[]"), settings.port):
        await asyncio.sleep(0.02)
    address = f"http://{_reachable(settings.host)}:{settings.port}"
    key = settings.data / "admin.key"
    where = key if key.exists() else "what TAKTLEDGER_ADMIN_KEY says"
    print(f"Taktledger {__version__}: {address}/docs (the administrator's key: {where})", flush=True)


async def _is_listening(host: str, port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    return True
