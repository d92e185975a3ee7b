"""Importing stock: `POST /api/inventory/{id}/import` (`domain.md`, "Inventory")."""

import csv
import io
import zipfile
from typing import Any

import httpx
import pytest
from openpyxl import Workbook

from api.client import UNKNOWN, Json, Server, refused, unique, written
from api.stockroom import done, make_item, make_point, nothing_written, person, point_path, stock

CSV = "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
Rows = list[list[Any]]


def csv_of(rows: Rows) -> bytes:
    file = io.StringIO()
    csv.writer(file).writerows(rows)
    return file.getvalue().encode()


def xlsx_of(rows: Rows) -> bytes:
    book, file = Workbook(), io.BytesIO()
    for row in rows:
        book.worksheets[0].append(row)
    book.save(file)
    return file.getvalue()


FILES = {CSV: csv_of, XLSX: xlsx_of}


@pytest.fixture(params=FILES)
def kind(request: pytest.FixtureRequest) -> str:
    """CSV, and XLSX."""
    mime: str = request.param
    return mime


def send(api: httpx.Client, point: Json, file: bytes, kind: str = CSV) -> httpx.Response:
    return api.post(f"{point_path(point)}/import", content=file, headers={"Content-Type": kind})


def imported(api: httpx.Client, point: Json, rows: Rows, kind: str = CSV) -> list[Any]:
    """What was not matched of rows that are imported."""
    left: list[Any] = done(send(api, point, FILES[kind](rows), kind))["not_matched"]
    return left


@pytest.fixture
def drill(api: httpx.Client) -> Json:
    return make_item(api, part_number=unique("PN"))


@pytest.fixture
def insert(api: httpx.Client) -> Json:
    return make_item(api, part_number=unique("PN"))


@pytest.fixture
def point(api: httpx.Client, drill: Json) -> Json:
    """A point with five drills."""
    return make_point(api, [(drill, 5)])


# What is imported


@pytest.mark.parametrize("quantity", ["quantity", "qty", "Quantity", "QTY", "Qty"])
@pytest.mark.parametrize("item", ["name", "item", "Name", "ITEM", "part number", "barcode", "Part Number", "BarCode"])
def test_the_header_names_its_columns(api: httpx.Client, point: Json, drill: Json, item: str, quantity: str) -> None:
    """A header row with quantity|qty and at least one of name|item and part number|barcode (any case)."""
    value = drill["name"] if item.lower() in {"name", "item"} else drill["part_number"]
    assert imported(api, point, [[item, quantity], [value, 12]]) == []
    assert stock(api, point, drill) == 12


def test_quantities_are_set_at_that_point(api: httpx.Client, point: Json, drill: Json, insert: Json, kind: str) -> None:
    """Sets quantities at that point."""
    other = make_point(api, [(drill, 1)])
    rows = [["Name", "Part number", "Quantity"], *[[each["name"], each["part_number"], 7] for each in (drill, insert)]]
    assert imported(api, point, rows, kind) == []
    assert [stock(api, point, each) for each in (drill, insert)] == [7, 7]
    assert imported(api, point, rows, kind) == []
    assert [stock(api, point, each) for each in (drill, insert)] == [7, 7]
    assert [stock(api, other, each) for each in (drill, insert)] == [1, 0]


def test_columns_may_be_in_any_order_with_others(api: httpx.Client, point: Json, drill: Json, kind: str) -> None:
    """A header row with quantity and at least one of name and part number: others don't matter."""
    rows = [["shelf", "QTY", "price", "Item"], ["A1", 3, "12.50", drill["name"]]]
    assert imported(api, point, rows, kind) == []
    assert stock(api, point, drill) == 3


@pytest.mark.parametrize("quantity", ["8", 8])
def test_a_quantity_may_be_a_string(api: httpx.Client, point: Json, drill: Json, kind: str, quantity: object) -> None:
    """Numbers may come as strings."""
    assert imported(api, point, [["name", "qty"], [drill["name"], quantity]], kind) == []
    assert stock(api, point, drill) == 8


