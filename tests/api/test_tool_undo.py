"""The history of replacements, and how one is edited and undone, as `api/tool.txt` and `domain.md` have it."""

import httpx
import pytest

from api.client import DAY, UNKNOWN, Json, Server, get, refused, report, written
from api.tooling import (
    MARCH,
    MINUTE,
    REPLACEMENT,
    EdgeLine,
    done,
    in_stock,
    lives_of,
    make_assembly,
    make_item,
    make_point,
    make_tool,
    part_counts,
    patch_tool,
    person,
    produced,
    replaced,
    replacement_of,
    replacements_of,
    replacing,
    running,
    tool_of,
    undo,
)


def undone(api: httpx.Client, record: Json) -> None:
    answer = undo(api, record)
    assert (answer.status_code, answer.content) == (204, b""), answer.text
    refused(api.get(f"/api/tools/replacements/{record['id']}"), 404)


# GET /api/tools/{id}/replacements


@pytest.fixture(scope="module")
def history(api: httpx.Client) -> tuple[Json, list[Json]]:
    """A tool, and its five replacements, the latest first."""
    tool = make_tool(api)
    records = [replaced(api, tool, timestamp=MARCH + day * DAY)["replacement"] for day in range(5)]
    replaced(api, make_tool(api))
    return tool, records[::-1]


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_history_maps_ids_to_replacements(api: httpx.Client, history: tuple[Json, list[Json]], slash: str) -> None:
    """An object mapping replacement ID to replacement object; more recent ones are first."""
    tool, records = history
    found = get(api, f"/api/tools/{tool['id']}/replacements{slash}")
    assert list(found) == [str(record["id"]) for record in records]
    assert list(found.values()) == records
    assert all(record.keys() >= REPLACEMENT for record in records)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, slice(None)),
        ({"limit": 2}, slice(2)),
        ({"limit": 2, "offset": 2}, slice(2, 4)),
        ({"limit": 2, "offset": 4}, slice(4, 6)),
        ({"offset": 3}, slice(3, None)),
        ({"offset": 9}, slice(9, None)),
        ({"limit": 50}, slice(None)),
        ({"limit": 5, "offset": 0}, slice(None)),
    ],
)
def test_limit_and_offset_turn_pages(
    api: httpx.Client, history: tuple[Json, list[Json]], query: dict[str, int], expected: slice
) -> None:
    """`limit`: maximum number of items (defaults to all); `offset`: skip past this many results."""
    tool, records = history
    assert replacements_of(api, tool, **query) == records[expected]


@pytest.mark.parametrize("name", ["limit", "offset"])
def test_a_page_that_is_no_number_is_400(api: httpx.Client, history: tuple[Json, list[Json]], name: str) -> None:
    """A query parameter that is not a number where one is documented: 400."""
    refused(api.get(f"/api/tools/{history[0]['id']}/replacements", params={name: "many"}), 400)


def test_the_history_of_a_tool_without_one(api: httpx.Client) -> None:
    """A new tool has none, and an unknown tool is 404."""
    assert get(api, f"/api/tools/{make_tool(api)['id']}/replacements") == {}
    refused(api.get(f"/api/tools/{UNKNOWN}/replacements"), 404)


def test_the_history_goes_by_the_replacements_times(api: httpx.Client, history: tuple[Json, list[Json]]) -> None:
    """Each has its own timestamp."""
    assert [record["timestamp"] for record in history[1]] == [MARCH + day * DAY for day in (4, 3, 2, 1, 0)]


# GET, PATCH /api/tools/replacements/{id}


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize(("field", "value"), [("notes", "Größe 40"), ("reason", 6), ("condition", 33)])
def test_a_replacement_may_be_edited(api: httpx.Client, field: str, value: object, slash: str) -> None:
    """PATCH (notes, reason, condition)."""
    tool = make_tool(api)
    record = replaced(api, tool, notes="x", reason=1, condition=16)["replacement"]
    path = f"/api/tools/replacements/{record['id']}{slash}"
    assert done(api.patch(path, json={field: value})) == record | {field: value}
    assert get(api, path) == record | {field: value} == replacements_of(api, tool)[0]


def test_an_older_replacement_may_be_edited_too(api: httpx.Client, history: tuple[Json, list[Json]]) -> None:
    """Editing isn't undoing."""
    record = history[1][-1]
    path = f"/api/tools/replacements/{record['id']}"
    assert done(api.patch(path, json={"notes": "x"}))["notes"] == "x"
    assert done(api.patch(path, json={"notes": record["notes"]})) == record


def test_the_rest_of_a_replacement_is_read_only(api: httpx.Client) -> None:
    """Fields that are read-only or unknown are ignored silently."""
    record = replaced(api, make_tool(api, part_count=3))["replacement"]
    ignored = dict.fromkeys(REPLACEMENT - {"notes", "reason", "condition"}, 7) | {"colour": "red"}
    changed = done(api.patch(f"/api/tools/replacements/{record['id']}", json=ignored | {"notes": "x"}))
    assert changed == record | {"notes": "x"}


