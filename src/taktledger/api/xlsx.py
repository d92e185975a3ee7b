"""XLSX: the cells of an uploaded file, and templates to fill.

A file is read as if it came from an enemy. Of openpyxl this takes the parts that read cells, not `load_workbook`: that
reads every sheet that the workbook lists, the same one a thousand times if it is listed a thousand times, and fills up
every gap between two rows.
"""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from io import BytesIO
from typing import Any, NamedTuple
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

from defusedxml.ElementTree import iterparse
from openpyxl import Workbook
from openpyxl.reader.excel import ExcelReader
from openpyxl.styles import Font
from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format
from openpyxl.utils import get_column_letter
from openpyxl.worksheet._reader import DATA_TAG, ROW_TAG, WorkSheetParser
from openpyxl.xml.constants import ARC_STYLE, SHEET_MAIN_NS

from taktledger.domain.errors import Invalid

MAGIC = b"PK\x03\x04"
UNZIPPED = 50 * 1024 * 1024
RATIO = 200
"""Bytes unzipped for each byte of the file, at most. Excel's own files stay below 50; zeros make 1000."""
ELEMENTS = 2_100_000
"""Of XML: enough for ten thousand rows of a hundred numbers. Each takes 300 bytes of memory, and its time."""
PARTS = 1_000
CHUNK = 64 * 1024
NOT_XLSX = "this is no XLSX file, or a damaged one"
FORMULA = "a value expected, not a formula"
DATE_FORMAT = 255
"""Characters of a number format, as in Excel. What is longer takes openpyxl's pattern a long time."""

# openpyxl warns of all that it leaves out, in words that the file can choose: the log would be the uploader's.
warnings.filterwarnings("ignore", module=r"openpyxl\.")


class Unusable(NamedTuple):
    """Stands in a cell for what is no value: a formula, an error."""

    why: str


Cells = Iterable[tuple[int, Any]]
"""Column, from 1, and value."""


def read_cells(body: bytes) -> Iterator[tuple[int, Cells]]:
    """Each row that the first sheet has, by its own number. Raises `Invalid`, and nothing else."""
    if not body.startswith(MAGIC):
        raise Invalid(NOT_XLSX)
    try:
        _check_zip(body)
        yield from _read(body)
    except Invalid:
        raise
    except Exception as error:  # openpyxl lets out whatever a damaged file brings about
        raise Invalid(NOT_XLSX) from error


def _check_zip(body: bytes) -> None:
    """First by what the directory says, then by what there is: each part is read once, which checks its CRC too."""
    with ZipFile(BytesIO(body)) as archive:
        parts = archive.infolist()
        if len(parts) > PARTS:
            raise Invalid(f"{NOT_XLSX}: it has more than {PARTS} parts")
        if any(part.compress_type not in (ZIP_STORED, ZIP_DEFLATED) for part in parts):
            raise Invalid(f"{NOT_XLSX}: it is compressed in a way that no XLSX file is")  # and that has no bounds
        left = min(UNZIPPED, RATIO * len(body))
        if sum(part.file_size for part in parts) > left:
            raise Invalid(f"{NOT_XLSX}: it is too large when unzipped")
        elements = 0
        for part in parts:
            with archive.open(part) as file:
                while chunk := file.read(CHUNK):
                    left -= len(chunk)
                    elements += chunk.count(b"<") - chunk.count(b"</")
                    if left < 0 or elements > ELEMENTS:
                        raise Invalid(f"{NOT_XLSX}: it is too large when unzipped")


class _Parser(WorkSheetParser):
    def parse_formula(self, element: Any) -> str:
        """Not what it says: it will be refused, and to translate shared ones takes time."""
        return "="


def _read(body: bytes) -> Iterator[tuple[int, Cells]]:
    reader = ExcelReader(BytesIO(body), read_only=True, keep_links=False)
    with closing(reader.archive) as archive:
        reader.read_manifest()
        reader.read_strings()
        reader.read_workbook()
        with archive.open(_first_sheet(reader)) as source:
            parser = _Parser(source, reader.shared_strings, epoch=reader.wb.epoch, date_formats=_date_styles(archive))
            for _, element in iterparse(source):
                if element.tag == ROW_TAG:
                    number, cells = parser.parse_row(element)
                    element.clear()
                    yield number, [(cell["column"], _value(cell)) for cell in cells]
                elif element.tag == DATA_TAG:
                    break  # what follows is for the eye


def _first_sheet(reader: ExcelReader) -> str:
    """The first that a person sees: a hidden one would be read without anybody knowing."""
    for sheet, relation in reader.parser.find_sheets():
        if sheet.state == "visible" and "chartsheet" not in relation.Type:
            return str(relation.target)
    raise Invalid(f"{NOT_XLSX}: it has no sheet")


def _date_styles(archive: ZipFile) -> set[int]:
    """The styles, by number, that show a number as a date. (openpyxl reads all of a style, one by one: too slow.)"""
    codes: dict[int, str | None] = dict(BUILTIN_FORMATS)
    used: list[int] = []
    if ARC_STYLE not in archive.namelist():
        return set()
    with archive.open(ARC_STYLE) as source:
        for _, element in iterparse(source):
            if element.tag == f"{{{SHEET_MAIN_NS}}}numFmts":
                codes |= {int(each.get("numFmtId")): each.get("formatCode", "")[:DATE_FORMAT] for each in element}
            elif element.tag == f"{{{SHEET_MAIN_NS}}}cellXfs":
                used = [int(each.get("numFmtId", 0)) for each in element]
    dates = {code for code in set(used) if is_date_format(codes.get(code))}
    return {number for number, code in enumerate(used) if code in dates}


def _value(cell: dict[str, Any]) -> Any:
    match cell["data_type"]:
        case "f":
            return Unusable(FORMULA)
        case "e":
            return Unusable(f"a value expected, not the error {str(cell['value'])[:20]}")
        case _:
            return cell["value"]


def write_template(
    columns: Sequence[tuple[str, str]], example: Sequence[Any], title: str, notes: Sequence[str]
) -> bytes:
    """An XLTX file: each of `columns` is a name and what it means, and `example` is a row for them."""
    workbook = Workbook()
    workbook.template = True
    sheet = workbook.worksheets[0]
    sheet.title = title
    sheet.append([name for name, _ in columns])
    sheet.append(list(example))
    sheet.freeze_panes = "A2"
    for number, ((name, _), value) in enumerate(zip(columns, example, strict=True), 1):
        sheet.cell(1, number).font = Font(bold=True)
        column = sheet.column_dimensions[get_column_letter(number)]
        column.width = min(max(len(name), len(str(value)), 10), 50) + 2
        if isinstance(value, str):
            column.number_format = "@"  # or Excel would make a date of the part number 1-2
            sheet.cell(2, number).number_format = "@"
    remarks = workbook.create_sheet("Notes")
    for line in (*(f"{name}: {meaning}" for name, meaning in columns), *notes):
        remarks.append([line])
    remarks.column_dimensions["A"].width = 100
    file = BytesIO()
    workbook.save(file)
    return file.getvalue()
