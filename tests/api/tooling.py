"""What the tests of tools say over and over: a tool, a line that uses it, a stock, a replacement."""

import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import httpx
import openpyxl

from api.client import (
    DAY,
    Fact,
    Json,
    Server,
    at,
    baseline,
    cycle,
    facts,
    get,
    make_key,
    make_machine,
    make_process,
    make_program,
    make_user,
    program_seen,
    report,
    unique,
)

MARCH = at("2026-03-10T12:00")
"""A Tuesday. Machines may tell of it, for it is past."""
MINUTE = 60.0
LOCATION = 3
"""Where the tool of a line is."""

LIFE = {
    "day_count_type",
    "day_life",
    "day_warning",
    "max_runtime",
    "part_count",
    "part_life",
    "parts_remaining",
    "runtime",
    "warn_life",
    "warn_runtime",
}
"""What a ToolProcessLife has beside its tool and process."""
REPLACEMENT = {
    "id",
    "assembly_id",
    "condition",
    "day_count",
    "image_type",
    "indexed",
    "inventory_item_id",
    "inventory_point_id",
    "life_record_id",
    "notes",
    "part_count",
    "runtime",
    "reason",
    "timestamp",
    "tool_id",
    "user_id",
    "process_id",
}


class Line(NamedTuple):
    """A machine with a loaded program, its process, an assembly of that, and a tool in it."""

    mill: Json
    process: Json
    program: Json
    assembly: Json
    tool: Json


def ago(**units: float) -> float:
    """A moment in the past by the real clock: `ago(days=2, minutes=5)`."""
    seconds = {"days": DAY, "hours": 3_600.0, "minutes": MINUTE, "seconds": 1.0}
    return time.time() - sum(seconds[unit] * many for unit, many in units.items())


def made(answer: httpx.Response) -> Json:
    assert answer.status_code == 201, answer.text
    found: Json = answer.json()
    return found


def done(answer: httpx.Response) -> Json:
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def make_assembly(api: httpx.Client, process: Json | None = None, /, **fields: Any) -> Json:
    body = {"name": unique("assembly"), "process_id": process["id"] if process else None}
    return made(api.put("/api/tools/assemblies/", json=body | fields))


def make_tool(api: httpx.Client, assembly: Json | None = None, /, **fields: Any) -> Json:
    body = {"name": unique("tool"), "assembly_id": assembly["id"] if assembly else None}
    return made(api.put("/api/tools/", json=body | fields))


def make_item(api: httpx.Client, **fields: Any) -> Json:
    return made(api.put("/api/inventory/items/", json={"name": unique("insert")} | fields))


def make_point(api: httpx.Client, *stocks: tuple[Json, int]) -> Json:
    items = {str(item["id"]): quantity for item, quantity in stocks}
    return made(api.put("/api/inventory/", json={"name": unique("cabinet"), "items": items}))


def in_stock(api: httpx.Client, point: Json, item: Json) -> int:
    found: int = get(api, f"/api/inventory/{point['id']}")["items"].get(str(item["id"]), 0)
    return found


def tool_of(api: httpx.Client, tool: Json) -> Json:
    return get(api, f"/api/tools/{tool['id']}")


def patch_tool(api: httpx.Client, tool: Json, **fields: Any) -> Json:
    return done(api.patch(f"/api/tools/{tool['id']}", json=fields))


def patch_life(api: httpx.Client, tool: Json, process: Json, **fields: Any) -> Json:
    answer = api.patch(f"/api/tools/{tool['id']}/processLife/{process['id']}", json=fields)
    assert answer.status_code in {200, 201}, answer.text
    life: Json = answer.json()
    return life


def lives_of(api: httpx.Client, tool: Json) -> Json:
    return get(api, f"/api/tools/{tool['id']}/processLife")


def part_counts(api: httpx.Client, tool: Json) -> dict[str, int]:
    """The part count of the tool's own life, under "", and of each process."""
    return {process: life["part_count"] for process, life in lives_of(api, tool).items()}


def life_history(api: httpx.Client, tool: Json, **query: Any) -> list[Json]:
    """The life records of a tool, oldest first."""
    records = get(api, f"/api/tools/{tool['id']}/lifeHistory", **query)
    return sorted(records.values(), key=lambda record: record["id"])


def replacing(api: httpx.Client, tool: Json, query: Json | None = None, /, **body: Any) -> httpx.Response:
    return api.post(f"/api/tools/{tool['id']}/replace", params=query, json=body)


def replaced(api: httpx.Client, tool: Json, **body: Any) -> Json:
    """Replaces a tool, and returns what the answer says: tool, replacement, list."""
    return done(replacing(api, tool, **body))


