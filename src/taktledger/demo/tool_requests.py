"""What the people of the demo shop tell the ledger about tools. As in `requests.py` these commands go by names."""

from collections.abc import Iterable, Iterator

from msgspec import UNSET, Struct
from msgspec.structs import asdict, replace

from taktledger.demo.items import CABINETS, CRIB
from taktledger.demo.requests import machine_named, process_named, processes_of, user_id_of
from taktledger.domain.assemblies import AssemblyFields, CreateAssembly, create_assembly
from taktledger.domain.event import Event
from taktledger.domain.inventory.points import CreateInventoryPoint, create_inventory_point
from taktledger.domain.shop import Image, InventoryItem, Shop, Tool
from taktledger.domain.tool_requirements import CreateToolRequirement, ToolRequirementFields, create_tool_requirement
from taktledger.domain.tools.editing import (
    EditProcessLife,
    EditTool,
    ProcessLifeChanges,
    ToolChanges,
    edit_process_life,
    edit_tool,
)
from taktledger.domain.tools.fields import ToolFields
from taktledger.domain.tools.replacement import ReplacementHistory
from taktledger.domain.tools.replacing import ReplaceTool, Replacing, UndoReplacement, replace_tool, undo_replacement
from taktledger.domain.tools.tool import ChangeToolImage, CreateTool, change_tool_image, create_tool
from taktledger.domain.tools.watch import LookAtTools, ToolWatch


class NewTool(Struct, frozen=True, kw_only=True):
    fields: ToolFields
    item: str | None
    """Name, in every command here."""
    part_count: int = 0
    runtime: float = 0.0
    """Seconds that it has cut already."""


class SetUpPoint(Struct, frozen=True, kw_only=True):
    name: str
    items: dict[str, int]


class SetUpAssembly(Struct, frozen=True, kw_only=True):
    machine: str
    """Source name, in every command here."""
    process: str | None
    """None: the process that is loaded."""
    fields: AssemblyFields
    tools: tuple[NewTool, ...]


class SetUpSpare(Struct, frozen=True, kw_only=True):
    """A tool that lies in a drawer."""

    tool: NewTool


class RequireTool(Struct, frozen=True, kw_only=True):
    machine: str
    process: str
    fields: ToolRequirementFields
    item: str | None


class ShowTool(Struct, frozen=True, kw_only=True):
    machine: str
    tool: str
    image: Image


class SetProcessLife(Struct, frozen=True, kw_only=True):
    machine: str
    tool: str
    process: str
    parts: int
    warn: int
    user: str


class ChangeTool(Struct, frozen=True, kw_only=True):
    machine: str
    tool: str
    changes: ToolChanges
    user: str


class ReplaceWorn(Struct, frozen=True, kw_only=True):
    """Turns an insert to its next corner, or takes a new one from the cabinet at the machine, or else from the crib.

    Where there is none it stays: it has to cut on.
    """

    machine: str
    tool: str
    said: Replacing
    """But for what is found out here: `indexed`, `substitute` and `inv_pt`."""
    user: str
    is_broken: bool = False
    """The other corners too."""
    substitute: str | None = None


class TakeBack(Struct, frozen=True, kw_only=True):
    """A replacement that was entered by mistake."""

    machine: str
    tool: str
    replaced: float
    """UNIX seconds. Another one since then stays."""


def set_up_point(shop: Shop, command: SetUpPoint, now: float) -> Iterable[Event]:
    ids = {each.name: each.id for each in shop.inventory_items.values()}
    items = {ids[name]: quantity for name, quantity in command.items.items()}
    return create_inventory_point(shop, CreateInventoryPoint(name=command.name, items=items), now)


def set_up_assembly(shop: Shop, command: SetUpAssembly, now: float) -> Iterator[Event]:
    machine = machine_named(shop, command.machine)
    process_id = machine.last_process_id or processes_of(shop, machine)[0].id
    if command.process is not None:
        process_id = process_named(shop, machine, command.process).id
    yield from create_assembly(shop, CreateAssembly(process_id=process_id, **asdict(command.fields)), now)
    assembly_id = shop.last_ids["assembly"]
    for tool in command.tools:
        yield from _create(shop, tool, assembly_id, now)


def set_up_spare(shop: Shop, command: SetUpSpare, now: float) -> Iterable[Event]:
    return _create(shop, command.tool, None, now)


def require_tool(shop: Shop, command: RequireTool, now: float) -> list[Event]:
    process = process_named(shop, machine_named(shop, command.machine), command.process)
    fields = replace(command.fields, inventory_item_id=_item_id(shop, command.item))
    return create_tool_requirement(shop, CreateToolRequirement(process_id=process.id, fields=fields), now)


