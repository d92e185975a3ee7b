"""Agents for the tests, over real HTTP on loopback: one that says what a script wants, and one with a real buffer."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape, quoteattr

import msgspec

from takt_adapters.mtconnect.mtconnect import MtconnectAdapter
from takt_adapters.mtconnect.settings import MtconnectSettings

Answer = Callable[[str, asyncio.StreamWriter], Awaitable[tuple[int, bytes] | None]]
"""Target of a GET -> status and body. None: it has written something itself, and hangs up."""


def whole(status: int, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status} So\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


@asynccontextmanager
async def serving(answer: Answer, port: int = 0, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server that keeps connections alive. Gives its port."""
    connections: set[asyncio.StreamWriter] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.add(writer)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                request = (await reader.readuntil(b"\r\n\r\n")).decode()
                made = await answer(request.split(" ")[1], writer)
                if made is None:
                    break
                writer.write(whole(*made))
                await writer.drain()
        connections.discard(writer)
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", port, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in connections:
            writer.close()
        await asyncio.sleep(0)


def adapter_at(port: int, clock: Callable[[], float] = lambda: 0.0, **settings: Any) -> MtconnectAdapter:
    table = {"url": f"http://127.0.0.1:{port}", "timeout_seconds": 1.0, **settings}
    return MtconnectAdapter(msgspec.convert(table, MtconnectSettings), clock)


class Said(NamedTuple):
    sequence: int
    device: str
    item: str
    at: float
    text: str
    attributes: dict[str, str]
    level: str


DEVICE = """<Device id="d1" name="VMC-3Axis" uuid="000">
<DataItems><DataItem type="AVAILABILITY" category="EVENT" id="avail"/></DataItems><Components>
<Controller id="cont" name="controller"><DataItems>
<DataItem type="EMERGENCY_STOP" category="EVENT" id="estop"/>
<DataItem type="SYSTEM" category="CONDITION" id="sys"/></DataItems><Components>
<Path id="path1" name="path"><DataItems>
<DataItem type="EXECUTION" category="EVENT" id="exec"/><DataItem type="PROGRAM" category="EVENT" id="pgm"/>
<DataItem type="PART_COUNT" category="EVENT" id="pc"/><DataItem type="TOOL_NUMBER" category="EVENT" id="tool"/>
<DataItem type="PATH_FEEDRATE_OVERRIDE" subType="PROGRAMMED" category="EVENT" id="ovr"/>
<DataItem type="MOTION_PROGRAM" category="CONDITION" id="motion"/>
<DataItem type="POSITION" category="SAMPLE" id="x" units="MILLIMETER"/></DataItems></Path>
</Components></Controller></Components></Device>"""
ITEMS = {
    "avail": ("Events", "Availability"),
    "estop": ("Events", "EmergencyStop"),
    "sys": ("Condition", "SYSTEM"),
    "exec": ("Events", "Execution"),
    "pgm": ("Events", "Program"),
    "pc": ("Events", "PartCount"),
    "tool": ("Events", "ToolNumber"),
    "ovr": ("Events", "PathFeedrateOverride"),
    "motion": ("Condition", "MOTION_PROGRAM"),
    "x": ("Samples", "Position"),
}


