"""The documents say what is true: their examples run, and nothing that a user can reach is missing from them."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import httpx
import pytest
from msgspec.structs import fields

from api.client import Server
from docs.generate import DOCS, GENERATED, HOW, ROOT, with_generated
from takt_adapters.builtin import installed_adapters
from taktledger.cli import cli
from taktledger.config import load_config
from taktledger.domain.fold import FOLDS
from taktledger.domain.shop import Options
from taktledger.shopfloor.facts import FACT_TYPES

PAGES = sorted(DOCS.glob("*.md"))
BLOCK = re.compile(r"^(?:```console|<!-- set-up)\n(.*?)^(?:```|-->)$", re.MULTILINE | re.DOTALL)
EXAMPLES = [page for page in PAGES if "$ curl" in page.read_text()]
KEY = "the-key-of-the-examples"


def examples(page: Path) -> Iterator[tuple[str, str | None]]:
    """Each command of a page and what it answers there. None: a hidden set-up, whose answer isn't shown."""
    for block in BLOCK.finditer(page.read_text()):
        hidden = block[0].startswith("<!--")
        for each in re.split(r"^\$ ", block[1], flags=re.MULTILINE)[1:]:
            lines = each.splitlines()
            end = next(end for end in range(1, len(lines) + 1) if is_whole("\n".join(lines[:end])))
            yield "\n".join(lines[:end]), None if hidden else "\n".join(lines[end:])


def is_whole(command: str) -> bool:
    """A command goes on over a backslash at the end of its line, and until its quotes are closed."""
    return not command.endswith("\\") and command.count("'") % 2 == 0


def matches(shown: str, answer: str) -> bool:
    """Line breaks and spaces aside, since answers are one long line. `...` stands for anything."""
    pattern = ".*".join(re.escape("".join(each.split())) for each in shown.split("..."))
    return re.fullmatch(pattern, "".join(answer.split())) is not None


@pytest.mark.skipif(shutil.which("curl") is None, reason="the examples need curl")
@pytest.mark.parametrize("page", [pytest.param(page, id=page.stem) for page in EXAMPLES])
def test_examples_are_true(page: Path, tmp_path: Path) -> None:
    """Each page starts with an empty ledger and an empty directory, and tells one story from top to bottom."""
    server = Server(tmp_path / "data")
    server.admin_key = KEY
    server.start()
    (directory := tmp_path / "files").mkdir()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # a set-up may need python and its packages
    try:
        environment = os.environ | {"LEDGER": server.url, "KEY": KEY, "EDGE_KEY": server.edge_key, "no_proxy": "*"}
        for command, shown in examples(page):
            done = subprocess.run(
                ["bash", "-c", command],
                env=environment | {"PATH": path},
                cwd=directory,
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
            )
            assert done.returncode == 0, f"{command}\n{done.stderr}"
            if shown is not None:
                assert matches(shown, done.stdout), f"{command}\nanswers\n{done.stdout}\nand not\n{shown}"
    finally:
        server.stop()


@pytest.mark.parametrize("page", GENERATED)
def test_generated_parts_are_up_to_date(page: str) -> None:
    assert (DOCS / page).read_text() == with_generated(page), f"write it anew: {HOW}"


def commands(command: click.Command, name: str = "") -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for each in command.commands.values():
            yield from commands(each, f"{name} {each.name}".strip())
    else:
        yield name, command


@pytest.mark.parametrize("name", [name for name, command in commands(cli) if not command.hidden])
def test_operating_names_every_option(name: str) -> None:
    """Each command has a section of its own, with its options and the variables that can stand for them."""
    page = (DOCS / "operating.md").read_text()
    section = re.search(rf"^### taktledger {name}$(.*?)^##", page, re.MULTILINE | re.DOTALL)
    assert section, f"operating.md has no section '### taktledger {name}'"
    missing = []
    for parameter in dict(commands(cli))[name].params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            missing += [option for option in parameter.opts if f"`{option}" not in section[1]]
        elif isinstance(parameter, click.Argument) and f"`{parameter.human_readable_name}`" not in section[1]:
            missing.append(parameter.human_readable_name)
    assert missing == []


