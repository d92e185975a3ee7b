"""Replacements of tools: one row each. What a record counts is summed when it is read."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, Struct
from sqlite_utils import Database

from takt_projections.model import AMONG, Handler, Loaded, ReadModel, among
from takt_projections.options import zone as local_zone
from takt_projections.tool_counts import days_between, on_record
from taktledger.domain.event import Event
from taktledger.domain.shop import Image, Shop
from taktledger.domain.tools.replacement import (
    ReplacementRecord,
    ToolBefore,
    ToolReplaced,
    ToolReplacementEdited,
    ToolReplacementImageChanged,
    ToolReplacementUndone,
)

COLUMNS = {
    "id": int,
    "revision": int,
    "position": int,
    "tool_id": int,
    "timestamp": float,
    "user_id": int,
    "reason": int,
    "condition": int,
    "notes": str,
    "indexed": int,
    "inventory_item_id": int,
    "inventory_point_id": int,
    "quantity": int,
    "life_record_id": int,
    "day_count_type": str,
    "since": float,
    "assembly_id": int,
    "process_id": int,
    "substitute_id": int,
    "before": str,
    "image_type": str,
    "image_sha256": str,
}
INSERT = f"INSERT INTO tool_replacements VALUES ({', '.join('?' * len(COLUMNS))})"
EDIT = (
    "UPDATE tool_replacements SET revision = revision + 1, notes = coalesce(?, notes), reason = coalesce(?, reason), "
    "condition = coalesce(?, condition) WHERE id = ?"
)
SHOW = "UPDATE tool_replacements SET revision = revision + 1, image_type = ?, image_sha256 = ? WHERE id = ?"


class Replacements(ReadModel):
    name = "replacements"
    version = 1

    def __init__(self) -> None:
        self._changes: list[tuple[str, tuple[Any, ...]]] = []
        """Statements and their parameters, in order."""

    def create(self, db: Database) -> None:
        db.table("tool_replacements").create(COLUMNS, pk="id", not_null={"tool_id", "timestamp"}, strict=True)
        db.table("tool_replacements").create_index(["tool_id", "timestamp"])

    def index(self, db: Database) -> None:
        db.table("tool_replacements").create_index(["assembly_id", "timestamp"])

    def handlers(self) -> Mapping[type[Event], Handler]:
        return {
            ToolReplaced: self._tool_replaced,
            ToolReplacementUndone: self._replacement_undone,
            ToolReplacementEdited: self._replacement_edited,
            ToolReplacementImageChanged: self._image_changed,
        }

    def _tool_replaced(self, event: ToolReplaced, shop: Shop, position: int) -> None:
        last = event.before.last_replacement
        row = (
            event.replacement_id,
            1,
            position,
            event.tool_id,
            event.occurred_at,
            event.user_id,
            event.reason,
            event.condition,
            event.notes,
            event.indexed,
            event.inventory_item_id,
            event.inventory_point_id,
            event.quantity,
            event.life_record_id,
            event.day_count_type,
            last.at if last else shop.tools[event.tool_id].created,
            event.assembly_id,
            event.process_id,
            event.substitute_id,
            msgspec.json.encode(event.before).decode(),
            None,
            None,
        )
        self._changes.append((INSERT, row))

    def _replacement_undone(self, event: ToolReplacementUndone, shop: Shop, position: int) -> None:
        self._changes.append(("DELETE FROM tool_replacements WHERE id = ?", (event.replacement_id,)))

    def _replacement_edited(self, event: ToolReplacementEdited, shop: Shop, position: int) -> None:
        said = (event.fields.notes, event.fields.reason, event.fields.condition)
        values = [None if each is UNSET else each for each in said]
        self._changes.append((EDIT, (*values, event.replacement_id)))

    def _image_changed(self, event: ToolReplacementImageChanged, shop: Shop, position: int) -> None:
        shown = (event.image.type, event.image.sha256) if event.image else (None, None)
        self._changes.append((SHOW, (*shown, event.replacement_id)))

    def write(self, connection: sqlite3.Connection, shop: Shop) -> None:
        for statement, values in self._changes:
            connection.execute(statement, values)
        self.forget()

    def forget(self) -> None:
        self._changes.clear()


# Queries


class ToolReplacement(Struct, kw_only=True):
    """A replacement, as the API answers it. References to what was deleted are null."""

    id: int
    tool_id: int | None
    timestamp: float
    """UNIX seconds."""
    user_id: int | None
    reason: int
    """0 not specified, 1 worn, 2 damaged, 3 part quality, 4 setup or changeover, 5 preventive, 6 other."""
    condition: int
    """The sum of: 1 snapped, 2 corner fracture, 4 side fracture, 8 large fracture, 16 normal wear, 32 could have run
    longer."""
    notes: str
    indexed: bool
    part_count: int
    """Parts since the replacement before it. What is reported late still counts where it happened."""
    runtime: float
    """Seconds."""
    day_count: int
    assembly_id: int | None
    process_id: int | None
    inventory_item_id: int | None
    inventory_point_id: int | None
    life_record_id: int | None
    image_type: str | None


SELECT = (
    "SELECT r.id, r.revision, tools.id AS tool_id, timestamp, users.id AS user_id, reason, condition, r.notes, "
    "indexed, r.tool_id AS counted, r.day_count_type, since, "
    "assemblies.id AS assembly_id, processes.id AS process_id, inventory_items.id AS inventory_item_id, "
    "inventory_points.id AS inventory_point_id, life_record_id, r.image_type FROM tool_replacements AS r "
    "LEFT JOIN tools ON tools.id = r.tool_id LEFT JOIN users ON users.id = user_id "
    "LEFT JOIN assemblies ON assemblies.id = r.assembly_id LEFT JOIN processes ON processes.id = r.process_id "
    "LEFT JOIN inventory_items ON inventory_items.id = r.inventory_item_id "
    f"LEFT JOIN inventory_points ON inventory_points.id = r.inventory_point_id WHERE r.id {AMONG} "
    "ORDER BY timestamp DESC, r.id DESC"
)


def ids(
    db: sqlite3.Connection,
    *,
    tool: int | None = None,
    assembly: int | None = None,
    limit: int | None = None,
    offset: int = 0,
) -> list[int]:
    """Of a tool, or of the tools in an assembly while they were in it. The latest first."""
    column, value = ("tool_id", tool) if tool is not None else ("assembly_id", assembly)
    rows = db.execute(
        f"SELECT id FROM tool_replacements WHERE {column} = ? ORDER BY timestamp DESC, id DESC LIMIT ? OFFSET ?",
        (value, -1 if limit is None else limit, offset),
    )
    return [row[0] for row in rows]


def load(db: sqlite3.Connection, ids: Sequence[int]) -> Iterator[Loaded]:
    """The latest first."""
    zone = local_zone(db)
    for row in db.execute(SELECT, among(ids)).fetchall():
        between = row["since"], row["timestamp"]
        parts, milliseconds = on_record(db, row["counted"], row["id"])
        values = dict(row) | {
            "part_count": parts,
            "runtime": milliseconds / 1000,
            "day_count": days_between(db, row["counted"], row["id"], row["day_count_type"], between, zone),
        }
        yield Loaded(row["id"], row["revision"], msgspec.convert(values, ToolReplacement, strict=False))


def record(connection: sqlite3.Connection, replacement_id: int) -> ReplacementRecord | None:
    """For a decision about it."""
    names = [name for name in ReplacementRecord.__struct_fields__ if name not in ("image", "before")]
    row = connection.execute(
        f"SELECT image_type, image_sha256, before, {', '.join(names)} FROM tool_replacements WHERE id = ?",
        (replacement_id,),
    ).fetchone()
    if row is None:
        return None
    image_type, sha256, before, *values = row
    return ReplacementRecord(
        image=Image(sha256, image_type) if sha256 else None,
        before=msgspec.json.decode(before, type=ToolBefore),
        **dict(zip(names, values, strict=True)),
    )
