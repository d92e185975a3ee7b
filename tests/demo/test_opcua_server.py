"""The OPC UA server of a simulated control, by a client that isn't ours."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client, Node, ua

from taktledger.demo.floor import Floor
from taktledger.demo.specs import ALARMS, DIAMETER

LATHE = 2
TYPES = {
    "PartCount": "UInt32",
    "CycleState": "Int32",
    "ProgramName": "String",
    "ActiveTool": "UInt16",
    "FeedRateOverride": "UInt16",
    "EmergencyStop": "Boolean",
    "Alarm1010": "Boolean",
    "Alarm2041": "Boolean",
    "Alarm3100": "Boolean",
    "Alarm9000": "Boolean",
    "Diameter": "Double",
    "SpindleLoad": "Double",
    "ProgramSelect": "Int32",
    "Hold": "Boolean",
    "Heartbeat": "UInt16",
}


@asynccontextmanager
async def a_lathe(state: Path) -> AsyncIterator[tuple[Floor, Client]]:
    floor = Floor(state, {}, seed=1)
    client = Client(f"opc.tcp://127.0.0.1:{(await floor.open())['lathe-1']}", timeout=10)
    client.session_timeout = 60_000
    try:
        async with client:
            yield floor, client
    finally:
        floor.close()


def named(client: Client, name: str) -> Node:
    return client.get_node(f"ns=2;s={name}")


async def _described(state: Path) -> None:
    begin = datetime.now(UTC)
    async with a_lathe(state) as (_, client):
        machine = await client.nodes.objects.get_child("2:Machine")
        children = {(await each.read_browse_name()).Name: each for each in await machine.get_children()}
        assert {name: (await each.read_data_value()).Value.VariantType.name for name, each in children.items()} == TYPES
        assert {name: each.nodeid for name, each in children.items()} == {
            name: named(client, name).nodeid for name in TYPES
        }
        status = await client.get_node(ua.ObjectIds.Server_ServerStatus).read_value()
        assert status.State == ua.ServerState.Running
        assert begin - timedelta(seconds=1) < status.StartTime < datetime.now(UTC)
        (endpoint,) = await client.get_endpoints()
        assert endpoint.SecurityPolicyUri == "http://opcfoundation.org/UA/SecurityPolicy#None"
        assert endpoint.EndpointUrl.removesuffix("/") == client.server_url.geturl()


def test_its_variables_are_of_proper_types(tmp_path: Path) -> None:
    asyncio.run(_described(tmp_path / "floor.json"))


async def _written(state: Path) -> None:
    async with a_lathe(state) as (floor, client):
        control, hold = floor.stations[LATHE].control, named(client, "Hold")
        for name, kind in TYPES.items():
            if name != "Hold":
                node = named(client, name)
                with pytest.raises(ua.uaerrors.BadUserAccessDenied):
                    await node.write_value(await node.read_value(), ua.VariantType[kind])
        with pytest.raises(ua.uaerrors.BadTypeMismatch):
            await hold.write_value(1, ua.VariantType.Int32)
        assert not control.held
        for held in (True, True, False):
            await hold.write_value(held)
            assert control.held is held
        await hold.write_value(True)
        bad = ua.StatusCode(ua.StatusCodes.BadOutOfService)
        await hold.write_value(ua.DataValue(ua.Variant(False), StatusCode=bad))
        shown = await hold.read_data_value()
        assert (shown.Value.Value, shown.StatusCode.is_good(), control.held) == (True, True, True)
        with pytest.raises(ua.uaerrors.UaStatusCodeError):
            await client.nodes.objects.add_object(2, "mine")


def test_nothing_but_its_hold_output_can_be_written(tmp_path: Path) -> None:
    asyncio.run(_written(tmp_path / "floor.json"))


class Notified:
    def __init__(self) -> None:
        self.seen: list[tuple[str, Any]] = []

    def datachange_notification(self, node: Node, value: Any, data: Any) -> None:
        self.seen.append((str(node.nodeid.Identifier), value))

    async def until(self, name: str, value: Any) -> None:
        async with asyncio.timeout(5):
            while (name, value) not in self.seen:
                await asyncio.sleep(0.01)


async def _subscribed(state: Path) -> None:
    async with a_lathe(state) as (floor, client):
        station = floor.stations[LATHE]
        notified = Notified()
        subscription = await client.create_subscription(20, notified)
        names = [name for name in TYPES if name != "Heartbeat"]
        await subscription.subscribe_data_change([named(client, name) for name in names if name != "PartCount"])
        await notified.until("Hold", False)
        assert not station.server.was_read  # nobody knows the part counter yet
        await subscription.subscribe_data_change(named(client, "PartCount"))
        assert station.server.was_read
        await notified.until("PartCount", 0)
        assert sorted(name for name, _ in notified.seen) == sorted(names)
        notified.seen.clear()

        for _ in range(20):
            await floor.tick(0.0)  # it is not due yet: nothing changes
        station.control.alarm, station.control.counter = ALARMS[3], 7
        station.control.variables[DIAMETER] = 17.5
        await floor.tick(0.0)
        await notified.until("Diameter", 17.5)
        await asyncio.sleep(0.1)
        expected = [("PartCount", 7), ("EmergencyStop", True), ("Alarm9000", True), ("Diameter", 17.5)]
        assert sorted(notified.seen) == sorted(expected)

        heartbeat = await named(client, "Heartbeat").read_value()
        for _ in range(10):
            await floor.tick(0.0)
        assert await named(client, "Heartbeat").read_value() == heartbeat + 1


def test_a_subscription_tells_of_what_changed_and_nothing_else(tmp_path: Path) -> None:
    asyncio.run(_subscribed(tmp_path / "floor.json"))


async def _waited(state: Path) -> None:
    """Who connects while the nodes are being loaded is answered when they are."""
    floor = Floor(state, {}, seed=1)
    port = (await floor.open())["lathe-1"]
    floor.stations[LATHE].control.counter = 5
    client = Client(f"opc.tcp://127.0.0.1:{port}", timeout=10)
    client.session_timeout = 60_000
    connecting = asyncio.create_task(client.connect())
    floor.stations[LATHE].server.hang_up()  # nor does a link that drops meanwhile do any harm
    with pytest.raises((OSError, TimeoutError, ua.UaError)):
        await connecting
    await floor.tick(0.0)
    async with client:
        assert await named(client, "PartCount").read_value() == 5
    floor.close()


def test_its_port_is_open_before_its_nodes_are_loaded(tmp_path: Path) -> None:
    asyncio.run(_waited(tmp_path / "floor.json"))
