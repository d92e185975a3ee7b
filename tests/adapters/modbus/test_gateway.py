"""Several units behind one gateway: one connection, in turns, and none of them at the cost of the others."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any

import pytest

from adapters.modbus.liar import adapters_at, counted, liar, reply, silence
from takt_adapters.adapter import Adapter, AdapterError, BadAnswer

Devices = Callable[..., AbstractAsyncContextManager[Any]]
NO_ANSWER = "holding 100..101: no answer within 0.3 s"


async def honest(request: bytes, writer: asyncio.StreamWriter) -> None:
    """Unit 3 reads 3."""
    writer.write(counted(request, request[6]))


def units(port: int, *numbers: int, clock: Callable[[], float] = time.monotonic, **settings: Any) -> list[Any]:
    tables = [{"port": port, "unit": number, **settings} for number in numbers]
    return list(adapters_at(*tables, clock=clock))


async def read(adapter: Adapter) -> int | None:
    (report,) = await adapter.poll()
    return None if report.update is None else report.update.part_count


async def connect(*adapters: Adapter) -> None:
    await asyncio.gather(*(adapter.connect(None) for adapter in adapters))


async def close(*adapters: Adapter) -> None:
    await asyncio.gather(*(adapter.close() for adapter in adapters))


def test_they_share_one_connection_and_each_is_asked_once_per_poll() -> None:
    async def main() -> None:
        async with liar(honest) as peer:
            adapters = units(peer.port, *range(1, 11))
            await connect(*adapters)
            for _ in range(5):
                assert await asyncio.gather(*map(read, adapters)) == list(range(1, 11))
            assert peer.connections == 1
            assert Counter(peer.units()) == dict.fromkeys(range(1, 11), 5)
            await close(*adapters)

    asyncio.run(main())


def test_what_one_request_can_read_is_asked_once(modbus_device: Devices) -> None:
    """With a count, alarms, a variable, a heartbeat and the hold output next to each other."""
    table = {
        "values": {
            "part_count": {"register": "holding", "address": 100, "type": "uint32"},
            "cycle_state": {"register": "holding", "address": 102, "type": "uint16"},
            "program_name": {"register": "holding", "address": 104, "type": "string", "length": 8},
            "active_tool": {"register": "input", "address": 7, "type": "uint16"},
        },
        "variables": {500: {"register": "holding", "address": 112, "type": "float64"}},
        "alarms": [{"register": "holding", "address": 103, "bit": bit, "code": str(bit)} for bit in range(16)],
        "heartbeat": {"register": "holding", "address": 103, "max_age_seconds": 5},
        "hold_output": {"register": "holding", "address": 120},
    }

    async def main() -> None:
        async with modbus_device() as device:
            await device.set("holding", 103, [1])
            (adapter,) = units(device.port, 1, **table)
            await connect(adapter)
            for _ in range(3):
                device.requests.clear()
                await read(adapter)
                assert device.requests == [(3, 100, 21), (4, 7, 1)]
            await close(adapter)

    asyncio.run(main())


def test_other_ports_have_other_connections() -> None:
    async def main() -> None:
        async with liar(honest) as here, liar(honest) as there:
            adapters = adapters_at(
                {"port": here.port},
                {"port": there.port, "unit": 2},
                {"port": here.port, "unit": 3},
                clock=time.monotonic,
            )
            await connect(*adapters)
            assert await asyncio.gather(*map(read, adapters)) == [1, 2, 3]
            assert (here.connections, there.connections) == (1, 1)
            await close(*adapters)

    asyncio.run(main())


def test_one_request_is_under_way_at_a_time() -> None:
    async def slow(request: bytes, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.005)  # who doesn't wait for it has said more by then
        await honest(request, writer)

    async def main() -> None:
        async with liar(slow) as peer:
            adapters = units(peer.port, *range(1, 9))
            await connect(*adapters)
            await asyncio.gather(*map(read, adapters))
            assert {len(request) for request in peer.requests} == {12}
            await close(*adapters)

    asyncio.run(main())


def test_they_take_turns() -> None:
    """One with much to ask doesn't keep another waiting for more than its turn."""
    values = {"part_count": {"register": "holding", "address": 0, "type": "uint32"}}
    variables = {number: {"register": "holding", "address": 20 * number, "type": "uint32"} for number in range(1, 31)}

    async def main() -> None:
        async with liar(honest) as peer:
            tables = [{"port": peer.port, "values": values, "variables": variables}, {"port": peer.port, "unit": 2}]
            much, little = adapters_at(*tables, clock=time.monotonic)
            await connect(much, little)
            await asyncio.gather(read(much), read(little))
            assert peer.units().index(2) == 1
            await close(much, little)

    asyncio.run(main())


