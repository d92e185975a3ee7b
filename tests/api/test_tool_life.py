"""A tool's life, its days and its life records, as `api/tool.txt` and `domain.md` have them."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from api.client import DAY, UNKNOWN, Json, Server, get, make_machine, make_process, parts_of, refused, report
from api.tooling import (
    LIFE,
    ago,
    life_history,
    lives_of,
    load,
    make_assembly,
    make_line,
    make_tool,
    part_counts,
    patch_life,
    patch_tool,
    person,
    produced,
    replaced,
    tool_of,
)

FILLED: Json = {
    "day_count_type": "week",
    "day_life": 30,
    "day_warning": 5,
    "max_runtime": 5_400.5,
    "part_count": 7,
    "part_life": 200,
    "warn_life": 20,
    "warn_runtime": 600.25,
}
RECORD = {
    "id",
    "tool_id",
    "user_id",
    "timestamp",
    "notes",
    "usage_mode",
    "process_id",
    "part_life",
    "max_runtime",
    "day_life",
}


def of(tool: Json, names: Any) -> Json:
    return {name: tool.get(name, "missing") for name in names}


# The tool's own life


def test_the_life_fields_of_a_tool_are_its_own_life(api: httpx.Client) -> None:
    """They are the tool's own ToolProcessLife, flattened into the tool."""
    tool = make_tool(api, **FILLED)
    own = lives_of(api, tool)[""]
    assert own.keys() >= LIFE | {"process_id", "tool_id"}
    assert (own["tool_id"], own["process_id"]) == (tool["id"], None)
    assert of(own, LIFE) == of(tool, LIFE)


@pytest.mark.parametrize(("count", "remaining"), [(0, 10), (4, 6), (10, 0), (13, -3)])
def test_parts_remaining(api: httpx.Client, count: int, remaining: int) -> None:
    """part_life minus part_count; it may be negative."""
    tool = make_tool(api, part_life=10, part_count=count)
    assert tool["parts_remaining"] == remaining
    assert patch_tool(api, make_tool(api, part_life=10), part_count=count)["parts_remaining"] == remaining


def test_parts_remaining_without_a_limit_is_null(api: httpx.Client) -> None:
    """Null for "no limit": infinity is not JSON."""
    assert make_tool(api, part_count=5)["parts_remaining"] is None
    assert patch_tool(api, make_tool(api, part_life=10), part_life=0)["parts_remaining"] is None
    mill = make_machine(api)
    assert patch_life(api, make_tool(api), make_process(api, mill), part_count=3)["parts_remaining"] is None


def test_last_replaced(api: httpx.Client) -> None:
    """The timestamp of the last time this tool was replaced; null if never."""
    tool, first, second = make_tool(api), ago(days=3), ago(days=1)
    replaced(api, tool, timestamp=first)
    assert tool_of(api, tool)["last_replaced"] == pytest.approx(first)
    replaced(api, tool, timestamp=second)
    assert tool_of(api, tool)["last_replaced"] == pytest.approx(second)


def test_last_part_id(api: httpx.Client) -> None:
    """The ID of the last part that was created using this tool."""
    line = produced(api, 2)
    unused = make_tool(api, make_assembly(api, make_process(api, line.mill)))
    assert tool_of(api, line.tool)["last_part_id"] == parts_of(api, line.mill)[-1]["id"]
    assert tool_of(api, unused)["last_part_id"] is None


# GET, PATCH /api/tools/{id}/processLife


@pytest.fixture
def process(api: httpx.Client) -> Json:
    return make_process(api, make_machine(api))


@pytest.mark.parametrize("slash", ["", "/"])
def test_process_life_maps_processes_to_lives(api: httpx.Client, slash: str) -> None:
    """Process ID, or "" for the tool's intrinsic life, to ToolProcessLife. A pair is born with its first part."""
    line = produced(api, 0, part_life=5)
    assert lives_of(api, line.tool).keys() == {""}
    report(api, line.mill, part_count=1)
    lives = get(api, f"/api/tools/{line.tool['id']}/processLife{slash}")
    assert lives.keys() == {"", str(line.process["id"])}
    pair = lives[str(line.process["id"])]
    assert pair.keys() >= LIFE | {"process_id", "tool_id"}
    assert (pair["tool_id"], pair["process_id"]) == (line.tool["id"], line.process["id"])
    assert (pair["part_count"], pair["part_life"], pair["parts_remaining"]) == (1, 0, None)


