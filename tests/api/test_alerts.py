"""Alerts: what they say, and that somebody has seen them (`domain.md`, "Alert")."""

import time
from typing import Any

import httpx
import pytest

from api.client import (
    UNKNOWN,
    Json,
    Server,
    alerts_of,
    at_once,
    get,
    make_key,
    make_machine,
    make_process,
    make_program,
    make_user,
    program_of,
    refused,
    report,
    written,
)

FIELDS = {
    "id",
    "kind",
    "message",
    "timestamp",
    "machine_id",
    "process_id",
    "tool_id",
    "data",
    "dismissed",
    "dismissed_by",
}


def an_alert(api: httpx.Client) -> Json:
    """A gap of a machine's counter, which is an alert."""
    mill = make_machine(api)
    report(api, mill, part_count=0)
    report(api, mill, part_count=50_000)
    (alert,) = alerts_of(api, mill)
    return alert


def alert_of(api: httpx.Client, alert: Json) -> Json:
    return get(api, f"/api/alerts/{alert['id']}")


def dismiss(api: httpx.Client, alert: Json) -> httpx.Response:
    return api.post(f"/api/alerts/{alert['id']}/dismiss")


def numbers_in(value: Any) -> set[float]:
    """All numbers of a JSON value."""
    if isinstance(value, dict):
        return set().union(*(numbers_in(each) for each in value.values()))
    if isinstance(value, list):
        return set().union(*(numbers_in(each) for each in value))
    return {value} if isinstance(value, int | float) and not isinstance(value, bool) else set()


# GET /api/alerts/


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_list_maps_alert_ids_to_alerts(api: httpx.Client, slash: str) -> None:
    alert = an_alert(api)
    alerts = get(api, f"/api/alerts{slash}")
    assert alerts[str(alert["id"])] == alert
    assert all(key == str(each["id"]) for key, each in alerts.items())
    assert get(api, f"/api/alerts/{alert['id']}{slash}") == alert


def test_the_fields_of_an_alert(api: httpx.Client) -> None:
    before = time.time()
    alert = an_alert(api)
    assert alert.keys() == FIELDS
    assert isinstance(alert["id"], int)
    assert isinstance(alert["timestamp"], float)
    assert before - 1 <= alert["timestamp"] <= time.time() + 1
    for text in ("kind", "message"):
        assert isinstance(alert[text], str)
        assert alert[text]
    assert isinstance(alert["data"], dict)
    assert (alert["dismissed"], alert["dismissed_by"]) == (False, None)
    assert (alert["process_id"], alert["tool_id"]) == (None, None)


def test_open_alerts_come_first(api: httpx.Client) -> None:
    alerts = [an_alert(api) for _ in range(4)]
    for index in (0, 2):
        assert dismiss(api, alerts[index]).status_code == 200
    shown = list(get(api, "/api/alerts/").values())
    states = [alert["dismissed"] for alert in shown]
    assert states == sorted(states)
    order = [alert["id"] for alert in shown]
    assert set(order) >= {alert["id"] for alert in alerts}
    assert order.index(alerts[3]["id"]) < order.index(alerts[0]["id"])
    assert order.index(alerts[1]["id"]) < order.index(alerts[2]["id"])


def test_an_unknown_alert_is_404(api: httpx.Client) -> None:
    refused(api.get(f"/api/alerts/{UNKNOWN}"), 404)


# POST /api/alerts/{id}/dismiss


@pytest.mark.parametrize("slash", ["", "/"])
def test_dismissing_answers_the_alert_and_says_who(api: httpx.Client, slash: str) -> None:
    alert = an_alert(api)
    me = get(api, "/api/users/me")
    answer = api.post(f"/api/alerts/{alert['id']}/dismiss{slash}")
    assert answer.status_code == 200, answer.text
    assert answer.json() == alert | {"dismissed": True, "dismissed_by": me["id"]}
    assert alert_of(api, alert) == answer.json()


@pytest.mark.parametrize("level", ["plan", "shop"])
def test_dismissed_by_is_the_user_who_did(api: httpx.Client, server: Server, level: str) -> None:
    alert, user = an_alert(api), make_user(api, level)
    with server.client(make_key(api, user)["key"]) as person:
        assert dismiss(person, alert).json()["dismissed_by"] == user["id"]
    assert alert_of(api, alert)["dismissed_by"] == user["id"]


