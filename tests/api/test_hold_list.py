"""`GET /api/machines/holds/`: every filter and how they combine, as `api/hold.txt` has it."""

import time
from typing import Any, NamedTuple

import httpx
import pytest

from api.client import UNKNOWN, Json, Server, at, get, make_key, make_machine, make_user, refused
from api.holding import FALSE, TRUE, ahead, found, hold_of, holds, make_hold, make_schedule
from api.stockroom import person

APRIL = at("2026-04-07T08:00")
HOUR = 3_600.0


class Floor(NamedTuple):
    """Two machines and two users. Holds are named by when they start, and were not made in that order."""

    mill: Json
    lathe: Json
    anna: Json
    bert: Json
    late: Json
    early: Json
    open: Json
    middle: Json
    elsewhere: Json

    def ids(self, *names: str) -> list[int]:
        return [getattr(self, name)["id"] for name in names]

    def found(self, api: httpx.Client, **query: Any) -> list[int]:
        """IDs of the holds of both machines that a query finds, in its order."""
        return [hold["id"] for hold in holds(api, **({"machine": [self.mill["id"], self.lathe["id"]]} | query))]


@pytest.fixture(scope="module")
def floor(api: httpx.Client, server: Server) -> Floor:
    mill, lathe = make_machine(api), make_machine(api)
    anna, bert = make_user(api), make_user(api)
    with server.client(make_key(api, anna)["key"]) as a, server.client(make_key(api, bert)["key"]) as b:
        late = make_hold(a, mill, start=APRIL + 4 * HOUR, end=APRIL + 5 * HOUR)
        early = make_hold(b, mill, start=APRIL, end=APRIL + 9 * HOUR)
        without = make_hold(a, mill, start=APRIL + 2 * HOUR)
        middle = make_hold(b, mill, start=APRIL + 1 * HOUR, end=APRIL + 2 * HOUR)
        elsewhere = make_hold(a, lathe, start=APRIL + 3 * HOUR, end=APRIL + 4 * HOUR)
    return Floor(mill, lathe, anna, bert, late, early, without, middle, elsewhere)


# The list


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_list_is_a_list_of_holds(api: httpx.Client, floor: Floor, slash: str) -> None:
    """Returns a list of MachineHold objects: `GET /api/machines/holds/` alone is a list."""
    answer: Any = get(api, f"/api/machines/holds{slash}")
    assert isinstance(answer, list)
    for hold in (floor.late, floor.early, floor.open, floor.middle, floor.elsewhere):
        assert hold in answer
        assert hold == hold_of(api, hold)


def test_the_list_is_across_all_holds(api: httpx.Client, floor: Floor) -> None:
    """Query across all holds."""
    everywhere = [hold["id"] for hold in holds(api)]
    assert set(everywhere) >= set(floor.ids("late", "early", "open", "middle", "elsewhere"))
    assert len(everywhere) == len(set(everywhere))


def test_the_list_is_in_order_of_start(api: httpx.Client, floor: Floor) -> None:
    """In chronological order by start timestamp."""
    assert floor.found(api) == floor.ids("early", "middle", "open", "elsewhere", "late")
    starts = [(hold["start"], hold["id"]) for hold in holds(api)]
    assert starts == sorted(starts)


def test_holds_that_start_together_are_in_order_of_their_ids(api: httpx.Client) -> None:
    """Sorted by `start`, then `id`."""
    mill = make_machine(api)
    last = make_hold(api, mill, start=APRIL + 1)
    together = [make_hold(api, mill, start=APRIL)["id"] for _ in range(4)]
    assert found(api, mill) == [*together, last["id"]]


def test_an_edited_start_changes_the_order(api: httpx.Client) -> None:
    """In chronological order by start timestamp."""
    mill = make_machine(api)
    first, second = make_hold(api, mill, start=ahead(hours=1)), make_hold(api, mill, start=ahead(hours=2))
    api.patch(f"/api/machines/holds/{first['id']}", json={"start": ahead(hours=3)})
    assert found(api, mill) == [second["id"], first["id"]]


def test_a_machine_without_holds_has_an_empty_list(api: httpx.Client) -> None:
    """The list of nothing is a list too."""
    assert holds(api, machine=make_machine(api)["id"]) == []


# machine


def test_the_list_filters_by_machine(api: httpx.Client, floor: Floor) -> None:
    """machine: if specified, only holds for this machine ID will be returned."""
    assert found(api, floor.mill) == floor.ids("early", "middle", "open", "late")
    assert found(api, floor.lathe) == floor.ids("elsewhere")


def test_machine_can_be_given_several_times(api: httpx.Client, floor: Floor) -> None:
    """Can be specified multiple times to get holds across multiple machines."""
    both = {"machine": [floor.lathe["id"], floor.mill["id"], floor.lathe["id"]]}
    assert [hold["id"] for hold in holds(api, **both)] == floor.ids("early", "middle", "open", "elsewhere", "late")


