"""GET /api/tools/ and its filters, sentence by sentence as `api/tool.txt` and `domain.md` have them."""

from itertools import combinations
from typing import Any, NamedTuple

import httpx
import pytest

from api.client import UNKNOWN, Json, Server, get, make_machine, make_process, make_program, refused, report
from api.tooling import (
    MARCH,
    MINUTE,
    ago,
    make_assembly,
    make_item,
    make_line,
    make_point,
    make_tool,
    patch_tool,
    person,
    produced,
    replaced,
    running,
)

EXCLUSIVE = ("unassigned", "process", "active", "inventory_item", "assembly", "machine")
FLAGS = ("unassigned", "active")
REFERENCES = ("process", "inventory_item", "assembly", "machine")
TRUE = ["1", "true", "on", "yes", "y", "checked", "TRUE", "Yes"]
FALSE = ["0", "false", "off", "no", "2", "banana", ""]


class Shop(NamedTuple):
    """One tool of each kind. The machine has `running` loaded, and another process beside it."""

    references: dict[str, int]
    tools: dict[str, Json]

    def names(self, found: Json) -> set[str]:
        return {name for name, tool in self.tools.items() if str(tool["id"]) in found}


@pytest.fixture(scope="module")
def shop(api: httpx.Client) -> Shop:
    mill = make_machine(api)
    loaded, other = make_process(api, mill), make_process(api, mill)
    program = make_program(api, mill, process_id=loaded["id"])
    report(api, mill, program_name=program["filename"], part_count=0, when=MARCH)
    durable, insert = make_item(api, durable=True), make_item(api, durable=False)
    first, second = make_assembly(api, loaded, location=1), make_assembly(api, loaded, location=2)
    tools = {
        "running": make_tool(api, first),
        "beside it": make_tool(api, first, inventory_item_id=durable["id"]),
        "also running": make_tool(api, second, inventory_item_id=insert["id"]),
        "of another process": make_tool(api, make_assembly(api, other), inventory_item_id=insert["id"]),
        "of a free assembly": make_tool(api, make_assembly(api)),
        "loose": make_tool(api, inventory_item_id=durable["id"]),
    }
    references = {
        "process": loaded["id"],
        "machine": mill["id"],
        "inventory_item": insert["id"],
        "assembly": first["id"],
    }
    return Shop(references, tools)


def listed(api: httpx.Client, shop: Shop, **query: Any) -> set[str]:
    return shop.names(get(api, "/api/tools/", **query))


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_list_maps_tool_ids_to_tools(api: httpx.Client, shop: Shop, slash: str) -> None:
    """A JSON object mapping tool IDs to tool objects."""
    tools = get(api, f"/api/tools{slash}")
    assert shop.names(tools) == set(shop.tools)
    for tool in shop.tools.values():
        assert tools[str(tool["id"])] == get(api, f"/api/tools/{tool['id']}{slash}")


def test_durable_tools(api: httpx.Client, shop: Shop) -> None:
    """`durable` is the flag of the tool's item, `consumable` excludes them; a tool without an item is a consumable."""
    durable = {"beside it", "loose"}
    assert listed(api, shop, durable="durable") == durable
    assert listed(api, shop, durable="consumable") == set(shop.tools) - durable


def test_unassigned_tools(api: httpx.Client, shop: Shop) -> None:
    """Only tools that are not assigned to a process."""
    assert listed(api, shop, unassigned=1) == {"of a free assembly", "loose"}


def test_tools_of_a_process(api: httpx.Client, shop: Shop) -> None:
    """Only tools assigned to that process."""
    expected = {"running", "beside it", "also running"}
    found = get(api, "/api/tools/", process=shop.references["process"])
    assert shop.names(found) == expected
    assert len(found) == len(expected)


def test_tools_of_a_machine(api: httpx.Client, shop: Shop) -> None:
    """Only tools in use by that machine's currently loaded process."""
    found = get(api, "/api/tools/", machine=shop.references["machine"])
    assert shop.names(found) == {"running", "beside it", "also running"}
    assert len(found) == 3
    assert get(api, "/api/tools/", machine=make_machine(api)["id"]) == {}


def test_active_tools(api: httpx.Client, shop: Shop) -> None:
    """Tools of the process that is loaded on any machine."""
    line, idle = running(api), make_line(api)
    tools = get(api, "/api/tools/", active=1)
    assert shop.names(tools) == {"running", "beside it", "also running"}
    assert str(line.tool["id"]) in tools
    assert str(idle.tool["id"]) not in tools


