"""The whole edge against an OPC UA server that this project didn't write, while it freezes and is killed.

TAKTLEDGER_ROUNDS says how often each happens (default 20). The peer logs each part before it shows it.
"""

import asyncio
import os
import random
import signal
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.opcua.machine import key_of, make_certificate
from adapters.test_edge import Edge
from peers.peers import Peer, needed
from takt_adapters.builtin import installed_adapters
from taktledger.config import Config, load_config

Eventually = Callable[..., Any]
ROUNDS = int(os.environ.get("TAKTLEDGER_ROUNDS", "20"))
FREEZE_SECONDS = 5.0
BACK_SECONDS = 10.0
LATE_SECONDS = 1.0
"""A part that was made may be read so much later: sampled, published, polled."""

MACHINE = """
[[machine]]
name = "mill-2"
adapter = "opcua"
poll_seconds = 0.2
[machine.opcua]
url = "opc.tcp://127.0.0.1:{port}"
{security}
[machine.opcua.values]
part_count = {{ node = "ns=1;s=Counter" }}
cycle_state = {{ path = "0:Objects/1:Machine/1:State", map = {{ 1 = "ACTIVE" }} }}
program_name = {{ node = "ns=1;s=Program" }}
active_tool = {{ node = "ns=1;s=Tool" }}
[machine.opcua.hold_output]
node = "ns=1;s=Hold"
"""
SECURITY = """
security_policy = "Basic256Sha256"
certificate = "edge.der"
private_key = "edge.key"
server_certificate = "server.der"
trust_on_first_use = true
user = "mill"
password_file = "password.txt"
"""


def config_of(peer: Peer, folder: Path, *, secure: bool) -> Config:
    if secure:
        make_certificate(folder, "edge")
        assert key_of(folder / "edge.der").name == "edge.key"
        (folder / "password.txt").write_text("secret\n")
    file = folder / "shop.toml"
    file.write_text(MACHINE.format(port=peer.port, security=SECURITY if secure else ""))
    return load_config(file, installed_adapters())


def facts(ledger: Any, *kinds: str) -> list[dict[str, Any]]:
    """In the order in which they were found, with their time and type."""
    taken = sorted(ledger.taken.copy().values(), key=lambda each: int(each["sequence"]))
    return [
        {"at": datetime.fromisoformat(each["time"]).timestamp(), "type": each["type"], **each["data"]}
        for each in taken
        if each["type"] in kinds
    ]


async def back_seconds(ledger: Any, kind: str, eventually: Eventually) -> float:
    """How long it takes until there is a new fact of this kind."""
    began, before = time.monotonic(), len(facts(ledger, kind))
    await eventually(lambda: len(facts(ledger, kind)) > before, BACK_SECONDS)
    return time.monotonic() - began


async def freeze(peer: Peer, ledger: Any, eventually: Eventually) -> float:
    peer.send(signal.SIGSTOP)
    await asyncio.sleep(FREEZE_SECONDS)
    peer.send(signal.SIGCONT)
    back = await back_seconds(ledger, "CyclesSeen", eventually)
    await asyncio.sleep(random.random())
    return back


async def kill(peer: Peer, ledger: Any, eventually: Eventually) -> float:
    """Sometimes twice within a second, and often so soon that the counter passes its old value unseen."""
    peer.kill()
    await asyncio.to_thread(peer.start)
    if random.random() < 0.3:
        await asyncio.sleep(random.random())
        peer.kill()
        await asyncio.to_thread(peer.start)
    back = await back_seconds(ledger, "ReportsLost", eventually)
    await asyncio.sleep(4 * random.random())
    return back


async def live_through(
    peer: Peer, config: Config, ledger: Any, folder: Path, what: Any, eventually: Eventually
) -> None:
    back = []
    async with Edge(folder, ledger, *config.machines):
        await eventually(lambda: facts(ledger, "CyclesSeen"))
        for _ in range(ROUNDS):
            back.append(await what(peer, ledger, eventually))
        ledger.profiles = {"version": "2", "machines": {"mill-2": {"holds": [{"start": 0.0}]}}}
        await eventually(lambda: facts(ledger, "HoldOutputWritten"))
        held = len(peer.starts()[-1])
        await asyncio.sleep(1.0)  # several parts, and several polls
        assert held == len(peer.starts()[-1])
        await eventually(lambda: not ledger.states or all(not each["backlog"] for each in ledger.states[-1].values()))
    average = sum(back) / len(back)
    print(f"{what.__name__} {ROUNDS} times: data are back after {average:.2f} s, at most {max(back):.2f} s")


def accounted(peer: Peer, ledger: Any) -> None:
    """What the facts count is what was made, or a gap of that time and those readings says what nobody saw."""
    starts = peer.starts()
    began = [start[0]["at"] for start in starts]
    parts = [[line["at"] for line in start[1:]] for start in starts]
    (baseline,) = [each["counters"]["part_count"]["value"] for each in facts(ledger, "BaselineSeen")]
    cycles = sum(each["cycles"] for each in facts(ledger, "CyclesSeen"))
    gaps = facts(ledger, "ReportsLost")
    assert {gap["why"] for gap in gaps} <= {"restart"}
    run, unseen = 0, 0
    for gap in gaps:
        before, after = gap["before"]["part_count"], gap["after"]["part_count"]
        next_run = max(number for number, at in enumerate(began) if at <= gap["at"])
        assert next_run > run
        hidden = parts[run][before:] + [at for each in parts[run + 1 : next_run] for at in each]
        hidden += parts[next_run][:after]
        assert all(gap["gap_from"] - LATE_SECONDS <= at <= gap["at"] + LATE_SECONDS for at in hidden)
        unseen += len(hidden) - max(after - before, 0)  # so many were counted, and are not more than there were
        assert len(hidden) >= max(after - before, 0)
        run = next_run
    assert run == len(starts) - 1
    made = sum(map(len, parts))
    print(f"{made} made, {baseline} before, {cycles} counted, {unseen} in {len(gaps)} gaps, {len(starts)} starts")
    assert baseline + cycles + unseen == made, facts(ledger, "ReportsLost", "GapSeen", "CountersSeen")


@pytest.mark.long
@pytest.mark.timeout(120 + 60 * ROUNDS)
@pytest.mark.parametrize("what", [freeze, kill])
@pytest.mark.parametrize("secure", [False, True], ids=["open", "secure"])
def test_counts_equal_the_peers_log(
    secure: bool, what: Any, closed_port: int, ledger: Any, tmp_path: Path, eventually: Eventually
) -> None:
    needed("node-opcua")
    security = ["secure"] if secure else []
    peer = Peer("opcua.js", closed_port, tmp_path / "peer.log", str(tmp_path / "pki"), *security)
    peer.start()
    try:
        config = config_of(peer, tmp_path, secure=secure)
        asyncio.run(live_through(peer, config, ledger, tmp_path, what, eventually))
        accounted(peer, ledger)
    finally:
        peer.kill()
    assert what is kill or not facts(ledger, "ReportsLost", "GapSeen")
