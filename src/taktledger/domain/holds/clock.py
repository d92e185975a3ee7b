"""The clock's part: schedules fire, holds begin and end. Each once, in order, with its own time, however late."""

from collections.abc import Iterator
from functools import lru_cache
from heapq import heapify, heappop, heappush
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

from msgspec import Struct

from taktledger.domain.event import SYSTEM, Event
from taktledger.domain.holds.hold import HoldCreated, next_hold_id, turn, turns_at
from taktledger.domain.holds.recurrence import HOUR, Recurrence, firings, next_firing, recurrence_of
from taktledger.domain.shop import Hold, HoldSchedule, Shop

AHEAD_SECONDS = 7 * 24 * 3600.0
"""So far ahead an edge knows what the schedules will do: it goes by that while the ledger is away."""
AT_ONCE = 1_000
"""Events."""
HOLD, SCHEDULE = 0, 1
"""What turns. Of the same moment, a hold that ends comes before one that a schedule makes."""


class LookAtHolds(Struct, kw_only=True, frozen=True):
    """Write down what has become due."""


def look_at_holds(shop: Shop, command: LookAtHolds, now: float) -> Iterator[Event]:
    """What was due until now and is not written yet: so much of it at a time that others get their turn."""
    return islice(catch_up(shop, now), AT_ONCE)


def catch_up(shop: Shop, now: float) -> Iterator[Event]:
    """All that was due until now and is not written yet, in order."""
    due = [turn for turn in _turns(shop) if turn[0] <= now]
    heapify(due)
    while due:
        at, kind, which = heappop(due)
        if kind == HOLD:
            yield from turn(shop.holds[which], at)
            following = [(turns_at(shop.holds[which]), HOLD, which)]
        else:
            schedule, hold_id = shop.hold_schedules[which], next_hold_id(shop)
            yield _fired(schedule, hold_id, at)
            following = [(at, HOLD, hold_id), (next_firing(*_rule(shop, schedule), at), SCHEDULE, which)]
        for after, kind, which in following:
            if after is not None and after <= now:
                heappush(due, (after, kind, which))


def next_turn(shop: Shop) -> float | None:
    """When the next hold begins or ends, or the next schedule fires. UNIX seconds."""
    return min((at for at, _, _ in _turns(shop)), default=None)


def hold_times(shop: Shop, machine_id: int, now: float) -> list[tuple[float, float | None]]:
    """When a machine must not run, from now on: its holds, and what its schedules will do. (start, end)"""
    holds = [shop.holds[each] for each in shop.open_holds]
    if now < shop.recorded_at:  # the clock was set back: what was over may be to come
        holds = list(shop.holds.values())
    found = {(_start(hold, now), hold.end) for hold in holds if hold.machine_id == machine_id}
    for schedule in shop.hold_schedules.values():
        if schedule.machine_id == machine_id:
            until = (now + AHEAD_SECONDS) // HOUR * HOUR + HOUR  # the same for an hour, so that it is kept
            coming = _coming(*_rule(shop, schedule), schedule.looked_until, until)
            found |= {(at, _end(schedule, at)) for at in coming if at <= now + AHEAD_SECONDS}
    ahead = [(start, end) for start, end in found if end is None or end > now]
    return sorted(ahead, key=lambda each: (each[0], each[1] or 0.0))


def _start(hold: Hold, now: float) -> float:
    """0 for one that has begun: the clock of whoever goes by it may be behind. A schedule's holds go by the calendar,
    also when the ledger's clock was ahead for a while."""
    of_schedule = hold.automatic and hold.tool_id is None
    return 0.0 if hold.started and not hold.ended and (hold.start <= now or not of_schedule) else hold.start


@lru_cache(maxsize=4096)
def _coming(rule: Recurrence, created: float, zone: ZoneInfo, after: float, until: float) -> tuple[float, ...]:
    return tuple(takewhile(lambda at: at <= until, firings(rule, created, zone, after)))


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


def _fired(schedule: HoldSchedule, hold_id: int, at: float) -> Event:
    return HoldCreated(
        occurred_at=at,
        actor=SYSTEM,
        hold_id=hold_id,
        machine_id=schedule.machine_id,
        start=at,
        end=_end(schedule, at),
        reason=schedule.reason,
        schedule_id=schedule.id,
    )
