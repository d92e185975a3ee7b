"""What users change of tools: fields, life, counters, tags."""

import math
from collections.abc import Iterable, Iterator

from msgspec import UNSET, Struct, UnsetType, field

from taktledger.domain.event import Event
from taktledger.domain.processes import get_process
from taktledger.domain.shop import Life, Shop, Tool
from taktledger.domain.tools.fields import LifeFields, ProcessLifeFields, ToolFields, get_tool
from taktledger.domain.tools.life import ToolCountCorrected, ToolHistory, ToolLifeChanged, Use
from taktledger.domain.tools.tool import ToolEdited, check_references, move_tool
from taktledger.domain.values import Count, Duration, Id, Int, Text, narrow, only_changes

MOST_PARTS = 2**32 - 1


class ToolChanges(ToolFields, kw_only=True, frozen=True):
    """What a user may ask for in one go."""

    assembly_id: Id | UnsetType | None = UNSET
    part_count: Count | UnsetType = UNSET
    runtime: Duration | UnsetType = UNSET
    """Seconds."""
    life_modification_notes: Text | UnsetType = UNSET
    """Kept with the change of its life."""


class EditTool(Struct, kw_only=True, frozen=True):
    tool_id: int
    changes: ToolChanges = field(default_factory=ToolChanges)
    user_id: int | None = None


class ProcessLifeChanges(ProcessLifeFields, kw_only=True, frozen=True):
    part_count: Count | UnsetType = UNSET
    runtime: Duration | UnsetType = UNSET
    """Seconds."""
    life_modification_notes: Text | UnsetType = UNSET


class EditProcessLife(Struct, kw_only=True, frozen=True):
    tool_id: int
    process_id: int
    changes: ProcessLifeChanges = field(default_factory=ProcessLifeChanges)
    user_id: int | None = None


class AdjustPartCounts(Struct, kw_only=True, frozen=True):
    tools: list[Id]
    count: Int
    """More, or fewer."""


class ChangeTags(Struct, kw_only=True, frozen=True):
    tools: list[Id]
    add: list[Text] = []
    remove: list[Text] = []


class UpdatePartLives(Struct, kw_only=True, frozen=True):
    tools: list[Id]
    user_id: int | None = None


def edit_tool(shop: Shop, command: EditTool, now: float, *, history: ToolHistory) -> Iterator[Event]:
    """Changes a tool, puts its counters right, and moves it (`PATCH /api/tools/{id}`)."""
    tool = get_tool(shop, command.tool_id)
    changes, assembly_id = command.changes, command.changes.assembly_id
    check_references(shop, assembly_id, changes.inventory_item_id)
    if fields := only_changes(narrow(ToolFields, changes).without_life(), tool):
        yield ToolEdited(occurred_at=now, tool_id=tool.id, fields=fields)
    life = narrow(LifeFields, changes, usage_mode=_changed(changes.usage_mode, tool.usage_mode))
    yield from _life(tool, None, life, command, now)
    if changes.part_count is not UNSET or changes.runtime is not UNSET:
        use = history.uses(shop, [tool.id], now)[tool.id][0]
        yield from _corrected(tool, None, use, changes.part_count, changes.runtime, now)
    if assembly_id is not UNSET and assembly_id != tool.assembly_id:
        yield move_tool(tool, assembly_id, now)


def edit_process_life(shop: Shop, command: EditProcessLife, now: float, *, history: ToolHistory) -> Iterator[Event]:
    """Changes how long a tool should last in one process, and its counters there
    (`PATCH /api/tools/{id}/processLife/{process_id}`)."""
    tool, changes = get_tool(shop, command.tool_id), command.changes
    process_id = get_process(shop, command.process_id).id
    life = narrow(LifeFields, changes, usage_mode=UNSET)
    if process_id not in tool.process_lives:  # it is born now, whatever is said of it
        yield ToolLifeChanged(
            occurred_at=now,
            tool_id=tool.id,
            process_id=process_id,
            fields=only_changes(life, Life()) or LifeFields(),
            notes=changes.life_modification_notes or "",
            user_id=command.user_id,
        )
    else:
        yield from _life(tool, process_id, life, command, now)
    if changes.part_count is not UNSET or changes.runtime is not UNSET:
        use = history.uses(shop, [tool.id], now)[tool.id].get(process_id, Use())
        yield from _corrected(tool, process_id, use, changes.part_count, changes.runtime, now)


