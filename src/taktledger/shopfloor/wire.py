"""What the ledger answers an edge: both sides read it here."""

from msgspec import Struct

from taktledger.shopfloor.profile import Profile


class Stored(Struct, kw_only=True):
    """200 to a batch of facts: the ledger holds all of it."""

    stored: int
    repeated: int
    """Facts that the ledger held already."""


class Profiles(Struct, kw_only=True):
    version: str
    machines: dict[str, Profile]
    """By source name. A machine that the ledger doesn't know yet has none."""


class AdapterStatus(Struct, kw_only=True):
    source_name: str
    machine_id: int | None
    """Null: the machine has never answered, so that the ledger doesn't know it yet."""
    adapter: str | None
    """Which one reads it. Null: no edge has spoken of it since this server was started."""
    connected: bool
    last_update: float | None
    """When the machine last answered: UNIX seconds, by the ledger's clock."""
    age: float | None
    """Seconds since then."""
    error: str | None
    errors: int
    """How often the link failed since the edge was started."""
    backlog: int
    """Facts that wait at the edge."""
    clock_difference: float | None
    """Seconds by which the edge's clock is ahead of the ledger's."""
    hold_output: bool | None
    """As it was last read. Null: nobody knows, or the machine has none."""
    reported: float | None
    """When its edge last said so. UNIX seconds."""
