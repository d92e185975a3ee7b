"""Conditional requests: nobody reads twice what hasn't changed, and nobody overwrites what they haven't seen."""

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from api.client import (
    UNKNOWN,
    Json,
    alerts_of,
    at_once,
    get,
    make_machine,
    make_process,
    make_program,
    make_user,
    parts_of,
    refused,
    report,
    unique,
    written,
)

Change = Callable[[httpx.Client, str], httpx.Response]


def edit(field: str) -> Change:
    """Somebody gives the object another text."""
    return lambda api, path: api.patch(path, json={field: unique("text")})


def dismiss(api: httpx.Client, path: str) -> httpx.Response:
    return api.post(f"{path}/dismiss")


TEXTS = {
    "machines": "description",
    "programs": "description",
    "processes": "description",
    "tools": "notes",
    "tools/assemblies": "notes",
    "parts": "notes",
    "users": "username",
}
"""Of each kind that has `PATCH`, a text that a user writes."""
CHANGES: dict[str, Change] = {kind: edit(field) for kind, field in TEXTS.items()} | {"alerts": dismiss}


def made(answer: httpx.Response) -> Json:
    assert answer.status_code == 201, answer.text
    found: Json = answer.json()
    return found


def a_new(api: httpx.Client, kind: str) -> str:
    """The path of a new object."""
    if kind == "users":
        return f"/api/users/{make_user(api)['id']}"
    if kind.startswith("tools"):
        return f"/api/{kind}/{made(api.put(f'/api/{kind}/', json={'name': unique('tool')}))['id']}"
    mill = make_machine(api)
    if kind == "machines":
        return f"/api/machines/{mill['id']}"
    if kind in {"programs", "processes"}:
        make = make_program if kind == "programs" else make_process
        return f"/api/{kind}/{make(api, mill)['id']}"
    report(api, mill, program_name="O1", part_count=0)
    report(api, mill, part_count=1 if kind == "parts" else 50_000)
    (thing,) = parts_of(api, mill) if kind == "parts" else alerts_of(api, mill)
    return f"/api/{kind}/{thing['id']}"


def paths(api: httpx.Client, kind: str) -> tuple[str, str]:
    """Of a new object, and of the list that it is in."""
    return a_new(api, kind), f"/api/{kind}/"


def tag_of(api: httpx.Client, path: str, **query: Any) -> str:
    answer = api.get(path, params=query)
    assert answer.status_code == 200, answer.text
    tag = answer.headers.get("etag", "")
    assert tag.removeprefix("W/").startswith('"'), f"{path}: {answer.headers}"
    assert tag.endswith('"')
    assert len(tag) > 2
    return tag


def asked(api: httpx.Client, path: str, tag: str, **query: Any) -> httpx.Response:
    return api.get(path, params=query, headers={"If-None-Match": tag})


def weak(tag: str) -> str:
    return tag if tag.startswith("W/") else f"W/{tag}"


def strong(tag: str) -> str:
    return tag.removeprefix("W/")


# ETag and If-None-Match


@pytest.mark.parametrize("kind", CHANGES)
def test_the_tag_stays_while_nothing_changes(api: httpx.Client, kind: str) -> None:
    for path in paths(api, kind):
        assert tag_of(api, path) == tag_of(api, path)


@pytest.mark.parametrize("kind", CHANGES)
@pytest.mark.parametrize(
    "form",
    [
        pytest.param(lambda tag: tag, id="as it was given"),
        pytest.param(weak, id="weak"),
        pytest.param(strong, id="strong"),
        pytest.param(lambda tag: f'"another", {tag}, "a third"', id="one of a list"),
        pytest.param(lambda tag: f'"another",{weak(tag)}', id="weak, of a list without spaces"),
        pytest.param(lambda tag: f'W/"with, a comma", {tag}', id="after one with a comma"),
        pytest.param(lambda tag: "*", id="any"),
    ],
)
def test_what_has_not_changed_is_304_without_a_body(api: httpx.Client, kind: str, form: Callable[[str], str]) -> None:
    for path in paths(api, kind):
        tag = tag_of(api, path)
        answer = asked(api, path, form(tag))
        assert (answer.status_code, answer.content) == (304, b""), path
        assert strong(answer.headers["etag"]) == strong(tag)


