"""The fields of a tool, sentence by sentence as `api/tool.txt` and `domain.md` have them."""

import time
from typing import Any

import httpx
import pytest

from api.client import UNKNOWN, Json, get, refused, unique, written
from api.tooling import MARCH, make_assembly, make_item, make_tool, patch_tool, tool_of

DATES = ("calibration_date", "in_service_date", "out_service_date", "purchase_date")
TEXTS = ("notes", "replaced_message", "stick_out_ref")
FLAGS = ("is_critical", "pinned")
NULLABLE_INTEGERS = (
    "calibration_interval",
    "calibration_notify",
    "monitoring_dest",
    "offset_number",
    "order_qty",
    "reorder_point",
)
NULLABLE_FLOATS = ("stick_out", "torque_spec", "replacement_rules_snoozed_until")
LIFE_INTEGERS = ("day_life", "day_warning", "part_count", "part_life", "warn_life")
INTEGERS = ("slots", "maintenance_status", "usage_mode", *LIFE_INTEGERS)
DURATIONS = ("replace_duration", "max_runtime", "warn_runtime")
NULLABLE = (*DATES, *NULLABLE_INTEGERS, *NULLABLE_FLOATS, "assembly_id", "inventory_item_id")
NUMBERS = (*INTEGERS, *NULLABLE_INTEGERS, *NULLABLE_FLOATS, *DURATIONS)

DEFAULTS: Json = {
    **dict.fromkeys(NULLABLE),
    **dict.fromkeys(TEXTS, ""),
    **dict.fromkeys(FLAGS, False),
    **dict.fromkeys(LIFE_INTEGERS, 0),
    **dict.fromkeys(DURATIONS, 0),
    "day_count_type": "all",
    "maintenance_status": 1,
    "replaced_checklist": None,
    "slots": 1,
    "tags": [],
    "usage_mode": 0,
}
"""What a user may write and leave out, and what it is then."""
READ_ONLY: Json = {
    "day_count": 0,
    "day_warning_sent": False,
    "image_type": None,
    "last_part_id": None,
    "last_replaced": None,
    "parts_remaining": None,
    "runtime": 0,
    "used_corners": 0,
    "warning_sent": False,
}
FILLED: Json = {
    **dict.fromkeys(DATES, "2026-03-10"),
    **dict.fromkeys(TEXTS, "Größe 40,\nfrom the holder"),
    **dict.fromkeys(FLAGS, True),
    "calibration_interval": 180,
    "calibration_notify": 4,
    "day_count_type": "week",
    "day_life": 30,
    "day_warning": 5,
    "maintenance_status": 7,
    "max_runtime": 5_400.5,
    "monitoring_dest": 3,
    "offset_number": 12,
    "order_qty": 10,
    "part_count": 7,
    "part_life": 200,
    "reorder_point": 2,
    "replace_duration": 2.5,
    "replaced_checklist": ["torque", "Maß prüfen"],
    "replacement_rules_snoozed_until": 1_800_000_000.5,
    "slots": 4,
    "stick_out": 41.25,
    "tags": ["Sandvik", "cutting", "drawer 1"],
    "torque_spec": 3.5,
    "torque_spec_units": "n_m",
    "usage_mode": 1,
    "warn_life": 20,
    "warn_runtime": 600.25,
}
MODEL = {"id", "name", "created", "torque_spec_units", *DEFAULTS, *READ_ONLY}

NO_DATES: list[Any] = ["2026-13-01", "2026-02-30", "10.03.2026", "soon", [], 1.5]
NO_NUMBERS: list[Any] = ["many", "1x", "1,5", [1], {}]
NO_FLAGS: list[Any] = [None, []]
WRONG: list[tuple[str, Any]] = [
    ("name", 5),
    ("name", None),
    ("name", ""),
    ("day_count_type", "month"),
    ("day_count_type", 1),
    ("maintenance_status", 0),
    ("maintenance_status", 8),
    ("usage_mode", 3),
    ("usage_mode", -1),
    ("torque_spec_units", "kg"),
    ("torque_spec_units", 5),
    ("part_life", -1),
    ("slots", -1),
    ("replaced_checklist", "torque"),
    ("replaced_checklist", [5]),
    ("replaced_checklist", {"torque": True}),
    ("tags", "steel"),
    ("tags", None),
    ("tags", [5]),
    ("tags", {"steel": 1}),
    ("assembly_id", "first"),
    ("assembly_id", 1.5),
    ("inventory_item_id", "drill"),
    ("inventory_item_id", [1]),
    *[(name, wrong) for name in DATES for wrong in NO_DATES],
    *[(name, wrong) for name in FLAGS for wrong in NO_FLAGS],
    *[(name, wrong) for name in TEXTS for wrong in (None, 5)],
    *[(name, None) for name in (*INTEGERS, *DURATIONS)],
    *[(name, wrong) for name in (*INTEGERS, *NULLABLE_INTEGERS[1:]) for wrong in (1.5, "1.5")],
    *[(name, wrong) for name in NUMBERS for wrong in NO_NUMBERS],
]


