"""The inventory: items, the points where they are kept, and how quantities change."""

from typing import Any

import msgspec
import pytest

from given import NOON, Given, a_machine, a_process, a_tool, said
from taktledger.domain.errors import Conflict, Invalid, NotFound, ReferenceMissing
from taktledger.domain.inventory import give_back, stock_of, take
from taktledger.domain.inventory.items import (
    CreateInventoryItem,
    DeleteInventoryItem,
    EditInventoryItem,
    InventoryItemCreated,
    InventoryItemDeleted,
    InventoryItemEdited,
    InventoryItemFields,
    create_inventory_item,
    delete_inventory_item,
    edit_inventory_item,
)
from taktledger.domain.inventory.points import (
    CreateInventoryPoint,
    DeleteInventoryPoint,
    EditInventoryPoint,
    ImportQuantities,
    InventoryPointChanges,
    InventoryPointCreated,
    InventoryPointDeleted,
    InventoryPointEdited,
    InventoryPointFields,
    create_inventory_point,
    delete_inventory_point,
    edit_inventory_point,
    import_quantities,
)
from taktledger.domain.inventory.stock import MOST, StockMoved
from taktledger.domain.tool_requirements import (
    CreateToolRequirement,
    ToolRequirementFields,
    create_tool_requirement,
)


def an_item(item_id: int = 1, name: str = "insert", **fields: Any) -> InventoryItemCreated:
    return InventoryItemCreated(occurred_at=NOON - 58, item_id=item_id, fields=InventoryItemFields(name=name, **fields))


def a_point(point_id: int = 1, name: str = "cabinet") -> InventoryPointCreated:
    return InventoryPointCreated(occurred_at=NOON - 57, point_id=point_id, fields=InventoryPointFields(name=name))


def counted(changes: dict[int, int], point_id: int = 1) -> StockMoved:
    return StockMoved(occurred_at=NOON - 56, point_id=point_id, changes=changes, why="count")


def edit_item(item_id: int = 1, **fields: Any) -> EditInventoryItem:
    return EditInventoryItem(item_id=item_id, fields=msgspec.convert(fields, InventoryItemFields))


def edit_point(point_id: int = 1, **changes: Any) -> EditInventoryPoint:
    return EditInventoryPoint(point_id=point_id, changes=msgspec.convert(changes, InventoryPointChanges))


def stock(given: Given) -> dict[int, dict[int, int]]:
    return {point.id: point.items for point in given.shop.inventory_points.values()}


# Items


def test_an_item_is_created() -> None:
    """PUT 201."""
    given = Given().when(create_inventory_item, CreateInventoryItem(name="CNMG", corners=4, suppliers=["Hahn"]))
    fields = InventoryItemFields(name="CNMG", corners=4, suppliers=["Hahn"])
    event = InventoryItemCreated(occurred_at=NOON + 1, item_id=1, fields=fields)
    given.then(event)
    assert event.stream == "inventory-item-1"
    item = given.shop.inventory_items[1]
    assert (item.name, item.corners, item.suppliers, item.revision) == ("CNMG", 4, ["Hahn"], 1)
    assert given.shop.touched.inventory_items == {1}


def test_what_a_new_item_does_not_say_has_its_default() -> None:
    item = Given().when(create_inventory_item, CreateInventoryItem(name="CNMG")).shop.inventory_items[1]
    assert msgspec.to_builtins(item) == {
        "id": 1,
        "revision": 1,
        "name": "CNMG",
        "brand": "",
        "part_number": "",
        "type": "",
        "notes": "",
        "coating": "",
        "corners": 0,
        "cut_length": None,
        "overall_length": None,
        "flutes": None,
        "durable": False,
        "lead_time": None,
        "min_on_hand_qty": 0,
        "pack_qty": 1,
        "price": 0.0,
        "qty_on_order": 0,
        "safety_stock": 0,
        "suppliers": [],
    }


