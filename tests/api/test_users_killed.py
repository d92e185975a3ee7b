"""A server that is killed while it changes keys and passwords: the ledger and `credentials.db` must not contradict each
other afterwards. What the client was not answered has happened as a whole, or not at all."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

import httpx
import pytest

from taktledger.access import ensure_keys
from taktledger.api.app import create_app
from taktledger.ledger.credentials import Credentials
from taktledger.ledger.writer import Writer
from taktledger.main import close_backend, open_backend

ADMIN = "the administrator's key"
OLD, NEW = "the old password", "the new password"
Story = Callable[[httpx.AsyncClient], Awaitable[Any]]


class Killed(BaseException):
    """Nothing after it happens."""


def die(*_: Any, **__: Any) -> NoReturn:
    raise Killed


@asynccontextmanager
async def started(data: Path) -> AsyncIterator[httpx.AsyncClient]:
    backend = open_backend(data)
    ensure_keys(backend.writer, backend.credentials, data, ADMIN)
    writing = asyncio.create_task(backend.writer.run())
    try:
        transport = httpx.ASGITransport(create_app(backend))
        headers = {"Authorization": f"Bearer {ADMIN}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://ledger", headers=headers) as client:
            yield client
    finally:
        writing.cancel()
        close_backend(backend)


def live(data: Path, *stories: Story) -> None:
    """Each story in a server of its own, on the same directory. One that is killed ends there."""

    async def one(story: Story) -> None:
        async with started(data) as client:
            with suppress(Killed):
                await story(client)

    for story in stories:
        asyncio.run(one(story))


async def anna(client: httpx.AsyncClient) -> None:
    body = {"username": "anna", "access_level": "shop", "password": OLD}
    assert (await client.put("/api/users/", json=body)).status_code == 201


async def log_in(client: httpx.AsyncClient, password: str) -> int:
    answer = await client.put("/api/users/keys", json={"name": "phone"}, auth=httpx.BasicAuth("anna", password))
    return answer.status_code


@pytest.mark.parametrize(
    ("owner", "step", "valid"),
    [
        (Credentials, "add_password", OLD),
        (Writer, "execute", OLD),
        (Credentials, "decided", NEW),
        (Credentials, "tidy", NEW),
    ],
)
def test_a_password_is_changed_as_a_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: Any, step: str, valid: str
) -> None:
    async def change(client: httpx.AsyncClient) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(owner, step, die)
            await client.patch("/api/users/3", json={"password": NEW})
        raise AssertionError("it was not killed")

    async def afterwards(client: httpx.AsyncClient) -> None:
        for password in (OLD, NEW):
            assert await log_in(client, password) == (201 if password == valid else 401)

    live(tmp_path, anna, change, afterwards)
    assert hashes(tmp_path) == 1


def test_a_key_that_nobody_has_seen_can_be_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def issue(client: httpx.AsyncClient) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(Credentials, "add", die)
            await client.put("/api/users/keys", json={"name": "lost"})

    async def afterwards(client: httpx.AsyncClient) -> None:
        keys = (await client.get("/api/users/keys")).json()
        (lost,) = [each["id"] for each in keys.values() if each["name"] == "lost"]
        assert (await client.delete(f"/api/users/keys/{lost}")).status_code == 204

    live(tmp_path, issue, afterwards)


@pytest.mark.parametrize("step", ["remove", "tidy"])
def test_a_deleted_user_does_not_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    key = ""

    async def delete(client: httpx.AsyncClient) -> None:
        nonlocal key
        key = (await client.put("/api/users/keys", json={"name": "phone", "user_id": 3})).json()["key"]
        with monkeypatch.context() as patch:
            patch.setattr(Credentials, step, die)
            await client.delete("/api/users/3")

    async def afterwards(client: httpx.AsyncClient) -> None:
        headers = {"Authorization": f"Bearer {key}"}
        assert (await client.get("/api/users/me", headers=headers)).status_code == 401
        assert await log_in(client, OLD) == 401

    live(tmp_path, anna, delete, afterwards)
    assert hashes(tmp_path) == 0


def hashes(data: Path) -> int:
    credentials = Credentials(data / "credentials.db")
    found: int = credentials._connection.execute("SELECT count(*) FROM passwords").fetchone()[0]
    credentials.close()
    return found
