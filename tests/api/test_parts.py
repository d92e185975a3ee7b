"""Parts: each of its own, and found by what it is."""

import httpx
import pytest

from api.client import UNKNOWN, Json, at, get, make_machine, make_process, make_program, refused, report

MARCH = at("2024-03-10T12:00")
FIELDS = {
    "id",
    "program_id",
    "process_id",
    "machine_id",
    "program_name",
    "finished",
    "editor_id",
    "notes",
    "scrapped",
    "reworked",
    "suspect",
    "tools_seen",
    "variables",
    "work_order",
}


@pytest.fixture(scope="module")
def mill(api: httpx.Client) -> Json:
    """A machine that made five parts, a minute apart: two of a program with a process, three of one without."""
    mill = make_machine(api)
    process = make_process(api, mill)
    first, second = make_program(api, mill, process_id=process["id"]), make_program(api, mill)
    for minute, program in enumerate([first, first, first, second, second, second]):
        # What an update counts belongs to the program before.
        report(api, mill, program_name=program["filename"], part_count=minute, when=MARCH + 60 * minute)
    return mill | {"first": first["id"], "second": second["id"], "process": process["id"]}


def minutes(api: httpx.Client, **query: object) -> list[float]:
    """When the parts were finished that a query finds."""
    parts = get(api, "/api/parts/", **query).values()
    return sorted((part["finished"] - MARCH) / 60 for part in parts)


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_list_maps_part_ids_to_parts(api: httpx.Client, mill: Json, slash: str) -> None:
    parts = get(api, f"/api/parts{slash}", machine=mill["id"])
    assert len(parts) == 5
    for key, part in parts.items():
        assert key == str(part["id"])
        assert part == get(api, f"/api/parts/{key}{slash}")


def test_the_fields_of_a_part(api: httpx.Client, mill: Json) -> None:
    (part,) = get(api, "/api/parts/", machine=mill["id"], end=MARCH + 90).values()
    assert part.keys() >= FIELDS
    expected = {
        "program_id": mill["first"],
        "process_id": mill["process"],
        "machine_id": mill["id"],
        "finished": MARCH + 60,
        "editor_id": None,
        "notes": "",
        "scrapped": False,
        "reworked": False,
        "suspect": False,
        "variables": {},
    }
    assert {name: part[name] for name in expected} == expected
    assert isinstance(part["finished"], float)
    assert part["program_name"] == get(api, f"/api/programs/{mill['first']}")["filename"]


def test_the_list_filters(api: httpx.Client, mill: Json) -> None:
    assert minutes(api, machine=mill["id"]) == [1, 2, 3, 4, 5]
    assert minutes(api, process=mill["process"]) == [1, 2, 3]
    assert minutes(api, program=mill["first"]) == [1, 2, 3]
    assert minutes(api, program=mill["second"]) == [4, 5]
    assert minutes(api, machine=mill["id"], start=MARCH + 100) == [2, 3, 4, 5]
    assert minutes(api, machine=mill["id"], end=MARCH + 200.5) == [1, 2, 3]
    assert minutes(api, machine=make_machine(api)["id"]) == []


def test_filters_are_combined_with_and(api: httpx.Client, mill: Json) -> None:
    assert minutes(api, program=mill["first"], start=MARCH + 100, end=MARCH + 150) == [2]
    assert minutes(api, program=mill["second"], process=mill["process"]) == []


def test_scrapped_filters_only_when_true(api: httpx.Client, mill: Json) -> None:
    assert minutes(api, machine=mill["id"], scrapped=1) == []
    assert minutes(api, machine=mill["id"], scrapped="yes") == []
    assert len(minutes(api, machine=mill["id"], scrapped=0)) == 5


def test_limit_and_offset_turn_pages(api: httpx.Client, mill: Json) -> None:
    pages = [get(api, "/api/parts/", machine=mill["id"], limit=2, offset=offset) for offset in (0, 2, 4, 6)]
    assert [len(page) for page in pages] == [2, 2, 1, 0]
    together = pages[0] | pages[1] | pages[2]
    assert together == get(api, "/api/parts/", machine=mill["id"])


@pytest.mark.parametrize("name", ["machine", "process", "program", "start", "end", "limit", "offset"])
def test_a_filter_that_is_not_a_number_is_400(api: httpx.Client, name: str) -> None:
    refused(api.get("/api/parts/", params={name: "many"}), 400)


@pytest.mark.parametrize("query", ["limit=-1", "offset=-1", "limit=99999999999999999999999999", "start=nan", "end=inf"])
def test_a_number_out_of_range_is_no_error_of_the_server(api: httpx.Client, query: str) -> None:
    assert api.get(f"/api/parts/?{query}").status_code in {200, 400}


@pytest.mark.parametrize("slash", ["", "/"])
def test_an_unknown_part_is_404(api: httpx.Client, slash: str) -> None:
    refused(api.get(f"/api/parts/{UNKNOWN}{slash}"), 404)