@pytest.mark.parametrize(
    ("field", "value"),
    [("reason", 7), ("reason", -1), ("reason", "worn"), ("condition", -1), ("condition", "x"), ("notes", 5)],
)
def test_an_invalid_edit_is_400(api: httpx.Client, field: str, value: object) -> None:
    """The error says which field, and nothing is written."""
    record = replaced(api, make_tool(api))["replacement"]
    events = written(api)
    body = {"notes": "changed", "reason": 1, "condition": 1, field: value}
    answer = api.patch(f"/api/tools/replacements/{record['id']}", json=body)
    assert field in refused(answer, 400)["field"]
    assert (replacement_of(api, record), written(api)) == (record, events)


def test_an_unknown_replacement_is_404(api: httpx.Client) -> None:
    """A missing object is 404."""
    path = f"/api/tools/replacements/{UNKNOWN}"
    refused(api.get(path), 404)
    refused(api.patch(path, json={"notes": "x"}), 404)
    refused(api.delete(path), 404)


# DELETE /api/tools/replacements/{id}


def test_undo_gives_the_counters_back(api: httpx.Client) -> None:
    """Counters as if it hadn't been, also with the parts that were made since."""
    line = produced(api, 3, part_life=9)
    before, lives = tool_of(api, line.tool), lives_of(api, line.tool)
    undone(api, replaced(api, line.tool)["replacement"])
    assert (tool_of(api, line.tool), lives_of(api, line.tool)) == (before, lives)
    record = replaced(api, line.tool)["replacement"]
    report(api, line.mill, part_count=5)
    undone(api, record)
    assert part_counts(api, line.tool) == {"": 5, str(line.process["id"]): 5}
    assert replacements_of(api, line.tool) == []


def test_undo_with_late_parts_and_corrections(api: httpx.Client, edge: httpx.Client) -> None:
    """Whatever arrives late, is backdated, undone or deleted: as if everything had been known in time."""
    line = EdgeLine(api, edge)
    line.cycles(MARCH - MINUTE)
    first = replaced(api, line.tool, timestamp=MARCH)["replacement"]
    second = replaced(api, line.tool, timestamp=MARCH + DAY)["replacement"]
    line.cycles(MARCH - MINUTE, MARCH + MINUTE, MARCH + DAY + MINUTE)
    patch_tool(api, line.tool, part_count=11)
    undone(api, second)
    assert part_counts(api, line.tool)[""] == 12
    assert replacement_of(api, first)["part_count"] == 2
    undone(api, first)
    assert part_counts(api, line.tool)[""] == 14


def test_undo_goes_back_to_the_replacement_before(api: httpx.Client) -> None:
    """The latest is undone; then the one before is the latest."""
    tool = make_tool(api, part_count=3)
    first = replaced(api, tool, timestamp=MARCH)["replacement"]
    second = replaced(api, tool, timestamp=MARCH + DAY)["replacement"]
    refused(undo(api, first), 409)
    assert replacements_of(api, tool) == [second, first]
    undone(api, second)
    assert tool_of(api, tool)["last_replaced"] == pytest.approx(MARCH)
    assert get(api, f"/api/tools/{tool['id']}/replace")["last_replacement"] == first
    undone(api, first)
    assert tool_of(api, tool) == tool
    assert get(api, f"/api/tools/{tool['id']}/replace")["last_replacement"] is None


def test_an_undone_replacement_is_gone(api: httpx.Client) -> None:
    """Undoing it again is 404; the next may have an earlier time, and another ID."""
    tool = make_tool(api)
    replaced(api, tool, timestamp=MARCH)
    record = replaced(api, tool, timestamp=MARCH + DAY)["replacement"]
    undone(api, record)
    refused(undo(api, record), 404)
    assert replaced(api, tool, timestamp=MARCH + 1)["replacement"]["id"] > record["id"]


def test_undo_gives_items_and_corners_back(api: httpx.Client) -> None:
    """Items and corners as before."""
    item = make_item(api, corners=4)
    point = make_point(api, (item, 5))
    tool = make_tool(api, inventory_item_id=item["id"], slots=2)
    replaced(api, tool, indexed=True)
    record = replaced(api, tool, inv_pt=point["id"])["replacement"]
    assert (in_stock(api, point, item), tool_of(api, tool)["used_corners"]) == (3, 0)
    undone(api, record)
    assert (in_stock(api, point, item), tool_of(api, tool)["used_corners"]) == (5, 1)
    undone(api, replacements_of(api, tool)[0])
    assert (in_stock(api, point, item), tool_of(api, tool)["used_corners"]) == (5, 0)


