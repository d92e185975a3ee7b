"""Programs, sentence by sentence as `api/program.txt` and `domain.md` have them."""

import time
from datetime import UTC, datetime

import httpx
import pytest

from api.client import (
    DAY,
    UNKNOWN,
    Json,
    Spool,
    at,
    at_once,
    baseline,
    cycle,
    facts,
    get,
    machine_of,
    make_machine,
    make_process,
    make_program,
    parts_of,
    program_of,
    program_seen,
    refused,
    report,
    unique,
)

DEFAULTS = {
    "archived": False,
    "custom_name": "",
    "description": "",
    "last_cycle": None,
    "load_by_var_value": None,
    "process_id": None,
}
MARCH = at("2024-03-10T12:00")


def listed(api: httpx.Client, machine: Json, **query: object) -> set[int]:
    """IDs of this machine's programs that a query finds."""
    return {int(key) for key in get(api, "/api/programs/", machine=machine["id"], **query)}


def made_on(edge: httpx.Client, machine: Json, program: str, *moments: float) -> None:
    """The machine ran this program, and finished a cycle at each of these moments."""
    first = min(moments)
    facts(
        edge,
        machine,
        baseline(first - 2),
        program_seen(first - 1, program),
        *[cycle(when, number, program=program) for number, when in enumerate(sorted(moments), 1)],
    )


# GET /api/programs/


@pytest.mark.parametrize("path", ["/api/programs/", "/api/programs"])
def test_the_list_maps_program_ids_to_programs(api: httpx.Client, path: str) -> None:
    program = make_program(api, make_machine(api))
    programs = get(api, path)
    assert programs[str(program["id"])] == program
    assert all(key == str(value["id"]) for key, value in programs.items())


def test_the_list_filters_by_machine(api: httpx.Client) -> None:
    mill, lathe = make_machine(api), make_machine(api)
    ours, theirs = make_program(api, mill), make_program(api, lathe)
    assert set(get(api, "/api/programs/", machine=mill["id"])) == {str(ours["id"])}
    assert set(get(api, "/api/programs/", machine=lathe["id"])) == {str(theirs["id"])}


def test_the_list_filters_by_process(api: httpx.Client) -> None:
    mill = make_machine(api)
    process, other = make_process(api, mill), make_process(api, mill)
    inside = make_program(api, mill, process_id=process["id"])
    make_program(api, mill, process_id=other["id"])
    make_program(api, mill)
    assert set(get(api, "/api/programs/", process=process["id"])) == {str(inside["id"])}


def test_process_0_lists_the_programs_without_a_process(api: httpx.Client) -> None:
    mill = make_machine(api)
    inside = make_program(api, mill, process_id=make_process(api, mill)["id"])
    outside = make_program(api, mill)
    assert listed(api, mill, process=0) == {outside["id"]}
    everywhere = get(api, "/api/programs/", process=0)
    assert str(outside["id"]) in everywhere
    assert str(inside["id"]) not in everywhere


def test_an_unknown_process_in_the_list_is_424(api: httpx.Client) -> None:
    refused(api.get("/api/programs/", params={"process": UNKNOWN}), 424)


@pytest.mark.parametrize("yes", ["1", "true", "on", "yes", "y", "checked", "TRUE", "Yes", "oN", "CHECKED", "Y"])
def test_true_may_be_spelled(api: httpx.Client, yes: str) -> None:
    mill = make_machine(api)
    archived, current = make_program(api, mill, archived=True), make_program(api, mill)
    report(api, mill, program_name=current["filename"])
    assert listed(api, mill, archived=yes) == {archived["id"]}
    assert listed(api, mill, loaded=yes) == {current["id"]}


@pytest.mark.parametrize("no", ["0", "false", "off", "no", "n", "2", "banana", "truely", ""])
def test_anything_else_is_false(api: httpx.Client, no: str) -> None:
    mill = make_machine(api)
    archived, current = make_program(api, mill, archived=True), make_program(api, mill)
    report(api, mill, program_name=current["filename"])
    assert listed(api, mill, archived=no) == {current["id"]}
    assert listed(api, mill, loaded=no) == {archived["id"]}


def test_without_the_filters_archived_and_loaded_all_are_listed(api: httpx.Client) -> None:
    mill = make_machine(api)
    programs = [make_program(api, mill, archived=True), make_program(api, mill)]
    report(api, mill, program_name=programs[1]["filename"])
    assert listed(api, mill) == {program["id"] for program in programs}


