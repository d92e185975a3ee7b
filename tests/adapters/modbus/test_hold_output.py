"""The hold output of a real Modbus device: what is written, what is read back, and what is not believed."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from takt_adapters.adapter import AdapterError, BadAnswer
from takt_adapters.builtin import installed_adapters
from takt_adapters.modbus.modbus import ModbusAdapter, make
from takt_adapters.modbus.settings import ModbusSettings
from taktledger.config import ConfigError, load_config

Devices = Callable[..., AbstractAsyncContextManager[Any]]
COIL = {"register": "coil", "address": 8}
REGISTER = {"register": "holding", "address": 120, "on": 7, "off": 3}
WRITTEN = [(COIL, 5, 0xFF00, 0), (REGISTER, 6, 7, 3)]
"""Hold output, function, and what is sent to hold and to release."""


def adapter_at(port: int, output: dict[str, Any] | None, **more: Any) -> ModbusAdapter:
    table: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": port,
        "timeout_seconds": 0.3,
        "values": {"part_count": {"register": "holding", "address": 118, "type": "uint16"}},
        **({"hold_output": output} if output is not None else {}),
        **more,
    }
    (adapter,) = make([msgspec.convert(table, ModbusSettings)], time.monotonic)
    return adapter


def with_device(
    modbus_device: Devices,
    output: dict[str, Any] | None,
    act: Callable[[ModbusAdapter, Any], Awaitable[Any]],
    **more: Any,
) -> Any:
    """Connects the adapter to the device, and does something with the two."""

    async def main() -> Any:
        async with modbus_device() as device:
            adapter = adapter_at(device.port, output, **more)
            await adapter.connect(None)
            try:
                return await act(adapter, device)
            finally:
                await adapter.close()

    return asyncio.run(main())


@pytest.mark.parametrize(("output", "function", "on", "off"), WRITTEN)
def test_it_is_written_and_read_back(
    modbus_device: Devices, output: dict[str, Any], function: int, on: int, off: int
) -> None:
    async def act(adapter: ModbusAdapter, device: Any) -> None:
        for held, sent in ((True, on), (False, off), (True, on)):
            device.requests.clear()
            await adapter.hold(held)
            read = (1 if function == 5 else 3, output["address"], 1)
            assert device.requests == [(function, output["address"], sent), read]
            assert adapter.held is held
            await adapter.poll()
            assert adapter.held is held

    with_device(modbus_device, output, act)


@pytest.mark.parametrize(("word", "held"), [(7, True), (3, False), (0, None), (1, None)])
def test_a_register_that_reads_neither_is_neither(modbus_device: Devices, word: int, held: bool | None) -> None:
    async def act(adapter: ModbusAdapter, device: Any) -> None:
        await device.set("holding", 120, [word])
        await adapter.poll()
        assert adapter.held is held

    with_device(modbus_device, REGISTER, act)


def test_it_is_read_with_the_neighbours_in_one_request(modbus_device: Devices) -> None:
    async def act(adapter: ModbusAdapter, device: Any) -> None:
        await adapter.poll()
        assert device.requests == [(3, 118, 3)]

    with_device(modbus_device, REGISTER, act)


def test_a_machine_without_one_can_not_be_held(modbus_device: Devices) -> None:
    async def act(adapter: ModbusAdapter, device: Any) -> None:
        await adapter.poll()
        assert not adapter.has_hold_output
        assert adapter.held is None
        with pytest.raises(AdapterError, match="it has no hold output"):
            await adapter.hold(True)

    with_device(modbus_device, None, act)


@pytest.mark.parametrize(("output", "function"), [(COIL, 5), (REGISTER, 6)])
@pytest.mark.parametrize(
    ("how", "error"),
    [("refused", "the device answers with exception 1 (illegal function)"), ("ignored", "was written, and it reads")],
)
def test_a_write_that_did_nothing_is_an_error(
    modbus_device: Devices, output: dict[str, Any], function: int, how: str, error: str
) -> None:
    async def act(adapter: ModbusAdapter, device: Any) -> None:
        device.writes = how
        with pytest.raises(AdapterError) as raised:
            await adapter.hold(True)
        assert str(raised.value).startswith(f"{output['register']} {output['address']}: ")
        assert error in str(raised.value)
        assert (await adapter.poll())[-1].update.part_count == 0  # it is read all the same
        assert adapter.held is not True

    with_device(modbus_device, output, act)


@pytest.mark.parametrize(
    ("output", "answer"),
    [
        (COIL, "05 0008 0000"),  # another value
        (COIL, "05 0009 ff00"),  # another address
        (COIL, "06 0008 ff00"),  # another function
        (COIL, "01 01 01"),
        (COIL, "05 0008"),
        (COIL, "05"),
        (COIL, "85 04"),
        (REGISTER, "06 0078 0003"),
        (REGISTER, "06 0079 0007"),
        (REGISTER, "05 0078 ff00"),
        (REGISTER, "06 0078"),
        (REGISTER, "86 02"),
    ],
)
def test_an_answer_that_is_no_echo_is_an_error(modbus_device: Devices, output: dict[str, Any], answer: str) -> None:
    async def act(adapter: ModbusAdapter, device: Any) -> None:
        device.answer = bytes.fromhex(answer)
        began = time.monotonic()
        with pytest.raises(AdapterError):
            await adapter.hold(True)
        assert len(device.requests) == 1  # it isn't even read back
        assert time.monotonic() - began < 10

    with_device(modbus_device, output, act)


def test_what_we_wrote_ourselves_is_no_sign_of_life(modbus_device: Devices) -> None:
    """Nothing but zeros, and our own output among them."""

    async def act(adapter: ModbusAdapter, device: Any) -> None:
        await device.set("holding", 118, [0, 1])
        await adapter.poll()
        await adapter.hold(True)
        await device.set("holding", 118, [0, 0])
        with pytest.raises(AdapterError, match="nothing but zeros"):
            await adapter.poll()

    heartbeat = {"register": "holding", "address": 119, "max_age_seconds": 60}
    with_device(modbus_device, REGISTER, act, heartbeat=heartbeat)


@pytest.mark.parametrize(
    ("output", "on", "shown"),
    [
        (COIL, 1, ("hold output", "coil 8", "1", True, None)),
        (REGISTER, 3, ("hold output", "holding 120", "0003", False, None)),
        (REGISTER, 9, ("hold output", "holding 120", "0009", None, None)),
    ],
)
def test_it_is_described_as_one_value(modbus_device: Devices, output: dict[str, Any], on: int, shown: Any) -> None:
    async def act(adapter: ModbusAdapter, device: Any) -> None:
        await device.set(output["register"], output["address"], [on])
        assert [tuple(each) for each in await adapter.describe()][1:] == [shown]

    with_device(modbus_device, output, act)


def test_without_a_word_about_it_1_holds_and_0_releases() -> None:
    for register in ("coil", "holding"):
        output = adapter_at(1, {"register": register, "address": 0}).settings.hold_output
        assert output is not None
        assert (output.on, output.off) == (1, 0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("address = 1", "register: missing"),
        ('register = "coil"', "address: missing"),
        ('register = "discrete"\naddress = 1', 'register: expected "coil" or "holding", got "discrete"'),
        ('register = "holding"\naddress = 65536', "address: expected an integer from 0 to 65535, got 65536"),
        ('register = "holding"\naddress = 1\nbit = 3', "bit: unknown key"),
        ('register = "holding"\naddress = 1\non = 65536', "on: expected an integer from 0 to 65535, got 65536"),
        ('register = "holding"\naddress = 1\noff = 0.5', "off: expected an integer"),
        ('register = "holding"\naddress = 1\noff = 1', "off: expected another number than on, got 1"),
        ('register = "coil"\naddress = 1\non = 0\noff = 1', "on: not for a coil"),
        ('register = "coil"\naddress = 1\non = 5', "on: not for a coil"),
    ],
)
def test_what_is_wrong_with_it_is_found_before_anything_starts(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "shop.toml"
    machine = '[[machine]]\nname = "mill-1"\nadapter = "modbus"\n[machine.modbus]\nhost = "127.0.0.1"\n'
    path.write_text(f"{machine}[machine.modbus.hold_output]\n{text}\n")
    with pytest.raises(ConfigError) as error:
        load_config(path, installed_adapters())
    assert str(error.value).startswith(f'shop.toml: machine "mill-1" [machine.modbus.hold_output] {message}')


@pytest.mark.parametrize("output", [{"register": "coil", "address": 5000}, {"register": "holding", "address": 5000}])
def test_one_that_can_not_be_read_stops_no_counting(modbus_device: Devices, output: dict[str, Any]) -> None:
    """Its address may be wrong, or nothing but written."""

    async def act(adapter: ModbusAdapter, device: Any) -> None:
        await device.set("holding", 118, [41])
        for _ in range(2):
            assert (await adapter.poll())[-1].update.part_count == 41
            assert adapter.held is None
        with pytest.raises(AdapterError, match="illegal address"):
            await adapter.hold(True)

    with_device(modbus_device, output, act)


def test_one_that_is_read_by_itself_only(modbus_device: Devices) -> None:
    """Some devices refuse to read over the border of two areas: so do the others' addresses here."""

    async def act(adapter: ModbusAdapter, device: Any) -> None:
        adapter._plans = adapter._plans[-1:]
        assert (await adapter.poll())[-1].update.part_count == 0
        assert adapter.held is False
        await adapter.hold(True)
        await adapter.poll()
        assert adapter.held is True

    with_device(modbus_device, COIL, act)


def test_a_value_that_can_not_be_leaves_the_output_known(modbus_device: Devices) -> None:
    values = {"part_count": {"register": "holding", "address": 118, "type": "uint16"}}
    values["program_name"] = {"register": "holding", "address": 130, "type": "string", "length": 1}  # type: ignore[dict-item]

    async def act(adapter: ModbusAdapter, device: Any) -> None:
        await device.set("holding", 130, [0x0102])
        await device.set("coil", 8, [True])
        with pytest.raises(BadAnswer, match="program_name"):
            await adapter.poll()
        assert adapter.held is True

    with_device(modbus_device, COIL, act, values=values)