@pytest.mark.parametrize("code", [10, 11])
def test_a_unit_out_of_reach_fails_alone(code: int) -> None:
    async def gateway(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(request, bytes([0x83, code])) if request[6] == 2 else counted(request, 7))

    async def main() -> None:
        async with liar(gateway) as peer:
            first, away = units(peer.port, 1, 2)
            await connect(first, away)
            for _ in range(3):
                with pytest.raises(AdapterError, match=f"the gateway answers with exception {code}") as raised:
                    await read(away)
                assert not isinstance(raised.value, BadAnswer)
                await away.close()
                assert await read(first) == 7
                await away.connect(None)
            assert peer.connections == 1
            await close(first, away)

    asyncio.run(main())


def test_a_silent_unit_costs_the_others_one_timeout_and_no_value() -> None:
    now = 0.0

    async def gateway(request: bytes, writer: asyncio.StreamWriter) -> None:
        if request[6] != 2:
            await honest(request, writer)

    async def main() -> None:
        nonlocal now
        async with liar(gateway) as peer:
            adapters = units(peer.port, 1, 2, 3, clock=lambda: now)
            await connect(*adapters)
            for round_ in range(3):
                results = await asyncio.gather(
                    read(adapters[1]), read(adapters[0]), read(adapters[2]), return_exceptions=True
                )
                assert str(results[0]) == NO_ANSWER
                assert results[1:] == [1, 3]
                assert peer.units() == [2, 1, 3] * (round_ + 1)
                assert peer.connections == round_ + 2  # once more for each try
                now += 0.3
            await close(*adapters)

    asyncio.run(main())


def test_silent_units_are_not_tried_in_a_row() -> None:
    """However many there are, and however often they try, the others have half of the time."""
    now, silent = 0.0, {2, 3, 4}

    async def gateway(request: bytes, writer: asyncio.StreamWriter) -> None:
        if request[6] not in silent:
            await honest(request, writer)

    async def main() -> None:
        nonlocal now
        async with liar(gateway) as peer:
            adapters = units(peer.port, 1, 2, 3, 4, clock=lambda: now)
            await connect(*adapters)

            async def asked(*order: int) -> list[int]:
                """All want to read, in this order. Which were asked?"""
                peer.requests.clear()
                results = await asyncio.gather(*(read(adapters[unit - 1]) for unit in order), return_exceptions=True)
                expected = [NO_ANSWER if unit in silent else str(unit) for unit in order]
                assert [str(result) for result in results] == expected
                return peer.units()

            assert await asked(2, 1, 3, 4) == [2, 1, 3, 4]  # once may be chance
            assert await asked(4, 3, 2, 1) == [4, 1]
            now += 0.29
            assert await asked(3, 1, 4, 2) == [1]
            now += 0.01
            assert await asked(3, 4, 1, 2) == [1, 2]  # it was asked longest ago
            now += 0.3
            assert await asked(4, 2, 1, 3) == [1, 3]
            now += 0.3
            assert await asked(2, 3, 1) == [1]  # it is the turn of 4, which may come in a moment
            now += 9
            assert await asked(2, 1) == [1]
            now += 2
            assert await asked(2, 1) == [2, 1]  # nobody wants 4 any more
            now += 0.3
            silent.remove(3)
            assert await asked(3, 4, 2, 1) == [3, 4, 1]  # where one is back, more may be
            assert await asked(2, 4, 3, 1) == [3, 1]
            await close(*adapters)

    asyncio.run(main())


