"""Holds from the ledger to the machine and back: the whole edge, with a real Modbus device and a real HTTP server."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.test_edge import Edge, modbus
from takt_adapters.check import check
from takt_adapters.modbus.settings import ModbusSettings
from taktledger.config import Config, MachineConfig

Devices = Callable[..., AbstractAsyncContextManager[Any]]
Eventually = Callable[..., Any]
COIL = 8
WRITTEN, FAILED = "HoldOutputWritten", "HoldOutputFailed"


def holdable(port: int, poll_seconds: float = 0.05) -> MachineConfig:
    """mill-1, with a hold output at coil 8."""
    machine = modbus("mill-1", port)
    table = {**msgspec.to_builtins(machine.settings), "hold_output": {"register": "coil", "address": COIL}}
    settings = msgspec.convert(table, ModbusSettings)
    return msgspec.structs.replace(machine, settings=settings, poll_seconds=poll_seconds)


def tell(ledger: Any, *holds: dict[str, float]) -> None:
    """The ledger has a new profile for mill-1."""
    version = str(int(ledger.profiles["version"]) + 1)
    ledger.profiles = {"version": version, "machines": {"mill-1": {"holds": list(holds)}}}


def heard(ledger: Any) -> list[tuple[str, bool, str]]:
    """What the ledger heard of holds: type, held, time."""
    return [
        (each["type"], each["data"]["held"], each["time"])
        for each in ledger.taken.values()
        if each["type"] in (WRITTEN, FAILED)
    ]


async def until_coil(device: Any, value: int) -> None:
    async with asyncio.timeout(20):
        while await device.get("coil", COIL) != value:
            await asyncio.sleep(0.005)


def told(ledger: Any, *facts: tuple[str, bool]) -> Callable[[], bool]:
    return lambda: [(kind, held) for kind, held, _ in heard(ledger)] == list(facts)


def test_a_hold_reaches_a_machine_that_is_seldom_polled_at_once(
    tmp_path: Path, ledger: Any, modbus_device: Devices, eventually: Eventually
) -> None:
    async def main() -> None:
        async with modbus_device() as device, Edge(tmp_path, ledger, holdable(device.port, 3600.0)):
            await eventually(lambda: len(ledger.taken) == 1)
            tell(ledger, {"start": 0.0})
            await until_coil(device, 1)
            await eventually(told(ledger, (WRITTEN, True)))
            tell(ledger)
            await until_coil(device, 0)
            await eventually(told(ledger, (WRITTEN, True), (WRITTEN, False)))
            reads = [request for request in device.requests if request[0] == 3]
            assert len(reads) <= 4  # one for each profile

    asyncio.run(main())


def test_a_hold_ends_on_time_while_the_ledger_is_away(
    tmp_path: Path, ledger: Any, modbus_device: Devices, eventually: Eventually
) -> None:
    now = [1500.0]
    tell(ledger, {"start": 1000.0, "end": 2000.0}, {"start": 3000.0})

    async def main() -> None:
        async with modbus_device() as device:
            machine = holdable(device.port)
            async with Edge(tmp_path, ledger, machine, clock=lambda: now[0]):
                await until_coil(device, 1)
                await eventually(told(ledger, (WRITTEN, True)))
                ledger.away = True
                now[0] = 2000.0
                await until_coil(device, 0)
                asked = len(device.requests)
                await eventually(lambda: len(device.requests) > asked + 4)  # read back, and polled again
            async with Edge(tmp_path, ledger, machine, clock=lambda: now[0]):  # it knows the next one by heart
                now[0] = 3000.0
                await until_coil(device, 1)
                asked = len(device.requests)
                await eventually(lambda: len(device.requests) > asked + 4)  # read back, and polled again
                assert told(ledger, (WRITTEN, True))()
                now[0] = 4000.0
                ledger.away = False
                await eventually(told(ledger, (WRITTEN, True), (WRITTEN, False), (WRITTEN, True)))

    asyncio.run(main())
    assert [time for _, _, time in heard(ledger)] == [
        "1970-01-01T00:25:00.000000Z",
        "1970-01-01T00:33:20.000000Z",
        "1970-01-01T00:50:00.000000Z",
    ]


def test_a_control_that_was_restarted_is_held_again(
    tmp_path: Path, ledger: Any, modbus_device: Devices, eventually: Eventually
) -> None:
    now = [1000.0]
    tell(ledger, {"start": 0.0})

    async def main() -> None:
        async with AsyncExitStack() as edge:
            async with modbus_device() as device:
                port = device.port
                await edge.enter_async_context(Edge(tmp_path, ledger, holdable(port), clock=lambda: now[0]))
                await until_coil(device, 1)
                await eventually(told(ledger, (WRITTEN, True)))
            now[0] += 60.0
            async with modbus_device(port) as device:
                await until_coil(device, 1)
                await eventually(told(ledger, (WRITTEN, True), (WRITTEN, True)))

    asyncio.run(main())


def test_an_edge_that_is_restarted_meanwhile_writes_and_tells_nothing(
    tmp_path: Path, ledger: Any, modbus_device: Devices, eventually: Eventually
) -> None:
    tell(ledger, {"start": 0.0})

    async def main() -> list[Any]:
        async with modbus_device() as device:
            async with Edge(tmp_path, ledger, holdable(device.port)):
                await eventually(told(ledger, (WRITTEN, True)))
            assert await device.get("coil", COIL) == 1  # an edge that stops lets nothing go
            device.requests.clear()
            async with Edge(tmp_path, ledger, holdable(device.port)):
                await device.set("holding", 100, [3])
                await eventually(lambda: any(each["type"] == "CyclesSeen" for each in ledger.taken.values()))
            return [request for request in device.requests if request[0] == 5]

    assert asyncio.run(main()) == []
    assert told(ledger, (WRITTEN, True))()


@pytest.mark.parametrize("how", ["refused", "ignored"])
def test_a_machine_that_takes_no_writes_is_counted_all_the_same(
    tmp_path: Path, ledger: Any, modbus_device: Devices, eventually: Eventually, how: str
) -> None:
    tell(ledger, {"start": 0.0})

    async def main() -> None:
        async with modbus_device() as device:
            device.writes = how
            async with Edge(tmp_path, ledger, holdable(device.port)):
                await eventually(told(ledger, (FAILED, True)))
                await device.set("holding", 100, [3])
                await eventually(lambda: any(each["type"] == "CyclesSeen" for each in ledger.taken.values()))
                device.writes = "taken"
                await until_coil(device, 1)
                await eventually(told(ledger, (FAILED, True), (WRITTEN, True)))
            assert ledger.states[-1]["mill-1"]["error"] is None

    asyncio.run(main())


def test_a_machine_that_the_ledger_has_forgotten_is_let_go(
    tmp_path: Path, ledger: Any, modbus_device: Devices, eventually: Eventually
) -> None:
    tell(ledger, {"start": 0.0})

    async def main() -> None:
        async with modbus_device() as device, Edge(tmp_path, ledger, holdable(device.port)):
            await until_coil(device, 1)
            ledger.profiles = {"version": "9", "machines": {}}
            await until_coil(device, 0)

    asyncio.run(main())


def test_check_shows_the_hold_output(modbus_device: Devices) -> None:
    async def main() -> tuple[bool, list[str]]:
        async with modbus_device() as device:
            said: list[str] = []
            return await check(Config(machines=(holdable(device.port),)), said.append), said

    all_well, said = asyncio.run(main())
    assert all_well
    assert [" ".join(line.split()) for line in said] == [
        "mill-1: ok",
        "part_count holding 100 0000 0",
        "hold output coil 8 0 False",
    ]
