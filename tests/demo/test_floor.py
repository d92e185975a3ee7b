"""The simulated shop floor, as an edge sees it: over real Modbus/TCP."""

import asyncio
import json
import signal
import struct
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.constants import ExcCodes

from takt_adapters.adapter import Report
from takt_adapters.builtin import installed_adapters
from taktledger.config import load_config
from taktledger.demo.control import Kept
from taktledger.demo.floor import Floor
from taktledger.demo.machines import MACHINES
from taktledger.demo.registers import shop_toml
from taktledger.demo.specs import ALARMS, DIAMETER, PROGRAM_SELECT
from taktledger.shopfloor.update import MachineUpdate

START = {"mill-2": Kept(counter=65_530, process="Spacer"), "lathe-1": Kept(counter=310)}
NAMES = [machine.source_name for machine in MACHINES]


class Peer:
    """Reads one machine by its shop.toml, with nothing of ours but the addresses."""

    def __init__(self, table: dict[str, Any]) -> None:
        self.table = table["modbus"]
        self.client = AsyncModbusTcpClient(
            self.table["host"], port=self.table["port"], timeout=1, retries=0, reconnect_delay=0
        )

    async def words(self, place: dict[str, Any], count: int) -> list[int]:
        read = {"input": self.client.read_input_registers, "holding": self.client.read_holding_registers}
        answer = await read[place["register"]](place["address"], count=count, device_id=self.table["unit"])
        assert not answer.isError(), answer
        assert len(answer.registers) == count
        return list(answer.registers)

    async def hold(self, held: bool) -> None:
        output = self.table["hold_output"]
        assert output["register"] == "coil"
        answer = await self.client.write_coil(output["address"], held, device_id=self.table["unit"])
        assert not answer.isError(), answer
        assert await self.held() is held

    async def held(self) -> bool:
        place = self.table["hold_output"]["address"]
        answer = await self.client.read_coils(place, count=1, device_id=self.table["unit"])
        return bool(answer.bits[0])

    async def value(self, name: str) -> Any:
        place = self.table["values"][name]
        if place["type"] == "bool":
            answer = await self.client.read_discrete_inputs(place["address"], count=1, device_id=self.table["unit"])
            return answer.bits[0]
        count = place.get("length") or {"uint16": 1, "uint32": 2}[place["type"]]
        words = await self.words(place, count)
        if place["type"] == "string":
            return struct.pack(f">{count}H", *words).rstrip(b"\0").decode()
        number = int.from_bytes(struct.pack(f">{count}H", *words), "big")
        return place["map"][str(number)] if "map" in place else number


def peers(ports: dict[str, int]) -> dict[str, Peer]:
    return {table["name"]: Peer(table) for table in tomllib.loads(shop_toml(ports))["machine"]}


def kept(state: Path) -> dict[str, Kept]:
    return msgspec.json.decode(state.read_bytes(), type=dict[str, Kept])


async def _a_floor(state: Path) -> None:
    """By a clock that is only a number: what takes minutes is over in a second."""
    floor = Floor(state, START, seed=1)
    ports = await floor.open()
    machines = peers(ports)
    assert list(machines) == NAMES
    for peer in machines.values():
        assert await peer.client.connect()

    now = 0.0
    await floor.tick(now)
    await floor.tick(now := now + 3600)
    assert all(each.total == 0 for each in kept(state).values())  # nobody has read a counter yet
    firsts = {name: await peer.value("part_count") for name, peer in machines.items()}
    assert firsts == {"mill-1": 0, "mill-2": 65_530, "lathe-1": 310, "mill-5ax": 0}

    dropped = came_back = False
    ax = machines["mill-5ax"]
    last = 0
    while not came_back:
        await floor.tick(now := now + 0.5)
        assert now < 3600 + 300, "the link has not dropped and come back within five minutes"
        await asyncio.sleep(0)
        up = floor.stations[3].link.up  # type: ignore[union-attr]
        assert await machines["mill-1"].value("part_count") == kept(state)["mill-1"].total
        if dropped and up:
            came_back = await ax.client.connect()
        elif not up and not dropped:
            last = kept(state)["mill-5ax"].total
            await asyncio.sleep(0.01)
            dropped = not ax.client.connected and not await ax.client.connect()
    assert await ax.value("part_count") == kept(state)["mill-5ax"].total >= last

    assert await machines["mill-2"].value("part_count") < 100
    for name, peer in machines.items():
        assert await peer.value("program_name") == floor.stations[NAMES.index(name)].control.program_name
        assert await peer.value("cycle_state") in ("ACTIVE", "STOPPED", "FEED_HOLD", "INTERRUPTED")
        assert await peer.value("estopped") is floor.stations[NAMES.index(name)].control.estopped
        assert 80 <= await peer.value("feed_rate_override") <= 110
        assert 1 <= await peer.value("active_tool") <= 20
        before = await peer.words(peer.table["heartbeat"], 1)
        await floor.tick(now)
        assert await peer.words(peer.table["heartbeat"], 1) != before
        diameter = struct.unpack(">i", struct.pack(">2H", *await peer.words(peer.table["variables"]["500"], 2)))[0]
        assert 7_000 < diameter < 41_000
        answer = await peer.client.write_register(peer.table["values"]["part_count"]["address"], 7, device_id=1)
        assert answer.isError()
        answer = await peer.client.read_holding_registers(2000, count=1, device_id=1)
        assert answer.isError()
        peer.client.close()
    floor.close()

    again = Floor(state, {"mill-2": Kept(counter=1)}, seed=1)
    assert await again.open() == ports
    assert {station.machine.source_name: station.control.counter for station in again.stations} == {
        name: each.counter for name, each in kept(state).items()
    }
    assert [each.control.process for each in again.stations] == [each.control.process for each in floor.stations]
    again.close()


