"""Edges that are not heard while their machine should be told something: nobody else would say so."""

from collections.abc import Iterator

from msgspec import Struct

from taktledger.domain.controls import MachineEdgeLossEnded, MachineEdgeLost
from taktledger.domain.event import Event
from taktledger.domain.holds.hold import is_in_force
from taktledger.domain.shop import Shop


class NoteEdge(Struct, kw_only=True, frozen=True):
    machine_id: int
    lost: bool
    """It has not been heard for too long."""


def note_edge(shop: Shop, command: NoteEdge, now: float) -> Iterator[Event]:
    """A loss matters while the control was told otherwise. Each is written once, and its end if the edge itself hasn't
    said more since. What the edge could not do while it was heard goes before."""
    machine = shop.machines.get(command.machine_id)
    if machine is None:
        return
    failure = machine.hold_failure
    was_lost = failure is not None and failure.edge_is_lost
    if not command.lost:
        if was_lost:
            yield MachineEdgeLossEnded(occurred_at=now, machine_id=machine.id)
        return
    held = is_in_force(shop, machine.id)
    if held is not machine.told_held and (failure is None or (was_lost and failure.held is not held)):
        yield MachineEdgeLost(occurred_at=now, machine_id=machine.id, held=held)
