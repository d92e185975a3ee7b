"""CloudEvents in, the log out."""

import time
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest

from api.client import (
    BATCH,
    SINGLE,
    Fact,
    Json,
    Spool,
    alerts_of,
    at,
    at_once,
    baseline,
    cycle,
    facts,
    get,
    ledger,
    machine_of,
    make_machine,
    make_program,
    parts_of,
    post_events,
    program_seen,
    refused,
    unique,
    variables_seen,
)

MARCH = at("2024-03-10T12:00")
ENVELOPE = {
    "position",
    "stream",
    "stream_version",
    "type",
    "schema_version",
    "occurred_at",
    "recorded_at",
    "actor",
    "source",
    "source_sequence",
    "data",
}


def cycles(number: int, first: int = 1) -> list[Fact]:
    return [cycle(MARCH + reading, reading) for reading in range(first, first + number)]


# In


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_single_event(api: httpx.Client, edge: httpx.Client, slash: str) -> None:
    name = unique("mill")
    event = {
        "specversion": "1.0",
        "id": f"{name}/1",
        "source": name,
        "type": "CyclesSeen",
        "subject": name,
        "time": "2024-03-10T10:00:00Z",
        "sequence": "1",
        "datacontenttype": "application/json",
        "data": {"cycles": 1, "counters": {"part_count": {"value": 5}}, "program": "O1001"},
    }
    answer = edge.post(f"/api/events{slash}", json=event, headers={"Content-Type": SINGLE})
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"stored": 1, "repeated": 0}
    (machine,) = [each for each in get(api, "/api/machines/").values() if each["source_name"] == name]
    (part,) = parts_of(api, machine)
    assert part["finished"] == at("2024-03-10T10:00")
    assert part["program_name"] == "O1001"
    assert machine["part_count"] == 5


def test_a_batch(api: httpx.Client, edge: httpx.Client) -> None:
    mill = make_machine(api)
    answer = post_events(edge, Spool(edge, mill).events(baseline(MARCH), program_seen(MARCH, "O1"), *cycles(3)))
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"stored": 5, "repeated": 0}
    assert [part["finished"] for part in parts_of(api, mill)] == [MARCH + 1, MARCH + 2, MARCH + 3]


@pytest.mark.parametrize("kind", [f"{BATCH}; charset=utf-8", f"{BATCH};charset=UTF-8", BATCH.upper()])
def test_a_media_type_may_have_parameters(api: httpx.Client, edge: httpx.Client, kind: str) -> None:
    events = Spool(edge, make_machine(api)).events(cycle(MARCH))
    answer = edge.post("/api/events", json=events, headers={"Content-Type": kind})
    assert answer.status_code == 200, answer.text


def test_an_administrator_may_append_events(api: httpx.Client) -> None:
    mill = make_machine(api)
    assert facts(api, mill, *cycles(2)) == {"stored": 2, "repeated": 0}


def test_a_batch_may_tell_of_several_machines(api: httpx.Client, edge: httpx.Client) -> None:
    mills = [make_machine(api), make_machine(api)]
    answer = post_events(edge, [event for mill in mills for event in Spool(edge, mill).events(*cycles(2))])
    assert answer.json() == {"stored": 4, "repeated": 0}
    assert [len(parts_of(api, mill)) for mill in mills] == [2, 2]


def test_unknown_attributes_are_ignored(api: httpx.Client, edge: httpx.Client) -> None:
    mill = make_machine(api)
    (event,) = Spool(edge, mill).events(cycle(MARCH))
    extended = event | {"traceparent": "00-1-2-01", "dataschema": "https://example.org/cycle.json"}
    assert post_events(edge, extended).json() == {"stored": 1, "repeated": 0}


@pytest.mark.parametrize("moment", ["2024-03-10T13:30:00.25+01:30", "2024-03-10T12:00:00.250000000Z"])
def test_a_time_is_that_of_rfc_3339(api: httpx.Client, edge: httpx.Client, moment: str) -> None:
    mill = make_machine(api)
    (event,) = Spool(edge, mill).events(cycle(MARCH))
    answer = post_events(edge, event | {"time": moment})
    assert answer.status_code == 200, answer.text
    assert [part["finished"] for part in parts_of(api, mill)] == [MARCH + 0.25]


