"""Uploaded tables: what is read, and that a wrong, damaged or hostile one is refused by row and column."""

import datetime as dt
import random
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from io import BytesIO
from itertools import product
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook
from openpyxl.xml.constants import SHARED_STRINGS, XLTX

from taktledger.api import sheets, xlsx
from taktledger.api.sheets import Table, read_csv, read_table, read_xlsx
from taktledger.api.xlsx import write_template
from taktledger.domain.errors import Invalid

REPEATABLE = settings(deadline=None, derandomize=True, database=None)
HEADER = ["Name", "Place", None, "Part life"]
MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
STYLES = f"""<styleSheet {MAIN}><numFmts count="1"><numFmt numFmtId="170" formatCode="yyyy"/></numFmts>
<cellXfs count="3"><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="170"/></cellXfs></styleSheet>"""
SHEET = "xl/worksheets/sheet1.xml"
STRINGS = "xl/sharedStrings.xml"
EXPANDING = """<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>"""
EXTERNAL = """<!DOCTYPE x [<!ENTITY b SYSTEM "file:///etc/hostname">]>"""


def sheet(*rows: Sequence[Any]) -> bytes:
    workbook = Workbook()
    for row in rows:
        workbook.worksheets[0].append(row)
    return saved(workbook)


def saved(workbook: Workbook) -> bytes:
    file = BytesIO()
    workbook.save(file)
    return file.getvalue()


def table(*rows: Sequence[Any]) -> Table:
    return read_table(sheet(HEADER, *rows))


def parts_of(body: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(BytesIO(body)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(parts: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return file.getvalue()


def written_by_hand(rows: str, before: str = "", strings: str = "", **more: bytes) -> bytes:
    """As Excel writes them, with shared strings, and with whatever openpyxl would never write."""
    parts = parts_of(sheet(["A"]))
    override = f'<Override PartName="/{STRINGS}" ContentType="{SHARED_STRINGS}"/></Types>'
    parts["[Content_Types].xml"] = parts["[Content_Types].xml"].replace(b"</Types>", override.encode())
    parts[STRINGS] = f"{before}<sst {MAIN}>{strings}</sst>".encode()
    parts["xl/styles.xml"] = STYLES.encode()
    parts[SHEET] = f"{before}<worksheet {MAIN}><sheetData>{rows}</sheetData></worksheet>".encode()
    return zipped(parts | more)


def refused(body: bytes) -> Invalid:
    with pytest.raises(Invalid) as caught:
        read_table(body)
    return caught.value


def head(*names: str) -> str:
    cells = "".join(f'<c t="inlineStr"><is><t>{name}</t></is></c>' for name in names)
    return f'<row r="1">{cells}</row>'


def test_rows_keep_their_numbers() -> None:
    found = table(["A", 1], [], ["  ", None, "a remark below no name"], ["B", "2", None, 12.0])
    assert found.columns == {"name": 1, "place": 2, "part life": 4}
    assert [row.number for row in found.rows] == [2, 5]
    assert [row.text("name") for row in found.rows] == ["A", "B"]
    assert [row.whole("Place") for row in found.rows] == [1, 2]
    assert [row.whole("part life") for row in found.rows] == [None, 12]
    assert found.rows[0].text("weight") is None


def test_headers_are_read_leniently() -> None:
    found = read_table(sheet(["  Part\nLife ", 12.0], ["x", "y"]))
    assert found.columns == {"part life": 1, "12": 2}
    assert found.rows[0].text("PART  LIFE") == "x"


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (["Name", "x", " name"], "row 1, column C (name): column A has the same name"),
        ([dt.date(2024, 1, 1)], "row 1, column A: the name of a column expected, not a date or time"),
        ([None, "  "], "row 1 must hold the names of the columns"),
        ([], "row 1 must hold the names of the columns"),
        (["=A2"], "row 1, column A: a value expected, not a formula"),
    ],
)
def test_bad_headers(header: list[Any], message: str) -> None:
    assert refused(sheet(header, ["a", "b", "c"])).message == message


def test_columns_that_are_missing_or_too_many() -> None:
    found = table(["A"])
    found.require("name", "Part Life")
    found.only("Name", "place", "part life", "weight")
    with pytest.raises(Invalid, match=r"^row 1: the sheet needs a column named weight and one named size$") as caught:
        found.require("name", "weight", "size")
    assert caught.value.field == "weight"
    with pytest.raises(
        Invalid, match=r"^row 1, column D \(part life\): there is no such column; there may be name, "
    ) as caught:
        found.only("name", "place")
    assert caught.value.field == "part life"


@pytest.mark.parametrize(
    ("value", "text"),
    [(12, "12"), (12.0, "12"), (12.5, "12.5"), (-0.0, "0"), (1e-7, "0.0000001"), (1e20, "1" + "0" * 20), (" x ", "x")],
)
def test_texts(value: Any, text: str) -> None:
    assert table([value]).rows[0].text("name") == text


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (True, "text expected, not TRUE"),
        (dt.date(2024, 1, 2), "text expected, not a date or time"),
        ("x" * 501, "at most 500 characters expected, not 501"),
        ("x" * 2001, "at most 2000 characters expected, not 2001"),
        ("two\nlines", "text in one line and without control characters expected, not 'two\\nlines'"),
    ],
)
def test_bad_texts(value: Any, what: str) -> None:
    with pytest.raises(Invalid) as caught:
        table([], [value]).rows[0].text("name")
    assert caught.value.message == f"row 3, column A (name): {what}"
    assert caught.value.field == "name"


