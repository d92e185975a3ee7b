"""Writes the parts of the documents that come from the code: events in `docs/events.md`, levels in `docs/api.md`.

python -m tests.docs.generate
"""

import ast
import inspect
import re
import textwrap
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_origin

import msgspec

from takt_projections import BUILT_IN
from taktledger.api.levels import ALLOWED, NEVER_OWN, READ, SELF, WRITABLE
from taktledger.domain.event import Event, schema_version, topic
from taktledger.domain.fold import FOLDS, UPCASTERS
from taktledger.domain.shop import Touched
from taktledger.domain.users import LEVELS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
HOW = "python -m tests.docs.generate"
SOURCES = [path for room in ("domain", "shopfloor") for path in sorted((ROOT / "src/taktledger" / room).rglob("*.py"))]
TABLE_HEAD = "\n| Field | Type | | Meaning |\n|---|---|---|---|\n"
ENVELOPE = set(Event.__struct_fields__)
OBJECT_TABLES = {model.name for model in BUILT_IN} & {*Touched.__struct_fields__}


class Function(NamedTuple):
    """What a function of the domain or the shop floor does, as far as it matters here."""

    name: str
    module: str
    makes: frozenset[str]
    """Names of the classes and functions that it calls."""
    touches: frozenset[str]
    """Object tables whose rows it marks as changed."""


def functions() -> Iterator[Function]:
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                calls = {_name(each.func) for each in ast.walk(node) if isinstance(each, ast.Call)}
                touched = set(re.findall(r"touched\.(\w+)(?:\.add| \|=)", ast.unparse(node)))
                module = str(path.relative_to(ROOT / "src/taktledger"))
                yield Function(node.name, module, frozenset(calls), frozenset(touched))


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def decided(kind: type[Event], known: Iterable[Function]) -> list[str]:
    return sorted({f"`{each.module}` `{each.name}`" for each in known if kind.__name__ in each.makes})


def touched(start: str, known: Iterable[Function]) -> set[str]:
    """The object tables that a fold marks, also through the functions that it calls."""
    by_name: defaultdict[str, list[Function]] = defaultdict(list)
    for each in known:
        by_name[each.name].append(each)
    found: set[str] = set()
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        for each in by_name[name]:
            found |= each.touches
            waiting += each.makes & by_name.keys()
    return found


def used_by(kind: type[Event], known: Iterable[Function]) -> list[str]:
    rows = touched(FOLDS[kind].__name__, known) & OBJECT_TABLES
    kept = {model.name for model in BUILT_IN if kind in model().handlers()}
    return sorted(rows | kept)


def shown(annotation: Any) -> str:
    """A type as the documents write it: `text`, `number`, `list of text`, `number or null`."""
    if hasattr(annotation, "__metadata__"):
        return shown(annotation.__origin__)
    if hasattr(annotation, "__value__"):
        return shown(annotation.__value__)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is dict:
        return f"map of {shown(arguments[0])} to {shown(arguments[1])}"
    if origin is list:
        return f"list of {shown(arguments[0])}"
    if arguments and origin is not None and "Literal" in str(origin):
        return " or ".join(f"`{each}`" if each else "empty" for each in arguments)
    if arguments:  # a union
        names = [shown(each) for each in arguments if each is not msgspec.UnsetType]
        return " or ".join([*(each for each in names if each != "null"), *(["null"] if "null" in names else [])])
    plain = {
        int: "whole number",
        float: "number",
        str: "text",
        bool: "true or false",
        type(None): "null",
        date: "date",
        Any: "anything",
    }
    return plain.get(annotation, f"`{getattr(annotation, '__name__', annotation)}`")


def field_rows(kind: type[msgspec.Struct], leave_out: set[str]) -> Iterator[str]:
    meanings = field_docstrings(kind)
    for each in msgspec.structs.fields(kind):
        if each.name not in leave_out:
            always = "always" if each.required else ""
            yield f"| `{each.encode_name}` | {shown(each.type)} | {always} | {meanings.get(each.name, '')} |"


