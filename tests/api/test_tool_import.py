"""The import of tools from a spreadsheet, as `api/tool.txt` and `domain.md` have it."""

import io
import zipfile
from typing import Any

import httpx
import openpyxl
import pytest
from openpyxl.utils import get_column_letter

from api.client import UNKNOWN, Json, Server, get, make_machine, make_process, refused, unique, written
from api.tooling import (
    HEADERS,
    XLSX,
    XLTX,
    filled,
    importing,
    lives_of,
    make_item,
    person,
    saved,
    template,
    tool_of,
)

DRILL: Json = {
    "assembly": "T1 Bohrer",
    "location": 1,
    "tool": "Bohrer 8,5",
    "part life": 200,
    "warn life": 20,
    "slots": 2,
    "stick out": 41.5,
    "tags": "Sandvik, cutting,drawer 1",
    "notes": "from the left cabinet",
}
"""A row. What it leaves out is an empty cell."""


def row(**changed: Any) -> Json:
    """The drill, in an assembly of its own unless the test names one. `part_life=3` is the column "part life"."""
    return DRILL | {"assembly": unique("T")} | {name.replace("_", " "): value for name, value in changed.items()}


def imported(api: httpx.Client, *rows: Json, **query: Any) -> list[Json]:
    """The tools that an import made, in the order of their rows."""
    answer = importing(api, filled(api, *rows), **query)
    assert answer.is_success, answer.text
    tools: Json = answer.json()
    assert all(key == str(tool["id"]) for key, tool in tools.items())
    return sorted(tools.values(), key=lambda tool: tool["id"])


def assembly_of(api: httpx.Client, tool: Json) -> Json:
    return get(api, f"/api/tools/assemblies/{tool['assembly_id']}")


def everything(api: httpx.Client) -> list[Any]:
    return [get(api, "/api/tools/"), get(api, "/api/tools/assemblies/"), written(api)]


def rejected(api: httpx.Client, content: bytes, *status: int, **query: Any) -> Json:
    """Checks that an import is refused, and that nothing is there of it."""
    before = everything(api)
    problem = refused(importing(api, content, **query), *(status or (400,)))
    assert everything(api) == before
    return problem


# The template


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_template_is_an_xltx_file(api: httpx.Client, slash: str) -> None:
    """A copy of the tool import template that can be filled in."""
    answer = api.get(f"/api/tools/import{slash}")
    assert answer.status_code == 200
    assert answer.headers["content-type"].split(";")[0] == XLTX
    assert zipfile.is_zipfile(io.BytesIO(answer.content))


def test_the_template_has_a_header_an_example_and_notes(api: httpx.Client) -> None:
    """A header row, an example and a notes sheet."""
    book = template(api)
    assert len(book.worksheets) >= 2
    assert book.template
    cells = [[cell.value for cell in line] for line in book.worksheets[0].iter_rows(max_row=2)]
    assert [str(value).strip().lower() for value in cells[0][: len(HEADERS)]] == list(HEADERS)
    assert any(value is not None for value in cells[1])


# A good file


def test_each_row_is_a_tool(api: httpx.Client) -> None:
    """One row per tool, with what the columns say; the answer maps tool ID to new tool object."""
    (tool,) = imported(api, row())
    expected = {
        "name": "Bohrer 8,5",
        "part_life": 200,
        "warn_life": 20,
        "slots": 2,
        "stick_out": 41.5,
        "tags": ["Sandvik", "cutting", "drawer 1"],
        "notes": "from the left cabinet",
        "inventory_item_id": None,
        "part_count": 0,
    }
    assert {name: tool[name] for name in expected} == expected
    assert tool == tool_of(api, tool)
    assert lives_of(api, tool).keys() == {""}


def test_empty_cells_have_the_default(api: httpx.Client) -> None:
    """As a tool that is created without them."""
    (tool,) = imported(api, {"assembly": unique("T"), "location": 4, "tool": "Reibahle"})
    expected: Json = {"part_life": 0, "warn_life": 0, "slots": 1, "stick_out": None, "tags": [], "notes": ""}
    assert {name: tool[name] for name in expected} == expected