def of(tool: Json, names: Any) -> Json:
    return {name: tool.get(name, "missing") for name in names}


# What a tool is


def test_a_tool_has_every_documented_field(api: httpx.Client) -> None:
    """The list and the single tool show the same object."""
    tool = make_tool(api)
    assert tool.keys() >= MODEL
    assert tool_of(api, tool) == tool
    assert get(api, "/api/tools/")[str(tool["id"])] == tool


def test_the_defaults(api: httpx.Client) -> None:
    """`slots` 1, `maintenance_status` 1, `usage_mode` 0, `replace_duration` 0, lists empty, texts "", the rest null."""
    tool = make_tool(api, name="Bohrer 8,5")
    assert of(tool, DEFAULTS) == DEFAULTS
    assert of(tool, READ_ONLY) == READ_ONLY
    assert tool["name"] == "Bohrer 8,5"
    assert tool["torque_spec_units"] in {"", "lb_ft", "n_m"}


def test_created_is_when_this_tool_was_created(api: httpx.Client) -> None:
    """UNIX seconds as float."""
    before = time.time()
    created = make_tool(api)["created"]
    assert isinstance(created, float)
    assert before - 1 <= created <= time.time() + 1


def test_the_image_is_never_in_json(api: httpx.Client) -> None:
    """`image` bytes are at `…/image`; `image_type` is null when there is no image."""
    tool = make_tool(api, image="abc", image_type="image/png")
    assert "image" not in tool
    assert tool["image_type"] is None


def test_ids_are_given_in_order_and_never_twice(api: httpx.Client) -> None:
    """IDs are positive integers, given in order, never used twice."""
    first, second = make_tool(api), make_tool(api)
    assert second["id"] == first["id"] + 1
    assert api.delete(f"/api/tools/{second['id']}").status_code == 204
    assert make_tool(api)["id"] == second["id"] + 1


def test_two_tools_may_have_one_name(api: httpx.Client) -> None:
    """`name` is the user's word, no key."""
    assert make_tool(api, name="Bohrer")["id"] != make_tool(api, name="Bohrer")["id"]


# Writing


@pytest.mark.parametrize("field", FILLED)
def test_creating_takes_the_field(api: httpx.Client, field: str) -> None:
    """The request is a partial tool object; what it leaves out has its default."""
    tool = make_tool(api, **{field: FILLED[field]})
    assert of(tool, DEFAULTS | {field: 0}) == DEFAULTS | {field: FILLED[field]}
    assert tool_of(api, tool) == tool


@pytest.mark.parametrize("field", ["name", *FILLED])
def test_patch_changes_the_field_and_no_other(api: httpx.Client, field: str) -> None:
    """`PATCH` bodies hold any subset of fields."""
    tool = make_tool(api)
    value = unique("Deckel") if field == "name" else FILLED[field]
    changed = patch_tool(api, tool, **{field: value})
    derived = {"parts_remaining"}
    assert of(changed, MODEL - derived) == of(tool, MODEL - derived) | {field: value}
    assert tool_of(api, tool) == changed


def test_patch_takes_all_fields_at_once_and_back(api: httpx.Client) -> None:
    """Every field may be changed again."""
    tool = make_tool(api)
    assert of(patch_tool(api, tool, **FILLED), FILLED) == FILLED
    assert of(patch_tool(api, tool, **DEFAULTS), DEFAULTS) == DEFAULTS


@pytest.mark.parametrize("field", NULLABLE)
@pytest.mark.parametrize("null", [None, ""])
def test_null_and_an_empty_string_are_null(api: httpx.Client, field: str, null: object) -> None:
    """`""` is null for a nullable field."""
    tool = make_tool(api, make_assembly(api), inventory_item_id=make_item(api)["id"], **FILLED)
    assert tool[field] is not None
    assert patch_tool(api, tool, **{field: null})[field] is None
    assert make_tool(api, **{field: null})[field] is None


@pytest.mark.parametrize("field", [*LIFE_INTEGERS, *DURATIONS, "usage_mode"])
def test_an_empty_string_is_0_for_a_number_that_is_never_null(api: httpx.Client, field: str) -> None:
    """`""` is 0 for a field that isn't nullable."""
    tool = make_tool(api, **FILLED)
    assert patch_tool(api, tool, **{field: ""})[field] == 0
    assert make_tool(api, **{field: ""})[field] == 0


@pytest.mark.parametrize("field", NUMBERS)
def test_a_number_may_come_as_a_string(api: httpx.Client, field: str) -> None:
    """Numbers may come as strings."""
    sent = "2" if field in {*INTEGERS, *NULLABLE_INTEGERS} else "2.75"
    assert patch_tool(api, make_tool(api), **{field: sent})[field] == float(sent)
    shown = make_tool(api, **{field: sent})[field]
    assert shown == float(sent)
    assert isinstance(shown, int | float)


@pytest.mark.parametrize(("field", "make"), [("assembly_id", make_assembly), ("inventory_item_id", make_item)])
def test_a_reference_may_come_as_a_string(api: httpx.Client, field: str, make: Any) -> None:
    """IDs are numbers, so they may come as strings too."""
    other = make(api)
    assert patch_tool(api, make_tool(api), **{field: str(other["id"])})[field] == other["id"]


