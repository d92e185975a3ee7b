"""What an adapter is: it turns one machine into updates, and knows nothing of programs, tools or storage."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import msgspec
from msgspec import Struct

from taktledger.domain.errors import Invalid
from taktledger.domain.values import Line, Seconds
from taktledger.shopfloor.update import MachineUpdate, check


class AdapterError(Exception):
    """The machine can't be read, or what it said can't be believed. The message is fit to show to a user."""


class BadAnswer(AdapterError):
    """The machine answers, but not what it was asked, or what can't be."""


class Report(NamedTuple):
    """What a machine said at one moment."""

    update: MachineUpdate | None
    """None: it answers, and what it says is not believed yet. (An empty one: all is as it was.)"""
    age_seconds: float = 0.0
    """How long ago that was, by the machine's own clock."""
    mark: str | None = None
    """What the adapter needs to go on after this report, over a new connection or after a restart of the edge: text of
    its own, kept with the facts. None: nothing new."""
    lost: str | None = None
    """Why nobody knows what the machine said between the report before and this one: see `ReportsLost`. None: nothing
    is missing."""


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
    """One machine, polled. It lives as long as the edge; every `connect` starts afresh."""

    @property
    def counter_bits(self) -> int | None:
        """Size of the register of `part_count`: 16 or 32. None: nobody knows."""

    @property
    def has_hold_output(self) -> bool:
        """Whether the machine can be told to hold."""

    @property
    def held(self) -> bool | None:
        """What its hold output read at the last poll. None: neither of the two, or it has none."""

    async def connect(self, mark: str | None) -> None:
        """`mark`: that of the last report whose facts are safe. Raises AdapterError."""

    async def poll(self) -> Sequence[Report]:
        """What the machine said since the poll before, oldest first; the last report is how it is now.

        Raises AdapterError: there is no half report. What a poll returned may be asked for again: then `connect` gets
        the mark before it.
        """

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
    make: Callable[[Sequence[Any], Callable[[], float]], Sequence[Adapter]]
    """(settings of each machine, clock) -> an adapter for each: together, since machines may share a connection. The
    clock is monotonic, in seconds."""


def must_exist(**files: Path | None) -> None:
    """For the settings: raises ValueError for a file that is named and isn't there."""
    for key, path in files.items():
        if path is not None and not path.is_file():
            raise ValueError(f"{key}: there is no file {path}")


def believed(report: Report) -> Report:
    """The same report, if it is one that the ledger would take. Raises BadAnswer.

    Structs don't check what they are made of, so this is where an adapter that lies is found out.
    """
    about = (report.age_seconds, report.mark, report.lost)
    try:
        age, *_ = msgspec.convert(about, tuple[Seconds, Line | None, Line | None])
        if report.update is None:
            return report._replace(age_seconds=age)
        update = msgspec.convert(msgspec.to_builtins(report.update), MachineUpdate)
        check(update)
    except (msgspec.ValidationError, Invalid) as error:
        raise BadAnswer(f"impossible values: {error}") from error
    return report._replace(update=update, age_seconds=age)
