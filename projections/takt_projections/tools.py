"""Tools: one row each, and what they count."""

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from datetime import date
from typing import Any

import msgspec
from msgspec import Struct
from sqlite_utils import Database

from takt_projections.model import AMONG, Loaded, ObjectModel, among, column_value
from takt_projections.options import zone as local_zone
from takt_projections.spans import LIVE
from takt_projections.tool_counts import OWN, counts, days_between, last_parts
from taktledger.domain.shop import Life, Tool
from taktledger.domain.tools.life import Use, is_past_warning


class Tools(ObjectModel):
    name = "tools"
    version = 2
    columns = {
        "id": int,
        "revision": int,
        "name": str,
        "notes": str,
        "tags": str,
        "created": float,
        "assembly_id": int,
        "inventory_item_id": int,
        "pinned": int,
        "is_critical": int,
        "calibration_date": str,
        "calibration_interval": int,
        "calibration_notify": int,
        "in_service_date": str,
        "out_service_date": str,
        "purchase_date": str,
        "maintenance_status": int,
        "monitoring_dest": int,
        "offset_number": int,
        "order_qty": int,
        "reorder_point": int,
        "replace_duration": float,
        "replaced_checklist": str,
        "replaced_message": str,
        "replacement_rules_snoozed_until": float,
        "slots": int,
        "stick_out": float,
        "stick_out_ref": str,
        "torque_spec": float,
        "torque_spec_units": str,
        "used_corners": int,
        "usage_mode": int,
        "day_count_type": str,
        "day_life": int,
        "day_warning": int,
        "max_runtime": float,
        "part_life": int,
        "warn_life": int,
        "warn_runtime": float,
        "warning_sent": int,
        "day_warning_sent": int,
        "last_replaced": float,
        "last_point_id": int,
        "image_type": str,
        "image_sha256": str,
    }
    required = ("name",)

    def row(self, each: Tool) -> Sequence[Any]:
        lives = (each.life, *each.process_lives.values())
        other: dict[str, Any] = {
            "warning_sent": any("warning" in life.sent for life in lives),
            "day_warning_sent": any("day_warning" in life.sent for life in lives),
            "last_replaced": each.last_replacement.at if each.last_replacement else None,
            "image_type": each.image.type if each.image else None,
            "image_sha256": each.image.sha256 if each.image else None,
        }
        return [column_value(_value(each, name, other)) for name in self.columns]

    def index(self, db: Database) -> None:
        for column in ("assembly_id", "inventory_item_id"):
            db.table(self.name).create_index([column])


def _value(tool: Tool, name: str, other: dict[str, Any]) -> Any:
    if name in other:
        return other[name]
    return getattr(tool.life if name in Life.__struct_fields__ else tool, name)


# Queries


class ToolDocument(Struct, kw_only=True):
    """A tool, as `GET /api/tools/{id}` answers it. Its life and counters are its own: of all processes
    together."""

    id: int
    name: str
    notes: str
    tags: list[str]
    created: float
    """UNIX seconds."""
    assembly_id: int | None
    inventory_item_id: int | None
    """The item to order to supply this tool."""
    pinned: bool
    is_critical: bool
    """Whether the machine should be kept from running when it is used beyond its life."""
    calibration_date: date | None
    """`YYYY-MM-DD`."""
    calibration_interval: int | None
    """Days; null: never."""
    calibration_notify: int | None
    in_service_date: date | None
    out_service_date: date | None
    purchase_date: date | None
    maintenance_status: int
    """1 not set, 2 needs rebuild, 3 not ready for use, 4 out for rebuild, 5 received from rebuild, 6 ready for use,
    7 in service."""
    monitoring_dest: int | None
    offset_number: int | None
    order_qty: int | None
    reorder_point: int | None
    replace_duration: float
    """Minutes."""
    replaced_checklist: list[str] | None
    """Null: that of the options."""
    replaced_message: str
    replacement_rules_snoozed_until: float | None
    """UNIX seconds."""
    slots: int
    """Inventory items that it uses at one time."""
    stick_out: float | None
    stick_out_ref: str
    torque_spec: float | None
    torque_spec_units: str
    used_corners: int
    usage_mode: int
    """0 parts, 1 run time, 2 days."""
    day_count: int
    day_count_type: str
    day_life: int
    day_warning: int
    max_runtime: float
    """Seconds."""
    part_count: int
    """Since the last replacement."""
    part_life: int
    parts_remaining: int | None
    """Null: no limit."""
    runtime: float
    """Seconds."""
    warn_life: int
    warn_runtime: float
    """Seconds."""
    warning_sent: bool
    day_warning_sent: bool
    last_part_id: int | None
    last_replaced: float | None
    """UNIX seconds; null: never."""
    image_type: str | None


