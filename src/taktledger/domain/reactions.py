"""What follows from an event: more events, in the same transaction. Never asked on a rebuild."""

import operator
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from taktledger.domain.alerts import dismiss_alerts, raise_alert
from taktledger.domain.changeover import (
    ProcessSwitched,
    ask_for_confirmation,
    move_shared_assemblies,
    switch_process,
)
from taktledger.domain.controls import (
    MachineClockDiffered,
    MachineClockRighted,
    MachineEdgeLossEnded,
    MachineEdgeLost,
    MachineEvent,
    MachineFactSetAside,
    MachineFellSilent,
    MachineHoldOutputFailed,
    MachineHoldOutputWritten,
    MachineReportsLost,
    MachineSilenceEnded,
)
from taktledger.domain.event import Event
from taktledger.domain.holds.hold import HoldDeleted, HoldEnded, HoldEvent, HoldStarted, is_in_force
from taktledger.domain.machines import MachineDeleted
from taktledger.domain.parts import CycleFinished, ProductionGapRecorded
from taktledger.domain.processes import ProcessDeleted
from taktledger.domain.programs import ProgramDeleted, ProgramEdited
from taktledger.domain.shop import Machine, Shop
from taktledger.domain.tools.fields import ToolEvent
from taktledger.domain.tools.replacement import WEAR_ALERTS, ToolReplaced, ToolReplacementUndone
from taktledger.domain.tools.tool import ToolDeleted

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "EQ": operator.eq,
    "NE": operator.ne,
    "LT": operator.lt,
    "LE": operator.le,
    "GT": operator.gt,
    "GE": operator.ge,
}


def react(shop: Shop, event: Event) -> Iterator[Event]:
    """Called when `event` has been folded. What it yields is folded in turn before it goes on."""
    match event:
        case ProgramEdited() | ProgramDeleted() | ProcessDeleted():
            for machine in list(shop.machines.values()):
                yield from switch_process(shop, machine, event)
        case ProcessSwitched():
            yield from move_shared_assemblies(shop, event)
            yield from ask_for_confirmation(shop, event)
        case MachineEvent() if event.machine_id in shop.machines:
            yield from switch_process(shop, shop.machines[event.machine_id], event)
        case MachineDeleted():
            yield from dismiss_alerts(shop, event, machine_id=event.machine_id)
        case HoldEvent():
            for machine in [each for each in shop.machines.values() if each.hold_failure is not None]:
                yield from _mind_hold_output(shop, machine, event)
        case ToolEvent():
            yield from _of_tools(shop, event)
        case _:
            pass
    if isinstance(event, ProcessDeleted):
        yield from dismiss_alerts(shop, event, kind="switch", process_id=event.process_id)
    if isinstance(event, MachineEvent) and not isinstance(event, MachineDeleted):
        yield from _notices(shop, event)


def _of_tools(shop: Shop, event: ToolEvent) -> Iterator[Event]:
    """Alerts of a tool that was replaced or deleted have nothing to tell any more."""
    match event:
        case ToolDeleted():
            yield from dismiss_alerts(shop, event, tool_id=event.tool_id)
        case ToolReplaced():
            for kind in sorted(WEAR_ALERTS):
                yield from dismiss_alerts(shop, event, kind=kind, tool_id=event.tool_id)
        case ToolReplacementUndone():
            for kind in event.before.alerted:
                message = f"'{shop.tools[event.tool_id].name}' is worn: its replacement was taken back"
                yield raise_alert(shop, event, kind, message, tool_id=event.tool_id)
        case _:
            pass


def _mind_hold_output(shop: Shop, machine: Machine, cause: Event) -> Iterator[Event]:
    """There is an alert while a control can't be told what it should be told."""
    failure = machine.hold_failure
    matters = failure is not None and failure.held == is_in_force(shop, machine.id)
    is_open = any(alert.kind == "hold" and alert.machine_id == machine.id for alert in shop.open_alerts.values())
    if is_open and (not matters or isinstance(cause, (MachineHoldOutputFailed, MachineEdgeLost))):
        yield from dismiss_alerts(shop, cause, kind="hold", machine_id=machine.id)
        is_open = False
    if failure is not None and matters and not is_open and _is_news(shop, machine, cause):
        what = "must not run" if failure.held else "may run again"
        message = f"{machine.name} {what}, but its control can't be told so: {failure.error}"
        yield raise_alert(shop, cause, "hold", message, machine_id=machine.id, held=failure.held, error=failure.error)