@pytest.mark.parametrize("value", [12, 12.0, "12", " +12 ", "12.0", "1.2e1"])
def test_numbers(value: Any) -> None:
    row = table([value]).rows[0]
    assert (row.whole("name", 0, 12), row.decimal("name", 12, 12.5)) == (12, 12.0)
    assert type(row.whole("name")) is int
    assert type(row.decimal("name")) is float


def test_whole_numbers_are_exact() -> None:
    assert read_csv(b"a\n9007199254740992").rows[0].whole("a") == 2**53
    with pytest.raises(Invalid):
        read_csv(b"a\n9007199254740993").rows[0].whole("a")


NO_NUMBERS = [
    "abc",
    "1,5",
    "1_0",
    "٣",
    "0x10",
    "nan",
    "inf",
    "1e999",
    "9" * 400,
    True,
    dt.datetime(2024, 1, 2),
    dt.time(3),
]


@pytest.mark.parametrize("value", [*NO_NUMBERS, 12.5, "12.5", -1, "1e300"])
def test_bad_whole_numbers(value: Any) -> None:
    row = table([], [], [], [], [None, None, None, value]).rows[0]
    with pytest.raises(
        Invalid, match=r"^row 6, column D \(part life\): a whole number from 0 expected, not .{1,60}$"
    ) as caught:
        row.whole("part life", 0)
    assert caught.value.field == "part life"


@pytest.mark.parametrize("value", [*NO_NUMBERS, 0.1, "1e300"])
def test_bad_numbers(value: Any) -> None:
    with pytest.raises(Invalid, match=r"^row 2, column A \(name\): a number from 0\.5 up to 9 expected, not "):
        table([value]).rows[0].decimal("name", 0.5, 9)


@pytest.mark.parametrize("value", ["9" * 4000, "1e999", "-1e999", "1e300"])
def test_numbers_beyond_all_numbers(value: str) -> None:
    row = read_xlsx(written_by_hand(f"{head('a')}<row><c><v>{value}</v></c></row>")).rows[0]
    for getter in (row.whole, lambda name: row.decimal(name, most=1e9), lambda name: row.text(name, longest=100)):
        with pytest.raises(Invalid, match=r"^row 2, column A \(a\): "):
            getter("a")


def test_what_a_caller_finds_wrong() -> None:
    row = table(["A"]).rows[0]
    assert row.wrong("part life", "a value is needed").message == "row 2, column D (part life): a value is needed"
    assert row.wrong("weight", "a value is needed").message == "row 2 (weight): a value is needed"
    assert row.wrong("weight", "").field == "weight"


def test_formulas_and_errors() -> None:
    assert (
        refused(sheet(HEADER, [], ["a", "=1+1"])).message == "row 3, column B (place): a value expected, not a formula"
    )
    assert refused(sheet(HEADER, [None, None, "=1+1"])).message == "row 2, column C: a value expected, not a formula"
    error = refused(sheet(HEADER, ["#REF!"]))
    assert error.message == "row 2, column A (name): a value expected, not the error #REF!"
    assert error.field == "name"


def test_formulas_of_every_kind() -> None:
    for formula in ('<f t="shared" si="0">B1</f>', '<f t="shared" si="0"/>', '<f t="array" ref="A2">B1</f>', "<f/>"):
        rows = f'{head("Life")}<row r="2"><c r="A2">{formula}<v>5</v></c></row>'
        assert refused(written_by_hand(rows)).message == "row 2, column A (life): a value expected, not a formula"


