"""The one table: which event does what to the shop."""

from collections.abc import Callable, Mapping
from typing import Any

from taktledger.domain import (
    alerts,
    assemblies,
    changeover,
    controls,
    machines,
    options,
    parts,
    processes,
    programs,
    tool_requirements,
    users,
)
from taktledger.domain.event import Codec, Event, Upcasters
from taktledger.domain.holds import hold, schedule
from taktledger.domain.inventory import items, points, stock
from taktledger.domain.receipts import remember_received, remember_request
from taktledger.domain.shop import Shop
from taktledger.domain.tools import life, notices, replacement, tool

FOLDS: Mapping[type[Event], Callable[[Shop, Any], None]] = {
    machines.MachineCreated: machines.machine_created,
    machines.MachineEdited: machines.machine_edited,
    machines.MachineDeleted: machines.machine_deleted,
    controls.MachineBaselineRead: controls.counters_read,
    controls.MachineCountersRead: controls.counters_read,
    controls.MachineStateChanged: controls.state_changed,
    controls.MachineVariablesChanged: controls.variables_changed,
    controls.ToolRunTimeMeasured: controls.run_time_measured,
    controls.MachineFactSetAside: controls.only_heard,
    controls.MachineReportsLost: controls.only_heard,
    controls.MachineHoldOutputWritten: controls.hold_output_written,
    controls.MachineHoldOutputFailed: controls.hold_output_failed,
    controls.MachineEdgeLost: controls.edge_lost,
    controls.MachineEdgeLossEnded: controls.edge_loss_ended,
    controls.MachineFellSilent: controls.fell_silent,
    controls.MachineClockDiffered: controls.clock_differed,
    controls.MachineClockRighted: controls.clock_righted,
    controls.MachineSilenceEnded: controls.silence_ended,
    programs.ProgramCreated: programs.program_created,
    programs.ProgramEdited: programs.program_edited,
    programs.ProgramDeleted: programs.program_deleted,
    programs.ProgramLoaded: programs.program_loaded,
    processes.ProcessCreated: processes.process_created,
    processes.ProcessEdited: processes.process_edited,
    processes.ProcessDeleted: processes.process_deleted,
    tool_requirements.ToolRequirementCreated: tool_requirements.tool_requirement_created,
    changeover.ProcessSwitched: changeover.process_switched,
    changeover.ProcessChangedOver: changeover.process_changed_over,
    assemblies.AssemblyCreated: assemblies.assembly_created,
    assemblies.AssemblyEdited: assemblies.assembly_edited,
    assemblies.AssemblyMoved: assemblies.assembly_moved,
    assemblies.AssemblyDeleted: assemblies.assembly_deleted,
    assemblies.AssemblyImageChanged: assemblies.assembly_image_changed,
    tool.ToolCreated: tool.tool_created,
    tool.ToolEdited: tool.tool_edited,
    tool.ToolMoved: tool.tool_moved,
    tool.ToolImageChanged: tool.tool_image_changed,
    tool.ToolDeleted: tool.tool_deleted,
    life.ToolLifeChanged: life.life_changed,
    life.ToolCountCorrected: life.count_corrected,
    life.ToolWarned: life.tool_warned,
    life.ToolWarningEnded: life.warning_ended,
    replacement.ToolReplaced: replacement.tool_replaced,
    replacement.ToolReplacementUndone: replacement.replacement_undone,
    replacement.ToolReplacementEdited: replacement.replacement_edited,
    replacement.ToolReplacementImageChanged: replacement.replacement_edited,
    notices.ToolCalibrationFellDue: notices.calibration_fell_due,
    notices.ToolCalibrated: notices.tool_calibrated,
    notices.ToolStockPassedReorderPoint: notices.stock_passed_reorder_point,
    items.InventoryItemCreated: items.inventory_item_created,
    items.InventoryItemEdited: items.inventory_item_edited,
    items.InventoryItemDeleted: items.inventory_item_deleted,
    points.InventoryPointCreated: points.inventory_point_created,
    points.InventoryPointEdited: points.inventory_point_edited,
    points.InventoryPointDeleted: points.inventory_point_deleted,
    stock.StockMoved: stock.stock_moved,
    hold.HoldCreated: hold.hold_created,
    hold.HoldEdited: hold.hold_edited,
    hold.HoldDeleted: hold.hold_deleted,
    hold.HoldStarted: hold.hold_started,
    hold.HoldEnded: hold.hold_ended,
    schedule.HoldScheduleCreated: schedule.hold_schedule_created,
    schedule.HoldScheduleEdited: schedule.hold_schedule_edited,
    schedule.HoldScheduleDeleted: schedule.hold_schedule_deleted,
    parts.CycleFinished: parts.cycle_finished,
    parts.ProductionGapRecorded: parts.production_gap_recorded,
    parts.PartEdited: parts.part_edited,
    parts.PartDeleted: parts.part_deleted,
    alerts.AlertRaised: alerts.alert_raised,
    alerts.AlertDismissed: alerts.alert_dismissed,
    options.OptionsEdited: options.options_edited,
    users.UserCreated: users.user_created,
    users.UserEdited: users.user_edited,
    users.UserDeleted: users.user_deleted,
    users.PasswordChanged: users.password_changed,
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