def _is_news(shop: Shop, machine: Machine, cause: Event) -> bool:
    """Somebody may have seen to the alert: it takes more than any event to raise another one."""
    hold = shop.holds.get(cause.hold_id) if isinstance(cause, HoldEvent) else None
    if hold is not None and hold.machine_id != machine.id:
        return False
    return isinstance(cause, (MachineHoldOutputFailed, MachineEdgeLost, HoldStarted, HoldEnded, HoldDeleted))


def _notices(shop: Shop, event: MachineEvent) -> Iterator[Event]:
    name = shop.machines[event.machine_id].name
    match event:
        case CycleFinished():
            yield from _compare_variables(shop, event)
        case ProductionGapRecorded():
            yield raise_alert(
                shop,
                event,
                "gap",
                f"The counter of {name} went from {event.from_reading} to {event.to_reading}: "
                f"what was made in between is not known",
                counter=event.counter,
                from_reading=event.from_reading,
                to_reading=event.to_reading,
                gap_from=event.gap_from,
                gap_to=event.occurred_at,
                why=event.why,
            )
        case MachineReportsLost():
            since = f" since {_iso(event.gap_from)}" if event.gap_from is not None else ""
            message = f"What {name} said{since} until {_iso(event.occurred_at)} is lost ({event.why})"
            yield raise_alert(
                shop,
                event,
                "gap",
                message,
                gap_from=event.gap_from,
                gap_to=event.occurred_at,
                why=event.why,
                before=event.before,
                after=event.after,
            )
        case MachineFactSetAside():
            message = f"The edge has set aside a fact of {name} that the ledger refused: {event.error}"
            yield raise_alert(shop, event, "fact", message, fact=event.fact)
        case MachineFellSilent():
            since = f"since {_iso(event.last_contact)}" if event.last_contact is not None else "yet"
            message = f"{name} has not answered {since}"
            yield raise_alert(shop, event, "silent", message, last_contact=event.last_contact)
        case MachineHoldOutputFailed() | MachineHoldOutputWritten() | MachineEdgeLost() | MachineEdgeLossEnded():
            yield from _mind_hold_output(shop, shop.machines[event.machine_id], event)
        case MachineClockDiffered():
            yield from dismiss_alerts(shop, event, kind="clock", machine_id=event.machine_id)
            way = "ahead" if event.difference > 0 else "behind"
            message = f"The clock of the edge of {name} is {abs(event.difference):.1f} s {way}"
            yield raise_alert(shop, event, "clock", message, difference=event.difference)
        case MachineClockRighted():
            yield from dismiss_alerts(shop, event, kind="clock", machine_id=event.machine_id)
        case MachineSilenceEnded():
            yield from dismiss_alerts(shop, event, kind="silent", machine_id=event.machine_id)
        case _:
            pass
    machine = shop.machines[event.machine_id]
    if event.reported_at is not None and not machine.clock_differs and machine.clock_difference is None:
        # Once per occasion: until a fact comes whose time is right.
        message = f"The clock of {name} is ahead: it reported {_iso(event.reported_at)}"
        yield raise_alert(shop, event, "clock", message, reported_at=event.reported_at)


def _compare_variables(shop: Shop, event: CycleFinished) -> Iterator[Event]:
    """The comparisons of the process's `cv_map`, with what was read at the end of the cycle. A variable has one open
    alert at a time."""
    process = shop.processes.get(event.process_id) if event.process_id else None
    for name, mapped in process.cv_map.items() if process else ():
        value, limit, comparison = event.variables.get(name), mapped.notify_value, mapped.notify_comparison
        if process is None or value is None or limit is None or comparison is None:
            continue
        if COMPARISONS[comparison](value, limit) and not _is_open(shop, process.id, name):
            yield raise_alert(
                shop,
                event,
                "variable",
                f"{shop.machines[event.machine_id].name}, {process.name}: {name} is {value:g} ({comparison} {limit:g})",
                process_id=process.id,
                variable=name,
                number=mapped.number,
                value=value,
                comparison=comparison,
                limit=limit,
                part_ids=list(range(shop.parts_made - event.parts + 1, shop.parts_made + 1)),
            )


def _is_open(shop: Shop, process_id: int, variable: str) -> bool:
    return any(alert.variable == variable and process_id in alert.process_ids for alert in shop.open_alerts.values())


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
