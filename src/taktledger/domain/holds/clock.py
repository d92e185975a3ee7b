"""The clock's part: schedules fire, holds begin and end. Each once, in order, with its own time, however late."""

from collections.abc import Iterator
from itertools import takewhile
from zoneinfo import ZoneInfo

from msgspec import Struct

from taktledger.domain.event import Event
from taktledger.domain.holds.hold import HoldCreated, next_hold_id, turn, turns_at
from taktledger.domain.holds.recurrence import Recurrence, firings, next_firing, recurrence_of
from taktledger.domain.shop import HoldSchedule, Shop

AHEAD_SECONDS = 7 * 24 * 3600.0
"""So far ahead an edge knows what the schedules will do: it goes by that while the ledger is away."""
HOLD, SCHEDULE = 0, 1
"""What turns. Of the same moment, a hold that ends comes before one that a schedule makes."""


class LookAtHolds(Struct, kw_only=True, frozen=True):
    """Write down what has become due."""


def look_at_holds(shop: Shop, command: LookAtHolds, now: float) -> Iterator[Event]:
    """Everything that was due until now and is not written yet."""
    while (due := min(_turns(shop), default=None)) is not None and due[0] <= now:
        at, kind, which = due
        if kind == HOLD:
            yield from turn(shop.holds[which], at)
        else:
            yield _fired(shop, shop.hold_schedules[which], at)


def next_turn(shop: Shop) -> float | None:
    """When the next hold begins or ends, or the next schedule fires. UNIX seconds."""
    return min((at for at, _, _ in _turns(shop)), default=None)


def hold_times(shop: Shop, machine_id: int, now: float) -> list[tuple[float, float | None]]:
    """When a machine must not run, from now on: its holds, and what its schedules will do. (start, end)

    One that has begun begins at 0: the clock of whoever goes by it may be behind.
    """
    found = {
        (0.0 if hold.started else hold.start, hold.end)
        for each in shop.open_holds
        if (hold := shop.holds[each]).machine_id == machine_id
    }
    for schedule in shop.hold_schedules.values():
        if schedule.machine_id == machine_id:
            coming = firings(*_rule(shop, schedule), schedule.looked_until)
            soon = takewhile(lambda at: at <= now + AHEAD_SECONDS, coming)
            found |= {(at, _end(schedule, at)) for at in soon}
    return sorted(
        (each for each in found if each[1] is None or each[1] > now), key=lambda each: (each[0], each[1] or 0)
    )


def _turns(shop: Shop) -> Iterator[tuple[float, int, int]]:
    """What is next of each hold and schedule: when, which kind, its ID."""
    for hold_id in shop.open_holds:
        if (at := turns_at(shop.holds[hold_id])) is not None:
            yield at, HOLD, hold_id
    for schedule in shop.hold_schedules.values():
        if (at := next_firing(*_rule(shop, schedule), schedule.looked_until)) is not None:
            yield at, SCHEDULE, schedule.id


def _rule(shop: Shop, schedule: HoldSchedule) -> tuple[Recurrence, float, ZoneInfo]:
    return recurrence_of(schedule), schedule.created, ZoneInfo(shop.options.timezone)


def _end(schedule: HoldSchedule, at: float) -> float | None:
    return None if schedule.duration is None else at + schedule.duration * 60


def _fired(shop: Shop, schedule: HoldSchedule, at: float) -> Event:
    return HoldCreated(
        occurred_at=at,
        hold_id=next_hold_id(shop),
        machine_id=schedule.machine_id,
        start=at,
        end=_end(schedule, at),
        reason=schedule.reason,
        schedule_id=schedule.id,
    )
