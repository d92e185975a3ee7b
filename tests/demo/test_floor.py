"""The simulated shop floor, as an edge sees it: over real connections, each machine in its own protocol."""

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from pymodbus.constants import ExcCodes

from demo.peers import ModbusPeer, Peer, peers
from takt_adapters.adapter import Adapter
from takt_adapters.builtin import installed_adapters, make_adapters
from taktledger.config import load_config
from taktledger.demo.control import Kept
from taktledger.demo.floor import Floor, Station
from taktledger.demo.machines import MACHINES
from taktledger.demo.shop import shop_toml
from taktledger.demo.specs import ALARMS, DIAMETER, PROGRAM_SELECT
from taktledger.shopfloor.update import MachineUpdate

START = {"mill-2": Kept(counter=65_530, process="Spacer"), "lathe-1": Kept(counter=310)}
NAMES = [machine.source_name for machine in MACHINES]
CAN_BE_HELD = ("mill-1", "lathe-1")
SPEAKS = {"mill-1": "modbus", "mill-2": "modbus", "lathe-1": "opcua", "mill-5ax": "mtconnect"}


def kept(state: Path) -> dict[str, Kept]:
    return msgspec.json.decode(state.read_bytes(), type=dict[str, Kept])


def station_of(floor: Floor, name: str) -> Station:
    return next(each for each in floor.stations if each.machine.source_name == name)


def test_the_floor_speaks_three_protocols() -> None:
    assert {machine.source_name: machine.protocol for machine in MACHINES} == SPEAKS


async def _a_floor(state: Path) -> None:
    """By a clock that is only a number: what takes minutes is over in a second."""
    floor = Floor(state, START, seed=1)
    ports = await floor.open()
    machines = peers(ports)
    assert list(machines) == NAMES
    for peer in machines.values():
        assert await peer.connect()

    now = 0.0
    await floor.tick(now)
    await floor.tick(now := now + 3600)
    assert all(each.total == 0 for each in kept(state).values())  # nobody has read a counter yet
    firsts = {name: await peer.value("part_count") for name, peer in machines.items()}
    assert firsts == {"mill-1": 0, "mill-2": 65_530, "lathe-1": 310, "mill-5ax": 0}

    dropped = came_back = False
    ax, link = machines["mill-5ax"], station_of(floor, "mill-5ax").link
    assert link is not None
    last = 0
    while not came_back:
        await floor.tick(now := now + 0.5)
        assert now < 3600 + 300, "the link has not dropped and come back within five minutes"
        await asyncio.sleep(0)
        assert await machines["mill-1"].value("part_count") == kept(state)["mill-1"].total
        if dropped and link.up:
            came_back = await ax.connect()
        elif not link.up and not dropped:
            last = kept(state)["mill-5ax"].total
            await asyncio.sleep(0.01)
            dropped = not await ax.connect()
    assert await ax.value("part_count") == kept(state)["mill-5ax"].total >= last

    assert await machines["mill-2"].value("part_count") < 100
    for name, peer in machines.items():
        control = station_of(floor, name).control
        assert await peer.value("part_count") == control.counter == kept(state)[name].counter
        assert await peer.value("program_name") == control.program_name
        assert await peer.value("cycle_state") == control.cycle_state
        assert await peer.value("estopped") is control.estopped
        assert await peer.value("feed_rate_override") == control.feed_rate_override
        assert await peer.value("active_tool") == control.active_tool
        assert await peer.variable(DIAMETER) == pytest.approx(control.variables[DIAMETER])
        assert 7 < control.variables[DIAMETER] < 41
        await peer.close()
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


async def _settled(floor: Floor, adapter: Adapter) -> MachineUpdate:
    """All that the adapter says of a machine whose control does nothing more."""
    known: dict[str, object] = {}
    async with asyncio.timeout(10):
        while not known.keys() >= {"part_count", "alarms", "common_vars", "program_name", "active_tool"}:
            await floor.tick(0.0)
            for report in await adapter.poll():
                said = msgspec.structs.asdict(report.update) if report.update is not None else {}
                known |= {name: value for name, value in said.items() if value is not None}
            await asyncio.sleep(0.05)
    return MachineUpdate(**known)  # type: ignore[arg-type]


