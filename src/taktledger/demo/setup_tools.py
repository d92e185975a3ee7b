"""What comes after the machines: the inventory, and the tools in the pots."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from random import Random

from msgspec import UNSET

from taktledger.demo.items import CABINETS, CRIB, ITEMS, MAKERS
from taktledger.demo.machines import MACHINES
from taktledger.demo.people import DAY, MINUTE, PLANNER, Wish
from taktledger.demo.pictures import draw
from taktledger.demo.setup import TOOLED
from taktledger.demo.specs import AssemblySpec, ItemSpec, MachineSpec, ToolSpec
from taktledger.demo.stock import lead_time
from taktledger.demo.tool_requests import (
    NewTool,
    RequireTool,
    SetProcessLife,
    SetUpAssembly,
    SetUpPoint,
    SetUpSpare,
    ShowTool,
    require_tool,
    set_process_life,
    set_up_assembly,
    set_up_point,
    set_up_spare,
    show_tool,
)
from taktledger.domain.assemblies import AssemblyFields
from taktledger.domain.inventory.items import CreateInventoryItem, create_inventory_item
from taktledger.domain.tool_requirements import ToolRequirementFields
from taktledger.domain.tools.fields import ToolFields

LISTED, COUNTED = TOOLED - 12 * MINUTE, TOOLED - 3 * MINUTE
"""When the items are imported from the planner's list, and the points counted. Seconds after the start."""
PER_MACHINE = 28 * MINUTE
IN_SERVICE = 7
"""Maintenance status of a durable tool."""
READY = 6
CHANNEL = 1
"""To which the planner has notifications sent."""


def set_up_inventory(start: float) -> Iterator[Wish]:
    for number, item in enumerate(ITEMS.values()):
        yield Wish(start + LISTED + number * 5, PLANNER, create_inventory_item, _new_item(item))
    for number, name in enumerate((CRIB, *dict.fromkeys(CABINETS.values()))):
        items = {item.name: item.stock if name == CRIB else item.near for item in ITEMS.values()}
        if name != CRIB:
            items = {item: quantity for item, quantity in items.items() if ITEMS[item].cabinet == name}
        counted = SetUpPoint(name=name, items={item: quantity for item, quantity in items.items() if quantity})
        yield Wish(start + COUNTED + number * 30, PLANNER, set_up_point, counted)


def set_up_tools(machine: MachineSpec, start: float) -> Iterator[Wish]:
    """One assembly every minute. Then what each process needs is written down."""
    at = start + TOOLED + MACHINES.index(machine) * PER_MACHINE
    name = machine.source_name
    holders = 0
    for process, assembly in machine.assemblies:
        holders += assembly.holder is not None
        fields = AssemblyFields(
            name=assembly.name,
            notes=assembly.notes,
            location=UNSET if assembly.location is None else assembly.location,
            shared=process is None,
        )
        command = SetUpAssembly(
            machine=name,
            process=process.name if process else None,
            fields=fields,
            tools=tuple(_tools(machine, assembly, holders, start)),
        )
        yield Wish(at, PLANNER, set_up_assembly, command)
        for tool in assembly.tools:
            yield from _more_of(machine, tool, at + 20)
        at += MINUTE
    for rebuild in machine.rebuilds:
        spare = NewTool(fields=_fields(machine, rebuild.spare, start), item=rebuild.spare.item)
        yield Wish(at, PLANNER, set_up_spare, SetUpSpare(tool=spare))
    yield from _requirements(machine, at)


def first_use(machine: MachineSpec, tool: ToolSpec) -> tuple[int, float]:
    """Parts that a tool has made, and seconds that it has cut, before anybody counted."""
    share = Random(f"{machine.source_name} {tool.name}").uniform(0.05, 0.85)
    return round(share * tool.parts), round(share * tool.minutes) * 60.0


def _more_of(machine: MachineSpec, tool: ToolSpec, at: float) -> Iterator[Wish]:
    """What is said of a tool once it is there."""
    name = machine.source_name
    for process, parts in tool.lives.items():
        command = SetProcessLife(
            machine=name, tool=tool.name, process=process, parts=parts, warn=parts // 10, user=PLANNER
        )
        yield Wish(at, PLANNER, set_process_life, command, reads_rows=True)
    if tool.picture:
        image, png = draw(tool.picture)
        shown = ShowTool(machine=name, tool=tool.name, image=image)
        yield Wish(at + 10, PLANNER, show_tool, shown, images={image.sha256: png})