def test_an_assembly_has_its_name_and_location(api: httpx.Client) -> None:
    """The tool is in the assembly that its row names, without a process if none is asked for."""
    name = unique("T")
    (tool,) = imported(api, row(assembly=name, location=17))
    assembly = assembly_of(api, tool)
    assert (assembly["name"], assembly["location"], assembly["process_id"]) == (name, 17, None)


def test_rows_with_the_same_assembly_and_location_make_one_assembly(api: httpx.Client) -> None:
    """Another location or another name makes another."""
    first, second = unique("T"), unique("T")
    rows = [(first, 1), (second, 1), (first, 1), (first, 2)]
    tools = imported(api, *[row(assembly=name, location=location, tool=unique("tool")) for name, location in rows])
    ids = [tool["assembly_id"] for tool in tools]
    assert ids[0] == ids[2]
    assert len(set(ids)) == 3


def test_assemblies_are_assigned_to_the_process(api: httpx.Client) -> None:
    """`process`: tool assemblies created during this import will be assigned to the process with this ID."""
    process = make_process(api, make_machine(api))
    tools = imported(api, row(location=1), row(location=2), process=process["id"])
    assert [assembly_of(api, tool)["process_id"] for tool in tools] == [process["id"]] * 2
    assert get(api, "/api/tools/", process=process["id"]) == {str(tool["id"]): tool for tool in tools}


@pytest.mark.parametrize("number", [True, False])
def test_a_tool_has_its_inventory_item(api: httpx.Client, number: bool) -> None:
    """By the item's name, or by name and part number."""
    item = make_item(api, part_number=unique("PN"))
    found = {"inventory_item": item["name"]} | ({"part_number": item["part_number"]} if number else {})
    (tool,) = imported(api, row(**found))
    assert tool["inventory_item_id"] == item["id"]


def test_only_the_first_sheet_is_read(api: httpx.Client) -> None:
    """First sheet, header in row 1."""
    book = openpyxl.load_workbook(io.BytesIO(filled(api, row())))
    book.create_sheet("more").append(["assembly", "nonsense"])
    answer = importing(api, saved(book))
    assert answer.is_success, answer.text
    assert len(answer.json()) == 1


def test_the_header_may_have_its_columns_alone(api: httpx.Client) -> None:
    """A workbook that is no copy of the template, with the same header."""
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.append(list(HEADERS))
    sheet.append([unique("T"), 5, "Bohrer", 10, 2, None, None, 1, None, None, None])
    answer = importing(api, saved(book))
    assert answer.is_success, answer.text
    (tool,) = answer.json().values()
    assert (tool["name"], tool["part_life"], tool["slots"]) == ("Bohrer", 10, 1)


def test_many_rows(api: httpx.Client) -> None:
    """A whole magazine at once."""
    tools = imported(api, *[row(location=number, tool=f"tool {number}") for number in range(1, 61)])
    assert [tool["name"] for tool in tools] == [f"tool {number}" for number in range(1, 61)]


# A bad row

BAD: list[tuple[str, Any]] = [
    ("part life", -5),
    ("part life", "many"),
    ("part life", 1.5),
    ("warn life", -1),
    ("warn life", "few"),
    ("location", "front"),
    ("location", 1.5),
    ("slots", "two"),
    ("slots", -1),
    ("stick out", "long"),
    ("inventory item", "an item that nobody has"),
    ("tool", None),
    ("part life", "=1+1"),
    ("tool", '=HYPERLINK("http://example.invalid","x")'),
    ("notes", "=SUM(A1:A9)"),
]


@pytest.mark.parametrize(("column", "value"), BAD)
@pytest.mark.parametrize("number", [2, 4])
def test_a_bad_row_rejects_all_and_is_named(api: httpx.Client, column: str, value: object, number: int) -> None:
    """All rows or none: an error names the sheet's own row number and the column."""
    rows = [row(location=location) for location in (1, 2, 3)]
    rows[number - 2][column] = value
    problem = rejected(api, filled(api, *rows))
    told = " ".join(str(problem.get(name, "")) for name in ("error", "detail", "field")).lower()
    letter = get_column_letter(HEADERS.index(column) + 1).lower()
    assert f"{letter}{number}" in told or (str(number) in told and column in told), told