def test_filters_are_combined_with_and(api: httpx.Client) -> None:
    mill, lathe = make_machine(api), make_machine(api)
    process = make_process(api, mill)
    wanted = make_program(api, mill, process_id=process["id"], archived=True)
    loaded = make_program(api, mill, process_id=process["id"], archived=True)
    make_program(api, mill, archived=True)
    make_program(api, mill, process_id=process["id"])
    make_program(api, lathe, archived=True)
    report(api, mill, program_name=loaded["filename"])
    assert listed(api, mill, process=process["id"], archived=1, loaded=0) == {wanted["id"]}
    assert listed(api, mill, process=process["id"], archived=1, loaded=1) == {loaded["id"]}
    assert listed(api, mill, process=process["id"], archived=0, loaded=1) == set()
    assert listed(api, lathe, process=process["id"]) == set()


@pytest.mark.parametrize("query", ["machine=mill", "process=abc", "process=1x", "machine=", "machine=0x1"])
def test_a_filter_that_is_not_a_number_is_400(api: httpx.Client, query: str) -> None:
    refused(api.get(f"/api/programs/?{query}"), 400)


def test_an_unknown_query_parameter_is_ignored(api: httpx.Client) -> None:
    mill = make_machine(api)
    program = make_program(api, mill)
    assert listed(api, mill, colour="red", Archived="1") == {program["id"]}


# PUT /api/programs/


@pytest.mark.parametrize("path", ["/api/programs/", "/api/programs"])
def test_creating_answers_201_with_the_whole_program(api: httpx.Client, path: str) -> None:
    mill = make_machine(api)
    answer = api.put(path, json={"filename": "O1001", "machine_id": mill["id"]})
    assert answer.status_code == 201, answer.text
    program = answer.json()
    assert isinstance(program["id"], int)
    expected = DEFAULTS | {"filename": "O1001", "machine_id": mill["id"], "id": program["id"]}
    assert {name: program[name] for name in expected} == expected
    assert program_of(api, program) == program


def test_creating_takes_every_field_that_a_user_writes(api: httpx.Client) -> None:
    mill = make_machine(api)
    fields = {
        "filename": "O2000.nc",
        "machine_id": mill["id"],
        "archived": True,
        "custom_name": "Flansch Ø 40",
        "description": "first side\nsecond line",
        "load_by_var_value": 7,
        "process_id": make_process(api, mill)["id"],
    }
    program = make_program(api, mill, **fields)
    assert {name: program[name] for name in fields} == fields


def test_creating_ignores_fields_that_are_read_only_or_unknown(api: httpx.Client) -> None:
    program = make_program(api, make_machine(api), id=UNKNOWN, last_cycle=12.5, loaded=True, colour="red")
    assert program["id"] != UNKNOWN
    assert program["last_cycle"] is None
    assert "colour" not in program


@pytest.mark.parametrize("missing", ["filename", "machine_id"])
def test_creating_without_a_required_field_is_400(api: httpx.Client, missing: str) -> None:
    mill = make_machine(api)
    body = {"filename": unique("O"), "machine_id": mill["id"]}
    del body[missing]
    refused(api.put("/api/programs/", json=body), 400, field=missing)
    assert listed(api, mill) == set()


def test_creating_on_an_unknown_machine_is_424(api: httpx.Client) -> None:
    refused(api.put("/api/programs/", json={"filename": "O1", "machine_id": UNKNOWN}), 424)


def test_creating_in_an_unknown_process_is_424(api: httpx.Client) -> None:
    mill = make_machine(api)
    body = {"filename": "O1", "machine_id": mill["id"], "process_id": UNKNOWN}
    refused(api.put("/api/programs/", json=body), 424)
    assert listed(api, mill) == set()


def test_creating_a_filename_that_the_machine_has_is_409(api: httpx.Client) -> None:
    mill, lathe = make_machine(api), make_machine(api)
    make_program(api, mill, filename="O1001")
    refused(api.put("/api/programs/", json={"filename": "O1001", "machine_id": mill["id"]}), 409)
    assert len(listed(api, mill)) == 1
    assert make_program(api, lathe, filename="O1001")["machine_id"] == lathe["id"]