@pytest.mark.parametrize(
    "body", [{}, {"name": ""}, {"name": None}, {"name": "x", "corners": -1}, {"name": "x", "pack_qty": 0}]
)
def test_an_item_needs_a_name_and_numbers_that_can_be(body: dict[str, object]) -> None:
    """400."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(body, CreateInventoryItem)


def test_an_edit_of_an_item_carries_only_what_changed() -> None:
    given = Given(an_item(brand="Hahn", corners=4)).when(edit_inventory_item, edit_item(brand="Hahn", corners=6))
    given.then(InventoryItemEdited(occurred_at=NOON + 1, item_id=1, fields=InventoryItemFields(corners=6)))
    assert (given.shop.inventory_items[1].revision, given.shop.inventory_items[1].corners) == (2, 6)
    given.when(edit_inventory_item, edit_item(corners=6)).then()


def test_an_unknown_item() -> None:
    """404."""
    given = Given(an_item())
    given.when(edit_inventory_item, edit_item(2)).then_error(NotFound)
    given.when(delete_inventory_item, DeleteInventoryItem(item_id=2)).then_error(NotFound)


def test_a_deleted_item_is_forgotten_wherever_it_was_named() -> None:
    given = Given(a_machine(), a_process(), an_item(1), an_item(2), a_point(1), a_point(2), a_tool())
    given.when(said, [counted({1: 5, 2: 6}), counted({2: 1}, point_id=2)])
    fields = ToolRequirementFields(location=1, inventory_item_id=1)
    given.when(create_tool_requirement, CreateToolRequirement(process_id=1, fields=fields))
    tool = given.shop.tools[1]
    tool.inventory_item_id = 1
    given.shop.touched.clear()
    given.when(delete_inventory_item, DeleteInventoryItem(item_id=1))
    given.then(InventoryItemDeleted(occurred_at=NOON + 3, item_id=1))
    assert stock(given) == {1: {2: 6}, 2: {2: 1}}
    assert [point.revision for point in given.shop.inventory_points.values()] == [3, 2]
    assert (tool.inventory_item_id, tool.revision) == (None, 2)
    assert given.shop.tool_requirements[1].inventory_item_id is None
    touched = given.shop.touched
    assert (touched.inventory_items, touched.inventory_points, touched.tools) == ({1}, {1}, {1})
    assert touched.tool_requirements == {1}


def test_item_ids_are_never_used_twice() -> None:
    given = Given(an_item(1), an_item(2)).when(delete_inventory_item, DeleteInventoryItem(item_id=2))
    given.when(create_inventory_item, CreateInventoryItem(name="drill"))
    assert list(given.shop.inventory_items) == [1, 3]


def test_a_tool_requirement_may_name_an_item_that_exists() -> None:
    """424 for another one: `test_tool_requirements.py`."""
    fields = ToolRequirementFields(location=1, inventory_item_id=1)
    given = Given(a_machine(), a_process(), an_item())
    given.when(create_tool_requirement, CreateToolRequirement(process_id=1, fields=fields))
    assert given.shop.tool_requirements[1].inventory_item_id == 1


# Points


def test_a_point_is_created_with_what_it_holds() -> None:
    """PUT 201: the quantities are a count."""
    given = Given(an_item(1), an_item(2))
    given.when(create_inventory_point, CreateInventoryPoint(name="cabinet", items={1: 5, 2: 0}))
    created = InventoryPointCreated(occurred_at=NOON + 1, point_id=1, fields=InventoryPointFields(name="cabinet"))
    moved = StockMoved(occurred_at=NOON + 1, point_id=1, changes={1: 5}, why="count")
    given.then(created, moved)
    assert created.stream == moved.stream == "inventory-point-1"
    assert stock(given) == {1: {1: 5}}
    assert given.shop.touched.inventory_points == {1}


def test_a_point_may_be_empty() -> None:
    Given().when(create_inventory_point, CreateInventoryPoint(name="cabinet")).then(InventoryPointCreated)


@pytest.mark.parametrize("items", [{"1": -1}, {"1": 1.5}, {"1": MOST + 1}, {"1": None}, {"drill": 1}, {"0": 1}, None])
def test_quantities_are_whole_numbers_from_0(items: object) -> None:
    """400."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"items": items}, InventoryPointChanges, strict=False, str_keys=True)


def test_those_that_are_given_are_set_and_the_others_stay() -> None:
    given = Given(an_item(1), an_item(2), an_item(3), a_point(), counted({1: 5, 2: 6}))
    given.when(edit_inventory_point, edit_point(items={2: 4, 3: 7}))
    given.then(StockMoved(occurred_at=NOON + 1, point_id=1, changes={2: -2, 3: 7}, why="count"))
    assert stock(given) == {1: {1: 5, 2: 4, 3: 7}}


def test_a_point_remembers_what_it_has_run_out_of() -> None:
    given = Given(an_item(), a_point(), counted({1: 5})).when(edit_inventory_point, edit_point(items={1: 0}))
    assert stock(given) == {1: {1: 0}}


@pytest.mark.parametrize("changes", [{}, {"name": "cabinet"}, {"items": {}}, {"items": {1: 5, 2: 0}}])
def test_an_edit_that_changes_nothing_is_no_event(changes: dict[str, Any]) -> None:
    given = Given(an_item(1), an_item(2), a_point(), counted({1: 5}))
    given.when(edit_inventory_point, edit_point(**changes)).then()


def test_a_name_and_a_quantity_at_once() -> None:
    given = Given(an_item(), a_point()).when(edit_inventory_point, edit_point(name="shelf", items={1: 3}))
    renamed = InventoryPointEdited(occurred_at=NOON + 1, point_id=1, fields=InventoryPointFields(name="shelf"))
    given.then(renamed, StockMoved)
    assert given.shop.inventory_points[1].name == "shelf"


