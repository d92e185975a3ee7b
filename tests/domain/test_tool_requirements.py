"""Tool requirements: which tool a process needs where."""

import msgspec
import pytest

from given import NOON, Given, a_machine, a_process
from taktledger.domain.errors import Conflict, NotFound, ReferenceMissing
from taktledger.domain.machines import DeleteMachine, delete_machine
from taktledger.domain.processes import DeleteProcess, delete_process
from taktledger.domain.tool_requirements import (
    CreateToolRequirement,
    ToolRequirementCreated,
    ToolRequirementFields,
    create_tool_requirement,
)


def require(process_id: int = 1, **fields: object) -> CreateToolRequirement:
    return CreateToolRequirement(process_id=process_id, fields=msgspec.convert(fields, ToolRequirementFields))


def a_shop() -> Given:
    return Given(a_machine(), a_process(1), a_process(2, "ring"))


def test_a_requirement_is_noted() -> None:
    """PUT 201."""
    given = a_shop().when(create_tool_requirement, require(location=5, name="drill", notes="sharp", stick_out=42.5))
    fields = ToolRequirementFields(location=5, name="drill", notes="sharp", stick_out=42.5)
    event = ToolRequirementCreated(occurred_at=NOON + 1, requirement_id=1, process_id=1, fields=fields)
    given.then(event)
    assert event.stream == "tool-requirement-1"
    requirement = given.shop.tool_requirements[1]
    assert (requirement.process_id, requirement.location, requirement.name) == (1, 5, "drill")
    assert (requirement.notes, requirement.inventory_item_id, requirement.stick_out) == ("sharp", None, 42.5)
    assert given.shop.processes[1].requirement_ids == {1}
    assert given.shop.processes[1].revision == 1, "the process itself was not edited"


def test_a_location_is_required() -> None:
    """400 without location."""
    with pytest.raises(msgspec.ValidationError):
        require(name="drill")


def test_an_unknown_process() -> None:
    """404."""
    a_shop().when(create_tool_requirement, require(3, location=5)).then_error(NotFound)


def test_a_location_has_one_requirement() -> None:
    """409; another process has locations of its own."""
    given = a_shop().when(create_tool_requirement, require(location=5))
    given.when(create_tool_requirement, require(location=5, name="x")).then_error(Conflict, "location")
    given.when(create_tool_requirement, require(location=6)).then(ToolRequirementCreated)
    given.when(create_tool_requirement, require(2, location=5)).then(ToolRequirementCreated)


def test_an_unknown_inventory_item() -> None:
    """424, and nothing is noted."""
    command = require(location=5, inventory_item_id=1)
    a_shop().when(create_tool_requirement, command).then_error(ReferenceMissing, "inventory_item_id")


@pytest.mark.parametrize("how", ["process", "machine"])
def test_they_go_with_their_process(how: str) -> None:
    given = a_shop().when(create_tool_requirement, require(location=5))
    given.when(create_tool_requirement, require(2, location=5))
    if how == "machine":
        given.when(delete_machine, DeleteMachine(machine_id=1))
        assert given.shop.tool_requirements == {}
        return
    given.when(delete_process, DeleteProcess(process_id=1))
    assert list(given.shop.tool_requirements) == [2]
    given.when(create_tool_requirement, require(2, location=6))
    assert list(given.shop.tool_requirements) == [2, 3], "IDs are never used twice"
