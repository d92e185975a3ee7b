"""The simulated shop floor as a process of its own: every control is a server on 127.0.0.1, each in its own protocol.

    python -m taktledger.demo.floor --state FILE

It prints one line, `{"ports": {"mill-1": 50123, ...}}`, when all controls listen, and ends on SIGTERM, on SIGINT, and
when its stdin is closed: with whoever started it, however that ends.
"""

import argparse
import asyncio
import gc
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random

import msgspec
from msgspec.structs import replace

from taktledger.children import end_with_parent
from taktledger.demo.control import LIVE, Control, Kept, Link, Rhythm
from taktledger.demo.machines import MACHINES
from taktledger.demo.servers.modbus.server import ModbusServer
from taktledger.demo.servers.mtconnect.server import MtConnectServer
from taktledger.demo.servers.opcua.server import OpcUaServer
from taktledger.demo.servers.server import ControlServer
from taktledger.demo.specs import MachineSpec, Protocol

TICK_SECONDS = 0.1
SERVERS: dict[Protocol, Callable[[Control], ControlServer]] = {
    "modbus": ModbusServer,
    "opcua": OpcUaServer,
    "mtconnect": MtConnectServer,
}


class Station:
    """One control on the network."""

    def __init__(self, machine: MachineSpec, kept: Kept, seed: str, rhythm: Rhythm) -> None:
        self.machine = machine
        self.port = kept.port
        self.control = Control(machine, Random(seed), rhythm, kept.counter, kept.process)
        self.server = SERVERS[machine.protocol](self.control)
        self.link = Link(Random(f"{seed} link")) if machine.link_drops else None
        self._total_before = kept.total

    def kept(self) -> Kept:
        control = self.control
        total = self._total_before + control.total
        return Kept(counter=control.counter, total=total, process=control.process.name, port=self.port)

    def step(self, now: float) -> None:
        """Lets the control work up to `now`. It waits for its first reader, so that no part is made unseen."""
        if self.server.was_read:
            self.control.step(now)
            if self.link is not None:
                self.link.step(now)

    async def connect(self) -> None:
        """Listens, or stops listening, as the link is. A port that is taken is tried again at the next tick."""
        if self.link is not None and not self.link.up:
            self.server.hang_up()
        elif not self.server.listens:
            with suppress(OSError):
                await self.listen()

    async def listen(self) -> None:
        """Raises OSError if the port is taken."""
        self.port = await self.server.listen(self.port)


class Floor:
    """All the stations, and the file that keeps what they know."""

    def __init__(self, state: Path, start: dict[str, Kept], seed: int, pace: float = 1.0) -> None:
        self._state = state
        kept = msgspec.json.decode(state.read_bytes(), type=dict[str, Kept]) if state.exists() else {}
        self.stations = [
            Station(
                machine,
                kept.get(machine.source_name) or start.get(machine.source_name) or Kept(counter=0),
                f"{seed} {machine.source_name}",
                replace(LIVE, pace=pace),
            )
            for machine in MACHINES
        ]
        self._saved = kept

    async def open(self) -> dict[str, int]:
        """Listens on the ports of last time, or where one of them is taken on any other."""
        for station in self.stations:
            await station.server.publish()
            try:
                await station.listen()
            except OSError:
                station.port = 0
                await station.listen()
        self._save()
        return {station.machine.source_name: station.port for station in self.stations}

    async def tick(self, now: float) -> None:
        for station in self.stations:
            station.step(now)
        # Before anybody can read a new count: so it never goes back, even after kill -9. Nothing is awaited between the
        # two, so a server that shows values by itself, when somebody connects or writes, shows what is saved, too.
        self._save()
        for station in self.stations:
            await station.server.publish()
        for station in self.stations:
            await station.connect()

    def close(self) -> None:
        for station in self.stations:
            station.server.hang_up()
        self._save()

    def _save(self) -> None:
        kept = {station.machine.source_name: station.kept() for station in self.stations}
        if kept != self._saved:
            beside = self._state.with_name(self._state.name + ".new")
            beside.write_bytes(msgspec.json.format(msgspec.json.encode(kept)))
            beside.replace(self._state)
            self._saved = kept


async def run(floor: Floor, stop: asyncio.Event) -> None:
    """Prints the ports and lets the floor work until it is told to stop."""
    ports = await floor.open()
    print(msgspec.json.encode({"ports": ports}).decode(), flush=True)
    clock = asyncio.get_running_loop().time
    while not stop.is_set():
        await floor.tick(clock())
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), TICK_SECONDS)
    floor.close()


async def _main(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    end_with_parent()
    await run(Floor(arguments.state, arguments.start, arguments.seed, arguments.pace), stop)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m taktledger.demo.floor", description="The simulated shop floor.")
    parser.add_argument("--state", type=Path, required=True, help="file that keeps the counters")
    parser.add_argument(
        "--start",
        type=lambda text: msgspec.json.decode(text, type=dict[str, Kept]),
        default={},
        help="JSON: machine -> what its control knows, where the file says nothing",
    )
    parser.add_argument("--seed", type=int, default=1, help="another seed, another shop floor")
    parser.add_argument("--pace", type=float, default=1.0, help="how many times longer than usual everything takes")
    asyncio.run(_main(parser.parse_args(argv)))
    gc.freeze()  # the end of the interpreter would look through all nodes of an OPC UA server, twice


if __name__ == "__main__":
    main()