def test_a_quantity_of_an_unknown_item() -> None:
    """424, and nothing is set."""
    given = Given(an_item(), a_point())
    new = CreateInventoryPoint(name="shelf", items={1: 3, 2: 3})
    given.when(create_inventory_point, new).then_error(ReferenceMissing, "items")
    given.when(edit_inventory_point, edit_point(name="x", items={1: 3, 2: 3})).then_error(ReferenceMissing, "items")
    command = ImportQuantities(point_id=1, quantities={1: 3, 2: 3})
    given.when(import_quantities, command).then_error(ReferenceMissing, "items")


def test_an_unknown_point() -> None:
    """404."""
    given = Given(a_point())
    given.when(edit_inventory_point, edit_point(2)).then_error(NotFound)
    given.when(delete_inventory_point, DeleteInventoryPoint(point_id=2)).then_error(NotFound)
    given.when(import_quantities, ImportQuantities(point_id=2, quantities={})).then_error(NotFound)


def test_a_list_is_imported_at_once() -> None:
    given = Given(an_item(1), an_item(2), an_item(3), a_point(), counted({1: 5, 2: 6}))
    given.when(import_quantities, ImportQuantities(point_id=1, quantities={1: 5, 2: 0, 3: 9}))
    given.then(StockMoved(occurred_at=NOON + 1, point_id=1, changes={2: -6, 3: 9}, why="import"))
    given.when(import_quantities, ImportQuantities(point_id=1, quantities={3: 9})).then()


def test_only_an_empty_point_can_be_deleted() -> None:
    """409."""
    given = Given(an_item(), a_point(1), a_point(2), counted({1: 5}))
    given.when(delete_inventory_point, DeleteInventoryPoint(point_id=1)).then_error(Conflict)
    given.when(edit_inventory_point, edit_point(items={1: 0}))
    given.when(delete_inventory_point, DeleteInventoryPoint(point_id=1))
    given.then(InventoryPointDeleted(occurred_at=NOON + 3, point_id=1))
    given.when(delete_inventory_point, DeleteInventoryPoint(point_id=2))
    given.when(create_inventory_point, CreateInventoryPoint(name="shelf"))
    assert list(given.shop.inventory_points) == [3], "IDs are never used twice"


def test_whatever_moves_stock_makes_a_revision() -> None:
    """Who has counted before a replacement took some must count again (`If-Match`)."""
    given = Given(an_item(), a_point(), counted({1: 5}))
    given.when(said, [take(given.shop, 1, 1, 2, 7, NOON)])
    assert given.shop.inventory_points[1].revision == 3


# What replacing a tool takes


def test_a_replacement_takes_items() -> None:
    given = Given(an_item(), a_point(), counted({1: 5}))
    taken = take(given.shop, 1, 1, 2, replacement_id=7, now=NOON)
    assert taken == StockMoved(occurred_at=NOON, point_id=1, changes={1: -2}, why="replacement", replacement_id=7)
    given.when(said, [taken])
    assert stock(given) == {1: {1: 3}}


@pytest.mark.parametrize(
    ("point_id", "item_id", "quantity"), [(None, 1, 1), (3, 1, 1), (1, 1, 6), (1, 2, 1), (2, 1, 1)]
)
def test_a_point_must_be_named_and_have_enough(point_id: int | None, item_id: int, quantity: int) -> None:
    """400."""
    shop = Given(an_item(1), an_item(2), a_point(1), a_point(2), counted({1: 5})).shop
    with pytest.raises(Invalid) as refused:
        take(shop, point_id, item_id, quantity, replacement_id=7, now=NOON)
    assert refused.value.field == "inv_pt"


def test_the_last_one_can_be_taken() -> None:
    given = Given(an_item(), a_point(), counted({1: 5}))
    given.when(said, [take(given.shop, 1, 1, 5, 7, NOON)])
    assert stock(given) == {1: {1: 0}}


def test_an_undone_replacement_gives_back() -> None:
    given = Given(an_item(), a_point(), counted({1: 5}))
    given.when(said, [give_back(given.shop, 1, 1, 2, replacement_id=7, now=NOON)])
    given.then(StockMoved(occurred_at=NOON, point_id=1, changes={1: 2}, why="undo", replacement_id=7))
    assert stock(given) == {1: {1: 7}}


@pytest.mark.parametrize(("point_id", "item_id"), [(2, 1), (1, 2)])
def test_what_is_gone_gets_nothing_back(point_id: int, item_id: int) -> None:
    shop = Given(an_item(), a_point()).shop
    assert give_back(shop, point_id, item_id, 2, replacement_id=7, now=NOON) is None


def test_the_stock_of_an_item_is_that_of_all_points() -> None:
    shop = Given(
        an_item(1), an_item(2), a_point(1), a_point(2), counted({1: 5, 2: 1}), counted({1: 3}, point_id=2)
    ).shop
    assert [stock_of(shop, item_id) for item_id in (1, 2, 3)] == [8, 1, 0]
