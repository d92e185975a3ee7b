"""Parts that somebody edits or deletes, and what is told of production then."""

from typing import Any

import httpx
import pytest

from api.client import (
    DAY,
    UNKNOWN,
    Json,
    Server,
    at,
    get,
    make_key,
    make_machine,
    make_process,
    make_program,
    make_user,
    parts_of,
    program_of,
    refused,
    report,
    written,
)

MARCH = at("2026-03-10T12:00")
MINUTE = 60.0


def process_of(api: httpx.Client, process: Json, **query: Any) -> Json:
    return get(api, f"/api/processes/{process['id']}", **query)


def patch(api: httpx.Client, kind: str, which: Json, **fields: Any) -> Json:
    answer = api.patch(f"/api/{kind}/{which['id']}", json=fields)
    assert answer.status_code == 200, answer.text
    changed: Json = answer.json()
    return changed


def running(api: httpx.Client, mill: Json | None = None, when: float = MARCH, **fields: Any) -> tuple[Json, Json, Json]:
    """A machine, a process of it that is loaded, and its program. The counter stands at 0."""
    mill = mill or make_machine(api)
    process = make_process(api, mill, **fields)
    program = make_program(api, mill, process_id=process["id"])
    report(api, mill, program_name=program["filename"], part_count=0, when=when)
    return mill, process, program


@pytest.fixture
def three(api: httpx.Client) -> Json:
    """Three parts, the last of them a day later."""
    mill, process, program = running(api)
    for count, when in enumerate((MARCH + MINUTE, MARCH + 2 * MINUTE, MARCH + DAY), 1):
        report(api, mill, part_count=count, when=when)
    return {"mill": mill, "process": process, "program": program, "parts": parts_of(api, mill)}


@pytest.mark.parametrize(
    ("field", "value"), [("notes", "burr at ø 40"), ("scrapped", True), ("reworked", True), ("suspect", True)]
)
def test_a_part_may_be_edited(api: httpx.Client, three: Json, field: str, value: object) -> None:
    part = three["parts"][1]
    me = get(api, "/api/users/me")["id"]
    assert patch(api, "parts", part, **{field: value}) == part | {field: value, "editor_id": me}
    assert parts_of(api, three["mill"]) == [
        three["parts"][0],
        part | {field: value, "editor_id": me},
        three["parts"][2],
    ]


def test_the_editor_is_who_edited_last(api: httpx.Client, server: Server, three: Json) -> None:
    user, part = make_user(api, "shop"), three["parts"][0]
    patch(api, "parts", part, notes="first")
    with server.client(make_key(api, user)["key"]) as person:
        assert patch(person, "parts", part, suspect=True)["editor_id"] == user["id"]
    assert api.delete(f"/api/users/{user['id']}").status_code == 204
    assert get(api, f"/api/parts/{part['id']}")["editor_id"] is None


def test_everything_else_of_a_part_is_read_only(api: httpx.Client, three: Json) -> None:
    part = three["parts"][0]
    ignored = {
        "id": UNKNOWN,
        "finished": 5.0,
        "program_id": None,
        "process_id": None,
        "machine_id": UNKNOWN,
        "program_name": "x",
        "editor_id": UNKNOWN,
        "tools_seen": [5],
        "variables": {"a": 1},
        "colour": "red",
    }
    changed = patch(api, "parts", part, **ignored, notes="changed")
    assert changed == part | {"notes": "changed", "editor_id": get(api, "/api/users/me")["id"]}


@pytest.mark.parametrize(
    ("field", "value"), [("notes", 5), ("notes", None), ("scrapped", []), ("reworked", "x"), ("suspect", None)]
)
def test_one_invalid_field_rejects_the_whole_edit(api: httpx.Client, three: Json, field: str, value: object) -> None:
    events = written(api)
    body = {"notes": "changed", "scrapped": True, "reworked": True, "suspect": True} | {field: value}
    refused(api.patch(f"/api/parts/{three['parts'][0]['id']}", json=body), 400, field=field)
    assert (parts_of(api, three["mill"]), written(api)) == (three["parts"], events)


def test_an_unknown_part_is_404(api: httpx.Client) -> None:
    refused(api.patch(f"/api/parts/{UNKNOWN}", json={"notes": "x"}), 404)
    refused(api.delete(f"/api/parts/{UNKNOWN}"), 404)


