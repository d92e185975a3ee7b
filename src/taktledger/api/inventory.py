"""`/api/inventory/`: inventory points and what they hold; `/api/inventory/items/`: what there is to hold."""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from litestar import Controller, Response, delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Struct

from takt_projections import inventory
from takt_projections.inventory import InventoryItemDocument, InventoryPointDocument, ItemName
from taktledger.api.backend import Backend
from taktledger.api.bodies import ApiRequest
from taktledger.api.documents import Document, encode, map_of, object_of
from taktledger.api.nouns import INVENTORY_ITEMS, INVENTORY_POINTS
from taktledger.api.parameters import Id
from taktledger.api.sheets import Table, read_table
from taktledger.api.uploads import SheetUpload, beside
from taktledger.api.writing import answered, object_id, revision_of, write
from taktledger.domain.errors import Invalid
from taktledger.domain.inventory.items import (
    CreateInventoryItem,
    DeleteInventoryItem,
    EditInventoryItem,
    InventoryItemFields,
    create_inventory_item,
    delete_inventory_item,
    edit_inventory_item,
)
from taktledger.domain.inventory.points import (
    CreateInventoryPoint,
    DeleteInventoryPoint,
    EditInventoryPoint,
    ImportQuantities,
    InventoryPointChanges,
    create_inventory_point,
    delete_inventory_point,
    edit_inventory_point,
    import_quantities,
)
from taktledger.domain.inventory.stock import MOST


class InventoryItemController(Controller):
    path = "/api/inventory/items"
    tags = ("Inventory",)

    @get("/", operation_id="list_inventory_items", summary="List inventory items")
    async def list_items(self, backend: NamedDependency[Backend]) -> Document[dict[str, InventoryItemDocument]]:
        """All items."""

        def make() -> bytes:
            return map_of(backend.documents.bodies(INVENTORY_ITEMS, inventory.item_ids(backend.rows.db)))

        return backend.documents.kept([INVENTORY_ITEMS], ("inventory_items",), make)

    @put("/", operation_id="create_inventory_item", summary="Create inventory item", status_code=201)
    async def create_item(
        self, request: ApiRequest, backend: NamedDependency[Backend], data: JSONBody[CreateInventoryItem]
    ) -> Document[InventoryItemDocument]:
        """Describes an item."""
        answer = await write(request, backend, create_inventory_item, data, 201)
        return backend.documents.one(INVENTORY_ITEMS, object_id(answer)).answering(answer)

    @get("/{item_id:int}", operation_id="get_inventory_item", summary="Get inventory item")
    async def get_item(
        self, backend: NamedDependency[Backend], item_id: FromPath[Id]
    ) -> Document[InventoryItemDocument]:
        """One item."""
        return backend.documents.one(INVENTORY_ITEMS, item_id)

    @patch("/{item_id:int}", operation_id="edit_inventory_item", summary="Edit inventory item")
    async def edit_item(
        self,
        request: ApiRequest,
        backend: NamedDependency[Backend],
        item_id: FromPath[Id],
        data: JSONBody[InventoryItemFields],
    ) -> Document[InventoryItemDocument]:
        """Changes the fields that are given."""
        command = EditInventoryItem(item_id=item_id, fields=data)
        revision = revision_of(INVENTORY_ITEMS, item_id)
        answer = await write(request, backend, edit_inventory_item, command, 200, revision)
        return backend.documents.one(INVENTORY_ITEMS, item_id).answering(answer)

    @delete("/{item_id:int}", operation_id="delete_inventory_item", summary="Delete inventory item", status_code=204)
    async def delete_item(
        self, request: ApiRequest, backend: NamedDependency[Backend], item_id: FromPath[Id]
    ) -> Response[None]:
        """Deletes an item, and what is on hand of it. Its tools and tool requirements stay, without an item."""
        command = DeleteInventoryItem(item_id=item_id)
        revision = revision_of(INVENTORY_ITEMS, item_id)
        answer = await write(request, backend, delete_inventory_item, command, 204, revision)
        return answered(answer, None)


class NotMatched(Struct, kw_only=True):
    """A row that names no item."""

    row: int
    """The sheet's own number."""
    name: str
    part_number: str
    quantity: int


class Imported(Struct, kw_only=True):
    point: InventoryPointDocument
    not_matched: list[NotMatched]


