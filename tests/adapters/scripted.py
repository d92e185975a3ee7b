"""A machine that plays a list, and an edge without a ledger for it."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from takt_adapters.adapter import Reading, Report
from takt_adapters.runner import Live, Runner
from takt_adapters.spool import Spool
from taktledger.shopfloor.profile import Profile
from taktledger.shopfloor.update import MachineUpdate

Eventually = Callable[..., Any]
HANG = object()


class Script:
    """An adapter that plays its list: an update, a list of reports, an error to raise, or HANG. Then the last for ever.

    `output` is its hold output, if it has one, and `trouble` what happens when that is written.
    """

    counter_bits = 32

    def __init__(self, *steps: Any, output: bool | None = None) -> None:
        self.steps = list(steps)
        self.connects = self.polls = self.closes = 0
        self.marks: list[str | None] = []
        """With which it was connected."""
        self.has_hold_output = output is not None
        self.output = self.held = output
        self.trouble: Any = None
        self.holds: list[bool] = []
        """What was written."""

    async def connect(self, mark: str | None) -> None:
        self.connects += 1
        self.marks.append(mark)

    async def poll(self) -> list[Report]:
        self.polls += 1
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if step is HANG:
            await asyncio.sleep(3600)
        if isinstance(step, Exception):
            raise step
        self.held = self.output
        return step if isinstance(step, list) else [Report(step)]

    async def hold(self, held: bool) -> None:
        self.holds.append(held)
        if self.trouble is HANG:
            await asyncio.sleep(3600)
        if self.trouble is not None:
            raise self.trouble
        self.held = self.output = held

    async def describe(self) -> list[Reading]:
        return []

    async def close(self) -> None:
        self.closes += 1


def count(value: int, **more: Any) -> MachineUpdate:
    return MachineUpdate(part_count=value, **more)


class ScriptedEdge:
    """Machines on one spool, without a ledger."""

    def __init__(self, path: Path) -> None:
        self.spool = Spool(path, lambda: "spool-a")
        self.now = 1000.0
        self.profiles: dict[str, Profile] = {}
        self.lives: dict[str, Live] = {}
        self.changed = asyncio.Event()
        self.profile_changed = asyncio.Event()

    def runner(self, name: str, script: Script) -> Runner:
        self.lives[name], self.profile_changed = Live(), asyncio.Event()
        return Runner(
            name,
            script,
            0.001,
            spool=self.spool,
            profiles=self.profiles,
            profile_changed=self.profile_changed,
            live=self.lives[name],
            spooled=asyncio.Event(),
            live_changed=self.changed,
            clock=lambda: self.now,
            random=lambda: 0.5,
        )

    async def run(self, until: Callable[[], Any], eventually: Eventually, **scripts: Script) -> None:
        tasks = [asyncio.create_task(self.runner(name, script).run()) for name, script in scripts.items()]
        try:
            await eventually(until)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    def facts(self, name: str = "a") -> list[tuple[str, str]]:
        return [(fact.type, fact.data) for fact in self.spool.waiting(name, 1000)]

    def types(self, name: str = "a") -> list[str]:
        return [kind for kind, _ in self.facts(name)]
