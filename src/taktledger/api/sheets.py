"""Tables that people upload, XLSX or CSV. Whoever made a mistake is told the row and the column where it is."""

import csv
import math
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from io import StringIO
from typing import Any

from openpyxl.utils import get_column_letter

from taktledger.api.xlsx import FORMULA, MAGIC, Cells, Unusable, read_cells
from taktledger.domain.errors import Invalid

ROWS = 10_000
COLUMNS = 100
CELL = 2_000
"""Characters at most: a million cells may share one text, and each of them is looked at."""
LARGEST = 2**53
"""Of whole numbers, as everywhere in the API: beyond it a sheet doesn't hold them exactly."""
DELIMITERS = ",;\t"
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Row:
    """Each getter gives None for a blank cell, and for a column that the sheet doesn't have."""

    number: int
    """The sheet's own: the first row below the header is row 2."""
    columns: dict[str, int]
    cells: dict[int, Any]

    def text(self, name: str, longest: int = 500) -> str | None:
        value = self._cell(name)
        if value is None:
            return None
        text = _text(value)
        if text is None:
            raise self.wrong(name, f"text expected, not {_shown(value)}")
        if len(text) > longest:
            raise self.wrong(name, f"at most {longest} characters expected, not {len(text)}")
        if _has_controls(text):
            raise self.wrong(name, f"text in one line and without control characters expected, not {_shown(value)}")
        return text

    def whole(self, name: str, least: int | None = None, most: int | None = None) -> int | None:
        value = self._cell(name)
        if value is None:
            return None
        number = _number(value)
        if number is None or number != int(number) or abs(number) > LARGEST or not _within(number, least, most):
            raise self.wrong(name, f"a whole number{_range(least, most)} expected, not {_shown(value)}")
        return int(number)

    def decimal(self, name: str, least: float | None = None, most: float | None = None) -> float | None:
        """A number, with or without decimals."""
        value = self._cell(name)
        if value is None:
            return None
        number = _number(value)
        if number is None or not _within(number, least, most):
            raise self.wrong(name, f"a number{_range(least, most)} expected, not {_shown(value)}")
        return float(number)

    def wrong(self, name: str, what: str) -> Invalid:
        """What is wrong in this column, said so that a person finds it."""
        return _wrong(self.number, self.columns.get(_key(name)), name, what)

    def _cell(self, name: str) -> Any:
        return self.cells.get(self.columns.get(_key(name), 0))


@dataclass(frozen=True, slots=True)
class Table:
    columns: dict[str, int]
    """Column, from 1, by its casefolded name."""
    rows: list[Row]

    def require(self, *names: str) -> None:
        missing = [name for name in names if _key(name) not in self.columns]
        if missing:
            raise Invalid(f"row 1: the sheet needs a column named {' and one named '.join(missing)}", missing[0])

    def only(self, *names: str) -> None:
        known = {_key(name) for name in names}
        for name, column in self.columns.items():
            if name not in known:
                raise _wrong(1, column, name, f"there is no such column; there may be {', '.join(names)}")


def read_table(body: bytes) -> Table:
    """By what is in it, not by what it's called. Raises `Invalid`, as all below."""
    return read_xlsx(body) if body.startswith(MAGIC) else read_csv(body)


def read_xlsx(body: bytes) -> Table:
    return _table(read_cells(body))


def read_csv(body: bytes) -> Table:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid("this is neither an XLSX file nor a CSV file in UTF-8") from error
    if "\x00" in text:
        raise Invalid("this is neither an XLSX file nor a CSV file: it has a NUL character")
    header = re.sub(r'"[^"]*"?', "", text.partition("\n")[0])
    delimiter = max(DELIMITERS, key=header.count)
    return _table(_lines(csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)))


