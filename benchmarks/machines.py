"""Many simulated machines in one process, as cheap as can be: what is measured is who reads them.

    python -m benchmarks.machines PROTOCOL COUNT

Prints the ports as JSON, one for each machine: an MTConnect agent and an OPC UA server are the same for all.
"""

import asyncio
import json
import socket
import struct
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable
from random import Random

WORDS = 8
TOOL_SECONDS, PART_SECONDS, VARIABLE_SECONDS = 4.0, 20.0, 5.0
FIRST_SEQUENCE = 1
Look = Callable[[], Awaitable[None]]
"""Shows how the machines are now."""


class Machine:
    """It makes a part every 20 s or so, changes tools, and its measured value moves."""

    def __init__(self, number: int) -> None:
        self._began = time.monotonic() - Random(number).uniform(0, PART_SECONDS)
        self._pace = Random(number).uniform(0.7, 1.3)

    def values(self) -> tuple[int, int, int, int]:
        """Part count, active tool, measured value, running."""
        age = (time.monotonic() - self._began) * self._pace
        in_cycle = age % PART_SECONDS
        tool = 1 + int(in_cycle / TOOL_SECONDS)
        return int(age / PART_SECONDS), tool, int(age / VARIABLE_SECONDS), int(in_cycle < 0.9 * PART_SECONDS)


async def modbus(machine: Machine) -> int:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                transaction, _, _, unit, function, at, count = struct.unpack(">HHHBBHH", await reader.readexactly(12))
                parts, tool, measured, running = machine.values()
                words = struct.pack(f">I{WORDS - 2}H", parts, tool, running, measured % 65536, 100, 0, 0)
                data = words[2 * at : 2 * (at + count)]
                writer.write(struct.pack(">HHHBBB", transaction, 0, len(data) + 3, unit, function, len(data)) + data)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    asyncio.get_running_loop().create_task(server.serve_forever())
    return int(server.sockets[0].getsockname()[1])


class Device:
    """One device of the agent: what it said, with the sequences of the whole agent."""

    ITEMS = (("PartCount", "count"), ("ToolNumber", "tool"), ("Variable", "measured"), ("Execution", "exec"))

    def __init__(self, name: str, machine: Machine) -> None:
        self.name, self.machine = name, machine
        self.said: deque[tuple[int, str]] = deque(maxlen=1000)
        self.now: dict[str, tuple[str, str]] = {}


class Agent:
    """As much of an MTConnect agent as its readers ask for."""

    def __init__(self, count: int) -> None:
        self.devices = {f"m-{each}": Device(f"m-{each}", Machine(each)) for each in range(count)}
        self.next = FIRST_SEQUENCE
        self.instance = int(time.time())

    def look(self) -> None:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + f".{int(time.time() * 1000) % 1000:03d}Z"
        for device in self.devices.values():
            parts, tool, measured, running = device.machine.values()
            values = (str(parts), str(tool), str(measured), "ACTIVE" if running else "READY")
            for (element, item), value in zip(Device.ITEMS, values, strict=True):
                if device.now.get(item, ("", ""))[0] != value:
                    line = (
                        f'<{element} dataItemId="{device.name}-{item}" sequence="{self.next}" timestamp="{stamp}">'
                        f"{value}</{element}>"
                    )
                    device.now[item] = (value, line)
                    device.said.append((self.next, line))
                    self.next += 1

    def answer(self, target: str) -> str:
        path, _, query = target.partition("?")
        name, _, what = path.strip("/").rpartition("/")
        device = self.devices[name] if name else next(iter(self.devices.values()))
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        if what == "probe":
            return self._probe([device] if name else list(self.devices.values()), stamp)
        lines = [line for _, line in device.now.values()]
        if what == "sample":
            since = int(dict(pair.split("=") for pair in query.split("&"))["from"])
            lines = [line for sequence, line in device.said if sequence >= since]
        header = (
            f'<Header creationTime="{stamp}" sender="bench" instanceId="{self.instance}" version="2.0.0.1" '
            f'bufferSize="131072" nextSequence="{self.next}" firstSequence="1" lastSequence="{self.next - 1}"/>'
        )
        events = f'<ComponentStream component="Path" name="path1" componentId="{device.name}-p">'
        events += f"<Events>{''.join(lines)}</Events></ComponentStream>"
        streams = f'<DeviceStream name="{device.name}" uuid="{device.name}">{events}</DeviceStream>'
        return _document("MTConnectStreams", f"{header}<Streams>{streams}</Streams>")

    def _probe(self, devices: list[Device], stamp: str) -> str:
        types = {"count": "PART_COUNT", "tool": "TOOL_NUMBER", "measured": "VARIABLE", "exec": "EXECUTION"}
        shown = ""
        for device in devices:
            items = "".join(
                f'<DataItem id="{device.name}-{item}" type="{kind}" category="EVENT"/>' for item, kind in types.items()
            )
            shown += (
                f'<Device id="{device.name}" name="{device.name}" uuid="{device.name}"><Components>'
                f'<Controller id="{device.name}-c" name="c"><Components><Path id="{device.name}-p" name="path1">'
                f"<DataItems>{items}</DataItems></Path></Components></Controller></Components></Device>"
            )
        header = f'<Header creationTime="{stamp}" instanceId="{self.instance}" version="2.0.0.1" bufferSize="131072"/>'
        return _document("MTConnectDevices", f"{header}<Devices>{shown}</Devices>")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                request = await reader.readuntil(b"\r\n\r\n")
                body = self.answer(request.split(b" ", 2)[1].decode()).encode()
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n" % len(body) + body
                )
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


def _document(kind: str, content: str) -> str:
    return f'<{kind} xmlns="urn:mtconnect.org:{kind}:2.0">{content}</{kind}>'


async def mtconnect(count: int) -> tuple[int, Look]:
    agent = Agent(count)
    server = await asyncio.start_server(agent.serve, "127.0.0.1", 0)

    async def look() -> None:
        agent.look()

    return int(server.sockets[0].getsockname()[1]), look


async def opcua(count: int) -> tuple[int, Look]:
    from asyncua import Server, ua

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/")
    machines, shown = [Machine(number) for number in range(count)], {}
    names = ("Count", "Tool", "Measured", "Running")
    for number in range(count):
        for name in names:
            node = ua.NodeId(f"{number}.{name}", 2)
            shown[number, name] = (await server.nodes.objects.add_variable(node, name, 0, ua.VariantType.UInt32), 0)
    await server.start()

    async def look() -> None:
        for number, machine in enumerate(machines):
            for name, value in zip(names, machine.values(), strict=True):
                node, before = shown[number, name]
                if value != before:
                    await node.write_value(ua.Variant(value, ua.VariantType.UInt32))
                    shown[number, name] = node, value

    return port, look


async def main(protocol: str, count: int) -> None:
    if protocol == "modbus":
        ports, look = [await modbus(Machine(number)) for number in range(count)], None
    else:
        port, look = await (mtconnect if protocol == "mtconnect" else opcua)(count)
        await look()
        ports = [port] * count
    print(json.dumps(ports), flush=True)
    while True:
        await asyncio.sleep(0.5)
        if look is not None:
            await look()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
