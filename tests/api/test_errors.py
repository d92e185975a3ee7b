"""What is refused, and how: bad input, bad keys, levels too low, routes that are none."""

import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from api.client import (
    BATCH,
    SINGLE,
    UNKNOWN,
    Json,
    Server,
    get,
    make_machine,
    make_program,
    refused,
    written,
)
from api.routes import ROUTES, Route

JSON = "application/json"
DEEP = 200_000
OVER_THE_LIMIT = 64 * 1024 * 1024


@pytest.fixture(scope="module")
def objects(api: httpx.Client) -> Json:
    """What the routes below speak of."""
    machine = make_machine(api)
    return {"machine": machine["id"], "program": make_program(api, machine)["id"], "name": machine["source_name"]}


@pytest.fixture
def unchanged(api: httpx.Client) -> Iterator[None]:
    """Whatever the test sends, nothing is written."""
    before = written(api)
    yield
    assert written(api) == before


# Bad input

WRITES = {
    "a new machine": ("PUT", "/api/machines/", JSON),
    "a machine": ("PATCH", "/api/machines/{machine}", JSON),
    "an update": ("POST", "/api/machines/{machine}/update", JSON),
    "a new program": ("PUT", "/api/programs/", JSON),
    "a program": ("PATCH", "/api/programs/{program}", JSON),
    "a new process": ("PUT", "/api/processes/", JSON),
    "options": ("PATCH", "/api/options/", JSON),
    "an event": ("POST", "/api/events", SINGLE),
    "a batch of events": ("POST", "/api/events", BATCH),
    "the state of an edge": ("POST", "/api/edge/state", JSON),
}
EVENT = {
    "specversion": "1.0",
    "id": "s/1",
    "source": "s",
    "type": "ProgramSeen",
    "subject": "nobody",
    "time": "2024-03-10T10:00:00Z",
    "sequence": "1",
}
CYCLES = EVENT | {"type": "CyclesSeen", "data": {"cycles": 1, "counters": {"part_count": {"value": "HERE"}}}}
NUMBERS: dict[str, Json] = {
    "a machine": {"program_cv": "HERE"},
    "an update": {"part_count": "HERE"},
    "a new program": {"filename": "O9", "machine_id": "HERE"},
    "a program": {"load_by_var_value": "HERE"},
    "a new process": {"name": "x", "machine_id": 1, "parts_per_cycle": "HERE"},
    "options": {"part_report_limit": "HERE"},
    "an event": CYCLES,
    "the state of an edge": {
        "machines": {"nobody": {"connected": True, "last_contact": 1, "error": None, "backlog": "HERE"}}
    },
}
TEXTS: dict[str, Json] = {
    "a new machine": {"name": "HERE"},
    "a machine": {"description": "HERE"},
    "an update": {"program_name": "HERE"},
    "a new program": {"machine_id": 1, "filename": "HERE"},
    "a program": {"custom_name": "HERE"},
    "a new process": {"machine_id": 1, "name": "HERE"},
    "options": {"timezone": "HERE"},
    "an event": EVENT | {"data": {"program": "HERE"}},
}
NO_OBJECTS = {
    "a list": b"[]",
    "a list of objects": b"[{}]",
    "text": b'"name"',
    "a number": b"5",
    "true": b"true",
    "null": b"null",
    "nothing": b"",
    "spaces": b"  \n",
    "half an object": b'{"name": ',
    "two objects": b"{}{}",
    "single quotes": b"{'name': 'mill'}",
    "no UTF-8": b'{"name": "\xff\xfe"}',
    "UTF-16": '{"name": "mill"}'.encode("utf-16"),
    "NaN": b"NaN",
    "a deep list": b"[" * DEEP + b"]" * DEEP,
    "a deep list without an end": b"[" * DEEP,
    "a deep object": b'{"name":' * DEEP + b"1" + b"}" * DEEP,
}


def send(api: httpx.Client, objects: Json, what: str, body: bytes, kind: str | None = None) -> httpx.Response:
    method, path, its_kind = WRITES[what]
    return api.request(method, path.format(**objects), content=body, headers={"Content-Type": kind or its_kind})


