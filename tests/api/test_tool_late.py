"""Production counts where it happened: late, backdated or in any order, as `domain.md` ("Two times") has it."""

from itertools import permutations

import httpx
import pytest

from api.client import DAY, Spool, cycle, make_process, post_events
from api.tooling import (
    LOCATION,
    MARCH,
    MINUTE,
    EdgeLine,
    ago,
    lives_of,
    make_assembly,
    make_line,
    make_tool,
    part_counts,
    patch_tool,
    replaced,
    replacement_of,
    replacements_of,
    tool_of,
)

BEFORE, EXACTLY, AFTER = MARCH - MINUTE, MARCH, MARCH + MINUTE
"""A replacement is at MARCH."""


@pytest.fixture
def line(api: httpx.Client, edge: httpx.Client) -> EdgeLine:
    return EdgeLine(api, edge)


@pytest.mark.parametrize("order", list(permutations(["replace", "before", "after"])))
def test_a_late_cycle_counts_on_the_counter_that_ran_then(api: httpx.Client, line: EdgeLine, order: list[str]) -> None:
    """On the live one, or on the record of the replacement that ended it, whatever came first."""
    for step in order:
        if step == "replace":
            replaced(api, line.tool, timestamp=MARCH)
        else:
            line.cycles(BEFORE if step == "before" else AFTER, tool_seconds={str(LOCATION): 5})
    (record,) = replacements_of(api, line.tool)
    tool = tool_of(api, line.tool)
    assert [(each["part_count"], each["runtime"]) for each in (record, tool)] == [(1, 5), (1, 5)]
    assert part_counts(api, line.tool) == {"": 1, str(line.line.process["id"]): 1}


@pytest.mark.parametrize("late", [True, False])
def test_exactly_at_the_replacement_it_is_the_record(api: httpx.Client, line: EdgeLine, late: bool) -> None:
    """Exactly at a replacement's time: the record."""
    if not late:
        line.cycles(EXACTLY)
    record = replaced(api, line.tool, timestamp=EXACTLY)["replacement"]
    if late:
        line.cycles(EXACTLY)
    assert replacement_of(api, record)["part_count"] == 1
    assert part_counts(api, line.tool)[""] == 0


def test_between_two_replacements(api: httpx.Client, line: EdgeLine) -> None:
    """Each record has what was made since the one before."""
    for day in (0, 1, 2):
        replaced(api, line.tool, timestamp=MARCH + day * DAY)
    line.cycles(AFTER + 2 * DAY, AFTER + DAY, BEFORE, BEFORE + DAY, AFTER + DAY, AFTER, BEFORE + 2 * DAY, BEFORE)
    assert [record["part_count"] for record in replacements_of(api, line.tool)] == [3, 2, 2]
    assert part_counts(api, line.tool)[""] == 1


def test_late_run_time_counts_where_it_happened(api: httpx.Client, line: EdgeLine) -> None:
    """A tool's counters are sums of dated deltas: parts, run time, corrections."""
    record = replaced(api, line.tool, timestamp=MARCH)["replacement"]
    line.run_time(BEFORE, at3=60)
    line.run_time(AFTER, at3=30)
    assert replacement_of(api, record)["runtime"] == pytest.approx(60)
    assert tool_of(api, line.tool)["runtime"] == pytest.approx(30)


def test_a_late_cycle_adds_to_a_corrected_count(api: httpx.Client, line: EdgeLine) -> None:
    """A correction is a delta too, dated when it is entered."""
    line.cycles(BEFORE)
    patch_tool(api, line.tool, part_count=10)
    line.cycles(AFTER)
    assert part_counts(api, line.tool) == {"": 11, str(line.line.process["id"]): 2}
    replaced(api, line.tool, timestamp=MARCH)
    assert part_counts(api, line.tool) == {"": 10, str(line.line.process["id"]): 1}


def test_a_tool_has_always_been_where_it_was_first_put(api: httpx.Client, line: EdgeLine) -> None:
    """Before its first recorded move, so history may be imported after the set-up; also a tool that was loose."""
    loose = make_tool(api)
    patch_tool(api, loose, assembly_id=line.line.assembly["id"])
    line.cycles(MARCH, AFTER)
    for tool in (line.tool, loose):
        assert part_counts(api, tool) == {"": 2, str(line.line.process["id"]): 2}


