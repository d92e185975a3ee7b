"""GET and POST /api/tools/{id}/replace, as `api/tool.txt` and `domain.md` have it. Stock: `test_tool_stock.py`."""

import time

import httpx
import pytest

from api.client import DAY, UNKNOWN, Json, Server, get, refused, report, written
from api.tooling import (
    MARCH,
    MINUTE,
    REPLACEMENT,
    ago,
    done,
    in_stock,
    life_history,
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
    replacing,
    running,
    tool_of,
)


def prompt(api: httpx.Client, tool: Json) -> Json:
    return get(api, f"/api/tools/{tool['id']}/replace")


def nothing_changed(api: httpx.Client, answer: httpx.Response, tool: Json, *status: int) -> Json:
    """Checks that a replacement is refused, and that the tool is as it was."""
    problem = refused(answer, *status)
    assert tool_of(api, tool) == tool
    assert prompt(api, tool)["last_replacement"] is None
    return problem


# What it records and answers


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_answer_has_the_tool_the_record_and_the_checklist(api: httpx.Client, slash: str) -> None:
    """`tool` with reset counters, `replacement` that was created, and `list`."""
    line = produced(api, 3, part_life=9)
    answer = done(api.post(f"/api/tools/{line.tool['id']}/replace{slash}", json={}))
    assert answer["tool"] == tool_of(api, line.tool)
    assert (answer["tool"]["part_count"], answer["tool"]["runtime"], answer["tool"]["parts_remaining"]) == (0, 0, 9)
    assert answer["replacement"] == replacement_of(api, answer["replacement"])
    assert isinstance(answer["list"], list)
    assert answer.get("substitute") is None


def test_the_record_of_a_replacement(api: httpx.Client) -> None:
    """Every documented field."""
    line = produced(api, 3, part_life=9)
    record = replaced(api, line.tool, notes="Schneide gebrochen", reason=2, condition=3)["replacement"]
    assert record.keys() >= REPLACEMENT
    expected = {
        "assembly_id": line.assembly["id"],
        "condition": 3,
        "day_count": 0,
        "image_type": None,
        "indexed": False,
        "inventory_item_id": None,
        "inventory_point_id": None,
        "notes": "Schneide gebrochen",
        "part_count": 3,
        "runtime": 0,
        "reason": 2,
        "tool_id": line.tool["id"],
        "user_id": get(api, "/api/users/me")["id"],
        "process_id": line.process["id"],
    }
    assert {name: record[name] for name in expected} == expected
    assert record["timestamp"] == pytest.approx(time.time(), abs=60)


def test_the_record_names_the_life_that_ended(api: httpx.Client) -> None:
    """`life_record_id`: the life record that was in force."""
    tool = patch_tool(api, make_tool(api), part_life=9)
    record = replaced(api, tool)["replacement"]
    assert record["life_record_id"] == life_history(api, tool)[-1]["id"]


def test_without_a_body_all_has_its_default(api: httpx.Client) -> None:
    """Reason 0 is "not specified", the condition has no bit, the notes are empty."""
    record = replaced(api, make_tool(api))["replacement"]
    expected = {"reason": 0, "condition": 0, "notes": "", "indexed": False, "assembly_id": None, "process_id": None}
    assert {name: record[name] for name in expected} == expected


def test_a_replacement_resets_all_of_the_tool_s_pairs(api: httpx.Client) -> None:
    """A replacement resets all of the tool's pairs; what is expected of them stays."""
    line = produced(api, 3)
    patch_life(api, line.tool, line.process, part_life=20, part_count=8)
    replaced(api, line.tool)
    assert part_counts(api, line.tool) == {"": 0, str(line.process["id"]): 0}
    pair = get(api, f"/api/tools/{line.tool['id']}/processLife")[str(line.process["id"])]
    assert (pair["part_life"], pair["parts_remaining"]) == (20, 20)
    report(api, line.mill, part_count=4)
    assert part_counts(api, line.tool) == {"": 1, str(line.process["id"]): 1}