@pytest.mark.parametrize("field", ["assembly_id", "inventory_item_id"])
def test_a_reference_to_what_does_not_exist_is_424(api: httpx.Client, field: str) -> None:
    """A reference to another object that doesn't exist: 424."""
    tool, events = make_tool(api), written(api)
    refused(api.patch(f"/api/tools/{tool['id']}", json={field: UNKNOWN, "notes": "x"}), 424)
    refused(api.put("/api/tools/", json={"name": unique("tool"), field: UNKNOWN}), 424)
    assert (tool_of(api, tool), written(api)) == (tool, events)


@pytest.mark.parametrize("units", ["lb_ft", "n_m"])
def test_units_of_the_torque(api: httpx.Client, units: str) -> None:
    """lb_ft for pound-feet, n_m for Newton-meters."""
    assert make_tool(api, torque_spec=2.5, torque_spec_units=units)["torque_spec_units"] == units


@pytest.mark.parametrize("mode", [0, 1, 2])
def test_usage_modes(api: httpx.Client, mode: int) -> None:
    """0 parts, 1 run time, 2 clock time."""
    assert make_tool(api, usage_mode=mode)["usage_mode"] == mode


@pytest.mark.parametrize("status", range(1, 8))
def test_maintenance_statuses(api: httpx.Client, status: int) -> None:
    """1 not set … 7 in service."""
    assert make_tool(api, maintenance_status=status)["maintenance_status"] == status


@pytest.mark.parametrize("kind", ["all", "week", "part"])
def test_types_of_day_counts(api: httpx.Client, kind: str) -> None:
    """all: every day, week: weekdays, part: days with a part."""
    assert make_tool(api, day_count_type=kind)["day_count_type"] == kind


@pytest.mark.parametrize("checklist", [None, [], ["torque", "Maß prüfen"]])
def test_the_three_forms_of_a_checklist(api: httpx.Client, checklist: object) -> None:
    """null inherits, an empty array shows none, an array of strings is shown; each is kept apart."""
    assert make_tool(api, replaced_checklist=checklist)["replaced_checklist"] == checklist
    for before in (None, [], ["x"]):
        tool = make_tool(api, replaced_checklist=before)
        assert patch_tool(api, tool, replaced_checklist=checklist)["replaced_checklist"] == checklist


IGNORED: Json = {
    "id": UNKNOWN,
    "created": 5.0,
    "day_count": 9,
    "image_type": "image/png",
    "last_part_id": UNKNOWN,
    "last_replaced": 5.0,
    "parts_remaining": 3,
    "location": 8,
    "used_orders": 4,
    "colour": "red",
}


def test_creating_ignores_fields_that_are_read_only_or_unknown(api: httpx.Client) -> None:
    """Unknown and read-only fields are ignored silently; `location` and `used_orders` are no fields of a tool."""
    tool = make_tool(api, **IGNORED)
    assert tool["id"] != UNKNOWN
    assert tool["created"] > MARCH
    assert of(tool, READ_ONLY) == READ_ONLY
    assert tool.keys().isdisjoint({"colour", "used_orders"})


@pytest.mark.parametrize("field", IGNORED)
def test_patch_ignores_fields_that_are_read_only_or_unknown(api: httpx.Client, field: str) -> None:
    """They are ignored, also with a value that could be none of theirs, and the rest is written."""
    tool = make_tool(api)
    no_value: list[Any] = []
    for value in (IGNORED[field], no_value):
        assert patch_tool(api, tool, **{field: value, "notes": "changed"}) == tool | {"notes": "changed"}


@pytest.mark.parametrize("field", [*FLAGS, "warning_sent", "day_warning_sent"])
def test_flags_are_booleans(api: httpx.Client, field: str) -> None:
    """Mapped[bool]."""
    assert make_tool(api)[field] is False


# What is refused


@pytest.mark.parametrize(("field", "value"), WRONG)
def test_one_invalid_field_rejects_the_whole_patch(api: httpx.Client, field: str, value: object) -> None:
    """400, and the error says which field; nothing is written."""
    tool, events = make_tool(api), written(api)
    body = {"name": "changed", "notes": "changed", "part_life": 5, field: value}
    problem = refused(api.patch(f"/api/tools/{tool['id']}", json=body), 400)
    assert field in problem["field"]
    assert (tool_of(api, tool), written(api)) == (tool, events)


@pytest.mark.parametrize(("field", "value"), WRONG)
def test_creating_with_an_invalid_field_is_400(api: httpx.Client, field: str, value: object) -> None:
    """400, and the error says which field; nothing is made."""
    events = written(api)
    problem = refused(api.put("/api/tools/", json={"name": unique("tool"), field: value}), 400)
    assert field in problem["field"]
    assert written(api) == events


def test_creating_without_a_name_is_400(api: httpx.Client) -> None:
    """A missing field: 400."""
    refused(api.put("/api/tools/", json={"notes": "x"}), 400, field="name")