# user


def test_the_list_filters_by_user(api: httpx.Client, floor: Floor) -> None:
    """user: if specified, only holds created by this user ID will be returned."""
    assert floor.found(api, user=floor.anna["id"]) == floor.ids("open", "elsewhere", "late")
    assert floor.found(api, user=floor.bert["id"]) == floor.ids("early", "middle")
    assert floor.found(api, user=get(api, "/api/users/me")["id"]) == []
    assert [hold["id"] for hold in holds(api, user=floor.bert["id"])] == floor.ids("early", "middle")


def test_user_can_be_given_several_times(api: httpx.Client, floor: Floor) -> None:
    """Can be specified multiple times to get holds created by multiple users."""
    everybody = floor.ids("early", "middle", "open", "elsewhere", "late")
    assert floor.found(api, user=[floor.anna["id"], floor.bert["id"]]) == everybody
    assert floor.found(api, user=[floor.bert["id"], 0]) == floor.ids("early", "middle")


def test_user_0_finds_no_hold_that_a_person_made(api: httpx.Client, floor: Floor) -> None:
    """Use 0 to get holds created automatically."""
    assert floor.found(api, user=0) == []
    assert all(hold["user_id"] is None for hold in holds(api, user=0))


def test_a_hold_of_a_deleted_user_is_not_automatic(api: httpx.Client, server: Server) -> None:
    """user_id may be NULL for holds created by users who have been deleted."""
    mill, user = make_machine(api), make_user(api)
    with server.client(make_key(api, user)["key"]) as caller:
        hold = make_hold(caller, mill)
    assert api.delete(f"/api/users/{user['id']}").status_code == 204
    assert hold_of(api, hold) == hold | {"user_id": None}
    assert holds(api, machine=mill["id"]) == [hold | {"user_id": None}]
    assert found(api, mill, user=0) == []


def test_a_hold_that_a_person_edited_is_still_of_who_made_it(api: httpx.Client, server: Server) -> None:
    """Holds created by this user ID."""
    mill, user = make_machine(api), make_user(api)
    with server.client(make_key(api, user)["key"]) as caller, person(api, server, "plan") as planner:
        hold = make_hold(caller, mill)
        assert planner.patch(f"/api/machines/holds/{hold['id']}", json={"notes": "x"}).status_code == 200
    assert found(api, mill, user=user["id"]) == [hold["id"]]


# end


@pytest.mark.parametrize("yes", TRUE)
def test_only_holds_with_an_end(api: httpx.Client, floor: Floor, yes: str) -> None:
    """end: set to 1 to only get holds with an end set."""
    assert found(api, floor.mill, end=yes) == floor.ids("early", "middle", "late")


@pytest.mark.parametrize("no", FALSE)
def test_only_holds_without_an_end(api: httpx.Client, floor: Floor, no: str) -> None:
    """end: set to 0 to only get holds without an end set."""
    assert found(api, floor.mill, end=no) == floor.ids("open")


# start_after, end_before


def test_start_after_is_exclusive(api: httpx.Client, floor: Floor) -> None:
    """start_after: only get holds starting after this time."""
    assert found(api, floor.mill, start_after=APRIL - 1) == floor.ids("early", "middle", "open", "late")
    assert found(api, floor.mill, start_after=APRIL) == floor.ids("middle", "open", "late")
    assert found(api, floor.mill, start_after=APRIL + HOUR - 0.001) == floor.ids("middle", "open", "late")
    assert found(api, floor.mill, start_after=APRIL + 4 * HOUR) == []


def test_end_before_is_inclusive(api: httpx.Client, floor: Floor) -> None:
    """end_before: only get holds ending at or before this time."""
    assert found(api, floor.mill, end_before=APRIL + 2 * HOUR) == floor.ids("middle")
    assert found(api, floor.mill, end_before=APRIL + 2 * HOUR - 0.001) == []
    assert found(api, floor.mill, end_before=APRIL + 5 * HOUR) == floor.ids("middle", "late")


def test_end_before_assumes_an_end(api: httpx.Client, floor: Floor) -> None:
    """end_before: assumes end = 1."""
    assert found(api, floor.mill, end_before=ahead(days=900)) == floor.ids("early", "middle", "late")
    assert found(api, floor.mill, end_before=ahead(days=900), end=1) == floor.ids("early", "middle", "late")
    assert floor.open["id"] not in found(api, floor.mill, end_before=ahead(days=900), end=0)


# limit, offset


def test_limit_is_a_maximum(api: httpx.Client, floor: Floor) -> None:
    """limit: maximum number of results to return (default = unlimited)."""
    everything = found(api, floor.mill)
    for limit in (1, 2, 4, 100):
        assert found(api, floor.mill, limit=limit) == everything[:limit]