def filled(objects: Json, body: Json, value: str) -> bytes:
    """A body with this JSON text where it says HERE, as it came over the wire."""
    if body.get("machine_id") == 1:
        body = body | {"machine_id": objects["machine"]}
    return json.dumps(body).replace('"HERE"', value).encode(errors="surrogatepass")


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("what", WRITES)
def test_a_body_that_is_no_object_is_400(api: httpx.Client, objects: Json, what: str) -> None:
    for name, body in NO_OBJECTS.items():
        if WRITES[what][2] == BATCH and name == "a list":
            continue
        answer = send(api, objects, what, body)
        assert answer.status_code == 400, f"{name}: {answer.status_code} {answer.text}"
        refused(answer, 400)


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", '"NaN"', '"inf"', "1e400"])
@pytest.mark.parametrize("what", NUMBERS)
def test_a_number_that_is_none_is_400(api: httpx.Client, objects: Json, what: str, number: str) -> None:
    refused(send(api, objects, what, filled(objects, NUMBERS[what], number)), 400)


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999", '"NaN"', '"inf"'])
@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("an update", {"timestamp": "HERE"}),
        ("an update", {"feed_rate_override": "HERE"}),
        ("an update", {"common_vars": {"5": "HERE"}}),
        ("an update", {"alarms": [{"alarm_type": "SV", "timestamp": "HERE"}]}),
        ("a new process", {"name": "x", "machine_id": 1, "part_sell_price": "HERE"}),
        ("a new process", {"name": "x", "machine_id": 1, "time_per_cycle": "HERE"}),
        ("an event", EVENT | {"type": "VariablesSeen", "data": {"variables": {"5": "HERE"}}}),
        ("an event", EVENT | {"type": "RunTimeSeen", "data": {"tool_seconds": {"5": "HERE"}}}),
        ("an event", EVENT | {"type": "StateSeen", "data": {"changes": {"feed_rate_override": "HERE"}}}),
        ("the state of an edge", {"machines": {"nobody": {"connected": True, "last_contact": "HERE", "backlog": 0}}}),
    ],
)
def test_no_float_is_nan_or_infinite(api: httpx.Client, objects: Json, what: str, body: Json, number: str) -> None:
    refused(send(api, objects, what, filled(objects, body, number)), 400)


INTEGERS = ["9" * 26, "-" + "9" * 26, f'"{"9" * 26}"', str(2**63), str(2**64), str(-(2**63) - 1)]


def test_an_integer_that_nothing_can_hold_is_400(fresh: Server) -> None:
    """On a server of its own: what is written and can't be folded would stop the ledger for good."""
    bodies = [(what, body) for what, body in NUMBERS.items() if what != "an event"]
    bodies += [
        ("a machine", {"custom_properties": {"a": "HERE"}}),
        ("a new process", {"name": "x", "machine_id": 1, "display_variable": "HERE"}),
        ("a new process", {"name": "x", "machine_id": 1, "part_count_cv": "HERE"}),
        ("a new process", {"name": "x", "machine_id": 1, "cv_map": {"a": {"number": "HERE"}}}),
        ("a program", {"process_id": "HERE"}),
        ("an update", {"active_tool": "HERE"}),
        ("an update", {"tools_seen": ["HERE"]}),
    ]
    wrong = []
    with fresh.client(fresh.admin_key) as api:
        machine = make_machine(api)
        objects = {"machine": machine["id"], "program": make_program(api, machine)["id"]}
        for what, body in bodies:
            # A reference to an object that can't be may as well be called unknown, and a text may be free.
            expected = {400, 424} if "machine_id" in body or "process_id" in body else {400}
            for integer in INTEGERS:
                sent = filled(objects, body, integer)
                answer = send(api, objects, what, sent)
                free = "custom_properties" in body and integer.startswith('"')
                if answer.status_code not in expected and not free:
                    wrong.append(f"{what}: {sent.decode()} -> {answer.status_code}")
        assert wrong == []
        assert fresh.is_ready()


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    "text", [r'"a\u0000b"', r'"\u0000"', '"a\0b"', r'"\ud800"'], ids=["NUL", "only", "raw", "surrogate"]
)
@pytest.mark.parametrize("what", TEXTS)
def test_a_text_that_cannot_be_stored_is_400(api: httpx.Client, objects: Json, what: str, text: str) -> None:
    refused(send(api, objects, what, filled(objects, TEXTS[what], text)), 400)


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("a machine", {"custom_properties": {"a\0b": "x"}}),
        ("a machine", {"custom_properties": {"a": {"b": ["x\0"]}}}),
        ("a machine", {"custom_alarms": {"1\0": "x"}}),
        ("a new process", {"name": "x", "machine_id": 1, "tags": ["a\0"]}),
        ("a new process", {"name": "x", "machine_id": 1, "cv_map": {"a\0": {"number": 5}}}),
        ("an update", {"alarms": [{"alarm_type": "a\0"}]}),
        ("an update", {"cycle_state": "a\0"}),
    ],
)
def test_what_cannot_be_stored_is_400_wherever_it_stands(
    api: httpx.Client, objects: Json, what: str, body: Json
) -> None:
    refused(send(api, objects, what, json.dumps(body).encode()), 400)


