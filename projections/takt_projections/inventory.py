"""The inventory: items and points, one row each, and every move of stock."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from sqlite_utils import Database

from takt_projections.model import AMONG, Handler, Loaded, ObjectModel, ReadModel, among
from taktledger.domain.event import Event
from taktledger.domain.inventory.stock import StockMoved
from taktledger.domain.shop import Shop


class InventoryItems(ObjectModel):
    name = "inventory_items"
    version = 1
    columns = {
        "id": int,
        "revision": int,
        "name": str,
        "brand": str,
        "part_number": str,
        "type": str,
        "notes": str,
        "coating": str,
        "corners": int,
        "cut_length": float,
        "overall_length": float,
        "flutes": int,
        "durable": int,
        "lead_time": float,
        "min_on_hand_qty": int,
        "pack_qty": int,
        "price": float,
        "qty_on_order": int,
        "safety_stock": int,
        "suppliers": str,
    }
    required = ("name",)


class InventoryPoints(ObjectModel):
    name = "inventory_points"
    version = 1
    columns = {"id": int, "revision": int, "name": str, "items": str}
    required = ("name", "items")


class StockMovements(ReadModel):
    """A row for each item that a move changed: where stock came from and where it went, for whoever asks the tables."""

    name = "stock_movements"
    version = 1
    columns = {
        "position": int,
        "at": float,
        "point_id": int,
        "item_id": int,
        "change": int,
        "why": str,
        "replacement_id": int,
        "actor": str,
    }

    def __init__(self) -> None:
        self._moved: list[tuple[Any, ...]] = []

    def create(self, db: Database) -> None:
        db.table(self.name).create(self.columns, pk=("position", "item_id"), strict=True)

    def handlers(self) -> Mapping[type[Event], Handler]:
        return {StockMoved: self._stock_moved}

    def _stock_moved(self, event: StockMoved, shop: Shop, position: int) -> None:
        self._moved.extend(
            (
                position,
                event.occurred_at,
                event.point_id,
                item_id,
                change,
                event.why,
                event.replacement_id,
                event.actor,
            )
            for item_id, change in event.changes.items()
        )

    def write(self, connection: sqlite3.Connection, shop: Shop) -> None:
        values = ", ".join("?" * len(self.columns))
        connection.executemany(f"INSERT INTO {self.name} VALUES ({values})", self._moved)
        self.forget()

    def forget(self) -> None:
        self._moved.clear()


# Queries


class InventoryItemDocument(Struct, kw_only=True):
    """An inventory item, as `GET /api/inventory/items/{id}` answers it."""

    id: int
    name: str
    brand: str
    part_number: str
    type: str
    notes: str
    coating: str
    corners: int
    """Cutting edges."""
    cut_length: float | None
    overall_length: float | None
    flutes: int | None
    durable: bool
    lead_time: float | None
    """Days."""
    min_on_hand_qty: int
    pack_qty: int
    price: float
    qty_on_order: int
    safety_stock: int
    suppliers: list[str]


class InventoryPointDocument(Struct, kw_only=True):
    """An inventory point, as `GET /api/inventory/{id}` answers it."""

    id: int
    name: str
    items: dict[int, int]
    """Item ID -> quantity on hand."""


class ItemName(Struct, frozen=True):
    """What lists name an item by."""

    id: int
    name: str
    part_number: str


def item_ids(db: sqlite3.Connection) -> list[int]:
    return [row[0] for row in db.execute("SELECT id FROM inventory_items ORDER BY id")]


def load_items(db: sqlite3.Connection, ids: Sequence[int]) -> Iterator[Loaded]:
    for row in db.execute(f"SELECT * FROM inventory_items WHERE id {AMONG}", among(ids)):
        values = dict(row) | {"suppliers": msgspec.json.decode(row["suppliers"])}
        yield Loaded(row["id"], row["revision"], msgspec.convert(values, InventoryItemDocument, strict=False))


def item_names(db: sqlite3.Connection) -> list[ItemName]:
    return [ItemName(*row) for row in db.execute("SELECT id, name, part_number FROM inventory_items ORDER BY id")]


def point_ids(db: sqlite3.Connection) -> list[int]:
    return [row[0] for row in db.execute("SELECT id FROM inventory_points ORDER BY id")]


def load_points(db: sqlite3.Connection, ids: Sequence[int]) -> Iterator[Loaded]:
    for row in db.execute(f"SELECT * FROM inventory_points WHERE id {AMONG}", among(ids)):
        items = msgspec.json.decode(row["items"], type=dict[int, int])
        document = InventoryPointDocument(id=row["id"], name=row["name"], items=items)
        yield Loaded(row["id"], row["revision"], document)


def default_point(db: sqlite3.Connection, tool_id: int) -> int | None:
    """Where to take a tool's item from: the point that it last came from if that has one, else that with the most."""
    row = db.execute(
        "SELECT inventory_points.id FROM tools, inventory_points, json_each(inventory_points.items) AS held "
        "WHERE tools.id = ? AND held.key = CAST(tools.inventory_item_id AS TEXT) AND held.value > 0 "
        "ORDER BY inventory_points.id = tools.last_point_id DESC, held.value DESC, inventory_points.id LIMIT 1",
        (tool_id,),
    ).fetchone()
    return row[0] if row else None
