"""The habits of the house that a command can check. Each check names the files and lines that it doesn't like."""

import hashlib
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
VENDOR = ROOT / "src/taktledger/web/vendor"
LOCKS = ("requirements.lock", "requirements-dev.lock")
NOT_OURS = {".git", ".venv", "data", "build", "dist", "node_modules", "__pycache__"}
MODULE_LINES = 400

PINNED = re.compile(r"(?P<name>[a-z0-9-]+)==(?P<version>\S+)(?: ; [^#]+?)?(?P<hashes>(?: --hash=sha256:[0-9a-f]{64})+)")
REGISTRIES = re.compile(
    r"\b(?:[\w-]+\.)*(?:pypi\.org|pythonhosted\.org|npmjs\.(?:org|com)|yarnpkg\.com|jsdelivr\.net|unpkg\.com)\b"
)
HOMES = re.compile(r"(?<![\w.~$})/-])/(?:root|work|home|Users|workspace)/[\w.]")


def house_files() -> list[Path]:
    """What is, or is about to be, in the repository. Without git: the tree but for caches, builds and data."""
    found: list[Path] = []
    if (ROOT / ".git").exists():
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
        found = [ROOT / name for name in listed.split("\0") if name]
    if not found:
        found = [
            path
            for path in ROOT.rglob("*")
            if not any(part in NOT_OURS or part.endswith("_cache") for part in path.relative_to(ROOT).parts)
        ]
    return sorted(path for path in found if path.is_file() and not path.is_relative_to(VENDOR))


def lines_like(pattern: re.Pattern[str]) -> list[str]:
    hits = []
    for path in house_files():
        for number, line in enumerate(path.read_text("utf-8", errors="ignore").splitlines(), 1):
            if pattern.search(line):
                hits.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}")
    return hits


def locked(lock: str) -> dict[str, str]:
    """Name -> version. Fails on a line that isn't a pinned requirement with its hashes."""
    pins = {}
    for line in (ROOT / lock).read_text().replace("\\\n", " ").splitlines():
        requirement = re.sub(r"\s+", " ", line).strip()
        pin = PINNED.fullmatch(requirement)
        assert pin, f"{lock}: not name==version with sha256 hashes: {requirement[:100]}"
        pins[pin["name"]] = pin["version"]
    return pins


def targets() -> dict[str, str]:
    """Target of the Makefile -> its help text."""
    found = re.findall(r"^([a-z][\w-]*):(?!=)(.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    return {name: rest.partition("## ")[2].strip() for name, rest in found}


def test_no_registry_is_named() -> None:
    this_file = f"{Path(__file__).relative_to(ROOT)}:"
    assert [hit for hit in lines_like(REGISTRIES) if not hit.startswith(this_file)] == []


def test_no_path_of_one_machine() -> None:
    assert lines_like(HOMES) == []


def test_modules_are_short() -> None:
    modules = [path for room in ("src", "projections", "adapters") for path in (ROOT / room).rglob("*.py")]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in modules}
    assert modules
    assert {name: length for name, length in lengths.items() if length > MODULE_LINES} == {}


@pytest.mark.parametrize("lock", LOCKS)
def test_locks_have_hashes_and_no_addresses(lock: str) -> None:
    assert "://" not in (ROOT / lock).read_text()
    assert locked(lock)


def test_locks_hold_what_the_project_asks_for() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    running = pyproject["project"]["dependencies"] + pyproject["build-system"]["requires"]
    developing = pyproject["project"]["optional-dependencies"]["dev"]
    run, dev = (locked(lock) for lock in LOCKS)
    stale = [
        wanted
        for pins, requirements in ((run, running), (dev, running + developing))
        for wanted in map(Requirement, requirements)
        if (name := canonicalize_name(wanted.name)) not in pins or not wanted.specifier.contains(pins[name])
    ]
    assert stale == [], "make lock"
    assert run.items() <= dev.items(), "the development environment must include the running one: make lock"


def test_every_target_has_a_help_text() -> None:
    described = targets()
    phony = re.findall(r"^\.PHONY:(.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert [name for name, text in described.items() if not text] == []
    assert {name for line in phony for name in line.split()} == set(described)


def test_documents_name_targets_that_exist() -> None:
    documents = [path for path in house_files() if path.suffix == ".md"]
    named = {
        (str(path.relative_to(ROOT)), target)
        for path in documents
        for target in re.findall(r"(?:`|^(?:\$ )?)make ([a-z][\w-]*)", path.read_text(), re.MULTILINE)
    }
    assert named
    assert {(path, target) for path, target in named if target not in targets()} == set()


@pytest.mark.parametrize("command", ["make run", "make test"])
def test_readme_says_how_to_start(command: str) -> None:
    assert re.search(rf"\b{command}\b(?!-)", (ROOT / "README.md").read_text())


@pytest.mark.parametrize(
    "package", [pytest.param(path, id=path.name) for path in sorted(VENDOR.iterdir()) if path.is_dir()]
)
def test_vendored_files_are_as_published(package: Path) -> None:
    sums = dict(reversed(line.split("  ", 1)) for line in (package / "SHA256SUMS").read_text().splitlines())
    there = {str(path.relative_to(package)): path for path in package.rglob("*") if path.is_file()}
    del there["SHA256SUMS"]
    assert {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in there.items()} == sums
    assert "LICENSE" in there
    assert f"## {package.name}\n" in (ROOT / "docs/vendored.md").read_text()


def test_vendored_files_name_no_source_map() -> None:
    scripts = [path for path in VENDOR.rglob("*") if path.suffix in {".js", ".mjs", ".css"}]
    assert scripts
    assert [path.name for path in scripts if re.search(rb"[#@] ?sourceMappingURL=(?!data:)", path.read_bytes())] == []


def test_licence_is_the_whole_apache_licence() -> None:
    text = " ".join((ROOT / "LICENSE").read_text().split())
    assert text.startswith("Apache License Version 2.0, January 2004")
    assert text.endswith("limitations under the License.")
