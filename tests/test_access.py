"""The keys of the first start: who gets in, whatever a crash has left behind."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from taktledger import access
from taktledger.access import ensure_keys
from taktledger.api.app import create_app
from taktledger.api.backend import Backend
from taktledger.domain.users import (
    CreateUser,
    DeleteUser,
    EditUser,
    IssueKey,
    KeyIssued,
    KeyRevoked,
    RevokeKey,
    UserFields,
    create_user,
    delete_user,
    edit_user,
    issue_key,
    revoke_key,
)
from taktledger.ledger.credentials import Credentials
from taktledger.ledger.writer import Answer, Decide, Request, Step
from taktledger.main import close_backend, open_backend


@contextmanager
def started(data: Path, admin_key: str | None = None) -> Iterator[Backend]:
    """What a start does before the server listens."""
    backend = open_backend(data, clock=lambda: 1_763_640_000.0)
    try:
        ensure_keys(backend.writer, backend.credentials, data, admin_key)
        yield backend
    finally:
        close_backend(backend)


def status(backend: Backend, key: str) -> int:
    async def ask() -> int:  # in this thread, whose databases they are
        transport = httpx.ASGITransport(create_app(backend))
        async with httpx.AsyncClient(transport=transport, base_url="http://ledger") as client:
            return (await client.get("/api/options/", headers={"Authorization": f"Bearer {key}"})).status_code

    return asyncio.run(ask())


def file(data: Path, name: str) -> str:
    return (data / name).read_text().strip()


def test_the_first_start_makes_two_keys(tmp_path: Path) -> None:
    with started(tmp_path) as backend:
        assert status(backend, file(tmp_path, "admin.key")) == 200
        assert status(backend, file(tmp_path, "edge.key")) == 403
    for name in ("admin.key", "edge.key", "credentials.db"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600, name


def test_the_next_start_makes_none(tmp_path: Path) -> None:
    with started(tmp_path) as backend:
        key, head = file(tmp_path, "admin.key"), backend.ledger.head
    with started(tmp_path) as backend:
        assert (file(tmp_path, "admin.key"), backend.ledger.head) == (key, head)
        assert status(backend, key) == 200


def test_a_given_key_replaces_the_one_before(tmp_path: Path) -> None:
    with started(tmp_path):
        random = file(tmp_path, "admin.key")
    for given in ("first", "second"):
        with started(tmp_path, given) as backend:
            assert status(backend, given) == 200
            assert status(backend, random) == 401
            assert not (tmp_path / "admin.key").exists()
    with started(tmp_path) as backend:
        assert [status(backend, key) for key in ("first", "second")] == [401, 200], "without a given one, the last"


def test_lost_credentials_make_new_keys(tmp_path: Path) -> None:
    with started(tmp_path):
        old = file(tmp_path, "admin.key"), file(tmp_path, "edge.key")
    (tmp_path / "credentials.db").unlink()
    with started(tmp_path) as backend:
        assert [status(backend, key) for key in old] == [401, 401]
        assert status(backend, file(tmp_path, "admin.key")) == 200


@pytest.mark.parametrize("step", ["_write_one", "_write", "add", "remove"])
@pytest.mark.parametrize("call", range(6))
def test_a_start_that_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, call: int) -> None:
    """At any step of giving the second key: afterwards the second is valid, and the first is not."""
    owner: Any = Credentials if step in ("add", "remove") else access
    original, calls = getattr(owner, step), iter(range(100))

    def killed(*arguments: Any) -> Any:
        if next(calls) == call:
            raise KeyboardInterrupt
        return original(*arguments)

    with started(tmp_path, "first"):
        pass
    with monkeypatch.context() as patch:
        patch.setattr(owner, step, killed)
        try:
            with started(tmp_path, "second"):
                pass
        except KeyboardInterrupt:
            pass
    with started(tmp_path, "second") as backend:
        assert (status(backend, "first"), status(backend, "second")) == (401, 200)
        assert status(backend, file(tmp_path, "edge.key")) == 403


def test_the_ledger_holds_names_and_no_keys(tmp_path: Path) -> None:
    with started(tmp_path, "a-secret-that-nobody-may-read") as backend:
        kinds = [type(event) for _, events in backend.ledger.scan() for event in events]
    assert kinds.count(KeyIssued) == 2
    assert KeyRevoked not in kinds
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert b"a-secret-that-nobody-may-read" not in path.read_bytes(), path


# What an administrator has done meanwhile


def do(backend: Backend, decide: Decide, command: object) -> None:
    (outcome,) = backend.writer.write([Request(steps=[Step(decide=decide, command=command)], actor="user-1")])
    assert isinstance(outcome, Answer), outcome


def edited(backend: Backend, user_id: int, **fields: Any) -> None:
    do(backend, edit_user, EditUser(user_id=user_id, fields=UserFields(**fields)))


def names(backend: Backend) -> list[str]:
    return [user.username for user in backend.writer.shop.users.values()]


@pytest.mark.parametrize(("user_id", "name"), [(1, "boss"), (1, "Admin"), (2, "line 1")])
def test_a_renamed_user_keeps_the_key(tmp_path: Path, user_id: int, name: str) -> None:
    with started(tmp_path) as backend:
        keys = {"admin": file(tmp_path, "admin.key"), "edge": file(tmp_path, "edge.key")}
        edited(backend, user_id, username=name)
        before = names(backend)
    with started(tmp_path) as backend:
        assert names(backend) == before, "nobody was made anew"
        assert (status(backend, keys["admin"]), status(backend, keys["edge"])) == (200, 403)


def test_another_administrator_is_enough(tmp_path: Path) -> None:
    with started(tmp_path) as backend:
        first = file(tmp_path, "admin.key")
        do(backend, create_user, CreateUser(username="boss", access_level="admin"))
        do(backend, issue_key, IssueKey(user_id=3, name="laptop"))
        backend.credentials.add("the boss's key", backend.writer.shop.last_ids["key"])
        do(backend, delete_user, DeleteUser(user_id=1))
    with started(tmp_path) as backend:
        assert names(backend) == ["edge", "boss"]
        assert (status(backend, first), status(backend, "the boss's key")) == (401, 200)


@pytest.mark.parametrize("given", [None, "a given key"])
@pytest.mark.parametrize("what", ["deleted", "deactivated", "demoted", "without a key"])
def test_whoever_owns_the_directory_gets_in(tmp_path: Path, what: str, given: str | None) -> None:
    with started(tmp_path, given) as backend:
        match what:
            case "deleted":
                do(backend, delete_user, DeleteUser(user_id=1))
            case "deactivated":
                edited(backend, 1, active=False, username="ADMIN")
            case "demoted":
                edited(backend, 1, access_level="audit")
            case _:
                do(backend, revoke_key, RevokeKey(key_id=1))
    with started(tmp_path, given) as backend:
        assert status(backend, given or file(tmp_path, "admin.key")) == 200


def test_a_deactivated_edge_stays_deactivated(tmp_path: Path) -> None:
    with started(tmp_path) as backend:
        edited(backend, 2, active=False)
    with started(tmp_path) as backend:
        assert status(backend, file(tmp_path, "edge.key")) == 401


def test_a_key_from_after_a_backup_of_the_ledger_opens_nothing(tmp_path: Path) -> None:
    with started(tmp_path) as backend:
        backend.credentials.add("a key of the lost days", 3)
    with started(tmp_path) as backend:
        do(backend, issue_key, IssueKey(user_id=1, name="another, with the same ID"))
        assert status(backend, "a key of the lost days") == 401
