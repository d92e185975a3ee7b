"""Making, editing and deleting tools, one and many, as `api/tool.txt` and `domain.md` have it."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from api.client import UNKNOWN, Json, Server, get, make_machine, make_process, refused, unique, written
from api.tooling import (
    done,
    in_stock,
    life_history,
    lives_of,
    made,
    make_assembly,
    make_item,
    make_point,
    make_tool,
    part_counts,
    patch_life,
    patch_tool,
    person,
    produced,
    replaced,
    replacement_of,
    replacements_of,
    tool_of,
)

BULK = ("bulkAdjustPartCount", "bulkChangeTags", "updatePartLife")


def bulk(api: httpx.Client, what: str, body: Any) -> Json:
    return done(api.post(f"/api/tools/{what}", json=body))


# PUT, PATCH


@pytest.mark.parametrize("slash", ["", "/"])
def test_creating_answers_201_with_the_new_tool(api: httpx.Client, slash: str) -> None:
    """The new tool object."""
    tool = made(api.put(f"/api/tools{slash}", json={"name": "Bohrer"}))
    assert tool_of(api, tool) == tool


@pytest.mark.parametrize("slash", ["", "/"])
def test_patch_answers_200_with_the_modified_tool(api: httpx.Client, slash: str) -> None:
    """The modified tool object."""
    tool = make_tool(api)
    changed = done(api.patch(f"/api/tools/{tool['id']}{slash}", json={"name": "Deckel"}))
    assert changed == tool_of(api, tool) == tool | {"name": "Deckel"}


def test_patch_of_nothing_changes_nothing(api: httpx.Client) -> None:
    """Also of what it is already."""
    tool = make_tool(api, notes="x", part_life=3, tags=["a"])
    events = written(api)
    for body in ({}, {"notes": "x"}, {"part_life": 3, "part_count": 0}, {"tags": ["a"]}):
        assert patch_tool(api, tool, **body) == tool
    assert written(api) == events


def test_patch_of_an_unknown_tool_is_404(api: httpx.Client) -> None:
    """A missing object is 404."""
    refused(api.patch(f"/api/tools/{UNKNOWN}", json={"notes": "x"}), 404)


@pytest.mark.parametrize("body", [[], "name", 5, None])
def test_a_body_that_is_no_object_is_400(api: httpx.Client, body: object) -> None:
    """A missing or invalid field: 400."""
    tool, events = make_tool(api), written(api)
    for what in ("bulkAdjustPartCount", "bulkChangeTags"):
        refused(api.post(f"/api/tools/{what}", json=body), 400)
    if body is not None:
        refused(api.post(f"/api/tools/{tool['id']}/replace", json=body), 400)
    refused(api.patch(f"/api/tools/{tool['id']}", json=body), 400)
    refused(api.put("/api/tools/", json=body), 400)
    assert (tool_of(api, tool), written(api)) == (tool, events)


def test_a_tool_moves_between_assemblies(api: httpx.Client) -> None:
    """`assembly_id`: the assembly that this tool is part of."""
    first, second = make_assembly(api), make_assembly(api)
    tool = make_tool(api, first)
    for assembly in (second, first):
        assert patch_tool(api, tool, assembly_id=assembly["id"])["assembly_id"] == assembly["id"]
        assert get(api, "/api/tools/", assembly=assembly["id"]).keys() == {str(tool["id"])}
    assert patch_tool(api, tool, assembly_id=None)["assembly_id"] is None


# Levels

EDITED: Json = {
    "notes": "changed",
    "part_count": 4,
    "name": "changed",
    "part_life": 50,
    "warn_life": 5,
    "reorder_point": 2,
    "order_qty": 3,
    "tags": ["changed"],
    "monitoring_dest": 1,
    "is_critical": True,
    "slots": 2,
    "usage_mode": 2,
}
SHOP = ("notes", "part_count")


@pytest.mark.parametrize("level", ["admin", "plan", "shop"])
def test_a_level_that_may_not_write_a_field_has_it_ignored(api: httpx.Client, server: Server, level: str) -> None:
    """Shop may write notes and part_count; the rest is silently ignored."""
    tool, item = make_tool(api), make_item(api)
    sent = EDITED | {"inventory_item_id": item["id"]}
    allowed = {name: sent[name] for name in sent if level != "shop" or name in SHOP}
    with person(server, api, level) as caller:
        changed = patch_tool(caller, tool, **sent)
    assert {name: changed[name] for name in sent} == {name: tool[name] for name in sent} | allowed
    assert tool_of(api, tool) == changed


def test_what_shop_may_not_write_leaves_no_record(api: httpx.Client, server: Server) -> None:
    """An ignored life field changes no life."""
    tool = make_tool(api)
    before = life_history(api, tool)
    with person(server, api, "shop") as caller:
        assert patch_tool(caller, tool, part_life=9, name="changed") == tool
    assert life_history(api, tool) == before


def test_a_level_that_may_write_none_of_it_gets_403(api: httpx.Client, server: Server) -> None:
    """When the caller's level is too low: 403, and `allowed` lists the levels that may do it."""
    tool = make_tool(api)
    with person(server, api, "audit") as caller:
        problem = refused(caller.patch(f"/api/tools/{tool['id']}", json={"notes": "x"}), 403)
    assert set(problem["allowed"]) >= {"admin", "plan", "shop"}
    assert tool_of(api, tool) == tool


