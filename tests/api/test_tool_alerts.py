"""Alerts about the life of tools (`api/tool.txt`, `domain.md`). Calibration and stock: `test_tool_reminders.py`.

Every tool has a channel (`monitoring_dest`), for without one nothing need be sent.
"""

import time
from typing import Any

import httpx
import pytest

from api.client import (
    Json,
    Server,
    baseline,
    cycle,
    facts,
    get,
    make_machine,
    make_process,
    make_program,
    program_seen,
    report,
)
from api.stockroom import (
    alerts_about,
    done,
    make_assembly,
    make_tool,
    patched,
    replaced,
    tool_of,
    tool_path,
)

LIFE: Json = {"part_life": 10, "warn_life": 3, "monitoring_dest": 1}
LOCATION = 4


def ids_of(alerts: list[Json]) -> list[int]:
    """Whether they were dismissed since doesn't matter."""
    return [alert["id"] for alert in alerts]


class Job:
    """A machine whose loaded process has one tool."""

    def __init__(self, api: httpx.Client, **tool: Any) -> None:
        self.api = api
        self.machine = make_machine(api)
        self.process = make_process(api, self.machine)
        self.program = make_program(api, self.machine, process_id=self.process["id"])
        self.assembly = make_assembly(api, self.process, location=LOCATION)
        self.tool = make_tool(api, self.assembly, **{"monitoring_dest": 1} | tool)
        self.count = 0
        report(api, self.machine, program_name=self.program["filename"], part_count=0)

    def makes(self, parts: int) -> None:
        self.count += parts
        report(self.api, self.machine, part_count=self.count)

    def alerts(self, at_least: int = 0) -> list[Json]:
        return alerts_about(self.api, self.tool, at_least)

    def shown(self) -> Json:
        return tool_of(self.api, self.tool)

    def life(self, **fields: Any) -> None:
        """The life of the tool in this process."""
        patched(self.api, f"{tool_path(self.tool)}/processLife/{self.process['id']}", **fields)


# Parts


def test_a_tool_at_its_warning_is_an_alert(api: httpx.Client) -> None:
    """A warning will be triggered when the expected number of parts remaining is at or below warn_life."""
    job = Job(api, **LIFE)
    job.makes(6)
    assert job.alerts() == []
    assert job.shown()["warning_sent"] is False
    job.makes(1)
    (alert,) = job.alerts(1)
    assert alert["machine_id"] in {job.machine["id"], None}
    assert alert["process_id"] in {job.process["id"], None}
    assert isinstance(alert["data"], dict)
    assert alert["message"]
    assert alert["kind"]
    assert alert["dismissed"] is False
    assert job.shown()["warning_sent"] is True


def test_many_parts_at_once_warn_once(api: httpx.Client) -> None:
    """At or below this value."""
    job = Job(api, **LIFE)
    job.makes(9)
    assert len(job.alerts(1)) == 1
    assert job.shown()["warning_sent"] is True


def test_a_warning_is_sent_once_per_replacement(api: httpx.Client) -> None:
    """warning_sent: whether a warning notification has been sent for this tool since the last replacement."""
    job = Job(api, **LIFE)
    job.makes(7)
    first = job.alerts(1)
    job.makes(1)
    job.makes(1)
    assert ids_of(job.alerts()) == ids_of(first)
    replaced(api, job.tool)
    assert job.shown()["warning_sent"] is False
    job.makes(6)
    assert ids_of(job.alerts()) == ids_of(first)
    job.makes(1)
    assert len(job.alerts(2)) == 2
    assert job.shown()["warning_sent"] is True


def test_a_dismissed_warning_does_not_come_again(api: httpx.Client) -> None:
    """One per occasion."""
    job = Job(api, **LIFE)
    job.makes(7)
    (alert,) = job.alerts(1)
    done(api.post(f"/api/alerts/{alert['id']}/dismiss"))
    job.makes(1)
    assert [each["dismissed"] for each in job.alerts()] == [True]