def test_every_kind_of_fact(api: httpx.Client, edge: httpx.Client) -> None:
    mill = make_machine(api, program_cv=500)
    counters = {"counters": {"part_count": {"value": 9}}}
    gap = {"counter": "part_count", "gap_from": MARCH, "from_reading": 2, "to_reading": 9, "why": "jumped"}
    stored = facts(
        edge,
        mill,
        baseline(MARCH),
        program_seen(MARCH, "O1"),
        cycle(MARCH + 1, 1, tools_seen=[3], tool_seconds={"3": 12.5}, variables={"5": 1.5}, program="O1"),
        cycle(MARCH + 2, 2),
        ("GapSeen", gap | counters, MARCH + 3),
        ("CountersSeen", counters, MARCH + 4),
        ("StateSeen", {"changes": {"cycle_state": "ACTIVE", "estopped": True, "active_tool": 3}}, MARCH + 5),
        ("StateSeen", {"changes": {"feed_rate_override": 80.0, "alarms": [{"alarm_type": "SV"}]}}, MARCH + 6),
        variables_seen(MARCH + 7, v500=7),
        ("RunTimeSeen", {"tool_seconds": {"3": 60}}, MARCH + 8),
        ("FactSetAside", {"fact": "{}", "error": "it was refused"}, MARCH + 9),
    )
    assert stored == {"stored": 11, "repeated": 0}
    machine = machine_of(api, mill)
    state = {"part_count": 9, "cycle_state": "ACTIVE", "estopped": True, "active_tool": 3, "feed_rate_override": 80}
    assert {name: machine[name] for name in state} == state
    assert [alarm["alarm_type"] for alarm in machine["alarms"]] == ["SV"]
    assert get(api, f"/api/programs/{machine['loaded_program_id']}")["filename"] == "O1"
    assert machine["variables"]["500"] == 7
    assert len(parts_of(api, mill)) == 2
    assert len(alerts_of(api, mill)) == 2, "the gap, and the fact that was set aside"


def test_facts_keep_their_time_also_when_it_has_not_come(api: httpx.Client, edge: httpx.Client) -> None:
    mill = make_machine(api)
    soon = round(time.time()) + 3_600.0
    facts(edge, mill, cycle(soon))
    assert [part["finished"] for part in parts_of(api, mill)] == [soon]


def test_the_clock_of_an_edge_that_is_ahead_is_alerted(api: httpx.Client, edge: httpx.Client) -> None:
    mill = make_machine(api)
    facts(edge, mill, cycle(time.time() + 3_600))
    assert len(alerts_of(api, mill)) == 1


# Once


def test_a_repeated_fact_is_acknowledged_and_not_stored(api: httpx.Client, edge: httpx.Client) -> None:
    mill = make_machine(api)
    events = Spool(edge, mill).events(*cycles(3))
    assert post_events(edge, events).json() == {"stored": 3, "repeated": 0}
    before = ledger(api)
    assert post_events(edge, events).json() == {"stored": 0, "repeated": 3}
    assert post_events(edge, events[1]).json() == {"stored": 0, "repeated": 1}
    assert ledger(api) == before


def test_a_batch_may_be_repeated_in_part(api: httpx.Client, edge: httpx.Client) -> None:
    mill = make_machine(api)
    events = Spool(edge, mill).events(*cycles(5))
    post_events(edge, events[:3])
    assert post_events(edge, events).json() == {"stored": 2, "repeated": 3}
    assert len(parts_of(api, mill)) == 5


def test_a_fact_may_stand_twice_in_a_batch(api: httpx.Client, edge: httpx.Client) -> None:
    mill = make_machine(api)
    (event,) = Spool(edge, mill).events(cycle(MARCH))
    assert post_events(edge, [event, event]).json() == {"stored": 1, "repeated": 1}
    assert len(parts_of(api, mill)) == 1


def test_another_source_is_another_fact(api: httpx.Client, edge: httpx.Client) -> None:
    mill = make_machine(api)
    for reading in (1, 2):
        assert facts(edge, mill, cycle(MARCH + reading, reading)) == {"stored": 1, "repeated": 0}
    assert len(parts_of(api, mill)) == 2


def test_a_fact_that_was_never_stored_is_not_acknowledged_as_repeated(api: httpx.Client, edge: httpx.Client) -> None:
    mill = make_machine(api)
    first, second, third = Spool(edge, mill).events(*cycles(3))
    for event in (first, third):
        assert post_events(edge, event).json() == {"stored": 1, "repeated": 0}
    late = post_events(edge, second)
    assert late.status_code != 200 or late.json() == {"stored": 1, "repeated": 0}, "silently lost"