def test_creating_a_filename_that_the_machine_reported_is_409(api: httpx.Client) -> None:
    mill = make_machine(api)
    report(api, mill, program_name="O1001")
    refused(api.put("/api/programs/", json={"filename": "O1001", "machine_id": mill["id"]}), 409)


def test_of_many_that_create_the_same_program_at_once_one_does(api: httpx.Client) -> None:
    mill = make_machine(api)
    body = {"filename": "O1001", "machine_id": mill["id"]}
    answers = at_once(*[lambda: api.put("/api/programs/", json=body)] * 8)
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert len(listed(api, mill)) == 1


def test_creating_in_a_process_of_another_machine_is_409(api: httpx.Client) -> None:
    mill, lathe = make_machine(api), make_machine(api)
    body = {"filename": "O1", "machine_id": mill["id"], "process_id": make_process(api, lathe)["id"]}
    refused(api.put("/api/programs/", json=body), 409)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("filename", 5),
        ("filename", None),
        ("filename", ""),
        ("machine_id", "mill"),
        ("machine_id", 1.5),
        ("machine_id", None),
        ("machine_id", [1]),
        ("archived", []),
        ("load_by_var_value", "seven"),
    ],
)
def test_creating_with_an_invalid_field_is_400(api: httpx.Client, field: str, value: object) -> None:
    mill = make_machine(api)
    body = {"filename": unique("O"), "machine_id": mill["id"], field: value}
    refused(api.put("/api/programs/", json=body), 400, field=field)
    assert listed(api, mill) == set()


def test_ids_are_given_in_order_and_never_twice(api: httpx.Client) -> None:
    mill = make_machine(api)
    first, second = make_program(api, mill), make_program(api, mill)
    assert second["id"] == first["id"] + 1
    assert api.delete(f"/api/programs/{second['id']}").status_code == 204
    assert make_program(api, mill)["id"] == second["id"] + 1


# GET /api/programs/{id}


@pytest.mark.parametrize("slash", ["", "/"])
def test_one_program(api: httpx.Client, slash: str) -> None:
    program = make_program(api, make_machine(api))
    assert get(api, f"/api/programs/{program['id']}{slash}") == program


def test_the_types_of_the_fields(api: httpx.Client, edge: httpx.Client) -> None:
    mill = make_machine(api)
    program = make_program(api, mill, load_by_var_value=3, process_id=make_process(api, mill)["id"])
    made_on(edge, mill, program["filename"], MARCH)
    types = {name: type(value) for name, value in program_of(api, program).items()}
    assert (
        types.items()
        >= {
            "archived": bool,
            "custom_name": str,
            "description": str,
            "filename": str,
            "id": int,
            "last_cycle": float,
            "load_by_var_value": int,
            "machine_id": int,
            "process_id": int,
        }.items()
    )


@pytest.mark.parametrize("slash", ["", "/"])
def test_an_unknown_program_is_404(api: httpx.Client, slash: str) -> None:
    refused(api.get(f"/api/programs/{UNKNOWN}{slash}"), 404)


# PATCH /api/programs/{id}


@pytest.mark.parametrize("slash", ["", "/"])
def test_patch_answers_200_with_the_whole_program(api: httpx.Client, slash: str) -> None:
    program = make_program(api, make_machine(api))
    answer = api.patch(f"/api/programs/{program['id']}{slash}", json={"description": "roughing"})
    assert answer.status_code == 200, answer.text
    assert answer.json() == program | {"description": "roughing"}
    assert program_of(api, program) == answer.json()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("archived", True),
        ("custom_name", "Deckel"),
        ("description", "second side"),
        ("load_by_var_value", 12),
        ("load_by_var_value", 0),
        ("load_by_var_value", -3),
    ],
)
def test_patch_takes_any_subset_of_fields(api: httpx.Client, field: str, value: object) -> None:
    program = make_program(api, make_machine(api))
    answer = api.patch(f"/api/programs/{program['id']}", json={field: value})
    assert answer.status_code == 200, answer.text
    assert answer.json() == program | {field: value}


def test_patch_of_nothing_changes_nothing(api: httpx.Client) -> None:
    program = make_program(api, make_machine(api))
    answer = api.patch(f"/api/programs/{program['id']}", json={})
    assert answer.status_code == 200
    assert answer.json() == program


