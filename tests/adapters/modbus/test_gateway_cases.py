"""Golden cases of gateways: each directory in `gateways/` is one, with several machines in its `config.toml`.

`polls.json` is a list: what changes before all machines are polled, by unit. `holding` is address -> values from there
on; `answer` is what the gateway says for this unit from now on (function code first, in hex; "": nothing at all; null:
what the unit says). `expected.json` is what each poll makes, by machine: its facts, or the error as text.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from takt_adapters.adapter import Adapter, AdapterError, believed
from takt_adapters.builtin import installed_adapters
from taktledger.config import load_config
from taktledger.shopfloor.detector import DetectorState, detect
from taktledger.shopfloor.profile import Profile

CASES = sorted(path.parent for path in Path(__file__).parent.glob("gateways/*/config.toml"))
UNITS = range(1, 9)


class Gateway:
    """A real pymodbus server with several devices."""

    def __init__(self) -> None:
        self.answers: dict[int, bytes | None] = {}
        self.connections = 0
        words = [SimData(0, count=200, values=0, datatype=DataType.REGISTERS)]
        self.server = ModbusTcpServer(
            [SimDevice(unit, words) for unit in UNITS],
            address=("127.0.0.1", 0),
            trace_packet=self._packet,
            trace_connect=self._connected,
        )

    def _connected(self, begins: bool) -> None:
        self.connections += begins

    def _packet(self, sending: bool, data: bytes) -> bytes:
        answer = self.answers.get(data[6]) if sending else None
        if answer is None:
            return data
        return data[:4] + (len(answer) + 1).to_bytes(2, "big") + data[6:7] + answer if answer else b""

    async def change(self, unit: int, what: dict[str, Any]) -> None:
        for address, values in what.get("holding", {}).items():
            await self.server.async_setValues(unit, 3, int(address), values)
        if "answer" in what:
            self.answers[unit] = None if what["answer"] is None else bytes.fromhex(what["answer"])


class Machine:
    """One that is polled as the runner does it: after a failure it is connected again."""

    def __init__(self, adapter: Adapter) -> None:
        self.adapter = adapter
        self.connected = False
        self.state = DetectorState()

    async def poll(self, now: float) -> Any:
        try:
            if not self.connected:
                await self.adapter.connect(None)
                self.connected = True
            (report,) = map(believed, await self.adapter.poll())
        except AdapterError as error:
            await self.adapter.close()
            self.connected = False
            return str(error)
        self.state, facts = detect(Profile(), self.state, report.update, now, self.adapter.counter_bits)
        return json.loads(msgspec.json.encode(facts))


async def play(case: Path) -> tuple[list[Any], int]:
    """What each poll made, and how many connections there were."""
    kinds = installed_adapters()
    config, now, made = load_config(case / "config.toml", kinds), 1000.0, []
    gateway = Gateway()
    await gateway.server.serve_forever(background=True)
    try:
        port = gateway.server.transport.sockets[0].getsockname()[1]
        settings = [msgspec.structs.replace(each.settings, port=port) for each in config.machines]
        adapters = kinds["modbus"].make(settings, lambda: now)
        machines = {each.name: Machine(adapter) for each, adapter in zip(config.machines, adapters, strict=True)}
        for poll in json.loads((case / "polls.json").read_text()):
            now += 1
            for unit, what in poll.items():
                await gateway.change(int(unit), what)
            results = await asyncio.gather(*(machine.poll(now) for machine in machines.values()))
            made.append(dict(zip(machines, results, strict=True)))
        for adapter in adapters:
            await adapter.close()
    finally:
        await gateway.server.shutdown()
    return made, gateway.connections


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Path) -> None:
    made, connections = asyncio.run(play(case))
    expected = json.loads((case / "expected.json").read_text())
    assert made == expected["polls"]
    assert connections == expected["connections"]