def test_facts_that_change_nothing_are_stored_once_too(api: httpx.Client, edge: httpx.Client) -> None:
    mill = make_machine(api)
    counters = {"counters": {"part_count": {"value": 9}}}
    same = [("CountersSeen", counters, MARCH), ("CountersSeen", counters, MARCH + 1), program_seen(MARCH + 2, "O1")]
    events = Spool(edge, mill).events(*same, program_seen(MARCH + 3, "O1"))
    answers = [post_events(edge, events).json() for _ in range(2)]
    assert [sum(answer.values()) for answer in answers] == [4, 4]
    assert answers[1]["stored"] == 0


@pytest.mark.parametrize("size", [1, 10, 52])
def test_two_batches_at_once_are_stored_once(api: httpx.Client, edge: httpx.Client, size: int) -> None:
    mill = make_machine(api)
    events = Spool(edge, mill).events(*cycles(size))
    answers = at_once(*[lambda: post_events(edge, events)] * 4)
    assert [answer.status_code for answer in answers] == [200] * 4
    counts = [answer.json() for answer in answers]
    assert sorted(count["stored"] for count in counts) == [0, 0, 0, size]
    assert all(count["stored"] + count["repeated"] == size for count in counts), counts
    assert len(parts_of(api, mill)) == size


def test_each_of_two_batches_at_once_is_whole(api: httpx.Client, edge: httpx.Client) -> None:
    mill = make_machine(api)
    events = Spool(edge, mill).events(*cycles(40))
    halves = at_once(*[lambda part=part: post_events(edge, part) for part in (events[:30], events[10:])])
    assert all(half.status_code == 200 for half in halves)
    counts = [half.json() for half in halves]
    assert [count["stored"] + count["repeated"] for count in counts] == [30, 30]


# All or nothing


