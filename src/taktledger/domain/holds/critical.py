"""Holds that the ledger makes because a critical tool is past its life, and ends when that is over."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from taktledger.domain.event import Event
from taktledger.domain.holds.hold import HoldCreated, HoldDeleted, HoldEnded, next_hold_id, turn
from taktledger.domain.shop import Shop


class Overdue(NamedTuple):
    """A critical tool of a loaded process that is past its life."""

    machine_id: int
    """That has the process loaded."""
    reason: str


def hold_for_tools(shop: Shop, overdue: Mapping[int, Overdue], now: float) -> Iterator[Event]:
    """One hold for each tool that is overdue, by its ID, as long as it is. What a person has ended stays ended."""
    held: set[int] = set()
    for hold in [shop.holds[each] for each in sorted(shop.open_holds)]:
        if hold.tool_id is None:
            continue
        cause = overdue.get(hold.tool_id)
        if cause is not None and cause.machine_id == hold.machine_id:
            held.add(hold.tool_id)
        elif hold.started:
            yield HoldEnded(occurred_at=now, hold_id=hold.id)
        else:  # a person has put it off
            yield HoldDeleted(occurred_at=now, hold_id=hold.id, seen_to=True)
    for tool_id, cause in sorted(overdue.items()):
        if tool_id in held or shop.tools[tool_id].hold_waived:
            continue
        created = HoldCreated(
            occurred_at=now,
            hold_id=next_hold_id(shop),
            machine_id=cause.machine_id,
            start=now,
            reason=cause.reason,
            tool_id=tool_id,
        )
        yield created
        yield from turn(shop.holds[created.hold_id], now)
