"""Inventory items and points (`domain.md`, "Inventory"). What takes from them: `test_inventory_stock.py`."""

from typing import Any

import httpx
import pytest

from api.client import UNKNOWN, Json, Server, get, refused, unique
from api.stockroom import (
    READERS,
    done,
    forbidden,
    gone,
    item_path,
    keys,
    made,
    make_item,
    make_point,
    nothing_written,
    of,
    patched,
    person,
    point_path,
    stock,
)

ITEMS, POINTS = "/api/inventory/items/", "/api/inventory/"
FIELDS = {
    "id",
    "name",
    "brand",
    "part_number",
    "type",
    "notes",
    "coating",
    "corners",
    "cut_length",
    "overall_length",
    "flutes",
    "durable",
    "lead_time",
    "min_on_hand_qty",
    "pack_qty",
    "price",
    "qty_on_order",
    "safety_stock",
    "suppliers",
}
TEXTS = ("brand", "part_number", "notes", "coating")
COUNTS = ("corners", "flutes", "min_on_hand_qty", "pack_qty", "qty_on_order", "safety_stock")
LENGTHS = ("cut_length", "overall_length", "price")
FILLED: Json = {
    "brand": "Sandvik",
    "part_number": "CNMG 12 04 08-PM",
    "notes": "Größe 12",
    "coating": "TiAlN",
    "corners": 4,
    "cut_length": 22.5,
    "overall_length": 90.25,
    "flutes": 3,
    "durable": True,
    "lead_time": 14,
    "min_on_hand_qty": 5,
    "pack_qty": 10,
    "price": 12.75,
    "qty_on_order": 20,
    "safety_stock": 2,
}
HUGE = 10**30


# Items


def test_every_field_of_an_item(api: httpx.Client) -> None:
    """Items: id, name, brand, part_number, type, notes, coating, corners, cut_length, …"""
    item = make_item(api)
    assert item.keys() >= FIELDS
    assert get(api, item_path(item)) == get(api, ITEMS)[str(item["id"])] == item


def test_the_defaults_of_an_item(api: httpx.Client) -> None:
    """Defaults: texts "". An item is a consumable unless it is durable."""
    item = make_item(api)
    assert item["notes"] == ""
    assert not any(item[name] for name in (*TEXTS, "durable"))


@pytest.mark.parametrize("slash", ["", "/"])
def test_an_item_is_created_changed_and_deleted(api: httpx.Client, slash: str) -> None:
    """Creating answers 201, `PATCH` 200 with the whole object, `DELETE` 204 and no body."""
    item = made(api.put(f"/api/inventory/items{slash}", json={"name": unique("item")}))
    assert done(api.patch(item_path(item) + slash, json={"notes": "new"})) == item | {"notes": "new"}
    assert get(api, item_path(item) + slash)["notes"] == "new"
    gone(api.delete(item_path(item) + slash))
    refused(api.get(item_path(item)), 404)
    assert str(item["id"]) not in get(api, f"/api/inventory/items{slash}")
    assert make_item(api)["id"] > item["id"]


@pytest.mark.parametrize("field", ["name", *FILLED])
def test_an_item_takes_the_field(api: httpx.Client, field: str) -> None:
    """`PATCH` bodies hold any subset of fields."""
    value = (FILLED | {"name": unique("renamed")})[field]
    assert make_item(api, **{field: value})[field] == value
    item = make_item(api)
    assert patched(api, item_path(item), **{field: value}) == item | {field: value}
    assert get(api, item_path(item)) == item | {field: value}


@pytest.mark.parametrize("field", [*COUNTS, *LENGTHS, "lead_time"])
def test_numbers_of_an_item_may_be_strings(api: httpx.Client, field: str) -> None:
    """Numbers may come as strings."""
    number = 7.5 if field in LENGTHS else 7
    assert make_item(api, **{field: str(number)})[field] == number
    assert patched(api, item_path(make_item(api)), **{field: str(number)})[field] == number


WRONG_ITEM: list[tuple[str, Any]] = [
    ("name", None),
    ("name", 5),
    ("durable", []),
    *[(name, wrong) for name in TEXTS for wrong in (5, [])],
    *[(name, wrong) for name in COUNTS for wrong in (1.5, "1.5", "many", [1], {}, HUGE)],
    *[(name, wrong) for name in (*LENGTHS, "lead_time") for wrong in ("long", "1x", [1], {})],
]


