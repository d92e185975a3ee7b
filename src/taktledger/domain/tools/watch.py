"""Looking at tools when something has happened that they may be due after.

A finished cycle must not cost a look at every tool. So the watch remembers for each process how many parts and seconds
of cutting it takes at least until something can be due, and looks again when that much is done. What it remembers is
only a bound: it is no state of the shop, and lost at a restart without harm.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from msgspec import Struct

from taktledger.domain.assemblies import AssemblyEvent
from taktledger.domain.changeover import ProcessSwitched
from taktledger.domain.controls import ToolRunTimeMeasured
from taktledger.domain.event import Event
from taktledger.domain.holds.critical import Overdue, hold_for_tools
from taktledger.domain.inventory.items import InventoryItemDeleted
from taktledger.domain.inventory.stock import StockMoved
from taktledger.domain.parts import CycleFinished, PartDeleted
from taktledger.domain.shop import Shop, Tool
from taktledger.domain.tools.fields import ToolEvent
from taktledger.domain.tools.life import ToolHistory, Use, is_past_life, life_in_force
from taktledger.domain.tools.notices import notice_calibration, notice_stock, notice_wear, said


class Left(NamedTuple):
    """What a process must still make, or cut, until one of its tools can be due."""

    parts: float = math.inf
    seconds: float = math.inf


class LookAtTools(Struct, kw_only=True, frozen=True):
    """Look at every tool: a day has begun, or notices were snoozed until now."""


class ToolWatch:
    """Looks at tools when something has happened that they may be due after."""

    def __init__(self, history: ToolHistory) -> None:
        self._history = history
        self._bounds: dict[int, Left] = {}
        """Process ID -> its `parts_made` and `tool_seconds` at which to look again."""

    def forget(self) -> None:
        """The shop was loaded anew."""
        self._bounds.clear()

    def follow(self, shop: Shop, events: Sequence[Event], now: float) -> Iterator[Event]:
        """What is to be noticed after these events, which are folded."""
        worn: set[int] = set()
        tools: set[int] = set()
        items: set[int] = set()
        is_retooled = False
        for event in events:
            match event:
                case CycleFinished():
                    worn.add(event.process_id or 0)
                    # It may be charged to a tool that is elsewhere now.
                    is_retooled = is_retooled or event.occurred_at <= shop.tooled_at
                case ToolRunTimeMeasured():
                    worn.add(shop.machines[event.machine_id].loaded_process_id or 0)
                    is_retooled = is_retooled or event.occurred_at <= shop.tooled_at
                case ToolEvent():
                    is_retooled = True
                    tools.add(event.tool_id)
                case ProcessSwitched():  # another life of its tools may be in force now
                    is_retooled = True
                    worn.add(event.process_id or 0)
                case AssemblyEvent() | PartDeleted():
                    is_retooled = True
                case StockMoved():
                    items |= event.changes.keys()
                case InventoryItemDeleted():
                    tools |= {tool.id for tool in shop.tools.values() if tool.below_reorder_point}
                case _:
                    pass
        if is_retooled:
            self._bounds.clear()
        due = self._due(shop, worn)
        yield from self._look(shop, due, tools, items, now)
        if is_retooled or due:
            yield from self._hold(shop, now)

    def look_at_tools(self, shop: Shop, command: LookAtTools, now: float) -> Iterator[Event]:
        """Once a day, and when a snooze ends."""
        self._bounds.clear()
        yield from self._notices(shop, list(shop.tools.values()), now)
        yield from self._hold(shop, now)

    def _due(self, shop: Shop, worn: set[int]) -> list[int]:
        """Those of the processes that have made, or cut, so much that one of their tools may be due."""
        return [
            each.id
            for each in (shop.processes[process_id] for process_id in sorted(worn) if process_id in shop.processes)
            if (bound := self._bounds.get(each.id)) is None
            or each.parts_made >= bound.parts
            or each.tool_seconds >= bound.seconds
        ]

    def _look(self, shop: Shop, due: list[int], tools: set[int], items: set[int], now: float) -> Iterator[Event]:
        used = {each for process_id in due for each in _tools_of(shop, process_id)} - tools
        known = [shop.tools[each] for each in sorted(tools) if each in shop.tools]
        yield from self._notices(shop, known, now)
        # What goes by the calendar is for the look at the beginning of a day.
        yield from self._wear(shop, [shop.tools[each] for each in sorted(used)], now, days=False)
        of_items = [tool for tool in shop.tools.values() if tool.inventory_item_id in items] if items else []
        for tool in (*known, *of_items):
            yield from notice_stock(shop, tool, now)
        for process_id in due:
            self._remember(shop, process_id, now)

    def _hold(self, shop: Shop, now: float) -> Iterator[Event]:
        """Critical tools of loaded processes keep their machines from running while they are past their life, whether
        or not notices are snoozed."""
        machines = {
            tool_id: machine.id
            for machine in shop.machines.values()
            if machine.loaded_process_id is not None
            for tool_id in _tools_of(shop, machine.loaded_process_id)
            if shop.tools[tool_id].is_critical
        }
        uses = self._history.uses(shop, sorted(machines), now) if machines else {}
        overdue = {}
        for tool_id, machine_id in machines.items():
            tool = shop.tools[tool_id]
            process_id, life = life_in_force(shop, tool)
            use = uses[tool_id].get(process_id, Use())
            if is_past_life(tool.usage_mode, life, use):
                overdue[tool_id] = Overdue(machine_id, f"'{tool.name}' is past its life: {said(life, use)}")
        yield from hold_for_tools(shop, overdue, now)

    def _notices(self, shop: Shop, tools: Sequence[Tool], now: float) -> Iterator[Event]:
        today = datetime.fromtimestamp(now, ZoneInfo(shop.options.timezone)).date()
        yield from self._wear(shop, tools, now, days=True)
        for tool in tools:
            yield from notice_calibration(shop, tool, today, now)

    def _wear(self, shop: Shop, tools: Sequence[Tool], now: float, *, days: bool) -> Iterator[Event]:
        lasting = [tool for tool in tools if _has_life(tool) and not _is_snoozed(tool, now)]
        uses = self._history.uses(shop, [tool.id for tool in lasting], now) if lasting else {}
        for tool in lasting:
            yield from notice_wear(shop, tool, uses[tool.id], now, days=days)

    def _remember(self, shop: Shop, process_id: int, now: float) -> None:
        """Every part of a process is at most one more for each of its tools, and so are its seconds."""
        tools = [shop.tools[each] for each in sorted(_tools_of(shop, process_id))]
        lasting = [tool for tool in tools if _has_life(tool) and (tool.is_critical or not _is_snoozed(tool, now))]
        uses = self._history.uses(shop, [tool.id for tool in lasting], now) if lasting else {}
        left = [_left(shop, tool, uses[tool.id], is_snoozed=_is_snoozed(tool, now)) for tool in lasting]
        process = shop.processes[process_id]
        self._bounds[process_id] = Left(
            process.parts_made + min((each.parts for each in left), default=math.inf),
            process.tool_seconds + min((each.seconds for each in left), default=math.inf),
        )


def _left(shop: Shop, tool: Tool, uses: Mapping[int, Use], *, is_snoozed: bool) -> Left:
    """At least. (A millisecond less: seconds are no exact numbers.)"""
    process_id, life = life_in_force(shop, tool)
    use = uses.get(process_id, Use())
    parts, seconds = [math.inf], [math.inf]
    if "warning" not in life.sent and not is_snoozed:
        if life.part_life:
            parts.append(life.part_life - life.warn_life - use.parts)
        if life.max_runtime:
            seconds.append(life.max_runtime - life.warn_runtime - use.seconds)
    if ("life" not in life.sent or tool.is_critical) and not is_past_life(tool.usage_mode, life, use):
        if tool.usage_mode == 0 and life.part_life:
            parts.append(life.part_life + 1 - use.parts)
        if tool.usage_mode == 1 and life.max_runtime:
            seconds.append(life.max_runtime - use.seconds)
    return Left(min(parts), min(seconds) - 0.001)


def _has_life(tool: Tool) -> bool:
    return any(life.is_set or life.sent for life in (tool.life, *tool.process_lives.values()))


def _is_snoozed(tool: Tool, now: float) -> bool:
    return tool.replacement_rules_snoozed_until is not None and now <= tool.replacement_rules_snoozed_until


def _tools_of(shop: Shop, process_id: int) -> set[int]:
    process = shop.processes.get(process_id)
    assemblies: Iterable[int] = process.assembly_ids if process else ()
    return {tool_id for each in assemblies for tool_id in shop.assemblies[each].tool_ids}
