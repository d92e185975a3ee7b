"""What inventory items are to tools, requirements and replacements: references and stock (`domain.md`)."""

import httpx

from api.client import UNKNOWN, at_once, get, make_machine, make_process, refused, unique, written
from api.stockroom import (
    assembly_path,
    gone,
    item_path,
    made,
    make_assembly,
    make_item,
    make_point,
    make_tool,
    nothing_written,
    patched,
    point_path,
    replace,
    replaced,
    stock,
    tool_of,
    tool_path,
)

# What names an item that is deleted


def test_references_to_a_deleted_item_read_null(api: httpx.Client) -> None:
    """Deleting always works and history stays: references read null."""
    item = make_item(api)
    point, tool = make_point(api, [(item, 3)]), make_tool(api, None, item)
    requirements = f"/api/processes/{make_process(api, make_machine(api))['id']}/toolRequirements"
    requirement = made(api.put(requirements, json={"location": 1, "inventory_item_id": item["id"]}))
    replacement = replaced(api, tool, point)
    assert (tool["inventory_item_id"], replacement["inventory_item_id"]) == (item["id"], item["id"])
    gone(api.delete(item_path(item)))
    assert tool_of(api, tool)["inventory_item_id"] is None
    assert get(api, requirements)[str(requirement["id"])] == requirement | {"inventory_item_id": None}
    assert get(api, f"/api/tools/replacements/{replacement['id']}")["inventory_item_id"] is None


def test_a_requirement_may_name_an_item(api: httpx.Client) -> None:
    """ProcessToolRequirement: inventory_item_id."""
    item = make_item(api)
    path = f"/api/processes/{make_process(api, make_machine(api))['id']}/toolRequirements"
    for location, value in enumerate((item["id"], str(item["id"])), 1):
        requirement = made(api.put(path, json={"location": location, "inventory_item_id": value}))
        assert requirement["inventory_item_id"] == item["id"]
        assert get(api, path)[str(requirement["id"])] == requirement
    with nothing_written(api):
        refused(api.put(path, json={"location": 3, "inventory_item_id": UNKNOWN}), 424)


def test_a_tool_of_an_unknown_item_is_424(api: httpx.Client) -> None:
    """A reference to another object that doesn't exist 424."""
    tool = make_tool(api)
    with nothing_written(api):
        refused(api.put("/api/tools/", json={"name": unique("tool"), "inventory_item_id": UNKNOWN}), 424)
        refused(api.patch(tool_path(tool), json={"inventory_item_id": UNKNOWN}), 424)


def test_an_assembly_is_nothing_to_an_item(api: httpx.Client) -> None:
    """Deleting an assembly leaves its tools: with their item."""
    item, assembly = make_item(api), make_assembly(api)
    tool = make_tool(api, assembly, item)
    gone(api.delete(assembly_path(assembly)))
    assert tool_of(api, tool)["inventory_item_id"] == item["id"]


def test_a_replacement_from_a_deleted_point_reads_null(api: httpx.Client) -> None:
    """Deleting works and history stays: references read null."""
    item = make_item(api)
    point, tool = make_point(api, [(item, 1)]), make_tool(api, None, item)
    replacement = replaced(api, tool, point)
    assert replacement["inventory_point_id"] == point["id"]
    gone(api.delete(point_path(point)))
    path = f"/api/tools/replacements/{replacement['id']}"
    assert get(api, path)["inventory_point_id"] is None
    assert api.delete(path).is_success  # undone: a point that is gone gets nothing back


# Movements


def test_every_movement_is_an_event(api: httpx.Client) -> None:
    """Every movement of stock is an event."""
    item = make_item(api)
    point, tool = make_point(api), make_tool(api, None, item, slots=2)
    steps = [
        lambda: patched(api, point_path(point), items={str(item["id"]): 5}),
        lambda: replaced(api, tool, point),
        lambda: patched(api, point_path(point), items={str(item["id"]): 9}),
    ]
    counts, stocks = [len(written(api))], []
    for step in steps:
        step()
        counts.append(len(written(api)))
        stocks.append(stock(api, point, item))
    assert stocks == [5, 3, 9]
    assert counts == sorted(set(counts))


def test_stock_never_falls_below_zero(api: httpx.Client) -> None:
    """Not indexed takes `slots` items, 400 if the point is missing or has too few."""
    item = make_item(api)
    point, tool = make_point(api, [(item, 3)]), make_tool(api, None, item, slots=2)
    replaced(api, tool, point)
    with nothing_written(api):
        refused(replace(api, tool, point), 400)
        refused(replace(api, tool), 400)
        refused(replace(api, tool, {"id": UNKNOWN}), 400)
    assert stock(api, point, item) == 1


def test_stock_never_falls_below_zero_at_once(api: httpx.Client) -> None:
    """400 if the point has too few: of six that ask in the same moment for three items, three get one."""
    item = make_item(api)
    point, tools = make_point(api, [(item, 3)]), [make_tool(api, None, item) for _ in range(6)]
    answers = at_once(*[lambda tool=tool: replace(api, tool, point) for tool in tools])  # type: ignore[misc]
    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [400] * 3
    assert stock(api, point, item) == 0


def test_an_undone_replacement_gives_its_items_back(api: httpx.Client) -> None:
    """Undoes the latest replacement of a tool: items as before."""
    item = make_item(api)
    point, tool = make_point(api, [(item, 3)]), make_tool(api, None, item, slots=3)
    replacement = replaced(api, tool, point)
    assert stock(api, point, item) == 0
    assert api.delete(f"/api/tools/replacements/{replacement['id']}").is_success
    assert stock(api, point, item) == 3


def test_an_indexed_tool_takes_nothing(api: httpx.Client) -> None:
    """Indexed adds 1 to `used_corners` and takes nothing."""
    item = make_item(api, corners=4)
    point, tool = make_point(api, [(item, 3)]), make_tool(api, None, item)
    replaced(api, tool, point, indexed=True)
    replaced(api, tool, indexed=True)
    assert stock(api, point, item) == 3
    assert tool_of(api, tool)["used_corners"] == 2


def test_a_tool_without_an_item_takes_nothing(api: httpx.Client) -> None:
    """A tool without an inventory item takes nothing and needs no point."""
    item = make_item(api)
    point, tool = make_point(api, [(item, 3)]), make_tool(api)
    replaced(api, tool)
    assert stock(api, point, item) == 3


def test_deleting_the_item_lets_the_point_go(api: httpx.Client) -> None:
    """Deleting an item always works, also with stock: no stock of it is left at any point."""
    item = make_item(api)
    point = make_point(api, [(item, 3)])
    gone(api.delete(item_path(item)))
    assert stock(api, point, item) == 0
    gone(api.delete(point_path(point)))
