"""Inventory points: the places where items are kept."""

from collections.abc import Iterator

from msgspec import UNSET, Struct, UnsetType, field

from taktledger.domain.errors import Conflict, NotFound, ReferenceMissing
from taktledger.domain.event import Event
from taktledger.domain.inventory.stock import InventoryPointEvent, Quantities, set_quantities
from taktledger.domain.shop import InventoryPoint, Shop
from taktledger.domain.values import Name, edit, narrow, only_changes, set_fields

# Events


class InventoryPointFields(Struct, kw_only=True, frozen=True, omit_defaults=True):
    """The fields of an inventory point that a user may write, but for its items: those are moves of stock."""

    name: Name | UnsetType = UNSET


class InventoryPointCreated(InventoryPointEvent, frozen=True, kw_only=True):
    """A user set up a place where items are kept."""

    fields: InventoryPointFields


class InventoryPointEdited(InventoryPointEvent, frozen=True, kw_only=True):
    """A user changed an inventory point."""

    fields: InventoryPointFields


class InventoryPointDeleted(InventoryPointEvent, frozen=True, kw_only=True):
    """An inventory point was deleted. It was empty."""


# What they do


def inventory_point_created(shop: Shop, event: InventoryPointCreated) -> None:
    point = InventoryPoint(id=event.point_id, name="")
    set_fields(point, event.fields)
    shop.inventory_points[point.id] = point
    shop.last_ids["inventory_point"] = point.id
    shop.touched.inventory_points.add(point.id)


def inventory_point_edited(shop: Shop, event: InventoryPointEdited) -> None:
    edit(shop.inventory_points[event.point_id], event.fields)
    shop.touched.inventory_points.add(event.point_id)


def inventory_point_deleted(shop: Shop, event: InventoryPointDeleted) -> None:
    del shop.inventory_points[event.point_id]
    shop.touched.inventory_points.add(event.point_id)


# Decisions


class CreateInventoryPoint(InventoryPointFields, kw_only=True, frozen=True):
    name: Name
    items: Quantities | UnsetType = UNSET


class InventoryPointChanges(InventoryPointFields, kw_only=True, frozen=True):
    """What a user may ask for in one go."""

    items: Quantities | UnsetType = UNSET
    """Those that are named are set, the others stay."""


class EditInventoryPoint(Struct, kw_only=True, frozen=True):
    point_id: int
    changes: InventoryPointChanges = field(default_factory=InventoryPointChanges)


class DeleteInventoryPoint(Struct, kw_only=True, frozen=True):
    point_id: int


class ImportQuantities(Struct, kw_only=True, frozen=True):
    point_id: int
    quantities: Quantities


def create_inventory_point(shop: Shop, command: CreateInventoryPoint, now: float) -> Iterator[Event]:
    """Sets up a place for items (`PUT /api/inventory/`)."""
    point_id = shop.last_ids.get("inventory_point", 0) + 1
    _check_items(shop, command.items)
    fields = narrow(InventoryPointFields, command)
    yield InventoryPointCreated(occurred_at=now, point_id=point_id, fields=fields)
    yield from set_quantities(shop.inventory_points[point_id], command.items, "count", now)


def edit_inventory_point(shop: Shop, command: EditInventoryPoint, now: float) -> Iterator[Event]:
    """Changes a point, and sets the quantities that are given (`PATCH /api/inventory/{id}`)."""
    point = _get_point(shop, command.point_id)
    _check_items(shop, command.changes.items)
    if changes := only_changes(narrow(InventoryPointFields, command.changes), point):
        yield InventoryPointEdited(occurred_at=now, point_id=point.id, fields=changes)
    yield from set_quantities(point, command.changes.items, "count", now)


def delete_inventory_point(shop: Shop, command: DeleteInventoryPoint, now: float) -> list[Event]:
    """Deletes a point that is empty (`DELETE /api/inventory/{id}`)."""
    point = _get_point(shop, command.point_id)
    if any(point.items.values()):
        raise Conflict(f"inventory point {point.id} still has items in stock")
    return [InventoryPointDeleted(occurred_at=now, point_id=point.id)]


def import_quantities(shop: Shop, command: ImportQuantities, now: float) -> Iterator[Event]:
    """Sets what a list says is in a point (`POST /api/inventory/{id}/import`)."""
    point = _get_point(shop, command.point_id)
    _check_items(shop, command.quantities)
    yield from set_quantities(point, command.quantities, "import", now)


def _get_point(shop: Shop, point_id: int) -> InventoryPoint:
    point = shop.inventory_points.get(point_id)
    if point is None:
        raise NotFound(f"there is no inventory point {point_id}")
    return point


def _check_items(shop: Shop, quantities: Quantities | UnsetType) -> None:
    for item_id in quantities or ():
        if item_id not in shop.inventory_items:
            raise ReferenceMissing(f"there is no inventory item {item_id}", "items")
