"""Holds of the demo shop: each machine is serviced once a week, before the early shift, and must not run meanwhile."""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from taktledger.demo.machines import MACHINES
from taktledger.demo.people import DAY, HOUR, LATE, MINUTE, PLANNER, Wish
from taktledger.demo.requests import machine_named
from taktledger.demo.setup import DONE
from taktledger.demo.specs import MachineSpec
from taktledger.domain.event import Event
from taktledger.domain.holds.clock import LookAtHolds, look_at_holds
from taktledger.domain.holds.hold import CreateHold, EditHold, HoldFields, create_hold, edit_hold
from taktledger.domain.holds.recurrence import ALL_MONTHS, ALL_WEEKDAYS, Frequency
from taktledger.domain.holds.schedule import CreateHoldSchedule, create_hold_schedule
from taktledger.domain.shop import Shop
from taktledger.domain.users import user_named

SERVICE_HOUR, SERVICE_MINUTES = 5, 35.0
"""UTC; the early shift begins at six."""
QUARTERS = 1 + 8 + 64 + 512
"""January, April, July and October."""
SUNDAY = 64
TANK_OPEN_DAY = 12
"""A night on which nobody may start a machine by mistake."""
OPENED, CLOSED = 22.3 * HOUR, 29.6 * HOUR


class PlanService(Struct, frozen=True, kw_only=True):
    machine: str
    name: str
    reason: str
    frequency: Frequency
    index: int
    months: int = ALL_MONTHS
    weekdays: int = ALL_WEEKDAYS
    minutes: float = SERVICE_MINUTES


class HoldMachine(Struct, frozen=True, kw_only=True):
    machine: str
    reason: str
    user: str


class ReleaseMachine(Struct, frozen=True, kw_only=True):
    """Ends the holds that people have made on a machine."""

    machine: str
    notes: str


def set_up_service(machine: MachineSpec, start: float) -> Iterator[Wish]:
    """One weekday for each machine, and for the first one a longer service in each quarter."""
    number = MACHINES.index(machine)
    at = start + DONE + number * MINUTE
    weekly = PlanService(
        machine=machine.source_name,
        name="Weekly service",
        reason="Weekly service: chips out, coolant, way oil, filter mats",
        frequency="W",
        index=number + 1,
    )
    yield Wish(at, PLANNER, plan_service, weekly)
    if number == 0:
        quarterly = PlanService(
            machine=machine.source_name,
            name="Quarterly geometry check",
            reason="Geometry check with the ball bar",
            frequency="M",
            index=1,
            months=QUARTERS,
            weekdays=ALL_WEEKDAYS - SUNDAY,
            minutes=55.0,
        )
        yield Wish(at + 30, PLANNER, plan_service, quarterly)


def services(start: float, now: float) -> Iterator[Wish]:
    """When the clock has something to write down: the hour of service, each morning."""
    midnight = start - start % DAY
    while midnight < now:
        begin = midnight + SERVICE_HOUR * HOUR
        for at in (begin, begin + SERVICE_MINUTES * MINUTE):
            if start < at < now:
                yield Wish(at, None, look_at_holds, LookAtHolds())
        midnight += DAY


def tank_open(machine: MachineSpec, start: float) -> Iterator[Wish]:
    """The coolant tank of one machine is open for a night: whoever comes first must not start it."""
    evening = start - start % DAY + TANK_OPEN_DAY * DAY
    name = machine.source_name
    held = HoldMachine(machine=name, reason="Coolant tank is open, do not start", user=LATE)
    yield Wish(evening + OPENED, LATE, hold_machine, held)
    yield Wish(
        evening + CLOSED, PLANNER, release_machine, ReleaseMachine(machine=name, notes="Tank cleaned and filled.")
    )


def plan_service(shop: Shop, command: PlanService, now: float) -> list[Event]:
    planned = CreateHoldSchedule(
        machine_id=machine_named(shop, command.machine).id,
        name=command.name,
        reason=command.reason,
        frequency=command.frequency,
        indices=[command.index],
        months=command.months,
        weekdays=command.weekdays,
        time_of_day=f"{SERVICE_HOUR:02}:00",
        duration=command.minutes,
    )
    return create_hold_schedule(shop, planned, now)


def hold_machine(shop: Shop, command: HoldMachine, now: float) -> Iterable[Event]:
    user = user_named(shop, command.user)
    held = CreateHold(
        machine_id=machine_named(shop, command.machine).id,
        fields=HoldFields(reason=command.reason),
        user_id=user.id if user else None,
    )
    return create_hold(shop, held, now)


def release_machine(shop: Shop, command: ReleaseMachine, now: float) -> Iterator[Event]:
    machine = machine_named(shop, command.machine)
    for hold in [shop.holds[each] for each in sorted(shop.open_holds)]:
        if hold.machine_id == machine.id and not hold.automatic:
            released = EditHold(hold_id=hold.id, fields=HoldFields(end=now, notes=command.notes))
            yield from edit_hold(shop, released, now)
