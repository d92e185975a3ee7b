"""The people of the demo shop, and what it is to want something."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from msgspec import Struct

from taktledger.domain.event import Event
from taktledger.domain.users import AccessLevel

MINUTE, HOUR, DAY = 60.0, 3600.0, 24 * 3600.0

PLANNER, EARLY, LATE = "anna", "ines", "marco"
PEOPLE: dict[str, AccessLevel] = {PLANNER: "plan", EARLY: "shop", LATE: "shop", "grace": "audit"}
"""Nobody has a password: `PATCH /api/users/{id}` gives one."""
SHIFT_CHANGES = 14
"""Hour of UTC."""


class Wish(NamedTuple):
    """What somebody wants at a time (UNIX seconds)."""

    at: float
    user: str | None
    """None: it was so before anybody had a name."""
    decide: Callable[..., Iterable[Event]]
    command: Struct
    reads_rows: bool = False
    """It looks for a part or a replacement: `decide` takes a `history`."""
    images: dict[str, bytes] = {}
    """SHA-256 -> the picture that the command names by it."""


def on_shift(at: float) -> str:
    """Who works at the machines then."""
    return EARLY if datetime.fromtimestamp(at, UTC).hour < SHIFT_CHANGES else LATE


def in_order(wishes: Iterable[Wish], until: float) -> list[Wish]:
    """Those that are due by then, in order of time."""
    return sorted((wish for wish in wishes if wish.at <= until), key=lambda wish: wish.at)


Told = tuple[float, Any]
"""When a machine said something, and the fact."""