def test_patch_moves_a_program_into_a_process_and_out_again(api: httpx.Client) -> None:
    mill = make_machine(api)
    process, program = make_process(api, mill), make_program(api, mill)
    path = f"/api/programs/{program['id']}"
    assert api.patch(path, json={"process_id": process["id"]}).json()["process_id"] == process["id"]
    assert api.patch(path, json={"process_id": None}).json()["process_id"] is None


def test_patch_ignores_read_only_and_unknown_fields(api: httpx.Client) -> None:
    program = make_program(api, make_machine(api))
    ignored = {"id": UNKNOWN, "last_cycle": 1.0, "loaded": True, "created": 5, "colour": "red"}
    answer = api.patch(f"/api/programs/{program['id']}", json=ignored | {"custom_name": "Deckel"})
    assert answer.status_code == 200, answer.text
    assert answer.json() == program | {"custom_name": "Deckel"}


def test_patch_ignores_read_only_fields_whatever_their_type(api: httpx.Client) -> None:
    program = make_program(api, make_machine(api))
    answer = api.patch(f"/api/programs/{program['id']}", json={"id": [], "last_cycle": "yesterday"})
    assert answer.status_code == 200, answer.text
    assert answer.json() == program


def test_numbers_may_come_as_strings(api: httpx.Client) -> None:
    mill = make_machine(api)
    process, program = make_process(api, mill), make_program(api, mill)
    body = {"load_by_var_value": "42", "process_id": str(process["id"])}
    answer = api.patch(f"/api/programs/{program['id']}", json=body)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["load_by_var_value"], answer.json()["process_id"]) == (42, process["id"])
    created = make_program(api, mill, machine_id=str(mill["id"]))
    assert created["machine_id"] == mill["id"]


@pytest.mark.parametrize("null", ["", None])
def test_an_empty_string_is_null_for_a_nullable_number(api: httpx.Client, null: object) -> None:
    mill = make_machine(api)
    program = make_program(api, mill, load_by_var_value=5, process_id=make_process(api, mill)["id"])
    answer = api.patch(f"/api/programs/{program['id']}", json={"load_by_var_value": null, "process_id": null})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["load_by_var_value"], answer.json()["process_id"]) == (None, None)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("load_by_var_value", 1.5),
        ("load_by_var_value", "1.5"),
        ("load_by_var_value", "seven"),
        ("load_by_var_value", "7 apples"),
        ("load_by_var_value", [7]),
        ("load_by_var_value", {"value": 7}),
        ("process_id", "abc"),
        ("process_id", 1.5),
        ("archived", {}),
        ("archived", None),
        ("custom_name", 5),
        ("custom_name", None),
        ("description", ["a"]),
    ],
)
def test_one_invalid_field_rejects_the_whole_patch(api: httpx.Client, field: str, value: object) -> None:
    program = make_program(api, make_machine(api), load_by_var_value=1)
    others = {"description": "changed", "custom_name": "changed", "archived": True, "load_by_var_value": 9}
    answer = api.patch(f"/api/programs/{program['id']}", json=others | {field: value})
    refused(answer, 400, field=field)
    assert program_of(api, program) == program


def test_patch_of_an_unknown_program_is_404(api: httpx.Client) -> None:
    refused(api.patch(f"/api/programs/{UNKNOWN}", json={"custom_name": "Deckel"}), 404)


def test_patch_into_a_process_of_another_machine_is_409(api: httpx.Client) -> None:
    program, elsewhere = make_program(api, make_machine(api)), make_process(api, make_machine(api))
    body = {"process_id": elsewhere["id"], "description": "changed"}
    refused(api.patch(f"/api/programs/{program['id']}", json=body), 409)
    assert program_of(api, program) == program


def test_patch_into_an_unknown_process_is_424(api: httpx.Client) -> None:
    program = make_program(api, make_machine(api))
    body = {"process_id": UNKNOWN, "description": "changed"}
    refused(api.patch(f"/api/programs/{program['id']}", json=body), 424)
    assert program_of(api, program) == program


def test_moving_the_loaded_program_moves_the_loaded_process(api: httpx.Client) -> None:
    mill = make_machine(api)
    first, second, program = make_process(api, mill), make_process(api, mill), make_program(api, mill)
    report(api, mill, program_name=program["filename"])
    assert machine_of(api, mill)["loaded_process_id"] is None
    for process in (first, second):
        api.patch(f"/api/programs/{program['id']}", json={"process_id": process["id"]})
        assert machine_of(api, mill)["loaded_process_id"] == process["id"]
    processes = get(api, "/api/processes/")
    assert [processes[str(process["id"])]["loaded"] for process in (first, second)] == [False, True]


