"""What an adapter is: it turns one machine into updates, and knows nothing of programs, tools or storage."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import msgspec
from msgspec import Struct

from taktledger.domain.errors import Invalid
from taktledger.shopfloor.update import MachineUpdate, check


class AdapterError(Exception):
    """The machine can't be read, or what it said can't be believed. The message is fit to show to a user."""


class BadAnswer(AdapterError):
    """The machine answers, but not what it was asked, or what can't be."""


class Reading(NamedTuple):
    """One value as `adapters check` shows it."""

    name: str
    """Field of the machine update, `variable 500`, `alarm E-STOP` …"""
    where: str
    """The protocol's own address."""
    raw: str
    """As it came over the wire."""
    value: object
    error: str | None = None


class Adapter(Protocol):
    """One machine, polled. It lives as long as the edge; every `connect` starts a fresh connection."""

    @property
    def counter_bits(self) -> int:
        """Size of the register of `part_count`: 16 or 32."""

    @property
    def has_hold_output(self) -> bool:
        """Whether the machine can be told to hold."""

    @property
    def held(self) -> bool | None:
        """What its hold output read at the last poll. None: neither of the two, or it has none."""

    async def connect(self) -> None:
        """Raises AdapterError."""

    async def poll(self) -> MachineUpdate:
        """Reads all of it, or raises AdapterError: never half an update."""

    async def hold(self, held: bool) -> None:
        """Writes the hold output and reads it back. Raises AdapterError if it doesn't read as it was written."""

    async def describe(self) -> list[Reading]:
        """Reads value by value. Raises AdapterError if the machine doesn't answer at all."""

    async def close(self) -> None:
        """Ends the connection, if there is one."""


class AdapterKind(Struct, frozen=True):
    """What an adapter's package offers. Third parties name theirs in the entry points `taktledger.adapters`."""

    name: str
    """As in `adapter = …`."""
    settings: type[Struct]
    """The table `[machine.NAME]`."""
    make: Callable[[Any, Callable[[], float]], Adapter]
    """(settings, clock) -> adapter. The clock is monotonic, in seconds."""


def believed(update: MachineUpdate) -> MachineUpdate:
    """The same update, if it is one that the ledger would take. Raises BadAnswer.

    Structs don't check what they are made of, so this is where an adapter that lies is found out.
    """
    try:
        checked = msgspec.convert(msgspec.to_builtins(update), MachineUpdate)
        check(checked)
    except (msgspec.ValidationError, Invalid) as error:
        raise BadAnswer(f"impossible values: {error}") from error
    return checked
