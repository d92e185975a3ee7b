"""What a MachineHoldSchedule is, and its endpoints, as `api/hold.txt` and `domain.md` have them."""

import httpx
import pytest

from api.client import UNKNOWN, Json, get, make_machine, refused
from api.holding import (
    ALL_MONTHS,
    ALL_WEEKDAYS,
    FULL_SCHEDULE,
    MONTHS,
    QUARTERS,
    SCHEDULE,
    SCHEDULES,
    WEEKDAYS,
    WRONG_IN_SCHEDULE,
    make_schedule,
    patch_schedule,
    schedule_body,
    schedule_of,
    schedule_path,
    wrong,
)
from api.stockroom import made, nothing_written, of

DEFAULTS: Json = {
    "duration": None,
    "indices": [],
    "interval": 1,
    "months": ALL_MONTHS,
    "reason": "",
    "weekdays": ALL_WEEKDAYS,
}
REQUIRED = ("machine_id", "name", "frequency", "time_of_day")
RANGES = {"Y": 366, "M": 31, "W": 7}
"""The highest index of each frequency."""


@pytest.fixture(scope="module")
def mill(api: httpx.Client) -> Json:
    return make_machine(api)


# What a schedule is


def test_a_schedule_has_every_documented_field(api: httpx.Client, mill: Json) -> None:
    """The answer to creating, the single schedule and the list show the same object."""
    schedule = make_schedule(api, mill)
    assert schedule.keys() >= SCHEDULE
    assert schedule_of(api, schedule) == schedule
    assert get(api, SCHEDULES)[str(schedule["id"])] == schedule


def test_the_defaults(api: httpx.Client, mill: Json) -> None:
    """Every run of the frequency, in all months, on all days, until the hold is released."""
    body = schedule_body(mill)
    schedule = made(api.put(SCHEDULES, json=body))
    assert of(schedule, DEFAULTS) == DEFAULTS
    assert of(schedule, body) == body


def test_the_types_of_the_fields(api: httpx.Client, mill: Json) -> None:
    """IDs, bits and counts are integers, texts are texts."""
    schedule = make_schedule(api, mill, duration=5)
    assert {name: type(schedule[name]) for name in SCHEDULE - {"duration"}} == {
        **dict.fromkeys(("id", "machine_id", "interval", "months", "weekdays"), int),
        **dict.fromkeys(("name", "reason", "frequency", "time_of_day"), str),
        "indices": list,
    }
    assert isinstance(schedule["duration"], int | float)


def test_ids_are_given_in_order_and_never_twice(api: httpx.Client, mill: Json) -> None:
    """id: unique, numeric ID for this hold schedule."""
    first, second = make_schedule(api, mill), make_schedule(api, mill)
    assert 0 < first["id"] < second["id"]
    assert api.delete(schedule_path(second)).status_code == 204
    assert make_schedule(api, mill)["id"] > second["id"]


def test_the_machine(api: httpx.Client, mill: Json) -> None:
    """machine_id: ID of the machine this schedule applies to. It may be another one later."""
    other = make_machine(api)
    schedule = make_schedule(api, mill)
    assert schedule["machine_id"] == mill["id"]
    assert patch_schedule(api, schedule, machine_id=str(other["id"])) == schedule | {"machine_id": other["id"]}
    assert made(api.put(SCHEDULES, json=schedule_body(mill, machine_id=str(mill["id"]))))["machine_id"] == mill["id"]


def test_texts_are_the_users_own(api: httpx.Client, mill: Json) -> None:
    """name: user-supplied name of this schedule. reason: reason to apply to holds created from this schedule."""
    texts = {"name": "Größe prüfen,\nSpindel 2", "reason": "2 µm zu groß"}
    assert of(make_schedule(api, mill, **texts), texts) == texts
    again = make_schedule(api, mill, **texts)
    assert of(again, texts) == texts, "a name is no key"
    assert patch_schedule(api, again, reason="")["reason"] == ""


@pytest.mark.parametrize("minutes", [0.01, 0.5, 1, 90, 90.25, 100_000])
def test_the_duration_is_in_minutes(api: httpx.Client, mill: Json, minutes: float) -> None:
    """duration: how long to hold the machine each time this schedule fires (in minutes)."""
    assert make_schedule(api, mill, duration=minutes)["duration"] == pytest.approx(minutes)


@pytest.mark.parametrize("null", [None, ""])
def test_without_a_duration_the_hold_is_indefinite(api: httpx.Client, mill: Json, null: object) -> None:
    """duration: NULL means the hold will be indefinite and must be manually released."""
    assert make_schedule(api, mill, duration=null)["duration"] is None
    assert patch_schedule(api, make_schedule(api, mill, duration=5), duration=null)["duration"] is None