# DELETE /api/programs/{id}


@pytest.mark.parametrize("slash", ["", "/"])
def test_delete_answers_204_and_no_body(api: httpx.Client, slash: str) -> None:
    program = make_program(api, make_machine(api))
    answer = api.delete(f"/api/programs/{program['id']}{slash}")
    assert answer.status_code == 204
    assert answer.content == b""
    refused(api.get(f"/api/programs/{program['id']}"), 404)
    assert str(program["id"]) not in get(api, "/api/programs/")


def test_delete_of_an_unknown_program_is_404(api: httpx.Client) -> None:
    refused(api.delete(f"/api/programs/{UNKNOWN}"), 404)
    program = make_program(api, make_machine(api))
    api.delete(f"/api/programs/{program['id']}")
    refused(api.delete(f"/api/programs/{program['id']}"), 404)


def test_when_the_loaded_program_is_deleted_none_is_loaded(api: httpx.Client) -> None:
    mill = make_machine(api)
    program = make_program(api, mill, process_id=make_process(api, mill)["id"])
    report(api, mill, program_name=program["filename"])
    assert machine_of(api, mill)["loaded_program_id"] == program["id"]
    api.delete(f"/api/programs/{program['id']}")
    machine = machine_of(api, mill)
    assert (machine["loaded_program_id"], machine["loaded_process_id"]) == (None, None)


def test_a_deleted_program_that_is_reported_again_is_a_new_one(api: httpx.Client) -> None:
    mill = make_machine(api)
    report(api, mill, program_name="O1")
    (old,) = listed(api, mill)
    report(api, mill, program_name="O2")
    api.delete(f"/api/programs/{old}")
    report(api, mill, program_name="O1")
    (new,) = get(api, "/api/programs/", machine=mill["id"], loaded=1).values()
    assert new["filename"] == "O1"
    assert new["id"] > old


def test_parts_of_a_deleted_program_stay(api: httpx.Client, edge: httpx.Client) -> None:
    mill = make_machine(api)
    program = make_program(api, mill)
    made_on(edge, mill, program["filename"], MARCH, MARCH + 60)
    api.delete(f"/api/programs/{program['id']}")
    parts = parts_of(api, mill)
    assert [(part["program_id"], part["program_name"]) for part in parts] == [(None, program["filename"])] * 2


# What a machine does to its programs


def test_a_program_name_that_was_never_reported_makes_a_program(api: httpx.Client) -> None:
    mill = make_machine(api)
    report(api, mill, program_name="O7777")
    programs = get(api, "/api/programs/", machine=mill["id"])
    assert [program["filename"] for program in programs.values()] == ["O7777"]
    report(api, mill, program_name="O7777")
    assert listed(api, mill) == {int(key) for key in programs}


def test_the_same_file_on_two_machines_is_two_programs(api: httpx.Client) -> None:
    mills = [make_machine(api), make_machine(api)]
    for mill in mills:
        report(api, mill, program_name="O4242")
    found = [program for program in get(api, "/api/programs/").values() if program["filename"] == "O4242"]
    assert {program["machine_id"] for program in found} == {mill["id"] for mill in mills}


def test_a_reported_program_that_a_user_made_is_that_one(api: httpx.Client) -> None:
    mill = make_machine(api)
    program = make_program(api, mill, custom_name="Deckel")
    report(api, mill, program_name=program["filename"])
    assert listed(api, mill) == {program["id"]}
    assert machine_of(api, mill)["loaded_program_id"] == program["id"]


def test_a_custom_name_is_not_the_filename(api: httpx.Client) -> None:
    mill = make_machine(api)
    program = make_program(api, mill, custom_name="Deckel")
    report(api, mill, program_name="Deckel")
    assert program["custom_name"] == "Deckel"
    assert machine_of(api, mill)["loaded_program_id"] not in {None, program["id"]}
    assert program_of(api, program)["filename"] == program["filename"]