def _requirements(machine: MachineSpec, at: float) -> Iterator[Wish]:
    for process in machine.processes:
        used = {location for program in process.all_programs for location in program.tools}
        needed = {each.location: each for each in (*machine.shared, *process.assemblies) if each.location in used}
        for location, assembly in sorted((key, each) for key, each in needed.items() if key is not None):
            fields = ToolRequirementFields(
                location=location, name=assembly.name, notes=assembly.notes, stick_out=assembly.stick_out
            )
            required = RequireTool(
                machine=machine.source_name, process=process.name, fields=fields, item=assembly.tools[-1].item
            )
            yield Wish(at, PLANNER, require_tool, required)
        at += 2 * MINUTE


def _tools(machine: MachineSpec, assembly: AssemblySpec, number: int, start: float) -> Iterator[NewTool]:
    if assembly.holder is not None:
        machine_number = MACHINES.index(machine) + 1
        holder = ToolSpec(name=f"{assembly.holder}, no. {machine_number}{number:02}", item=assembly.holder)
        yield NewTool(fields=_fields(machine, holder, start), item=holder.item)
    for tool in assembly.tools:
        place = assembly if tool is assembly.tools[-1] else None
        parts, seconds = first_use(machine, tool)
        yield NewTool(fields=_fields(machine, tool, start, place), item=tool.item, part_count=parts, runtime=seconds)


def _fields(machine: MachineSpec, tool: ToolSpec, start: float, place: AssemblySpec | None = None) -> ToolFields:
    """`place`: where it is the one that cuts."""
    item = ITEMS[tool.item] if tool.item is not None else None
    random = Random(f"{machine.source_name} {tool.name} measured")
    fields: dict[str, object] = {
        "name": tool.name,
        "notes": tool.notes,
        "tags": [*([item.brand] if item else []), *tool.tags],
        "slots": tool.slots,
        "is_critical": tool.is_critical,
        "replaced_message": tool.message,
        "usage_mode": tool.usage_mode,
        "part_life": tool.parts,
        "max_runtime": tool.minutes * 60,
        "day_life": tool.days,
        ("warn_life", "warn_runtime", "day_warning")[tool.usage_mode]: tool.warn * (60 if tool.minutes else 1),
    }
    if item is not None and item.type == "Filter":
        fields["day_count_type"] = "week"
    if tool.is_critical:
        fields["monitoring_dest"] = CHANNEL
    if tool.checklist is not None:
        fields["replaced_checklist"] = list(tool.checklist)
    if place is not None and place.location is not None:
        fields["offset_number"] = place.location
        if place.stick_out is not None:
            fields["stick_out"] = round(place.stick_out + random.gauss(0, 0.15), 2)
            fields["stick_out_ref"] = "turret face" if machine.main_program else "gauge line"
    if item is not None:
        fields |= _by_item(machine, tool, item, random, start)
    if tool.calibrated:
        monday = _day(start) - timedelta(days=_day(start).weekday())
        fields |= {"calibration_date": monday, "calibration_interval": 7, "calibration_notify": CHANNEL}
    return ToolFields(**fields)  # type: ignore[arg-type]


def _by_item(machine: MachineSpec, tool: ToolSpec, item: ItemSpec, random: Random, start: float) -> dict[str, object]:
    fields: dict[str, object] = {}
    if item.torque is not None:
        fields |= {"torque_spec": item.torque, "torque_spec_units": "n_m"}
    if item.durable:
        bought = _day(start - random.randint(200, 1800) * DAY)
        spare = tool in [each.spare for each in machine.rebuilds]
        fields |= {"purchase_date": bought, "maintenance_status": READY if spare else IN_SERVICE}
        fields |= {} if spare else {"in_service_date": bought + timedelta(days=random.randint(3, 20))}
    else:
        fields["replace_duration"] = 2.0 + tool.slots if item.corners else 6.0
    if item.reorder_point is not None and _first_with(item.name) == (machine.source_name, tool.name):
        fields |= {"reorder_point": item.reorder_point, "order_qty": item.order_qty}
    return fields


def _first_with(item: str) -> tuple[str, str]:
    """Machine and name of the one tool that tells when this item must be ordered."""
    return next(
        (machine.source_name, tool.name)
        for machine in MACHINES
        for _, assembly in machine.assemblies
        for tool in assembly.tools
        if tool.item == item
    )


def _new_item(item: ItemSpec) -> CreateInventoryItem:
    return CreateInventoryItem(
        name=item.name,
        type=item.type,
        brand=item.brand,
        part_number=item.part_number,
        price=item.price,
        corners=item.corners,
        coating=item.coating,
        flutes=item.flutes,
        cut_length=item.cut_length,
        durable=item.durable,
        lead_time=lead_time(item),
        min_on_hand_qty=item.reorder_point or 0,
        pack_qty=10 if item.corners > 1 else 1,
        suppliers=list(MAKERS[item.brand][0]),
        notes=item.notes,
    )


def _day(at: float) -> date:
    return datetime.fromtimestamp(at, UTC).date()
