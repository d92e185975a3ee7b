"""How long a tool should last, and how its counters are put right by hand."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol

from msgspec import UNSET

from taktledger.domain.shop import Life, Shop, Tool
from taktledger.domain.tools.fields import LifeFields, ProcessLifeFields, ToolEvent, process_of
from taktledger.domain.values import narrow, set_fields

RECORDED = ("usage_mode", "part_life", "max_runtime", "day_life")
"""Fields whose change is kept as a ToolLifeRecord. A warning threshold alone is not."""

# Events


class ToolLifeChanged(ToolEvent, frozen=True, kw_only=True):
    """A user changed how long a tool should last, in all or in one process."""

    fields: LifeFields
    process_id: int | None = None
    """Null: in all."""
    notes: str = ""
    user_id: int | None = None


class ToolCountCorrected(ToolEvent, frozen=True, kw_only=True):
    """A user put a counter of a tool right. It counts from when it was entered."""

    process_id: int | None = None
    """Null: the tool's own."""
    parts: int = 0
    """More, or fewer."""
    seconds: float = 0.0


class ToolWarned(ToolEvent, frozen=True, kw_only=True):
    """A tool was found to be past its warning or its life. Once for each replacement."""

    what: str
    """`warning`, `day_warning` or `life`."""
    process_id: int | None = None
    """The process whose life it is; null: the tool's own."""


class ToolWarningEnded(ToolEvent, frozen=True, kw_only=True):
    """A tool is not past its warning or its life any more, though it was not replaced: its life is longer now, or its
    counter was put right."""

    what: str
    process_id: int | None = None


# What they do


def life_changed(shop: Shop, event: ToolLifeChanged) -> None:
    tool = shop.tools[event.tool_id]
    set_life(tool, event.process_id, event.fields)
    tool.revision += 1
    if is_recorded(event):
        tool.hold_waived = False
        shop.last_ids["tool_life_record"] = tool.life_record_id = shop.last_ids.get("tool_life_record", 0) + 1
    shop.touched.tools.add(tool.id)


def count_corrected(shop: Shop, event: ToolCountCorrected) -> None:
    shop.tools[event.tool_id].revision += 1
    shop.touched.tools.add(event.tool_id)


def tool_warned(shop: Shop, event: ToolWarned) -> None:
    tool = shop.tools[event.tool_id]
    life = tool.life if event.process_id is None else tool.process_lives[event.process_id]
    life.sent.add(event.what)
    shop.touched.tools.add(tool.id)


def warning_ended(shop: Shop, event: ToolWarningEnded) -> None:
    tool = shop.tools[event.tool_id]
    life = tool.life if event.process_id is None else tool.process_lives[event.process_id]
    life.sent.discard(event.what)
    shop.touched.tools.add(tool.id)


def set_life(tool: Tool, process_id: int | None, fields: LifeFields) -> None:
    if fields.usage_mode is not UNSET:
        tool.usage_mode = fields.usage_mode
    life = tool.life if process_id is None else tool.process_lives.setdefault(process_id, Life())
    set_fields(life, narrow(ProcessLifeFields, fields))


def is_recorded(event: ToolLifeChanged) -> bool:
    return any(getattr(event.fields, name) is not UNSET for name in RECORDED)


# What is asked of a tool's counters


class Use(NamedTuple):
    """What a tool did since its last replacement."""

    parts: int = 0
    seconds: float = 0.0
    days: int = 0


class ToolHistory(Protocol):
    """What the decisions about tools must know of the rows, those of the open transaction included."""

    def uses(
        self, shop: Shop, tool_ids: Iterable[int], now: float, *, until: float | None = None
    ) -> Mapping[int, Mapping[int, Use]]:
        """Tool ID -> process ID, or 0 for the tool's own -> what it did since its last replacement. `until`: what was
        made up to then."""

    def average_lives(self, shop: Shop, tool_ids: Iterable[int]) -> Mapping[int, float]:
        """Tool ID -> mean parts between its replacements, of those that were replaced."""


def life_in_force(shop: Shop, tool: Tool) -> tuple[int, Life]:
    """The life that its warnings go by, and the process whose it is (0: the tool's own): that of the process which its
    machine has loaded, if it says anything of this tool."""
    process = process_of(shop, tool)
    if process is not None and shop.machines[process.machine_id].loaded_process_id == process.id:
        life = tool.process_lives.get(process.id)
        if life is not None and life.is_set:
            return process.id, life
    return 0, tool.life


def usage(mode: int, life: Life, use: Use) -> float | None:
    """Share of its life that a tool has been used, as its usage mode counts. Null: no life is set."""
    used, lasts = ((use.parts, life.part_life), (use.seconds, life.max_runtime), (use.days, life.day_life))[mode]
    return used / lasts if lasts else None


def is_past_life(mode: int, life: Life, use: Use) -> bool:
    """Whether it has been used beyond its life."""
    return (usage(mode, life, use) or 0) > 1


def is_past_warning(mode: int, life: Life, use: Use) -> bool:
    """Whether so little is left that a warning is due, as the usage mode counts."""
    return (parts_warning_due, seconds_warning_due, days_warning_due)[mode](life, use)


def parts_warning_due(life: Life, use: Use) -> bool:
    return life.part_life > 0 and life.part_life - use.parts <= life.warn_life


def seconds_warning_due(life: Life, use: Use) -> bool:
    return life.max_runtime > 0 and life.max_runtime - use.seconds <= life.warn_runtime


def days_warning_due(life: Life, use: Use) -> bool:
    return life.day_life > 0 and life.day_life - use.days <= life.day_warning
