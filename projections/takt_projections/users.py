"""Users and their keys: one row each, without any secret (`api/users.py` serves them)."""

import sqlite3
from collections.abc import Iterator, Sequence

import msgspec
from msgspec import Struct

from takt_projections.model import AMONG, Loaded, ObjectModel, among


class Users(ObjectModel):
    name = "users"
    version = 1
    columns = {
        "id": int,
        "revision": int,
        "username": str,
        "access_level": str,
        "active": int,
        "favorite_tools": str,
        "favorite_machines": str,
    }
    required = ("username", "access_level")


class Keys(ObjectModel):
    name = "keys"
    version = 1
    columns = {"id": int, "user_id": int, "name": str, "revoked": int}
    required = ("name",)


# Queries


class UserDocument(Struct, kw_only=True):
    """A user, as `GET /api/users/{id}` answers it."""

    id: int
    username: str
    access_level: str
    active: bool
    favorite_tools: list[int]
    favorite_machines: list[int]


class KeyDocument(Struct, kw_only=True):
    """A key, as `GET /api/users/keys` answers it: whose it is, and never the key itself."""

    id: int
    name: str
    user_id: int


def load(db: sqlite3.Connection, ids: Sequence[int]) -> Iterator[Loaded]:
    for row in db.execute(f"SELECT * FROM users WHERE id {AMONG}", among(ids)):
        values = dict(row)
        for name in ("favorite_tools", "favorite_machines"):
            values[name] = msgspec.json.decode(values[name])
        yield Loaded(row["id"], row["revision"], msgspec.convert(values, UserDocument, strict=False))


def ids(db: sqlite3.Connection) -> list[int]:
    return [row[0] for row in db.execute("SELECT id FROM users ORDER BY id")]


def get_key(db: sqlite3.Connection, key_id: int) -> KeyDocument | None:
    """A valid key."""
    row = db.execute("SELECT id, name, user_id FROM keys WHERE id = ? AND NOT revoked", (key_id,)).fetchone()
    return msgspec.convert(dict(row), KeyDocument) if row else None


def find_keys(db: sqlite3.Connection, user_id: int | None = None) -> list[KeyDocument]:
    """The valid keys, of one user or of all."""
    rows = db.execute(
        "SELECT id, name, user_id FROM keys WHERE NOT revoked AND (?1 IS NULL OR user_id = ?1) ORDER BY id", (user_id,)
    )
    return [msgspec.convert(dict(row), KeyDocument) for row in rows]


def favorite_tools(db: sqlite3.Connection, user_id: int) -> list[int]:
    row = db.execute("SELECT favorite_tools FROM users WHERE id = ?", (user_id,)).fetchone()
    return msgspec.json.decode(row[0], type=list[int]) if row else []
