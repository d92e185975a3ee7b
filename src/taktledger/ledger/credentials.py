"""Credentials: the hashes of keys and passwords. Not events: the ledger says only that one was given or taken away.

An API key that we make is 256 random bits; only its SHA-256 is kept. (No salt or slow hash: nobody guesses 256 bits.)
A password is chosen by a person, so it is kept as an Argon2 hash. That takes 64 MiB and some 50 ms: use threads.
"""

import hashlib
import secrets
import sqlite3
from functools import cache
from pathlib import Path

from pwdlib import PasswordHash
from sqlite_utils import Database

from taktledger.domain.shop import Shop

_ARGON2 = PasswordHash.recommended()


def new_key() -> str:
    return secrets.token_urlsafe(32)


def hash_password(password: str) -> str:
    return _ARGON2.hash(password)


def is_password(password: str, hashed: str | None) -> bool:
    """Whether this is the password. None, for somebody who has none: no, and finding out takes as long."""
    nobodys = _nobodys_hash()
    return _ARGON2.verify(password, hashed or nobodys) and hashed is not None


@cache
def _nobodys_hash() -> str:
    return hash_password(new_key())


class Credentials:
    """Which key or password has which ID, in `DATA/credentials.db` (mode 0600). Whose it is, and whether it is still
    valid, the ledger says."""

    def __init__(self, path: Path) -> None:
        path.touch(mode=0o600)
        self._connection = sqlite3.connect(path)
        self._db = Database(self._connection)
        self._db.table("keys").create({"sha256": str, "key_id": int}, pk="sha256", strict=True, if_not_exists=True)
        self._db.table("passwords").create(
            {"password_id": str, "hash": str}, pk="password_id", strict=True, if_not_exists=True
        )
        self._db.table("secrets").create({"name": str, "value": bytes}, pk="name", strict=True, if_not_exists=True)
        self._key_ids = {row["sha256"]: row["key_id"] for row in self._db.table("keys").rows}
        self._undecided: set[str] = set()
        self.request_secret = self._secret("requests")
        """Makes a fingerprint of a request that holds a password worthless to everybody else."""

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

    def add_password(self, hashed: str) -> str:
        """Keeps a password and gives it an ID. It is nobody's, until an event with this ID is in the ledger.

        So the hash is written before the event, and a crash between the two leaves the password before in force: the
        client has no answer, and nothing has changed. After the event, a crash would leave a user without a password,
        or with the one before, while the ledger says that it was changed.
        """
        password_id = secrets.token_hex(16)
        with self._db.atomic():
            self._db.table("passwords").insert({"password_id": password_id, "hash": hashed})
        self._undecided.add(password_id)
        return password_id

    def decided(self, password_id: str) -> None:
        """The ledger has taken it, or refused it: `tidy` may go by what the ledger says of it."""
        self._undecided.discard(password_id)

    def password_hash(self, password_id: str | None) -> str | None:
        found = self._connection.execute("SELECT hash FROM passwords WHERE password_id = ?", (password_id,)).fetchone()
        return found[0] if found else None

    def tidy(self, shop: Shop) -> None:
        """Removes what the ledger doesn't call valid: what was revoked or deleted, and what a crash has left.

        At the start this is more than tidiness. A ledger that comes from an older backup gives IDs of keys again, and
        the keys that had them must not open anything.
        """
        keys = {key.id for key in shop.keys.values() if not key.revoked}
        passwords = {user.password_id for user in shop.users.values()} | self._undecided
        for key_id in set(self._key_ids.values()) - keys:
            self.remove(key_id)
        rows = self._connection.execute("SELECT password_id FROM passwords").fetchall()
        with self._db.atomic():
            for (password_id,) in rows:
                if password_id not in passwords:
                    self._db.table("passwords").delete(password_id)

    def _secret(self, name: str) -> bytes:
        found = self._connection.execute("SELECT value FROM secrets WHERE name = ?", (name,)).fetchone()
        if found:
            return bytes(found[0])
        value = secrets.token_bytes(32)
        with self._db.atomic():
            self._db.table("secrets").insert({"name": name, "value": value})
        return value


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
