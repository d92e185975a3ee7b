"""Tools: one row each."""

import sqlite3
from collections.abc import Iterator, Sequence

import msgspec
from msgspec import Struct
from sqlite_utils import Database

from takt_projections.model import AMONG, Loaded, ObjectModel, among


class Tools(ObjectModel):
    name = "tools"
    version = 1
    columns = {
        "id": int,
        "revision": int,
        "name": str,
        "notes": str,
        "tags": str,
        "created": float,
        "assembly_id": int,
    }
    required = ("name",)

    def index(self, db: Database) -> None:
        db.table(self.name).create_index(["assembly_id"])


# Queries


class ToolDocument(Struct, kw_only=True):
    """A tool, as `GET /api/tools/{id}` answers it."""

    id: int
    name: str
    notes: str
    tags: list[str]
    created: float
    """UNIX seconds."""
    assembly_id: int | None


def ids(db: sqlite3.Connection, *, assembly: int | None = None, process: int | None = None) -> list[int]:
    """Of all tools, or of those in an assembly, or in the assemblies of a process."""
    if assembly is not None:
        rows = db.execute("SELECT id FROM tools WHERE assembly_id = ? ORDER BY id", (assembly,))
    elif process is not None:
        rows = db.execute(
            "SELECT tools.id FROM tools JOIN assemblies ON assemblies.id = tools.assembly_id "
            "WHERE assemblies.process_id = ? ORDER BY tools.id",
            (process,),
        )
    else:
        rows = db.execute("SELECT id FROM tools ORDER BY id")
    return [row[0] for row in rows]


def by_process(db: sqlite3.Connection) -> dict[int, list[int]]:
    """Process ID -> IDs of the tools in its assemblies."""
    found: dict[int, list[int]] = {}
    rows = db.execute(
        "SELECT process_id, tools.id FROM tools JOIN assemblies ON assemblies.id = tools.assembly_id "
        "WHERE process_id IS NOT NULL ORDER BY tools.id"
    )
    for process_id, tool_id in rows:
        found.setdefault(process_id, []).append(tool_id)
    return found


def load(db: sqlite3.Connection, ids: Sequence[int]) -> Iterator[Loaded]:
    for row in db.execute(f"SELECT * FROM tools WHERE id {AMONG}", among(ids)):
        values = dict(row) | {"tags": msgspec.json.decode(row["tags"])}
        yield Loaded(row["id"], row["revision"], msgspec.convert(values, ToolDocument, strict=False))
