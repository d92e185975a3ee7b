"""A hold: its events, what they do, and what people may do with it.

A hold is in force from `start` until `end`; that it began and that it is over are events too, when the time has come.
"""

from collections.abc import Iterator

from msgspec import UNSET, Struct, UnsetType

from taktledger.domain.errors import Invalid, NotFound
from taktledger.domain.event import SYSTEM, Event
from taktledger.domain.shop import Hold, Shop
from taktledger.domain.values import Seconds, Text, edit, only_changes

# Events


class HoldEvent(Event, frozen=True, kw_only=True):
    hold_id: int

    @property
    def stream(self) -> str:
        return f"hold-{self.hold_id}"


class HoldFields(Struct, kw_only=True, frozen=True, omit_defaults=True):
    """The fields of a hold that a user may write."""

    start: Seconds | UnsetType = UNSET
    """UNIX seconds. When it is created: now, if it is not given."""
    end: Seconds | UnsetType | None = UNSET
    """UNIX seconds. Null: until somebody ends it."""
    reason: Text | UnsetType = UNSET
    notes: Text | UnsetType = UNSET


class HoldCreated(HoldEvent, frozen=True, kw_only=True):
    """A hold was made: by a user, by a schedule when its time came, or because of a critical tool."""

    machine_id: int
    start: float
    end: float | None = None
    reason: str = ""
    notes: str = ""
    user_id: int | None = None
    schedule_id: int | None = None
    tool_id: int | None = None


class HoldEdited(HoldEvent, frozen=True, kw_only=True):
    """A user changed a hold, or released the machine by ending it."""

    fields: HoldFields


class HoldDeleted(HoldEvent, frozen=True, kw_only=True):
    """A hold was deleted: it counts as if it had not been."""

    seen_to: bool = False
    """The critical tool behind it was seen to before it began. False: a user deleted it."""


class HoldStarted(HoldEvent, frozen=True, kw_only=True):
    """The time of a hold has come: its machine must not run."""


class HoldEnded(HoldEvent, frozen=True, kw_only=True):
    """A hold is over: by its end, or because the critical tool behind it was seen to."""


# What they do


def hold_created(shop: Shop, event: HoldCreated) -> None:
    shop.holds[event.hold_id] = Hold(
        id=event.hold_id,
        machine_id=event.machine_id,
        start=event.start,
        end=event.end,
        reason=event.reason,
        notes=event.notes,
        user_id=event.user_id,
        schedule_id=event.schedule_id,
        tool_id=event.tool_id,
        automatic=event.user_id is None,
    )
    shop.open_holds.add(event.hold_id)
    shop.last_ids["hold"] = event.hold_id
    shop.touched.holds.add(event.hold_id)
    if event.schedule_id is not None:
        schedule = shop.hold_schedules[event.schedule_id]
        schedule.looked_until = max(schedule.looked_until, event.start)


def hold_edited(shop: Shop, event: HoldEdited) -> None:
    hold, at = shop.holds[event.hold_id], event.occurred_at
    if event.fields.end is not UNSET:
        _waive(shop, hold, waived=event.fields.end is not None)
    edit(hold, event.fields)
    hold.started = hold.started and hold.start <= at
    if hold.ended and (hold.end is None or hold.end > at):
        hold.ended = False
        hold.tool_id = None  # whatever it was made for is over: now it is that user's
        shop.open_holds.add(hold.id)
    shop.touched.holds.add(hold.id)


def hold_deleted(shop: Shop, event: HoldDeleted) -> None:
    if not event.seen_to:
        _waive(shop, shop.holds[event.hold_id], waived=True)
    _forget(shop, event.hold_id)


def hold_started(shop: Shop, event: HoldStarted) -> None:
    shop.holds[event.hold_id].started = True


def hold_ended(shop: Shop, event: HoldEnded) -> None:
    hold = shop.holds[event.hold_id]
    hold.ended = True
    if hold.end is None or hold.end > event.occurred_at:
        hold.end = event.occurred_at
    shop.open_holds.discard(hold.id)
    shop.touched.holds.add(hold.id)


