"""The keys of the first start: who gets in, whatever a crash has left behind."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from taktledger import access
from taktledger.access import ensure_keys
from taktledger.api.app import create_app
from taktledger.api.backend import Backend
from taktledger.domain.users import KeyIssued, KeyRevoked
from taktledger.ledger.credentials import Credentials
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
    with TestClient(create_app(backend), raise_server_exceptions=False) as client:
        return client.get("/api/options/", headers={"Authorization": f"Bearer {key}"}).status_code


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