def test_operating_names_every_environment_variable() -> None:
    named = set(re.findall(r"`(TAKTLEDGER_\w+)`", (DOCS / "operating.md").read_text()))
    read: set[str] = set()
    for room in ("src", "projections", "adapters"):
        for path in (ROOT / room).rglob("*.py"):
            read |= set(re.findall(r"\bTAKTLEDGER_[A-Z_]+", path.read_text()))
    assert named == read


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("docs") / "data")
    server.start()
    yield server
    server.stop()


def get(server: Server, path: str) -> httpx.Response:
    with server.client(server.admin_key) as client:
        return client.get(path)


def test_every_operation_is_on_a_page(server: Server) -> None:
    paths: dict[str, dict[str, Any]] = get(server, "/docs/openapi.json").json()["paths"]
    operations = {(method.upper(), path.rstrip("/")) for path, item in paths.items() for method in item}
    text = "\n".join(page.read_text() for page in PAGES)
    heads = re.findall(r"^#+ (GET|PUT|PATCH|POST|DELETE) (\S+)$", text, re.MULTILINE)
    documented = {(method, path.rstrip("/")) for method, path in heads}
    assert len(operations) > 20
    assert documented == operations


def test_operating_names_every_metric(server: Server) -> None:
    state = {"machines": {"mill-1": {"connected": True}}}
    with server.client(server.edge_key) as edge:  # some metrics are there only when there is something to measure
        assert edge.post("/api/edge/state", json=state).status_code == 204
    text = get(server, "/metrics").text
    families = re.findall(r"^# TYPE (taktledger_\w+) (\w+)$", text, re.MULTILINE)
    names = {name for name, kind in families if not name.endswith("_created")}
    named = set(re.findall(r"`(taktledger_\w+)`", (DOCS / "operating.md").read_text()))
    assert len(names) > 5
    assert named == names


def test_every_event_is_on_its_page() -> None:
    heads = set(re.findall(r"^### (\w+)$", (DOCS / "events.md").read_text(), re.MULTILINE))
    assert {kind.__name__ for kind in FOLDS} <= heads


def test_every_fact_is_on_its_page() -> None:
    named = set(re.findall(r"^#### (\w+)$", (DOCS / "edge.md").read_text(), re.MULTILINE))
    assert named >= FACT_TYPES.keys()


def test_every_fact_field_is_on_its_page() -> None:
    page = (DOCS / "edge.md").read_text()
    missing = []
    for name, kind in FACT_TYPES.items():
        section = re.search(rf"^#### {name}$(.*?)^##", page, re.MULTILINE | re.DOTALL)
        assert section, name
        missing += [f"{name}.{each.name}" for each in fields(kind) if f"`{each.name}`" not in section[1]]
    assert missing == []


def test_every_option_is_on_its_page() -> None:
    page = (DOCS / "options.md").read_text()
    assert [name for name in Options.__struct_fields__ if f"`{name}`" not in page] == []


@pytest.mark.parametrize("page", [pytest.param(page, id=page.stem) for page in [ROOT / "README.md", *PAGES]])
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text())
    local = [link.partition("#") for link in links if "://" not in link]
    assert [path for path, _, _ in local if path and not (page.parent / path).exists()] == []
    anchors = [(path, anchor) for path, _, anchor in local if anchor]
    assert [link for link in anchors if link[1] not in heads_of(page.parent / link[0] if link[0] else page)] == []


@pytest.mark.parametrize("page", [ROOT / "README.md", DOCS / "edge.md"], ids=["README", "edge"])
def test_sample_configs_are_valid(page: Path, tmp_path: Path) -> None:
    samples = re.findall(r"^ *```toml\n(.*?)^ *```$", page.read_text(), re.MULTILINE | re.DOTALL)
    assert samples
    for sample in samples:
        file = tmp_path / "shop.toml"
        file.write_text(sample)
        assert load_config(file, installed_adapters()).machines


def heads_of(page: Path) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}