def test_a_replacement_changes_nothing_else_of_the_tool(api: httpx.Client) -> None:
    """Counters are reset; the rest of the tool stays."""
    line = produced(api, 2, part_life=9, warn_life=3, tags=["a"], notes="x", maintenance_status=6)
    before = tool_of(api, line.tool)
    after = replaced(api, line.tool)["tool"]
    reset = {"part_count": 0, "parts_remaining": 9, "last_replaced": after["last_replaced"]}
    assert {**after, "last_part_id": None} == {**before, **reset, "last_part_id": None}


def test_the_days_of_a_replacement(api: httpx.Client) -> None:
    """Its `day_count` goes from the replacement before to its own time."""
    tool, now = make_tool(api), time.time()
    replaced(api, tool, timestamp=now - 10 * DAY)
    assert replaced(api, tool, timestamp=now - 3 * DAY)["replacement"]["day_count"] == 7


@pytest.mark.parametrize("reason", range(7))
def test_reasons(api: httpx.Client, reason: int) -> None:
    """0 not specified, 1 worn, 2 damaged, 3 part quality, 4 setup or changeover, 5 preventive, 6 other."""
    assert replaced(api, make_tool(api), reason=reason)["replacement"]["reason"] == reason
    assert replaced(api, make_tool(api), reason=str(reason))["replacement"]["reason"] == reason


@pytest.mark.parametrize("condition", [0, 1, 2, 4, 8, 16, 32, 5, 48, 63])
def test_conditions(api: httpx.Client, condition: int) -> None:
    """1 snapped, 2 corner fracture, 4 side fracture, 8 large fracture, 16 normal wear, 32 could have run longer."""
    assert replaced(api, make_tool(api), condition=condition)["replacement"]["condition"] == condition


@pytest.mark.parametrize("status", [1, 2, 5, 7])
def test_maintenance_status(api: httpx.Client, status: int) -> None:
    """Set the maintenance status of the tool."""
    tool = make_tool(api, maintenance_status=6)
    assert replaced(api, tool, maintenance_status=status)["tool"]["maintenance_status"] == status
    assert tool_of(api, tool)["maintenance_status"] == status


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("reason", 7),
        ("reason", -1),
        ("reason", "worn"),
        ("reason", 1.5),
        ("condition", -1),
        ("condition", "snapped"),
        ("condition", [1]),
        ("maintenance_status", 0),
        ("maintenance_status", 8),
        ("notes", 5),
        ("indexed", []),
        ("substitute", "another"),
        ("timestamp", "today"),
        ("timestamp", []),
    ],
)
def test_an_invalid_replacement_is_400(api: httpx.Client, field: str, value: object) -> None:
    """Another value: 400, and the error says which field."""
    tool, events = make_tool(api, part_count=3), written(api)
    assert field in nothing_changed(api, replacing(api, tool, **{field: value}), tool, 400)["field"]
    assert written(api) == events


def test_an_unknown_tool_is_404(api: httpx.Client) -> None:
    """If the tool doesn't exist."""
    refused(replacing(api, {"id": UNKNOWN}), 404)
    refused(api.get(f"/api/tools/{UNKNOWN}/replace"), 404)


# The timestamp


def test_production_after_the_timestamp_stays_on_the_live_counters(api: httpx.Client) -> None:
    """The replacement's counters only account for production up until this timestamp."""
    line = produced(api, 5)
    when = MARCH + 2.5 * MINUTE
    answer = replaced(api, line.tool, timestamp=when)
    assert answer["replacement"]["timestamp"] == pytest.approx(when)
    assert answer["tool"]["last_replaced"] == pytest.approx(when)
    assert (answer["replacement"]["part_count"], answer["tool"]["part_count"]) == (2, 3)
    assert part_counts(api, line.tool) == {"": 3, str(line.process["id"]): 3}


def test_a_timestamp_may_come_as_a_string(api: httpx.Client) -> None:
    """Numbers may come as strings."""
    assert replaced(api, make_tool(api), timestamp=str(MARCH))["replacement"]["timestamp"] == MARCH


