"""Tool requirements: which tool a process needs where (`docs/processes.md`)."""

from msgspec import Struct

from taktledger.domain.errors import Conflict, ReferenceMissing
from taktledger.domain.event import Event
from taktledger.domain.processes import get_process
from taktledger.domain.shop import Shop, ToolRequirement
from taktledger.domain.values import Id, Int, Number, Text

# Events


class ToolRequirementFields(Struct, kw_only=True, frozen=True, omit_defaults=True):
    location: Int
    """Usually the pot number in the machine. A process has one requirement for each."""
    name: Text = ""
    notes: Text = ""
    inventory_item_id: Id | None = None
    stick_out: Number | None = None


class ToolRequirementCreated(Event, frozen=True, kw_only=True):
    """A user noted which tool a process needs in a location."""

    requirement_id: int
    process_id: int
    fields: ToolRequirementFields

    @property
    def stream(self) -> str:
        return f"tool-requirement-{self.requirement_id}"


# What they do


def tool_requirement_created(shop: Shop, event: ToolRequirementCreated) -> None:
    said = {name: getattr(event.fields, name) for name in event.fields.__struct_fields__}
    requirement = ToolRequirement(id=event.requirement_id, process_id=event.process_id, **said)
    shop.tool_requirements[requirement.id] = requirement
    shop.processes[event.process_id].requirement_ids.add(requirement.id)
    shop.last_ids["tool_requirement"] = requirement.id
    shop.touched.tool_requirements.add(requirement.id)


# Decisions


class CreateToolRequirement(Struct, kw_only=True, frozen=True):
    process_id: int
    fields: ToolRequirementFields


def create_tool_requirement(shop: Shop, command: CreateToolRequirement, now: float) -> list[Event]:
    """Notes what a process needs (`PUT /api/processes/{id}/toolRequirements`)."""
    process = get_process(shop, command.process_id)
    location, item_id = command.fields.location, command.fields.inventory_item_id
    if location in {shop.tool_requirements[each].location for each in process.requirement_ids}:
        raise Conflict(f"process {process.id} has a requirement for location {location} already", "location")
    if item_id is not None and item_id not in shop.inventory_items:
        raise ReferenceMissing(f"there is no inventory item {item_id}", "inventory_item_id")
    return [tool_requirement(shop, process.id, command.fields, now)]


def tool_requirement(shop: Shop, process_id: int, fields: ToolRequirementFields, now: float) -> Event:
    return ToolRequirementCreated(
        occurred_at=now,
        process_id=process_id,
        requirement_id=shop.last_ids.get("tool_requirement", 0) + 1,
        fields=fields,
    )
