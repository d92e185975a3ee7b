"""A hold really stops a machine: a simulated control, the edge and the ledger, each a process that may be killed."""

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from pymodbus.client import ModbusTcpClient
from pymodbus.exceptions import ModbusException

from taktledger.demo.registers import shop_toml

pytestmark = pytest.mark.long

MACHINE = "mill-1"
PACE = "0.1"
"""A part takes a second or two."""
STILL_SECONDS = 5.0
KEY = "k" * 64
Json = dict[str, Any]


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


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
    """The processes, each on the port that it had before."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.api = httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}", headers={"Authorization": f"Bearer {KEY}"}, trust_env=False
        )
        self.processes: dict[str, subprocess.Popen[Any]] = {}
        self.start_floor()
        ports = {MACHINE: self.ports[MACHINE]}
        self.config = folder / "shop.toml"
        self.config.write_text(shop_toml(ports))
        self.control = Control(tomllib.loads(shop_toml(ports))["machine"][0])

    def start(self, name: str, *arguments: str, **more: Any) -> "subprocess.Popen[Any]":
        with (self.folder / f"{name}.log").open("ab") as log:
            more = {"stdout": log} | more
            process = subprocess.Popen([sys.executable, "-m", *arguments], stderr=log, start_new_session=True, **more)
        self.processes[name] = process
        return process

    def start_floor(self) -> None:
        state = str(self.folder / "floor.json")
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        floor = self.start("floor", "taktledger.demo.floor", "--state", state, "--pace", PACE, **pipes)
        assert floor.stdout
        self.ports = json.loads(floor.stdout.readline())["ports"]

    def start_ledger(self, *more: str) -> None:
        """With `--config` it starts an edge beside itself."""
        where = ["--port", str(self.port), "--data", str(self.folder / "data")]
        environment = os.environ | {"TAKTLEDGER_ADMIN_KEY": KEY}
        self.start("ledger", "taktledger", "serve", *where, *more, env=environment)
        self.until(self.is_ready)

    def start_edge(self) -> None:
        key = self.folder / "data" / "edge.key"
        where = ["--ledger", str(self.api.base_url), "--key-file", str(key), "--spool", str(self.folder / "spool.db")]
        self.start("edge", "taktledger", "edge", "--config", str(self.config), *where)

    def kill(self, name: str) -> None:
        """With whatever it has started."""
        process = self.processes.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()

    def is_ready(self) -> bool:
        with suppress(httpx.TransportError):
            return self.api.get("/health/ready").status_code == 200
        return False

    def until(self, condition: Callable[[], Any], seconds: float = 30.0) -> float:
        """How long it took. Seconds."""
        begin = time.monotonic()
        while not condition():
            assert time.monotonic() - begin < seconds, {
                name: (self.folder / f"{name}.log").read_text()[-3000:] for name in ("ledger", "floor")
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

    def events(self, kind: str) -> list[Json]:
        return list(self.get("/api/events/", type=kind, limit=1000)["events"])

    def machine(self) -> Json:
        return next(each for each in self.get("/api/machines/").values() if each["source_name"] == MACHINE)

    def waits_for_parts(self) -> None:
        before = self.control.part_count()
        self.until(lambda: self.control.part_count() > before)

    def stands_still(self) -> None:
        """The part that was being made may be counted at the moment of the hold, and none after it."""
        time.sleep(0.3)
        before = self.control.part_count()
        time.sleep(STILL_SECONDS)
        assert self.control.held()
        assert self.control.part_count() == before


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path)
    yield shop
    for name in list(shop.processes):
        shop.kill(name)
    shop.control.close()
    shop.api.close()


@pytest.fixture
def line(shop: Shop) -> Shop:
    """The ledger with an edge beside it, and a machine that makes parts."""
    shop.start_ledger("--config", str(shop.config))
    shop.until(lambda: shop.get("/api/parts/"))
    return shop


def report(what: str, seconds: float) -> None:
    """For people: `pytest -s`. No test goes by it."""
    print(f"{what}: {seconds:.2f} s")


def through_all_kills(line: Shop) -> None:
    """From when the machine is held: whoever is killed, it stays so."""
    line.stands_still()
    line.kill("ledger")
    line.stands_still()
    line.start_ledger("--config", str(line.config))
    line.stands_still()
    line.kill("floor")
    line.start_floor()
    report("a restarted control is held again", line.until(line.control.held))
    line.stands_still()


def test_a_hold_stops_the_machine_until_it_is_released(line: Shop) -> None:
    machine = line.machine()["id"]
    hold = line.send("PUT", f"/api/machines/{machine}/holds", reason="look at the spindle")
    report("held by the API", line.until(line.control.held))
    line.until(lambda: line.events("MachineHoldOutputWritten"))
    through_all_kills(line)
    line.send("PATCH", f"/api/machines/holds/{hold['id']}", end=time.time())
    report("released by the API", line.until(lambda: not line.control.held()))
    line.waits_for_parts()
    line.until(lambda: line.events("MachineHoldOutputWritten")[-1]["data"] == {"machine_id": machine, "held": False})
    # What the edge says of it, in order: held, held again since the control had lost it, released.
    said = [each["data"]["held"] for each in line.events("MachineHoldOutputWritten")]
    assert said == [True, True, False]


def test_a_worn_critical_tool_stops_the_machine_until_it_is_replaced(line: Shop) -> None:
    machine = line.machine()["id"]
    process = line.send("PUT", "/api/processes/", machine_id=machine, name="Flange")["id"]
    for program in line.get("/api/programs/"):
        line.send("PATCH", f"/api/programs/{program}", process_id=process)
    assembly = line.send("PUT", "/api/tools/assemblies/", name="Reamer", process_id=process, location=1)["id"]
    tool = line.send("PUT", "/api/tools/", name="Reamer", assembly_id=assembly, part_life=2, is_critical=True)["id"]
    line.until(lambda: line.get("/api/machines/holds/"))
    report("held for the tool", line.until(line.control.held))
    (hold,) = line.get("/api/machines/holds/")
    assert hold["reason"] == "'Reamer' is past its life: 3 of 2 parts"
    through_all_kills(line)
    line.send("PATCH", f"/api/tools/{tool}", part_life=1000)
    line.send("POST", f"/api/tools/{tool}/replace")
    report("released by the replacement", line.until(lambda: not line.control.held()))
    line.waits_for_parts()
    assert [each["id"] for each in line.get("/api/machines/holds/", end=0)] == []


def test_the_machine_is_released_on_time_while_the_ledger_is_away(shop: Shop) -> None:
    """And one that begins meanwhile holds it. The ledger learns later when that was."""
    shop.start_ledger()
    shop.start_edge()
    shop.until(lambda: shop.get("/api/parts/"))
    machine, now = shop.machine()["id"], time.time()
    first = shop.send("PUT", f"/api/machines/{machine}/holds", end=now + 6)
    second = shop.send("PUT", f"/api/machines/{machine}/holds", start=now + 10, end=now + 14)
    shop.until(shop.control.held)
    shop.until(lambda: shop.events("MachineHoldOutputWritten"))
    shop.kill("ledger")
    seen: list[tuple[bool, float]] = []
    for held in (False, True, False):
        shop.until(lambda held=held: shop.control.held() is held)
        seen.append((held, time.time()))
    shop.waits_for_parts()
    shop.start_ledger()
    shop.until(lambda: len(shop.events("MachineHoldOutputWritten")) == 4)
    told = shop.events("MachineHoldOutputWritten")[1:]
    assert [each["data"]["held"] for each in told] == [False, True, False]
    for event, (_, at), due in zip(told, seen, (now + 6, now + 10, now + 14), strict=True):
        report("too late by", at - due)
        assert due <= event["occurred_at"] <= at + 1
        assert event["recorded_at"] > now + 14
    ended = {each["data"]["hold_id"]: each["occurred_at"] for each in shop.events("HoldEnded")}
    assert ended == {first["id"]: first["end"], second["id"]: second["end"]}
