"""What is noticed of a tool: that it is worn, due for calibration, or short of stock. Each once per occasion."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta

import msgspec

from taktledger.domain.alerts import dismiss_alerts, raise_alert
from taktledger.domain.event import Event
from taktledger.domain.inventory.stock import stock_of
from taktledger.domain.shop import Life, Shop, Tool
from taktledger.domain.tools.fields import ToolEvent, process_of
from taktledger.domain.tools.life import (
    ToolWarned,
    ToolWarningEnded,
    Use,
    days_warning_due,
    is_past_life,
    life_in_force,
    parts_warning_due,
    seconds_warning_due,
)

NOTICES = {
    "warning": ("tool_warning", "should be replaced soon"),
    "day_warning": ("tool_warning", "should be replaced soon"),
    "life": ("tool_life", "is past its life"),
}
"""What is noticed -> the kind of its alert, and what it says."""

# Events


class ToolCalibrationFellDue(ToolEvent, frozen=True, kw_only=True):
    """A tool should be calibrated again."""

    due: date


class ToolCalibrated(ToolEvent, frozen=True, kw_only=True):
    """A tool that was due has another calibration date."""


class ToolStockPassedReorderPoint(ToolEvent, frozen=True, kw_only=True):
    """The stock of a tool's inventory item fell to its reorder point, or rose above it again."""

    below: bool
    """At it or below."""
    stock: int


# What they do


def calibration_fell_due(shop: Shop, event: ToolCalibrationFellDue) -> None:
    tool = shop.tools[event.tool_id]
    tool.calibration_alerted = tool.calibration_date


def tool_calibrated(shop: Shop, event: ToolCalibrated) -> None:
    shop.tools[event.tool_id].calibration_alerted = None


def stock_passed_reorder_point(shop: Shop, event: ToolStockPassedReorderPoint) -> None:
    shop.tools[event.tool_id].below_reorder_point = event.below


# What is noticed


def notice_wear(shop: Shop, tool: Tool, uses: Mapping[int, Use], now: float, *, days: bool) -> Iterator[Event]:
    process_id, life = life_in_force(shop, tool)
    use = uses.get(process_id, Use())
    worn = parts_warning_due(life, use) or seconds_warning_due(life, use)
    yield from _notice(shop, tool, life, use, process_id, now, "warning", is_due=worn)
    if days:
        yield from _notice(shop, tool, life, use, process_id, now, "day_warning", is_due=days_warning_due(life, use))
    if days or tool.usage_mode < 2:
        past = is_past_life(tool.usage_mode, life, use)
        yield from _notice(shop, tool, life, use, process_id, now, "life", is_due=past)


def _notice(
    shop: Shop, tool: Tool, life: Life, use: Use, process_id: int, now: float, what: str, *, is_due: bool
) -> Iterator[Event]:
    """Once, until it is over."""
    if is_due == (what in life.sent):
        return
    kind, message = NOTICES[what]
    about = {"occurred_at": now, "tool_id": tool.id, "what": what, "process_id": process_id or None}
    if not is_due:
        ended = msgspec.convert(about, ToolWarningEnded)
        yield ended
        if not any(NOTICES[each][0] == kind for each in life.sent):
            yield from dismiss_alerts(shop, ended, kind=kind, tool_id=tool.id)
        return
    warned = msgspec.convert(about, ToolWarned)
    yield warned
    yield raise_alert(
        shop,
        warned,
        kind,
        f"'{tool.name}' {message}: {said(life, use)}",
        tool_id=tool.id,
        machine_id=_machine_of(shop, tool),
        process_id=process_id or None,
        what=what,
        part_count=use.parts,
        part_life=life.part_life,
        runtime=use.seconds,
        max_runtime=life.max_runtime,
        day_count=use.days,
        day_life=life.day_life,
    )


def said(life: Life, use: Use) -> str:
    tracked = (
        (life.part_life, f"{use.parts} of {life.part_life} parts"),
        (life.max_runtime, f"{use.seconds / 60:.0f} of {life.max_runtime / 60:.0f} minutes"),
        (life.day_life, f"{use.days} of {life.day_life} days"),
    )
    return ", ".join(text for lasts, text in tracked if lasts)


def notice_calibration(shop: Shop, tool: Tool, today: date, now: float) -> Iterator[Event]:
    last, days = tool.calibration_date, tool.calibration_interval
    if tool.calibration_alerted not in (None, last):
        calibrated = ToolCalibrated(occurred_at=now, tool_id=tool.id)
        yield calibrated
        yield from dismiss_alerts(shop, calibrated, kind="calibration", tool_id=tool.id)
    if last is None or days is None or tool.calibration_notify is None or tool.calibration_alerted == last:
        return
    try:
        due = last + timedelta(days=days)
    except OverflowError:
        return
    if due <= today:
        fell_due = ToolCalibrationFellDue(occurred_at=now, tool_id=tool.id, due=due)
        yield fell_due
        message = f"'{tool.name}' should be calibrated: it was due on {due.isoformat()}"
        machine_id = _machine_of(shop, tool)
        yield raise_alert(
            shop, fell_due, "calibration", message, tool_id=tool.id, machine_id=machine_id, due=due.isoformat()
        )


def notice_stock(shop: Shop, tool: Tool, now: float) -> Iterator[Event]:
    item = shop.inventory_items.get(tool.inventory_item_id) if tool.inventory_item_id else None
    stock = stock_of(shop, item.id) if item else 0
    below = item is not None and tool.reorder_point is not None and stock <= tool.reorder_point
    if below == tool.below_reorder_point:
        return
    passed = ToolStockPassedReorderPoint(occurred_at=now, tool_id=tool.id, below=below, stock=stock)
    yield passed
    if below and item is not None:
        yield raise_alert(
            shop,
            passed,
            "stock",
            f"{stock} of '{item.name}' are left for '{tool.name}': it should be ordered",
            tool_id=tool.id,
            inventory_item_id=item.id,
            stock=stock,
            reorder_point=tool.reorder_point,
            order_qty=tool.order_qty,
        )
    else:
        yield from dismiss_alerts(shop, passed, kind="stock", tool_id=tool.id)


def _machine_of(shop: Shop, tool: Tool) -> int | None:
    process = process_of(shop, tool)
    return process.machine_id if process else None