class BufferAgent:
    """An agent as the standard describes it: one ring buffer, `probe`, `current` with `at`, `sample` with `from`."""

    def __init__(self, size: int = 1000, version: str = "1.7", now: float = 1_700_000_000.0) -> None:
        self.size, self.version, self.now = size, version, now
        self.device = DEVICE
        self.instance = int(now)
        self.supports_at = True
        self.requests: list[str] = []
        self.trouble: Answer | None = None
        """Says something else, if it likes."""
        self.start()

    def start(self) -> None:
        """Anew, within the second in which `instance` was taken if nobody changes that."""
        self.said: list[Said] = []
        self.next = 1
        for item in ITEMS:
            self.say(item, "UNAVAILABLE")

    def restart(self) -> None:
        self.instance = max(int(self.now), self.instance + 1)
        self.start()

    def say(self, item: str, text: str, level: str = "", at: float | None = None, **attributes: str) -> None:
        if text == "UNAVAILABLE" and ITEMS[item][0] == "Condition":
            text, level = "", "Unavailable"
        self.said.append(Said(self.next, "000", item, self.now if at is None else at, text, attributes, level))
        self.next += 1

    @property
    def first(self) -> int:
        return max(1, self.next - self.size)

    async def __call__(self, target: str, writer: asyncio.StreamWriter) -> tuple[int, bytes] | None:
        self.requests.append(target)
        if self.trouble is not None and (made := await self.trouble(target, writer)) is not NotImplemented:
            return made
        return self.answer(target)

    def answer(self, target: str) -> tuple[int, bytes]:
        parts = urlsplit(target)
        query = {name: int(values[0]) for name, values in parse_qs(parts.query).items()}
        match [unquote(each) for each in parts.path.strip("/").split("/")]:
            case ["probe"] | ["VMC-3Axis", "probe"]:
                return 200, self.document("Devices", f"<Devices>{self.device}</Devices>")
            case ["VMC-3Axis", "current"] if "at" in query and not self.supports_at:
                return self.error("UNSUPPORTED", "at")
            case ["VMC-3Axis", "current"]:
                at = query.get("at", self.next - 1)
                if not self.first <= at < self.next:
                    return self.error("OUT_OF_RANGE", f"'at' must be greater than {self.first}")
                return 200, self.streams(self.state(at), self.next)
            case ["VMC-3Axis", "sample"]:
                if not self.first <= query["from"] <= self.next:
                    return self.error("OUT_OF_RANGE", f"'from' must be greater than {self.first}")
                found = [each for each in self.said if each.sequence >= query["from"]][: query["count"]]
                return 200, self.streams(found, found[-1].sequence + 1 if found else self.next)
        return self.error("NO_DEVICE", f"Could not find the device {target}", 404)

    def state(self, at: int) -> list[Said]:
        """What stands after this sequence number."""
        values: dict[str, dict[str, Said]] = {}
        for each in self.said:
            if each.sequence > at:
                break
            code = each.attributes.get("nativeCode", "")
            if each.level in ("Warning", "Fault"):
                active = values.setdefault(each.item, {})
                for key in [key for key, other in active.items() if other.level in ("Normal", "Unavailable")]:
                    del active[key]
                active[code] = each
            elif each.level == "Normal" and code:
                active = values.setdefault(each.item, {})
                active.pop(code, None)
                if not active:
                    active[""] = each._replace(attributes={})
            else:
                values[each.item] = {"": each}
        return sorted((each for active in values.values() for each in active.values()), key=lambda each: each.sequence)

    def streams(self, found: list[Said], following: int) -> bytes:
        def element(each: Said) -> str:
            category, name = ITEMS[each.item]
            kind = f" type={quoteattr(name)}" if category == "Condition" else ""
            more = "".join(f" {key}={quoteattr(value)}" for key, value in each.attributes.items())
            name = each.level if category == "Condition" else name
            return (
                f'<{name} dataItemId="{each.item}" sequence="{each.sequence}" timestamp="{stamp(each.at)}"{kind}{more}>'
                f"{escape(each.text)}</{name}>"
            )

        groups = "".join(
            f"<{category}>{''.join(element(each) for each in found if ITEMS[each.item][0] == category)}</{category}>"
            for category in ("Samples", "Events", "Condition")
        )
        body = f'<ComponentStream component="Path" name="path" componentId="path1">{groups}</ComponentStream>'
        stream = f'<DeviceStream name="VMC-3Axis" uuid="000">{body if found else ""}</DeviceStream>'
        return self.document("Streams", f"<Streams>{stream}</Streams>", following)

    def document(self, kind: str, inside: str, following: int | None = None) -> bytes:
        sequences = ""
        if following is not None:
            sequences = f' nextSequence="{following}" firstSequence="{self.first}" lastSequence="{self.next - 1}"'
        return (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<MTConnect{kind} xmlns="urn:mtconnect.org:MTConnect{kind}:'
            f'{self.version}"><Header creationTime="{stamp(self.now)}" sender="agent" instanceId="{self.instance}" '
            f'version="{self.version}.0.1" bufferSize="{self.size}"{sequences}/>{inside}</MTConnect{kind}>'
        ).encode()

    def error(self, code: str, text: str, status: int = 200) -> tuple[int, bytes]:
        return status, self.document("Error", f'<Errors><Error errorCode="{code}">{text}</Error></Errors>')


def stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
