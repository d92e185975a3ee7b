"""The simulated shop floor as a process of its own: every control is a Modbus/TCP server on 127.0.0.1.

    python -m taktledger.demo.floor --state FILE

It prints one line, `{"ports": {"mill-1": 50123, ...}}`, when all controls listen, and ends on SIGTERM, on SIGINT, and
when its stdin is closed: with whoever started it, however that ends.
"""

import argparse
import asyncio
import signal
from contextlib import suppress
from pathlib import Path
from random import Random

import msgspec
from msgspec.structs import replace
from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from taktledger.children import end_with_parent
from taktledger.demo.control import LIVE, Control, Kept, Link, Rhythm
from taktledger.demo.machines import MACHINES
from taktledger.demo.registers import HOLD, READ_HOLDING, UNIT, WRITE_COIL, WRITE_COILS, image_of
from taktledger.demo.specs import MachineSpec

HOST = "127.0.0.1"
TICK_SECONDS = 0.1


class Station:
    """One control on the network."""

    def __init__(self, machine: MachineSpec, kept: Kept, seed: str, rhythm: Rhythm) -> None:
        self.machine = machine
        self.port = kept.port
        self.control = Control(machine, Random(seed), rhythm, kept.counter, kept.process)
        self.link = Link(Random(f"{seed} link")) if machine.link_drops else None
        self._total_before = kept.total
        self._was_read = False
        self._heartbeat = 0
        self._image = image_of(self.control, 0)
        self._server: ModbusTcpServer | None = None

    def kept(self) -> Kept:
        control = self.control
        total = self._total_before + control.total
        return Kept(counter=control.counter, total=total, process=control.process.name, port=self.port)

    def step(self, now: float) -> None:
        """Lets the control work up to `now`. It waits for its first reader, so that no part is made unseen."""
        if self._was_read:
            self.control.step(now)
            if self.link is not None:
                self.link.step(now)

    def publish(self) -> None:
        """Puts what the control shows into the registers."""
        self._heartbeat += 1
        self._image = image_of(self.control, self._heartbeat)

    async def connect(self) -> None:
        """Listens, or stops listening, as the link is. A port that is taken is tried again at the next tick."""
        up = self.link is None or self.link.up
        if up and self._server is None:
            with suppress(RuntimeError):
                await self.listen()
        elif not up:
            self.hang_up()

    async def listen(self) -> None:
        """Raises RuntimeError if the port is taken."""
        bits = [SimData(0, values=[False] * 16, datatype=DataType.BITS)]
        holding = [SimData(0, count=len(self._image.holding), datatype=DataType.REGISTERS)]
        inputs = [SimData(0, count=len(self._image.input), datatype=DataType.REGISTERS)]
        device = SimDevice(UNIT, simdata=(bits, bits, holding, inputs), action=self._answer)
        server = ModbusTcpServer(device, address=(HOST, self.port))
        await server.serve_forever(background=True)
        assert isinstance(server.transport, asyncio.Server)
        self.port = server.transport.sockets[0].getsockname()[1]
        self._server = server

    def hang_up(self) -> None:
        """Closes the port and every connection."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _answer(
        self,
        function: int,
        start: int,
        address: int,
        count: int,
        registers: list[int],
        values: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        """Called by the server for each request, with the registers from which it will answer."""
        if values is not None:
            if function not in (WRITE_COIL, WRITE_COILS) or (address, len(values)) != (HOLD, 1):
                return ExcCodes.ILLEGAL_FUNCTION  # nobody tells these controls anything else
            self.control.held = bool(values[0])
            self._image = image_of(self.control, self._heartbeat)
            return None
        shown = self._image.of(function)
        registers[: len(shown)] = shown
        self._was_read = self._was_read or function == READ_HOLDING
        return None


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
            try:
                await station.listen()
            except RuntimeError:
                station.port = 0
                await station.listen()
        self._save()
        return {station.machine.source_name: station.port for station in self.stations}

    async def tick(self, now: float) -> None:
        for station in self.stations:
            station.step(now)
        self._save()  # before anybody can read a new count: so it never goes back, even after kill -9
        for station in self.stations:
            station.publish()
        for station in self.stations:
            await station.connect()

    def close(self) -> None:
        for station in self.stations:
            station.hang_up()
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


if __name__ == "__main__":
    main()