@pytest.mark.parametrize("field", FILLED)
def test_a_pair_is_born_with_a_patch(api: httpx.Client, process: Json, field: str) -> None:
    """PATCH answers the created or modified ToolProcessLife; the tool's own life stays."""
    tool = make_tool(api)
    pair = patch_life(api, tool, process, **{field: FILLED[field]})
    assert (pair[field], pair["process_id"]) == (FILLED[field], process["id"])
    assert lives_of(api, tool) == {"": lives_of(api, tool)[""], str(process["id"]): pair}
    assert tool_of(api, tool) == tool


def test_a_patch_of_the_tool_changes_the_tool_s_own_life(api: httpx.Client, process: Json) -> None:
    """PATCH of the tool changes the tool's, not its pairs."""
    tool = make_tool(api)
    pair = patch_life(api, tool, process, part_life=9, part_count=2)
    assert patch_life(api, tool, process, part_count=4) == pair | {"part_count": 4, "parts_remaining": 5}
    patch_tool(api, tool, **FILLED)
    assert part_counts(api, tool) == {"": 7, str(process["id"]): 4}
    assert lives_of(api, tool)[str(process["id"])]["part_life"] == 9


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("part_life", "many"),
        ("part_life", 1.5),
        ("part_life", None),
        ("day_count_type", "month"),
        ("max_runtime", []),
        ("part_count", "x"),
        ("warn_life", {}),
    ],
)
def test_an_invalid_life_of_a_process_is_400(api: httpx.Client, process: Json, field: str, value: object) -> None:
    """The error says which field; nothing is written."""
    tool = make_tool(api)
    answer = api.patch(f"/api/tools/{tool['id']}/processLife/{process['id']}", json={"day_life": 3, field: value})
    assert field in refused(answer, 400)["field"]
    assert lives_of(api, tool).keys() == {""}


def test_a_life_of_an_unknown_tool_or_process_is_404(api: httpx.Client, process: Json) -> None:
    """404 if the tool and/or process IDs are invalid."""
    tool = make_tool(api)
    refused(api.get(f"/api/tools/{UNKNOWN}/processLife"), 404)
    for path in (f"{tool['id']}/processLife/{UNKNOWN}", f"{UNKNOWN}/processLife/{process['id']}"):
        refused(api.patch(f"/api/tools/{path}", json={"part_life": 3}), 404)


@pytest.mark.parametrize(("level", "allowed"), [("plan", True), ("shop", False), ("audit", False)])
def test_who_may_edit_the_life_of_a_process(
    api: httpx.Client, server: Server, process: Json, level: str, allowed: bool
) -> None:
    """PATCH of processLife: plan and admin. Everybody may read it."""
    tool = make_tool(api)
    with person(server, api, level) as caller:
        answer = caller.patch(f"/api/tools/{tool['id']}/processLife/{process['id']}", json={"part_life": 3})
        if allowed:
            assert answer.is_success, answer.text
        else:
            assert set(refused(answer, 403)["allowed"]) >= {"admin", "plan"}
        assert (str(process["id"]) in lives_of(caller, tool)) is allowed


# Days