def test_dismissed_by_a_user_who_was_deleted_reads_null(api: httpx.Client, server: Server) -> None:
    alert, user = an_alert(api), make_user(api, "shop")
    with server.client(make_key(api, user)["key"]) as person:
        dismiss(person, alert)
    assert api.delete(f"/api/users/{user['id']}").status_code == 204
    assert alert_of(api, alert) == alert | {"dismissed": True, "dismissed_by": None}


def test_an_auditor_may_not_dismiss(api: httpx.Client, server: Server) -> None:
    alert, user = an_alert(api), make_user(api, "audit")
    with server.client(make_key(api, user)["key"]) as person:
        assert set(refused(dismiss(person, alert), 403)["allowed"]) == {"admin", "plan", "shop"}
    assert alert_of(api, alert) == alert


def test_who_dismisses_twice_changes_nothing(api: httpx.Client, server: Server) -> None:
    alert, user = an_alert(api), make_user(api, "shop")
    first = dismiss(api, alert).json()
    events = written(api)
    assert dismiss(api, alert).json() == first
    with server.client(make_key(api, user)["key"]) as person:
        events = written(api)
        again = dismiss(person, alert)
        assert (again.status_code, again.json()) == (200, first)
    assert written(api) == events


def test_of_many_who_dismiss_at_once_one_did(api: httpx.Client) -> None:
    alert = an_alert(api)
    count = len(written(api))
    answers = at_once(*[lambda: dismiss(api, alert)] * 6)
    assert {answer.status_code for answer in answers} == {200}
    assert len(written(api)) == count + 1


def test_dismissing_an_unknown_alert_is_404(api: httpx.Client) -> None:
    refused(api.post(f"/api/alerts/{UNKNOWN}/dismiss"), 404)


def test_a_dismissed_alert_is_not_the_next_one(api: httpx.Client) -> None:
    """One per occasion: the next gap is another alert."""
    mill = make_machine(api)
    for count in (0, 50_000, 150_000):
        report(api, mill, part_count=count)
        for alert in alerts_of(api, mill):
            dismiss(api, alert)
    alerts = alerts_of(api, mill)
    assert len({alert["id"] for alert in alerts}) == 2
    assert all(alert["dismissed"] for alert in alerts)


# Variables of a process


@pytest.fixture
def measured(api: httpx.Client) -> Json:
    """A machine with a loaded process that watches variable 5."""
    mill = make_machine(api)
    cv_map = {"Depth": {"number": 5, "notifyComparison": "GT", "notifyValue": 10}}
    process = make_process(api, mill, cv_map=cv_map)
    program = make_program(api, mill, process_id=process["id"])
    report(api, mill, program_name=program["filename"], part_count=0, when=time.time() - 600)
    return {"mill": mill, "process": process}


def test_a_comparison_that_holds_is_an_alert(api: httpx.Client, measured: Json) -> None:
    when = round(time.time()) - 300.0
    report(api, measured["mill"], part_count=1, common_vars={"5": 11.5}, when=when)
    (alert,) = alerts_of(api, measured["mill"])
    assert alert.keys() == FIELDS
    assert (alert["process_id"], alert["tool_id"]) == (measured["process"]["id"], None)
    assert "Depth" in alert["message"] + str(alert["data"])
    assert 11.5 in numbers_in(alert["data"]) or "11.5" in alert["message"]
    assert not alert["dismissed"]


def test_each_kind_has_a_name_of_its_own(api: httpx.Client, measured: Json) -> None:
    report(api, measured["mill"], part_count=1, common_vars={"5": 11.5})
    (comparison,) = alerts_of(api, measured["mill"])
    other = make_process(api, measured["mill"])
    program = make_program(api, measured["mill"], process_id=other["id"])
    report(api, measured["mill"], program_name=program["filename"])
    (switch,) = [alert for alert in alerts_of(api, measured["mill"]) if alert["id"] != comparison["id"]]
    assert len({comparison["kind"], switch["kind"], an_alert(api)["kind"]}) == 3


# Process switches


@pytest.fixture
def switched(api: httpx.Client) -> Json:
    """A machine that has gone from one process to another."""
    mill = make_machine(api)
    first, second = make_process(api, mill), make_process(api, mill)
    programs = [make_program(api, mill, process_id=process["id"]) for process in (first, second)]
    report(api, mill, program_name=programs[0]["filename"])
    assert [alert for alert in alerts_of(api, mill) if second["id"] in numbers_in(alert)] == []
    before = {alert["id"] for alert in alerts_of(api, mill)}
    report(api, mill, program_name=programs[1]["filename"])
    (alert,) = [alert for alert in alerts_of(api, mill) if alert["id"] not in before]
    return {"mill": mill, "first": first, "second": second, "programs": programs, "alert": alert}


