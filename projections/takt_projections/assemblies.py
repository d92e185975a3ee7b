"""Tool assemblies: one row each."""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from sqlite_utils import Database

from takt_projections.model import AMONG, Loaded, ObjectModel, among
from taktledger.domain.shop import Assembly


class Assemblies(ObjectModel):
    name = "assemblies"
    version = 2
    columns = {
        "id": int,
        "revision": int,
        "name": str,
        "notes": str,
        "location": int,
        "shared": int,
        "process_id": int,
        "image_type": str,
        "image_sha256": str,
    }
    required = ("name",)

    def row(self, each: Assembly) -> Sequence[Any]:
        shown = (each.image.type, each.image.sha256) if each.image else (None, None)
        return [*(getattr(each, name) for name in list(self.columns)[:-2]), *shown]

    def index(self, db: Database) -> None:
        db.table(self.name).create_index(["process_id"])


# Queries


class AssemblyDocument(Struct, kw_only=True):
    """A tool assembly, as `GET /api/tools/assemblies/{id}` answers it."""

    id: int
    name: str
    notes: str
    location: int | None
    """Usually the pot number in the machine."""
    shared: bool
    process_id: int | None
    image_type: str | None


def ids(db: sqlite3.Connection, *, process: int | None = None, shared: bool = False) -> list[int]:
    """Of all assemblies or of those of a process, on request with the shared ones of its machine."""
    if process is None:
        rows = db.execute("SELECT id FROM assemblies ORDER BY id")
    elif not shared:
        rows = db.execute("SELECT id FROM assemblies WHERE process_id = ? ORDER BY id", (process,))
    else:
        rows = db.execute(
            "SELECT id FROM assemblies WHERE process_id = :process OR (shared AND process_id IN (SELECT id FROM "
            "processes WHERE machine_id = (SELECT machine_id FROM processes WHERE id = :process))) ORDER BY id",
            {"process": process},
        )
    return [row[0] for row in rows]


def load(db: sqlite3.Connection, ids: Sequence[int]) -> Iterator[Loaded]:
    for row in db.execute(f"SELECT * FROM assemblies WHERE id {AMONG}", among(ids)):
        yield Loaded(row["id"], row["revision"], msgspec.convert(dict(row), AssemblyDocument, strict=False))
