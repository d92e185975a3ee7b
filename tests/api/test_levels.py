"""Who may do what: every route that the application has, by every level and by nobody (`domain.md`, "Levels")."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from msgspec import UNSET, Struct, UnsetType
from structlog.testing import capture_logs

from api.client import BATCH, UNKNOWN, Server, make_key, make_user, refused
from api.routes import ROUTES, Route
from taktledger.api.app import create_app
from taktledger.api.levels import ALLOWED, NEVER_OWN, WRITABLE, only_writable
from taktledger.main import close_backend, open_backend

LEVELS = ("admin", "plan", "shop", "audit", "machine")


@pytest.fixture(scope="module")
def handlers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[tuple[str, str, HTTPRouteHandler]]]:
    """Method, path and handler of all that the application serves under `/api/`."""
    backend = open_backend(tmp_path_factory.mktemp("levels"))
    found = [
        (method, route.path, handler)
        for route in create_app(backend).routes
        if isinstance(route, HTTPRoute) and route.path.startswith("/api")
        for handler in route.route_handlers
        for method in handler.http_methods
    ]
    yield [each for each in found if each[0] != "OPTIONS"]
    close_backend(backend)


@pytest.fixture(scope="module")
def clients(server: Server, api: httpx.Client) -> Iterator[dict[str, httpx.Client]]:
    """A user of each level, with a key; and nobody."""
    with ExitStack() as stack:
        keys: dict[str, str | None] = {level: make_key(api, make_user(api, level))["key"] for level in LEVELS}
        yield {name: stack.enter_context(server.client(key)) for name, key in {**keys, "nobody": None}.items()}


def shape(path: str) -> str:
    steps = path.strip("/").split("/")
    return "/".join("{}" if "{" in step or step.isdigit() else step for step in steps)


def test_every_route_of_the_application_is_in_the_table(handlers: list[tuple[str, str, HTTPRouteHandler]]) -> None:
    """A new route needs its row in `routes.py`, written from what it should be and not from what it is."""
    served = {(method, shape(path)) for method, path, _ in handlers}
    assert served == {(route.method, shape(route.path)) for route in ROUTES}


def test_every_operation_has_a_level(handlers: list[tuple[str, str, HTTPRouteHandler]]) -> None:
    operations = {handler.operation_id for _, _, handler in handlers} | {"metrics"}
    assert operations == set(ALLOWED)
    assert {*WRITABLE, *NEVER_OWN} <= set(ALLOWED)


def request_for(route: Route) -> dict[str, Any]:
    if route.path.startswith("/api/events"):
        return {"content": b"[]", "headers": {"Content-Type": BATCH}} if route.method == "POST" else {}
    return {"json": {}} if route.method in {"PUT", "PATCH", "POST"} else {}


@pytest.mark.parametrize("level", [*LEVELS, "nobody"])
@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_who_may(clients: dict[str, httpx.Client], route: Route, level: str) -> None:
    may = level in route.allowed
    path = re.sub(r"/1\b", f"/{UNKNOWN}", route.path) if may else route.path  # nothing is to be lost here
    answer = clients[level].request(route.method, path, **request_for(route))
    if may:
        assert answer.status_code not in {401, 403}, answer.text
    elif level == "nobody":
        refused(answer, 401)
    else:
        assert set(refused(answer, 403)["allowed"]) == route.allowed


# Fields


class Fields(Struct, kw_only=True, frozen=True):
    notes: str | UnsetType = UNSET
    part_count: int | UnsetType = UNSET
    name: str | UnsetType = UNSET


def test_fields_that_a_level_may_not_write_are_dropped_and_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ALLOWED, "edit_thing", ("admin", "plan", "shop"))
    monkeypatch.setitem(WRITABLE, "edit_thing", {"shop": ("notes", "part_count")})
    given = Fields(notes="a secret", name="x")
    with capture_logs() as logs:
        assert only_writable("edit_thing", "plan", given, "user-1") == given
        assert only_writable("edit_thing", "shop", Fields(notes="x", part_count=3), "user-2").part_count == 3
        assert logs == []
        assert only_writable("edit_thing", "shop", given, "user-2") == Fields(notes="a secret")
    (line,) = logs
    assert (line["operation"], line["actor"], line["fields"]) == ("edit_thing", "user-2", ["name"])
    assert "secret" not in str(line)


def test_what_nobody_writes_of_themselves_is_dropped_at_every_level(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ALLOWED, "edit_thing", ("admin", "self"))
    monkeypatch.setitem(WRITABLE, "edit_thing", {"self": ("notes", "name")})
    monkeypatch.setitem(NEVER_OWN, "edit_thing", ("name",))
    given = Fields(notes="x", part_count=1, name="x")
    assert only_writable("edit_thing", "admin", given, "user-1") == given
    assert only_writable("edit_thing", "admin", given, "user-1", own=True) == Fields(notes="x", part_count=1)
    assert only_writable("edit_thing", "plan", given, "user-1", own=True) == Fields(notes="x")


def test_no_path_of_the_application_is_outside_both(tmp_path: Path) -> None:
    """What isn't under `/api/` is the documents, health, metrics and vendored files."""
    backend = open_backend(tmp_path)
    others = {route.path.split("/")[1] for route in create_app(backend).routes if not route.path.startswith("/api")}
    close_backend(backend)
    assert others <= {"", "docs", "health", "metrics", "vendor"}
