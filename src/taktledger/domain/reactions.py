"""What follows from an event: more events, in the same transaction. Never asked on a rebuild."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from taktledger.domain.alerts import AlertRaised, next_alert_id
from taktledger.domain.event import Event
from taktledger.domain.machines import MachineEvent, MachineFactSetAside
from taktledger.domain.parts import ProductionGapRecorded
from taktledger.domain.shop import Shop


def react(shop: Shop, event: Event) -> Iterator[Event]:
    """Called when `event` has been folded. What it yields is folded in turn before it goes on."""
    match event:
        case ProductionGapRecorded():
            yield _alert(
                shop,
                event,
                "gap",
                f"The counter of {_name(shop, event)} went from {event.from_reading} to {event.to_reading}: "
                f"what was made in between is not known",
                counter=event.counter,
                from_reading=event.from_reading,
                to_reading=event.to_reading,
                gap_from=event.gap_from,
                gap_to=event.occurred_at,
                why=event.why,
            )
        case MachineFactSetAside():
            message = f"The edge has set aside a fact of {_name(shop, event)} that the ledger refused: {event.error}"
            yield _alert(shop, event, "fact", message, fact=event.fact)
        case _:
            pass
    if isinstance(event, MachineEvent) and event.reported_at is not None and _clock_is_news(shop, event):
        reported = datetime.fromtimestamp(event.reported_at, UTC).isoformat(timespec="seconds")
        message = f"The clock of {_name(shop, event)} is ahead: it reported {reported}"
        yield _alert(shop, event, "clock", message, reported_at=event.reported_at)


def _clock_is_news(shop: Shop, event: MachineEvent) -> bool:
    """Once per occasion: until a fact comes whose time is right."""
    return not shop.machines[event.machine_id].clock_differs


def _alert(shop: Shop, cause: MachineEvent, kind: str, message: str, **data: Any) -> AlertRaised:
    return AlertRaised(
        occurred_at=cause.occurred_at,
        alert_id=next_alert_id(shop),
        kind=kind,
        message=message,
        machine_id=cause.machine_id,
        data=data,
    )


def _name(shop: Shop, event: MachineEvent) -> str:
    return shop.machines[event.machine_id].name