def adjust_part_counts(shop: Shop, command: AdjustPartCounts, now: float, *, history: ToolHistory) -> Iterator[Event]:
    """More or fewer parts for several tools (`POST /api/tools/bulkAdjustPartCount`). No counter goes below zero."""
    known = _known(shop, command.tools)
    uses = history.uses(shop, [tool.id for tool in known], now)
    for tool in known:
        before = uses[tool.id][0].parts
        parts = min(max(command.count, -max(before, 0)), MOST_PARTS - before)
        if parts:
            yield ToolCountCorrected(occurred_at=_entered(tool, now), tool_id=tool.id, parts=parts)


def change_tags(shop: Shop, command: ChangeTags, now: float) -> Iterator[Event]:
    """Adds and removes tags of several tools (`POST /api/tools/bulkChangeTags`). What is both, is removed."""
    for tool in _known(shop, command.tools):
        kept = [tag for tag in dict.fromkeys([*tool.tags, *command.add]) if tag not in command.remove]
        if kept != tool.tags:
            yield ToolEdited(occurred_at=now, tool_id=tool.id, fields=ToolFields(tags=kept))


def update_part_lives(shop: Shop, command: UpdatePartLives, now: float, *, history: ToolHistory) -> Iterator[Event]:
    """Tools should last as long as they did on average (`POST /api/tools/updatePartLife`). Those that have never been
    replaced are left out."""
    averages = history.average_lives(shop, command.tools)
    for tool in _known(shop, command.tools):
        part_life = min(max(round(averages.get(tool.id, tool.life.part_life)), 0), MOST_PARTS)
        if part_life != tool.life.part_life:
            fields = LifeFields(part_life=part_life)
            yield ToolLifeChanged(occurred_at=now, tool_id=tool.id, fields=fields, user_id=command.user_id)


def _life(
    tool: Tool, process_id: int | None, said: LifeFields, command: EditTool | EditProcessLife, now: float
) -> Iterator[Event]:
    before = tool.life if process_id is None else tool.process_lives[process_id]
    changes = only_changes(narrow(ProcessLifeFields, said), before) or ProcessLifeFields()
    fields = LifeFields(
        **{name: getattr(changes, name) for name in ProcessLifeFields.__struct_fields__}, usage_mode=said.usage_mode
    )
    if fields != LifeFields():
        yield ToolLifeChanged(
            occurred_at=now,
            tool_id=tool.id,
            process_id=process_id,
            fields=fields,
            notes=command.changes.life_modification_notes or "",
            user_id=command.user_id,
        )


def _corrected(
    tool: Tool, process_id: int | None, use: Use, parts: int | UnsetType, seconds: float | UnsetType, now: float
) -> Iterator[Event]:
    """From what it counts now to what it should."""
    more_parts = 0 if parts is UNSET else parts - use.parts
    more_seconds = 0.0 if seconds is UNSET else round(seconds - use.seconds, 3)
    if more_parts or more_seconds:
        yield ToolCountCorrected(
            occurred_at=_entered(tool, now),
            tool_id=tool.id,
            process_id=process_id,
            parts=more_parts,
            seconds=more_seconds,
        )


def _entered(tool: Tool, now: float) -> float:
    """After its last replacement, also if that was in the same moment."""
    return max(now, math.nextafter(tool.last_replacement.at, math.inf)) if tool.last_replacement else now


def _changed(value: int | UnsetType, before: int) -> int | UnsetType:
    return UNSET if value == before else value


def _known(shop: Shop, tool_ids: Iterable[int]) -> list[Tool]:
    return [shop.tools[each] for each in dict.fromkeys(tool_ids) if each in shop.tools]
