"""A machine update: what a control reports at one moment."""

from typing import Annotated

from msgspec import Meta, Struct

from taktledger.domain.errors import Invalid
from taktledger.domain.shop import ControlAlarm
from taktledger.domain.values import Count, Int, Line, Number, Seconds


class MachineUpdate(Struct, kw_only=True, frozen=True, omit_defaults=True):
    """Omitted or null is "unknown", never "none" or 0."""

    success: bool = True
    """False: the control did not answer."""
    part_count: Count | None = None
    cycle_state: Line | None = None
    estopped: bool | None = None
    program_name: Line | None = None
    """`""` is "(No Program)"."""
    alarms: list[ControlAlarm] | None = None
    """`[]` is "none"."""
    common_vars: dict[Int, Number] | None = None
    feed_rate_override: Annotated[float, Meta(ge=0, le=10_000)] | None = None
    """Percent."""
    active_tool: Int | None = None
    """Location."""
    tools_seen: list[Int] | None = None
    """Locations used since the last update."""
    timestamp: Seconds | None = None
    """When the control said it. Default: now."""


def check(update: MachineUpdate) -> None:
    """What the types can't say. Raises Invalid."""
    for alarm in update.alarms or ():
        if alarm.alarm_code is None and alarm.alarm_type is None:
            raise Invalid("an alarm needs alarm_code or alarm_type", "alarms")
