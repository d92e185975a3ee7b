"""What a replacement takes from stock, and edges of an insert, as `api/tool.txt` and `domain.md` have it."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from api.client import UNKNOWN, Json, Server, get, refused
from api.tooling import (
    in_stock,
    make_item,
    make_point,
    make_tool,
    patch_tool,
    replaced,
    replacements_of,
    replacing,
    tool_of,
)


@pytest.fixture
def item(api: httpx.Client) -> Json:
    """An insert with four edges."""
    return make_item(api, corners=4)


def default_point(api: httpx.Client, tool: Json) -> object:
    return get(api, f"/api/tools/{tool['id']}/replace")["default_inventory_point_id"]


# Items


@pytest.mark.parametrize("slots", [1, 4])
def test_a_replacement_takes_the_slots(api: httpx.Client, item: Json, slots: int) -> None:
    """Not indexed takes `slots` items of `inventory_item_id` from `inv_pt`, and no others."""
    other = make_item(api)
    point, beside = make_point(api, (item, 10), (other, 10)), make_point(api, (item, 10))
    tool = make_tool(api, inventory_item_id=item["id"], slots=slots)
    record = replaced(api, tool, inv_pt=point["id"])["replacement"]
    assert (record["inventory_item_id"], record["inventory_point_id"]) == (item["id"], point["id"])
    assert [in_stock(api, point, item), in_stock(api, point, other), in_stock(api, beside, item)] == [
        10 - slots,
        10,
        10,
    ]


@pytest.mark.parametrize(("slots", "stock"), [(1, 0), (4, 3), (2, 1)])
def test_too_few_items_are_400(api: httpx.Client, item: Json, slots: int, stock: int) -> None:
    """400 if the point has too few."""
    point, beside = make_point(api, (item, stock)), make_point(api, (item, 10))
    tool = make_tool(api, inventory_item_id=item["id"], slots=slots)
    refused(replacing(api, tool, inv_pt=point["id"]), 400)
    assert (in_stock(api, point, item), in_stock(api, beside, item)) == (stock, 10)
    assert (tool_of(api, tool), replacements_of(api, tool)) == (tool, [])


def test_the_last_items_may_be_taken(api: httpx.Client, item: Json) -> None:
    """As many as are needed are enough."""
    point = make_point(api, (item, 4))
    tool = make_tool(api, inventory_item_id=item["id"], slots=4)
    replaced(api, tool, inv_pt=point["id"])
    assert in_stock(api, point, item) == 0
    refused(replacing(api, tool, inv_pt=point["id"]), 400)


@pytest.mark.parametrize("point", ["left out", None, UNKNOWN, "the cabinet"])
def test_without_a_point_it_is_400(api: httpx.Client, item: Json, point: object) -> None:
    """If the tool was not indexed and the inventory point is missing."""
    make_point(api, (item, 10))
    tool = make_tool(api, inventory_item_id=item["id"])
    body = {} if point == "left out" else {"inv_pt": point}
    refused(replacing(api, tool, **body), *((400, 424) if point == UNKNOWN else (400,)))
    assert replacements_of(api, tool) == []


def test_a_tool_without_an_item_takes_nothing(api: httpx.Client, item: Json) -> None:
    """It needs no point, and takes nothing from one."""
    point = make_point(api, (item, 2))
    tool = make_tool(api)
    assert replaced(api, tool)["replacement"]["inventory_item_id"] is None
    replaced(api, tool, inv_pt=point["id"])
    assert in_stock(api, point, item) == 2


# Edges


def test_indexing_uses_an_edge_and_takes_nothing(api: httpx.Client, item: Json) -> None:
    """Indexed adds 1 to `used_corners`; a replacement that isn't an index resets it."""
    point = make_point(api, (item, 5))
    tool = make_tool(api, inventory_item_id=item["id"], part_count=6)
    answer = replaced(api, tool, indexed=True)
    assert answer["replacement"]["indexed"] is True
    assert answer["replacement"]["part_count"] == 6
    assert (answer["tool"]["used_corners"], answer["tool"]["part_count"]) == (1, 0)
    assert replaced(api, tool, indexed=True, inv_pt=point["id"])["tool"]["used_corners"] == 2
    assert in_stock(api, point, item) == 5
    answer = replaced(api, tool, indexed=False, inv_pt=point["id"])
    assert answer["replacement"]["indexed"] is False
    assert answer["tool"]["used_corners"] == 0
    assert in_stock(api, point, item) == 4


