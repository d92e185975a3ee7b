"""Tool requirements of processes: one row each."""

import sqlite3
from collections.abc import Iterator, Sequence

import msgspec

from takt_projections.model import AMONG, Loaded, ObjectModel, among
from taktledger.domain.shop import ToolRequirement


class ToolRequirements(ObjectModel):
    name = "tool_requirements"
    version = 1
    columns = {
        "id": int,
        "process_id": int,
        "location": int,
        "name": str,
        "notes": str,
        "inventory_item_id": int,
        "stick_out": float,
    }
    required = ("process_id", "location")


# Queries


def ids(db: sqlite3.Connection, process: int) -> list[int]:
    rows = db.execute("SELECT id FROM tool_requirements WHERE process_id = ? ORDER BY id", (process,))
    return [row[0] for row in rows]


def load(db: sqlite3.Connection, ids: Sequence[int]) -> Iterator[Loaded]:
    for row in db.execute(f"SELECT * FROM tool_requirements WHERE id {AMONG}", among(ids)):
        yield Loaded(row["id"], 1, msgspec.convert(dict(row), ToolRequirement, strict=False))