def test_offset_skips(api: httpx.Client, floor: Floor) -> None:
    """offset: skip this many results."""
    everything = found(api, floor.mill)
    for offset in (0, 1, 3, 4, 100):
        assert found(api, floor.mill, offset=offset) == everything[offset:]


def test_limit_and_offset_turn_pages(api: httpx.Client, floor: Floor) -> None:
    """Both together, and after all filters."""
    assert found(api, floor.mill, limit=2, offset=1) == floor.ids("middle", "open")
    assert found(api, floor.mill, end=1, limit=1, offset=1) == floor.ids("middle")
    assert found(api, floor.mill, end=1, limit=5, offset=2) == floor.ids("late")


def test_without_a_limit_all_are_listed(api: httpx.Client) -> None:
    """Default = unlimited."""
    mill = make_machine(api)
    ids = [make_hold(api, mill, start=APRIL)["id"] for _ in range(60)]
    assert found(api, mill) == ids


# Together


def test_filters_are_combined_with_and(api: httpx.Client, floor: Floor) -> None:
    """Every filter narrows what the others leave."""
    anna, bert = floor.anna["id"], floor.bert["id"]
    assert found(api, floor.mill, user=anna) == floor.ids("open", "late")
    assert found(api, floor.mill, user=anna, end=0) == floor.ids("open")
    assert found(api, floor.mill, user=bert, end=0) == []
    assert floor.found(api, user=anna, end=1, start_after=APRIL + 3 * HOUR) == floor.ids("late")
    assert floor.found(api, start_after=APRIL, end_before=APRIL + 4 * HOUR) == floor.ids("middle", "elsewhere")
    assert floor.found(api, user=[anna, bert], end_before=APRIL + 5 * HOUR, limit=1, offset=1) == floor.ids("elsewhere")
    assert found(api, floor.lathe, user=bert) == []


@pytest.mark.parametrize("value", ["many", "1x", "0x1", ""])
@pytest.mark.parametrize("name", ["machine", "user", "start_after", "end_before", "limit", "offset"])
def test_a_filter_that_is_not_a_number_is_400(api: httpx.Client, name: str, value: str) -> None:
    """A query parameter that is not a number where one is documented: 400."""
    refused(api.get("/api/machines/holds/", params={name: value}), 400)


@pytest.mark.parametrize("name", ["machine", "user"])
def test_one_wrong_of_several_is_400(api: httpx.Client, floor: Floor, name: str) -> None:
    """A query parameter that is not a number where one is documented: 400."""
    refused(api.get("/api/machines/holds/", params={name: [str(floor.mill["id"]), "mill"]}), 400)


@pytest.mark.parametrize(
    "query",
    [
        "limit=-1",
        "offset=-1",
        "limit=0",
        f"limit={'9' * 26}",
        f"machine={'9' * 26}",
        "start_after=nan",
        "end_before=inf",
    ],
)
def test_a_number_out_of_range_is_no_error_of_the_server(api: httpx.Client, query: str) -> None:
    """It finds nothing, or is refused."""
    assert api.get(f"/api/machines/holds/?{query}").status_code in {200, 400}


def test_what_nobody_has_finds_nothing(api: httpx.Client, floor: Floor) -> None:
    """Only holds of this machine, only holds of this user."""
    assert floor.found(api, user=UNKNOWN) == []
    answer = api.get("/api/machines/holds/", params={"machine": UNKNOWN})
    assert (answer.status_code, answer.json()) == (200, []) or refused(answer, 424)


def test_an_unknown_query_parameter_is_ignored(api: httpx.Client, floor: Floor) -> None:
    """An unknown query parameter is ignored."""
    assert found(api, floor.lathe, colour="red", End="0") == floor.ids("elsewhere")


def test_schedules_are_not_in_the_list(api: httpx.Client) -> None:
    """Query across all holds: what is only planned is none."""
    mill = make_machine(api)
    make_schedule(api, mill)
    assert found(api, mill) == []


def test_holds_to_come_are_in_the_list(api: httpx.Client) -> None:
    """Query across all holds, also those that have not begun."""
    mill = make_machine(api)
    coming, now = make_hold(api, mill, start=ahead(days=3)), make_hold(api, mill)
    assert found(api, mill) == [now["id"], coming["id"]]
    assert found(api, mill, start_after=time.time() + 60) == [coming["id"]]


def test_end_before_assumes_that_there_is_an_end(api: httpx.Client) -> None:
    """Only get holds ending at or before this time (assumes end = 1), also when `end` says something else."""
    mill = make_machine(api)
    path = f"/api/machines/{mill['id']}/holds"
    ended = api.put(path, json={"start": 10, "end": 20}).json()
    assert api.put(path, json={"start": 10}).status_code == 201
    for end in ({}, {"end": 1}, {"end": 0}):
        answer = api.get("/api/machines/holds/", params={"machine": mill["id"], "end_before": 20, **end})
        assert [each["id"] for each in answer.json()] == [ended["id"]]
