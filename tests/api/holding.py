"""What the tests of holds say over and over: a hold, a schedule, what a list finds, the events of a hold.

Also an oracle for schedules, written from the documents: it walks over days, and shares no code with the product.
"""

import time
from calendar import isleap, monthrange
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from api.client import DAY, Json, get, ledger, refused, unique
from api.stockroom import done, made

HOLDS = "/api/machines/holds/"
SCHEDULES = "/api/machines/holds/schedules/"
PREVIEW = "/api/machines/holds/schedules/previewSchedule"

HOLD = {"id", "machine_id", "start", "end", "reason", "notes", "schedule_id", "user_id"}
"""Every field of a MachineHold."""
SCHEDULE = {
    "id",
    "machine_id",
    "name",
    "reason",
    "frequency",
    "interval",
    "indices",
    "months",
    "weekdays",
    "time_of_day",
    "duration",
}
"""Every field of a MachineHoldSchedule."""
MONTHS = {
    1: "January",
    2: "February",
    4: "March",
    8: "April",
    16: "May",
    32: "June",
    64: "July",
    128: "August",
    256: "September",
    512: "October",
    1024: "November",
    2048: "December",
}
WEEKDAYS = {1: "Monday", 2: "Tuesday", 4: "Wednesday", 8: "Thursday", 16: "Friday", 32: "Saturday", 64: "Sunday"}
ALL_MONTHS, ALL_WEEKDAYS = 4095, 127
QUARTERS = 585
"""January, April, July and October."""

TRUE = ["1", "true", "on", "yes", "y", "checked", "TRUE", "Yes", "oN", "Y", "CHECKED"]
FALSE = ["0", "false", "off", "no", "n", "2", "banana", "truely", ""]
NO_NUMBERS: list[Any] = ["soon", "1x", "1,5", [1], {}, True]
BERLIN = "Europe/Berlin"

FULL_SCHEDULE: Json = {
    "duration": 90.5,
    "frequency": "M",
    "indices": [1, 14],
    "interval": 3,
    "months": QUARTERS,
    "name": "Größe prüfen,\nSpindel 2",
    "reason": "Schmierung",
    "time_of_day": "06:05",
    "weekdays": 15,
}
NO_TIMES: list[Any] = ["", "24:00", "12:60", "8:30", "12", "noon", "12:30:00", "-1:30", " 08:30", "08.30", 5, 8.5, []]
WRONG_IN_SCHEDULE: dict[str, list[Any]] = {
    "duration": [0, 0.009, -1, -0.5, 1e300, 10**26, *NO_NUMBERS],
    "frequency": [None, "", "Q", "d", "daily", "DW", 5, ["D"], {}],
    "indices": [None, 5, "1", "first", {}, {"1": 1}, [1.5], ["first"], [None], [[1]]],
    "interval": [None, 0, -1, "", "0", 1.5, "1.5", 10**26, *NO_NUMBERS],
    "machine_id": [None, 1.5, "1.5", *NO_NUMBERS],
    "months": [None, -1, 4096, 65_535, 1.5, "1.5", *NO_NUMBERS],
    "name": [None, "", 5, True, [], {}],
    "reason": [None, 5, True, [], {}],
    "time_of_day": [None, *NO_TIMES],
    "weekdays": [None, -1, 128, 255, 1.5, "1.5", *NO_NUMBERS],
}


def wrong(answer: httpx.Response, field: str) -> None:
    """400, and it names the field; of a list it may name which item."""
    assert refused(answer, 400)["field"].partition("[")[0] == field


# Holds


def holds_path(machine: Json) -> str:
    return f"/api/machines/{machine['id']}/holds"


def hold_path(hold: Json) -> str:
    return f"{HOLDS}{hold['id']}"


def make_hold(api: httpx.Client, machine: Json, /, **fields: Any) -> Json:
    return made(api.put(holds_path(machine), json=fields))


def hold_of(api: httpx.Client, hold: Json) -> Json:
    return get(api, hold_path(hold))


def patch_hold(api: httpx.Client, hold: Json, /, **fields: Any) -> Json:
    return done(api.patch(hold_path(hold), json=fields))


def holds(api: httpx.Client, **query: Any) -> list[Json]:
    """What the list of holds finds, in its order."""
    listed: Any = get(api, HOLDS, **query)
    assert isinstance(listed, list)
    return listed


def found(api: httpx.Client, machine: Json, **query: Any) -> list[int]:
    """IDs of this machine's holds that a query finds, in its order."""
    return [hold["id"] for hold in holds(api, machine=machine["id"], **query)]


def events_about(api: httpx.Client, hold: Json, kind: str) -> list[Json]:
    """The events of this type that tell of a hold."""
    return [event for event in ledger(api, type=kind) if event["data"].get("hold_id") == hold["id"]]


def times_of(api: httpx.Client, hold: Json, kind: str) -> list[float]:
    """When this happened to a hold."""
    return [event["occurred_at"] for event in events_about(api, hold, kind)]