@pytest.mark.parametrize(("field", "value"), WRONG_ITEM)
def test_an_invalid_item_is_400(api: httpx.Client, field: str, value: object) -> None:
    """A missing or invalid field 400. A validation error says which field."""
    item = make_item(api)
    with nothing_written(api):
        refused(api.put(ITEMS, json={"name": unique("item"), field: value}), 400, field=field)
        refused(api.patch(item_path(item), json=FILLED | {field: value}), 400, field=field)
    assert get(api, item_path(item)) == item


def test_an_item_needs_its_name(api: httpx.Client) -> None:
    """A missing field 400."""
    refused(api.put(ITEMS, json={"brand": "Sandvik"}), 400, field="name")


def test_an_item_ignores_what_is_read_only_or_unknown(api: httpx.Client) -> None:
    """Unknown fields and fields that are read-only are ignored silently."""
    item = make_item(api, id=UNKNOWN, colour="red")
    assert item["id"] != UNKNOWN
    assert patched(api, item_path(item), id=UNKNOWN, colour="red", notes="x") == item | {"notes": "x"}


@pytest.mark.parametrize("collection", [ITEMS, POINTS])
def test_what_is_unknown_is_404(api: httpx.Client, collection: str) -> None:
    """A missing object is 404."""
    for method in ("GET", "PATCH", "DELETE"):
        body = {"name": "x"} if method == "PATCH" else None
        refused(api.request(method, f"{collection}{UNKNOWN}", json=body), 404)


@pytest.mark.parametrize("kind", [item_path, point_path])
def test_if_match_guards_items_and_points(api: httpx.Client, kind: Any) -> None:
    """`If-Match` guards PATCH and DELETE."""
    path = kind(make_item(api) if kind is item_path else make_point(api))
    headers = {"If-Match": api.get(path).headers["etag"]}
    done(api.patch(path, json={"name": unique("renamed")}, headers=headers))
    with nothing_written(api):
        refused(api.patch(path, json={"name": unique("renamed")}, headers=headers), 412)
        refused(api.delete(path, headers=headers), 412)
    gone(api.delete(path, headers={"If-Match": api.get(path).headers["etag"]}))


# Points


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_point_is_created_changed_and_deleted(api: httpx.Client, slash: str) -> None:
    """Points: id, name, items {item ID: quantity}."""
    name, other = unique("point"), unique("renamed")
    point = made(api.put(f"/api/inventory{slash}", json={"name": name}))
    assert of(point, ["name", "items"]) == {"name": name, "items": {}}
    assert get(api, f"/api/inventory{slash}")[str(point["id"])] == get(api, point_path(point) + slash) == point
    assert done(api.patch(point_path(point) + slash, json={"name": other})) == point | {"name": other}
    gone(api.delete(point_path(point) + slash))
    refused(api.get(point_path(point)), 404)
    assert str(point["id"]) not in get(api, POINTS)


def test_the_items_are_no_point(api: httpx.Client) -> None:
    """Points map their ID to the point; items are at `/api/inventory/items/`."""
    make_item(api)
    assert all(key == str(point["id"]) and "items" in point for key, point in get(api, POINTS).items())


@pytest.mark.parametrize("body", [{}, {"name": None}, {"name": 5}])
def test_a_point_needs_its_name(api: httpx.Client, body: Json) -> None:
    """A missing or invalid field 400."""
    refused(api.put(POINTS, json=body), 400, field="name")


def test_patch_sets_the_quantities_that_are_given(api: httpx.Client) -> None:
    """PATCH of a point's `items` sets the quantities that are given, others stay."""
    first, second = make_item(api), make_item(api)
    point, other = make_point(api, [(first, 5), (second, 7)]), make_point(api, [(first, 1)])
    changed = patched(api, point_path(point), items={str(first["id"]): 2})
    assert changed["items"] == {str(first["id"]): 2, str(second["id"]): 7} == get(api, point_path(point))["items"]
    assert stock(api, other, first) == 1
    patched(api, point_path(point), items={})
    assert stock(api, point, first) == 2
    patched(api, point_path(point), items={str(first["id"]): 0})
    assert (stock(api, point, first), stock(api, point, second)) == (0, 7)


