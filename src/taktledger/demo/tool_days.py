"""The days after the set-up, for tools: replaced, indexed, calibrated, sent to be rebuilt, given another life."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from taktledger.demo.people import DAY, HOUR, MINUTE, PLANNER, Told, Wish, on_shift
from taktledger.demo.requests import SeeToAlerts, see_to_alerts
from taktledger.demo.setup import DONE
from taktledger.demo.setup_tools import IN_SERVICE, READY
from taktledger.demo.specs import MachineSpec, ProcessSpec, RebuildSpec
from taktledger.demo.tool_requests import (
    ChangeTool,
    ReplaceWorn,
    TakeBack,
    change_tool,
    look_at_tools,
    replace_worn,
    take_back,
)
from taktledger.demo.wearing import DAMAGED, NORMAL, SETUP, WORN, Wearing
from taktledger.domain.tools.editing import ToolChanges
from taktledger.domain.tools.replacing import Replacing
from taktledger.domain.tools.watch import LookAtTools
from taktledger.shopfloor.facts import CyclesSeen, ProgramSeen

SETUP_SHARE, SETUP_CHANCE = 0.88, 0.15
"""A tool that is so far is replaced at a changeover, with this chance, so that it lasts for the batch."""
LOOK_PARTS = 4
"""So often somebody looks at the tools."""
LATE_CHANCE = 0.12
"""It is entered some time after it was done."""
MISTAKE_DAY = 8.3
NEEDS_REBUILD, OUT_FOR_REBUILD, BACK = 2, 4, 5
"""Maintenance statuses."""


def tool_days(machine: MachineSpec, told: Iterable[Told], start: float, now: float, seed: int) -> Iterator[Wish]:
    """What people want because of what the tools have cut. The times are not in order."""
    tools = [
        Wearing(machine, process, assembly, tool, start, seed)
        for process, assembly in machine.assemblies
        for tool in assembly.tools
        if tool.wears or (tool.item or "").startswith("Stylus")
    ]
    once = [
        (start + MISTAKE_DAY * DAY, machine.mistaken),
        *((start + each.day * DAY, each) for each in machine.rebuilds),
    ]
    loaded: ProcessSpec | None = None
    changed_at: float | None = None
    parts, seconds = 0, dict[int, float]()
    for at, fact in told:
        if isinstance(fact, ProgramSeen):
            process = machine.process_of(fact.program)
            if process is not None and process is not loaded:
                loaded, changed_at = process, at
                parts, seconds = 0, {}
        if not isinstance(fact, CyclesSeen) or loaded is None or at < start + DONE:
            continue
        parts += fact.cycles * loaded.parts_per_cycle
        for location, each in fact.tool_seconds.items():
            seconds[location] = seconds.get(location, 0.0) + each
        if parts < LOOK_PARTS and not changed_at:
            continue
        for tool in tools:
            if tool.process not in (None, loaded):
                continue
            if changed_at and tool.used(at, loaded) >= SETUP_SHARE and tool.random.random() < SETUP_CHANCE:
                yield _replaced(machine, tool, changed_at, is_setup=True)
            tool.cut(loaded, parts, seconds)
            if tool.is_at_its_end(at, loaded):
                yield _replaced(machine, tool, at)
        changed_at = None
        parts, seconds = 0, {}
        for due in [each for each in once if at >= each[0]]:
            once.remove(due)
            yield from _rebuilt(machine, due[1], at) if isinstance(due[1], RebuildSpec) else _mistaken(machine, at)
    yield from _lives(machine, start)
    yield from _calibrations(machine, start, now)


def mornings(start: float, now: float) -> Iterator[Wish]:
    """When a day begins, what goes by the calendar is noticed."""
    midnight = start - start % DAY + DAY
    while midnight < now:
        yield Wish(midnight, None, look_at_tools, LookAtTools(), reads_rows=True)
        midnight += DAY


def _replaced(machine: MachineSpec, tool: Wearing, at: float, *, is_setup: bool = False) -> Wish:
    """Seconds after a cycle, or after the changeover."""
    random, ending = tool.random, tool.ending
    replaced = at + random.uniform(2, 12)
    said_at = replaced + (random.uniform(5, 40) * MINUTE if random.random() < LATE_CHANCE else 0.0)
    user = on_shift(replaced)
    if is_setup:
        said = Replacing(reason=SETUP, condition=NORMAL, notes="", timestamp=replaced)
    else:
        said = Replacing(
            reason=ending.reason,
            condition=random.choice(ending.conditions),
            notes=random.choice(ending.notes),
            timestamp=replaced,
        )
    command = ReplaceWorn(
        machine=machine.source_name,
        tool=tool.spec.name,
        said=said,
        user=user,
        is_broken=not is_setup and tool.is_hopeless,
    )
    tool.renew(replaced)
    return Wish(said_at, user, replace_worn, command, reads_rows=True)


def _mistaken(machine: MachineSpec, at: float) -> Iterator[Wish]:
    """Somebody enters a replacement of the wrong tool, and the planner takes it back."""
    if machine.mistaken is None:
        return
    name, user = machine.source_name, on_shift(at)
    said = Replacing(reason=WORN, condition=NORMAL, timestamp=at + 20)
    command = ReplaceWorn(machine=name, tool=machine.mistaken, said=said, user=user)
    yield Wish(at + 20, user, replace_worn, command, reads_rows=True)
    undone = TakeBack(machine=name, tool=machine.mistaken, replaced=at + 20)
    yield Wish(at + 4 * MINUTE, PLANNER, take_back, undone, reads_rows=True)


def _rebuilt(machine: MachineSpec, rebuild: RebuildSpec, at: float) -> Iterator[Wish]:
    """The spare one takes its place, and it goes to its maker for nine days."""
    user, spare = on_shift(at), rebuild.spare.name
    said = Replacing(
        reason=DAMAGED, condition=NORMAL, notes=rebuild.notes, maintenance_status=NEEDS_REBUILD, timestamp=at + 15
    )
    command = ReplaceWorn(machine=machine.source_name, tool=rebuild.tool, said=said, user=user, substitute=spare)
    yield Wish(at + 15, user, replace_worn, command, reads_rows=True)
    for later, tool, status in (
        (10 * MINUTE, spare, IN_SERVICE),
        (20 * HOUR, rebuild.tool, OUT_FOR_REBUILD),
        (9 * DAY, rebuild.tool, BACK),
        (9.2 * DAY, rebuild.tool, READY),
    ):
        yield _changed(machine, at + later, tool, ToolChanges(maintenance_status=status))


def _lives(machine: MachineSpec, start: float) -> Iterator[Wish]:
    for _, assembly in machine.assemblies:
        for tool in assembly.tools:
            for each in tool.changes:
                changes = ToolChanges(part_life=each.parts, warn_life=each.warn, life_modification_notes=each.notes)
                yield _changed(machine, start + each.day * DAY, tool.name, changes)


def _calibrations(machine: MachineSpec, start: float, now: float) -> Iterator[Wish]:
    """Every Monday before the first part; people who are behind have not seen to the last one."""
    names = [tool.name for _, assembly in machine.assemblies for tool in assembly.tools if tool.calibrated]
    midnight = start - start % DAY + DAY
    midnights = [midnight + number * DAY for number in range(int((now - midnight) // DAY) + 1)]
    mondays = [each for each in midnights if datetime.fromtimestamp(each, UTC).weekday() == 0]
    if machine.behind:
        del mondays[-1:]
    for number, monday in enumerate(mondays):
        at = monday + 5.6 * HOUR + number % 3 * 7 * MINUTE
        for name in names:
            day = datetime.fromtimestamp(monday, UTC).date()
            yield _changed(machine, at, name, ToolChanges(calibration_date=day))
        seen = SeeToAlerts(machine=machine.source_name, kind="calibration", user=PLANNER)
        yield Wish(at + MINUTE, PLANNER, see_to_alerts, seen)


def _changed(machine: MachineSpec, at: float, tool: str, changes: ToolChanges) -> Wish:
    command = ChangeTool(machine=machine.source_name, tool=tool, changes=changes, user=PLANNER)
    return Wish(at, PLANNER, change_tool, command, reads_rows=True)
