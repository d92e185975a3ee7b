"""A schedule: holds that are made again and again. When, is in `recurrence.py`; what makes them, in `clock.py`."""

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from taktledger.domain.errors import Invalid, NotFound, ReferenceMissing
from taktledger.domain.event import Event
from taktledger.domain.holds.clock import catch_up
from taktledger.domain.holds.recurrence import ALL_MONTHS, ALL_WEEKDAYS, INDICES, Frequency, Recurrence
from taktledger.domain.shop import HoldSchedule, Shop
from taktledger.domain.values import Id, Int, Name, Text, edit, narrow, only_changes

TimeOfDay = Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
"""`HH:MM`, local time."""

# Events


class RecurrenceFields(Struct, kw_only=True, frozen=True, omit_defaults=True):
    """The fields of a schedule that say when it fires."""

    frequency: Frequency | UnsetType = UNSET
    """`Y` yearly, `M` monthly, `W` weekly, `D` daily, `H` hourly."""
    interval: Annotated[int, Meta(ge=1, le=10_000)] | UnsetType = UNSET
    """One of how many years, months, weeks, days or hours, counted from its creation."""
    indices: Annotated[list[Int], Meta(max_length=1000)] | UnsetType = UNSET
    """Y: days of the year, M: days of the month, W: weekdays from 1 = Monday; negative: from the end. D, H: ignored."""
    months: Annotated[int, Meta(ge=0, le=ALL_MONTHS)] | UnsetType = UNSET
    """The sum of: 1 January, 2 February, 4 March … 2048 December. Default: all."""
    weekdays: Annotated[int, Meta(ge=0, le=ALL_WEEKDAYS)] | UnsetType = UNSET
    """The sum of: 1 Monday, 2 Tuesday … 64 Sunday. Default: all."""
    time_of_day: TimeOfDay | UnsetType = UNSET
    """H: its minute alone counts."""


class HoldScheduleFields(RecurrenceFields, kw_only=True, frozen=True, omit_defaults=True):
    """The fields of a schedule that a user may write."""

    machine_id: Id | UnsetType = UNSET
    name: Name | UnsetType = UNSET
    reason: Text | UnsetType = UNSET
    """Of the holds that it makes."""
    duration: Annotated[float, Meta(ge=0.01, le=10_000_000)] | UnsetType | None = UNSET
    """Minutes. Null: until somebody ends it."""


class HoldScheduleEvent(Event, frozen=True, kw_only=True):
    schedule_id: int

    @property
    def stream(self) -> str:
        return f"hold-schedule-{self.schedule_id}"


class HoldScheduleCreated(HoldScheduleEvent, frozen=True, kw_only=True):
    """A user set up a schedule of holds."""

    fields: HoldScheduleFields


class HoldScheduleEdited(HoldScheduleEvent, frozen=True, kw_only=True):
    """A user changed a schedule. It goes by its new rule from this moment on."""

    fields: HoldScheduleFields


class HoldScheduleDeleted(HoldScheduleEvent, frozen=True, kw_only=True):
    """A schedule was deleted. The holds that it made stay."""


# What they do


def hold_schedule_created(shop: Shop, event: HoldScheduleCreated) -> None:
    shop.hold_schedules[event.schedule_id] = _schedule(event.schedule_id, event.fields, event.occurred_at)
    shop.last_ids["hold_schedule"] = event.schedule_id
    shop.touched.hold_schedules.add(event.schedule_id)


def _schedule(schedule_id: int, fields: HoldScheduleFields, at: float) -> HoldSchedule:
    values: dict[str, Any] = {"indices": [], "months": ALL_MONTHS, "weekdays": ALL_WEEKDAYS}
    values |= {name: value for name in fields.__struct_fields__ if (value := getattr(fields, name)) is not UNSET}
    return HoldSchedule(id=schedule_id, created=at, looked_until=at, **values)


def hold_schedule_edited(shop: Shop, event: HoldScheduleEdited) -> None:
    schedule = shop.hold_schedules[event.schedule_id]
    edit(schedule, event.fields)
    schedule.looked_until = event.occurred_at
    shop.touched.hold_schedules.add(schedule.id)


