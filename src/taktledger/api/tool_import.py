"""`/api/tools/import`: many tools from one sheet."""

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery
from openpyxl.utils import get_column_letter

from takt_projections.tools import ToolDocument
from taktledger.api.backend import Backend
from taktledger.api.bodies import ApiRequest
from taktledger.api.documents import Document, map_of
from taktledger.api.nouns import TOOLS
from taktledger.api.parameters import OptionalId
from taktledger.api.sheets import Row, read_xlsx
from taktledger.api.uploads import XlsxUpload, beside
from taktledger.api.writing import write
from taktledger.api.xlsx import write_template
from taktledger.domain.errors import Invalid
from taktledger.domain.tools.importing import ImportTools, ToolRow, import_tools
from taktledger.domain.tools.tool import ToolCreated

XLTX = "application/vnd.openxmlformats-officedocument.spreadsheetml.template"
COLUMNS = (
    ("assembly", "Name of the tool assembly. Rows with the same assembly and location make one; blank: a loose tool."),
    ("location", "Where the assembly stands: usually the pot number in the machine. A whole number."),
    ("tool", "Name of the tool or insert. Needed."),
    ("part life", "Parts that it lasts. A whole number from 0; 0 or blank: not tracked."),
    ("warn life", "Parts remaining at which to warn. A whole number from 0."),
    ("inventory item", "Name of the inventory item that supplies it. It must exist."),
    ("part number", "Part number of that item."),
    ("slots", "Inventory items that it uses at one time. A whole number from 0; blank: 1."),
    ("stick out", "Measured in the machine. A number."),
    ("tags", "Separated by commas."),
    ("notes", "Any text."),
)
EXAMPLE = (
    "Face mill 50 mm",
    3,
    "Insert R390-11",
    400,
    40,
    None,
    None,
    5,
    62.5,
    "Sandvik, cutting",
    "Row 2 is an example",
)
NOTES = (
    "Delete the example in row 2, fill in one row per tool, and upload the first sheet.",
    "All rows are taken or none: an error names the row and the column.",
)
MOST = 2**32 - 1
MOST_TOOLS = 2_000
"""What the writer takes in a second or two, while the others wait."""
LONGEST_TAG = 500


class ToolImportController(Controller):
    path = "/api/tools/import"
    tags = ("Tools",)

    @get("/", operation_id="tool_import_template", summary="Get the template for importing tools", media_type=XLTX)
    async def template(self) -> Response[bytes]:
        """An Excel template (XLTX): a header row, an example and a sheet of notes."""
        content = await beside(write_template, COLUMNS, EXAMPLE, "Tools", NOTES)
        headers = {"Content-Disposition": 'attachment; filename="tools.xltx"'}
        return Response(content, media_type=XLTX, headers=headers)

    @post("/", operation_id="import_tools", summary="Import tools", status_code=201, operation_class=XlsxUpload)
    async def import_tools(
        self, request: ApiRequest, backend: NamedDependency[Backend], process: FromQuery[OptionalId] = None
    ) -> Document[dict[str, ToolDocument]]:
        """The body is the filled-in template (XLSX). All rows are taken or none: 400 names row and column.

        `process`: where the new assemblies go. 424 for an unknown one.
        """
        command = await beside(read_tools, await request.body(), process)
        answer = await write(request, backend, import_tools, command, 201)
        made = [each.event.tool_id for each in answer.events if isinstance(each.event, ToolCreated)]
        return Document[dict[str, ToolDocument]](map_of(backend.documents.bodies(TOOLS, made))).answering(answer)


def read_tools(body: bytes, process_id: int | None) -> ImportTools:
    """Raises `Invalid`, with row and column."""
    table = read_xlsx(body)
    table.require("tool")
    table.only(*(name for name, _ in COLUMNS))
    if len(table.rows) > MOST_TOOLS:
        raise Invalid(f"at most {MOST_TOOLS} tools can be imported at once, not {len(table.rows)}")
    letters = {name: get_column_letter(column) for name, column in table.columns.items()}
    return ImportTools(rows=[_read(row) for row in table.rows], columns=letters, process_id=process_id)


def _read(row: Row) -> ToolRow:
    tool = row.text("tool")
    if tool is None:
        raise row.wrong("tool", "a name is needed")
    assembly, location = row.text("assembly"), row.whole("location", -MOST, MOST)
    if assembly is None and location is not None:
        raise row.wrong("assembly", "a location needs an assembly")
    return ToolRow(
        number=row.number,
        assembly=assembly,
        location=location,
        tool=tool,
        part_life=row.whole("part life", 0, MOST),
        warn_life=row.whole("warn life", 0, MOST),
        inventory_item=row.text("inventory item"),
        part_number=row.text("part number"),
        slots=row.whole("slots", 0, 10_000),
        stick_out=row.decimal("stick out", -1e300, 1e300),
        tags=list(dict.fromkeys(tag for each in (row.text("tags", 2_000) or "").split(",") if (tag := each.strip()))),
        notes=row.text("notes", 2_000),
    )