def test_a_tool_past_its_life_is_another_alert(api: httpx.Client) -> None:
    """A tool past its life: when it is used beyond its expected life. Once per replacement."""
    job = Job(api, **LIFE)
    job.makes(7)
    warning = job.alerts(1)
    job.makes(4)
    alerts = job.alerts(2)
    assert len(alerts) == 2
    assert len({alert["kind"] for alert in alerts}) == 2
    job.makes(1)
    job.makes(5)
    assert len(job.alerts()) == 2
    assert warning[0]["id"] in {alert["id"] for alert in job.alerts()}


def test_after_a_replacement_the_end_of_life_is_told_again(api: httpx.Client) -> None:
    """Warnings sent are reset, for the tool's own life and every pair."""
    job = Job(api, **LIFE)
    job.makes(11)
    before = len(job.alerts(1))
    replaced(api, job.tool)
    job.makes(11)
    assert len(job.alerts(2 * before)) == 2 * before


@pytest.mark.parametrize("life", [{"part_life": 0, "warn_life": 5}, {}, {"part_life": 100, "warn_life": 0}])
def test_without_a_life_or_far_from_it_there_is_no_alert(api: httpx.Client, life: Json) -> None:
    """A zero value disables part tracking for the tool."""
    job = Job(api, **life)
    job.makes(20)
    assert job.shown()["part_count"] == 20
    assert job.alerts() == []
    assert job.shown()["warning_sent"] is False


def test_a_tool_that_is_not_in_use_is_no_alert(api: httpx.Client) -> None:
    """A cycle is charged to the tools that were in the assemblies of its process."""
    job = Job(api, **LIFE)
    others = [make_tool(api, make_assembly(api, make_process(api, job.machine)), **LIFE), make_tool(api, **LIFE)]
    job.makes(8)
    assert len(job.alerts(1)) == 1
    assert [alerts_about(api, tool) for tool in others] == [[], []]


def test_facts_of_an_edge_warn_too(api: httpx.Client, edge: httpx.Client) -> None:
    """A machine that an edge reports: production counts where it happened."""
    machine = make_machine(api)
    process = make_process(api, machine)
    program = make_program(api, machine, process_id=process["id"])
    tool = make_tool(api, make_assembly(api, process), **LIFE)
    now = time.time()
    facts(edge, machine, program_seen(now, program["filename"]), baseline(now))
    facts(edge, machine, cycle(now + 1, 6, 6, program=program["filename"]))
    assert tool_of(api, tool)["part_count"] == 6
    assert alerts_about(api, tool) == []
    facts(edge, machine, cycle(now + 2, 7, program=program["filename"]))
    assert len(alerts_about(api, tool, 1)) == 1
    assert tool_of(api, tool)["warning_sent"] is True


def test_what_arrives_after_the_replacement_leaves_the_new_tool_fresh(api: httpx.Client, edge: httpx.Client) -> None:
    """Charged on the counter that ran then: the live one, or the record of the replacement that ended it."""
    machine = make_machine(api)
    process = make_process(api, machine)
    program = make_program(api, machine, process_id=process["id"])
    tool = make_tool(api, make_assembly(api, process), **LIFE)
    before = time.time() - 60
    facts(edge, machine, program_seen(before, program["filename"]), baseline(before))
    replaced(api, tool)
    facts(edge, machine, cycle(before + 30, 8, 8, program=program["filename"]))
    shown = tool_of(api, tool)
    assert (shown["part_count"], shown["warning_sent"]) == (0, False)


def test_alerts_outlive_a_restart_and_are_not_sent_again(fresh: Server) -> None:
    """One per occasion, also when the ledger was restarted since."""
    with fresh.client(fresh.admin_key) as api:
        job = Job(api, **LIFE)
        job.makes(7)
        before = job.alerts(1)
    fresh.restart()
    with fresh.client(fresh.admin_key) as api:
        job.api = api
        assert ids_of(job.alerts()) == ids_of(before)
        job.makes(1)
        assert ids_of(job.alerts()) == ids_of(before)
        assert job.shown()["warning_sent"] is True


# The life in a process


def test_the_life_in_the_loaded_process_goes_first(api: httpx.Client) -> None:
    """Warnings go by the loaded process's pair if it has a life of its own."""
    job = Job(api, part_life=50, warn_life=1)
    job.life(part_life=5, warn_life=1)
    job.makes(3)
    assert job.alerts() == []
    job.makes(1)
    assert len(job.alerts(1)) == 1