def test_the_timestamp_is_not_later_than_now(api: httpx.Client) -> None:
    """Not later than the current time."""
    tool = make_tool(api)
    nothing_changed(api, replacing(api, tool, timestamp=ago(seconds=-120)), tool, 400)


@pytest.mark.parametrize("difference", [0, -1, -DAY])
def test_the_timestamp_is_later_than_the_previous_replacement(api: httpx.Client, difference: float) -> None:
    """This timestamp must be later than that of the previous replacement of this tool."""
    tool = make_tool(api)
    replaced(api, tool, timestamp=MARCH)
    refused(replacing(api, tool, timestamp=MARCH + difference), 400)
    assert len(replacements_of(api, tool)) == 1
    replaced(api, tool, timestamp=MARCH + 1)
    assert len(replacements_of(api, tool)) == 2


# The checklist


@pytest.mark.parametrize(
    ("own", "shown"), [(None, ["global", "list"]), ([], []), (["torque", "Maß prüfen"], ["torque", "Maß prüfen"])]
)
def test_the_checklist(options: httpx.Client, own: object, shown: list[str]) -> None:
    """null inherits the option tool_replaced_checklist, an empty array shows none, an array is shown."""
    done(options.patch("/api/options/", json={"tool_replaced_checklist": ["global", "list"]}))
    assert replaced(options, make_tool(options, replaced_checklist=own))["list"] == shown


def test_the_global_checklist_is_empty_by_default(api: httpx.Client) -> None:
    """`[]`."""
    assert replaced(api, make_tool(api))["list"] == []


# The least usage


@pytest.mark.parametrize(
    ("life", "allowed"),
    [
        ({"part_life": 10, "part_count": 4}, False),
        ({"part_life": 10, "part_count": 5}, True),
        ({"part_life": 10, "part_count": 14}, True),
        ({"part_life": 0, "part_count": 4}, True),
        ({"usage_mode": 1, "max_runtime": 60, "part_life": 10, "part_count": 9}, False),
        ({"usage_mode": 1, "max_runtime": 0, "part_life": 10}, True),
        ({"usage_mode": 2, "day_life": 10}, False),
    ],
)
def test_the_least_usage_of_a_tool(options: httpx.Client, life: Json, allowed: bool) -> None:
    """425 if the usage is less than the option, a fraction of life; none where the life is 0."""
    done(options.patch("/api/options/", json={"tool_replacement_min_usage": 0.5}))
    tool = make_tool(options, **life)
    if allowed:
        replaced(options, tool)
    else:
        nothing_changed(options, replacing(options, tool), tool, 425)


def test_the_least_usage_is_that_of_the_timestamp(options: httpx.Client) -> None:
    """With `timestamp`, usage and counters are those of that moment."""
    done(options.patch("/api/options/", json={"tool_replacement_min_usage": 0.5}))
    line = produced(options, 6, part_life=10)
    refused(replacing(options, line.tool, timestamp=MARCH + 4 * MINUTE), 425)
    assert replaced(options, line.tool, timestamp=MARCH + 5 * MINUTE)["replacement"]["part_count"] == 5


def test_there_is_no_least_usage_by_default(api: httpx.Client) -> None:
    """Default 0 = off."""
    replaced(api, make_tool(api, part_life=10))


# last_replacement_id


def test_last_replacement_id(api: httpx.Client) -> None:
    """As `GET` gave it: 409 if another replacement came since; null means "never replaced yet"."""
    tool = make_tool(api)
    first = replaced(api, tool, last_replacement_id=None)["replacement"]
    refused(replacing(api, tool, last_replacement_id=None), 409)
    second = replaced(api, tool, last_replacement_id=prompt(api, tool)["last_replacement"]["id"])["replacement"]
    refused(replacing(api, tool, last_replacement_id=first["id"]), 409)
    refused(replacing(api, tool, last_replacement_id=UNKNOWN), 409)
    assert [record["id"] for record in replacements_of(api, tool)] == [second["id"], first["id"]]


