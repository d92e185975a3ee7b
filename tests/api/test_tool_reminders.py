"""Alerts about tools that don't come from production: calibration, and stock (`api/tool.txt`, `domain.md`)."""

import time
from datetime import UTC, date, datetime, timedelta

import httpx

from api.client import Json
from api.stockroom import alerts_about, make_item, make_point, make_tool, patched, point_path, replaced, tool_path

# Calibration


def days_ago(days: int) -> str:
    day: date = datetime.now(UTC).date() - timedelta(days=days)
    return day.isoformat()


def test_a_calibration_that_is_due_is_one_alert(api: httpx.Client) -> None:
    """calibration_interval: how often the tool needs calibration. calibration_notify: where to send reminders."""
    fields: Json = {"calibration_date": days_ago(100), "calibration_interval": 30, "calibration_notify": 1}
    quiet = [
        make_tool(api, **fields | {"calibration_date": days_ago(10)}),
        make_tool(api, **fields | {"calibration_notify": None}),
        make_tool(api, **fields | {"calibration_interval": None}),
        make_tool(api, **fields | {"calibration_date": None}),
    ]
    due = make_tool(api, **fields)
    alerts = alerts_about(api, due, 1)
    time.sleep(2)
    assert alerts_about(api, due) == alerts
    assert len(alerts) == 1
    assert [alerts_about(api, tool) for tool in quiet] == [[]] * 4


def test_a_calibration_that_becomes_due_by_an_edit_is_an_alert(api: httpx.Client) -> None:
    """NULL disables reminders, NULL means never."""
    tool = make_tool(api, calibration_date=days_ago(100), calibration_notify=1)
    patched(api, tool_path(tool), calibration_interval=30)
    assert len(alerts_about(api, tool, 1)) == 1


# Stock


def test_stock_at_the_reorder_point_is_an_alert(api: httpx.Client) -> None:
    """reorder_point: how many of this tool remaining should trigger an order. Over all points."""
    item = make_item(api)
    first, second = make_point(api, [(item, 4)]), make_point(api, [(item, 2)])
    tool = make_tool(api, None, item, reorder_point=4, monitoring_dest=1)
    plain = make_tool(api, None, make_item(api), reorder_point=None, monitoring_dest=1)
    replaced(api, tool, first)
    assert alerts_about(api, tool) == []
    replaced(api, tool, second)
    alerts = alerts_about(api, tool, 1)
    assert len(alerts) == 1
    replaced(api, tool, first)
    assert alerts_about(api, tool) == alerts
    assert alerts_about(api, plain) == []


def test_stock_that_was_filled_up_and_falls_again_is_another(api: httpx.Client) -> None:
    """One per occasion."""
    item = make_item(api)
    point = make_point(api, [(item, 3)])
    tool = make_tool(api, None, item, reorder_point=2, monitoring_dest=1)
    replaced(api, tool, point)
    assert len(alerts_about(api, tool, 1)) == 1
    patched(api, point_path(point), items={str(item["id"]): 3})
    replaced(api, tool, point)
    assert len(alerts_about(api, tool, 2)) == 2
    replaced(api, tool, point)
    assert len(alerts_about(api, tool)) == 2


def test_without_a_reorder_point_stock_is_no_alert(api: httpx.Client) -> None:
    """reorder_point: int | None."""
    item = make_item(api)
    point = make_point(api, [(item, 1)])
    tool = make_tool(api, None, item, monitoring_dest=1)
    replaced(api, tool, point)
    time.sleep(1)
    assert alerts_about(api, tool) == []
