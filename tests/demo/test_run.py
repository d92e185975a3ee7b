"""The demo as a user starts it: history, simulated machines, and a machine of the user's own."""

import asyncio
from pathlib import Path

import pytest

from takt_adapters.builtin import installed_adapters
from taktledger.config import load_config
from taktledger.demo.run import demo_floor, write_history
from taktledger.main import CannotStart, Settings, close_backend, open_backend

OWN = """
[[machine]]
name = "{name}"
adapter = "modbus"
[machine.modbus]
host = "127.0.0.1"
[machine.modbus.values.part_count]
register = "holding"
address = 0
type = "uint16"
"""


def machines_of(data: Path, own: str | None) -> list[str]:
    """Which machines the edge of the demo would read, on a ledger that has its history."""
    config = data / "shop.toml" if own is not None else None
    if config is not None:
        config.write_text(OWN.format(name=own))
    backend = open_backend(data)
    stopping = asyncio.Event()
    stopping.set()

    async def start() -> list[str]:
        settings = Settings(host="127.0.0.1", port=0, data=data, config=config)
        async with demo_floor(settings, backend, stopping) as path:
            assert path is not None
            return [machine.name for machine in load_config(path, installed_adapters()).machines]

    try:
        return asyncio.run(start())
    finally:
        close_backend(backend)


def test_the_simulated_machines(tmp_path: Path) -> None:
    assert machines_of(tmp_path, None) == ["mill-1", "mill-2", "lathe-1", "mill-5ax"]


def test_a_machine_of_the_users_own_beside_them(tmp_path: Path) -> None:
    assert machines_of(tmp_path, "saw")[-1] == "saw"


def test_one_name_for_two(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="mill-1"):
        machines_of(tmp_path, "mill-1")


def test_the_history_is_written_with_the_clock_of_its_days(tmp_path: Path) -> None:
    """Recorded at most ten minutes after it occurred, and never before; stopped in the middle, it stays in order."""
    backend = open_backend(tmp_path, clock=lambda: 1_763_640_000.0)
    stopping = asyncio.Event()

    async def write() -> None:
        asyncio.get_running_loop().call_later(0.3, stopping.set)
        await write_history(backend, stopping)

    try:
        asyncio.run(write())
        recorded = [event for _, events in backend.ledger.scan() for event in events]
    finally:
        close_backend(backend)
    assert recorded
    for event in recorded:
        assert 0 <= event.recorded_at - event.occurred_at <= 600.0, event
    assert [event.recorded_at for event in recorded] == sorted(event.recorded_at for event in recorded)
