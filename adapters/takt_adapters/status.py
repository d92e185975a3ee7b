"""`adapters status`: how the links to the machines are, as the ledger knows it."""

from collections.abc import Callable

import httpx
import msgspec

from takt_adapters.http import HTTP_ERRORS, is_here, trusted
from taktledger.shopfloor.wire import AdapterStatus

COLUMNS = ("machine", "adapter", "connected", "age", "errors", "backlog", "clock", "holds", "error")


class NoStatus(Exception):
    """The ledger doesn't say. The message is fit to show to a user."""


def status(ledger_url: str, key: str, say: Callable[[str], None]) -> bool:
    """Says a line for each machine that an edge reads. False: one of them is not connected. Raises NoStatus."""
    try:
        answer = httpx.get(
            f"{ledger_url.rstrip('/')}/api/adapters/",
            headers={"Authorization": f"Bearer {key}"},
            verify=trusted(),
            trust_env=not is_here(ledger_url),
        )
    except (*HTTP_ERRORS, UnicodeError) as error:  # a key that is no ASCII, or a host that can't be one
        raise NoStatus(f"no answer from {ledger_url}: {error}") from error
    if answer.status_code != httpx.codes.OK:
        raise NoStatus(f"the ledger answers {answer.status_code} {answer.reason_phrase}")
    try:
        machines = msgspec.json.decode(answer.content, type=dict[str, AdapterStatus])
    except msgspec.DecodeError as error:
        raise NoStatus(f"{ledger_url} does not answer as a ledger does") from error
    rows = [COLUMNS, *(_row(name, machine) for name, machine in machines.items())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    for row in rows:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return all(machine.connected for machine in machines.values())


def _row(name: str, machine: AdapterStatus) -> tuple[str, ...]:
    held, clock = machine.hold_output, machine.clock_difference
    return (
        name,
        machine.adapter or "-",
        "yes" if machine.connected else "NO",
        "never" if machine.age is None else _seconds(machine.age),
        str(machine.errors),
        str(machine.backlog),
        "-" if clock is None else f"{clock:+.1f} s",
        "-" if held is None else "HELD" if held else "free",
        " ".join((machine.error or "").split()),
    )


def _seconds(seconds: float) -> str:
    """As people say it."""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.1f} s"
