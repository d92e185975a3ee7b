"""Stock: how many of an item are where.

A quantity changes by `StockMoved` and nothing else, so whatever came and went can be told.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from taktledger.domain.errors import Invalid
from taktledger.domain.event import Event
from taktledger.domain.shop import InventoryPoint, Shop
from taktledger.domain.values import Id

MOST = 1_000_000_000
"""A person may say that there are so many of an item, and no more."""
Quantity = Annotated[int, Meta(ge=0, le=MOST)]
Quantities = dict[Id, Quantity]
"""Item ID -> how many."""

# Events


class InventoryPointEvent(Event, frozen=True, kw_only=True):
    point_id: int

    @property
    def stream(self) -> str:
        return f"inventory-point-{self.point_id}"


class StockMoved(InventoryPointEvent, frozen=True, kw_only=True):
    """Items came to an inventory point or left it."""

    changes: dict[int, int]
    """Item ID -> difference."""
    why: Literal["count", "import", "replacement", "undo"]
    """A user counted them, or imported a list; a replacement took them; it was undone."""
    replacement_id: int | None = None


# What it does


def stock_moved(shop: Shop, event: StockMoved) -> None:
    """A revision more, whatever the reason: who has counted before a replacement took some must count again."""
    point = shop.inventory_points[event.point_id]
    for item_id, difference in event.changes.items():
        point.items[item_id] = point.items.get(item_id, 0) + difference
    point.revision += 1
    shop.touched.inventory_points.add(point.id)


# What people say is there


def set_quantities(
    point: InventoryPoint, quantities: Mapping[int, int] | UnsetType, why: Literal["count", "import"], now: float
) -> Iterator[Event]:
    said = quantities.items() if quantities is not UNSET else ()
    if changes := {
        item_id: difference for item_id, quantity in said if (difference := quantity - point.items.get(item_id, 0))
    }:
        yield StockMoved(occurred_at=now, point_id=point.id, changes=changes, why=why)


# What replacing a tool takes


def take(shop: Shop, point_id: int | None, item_id: int, quantity: int, replacement_id: int, now: float) -> StockMoved:
    """A replacement takes so many of an item from a point."""
    point = shop.inventory_points.get(point_id) if point_id is not None else None
    if point is None:
        what = "name the inventory point" if point_id is None else f"there is no inventory point {point_id}"
        raise Invalid(f"{what} that the new one is taken from", "inv_pt")
    on_hand = point.items.get(item_id, 0)
    if on_hand < quantity:
        raise Invalid(f"'{point.name}' has {on_hand} of inventory item {item_id}, and {quantity} are needed", "inv_pt")
    return _moved_by(replacement_id, point.id, item_id, -quantity, "replacement", now)


def give_back(
    shop: Shop, point_id: int | None, item_id: int | None, quantity: int, replacement_id: int, now: float
) -> StockMoved | None:
    """An undone replacement gives back what it took. None: the point or the item is gone."""
    if point_id not in shop.inventory_points or item_id not in shop.inventory_items:
        return None
    return _moved_by(replacement_id, point_id, item_id, quantity, "undo", now)


def _moved_by(
    replacement_id: int, point_id: int, item_id: int, change: int, why: Literal["replacement", "undo"], now: float
) -> StockMoved:
    return StockMoved(
        occurred_at=now, point_id=point_id, changes={item_id: change}, why=why, replacement_id=replacement_id
    )


def stock_of(shop: Shop, item_id: int) -> int:
    """How many there are, over all points."""
    return sum(point.items.get(item_id, 0) for point in shop.inventory_points.values())
