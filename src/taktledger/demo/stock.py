"""What every day brings for the inventory: what is short is ordered, and counted in when it comes. Then the cabinets
are filled from the crib."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec import Struct

from taktledger.demo.items import CRIB, ITEMS, MAKERS
from taktledger.demo.people import DAY, HOUR, MINUTE, PLANNER, Wish
from taktledger.demo.specs import ItemSpec
from taktledger.domain.event import Event
from taktledger.domain.inventory import stock_of
from taktledger.domain.inventory.items import EditInventoryItem, InventoryItemFields, edit_inventory_item
from taktledger.domain.inventory.points import EditInventoryPoint, InventoryPointChanges, edit_inventory_point
from taktledger.domain.shop import InventoryPoint, Shop

ORDERED_AT, DELIVERED_AT = 10 * HOUR + 5 * MINUTE, 9 * HOUR + 20 * MINUTE
"""Seconds after midnight."""
LONGEST_LEAD = 30
"""Days. What takes longer does not come within the history: it is missing."""


class OrderItems(Struct, frozen=True):
    """Orders whatever is at its reorder point, and not on order yet."""


class TakeDelivery(Struct, frozen=True):
    truck: int | None
    """There is one every weekday, named by the days since 1970. What takes two days comes with every second one. None:
    this one brings all."""


def stock_days(start: float, now: float) -> Iterator[Wish]:
    midnight = start - start % DAY + DAY
    while midnight < now:
        weekday = datetime.fromtimestamp(midnight, UTC).weekday()
        if weekday < 5:
            truck = TakeDelivery(truck=int(midnight // DAY))
            yield Wish(midnight + DELIVERED_AT, PLANNER, take_delivery, truck)
            yield Wish(midnight + ORDERED_AT, PLANNER, order_items, OrderItems())
        midnight += DAY


def lead_time(item: ItemSpec) -> float:
    """Days."""
    return MAKERS[item.brand][1] if item.lead_time is None else item.lead_time


def order_items(shop: Shop, command: OrderItems, now: float) -> Iterator[Event]:
    for item in list(shop.inventory_items.values()):
        spec = ITEMS.get(item.name)
        if spec is None or spec.reorder_point is None or item.qty_on_order:
            continue
        if stock_of(shop, item.id) <= spec.reorder_point:
            ordered = InventoryItemFields(qty_on_order=spec.order_qty)
            yield from edit_inventory_item(shop, EditInventoryItem(item_id=item.id, fields=ordered), now)


def take_delivery(shop: Shop, command: TakeDelivery, now: float) -> Iterator[Event]:
    crib = _point(shop, CRIB)
    if crib is None:
        return
    come = {}
    for item in list(shop.inventory_items.values()):
        spec = ITEMS.get(item.name)
        if spec is not None and item.qty_on_order and _brings(command.truck, item.id, lead_time(spec)):
            come[item.id] = crib.items.get(item.id, 0) + item.qty_on_order
            nothing = InventoryItemFields(qty_on_order=0)
            yield from edit_inventory_item(shop, EditInventoryItem(item_id=item.id, fields=nothing), now)
    yield from _count(shop, crib, come, now)
    yield from _fill_cabinets(shop, crib, now)


def _brings(truck: int | None, item_id: int, lead: float) -> bool:
    if lead > LONGEST_LEAD:
        return False
    return truck is None or (truck + item_id) % math.ceil(lead) == 0


def _fill_cabinets(shop: Shop, crib: InventoryPoint, now: float) -> Iterator[Event]:
    for cabinet in [each for each in shop.inventory_points.values() if each is not crib]:
        full, left = {}, {}
        for item_id, there in cabinet.items.items():
            spec = ITEMS.get(shop.inventory_items[item_id].name)
            missing = spec.near - there if spec is not None and spec.cabinet == cabinet.name else 0
            more = min(missing, crib.items.get(item_id, 0))
            if more > 0:
                full[item_id], left[item_id] = there + more, crib.items[item_id] - more
        yield from _count(shop, crib, left, now)
        yield from _count(shop, cabinet, full, now)


def _count(shop: Shop, point: InventoryPoint, items: dict[int, int], now: float) -> Iterator[Event]:
    if items:
        counted = EditInventoryPoint(point_id=point.id, changes=InventoryPointChanges(items=items))
        yield from edit_inventory_point(shop, counted, now)


def _point(shop: Shop, name: str) -> InventoryPoint | None:
    return next((each for each in shop.inventory_points.values() if each.name == name), None)
