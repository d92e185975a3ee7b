"""Warnings before a tool's life ends, and holds after it, as the documents have it."""

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from api.client import Json, get, report
from api.tooling import (
    LOCATION,
    MARCH,
    Line,
    patch_life,
    patch_tool,
    replaced,
    running,
    tool_of,
    undo,
)

WATCHED: Json = {"part_life": 10, "warn_life": 2, "monitoring_dest": 1}


def make_parts(api: httpx.Client, line: Line, reading: int) -> None:
    report(api, line.mill, part_count=reading, when=MARCH + reading * 60)


def warnings_of(api: httpx.Client, tool: Json) -> list[Json]:
    return [alert for alert in get(api, "/api/alerts/").values() if alert["tool_id"] == tool["id"]]


def holds_of(api: httpx.Client, machine: Json) -> list[Json]:
    """The holds of this machine that have not ended."""
    listed: Any = get(api, "/api/machines/holds/")
    now = time.time()
    return [each for each in listed if each["machine_id"] == machine["id"] and not 0 < (each["end"] or 0) <= now]


def eventually(is_so: Callable[[], bool]) -> bool:
    """Whether it is so within 5 s."""
    deadline = time.monotonic() + 5
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.1)
    return is_so()


# Warnings


def test_a_warning_when_few_parts_remain(api: httpx.Client) -> None:
    """When the expected number of parts remaining is at or below `warn_life`; once per occasion."""
    line = running(api, **WATCHED)
    make_parts(api, line, 7)
    assert tool_of(api, line.tool)["warning_sent"] is False
    assert warnings_of(api, line.tool) == []
    make_parts(api, line, 8)
    assert eventually(lambda: tool_of(api, line.tool)["warning_sent"] is True)
    assert len(warnings_of(api, line.tool)) == 1
    make_parts(api, line, 9)
    assert len(warnings_of(api, line.tool)) == 1


def test_a_replacement_resets_the_warning_and_undo_sets_it_again(api: httpx.Client) -> None:
    """Whether a warning has been sent for this tool since the last replacement."""
    line = running(api, **WATCHED)
    make_parts(api, line, 9)
    assert eventually(lambda: tool_of(api, line.tool)["warning_sent"] is True)
    record = replaced(api, line.tool)["replacement"]
    assert tool_of(api, line.tool)["warning_sent"] is False
    assert undo(api, record).status_code == 204
    assert tool_of(api, line.tool)["warning_sent"] is True


def test_without_a_life_there_is_no_warning(api: httpx.Client) -> None:
    """A zero value disables part tracking for the tool."""
    line = running(api, part_life=0, warn_life=2, monitoring_dest=1)
    make_parts(api, line, 5)
    assert tool_of(api, line.tool)["warning_sent"] is False
    assert warnings_of(api, line.tool) == []


def test_warnings_go_by_the_life_of_the_loaded_process(api: httpx.Client) -> None:
    """By the loaded process's pair if it has a life of its own, else by the tool's."""
    line = running(api, part_life=10, warn_life=1, monitoring_dest=1)
    patch_life(api, line.tool, line.process, part_life=20, warn_life=2)
    make_parts(api, line, 12)
    assert warnings_of(api, line.tool) == []
    make_parts(api, line, 18)
    assert eventually(lambda: len(warnings_of(api, line.tool)) == 1)


def test_a_warning_when_little_run_time_remains(api: httpx.Client) -> None:
    """When this tool has this much machine runtime (in seconds) remaining."""
    line = running(api, usage_mode=1, max_runtime=100, warn_runtime=50, monitoring_dest=1)
    for step in range(3):
        assert warnings_of(api, line.tool) == []
        when = MARCH + 3_600 + 30 * step
        report(api, line.mill, part_count=step, active_tool=LOCATION, cycle_state="ACTIVE", when=when)
    assert eventually(lambda: len(warnings_of(api, line.tool)) == 1)


# Holds


@pytest.fixture
def critical(api: httpx.Client) -> Line:
    """A critical tool that has made as many parts as it may."""
    line = running(api, part_life=3, is_critical=True)
    make_parts(api, line, 3)
    return line


def test_a_critical_tool_beyond_its_life_holds_its_machine(api: httpx.Client, critical: Line) -> None:
    """When its usage is beyond its life (greater than it); made by the ledger, so by no user."""
    time.sleep(0.5)
    assert holds_of(api, critical.mill) == []
    make_parts(api, critical, 4)
    assert eventually(lambda: len(holds_of(api, critical.mill)) == 1)
    (hold,) = holds_of(api, critical.mill)
    assert hold["user_id"] is None
    make_parts(api, critical, 5)
    assert len(holds_of(api, critical.mill)) == 1


ENDS: dict[str, Json] = {
    "longer life": {"part_life": 50},
    "no longer critical": {"is_critical": False},
    "out of the process": {"assembly_id": None},
}


@pytest.mark.parametrize("how", ["replaced", *ENDS])
def test_the_hold_ends_with_its_reason(api: httpx.Client, critical: Line, how: str) -> None:
    """The machine has it while a critical tool of the loaded process is past its life; released by the ledger."""
    make_parts(api, critical, 4)
    assert eventually(lambda: len(holds_of(api, critical.mill)) == 1)
    if how == "replaced":
        replaced(api, critical.tool)
    else:
        patch_tool(api, critical.tool, **ENDS[how])
    assert eventually(lambda: holds_of(api, critical.mill) == [])


def test_another_tool_holds_nothing(api: httpx.Client) -> None:
    """`is_critical`: whether the machine should be kept from running."""
    line = running(api, part_life=3, is_critical=False)
    make_parts(api, line, 9)
    time.sleep(0.5)
    assert holds_of(api, line.mill) == []
