"""What the ledger makes of facts and updates: IDs for names, events for facts."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct, field

from taktledger.domain import controls as c
from taktledger.domain.errors import Conflict, DomainError
from taktledger.domain.event import Event
from taktledger.domain.machines import ensure_machine, get_machine
from taktledger.domain.parts import FinishCycles, ProductionGapRecorded, finish_cycles
from taktledger.domain.programs import SelectProgram, select_program
from taktledger.domain.shop import Machine, Shop
from taktledger.shopfloor import facts as f
from taktledger.shopfloor.detector import DetectorState, RunTime, detect
from taktledger.shopfloor.profile import counter_in_use, profile_of
from taktledger.shopfloor.update import MachineUpdate, check

CLOCK_SECONDS = 5.0
"""Clocks that differ by more are alerted."""


class OldUpdate(DomainError):
    """An update from before the machine's last one. It changes nothing."""


class TakeFact(Struct, kw_only=True, frozen=True):
    """One fact from an edge."""

    machine: str
    """Source name."""
    fact: f.Fact
    occurred_at: float


class ReportUpdate(Struct, kw_only=True, frozen=True):
    """One update, posted for a machine that no edge reports (`POST /api/machines/{id}/update`)."""

    machine_id: int
    update: MachineUpdate


def take_fact(shop: Shop, command: TakeFact, now: float) -> Iterator[Event]:
    """A source name that the ledger doesn't know makes a machine. No well-formed fact is ever refused, and it keeps
    its time: a clock that is ahead is only marked, and alerted."""
    yield from ensure_machine(shop, command.machine, command.occurred_at)
    machine = shop.machines[shop.machine_ids[command.machine]]
    reported_at = command.occurred_at if command.occurred_at > now + CLOCK_SECONDS else None
    yield from events_of(shop, machine, command.fact, command.occurred_at, reported_at, now)


class UpdateInbox(Struct):
    """Takes the updates that come in at the endpoint. What it remembers beside the shop may be lost in a crash: it is
    live state (last contact) and a moment's run time."""

    runs: dict[int, RunTime] = field(default_factory=dict)

    def take(self, shop: Shop, command: ReportUpdate, now: float) -> Iterator[Event]:
        machine = get_machine(shop, command.machine_id)
        update = command.update
        check(update)
        if machine.reported_by_edge:
            raise Conflict(f"machine {machine.id} is reported by an edge, and takes no updates here")
        run = self.runs.get(machine.id) or RunTime(variables=dict(machine.control.variables))
        last = max((at for at in (run.seen_at, machine.last_fact_at) if at is not None), default=None)
        at, reported_at = _time_of(update, last, now)
        if last is not None and at < last:
            raise OldUpdate(f"this update is older than the last one of machine {machine.id}; it changes nothing")
        state, found = detect(profile_of(shop, machine), DetectorState(control=machine.control, run=run), update, at)
        for fact in found:
            yield from events_of(shop, machine, fact, at, reported_at, now)
        if update.success:
            self.runs[machine.id] = state.run

    def forget(self) -> None:
        """The shop was loaded anew: what was remembered beside it may be ahead of it."""
        self.runs.clear()


def _time_of(update: MachineUpdate, last: float | None, now: float) -> tuple[float, float | None]:
    """When the update was made, and the time it reported if that can't be it."""
    if update.timestamp is None:
        return max(now, last or now), None
    if update.timestamp > now + CLOCK_SECONDS:
        return max(now, last or now), update.timestamp
    return update.timestamp, None


def events_of(
    shop: Shop, machine: Machine, fact: f.Fact, at: float, reported_at: float | None, now: float
) -> Iterator[Event]:
    """Each fact makes at least one event, so that the ledger holds its sequence."""
    on: dict[str, Any] = {"machine_id": machine.id, "occurred_at": at, "reported_at": reported_at}
    match fact:
        case f.BaselineSeen():
            yield from _gaps_before(shop, machine, fact, at, reported_at)
            yield c.MachineBaselineRead(**on, counters=fact.counters)
        case f.CountersSeen():
            yield c.MachineCountersRead(**on, counters=fact.counters)
        case f.CyclesSeen():
            finished = FinishCycles(
                machine_id=machine.id,
                program=fact.program,
                cycles=fact.cycles,
                counters=fact.counters,
                tools_seen=fact.tools_seen,
                tool_seconds=fact.tool_seconds,
                variables=fact.variables,
                occurred_at=at,
                reported_at=reported_at,
            )
            yield from finish_cycles(shop, finished, now)
        case f.GapSeen():
            yield ProductionGapRecorded(
                **on,
                counter=fact.counter,
                gap_from=fact.gap_from,
                from_reading=fact.from_reading,
                to_reading=fact.to_reading,
                why=fact.why,
                counters=fact.counters,
            )
        case f.ReportsLost():
            yield c.MachineReportsLost(**on, gap_from=fact.gap_from, why=fact.why, before=fact.before, after=fact.after)
        case f.ProgramSeen():
            selected = SelectProgram(
                machine_id=machine.id,
                program=fact.program,
                program_name=fact.program_name,
                tools_seen=fact.tools_seen,
                occurred_at=at,
                reported_at=reported_at,
            )
            yield from select_program(shop, selected, now)
        case f.StateSeen():
            yield c.MachineStateChanged(**on, changes=fact.changes)
        case f.VariablesSeen():
            yield c.MachineVariablesChanged(**on, variables=fact.variables)
        case f.RunTimeSeen():
            yield c.ToolRunTimeMeasured(**on, tool_seconds=fact.tool_seconds)
        case f.HoldOutputWritten():
            yield c.MachineHoldOutputWritten(**on, held=fact.held)
        case f.HoldOutputFailed():
            yield c.MachineHoldOutputFailed(**on, held=fact.held, error=fact.error)
        case f.FactSetAside():
            yield c.MachineFactSetAside(**on, fact=fact.fact, error=fact.error)


def _gaps_before(
    shop: Shop, machine: Machine, baseline: f.BaselineSeen, at: float, reported_at: float | None
) -> Iterator[Event]:
    """A new spool starts counting elsewhere than the ledger stands: what was made in between nobody knows."""
    in_use = counter_in_use(profile_of(shop, machine), machine.control.program)
    last, now = machine.control.counters.get(in_use), baseline.counters.get(in_use)
    if last is not None and now is not None and last.value != now.value:
        yield ProductionGapRecorded(
            occurred_at=at,
            reported_at=reported_at,
            machine_id=machine.id,
            counter=in_use,
            gap_from=machine.last_fact_at,
            from_reading=last.value,
            to_reading=now.value,
            why="new source",
            counters={in_use: now},
        )