@pytest.mark.parametrize("what", ["a machine"])
@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_no_free_field_takes_a_number_that_is_none(api: httpx.Client, objects: Json, what: str, number: str) -> None:
    refused(send(api, objects, what, b'{"custom_properties": {"a": %s}}' % number.encode()), 400)
    assert api.get("/api/machines/").status_code == 200


@pytest.mark.usefixtures("unchanged")
def test_a_free_field_may_not_nest_without_end(api: httpx.Client, objects: Json) -> None:
    nested = b"[" * DEEP + b"]" * DEEP
    refused(send(api, objects, "a machine", b'{"custom_properties": {"a": ' + nested + b"}}"), 400)


def test_a_field_name_in_another_case_is_another_field(api: httpx.Client, objects: Json) -> None:
    answer = send(api, objects, "a machine", b'{"Description": "x"}')
    assert answer.status_code == 200
    assert answer.json()["description"] == ""


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("kind", ["text/plain", "text/plain;charset=UTF-8", "application/x-www-form-urlencoded"])
@pytest.mark.parametrize("what", WRITES)
def test_a_form_of_another_site_can_post_nothing(api: httpx.Client, objects: Json, what: str, kind: str) -> None:
    bodies = TEXTS | NUMBERS
    refused(send(api, objects, what, filled(objects, bodies.get(what, {}), "7"), kind), 400, 415)


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "application/json;charset=UTF-8", "Application/JSON"]
)
def test_json_may_say_its_charset(api: httpx.Client, objects: Json, kind: str) -> None:
    assert (
        send(api, objects, "a program", b'{"description": "Gr\xc3\xb6\xc3\x9fe"}', kind).json()["description"]
        == "Größe"
    )


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("what", ["a new machine", "an update", "a batch of events"])
def test_a_body_over_the_limit_is_413(api: httpx.Client, objects: Json, what: str) -> None:
    """It is told by its length: nobody reads 64 MiB to refuse them."""
    method, path, kind = WRITES[what]
    path = path.format(**objects)
    address = urlsplit(str(api.base_url))
    head = f"{method} {path} HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: {api.headers['Authorization']}\r\n"
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=20) as sender:
        sender.sendall(f"{head}Content-Type: {kind}\r\nContent-Length: {OVER_THE_LIMIT}\r\n\r\n{{".encode())
        answer = b""
        while b"}" not in answer and (more := sender.recv(65_536)):
            answer += more
    assert answer.startswith(b"HTTP/1.1 413 "), answer
    body = answer.partition(b"\r\n\r\n")[2]
    assert b'"error"' in body