async def _polled(state: Path) -> None:
    floor = Floor(state, {}, seed=1)
    file = state.with_name("shop.toml")
    ports = await floor.open()
    for peer in peers(ports).values():
        assert await peer.connect()
        await peer.close()
    file.write_text(shop_toml(ports))
    kinds = installed_adapters()
    adapters = make_adapters(load_config(file, kinds).machines, kinds, time.monotonic)
    assert list(adapters) == NAMES
    for name, adapter in adapters.items():
        station = station_of(floor, name)
        control = station.control
        control.alarm, control.counter = ALARMS[3], 70_000 % 2**station.machine.counter_bits
        control.variables[DIAMETER] = 17.995
        await station.server.publish()
        await adapter.connect(None)
        update = await _settled(floor, adapter)
        known_bits = None if station.machine.protocol == "mtconnect" else station.machine.counter_bits
        assert adapter.counter_bits == known_bits
        assert update.part_count == control.counter
        assert (update.program_name, update.cycle_state) == (control.program_name, "STOPPED")
        assert (update.estopped, update.feed_rate_override, update.active_tool) == (True, 100, control.active_tool)
        assert [alarm.alarm_code for alarm in update.alarms or []] == ["9000"]
        assert "EMERGENCY STOP" in str(update.alarms)
        selected = {PROGRAM_SELECT: 5.0} if name == "lathe-1" else {}
        assert update.common_vars == {500: 17.995, 501: 0.0} | selected
        assert adapter.has_hold_output is (station.machine.protocol != "mtconnect")
        if adapter.has_hold_output:
            assert adapter.held is False
            await adapter.hold(True)
            assert control.held
        await adapter.close()
    floor.close()


def test_the_adapters_read_it_by_its_shop_toml(tmp_path: Path) -> None:
    asyncio.run(_polled(tmp_path / "floor.json"))


async def _held(state: Path, name: str) -> None:
    floor = Floor(state, START, seed=1)
    peer = peers(await floor.open())[name]
    assert await peer.connect()
    station, now = station_of(floor, name), 0.0
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

    station.server.hang_up()  # a link that drops is no restart
    await floor.tick(now)
    await peer.close()
    assert await peer.connect()
    assert await peer.held()

    await peer.hold(False)
    assert await peer.value("cycle_state") == "ACTIVE"
    for _ in range(60):
        await floor.tick(now := now + 1.0)
    assert await peer.value("part_count") > made

    await peer.hold(True)
    await peer.close()
    floor.close()
    again = Floor(state, {}, seed=1)
    peer = peers(await again.open())[name]
    assert await peer.connect()
    assert not await peer.held()
    await peer.close()
    again.close()


@pytest.mark.parametrize("name", CAN_BE_HELD)
def test_a_control_stands_still_while_its_hold_output_is_on(tmp_path: Path, name: str) -> None:
    asyncio.run(_held(tmp_path / "floor.json", name))


async def _cut_off(state: Path, name: str) -> None:
    floor = Floor(state, START, seed=1)
    ports = await floor.open()
    peer = peers(ports)[name]
    assert await peer.connect()
    first, station, now = await peer.value("part_count"), station_of(floor, name), 0.0
    reader, writer = await asyncio.open_connection("127.0.0.1", ports[name])
    station.server.hang_up()
    async with asyncio.timeout(10):
        assert await reader.read() == b""
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", ports[name])
    assert not station.server.listens
    await peer.close()
    station.link = None
    for _ in range(100):
        station.server.hang_up()
        await floor.tick(now := now + 1.0)
    assert station.port == ports[name]
    again = peers(ports)[name]
    assert await again.connect()
    assert await again.value("part_count") == first + kept(state)[name].total > first
    await again.close()
    floor.close()
    writer.close()


@pytest.mark.parametrize("name", ["mill-1", "lathe-1", "mill-5ax"])
def test_a_link_that_drops_is_cut_at_once_and_comes_back_at_its_port(tmp_path: Path, name: str) -> None:
    asyncio.run(_cut_off(tmp_path / "floor.json", name))


async def _taken(state: Path) -> None:
    floor = Floor(state, START, seed=1)
    ports = await floor.open()
    other = Floor(state.with_name("other.json"), {name: Kept(counter=0, port=port) for name, port in ports.items()}, 1)
    assert not set((await other.open()).values()) & set(ports.values())
    other.close()
    floor.close()


