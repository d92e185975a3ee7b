"""Credentials: the hashes of the keys. Not events: the ledger says only that a key was issued or revoked.

An API key that we make is 256 random bits; only its SHA-256 is kept. (No salt or slow hash: nobody guesses 256 bits.)
"""

import hashlib
import secrets
import sqlite3
from pathlib import Path

from sqlite_utils import Database


def new_key() -> str:
    return secrets.token_urlsafe(32)


class Credentials:
    """Which key has which ID, in `DATA/credentials.db` (mode 0600). Whose it is, and whether it is still valid, the
    ledger says."""

    def __init__(self, path: Path) -> None:
        path.touch(mode=0o600)
        self._connection = sqlite3.connect(path)
        self._db = Database(self._connection)
        self._db.table("keys").create({"sha256": str, "key_id": int}, pk="sha256", strict=True, if_not_exists=True)
        self._key_ids = {row["sha256"]: row["key_id"] for row in self._db.table("keys").rows}

    def close(self) -> None:
        self._connection.close()

    def add(self, key: str, key_id: int) -> None:
        digest = _digest(key)
        with self._db.atomic():
            self._db.table("keys").insert({"sha256": digest, "key_id": key_id}, replace=True)
        self._key_ids[digest] = key_id

    def remove(self, key_id: int) -> None:
        with self._db.atomic():
            self._db.table("keys").delete_where("key_id = ?", [key_id])
        self._key_ids = {digest: each for digest, each in self._key_ids.items() if each != key_id}

    def key_id(self, key: str) -> int | None:
        """The ID of this key; None if nobody has it."""
        return self._key_ids.get(_digest(key))

    def knows(self, key_id: int) -> bool:
        return key_id in self._key_ids.values()


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
