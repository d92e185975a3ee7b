"""What users may say of a tool, and the event that all of its events are."""

from datetime import date
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from taktledger.domain.errors import NotFound
from taktledger.domain.event import Event
from taktledger.domain.shop import Process, Shop, Tool
from taktledger.domain.values import Count, Duration, Id, Int, Name, Number, Seconds, Text

Status = Annotated[int, Meta(ge=1, le=7)]
"""1 not set, 2 needs rebuild, 3 not ready for use, 4 out for rebuild, 5 received from rebuild, 6 ready for use, 7 in
service."""


class ProcessLifeFields(Struct, kw_only=True, frozen=True, omit_defaults=True):
    """How long a tool should last in one process. Zero turns a way of counting off."""

    day_count_type: Literal["all", "week", "part"] | UnsetType = UNSET
    day_life: Annotated[int, Meta(ge=0, le=1_000_000)] | UnsetType = UNSET
    day_warning: Annotated[int, Meta(ge=0, le=1_000_000)] | UnsetType = UNSET
    max_runtime: Duration | UnsetType = UNSET
    """Seconds."""
    part_life: Count | UnsetType = UNSET
    warn_life: Count | UnsetType = UNSET
    warn_runtime: Duration | UnsetType = UNSET
    """Seconds."""


class LifeFields(ProcessLifeFields, kw_only=True, frozen=True, omit_defaults=True):
    """How long a tool should last, in all."""

    usage_mode: Annotated[int, Meta(ge=0, le=2)] | UnsetType = UNSET
    """0 parts, 1 run time, 2 days."""


class ToolFields(LifeFields, kw_only=True, frozen=True, omit_defaults=True):
    """The fields of a tool that a user may write, but for its assembly (that is a move) and its counters."""

    name: Name | UnsetType = UNSET
    notes: Text | UnsetType = UNSET
    tags: list[Text] | UnsetType = UNSET
    calibration_date: date | UnsetType | None = UNSET
    """`YYYY-MM-DD`."""
    calibration_interval: Annotated[int, Meta(ge=1, le=100_000)] | UnsetType | None = UNSET
    """Days. Null: never."""
    calibration_notify: Int | UnsetType | None = UNSET
    in_service_date: date | UnsetType | None = UNSET
    inventory_item_id: Id | UnsetType | None = UNSET
    is_critical: bool | UnsetType = UNSET
    maintenance_status: Status | UnsetType = UNSET
    monitoring_dest: Int | UnsetType | None = UNSET
    offset_number: Int | UnsetType | None = UNSET
    order_qty: Count | UnsetType | None = UNSET
    out_service_date: date | UnsetType | None = UNSET
    pinned: bool | UnsetType = UNSET
    purchase_date: date | UnsetType | None = UNSET
    reorder_point: Count | UnsetType | None = UNSET
    replace_duration: Duration | UnsetType = UNSET
    """Minutes."""
    replaced_checklist: list[Text] | UnsetType | None = UNSET
    """Null: that of the options."""
    replaced_message: Text | UnsetType = UNSET
    replacement_rules_snoozed_until: Seconds | UnsetType | None = UNSET
    slots: Annotated[int, Meta(ge=0, le=10_000)] | UnsetType = UNSET
    """Inventory items that it uses at one time."""
    stick_out: Number | UnsetType | None = UNSET
    stick_out_ref: Text | UnsetType = UNSET
    torque_spec: Number | UnsetType | None = UNSET
    torque_spec_units: Literal["lb_ft", "n_m", ""] | UnsetType = UNSET
    used_corners: Count | UnsetType = UNSET

    def without_life(self) -> "ToolFields":
        return structs.replace(self, **dict.fromkeys(LifeFields.__struct_fields__, UNSET))


class ToolEvent(Event, frozen=True, kw_only=True):
    tool_id: int

    @property
    def stream(self) -> str:
        return f"tool-{self.tool_id}"


def process_of(shop: Shop, tool: Tool) -> Process | None:
    """The process that the assembly of a tool is in."""
    assembly = shop.assemblies.get(tool.assembly_id) if tool.assembly_id else None
    return shop.processes.get(assembly.process_id) if assembly is not None and assembly.process_id else None


def get_tool(shop: Shop, tool_id: int) -> Tool:
    tool = shop.tools.get(tool_id)
    if tool is None:
        raise NotFound(f"there is no tool {tool_id}")
    return tool