def is_warned(tool: ToolDocument) -> bool:
    """Whether it is at or past its warning, as its usage mode counts."""
    life = Life(**{name: getattr(tool, name) for name in Life.__struct_fields__ if name != "sent"})
    return is_past_warning(tool.usage_mode, life, Use(tool.part_count, tool.runtime, tool.day_count))


def ids(
    db: sqlite3.Connection,
    *,
    assembly: int | None = None,
    process: int | None = None,
    machine: int | None = None,
    inventory_item: int | None = None,
    unassigned: bool = False,
    active: bool = False,
    durable: bool | None = None,
    usage_modes: Sequence[int] = (),
    among_these: Sequence[int] | None = None,
) -> list[int]:
    """Of the tools that all of this is true of. `active`: of the process that is loaded on any machine."""
    loaded = "assemblies.process_id IN (SELECT loaded_process_id FROM machines"
    conditions: list[tuple[bool, str, Sequence[Any]]] = [
        (assembly is not None, "assembly_id = ?", [assembly]),
        (process is not None, "assemblies.process_id = ?", [process]),
        (machine is not None, f"{loaded} WHERE id = ?)", [machine]),
        (inventory_item is not None, "inventory_item_id = ?", [inventory_item]),
        (unassigned, "assemblies.process_id IS NULL", []),
        (active, f"{loaded})", []),
        (durable is not None, "coalesce(inventory_items.durable, 0) = ?", [durable]),
        (bool(usage_modes), f"usage_mode {AMONG}", among(usage_modes)),
        (among_these is not None, f"tools.id {AMONG}", among(among_these or ())),
    ]
    given = [(condition, values) for wanted, condition, values in conditions if wanted]
    where = " AND ".join(condition for condition, _ in given) or "1"
    rows = db.execute(
        "SELECT tools.id FROM tools LEFT JOIN assemblies ON assemblies.id = tools.assembly_id "
        f"LEFT JOIN inventory_items ON inventory_items.id = inventory_item_id WHERE {where} ORDER BY tools.id",
        [value for _, values in given for value in values],
    )
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


def worn(db: sqlite3.Connection, process_ids: Collection[int]) -> list[int]:
    """The tools that count more when these processes make parts. Process 0: any may."""
    if 0 in process_ids:
        return ids(db)
    rows = db.execute(
        f"SELECT tools.id FROM tools JOIN assemblies ON assemblies.id = tools.assembly_id WHERE process_id {AMONG}",
        among(list(process_ids)),
    )
    return [row[0] for row in rows]


def load(db: sqlite3.Connection, ids: Sequence[int], now: float) -> Iterator[Loaded]:
    """`now`: days are counted up to it. UNIX seconds."""
    zone = local_zone(db)
    sums, last = counts(db, ids), last_parts(db, ids)
    for row in db.execute(f"SELECT * FROM tools WHERE id {AMONG}", among(ids)):
        made, milliseconds = sums[row["id"]][OWN]
        since = row["created"] if row["last_replaced"] is None else row["last_replaced"]
        values = dict(row) | {
            "tags": msgspec.json.decode(row["tags"]),
            "replaced_checklist": msgspec.json.decode(row["replaced_checklist"] or "null"),
            "part_count": made,
            "parts_remaining": row["part_life"] - made if row["part_life"] else None,
            "runtime": milliseconds / 1000,
            "day_count": days_between(db, row["id"], LIVE, row["day_count_type"], (since, now), zone),
            "last_part_id": last.get(row["id"]),
        }
        yield Loaded(row["id"], row["revision"], msgspec.convert(values, ToolDocument, strict=False))
