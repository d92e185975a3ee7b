"""Setting up many tools in one go, from the rows of a sheet: all of them, or none."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import TypeVar

from msgspec import UNSET, Struct, UnsetType

from taktledger.domain.assemblies import AssemblyCreated, AssemblyFields, check_process, next_assembly_id
from taktledger.domain.errors import Invalid
from taktledger.domain.event import Event
from taktledger.domain.shop import Shop
from taktledger.domain.tools.fields import ToolFields
from taktledger.domain.tools.tool import ToolCreated, next_tool_id

ValueT = TypeVar("ValueT")


class ToolRow(Struct, kw_only=True, frozen=True):
    """A tool, as a row of the sheet says it. Null: the cell is blank."""

    number: int
    """The sheet's own."""
    assembly: str | None = None
    location: int | None = None
    """Rows with the same assembly and location make one assembly."""
    tool: str
    part_life: int | None = None
    warn_life: int | None = None
    inventory_item: str | None = None
    """Its name."""
    part_number: str | None = None
    """That of its inventory item."""
    slots: int | None = None
    stick_out: float | None = None
    tags: list[str] = []
    notes: str | None = None


class ImportTools(Struct, kw_only=True, frozen=True):
    rows: list[ToolRow]
    columns: Mapping[str, str]
    """Column -> where it is in the sheet, for the message: `inventory item` -> `F`."""
    process_id: int | None = None
    """Where the new assemblies go."""


def import_tools(shop: Shop, command: ImportTools, now: float) -> Iterator[Event]:
    """Sets up tools and their assemblies (`POST /api/tools/import`)."""
    check_process(shop, command.process_id)
    known = _Items(shop, command.columns)
    items = [known.find(row) for row in command.rows]
    assemblies: dict[tuple[str, int | None], int] = {}
    for row, item_id in zip(command.rows, items, strict=True):
        place = (row.assembly, row.location) if row.assembly is not None else None
        if place is not None and place not in assemblies:
            assemblies[place] = next_assembly_id(shop)
            yield AssemblyCreated(
                occurred_at=now,
                assembly_id=assemblies[place],
                fields=AssemblyFields(name=place[0], location=place[1]),
                process_id=command.process_id,
            )
        yield ToolCreated(
            occurred_at=now,
            tool_id=next_tool_id(shop),
            fields=ToolFields(
                name=row.tool,
                notes=_said(row.notes),
                tags=row.tags or UNSET,
                inventory_item_id=_said(item_id),
                slots=_said(row.slots),
                stick_out=_said(row.stick_out),
                part_life=_said(row.part_life),
                warn_life=_said(row.warn_life),
            ),
            assembly_id=assemblies[place] if place is not None else None,
        )


class _Items:
    """Inventory items by what a row may call them, in any case."""

    def __init__(self, shop: Shop, columns: Mapping[str, str]) -> None:
        self._columns = columns
        self._by_name: defaultdict[str, list[int]] = defaultdict(list)
        self._by_number: defaultdict[str, list[int]] = defaultdict(list)
        for item in shop.inventory_items.values():
            self._by_name[item.name.casefold()].append(item.id)
            self._by_number[item.part_number.casefold()].append(item.id)

    def find(self, row: ToolRow) -> int | None:
        """The item that a row means, by its part number, its name, or both."""
        number, name = row.part_number, row.inventory_item
        if number is None and name is None:
            return None
        named = self._by_name[name.casefold()] if name is not None else None
        found = self._by_number[number.casefold()] if number is not None else named or []
        found = [each for each in found if named is None or each in named]
        if len(found) == 1:
            return found[0]
        column = "inventory item" if number is None else "part number"
        what = f"'{name if number is None else number}'"
        why = "several inventory items match" if found else "there is no inventory item"
        place = f"row {row.number}, column {self._columns.get(column, '?')} ({column})"
        raise Invalid(f"{place}: {why} {what}", column)


def _said(value: ValueT | None) -> ValueT | UnsetType:
    return UNSET if value is None else value
