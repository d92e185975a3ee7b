"""Holds: when a schedule fires next, and the look at the clock that the server takes four times a second."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from dateutil import rrule

from benchmarks.measure import Figure, in_turn
from taktledger.domain.holds.clock import next_turn
from taktledger.domain.holds.recurrence import Recurrence, next_firing
from taktledger.domain.shop import Hold, HoldSchedule, Shop

BERLIN = ZoneInfo("Europe/Berlin")
CREATED = datetime(2016, 3, 1, 10, tzinfo=BERLIN)
YEARS, MANY, FEW, ROUNDS = 10, 300, 30, 7
SCHEDULES, HOLDS = 200, 1_000


def hold_schedules(scratch: Path) -> list[Figure]:
    daily = Recurrence(frequency="D", interval=3, time_of_day="05:30")
    created = CREATED.timestamp()
    later = [created + YEARS * 365 * 86_400 + day * 86_400 for day in range(MANY)]

    def ours() -> None:
        next_firing.cache_clear()
        for after in later:
            next_firing(daily, created, BERLIN, after)

    def counted() -> None:
        begin = CREATED.replace(tzinfo=None, hour=5, minute=30)
        for after in later[:FEW]:
            moment = datetime.fromtimestamp(after, BERLIN).replace(tzinfo=None)
            rrule.rrule(rrule.DAILY, interval=3, dtstart=begin, cache=False).after(moment)

    rates = in_turn({"ours": lambda: _rate(ours, MANY), "counted": lambda: _rate(counted, FEW)}, ROUNDS)
    what, to = f"Next time of a schedule that is {YEARS} years old", "rrule, counting from its creation"
    return [Figure(what=what, ours=rates["ours"], compared_to=to, other=rates["counted"]), *_looks()]


def _looks() -> list[Figure]:
    shop = Shop()
    shop.options.timezone = "Europe/Berlin"
    now = CREATED + timedelta(days=YEARS * 365)
    for number in range(1, SCHEDULES + 1):
        shop.hold_schedules[number] = HoldSchedule(
            id=number,
            machine_id=1 + number % 20,
            name="Service",
            frequency="W",
            indices=[1 + number % 7],
            months=4095,
            weekdays=127,
            time_of_day="05:30",
            created=CREATED.timestamp(),
            looked_until=now.timestamp(),
        )
    for number in range(1, HOLDS + 1):
        end = now.timestamp() + number
        shop.holds[number] = Hold(id=number, machine_id=1 + number % 20, start=1.0, end=end, started=True)
        shop.open_holds.add(number)

    def anew() -> None:
        next_firing.cache_clear()
        next_turn(shop)

    def again() -> None:
        for _ in range(FEW):
            next_turn(shop)

    rates = in_turn({"ours": lambda: _rate(again, FEW), "anew": lambda: _rate(anew, 1)}, ROUNDS)
    what, to = f"A look at what is due: {SCHEDULES} schedules, {HOLDS:,} holds", "asking each schedule anew"
    return [Figure(what=what, ours=rates["ours"], compared_to=to, other=rates["anew"])]


def _rate(work: Callable[[], None], count: int) -> float:
    began = time.perf_counter()
    work()
    return count / (time.perf_counter() - began)