def show_tool(shop: Shop, command: ShowTool, now: float) -> Iterable[Event]:
    tool = tool_named(shop, command.machine, command.tool)
    return change_tool_image(shop, ChangeToolImage(tool_id=tool.id, image=command.image), now)


def set_process_life(
    shop: Shop, command: SetProcessLife, now: float, *, history: ReplacementHistory
) -> Iterable[Event]:
    edit = EditProcessLife(
        tool_id=tool_named(shop, command.machine, command.tool).id,
        process_id=process_named(shop, machine_named(shop, command.machine), command.process).id,
        changes=ProcessLifeChanges(part_life=command.parts, warn_life=command.warn),
        user_id=user_id_of(shop, command.user),
    )
    return edit_process_life(shop, edit, now, history=history)


def change_tool(shop: Shop, command: ChangeTool, now: float, *, history: ReplacementHistory) -> Iterable[Event]:
    tool = tool_named(shop, command.machine, command.tool)
    edit = EditTool(tool_id=tool.id, changes=command.changes, user_id=user_id_of(shop, command.user))
    return edit_tool(shop, edit, now, history=history)


def replace_worn(shop: Shop, command: ReplaceWorn, now: float, *, history: ReplacementHistory) -> Iterable[Event]:
    tool = tool_named(shop, command.machine, command.tool)
    said = how_to_replace(shop, tool, command.machine, command.said, is_broken=command.is_broken)
    if said is None or (tool.last_replacement and said.timestamp and said.timestamp <= tool.last_replacement.at):
        return []
    if command.substitute is not None:
        said = replace(said, substitute=tool_named(shop, command.machine, command.substitute).id)
    replaced = ReplaceTool(tool_id=tool.id, said=said, user_id=user_id_of(shop, command.user))
    return replace_tool(shop, replaced, now, history=history)


def take_back(shop: Shop, command: TakeBack, now: float, *, history: ReplacementHistory) -> Iterable[Event]:
    last = tool_named(shop, command.machine, command.tool).last_replacement
    if last is None or last.at != command.replaced:
        return []
    return undo_replacement(shop, UndoReplacement(replacement_id=last.id), now, history=history)


def look_at_tools(shop: Shop, command: LookAtTools, now: float, *, history: ReplacementHistory) -> Iterable[Event]:
    """What the server does when a day begins."""
    return ToolWatch(history).look_at_tools(shop, command, now)


def how_to_replace(
    shop: Shop, tool: Tool, machine: str, said: Replacing, *, is_broken: bool = False
) -> Replacing | None:
    """To the next corner, or with new items of this point. None: there are no new ones."""
    item = shop.inventory_items.get(tool.inventory_item_id) if tool.inventory_item_id else None
    if item is None:
        return said
    if not is_broken and tool.used_corners + 1 < item.corners:
        return replace(said, indexed=True)
    point_id = _point_with(shop, machine, item, tool.slots)
    return replace(said, inv_pt=point_id) if point_id is not None else None


def tool_named(shop: Shop, machine: str, name: str) -> Tool:
    """The one in the machine, or else one that is in none."""
    processes = machine_named(shop, machine).process_ids
    found = [each for each in shop.tools.values() if each.name == name]
    there = [each for each in found if _process_id(shop, each) in processes]
    return (there or [each for each in found if each.assembly_id is None])[0]


def _process_id(shop: Shop, tool: Tool) -> int | None:
    return shop.assemblies[tool.assembly_id].process_id if tool.assembly_id else None


def _point_with(shop: Shop, machine: str, item: InventoryItem, quantity: int) -> int | None:
    first = (CABINETS.get(machine), CRIB)
    points = sorted(shop.inventory_points.values(), key=lambda each: (each.name not in first, each.name == CRIB))
    return next((each.id for each in points if each.items.get(item.id, 0) >= quantity), None)


def _create(shop: Shop, tool: NewTool, assembly_id: int | None, now: float) -> Iterator[Event]:
    fields = replace(tool.fields, inventory_item_id=_item_id(shop, tool.item) or UNSET)
    command = CreateTool(assembly_id=assembly_id, part_count=tool.part_count, runtime=tool.runtime, **asdict(fields))
    return create_tool(shop, command, now)


def _item_id(shop: Shop, name: str | None) -> int | None:
    return next((each.id for each in shop.inventory_items.values() if each.name == name), None)
