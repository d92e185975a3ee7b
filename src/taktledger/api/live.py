"""Live state: what is true just now and is no event. Kept in memory, told by the edge and the update endpoint."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Annotated

from msgspec import Meta, Struct, field

from taktledger.domain.controls import NoteClock, NoteContact
from taktledger.domain.holds.edge import NoteEdge, note_edge
from taktledger.domain.shop import Machine, Shop, Touched
from taktledger.domain.values import Line, Seconds
from taktledger.shopfloor.ingest import CLOCK_SECONDS

SILENT_SECONDS = 10.0
"""An edge says how its machines are every two seconds. After this long nobody knows."""
CLOCK_REPORTS = 10
"""A report may be late on its way, and its clock with it. Not so many in a row."""
CLOCK_AGREES_SECONDS = CLOCK_SECONDS / 2
"""So near it must come again to be right again."""
MOST_UNKNOWN = 10_000
"""Machines that an edge speaks of and the ledger doesn't know: those that have never answered."""

Count = Annotated[int, Meta(ge=0, le=2**53)]


class MachineLive(Struct, kw_only=True):
    """What an edge says of its link to one machine."""

    connected: bool
    last_contact: Seconds | None = None
    """UNIX seconds, by the edge's clock."""
    error: Line | None = None
    backlog: Count = 0
    """Facts that wait at the edge."""
    adapter: Line | None = None
    """Which one reads it."""
    errors: Count = 0
    """How often it failed since the edge was started."""
    hold_output: bool | None = None
    """As it was last read. Null: nobody knows, or it has none."""


class Heard(Struct):
    """The last that was said of a machine."""

    live: MachineLive
    at: float
    """When. UNIX seconds of our own clock."""
    last_contact: float | None
    """By our clock."""
    differences: list[float]
    """The edge's clock less ours, as of the last reports that say it."""

    @property
    def clock_difference(self) -> float | None:
        """Seconds by which the edge's clock is ahead. A report that was long on its way made it look behind."""
        return max(self.differences, default=None)

    def is_heard(self, now: float) -> bool:
        """What an edge said long ago is not true any more."""
        return abs(now - self.at) <= SILENT_SECONDS  # the clock may have been set back


class LiveState(Struct):
    machines: dict[str, Heard] = field(default_factory=dict)
    """By source name."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set at each commit, and replaced by a new one."""

    stopping: bool = False
    """The server ends: nobody should wait any more."""

    def hear(self, shop: Shop, machines: Mapping[str, MachineLive], now: float, clock: float | None = None) -> None:
        """`clock`: that of the edge as it said so."""
        unknown = sum(name not in shop.machine_ids for name in self.machines)
        for name, live in machines.items():
            before = self.machines.get(name)
            if before is None and name not in shop.machine_ids:
                if unknown >= MOST_UNKNOWN:
                    continue
                unknown += 1
            differences = [*(before.differences if before else ()), *([clock - now] if clock is not None else ())]
            contact = live.last_contact
            if contact is not None and clock is not None:
                contact += now - clock  # how long ago it was, whatever time it is there
            self.machines[name] = Heard(live, now, contact, differences[-CLOCK_REPORTS:])

    def last_contact(self, source_name: str) -> float | None:
        heard = self.machines.get(source_name)
        return heard.last_contact if heard else None

    def silences(self, shop: Shop, now: float, since: float) -> Iterator[NoteContact]:
        """Machines of an edge that have fallen silent, or do so no more. `since`: when this server began to listen."""
        limit = shop.options.machine_silent_seconds
        for machine in shop.machines.values():
            awaited = limit > 0 and _is_awaited(machine)
            heard = self.machines.get(machine.source_name)
            last = (heard.last_contact if heard else None) or machine.last_fact_at
            silent = awaited and now - max(last or since, since) > limit
            if silent != machine.silent:
                yield NoteContact(machine_id=machine.id, last_contact=last, silent=silent)

    def lost_edges(self, shop: Shop, now: float, since: float) -> Iterator[NoteEdge]:
        """Machines whose edge is not heard while it should tell them something, or is heard again. `since`: when this
        server began to listen."""
        for machine in shop.machines.values():
            heard = self.machines.get(machine.source_name)
            lost = _is_awaited(machine) and (heard is None or not heard.is_heard(now))
            command = NoteEdge(machine_id=machine.id, lost=lost)
            if (not lost or abs(now - since) > SILENT_SECONDS) and any(note_edge(shop, command, now)):
                yield command

    def clocks(self, shop: Shop, now: float) -> Iterator[NoteClock]:
        """Machines whose edge has another time than we, or has the same again."""
        for machine in shop.machines.values():
            heard = self.machines.get(machine.source_name)
            difference = 0.0
            if _is_awaited(machine):
                if heard is None or len(heard.differences) < CLOCK_REPORTS or not heard.is_heard(now):
                    continue
                difference = heard.clock_difference or 0.0
            limit = CLOCK_SECONDS if machine.clock_difference is None else CLOCK_AGREES_SECONDS
            differs = abs(difference) > limit
            if differs != (machine.clock_difference is not None):
                yield NoteClock(machine_id=machine.id, difference=round(difference, 3) if differs else None)

    def committed(self, touched: Touched) -> None:
        """Wakes who waits for a new profile. It may be the same: they compare."""
        self.changed.set()
        self.changed = asyncio.Event()

    def stop(self) -> None:
        self.stopping = True
        self.changed.set()


def _is_awaited(machine: Machine) -> bool:
    return machine.reported_by_edge and not machine.disabled and not machine.archived