def test_a_unit_that_is_hung_up_on_keeps_no_silent_one_from_being_asked() -> None:
    """It was silent before, and would be the next of them."""
    hangs_up = False

    async def gateway(request: bytes, writer: asyncio.StreamWriter) -> None:
        if request[6] == 2 and hangs_up:
            writer.close()
        elif request[6] == 1 or hangs_up:
            await honest(request, writer)

    async def main() -> None:
        nonlocal hangs_up
        async with liar(gateway) as peer:
            adapters = units(peer.port, 1, 2, 3, clock=lambda: 0.0)
            await connect(*adapters)
            for unit in (2, 3):
                with pytest.raises(AdapterError, match="no answer"):
                    await read(adapters[unit - 1])
            hangs_up = True
            for _ in range(2):
                with pytest.raises(AdapterError, match="the connection was lost"):
                    await read(adapters[1])
            assert await asyncio.gather(read(adapters[2]), read(adapters[0])) == [3, 1]
            await close(*adapters)

    asyncio.run(main())


def test_one_machine_of_a_unit_that_gets_no_answer_silences_no_other() -> None:
    async def half_dead(request: bytes, writer: asyncio.StreamWriter) -> None:
        if request[9] != 200:
            await honest(request, writer)

    async def main() -> None:
        async with liar(half_dead) as peer:
            dead = {"part_count": {"register": "holding", "address": 200, "type": "uint32"}}
            tables = [{"port": peer.port}, {"port": peer.port, "values": dead}, {"port": peer.port, "unit": 2}]
            alive, silent, other = adapters_at(*tables, clock=lambda: 0.0)
            await connect(alive, silent, other)
            for _ in range(3):
                with pytest.raises(AdapterError, match=r"holding 200\.\.201: no answer"):
                    await read(silent)
                assert [await read(alive), await read(other)] == [1, 2]
            assert len(peer.requests) == 2 + 6
            await close(alive, silent, other)

    asyncio.run(main())


def test_a_silent_unit_without_others_is_asked_whenever_it_is_read() -> None:
    """Also while the others are away: they are not kept waiting."""

    async def main() -> None:
        async with liar(silence) as peer:
            one, other = units(peer.port, 1, 2, clock=lambda: 0.0)
            await connect(one, other)
            await close(other)
            for _ in range(3):
                with pytest.raises(AdapterError, match="no answer"):
                    await read(one)
            assert peer.units() == [1, 1, 1]
            await close(one)

    asyncio.run(main())


def test_a_late_answer_is_nobody_elses() -> None:
    """The gateway answers unit 2 when unit 1 is asked, and says 99."""
    late: list[bytes] = []

    async def gateway(request: bytes, writer: asyncio.StreamWriter) -> None:
        if request[6] == 2:
            late.append(request)
            return
        for waiting in late:  # with the transaction that it was asked with, over whatever connection there is
            writer.write(counted(waiting, 99))
        late.clear()
        await honest(request, writer)

    async def main() -> None:
        async with liar(gateway) as peer:
            first, second = units(peer.port, 1, 2)
            await connect(first, second)
            with pytest.raises(AdapterError, match="no answer"):
                await read(second)
            with pytest.raises(BadAnswer, match="asked with transaction 2, got an answer with 1"):
                await read(first)
            assert await read(first) == 1
            await close(first, second)

    asyncio.run(main())


@pytest.mark.parametrize("answers_late", [True, False])
def test_a_poll_that_is_given_up_takes_its_answer_along(answers_late: bool) -> None:
    async def slow(request: bytes, writer: asyncio.StreamWriter) -> None:
        if request[6] == 2:
            await asyncio.sleep(0.1 if answers_late else 10)
        await honest(request, writer)

    async def main() -> None:
        async with liar(slow) as peer:
            first, second = units(peer.port, 1, 2)
            await connect(first, second)
            given_up = asyncio.create_task(read(second))
            waiting = asyncio.create_task(read(first))
            await asyncio.sleep(0.05)
            given_up.cancel()
            assert await waiting == 1
            assert peer.connections == 2
            await close(first, second)

    asyncio.run(main())