def test_shared_strings_and_styles() -> None:
    rows = '<row r="1"><c r="A1" t="s"><v>0</v></c></row><row r="4"><c r="A4" s="{}"><v>45000</v></c></row>'
    strings = "<si><r><t>Part </t></r><r><t>life</t></r></si>"
    assert read_xlsx(written_by_hand(rows.format(0), strings=strings)).rows[0].whole("part life") == 45000
    for style in (1, 2):
        with pytest.raises(Invalid, match=r"^row 4, .*, not a date or time$"):
            read_xlsx(written_by_hand(rows.format(style), strings=strings)).rows[0].whole("part life")


@pytest.mark.filterwarnings("ignore:.*outside the limits for dates:UserWarning")
def test_a_date_beyond_all_dates() -> None:
    rows = f'{head("Life")}<row><c s="1"><v>1e99</v></c></row>'
    assert refused(written_by_hand(rows)).message == "row 2, column A (life): a value expected, not the error #VALUE!"


def test_the_first_sheet_that_is_seen() -> None:
    workbook = Workbook()
    workbook.worksheets[0].append(["hidden"])
    workbook.worksheets[0].sheet_state = "hidden"
    workbook.create_chartsheet("Chart")
    workbook.create_sheet("Seen").append(["seen"])
    workbook.create_sheet("Other").append(["other"])
    workbook.active = 2
    assert read_xlsx(saved(workbook)).columns == {"seen": 1}


def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "ROWS", 2)
    monkeypatch.setattr(sheets, "COLUMNS", 4)
    assert len(table(["a"], ["b"], [], ["  "]).rows) == 2
    assert (
        refused(sheet(HEADER, ["a"], ["b"], ["c"])).message == "row 4: a sheet may have 2 rows below the header at most"
    )
    assert refused(b"a\n1\n\n3\n").message == "row 4: a sheet may have 2 rows below the header at most"
    assert refused(sheet(HEADER, ["a", 2, 3, 4, 5])).message == "row 2: a sheet may have 4 columns at most"
    assert refused(b"a,b,c,d,e").message == "row 1: a sheet may have 4 columns at most"


def test_ten_thousand_rows() -> None:
    lines = ["a,b"] + ["1,2"] * 10_000
    assert len(read_csv("\n".join(lines).encode()).rows) == 10_000
    assert refused("\n".join([*lines, "1,2"]).encode()).message.startswith("row 10002: ")
    assert refused(written_by_hand(head("a") + '<row r="1000000"><c><v>1</v></c></row>')).message.startswith(
        "row 1000000: "
    )


def test_rows_out_of_order() -> None:
    rows = head("a") + '<row r="3"><c><v>1</v></c></row><row r="3"><c><v>2</v></c></row>'
    assert refused(written_by_hand(rows)).message == "row 3 comes after row 3"


@pytest.mark.parametrize(
    "rows", ['<row r="0"/>', '<row r="-5"/>', '<row r="x"/>', '<row r="1"><c r="A1" t="s"><v>7</v></c></row>']
)
def test_broken_rows(rows: str) -> None:
    refused(written_by_hand(rows))


# -- files made to do harm


def test_openpyxl_uses_defusedxml() -> None:
    assert openpyxl.DEFUSEDXML


@pytest.mark.parametrize("entities", [EXPANDING, EXTERNAL])
@pytest.mark.parametrize("part", [SHEET, STRINGS, "[Content_Types].xml", "xl/workbook.xml", "xl/styles.xml"])
def test_xml_entities(part: str, entities: str) -> None:
    strings = "<si><t>name</t></si>"
    body = written_by_hand('<row><c t="s"><v>0</v></c></row>', strings=strings)
    assert read_xlsx(body).columns == {"name": 1}
    parts = parts_of(body)
    start = parts[part].index(b"<", 1 if parts[part].startswith(b"<?xml") else 0)
    content = parts[part].replace(b"<t>name</t>", b"<t>&b;</t>")
    error = refused(zipped(parts | {part: content[:start] + entities.encode() + content[start:]}))
    assert error.message == xlsx.NOT_XLSX
    assert type(error.__cause__).__name__ == "EntitiesForbidden"