def test_the_variable_selects_the_program_whatever_the_name_says(api: httpx.Client) -> None:
    mill = make_machine(api, program_cv=500)
    by_value, by_name = make_program(api, mill, load_by_var_value=7), make_program(api, mill)
    report(api, mill, program_name=by_name["filename"], common_vars={"500": 7})
    assert machine_of(api, mill)["loaded_program_id"] == by_value["id"]
    assert listed(api, mill, loaded=1) == {by_value["id"]}
    report(api, mill, program_name=by_name["filename"], common_vars={"500": 8})
    assert machine_of(api, mill)["loaded_program_id"] == by_name["id"]
    report(api, mill, common_vars={"500": 7.0})
    assert machine_of(api, mill)["loaded_program_id"] == by_value["id"]


def test_another_variable_selects_nothing(api: httpx.Client) -> None:
    mill = make_machine(api, program_cv=500)
    make_program(api, mill, load_by_var_value=7)
    by_name = make_program(api, mill)
    report(api, mill, program_name=by_name["filename"], common_vars={"501": 7})
    assert machine_of(api, mill)["loaded_program_id"] == by_name["id"]


def test_a_program_that_gets_the_value_of_the_variable_is_loaded(api: httpx.Client) -> None:
    mill = make_machine(api, program_cv=500)
    by_value, by_name = make_program(api, mill), make_program(api, mill)
    report(api, mill, program_name=by_name["filename"], common_vars={"500": 7})
    assert machine_of(api, mill)["loaded_program_id"] == by_name["id"]
    api.patch(f"/api/programs/{by_value['id']}", json={"load_by_var_value": 7})
    report(api, mill, program_name=by_name["filename"], common_vars={"500": 7})
    assert machine_of(api, mill)["loaded_program_id"] == by_value["id"]


def test_cycles_belong_to_the_program_that_the_variable_selects(api: httpx.Client) -> None:
    mill = make_machine(api, program_cv=500)
    by_value = make_program(api, mill, load_by_var_value=7)
    report(api, mill, program_name="O1", common_vars={"500": 7}, part_count=10, when=MARCH)
    report(api, mill, program_name="O1", common_vars={"500": 7}, part_count=12, when=MARCH + 60)
    assert [part["program_id"] for part in parts_of(api, mill)] == [by_value["id"]] * 2


def test_last_cycle_is_the_time_of_the_last_finished_cycle(api: httpx.Client, edge: httpx.Client) -> None:
    mill = make_machine(api)
    program, other = make_program(api, mill), make_program(api, mill)
    spool = Spool(edge, mill)
    spool.send(baseline(MARCH - 100), program_seen(MARCH - 100, program["filename"]))
    assert program_of(api, program)["last_cycle"] is None
    for number, when in enumerate((MARCH, MARCH + 60.5), 1):
        spool.send(cycle(when, number, program=program["filename"]))
        assert program_of(api, program)["last_cycle"] == when
    spool.send(program_seen(MARCH + 70, other["filename"]), cycle(MARCH + 90, 3, program=other["filename"]))
    assert program_of(api, program)["last_cycle"] == MARCH + 60.5
    assert program_of(api, other)["last_cycle"] == MARCH + 90


def test_a_cycle_that_arrives_late_does_not_move_last_cycle_back(api: httpx.Client, edge: httpx.Client) -> None:
    mill = make_machine(api)
    program = make_program(api, mill)
    made_on(edge, mill, program["filename"], MARCH)
    facts(edge, mill, cycle(MARCH - DAY, 5, program=program["filename"]))
    assert program_of(api, program)["last_cycle"] == MARCH
    assert len(parts_of(api, mill)) == 2


def test_only_the_loaded_program_is_loaded(api: httpx.Client) -> None:
    mill = make_machine(api)
    first, second = make_program(api, mill), make_program(api, mill)
    for loaded, unloaded in ((first, second), (second, first)):
        report(api, mill, program_name=loaded["filename"])
        assert listed(api, mill, loaded=1) == {loaded["id"]}
        assert listed(api, mill, loaded=0) == {unloaded["id"]}


def test_a_program_seen_by_an_edge_is_loaded(api: httpx.Client, edge: httpx.Client) -> None:
    mill = make_machine(api)
    facts(edge, mill, program_seen(MARCH, "O5005"))
    (program,) = get(api, "/api/programs/", machine=mill["id"], loaded=1).values()
    assert (program["filename"], machine_of(api, mill)["loaded_program_id"]) == ("O5005", program["id"])


