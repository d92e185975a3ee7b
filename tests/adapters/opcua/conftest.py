"""A machine that lives as long as the tests, and adapters that talk to it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.opcua.machine import Machine, make_certificate
from takt_adapters.opcua import session
from takt_adapters.opcua.inbox import Inbox

Settled = Callable[[Any], Awaitable[None]]


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `server`, `other`, `edge` and `user`, each with its key."""
    folder = tmp_path_factory.mktemp("certificates")
    make_certificate(folder, "server", "urn:freeopcua:python:server")
    make_certificate(folder, "other", "urn:freeopcua:python:server")
    for name in ("edge", "user"):
        make_certificate(folder, name)
    return folder


@pytest.fixture(scope="session")
def the_machine(certificates: Path) -> Iterator[Machine]:
    machine = Machine(certificates / "server.der")
    yield machine
    machine.close()


@pytest.fixture
def machine(the_machine: Machine) -> Machine:
    """With its values as they are at first."""
    the_machine.reset()
    the_machine.users.passwords.clear()
    return the_machine


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> Settled:
    """Waits until an adapter has heard everything that the machine wrote until now, or that its connection is gone."""
    monkeypatch.setattr(session, "PUBLISHING_MS", 20.0)
    monkeypatch.setattr(session, "KEEPALIVE_COUNT", 3)
    heard, take = 0, Inbox.take

    def counted(inbox: Inbox, result: Any, now: float) -> None:
        nonlocal heard
        heard += 1
        take(inbox, result, now)

    async def wait(adapter: Any) -> None:
        wanted = heard + 2  # the first may have been on its way already
        async with asyncio.timeout(10):
            while adapter._session is not None and adapter._session._client.is_open and heard < wanted:
                await asyncio.sleep(0.005)

    monkeypatch.setattr(Inbox, "take", counted)
    return wait


@pytest.fixture
def table(machine: Machine) -> Callable[..., dict[str, Any]]:
    """`[machine.opcua]` with the counter and whatever else is wanted."""

    def make(values: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        counter = {"node": f"ns={machine.index};s=Counter"}
        return {"url": machine.url, "timeout_seconds": 1.0, "values": {"part_count": counter, **(values or {})}, **more}

    return make