def test_the_floor_serves_what_its_controls_show(tmp_path: Path) -> None:
    asyncio.run(_a_floor(tmp_path / "floor.json"))


async def _polled(state: Path) -> None:
    floor = Floor(state, {}, seed=1)
    file = state.with_name("shop.toml")
    file.write_text(shop_toml(await floor.open()))
    adapters = installed_adapters()
    for station, machine in zip(floor.stations, load_config(file, adapters).machines, strict=True):
        control = station.control
        control.alarm, control.counter = ALARMS[3], 70_000 % 2**station.machine.counter_bits
        control.variables[DIAMETER] = 17.995
        station.publish()
        (adapter,) = adapters[machine.adapter].make([machine.settings], time.monotonic)
        await adapter.connect(None)
        assert await adapter.poll() == [Report(MachineUpdate())]  # whether this control is alive shows only at the second look
        station.publish()
        (report,) = await adapter.poll()
        update = report.update
        assert adapter.held is False
        await adapter.hold(True)
        assert control.held
        await adapter.close()
        assert machine.name == station.machine.source_name
        assert adapter.counter_bits == station.machine.counter_bits
        assert update.part_count == control.counter
        assert (update.program_name, update.cycle_state) == (control.program_name, "STOPPED")
        assert (update.estopped, update.feed_rate_override, update.active_tool) == (True, 100, control.active_tool)
        assert update.alarms is not None
        assert [(alarm.alarm_code, alarm.alarm_type) for alarm in update.alarms] == [("9000", "EMERGENCY STOP")]
        selected = {PROGRAM_SELECT: 5.0} if machine.name == "lathe-1" else {}
        assert update.common_vars == {500: 17.995, 501: 0.0} | selected
    floor.close()


def test_the_modbus_adapter_reads_it_by_its_shop_toml(tmp_path: Path) -> None:
    asyncio.run(_polled(tmp_path / "floor.json"))


async def _held(state: Path) -> None:
    floor = Floor(state, START, seed=1)
    peer = peers(await floor.open())["mill-5ax"]
    assert await peer.client.connect()
    station, now = floor.stations[3], 0.0
    assert not await peer.held()
    await peer.value("part_count")
    while station.control.cycle_state != "ACTIVE":
        await floor.tick(now := now + 0.1)
    await peer.hold(True)
    assert await peer.value("cycle_state") == "FEED_HOLD"  # at once, and not at the next tick
    made = await peer.value("part_count")
    for _ in range(60):
        await floor.tick(now := now + 1.0)
    assert (await peer.value("part_count"), await peer.value("cycle_state")) == (made, "FEED_HOLD")
    assert b"held" not in state.read_bytes()

    station.hang_up()  # a link that drops is no restart
    await floor.tick(now)
    peer.client.close()
    assert await peer.client.connect()
    assert await peer.held()

    await peer.hold(False)
    assert await peer.value("cycle_state") == "ACTIVE"
    for _ in range(60):
        await floor.tick(now := now + 1.0)
    assert await peer.value("part_count") > made

    await peer.hold(True)
    peer.client.close()
    floor.close()
    again = Floor(state, {}, seed=1)
    peer = peers(await again.open())["mill-5ax"]
    assert await peer.client.connect()
    assert not await peer.held()
    peer.client.close()
    again.close()