def test_without_it_a_second_replacement_is_simply_a_second_one(api: httpx.Client) -> None:
    """`last_replacement_id` is optional."""
    tool = make_tool(api)
    assert replaced(api, tool)["replacement"]["id"] < replaced(api, tool)["replacement"]["id"]


def test_a_refused_replacement_takes_nothing(api: httpx.Client) -> None:
    """All or nothing: the stock stays too."""
    item = make_item(api)
    point = make_point(api, (item, 3))
    tool = make_tool(api, inventory_item_id=item["id"])
    for body, status in (({"last_replacement_id": UNKNOWN}, 409), ({"substitute": UNKNOWN}, 424), ({"reason": 9}, 400)):
        nothing_changed(api, replacing(api, tool, inv_pt=point["id"], **body), tool, status)
    assert in_stock(api, point, item) == 3


# GET


def test_the_prompt_has_the_last_replacement(api: httpx.Client) -> None:
    """The most recent ToolReplacement object, or null if it has never been replaced."""
    tool = make_tool(api)
    assert prompt(api, tool).items() >= {"default_inventory_point_id": None, "last_replacement": None}.items()
    for _ in range(2):
        record = replaced(api, tool)["replacement"]
        assert prompt(api, tool)["last_replacement"] == record


# A substitute


def test_a_substitute_takes_the_tool_s_place(api: httpx.Client) -> None:
    """The rebuilt tool is removed from its assembly, the other added; the record is of the tool that has tool_id."""
    line = produced(api, 2)
    other = make_tool(api)
    answer = replaced(api, line.tool, substitute=other["id"], maintenance_status=2)
    assert (answer["tool"]["assembly_id"], answer["tool"]["maintenance_status"]) == (None, 2)
    assert answer["substitute"] == tool_of(api, other)
    assert answer["substitute"]["assembly_id"] == line.assembly["id"]
    assert answer["substitute"]["maintenance_status"] == other["maintenance_status"]
    assert answer["replacement"]["tool_id"] == line.tool["id"]
    assert answer["replacement"]["assembly_id"] == line.assembly["id"]
    assert replacements_of(api, other) == []
    report(api, line.mill, part_count=5)
    assert [tool_of(api, tool)["part_count"] for tool in (line.tool, other)] == [0, 3]


def test_a_substitute_that_is_in_an_assembly_is_409(api: httpx.Client) -> None:
    """409 when `substitute` is in an assembly and `forceSub` isn't set."""
    line = running(api)
    other = make_tool(api, make_assembly(api))
    for query in (None, {"forceSub": 0}, {"forceSub": "no"}):
        nothing_changed(api, replacing(api, line.tool, query, substitute=other["id"]), line.tool, 409)
    assert tool_of(api, other) == other


@pytest.mark.parametrize("yes", ["1", "true", "Yes"])
def test_force_sub_reassigns_a_substitute(api: httpx.Client, yes: str) -> None:
    """Reassign substitute tools that are already in another assembly."""
    line = running(api)
    other = make_tool(api, make_assembly(api))
    answer = done(replacing(api, line.tool, {"forceSub": yes}, substitute=other["id"]))
    assert (answer["tool"]["assembly_id"], answer["substitute"]["assembly_id"]) == (None, line.assembly["id"])


# Levels


@pytest.mark.parametrize(("level", "allowed"), [("plan", True), ("shop", True), ("audit", False)])
def test_who_may_replace_tools(api: httpx.Client, server: Server, level: str, allowed: bool) -> None:
    """Replace tools: all but the auditor, who may read all of it. `user_id` is the caller."""
    tool = make_tool(api)
    with person(server, api, level) as caller:
        assert prompt(caller, tool)["last_replacement"] is None
        answer = replacing(caller, tool, maintenance_status=2)
        if allowed:
            assert done(answer)["replacement"]["user_id"] == get(caller, "/api/users/me")["id"]
        else:
            assert set(refused(answer, 403)["allowed"]) >= {"admin", "plan", "shop"}
        assert len(replacements_of(caller, tool)) == allowed