@pytest.mark.parametrize(("frequency", "indices"), [("Y", [1]), ("M", [1]), ("W", [1]), ("D", []), ("H", [])])
def test_frequencies(api: httpx.Client, mill: Json, frequency: str, indices: list[int]) -> None:
    """frequency: valid options are Y (yearly), M (monthly), W (weekly), D (daily), H (hourly)."""
    assert make_schedule(api, mill, frequency=frequency, indices=indices)["frequency"] == frequency
    body = {"frequency": frequency, "indices": indices}
    assert of(patch_schedule(api, make_schedule(api, mill), **body), body) == body


@pytest.mark.parametrize("interval", [1, 2, 3, 52, 365])
def test_intervals(api: httpx.Client, mill: Json, interval: int) -> None:
    """interval: one out of how many frequency occurrences to run."""
    assert make_schedule(api, mill, interval=interval)["interval"] == interval


@pytest.mark.parametrize(("frequency", "indices"), [("M", [1, 14]), ("M", [-2]), ("W", [7, 1]), ("Y", [-1, 1, 200])])
def test_indices_are_kept(api: httpx.Client, mill: Json, frequency: str, indices: list[int]) -> None:
    """indices: when to run within each occurrence of frequency."""
    schedule = make_schedule(api, mill, frequency=frequency, indices=indices)
    assert sorted(schedule["indices"]) == sorted(indices)


@pytest.mark.parametrize("frequency", RANGES)
def test_indices_in_range(api: httpx.Client, mill: Json, frequency: str) -> None:
    """Days of the year, days of the month, weekdays 1..7, and negative from the end."""
    highest = RANGES[frequency]
    for index in (1, highest, -1, -highest):
        assert make_schedule(api, mill, frequency=frequency, indices=[index])["indices"] == [index]


@pytest.mark.parametrize("frequency", RANGES)
def test_an_index_out_of_range_is_400(api: httpx.Client, mill: Json, frequency: str) -> None:
    """An index out of range: 400. There is no day 0."""
    highest, schedule = RANGES[frequency], make_schedule(api, mill)
    with nothing_written(api):
        for index in (0, highest + 1, -highest - 1, 10**6, 10**26):
            body = {"frequency": frequency, "indices": [1, index]}
            wrong(api.put(SCHEDULES, json=schedule_body(mill, **body)), "indices")
            wrong(api.patch(schedule_path(schedule), json=body), "indices")


@pytest.mark.parametrize("frequency", RANGES)
def test_empty_indices_are_400(api: httpx.Client, mill: Json, frequency: str) -> None:
    """Empty `indices` for Y, M, W: 400."""
    schedule = make_schedule(api, mill)
    with nothing_written(api):
        wrong(api.put(SCHEDULES, json=schedule_body(mill, frequency=frequency)), "indices")
        wrong(api.put(SCHEDULES, json=schedule_body(mill, frequency=frequency, indices=[])), "indices")
        wrong(api.patch(schedule_path(schedule), json={"frequency": frequency}), "indices")
    assert schedule_of(api, schedule) == schedule


@pytest.mark.parametrize("frequency", ["D", "H"])
def test_indices_are_ignored_where_they_mean_nothing(api: httpx.Client, mill: Json, frequency: str) -> None:
    """Ignored if frequency is set to H, and for D: whatever they are is no mistake."""
    for indices in ([], [0], [1, 14], [-2], [400]):
        assert make_schedule(api, mill, frequency=frequency, indices=indices)["frequency"] == frequency


@pytest.mark.parametrize("months", [0, *MONTHS, QUARTERS, ALL_MONTHS])
def test_months(api: httpx.Client, mill: Json, months: int) -> None:
    """months: a bitfield; 585 is the start of each quarter, 4095 any month, and zero deselects all months."""
    assert make_schedule(api, mill, months=months)["months"] == months
    assert patch_schedule(api, make_schedule(api, mill), months=months)["months"] == months


@pytest.mark.parametrize("weekdays", [0, *WEEKDAYS, 15, ALL_WEEKDAYS])
def test_weekdays(api: httpx.Client, mill: Json, weekdays: int) -> None:
    """weekdays: a bitfield; 15 is Monday through Thursday, 127 any day, and zero deselects all days."""
    assert make_schedule(api, mill, weekdays=weekdays)["weekdays"] == weekdays
    assert patch_schedule(api, make_schedule(api, mill), weekdays=weekdays)["weekdays"] == weekdays


def test_the_bits_of_the_tables() -> None:
    """1 + 8 + 64 + 512 is 585, and all bits together are 4095 and 127."""
    quarters = [bit for bit, month in MONTHS.items() if month in {"January", "April", "July", "October"}]
    assert (sum(quarters), sum(MONTHS), sum(WEEKDAYS)) == (QUARTERS, ALL_MONTHS, ALL_WEEKDAYS)


