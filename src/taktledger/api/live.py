"""Live state: what is true just now and is no event. Kept in memory, told by the edge and the update endpoint."""

import asyncio
from typing import Annotated

from msgspec import Meta, Struct, field

from taktledger.domain.controls import NoteContact
from taktledger.domain.shop import Shop, Touched
from taktledger.domain.values import Seconds

SILENT_SECONDS = 10.0
"""An edge says how its machines are every two seconds. After this long nobody knows."""


class MachineLive(Struct, kw_only=True):
    """What an edge says of its link to one machine."""

    connected: bool
    last_contact: Seconds | None = None
    """UNIX seconds."""
    error: str | None = None
    backlog: Annotated[int, Meta(ge=0, le=2**53)] = 0
    """Facts that wait at the edge."""


class LiveState(Struct):
    machines: dict[str, MachineLive] = field(default_factory=dict)
    """By source name."""
    heard_at: dict[str, float] = field(default_factory=dict)
    """When that was said. UNIX seconds."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set at each commit, and replaced by a new one."""

    stopping: bool = False
    """The server ends: nobody should wait any more."""

    def hear(self, machines: dict[str, MachineLive], now: float) -> None:
        self.machines.update(machines)
        self.heard_at.update(dict.fromkeys(machines, now))

    def is_connected(self, source_name: str, now: float) -> bool:
        """What an edge said long ago is not true any more."""
        return self.machines[source_name].connected and now - self.heard_at[source_name] <= SILENT_SECONDS

    def last_contact(self, source_name: str) -> float | None:
        live = self.machines.get(source_name)
        return live.last_contact if live else None

    def silences(self, shop: Shop, now: float, since: float) -> list[NoteContact]:
        """Machines of an edge that have fallen silent, or do so no more. `since`: when this server began to listen."""
        limit = shop.options.machine_silent_seconds
        found = []
        for machine in shop.machines.values():
            awaited = limit > 0 and machine.reported_by_edge and not machine.disabled and not machine.archived
            last = self.last_contact(machine.source_name) or machine.last_fact_at
            silent = awaited and now - max(last or since, since) > limit
            if silent != machine.silent:
                found.append(NoteContact(machine_id=machine.id, last_contact=last, silent=silent))
        return found

    def committed(self, touched: Touched) -> None:
        """Wakes who waits for a new profile. It may be the same: they compare."""
        self.changed.set()
        self.changed = asyncio.Event()

    def stop(self) -> None:
        self.stopping = True
        self.changed.set()