def test_tools_that_use_an_item(api: httpx.Client, shop: Shop) -> None:
    """Only tools that use that item."""
    found = get(api, "/api/tools/", inventory_item=shop.references["inventory_item"])
    assert shop.names(found) == {"also running", "of another process"}
    assert len(found) == 2


def test_tools_of_an_assembly(api: httpx.Client, shop: Shop) -> None:
    """Only tools that are in that assembly."""
    found = get(api, "/api/tools/", assembly=shop.references["assembly"])
    assert shop.names(found) == {"running", "beside it"}
    assert len(found) == 2


def test_favorites_are_the_caller_s(api: httpx.Client, server: Server, shop: Shop) -> None:
    """Only tools that the current user has marked as favorites."""
    mine = shop.tools["running"]["id"]
    with person(server, api, "audit") as caller, person(server, api, "shop") as other:
        me = get(caller, "/api/users/me")["id"]
        answer = caller.patch(f"/api/users/{me}", json={"favorite_tools": [mine]})
        assert answer.status_code == 200, answer.text
        assert get(caller, "/api/tools/", favorite=1).keys() == {str(mine)}
        assert get(other, "/api/tools/", favorite=1) == {}
        assert listed(other, shop, favorite=0) == set(shop.tools)


@pytest.mark.parametrize(
    ("mode", "life"),
    [
        (0, {"part_life": 10, "warn_life": 10}),
        (0, {"part_life": 10, "warn_life": 2, "part_count": 8}),
        (0, {"part_life": 10, "warn_life": 2, "part_count": 12}),
        (1, {"max_runtime": 60, "warn_runtime": 60}),
        (2, {"day_life": 5, "day_warning": 5}),
    ],
)
def test_tools_at_or_past_their_warning(api: httpx.Client, mode: int, life: Json) -> None:
    """`warn_life=1`: tools at or past their warning, in their usage mode."""
    tool = make_tool(api, usage_mode=mode, **life)
    other = make_tool(api, usage_mode=(mode + 1) % 3, **life)
    found = get(api, "/api/tools/", warn_life=1)
    assert str(tool["id"]) in found
    assert str(other["id"]) not in found


@pytest.mark.parametrize(
    ("mode", "life"),
    [
        (0, {"part_life": 0, "warn_life": 5, "part_count": 3}),
        (0, {"part_life": 10, "warn_life": 2, "part_count": 7}),
        (0, {"max_runtime": 60, "warn_runtime": 60, "day_life": 5, "day_warning": 5}),
        (1, {"max_runtime": 60, "warn_runtime": 59.5}),
        (1, {"max_runtime": 0, "warn_runtime": 10}),
        (2, {"day_life": 5, "day_warning": 4}),
        (2, {"day_life": 0, "day_warning": 5}),
    ],
)
def test_tools_before_their_warning(api: httpx.Client, mode: int, life: Json) -> None:
    """A zero life turns the tracking off."""
    tool = make_tool(api, usage_mode=mode, **life)
    assert str(tool["id"]) not in get(api, "/api/tools/", warn_life=1)
    assert str(tool["id"]) in get(api, "/api/tools/", warn_life=0)


def test_warnings_go_by_the_days(api: httpx.Client) -> None:
    """day_life minus day_count is at or below day_warning."""
    tool = make_tool(api, usage_mode=2, day_life=10, day_warning=3)
    replaced(api, tool, timestamp=ago(days=8))
    assert str(tool["id"]) in get(api, "/api/tools/", warn_life=1)
    replaced(api, tool, timestamp=ago(days=5))
    assert str(tool["id"]) not in get(api, "/api/tools/", warn_life=1)


def test_usage_modes(api: httpx.Client) -> None:
    """`usage_mode` can be passed multiple times; if it isn't set, all are included."""
    tools = {mode: str(make_tool(api, usage_mode=mode)["id"]) for mode in (0, 1, 2)}
    for asked in ([0], [1], [2], [0, 2], [2, 1], [0, 1, 2], []):
        found = get(api, "/api/tools/", usage_mode=asked)
        assert {mode for mode, tool in tools.items() if tool in found} == set(asked or tools)


# Average life


def test_the_average_life_of_each_tool(api: httpx.Client) -> None:
    """The mean of `part_count` over all its replacement records, indexes included."""
    item = make_item(api, corners=4)
    point = make_point(api, (item, 5))
    line = produced(api, 4, inventory_item_id=item["id"])
    never = make_tool(api)
    replaced(api, line.tool, indexed=True)
    patch_tool(api, line.tool, part_count=7)
    replaced(api, line.tool, inv_pt=point["id"])
    tools = get(api, "/api/tools/", life=1)
    assert tools[str(line.tool["id"])]["average_tool_life"] == 5.5
    assert tools[str(never["id"])]["average_tool_life"] is None