def test_a_longer_life_in_the_loaded_process_goes_first_too(api: httpx.Client) -> None:
    """Warnings go by the loaded process's pair if it has a life of its own."""
    job = Job(api, part_life=5, warn_life=1)
    job.life(part_life=50, warn_life=10)
    job.makes(30)
    assert job.alerts() == []
    job.makes(10)
    assert len(job.alerts(1)) == 1


def test_without_a_life_in_the_process_it_is_the_tools_own(api: httpx.Client) -> None:
    """Else by the tool's: a pair that was born with its first part has no life of its own."""
    job = Job(api, **LIFE)
    job.makes(1)
    assert str(job.process["id"]) in get(api, f"{tool_path(job.tool)}/processLife")
    job.makes(6)
    assert len(job.alerts(1)) == 1


def test_warnings_of_a_pair_are_reset_by_a_replacement(api: httpx.Client) -> None:
    """Warnings sent are reset, for the tool's own life and every pair."""
    job = Job(api)
    job.life(part_life=5, warn_life=2)
    for turn in (1, 2):
        job.makes(3)
        job.makes(1)
        assert len(job.alerts(turn)) == turn
        replaced(api, job.tool)


# Run time and days


def runs(job: Job, seconds: int) -> None:
    """The tool is active for so many seconds, from now on. The control's clock may be 5 s ahead."""
    start = time.time()
    running: Json = {"cycle_state": "ACTIVE", "active_tool": LOCATION}
    report(job.api, job.machine, part_count=job.count, when=start, **running)
    job.count += 1
    report(job.api, job.machine, part_count=job.count, when=start + seconds, **running)


def test_a_tool_at_its_run_time_warning_is_an_alert(api: httpx.Client) -> None:
    """A warning will be sent when this tool has this much machine runtime (in seconds) remaining."""
    job = Job(api, usage_mode=1, max_runtime=100, warn_runtime=97)
    runs(job, 2)
    assert job.shown()["runtime"] == pytest.approx(2, abs=0.5)
    assert job.alerts() == []
    time.sleep(2.5)
    runs(job, 4)
    assert job.shown()["runtime"] >= 3
    assert len(job.alerts(1)) == 1
    time.sleep(4.5)
    job.makes(1)
    assert len(job.alerts()) == 1


def test_a_tool_far_from_its_run_time_is_no_alert(api: httpx.Client) -> None:
    """A warning when this tool has this much runtime remaining."""
    job = Job(api, usage_mode=1, max_runtime=7_200, warn_runtime=60)
    runs(job, 4)
    assert job.alerts() == []


def test_a_tool_near_the_end_of_its_days_is_an_alert(api: httpx.Client) -> None:
    """A warning will be triggered when day_life minus day_count is at or below day_warning."""
    job = Job(api, usage_mode=2, day_life=30, day_warning=10)
    assert job.shown()["day_warning_sent"] is False
    replaced(api, job.tool, timestamp=time.time() - 25 * 86_400)
    assert job.shown()["day_count"] == 25
    assert len(job.alerts(1)) == 1
    assert job.shown()["day_warning_sent"] is True
    replaced(api, job.tool)
    assert job.shown()["day_warning_sent"] is False


# Snoozed


def test_a_snoozed_tool_is_no_alert(api: httpx.Client) -> None:
    """Notifications will not be sent about this tool's replacement rules until after this date and time."""
    job = Job(api, **LIFE, replacement_rules_snoozed_until=time.time() + 3_600)
    job.makes(8)
    job.makes(4)
    time.sleep(1)
    assert job.alerts() == []


def test_a_tool_whose_snooze_is_over_is_one(api: httpx.Client) -> None:
    """Until after this date and time. (It may come by itself, or with the next part.)"""
    job = Job(api, **LIFE)
    patched(api, tool_path(job.tool), replacement_rules_snoozed_until=time.time() + 2)
    job.makes(7)
    assert job.alerts() == []
    time.sleep(2.5)
    job.makes(1)
    assert len(job.alerts(1)) == 1


def test_a_snooze_in_the_past_is_none(api: httpx.Client) -> None:
    """If non-null, until after this date and time."""
    job = Job(api, **LIFE, replacement_rules_snoozed_until=time.time() - 60)
    job.makes(7)
    assert len(job.alerts(1)) == 1