def test_a_quantity_may_be_a_string(api: httpx.Client) -> None:
    """Numbers may come as strings."""
    item = make_item(api)
    point = make_point(api)
    assert patched(api, point_path(point), items={str(item["id"]): "12"})["items"] == {str(item["id"]): 12}


@pytest.mark.parametrize("quantity", [-1, "-1", 1.5, "1.5", "many", "1x", [1], {}, HUGE, str(HUGE)])
def test_an_invalid_quantity_is_400(api: httpx.Client, quantity: object) -> None:
    """Negative, fraction, too large: 400, and none of the request is done."""
    item, other = make_item(api), make_item(api)
    point = make_point(api, [(item, 5)])
    with nothing_written(api):
        body = {"name": "changed", "items": {str(other["id"]): 1, str(item["id"]): quantity}}
        assert "items" in refused(api.patch(point_path(point), json=body), 400)["field"]
    assert get(api, point_path(point)) == point


@pytest.mark.parametrize("items", [[], "all", 5, None])
def test_items_that_are_no_map_are_400(api: httpx.Client, items: object) -> None:
    """items {item ID: quantity}."""
    refused(api.patch(point_path(make_point(api)), json={"items": items}), 400, field="items")


@pytest.mark.parametrize("quantity", [0, 1])
def test_stock_of_an_unknown_item_is_424(api: httpx.Client, quantity: int) -> None:
    """A reference to another object that doesn't exist 424."""
    item = make_item(api)
    point = make_point(api, [(item, 5)])
    with nothing_written(api):
        body = {"items": {str(item["id"]): 6, str(UNKNOWN): quantity}}
        refused(api.patch(point_path(point), json=body), 424)
    assert stock(api, point, item) == 5


def test_an_item_id_that_is_none_is_refused(api: httpx.Client) -> None:
    """items {item ID: quantity}: 400 for what is no ID, or 424 for an item that doesn't exist."""
    refused(api.patch(point_path(make_point(api)), json={"items": {"drill": 1}}), 400, 424)


def test_a_point_with_stock_is_not_deleted(api: httpx.Client) -> None:
    """An inventory point with stock: 409."""
    item = make_item(api)
    point = make_point(api, [(item, 1)])
    with nothing_written(api):
        refused(api.delete(point_path(point)), 409)
    assert get(api, point_path(point)) == point
    patched(api, point_path(point), items={str(item["id"]): 0})
    gone(api.delete(point_path(point)))


# Levels


@pytest.mark.parametrize("level", ["shop", "audit"])
def test_shop_and_audit_may_not_write(api: httpx.Client, server: Server, level: str) -> None:
    """Create, edit and delete inventory: admin and plan."""
    item, empty = make_item(api), make_point(api)
    point = make_point(api, [(item, 1)])
    with person(api, server, level) as client, nothing_written(client):
        for collection, path in ((ITEMS, item_path(item)), (POINTS, point_path(empty))):
            forbidden(client.put(collection, json={"name": unique("thing")}))
            forbidden(client.patch(path, json={"name": unique("thing")}))
            forbidden(client.delete(path))
        forbidden(client.patch(point_path(point), json={"items": {str(item["id"]): 5}}))
        csv = {"Content-Type": "text/csv"}
        forbidden(client.post(f"{point_path(point)}/import", content=b"name,qty\n", headers=csv))


def test_planners_may_write(api: httpx.Client, server: Server) -> None:
    """Create, edit and delete inventory: admin and plan."""
    with person(api, server, "plan") as client:
        item = make_item(client)
        point = make_point(client, [(item, 5)])
        patched(client, point_path(point), items={str(item["id"]): 0})
        gone(client.delete(point_path(point)))
        gone(client.delete(item_path(item)))


@pytest.mark.parametrize("level", READERS)
def test_everybody_reads(api: httpx.Client, server: Server, level: str) -> None:
    """Read everything: all levels."""
    item = make_item(api)
    point = make_point(api, [(item, 5)])
    with person(api, server, level) as client:
        assert get(client, item_path(item)) == item
        assert get(client, point_path(point)) == point
        assert get(client, ITEMS).keys() >= keys(item)
        assert get(client, POINTS).keys() >= keys(point)
