"""Controls: what machines say. Every event here was caused by a machine's control, or by its silence or that of its
edge (`docs/machines.md`)."""

from collections.abc import Iterable, Iterator, Mapping

from msgspec import UNSET, Struct, UnsetType

from taktledger.domain.event import Event
from taktledger.domain.shop import ControlAlarm, Counter, HoldFailure, Machine, Process, Shop
from taktledger.domain.values import Int, Line, Number, set_fields

RUNNING_STATES = ("ACTIVE", "STARTED", "RUNNING", "Printing")
"""Cycle states that count as running, in any case, where a machine names no others."""
ROUNDING_SECONDS = 0.0005
"""By so much a run time may be more where it is counted: in whole milliseconds."""

# Events


class ControlChanges(Struct, kw_only=True, frozen=True, omit_defaults=True):
    """What of a control's state changed. Unset: as before."""

    cycle_state: Line | UnsetType = UNSET
    estopped: bool | UnsetType = UNSET
    feed_rate_override: Number | UnsetType = UNSET
    active_tool: Int | UnsetType = UNSET
    alarms: list[ControlAlarm] | UnsetType = UNSET


class MachineEvent(Event, frozen=True, kw_only=True):
    """An event of one machine."""

    machine_id: int

    @property
    def stream(self) -> str:
        return f"machine-{self.machine_id}"


class MachineBaselineRead(MachineEvent, frozen=True, kw_only=True):
    """Counters of a control were read for the first time: counting starts here."""

    counters: dict[str, Counter]


class MachineCountersRead(MachineEvent, frozen=True, kw_only=True):
    """Counters moved without making a cycle: they are not the one in use, or a glitch was taken back."""

    counters: dict[str, Counter]


class MachineStateChanged(MachineEvent, frozen=True, kw_only=True):
    """A control's state, alarms, active tool or override changed."""

    changes: ControlChanges


class MachineVariablesChanged(MachineEvent, frozen=True, kw_only=True):
    """Watched variables of a control have new values."""

    variables: dict[int, float]


class ToolRunTimeMeasured(MachineEvent, frozen=True, kw_only=True):
    """Tools cut for so long, in a cycle that has not finished yet."""

    tool_seconds: dict[int, float]
    """Location -> seconds that it was the active tool while the control was running."""


class MachineFactSetAside(MachineEvent, frozen=True, kw_only=True):
    """An edge had a fact that the ledger refused. It is kept at the edge."""

    fact: str
    error: str


class MachineReportsLost(MachineEvent, frozen=True, kw_only=True):
    """A machine said things that nobody heard, from `gap_from` until this event's time. They are not guessed."""

    gap_from: float | None
    """UNIX seconds: when it was last heard before; null if nobody knows."""
    why: str
    """`overrun`: more was said than the machine's buffer holds. `restart`: whoever keeps the counters started anew.
    `agent restart`: an MTConnect agent did, and its buffer is empty. `disk`: the edge could not write. `damaged`: what
    the edge had written can't be read."""
    before: dict[str, int] = {}
    """Readings of the counters before."""
    after: dict[str, int] = {}
    """Readings after. What they grew by was counted; what else happened is not known."""


class MachineHoldOutputWritten(MachineEvent, frozen=True, kw_only=True):
    """An edge told a control to hold, or to run again, and its hold output reads back as it was written."""

    held: bool


class MachineHoldOutputFailed(MachineEvent, frozen=True, kw_only=True):
    """An edge can't tell a control to hold, or to run again."""

    held: bool
    """What it should have been told."""
    error: str


class MachineEdgeLost(MachineEvent, frozen=True, kw_only=True):
    """A control should be told to hold, or to run again, and the edge that would tell it is not heard."""

    held: bool


class MachineEdgeLossEnded(MachineEvent, frozen=True, kw_only=True):
    """The edge is heard again that was lost, or nobody waits for it any more."""


class MachineFellSilent(MachineEvent, frozen=True, kw_only=True):
    """Its edge has had no answer from the machine for longer than the option `machine_silent_seconds`."""

    last_contact: float | None
    """UNIX seconds; null if it has never answered."""


class MachineSilenceEnded(MachineEvent, frozen=True, kw_only=True):
    """A machine that had fallen silent answers again, or nobody waits for it any more."""


class MachineClockDiffered(MachineEvent, frozen=True, kw_only=True):
    """The clock of a machine's edge differs from the ledger's by more than 5 seconds. Its facts keep their time."""

    difference: float
    """Seconds by which the edge's clock is ahead."""


class MachineClockRighted(MachineEvent, frozen=True, kw_only=True):
    """The clock of a machine's edge agrees with the ledger's again."""


# What they do


def counters_read(shop: Shop, event: MachineBaselineRead | MachineCountersRead) -> None:
    machine = heard(shop, event)
    machine.control.counters.update(event.counters)


def state_changed(shop: Shop, event: MachineStateChanged) -> None:
    machine = heard(shop, event)
    set_fields(machine.control, event.changes)
    if event.changes.active_tool is not UNSET:
        note_tools_used(shop, machine.loaded_process_id, [event.changes.active_tool], event.occurred_at)


