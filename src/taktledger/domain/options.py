"""Options: the settings of the whole shop (`docs/options.md`)."""

from collections.abc import Iterator
from typing import Annotated
from zoneinfo import ZoneInfo

from msgspec import UNSET, Meta, Struct, UnsetType

from taktledger.domain.errors import Invalid
from taktledger.domain.event import Event
from taktledger.domain.holds.clock import catch_up
from taktledger.domain.shop import Shop
from taktledger.domain.values import Name, Text, only_changes, set_fields


class OptionFields(Struct, kw_only=True, frozen=True, omit_defaults=True):
    timezone: Name | UnsetType = UNSET
    part_report_limit: Annotated[int, Meta(ge=1, le=1000)] | UnsetType = UNSET
    check_unused_tools_parts: Annotated[int, Meta(ge=1, le=1000)] | UnsetType = UNSET
    machine_silent_seconds: Annotated[int, Meta(ge=0, le=7 * 24 * 3600)] | UnsetType = UNSET
    tool_replacement_min_usage: Annotated[float, Meta(ge=0, le=1)] | UnsetType = UNSET
    tool_replaced_checklist: list[Text] | UnsetType = UNSET


class OptionsEdited(Event, frozen=True, kw_only=True):
    """An administrator changed settings of the whole shop."""

    fields: OptionFields

    @property
    def stream(self) -> str:
        return "options"


def options_edited(shop: Shop, event: OptionsEdited) -> None:
    set_fields(shop.options, event.fields)
    if event.fields.check_unused_tools_parts is not UNSET:
        shop.touched.processes |= shop.processes.keys()
    if event.fields.timezone is not UNSET:  # a time that is past by the new zone was not due by the old one
        for schedule in shop.hold_schedules.values():
            schedule.looked_until = event.occurred_at


def edit_options(shop: Shop, command: OptionFields, now: float) -> Iterator[Event]:
    """Changes settings (`PATCH /api/options/`). What schedules had to do until now is done first, by the old zone."""
    if command.timezone is not UNSET and not is_timezone(command.timezone):
        raise Invalid(f"'{command.timezone}' is no IANA time zone, such as Europe/Berlin", "timezone")
    if changes := only_changes(command, shop.options):
        yield from catch_up(shop, now)
        yield OptionsEdited(occurred_at=now, fields=changes)


def is_timezone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # not found; a directory such as Europe; a path out of the database
        return False
    return True