@pytest.mark.parametrize("corners", [2, 3, 4])
def test_an_insert_can_be_indexed_once_less_than_it_has_edges(api: httpx.Client, corners: int) -> None:
    """`corners - 1` times, then it must be replaced: 400 when the item's corners are used up."""
    item = make_item(api, corners=corners)
    point = make_point(api, (item, 2))
    tool = make_tool(api, inventory_item_id=item["id"])
    for _ in range(2):
        for used in range(1, corners):
            assert replaced(api, tool, indexed=True)["tool"]["used_corners"] == used
        refused(replacing(api, tool, indexed=True), 400)
        assert tool_of(api, tool)["used_corners"] == corners - 1
        replaced(api, tool, inv_pt=point["id"])


@pytest.mark.parametrize("fields", [{}, {"corners": 0}, {"corners": 1}])
def test_an_item_of_fewer_than_2_corners_cannot_be_indexed(api: httpx.Client, fields: Json) -> None:
    """400."""
    item = make_item(api, **fields)
    tool = make_tool(api, inventory_item_id=item["id"])
    make_point(api, (item, 2))
    refused(replacing(api, tool, indexed=True), 400)
    assert replacements_of(api, tool) == []


def test_a_tool_without_an_item_cannot_be_indexed(api: httpx.Client) -> None:
    """400."""
    tool = make_tool(api)
    refused(replacing(api, tool, indexed=True), 400)
    assert replacements_of(api, tool) == []


# Where to take it from


def test_the_default_point_is_the_one_with_the_most(api: httpx.Client, item: Json) -> None:
    """Before the tool took any. null if no point has the item."""
    tool = make_tool(api, inventory_item_id=item["id"])
    assert default_point(api, tool) is None
    make_point(api, (item, 3), (make_item(api), 50))
    most = make_point(api, (item, 5))
    make_point(api, (item, 4))
    assert default_point(api, tool) == most["id"]
    assert default_point(api, make_tool(api)) is None


def test_the_default_point_is_the_one_last_taken_from(api: httpx.Client, item: Json) -> None:
    """If it still has the item, else the one with the most, else null."""
    small, large = make_point(api, (item, 2)), make_point(api, (item, 9))
    tool = make_tool(api, inventory_item_id=item["id"])
    replaced(api, tool, inv_pt=small["id"])
    assert default_point(api, tool) == small["id"]
    replaced(api, tool, indexed=True)
    assert default_point(api, tool) == small["id"]
    replaced(api, tool, inv_pt=small["id"])
    assert default_point(api, tool) == large["id"]
    assert api.patch(f"/api/inventory/{large['id']}", json={"items": {str(item["id"]): 0}}).status_code == 200
    assert default_point(api, tool) is None


# Two at once


@pytest.mark.parametrize("many", [1, 20])
def test_two_hundred_at_once_want_the_last_insert(api: httpx.Client, server: Server, item: Json, many: int) -> None:
    """Exactly one of them takes it, whether they replace one tool or twenty."""
    point = make_point(api, (item, 1))
    tools = [make_tool(api, inventory_item_id=item["id"]) for _ in range(many)]
    with server.client(server.admin_key) as client, ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: replacing(client, tools[n % many], inv_pt=point["id"]), range(200)))
    codes = [answer.status_code for answer in answers]
    assert (codes.count(200), codes.count(400)) == (1, 199), set(codes)
    assert in_stock(api, point, item) == 0
    assert sum(len(replacements_of(api, tool)) for tool in tools) == 1


def test_many_at_once_take_each_one(api: httpx.Client, item: Json) -> None:
    """None is lost, none is taken twice."""
    point = make_point(api, (item, 30))
    tool = patch_tool(api, make_tool(api, slots=2), inventory_item_id=item["id"])
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: replacing(api, tool, inv_pt=point["id"]), range(20)))
    assert [answer.status_code for answer in answers].count(200) == 15
    assert in_stock(api, point, item) == 0
    assert len(replacements_of(api, tool)) == 15
