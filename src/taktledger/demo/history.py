"""A month of history: what the edge and the people of the demo shop would have told the ledger until now.

The same controls as on the live floor work in shifts, eight times slower. The detector makes the facts.
"""

from collections.abc import Callable, Iterable, Iterator
from heapq import merge
from random import Random

from msgspec import Struct
from msgspec.structs import replace

from taktledger.demo.control import ACTIVE, STOPPED, Control, Kept, Rhythm
from taktledger.demo.days import days_of
from taktledger.demo.machines import MACHINES
from taktledger.demo.people import HOUR, Told, Wish, in_order
from taktledger.demo.service import services, set_up_service, tank_open
from taktledger.demo.setup import DONE, set_up_machine, set_up_people
from taktledger.demo.setup_tools import set_up_inventory, set_up_tools
from taktledger.demo.shifts import shifts
from taktledger.demo.specs import DIAMETER, PROGRAM_SELECT, MachineSpec
from taktledger.demo.stock import stock_days
from taktledger.demo.tool_days import mornings, tool_days
from taktledger.domain.event import Event
from taktledger.domain.shop import ControlAlarm, Shop
from taktledger.shopfloor.detector import DetectorState, detect
from taktledger.shopfloor.facts import CyclesSeen, Fact
from taktledger.shopfloor.ingest import TakeFact, take_fact
from taktledger.shopfloor.profile import PART_COUNT, Profile, ProgramProfile
from taktledger.shopfloor.update import MachineUpdate

RHYTHM = Rhythm(pace=8.0, batch=(80, 260), changeover=(110, 300), cycles_per_reset=1300)
DAYS = 30
DAY = 24 * HOUR
LONG_STAND = 4 * HOUR
"""After that the spindle is warmed up."""
FIRST_COUNTS = {"mill-1": 48_211, "mill-2": 61_900, "lathe-1": 310, "mill-5ax": 7_044}
"""Part counters when the history begins: mill-2 reaches the end of its 16 bits on the way."""


class HistoryStep(Struct, frozen=True, kw_only=True):
    """One command to the ledger: a fact of a machine, or (without a source) what somebody wanted."""

    at: float
    """When it happened. UNIX seconds."""
    decide: Callable[..., Iterable[Event]]
    command: Struct
    source: str | None = None
    sequence: int = 0
    user: str | None = None
    """Who wanted it."""
    reads_rows: bool = False
    """It looks for a part or a replacement: `decide` takes a `history`."""
    images: dict[str, bytes] = {}
    """SHA-256 -> the picture that the command names by it."""


def history(start: float, now: float, seed: int) -> Iterator[HistoryStep]:
    """All from `start` until `now` (UNIX seconds), in order of time. The same seed and times, the same history.

    A later `now` makes a longer history that begins in the same way, so one that was cut off can be written to its end.
    """
    shop_wide = [
        *set_up_people(start),
        *set_up_inventory(start),
        *stock_days(start, now),
        *mornings(start, now),
        *services(start, now),
        *tank_open(MACHINES[1], start),
    ]
    people = [_wanted(wish) for wish in in_order(shop_wide, now)]
    told: list[Iterable[HistoryStep]] = [people]
    for machine in MACHINES:
        facts = list(_Edge(machine, Random(f"{seed} history {machine.source_name}")).facts(start, now))
        told += [facts, [_wanted(wish) for wish in _wishes(machine, facts, start, now, seed)]]
    return merge(*told, key=lambda step: step.at)


def last_readings(shop: Shop) -> dict[str, Kept]:
    """Where the ledger stands: the counters and processes with which a live floor goes on without a gap.

    By source name.
    """
    found = {}
    for machine in shop.machines.values():
        counter = machine.control.counters.get(PART_COUNT)
        process = shop.processes.get(machine.last_process_id) if machine.last_process_id else None
        if counter is not None:
            found[machine.source_name] = Kept(counter=counter.value, process=process.name if process else None)
    return found


