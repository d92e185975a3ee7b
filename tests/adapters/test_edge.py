"""The whole edge on loopback: real Modbus devices on one side, a real HTTP server on the other."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.scripted import Script
from takt_adapters.adapter import AdapterKind, Report
from takt_adapters.builtin import BUILT_IN, installed_adapters
from takt_adapters.check import check
from takt_adapters.edge import run
from takt_adapters.modbus.settings import ModbusSettings
from takt_adapters.spool import Dated, Spool
from takt_adapters.spool_file import SpoolError
from taktledger.config import Config, MachineConfig
from taktledger.shopfloor.update import MachineUpdate

Devices = Callable[[], AbstractAsyncContextManager[Any]]
Eventually = Callable[..., Any]


def modbus(name: str, port: int, address: int = 100) -> MachineConfig:
    table = {
        "host": "127.0.0.1",
        "port": port,
        "timeout_seconds": 0.2,
        "values": {"part_count": {"register": "holding", "address": address, "type": "uint16"}},
    }
    settings = msgspec.convert(table, ModbusSettings)
    return MachineConfig(name=name, adapter="modbus", poll_seconds=0.05, settings=settings)


class Edge:
    """An edge that runs until it is left."""

    def __init__(self, path: Path, ledger: Any, *machines: MachineConfig, **more: Any) -> None:
        self.stop = asyncio.Event()
        config = Config(machines=machines)
        arguments = {"ledger_url": ledger.url, "key": "k", "spool_path": path / "spool.db", "stop": self.stop, **more}
        self.running = run(config, **arguments)

    async def __aenter__(self) -> None:
        self.task = asyncio.create_task(self.running)

    async def __aexit__(self, *_: object) -> None:
        began = time.monotonic()
        self.stop.set()
        await self.task
        assert time.monotonic() - began < 10


def test_from_the_machine_to_the_ledger(
    tmp_path: Path, ledger: Any, modbus_device: Devices, eventually: Eventually, closed_port: int
) -> None:
    ledger.profiles = {"version": "1", "machines": {"mill-1": {"part_report_limit": 50}}}

    async def main() -> None:
        async with modbus_device() as device:
            await device.set("holding", 100, [65530])
            # One of them isn't there, and one is called like a task of the edge.
            machines = (
                modbus("mill-1", device.port),
                modbus("mill-2", closed_port),
                modbus("delivery", device.port, 300),
            )
            async with Edge(tmp_path, ledger, *machines):
                await eventually(lambda: len(ledger.taken) == 1)
                await device.set("holding", 100, [4])
                await eventually(lambda: len(ledger.taken) == 2)
                await eventually(lambda: ledger.states and ledger.states[-1]["delivery"]["error"])
            await device.set("holding", 100, [6])
            async with Edge(tmp_path, ledger, *machines):  # what was made in between is found
                await eventually(lambda: len(ledger.taken) == 3)

    asyncio.run(main())
    facts = list(ledger.taken.values())
    assert [(each["subject"], each["type"], each["sequence"]) for each in facts] == [
        ("mill-1", "BaselineSeen", "1"),
        ("mill-1", "CyclesSeen", "2"),
        ("mill-1", "CyclesSeen", "3"),
    ]
    assert [each["data"].get("cycles") for each in facts] == [None, 10, 2]
    assert len({each["source"] for each in facts}) == 1
    errors = {(name, str(live["error"])) for state in ledger.states for name, live in state.items()}
    assert ("mill-2", f"no connection to 127.0.0.1:{closed_port}: Connection refused") in errors
    assert any(name == "delivery" and "illegal address" in error for name, error in errors)


def test_a_cut_cable_on_both_sides(tmp_path: Path, ledger: Any, modbus_device: Devices, eventually: Eventually) -> None:
    async def main() -> None:
        async with modbus_device() as device:
            await device.set("holding", 100, [1])
            async with Edge(tmp_path, ledger, modbus("mill-1", device.port)):
                await eventually(lambda: len(ledger.taken) == 1)
                ledger.answers = [503]
                device.answer = b"\x83\x04"
                await device.set("holding", 100, [3])
                await eventually(lambda: any(state["mill-1"]["error"] for state in ledger.states))
                device.answer = None
                await eventually(lambda: len(ledger.taken) == 2)

    asyncio.run(main())
    assert [each["data"].get("cycles") for each in ledger.taken.values()] == [None, 2]


class Stubborn:
    """An adapter that doesn't let itself be stopped."""

    counter_bits = 32
    has_hold_output = False
    held = None

    async def connect(self, mark: str | None) -> None:
        while True:
            try:
                await asyncio.sleep(0.3)
            except asyncio.CancelledError:
                continue
            if self.over:
                return

    over = False

    async def hold(self, held: bool) -> None:
        pass

    async def poll(self) -> list[Report]:
        return [Report(MachineUpdate())]

    async def describe(self) -> list[Any]:
        return []

    async def close(self) -> None:
        pass


