"""A month of history: what the edge and the people of the demo shop would have told the ledger until now.

The same controls as on the live floor work in shifts, eight times slower. The detector makes the facts.
"""

from collections.abc import Callable, Iterable, Iterator
from heapq import merge
from random import Random
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from taktledger.demo.control import ACTIVE, STOPPED, Control, Rhythm
from taktledger.demo.machines import DIAMETER, MACHINES, MachineSpec
from taktledger.demo.people import wishes
from taktledger.demo.shifts import shifts
from taktledger.domain.event import Event
from taktledger.domain.shop import ControlAlarm, Shop
from taktledger.shopfloor.detector import DetectorState, detect
from taktledger.shopfloor.facts import CyclesSeen, Fact, ProgramSeen
from taktledger.shopfloor.ingest import TakeFact, take_fact
from taktledger.shopfloor.profile import PART_COUNT, Profile
from taktledger.shopfloor.update import MachineUpdate

RHYTHM = Rhythm(pace=8.0, batch=(20, 90), cycles_per_reset=1300)
DAY = 24 * 3600.0
FIRST_COUNTS = {"mill-1": 48_211, "mill-2": 61_900, "lathe-1": 310, "mill-5ax": 7_044}
"""Part counters when the history begins: mill-2 reaches the end of its 16 bits on the way."""


class HistoryStep(Struct, frozen=True, kw_only=True):
    """One command to the ledger: a fact of a machine, or (without a source) what a user wanted."""

    at: float
    """When the ledger recorded it. UNIX seconds."""
    decide: Callable[[Shop, Any, float], Iterable[Event]]
    command: Struct
    source: str | None = None
    sequence: int = 0


def history(now: float, seed: int, days: int = 30) -> Iterator[HistoryStep]:
    """The last `days` until `now` (UNIX seconds), in order of time. The same seed and time, the same history."""
    start = now - days * DAY
    told = []
    for machine in MACHINES:
        facts = list(_Edge(machine, Random(f"{seed} history {machine.source_name}")).facts(start, now))
        told += [facts, list(_people(machine, facts, start, now))]
    return merge(*told, key=lambda step: step.at)


def last_counts(shop: Shop) -> dict[str, int]:
    """Where the ledger stands: the counters with which a live floor goes on without a gap. By source name."""
    return {
        machine.source_name: counter.value
        for machine in shop.machines.values()
        if (counter := machine.control.counters.get(PART_COUNT)) is not None
    }


def _people(machine: MachineSpec, facts: list[HistoryStep], start: float, now: float) -> Iterator[HistoryStep]:
    seen: dict[str, float] = {}
    for step in facts:
        if isinstance(step.command, TakeFact) and isinstance(step.command.fact, ProgramSeen):
            seen.setdefault(step.command.fact.program, step.at)
    for at, decide, command in wishes(machine, start, now, seen, RHYTHM.pace):
        yield HistoryStep(at=at, decide=decide, command=command)


class _Edge:
    """Watches one control through its shifts, and puts down what the detector makes of it.

    It looks when something other than the spindle's start and stop or the tool changed: a month of these would be most
    of the ledger. What a tool cut is added to each cycle, as an edge that looks twice a second would have measured it.
    """

    def __init__(self, machine: MachineSpec, random: Random) -> None:
        self._machine = machine
        self._random = random
        self._control = Control(machine, random, RHYTHM, FIRST_COUNTS[machine.source_name])
        self._profile = Profile(variables=[DIAMETER] if machine.watches_diameter else [])
        self._state = DetectorState()
        self._tool_seconds: dict[int, float] = {}
        self._sequence = 0

    def facts(self, start: float, now: float) -> Iterator[HistoryStep]:
        control = self._control
        yield from self._look(start, STOPPED)
        for begin, end in shifts(self._random, start, now, self._machine.load):
            at, looked_at = begin, None
            while at < end:
                seconds = control.move()
                # Loading a part is part of the work.
                state = ACTIVE if control.cycle_state == STOPPED else control.cycle_state
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
            program_name=control.program.filename,
            alarms=alarms,
            common_vars=dict(control.variables),
            feed_rate_override=control.feed_rate_override,
            tools_seen=list(self._tool_seconds),
        )
        self._state, facts = detect(self._profile, self._state, update, at, self._machine.counter_bits)
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
