"""The MTConnect agent of a simulated control, by an HTTP client and a parser that aren't ours."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from lxml import etree

from taktledger.demo.control import Control
from taktledger.demo.floor import Floor
from taktledger.demo.servers.mtconnect.buffer import Buffer
from taktledger.demo.servers.mtconnect.items import ITEMS, PART_COUNT
from taktledger.demo.specs import ALARMS

FIVE_AXES = 3
N = {kind: f"urn:mtconnect.org:MTConnect{kind}:2.2" for kind in ("Devices", "Streams", "Error")}


class Client:
    def __init__(self, port: int) -> None:
        self.http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False)

    async def get(self, path: str, status: int = 200) -> etree._Element:
        answer = await self.http.get(path)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "text/xml; charset=utf-8"
        return etree.fromstring(answer.content)

    async def observations(self, path: str) -> list[tuple[str, str | None]]:
        """Name of the element and text, in the order of their sequences."""
        found = (await self.get(path)).iterfind(".//{*}DeviceStream/{*}ComponentStream/*/*")
        in_order = sorted(found, key=lambda each: int(each.get("sequence", "")))
        return [(etree.QName(each).localname, each.text) for each in in_order]

    async def header(self, path: str, name: str) -> int:
        header = (await self.get(path)).find("{*}Header")
        assert header is not None
        return int(header.get(name, ""))

    async def error(self, path: str, status: int) -> str:
        errors = (await self.get(path, status)).findall("e:Errors/e:Error", {"e": N["Error"]})
        assert len(errors) == 1
        assert errors[0].text
        return str(errors[0].get("errorCode"))


@asynccontextmanager
async def an_agent(state: Path) -> AsyncIterator[tuple[Floor, Control, Client]]:
    floor = Floor(state, {}, seed=1)
    client = Client((await floor.open())["mill-5ax"])
    try:
        yield floor, floor.stations[FIVE_AXES].control, client
    finally:
        await client.http.aclose()
        floor.close()


async def _described(state: Path) -> None:
    async with an_agent(state) as (floor, _, client):
        await floor.tick(0.0)
        for path in ("/", "/probe", "/mill-5ax", "/mill-5ax/probe", "/taktledger-demo-mill-5ax/probe"):
            device = (await client.get(path)).find("d:Devices/d:Device", {"d": N["Devices"]})
            assert device is not None
            assert (device.get("name"), device.get("uuid")) == ("mill-5ax", "taktledger-demo-mill-5ax")
        items = {item.get("id"): item for item in device.iterfind(".//{*}DataItem")}
        assert {item.get("type"): item.get("category") for item in items.values()} == {
            "AVAILABILITY": "EVENT",
            "PART_COUNT": "EVENT",
            "EXECUTION": "EVENT",
            "PROGRAM": "EVENT",
            "TOOL_NUMBER": "EVENT",
            "PATH_FEEDRATE_OVERRIDE": "EVENT",
            "VARIABLE": "EVENT",
            "LOAD": "SAMPLE",
            "EMERGENCY_STOP": "EVENT",
            "SYSTEM": "CONDITION",
        }
        ids = [element.get("id") for element in device.iter() if element.get("id")]
        assert len(ids) == len(set(ids))
        assert not floor.stations[FIVE_AXES].server.was_read
        streams = await client.get("/mill-5ax/current")
        assert floor.stations[FIVE_AXES].server.was_read
        stream = streams.find("s:Streams/s:DeviceStream", {"s": N["Streams"]})
        assert stream is not None
        assert stream.get("uuid") == device.get("uuid")
        shown = list(stream.iterfind("{*}ComponentStream/*/*"))
        assert {each.get("dataItemId") for each in shown} == set(items)
        for component in stream:
            (described,) = [each for each in device.iter() if each.get("id") == component.get("componentId")]
            assert etree.QName(described).localname == component.get("component")


def test_a_probe_describes_what_the_streams_tell(tmp_path: Path) -> None:
    asyncio.run(_described(tmp_path / "floor.json"))


async def _followed(state: Path) -> None:
    async with an_agent(state) as (floor, control, client):
        instance = await client.header("/probe", "instanceId")
        start = await client.header("/current", "nextSequence")
        assert await client.observations(f"/sample?from={start}") == []
        assert await client.observations("/sample?from=1&count=2") == [
            ("Availability", "UNAVAILABLE"),
            ("PartCount", "UNAVAILABLE"),
        ]
        await floor.tick(0.0)
        assert await client.header(f"/sample?from={start}", "nextSequence") == start  # nothing has changed

        control.counter, control.alarm = 7, ALARMS[0]
        await floor.tick(0.0)
        control.counter, control.alarm = 8, ALARMS[3]
        await floor.tick(0.0)
        control.alarm = None
        await floor.tick(0.0)
        told = [
            ("PartCount", "7"),
            ("Fault", "COOLANT LEVEL LOW"),
            ("PartCount", "8"),
            ("EmergencyStop", "TRIGGERED"),
            ("Normal", None),
            ("Fault", "EMERGENCY STOP"),
            ("EmergencyStop", "ARMED"),
            ("Normal", None),
        ]
        assert await client.observations(f"/sample?from={start}") == told
        pieces = []
        position = start
        while position < start + len(told):
            path = f"/sample?from={position}&count=3"
            pieces += await client.observations(path)
            position = await client.header(path, "nextSequence")
        assert (pieces, position) == (told, start + len(told))
        assert await client.header("/current", "lastSequence") == position - 1
        fault = (await client.get(f"/sample?from={start + 1}&count=1")).find(".//{*}Fault")
        assert fault is not None
        assert (fault.get("nativeCode"), fault.get("type")) == ("1010", "SYSTEM")

        now = dict(await client.observations("/current"))
        assert (now["PartCount"], now["EmergencyStop"], "Fault" in now) == ("8", "ARMED", False)
        then = dict(await client.observations(f"/current?at={start + 1}"))
        assert (then["PartCount"], then["EmergencyStop"], then["Fault"]) == ("7", "ARMED", "COOLANT LEVEL LOW")
        assert await client.header("/current", "instanceId") == instance


def test_samples_tell_everything_once_and_in_order(tmp_path: Path) -> None:
    asyncio.run(_followed(tmp_path / "floor.json"))


REFUSED = {
    "/sample?from=99999": (400, "OUT_OF_RANGE"),
    "/sample?from=0": (400, "OUT_OF_RANGE"),
    "/sample?count=0": (400, "OUT_OF_RANGE"),
    "/sample?count=4097": (400, "OUT_OF_RANGE"),
    "/current?at=99999": (400, "OUT_OF_RANGE"),
    "/current?at=-1": (400, "OUT_OF_RANGE"),
    "/sample?from=x": (400, "INVALID_REQUEST"),
    "/sample?from=": (400, "INVALID_REQUEST"),
    "/sample?interval=100": (400, "UNSUPPORTED"),
    "/mill-5ax/asset": (400, "INVALID_REQUEST"),
    "/mill-5ax/probe/more": (400, "INVALID_REQUEST"),
    "/mill-9": (404, "NO_DEVICE"),
    "/mill-9/current": (404, "NO_DEVICE"),
}


async def _refused(state: Path) -> None:
    async with an_agent(state) as (floor, _, client):
        for path, (status, code) in REFUSED.items():
            assert await client.error(path, status) == code
        for method in ("POST", "PUT", "DELETE"):
            answer = await client.http.request(method, "/probe", content=b"<x/>")
            assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
            assert b'errorCode="UNSUPPORTED"' in answer.content
        assert (await client.http.head("/probe")).content == b""
        assert not floor.stations[FIVE_AXES].server.was_read


def test_what_it_can_not_answer_it_refuses_as_the_standard_says(tmp_path: Path) -> None:
    asyncio.run(_refused(tmp_path / "floor.json"))


async def _asked_by_hand(state: Path) -> None:
    async with an_agent(state) as (_, _, client):
        port = client.http.base_url.port
        assert port

        async def said(request: bytes) -> bytes:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request)
            writer.write_eof()
            answer = await asyncio.wait_for(reader.read(), 5)
            writer.close()
            return answer

        twice = b"GET /probe HTTP/1.1\r\nHost: x\r\n\r\n" * 2
        assert (await said(twice)).count(b"HTTP/1.1 200 OK") == 2
        assert (await said(twice.replace(b"1.1", b"1.0"))).count(b"HTTP/1.1 200 OK") == 1
        assert (await said(twice.replace(b"Host: x", b"Connection: close"))).count(b"HTTP/1.1 200 OK") == 1
        for nonsense in (
            b"\r\n\r\n",
            b"hello\r\n\r\n",
            b"GET /probe HTTP/1.1",
            b"x" * 100_000,
            b"GET / HTTP/2\r\n\r\n",
        ):
            assert await said(nonsense) == b""
        assert (await said(twice)).count(b"HTTP/1.1 200 OK") == 2


def test_it_speaks_http_with_whoever_does(tmp_path: Path) -> None:
    asyncio.run(_asked_by_hand(tmp_path / "floor.json"))


def test_the_buffer_forgets_the_oldest_and_still_knows_how_it_was() -> None:
    buffer = Buffer(ITEMS, "2026-01-01T00:00:00Z", size=20)
    for count in range(100):
        buffer.add(PART_COUNT, str(count), "2026-01-01T00:00:01Z")
    last = len(ITEMS) + 100
    assert (buffer.first, buffer.last, buffer.next) == (last - 19, last, last + 1)
    assert [each.sequence for each in buffer.since(buffer.first, 100)] == list(range(last - 19, last + 1))
    assert buffer.since(buffer.next, 100) == []
    for at in (buffer.first, buffer.last):
        found = {each.item.id: each.value for each in buffer.current(at)}
        assert found.keys() == {item.id for item in ITEMS}
        assert found["part_count"] == str(99 - (last - at))
    assert {*buffer.current(buffer.last)} == {*buffer.current()}