def test_zero_is_a_quantity(api: httpx.Client, point: Json, drill: Json, kind: str) -> None:
    """Sets quantities at that point."""
    assert imported(api, point, [["name", "qty"], [drill["name"], 0]], kind) == []
    assert stock(api, point, drill) == 0


def test_names_may_have_commas_and_umlauts(api: httpx.Client, point: Json, kind: str) -> None:
    """CSV or XLSX."""
    item = make_item(api, name=unique('Fräser "lang", 8 mm'))
    assert imported(api, point, [["name", "qty"], [item["name"], 4]], kind) == []
    assert stock(api, point, item) == 4


def test_what_is_not_matched_is_told(api: httpx.Client, point: Json, drill: Json, kind: str) -> None:
    """Answers `not_matched`: what could not be matched to an item. The others are set."""
    strangers = [unique("stranger") for _ in range(2)]
    rows = [["name", "qty"], [strangers[0], 3], [drill["name"], 9], [strangers[1], 4]]
    left = imported(api, point, rows, kind)
    assert len(left) == 2
    assert all(name in str(entry) for name, entry in zip(strangers, left, strict=True))
    assert stock(api, point, drill) == 9


def test_a_part_number_that_is_not_matched_is_told(api: httpx.Client, point: Json) -> None:
    """Answers `not_matched`."""
    stranger = unique("PN-stranger")
    (entry,) = imported(api, point, [["barcode", "quantity"], [stranger, 3]])
    assert stranger in str(entry)


def test_a_header_alone_changes_nothing(api: httpx.Client, point: Json, drill: Json, kind: str) -> None:
    """Sets quantities: of what is in the rows (or refuses a file that has none)."""
    assert send(api, point, FILES[kind]([["name", "qty"]]), kind).status_code in {200, 400}
    assert stock(api, point, drill) == 5


def test_an_import_is_in_the_ledger(api: httpx.Client, point: Json, drill: Json, kind: str) -> None:
    """Every movement is an event."""
    before = len(written(api))
    imported(api, point, [["name", "qty"], [drill["name"], 9]], kind)
    assert len(written(api)) > before


# What is refused


def unchanged(api: httpx.Client, point: Json, drill: Json, file: bytes, kind: str, *status: int) -> str:
    """The error of an import that is refused and changes nothing."""
    with nothing_written(api):
        error: str = refused(send(api, point, file, kind), *(status or (400,)))["error"]
    assert stock(api, point, drill) == 5
    return error


@pytest.mark.parametrize(
    "header", [["name", "count"], ["quantity"], ["quantity", "shelf"], ["shelf", "price"], ["", ""], ["name"]]
)
def test_a_header_without_its_columns_is_400(
    api: httpx.Client, point: Json, drill: Json, kind: str, header: list[str]
) -> None:
    """Missing header: 400."""
    unchanged(api, point, drill, FILES[kind]([header, [drill["name"], 3][: len(header)]]), kind)


def test_rows_without_a_header_are_400(api: httpx.Client, point: Json, drill: Json, kind: str) -> None:
    """Missing header: 400."""
    unchanged(api, point, drill, FILES[kind]([[drill["name"], 3]]), kind)


@pytest.mark.parametrize(
    "quantity", [-1, "-1", 1.5, "1.5", "many", "3 pieces", "1e400", "inf", "nan", 10**30, "=1+1", '=HYPERLINK("x")']
)
def test_a_wrong_quantity_is_400_and_names_row_and_column(
    api: httpx.Client, point: Json, drill: Json, insert: Json, kind: str, quantity: object
) -> None:
    """All or nothing: negative, text in a number, a formula: 400 with row and column, and nothing changed."""
    rows = [["name", "Quantity"], [insert["name"], 4], [drill["name"], quantity], [insert["name"], 6]]
    error = unchanged(api, point, drill, FILES[kind](rows), kind)
    assert "3" in error
    assert "quantity" in error.lower() or "B" in error
    assert stock(api, point, insert) == 0


