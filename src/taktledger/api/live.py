"""Live state: what is true just now and is no event. Kept in memory, told by the edge and the update endpoint."""

import asyncio

from msgspec import Struct, field

from taktledger.domain.shop import Touched


class MachineLive(Struct, kw_only=True):
    """What an edge says of its link to one machine."""

    connected: bool
    last_contact: float | None = None
    """UNIX seconds."""
    error: str | None = None
    backlog: int = 0
    """Facts that wait at the edge."""


class LiveState(Struct):
    machines: dict[str, MachineLive] = field(default_factory=dict)
    """By source name."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set at each commit that an edge's profile may depend on, and replaced by a new one."""

    def last_contact(self, source_name: str) -> float | None:
        live = self.machines.get(source_name)
        return live.last_contact if live else None

    def committed(self, touched: Touched) -> None:
        """Wakes who waits for a new profile."""
        self.changed.set()
        self.changed = asyncio.Event()
