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
from takt_adapters.builtin import installed_adapters, make_adapters
from takt_adapters.delivery import ANSWER_SECONDS, Delivery, follow_profiles, tell_state
from takt_adapters.http import is_here, trusted
from takt_adapters.retry import Retry
from takt_adapters.runner import Live, Runner
from takt_adapters.spool import Spool
from takt_adapters.spool_file import SpoolError
from taktledger.config import Config

STEADY_SECONDS = 60.0
"""What ran so long before it failed did work."""
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
    """Runs until `stop` is set, and then ends within two seconds. Raises SpoolError if the spool can't be used, or not
    any more.

    `ledger_url` is the ledger's address without `/api`, `key` an API key of level `machine` or `admin`. `clock` gives
    UNIX seconds, `random` 0 <= x < 1.
    """
    adapters = installed_adapters() if adapters is None else adapters
    broken = asyncio.Event()

    def give_up() -> None:
        """Whoever starts the edge again gets a new spool."""
        broken.set()
        stop.set()

    spool = Spool(spool_path, new_id, [machine.name for machine in config.machines], give_up)
    spooled, live_changed = asyncio.Event(), asyncio.Event()
    _, profiles = spool.profiles()
    made = make_adapters(config.machines, adapters, monotonic)
    lives = {machine.name: Live(adapter=machine.adapter) for machine in config.machines}
    profile_changes = {machine.name: asyncio.Event() for machine in config.machines}
    runners = [
        Runner(
            machine.name,
            made[machine.name],
            machine.poll_seconds,
            spool=spool,
            profiles=profiles,
            profile_changed=profile_changes[machine.name],
            live=lives[machine.name],
            spooled=spooled,
            live_changed=live_changed,
            clock=clock,
            random=random,
        )
        for machine in config.machines
    ]
    ledger = httpx.AsyncClient(
        base_url=ledger_url,
        headers={"Authorization": f"Bearer {key}"},
        timeout=ANSWER_SECONDS,
        transport=transport,
        verify=trusted(),
        trust_env=not is_here(ledger_url),
    )
    try:
        async with ledger:
            delivery = Delivery(ledger, spool, spooled, clock=clock, random=random)
            tasks = [_supervised(f"machine {runner.name}", runner.run, random) for runner in runners]
            tasks.append(_supervised("delivery", delivery.run, random))
            if runners:
                follow = partial(follow_profiles, ledger, spool, profile_changes, profiles, random)
                tasks.append(_supervised("profiles", follow, random))
                tell = partial(tell_state, ledger, spool, lives, live_changed, clock)
                tasks.append(_supervised("state", tell, random))
            try:
                await stop.wait()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks, timeout=STOP_SECONDS)
    finally:
        spool.close()
    if broken.is_set():
        raise SpoolError(f"{spool_path} is damaged")


def _supervised(name: str, work: Callable[[], Awaitable[None]], random: Callable[[], float]) -> asyncio.Task[None]:
    """Starts the work, and again when it fails in a way that it doesn't expect."""

    async def supervise() -> None:
        retry = Retry(structlog.get_logger(), name, random)
        now = asyncio.get_running_loop().time
        while True:
            began = now()
            try:
                await work()
            except (Exception, asyncio.CancelledError) as error:
                if (task := asyncio.current_task()) is not None and task.cancelling():
                    raise  # it is we who were told to end, and no library that cancelled itself
                if now() - began > STEADY_SECONDS:
                    retry.worked()
                await asyncio.sleep(retry.failed(repr(error), error))

    return asyncio.create_task(supervise(), name=name)