def test_zip_bombs(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = parts_of(sheet(HEADER))
    large = {"xl/media/zeros": bytes(10_000_000)}
    assert "too large" in refused(zipped(parts | large)).message
    monkeypatch.setattr(xlsx, "RATIO", 2000)
    assert read_xlsx(zipped(parts | large)).rows == []
    monkeypatch.setattr(xlsx, "UNZIPPED", 1_000_000)
    assert "too large" in refused(zipped(parts | large)).message
    assert "compressed in a way" in refused(zipped(parts, zipfile.ZIP_BZIP2)).message
    assert "compressed in a way" in refused(zipped(parts, zipfile.ZIP_LZMA)).message
    assert "more than 1000 parts" in refused(zipped(parts | {f"x{n}": b"" for n in range(1000)})).message


def test_a_zip_that_lies_about_its_sizes() -> None:
    """The directory says 10 bytes where there are millions: no more than those are read, and they aren't right."""
    size = 5_000_000
    body = zipped(parts_of(sheet(HEADER)) | {"zeros": bytes(size)})
    assert body.count(size.to_bytes(4, "little")) == 2
    error = refused(body.replace(size.to_bytes(4, "little"), (10).to_bytes(4, "little")))
    assert isinstance(error.__cause__, zipfile.BadZipFile)


def test_too_many_elements(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx, "ELEMENTS", 3000)
    assert read_xlsx(written_by_hand(head("a") + "<row/>" * 2000)).rows == []
    refused(written_by_hand(head("a") + "<row/>" * 3000))


def test_the_same_sheet_a_thousand_times() -> None:
    """Only the first is read."""
    parts = parts_of(sheet(HEADER, *([n] for n in range(5000))))
    entry = parts["xl/workbook.xml"].partition(b"<sheets>")[2].partition(b"</sheets>")[0]
    body = zipped(parts | {"xl/workbook.xml": parts["xl/workbook.xml"].replace(entry, entry * 1000)})
    assert len(read_xlsx(body).rows) == 5000


@pytest.mark.parametrize("lost", ["[Content_Types].xml", "xl/workbook.xml", "xl/_rels/workbook.xml.rels", SHEET])
def test_parts_that_are_missing(lost: str) -> None:
    parts = parts_of(sheet(HEADER))
    del parts[lost]
    assert refused(zipped(parts)).message.startswith(xlsx.NOT_XLSX)


def test_no_xlsx() -> None:
    for body in (
        b"",
        b"PK",
        b"PK\x03\x04",
        b"a,b\n1,2",
        zipped({}),
        zipped({"a": b"b"}),
        zipped({"word/document.xml": b"<w/>"}),
    ):
        with pytest.raises(Invalid, match=r"^this is no XLSX file"):
            read_xlsx(body)


def test_nesting() -> None:
    deep = "<r>" * 100_000 + "</r>" * 100_000
    body = written_by_hand(f"{head('a')}<row>{deep}</row>", strings=f"<si>{deep}</si>")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(xlsx, "RATIO", 2000)
        harmless(body)


# -- CSV


@pytest.mark.parametrize(
    "body",
    [
        b"name,life\nA,7\n",
        b"\xef\xbb\xbfname,life\r\nA,7",
        b"Name;Life\nA;7\n",
        b'name\tlife\r\n"A"\t 7 \r\n',
        b'"name";"a,b,c";life\nA;;7',
        b"name,,life,,\nA,remark,7,,\n,,,,\n",
    ],
)
def test_csv(body: bytes) -> None:
    found = read_table(body)
    assert [(row.number, row.text("name"), row.whole("life")) for row in found.rows] == [(2, "A", 7)]


def test_csv_rows_are_numbered_as_in_a_spreadsheet() -> None:
    found = read_csv(b'name;remark\n\n"A";"two\nlines"\n;;\nB;x')
    assert [(row.number, row.text("name")) for row in found.rows] == [(3, "A"), (5, "B")]
    assert read_csv(b"name\n0012").rows[0].text("name") == "0012"
    assert read_csv(b"PK,name\n1,2").columns == {"pk": 1, "name": 2}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"name\n\xe4", "this is neither an XLSX file nor a CSV file in UTF-8"),
        (b"name\n\x00", "this is neither an XLSX file nor a CSV file: it has a NUL character"),
        (b"name,b\nA,=1+1", "row 2, column B (b): a value expected, not a formula"),
        (b'name,b\nA,\n"  =""0012""",x', "row 3, column A (name): a value expected, not a formula"),
        (b'name\nA\n"B', "row 3 is no CSV: unexpected end of data"),
        (b'name\n"A"B', "row 2 is no CSV: ',' expected after '\"'"),
        (b"name\n" + b"x" * 200_000, "row 2 is no CSV: field larger than field limit (131072)"),
        (b"name\n" + b" " * 3000, "row 2, column A (name): at most 2000 characters expected, not 3000"),
        (b"", "row 1 must hold the names of the columns"),
        (b"\nname\nA", "row 1 must hold the names of the columns"),
    ],
)
def test_bad_csv(body: bytes, message: str) -> None:
    assert refused(body).message == message


# -- whatever comes