def forget_holds_of(shop: Shop, machine_id: int) -> None:
    """Its holds and schedules go with a machine."""
    for hold in [each for each in shop.holds.values() if each.machine_id == machine_id]:
        _forget(shop, hold.id)
    for schedule in [each for each in shop.hold_schedules.values() if each.machine_id == machine_id]:
        del shop.hold_schedules[schedule.id]
        shop.touched.hold_schedules.add(schedule.id)


def _forget(shop: Shop, hold_id: int) -> None:
    del shop.holds[hold_id]
    shop.open_holds.discard(hold_id)
    shop.touched.holds.add(hold_id)


def _waive(shop: Shop, hold: Hold, *, waived: bool) -> None:
    """A person has decided about a hold that is there because of a tool: the ledger makes no other one."""
    tool = shop.tools.get(hold.tool_id) if hold.tool_id else None
    if tool is not None and not hold.ended:
        tool.hold_waived = waived


# Decisions


class CreateHold(Struct, kw_only=True, frozen=True):
    machine_id: int
    fields: HoldFields
    user_id: int | None = None


class EditHold(Struct, kw_only=True, frozen=True):
    hold_id: int
    fields: HoldFields


class DeleteHold(Struct, kw_only=True, frozen=True):
    hold_id: int


def create_hold(shop: Shop, command: CreateHold, now: float) -> Iterator[Event]:
    """Keeps a machine from running (`PUT /api/machines/{id}/holds`)."""
    if command.machine_id not in shop.machines:
        raise NotFound(f"there is no machine {command.machine_id}")
    fields = command.fields
    start = now if fields.start is UNSET else fields.start
    end = None if fields.end is UNSET else fields.end
    _check(start, end)
    created = HoldCreated(
        occurred_at=now,
        hold_id=next_hold_id(shop),
        machine_id=command.machine_id,
        start=start,
        end=end,
        reason=fields.reason or "",
        notes=fields.notes or "",
        user_id=command.user_id,
    )
    yield created
    yield from turn(shop.holds[created.hold_id], now)


def edit_hold(shop: Shop, command: EditHold, now: float) -> Iterator[Event]:
    """Changes a hold. Releasing a machine is giving its hold an `end` (`PATCH /api/machines/holds/{id}`)."""
    hold, fields = get_hold(shop, command.hold_id), command.fields
    _check(
        hold.start if fields.start is UNSET else fields.start,
        hold.end if fields.end is UNSET else fields.end,
    )
    yield from turn(hold, now)
    if changes := only_changes(fields, hold):
        yield HoldEdited(occurred_at=now, hold_id=hold.id, fields=changes)
        yield from turn(hold, now)


def delete_hold(shop: Shop, command: DeleteHold, now: float) -> Iterator[Event]:
    hold = get_hold(shop, command.hold_id)
    yield from turn(hold, now)
    yield HoldDeleted(occurred_at=now, hold_id=hold.id)


def get_hold(shop: Shop, hold_id: int) -> Hold:
    hold = shop.holds.get(hold_id)
    if hold is None:
        raise NotFound(f"there is no hold {hold_id}")
    return hold


def next_hold_id(shop: Shop) -> int:
    return shop.last_ids.get("hold", 0) + 1


def turn(hold: Hold, now: float) -> Iterator[Event]:
    """What has become of it by now. `hold` is the shop's own, and changes meanwhile."""
    while (at := turns_at(hold)) is not None and at <= now:
        if hold.started:
            yield HoldEnded(occurred_at=at, hold_id=hold.id, actor=SYSTEM)
        else:
            yield HoldStarted(occurred_at=at, hold_id=hold.id, actor=SYSTEM)


def turns_at(hold: Hold) -> float | None:
    """When it begins, or if it has begun, ends. UNIX seconds. Null: by itself it doesn't change any more."""
    if not hold.started:
        return hold.start
    return None if hold.ended else hold.end


def is_in_force(shop: Shop, machine_id: int) -> bool:
    """Whether the machine must not run, as far as it has been written down."""
    return any((hold := shop.holds[each]).started and hold.machine_id == machine_id for each in shop.open_holds)


def _check(start: float, end: float | None) -> None:
    if end is not None and end <= start:
        raise Invalid("a hold must end after its start", "end")