def _wishes(machine: MachineSpec, facts: list[HistoryStep], start: float, now: float, seed: int) -> list[Wish]:
    told: list[Told] = [(step.at, step.command.fact) for step in facts if isinstance(step.command, TakeFact)]
    random = Random(f"{seed} people {machine.source_name}")
    found = [
        *set_up_machine(machine, start, RHYTHM.pace),
        *set_up_tools(machine, start),
        *set_up_service(machine, start),
        *days_of(machine, told, start, now, random),
        *tool_days(machine, told, start, now, seed),
    ]
    return in_order(found, now)


def _wanted(wish: Wish) -> HistoryStep:
    return HistoryStep(
        at=wish.at,
        decide=wish.decide,
        command=wish.command,
        user=wish.user,
        reads_rows=wish.reads_rows,
        images=wish.images,
    )


class _Edge:
    """Watches one control through its shifts, and puts down what the detector makes of it.

    It looks when something other than the spindle's start and stop or the tool changed: a month of these would be most
    of the ledger. What a tool cut is added to each cycle, as an edge that looks twice a second would have measured it.
    """

    def __init__(self, machine: MachineSpec, random: Random) -> None:
        self._machine = machine
        self._random = random
        self._control = Control(machine, random, RHYTHM, FIRST_COUNTS[machine.source_name])
        self._state = DetectorState()
        self._tool_seconds: dict[int, float] = {}
        self._sequence = 0
        self._before, self._after = Profile(), _profile(machine)
        """Until the planner has said what the programs and variables are, and from then on."""
        self._planned_at = 0.0

    def facts(self, start: float, now: float) -> Iterator[HistoryStep]:
        control = self._control
        self._planned_at = start + DONE
        yield from self._look(start, STOPPED)
        at = start - LONG_STAND
        for begin, end in shifts(self._random, start, now, self._machine.load):
            if begin - at >= LONG_STAND:
                control.get_cold()
            at, looked_at = max(begin, at), None
            # A cycle that has begun is finished after the end of the shift.
            while at < now and (at < end or control.cycle_state != STOPPED):
                seconds = control.move()
                # Loading a part is part of the work.
                state = ACTIVE if control.cycle_state == STOPPED and not control.unattended else control.cycle_state
                shown = (control.counter, control.program, control.alarm, control.feed_rate_override, state)
                if shown != looked_at:
                    yield from self._look(at, state)
                    looked_at = shown
                if control.cycle_state == ACTIVE:
                    tool = control.active_tool
                    self._tool_seconds[tool] = self._tool_seconds.get(tool, 0.0) + seconds
                at += seconds
            if at < now:
                yield from self._look(at, STOPPED)

    def _look(self, at: float, cycle_state: str) -> Iterator[HistoryStep]:
        control = self._control
        alarms = [ControlAlarm(alarm_code=each.code, alarm_type=each.text) for each in (control.alarm,) if each]
        update = MachineUpdate(
            part_count=control.counter,
            cycle_state=cycle_state,
            estopped=control.estopped,
            program_name=control.program_name,
            alarms=alarms,
            common_vars=dict(control.variables),
            feed_rate_override=control.feed_rate_override,
            tools_seen=list(self._tool_seconds),
        )
        profile = self._before if at < self._planned_at else self._after
        self._state, facts = detect(profile, self._state, update, at, self._machine.counter_bits)
        for fact in facts:
            self._sequence += 1
            name = self._machine.source_name
            yield HistoryStep(
                at=at,
                decide=take_fact,
                command=TakeFact(machine=name, fact=self._with_tool_seconds(fact), occurred_at=at),
                source=f"demo-history/{name}",
                sequence=self._sequence,
            )

    def _with_tool_seconds(self, fact: Fact) -> Fact:
        if not isinstance(fact, CyclesSeen):
            return fact
        seconds, self._tool_seconds = self._tool_seconds, {}
        return replace(fact, tool_seconds={tool: round(each, 3) for tool, each in seconds.items()})


def _profile(machine: MachineSpec) -> Profile:
    """What the ledger tells an edge of this machine when the planner is done."""
    return Profile(
        variables=[DIAMETER] if machine.watches_diameter else [],
        program_cv=PROGRAM_SELECT if machine.main_program is not None else None,
        programs={
            each.filename: ProgramProfile(load_by_var_value=each.selected_by)
            for each in machine.programs
            if each.selected_by is not None
        },
    )