def seen(api: httpx.Client, three: Json) -> Json:
    """What is told of production."""
    process, program = f"/api/processes/{three['process']['id']}", f"/api/programs/{three['program']['id']}"
    charts = [get(api, f"{path}/chart", start=0)["parts"] for path in (process, program)]
    overviews = [get(api, f"{path}/overview/{year}") for path in (process, program) for year in ("2026", "2026/3")]
    assert charts[0] == charts[1]
    assert overviews == [overviews[0]] * 4
    last = program_of(api, three["program"])["last_cycle"]
    expected = None if last is None else {"finished": last, "program_id": three["program"]["id"]}
    assert process_of(api, three["process"])["last_cycle"] == expected
    (average,) = api.post("/api/processes/averageCycleTimes", json=[three["process"]["id"]]).json().values()
    return {"overview": overviews[0]["2026"], "last": last, "parts": list(charts[0]), "average": average}


def test_scrapped_parts_still_count(api: httpx.Client, three: Json) -> None:
    before = seen(api, three)
    assert before["overview"] == {"2026-03-10": 2, "2026-03-11": 1}
    assert before["last"] == MARCH + DAY
    for part in three["parts"]:
        patch(api, "parts", part, scrapped=True, reworked=True, suspect=True)
    assert seen(api, three) == before
    assert get(api, "/api/parts/", machine=three["mill"]["id"], scrapped=1).keys() == set(before["parts"])


def test_a_deleted_part_was_never_made(api: httpx.Client, three: Json) -> None:
    first, second, last = three["parts"]
    answer = api.delete(f"/api/parts/{last['id']}")
    assert (answer.status_code, answer.content) == (204, b"")
    refused(api.get(f"/api/parts/{last['id']}"), 404)
    refused(api.delete(f"/api/parts/{last['id']}"), 404)
    refused(api.patch(f"/api/parts/{last['id']}", json={"notes": "x"}), 404)
    assert parts_of(api, three["mill"]) == [first, second]
    ids = [str(first["id"]), str(second["id"])]
    assert seen(api, three) == {
        "overview": {"2026-03-10": 2},
        "last": MARCH + 2 * MINUTE,
        "parts": ids,
        "average": pytest.approx(1),
    }
    api.delete(f"/api/parts/{first['id']}")
    expected = {"overview": {"2026-03-10": 1}, "last": MARCH + 2 * MINUTE, "parts": ids[1:], "average": None}
    assert seen(api, three) == expected
    api.delete(f"/api/parts/{second['id']}")
    assert seen(api, three) == {"overview": {}, "last": None, "parts": [], "average": None}
    report(api, three["mill"], part_count=4, when=MARCH + 2 * DAY)
    assert seen(api, three)["overview"] == {"2026-03-12": 1}


def test_one_part_of_a_cycle_of_several_may_be_deleted(api: httpx.Client) -> None:
    mill, process, _ = running(api, parts_per_cycle=3)
    report(api, mill, part_count=1, when=MARCH + MINUTE)
    report(api, mill, part_count=2, when=MARCH + 3 * MINUTE)
    for part in parts_of(api, mill)[4:]:
        api.delete(f"/api/parts/{part['id']}")
    assert len(parts_of(api, mill)) == 4
    assert get(api, f"/api/processes/{process['id']}/overview/2026") == {"2026": {"2026-03-10": 4}}
    assert process_of(api, process)["last_cycle"]["finished"] == MARCH + 3 * MINUTE
    average = api.post("/api/processes/averageCycleTimes", json=[process["id"]]).json()
    assert average == {str(process["id"]): pytest.approx(2)}
    api.delete(f"/api/parts/{parts_of(api, mill)[3]['id']}")
    assert process_of(api, process)["last_cycle"]["finished"] == MARCH + MINUTE


def test_ids_of_deleted_parts_are_never_used_again(api: httpx.Client, three: Json) -> None:
    last = three["parts"][-1]["id"]
    api.delete(f"/api/parts/{last}")
    report(api, three["mill"], part_count=4, when=MARCH + 2 * DAY)
    assert parts_of(api, three["mill"])[-1]["id"] > last
