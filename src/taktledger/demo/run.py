"""The demo: a month of history for an empty ledger, then the simulated floor with its edge."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import groupby
from pathlib import Path

import msgspec

from takt_adapters.builtin import installed_adapters
from taktledger import children
from taktledger.api.backend import Backend
from taktledger.config import ConfigError, load_config
from taktledger.demo.history import HistoryStep, history, last_counts
from taktledger.demo.registers import shop_toml
from taktledger.ledger.writer import Answer, Request, Step
from taktledger.main import CannotStart, Settings
from taktledger.progress import show_progress

SEED = 20
GROUP_SECONDS = 600.0
"""What happened within ten minutes is written in one group, at their end, as if an edge had been away so long."""


@asynccontextmanager
async def demo_floor(settings: Settings, backend: Backend, stopping: asyncio.Event) -> AsyncIterator[Path | None]:
    """Controls on free ports of this machine, and the config that names them (`DATA/demo.toml`), with the real machines
    of the user's own config after them."""
    if backend.ledger.head == 0:
        await write_history(backend, stopping)
    counts = msgspec.json.encode(last_counts(backend.writer.shop)).decode()
    state = settings.data / "floor.json"
    process = await children.start(
        "taktledger.demo.floor", "--state", str(state), "--start-counts", counts, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        line = await process.stdout.readline()
        if not line:
            raise CannotStart("the simulated shop floor did not start")
        config = settings.data / "demo.toml"
        real = settings.config.read_text() if settings.config else ""
        config.write_text(f"{shop_toml(msgspec.json.decode(line)['ports'])}\n{real}")
        try:
            load_config(config, installed_adapters())
        except ConfigError as error:  # a real machine with the name of a simulated one
            raise CannotStart(str(error)) from None
        yield config
    finally:
        await asyncio.shield(children.stop(process))


async def write_history(backend: Backend, stopping: asyncio.Event) -> None:
    """Writes the last thirty days through the normal commands, with the writer's clock set to those days."""
    writer, clock = backend.writer, backend.writer.clock
    now = clock()
    steps = list(history(now, SEED))
    done = 0
    try:
        with show_progress("writing thirty days of history") as report:
            for window, group in groupby(steps, key=lambda step: step.at // GROUP_SECONDS):
                writer.clock = partial(min, (window + 1) * GROUP_SECONDS, now)
                requests = [_request(step) for step in group]
                for outcome in writer.write(requests):
                    if not isinstance(outcome, Answer):
                        raise outcome
                done += len(requests)
                report(done, len(steps))
                await asyncio.sleep(0)  # so that Ctrl-C is heard
                if stopping.is_set():
                    return
    finally:
        writer.clock = clock


def _request(step: HistoryStep) -> Request:
    taken = Step(decide=step.decide, command=step.command, source=step.source, sequence=step.sequence)
    return Request(steps=[taken], actor="demo")