def _lines(reader: Iterable[list[str]]) -> Iterator[tuple[int, Cells]]:
    """Numbered as in a spreadsheet: blank lines count, and line breaks in quotes don't."""
    number = 0
    try:
        for number, line in enumerate(reader, 1):
            cells = [Unusable(FORMULA) if each.lstrip().startswith("=") else each for each in line]
            yield number, enumerate(cells, 1)
    except csv.Error as error:
        raise Invalid(f"row {number + 1} is no CSV: {error}") from error


def _table(rows: Iterable[tuple[int, Cells]]) -> Table:
    columns: dict[str, int] = {}
    names: dict[int, str] = {}
    found = []
    last = 0
    for number, cells in rows:
        if number <= last:
            raise Invalid(f"row {number} comes after row {last}")
        last = number
        values = _filled(number, cells, names)
        if number == 1:
            columns = _header(values)
            names = {column: name for name, column in columns.items()}
        elif values and number > ROWS + 1:
            raise Invalid(f"row {number}: a sheet may have {ROWS} rows below the header at most")
        elif not values.keys().isdisjoint(names):
            found.append(Row(number, columns, values))
    if not columns:
        raise Invalid("row 1 must hold the names of the columns")
    return Table(columns, found)


def _filled(number: int, cells: Cells, names: dict[int, str]) -> dict[int, Any]:
    """The cells of a row that aren't blank."""
    values = {}
    for column, value in cells:
        if value is None:
            continue
        if isinstance(value, str) and len(value) <= CELL and not value.strip():
            continue
        if column > COLUMNS:
            raise Invalid(f"row {number}: a sheet may have {COLUMNS} columns at most")
        if isinstance(value, Unusable):
            raise _wrong(number, column, names.get(column), value.why)
        if isinstance(value, str) and len(value) > CELL:
            raise _wrong(number, column, names.get(column), f"at most {CELL} characters expected, not {len(value)}")
        values[column] = value
    return values


def _header(values: dict[int, Any]) -> dict[str, int]:
    columns: dict[str, int] = {}
    for column, value in values.items():
        name = _key(_text(value) or "")
        if not name or _has_controls(name):
            raise _wrong(1, column, None, f"the name of a column expected, not {_shown(value)}")
        if name in columns:
            raise _wrong(1, column, name, f"column {get_column_letter(columns[name])} has the same name")
        columns[name] = column
    return columns


def _key(name: str) -> str:
    """Headers are often broken into lines; that doesn't matter."""
    return " ".join(name.split()).casefold()


def _wrong(row: int, column: int | None, name: str | None, what: str) -> Invalid:
    place = f"row {row}"
    if column:
        place += f", column {get_column_letter(column)}"
    if name:
        place += f" ({name})"
    return Invalid(f"{place}: {what}", name)


def _text(value: Any) -> str | None:
    """As it reads in the sheet; None for what is no text: a date, a truth value, no finite number."""
    match value:
        case str():
            return value.strip()
        case bool():
            return None
        case int():
            return str(value)
        case float() if math.isfinite(value):
            return str(int(value)) if value.is_integer() else f"{Decimal(repr(value)):f}"  # never 1e-05
        case _:
            return None


def _number(value: Any) -> int | float | None:
    """None for what is none. Numbers go the way of their text, which NaN and the infinities don't pass."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    text = value.strip() if isinstance(value, str) else repr(value)
    if not NUMBER.fullmatch(text) or not math.isfinite(float(text)):
        return None
    return float(text) if re.search("[.eE]", text) else int(text)


def _has_controls(text: str) -> bool:
    return any(unicodedata.category(each) == "Cc" for each in text)


def _within(number: float, least: float | None, most: float | None) -> bool:
    return (least is None or number >= least) and (most is None or number <= most)


def _range(least: float | None, most: float | None) -> str:
    return (f" from {least}" if least is not None else "") + (f" up to {most}" if most is not None else "")


def _shown(value: Any) -> str:
    match value:
        case bool():
            return str(value).upper()
        case str():
            return repr(value if len(value) <= 40 else value[:39] + "…")
        case int() | float():
            return repr(value)[:40]
        case _:
            return "a date or time"