def note_tools_used(shop: Shop, process_id: int | None, locations: Iterable[int], at: float) -> None:
    """Locations that no assembly of the loaded process fills are remembered, with when they were used last."""
    if process_id is None:
        return
    process = shop.processes[process_id]
    used = process.unassigned_tools_used
    if process.assembly_ids:
        filled = {shop.assemblies[each].location for each in process.assembly_ids}
        locations = [each for each in locations if each not in filled]
    newer = [each for each in locations if at > used.get(each, 0.0)]
    if newer:
        used.update(dict.fromkeys(newer, at))
        shop.touched.processes.add(process.id)


def variables_changed(shop: Shop, event: MachineVariablesChanged) -> None:
    heard(shop, event).control.variables.update(event.variables)


def run_time_measured(shop: Shop, event: ToolRunTimeMeasured) -> None:
    machine = heard(shop, event)
    if machine.loaded_process_id is not None:
        wear_tools(shop, shop.processes[machine.loaded_process_id], event.tool_seconds, event.occurred_at)


def wear_tools(shop: Shop, process: Process, tool_seconds: Mapping[int, float], at: float) -> None:
    """The tools of a process have more behind them. (How much each, is rows: one number for all must do here.)"""
    if tool_seconds:  # each is rounded to milliseconds where it is counted
        process.tool_seconds += sum(tool_seconds.values()) + ROUNDING_SECONDS * len(tool_seconds)
    shop.touched.worn.add(process.id if at > shop.tooled_at else 0)


def only_heard(shop: Shop, event: MachineFactSetAside | MachineReportsLost) -> None:
    heard(shop, event)


def hold_output_written(shop: Shop, event: MachineHoldOutputWritten) -> None:
    machine = heard(shop, event)
    machine.told_held, machine.hold_failure = event.held, None


def hold_output_failed(shop: Shop, event: MachineHoldOutputFailed) -> None:
    """The edge says so, and not the control: that may not even answer."""
    machine = shop.machines[event.machine_id]
    machine.hold_failure = HoldFailure(held=event.held, error=event.error)
    machine.reported_by_edge = machine.reported_by_edge or event.source is not None


def edge_lost(shop: Shop, event: MachineEdgeLost) -> None:
    failure = HoldFailure(held=event.held, error="its edge is not heard", edge_is_lost=True)
    shop.machines[event.machine_id].hold_failure = failure


def edge_loss_ended(shop: Shop, event: MachineEdgeLossEnded) -> None:
    shop.machines[event.machine_id].hold_failure = None


def heard(shop: Shop, event: MachineEvent) -> Machine:
    """The machine of an event that its control caused: what all such events do to it."""
    machine = shop.machines[event.machine_id]
    if machine.last_fact_at is None or event.occurred_at > machine.last_fact_at:
        machine.last_fact_at = event.occurred_at
    if event.source is not None:
        machine.reported_by_edge = True
    if event.reported_at is None:
        machine.clock_differs = False
    shop.touched.machines.add(machine.id)
    return machine


def running_states(machine: Machine) -> list[str]:
    return list(RUNNING_STATES) if machine.running_states is None else machine.running_states


def is_running(machine: Machine) -> bool:
    """By what its control said last."""
    state = (machine.control.cycle_state or "").casefold()
    return state in {each.casefold() for each in running_states(machine)}


def fell_silent(shop: Shop, event: MachineFellSilent) -> None:
    shop.machines[event.machine_id].silent = True


def silence_ended(shop: Shop, event: MachineSilenceEnded) -> None:
    shop.machines[event.machine_id].silent = False


def clock_differed(shop: Shop, event: MachineClockDiffered) -> None:
    shop.machines[event.machine_id].clock_difference = event.difference


def clock_righted(shop: Shop, event: MachineClockRighted) -> None:
    shop.machines[event.machine_id].clock_difference = None


# Decisions


class NoteContact(Struct, kw_only=True, frozen=True):
    """How long ago a machine answered, by the word of its edge."""

    machine_id: int
    last_contact: float | None
    silent: bool


def note_contact(shop: Shop, command: NoteContact, now: float) -> Iterator[Event]:
    """Each silence is written once, and its end too."""
    machine = shop.machines.get(command.machine_id)
    if machine is None or machine.silent == command.silent:
        return
    if command.silent:
        yield MachineFellSilent(occurred_at=now, machine_id=machine.id, last_contact=command.last_contact)
    else:
        yield MachineSilenceEnded(occurred_at=now, machine_id=machine.id)


class NoteClock(Struct, kw_only=True, frozen=True):
    """How far the clock of a machine's edge is ahead of the ledger's."""

    machine_id: int
    difference: float | None
    """Seconds. None: they agree."""


def note_clock(shop: Shop, command: NoteClock, now: float) -> Iterator[Event]:
    """Each time that they part is written once, and when they agree again."""
    machine = shop.machines.get(command.machine_id)
    if machine is None or (machine.clock_difference is None) == (command.difference is None):
        return
    if command.difference is not None:
        yield MachineClockDiffered(occurred_at=now, machine_id=machine.id, difference=command.difference)
    else:
        yield MachineClockRighted(occurred_at=now, machine_id=machine.id)