@pytest.mark.usefixtures("unchanged")
def test_a_body_of_unknown_length_over_the_limit_is_413(api: httpx.Client) -> None:
    def endless() -> Iterator[bytes]:
        yield b'{"name": "'
        for _ in range(OVER_THE_LIMIT // 1_048_576):
            yield b"a" * 1_048_576
        yield b'"}'

    answer = api.put("/api/machines/", content=endless(), headers={"Content-Type": JSON})
    assert answer.status_code in {400, 413}, answer.text
    assert answer.json()["error"]


@pytest.mark.parametrize("identifier", ["abc", "1.5", "-1", "0", "9" * 26, "%00", "1%2F2", "%F0%9F%94%A9"])
@pytest.mark.parametrize(
    "path", ["machines/{}", "programs/{}", "parts/{}", "programs/{}/chart", "programs/{}/overview/2024"]
)
def test_an_id_that_is_none_finds_nothing(api: httpx.Client, path: str, identifier: str) -> None:
    refused(api.get(f"/api/{path.format(identifier)}"), 400, 404)


@pytest.mark.parametrize("value", ["9" * 26, "-1", "1e5", "%00", "%FF", "%F0%9F%94%A9", "1,2", "1%202"])
@pytest.mark.parametrize("path", ["programs/?machine=", "programs/?process=", "parts/?program=", "events/?after="])
def test_an_odd_query_is_no_error_of_the_server(api: httpx.Client, path: str, value: str) -> None:
    assert api.get(f"/api/{path}{value}").status_code in {200, 400, 424}


# The form of an error


def test_an_error_is_a_problem(api: httpx.Client) -> None:
    problem = refused(api.get(f"/api/programs/{UNKNOWN}"), 404)
    assert problem["instance"] == f"/api/programs/{UNKNOWN}"
    assert isinstance(problem["title"], str)
    assert isinstance(problem["type"], str)
    assert len(problem["error"]) < 300


def test_an_error_says_what_to_show_and_nothing_of_the_inside(api: httpx.Client, objects: Json) -> None:
    for body in NO_OBJECTS.values():
        problem = refused(send(api, objects, "a new machine", body), 400)
        assert "Traceback" not in json.dumps(problem)
        assert "msgspec" not in json.dumps(problem)
        assert len(problem["error"]) < 300


def test_a_validation_error_names_the_field(api: httpx.Client, objects: Json) -> None:
    problem = refused(send(api, objects, "a program", b'{"load_by_var_value": "seven"}'), 400)
    assert problem["field"] == "load_by_var_value"


# Who may


def request_for(route: Route) -> dict[str, Any]:
    """A request to a route that would be in order, as far as its form goes."""
    if route.path.startswith("/api/events"):
        return {"content": b"[]", "headers": {"Content-Type": BATCH}} if route.method == "POST" else {}
    return {"json": {}} if route.method in {"PUT", "PATCH", "POST"} else {}


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_without_a_key_everything_is_401(anonymous: httpx.Client, route: Route, slash: str) -> None:
    path = route.path.rstrip("/") + slash
    refused(anonymous.request(route.method, path, **request_for(route)), 401)


@pytest.mark.parametrize("path", ["/api/", "/api", "/api/nothing", "/api/nothing/1", "/api/machines/1/nothing"])
def test_without_a_key_also_what_is_not_there_is_401(anonymous: httpx.Client, path: str) -> None:
    refused(anonymous.get(path), 401)


@pytest.mark.parametrize("method", ["DELETE", "POST"])
def test_without_a_key_also_a_wrong_method_is_401(anonymous: httpx.Client, method: str) -> None:
    refused(anonymous.request(method, "/api/programs/"), 401)


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("what", ["a deep list", "nothing", "no UTF-8"])
def test_without_a_key_no_body_is_read(anonymous: httpx.Client, objects: Json, what: str) -> None:
    refused(send(anonymous, objects, "a new machine", NO_OBJECTS[what]), 401)


def test_every_documented_path_is_401_without_a_key(api: httpx.Client, anonymous: httpx.Client) -> None:
    paths = get(api, "/docs/openapi.json")["paths"]
    guarded = [(method, path) for path, methods in paths.items() for method in methods if path.startswith("/api")]
    assert len(guarded) >= len(ROUTES)
    for method, path in guarded:
        filled = "/".join("1" if "{" in part else part for part in path.split("/"))
        assert anonymous.request(method, filled).status_code == 401, f"{method} {path}"


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("route", ROUTES[:2] + ROUTES[-4:], ids=str)
@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer " + "0" * 64,
        "Bearer",
        "Basic YWRtaW46YWRtaW4=",
        "Token {key}",
        "{key}",
        "Bearer {key}0",
        "Bearer {short}",
        "Bearer {upper}",
        "Bearer ä",
        "Bearer " + "a" * 5_000,
    ],
)
def test_a_bad_key_is_401(anonymous: httpx.Client, server: Server, route: Route, authorization: str) -> None:
    key = "a" + server.admin_key[1:]
    header = authorization.format(key=server.admin_key, short=server.admin_key[:-1], upper=key.upper()).encode()
    refused(anonymous.request(route.method, route.path, headers={b"Authorization": header}), 401)