def harmless(body: bytes) -> None:
    """Read or refused, all of it, but nothing else."""
    for read in (read_table, read_xlsx, read_csv):
        with suppress(Invalid):
            for row in read(body).rows:
                for getter, name in product((row.text, row.whole, row.decimal), row.columns):
                    with suppress(Invalid):
                        getter(name)


@settings(REPEATABLE, max_examples=150)
@given(st.binary() | st.text().map(str.encode) | st.binary().map(lambda rest: xlsx.MAGIC + rest))
def test_random_bytes(body: bytes) -> None:
    harmless(body)


CELLS = (
    '<row><c r="A2" t="s"><v>0</v></c><c t="b"><v>1</v></c><c s="1"><v>4</v></c><c t="d"><v>2024-01-02</v></c></row>'
    '<row><c t="e"><v>#N/A</v></c><c t="inlineStr"><is><r><t>x</t></r></is></c><c><f t="shared" si="0">A1</f></c></row>'
)
SAMPLE = written_by_hand(head("a", "b", "c", "d", "e") + CELLS, strings="<si><t>x</t></si>")


@pytest.mark.filterwarnings("ignore::UserWarning")
@settings(REPEATABLE, max_examples=150)
@given(st.integers(0, len(SAMPLE) - 1), st.binary(max_size=4))
def test_a_damaged_file(where: int, instead: bytes) -> None:
    harmless(SAMPLE[:where] + instead + SAMPLE[where + len(instead) :])
    harmless(SAMPLE[:where])


@pytest.mark.filterwarnings("ignore::UserWarning")
@settings(REPEATABLE, max_examples=300)
@given(st.sampled_from(sorted(parts_of(SAMPLE))), st.randoms(use_true_random=False))
def test_a_damaged_part(name: str, chance: random.Random) -> None:
    """Zipped well, so that it gets as far as openpyxl."""
    parts = parts_of(SAMPLE)
    content = bytearray(parts[name])
    for _ in range(chance.randint(1, 3)):
        start = chance.randrange(len(content))
        content[start : start + chance.randint(0, 3)] = bytes(
            chance.choices(b'<>/"&;=0159AZaz# -.', k=chance.randint(0, 3))
        )
    harmless(zipped(parts | {name: bytes(content)}))


@settings(REPEATABLE, max_examples=100)
@given(st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_survive(whole: int, decimal: float) -> None:
    row = read_csv(f"whole,decimal\n{whole},{decimal!r}".encode()).rows[0]
    assert (row.whole("whole"), row.decimal("decimal")) == (whole, decimal)


# -- templates

COLUMNS = [("Name", "of the tool"), ("Place", "1 to 40"), ("Part life", "parts that it makes")]


def template() -> bytes:
    return write_template(COLUMNS, ["1-2", 7, None], "Tools", ["Blank cells change nothing."])


def test_a_template() -> None:
    book = load_workbook(BytesIO(template()))
    first, notes = book.worksheets
    assert book.template
    assert XLTX.encode() in parts_of(template())["[Content_Types].xml"]
    assert (first.title, notes.title, first.freeze_panes) == ("Tools", "Notes", "A2")
    assert list(first.values) == [("Name", "Place", "Part life"), ("1-2", 7, None)]
    assert all(cell.font.bold for cell in first[1])
    assert not any(cell.font.bold for cell in first[2])
    assert all(first.column_dimensions[letter].width >= 11 for letter in "ABC")
    assert [first.column_dimensions[letter].number_format for letter in "AB"] == ["@", "General"]
    assert [line for (line,) in notes.values] == [
        "Name: of the tool",
        "Place: 1 to 40",
        "Part life: parts that it makes",
        "Blank cells change nothing.",
    ]


def test_an_example_for_every_column() -> None:
    with pytest.raises(ValueError, match="zip"):
        write_template(COLUMNS, ["A"], "Tools", [])


words = st.text(st.characters(categories=["L", "N", "P"]), min_size=1).filter(lambda word: word[0] not in "=#")


@settings(REPEATABLE, max_examples=40)
@given(st.lists(st.tuples(words, st.integers(0, 2**40), st.none() | st.floats(-1e9, 1e9)), max_size=5))
def test_a_filled_template_comes_back(filled: list[tuple[str, int, float | None]]) -> None:
    book = load_workbook(BytesIO(template()))
    book.template = False
    book.worksheets[0].delete_rows(2)
    for row in filled:
        book.worksheets[0].append(row)
    found = read_table(saved(book))
    found.require(*(name for name, _ in COLUMNS))
    found.only(*(name for name, _ in COLUMNS))
    read = [(row.text("name"), row.whole("place", 0), row.decimal("part life")) for row in found.rows]
    assert read == [(name, place, pytest.approx(life)) for name, place, life in filled]