def field_docstrings(kind: type) -> dict[str, str]:
    """What stands under the fields of a class and its bases, in the source."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if base.__module__.startswith("taktledger."):
            (node,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
            assert isinstance(node, ast.ClassDef)
            for field, text in zip(node.body, node.body[1:], strict=False):
                match field, text:
                    case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(said))):
                        found[name] = " ".join(said.split()).replace("|", "\\|")
    return found


def parts_of(kind: type[msgspec.Struct]) -> list[type[msgspec.Struct]]:
    """The structs that the fields of this one are made of."""
    found: list[type[msgspec.Struct]] = []

    def look(annotation: Any) -> None:
        if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct) and annotation not in found:
            found.append(annotation)
            for each in msgspec.structs.fields(annotation):
                look(each.type)
        for each in get_args(annotation):
            look(each)

    for each in msgspec.structs.fields(kind):
        if each.name not in ENVELOPE:
            look(each.type)
    return found


def first_paragraph(kind: type) -> str:
    return " ".join((kind.__doc__ or "").split("\n\n")[0].split())


def stream_of(kind: type[Event]) -> str:
    """`machine-<machine_id>`: asks an event of it whose ID is a placeholder."""

    class Placeholder:
        def __getattr__(self, name: str) -> str:
            return f"<{name}>"

    name: str = kind.stream.fget(Placeholder())  # type: ignore[attr-defined]
    return name


def events_text() -> str:
    known = list(functions())
    blocks, shared = [], []
    for kind in FOLDS:
        fold = FOLDS[kind]
        rows = list(field_rows(kind, ENVELOPE))
        used = ", ".join(f"`{each}`" for each in used_by(kind, known)) or "none"
        blocks.append(
            f"### {topic(kind)}\n\n{first_paragraph(kind)}\n\n"
            f"- Version: {schema_version(topic(kind))}\n"
            f"- Stream: `{stream_of(kind)}`\n"
            f"- Decided in: {', '.join(decided(kind, known)) or 'nowhere any more'}\n"
            f"- Folded in: `{fold.__module__.replace('taktledger.', '').replace('.', '/')}.py` `{fold.__name__}`\n"
            f"- Read models that use it: {used}\n" + (TABLE_HEAD + "\n".join(rows) + "\n" if rows else "")
        )
        shared += [each for each in parts_of(kind) if each not in shared]
    blocks.append("### What fields are made of\n")
    for each in sorted(shared, key=lambda struct: struct.__name__):
        rows = "\n".join(field_rows(each, set()))
        blocks.append(f"#### {each.__name__}\n\n{first_paragraph(each)}\n{TABLE_HEAD}{rows}\n")
    old = [f"`{topic(each)}`" for each in UPCASTERS]
    blocks.append(f"Old versions that are still read: {', '.join(old) or 'none yet'}.\n")
    return "\n".join(blocks)


def levels_text() -> str:
    lines = ["| Operation | " + " | ".join(LEVELS) + " |", "|---|" + "---|" * len(LEVELS)]
    for operation, allowed in ALLOWED.items():
        own = READ if SELF in allowed else ()
        marks = ("x" if level in allowed else "own" if level in own else "" for level in LEVELS)
        lines.append(f"| `{operation}` | {' | '.join(marks)} |")
    lines += ["", "| Operation | Level | Fields that it may write |", "|---|---|---|"]
    for operation, rows in WRITABLE.items():
        for level, fields in rows.items():
            lines.append(f"| `{operation}` | {'own' if level == SELF else level} | {_names(fields)} |")
    for operation, fields in NEVER_OWN.items():
        lines.append(f"| `{operation}` | {' or '.join(ALLOWED[operation][:-1])}, own | all but {_names(fields)} |")
    return "\n".join(lines) + "\n"


def _names(fields: Iterable[str]) -> str:
    return ", ".join(f"`{each}`" for each in fields)


GENERATED = {"events.md": ("events", events_text), "api.md": ("levels", levels_text)}


def with_generated(page: str) -> str:
    """The page as it must be: what stands between its markers is made anew."""
    name, text = GENERATED[page]
    begin, end = f"<!-- generated: {name} -->\n", f"<!-- end: {name} -->"
    before, _, rest = (DOCS / page).read_text().partition(begin)
    _, found, after = rest.partition(end)
    assert found, f"docs/{page} has no markers '{begin.strip()}' and '{end}'"
    return f"{before}{begin}\n{text()}\n{end}{after}"


if __name__ == "__main__":
    for page in GENERATED:
        (DOCS / page).write_text(with_generated(page))
        print(f"docs/{page}")