def test_a_key_in_the_query_is_none(anonymous: httpx.Client, server: Server) -> None:
    refused(anonymous.get("/api/machines/", params={"key": server.admin_key, "token": server.admin_key}), 401)


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("route", [route for route in ROUTES if "machine" not in route.allowed], ids=str)
@pytest.mark.parametrize("slash", ["", "/"])
def test_a_level_too_low_is_403_and_says_who_may(edge: httpx.Client, route: Route, slash: str) -> None:
    path = route.path.rstrip("/") + slash
    problem = refused(edge.request(route.method, path, **request_for(route)), 403)
    assert isinstance(problem["allowed"], list)
    assert set(problem["allowed"]) == route.allowed


def test_every_documented_path_but_the_edges_own_is_403_for_it(api: httpx.Client, edge: httpx.Client) -> None:
    own = {(route.method.lower(), route.path.rstrip("/")) for route in ROUTES if "machine" in route.allowed}
    for path, methods in get(api, "/docs/openapi.json")["paths"].items():
        if not path.startswith("/api"):
            continue
        filled = "/".join("1" if "{" in part else part for part in path.split("/"))
        for method in methods:
            if (method, path.rstrip("/")) not in own:
                assert edge.request(method, filled).status_code == 403, f"{method} {path}"


@pytest.mark.parametrize("route", [route for route in ROUTES if "machine" in route.allowed], ids=str)
def test_the_edge_may_do_its_own(edge: httpx.Client, route: Route) -> None:
    answer = edge.request(route.method, route.path, **request_for(route))
    assert answer.status_code not in {401, 403}, answer.text


# What is not there


@pytest.mark.parametrize(
    "path", ["/api/nothing", "/api/nothing/", "/api/machines/1/nothing", "/api/programs/1/chart/2"]
)
def test_an_unknown_route_is_404(api: httpx.Client, path: str) -> None:
    refused(api.get(path), 404)


def test_an_unknown_route_outside_the_api_is_404(api: httpx.Client) -> None:
    assert api.get("/nothing").status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/programs/"),
        ("DELETE", "/api/programs"),
        ("PUT", "/api/programs/1"),
        ("POST", "/api/programs/1/chart"),
        ("PUT", "/api/options/"),
        ("GET", "/api/machines/1/update"),
        ("DELETE", "/api/events"),
        ("GET", "/api/edge/state"),
    ],
)
def test_a_wrong_method_is_405(api: httpx.Client, method: str, path: str) -> None:
    answer = api.request(method, path)
    refused(answer, 405)
    assert answer.headers["allow"]


# Health and metrics


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
def test_health_is_open(anonymous: httpx.Client, path: str) -> None:
    assert anonymous.get(path).status_code == 200


def test_metrics_are_there_for_who_may_read(api: httpx.Client, edge: httpx.Client, anonymous: httpx.Client) -> None:
    """A key of level `machine` may do three things, and nothing else."""
    answer = api.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert "# TYPE " in answer.text
    refused(edge.get("/metrics"), 403)
    refused(anonymous.get("/metrics"), 401)


@pytest.mark.parametrize("path", ["/api/programs/", "/api/machines/1", "/api/events/", "/api/nothing"])
def test_options_need_a_key_too(api: httpx.Client, anonymous: httpx.Client, path: str) -> None:
    """Without one, 401 on every `/api/` path; never 500."""
    assert anonymous.options(path).status_code == 401
    assert 400 <= api.options(path).status_code < 500


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/api/machines/"), ("POST", "/api/events"), ("PATCH", "/api/options/")]
)
def test_a_missing_body_is_said_in_words(api: httpx.Client, method: str, path: str) -> None:
    answer = api.request(method, path, headers={"Content-Type": "application/json"})
    assert refused(answer, 400)["error"] == "the request needs a JSON body"


def test_an_id_that_no_object_can_have_is_missing(api: httpx.Client) -> None:
    """A missing object is 404."""
    refused(api.get(f"/api/programs/{10**26}"), 404)


@pytest.mark.parametrize("tag", ['"' + "1" * 5_000 + '-a"', '"1-a', "1-a", '"-"', '"²-a"', ",,,"])
def test_an_odd_tag_matches_nothing(api: httpx.Client, tag: str) -> None:
    mill = make_machine(api)
    headers = {b"If-Match": tag.encode()}
    refused(api.patch(f"/api/machines/{mill['id']}", json={"description": "x"}, headers=headers), 412)
    assert get(api, f"/api/machines/{mill['id']}")["description"] == ""