def test_undo_gives_back_what_was_taken(api: httpx.Client) -> None:
    """Also when the tool has other slots or another item by now."""
    item = make_item(api)
    point = make_point(api, (item, 5))
    tool = make_tool(api, inventory_item_id=item["id"], slots=2)
    record = replaced(api, tool, inv_pt=point["id"])["replacement"]
    patch_tool(api, tool, slots=1, inventory_item_id=make_item(api)["id"])
    undone(api, record)
    assert in_stock(api, point, item) == 5


def test_a_point_that_is_gone_gets_nothing_back(api: httpx.Client) -> None:
    """The rest is undone all the same."""
    item = make_item(api)
    point = make_point(api, (item, 1))
    tool = make_tool(api, inventory_item_id=item["id"])
    record = replaced(api, tool, inv_pt=point["id"])["replacement"]
    assert api.delete(f"/api/inventory/{point['id']}").status_code == 204
    undone(api, record)
    assert tool_of(api, tool) == tool


def test_undo_gives_the_status_back(api: httpx.Client) -> None:
    """Status as before."""
    tool = make_tool(api, maintenance_status=6)
    undone(api, replaced(api, tool, maintenance_status=2)["replacement"])
    assert tool_of(api, tool) == tool


@pytest.mark.parametrize("placed", [True, False])
def test_undo_gives_a_substitute_its_place_back(api: httpx.Client, placed: bool) -> None:
    """A substitute's place as before, and the tool is in its assembly again."""
    line = running(api)
    other = make_tool(api, make_assembly(api) if placed else None)
    answer = done(replacing(api, line.tool, {"forceSub": 1}, substitute=other["id"]))
    undone(api, answer["replacement"])
    assert (tool_of(api, line.tool), tool_of(api, other)) == (line.tool, other)
    report(api, line.mill, part_count=2)
    assert [tool_of(api, tool)["part_count"] for tool in (line.tool, other)] == [2, 0]


def test_undo_with_parts_of_the_substitute(api: httpx.Client) -> None:
    """What the substitute made since is the tool's, as if it hadn't been replaced."""
    line = produced(api, 2)
    other = make_tool(api)
    record = replaced(api, line.tool, substitute=other["id"])["replacement"]
    report(api, line.mill, part_count=5)
    assert [tool_of(api, tool)["part_count"] for tool in (line.tool, other)] == [0, 3]
    undone(api, record)
    assert tool_of(api, line.tool)["assembly_id"] == line.assembly["id"]
    assert tool_of(api, line.tool)["part_count"] + tool_of(api, other)["part_count"] == 5


@pytest.mark.parametrize("moved", ["the tool", "the substitute"])
def test_undo_after_a_move_is_409(api: httpx.Client, moved: str) -> None:
    """409 if a tool of it has moved since."""
    line = running(api)
    other = make_tool(api)
    record = replaced(api, line.tool, substitute=other["id"])["replacement"]
    patch_tool(api, line.tool if moved == "the tool" else other, assembly_id=make_assembly(api)["id"])
    places = [tool_of(api, tool)["assembly_id"] for tool in (line.tool, other)]
    refused(undo(api, record), 409)
    assert [tool_of(api, tool)["assembly_id"] for tool in (line.tool, other)] == places
    assert replacements_of(api, line.tool) == [record]


@pytest.mark.parametrize(("level", "allowed"), [("plan", True), ("shop", False), ("audit", False)])
def test_who_may_undo(api: httpx.Client, server: Server, level: str, allowed: bool) -> None:
    """Undoing a replacement: plan and admin. Everybody may read it, the auditor may not edit it."""
    tool = make_tool(api)
    record = replaced(api, tool)["replacement"]
    with person(server, api, level) as caller:
        assert replacement_of(caller, record) == record
        if level == "audit":
            refused(caller.patch(f"/api/tools/replacements/{record['id']}", json={"notes": "x"}), 403)
        if allowed:
            undone(caller, record)
        else:
            assert set(refused(undo(caller, record), 403)["allowed"]) >= {"admin", "plan"}
            assert replacements_of(api, tool) == [record]


def test_if_match_guards_a_replacement(api: httpx.Client) -> None:
    """`If-Match` guards PATCH and DELETE: a request with an older ETag is 412."""
    path = f"/api/tools/replacements/{replaced(api, make_tool(api))['replacement']['id']}"
    old = api.get(path).headers["ETag"]
    assert api.patch(path, json={"notes": "first"}, headers={"If-Match": old}).status_code == 200
    refused(api.patch(path, json={"notes": "second"}, headers={"If-Match": old}), 412)
    refused(api.delete(path, headers={"If-Match": old}), 412)
    assert get(api, path)["notes"] == "first"
    assert api.delete(path, headers={"If-Match": api.get(path).headers["ETag"]}).status_code == 204