def days_of(api: httpx.Client, tool: Json, kind: str) -> object:
    answer = api.get(f"/api/tools/{tool['id']}/dayCount/{kind}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def days_since(when: float) -> int:
    return (datetime.now(UTC).date() - datetime.fromtimestamp(when, UTC).date()).days


@pytest.mark.parametrize("kind", ["all", "week", "part"])
def test_a_new_tool_has_no_days(api: httpx.Client, kind: str) -> None:
    """Days since the last replacement (or creation): a bare number."""
    tool = make_tool(api, day_count_type=kind)
    assert (days_of(api, tool, kind), tool["day_count"]) == (0, 0)


def test_day_count_is_of_the_tool_s_own_type(api: httpx.Client) -> None:
    """`all` is the difference of local calendar dates, `week` has Monday to Friday alone, `part` days with a part."""
    line = make_line(api)
    when = ago(days=14)
    replaced(api, line.tool, timestamp=when)
    load(api, line, when + 60)
    for count, days in enumerate((10, 10, 6), 1):
        report(api, line.mill, part_count=count, when=ago(days=days))
    expected = {"all": days_since(when), "week": 10, "part": 2}
    assert {kind: days_of(api, line.tool, kind) for kind in expected} == expected
    for kind, days in expected.items():
        assert patch_tool(api, line.tool, day_count_type=kind)["day_count"] == days


def test_days_are_calendar_days(api: httpx.Client) -> None:
    """A replacement a minute before midnight was one day before."""
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    before, after = midnight - timedelta(days=1, minutes=1), midnight - timedelta(days=1)
    tool = make_tool(api)
    for moment in (before, after):
        replaced(api, tool, timestamp=moment.timestamp())
        assert days_of(api, tool, "all") == tool_of(api, tool)["day_count"] == days_since(moment.timestamp())


def test_an_unknown_type_of_day_count_is_400(api: httpx.Client) -> None:
    """`dayCount/{type}`: unknown type 400, unknown tool 404."""
    refused(api.get(f"/api/tools/{make_tool(api)['id']}/dayCount/month"), 400)
    refused(api.get(f"/api/tools/{UNKNOWN}/dayCount/all"), 404)


# GET /api/tools/{id}/lifeHistory


@pytest.mark.parametrize(
    ("field", "value"), [("usage_mode", 1), ("part_life", 9), ("max_runtime", 90.5), ("day_life", 9)]
)
def test_a_life_field_that_changes_writes_a_record(api: httpx.Client, field: str, value: object) -> None:
    """A ToolLifeRecord has the new life, who changed it and when."""
    tool = make_tool(api)
    before = len(life_history(api, tool))
    patch_tool(api, tool, **{field: value})
    (record,) = life_history(api, tool)[before:]
    assert record.keys() >= RECORD
    life = {"usage_mode": 0, "part_life": 0, "max_runtime": 0, "day_life": 0, field: value}
    assert record.items() >= (life | {"tool_id": tool["id"], "process_id": None, "notes": ""}).items()
    assert record["user_id"] == get(api, "/api/users/me")["id"]
    assert record["timestamp"] == pytest.approx(time.time(), abs=60)


@pytest.mark.parametrize(
    "body",
    [
        {"warn_life": 3},
        {"warn_runtime": 3},
        {"day_warning": 3},
        {"part_count": 3},
        {"day_count_type": "week"},
        {"part_life": 9},
        {"notes": "x", "life_modification_notes": "no life is changed"},
    ],
)
def test_what_is_no_change_of_a_life_writes_no_record(api: httpx.Client, body: Json) -> None:
    """A warning threshold alone doesn't, nor what it is already."""
    tool = make_tool(api, part_life=9)
    before = life_history(api, tool)
    patch_tool(api, tool, **body)
    assert life_history(api, tool) == before


def test_life_modification_notes_are_saved_in_the_record(api: httpx.Client) -> None:
    """The text provided will be saved in the tool life change record."""
    changed = patch_tool(api, make_tool(api), part_life=9, life_modification_notes="new coating")
    assert life_history(api, changed)[-1]["notes"] == "new coating"
    assert "life_modification_notes" not in changed
    assert changed["notes"] == ""


def test_the_life_of_a_process_has_records_too(api: httpx.Client, process: Json) -> None:
    """Their `process_id` tells which life was changed."""
    tool = make_tool(api)
    patch_life(api, tool, process, part_life=9)
    record = life_history(api, tool)[-1]
    assert (record["process_id"], record["part_life"]) == (process["id"], 9)


def test_the_life_history_between_two_moments(api: httpx.Client) -> None:
    """`start`: on or after, `end`: on or before the given UNIX timestamp."""
    tool = make_tool(api)
    for life in (5, 6, 7):
        patch_tool(api, tool, part_life=life)
    first, second, third = life_history(api, tool)[-3:]
    assert life_history(api, tool, start=second["timestamp"]) == [second, third]
    assert life_history(api, tool, start=first["timestamp"], end=second["timestamp"]) == [first, second]
    assert third not in life_history(api, tool, end=second["timestamp"])
    assert life_history(api, tool, start=time.time() + DAY) == []


@pytest.mark.parametrize("name", ["start", "end"])
def test_a_moment_that_is_no_number_is_400(api: httpx.Client, name: str) -> None:
    """A query parameter that is not a number where one is documented: 400."""
    refused(api.get(f"/api/tools/{make_tool(api)['id']}/lifeHistory", params={name: "today"}), 400)


def test_the_life_history_of_an_unknown_tool_is_404(api: httpx.Client) -> None:
    """A missing object is 404."""
    refused(api.get(f"/api/tools/{UNKNOWN}/lifeHistory"), 404)