class InventoryPointController(Controller):
    path = "/api/inventory"
    tags = ("Inventory",)

    @get("/", operation_id="list_inventory_points", summary="List inventory points")
    async def list_points(self, backend: NamedDependency[Backend]) -> Document[dict[str, InventoryPointDocument]]:
        """All points, with the quantities that they hold."""

        def make() -> bytes:
            return map_of(backend.documents.bodies(INVENTORY_POINTS, inventory.point_ids(backend.rows.db)))

        return backend.documents.kept([INVENTORY_POINTS], ("inventory_points",), make)

    @put("/", operation_id="create_inventory_point", summary="Create inventory point", status_code=201)
    async def create_point(
        self, request: ApiRequest, backend: NamedDependency[Backend], data: JSONBody[CreateInventoryPoint]
    ) -> Document[InventoryPointDocument]:
        """Sets up a place for items. 424 for an unknown item."""
        answer = await write(request, backend, create_inventory_point, data, 201)
        return backend.documents.one(INVENTORY_POINTS, object_id(answer)).answering(answer)

    @get("/{point_id:int}", operation_id="get_inventory_point", summary="Get inventory point")
    async def get_point(
        self, backend: NamedDependency[Backend], point_id: FromPath[Id]
    ) -> Document[InventoryPointDocument]:
        """One point."""
        return backend.documents.one(INVENTORY_POINTS, point_id)

    @patch("/{point_id:int}", operation_id="edit_inventory_point", summary="Edit inventory point")
    async def edit_point(
        self,
        request: ApiRequest,
        backend: NamedDependency[Backend],
        point_id: FromPath[Id],
        data: JSONBody[InventoryPointChanges],
    ) -> Document[InventoryPointDocument]:
        """Changes the fields, and sets the quantities, that are given. 424 for an unknown item."""
        command = EditInventoryPoint(point_id=point_id, changes=data)
        revision = revision_of(INVENTORY_POINTS, point_id)
        answer = await write(request, backend, edit_inventory_point, command, 200, revision)
        return backend.documents.one(INVENTORY_POINTS, point_id).answering(answer)

    @delete("/{point_id:int}", operation_id="delete_inventory_point", summary="Delete inventory point", status_code=204)
    async def delete_point(
        self, request: ApiRequest, backend: NamedDependency[Backend], point_id: FromPath[Id]
    ) -> Response[None]:
        """Deletes a point. 409 if it holds anything."""
        command = DeleteInventoryPoint(point_id=point_id)
        revision = revision_of(INVENTORY_POINTS, point_id)
        answer = await write(request, backend, delete_inventory_point, command, 204, revision)
        return answered(answer, None)

    @post(
        "/{point_id:int}/import",
        operation_id="import_inventory",
        summary="Import quantities",
        status_code=200,
        operation_class=SheetUpload,
    )
    async def import_point(
        self, request: ApiRequest, backend: NamedDependency[Backend], point_id: FromPath[Id]
    ) -> Document[Imported]:
        """Sets the quantities that a CSV or XLSX file names. All of them or, with a wrong cell (400), none.

        Columns: `quantity` or `qty`, and `name` or `item`, `part number` or `barcode`, or both. A row is matched by its
        part number if it has one, else by its name. Rows without an item are answered in `not_matched`.
        """
        documents = backend.documents
        documents.one(INVENTORY_POINTS, point_id)
        body, names = await request.body(), inventory.item_names(backend.rows.db)
        counted = await beside(read_quantities, body, names)
        command = ImportQuantities(point_id=point_id, quantities=counted.quantities)
        revision = revision_of(INVENTORY_POINTS, point_id)
        answer = await write(request, backend, import_quantities, command, 200, revision)
        point = documents.one(INVENTORY_POINTS, point_id)
        content = object_of(point=point.body, not_matched=encode(counted.not_matched))
        return Document[Imported](content, point.revision).answering(answer)


class Counted(NamedTuple):
    """What a sheet says."""

    quantities: dict[int, int]
    """By item ID."""
    not_matched: list[NotMatched]


def read_quantities(body: bytes, items: Iterable[ItemName]) -> Counted:
    """Matches the rows of a sheet to items. Raises `Invalid`, with row and column."""
    table = read_table(body)
    quantity, name, number = _columns(table)
    by_name, by_number = defaultdict(list), defaultdict(list)
    for item in items:
        by_name[_key(item.name)].append(item.id)
        by_number[_key(item.part_number)].append(item.id)
    counted, rows = Counted({}, []), dict[int, int]()
    for row in table.rows:
        said_name, said_number = row.text(name) or "", row.text(number) or ""
        column, found = (number, by_number[_key(said_number)]) if said_number else (name, by_name[_key(said_name)])
        if not said_name and not said_number:
            raise row.wrong(column, "a name or a part number expected")
        count = row.whole(quantity, least=0, most=MOST)
        if count is None:
            raise row.wrong(quantity, "a quantity expected")
        match found:
            case []:
                missing = NotMatched(row=row.number, name=said_name, part_number=said_number, quantity=count)
                counted.not_matched.append(missing)
            case [item_id] if item_id in rows:
                raise row.wrong(column, f"row {rows[item_id]} has a quantity of the same item already")
            case [item_id]:
                rows[item_id] = row.number
                counted.quantities[item_id] = count
            case _:
                raise row.wrong(column, f"there are {len(found)} items with this {column}, so it is not clear which")
    return counted


def _columns(table: Table) -> tuple[str, str, str]:
    """What the columns for quantity, name and part number are called. One of the latter two may be missing."""
    quantity, name, number = (
        next((each for each in names if each in table.columns), names[0])
        for names in (("quantity", "qty"), ("name", "item"), ("part number", "barcode"))
    )
    table.require(quantity)
    if name not in table.columns and number not in table.columns:
        raise Invalid("row 1: the sheet needs a column named name or part number", "name")
    return quantity, name, number


def _key(text: str) -> str:
    return text.strip().casefold()
