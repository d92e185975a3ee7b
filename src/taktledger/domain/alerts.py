"""Alerts: what somebody should look at (`docs/alerts.md`). One per occasion."""

from typing import Any

from taktledger.domain.event import Event
from taktledger.domain.shop import Shop


class AlertRaised(Event, frozen=True, kw_only=True):
    """Something happened that somebody should look at."""

    alert_id: int
    kind: str
    """`gap`, `clock` or `fact`."""
    message: str
    """A sentence fit to show to a user."""
    machine_id: int | None = None
    process_id: int | None = None
    tool_id: int | None = None
    data: dict[str, Any] = {}

    @property
    def stream(self) -> str:
        return f"alert-{self.alert_id}"


def alert_raised(shop: Shop, event: AlertRaised) -> None:
    shop.last_ids["alert"] = event.alert_id
    if event.kind == "clock" and event.machine_id is not None:
        shop.machines[event.machine_id].clock_differs = True


def next_alert_id(shop: Shop) -> int:
    return shop.last_ids.get("alert", 0) + 1
