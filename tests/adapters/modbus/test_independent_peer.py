"""The whole edge against a Modbus server that this project didn't write, while it freezes and is killed.

TAKTLEDGER_ROUNDS says how often each happens (default 20). The peer logs each part before it shows it.
"""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.test_edge import Edge
from peers.peers import Peer, needed
from takt_adapters.builtin import installed_adapters
from taktledger.config import Config, load_config

Eventually = Callable[..., Any]
ROUNDS = int(os.environ.get("TAKTLEDGER_ROUNDS", "20"))
FREEZE_SECONDS = 5.0
BACK_SECONDS = 10.0
PARTS = 60
"""More than are made in ten seconds after a restart, or else nobody can see that the counter began at zero again."""

MACHINE = """
[[machine]]
name = "mill-{unit}"
adapter = "modbus"
poll_seconds = 0.2
[machine.modbus]
host = "127.0.0.1"
port = {port}
unit = {unit}
[machine.modbus.values]
part_count = {{ register = "holding", address = 0, type = "uint32" }}
cycle_state = {{ register = "holding", address = 2, type = "uint16", map = {{ 1 = "ACTIVE", 2 = "FEED_HOLD" }} }}
program_name = {{ register = "holding", address = 4, type = "string", length = 4 }}
active_tool = {{ register = "input", address = 0, type = "uint16" }}
[machine.modbus.heartbeat]
register = "holding"
address = 3
max_age_seconds = 3
[machine.modbus.hold_output]
register = "coil"
address = 0
"""


class Gateway(Peer):
    """Three controls behind it."""

    def made(self, unit: int) -> list[int]:
        """Parts, by start."""
        return [sum(line.get("unit") == unit for line in start) for start in self.starts()]

    def connections(self) -> list[int]:
        return [sum("connection" in line for line in start) for start in self.starts()]

    def config(self, file: Path, *units: int) -> Config:
        file.write_text("".join(MACHINE.format(unit=unit, port=self.port) for unit in units))
        return load_config(file, installed_adapters())


@pytest.fixture
def peer(tmp_path: Path, closed_port: int) -> Iterator[Gateway]:
    needed("modbus-serial")
    peer = Gateway("modbus.js", closed_port, tmp_path / "peer.log")
    peer.start()
    yield peer
    peer.kill()


def facts(ledger: Any, unit: int, kind: str) -> list[dict[str, Any]]:
    return [
        each["data"]
        for each in list(ledger.taken.values())
        if (each["subject"], each["type"]) == (f"mill-{unit}", kind)
    ]


async def back_seconds(ledger: Any, units: tuple[int, ...], kind: str, eventually: Eventually) -> float:
    """How long it takes until each has a new fact of this kind."""
    began = time.monotonic()
    before = [len(facts(ledger, unit, kind)) for unit in units]
    await eventually(
        lambda: all(len(facts(ledger, unit, kind)) > count for unit, count in zip(units, before, strict=True)),
        BACK_SECONDS,
    )
    return time.monotonic() - began


async def live_through(
    peer: Gateway, ledger: Any, path: Path, units: tuple[int, ...], rounds: int, eventually: Eventually
) -> None:
    frozen, killed = [], []
    async with Edge(path, ledger, *peer.config(path / "shop.toml", *units).machines):
        await eventually(lambda: all(facts(ledger, unit, "CyclesSeen") for unit in units))
        for _ in range(rounds):
            peer.send(signal.SIGSTOP)
            await asyncio.sleep(FREEZE_SECONDS)
            peer.send(signal.SIGCONT)
            frozen.append(await back_seconds(ledger, units, "CyclesSeen", eventually))
        assert not any(facts(ledger, unit, "GapSeen") for unit in units)
        for _ in range(rounds):
            await eventually(lambda: all(peer.made(unit)[-1] >= PARTS for unit in units), 60)
            peer.kill()
            await asyncio.to_thread(peer.start)
            killed.append(await back_seconds(ledger, units, "GapSeen", eventually))
        ledger.profiles = {
            "version": "2",
            "machines": {f"mill-{unit}": {"holds": [{"start": 0.0}]} for unit in units},
        }
        await eventually(lambda: all(facts(ledger, unit, "HoldOutputWritten") for unit in units))
        held = [peer.made(unit) for unit in units]
        await asyncio.sleep(1)  # several parts, and several polls
        assert held == [peer.made(unit) for unit in units]
        await eventually(lambda: not ledger.states or all(not each["backlog"] for each in ledger.states[-1].values()))
        await asyncio.sleep(0.5)
    for what, seconds in (("frozen", frozen), ("killed", killed)):
        print(f"{what} {rounds} times: back after {sum(seconds) / rounds:.2f} s, at most {max(seconds):.2f} s")


def accounted(peer: Gateway, ledger: Any, unit: int) -> None:
    """What the facts count is what was made, or a gap says what nobody saw."""
    made, gaps = peer.made(unit), facts(ledger, unit, "GapSeen")
    (baseline,) = [each["counters"]["part_count"]["value"] for each in facts(ledger, unit, "BaselineSeen")]
    cycles = sum(each["cycles"] for each in facts(ledger, unit, "CyclesSeen"))
    assert [gap["why"] for gap in gaps] == ["restart"] * (len(made) - 1)
    unseen = 0
    for gap, before, after in zip(gaps, made[:-1], made[1:], strict=True):
        assert gap["from_reading"] <= before
        assert gap["to_reading"] <= after
        unseen += before - gap["from_reading"] + gap["to_reading"]
    print(f"mill-{unit}: {sum(made)} made, {baseline} before, {cycles} counted, {unseen} in {len(gaps)} gaps")
    assert baseline + cycles + unseen == sum(made)
    assert [each["program"] for each in facts(ledger, unit, "ProgramSeen")] == [f"O100{unit}"]
    states = [each["changes"].get("cycle_state") for each in facts(ledger, unit, "StateSeen")]
    assert states == ["ACTIVE", "FEED_HOLD"]


@pytest.mark.long
@pytest.mark.timeout(120 + 60 * ROUNDS)
def test_counts_equal_the_peers_log(peer: Gateway, ledger: Any, tmp_path: Path, eventually: Eventually) -> None:
    asyncio.run(live_through(peer, ledger, tmp_path, (1,), ROUNDS, eventually))
    accounted(peer, ledger, 1)


@pytest.mark.long
@pytest.mark.timeout(400)
def test_three_units_behind_one_connection(peer: Gateway, ledger: Any, tmp_path: Path, eventually: Eventually) -> None:
    asyncio.run(live_through(peer, ledger, tmp_path, (1, 2, 3), 2, eventually))
    for unit in (1, 2, 3):
        accounted(peer, ledger, unit)
    assert peer.connections()[1:] == [1, 1]


def test_a_unit_that_the_gateway_does_not_reach(
    peer: Gateway, ledger: Any, tmp_path: Path, eventually: Eventually
) -> None:
    async def main() -> None:
        async with Edge(tmp_path, ledger, *peer.config(tmp_path / "shop.toml", 1, 2, 9).machines):
            await eventually(lambda: facts(ledger, 1, "CyclesSeen") and facts(ledger, 2, "CyclesSeen"))
            await eventually(lambda: ledger.states and ledger.states[-1]["mill-9"]["error"])

    asyncio.run(main())
    assert "the gateway answers with exception 11" in ledger.states[-1]["mill-9"]["error"]
    assert not ledger.states[-1]["mill-1"]["errors"]
    assert peer.connections() == [1]
