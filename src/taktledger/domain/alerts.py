"""Alerts: what somebody should look at (`docs/alerts.md`). One per occasion."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from taktledger.domain.controls import MachineEvent
from taktledger.domain.errors import NotFound
from taktledger.domain.event import Event
from taktledger.domain.shop import OpenAlert, Shop

# Events


class AlertEvent(Event, frozen=True, kw_only=True):
    alert_id: int

    @property
    def stream(self) -> str:
        return f"alert-{self.alert_id}"


class AlertRaised(AlertEvent, frozen=True, kw_only=True):
    """Something happened that somebody should look at."""

    kind: str
    """`gap`, `clock`, `fact`, `switch`, `variable`, `silent`, `hold`, `tool_warning`, `tool_life`, `calibration` or
    `stock`."""
    message: str
    """A sentence fit to show to a user."""
    machine_id: int | None = None
    process_id: int | None = None
    tool_id: int | None = None
    data: dict[str, Any] = {}


class AlertDismissed(AlertEvent, frozen=True, kw_only=True):
    """Somebody has seen to it, or there is nothing to see to any more."""

    user_id: int | None = None
    """Null: the ledger itself."""


# What they do


def alert_raised(shop: Shop, event: AlertRaised) -> None:
    shop.last_ids["alert"] = event.alert_id
    about = (event.process_id, event.data.get("from_process_id"))
    shop.open_alerts[event.alert_id] = OpenAlert(
        kind=event.kind,
        machine_id=event.machine_id,
        process_ids={each for each in about if each is not None},
        tool_id=event.tool_id,
        variable=event.data.get("variable"),
    )
    if event.kind == "clock" and event.machine_id is not None:
        shop.machines[event.machine_id].clock_differs = True


def alert_dismissed(shop: Shop, event: AlertDismissed) -> None:
    shop.open_alerts.pop(event.alert_id, None)


# Decisions


class DismissAlert(Struct, kw_only=True, frozen=True):
    alert_id: int
    user_id: int


def dismiss_alert(shop: Shop, command: DismissAlert, now: float) -> list[Event]:
    """Says that somebody has seen to it (`POST /api/alerts/{id}/dismiss`). A second time nothing happens."""
    if not 1 <= command.alert_id <= shop.last_ids.get("alert", 0):
        raise NotFound(f"there is no alert {command.alert_id}")
    if command.alert_id not in shop.open_alerts:
        return []
    return [AlertDismissed(occurred_at=now, alert_id=command.alert_id, user_id=command.user_id)]


def dismiss_alerts(
    shop: Shop,
    cause: Event,
    kind: str | None = None,
    machine_id: int | None = None,
    process_id: int | None = None,
    user_id: int | None = None,
    tool_id: int | None = None,
) -> Iterator[AlertDismissed]:
    """Open ones of which all that is given is true: there is nothing to see to any more."""
    for alert_id, alert in list(shop.open_alerts.items()):
        if (
            kind in (None, alert.kind)
            and machine_id in (None, alert.machine_id)
            and tool_id in (None, alert.tool_id)
            and (process_id is None or process_id in alert.process_ids)
        ):
            yield AlertDismissed(occurred_at=cause.occurred_at, alert_id=alert_id, user_id=user_id)


def raise_alert(
    shop: Shop,
    cause: Event,
    kind: str,
    message: str,
    process_id: int | None = None,
    tool_id: int | None = None,
    machine_id: int | None = None,
    **data: Any,
) -> AlertRaised:
    return AlertRaised(
        occurred_at=cause.occurred_at,
        alert_id=shop.last_ids.get("alert", 0) + 1,
        kind=kind,
        message=message,
        machine_id=cause.machine_id if isinstance(cause, MachineEvent) else machine_id,
        process_id=process_id,
        tool_id=tool_id,
        data=data,
    )