def replacement_of(api: httpx.Client, replacement: Json) -> Json:
    return get(api, f"/api/tools/replacements/{replacement['id']}")


def replacements_of(api: httpx.Client, tool: Json, **query: Any) -> list[Json]:
    """The replacements of a tool, in the order of the answer."""
    return list(get(api, f"/api/tools/{tool['id']}/replacements", **query).values())


def undo(api: httpx.Client, replacement: Json) -> httpx.Response:
    return api.delete(f"/api/tools/replacements/{replacement['id']}")


@contextmanager
def person(server: Server, api: httpx.Client, level: str) -> Iterator[httpx.Client]:
    """A client with the key of a new user of this level."""
    with server.client(make_key(api, make_user(api, level))["key"]) as client:
        yield client


# Production


def make_line(api: httpx.Client, mill: Json | None = None, parts_per_cycle: int = 1, **tool: Any) -> Line:
    """Nothing is loaded yet."""
    mill = mill or make_machine(api)
    process = make_process(api, mill, parts_per_cycle=parts_per_cycle)
    program = make_program(api, mill, process_id=process["id"])
    assembly = make_assembly(api, process, location=LOCATION)
    return Line(mill, process, program, assembly, make_tool(api, assembly, **tool))


def load(api: httpx.Client, line: Line, when: float = MARCH, reading: int = 0, **update: Any) -> None:
    """The machine reports that it runs the line's program."""
    report(api, line.mill, program_name=line.program["filename"], part_count=reading, when=when, **update)


def running(api: httpx.Client, when: float = MARCH, **fields: Any) -> Line:
    """A line whose machine reports to the endpoint. Its program is loaded, and the counter stands at 0."""
    line = make_line(api, **fields)
    load(api, line, when)
    return line


def produced(api: httpx.Client, count: int, **fields: Any) -> Line:
    """A line that has made so many parts, a minute apart."""
    line = running(api, **fields)
    for reading in range(1, count + 1):
        report(api, line.mill, part_count=reading, when=MARCH + reading * MINUTE)
    return line


class EdgeLine:
    """A line whose machine is reported by an edge: facts may come in any order of their times."""

    def __init__(self, api: httpx.Client, edge: httpx.Client, **fields: Any) -> None:
        self._edge = edge
        self._reading = 0
        self.line = make_line(api, **fields)
        self.tool = self.line.tool
        self.tell(program_seen(MARCH - DAY, self.line.program["filename"]), baseline(MARCH - DAY))

    def tell(self, *happened: Fact) -> None:
        facts(self._edge, self.line.mill, *happened)

    def cycles(self, *moments: float, **data: Any) -> None:
        """A cycle was finished at each of these moments, as told in this order."""
        for when in moments:
            self._reading += 1
            self.tell(cycle(when, self._reading, program=self.line.program["filename"], **data))

    def run_time(self, when: float, **locations: float) -> None:
        """The time that locations were active: `run_time(t, at3=12.5)`."""
        seconds = {name.removeprefix("at"): value for name, value in locations.items()}
        self.tell(("RunTimeSeen", {"tool_seconds": seconds}, when))


# Spreadsheets

HEADERS = (
    "assembly",
    "location",
    "tool",
    "part life",
    "warn life",
    "inventory item",
    "part number",
    "slots",
    "stick out",
    "tags",
    "notes",
)
XLTX = "application/vnd.openxmlformats-officedocument.spreadsheetml.template"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def template(api: httpx.Client) -> openpyxl.Workbook:
    """The import template, as openpyxl opens it."""
    answer = api.get("/api/tools/import")
    assert answer.status_code == 200, answer.text
    return openpyxl.load_workbook(io.BytesIO(answer.content))


def filled(api: httpx.Client, *rows: Json) -> bytes:
    """The template as a person fills it in: the example is gone, and each row has some columns by their header."""
    book = template(api)
    sheet = book.worksheets[0]
    columns = {str(cell.value).strip().lower(): number for number, cell in enumerate(sheet[1], 1)}
    sheet.delete_rows(2, sheet.max_row)
    for number, row in enumerate(rows, 2):
        for header, value in row.items():
            sheet.cell(row=number, column=columns[header], value=value)
    return saved(book)


def saved(book: openpyxl.Workbook) -> bytes:
    book.template = False
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def importing(api: httpx.Client, content: bytes, **query: Any) -> httpx.Response:
    return api.post("/api/tools/import", params=query, content=content, headers={"Content-Type": XLSX})
