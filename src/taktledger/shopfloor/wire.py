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
