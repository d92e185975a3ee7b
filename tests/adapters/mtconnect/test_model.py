"""Which data item is taken for what."""

from xml.etree.ElementTree import Element, fromstring

import pytest

from takt_adapters.mtconnect.model import FIELDS, read_model
from takt_adapters.mtconnect.state import read


def device(path_1: str = "", path_2: str = "", controller: str = "", own: str = "", loader: str = "") -> Element:
    """Each: data items as `id:TYPE[:subType]`, separated by spaces."""

    def items(text: str) -> str:
        made = ""
        for each in text.split():
            id, kind, sub_type = [*each.split(":"), ""][:3]
            category = "CONDITION" if id.startswith("c_") else "SAMPLE" if id.startswith("s_") else "EVENT"
            made += f'<DataItem id="{id}" category="{category}" type="{kind}" subType="{sub_type}"/>'
        return f"<DataItems>{made}</DataItems>"

    return fromstring(
        f'<Device name="m" id="d">{items(own)}<Components><Loader id="l">{items(loader)}</Loader>'
        f'<Controller id="c">{items(controller)}<Components><Path id="p1" name="one">{items(path_1)}</Path>'
        f'<Path id="p2" name="two">{items(path_2)}</Path></Components></Controller></Components></Device>'
    )


def taken(field: str, path: str | None = None, **items: str) -> str | None:
    item = read_model(device(**items), path, {}).fields.get(field)
    return item.id if item else None


@pytest.mark.parametrize(
    ("field", "items", "id"),
    [
        ("part_count", {"path_1": "a:PART_COUNT:TARGET b:PART_COUNT:REMAINING c:PART_COUNT:BAD"}, None),
        ("part_count", {"path_1": "a:PART_COUNT:GOOD b:PART_COUNT:COMPLETE c:PART_COUNT d:PART_COUNT:ALL"}, "d"),
        ("part_count", {"path_1": "a:PART_COUNT:GOOD b:PART_COUNT:COMPLETE c:PART_COUNT"}, "c"),
        ("part_count", {"path_1": "a:PART_COUNT:GOOD b:PART_COUNT:COMPLETE"}, "b"),
        ("part_count", {"path_2": "a:PART_COUNT:ALL", "controller": "b:PART_COUNT"}, "b"),
        ("part_count", {"controller": "a:PART_COUNT:ALL", "path_1": "b:PART_COUNT:GOOD"}, "b"),
        ("part_count", {"loader": "a:PART_COUNT:ALL", "own": "b:PART_COUNT:GOOD"}, "b"),
        ("part_count", {"path_2": "a:PART_COUNT"}, None),
        ("program_name", {"path_1": "a:PROGRAM:SCHEDULE b:PROGRAM:ACTIVE c:PROGRAM d:PROGRAM:MAIN"}, "d"),
        ("program_name", {"path_1": "a:PROGRAM:SCHEDULE b:PROGRAM:ACTIVE c:PROGRAM"}, "c"),
        ("program_name", {"path_1": "a:PROGRAM:SCHEDULE b:PROGRAM:ACTIVE"}, "b"),
        ("active_tool", {"path_1": "a:TOOL_ID b:TOOL_ASSET_ID", "own": "c:TOOL_NUMBER"}, "c"),
        ("active_tool", {"path_1": "a:TOOL_ID b:TOOL_ASSET_ID"}, "b"),
        ("feed_rate_override", {"path_1": "a:PATH_FEEDRATE_OVERRIDE:RAPID b:PATH_FEEDRATE_OVERRIDE:JOG"}, None),
        ("feed_rate_override", {"path_1": "s_a:PATH_FEEDRATE:OVERRIDE s_b:PATH_FEEDRATE:ACTUAL"}, "s_a"),
        ("feed_rate_override", {"path_1": "s_a:PATH_FEEDRATE:OVERRIDE b:PATH_FEEDRATE_OVERRIDE"}, "b"),
        ("estopped", {"controller": "a:EMERGENCY_STOP"}, "a"),
        ("cycle_state", {"path_1": "c_a:EXECUTION b:EXECUTION"}, "b"),
        ("cycle_state", {"path_1": "a:x:EXECUTION"}, None),
    ],
)
def test_what_is_taken(field: str, items: dict[str, str], id: str | None) -> None:
    assert taken(field, **items) == id


def test_the_path_that_is_wanted() -> None:
    items = {"path_1": "a:EXECUTION", "path_2": "b:EXECUTION", "controller": "c:EMERGENCY_STOP"}
    assert [taken("cycle_state", path, **items) for path in (None, "one", "two", "p2")] == ["a", "a", "b", "b"]
    assert taken("estopped", "two", **items) == "c"


def test_conditions_are_those_of_the_whole_device() -> None:
    model = read_model(
        device(
            path_1="c_1:SYSTEM", path_2="c_2:SYSTEM", own="c_3:SYSTEM a:AVAILABILITY", loader="c_4:LOAD b:AVAILABILITY"
        ),
        "two",
        {},
    )
    assert sorted(model.conditions) == ["c_1", "c_2", "c_3", "c_4"]
    assert model.availability == "a"


@pytest.mark.parametrize("field", FIELDS)
def test_unavailable_is_unknown(field: str) -> None:
    assert read(field, "UNAVAILABLE") is None


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("part_count", "12", 12),
        ("part_count", "12.0", 12),
        ("part_count", "4294967295", 2**32 - 1),
        ("part_count", "", None),
        ("program_name", "", ""),
        ("cycle_state", "", None),
        ("active_tool", "12", 12),
        ("active_tool", "T012", 12),
        ("active_tool", "EM-12", None),
        ("active_tool", "12.5", None),
        ("estopped", "ARMED", False),
        ("estopped", "TRIGGERED", True),
        ("feed_rate_override", "87.5", 87.5),
        (500, "-1.5e3", -1500.0),
    ],
)
def test_values(field: str | int, text: str, value: object) -> None:
    assert read(field, text) == value


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("part_count", "-1"),
        ("part_count", "1.5"),
        ("part_count", "4294967296"),
        ("part_count", "٣"),
        ("part_count", "9" * 5000),
        ("estopped", "armed?"),
        ("feed_rate_override", "-1"),
        ("feed_rate_override", "nan"),
        ("feed_rate_override", "10001"),
        ("program_name", "x" * 501),
        ("cycle_state", "x" * 501),
        (500, "inf"),
        (500, "1e301"),
        (500, "T12"),
    ],
)
def test_values_that_cant_be(field: str | int, text: str) -> None:
    with pytest.raises(ValueError):
        read(field, text)
