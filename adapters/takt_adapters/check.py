"""`adapters check`: connects to each machine once, and shows what it reads, value by value."""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from takt_adapters.adapter import Adapter, AdapterKind, Reading
from takt_adapters.builtin import installed_adapters, make_adapters
from takt_adapters.mapping import HOLD_OUTPUT
from takt_adapters.runner import CLOSE_SECONDS, STUCK_SECONDS, said
from taktledger.config import Config

RAW_SHOWN = 21
"""Characters: four registers, and that there are more."""


async def check(
    config: Config,
    say: Callable[[str], None],
    *,
    adapters: Mapping[str, AdapterKind] | None = None,
    monotonic: Callable[[], float] = time.monotonic,
) -> bool:
    """Says a line for each machine and each of its values. False: a machine or a value can't be read."""
    adapters = installed_adapters() if adapters is None else adapters
    all_well = True
    made = make_adapters(config.machines, adapters, monotonic)
    for machine in config.machines:
        adapter = made[machine.name]
        try:
            readings = await _read(adapter)
        except Exception as error:  # whatever it is, the other machines are still to be checked
            say(f"{machine.name}: ERROR: {said(error)}")
            all_well = False
            continue
        wrong = sum(each.error is not None for each in readings)
        say(f"{machine.name}: {len(readings)} values read, {wrong} wrong" if wrong else f"{machine.name}: ok")
        for reading in readings:
            say(_line(reading))
        if not adapter.has_hold_output:  # most machines have none, so this is nothing wrong
            say("  it has no hold output: holds can't be enforced on it")
        all_well = all_well and not wrong
    return all_well


async def _read(adapter: Adapter) -> list[Reading]:
    try:
        async with asyncio.timeout(STUCK_SECONDS):
            await adapter.connect(None)
            return await adapter.describe()
    finally:
        with suppress(Exception):
            async with asyncio.timeout(CLOSE_SECONDS):
                await adapter.close()


def _line(reading: Reading) -> str:
    raw = reading.raw if len(reading.raw) <= RAW_SHOWN else f"{reading.raw[: RAW_SHOWN - 2]} …"
    if reading.error is not None:
        shown = f"ERROR: {reading.error}"
    elif reading.name == HOLD_OUTPUT and reading.value is None:
        shown = "neither on nor off"
    else:
        shown = f"{reading.value!r}"
    return f"  {reading.name:<20} {reading.where:<18} {raw:<{RAW_SHOWN}} {shown}"