def test_a_switch_is_an_alert_that_names_both_processes(api: httpx.Client, switched: Json) -> None:
    alert = switched["alert"]
    both = {switched["first"]["id"], switched["second"]["id"]}
    assert both <= numbers_in(alert["data"]) | {alert["process_id"]}
    assert alert["machine_id"] == switched["mill"]["id"]
    assert not alert["dismissed"]


def test_another_program_of_the_same_process_is_no_switch(api: httpx.Client, switched: Json) -> None:
    before = alerts_of(api, switched["mill"])
    program = make_program(api, switched["mill"], process_id=switched["second"]["id"])
    report(api, switched["mill"], program_name=program["filename"])
    assert alerts_of(api, switched["mill"]) == before


def test_each_switch_is_an_alert(api: httpx.Client, switched: Json) -> None:
    kind = switched["alert"]["kind"]
    before = len([alert for alert in alerts_of(api, switched["mill"]) if alert["kind"] == kind])
    for program in switched["programs"]:
        report(api, switched["mill"], program_name=program["filename"])
    after = [alert for alert in alerts_of(api, switched["mill"]) if alert["kind"] == kind]
    assert len(after) == before + 2


def test_moving_the_loaded_program_is_a_switch(api: httpx.Client, switched: Json) -> None:
    before = {alert["id"] for alert in alerts_of(api, switched["mill"])}
    path = f"/api/programs/{switched['programs'][1]['id']}"
    assert api.patch(path, json={"process_id": switched["first"]["id"]}).status_code == 200
    assert program_of(api, switched["programs"][1])["process_id"] == switched["first"]["id"]
    (alert,) = [alert for alert in alerts_of(api, switched["mill"]) if alert["id"] not in before]
    assert alert["kind"] == switched["alert"]["kind"]
    both = {switched["first"]["id"], switched["second"]["id"]}
    assert both <= numbers_in(alert["data"]) | {alert["process_id"]}


def test_moving_a_program_that_is_not_loaded_is_none(api: httpx.Client, switched: Json) -> None:
    before = alerts_of(api, switched["mill"])
    path = f"/api/programs/{switched['programs'][0]['id']}"
    api.patch(path, json={"process_id": switched["second"]["id"]})
    assert alerts_of(api, switched["mill"]) == before


def changeover(api: httpx.Client, switched: Json, start: str = "first", end: str = "second") -> httpx.Response:
    path = f"/api/processes/{switched[start]['id']}/changeover/{switched[end]['id']}"
    return api.post(path, json={"remove_tool_assemblies": []})


def test_a_changeover_answers_the_alert(api: httpx.Client, server: Server, switched: Json) -> None:
    user = make_user(api, "shop")
    with server.client(make_key(api, user)["key"]) as person:
        assert changeover(person, switched).status_code == 200
    answered = alert_of(api, switched["alert"])
    assert answered == switched["alert"] | {"dismissed": True, "dismissed_by": user["id"]}


def test_a_changeover_answers_no_other_alert(api: httpx.Client, switched: Json) -> None:
    others = [an_alert(api)]
    report(api, switched["mill"], part_count=0)
    report(api, switched["mill"], part_count=50_000)
    others += [alert for alert in alerts_of(api, switched["mill"]) if alert["kind"] == others[0]["kind"]]
    assert len(others) == 2
    assert changeover(api, switched).status_code == 200
    assert [alert_of(api, alert) for alert in others] == others


def test_a_changeover_that_is_refused_answers_nothing(api: httpx.Client, switched: Json) -> None:
    refused(changeover(api, switched, "second", "first"), 412)
    assert alert_of(api, switched["alert"]) == switched["alert"]


def test_a_changeover_leaves_an_alert_that_was_dismissed(api: httpx.Client, server: Server, switched: Json) -> None:
    dismissed = dismiss(api, switched["alert"]).json()
    with server.client(make_key(api, make_user(api, "shop"))["key"]) as person:
        assert changeover(person, switched).status_code == 200
    assert alert_of(api, switched["alert"]) == dismissed
