"""The MTConnect client on the wire: agents that freeze, drip, flood, lie or go away."""

import asyncio
import time
from typing import Any

import pytest

from adapters.mtconnect.agents import BufferAgent, adapter_at, serving
from takt_adapters.adapter import AdapterError, BadAnswer, believed
from takt_adapters.mtconnect import agent as client


def ready(size: int = 1000) -> BufferAgent:
    agent = BufferAgent(size)
    for item, text in (("avail", "AVAILABLE"), ("pc", "7"), ("exec", "ACTIVE")):
        agent.say(item, text)
    return agent


async def fails(trouble: Any, match: str, **settings: Any) -> float:
    """A poll against this trouble. How long it took. Afterwards the agent is honest, and is read again."""
    agent = ready()
    async with serving(agent) as port:
        adapter = adapter_at(port, **settings)
        await adapter.connect(None)
        (first,) = await adapter.poll()
        agent.trouble = trouble
        began = time.monotonic()
        with pytest.raises(AdapterError, match=match):
            await adapter.poll()
        took = time.monotonic() - began
        await adapter.close()
        agent.trouble = None
        agent.say("pc", "8")
        await adapter.connect(first.mark)
        (report,) = await adapter.poll()
        assert (report.update.part_count, report.lost) == (8, None)
        await adapter.close()
    return took


def always(status: int, body: bytes) -> Any:
    async def trouble(target: str, writer: asyncio.StreamWriter) -> tuple[int, bytes]:
        return status, body

    return trouble


@pytest.mark.parametrize(
    ("status", "body", "match"),
    [
        (200, b"", "isn't whole XML"),
        (200, b"{}", "isn't whole XML"),
        (200, b"\xff\xfe<\0a\0/\0>\0", "document type or isn't UTF-8"),
        (200, "<?xml version='1.0' encoding='UTF-16'?><a/>".encode("utf-16-be"), "document type or isn't UTF-8"),
        (200, b"<?xml version='1.0' encoding='martian'?><a/>", "isn't whole XML"),
        (200, b"<a/>", "expected an MTConnectStreams document, got <a>"),
        (200, b"<MTConnectStreams/>", "no Header"),
        (
            200,
            b"<MTConnectStreams><Header instanceId='x'/></MTConnectStreams>",
            "nextSequence: expected a whole",
        ),
        (200, b"<MTConnectStreams>" + b"<a>" * 200_000 + b"</a>" * 200_000, "more than 400000 tags"),
        (200, b"<MTConnectStreams>" + b"<a>" * 190_000 + b"</a>" * 190_000 + b"</MTConnectStreams>", "no Header"),
        (404, b"not here", "HTTP 404"),
        (500, b"", "HTTP 500"),
        (301, b"", "HTTP 301"),
        (
            200,
            b"<MTConnectError><Errors><Error errorCode='QUERY_ERROR'>no\nwhat</Error></Errors></MTConnectError>",
            "the agent answers QUERY_ERROR: no what",
        ),
    ],
)
def test_what_was_not_asked_is_an_error(status: int, body: bytes, match: str) -> None:
    asyncio.run(fails(always(status, body), match))


def raw(*pieces: bytes, pause: float = 0.0, hang: bool = False) -> Any:
    async def trouble(target: str, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)
        if hang:
            await asyncio.sleep(30)

    return trouble


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"


@pytest.mark.parametrize(
    ("trouble", "match"),
    [
        (raw(hang=True), "no whole answer within 0.3 s"),
        (raw(HEAD, b"<MTConnect", hang=True), "no whole answer within 0.3 s"),
        (raw(HEAD, *[b"<"] * 500, pause=0.01), "no whole answer within 0.3 s"),
        (raw(b"HTTP/1.1 200 OK\r\nX: ", *[b"x"] * 500, pause=0.01), "no whole answer within 0.3 s"),
        (raw(HEAD, b"<a>"), "no answer from"),
        (raw(b""), "no answer from"),
        (raw(b"\x00\x03\x00\x00"), "no answer from"),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nab"), "encoded as gzip"),
        (raw(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 500_000 + b"\r\n\r\n"), "no answer from"),
    ],
)
def test_half_answers(trouble: Any, match: str) -> None:
    assert asyncio.run(fails(trouble, match, timeout_seconds=0.3)) < 1