@pytest.mark.parametrize("time_of_day", ["00:00", "06:05", "12:30", "23:59"])
def test_the_time_of_day(api: httpx.Client, mill: Json, time_of_day: str) -> None:
    """time_of_day: what time of day to schedule for, as HH:MM."""
    body = {"time_of_day": time_of_day, "months": 0}
    assert make_schedule(api, mill, **body)["time_of_day"] == time_of_day
    assert patch_schedule(api, make_schedule(api, mill), **body)["time_of_day"] == time_of_day


# GET


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_list_maps_ids_to_schedules(api: httpx.Client, mill: Json, slash: str) -> None:
    """Object mapping MachineHoldSchedule ID to MachineHoldSchedule object."""
    schedules = [make_schedule(api, mill), make_schedule(api, make_machine(api))]
    listed = get(api, SCHEDULES.rstrip("/") + slash)
    assert isinstance(listed, dict)
    assert listed.items() >= {str(schedule["id"]): schedule for schedule in schedules}.items()
    assert all(key == str(value["id"]) for key, value in listed.items())


@pytest.mark.parametrize("slash", ["", "/"])
def test_one_schedule(api: httpx.Client, mill: Json, slash: str) -> None:
    """Get details about a single machine hold schedule."""
    schedule = make_schedule(api, mill, **FULL_SCHEDULE)
    assert get(api, schedule_path(schedule) + slash) == schedule


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_an_unknown_schedule_is_404(api: httpx.Client, method: str, slash: str) -> None:
    """A missing object is 404."""
    body = {"name": "x"} if method == "PATCH" else None
    for identifier in (UNKNOWN, "9" * 26):
        refused(api.request(method, f"{SCHEDULES}{identifier}{slash}", json=body), 404)
    refused(api.request(method, f"{SCHEDULES}first{slash}", json=body), 400, 404)


# PUT


@pytest.mark.parametrize("slash", ["", "/"])
def test_creating_answers_201_with_the_new_schedule(api: httpx.Client, mill: Json, slash: str) -> None:
    """The new MachineHoldSchedule object, with every field that the user wrote."""
    body = FULL_SCHEDULE | {"machine_id": mill["id"]}
    schedule = made(api.put(SCHEDULES.rstrip("/") + slash, json=body))
    assert of(schedule, body) == body
    assert schedule_of(api, schedule) == schedule


@pytest.mark.parametrize("missing", REQUIRED)
def test_creating_without_a_required_field_is_400(api: httpx.Client, mill: Json, missing: str) -> None:
    """A missing field: 400."""
    body = schedule_body(mill)
    del body[missing]
    with nothing_written(api):
        refused(api.put(SCHEDULES, json=body), 400, field=missing)


def test_creating_ignores_fields_that_are_read_only_or_unknown(api: httpx.Client, mill: Json) -> None:
    """Unknown fields and fields that are read-only are ignored silently."""
    schedule = make_schedule(api, mill, id=UNKNOWN, colour="red", created=5)
    assert schedule["id"] != UNKNOWN
    assert "colour" not in schedule
    assert patch_schedule(api, schedule, id=[], colour="red") == schedule


@pytest.mark.parametrize("field", WRONG_IN_SCHEDULE)
def test_creating_with_an_invalid_field_is_400(api: httpx.Client, mill: Json, field: str) -> None:
    """A validation error says which field, and nothing is made."""
    body = schedule_body(mill) | FULL_SCHEDULE
    with nothing_written(api):
        for value in WRONG_IN_SCHEDULE[field]:
            wrong(api.put(SCHEDULES, json=body | {field: value}), field)


def test_an_unknown_machine_is_424(api: httpx.Client, mill: Json) -> None:
    """A reference to another object that doesn't exist: 424."""
    schedule = make_schedule(api, mill)
    with nothing_written(api):
        refused(api.put(SCHEDULES, json=schedule_body(mill, machine_id=UNKNOWN)), 424)
        refused(api.patch(schedule_path(schedule), json={"name": "x", "machine_id": UNKNOWN}), 424)
    assert schedule_of(api, schedule) == schedule


def test_numbers_may_come_as_strings(api: httpx.Client, mill: Json) -> None:
    """Numbers may come as strings; `""` is 0 where there is no null."""
    sent = {"interval": "2", "months": "585", "weekdays": "15", "duration": "2.5"}
    meant = {"interval": 2, "months": QUARTERS, "weekdays": 15, "duration": 2.5}
    assert of(make_schedule(api, mill, **sent), meant) == meant
    assert of(patch_schedule(api, make_schedule(api, mill), **sent), meant) == meant
    empty = {"months": "", "weekdays": ""}
    assert of(make_schedule(api, mill, **empty), empty) == {"months": 0, "weekdays": 0}


@pytest.mark.parametrize("body", [[], "name", 5, None, [{}]])
def test_a_body_that_is_no_object_is_400(api: httpx.Client, mill: Json, body: object) -> None:
    """A missing or invalid field: 400."""
    path = schedule_path(make_schedule(api, mill))
    with nothing_written(api):
        refused(api.put(SCHEDULES, json=body), 400)
        refused(api.patch(path, json=body), 400)
