"""The description of the API: valid, complete, and shown without a word to anybody outside."""

import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest

from api.client import Json, Server, get, make_machine, make_process, make_program, report
from api.routes import ROUTES

METHODS = {"get", "put", "post", "delete", "patch", "head", "options", "trace"}


@pytest.fixture(scope="module")
def schema(api: httpx.Client) -> Json:
    return get(api, "/docs/openapi.json")


def operations(schema: Json) -> list[tuple[str, str, Json]]:
    return [
        (method, path, operation)
        for path, item in schema["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    ]


def test_it_is_openapi_3_1(schema: Json) -> None:
    assert schema["openapi"].startswith("3.1.")
    assert schema["info"]["title"]
    assert schema["info"]["version"]


def test_it_is_valid(schema: Json) -> None:
    from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

    errors = [f"{list(error.instance_path)}: {error.message}" for error in OPENAPI_31_VALIDATOR.iter_errors(schema)]
    assert errors == []


def test_every_reference_leads_somewhere(schema: Json) -> None:
    def references(value: object) -> list[str]:
        if isinstance(value, dict):
            own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
            return own + [found for each in value.values() for found in references(each)]
        return [found for each in value for found in references(each)] if isinstance(value, list) else []

    for reference in set(references(schema)):
        assert reference.startswith("#/"), reference
        target: object = schema
        for step in reference[2:].split("/"):
            assert isinstance(target, dict)
            target = target[step.replace("~1", "/").replace("~0", "~")]


def test_every_route_has_an_operation_id_of_its_own(schema: Json) -> None:
    names = [operation.get("operationId") for _, _, operation in operations(schema)]
    assert all(names)
    assert len(set(names)) == len(names)


def test_every_route_of_the_documents_is_described(schema: Json) -> None:
    def shape(path: str) -> str:
        steps = path.strip("/").split("/")
        return "/".join("{}" if "{" in step or step.isdigit() else step for step in steps)

    described = {(method.upper(), shape(path)) for method, path, _ in operations(schema)}
    missing = [str(route) for route in ROUTES if (route.method, shape(route.path)) not in described]
    assert missing == []


def test_every_parameter_of_a_path_is_described(schema: Json) -> None:
    for method, path, operation in operations(schema):
        names = {step[1:-1].split(":")[0] for step in path.split("/") if step.startswith("{")}
        described = {each["name"] for each in operation.get("parameters", []) if each["in"] == "path"}
        assert names == described, f"{method} {path}"


class Page(HTMLParser):
    """Everything that an HTML page refers to."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.references: list[tuple[str, str]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = {"src", "href", "srcset", "action", "data", "poster"}
        self.references += [(tag, value) for name, value in attrs if name in names and value]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_docs_page_loads_nothing_from_outside(api: httpx.Client) -> None:
    answer = api.get("/docs", follow_redirects=True)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    page = Page(answer.text)
    scripts = [reference for tag, reference in page.references if tag == "script"]
    assert scripts or "<script" in answer.text
    for tag, reference in page.references:
        assert not reference.lower().startswith(("http:", "https:", "//")), f"<{tag}> {reference}"
        if tag in {"script", "link", "img"} and not reference.startswith(("data:", "#")):
            assert api.get(urljoin(str(answer.url), reference)).status_code == 200, reference
    for outside in ("cdn.", "unpkg", "fonts.googleapis", "@import", "jsdelivr"):
        assert outside not in page.text
        assert outside not in answer.text


def test_the_docs_page_describes_this_api(api: httpx.Client) -> None:
    assert "openapi" in api.get("/docs", follow_redirects=True).text.lower()


def test_no_input_is_an_error_of_the_server(fresh: Server, tmp_path: Path) -> None:
    with fresh.client(fresh.admin_key) as api:
        machine = make_machine(api)
        program = make_program(api, machine, process_id=make_process(api, machine)["id"])
        for count in (1, 2):
            report(api, machine, program_name=program["filename"], part_count=count)
    config = tmp_path / "schemathesis.toml"
    config.write_text("[parameters]\nwait = 0\n")
    header = f"Authorization: Bearer {fresh.admin_key}"
    run = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run", "--header", header]
    bounds = ["--checks", "not_a_server_error", "--max-examples", "6", "--seed", "1", "--workers", "2", "--no-color"]
    bounds += ["--phases", "examples,fuzzing", "--mode", "all", "--request-timeout", "10", "--generation-database=none"]
    ended = subprocess.run(
        [*run, *bounds, f"{fresh.url}/docs/openapi.json"],
        cwd=tmp_path,
        env=os.environ | {"SCHEMATHESIS_HOOKS": ""},
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-6_000:] + ended.stderr[-2_000:]
    assert fresh.is_ready()
