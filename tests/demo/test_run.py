"""The demo as a user starts it: history, simulated machines, and a machine of the user's own."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from takt_adapters.builtin import installed_adapters
from taktledger.access import ensure_keys
from taktledger.api.backend import Backend
from taktledger.config import load_config
from taktledger.demo import run
from taktledger.demo.run import demo_floor, write_history
from taktledger.domain.alerts import AlertDismissed
from taktledger.domain.event import Event
from taktledger.domain.tools.replacement import ToolReplaced
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
    ensure_keys(backend.writer, backend.credentials, data, None)  # what comes after the history

    async def start() -> list[str]:
        settings = Settings(host="127.0.0.1", port=0, data=data, config=config)
        async with demo_floor(settings, backend, asyncio.Event()) as path:
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


NOW = 1_763_647_777.0
"""A Thursday afternoon."""


@contextmanager
def opened(data: Path, now: float) -> Iterator[Backend]:
    backend = open_backend(data, clock=lambda: now)
    try:
        yield backend
    finally:
        close_backend(backend)


def written(data: Path, now: float, *, groups: int | None = None) -> bool:
    """Whether the history is complete after a start at `now` that is interrupted after so many groups (or not)."""
    with opened(data, now) as backend:
        stopping = asyncio.Event()
        backend.writer.on_commit.append(lambda _: stopping.set() if backend.writer.groups == groups else None)

        async def write() -> bool:
            return await write_history(backend, stopping)

        return asyncio.run(write())


def events_of(data: Path) -> list[Event]:
    with opened(data, NOW) as backend:
        return [event for _, events in backend.ledger.scan() for event in events]


@pytest.fixture(autouse=True)
def a_short_month(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "DAYS", 4)


def test_the_history_is_written_with_the_clock_of_its_days(tmp_path: Path) -> None:
    """Recorded at most ten minutes after it occurred, and never before; what people do too. But some replacements are
    entered when there is time."""
    assert written(tmp_path, NOW)
    recorded = events_of(tmp_path)
    for event in recorded:
        longest = 3300.0 if isinstance(event, (ToolReplaced, AlertDismissed)) else 600.0
        assert 0 <= event.recorded_at - event.occurred_at <= longest, event
    assert [event.recorded_at for event in recorded] == sorted(event.recorded_at for event in recorded)
    assert recorded[0].occurred_at == NOW - 4 * 24 * 3600
    assert recorded[-1].recorded_at == NOW
    assert {event.actor for event in recorded} >= {"demo", "system", "user-1", "user-2", "user-3"}


def test_a_history_that_was_cut_off_is_written_to_its_end(tmp_path: Path) -> None:
    """Twice, and the next start is an hour later: it is the same history, and goes on until then."""
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert not written(cut, NOW, groups=3)
    lengths = [len(events_of(cut))]
    assert not written(cut, NOW + 60, groups=150)
    lengths.append(len(events_of(cut)))
    assert 0 < lengths[0] < lengths[1]
    assert written(cut, NOW + 3600)
    assert written(whole, NOW)
    alike = [[e for e in events_of(each) if e.recorded_at < NOW - 24 * 3600] for each in (whole, cut)]
    assert alike[0] == alike[1]
    assert lengths[1] < len(alike[0])
    assert events_of(cut)[-1].recorded_at == NOW + 3600


@pytest.mark.long
def test_a_history_that_is_cut_off_again_and_again_replaces_each_tool_once(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert written(whole, NOW)
    pieces = 1
    while not written(cut, NOW, groups=29):
        pieces += 1
    assert pieces > 8
    assert sum(isinstance(event, ToolReplaced) for event in events_of(cut)) > 20
    assert events_of(cut) == events_of(whole)


def test_a_complete_history_gets_no_second_one(tmp_path: Path) -> None:
    assert written(tmp_path, NOW)
    with opened(tmp_path, NOW + 60) as backend:
        ensure_keys(backend.writer, backend.credentials, tmp_path, None)
        head = backend.ledger.head
    assert written(tmp_path, NOW + 3600)
    with opened(tmp_path, NOW) as backend:
        assert backend.ledger.head == head


def test_an_interrupted_start_starts_no_floor(tmp_path: Path) -> None:
    """It would remember counters from the middle of the history."""
    stopping = asyncio.Event()
    stopping.set()

    async def start(backend: Backend) -> Path | None:
        settings = Settings(host="127.0.0.1", port=0, data=tmp_path)
        async with demo_floor(settings, backend, stopping) as path:
            return path

    with opened(tmp_path, NOW) as backend:
        assert asyncio.run(start(backend)) is None
    assert not (tmp_path / "floor.json").exists()