def test_an_adapter_that_ignores_the_stop_is_left_behind(tmp_path: Path, ledger: Any) -> None:
    adapter = Stubborn()
    kind = AdapterKind("stubborn", ModbusSettings, lambda settings, clock: [adapter])
    machine = msgspec.structs.replace(modbus("mill-1", 1), adapter="stubborn")

    async def main() -> None:
        async with Edge(tmp_path, ledger, machine, adapters={"stubborn": kind}):
            await asyncio.sleep(0.05)
        adapter.over = True
        await asyncio.sleep(0.4)

    asyncio.run(main())


def test_no_machines_and_an_old_backlog(tmp_path: Path, ledger: Any, eventually: Eventually) -> None:
    """A machine that is no longer in the config still has its facts delivered."""
    from taktledger.domain.shop import Counter
    from taktledger.shopfloor.detector import DetectorState
    from taktledger.shopfloor.facts import BaselineSeen

    spool = Spool(tmp_path / "spool.db", lambda: "spool-a")
    spool.write("gone", DetectorState(), [Dated(BaselineSeen(counters={"part_count": Counter(1)}), 1.0)])
    spool.close()

    async def main() -> None:
        async with Edge(tmp_path, ledger):
            await eventually(lambda: ledger.taken)

    asyncio.run(main())
    assert list(ledger.taken) == [("spool-a/gone", 1)]


def test_two_edges_on_one_spool(tmp_path: Path, ledger: Any) -> None:
    spool = Spool(tmp_path / "spool.db", lambda: "spool-a")

    async def main() -> None:
        async with Edge(tmp_path, ledger):
            pass

    with pytest.raises(SpoolError):
        asyncio.run(main())
    spool.close()


def test_check_says_what_it_reads(modbus_device: Devices, closed_port: int) -> None:
    async def main() -> tuple[bool, list[str], bool]:
        async with modbus_device() as device:
            await device.set("holding", 100, [42])
            said: list[str] = []
            good = modbus("mill-1", device.port)
            bad = modbus("mill-2", device.port, 300)
            all_well = await check(Config(machines=(good, bad, modbus("mill-3", closed_port))), said.append)
            return all_well, said, await check(Config(machines=(good,)), lambda line: None)

    all_well, said, good_alone = asyncio.run(main())
    assert not all_well
    assert good_alone
    assert [" ".join(line.split()) for line in said] == [
        "mill-1: ok",
        "part_count holding 100 002a 42",
        "it has no hold output: holds can't be enforced on it",
        "mill-2: 1 values read, 1 wrong",
        "part_count holding 300 ERROR: holding 300: the device answers with exception 2 (illegal address)",
        "it has no hold output: holds can't be enforced on it",
        f"mill-3: ERROR: no connection to 127.0.0.1:{closed_port}: Connection refused",
    ]


def test_the_adapters_there_are() -> None:
    assert {kind.name: kind for kind in BUILT_IN}.items() <= installed_adapters().items()


def test_a_task_that_a_library_cancels_is_started_again(
    tmp_path: Path, ledger: Any, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("takt_adapters.retry.FIRST_SECONDS", 0.01)
    polls = 0

    class Cancelling(Script):
        async def poll(self) -> Any:
            nonlocal polls
            polls += 1
            if polls % 2:
                raise asyncio.CancelledError
            return await super().poll()

    async def main() -> None:
        kind = AdapterKind(
            "scripted", ModbusSettings, lambda settings, clock: [Cancelling(MachineUpdate(part_count=7))]
        )
        machine = msgspec.structs.replace(modbus("mill-1", 1), adapter="scripted")
        async with Edge(tmp_path, ledger, machine, adapters={"scripted": kind}):
            await eventually(lambda: polls > 4)
            await eventually(lambda: ledger.taken)

    asyncio.run(main())