WRONG: dict[str, Json] = {
    "another version of CloudEvents": {"specversion": "0.3"},
    "no version": {"specversion": None},
    "no id": {"id": None},
    "an empty id": {"id": ""},
    "no source": {"source": None},
    "an empty source": {"source": ""},
    "no type": {"type": None},
    "an unknown type": {"type": "MachineDeleted"},
    "a type that is no text": {"type": 5},
    "no machine": {"subject": None},
    "an empty machine": {"subject": ""},
    "no sequence": {"sequence": None},
    "a sequence that is no number": {"sequence": "first"},
    "a sequence that is no integer": {"sequence": "1.5"},
    "no time": {"time": None},
    "a time that is none": {"time": "today"},
    "a time without a zone": {"time": "2024-03-10T10:00:00"},
    "a day that is none": {"time": "2024-02-30T10:00:00Z"},
    "no data": {"data": None},
    "data that are no object": {"data": [1]},
    "data without a required field": {"data": {"counters": {}}},
    "data of a wrong type": {"data": {"cycles": "many", "counters": {}}},
    "no cycle": {"data": {"cycles": 0, "counters": {"part_count": {"value": 5}}}},
    "a counter that has no such name": {"data": {"cycles": 1, "counters": {"speed": {"value": 5}}}},
    "a counter without a value": {"data": {"cycles": 1, "counters": {"part_count": {}}}},
    "another kind of data": {"datacontenttype": "text/xml", "data": "<cycle/>"},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_a_batch_with_one_wrong_event_is_not_stored_at_all(api: httpx.Client, edge: httpx.Client, wrong: Json) -> None:
    mill = make_machine(api)
    events = Spool(edge, mill).events(baseline(MARCH), *cycles(4))
    bad = {name: value for name, value in (events[3] | wrong).items() if value is not None}
    before = ledger(api)
    problem = refused(post_events(edge, [*events[:3], bad, *events[4:]]), 400)
    (error,) = problem["errors"]
    assert error["index"] == 3
    assert error["error"]
    assert isinstance(error["error"], str)
    assert ledger(api) == before
    assert post_events(edge, events).json() == {"stored": 5, "repeated": 0}


@pytest.mark.parametrize("wrong", ["an unknown type", "no sequence", "no cycle"])
def test_a_wrong_single_event(api: httpx.Client, edge: httpx.Client, wrong: str) -> None:
    mill = make_machine(api)
    (event,) = Spool(edge, mill).events(cycle(MARCH))
    bad = {name: value for name, value in (event | WRONG[wrong]).items() if value is not None}
    problem = refused(post_events(edge, bad), 400)
    assert [error["index"] for error in problem["errors"]] == [0]
    assert parts_of(api, mill) == []


def test_every_wrong_event_is_named(api: httpx.Client, edge: httpx.Client) -> None:
    events = Spool(edge, make_machine(api)).events(*cycles(5))
    events[1]["type"] = "Nonsense"
    events[4]["data"] = {}
    problem = refused(post_events(edge, events), 400)
    assert [error["index"] for error in problem["errors"]] == [1, 4]


@pytest.mark.parametrize("bad", [5, "event", None, [], [{}]])
def test_a_batch_of_something_else(api: httpx.Client, edge: httpx.Client, bad: Any) -> None:
    mill = make_machine(api)
    problem = refused(post_events(edge, [*Spool(edge, mill).events(cycle(MARCH)), bad]), 400)
    assert [error["index"] for error in problem["errors"]] == [1]
    assert parts_of(api, mill) == []


def test_a_kind_of_body_must_be_what_it_says(api: httpx.Client, edge: httpx.Client) -> None:
    events = Spool(edge, make_machine(api)).events(cycle(MARCH))
    for kind, body in ((SINGLE, events), (BATCH, events[0])):
        refused(edge.post("/api/events", json=body, headers={"Content-Type": kind}), 400)


@pytest.mark.parametrize("kind", ["text/plain", "application/cloudevents+xml", None])
def test_another_media_type_is_refused(api: httpx.Client, edge: httpx.Client, kind: str | None) -> None:
    mill = make_machine(api)
    body = edge.build_request("POST", "/api/events", json=Spool(edge, mill).events(cycle(MARCH))).content
    headers = {"Content-Type": kind} if kind else {}
    refused(edge.post("/api/events", content=body, headers=headers), 400, 415)
    assert parts_of(api, mill) == []


# Out


def test_the_log_is_what_happened(api: httpx.Client) -> None:
    before = time.time()
    mill = make_machine(api)
    (event,) = ledger(api, stream=f"machine-{mill['id']}")
    assert event.keys() == ENVELOPE
    expected = {"type": "MachineCreated", "schema_version": 1, "source": None, "source_sequence": None}
    assert {name: event[name] for name in expected} == expected
    assert event["stream"] == f"machine-{mill['id']}"
    assert before - 1 <= event["recorded_at"] <= time.time() + 1
    assert abs(event["occurred_at"] - event["recorded_at"]) < 1
    assert event["actor"]
    assert event["data"]["machine_id"] == mill["id"]
    assert event["data"]["source_name"] == mill["source_name"]


def test_a_fact_in_the_log_has_both_times_and_its_source(api: httpx.Client, edge: httpx.Client) -> None:
    mill = make_machine(api)
    spool = Spool(edge, mill)
    before = time.time()
    spool.send(baseline(MARCH), cycle(MARCH + 60.5))
    events = [event for event in ledger(api) if event["source"] == spool.source]
    assert [str(event["source_sequence"]) for event in events] == ["1", "2"]
    assert [event["occurred_at"] for event in events] == [MARCH, MARCH + 60.5]
    assert all(before - 1 <= event["recorded_at"] <= time.time() + 1 for event in events)
    (made,) = ledger(api, stream=f"machine-{mill['id']}", type="MachineCreated")
    assert made["actor"] != events[0]["actor"]


def test_positions_and_versions_have_no_gaps(api: httpx.Client) -> None:
    mill = make_machine(api)
    for text in ("a", "b", "c"):
        api.patch(f"/api/machines/{mill['id']}", json={"description": text})
    events = ledger(api)
    assert [event["position"] for event in events] == list(range(1, len(events) + 1))
    recorded = [event["recorded_at"] for event in events]
    assert recorded == sorted(recorded), "never goes backwards"
    versions = [event["stream_version"] for event in events if event["stream"] == f"machine-{mill['id']}"]
    assert versions == list(range(versions[0], versions[0] + 4))


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_log_is_read_in_pages(api: httpx.Client, slash: str) -> None:
    for _ in range(5):
        make_machine(api)
    everything = ledger(api)
    first = get(api, f"/api/events{slash}", after=0, limit=2)
    assert first.keys() == {"events", "next_after"}
    assert first["events"] == everything[:2]
    assert first["next_after"] == everything[1]["position"]
    second = get(api, f"/api/events{slash}", after=first["next_after"], limit=2)
    assert second["events"] == everything[2:4]
    last = get(api, f"/api/events{slash}", after=everything[-3]["position"], limit=2)
    assert last["events"] == everything[-2:]
    end = get(api, f"/api/events{slash}", after=everything[-1]["position"])
    assert end == {"events": [], "next_after": None}
    begin = get(api, f"/api/events{slash}", limit=3)
    assert begin["events"] == everything[:3]


def test_pages_of_a_filter_find_everything(api: httpx.Client) -> None:
    for _ in range(4):
        make_machine(api)
        make_program(api, make_machine(api))
    expected = [event for event in ledger(api) if event["type"] == "ProgramCreated"]
    found: list[Json] = []
    after: int | None = 0
    while after is not None:
        page = get(api, "/api/events/", after=after, limit=1, type="ProgramCreated")
        found += page["events"]
        assert len(page["events"]) <= 1
        after = page["next_after"]
    assert found == expected
    assert len(found) >= 4


def test_the_log_filters(api: httpx.Client) -> None:
    mill = make_machine(api)
    api.patch(f"/api/machines/{mill['id']}", json={"description": "x"})
    stream = f"machine-{mill['id']}"
    assert [event["type"] for event in ledger(api, stream=stream)] == ["MachineCreated", "MachineEdited"]
    assert {event["type"] for event in ledger(api, type="MachineEdited")} == {"MachineEdited"}
    assert len(ledger(api, stream=stream, type="MachineEdited")) == 1
    assert ledger(api, stream="machine-987654") == []
    assert ledger(api, type="NothingEver") == []


def test_since_and_until(api: httpx.Client) -> None:
    first = make_machine(api)
    time.sleep(0.05)
    between = time.time()
    time.sleep(0.05)
    second = make_machine(api)
    streams = [f"machine-{mill['id']}" for mill in (first, second)]

    def found(**query: float) -> list[bool]:
        events = {event["stream"] for event in ledger(api, **query)}
        return [stream in events for stream in streams]

    assert found(since=between) == [False, True]
    assert found(until=between) == [True, False]
    assert found(since=between - 3_600, until=between + 3_600) == [True, True]
    assert found(since=between + 3_600) == [False, False]
    assert found(until=between - 3_600) == [False, False]


@pytest.mark.parametrize("name", ["after", "limit", "since", "until"])
def test_a_parameter_that_is_not_a_number_is_400(api: httpx.Client, name: str) -> None:
    refused(api.get("/api/events/", params={name: "abc"}), 400)


@pytest.mark.parametrize("query", ["after=-1", "limit=0", "limit=-1", "limit=1e9", "after=9" + "9" * 25, "since=nan"])
def test_a_number_out_of_range_is_no_error_of_the_server(api: httpx.Client, query: str) -> None:
    assert api.get(f"/api/events/?{query}").status_code in {200, 400}


def test_what_is_refused_leaves_no_event(api: httpx.Client) -> None:
    before = ledger(api)
    mill_id = next(iter(get(api, "/api/machines/")))
    refused(api.put("/api/machines/", json={}), 400)
    refused(api.put("/api/programs/", json={"filename": "O1", "machine_id": 987_654}), 424)
    refused(api.patch(f"/api/machines/{mill_id}", json={"archived": []}), 400)
    assert ledger(api) == before


def test_an_edit_that_changes_nothing_leaves_no_event(api: httpx.Client) -> None:
    mill = make_machine(api, description="x")
    before = ledger(api)
    assert api.patch(f"/api/machines/{mill['id']}", json={"description": "x"}).json() == mill
    assert ledger(api) == before


def test_times_are_unix_seconds(api: httpx.Client, edge: httpx.Client) -> None:
    mill = make_machine(api)
    facts(edge, mill, cycle(datetime(2024, 3, 10, 12, 0, 0, 500_000, UTC).timestamp()))
    (part,) = parts_of(api, mill)
    assert part["finished"] == MARCH + 0.5


def test_a_source_of_any_text(api: httpx.Client, edge: httpx.Client) -> None:
    mill = make_machine(api)
    (event,) = Spool(edge, mill).events(cycle(MARCH))
    odd = event | {"source": f"urn:uuid:{uuid4()}?ä=1#'\"%20"}
    assert post_events(edge, odd).json() == {"stored": 1, "repeated": 0}
    assert post_events(edge, odd).json() == {"stored": 0, "repeated": 1}


@pytest.mark.parametrize("time", ["9999-12-31T23:59:59-12:00", "1969-12-31T23:59:59Z", "0001-01-01T00:00:00Z"])
def test_a_time_that_nobody_can_mean(edge: httpx.Client, time: str) -> None:
    """Refused with its index, so that it doesn't hold up the others."""
    event = {"specversion": "1.0", "id": "1", "source": unique("s"), "type": "RunTimeSeen", "subject": unique("m")}
    event |= {"time": time, "sequence": "1", "data": {"tool_seconds": {"1": 2.0}}}
    answer = edge.post("/api/events", json=[event], headers={"Content-Type": "application/cloudevents-batch+json"})
    assert refused(answer, 400)["errors"][0]["index"] == 0