def test_the_last_one_closes_it() -> None:
    async def main() -> None:
        async with liar(honest) as peer:
            first, second = units(peer.port, 1, 2)
            await connect(first, second)
            await first.close()
            with pytest.raises(AdapterError, match="not connected"):
                await read(first)
            assert await read(second) == 2
            await first.connect("a mark")
            assert await read(first) == 1
            assert peer.connections == 1
            await close(first, second)
            await asyncio.sleep(0.05)
            assert not peer.writers
            await first.close()  # whatever is closed may be closed again
            await connect(first)
            assert await read(first) == 1
            assert peer.connections == 2
            await first.close()

    asyncio.run(main())


def test_a_connection_that_was_closed_in_between_is_made_anew_without_a_word() -> None:
    async def main() -> None:
        async with liar(honest) as peer:
            first, second = units(peer.port, 1, 2)
            await connect(first, second)
            peer.hang_up()
            await asyncio.sleep(0.05)
            assert await asyncio.gather(read(first), read(second)) == [1, 2]
            assert peer.connections == 2
            await close(first, second)

    asyncio.run(main())


def test_a_restart_is_seen_over_the_port_that_was_closed(closed_port: int) -> None:
    """Twice within a second."""

    async def main() -> None:
        first, second = units(closed_port, 1, 2)
        for _ in range(3):
            with pytest.raises(AdapterError, match=f"no connection to 127.0.0.1:{closed_port}"):
                await connect(first)
            async with liar(honest, port=closed_port) as peer:
                await asyncio.sleep(0.4)  # a try that failed stands for so long
                await connect(first, second)
                assert await asyncio.gather(read(first), read(second)) == [1, 2]
                assert peer.connections == 1
            await asyncio.sleep(0.01)
            for adapter in (first, second):
                with pytest.raises(AdapterError, match="no connection"):
                    await read(adapter)
            await asyncio.sleep(0.4)
        await close(first, second)

    asyncio.run(main())


def test_the_time_for_an_answer_is_each_machines_own() -> None:
    async def slow(request: bytes, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.3)
        await honest(request, writer)

    async def main() -> None:
        async with liar(slow) as peer:
            tables = [{"port": peer.port, "unit": unit, "timeout_seconds": 1.0 / unit} for unit in (1, 2, 20)]
            adapters = adapters_at(*tables, clock=time.monotonic)
            await connect(*adapters)
            results = await asyncio.gather(*map(read, adapters), return_exceptions=True)
            assert results[:2] == [1, 2]  # it begins with the turn: the second had to wait 0.3 s before
            assert str(results[2]) == "holding 100..101: no answer within 0.05 s"
            await close(*adapters)

    asyncio.run(main())


def test_holds_go_over_it_too() -> None:
    coils: dict[int, bool] = {}

    async def gateway(request: bytes, writer: asyncio.StreamWriter) -> None:
        unit, function = request[6], request[7]
        if function == 5:
            coils[unit] = request[10:12] == b"\xff\0"
            writer.write(request)
        elif function == 1:
            writer.write(reply(request, bytes([1, 1, coils.get(unit, False)])))
        else:
            await honest(request, writer)

    async def main() -> None:
        async with liar(gateway) as peer:
            first, second = units(peer.port, 1, 2, hold_output={"register": "coil", "address": 4})
            await connect(first, second)
            await asyncio.gather(first.hold(True), second.poll())
            assert (first.held, second.held) == (True, False)
            await asyncio.gather(first.poll(), second.hold(True))
            assert (first.held, second.held) == (True, True)
            assert peer.connections == 1
            await close(first, second)

    asyncio.run(main())


def test_what_nobody_asked_for_is_never_a_value() -> None:
    """Between two polls it sends an answer to what it guesses will be asked next."""

    async def eager(request: bytes, writer: asyncio.StreamWriter) -> None:
        await honest(request, writer)
        writer.write(counted(request, 99))  # once more, with the transaction before

    async def main() -> None:
        async with liar(eager) as peer:
            first, second = units(peer.port, 1, 2)
            await connect(first, second)
            seen = []
            for _ in range(10):
                for adapter in (first, second):
                    with suppress(BadAnswer):
                        seen.append(await read(adapter))
                    await asyncio.sleep(0.01)
            assert len(seen) == 10  # every other time it fails, and is connected anew
            assert set(seen) <= {1, 2}
            await close(first, second)

    asyncio.run(main())