@pytest.mark.parametrize("kind", CHANGES)
@pytest.mark.parametrize("other", ['"another"', 'W/"another"', '"a", "b"', '""', "garbage", ""])
def test_another_tag_is_200_with_the_body(api: httpx.Client, kind: str, other: str) -> None:
    for path in paths(api, kind):
        answer = asked(api, path, other)
        assert (answer.status_code, answer.json()) == (200, get(api, path))


@pytest.mark.parametrize("kind", CHANGES)
def test_what_has_changed_is_200_with_another_tag(api: httpx.Client, kind: str) -> None:
    one, many = paths(api, kind)
    tags = {path: tag_of(api, path) for path in (one, many)}
    assert CHANGES[kind](api, one).is_success
    for path, tag in tags.items():
        answer = asked(api, path, tag)
        assert answer.status_code == 200
        assert strong(answer.headers["etag"]) != strong(tag)
        assert answer.json() == get(api, path)
        assert asked(api, path, answer.headers["etag"]).status_code == 304


@pytest.mark.parametrize("kind", CHANGES)
def test_a_new_object_changes_the_list_and_no_other_object(api: httpx.Client, kind: str) -> None:
    one, many = paths(api, kind)
    tags = tag_of(api, one), tag_of(api, many)
    a_new(api, kind)
    assert asked(api, one, tags[0]).status_code == 304
    assert asked(api, many, tags[1]).status_code == 200


@pytest.mark.parametrize("kind", [kind for kind in CHANGES if kind != "alerts"])
def test_a_deleted_object_changes_the_list(api: httpx.Client, kind: str) -> None:
    one, many = paths(api, kind)
    tags = tag_of(api, one), tag_of(api, many)
    assert api.delete(one).status_code == 204
    assert asked(api, many, tags[1]).status_code == 200
    refused(asked(api, one, tags[0]), 404)
    refused(asked(api, one, "*"), 404)


def test_two_objects_have_two_tags(api: httpx.Client) -> None:
    for kind in CHANGES:
        assert strong(tag_of(api, a_new(api, kind))) != strong(tag_of(api, a_new(api, kind))), kind


@pytest.mark.parametrize("slash", ["", "/"])
def test_options_have_a_tag_too(options: httpx.Client, slash: str) -> None:
    path = f"/api/options{slash}"
    tag = tag_of(options, path)
    for form in (tag, weak(tag), f'"a", {tag}', "*"):
        assert (asked(options, path, form).status_code, asked(options, path, form).content) == (304, b"")
    assert options.patch(path, json={"part_report_limit": 77}).status_code == 200
    answer = asked(options, path, tag)
    assert (answer.status_code, answer.json()["part_report_limit"]) == (200, 77)
    assert strong(answer.headers["etag"]) != strong(tag)


# What is embedded and what is filtered


def test_what_a_process_includes_is_part_of_its_tag(api: httpx.Client) -> None:
    mill = make_machine(api)
    process = make_process(api, mill)
    program = make_program(api, mill, process_id=process["id"])
    assembly = made(api.put("/api/tools/assemblies/", json={"name": "a", "process_id": process["id"]}))
    tool = made(api.put("/api/tools/", json={"name": "a", "assembly_id": assembly["id"]}))
    edits = {"programs": f"/api/programs/{program['id']}", "tools": f"/api/tools/{tool['id']}"}
    fields = {"programs": "description", "tools": "notes"}
    for path in (f"/api/processes/{process['id']}", "/api/processes/"):
        for what, edited in edits.items():
            tag = tag_of(api, path, **{what: 1})
            assert asked(api, path, tag, **{what: 1}).status_code == 304
            assert api.patch(edited, json={fields[what]: unique("text")}).status_code == 200
            answer = asked(api, path, tag, **{what: 1})
            assert answer.status_code == 200, f"{path}?{what}=1"
            assert strong(answer.headers["etag"]) != strong(tag)


def test_the_tag_is_of_what_was_asked_for(api: httpx.Client) -> None:
    mill = make_machine(api)
    process = make_process(api, mill)
    for path in (f"/api/processes/{process['id']}", "/api/processes/"):
        tag = tag_of(api, path)
        answer = asked(api, path, tag, programs=1)
        assert answer.status_code == 200
        assert strong(answer.headers["etag"]) != strong(tag)