def until(is_so: Callable[[], bool], seconds: float = 20) -> None:
    """Waits until it is so."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"it is not so after {seconds} s"
        time.sleep(0.1)


def until_moment(moment: float) -> None:
    """Waits for a moment of the real clock."""
    while (left := moment - time.time()) > 0:
        time.sleep(min(left, 1))


# Schedules


def schedule_path(schedule: Json) -> str:
    return f"{SCHEDULES}{schedule['id']}"


def schedule_body(machine: Json, /, **fields: Any) -> Json:
    """What a new schedule needs: it runs daily, at a time of day that isn't near."""
    required = {"machine_id": machine["id"], "name": unique("schedule"), "frequency": "D", "time_of_day": later()}
    return required | fields


def make_schedule(api: httpx.Client, machine: Json, /, **fields: Any) -> Json:
    return made(api.put(SCHEDULES, json=schedule_body(machine, **fields)))


def schedule_of(api: httpx.Client, schedule: Json) -> Json:
    return get(api, schedule_path(schedule))


def patch_schedule(api: httpx.Client, schedule: Json, /, **fields: Any) -> Json:
    return done(api.patch(schedule_path(schedule), json=fields))


def previewing(api: httpx.Client, query: Json | None = None, /, **body: Any) -> httpx.Response:
    """Asks when a schedule would run: daily, if nothing else is said."""
    daily = {"frequency": "D", "time_of_day": later()}
    return api.post(PREVIEW, params=query, json=daily | body)


def preview(api: httpx.Client, count: int, /, **body: Any) -> list[float]:
    times: Any = done(previewing(api, {"count": count}, **body))
    assert isinstance(times, list)
    assert all(isinstance(each, int | float) for each in times)
    return times


def later(hours: float = 6, zone: str = "UTC") -> str:
    """The local time of day in so many hours."""
    return datetime.fromtimestamp(time.time() + hours * 3_600, ZoneInfo(zone)).strftime("%H:%M")


def set_zone(api: httpx.Client, zone: str) -> None:
    assert api.patch("/api/options/", json={"timezone": zone}).status_code == 200


def local(times: Iterable[float], zone: str = "UTC") -> list[datetime]:
    return [datetime.fromtimestamp(each, ZoneInfo(zone)) for each in times]


# The oracle


def expected(count: int, now: float, zone: str = "UTC", /, **schedule: Any) -> list[float]:
    """When a schedule that is made now runs next. Not for H."""
    return list(islice(runs(now, ZoneInfo(zone), **schedule), count))


def runs(
    now: float,
    zone: ZoneInfo,
    *,
    frequency: str,
    time_of_day: str,
    interval: int = 1,
    indices: Iterable[int] = (),
    months: int = ALL_MONTHS,
    weekdays: int = ALL_WEEKDAYS,
) -> Iterator[float]:
    first = datetime.fromtimestamp(now, zone).date()
    hour, minute = (int(part) for part in time_of_day.split(":"))
    for days in range(366 * 30):
        day = first + timedelta(days)
        allowed = months & 1 << day.month - 1 and weekdays & 1 << day.weekday()
        if not allowed or periods(first, day, frequency) % interval or not is_index(day, frequency, set(indices)):
            continue
        moment = valid(datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone)).timestamp()
        if moment > now:
            yield moment


def periods(first: date, day: date, frequency: str) -> int:
    """How many local days, weeks from Monday, months or years after the first one this day is."""
    if frequency == "D":
        return (day - first).days
    if frequency == "W":
        mondays = [each - timedelta(each.weekday()) for each in (first, day)]
        return (mondays[1] - mondays[0]).days // 7
    years = day.year - first.year
    return years if frequency == "Y" else 12 * years + day.month - first.month


def is_index(day: date, frequency: str, indices: set[int]) -> bool:
    if frequency == "D":
        return True
    if frequency == "W":
        number, length = day.isoweekday(), 7
    elif frequency == "M":
        number, length = day.day, monthrange(day.year, day.month)[1]
    else:
        number, length = day.timetuple().tm_yday, 365 + isleap(day.year)
    return bool({number, number - length - 1} & indices)


def valid(moment: datetime) -> datetime:
    """The next local minute that the clocks show."""
    while moment.astimezone(UTC).astimezone(moment.tzinfo).replace(tzinfo=None, fold=0) != moment.replace(tzinfo=None):
        moment += timedelta(minutes=1)
    return moment


def as_foreseen(api: httpx.Client, count: int, zone: str = "UTC", /, **schedule: Any) -> list[float]:
    """Checks a preview against the oracle, and returns it."""
    schedule = {"frequency": "D", "time_of_day": later(6, zone)} | schedule
    now = time.time()
    times = preview(api, count, **schedule)
    assert times == expected(count, now, zone, **schedule)
    return times


def next_minute(at_least: float = 8) -> float:
    """The first full minute that is at least so many seconds ahead."""
    return (time.time() + at_least) // 60 * 60 + 60


def time_at(moment: float) -> str:
    """The time of day in UTC."""
    return datetime.fromtimestamp(moment, UTC).strftime("%H:%M")


def ahead(**units: float) -> float:
    """A moment to come by the real clock: `ahead(days=2, seconds=5)`."""
    seconds = {"days": DAY, "hours": 3_600.0, "minutes": 60.0, "seconds": 1.0}
    return time.time() + sum(seconds[unit] * many for unit, many in units.items())


def tag_of(api: httpx.Client, path: str) -> str:
    answer = api.get(path)
    assert answer.status_code == 200, answer.text
    tag: str = answer.headers["etag"]
    return tag
