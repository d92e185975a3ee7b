"""The edge: a task for each machine, one spool, and three that talk with the ledger (`docs/edge.md`).

It runs as a process of its own, beside the ledger or on another computer, and needs the ledger for nothing but to
empty the spool.
"""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from random import random as system_random

import httpx
import structlog

from takt_adapters.adapter import AdapterKind
from takt_adapters.builtin import installed_adapters
from takt_adapters.delivery import ANSWER_SECONDS, Delivery, follow_profiles, tell_state
from takt_adapters.retry import Retry
from takt_adapters.runner import Live, Runner
from takt_adapters.spool import Spool
from taktledger.config import Config

STOP_SECONDS = 1.0
"""For all tasks together to end. Whoever doesn't is left behind: the spool is safe at any moment."""


async def run(
    config: Config,
    *,
    ledger_url: str,
    key: str,
    spool_path: Path,
    stop: asyncio.Event,
    adapters: Mapping[str, AdapterKind] | None = None,
    clock: Callable[[], float] = time.time,
    monotonic: Callable[[], float] = time.monotonic,
    random: Callable[[], float] = system_random,
    new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    transport: httpx.AsyncBaseTransport | None = None,
) -> None:
    """Runs until `stop` is set, and then ends within two seconds. Raises SpoolError if the spool can't be used.

    `ledger_url` is the ledger's address without `/api`, `key` an API key of level `machine` or `admin`. `clock` gives
    UNIX seconds, `random` 0 <= x < 1.
    """
    adapters = installed_adapters() if adapters is None else adapters
    spool = Spool(spool_path, new_id)
    spooled, live_changed = asyncio.Event(), asyncio.Event()
    _, profiles = spool.profiles()
    lives = {machine.name: Live() for machine in config.machines}
    runners = [
        Runner(
            machine.name,
            adapters[machine.adapter].make(machine.settings, monotonic),
            machine.poll_seconds,
            spool=spool,
            profiles=profiles,
            live=lives[machine.name],
            spooled=spooled,
            live_changed=live_changed,
            clock=clock,
            random=random,
        )
        for machine in config.machines
    ]
    headers = {"Authorization": f"Bearer {key}"}
    try:
        async with httpx.AsyncClient(
            base_url=ledger_url, headers=headers, timeout=ANSWER_SECONDS, transport=transport
        ) as ledger:
            delivery = Delivery(ledger, spool, spooled, clock=clock, random=random)
            works: list[tuple[str, Callable[[], Awaitable[None]]]]
            works = [(f"machine {runner.name}", runner.run) for runner in runners]
            works.append(("delivery", delivery.run))
            if runners:
                works.append(("profiles", partial(follow_profiles, ledger, spool, list(lives), profiles, random)))
                works.append(("state", partial(tell_state, ledger, spool, lives, live_changed)))
            tasks = [asyncio.create_task(_supervise(name, work, random), name=name) for name, work in works]
            try:
                await stop.wait()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks, timeout=STOP_SECONDS)
    finally:
        spool.close()


async def _supervise(name: str, work: Callable[[], Awaitable[None]], random: Callable[[], float]) -> None:
    """Starts the work again when it fails in a way that it doesn't expect."""
    retry = Retry(structlog.get_logger(), name, random)
    while True:
        try:
            await work()
        except Exception as error:
            await asyncio.sleep(retry.failed(repr(error), error))