def test_a_late_cycle_counts_on_the_tools_that_were_there_then(api: httpx.Client, line: EdgeLine) -> None:
    """A cycle is charged to the tools that were in the assemblies of its process at `occurred_at`."""
    elsewhere = make_line(api)
    patch_tool(api, line.tool, assembly_id=elsewhere.assembly["id"])
    patch_tool(api, elsewhere.tool, assembly_id=line.line.assembly["id"])
    line.cycles(MARCH)
    assert part_counts(api, line.tool) == {"": 1, str(line.line.process["id"]): 1}
    assert part_counts(api, elsewhere.tool) == {"": 0}
    line.cycles(ago())
    assert part_counts(api, line.tool)[""] == 1
    assert part_counts(api, elsewhere.tool)[""] == 1


def test_a_late_cycle_counts_where_the_assembly_was(api: httpx.Client, line: EdgeLine) -> None:
    """An assembly too has always been where it was first put, until its first move."""
    other = make_process(api, line.line.mill)
    path = f"/api/tools/assemblies/{line.line.assembly['id']}"
    assert api.patch(path, json={"process_id": other["id"]}).status_code == 200
    line.cycles(MARCH)
    assert part_counts(api, line.tool) == {"": 1, str(line.line.process["id"]): 1}
    line.cycles(ago())
    assert part_counts(api, line.tool)[""] == 1


def test_a_free_assembly_that_is_put_into_a_process(api: httpx.Client, edge: httpx.Client) -> None:
    """Parts of now count on its tools."""
    line = EdgeLine(api, edge)
    assembly = make_assembly(api)
    tool = make_tool(api, assembly)
    path = f"/api/tools/assemblies/{assembly['id']}"
    assert api.patch(path, json={"process_id": line.line.process["id"], "location": 8}).status_code == 200
    line.cycles(ago())
    assert part_counts(api, tool)[""] == 1


@pytest.mark.parametrize("late", [True, False])
def test_a_substitute_takes_over_from_the_replacement_s_time(api: httpx.Client, line: EdgeLine, late: bool) -> None:
    """What is told after it goes by its time: before it to the record, after it to the substitute."""
    substitute = make_tool(api)
    record = replaced(api, line.tool, substitute=substitute["id"], timestamp=MARCH)["replacement"]
    line.cycles(*((AFTER, BEFORE, AFTER) if late else (BEFORE, AFTER, AFTER)))
    assert replacement_of(api, record)["part_count"] == 1
    assert part_counts(api, line.tool)[""] == 0
    assert part_counts(api, substitute) == {"": 2, str(line.line.process["id"]): 2}


def test_the_same_facts_in_any_order_give_the_same(api: httpx.Client, edge: httpx.Client) -> None:
    """The result is as if everything had been known in time."""
    moments = [MARCH + day * DAY / 2 for day in range(8)]
    seen = []
    for told in (moments, moments[::-1], moments[1::2] + moments[::2]):
        line = EdgeLine(api, edge, part_life=20)
        line.cycles(*told[:4])
        replaced(api, line.tool, timestamp=MARCH + DAY)
        line.cycles(*told[4:])
        replaced(api, line.tool, timestamp=MARCH + 3 * DAY)
        counts = [record["part_count"] for record in replacements_of(api, line.tool)]
        own, pair = lives_of(api, line.tool)[""], lives_of(api, line.tool)[str(line.line.process["id"])]
        seen.append([*counts, own["part_count"], own["parts_remaining"], pair["part_count"]])
    assert seen[0][:4] == [4, 3, 1, 19]
    assert seen == [seen[0]] * 3


def test_a_fact_that_comes_twice_counts_once(api: httpx.Client, edge: httpx.Client, line: EdgeLine) -> None:
    """Adapters buffer: facts arrive possibly twice."""
    spool = Spool(edge, line.line.mill)
    program = line.line.program["filename"]
    events = spool.events(cycle(MARCH, 1, program=program, tool_seconds={str(LOCATION): 5}))
    for _ in range(3):
        assert post_events(edge, events).is_success
    assert part_counts(api, line.tool)[""] == 1
    assert tool_of(api, line.tool)["runtime"] == pytest.approx(5)