def test_the_same_file_without_the_bad_row_is_taken(api: httpx.Client) -> None:
    """It is that row alone."""
    rows = [row(location=1), row(location=2, part_life=-5), row(location=3)]
    rejected(api, filled(api, *rows))
    assert len(imported(api, rows[0], rows[2])) == 2


# A bad file


def with_header(api: httpx.Client, header: list[Any]) -> bytes:
    book = openpyxl.load_workbook(io.BytesIO(filled(api, row())))
    for column, value in enumerate(header, 1):
        book.worksheets[0].cell(row=1, column=column).value = value
    return saved(book)


@pytest.mark.parametrize(
    "header",
    [
        ["quantity", "item", *HEADERS[2:]],
        ["assembly", "location", "colour", *HEADERS[3:]],
        [f"column {number}" for number in range(len(HEADERS))],
        [None] * len(HEADERS),
    ],
)
def test_a_wrong_header_is_400(api: httpx.Client, header: list[Any]) -> None:
    """A file without the columns is no copy of the template."""
    rejected(api, with_header(api, header))


def bomb(api: httpx.Client) -> bytes:
    """The filled template, whose sheet has 600 MB of blanks in its XML."""
    source, packed = zipfile.ZipFile(io.BytesIO(filled(api, row()))), io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target:
        for entry in source.infolist():
            content = source.read(entry)
            with target.open(entry.filename, "w", force_zip64=True) as out:
                if entry.filename == "xl/worksheets/sheet1.xml":
                    start, end = content.split(b"<sheetData>")
                    out.write(start)
                    for _ in range(150):
                        out.write(b" " * 4_000_000)
                    content = b"<sheetData>" + end
                out.write(content)
    return packed.getvalue()


def test_a_zip_bomb_is_400(api: httpx.Client) -> None:
    """It is refused, and the server goes on."""
    content = bomb(api)
    assert len(content) < 8_000_000
    rejected(api, content, 400, 413)
    assert len(imported(api, row())) == 1


def test_entities_are_not_expanded(api: httpx.Client) -> None:
    """A billion laughs in a sheet: 400."""
    source, packed = zipfile.ZipFile(io.BytesIO(filled(api, row()))), io.BytesIO()
    laughs = "".join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(9))
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            content = source.read(entry).decode()
            if entry.filename == "xl/worksheets/sheet1.xml":
                content = content[content.index("<worksheet") :].replace("</sheetData>", "</sheetData>&a9;")
                content = f'<!DOCTYPE worksheet [<!ENTITY a0 "ha">{laughs}]>{content}'
            target.writestr(entry.filename, content)
    rejected(api, packed.getvalue())


@pytest.mark.parametrize("content", [b"", b"assembly;location;tool\nT1;1;drill\n", b"PK\x03\x04 no zip", b"\x00" * 999])
def test_what_is_no_xlsx_is_400(api: httpx.Client, content: bytes) -> None:
    """The request body should be the binary file."""
    rejected(api, content)


def test_a_zip_that_is_no_workbook_is_400(api: httpx.Client) -> None:
    """A ZIP file alone makes no spreadsheet."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as target:
        target.writestr("readme.txt", "hello")
    rejected(api, packed.getvalue())


def test_a_file_that_was_cut_off_is_400(api: httpx.Client) -> None:
    """Half of a file is none."""
    content = filled(api, row())
    rejected(api, content[: len(content) // 2])


def test_an_unknown_process_is_424(api: httpx.Client) -> None:
    """Unknown `process`: 424; one that is no number: 400."""
    rejected(api, filled(api, row()), 424, process=UNKNOWN)
    rejected(api, filled(api, row()), process="front")


@pytest.mark.parametrize("level", ["plan", "shop", "audit"])
def test_who_may_import(api: httpx.Client, server: Server, level: str) -> None:
    """Import: plan and admin. Everybody may have the template."""
    with person(server, api, level) as caller:
        content = filled(caller, row())
        answer = caller.post("/api/tools/import", content=content, headers={"Content-Type": XLSX})
    if level == "plan":
        assert answer.is_success, answer.text
    else:
        assert set(refused(answer, 403)["allowed"]) >= {"admin", "plan"}