@pytest.mark.parametrize("level", ["plan", "shop", "audit"])
def test_who_may_make_and_delete_tools(api: httpx.Client, server: Server, level: str) -> None:
    """Create and delete tools: plan and admin. Everybody may read them."""
    tool = make_tool(api)
    with person(server, api, level) as caller:
        assert get(caller, f"/api/tools/{tool['id']}") == tool
        answers = [
            caller.put("/api/tools/", json={"name": unique("tool")}),
            caller.delete(f"/api/tools/{tool['id']}"),
        ]
    if level == "plan":
        assert [answer.status_code for answer in answers] == [201, 204]
    else:
        assert all(set(refused(answer, 403)["allowed"]) >= {"admin", "plan"} for answer in answers)
        assert tool_of(api, tool) == tool


@pytest.mark.parametrize(
    ("level", "allowed"),
    [("plan", set(BULK)), ("shop", {"bulkAdjustPartCount"}), ("audit", set())],
)
def test_who_may_edit_many_tools(api: httpx.Client, server: Server, level: str, allowed: set[str]) -> None:
    """bulkAdjustPartCount: shop and up; bulkChangeTags, updatePartLife: plan and admin."""
    tool = make_tool(api)["id"]
    bodies = ({"tools": [tool], "count": 1}, {"tools": [tool], "add": ["a"], "remove": []}, [tool])
    with person(server, api, level) as caller:
        for what, body in zip(BULK, bodies, strict=True):
            answer = caller.post(f"/api/tools/{what}", json=body)
            assert answer.status_code == (200 if what in allowed else 403), what


# DELETE


