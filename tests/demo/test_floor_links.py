"""Whatever the links do, the adapters count what the simulated controls have counted."""

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from random import Random

import msgspec
import pytest

from takt_adapters.adapter import Adapter, AdapterError
from takt_adapters.builtin import installed_adapters, make_adapters
from taktledger.config import load_config
from taktledger.demo.control import Kept, Link
from taktledger.demo.floor import Floor
from taktledger.demo.shop import shop_toml
from taktledger.shopfloor.detector import DetectorState, detect
from taktledger.shopfloor.facts import CyclesSeen, Fact, GapSeen, ReportsLost
from taktledger.shopfloor.profile import Profile

SECONDS = 20.0


class BadLink(Link):
    """Fails every second or two, for half a second or so."""

    def step(self, now: float) -> None:
        if self._changes_at is None or self._changes_at <= now:
            self.up = self._changes_at is None or not self.up
            self._changes_at = now + self._random.uniform(*((0.8, 2.0) if self.up else (0.2, 0.8)))


class Edge:
    """What an edge does with one adapter, without a spool."""

    def __init__(self, adapter: Adapter) -> None:
        self.adapter = adapter
        self.state = DetectorState()
        self.facts: list[Fact] = []
        self.failures = 0

    async def run(self) -> None:
        while True:
            try:
                await self.adapter.connect(self.state.mark)
                while True:
                    for report in await self.adapter.poll():
                        if report.update is None:
                            continue
                        bits, now = self.adapter.counter_bits, time.time()
                        state, facts = detect(Profile(), self.state, report.update, now, bits, report.lost)
                        self.state = msgspec.structs.replace(state, mark=report.mark or state.mark)
                        self.facts += facts
                    await asyncio.sleep(0.1)
            except AdapterError:
                self.failures += 1
            await self.adapter.close()
            await asyncio.sleep(0.1)

    @property
    def cycles(self) -> int:
        return sum(fact.cycles for fact in self.facts if isinstance(fact, CyclesSeen))


async def _followed(state: Path) -> tuple[Mapping[str, Edge], dict[str, Kept]]:
    floor = Floor(state, {}, seed=1, pace=0.1)
    file = state.with_name("shop.toml")
    file.write_text(shop_toml(await floor.open()))
    kinds = installed_adapters()
    adapters = make_adapters(load_config(file, kinds).machines, kinds, time.monotonic)
    edges = {name: Edge(adapter) for name, adapter in adapters.items()}
    tasks = [asyncio.create_task(edge.run()) for edge in edges.values()]
    clock = asyncio.get_running_loop().time
    begin = clock()
    for number, station in enumerate(floor.stations):
        station.link = BadLink(Random(number))
    while clock() - begin < SECONDS:
        await floor.tick(clock())
        await asyncio.sleep(0.05)
    for station in floor.stations:
        station.link, station.control.held = None, True
    while clock() - begin < SECONDS + 7:  # what is not yet told is told now
        await floor.tick(clock())
        await asyncio.sleep(0.05)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for edge in edges.values():
        await edge.adapter.close()
    floor.close()
    return edges, msgspec.json.decode(state.read_bytes(), type=dict[str, Kept])


@pytest.mark.long
def test_every_part_is_counted_once_while_links_drop(tmp_path: Path) -> None:
    edges, kept = asyncio.run(_followed(tmp_path / "floor.json"))
    assert {name: edge.cycles for name, edge in edges.items()} == {name: each.total for name, each in kept.items()}
    assert all(each.total > 5 for each in kept.values())
    assert all(edge.failures > 3 for edge in edges.values())
    assert [fact for edge in edges.values() for fact in edge.facts if isinstance(fact, (GapSeen, ReportsLost))] == []
