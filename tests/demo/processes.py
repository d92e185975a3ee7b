"""A whole shop in processes of its own: a simulated floor, the ledger and an edge, each of which may be killed."""

import json
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families
from pymodbus.client import ModbusTcpClient
from pymodbus.exceptions import ModbusException

KEY = "k" * 64
STANDSTILL = "1e6"
"""Pace at which a floor makes no part before everybody has gone home."""
Json = dict[str, Any]


def free_port() -> int:
    """One that the system gives to no outgoing connection, so that it is still free after a kill."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as free, suppress(OSError):
            free.bind(("127.0.0.1", port))
            return port


class Control:
    """What stands at the machine: its registers, read without anything of the edge."""

    def __init__(self, table: Json) -> None:
        self._table = table["modbus"]
        self._client: ModbusTcpClient | None = None

    def held(self) -> bool:
        return bool(self._ask("read_coils", self._table["hold_output"]["address"], 1).bits[0])

    def part_count(self) -> int:
        words = self._ask("read_holding_registers", self._table["values"]["part_count"]["address"], 2).registers
        return int(struct.unpack(">I", struct.pack(">2H", *words))[0])

    def close(self) -> None:
        if self._client is not None:
            self._client.close()

    def _ask(self, method: str, address: int, count: int) -> Any:
        with suppress(ModbusException):
            if self._client is not None:
                return getattr(self._client, method)(address, count=count, device_id=self._table["unit"])
        self.close()
        self._client = ModbusTcpClient(self._table["host"], port=self._table["port"], timeout=1, retries=0)
        assert self._client.connect()
        return getattr(self._client, method)(address, count=count, device_id=self._table["unit"])


class Shop:
    """The processes, each on the port that it had before. The floor is there from the start."""

    def __init__(self, folder: Path, pace: float, start: str = "{}") -> None:
        """`pace`: how many times longer than on the live floor everything takes. At 0.1 a part takes a second or so.

        `start`: what the controls know when the shop is new, as the floor takes it.
        """
        self.folder = folder
        self.pace, self._start = pace, start
        self.port = free_port()
        self.config = folder / "shop.toml"
        self.floor_state = folder / "floor.json"
        self.api = httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}", headers={"Authorization": f"Bearer {KEY}"}, trust_env=False
        )
        self.processes: dict[str, subprocess.Popen[Any]] = {}
        self.ports = self.start_floor()

    def close(self) -> None:
        for name in list(self.processes):
            self.kill(name)
        self.api.close()

    def start(self, name: str, *arguments: str, **more: Any) -> "subprocess.Popen[Any]":
        with self.log(name).open("ab") as log:
            more = {"stdout": log} | more
            process = subprocess.Popen([sys.executable, "-m", *arguments], stderr=log, start_new_session=True, **more)
        self.processes[name] = process
        return process

    def start_floor(self, pace: float | str | None = None) -> dict[str, int]:
        """The port of each machine."""
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        how = ["--state", str(self.floor_state), "--start", self._start, "--pace", str(pace or self.pace)]
        floor = self.start("floor", "taktledger.demo.floor", *how, **pipes)
        assert floor.stdout
        line = floor.stdout.readline()
        assert line, self.end_of_log("floor")
        return dict(json.loads(line)["ports"])

    def start_ledger(self, *more: str, wait: bool = True) -> None:
        """With `--config` it starts an edge beside itself."""
        where = ["--port", str(self.port), "--data", str(self.folder / "data")]
        environment = os.environ | {"TAKTLEDGER_ADMIN_KEY": KEY}
        self.start("ledger", "taktledger", "serve", *where, *more, env=environment)
        if wait:
            self.until(self.is_ready)

    def start_edge(self, ledger_url: str | None = None) -> None:
        key = self.folder / "data" / "edge.key"
        ledger = ledger_url or str(self.api.base_url)
        where = ["--ledger", ledger, "--key-file", str(key), "--spool", str(self.folder / "spool.db")]
        self.start("edge", "taktledger", "edge", "--config", str(self.config), *where)

    def kill(self, name: str) -> None:
        """With whatever it has started."""
        self._end(name, signal.SIGKILL)

    def stop_making_parts(self) -> dict[str, int]:
        """The controls go on, as after a night, with the counters that they had; but no part is finished any more."""
        self._end("floor", signal.SIGTERM)
        return self.start_floor(pace=STANDSTILL)

    def _end(self, name: str, number: signal.Signals) -> None:
        process = self.processes.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        process.wait(20)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()

    def must_live(self, name: str) -> None:
        """A process that ended by itself is a defect, whatever else goes on."""
        assert self.processes[name].poll() is None, f"the {name} ended by itself:\n{self.end_of_log(name)}"

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def end_of_log(self, name: str) -> str:
        return self.log(name).read_text(errors="replace")[-3000:] if self.log(name).exists() else ""

    def is_ready(self) -> bool:
        with suppress(httpx.TransportError):
            return self.api.get("/health/ready").status_code == 200
        return False

    def until(self, condition: Callable[[], Any], seconds: float = 30.0) -> float:
        """How long it took. Seconds."""
        begin = time.monotonic()
        while not condition():
            assert time.monotonic() - begin < seconds, {
                name: self.end_of_log(name) for name in ("ledger", "floor", "edge")
            }
            time.sleep(0.02)
        return time.monotonic() - begin

    def get(self, path: str, **query: Any) -> Any:
        answer = self.api.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def send(self, method: str, path: str, **body: Any) -> Any:
        answer = self.api.request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def events(self, kind: str | None = None) -> list[Json]:
        """All of them, page by page."""
        return list(self._events({"type": kind} if kind else {}))

    def _events(self, query: Json) -> Iterator[Json]:
        after: int | None = 0
        while after is not None:
            page = self.get("/api/events/", **query, limit=1000, after=after)
            yield from page["events"]
            after = page["next_after"]

    def parts(self, machine_id: int) -> list[Json]:
        """All of them, page by page."""
        found: list[Json] = []
        while page := self.get("/api/parts/", machine=machine_id, limit=1000, offset=len(found)):
            found += page.values()
        return found

    def machines(self) -> dict[str, Json]:
        """By source name."""
        return {each["source_name"]: each for each in self.get("/api/machines/").values()}

    def delivered(self, names: Iterable[str], since: float = 0.0) -> bool:
        """Whether the edge says that it has read all of these machines since then, and that nothing waits."""
        machines, waiting = self.machines(), {}
        for family in text_string_to_metric_families(self.api.get("/metrics").text):
            if family.name == "taktledger_edge_backlog_facts":
                waiting = {sample.labels["machine"]: sample.value for sample in family.samples}
        return all(
            name in machines and (machines[name]["last_contact"] or 0) > since and waiting.get(name) == 0
            for name in names
        )