def test_a_formula_for_a_name_is_400(api: httpx.Client, point: Json, drill: Json) -> None:
    """A formula: 400."""
    rows = [["name", "quantity"], [f'="{drill["name"]}"', 4]]
    error = unchanged(api, point, drill, xlsx_of(rows), XLSX)
    assert "2" in error
    assert "name" in error.lower() or "A" in error


def bomb() -> bytes:
    """A sheet of 300 MB in a file of a third of a MB."""
    file, target = io.BytesIO(xlsx_of([["name", "qty"]])), io.BytesIO()
    with zipfile.ZipFile(file) as book, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in book.namelist():
            data = book.read(name)
            if name.endswith("sheet1.xml"):
                start, end = data.split(b"</sheetData>")
                data = start + b" " * 300_000_000 + b"</sheetData>" + end
            packed.writestr(name, data)
    return target.getvalue()


def test_a_zip_bomb_is_refused(api: httpx.Client, server: Server, point: Json, drill: Json) -> None:
    """Zip bomb: 400 (413 says the same)."""
    file = bomb()
    assert len(file) < 1_000_000
    unchanged(api, point, drill, file, XLSX, 400, 413)
    assert server.is_ready()


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"PK\x03\x04 and nothing else",
        xlsx_of([["name", "qty"]])[:1_000],
        b"\x00\xff\xfe\x01" * 50,
        csv_of([["name", "qty"]]),
    ],
    ids=["empty", "broken zip", "truncated", "binary", "csv"],
)
def test_what_is_no_workbook_is_refused(api: httpx.Client, point: Json, drill: Json, file: bytes) -> None:
    """CSV or XLSX: a file that says XLSX and is none is refused, or taken for the CSV that it is."""
    before = stock(api, point, drill)
    answer = send(api, point, file, XLSX)
    if not (answer.status_code == 200 and file.startswith(b"name")):
        refused(answer, 400, 415)
    assert stock(api, point, drill) == before


def test_a_zip_that_is_no_workbook_is_refused(api: httpx.Client, point: Json, drill: Json) -> None:
    """CSV or XLSX."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr("readme.txt", "name,qty\n")
    unchanged(api, point, drill, file.getvalue(), XLSX, 400, 415)


def test_an_empty_csv_is_400(api: httpx.Client, point: Json, drill: Json) -> None:
    """Missing header: 400."""
    unchanged(api, point, drill, b"", CSV)


def test_binary_as_csv_is_refused(api: httpx.Client, point: Json, drill: Json) -> None:
    """Missing header: 400."""
    unchanged(api, point, drill, b"\x00\xff\xfe\x01" * 50, CSV, 400, 415)


def test_an_unknown_point_is_404(api: httpx.Client, kind: str) -> None:
    """A missing object is 404."""
    refused(send(api, {"id": UNKNOWN}, FILES[kind]([["name", "qty"]]), kind), 404)


@pytest.mark.parametrize("level", ["shop", "audit"])
def test_shop_and_audit_may_not_import(
    api: httpx.Client, server: Server, point: Json, drill: Json, level: str, kind: str
) -> None:
    """Create, edit and delete inventory: admin and plan."""
    file = FILES[kind]([["name", "qty"], [drill["name"], 9]])
    with person(api, server, level) as client:
        refused(send(client, point, file, kind), 403)
    assert stock(api, point, drill) == 5


def test_a_planner_may_import(api: httpx.Client, server: Server, point: Json, drill: Json, kind: str) -> None:
    """Create, edit and delete inventory: admin and plan."""
    with person(api, server, "plan") as client:
        assert imported(client, point, [["name", "qty"], [drill["name"], 9]], kind) == []
    assert stock(api, point, drill) == 9