def test_the_average_life_goes_by_when_parts_were_made(api: httpx.Client) -> None:
    """Production counts where it happened: also in the record of the replacement."""
    line = produced(api, 2)
    replaced(api, line.tool, timestamp=MARCH + MINUTE)
    assert get(api, "/api/tools/", life=1)[str(line.tool["id"])]["average_tool_life"] == 1


@pytest.mark.parametrize("query", [{}, *[{"life": no} for no in FALSE]])
def test_without_the_flag_there_is_no_average(api: httpx.Client, shop: Shop, query: Json) -> None:
    """`average_tool_life` is an additional field, and everything but the words of truth is false."""
    tools = get(api, "/api/tools/", **query)
    assert shop.names(tools) == set(shop.tools)
    assert not any("average_tool_life" in tool for tool in tools.values())


@pytest.mark.parametrize("yes", TRUE)
def test_flags_are_true_in_any_of_the_words(api: httpx.Client, shop: Shop, yes: str) -> None:
    """True for `1 true on yes y checked` (any case)."""
    found = get(api, "/api/tools/", life=yes, unassigned=yes)
    assert shop.names(found) == {"of a free assembly", "loose"}
    assert all("average_tool_life" in tool for tool in found.values())


@pytest.mark.parametrize("no", FALSE)
@pytest.mark.parametrize("flag", ["unassigned", "active", "favorite", "warn_life"])
def test_flags_filter_only_when_true(api: httpx.Client, shop: Shop, flag: str, no: str) -> None:
    """Every other flag filters only when true."""
    assert listed(api, shop, **{flag: no}) == set(shop.tools)


# Filters together


def test_filters_are_combined(api: httpx.Client, shop: Shop) -> None:
    """Those that do not exclude each other narrow together."""
    assert listed(api, shop, process=shop.references["process"], durable="durable") == {"beside it"}
    assert listed(api, shop, unassigned=1, durable="consumable") == {"of a free assembly"}
    assert listed(api, shop, assembly=shop.references["assembly"], usage_mode=1) == set()
    assert listed(api, shop, inventory_item=shop.references["inventory_item"], warn_life=1) == set()


def asked(shop: Shop, *names: str) -> dict[str, int]:
    return {name: shop.references.get(name, 1) for name in names}


@pytest.mark.parametrize(("first", "second"), list(combinations(EXCLUSIVE, 2)))
def test_filters_that_exclude_each_other_are_400(api: httpx.Client, shop: Shop, first: str, second: str) -> None:
    """If multiple mutually-exclusive filters are specified in the same request."""
    refused(api.get("/api/tools/", params=asked(shop, first, second)), 400)


@pytest.mark.parametrize(("flag", "other"), [(flag, other) for flag in FLAGS for other in EXCLUSIVE if flag != other])
@pytest.mark.parametrize("no", ["0", "false", "banana"])
def test_a_flag_conflicts_only_when_true(api: httpx.Client, shop: Shop, flag: str, other: str, no: str) -> None:
    """A false flag is as if it were absent."""
    query = asked(shop, other)
    assert get(api, "/api/tools/", **query, **{flag: no}) == get(api, "/api/tools/", **query)


@pytest.mark.parametrize("name", REFERENCES)
def test_a_filter_by_what_does_not_exist_is_424(api: httpx.Client, name: str) -> None:
    """If the provided process, inventory_item, tool_assembly, or machine ID does not exist."""
    refused(api.get("/api/tools/", params={name: UNKNOWN}), 424)


@pytest.mark.parametrize("name", [*REFERENCES, "usage_mode"])
def test_a_filter_that_is_no_number_is_400(api: httpx.Client, name: str) -> None:
    """A query parameter that is not a number where one is documented: 400."""
    refused(api.get("/api/tools/", params={name: "many"}), 400)


def test_an_unknown_parameter_is_ignored(api: httpx.Client, shop: Shop) -> None:
    """An unknown query parameter is ignored."""
    assert listed(api, shop, colour="red", Process=UNKNOWN) == set(shop.tools)


@pytest.mark.parametrize("slash", ["", "/"])
def test_an_unknown_tool_is_404(api: httpx.Client, slash: str) -> None:
    """A missing object is 404."""
    refused(api.get(f"/api/tools/{UNKNOWN}{slash}"), 404)
