"""Credentials: which key is whose. Not events: the ledger says only that a key was issued or revoked.

An API key is 256 random bits; only its SHA-256 is kept. (No salt or slow hash: nobody guesses 256 bits.)
"""

import hashlib
import secrets
import sqlite3
from pathlib import Path

from msgspec import Struct
from sqlite_utils import Database


class Caller(Struct, frozen=True):
    """Who makes a request."""

    user_id: int
    key_id: int
    level: str

    @property
    def actor(self) -> str:
        return f"user-{self.user_id}"


def new_key() -> str:
    return secrets.token_urlsafe(32)


class Credentials:
    """The hashes of all valid keys, in `DATA/credentials.db` (mode 0600)."""

    def __init__(self, path: Path) -> None:
        path.touch(mode=0o600)
        self._connection = sqlite3.connect(path)
        self._db = Database(self._connection)
        columns = {"sha256": str, "key_id": int, "user_id": int, "level": str}
        self._db.table("keys").create(columns, pk="sha256", strict=True, if_not_exists=True)
        self._callers = {
            row["sha256"]: Caller(user_id=row["user_id"], key_id=row["key_id"], level=row["level"])
            for row in self._db.table("keys").rows
        }

    def close(self) -> None:
        self._connection.close()

    def add(self, key: str, caller: Caller) -> None:
        digest = _digest(key)
        row = {"sha256": digest, "key_id": caller.key_id, "user_id": caller.user_id, "level": caller.level}
        with self._db.atomic():
            self._db.table("keys").insert(row, replace=True)
        self._callers[digest] = caller

    def remove(self, key_id: int) -> None:
        with self._db.atomic():
            self._db.table("keys").delete_where("key_id = ?", [key_id])
        self._callers = {digest: caller for digest, caller in self._callers.items() if caller.key_id != key_id}

    def knows(self, key_id: int) -> bool:
        return any(caller.key_id == key_id for caller in self._callers.values())

    def caller(self, key: str) -> Caller | None:
        """Whose key this is; None if nobody's."""
        return self._callers.get(_digest(key))


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