def test_a_list_that_is_filtered_has_a_tag_of_its_own(api: httpx.Client) -> None:
    mill = make_machine(api)
    program = make_program(api, mill)
    path = "/api/programs/"
    tag = tag_of(api, path, machine=mill["id"])
    assert asked(api, path, tag, machine=mill["id"]).status_code == 304
    assert asked(api, path, tag).status_code == 200
    api.patch(f"/api/programs/{program['id']}", json={"archived": True})
    assert asked(api, path, tag, machine=mill["id"]).status_code == 200
    tag = tag_of(api, path, machine=mill["id"], archived=1)
    api.patch(f"/api/programs/{program['id']}", json={"archived": False})
    answer = asked(api, path, tag, machine=mill["id"], archived=1)
    assert (answer.status_code, answer.json()) == (200, {})


def test_a_list_of_parts_changes_with_the_name_of_their_program(api: httpx.Client) -> None:
    mill = make_machine(api)
    program = make_program(api, mill)
    report(api, mill, program_name=program["filename"], part_count=0)
    report(api, mill, part_count=1)
    (part,) = parts_of(api, mill)
    tag = tag_of(api, f"/api/parts/{part['id']}")
    assert api.delete(f"/api/programs/{program['id']}").status_code == 204
    answer = asked(api, f"/api/parts/{part['id']}", tag)
    assert (answer.status_code, answer.json()["program_id"]) == (200, None)


def test_what_is_derived_is_part_of_the_tag(options: httpx.Client) -> None:
    """Locations of tools come from assemblies, parts and an option."""
    mill = make_machine(options)
    process = make_process(options, mill)
    program = make_program(options, mill, process_id=process["id"])
    body = {"name": "a", "location": 7, "process_id": process["id"]}
    assembly = made(options.put("/api/tools/assemblies/", json=body))
    report(options, mill, program_name=program["filename"], part_count=0, when=time.time() - 60)
    for count, location in enumerate((7, 8), 1):
        report(options, mill, part_count=count, tools_seen=[location], when=time.time() - 50 + count)
    path = f"/api/processes/{process['id']}"
    assert get(options, path)["unused_tool_locations"] == []
    tag = tag_of(options, path)
    options.patch("/api/options/", json={"check_unused_tools_parts": 1})
    answer = asked(options, path, tag)
    assert (answer.status_code, answer.json()["unused_tool_locations"]) == (200, [7])
    tags = tag_of(options, path), tag_of(options, "/api/processes/")
    options.patch(f"/api/tools/assemblies/{assembly['id']}", json={"location": 8})
    answer = asked(options, path, tags[0])
    assert answer.status_code == 200
    assert "8" not in answer.json()["unassigned_tools_used"]
    listed = asked(options, "/api/processes/", tags[1])
    assert listed.status_code == 200
    assert "8" not in listed.json()[str(process["id"])]["unassigned_tools_used"]


def test_a_deleted_part_changes_what_is_told_of_production(api: httpx.Client) -> None:
    mill = make_machine(api)
    process = make_process(api, mill)
    program = make_program(api, mill, process_id=process["id"])
    report(api, mill, program_name=program["filename"], part_count=0)
    report(api, mill, part_count=1)
    shown = [f"/api/programs/{program['id']}", f"/api/processes/{process['id']}", "/api/programs/", "/api/processes/"]
    tags = {path: tag_of(api, path) for path in shown}
    (part,) = parts_of(api, mill)
    assert api.delete(f"/api/parts/{part['id']}").status_code == 204
    for path, tag in tags.items():
        assert asked(api, path, tag).status_code == 200, path
    # Nobody has edited the process: whoever saw it before may change it.
    assert guarded(api, "processes", shown[1], tags[shown[1]]).status_code == 200


# If-Match


def guarded(api: httpx.Client, kind: str, path: str, tag: str) -> httpx.Response:
    return api.patch(path, json={TEXTS[kind]: unique("text")}, headers={"If-Match": tag})


@pytest.mark.parametrize("kind", TEXTS)
def test_who_has_seen_the_object_may_change_it(api: httpx.Client, kind: str) -> None:
    path = a_new(api, kind)
    for form in (lambda tag: tag, lambda tag: f'"another", {tag}', lambda tag: "*"):
        answer = guarded(api, kind, path, form(tag_of(api, path)))
        assert answer.status_code == 200, answer.text
        assert answer.json().items() <= get(api, path).items() or answer.json() == get(api, path)
    assert api.delete(path, headers={"If-Match": tag_of(api, path)}).status_code == 204


