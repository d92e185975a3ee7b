"""The edge: what share of one core it and the server use for many machines, and how fast a backlog is delivered."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from benchmarks.measure import Figure
from takt_adapters.spool import Dated, Spool
from taktledger.domain.controls import ControlChanges
from taktledger.domain.shop import Counter
from taktledger.shopfloor.detector import DetectorState
from taktledger.shopfloor.facts import BaselineSeen, CyclesSeen, ProgramSeen, StateSeen

ROUNDS, FEW, MANY, SETTLE_SECONDS, SECONDS = 3, 20, 200, 6, 15
BACKLOG = int(os.environ.get("BACKLOG", "1000000"))
"""Facts."""
KEY = "benchmark-key-that-nobody-else-has"
MACHINES = {
    "modbus": """
[[machine]]
name = "{name}"
adapter = "modbus"
[machine.modbus]
host = "127.0.0.1"
port = {port}
[machine.modbus.values]
part_count = {{ register = "holding", address = 0, type = "uint32" }}
active_tool = {{ register = "holding", address = 2, type = "uint16" }}
cycle_state = {{ register = "holding", address = 3, type = "uint16", map = {{ 0 = "STOPPED", 1 = "ACTIVE" }} }}
[machine.modbus.variables]
500 = {{ register = "holding", address = 4, type = "uint16" }}
""",
    "mtconnect": """
[[machine]]
name = "{name}"
adapter = "mtconnect"
[machine.mtconnect]
url = "http://127.0.0.1:{port}"
device = "{name}"
[machine.mtconnect.variables]
500 = "{name}-measured"
""",
    "opcua": """
