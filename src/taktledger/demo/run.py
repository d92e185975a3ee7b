"""The demo: a month of history for an empty ledger, then the simulated floor with its edge."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import partial
from itertools import dropwhile, groupby
from pathlib import Path
from typing import Any

import msgspec

from takt_adapters.builtin import installed_adapters
from taktledger import children
from taktledger.api.backend import Backend
from taktledger.config import ConfigError, load_config
from taktledger.demo.history import DAY, DAYS, HistoryStep, history, last_readings
from taktledger.demo.keeper import Keeper
from taktledger.demo.shop import shop_toml
from taktledger.domain.event import Event
from taktledger.domain.shop import Shop
from taktledger.domain.users import user_named
from taktledger.ledger.writer import Answer, Request, Step
from taktledger.main import CannotStart, Settings
from taktledger.progress import show_progress

SEED = 20
GROUP_SECONDS = 600.0
"""What happened within ten minutes is written in one group, at their end, as if an edge had been away so long."""


@asynccontextmanager
async def demo_floor(settings: Settings, backend: Backend, stopping: asyncio.Event) -> AsyncIterator[Path | None]:
    """Controls on free ports of this machine, and the config that names them (`DATA/demo.toml`), with the real machines
    of the user's own config after them. None if it was stopped while it wrote the history."""
    if not await write_history(backend, stopping):
        yield None  # without counters: a floor that began with those of the middle would make gaps
        return
    start = msgspec.json.encode(last_readings(backend.writer.shop)).decode()
    state = settings.data / "floor.json"
    process = await children.start(
        "taktledger.demo.floor", "--state", str(state), "--start", start, stdout=asyncio.subprocess.PIPE
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
        keeping = asyncio.create_task(Keeper(backend).run(), name="the keeper of the tools")
        try:
            yield config
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
    finally:
        await asyncio.shield(children.stop(process))


async def write_history(backend: Backend, stopping: asyncio.Event) -> bool:
    """Writes the last thirty days through the normal commands, with the writer's clock set to those days.

    A history that was cut off goes on where it stopped, and reaches until now. Says whether it is complete.
    """
    writer, clock = backend.writer, backend.writer.clock
    now = clock()
    start = _start(backend, now)
    if start is None:
        return True
    written = writer.shop.recorded_at
    steps = list(dropwhile(lambda step: step.at < written, history(start, now, SEED)))
    done = 0
    try:
        with show_progress("writing thirty days of history") as report:
            for at, group in groupby(steps, key=lambda step: _recorded_at(step, now)):
                writer.clock = partial(float, at)
                together = list(group)
                for outcome in writer.write(_requests(together, backend)):
                    if not isinstance(outcome, Answer):
                        raise outcome
                done += len(together)
                report(done, len(steps))
                await asyncio.sleep(0)  # so that Ctrl-C is heard
                if stopping.is_set():
                    return False
    finally:
        writer.clock = clock
    return True


def _start(backend: Backend, now: float) -> float | None:
    """When the history of this ledger begins. None: it needs none, or has all of it.

    A server gives out its first keys before it takes anything from anybody, and this one after the history. So a ledger
    without keys is empty, or has a history that was cut off: each group of it is there as a whole or not at all.
    """
    if backend.writer.shop.last_ids.get("key"):
        return None
    begun = backend.ledger.page(0, 1, stream=None, kind=None, since=None, until=None).events
    return begun[0].occurred_at if begun else now - DAYS * DAY


def _recorded_at(step: HistoryStep, now: float) -> float:
    """When the group of this step is written."""
    return min((step.at // GROUP_SECONDS + 1) * GROUP_SECONDS, now)


def _requests(steps: Iterable[HistoryStep], backend: Backend) -> list[Request]:
    """The facts until somebody wants something are one request, as an edge would deliver them."""
    requests = []
    for is_fact, alike in groupby(steps, key=lambda step: step.source is not None):
        if is_fact:
            requests.append(Request(steps=[_step(each, backend) for each in alike], actor="demo"))
            continue
        for each in alike:
            user = user_named(backend.writer.shop, each.user) if each.user is not None else None
            actor = f"user-{user.id}" if user is not None else "demo"
            requests.append(Request(steps=[_step(each, backend)], actor=actor, images=each.images))
    return requests


def _step(step: HistoryStep, backend: Backend) -> Step:
    decide = partial(step.decide, history=backend.history) if step.reads_rows else step.decide

    def decide_then(shop: Shop, command: Any, now: float) -> Iterable[Event]:
        """People too say what they do when they do it, not at the end of ten minutes."""
        return decide(shop, command, step.at)

    return Step(decide=decide_then, command=step.command, source=step.source, sequence=step.sequence)