# GET /api/programs/{id}/overview/{year}[/{month}]


@pytest.fixture(scope="module")
def produced(api: httpx.Client, edge: httpx.Client) -> Json:
    """A program that made parts in three months of 2024, and one at the very end of 2023."""
    mill = make_machine(api)
    program = make_program(api, mill)
    moments = (
        "2023-12-31T23:59:59",
        "2024-01-01T00:00:00",
        "2024-02-28T12:00:00",
        "2024-03-01T02:00:00",
        "2024-03-01T08:00:00",
        "2024-03-31T23:30:00",
    )
    made_on(edge, mill, program["filename"], *[at(moment) for moment in moments])
    return program


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_overview_of_a_year(api: httpx.Client, produced: Json, slash: str) -> None:
    assert get(api, f"/api/programs/{produced['id']}/overview/2024{slash}") == {
        "2024": {"2024-01-01": 1, "2024-02-28": 1, "2024-03-01": 2, "2024-03-31": 1}
    }
    assert get(api, f"/api/programs/{produced['id']}/overview/2023{slash}") == {"2023": {"2023-12-31": 1}}


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize(
    ("month", "days"),
    [
        ("1", {"2024-01-01": 1}),
        ("02", {"2024-02-28": 1}),
        ("3", {"2024-03-01": 2, "2024-03-31": 1}),
        ("12", {}),
    ],
)
def test_the_overview_of_a_month(api: httpx.Client, produced: Json, month: str, days: Json, slash: str) -> None:
    assert get(api, f"/api/programs/{produced['id']}/overview/2024/{month}{slash}") == {"2024": days}


@pytest.mark.parametrize("year", [2022, 2025, 1970])
def test_the_overview_of_a_year_without_parts(api: httpx.Client, produced: Json, year: int) -> None:
    assert get(api, f"/api/programs/{produced['id']}/overview/{year}") == {str(year): {}}


@pytest.mark.parametrize("month", [0, 13, 100])
def test_a_month_that_is_none_is_400(api: httpx.Client, produced: Json, month: int) -> None:
    refused(api.get(f"/api/programs/{produced['id']}/overview/2024/{month}"), 400)


@pytest.mark.parametrize("year", ["0", "10000", "99999999999999999999999999", "-5", "abc", "2024.5"])
def test_a_year_that_is_none_is_no_error_of_the_server(api: httpx.Client, produced: Json, year: str) -> None:
    for path in (f"{year}", f"{year}/1"):
        answer = api.get(f"/api/programs/{produced['id']}/overview/{path}")
        assert answer.status_code in {200, 400, 404}, answer.text


@pytest.mark.parametrize("path", ["2024", "2024/3"])
def test_the_overview_of_an_unknown_program_is_404(api: httpx.Client, path: str) -> None:
    refused(api.get(f"/api/programs/{UNKNOWN}/overview/{path}"), 404)


def test_days_are_those_of_local_time(options: httpx.Client, produced: Json) -> None:
    path = f"/api/programs/{produced['id']}/overview"
    assert options.patch("/api/options/", json={"timezone": "America/New_York"}).status_code == 200
    assert get(options, f"{path}/2023") == {"2023": {"2023-12-31": 2}}
    assert get(options, f"{path}/2024") == {
        "2024": {"2024-02-28": 1, "2024-02-29": 1, "2024-03-01": 1, "2024-03-31": 1}
    }
    assert get(options, f"{path}/2024/2") == {"2024": {"2024-02-28": 1, "2024-02-29": 1}}
    # Summer time began on that day: UTC+2 already, and the first of April.
    options.patch("/api/options/", json={"timezone": "Europe/Berlin"})
    assert get(options, f"{path}/2024/4") == {"2024": {"2024-04-01": 1}}
    assert get(options, f"{path}/2024/1") == {"2024": {"2024-01-01": 2}}
    # A zone that is no whole hour away.
    options.patch("/api/options/", json={"timezone": "Asia/Kathmandu"})
    assert get(options, f"{path}/2024/4") == {"2024": {"2024-04-01": 1}}
    options.patch("/api/options/", json={"timezone": "UTC"})
    assert get(options, f"{path}/2024/3") == {"2024": {"2024-03-01": 2, "2024-03-31": 1}}


