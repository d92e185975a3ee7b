"""Readers of the simulated floor, one for each protocol, with nothing of ours but what its shop.toml says."""

import struct
import tomllib
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

import httpx
from asyncua import Client, ua
from lxml import etree
from pymodbus.client import AsyncModbusTcpClient

from taktledger.demo.shop import shop_toml

Json = dict[str, Any]


class Peer(Protocol):
    async def connect(self) -> bool: ...

    async def value(self, name: str) -> Any:
        """Field of the machine update, by its name."""

    async def variable(self, number: int) -> float: ...

    async def hold(self, held: bool) -> None: ...

    async def held(self) -> bool: ...

    async def close(self) -> None: ...


class ModbusPeer:
    def __init__(self, table: Json) -> None:
        self.table = table
        # The loop may be busy for a while: the nodes of the OPC UA server are loaded in it.
        self.client = AsyncModbusTcpClient(table["host"], port=table["port"], timeout=10, retries=0, reconnect_delay=0)

    async def connect(self) -> bool:
        return await self.client.connect()

    async def words(self, place: Json, count: int) -> list[int]:
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

    async def variable(self, number: int) -> float:
        place = self.table["variables"][str(number)]
        words = await self.words(place, 2)
        return float(struct.unpack(">i", struct.pack(">2H", *words))[0]) * float(place["scale"])

    async def close(self) -> None:
        self.client.close()


class OpcUaPeer:
    def __init__(self, table: Json) -> None:
        self.table = table
        self.client = Client(table["url"])

    async def connect(self) -> bool:
        await self.close()
        self.client = Client(self.table["url"], timeout=10)  # its nodes may still be loading
        self.client.session_timeout = 60_000
        try:
            await self.client.connect()
        except (OSError, TimeoutError, ua.UaError):
            return False
        return True

    async def read(self, place: Json) -> Any:
        return await self.client.get_node(place["node"]).read_value()

    async def hold(self, held: bool) -> None:
        await self.client.get_node(self.table["hold_output"]["node"]).write_value(held)
        assert await self.held() is held

    async def held(self) -> bool:
        return bool(await self.read(self.table["hold_output"]))

    async def value(self, name: str) -> Any:
        place = self.table["values"][name]
        value = await self.read(place)
        return place["map"][str(value)] if "map" in place else value

    async def variable(self, number: int) -> float:
        return float(await self.read(self.table["variables"][str(number)]))

    async def close(self) -> None:
        with suppress(Exception):
            await self.client.disconnect()


class MtConnectPeer:
    ELEMENTS = {
        "part_count": "PartCount",
        "cycle_state": "Execution",
        "program_name": "Program",
        "active_tool": "ToolNumber",
        "feed_rate_override": "PathFeedrateOverride",
        "estopped": "EmergencyStop",
    }
    NUMBERS = ("part_count", "active_tool", "feed_rate_override")

    def __init__(self, table: Json) -> None:
        self.table = table
        self.client = httpx.AsyncClient(base_url=table["url"], trust_env=False, timeout=3)

    async def connect(self) -> bool:
        try:
            return (await self.client.get("/probe")).status_code == 200
        except httpx.TransportError:
            return False

    async def get(self, path: str) -> etree._Element:
        answer = await self.client.get(path)
        return etree.fromstring(answer.content)

    async def one(self, condition: str) -> str:
        found = (await self.get(f"/{self.table['device']}/current")).xpath(f"//*[{condition}]/text()")
        assert isinstance(found, list)
        assert len(found) == 1
        return str(found[0])

    async def value(self, name: str) -> Any:
        text = await self.one(f"local-name()='{self.ELEMENTS[name]}'")
        if name in self.NUMBERS:
            return int(text)
        return {"ARMED": False, "TRIGGERED": True}[text] if name == "estopped" else text

    async def variable(self, number: int) -> float:
        return float(await self.one(f"@dataItemId='{self.table['variables'][str(number)]}'"))

    async def hold(self, held: bool) -> None:
        raise AssertionError("nobody can write to an agent")

    async def held(self) -> bool:
        return False

    async def close(self) -> None:
        await self.client.aclose()


KINDS: dict[str, Callable[[Json], Peer]] = {"modbus": ModbusPeer, "opcua": OpcUaPeer, "mtconnect": MtConnectPeer}


def peers(ports: dict[str, int]) -> dict[str, Peer]:
    """By source name."""
    tables = tomllib.loads(shop_toml(ports))["machine"]
    return {table["name"]: KINDS[table["adapter"]](table[table["adapter"]]) for table in tables}