def test_a_port_that_is_taken_is_left_to_whoever_has_it(tmp_path: Path) -> None:
    asyncio.run(_taken(tmp_path / "floor.json"))


async def _written(state: Path) -> None:
    floor = Floor(state, START, seed=1)
    peer = peers(await floor.open())["mill-1"]
    assert isinstance(peer, ModbusPeer)
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
        client.write_register(peer.table["values"]["part_count"]["address"], 7, device_id=1),
    ):
        assert (await refused).exception_code == ExcCodes.ILLEGAL_FUNCTION
    assert (await client.read_holding_registers(2000, count=1, device_id=1)).isError()
    assert not await peer.held()
    await floor.tick(0.0)
    before = await peer.words(peer.table["heartbeat"], 1)
    await floor.tick(3600.0)
    assert await peer.words(peer.table["heartbeat"], 1) != before
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


async def _counts(ports: dict[str, int], least: dict[str, int]) -> dict[str, int]:
    """What each machine counts as soon as it counts more than that."""

    async def count(peer: Peer, least: int) -> int:
        assert await peer.connect()
        async with asyncio.timeout(30):
            while (count := await peer.value("part_count")) <= least:
                await asyncio.sleep(0.05)
        await peer.close()
        return int(count)

    machines = peers(ports)
    counts = await asyncio.gather(*[count(peer, least.get(name, 0)) for name, peer in machines.items()])
    return dict(zip(machines, counts, strict=True))


@pytest.mark.long
def test_the_process_makes_parts_and_ends_with_its_parent(tmp_path: Path) -> None:
    state = tmp_path / "floor.json"
    with process(state, "--start", '{"lathe-1": {"counter": 310}}', "--pace", "0.1") as (floor, ports):
        assert list(ports) == NAMES
        asyncio.run(_counts(ports, {"lathe-1": 310}))
        assert floor.stdin
        floor.stdin.close()
        assert floor.wait(timeout=10) == 0
    lathe = kept(state)["lathe-1"]
    assert lathe.counter - 310 == lathe.total >= 1


@pytest.mark.long
def test_a_process_that_is_killed_goes_on_from_what_was_read(tmp_path: Path) -> None:
    state, read = tmp_path / "floor.json", dict[str, int]()
    for _ in range(3):
        with process(state, "--pace", "0.1") as (_, ports):
            counted = asyncio.run(_counts(ports, read))  # more than before: no counter went back
        assert all(kept(state)[name].total == kept(state)[name].counter >= count for name, count in counted.items())
        assert {name: each.port for name, each in kept(state).items()} == ports
        read = counted


async def _is_held_and_goes_on(peer: Peer) -> None:
    assert await peer.connect()
    await peer.value("part_count")
    async with asyncio.timeout(20):
        while await peer.value("cycle_state") != "ACTIVE":
            await asyncio.sleep(0.02)
    await peer.hold(True)
    state, made = await peer.value("cycle_state"), await peer.value("part_count")
    assert state in ("FEED_HOLD", "STOPPED")  # the cycle may just have ended
    await asyncio.sleep(3)  # four cycles or more
    assert (await peer.value("cycle_state"), await peer.value("part_count")) == (state, made)
    await peer.hold(False)
    async with asyncio.timeout(20):
        while await peer.value("part_count") <= made:
            await asyncio.sleep(0.1)
    await peer.close()


@pytest.mark.long
def test_the_process_obeys_its_hold_outputs(tmp_path: Path) -> None:
    async def all_of_them(ports: dict[str, int]) -> None:
        await asyncio.gather(*[_is_held_and_goes_on(peers(ports)[name]) for name in CAN_BE_HELD])

    with process(tmp_path / "floor.json", "--pace", "0.1") as (_, ports):
        asyncio.run(all_of_them(ports))


@pytest.mark.parametrize("after", [0.0, 2.0])
def test_the_process_ends_when_it_is_told_to(tmp_path: Path, after: float) -> None:
    """At once, and when everything is loaded."""
    state = tmp_path / "floor.json"
    with process(state) as (floor, ports):
        time.sleep(after)
        floor.send_signal(signal.SIGTERM)
        assert floor.wait(timeout=10) == 0
    assert {name: each.port for name, each in kept(state).items()} == ports