[[machine]]
name = "{name}"
adapter = "opcua"
[machine.opcua]
url = "opc.tcp://127.0.0.1:{port}"
timeout_seconds = 10
[machine.opcua.values]
part_count = {{ node = "ns=2;s={number}.Count" }}
active_tool = {{ node = "ns=2;s={number}.Tool" }}
cycle_state = {{ node = "ns=2;s={number}.Running", map = {{ 0 = "STOPPED", 1 = "ACTIVE" }} }}
[machine.opcua.variables]
500 = {{ node = "ns=2;s={number}.Measured" }}
""",
}


def edge_machines(scratch: Path) -> list[Figure]:
    """Shares of one core in percent: both processes on the same one, the machines on another, if there is one."""
    shares: dict[tuple[str, int], dict[str, list[float]]] = {}
    for number in range(ROUNDS):
        for protocol in MACHINES:
            for count in (FEW, MANY):
                found = _shares(scratch / f"{protocol}-{count}-{number}", protocol, count)
                for who, share in found.items():
                    shares.setdefault((protocol, count), {}).setdefault(who, []).append(share)
    return [
        Figure(
            what=f"{who} with {MANY} machines ({protocol}), one update a second",
            ours=shares[protocol, MANY][who],
            compared_to=f"with {FEW}",
            other=shares[protocol, FEW][who],
            unit="% of a core",
            target=f"<= {MANY // FEW}",
        )
        for protocol in MACHINES
        for who in ("edge", "server")
    ]


def edge_backlog(scratch: Path) -> list[Figure]:
    """What waits at the edge, of 200 machines, against how fast they make it."""
    data = scratch / "backlog"
    data.mkdir()
    facts = _fill(data / "spool.db")
    with _floor("modbus", MANY) as ports, _server(data) as (url, _):
        live = _live_rate(data, ports, url)
        (data / "away.toml").write_text(MACHINES["modbus"].format(name="away", port=1))
        before = _events(url)
        with _edge(data, "away.toml", "spool.db", url):
            began = time.monotonic()
            while _events(url) < before + facts:
                time.sleep(0.5)
            delivered = facts / (time.monotonic() - began)
    return [
        Figure(
            what=f"facts of a backlog of {facts:,}, delivered",
            ours=[delivered],
            compared_to=f"made by {MANY} machines",
            other=[live],
            target=">= 10",
        )
    ]


def _shares(data: Path, protocol: str, count: int) -> dict[str, float]:
    data.mkdir()
    with _floor(protocol, count) as ports, _server(data) as (url, server):
        _write_config(data, protocol, ports)
        with _edge(data, "shop.toml", "spool.db", url) as edge:
            _until_connected(url, count)
            time.sleep(SETTLE_SECONDS)
            processes = {"edge": edge.pid, "server": server.pid}
            began, before = time.monotonic(), {who: _cpu_seconds(pid) for who, pid in processes.items()}
            time.sleep(SECONDS)
            used = {who: _cpu_seconds(pid) - before[who] for who, pid in processes.items()}
            elapsed = time.monotonic() - began
    return {who: 100 * seconds / elapsed for who, seconds in used.items()}


def _write_config(data: Path, protocol: str, ports: list[int]) -> None:
    machines = [
        MACHINES[protocol].format(name=f"m-{number}", number=number, port=port) for number, port in enumerate(ports)
    ]
    (data / "shop.toml").write_text("".join(machines))


def _live_rate(data: Path, ports: list[int], url: str) -> float:
    """Facts a second of the machines while they work."""
    _write_config(data, "modbus", ports)
    with _edge(data, "shop.toml", "live.db", url):
        _until_connected(url, len(ports))
        time.sleep(SETTLE_SECONDS)
        began, before = time.monotonic(), _events(url)
        time.sleep(SECONDS)
        return (_events(url) - before) / (time.monotonic() - began)


def _fill(path: Path) -> int:
    """What 200 machines that nobody listened to have to say."""
    spool, each = Spool(path, lambda: "backlog"), BACKLOG // MANY
    for number in range(MANY):
        began = time.time() - each
        facts = [
            Dated(BaselineSeen(counters={"part_count": Counter(0)}), began),
            Dated(ProgramSeen(program="O1001"), began),
        ]
        for second in range(2, each):
            if second % 5:
                changes = ControlChanges(active_tool=second % 5, cycle_state="ACTIVE")
                facts.append(Dated(StateSeen(changes=changes), began + second))
            else:
                counters, used = {"part_count": Counter(second // 5)}, dict.fromkeys(range(1, 5), 1.0)
                cycle = CyclesSeen(
                    cycles=1, counters=counters, program="O1001", tools_seen=[1, 2, 3, 4], tool_seconds=used
                )
                facts.append(Dated(cycle, began + second))
        spool.write(f"b-{number}", DetectorState(), facts)
    spool.close()
    return each * MANY


@contextmanager
def _process(*command: str, core: int, **more: Any) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen([sys.executable, "-m", *command], **more)
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(process.pid, {cores[core % len(cores)]})
    try:
        yield process
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def _floor(protocol: str, count: int) -> Iterator[list[int]]:
    with _process("benchmarks.machines", protocol, str(count), core=1, stdout=subprocess.PIPE) as floor:
        assert floor.stdout is not None
        yield json.loads(floor.stdout.readline())
        floor.stdout.close()


@contextmanager
def _server(data: Path) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    port = asyncio.run(_free_port())
    environment = os.environ | {"TAKTLEDGER_ADMIN_KEY": KEY}
    url = f"http://127.0.0.1:{port}"
    command = ("taktledger", "serve", "--data", str(data / "data"), "--port", str(port))
    with _process(*command, core=0, env=environment, stdout=subprocess.DEVNULL) as server:
        for _ in range(600):
            try:
                if httpx.get(f"{url}/health/ready", trust_env=False).is_success:
                    break
            except httpx.TransportError:
                time.sleep(0.05)
        yield url, server


@contextmanager
def _edge(data: Path, config: str, spool: str, url: str) -> Iterator["subprocess.Popen[bytes]"]:
    where = ("--config", str(data / config), "--spool", str(data / spool), "--ledger", url, "--key", KEY)
    with _process("taktledger", "edge", *where, core=0, stdout=subprocess.DEVNULL) as edge:
        yield edge


def _until_connected(url: str, count: int) -> None:
    for _ in range(600):
        machines = _get(url, "/api/adapters/").json().values()
        if sum(machine["connected"] for machine in machines) == count:
            return
        time.sleep(0.2)
    raise RuntimeError("the machines did not answer")


def _events(url: str) -> float:
    lines = _get(url, "/metrics").text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("taktledger_ledger_position "))


def _get(url: str, path: str) -> httpx.Response:
    return httpx.get(url + path, headers={"Authorization": f"Bearer {KEY}"}, trust_env=False, timeout=60)


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _free_port() -> int:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = int(server.sockets[0].getsockname()[1])
    server.close()
    return port