@pytest.mark.parametrize("head", [b"Content-Length: 100000000", b"Transfer-Encoding: chunked"])
def test_a_hundred_megabytes(head: bytes) -> None:
    sent = 0

    async def trouble(target: str, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n")
        chunk = b" " * 100_000
        for _ in range(1000):
            writer.write(b"186a0\r\n" + chunk + b"\r\n" if b"chunked" in head else chunk)
            await writer.drain()
            sent += len(chunk)

    asyncio.run(fails(trouble, "more than 8000000 bytes", timeout_seconds=10))
    assert sent < 3 * client.MAX_BYTES


def test_new_names_in_each_answer_fill_no_memory() -> None:
    """Names are what parsers like to keep for ever."""
    import resource

    def peak() -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

    before = 0
    for number in range(15):
        names = b"".join(b"<n%dx%d%s/>" % (number, each, b"a" * 30) for each in range(20_000))
        with pytest.raises(BadAnswer, match="expected an"):
            client.parse(b"<r>" + names + b"</r>", "MTConnectStreams")
        before = before or peak()
    assert peak() - before < 20


def test_a_closed_port(closed_port: int) -> None:
    with pytest.raises(AdapterError, match=f"probe: no answer from http://127.0.0.1:{closed_port}"):
        asyncio.run(adapter_at(closed_port).connect(None))


def test_poll_without_a_connection() -> None:
    with pytest.raises(AdapterError, match="not connected"):
        asyncio.run(adapter_at(1).poll())


def test_an_answer_that_is_late_is_not_taken_for_the_next_ones() -> None:
    async def main() -> None:
        agent = ready()
        late = agent.answer("/VMC-3Axis/sample?from=14&count=1000")

        async def trouble(target: str, writer: asyncio.StreamWriter) -> Any:
            await asyncio.sleep(0.4)
            return late

        async with serving(agent) as port:
            adapter = adapter_at(port, timeout_seconds=0.3)
            await adapter.connect(None)
            (first,) = await adapter.poll()
            agent.trouble = trouble
            with pytest.raises(AdapterError):
                await adapter.poll()
            agent.trouble = None
            agent.say("pc", "8")
            await adapter.connect(first.mark)
            await asyncio.sleep(0.3)
            assert [each.update.part_count for each in await adapter.poll()] == [8]
            await adapter.close()

    asyncio.run(main())


def test_more_than_was_asked_for() -> None:
    flood = ready(size=5000)
    for number in range(1001):
        flood.say("pc", str(number))
    _, body = flood.answer("/VMC-3Axis/sample?from=14&count=5000")
    asyncio.run(fails(always(200, body), "the answer has 1001 observations: 1000 were asked for"))


def test_attributes_without_end() -> None:
    many = b" ".join(b"a%x=''" % number for number in range(400_001))
    asyncio.run(fails(always(200, b"<MTConnectStreams " + many + b"/>"), "more than 400000 attributes"))


def test_a_flood_of_alarms_is_bounded() -> None:
    """As many conditions and observations as there may be, each of a moment of its own."""

    async def main() -> None:
        agent = ready(size=5000)
        conditions = "".join(f'<DataItem type="SYSTEM" category="CONDITION" id="k{each}"/>' for each in range(1000))
        agent.device = agent.device.replace("</DataItems>", conditions + "</DataItems>", 1)
        faults = "".join(
            f'<Fault dataItemId="k{each}" sequence="{14 + each}" timestamp="{each}"/>' for each in range(1000)
        )
        async with serving(agent) as port:
            adapter = adapter_at(port)
            await adapter.connect(None)
            await adapter.poll()
            agent.trouble = always(200, filled(agent, faults, 1014))
            reports = [believed(each) for each in await adapter.poll()]
            assert len(reports) == 1000
            assert max(len(each.update.alarms or []) for each in reports) == 100
            await adapter.close()

    asyncio.run(main())


def filled(agent: BufferAgent, conditions: str, following: int) -> bytes:
    body = agent.streams([], following).decode()
    body = body.replace('lastSequence="13"', f'lastSequence="{following - 1}"')
    inside = f"><ComponentStream><Condition>{conditions}</Condition></ComponentStream></DeviceStream>"
    return body.replace("></DeviceStream>", inside).encode()


@pytest.mark.parametrize("answered", [1, 0])
def test_an_agent_that_hangs_up_when_it_is_asked(answered: int) -> None:
    """It is asked once more, on a new connection: ended while it was idle, a connection tells so only now."""

    async def main() -> None:
        agent = ready()
        hung_up = 0

        async def hang_up(target: str, writer: asyncio.StreamWriter) -> Any:
            nonlocal hung_up
            if "sample" in target and hung_up < 2 - answered:
                hung_up += 1
                return None
            return NotImplemented

        agent.trouble = hang_up
        async with serving(agent) as port:
            adapter = adapter_at(port)
            await adapter.connect(None)
            await adapter.poll()
            agent.say("pc", "8")
            if answered:
                (report,) = await adapter.poll()
                assert report.update.part_count == 8
            else:
                with pytest.raises(AdapterError, match="no answer from"):
                    await adapter.poll()
            assert hung_up == 2 - answered
            await adapter.close()

    asyncio.run(main())


def test_one_request_per_poll_on_one_connection() -> None:
    async def main() -> None:
        agent = ready()
        peers = set()

        async def look(target: str, writer: asyncio.StreamWriter) -> Any:
            peers.add(writer.get_extra_info("peername"))
            return NotImplemented

        agent.trouble = look
        async with serving(agent) as port:
            adapter = adapter_at(port)
            await adapter.connect(None)
            for _ in range(4):
                await adapter.poll()
            assert agent.requests == ["/probe", "/VMC-3Axis/current", *["/VMC-3Axis/sample?from=14&count=1000"] * 3]
            assert len(peers) == 1
            await adapter.close()

    asyncio.run(main())


def test_a_long_absence_comes_in_pieces() -> None:
    async def main() -> None:
        agent = ready(size=50_000)
        async with serving(agent) as port:
            adapter = adapter_at(port, timeout_seconds=5)
            await adapter.connect(None)
            (first,) = await adapter.poll()
            for part in range(8, 12_508):
                agent.now += 1
                agent.say("pc", str(part))
            await adapter.connect(first.mark)
            agent.requests.clear()
            counts: list[int | None] = []
            for _ in range(7):
                reports = await adapter.poll()
                assert len(reports) < 3000
                counts += [each.update.part_count for each in reports]
            assert len(agent.requests) == 13
            assert counts == list(range(8, 12_508))
            for _ in range(9_500):  # of what isn't read a poll takes more
                agent.say("x", "1")
            agent.requests.clear()
            await adapter.poll()
            assert len(agent.requests) == 10
            await adapter.close()

    asyncio.run(main())


@pytest.mark.long
def test_many_of_everything_in_one_answer_is_quick() -> None:
    agent = ready(size=2000)
    for number in range(1000):
        agent.say("x", str(number))
    answer = agent.answer(f"/VMC-3Axis/sample?from={agent.first}&count=1000")[1]
    began = time.perf_counter()
    for _ in range(100):
        client.parse(answer, "MTConnectStreams")
    assert (time.perf_counter() - began) / 100 < 0.05
