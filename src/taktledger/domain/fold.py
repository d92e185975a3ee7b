"""The one table: which event does what to the shop."""

from collections.abc import Callable, Mapping
from typing import Any

from taktledger.domain import alerts, machines, options, parts, processes, programs, users
from taktledger.domain.event import Codec, Event, Upcasters
from taktledger.domain.receipts import remember_received, remember_request
from taktledger.domain.shop import Shop

FOLDS: Mapping[type[Event], Callable[[Shop, Any], None]] = {
    machines.MachineCreated: machines.machine_created,
    machines.MachineEdited: machines.machine_edited,
    machines.MachineDeleted: machines.machine_deleted,
    machines.MachineBaselineRead: machines.counters_read,
    machines.MachineCountersRead: machines.counters_read,
    machines.MachineStateChanged: machines.state_changed,
    machines.MachineVariablesChanged: machines.variables_changed,
    machines.ToolRunTimeMeasured: machines.only_heard,
    machines.MachineFactSetAside: machines.only_heard,
    programs.ProgramCreated: programs.program_created,
    programs.ProgramEdited: programs.program_edited,
    programs.ProgramDeleted: programs.program_deleted,
    programs.ProgramLoaded: programs.program_loaded,
    processes.ProcessCreated: processes.process_created,
    parts.CycleFinished: parts.cycle_finished,
    parts.ProductionGapRecorded: parts.production_gap_recorded,
    alerts.AlertRaised: alerts.alert_raised,
    options.OptionsEdited: options.options_edited,
    users.UserCreated: users.user_created,
    users.KeyIssued: users.key_issued,
    users.KeyRevoked: users.key_revoked,
}

UPCASTERS: Upcasters = {}
"""The class of an old version -> what it is today."""

CODEC = Codec(FOLDS, UPCASTERS)


def fold(shop: Shop, event: Event) -> None:
    """Takes one event into the shop. Never fails on an event that is in the ledger."""
    FOLDS[type(event)](shop, event)
    shop.recorded_at = event.recorded_at
    if event.source is not None and event.source_sequence is not None:
        remember_received(shop, event.source, event.source_sequence)
    if event.receipt is not None:
        remember_request(shop, event, event.receipt)