@pytest.mark.parametrize("kind", TEXTS)
def test_who_has_not_seen_the_last_edit_is_412(api: httpx.Client, kind: str) -> None:
    path = a_new(api, kind)
    tag = tag_of(api, path)
    assert CHANGES[kind](api, path).status_code == 200
    before, events = get(api, path), written(api)
    refused(guarded(api, kind, path, tag), 412)
    refused(guarded(api, kind, path, f'"another", {tag}'), 412)
    refused(api.delete(path, headers={"If-Match": tag}), 412)
    assert (get(api, path), written(api)) == (before, events)
    assert guarded(api, kind, path, tag_of(api, path)).status_code == 200


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("garbage", ["garbage", "5", '"another"', 'W/"another"', '"', '""', "*, x", "W/", '"a" "b"'])
def test_garbage_is_412(api: httpx.Client, kind: str, garbage: str) -> None:
    path = a_new(api, kind)
    before, events = get(api, path), written(api)
    refused(guarded(api, kind, path, garbage), 412)
    refused(api.delete(path, headers={"If-Match": garbage}), 412)
    assert (get(api, path), written(api)) == (before, events)


@pytest.mark.parametrize("kind", TEXTS)
def test_an_unquoted_tag_is_412(api: httpx.Client, kind: str) -> None:
    path = a_new(api, kind)
    refused(guarded(api, kind, path, strong(tag_of(api, path)).strip('"')), 412)


@pytest.mark.parametrize("kind", TEXTS)
def test_any_tag_of_an_unknown_object_is_404(api: httpx.Client, kind: str) -> None:
    path = f"/api/{kind}/{UNKNOWN}"
    refused(guarded(api, kind, path, "*"), 404)
    refused(api.delete(path, headers={"If-Match": "*"}), 404)


@pytest.mark.parametrize("kind", TEXTS)
def test_without_the_header_the_last_one_wins(api: httpx.Client, kind: str) -> None:
    path = a_new(api, kind)
    for _ in range(2):
        assert CHANGES[kind](api, path).status_code == 200
    assert api.delete(path).status_code == 204


@pytest.mark.parametrize("kind", TEXTS)
def test_of_twenty_at_once_one_succeeds(api: httpx.Client, kind: str) -> None:
    path = a_new(api, kind)
    headers = {"If-Match": tag_of(api, path)}
    texts = [unique("text") for _ in range(20)]
    count = len(written(api))

    def sent(text: str) -> Callable[[], httpx.Response]:
        return lambda: api.patch(path, json={TEXTS[kind]: text}, headers=headers)

    answers = at_once(*[sent(text) for text in texts])
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 19
    (winner,) = [text for text, answer in zip(texts, answers, strict=True) if answer.status_code == 200]
    assert get(api, path)[TEXTS[kind]] == winner
    assert len(written(api)) == count + 1


def test_options_are_guarded_too(options: httpx.Client) -> None:
    path = "/api/options/"
    tag = tag_of(options, path)

    def sent(value: int, tag: str) -> httpx.Response:
        return options.patch(path, json={"part_report_limit": value}, headers={"If-Match": tag})

    assert sent(51, tag).status_code == 200
    refused(sent(52, tag), 412)
    refused(sent(52, "garbage"), 412)
    assert get(options, path)["part_report_limit"] == 51
    assert sent(53, "*").status_code == 200
    tag = tag_of(options, path)
    answers = at_once(*[lambda value=value: sent(value, tag) for value in range(60, 80)])
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 19


def test_an_edit_of_another_object_is_no_conflict(api: httpx.Client) -> None:
    mill = make_machine(api)
    programs = [make_program(api, mill) for _ in range(2)]
    path, other = (f"/api/programs/{program['id']}" for program in programs)
    tag = tag_of(api, path)
    api.patch(other, json={"description": "changed"})
    api.patch(f"/api/machines/{mill['id']}", json={"description": "changed"})
    assert guarded(api, "programs", path, tag).status_code == 200


def test_who_deletes_what_an_object_belongs_to_has_edited_it(api: httpx.Client) -> None:
    process = make_process(api, make_machine(api))
    assembly = made(api.put("/api/tools/assemblies/", json={"name": "a", "process_id": process["id"]}))
    tool = made(api.put("/api/tools/", json={"name": "a", "assembly_id": assembly["id"]}))
    moves = {"tools/assemblies": (assembly, "processes", process), "tools": (tool, "tools/assemblies", assembly)}
    for kind, (inside, outer, outside) in moves.items():
        path = f"/api/{kind}/{inside['id']}"
        tag = tag_of(api, path)
        assert api.delete(f"/api/{outer}/{outside['id']}").status_code == 204
        before = get(api, path)
        assert None in {before.get("process_id", 0), before.get("assembly_id", 0)}
        refused(guarded(api, kind, path, tag), 412)
        assert get(api, path) == before