@pytest.mark.parametrize("slash", ["", "/"])
def test_delete_answers_204_and_no_body(api: httpx.Client, slash: str) -> None:
    """`DELETE` answers 204 and no body."""
    tool = make_tool(api)
    answer = api.delete(f"/api/tools/{tool['id']}{slash}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert str(tool["id"]) not in get(api, "/api/tools/")
    for rest in ("", "/replace", "/replacements", "/processLife", "/lifeHistory", "/dayCount/all"):
        refused(api.get(f"/api/tools/{tool['id']}{rest}"), 404)
    refused(api.delete(f"/api/tools/{tool['id']}"), 404)
    refused(api.patch(f"/api/tools/{tool['id']}", json={"notes": "x"}), 404)


def test_delete_keeps_the_history(api: httpx.Client) -> None:
    """Deleting always works and history stays: references read null."""
    line = produced(api, 2)
    record = replaced(api, line.tool)["replacement"]
    assert api.delete(f"/api/tools/{line.tool['id']}").status_code == 204
    kept = replacement_of(api, record)
    assert kept == record | {"tool_id": None}


def test_a_deleted_item_leaves_its_tools(api: httpx.Client) -> None:
    """References read null."""
    item = make_item(api)
    tool = make_tool(api, inventory_item_id=item["id"])
    assert api.delete(f"/api/inventory/items/{item['id']}").status_code == 204
    assert tool_of(api, tool)["inventory_item_id"] is None


def test_a_deleted_assembly_leaves_its_tools(api: httpx.Client) -> None:
    """Deleting an assembly leaves its tools without one."""
    assembly = make_assembly(api)
    tool = make_tool(api, assembly)
    assert api.delete(f"/api/tools/assemblies/{assembly['id']}").status_code == 204
    assert tool_of(api, tool)["assembly_id"] is None


# bulkAdjustPartCount


@pytest.mark.parametrize(("count", "expected"), [(5, [12, 15]), ("5", [12, 15]), (-3, [4, 7]), (0, [7, 10])])
def test_part_counts_are_adjusted_together(api: httpx.Client, count: object, expected: list[int]) -> None:
    """Positive adds to the part count, negative decreases it; unknown IDs are left out."""
    tools = [make_tool(api, part_count=start) for start in (7, 10)]
    ids = [tool["id"] for tool in tools]
    answer = bulk(api, "bulkAdjustPartCount", {"tools": [*ids, UNKNOWN], "count": count})
    assert [tool_of(api, tool)["part_count"] for tool in tools] == expected
    assert str(UNKNOWN) not in answer
    if count:
        assert answer == {str(tool["id"]): tool_of(api, tool) for tool in tools}


def test_adjusting_changes_the_tool_s_own_life(api: httpx.Client) -> None:
    """Bulk calls change the tool's, not that of a process."""
    process, tool = make_process(api, make_machine(api)), make_tool(api)
    patch_life(api, tool, process, part_count=3)
    bulk(api, "bulkAdjustPartCount", {"tools": [tool["id"]], "count": 2})
    assert part_counts(api, tool) == {"": 2, str(process["id"]): 3}


@pytest.mark.parametrize(
    ("field", "value"),
    [("count", "many"), ("count", 1.5), ("count", None), ("tools", None), ("tools", 5), ("tools", ["x"])],
)
def test_an_invalid_adjustment_is_400(api: httpx.Client, field: str, value: object) -> None:
    """The error says which field; nothing is adjusted."""
    tool = make_tool(api)
    body = {"tools": [tool["id"]], "count": 1, field: value}
    assert field in refused(api.post("/api/tools/bulkAdjustPartCount", json=body), 400)["field"]
    assert tool_of(api, tool) == tool


# bulkChangeTags


def test_tags_are_added_and_removed_together(api: httpx.Client) -> None:
    """Tags will not be duplicated; if a tag is present in both add and remove, it will be removed."""
    tools = [make_tool(api, tags=tags) for tags in (["old", "steel"], [], ["new"], ["both"])]
    body = {"tools": [tool["id"] for tool in tools], "add": ["new", "both"], "remove": ["old", "both"]}
    answer = bulk(api, "bulkChangeTags", body | {"tools": [*body["tools"], UNKNOWN]})
    shown = [tool_of(api, tool) for tool in tools]
    assert [sorted(tool["tags"]) for tool in shown] == [["new", "steel"], ["new"], ["new"], ["new"]]
    assert answer.keys() <= {str(tool["id"]) for tool in tools}
    assert all(answer[str(shown[index]["id"])] == shown[index] for index in (0, 1, 3))


def test_tags_may_be_added_or_removed_alone(api: httpx.Client) -> None:
    """Adds and/or removes."""
    tool = make_tool(api, tags=["old"])
    bulk(api, "bulkChangeTags", {"tools": [tool["id"]], "add": ["new"]})
    assert sorted(tool_of(api, tool)["tags"]) == ["new", "old"]
    bulk(api, "bulkChangeTags", {"tools": [tool["id"]], "remove": ["old"]})
    assert tool_of(api, tool)["tags"] == ["new"]


@pytest.mark.parametrize(("field", "value"), [("add", "steel"), ("add", [5]), ("remove", {"a": 1}), ("tools", "x")])
def test_an_invalid_change_of_tags_is_400(api: httpx.Client, field: str, value: object) -> None:
    """The error says which field; nothing is changed."""
    tool = make_tool(api, tags=["old"])
    body = {"tools": [tool["id"]], "add": ["new"], "remove": ["old"], field: value}
    assert field in refused(api.post("/api/tools/bulkChangeTags", json=body), 400)["field"]
    assert tool_of(api, tool) == tool


# updatePartLife


def test_part_life_becomes_the_average_life(api: httpx.Client) -> None:
    """All selected tools get their calculated average life, rounded; tools without one are left out."""
    tool, never = make_tool(api, part_life=100), make_tool(api, part_life=100)
    for count in (10, 11, 11):
        patch_tool(api, tool, part_count=count)
        replaced(api, tool)
    answer = bulk(api, "updatePartLife", [tool["id"], never["id"], UNKNOWN])
    assert answer == {str(tool["id"]): tool_of(api, tool)}
    assert [tool_of(api, each)["part_life"] for each in (tool, never)] == [11, 100]
    assert life_history(api, tool)[-1]["part_life"] == 11
    assert lives_of(api, tool)[""]["part_life"] == 11


@pytest.mark.parametrize("body", [{}, "x", 5, ["x"], [1.5]])
def test_what_is_no_list_of_tools_is_400(api: httpx.Client, body: object) -> None:
    """The body is a list of tool IDs."""
    refused(api.post("/api/tools/updatePartLife", json=body), 400)


# If-Match, Idempotency-Key


def test_if_match_guards_patch_and_delete(api: httpx.Client) -> None:
    """A request with the ETag of an older state is 412, and changes nothing."""
    tool = make_tool(api)
    path = f"/api/tools/{tool['id']}"
    old = api.get(path).headers["ETag"]
    assert api.patch(path, json={"notes": "first"}, headers={"If-Match": old}).status_code == 200
    new = api.get(path).headers["ETag"]
    assert new != old
    refused(api.patch(path, json={"notes": "second"}, headers={"If-Match": old}), 412)
    refused(api.delete(path, headers={"If-Match": old}), 412)
    assert tool_of(api, tool)["notes"] == "first"
    assert api.delete(path, headers={"If-Match": new}).status_code == 204


def twice(api: httpx.Client, method: str, path: str, body: Json) -> list[httpx.Response]:
    headers = {"Idempotency-Key": str(uuid4())}
    answers = [api.request(method, path, json=body, headers=headers) for _ in range(2)]
    assert answers[0].is_success, answers[0].text
    assert [answers[0].status_code, answers[0].json()] == [answers[1].status_code, answers[1].json()]
    other = body | {"notes": "another"}
    refused(api.request(method, path, json=other, headers=headers), 400, 409, 422)
    return answers


def test_a_repeated_request_makes_one_tool(api: httpx.Client) -> None:
    """With the same Idempotency-Key the first answer comes again; another body is refused."""
    name = unique("tool")
    twice(api, "PUT", "/api/tools/", {"name": name})
    assert [tool["name"] for tool in get(api, "/api/tools/").values()].count(name) == 1


def test_a_repeated_request_replaces_once(api: httpx.Client) -> None:
    """One replacement, and one insert is taken."""
    item = make_item(api)
    point = make_point(api, (item, 5))
    tool = make_tool(api, inventory_item_id=item["id"])
    twice(api, "POST", f"/api/tools/{tool['id']}/replace", {"inv_pt": point["id"]})
    assert len(replacements_of(api, tool)) == 1
    assert in_stock(api, point, item) == 4


def test_a_repeated_request_adjusts_once(api: httpx.Client) -> None:
    """The count is added once."""
    tool = make_tool(api)
    twice(api, "POST", "/api/tools/bulkAdjustPartCount", {"tools": [tool["id"]], "count": 3})
    assert tool_of(api, tool)["part_count"] == 3