def test_a_control_stands_still_while_its_coil_is_on(tmp_path: Path) -> None:
    asyncio.run(_held(tmp_path / "floor.json"))


async def _written(state: Path) -> None:
    floor = Floor(state, START, seed=1)
    peer = peers(await floor.open())["mill-1"]
    client = peer.client
    assert await client.connect()
    place = peer.table["hold_output"]["address"]
    for held in (True, False):
        assert not (await client.write_coils(place, [held], device_id=1)).isError()
        assert await peer.held() is held
    for refused in (
        client.write_coil(place + 1, True, device_id=1),
        client.write_coils(place, [True, True], device_id=1),
        client.write_register(place, 1, device_id=1),
        client.write_registers(place, [1], device_id=1),
    ):
        assert (await refused).exception_code == ExcCodes.ILLEGAL_FUNCTION
    assert not await peer.held()
    await floor.tick(0.0)
    await floor.tick(3600.0)
    assert kept(state)["mill-1"].total == 0  # whoever only writes has read nothing
    client.close()
    floor.close()


def test_nothing_but_the_coil_can_be_written(tmp_path: Path) -> None:
    asyncio.run(_written(tmp_path / "floor.json"))


@contextmanager
def process(state: Path, *arguments: str) -> Iterator[tuple["subprocess.Popen[str]", dict[str, int]]]:
    command = [sys.executable, "-m", "taktledger.demo.floor", "--state", str(state), *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as floor:
        assert floor.stdout
        try:
            yield floor, json.loads(floor.stdout.readline())["ports"]
        finally:
            floor.kill()


async def _grows(ports: dict[str, int]) -> None:
    lathe = peers(ports)["lathe-1"]
    assert await lathe.client.connect()
    first = await lathe.value("part_count")
    assert first == 310
    async with asyncio.timeout(20):
        while await lathe.value("part_count") == first:
            await asyncio.sleep(0.1)
    lathe.client.close()


def test_the_process_makes_parts_and_ends_with_its_parent(tmp_path: Path) -> None:
    state = tmp_path / "floor.json"
    with process(state, "--start", '{"lathe-1": {"counter": 310}}', "--pace", "0.1") as (floor, ports):
        assert list(ports) == NAMES
        asyncio.run(_grows(ports))
        assert floor.stdin
        started = time.monotonic()
        floor.stdin.close()
        assert floor.wait(timeout=10) == 0
        assert time.monotonic() - started < 2
    lathe = kept(state)["lathe-1"]
    assert lathe.counter - 310 == lathe.total >= 1


async def _is_held_and_goes_on(ports: dict[str, int]) -> None:
    lathe = peers(ports)["lathe-1"]
    assert await lathe.client.connect()
    await lathe.value("part_count")
    async with asyncio.timeout(20):
        while await lathe.value("cycle_state") != "ACTIVE":
            await asyncio.sleep(0.02)
    await lathe.hold(True)
    state, made = await lathe.value("cycle_state"), await lathe.value("part_count")
    assert state in ("FEED_HOLD", "STOPPED")  # the cycle may just have ended
    await asyncio.sleep(3)  # four cycles or more
    assert (await lathe.value("cycle_state"), await lathe.value("part_count")) == (state, made)
    await lathe.hold(False)
    async with asyncio.timeout(20):
        while await lathe.value("part_count") <= made:
            await asyncio.sleep(0.1)
    lathe.client.close()


def test_the_process_obeys_its_coils(tmp_path: Path) -> None:
    with process(tmp_path / "floor.json", "--pace", "0.1") as (_, ports):
        asyncio.run(_is_held_and_goes_on(ports))


def test_the_process_ends_when_it_is_told_to(tmp_path: Path) -> None:
    state = tmp_path / "floor.json"
    with process(state) as (floor, ports):
        started = time.monotonic()
        floor.send_signal(signal.SIGTERM)
        assert floor.wait(timeout=10) == 0
        assert time.monotonic() - started < 2
    assert {name: each.port for name, each in kept(state).items()} == ports