def hold_schedule_deleted(shop: Shop, event: HoldScheduleDeleted) -> None:
    del shop.hold_schedules[event.schedule_id]
    shop.touched.hold_schedules.add(event.schedule_id)
    for hold in shop.holds.values():
        if hold.schedule_id == event.schedule_id:
            hold.schedule_id = None
            shop.touched.holds.add(hold.id)


# Decisions


class CreateHoldSchedule(HoldScheduleFields, kw_only=True, frozen=True):
    machine_id: Id
    name: Name
    frequency: Frequency
    time_of_day: TimeOfDay


class PreviewedSchedule(RecurrenceFields, kw_only=True, frozen=True):
    """A schedule that may not exist yet, with what says when it fires."""

    frequency: Frequency
    time_of_day: TimeOfDay
    id: Id | None = None
    """Of a schedule that exists: from the last hold that it made."""


class EditHoldSchedule(Struct, kw_only=True, frozen=True):
    schedule_id: int
    fields: HoldScheduleFields


class DeleteHoldSchedule(Struct, kw_only=True, frozen=True):
    schedule_id: int


def create_hold_schedule(shop: Shop, command: CreateHoldSchedule, now: float) -> list[Event]:
    """Sets up a schedule (`PUT /api/machines/holds/schedules/`). It doesn't fire before it is there."""
    check_indices(command.frequency, command.indices or [])
    _check_machine(shop, command.machine_id)
    schedule_id = shop.last_ids.get("hold_schedule", 0) + 1
    fields = narrow(HoldScheduleFields, command)
    return [HoldScheduleCreated(occurred_at=now, schedule_id=schedule_id, fields=fields)]


def edit_hold_schedule(shop: Shop, command: EditHoldSchedule, now: float) -> Iterator[Event]:
    """Changes a schedule. What it had to do until now is done first, by its old rule."""
    schedule, fields = get_hold_schedule(shop, command.schedule_id), command.fields
    indices = schedule.indices if fields.indices is UNSET else fields.indices
    check_indices(fields.frequency or schedule.frequency, indices)
    if fields.machine_id is not UNSET:
        _check_machine(shop, fields.machine_id)
    if changes := only_changes(fields, schedule):
        yield from catch_up(shop, now)
        yield HoldScheduleEdited(occurred_at=now, schedule_id=schedule.id, fields=changes)


def delete_hold_schedule(shop: Shop, command: DeleteHoldSchedule, now: float) -> Iterator[Event]:
    """Deletes a schedule. What it had to do until now is done first."""
    schedule = get_hold_schedule(shop, command.schedule_id)
    yield from catch_up(shop, now)
    yield HoldScheduleDeleted(occurred_at=now, schedule_id=schedule.id)


def get_hold_schedule(shop: Shop, schedule_id: int) -> HoldSchedule:
    schedule = shop.hold_schedules.get(schedule_id)
    if schedule is None:
        raise NotFound(f"there is no hold schedule {schedule_id}")
    return schedule


def check_indices(frequency: str, indices: list[int]) -> None:
    """Raises Invalid if they mean nothing to this frequency."""
    highest = INDICES.get(frequency)
    if highest is None:
        return
    if not indices:
        raise Invalid(f"frequency {frequency} needs at least one index", "indices")
    for index in indices:
        if not 1 <= abs(index) <= highest:
            raise Invalid(
                f"{index} is no index of frequency {frequency}: 1 to {highest}, or -1 to -{highest}", "indices"
            )


def recurrence_asked(fields: PreviewedSchedule) -> Recurrence:
    """The rule of a schedule that may not exist yet. Raises Invalid."""
    check_indices(fields.frequency, fields.indices or [])
    said = {name: value for name in Recurrence.__struct_fields__ if (value := getattr(fields, name)) is not UNSET}
    return msgspec.convert(said, Recurrence)


def _check_machine(shop: Shop, machine_id: int) -> None:
    if machine_id not in shop.machines:
        raise ReferenceMissing(f"there is no machine {machine_id}", "machine_id")