def test_the_overview_counts_parts_not_cycles(api: httpx.Client) -> None:
    mill = make_machine(api)
    program = make_program(api, mill, process_id=make_process(api, mill, parts_per_cycle=4)["id"])
    report(api, mill, program_name=program["filename"], part_count=0, when=MARCH)
    report(api, mill, part_count=3, when=MARCH + 60)
    assert get(api, f"/api/programs/{program['id']}/overview/2024") == {"2024": {"2024-03-10": 12}}


def test_production_counts_where_it_happened(api: httpx.Client, edge: httpx.Client) -> None:
    mill = make_machine(api)
    program = make_program(api, mill)
    made_on(edge, mill, program["filename"], MARCH)
    facts(edge, mill, cycle(MARCH - DAY, 2, program=program["filename"]))
    overview = get(api, f"/api/programs/{program['id']}/overview/2024")
    assert overview == {"2024": {"2024-03-09": 1, "2024-03-10": 1}}


def test_the_overview_counts_this_program_alone(api: httpx.Client, edge: httpx.Client) -> None:
    mill = make_machine(api)
    ours, theirs = make_program(api, mill), make_program(api, mill)
    made_on(edge, mill, ours["filename"], MARCH)
    made_on(edge, mill, theirs["filename"], MARCH + 10, MARCH + 20)
    assert get(api, f"/api/programs/{ours['id']}/overview/2024") == {"2024": {"2024-03-10": 1}}


# GET /api/programs/{id}/chart


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_chart_is_the_program_and_its_parts(api: httpx.Client, produced: Json, slash: str) -> None:
    query = {"start": at("2024-02-01T00:00"), "end": at("2024-03-01T05:00")}
    chart = get(api, f"/api/programs/{produced['id']}/chart{slash}", **query)
    assert chart["program"] == program_of(api, produced)
    assert sorted(part["finished"] for part in chart["parts"].values()) == [
        at("2024-02-28T12:00"),
        at("2024-03-01T02:00"),
    ]
    for key, part in chart["parts"].items():
        assert part == get(api, f"/api/parts/{key}")
        assert part["program_id"] == produced["id"]


def test_start_and_end_of_the_chart_are_floats(api: httpx.Client, edge: httpx.Client) -> None:
    mill = make_machine(api)
    program = make_program(api, mill)
    made_on(edge, mill, program["filename"], MARCH + 0.25, MARCH + 0.5, MARCH + 0.75)
    chart = get(api, f"/api/programs/{program['id']}/chart", start=MARCH + 0.4, end=MARCH + 0.6)
    assert [part["finished"] for part in chart["parts"].values()] == [MARCH + 0.5]


def test_the_chart_begins_with_the_local_day_and_ends_now(options: httpx.Client, edge: httpx.Client) -> None:
    # A zone in which it is about noon, so that the day began twelve to thirteen hours ago.
    hour = datetime.now(UTC).hour
    zone = "Etc/GMT" if hour == 12 else f"Etc/GMT{hour - 12:+d}"
    options.patch("/api/options/", json={"timezone": zone})
    mill = make_machine(options)
    program = make_program(options, mill)
    now = round(time.time())
    today = [now - 11 * 3_600, now - 2]
    made_on(edge, mill, program["filename"], now - 14 * 3_600, *today, now + 3_600)
    path = f"/api/programs/{program['id']}/chart"
    assert sorted(part["finished"] for part in get(options, path)["parts"].values()) == today
    earlier = get(options, path, end=now - 3_600)["parts"].values()
    assert [part["finished"] for part in earlier] == today[:1]
    since = get(options, path, start=now - 3_600)["parts"].values()
    assert [part["finished"] for part in since] == today[1:]


def test_the_chart_of_a_day_without_parts(api: httpx.Client) -> None:
    program = make_program(api, make_machine(api))
    assert get(api, f"/api/programs/{program['id']}/chart") == {"program": program, "parts": {}}


@pytest.mark.parametrize("query", ["start=monday", "end=now", "start=2024-01-01", "end=nan", "start=inf", "start="])
def test_a_bound_that_is_not_a_number_is_400(api: httpx.Client, produced: Json, query: str) -> None:
    refused(api.get(f"/api/programs/{produced['id']}/chart?{query}"), 400)


def test_the_chart_of_an_unknown_program_is_404(api: httpx.Client) -> None:
    refused(api.get(f"/api/programs/{UNKNOWN}/chart"), 404)
