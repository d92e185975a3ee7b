"""Setting up many tools from the rows of a sheet."""

from typing import Any

import pytest

from given import NOON, Given, a_machine, a_process, a_tool, an_assembly
from taktledger.domain.assemblies import AssemblyCreated, AssemblyFields
from taktledger.domain.errors import DomainError, Invalid, ReferenceMissing
from taktledger.domain.event import Event
from taktledger.domain.inventory.items import InventoryItemCreated, InventoryItemFields
from taktledger.domain.shop import Shop
from taktledger.domain.tools.fields import ToolFields
from taktledger.domain.tools.importing import ImportTools, ToolRow, import_tools
from taktledger.domain.tools.tool import ToolCreated

COLUMNS = {"tool": "A", "inventory item": "F", "part number": "G"}


def rows(*said: dict[str, Any], process_id: int | None = None) -> ImportTools:
    """The first is in row 2 of the sheet."""
    found = [ToolRow(number=number, **{"tool": "insert", **each}) for number, each in enumerate(said, 2)]
    return ImportTools(rows=found, columns=COLUMNS, process_id=process_id)


def imported(given: Given, *said: dict[str, Any], process_id: int | None = None) -> Given:
    return given.when(import_tools, rows(*said, process_id=process_id))


def a_tool_made(tool_id: int, assembly_id: int | None = None, **fields: Any) -> ToolCreated:
    said = ToolFields(**{"name": "insert", **fields})
    return ToolCreated(occurred_at=NOON + 1, tool_id=tool_id, fields=said, assembly_id=assembly_id)


def an_assembly_made(
    assembly_id: int, name: str, location: int | None = None, process_id: int | None = None
) -> AssemblyCreated:
    fields = AssemblyFields(name=name, location=location)
    return AssemblyCreated(occurred_at=NOON + 1, assembly_id=assembly_id, fields=fields, process_id=process_id)


def an_item(item_id: int, name: str, part_number: str = "") -> InventoryItemCreated:
    fields = InventoryItemFields(name=name, part_number=part_number)
    return InventoryItemCreated(occurred_at=NOON - 58, item_id=item_id, fields=fields)


ITEMS: tuple[Event, ...] = (
    an_item(1, "Insert", "R390-11"),
    an_item(2, "Insert", "R390-17"),
    an_item(3, "Größe 3", "D8"),
    an_item(4, "Drill", "D8"),
    an_item(5, "Spare"),
)


# Assemblies and tools


def test_a_row_is_a_tool() -> None:
    said = {
        **{"tool": "R390", "part_life": 400, "warn_life": 0, "slots": 5, "stick_out": 62.5, "tags": ["a", "b"]},
        **{"notes": "n", "inventory_item": "Drill"},
    }
    fields = {
        **{"name": "R390", "part_life": 400, "warn_life": 0, "slots": 5, "stick_out": 62.5, "tags": ["a", "b"]},
        **{"notes": "n", "inventory_item_id": 4},
    }
    given = imported(Given(*ITEMS), said)
    given.then(a_tool_made(1, **fields))
    tool = given.shop.tools[1]
    assert (tool.life.part_life, tool.slots, tool.life_record_id, tool.assembly_id) == (400, 5, None, None)


def test_what_is_blank_has_its_default() -> None:
    given = imported(Given(), {})
    given.then(a_tool_made(1))
    assert (given.shop.tools[1].slots, given.shop.tools[1].tags, given.shop.tools[1].notes) == (1, [], "")


def test_rows_with_the_same_assembly_and_location_make_one() -> None:
    """In the process that is named. Rows without an assembly are loose tools."""
    places = [("mill", 3), ("mill", 4), ("mill", 3), (None, None), ("drill", None), ("drill", None), ("Mill", 3)]
    said = [{"assembly": name, "location": location} for name, location in places]
    given = imported(Given(a_machine(), a_process()), *said, process_id=1)
    given.then(
        *(an_assembly_made(1, "mill", 3, 1), a_tool_made(1, 1), an_assembly_made(2, "mill", 4, 1), a_tool_made(2, 2)),
        *(a_tool_made(3, 1), a_tool_made(4), an_assembly_made(3, "drill", None, 1), a_tool_made(5, 3)),
        *(a_tool_made(6, 3), an_assembly_made(4, "Mill", 3, 1), a_tool_made(7, 4)),
    )
    assert given.shop.processes[1].assembly_ids == {1, 2, 3, 4}
    assert given.shop.assemblies[1].tool_ids == {1, 3}


def test_an_assembly_that_is_there_already_is_another_one() -> None:
    """A sheet sets up new ones; and IDs go on."""
    given = imported(Given(an_assembly(1, "mill", location=3), a_tool(1)), {"assembly": "mill", "location": 3})
    given.then(an_assembly_made(2, "mill", 3), a_tool_made(2, 2))
    assert given.shop.assemblies[1].tool_ids == set()


def test_two_tools_may_have_one_name_and_no_rows_are_nothing() -> None:
    imported(Given(), {}, {}).then(a_tool_made(1), a_tool_made(2))
    imported(Given()).then()


# Items


@pytest.mark.parametrize(
    ("said", "item_id"),
    [
        ({"inventory_item": "Drill"}, 4),
        ({"inventory_item": "größe 3"}, 3),
        ({"part_number": "R390-17"}, 2),
        ({"inventory_item": "insert", "part_number": "R390-11"}, 1),
        ({"inventory_item": "Drill", "part_number": "D8"}, 4),
        ({"inventory_item": "Spare"}, 5),
    ],
)
def test_an_item_by_its_name_its_part_number_or_both(said: dict[str, str], item_id: int) -> None:
    imported(Given(*ITEMS), said).then(a_tool_made(1, inventory_item_id=item_id))


@pytest.mark.parametrize(
    ("said", "column", "why"),
    [
        ({"inventory_item": "Nut"}, "inventory item", "no inventory item 'Nut'"),
        ({"inventory_item": "Insert"}, "inventory item", "several inventory items match 'Insert'"),
        ({"part_number": "X"}, "part number", "no inventory item 'X'"),
        ({"part_number": "D8"}, "part number", "several inventory items match 'D8'"),
        ({"inventory_item": "Drill", "part_number": "R390-11"}, "part number", "no inventory item 'R390-11'"),
        ({"inventory_item": "Spare", "part_number": "D8"}, "part number", "no inventory item 'D8'"),
    ],
)
def test_an_item_that_is_not_there_or_not_alone(said: dict[str, str], column: str, why: str) -> None:
    """All rows or none: an error names row and column, by the sheet's own number and letter."""
    before = {"assembly": "mill", "location": 3}
    given = imported(Given(*ITEMS), before, {"inventory_item": "Drill"}, said, {"inventory_item": "also unknown"})
    message = message_of(Given(*ITEMS).shop, rows(before, {"inventory_item": "Drill"}, said))
    given.then_error(Invalid, column)
    assert message.startswith(f"row 4, column {COLUMNS[column]} ({column}): ")
    assert why in message
    assert (given.shop.assemblies, given.shop.tools) == ({}, {})


def message_of(shop: Shop, command: ImportTools) -> str:
    with pytest.raises(DomainError) as error:
        list(import_tools(shop, command, NOON))
    return error.value.message


def test_an_unknown_process() -> None:
    """424."""
    imported(Given(), {"assembly": "mill"}, process_id=1).then_error(ReferenceMissing, "process_id")