def test_an_edit_that_changed_nothing_is_no_conflict(api: httpx.Client) -> None:
    path = a_new(api, "programs")
    tag = tag_of(api, path)
    api.patch(path, json={"description": ""})
    assert tag_of(api, path) == tag
    assert guarded(api, "programs", path, tag).status_code == 200


def test_a_wrong_field_with_an_old_tag_changes_nothing(api: httpx.Client) -> None:
    path = a_new(api, "processes")
    tag = tag_of(api, path)
    before = get(api, path)
    answer = api.patch(path, json={"name": "x", "parts_per_cycle": 1.5}, headers={"If-Match": tag})
    refused(answer, 400)
    assert get(api, path) == before
    assert tag_of(api, path) == tag


# What machines report by themselves


@pytest.fixture
def line(api: httpx.Client) -> Json:
    """A machine with a program in a process, that has not run yet."""
    mill = make_machine(api)
    process = make_process(api, mill)
    program = make_program(api, mill, process_id=process["id"])
    return {
        "mill": mill,
        "name": program["filename"],
        "machines": f"/api/machines/{mill['id']}",
        "programs": f"/api/programs/{program['id']}",
        "processes": f"/api/processes/{process['id']}",
    }


def produce(api: httpx.Client, line: Json) -> None:
    report(api, line["mill"], program_name=line["name"], part_count=0, cycle_state="ACTIVE", when=time.time() - 60)
    report(api, line["mill"], part_count=3, tools_seen=[7], when=time.time() - 30)


@pytest.mark.parametrize("kind", ["machines", "programs", "processes"])
def test_a_report_changes_the_tag(api: httpx.Client, line: Json, kind: str) -> None:
    tags = {path: tag_of(api, path) for path in (line[kind], f"/api/{kind}/")}
    produce(api, line)
    for path, tag in tags.items():
        answer = asked(api, path, tag)
        assert answer.status_code == 200
        assert strong(answer.headers["etag"]) != strong(tag)


@pytest.mark.parametrize("kind", ["machines", "programs", "processes"])
def test_a_report_is_no_conflict(api: httpx.Client, line: Json, kind: str) -> None:
    tag = tag_of(api, line[kind])
    produce(api, line)
    assert guarded(api, kind, line[kind], tag).status_code == 200
    tag = tag_of(api, line[kind])
    report(api, line["mill"], part_count=4)
    assert api.delete(line[kind], headers={"If-Match": tag}).status_code == 204


@pytest.mark.parametrize("kind", ["machines", "programs", "processes"])
def test_an_edit_between_reports_is_a_conflict(api: httpx.Client, line: Json, kind: str) -> None:
    tag = tag_of(api, line[kind])
    produce(api, line)
    assert CHANGES[kind](api, line[kind]).status_code == 200
    report(api, line["mill"], part_count=4)
    before = get(api, line[kind])
    refused(guarded(api, kind, line[kind], tag), 412)
    refused(api.delete(line[kind], headers={"If-Match": tag}), 412)
    assert get(api, line[kind]) == before


def test_the_last_contact_of_a_machine_is_part_of_its_tag(api: httpx.Client, line: Json) -> None:
    report(api, line["mill"], part_count=0, when=time.time() - 60)
    tag, before = tag_of(api, line["machines"]), get(api, line["machines"])
    report(api, line["mill"], part_count=0, when=time.time() - 30)
    answer = asked(api, line["machines"], tag)
    assert answer.status_code == 200
    assert answer.json()["last_contact"] > before["last_contact"]


def test_a_shared_assembly_that_the_machine_moved_is_no_conflict(api: httpx.Client, line: Json) -> None:
    body = {"name": "a", "shared": True, "process_id": make_process(api, line["mill"])["id"]}
    path = f"/api/tools/assemblies/{made(api.put('/api/tools/assemblies/', json=body))['id']}"
    tag = tag_of(api, path)
    report(api, line["mill"], program_name=line["name"])
    assert get(api, path)["process_id"] == int(line["processes"].rpartition("/")[2])
    assert asked(api, path, tag).status_code == 200
    assert guarded(api, "tools/assemblies", path, tag).status_code == 200
