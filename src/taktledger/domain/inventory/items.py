"""Inventory items: what is bought and kept in stock."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType, field

from taktledger.domain.errors import NotFound
from taktledger.domain.event import Event
from taktledger.domain.inventory.stock import MOST, Quantity
from taktledger.domain.shop import InventoryItem, Shop
from taktledger.domain.values import Count, Duration, Name, Number, Text, edit, narrow, only_changes, set_fields

# Events


class InventoryItemFields(Struct, kw_only=True, frozen=True, omit_defaults=True):
    """The fields of an inventory item that a user may write."""

    name: Name | UnsetType = UNSET
    brand: Text | UnsetType = UNSET
    part_number: Text | UnsetType = UNSET
    type: Text | UnsetType = UNSET
    notes: Text | UnsetType = UNSET
    coating: Text | UnsetType = UNSET
    corners: Count | UnsetType = UNSET
    """Cutting edges: it can be indexed once less."""
    cut_length: Number | UnsetType | None = UNSET
    overall_length: Number | UnsetType | None = UNSET
    flutes: Count | UnsetType | None = UNSET
    durable: bool | UnsetType = UNSET
    lead_time: Duration | UnsetType | None = UNSET
    """Days."""
    min_on_hand_qty: Quantity | UnsetType = UNSET
    pack_qty: Annotated[int, Meta(ge=1, le=MOST)] | UnsetType = UNSET
    price: Number | UnsetType = UNSET
    qty_on_order: Quantity | UnsetType = UNSET
    safety_stock: Quantity | UnsetType = UNSET
    suppliers: list[Text] | UnsetType = UNSET


class InventoryItemEvent(Event, frozen=True, kw_only=True):
    item_id: int

    @property
    def stream(self) -> str:
        return f"inventory-item-{self.item_id}"


class InventoryItemCreated(InventoryItemEvent, frozen=True, kw_only=True):
    """A user described an item that is kept in stock."""

    fields: InventoryItemFields


class InventoryItemEdited(InventoryItemEvent, frozen=True, kw_only=True):
    """A user changed an inventory item."""

    fields: InventoryItemFields


class InventoryItemDeleted(InventoryItemEvent, frozen=True, kw_only=True):
    """An inventory item was deleted, and with it what was on hand. Tools and tool requirements have no item then."""


# What they do


def inventory_item_created(shop: Shop, event: InventoryItemCreated) -> None:
    item = InventoryItem(id=event.item_id, name="")
    set_fields(item, event.fields)
    shop.inventory_items[item.id] = item
    shop.last_ids["inventory_item"] = item.id
    shop.touched.inventory_items.add(item.id)


def inventory_item_edited(shop: Shop, event: InventoryItemEdited) -> None:
    edit(shop.inventory_items[event.item_id], event.fields)
    shop.touched.inventory_items.add(event.item_id)


def inventory_item_deleted(shop: Shop, event: InventoryItemDeleted) -> None:
    for point in shop.inventory_points.values():
        if point.items.pop(event.item_id, None) is not None:
            point.revision += 1
            shop.touched.inventory_points.add(point.id)
    for tool in shop.tools.values():
        if tool.inventory_item_id == event.item_id:
            tool.inventory_item_id = None
            tool.revision += 1
            shop.touched.tools.add(tool.id)
    for requirement in shop.tool_requirements.values():
        if requirement.inventory_item_id == event.item_id:
            requirement.inventory_item_id = None
            shop.touched.tool_requirements.add(requirement.id)
    del shop.inventory_items[event.item_id]
    shop.touched.inventory_items.add(event.item_id)


# Decisions


class CreateInventoryItem(InventoryItemFields, kw_only=True, frozen=True):
    name: Name


class EditInventoryItem(Struct, kw_only=True, frozen=True):
    item_id: int
    fields: InventoryItemFields = field(default_factory=InventoryItemFields)


class DeleteInventoryItem(Struct, kw_only=True, frozen=True):
    item_id: int


def create_inventory_item(shop: Shop, command: CreateInventoryItem, now: float) -> list[Event]:
    """Describes an item (`PUT /api/inventory/items/`)."""
    item_id = shop.last_ids.get("inventory_item", 0) + 1
    return [InventoryItemCreated(occurred_at=now, item_id=item_id, fields=narrow(InventoryItemFields, command))]


def edit_inventory_item(shop: Shop, command: EditInventoryItem, now: float) -> list[Event]:
    """Changes an item (`PATCH /api/inventory/items/{id}`)."""
    item = _get_item(shop, command.item_id)
    changes = only_changes(command.fields, item)
    return [InventoryItemEdited(occurred_at=now, item_id=item.id, fields=changes)] if changes else []


def delete_inventory_item(shop: Shop, command: DeleteInventoryItem, now: float) -> list[Event]:
    """Deletes an item (`DELETE /api/inventory/items/{id}`)."""
    return [InventoryItemDeleted(occurred_at=now, item_id=_get_item(shop, command.item_id).id)]


def _get_item(shop: Shop, item_id: int) -> InventoryItem:
    item = shop.inventory_items.get(item_id)
    if item is None:
        raise NotFound(f"there is no inventory item {item_id}")
    return item
