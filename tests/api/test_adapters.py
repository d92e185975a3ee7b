"""`GET /api/adapters/`, the same as metrics and on the command line, and the alert for clocks that differ."""

import re
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from api.client import Server, alerts_of, cycle, facts, get, ledger
from taktledger.api.live import CLOCK_REPORTS, LiveState, MachineLive
from taktledger.cli import cli
from taktledger.domain.controls import NoteClock
from taktledger.domain.shop import Hold, HoldFailure, Machine, Shop

NOON = 1_700_000_000.0


def tell(edge: httpx.Client, clock: float | None = None, **machines: Any) -> None:
    said = {name.replace("_", "-"): {"connected": True, "adapter": "modbus", **live} for name, live in machines.items()}
    body = {"machines": said} | ({} if clock is None else {"clock": clock})
    assert edge.post("/api/edge/state", json=body).status_code == 204


def until(is_so: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def machine_of(api: httpx.Client, name: str) -> int:
    return next(int(each["id"]) for each in get(api, "/api/machines/").values() if each["source_name"] == name)


def test_a_machine_as_its_edge_says_it_is(server: Server) -> None:
    with server.client(server.admin_key) as api, server.client(server.edge_key) as edge:
        facts(edge, "told-1", cycle(time.time()))
        now = time.time()
        tell(edge, now, told_1={"last_contact": now - 2, "errors": 3, "backlog": 7, "hold_output": True})
        status = get(api, "/api/adapters/")["told-1"]
        assert status == {
            "source_name": "told-1",
            "machine_id": machine_of(api, "told-1"),
            "adapter": "modbus",
            "connected": True,
            "last_update": pytest.approx(now - 2, abs=0.5),
            "age": pytest.approx(2, abs=0.5),
            "error": None,
            "errors": 3,
            "backlog": 7,
            "clock_difference": pytest.approx(0, abs=0.5),
            "hold_output": True,
            "reported": pytest.approx(now, abs=0.5),
        }
        metrics = api.get("/metrics").text
        for line in (
            'taktledger_edge_backlog_facts{machine="told-1"} 7.0',
            'taktledger_machine_connected{machine="told-1"} 1.0',
            'taktledger_machine_errors{machine="told-1"} 3.0',
            'taktledger_machine_hold_output{machine="told-1"} 1.0',
            'taktledger_machine_last_update_age_seconds{machine="told-1"} ',
            'taktledger_machine_last_update_timestamp_seconds{machine="told-1"} ',
            'taktledger_edge_clock_difference_seconds{machine="told-1"} ',
        ):
            assert line in metrics


def test_a_machine_that_never_answered_is_there_too(server: Server) -> None:
    with server.client(server.admin_key) as api, server.client(server.edge_key) as edge:
        tell(edge, never_1={"connected": False, "error": "no connection to 192.0.2.1:502", "errors": 1})
        status = get(api, "/api/adapters/")["never-1"]
        unknown = {"machine_id": None, "last_update": None, "age": None, "clock_difference": None, "hold_output": None}
        assert status.items() >= unknown.items()
        assert (status["connected"], status["error"]) == (False, "no connection to 192.0.2.1:502")
        assert 'taktledger_machine_connected{machine="never-1"} 0.0' in api.get("/metrics").text
        assert 'hold_output{machine="never-1"}' not in api.get("/metrics").text


def test_a_machine_whose_edge_has_said_nothing_yet(server: Server) -> None:
    with server.client(server.admin_key) as api, server.client(server.edge_key) as edge:
        at = time.time()
        facts(edge, "untold-1", cycle(at))
        status = get(api, "/api/adapters/")["untold-1"]
        assert (status["connected"], status["adapter"], status["last_update"]) == (
            False,
            None,
            pytest.approx(at, abs=1e-3),
        )
        assert (status["error"], status["reported"]) == ("its edge is not heard", None)


def test_machines_without_an_edge_have_no_adapter(server: Server) -> None:
    with server.client(server.admin_key) as api:
        machine = api.put("/api/machines/", json={"name": "By hand"}).json()["id"]
        assert api.post(f"/api/machines/{machine}/update", json={"part_count": 1}).is_success
        assert machine not in [each["machine_id"] for each in get(api, "/api/adapters/").values()]


def test_the_command_shows_the_same(fresh: Server) -> None:
    def run(key: str = fresh.admin_key, url: str = fresh.url) -> Any:
        return CliRunner().invoke(cli, ["adapters", "status", "--ledger", url, "--key", key])

    with fresh.client(fresh.edge_key) as edge:
        facts(edge, "mill-1", cycle(time.time()))
        tell(edge, time.time() - 60, mill_1={"last_contact": time.time() - 60, "hold_output": False, "backlog": 12})
        shown = run()
        assert shown.exit_code == 0
        heading, line = shown.output.splitlines()
        assert heading.startswith("machine  adapter  connected  age")
        assert re.fullmatch(r"mill-1 +modbus +yes +[0-2]\.\d s +0 +12 +-60\.0 s +free", line)
        tell(edge, mill_2={"connected": False, "error": "no route"})
        shown = run()
        assert shown.exit_code == 1
        assert "NO" in shown.output
        assert "never" in shown.output
        assert "no route" in shown.output
    assert "401" in run(key="x" * 64).output
    assert run(url="http://127.0.0.1:9").exit_code == 1
    assert "Error: " in run(key="schlüssel").output
    for wrong in ("http://[::", "127.0.0.1:8000", "", "ftp://127.0.0.1", "http://127.0.0.1:0", f"{fresh.url}?"):
        refused = run(url=wrong)
        assert refused.exit_code == 2
        assert f'expected an address such as "http://192.0.2.10:5000", got "{wrong}"' in refused.output
    assert "the ledger answers 404" in run(url=f"{fresh.url}/docs").output
    assert "no answer" in run(url="http://127.0.0.1:9").output


# Clocks


def shop(**fields: Any) -> Shop:
    machine = Machine(id=1, name="Mill 1", source_name="mill-1", reported_by_edge=True)
    for name, value in fields.items():
        setattr(machine, name, value)
    return Shop(machines={1: machine}, machine_ids={"mill-1": 1})


def clocks(there: Shop, *differences: float) -> list[NoteClock]:
    live = LiveState()
    for difference in differences:
        live.hear(there, {"mill-1": MachineLive(connected=True)}, NOON, NOON + difference)
    return list(live.clocks(there, NOON))


@pytest.mark.parametrize("difference", [5.1, -5.1, 3600.0, -86_400.0])
def test_a_clock_that_differs_is_noted(difference: float) -> None:
    assert clocks(shop(), *[difference] * CLOCK_REPORTS) == [NoteClock(machine_id=1, difference=difference)]


@pytest.mark.parametrize("difference", [0.0, 4.9, -4.9])
def test_five_seconds_are_allowed(difference: float) -> None:
    assert clocks(shop(), *[difference] * CLOCK_REPORTS) == []


def test_reports_that_were_late_say_nothing_of_the_clock() -> None:
    """A clock that is read 9 seconds after it was sent seems to be behind."""
    assert clocks(shop(), -0.1, *[-9.0] * (CLOCK_REPORTS - 1)) == []
    assert clocks(shop(), -9.0) == []


def test_it_is_noted_once_and_so_is_its_end() -> None:
    assert clocks(shop(clock_difference=6.0), *[7.0] * CLOCK_REPORTS) == []
    assert clocks(shop(clock_difference=6.0), *[4.0] * CLOCK_REPORTS) == []  # it would come and go
    assert clocks(shop(clock_difference=6.0), *[1.0] * CLOCK_REPORTS) == [NoteClock(machine_id=1, difference=None)]


def test_nobody_waits_for_the_clock_of_a_machine_that_is_not_used() -> None:
    assert clocks(shop(disabled=True), *[9.0] * CLOCK_REPORTS) == []
    assert clocks(shop(archived=True, clock_difference=9.0), 9.0) == [NoteClock(machine_id=1, difference=None)]


def test_silence_goes_by_our_clock() -> None:
    """An edge whose clock is an hour behind hears its machine just now all the same."""
    there, live = shop(last_fact_at=NOON - 3600), LiveState()
    live.hear(there, {"mill-1": MachineLive(connected=True, last_contact=NOON - 3600)}, NOON, NOON - 3600)
    assert list(live.silences(there, NOON + 1, NOON - 9999)) == []
    assert len(list(live.silences(there, NOON + 61, NOON - 9999))) == 1


def test_a_clock_that_is_set_right_makes_nobody_silent() -> None:
    """Ahead by an hour, and then right: each report's contact goes by its own clock."""
    there, live = shop(last_fact_at=NOON), LiveState()
    for second in range(0, 60, 2):
        ahead = 3600 if second < 20 else 0
        now = NOON + second
        live.hear(there, {"mill-1": MachineLive(connected=True, last_contact=now + ahead)}, now, now + ahead)
        assert list(live.silences(there, now, NOON - 9999)) == []


# Edges that are lost


def must_not_run(**fields: Any) -> Shop:
    there = shop(**fields)
    there.holds[1] = Hold(id=1, machine_id=1, start=NOON, started=True)
    there.open_holds.add(1)
    return there


LOST = HoldFailure(held=True, error="its edge is not heard", edge_is_lost=True)


def lost(there: Shop, after: float = 11.0, since: float = 0.0) -> list[bool]:
    """So long after its edge was heard."""
    live = LiveState()
    live.hear(there, {"mill-1": MachineLive(connected=True)}, NOON)
    return [each.lost for each in live.lost_edges(there, NOON + after, since)]


def test_an_edge_that_should_tell_something_is_lost_after_ten_seconds() -> None:
    assert lost(must_not_run(), after=9.9) == []
    assert lost(must_not_run()) == [True]
    assert lost(must_not_run(told_held=True)) == []
    assert lost(shop()) == []
    assert lost(shop(told_held=True)) == [True]


def test_a_server_that_has_just_started_waits_for_the_edge() -> None:
    live = LiveState()
    assert list(live.lost_edges(must_not_run(), NOON + 9.9, NOON)) == []
    assert [each.lost for each in live.lost_edges(must_not_run(), NOON + 10.1, NOON)] == [True]


def test_a_lost_edge_is_noted_once_and_so_is_its_end() -> None:
    assert lost(must_not_run(hold_failure=LOST)) == []
    assert lost(must_not_run(hold_failure=LOST), after=1.0) == [False]
    assert lost(must_not_run(hold_failure=HoldFailure(held=True, error="coil 0: no answer")), after=1.0) == []
    assert lost(shop(hold_failure=LOST, told_held=True)) == [True]


def test_a_clock_that_was_set_back_hides_no_loss() -> None:
    assert lost(must_not_run(), after=-3600.0) == [True]
    assert lost(must_not_run(), since=NOON + 86_400) == [True]


@pytest.mark.parametrize("field", ["archived", "disabled"])
def test_nobody_waits_for_the_edge_of_a_machine_that_is_not_used(field: str) -> None:
    assert lost(must_not_run(**{field: True})) == []
    assert lost(must_not_run(**{field: True}, hold_failure=LOST)) == [False]


def test_machines_that_nobody_uses_any_more_are_left_out(server: Server) -> None:
    with server.client(server.admin_key) as api, server.client(server.edge_key) as edge:
        facts(edge, "old-1", cycle(time.time()))
        assert "old-1" in get(api, "/api/adapters/")
        api.patch(f"/api/machines/{machine_of(api, 'old-1')}", json={"archived": True})
        assert "old-1" not in get(api, "/api/adapters/")
        tell(edge, old_1={})  # but it is still read
        assert "old-1" in get(api, "/api/adapters/")


def test_a_flood_of_names_fills_no_memory() -> None:
    live = LiveState()
    for turn in range(3):
        names = {f"{turn} {each}": MachineLive(connected=True) for each in range(6000)}
        live.hear(shop(), names | {"mill-1": MachineLive(connected=True)}, NOON)
    assert len(live.machines) == 10_001
    assert "mill-1" in live.machines


def test_the_alert_comes_once_and_goes_by_itself_and_facts_keep_their_time(fresh: Server) -> None:
    with fresh.client(fresh.admin_key) as api, fresh.client(fresh.edge_key) as edge:
        behind = time.time() - 100
        facts(edge, "mill-1", cycle(behind))
        for _ in range(CLOCK_REPORTS):
            tell(edge, time.time() - 100, mill_1={})
        machine = get(api, "/api/machines/1")
        until(lambda: alerts_of(api, machine))
        (alert,) = alerts_of(api, machine)
        assert (alert["kind"], alert["dismissed"]) == ("clock", False)
        assert alert["data"] == {"difference": pytest.approx(-100, abs=1)}
        assert "100.0 s behind" in alert["message"] or "99.9 s behind" in alert["message"]
        assert ledger(api, type="CycleFinished")[0]["occurred_at"] == pytest.approx(behind, abs=1e-3)
        for _ in range(CLOCK_REPORTS):
            tell(edge, time.time(), mill_1={})
        until(lambda: alerts_of(api, machine)[0]["dismissed"])
        assert [each["type"] for each in ledger(api, stream="machine-1") if "Clock" in each["type"]] == [
            "MachineClockDiffered",
            "MachineClockRighted",
        ]
