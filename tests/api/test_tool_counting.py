"""What a tool counts: parts, run time and corrections, as `api/tool.txt` and `domain.md` have it. When: `_late`."""

import httpx
import pytest

from api.client import (
    Json,
    Server,
    cycle,
    facts,
    get,
    make_machine,
    make_process,
    make_program,
    parts_of,
    program_seen,
    report,
)
from api.tooling import (
    LOCATION,
    MARCH,
    MINUTE,
    EdgeLine,
    Line,
    lives_of,
    load,
    make_assembly,
    make_line,
    make_tool,
    part_counts,
    patch_life,
    patch_tool,
    produced,
    replaced,
    replacement_of,
    running,
    tool_of,
)

HOUR = 3_600.0


def runtimes(api: httpx.Client, line: Line | EdgeLine) -> list[float]:
    """The run time of the tool, of its own life, and of the pair with its process."""
    found = line.line if isinstance(line, EdgeLine) else line
    lives = lives_of(api, found.tool)
    pair = lives.get(str(found.process["id"]), {"runtime": 0})
    return [tool_of(api, found.tool)["runtime"], lives[""]["runtime"], pair["runtime"]]


# Parts


def test_a_part_counts_on_every_tool_of_its_process(api: httpx.Client) -> None:
    """The cumulative number of parts produced by all programs this tool has been associated with."""
    line = running(api)
    beside = make_tool(api, line.assembly)
    further = make_tool(api, make_assembly(api, line.process, location=8))
    strangers = [make_tool(api), make_line(api, line.mill).tool, make_tool(api, make_assembly(api))]
    for reading in (1, 2, 3):
        report(api, line.mill, part_count=reading, when=MARCH + reading)
    for tool in (line.tool, beside, further):
        assert part_counts(api, tool) == {"": 3, str(line.process["id"]): 3}
        assert tool_of(api, tool)["part_count"] == 3
    for tool in strangers:
        assert part_counts(api, tool) == {"": 0}


def test_all_programs_of_the_process_count(api: httpx.Client) -> None:
    """The life belongs to the process, not to one program."""
    line = produced(api, 2)
    second = make_program(api, line.mill, process_id=line.process["id"])
    report(api, line.mill, program_name=second["filename"], part_count=2, when=MARCH + HOUR)
    report(api, line.mill, part_count=4, when=MARCH + HOUR + 60)
    assert part_counts(api, line.tool) == {"": 4, str(line.process["id"]): 4}


def test_a_cycle_counts_all_its_parts(api: httpx.Client) -> None:
    """A cycle makes `parts_per_cycle` parts."""
    line = produced(api, 2, parts_per_cycle=3)
    assert part_counts(api, line.tool) == {"": 6, str(line.process["id"]): 6}


def test_a_program_without_a_process_uses_no_tool(api: httpx.Client) -> None:
    """Parts of such a program count on no tool."""
    line = produced(api, 1)
    free = make_program(api, line.mill)
    report(api, line.mill, program_name=free["filename"], part_count=1, when=MARCH + HOUR)
    report(api, line.mill, part_count=5, when=MARCH + HOUR + 60)
    assert len(parts_of(api, line.mill)) == 5
    assert tool_of(api, line.tool)["part_count"] == 1


def test_each_process_has_its_own_count(api: httpx.Client) -> None:
    """A shared assembly follows what is loaded; the tool's own count is the sum of its pairs."""
    mill = make_machine(api)
    first, second = make_process(api, mill), make_process(api, mill)
    programs = [make_program(api, mill, process_id=process["id"]) for process in (first, second)]
    tool = make_tool(api, make_assembly(api, first, location=LOCATION, shared=True))
    report(api, mill, program_name=programs[0]["filename"], part_count=0, when=MARCH)
    report(api, mill, part_count=2, when=MARCH + 60)
    report(api, mill, program_name=programs[1]["filename"], part_count=2, when=MARCH + 120)
    report(api, mill, part_count=5, when=MARCH + 180)
    # The cycle of this update belongs to the program before.
    report(api, mill, program_name=programs[0]["filename"], part_count=6, when=MARCH + 240)
    report(api, mill, part_count=7, when=MARCH + 300)
    assert part_counts(api, tool) == {"": 7, str(first["id"]): 3, str(second["id"]): 4}


def test_a_moved_tool_counts_where_it_is(api: httpx.Client) -> None:
    """It leaves the counts of its process behind, and begins a pair with the next."""
    line = running(api)
    other = make_line(api, line.mill)
    report(api, line.mill, part_count=2)
    patch_tool(api, line.tool, assembly_id=None)
    report(api, line.mill, part_count=3)
    assert part_counts(api, line.tool) == {"": 2, str(line.process["id"]): 2}
    patch_tool(api, line.tool, assembly_id=other.assembly["id"])
    report(api, line.mill, program_name=other.program["filename"], part_count=3)
    report(api, line.mill, part_count=7)
    expected = {"": 6, str(line.process["id"]): 2, str(other.process["id"]): 4}
    assert part_counts(api, line.tool) == expected
    assert part_counts(api, other.tool) == {"": 4, str(other.process["id"]): 4}


def test_a_moved_assembly_takes_its_tools_along(api: httpx.Client) -> None:
    """Tools count with the process that their assembly belongs to."""
    line = running(api)
    report(api, line.mill, part_count=1)
    path = f"/api/tools/assemblies/{line.assembly['id']}"
    for process, reading in ((None, 3), (line.process["id"], 7)):
        assert api.patch(path, json={"process_id": process}).status_code == 200
        report(api, line.mill, part_count=reading)
    assert part_counts(api, line.tool) == {"": 5, str(line.process["id"]): 5}


def test_scrapped_parts_still_count(api: httpx.Client) -> None:
    """Scrapped parts were produced: they count everywhere."""
    line = produced(api, 3)
    for part in parts_of(api, line.mill):
        assert api.patch(f"/api/parts/{part['id']}", json={"scrapped": True}).status_code == 200
    assert part_counts(api, line.tool) == {"": 3, str(line.process["id"]): 3}


def test_a_deleted_part_counts_nowhere(api: httpx.Client) -> None:
    """The counters of its tools are as if it had not been made, also those of a replacement."""
    line = produced(api, 5)
    record = replaced(api, line.tool, timestamp=MARCH + 3 * MINUTE)["replacement"]
    assert (record["part_count"], tool_of(api, line.tool)["part_count"]) == (3, 2)
    first, *_, last = parts_of(api, line.mill)
    for part in (first, last):
        assert api.delete(f"/api/parts/{part['id']}").status_code == 204
    assert replacement_of(api, record)["part_count"] == 2
    assert part_counts(api, line.tool) == {"": 1, str(line.process["id"]): 1}


# Corrections


def test_a_corrected_count_goes_on(api: httpx.Client) -> None:
    """PATCH of `part_count` sets the tool's own count; parts add to it. The pair isn't touched."""
    line = produced(api, 2)
    assert patch_tool(api, line.tool, part_count=10)["part_count"] == 10
    report(api, line.mill, part_count=3)
    assert part_counts(api, line.tool) == {"": 11, str(line.process["id"]): 3}
    patch_life(api, line.tool, line.process, part_count=20)
    report(api, line.mill, part_count=5)
    assert part_counts(api, line.tool) == {"": 13, str(line.process["id"]): 22}
    assert patch_tool(api, line.tool, part_count=0)["part_count"] == 0


def test_a_correction_is_dated_when_it_is_entered(api: httpx.Client) -> None:
    """So a replacement that is backdated doesn't take it."""
    line = produced(api, 4)
    patch_tool(api, line.tool, part_count=9)
    answer = replaced(api, line.tool, timestamp=MARCH + 3 * MINUTE)
    assert (answer["replacement"]["part_count"], answer["tool"]["part_count"]) == (3, 6)
    assert tool_of(api, line.tool)["part_count"] == 6


def test_a_correction_and_a_deleted_part(api: httpx.Client) -> None:
    """A correction is a difference: a part that is deleted later is taken off."""
    line = produced(api, 2)
    patch_tool(api, line.tool, part_count=10)
    assert api.delete(f"/api/parts/{parts_of(api, line.mill)[0]['id']}").status_code == 204
    assert tool_of(api, line.tool)["part_count"] == 9


# Run time


@pytest.mark.parametrize(
    ("seconds", "expected"), [(1, 1), (12.5, 12.5), (59, 59), (60, 60), (60.5, 0), (61, 0), (7_200, 0)]
)
def test_run_time_between_two_updates(api: httpx.Client, seconds: float, expected: float) -> None:
    """It will not be increased if the machine's previous update was more than one minute ago."""
    line = running(api)
    for part_count, when in enumerate((MARCH + HOUR, MARCH + HOUR + seconds)):
        report(api, line.mill, part_count=part_count, active_tool=LOCATION, cycle_state="ACTIVE", when=when)
    assert runtimes(api, line) == pytest.approx([expected] * 3)


@pytest.mark.parametrize(
    ("state", "counts"),
    [
        ("ACTIVE", True),
        ("Started", True),
        ("running", True),
        ("printing", True),
        ("FEED_HOLD", False),
        ("INTERRUPTED", False),
        ("OPTIONAL_STOP", False),
        ("READY", False),
    ],
)
def test_run_time_counts_in_a_running_state(api: httpx.Client, state: str, counts: bool) -> None:
    """While the control reports a running state, in any case."""
    line = running(api)
    for part_count in (0, 1):
        when = MARCH + HOUR + 30 * part_count
        report(api, line.mill, part_count=part_count, active_tool=LOCATION, cycle_state=state, when=when)
    assert runtimes(api, line) == pytest.approx([30 * counts] * 3)


def test_run_time_counts_for_the_active_location(api: httpx.Client) -> None:
    """This only counts time when the machine reports this tool as active."""
    line = running(api)
    other = make_tool(api, make_assembly(api, line.process, location=8))
    stranger = make_line(api, line.mill)
    for part_count in (0, 1):
        when = MARCH + HOUR + 30 * part_count
        report(api, line.mill, part_count=part_count, active_tool=8, cycle_state="ACTIVE", when=when)
    assert tool_of(api, other)["runtime"] == pytest.approx(30)
    assert [tool_of(api, tool)["runtime"] for tool in (line.tool, stranger.tool)] == [0, 0]


def test_run_time_of_two_locations_in_one_cycle(api: httpx.Client) -> None:
    """Each location has the time that it was active, and no time is counted twice."""
    line = running(api)
    other = make_tool(api, make_assembly(api, line.process, location=8))
    for second, location in ((0, LOCATION), (20, LOCATION), (30, 8), (55, 8)):
        update = {"active_tool": location, "cycle_state": "ACTIVE", "part_count": int(second == 55)}
        report(api, line.mill, **update, when=MARCH + HOUR + second)
    shares = [tool_of(api, tool)["runtime"] for tool in (line.tool, other)]
    assert sum(shares) == pytest.approx(55)
    assert shares[0] >= 20
    assert shares[1] >= 25


def test_run_time_of_a_long_cycle(api: httpx.Client) -> None:
    """It is reported with the cycle, and every 60 s in a longer one."""
    line = running(api)
    for step in range(11):
        when = MARCH + HOUR + 50 * step
        report(api, line.mill, part_count=0, active_tool=LOCATION, cycle_state="ACTIVE", when=when)
    assert 400 <= tool_of(api, line.tool)["runtime"] <= 500
    report(api, line.mill, part_count=1, active_tool=LOCATION, cycle_state="ACTIVE", when=MARCH + HOUR + 520)
    assert runtimes(api, line) == pytest.approx([520] * 3)


def test_run_time_of_an_edge(api: httpx.Client, edge: httpx.Client) -> None:
    """The edge reports it with the cycle, and in a longer one by itself; an empty location is nobody's."""
    line = EdgeLine(api, edge)
    line.cycles(MARCH, tool_seconds={str(LOCATION): 12.5, "8": 40})
    assert runtimes(api, line) == pytest.approx([12.5] * 3)
    line.run_time(MARCH + 60, at3=60)
    line.cycles(MARCH + 90, tool_seconds={str(LOCATION): 7.25})
    assert runtimes(api, line) == pytest.approx([79.75] * 3)
    assert part_counts(api, line.tool)[""] == 2


def test_run_time_counts_for_all_tools_of_the_assembly(api: httpx.Client, edge: httpx.Client) -> None:
    """A location is an assembly, with all that is in it."""
    line = EdgeLine(api, edge)
    insert = make_tool(api, line.line.assembly)
    line.cycles(MARCH, tool_seconds={str(LOCATION): 12.5})
    assert [tool_of(api, tool)["runtime"] for tool in (line.tool, insert)] == pytest.approx([12.5] * 2)


def test_run_time_of_a_program_without_a_process_is_nobody_s(api: httpx.Client, edge: httpx.Client) -> None:
    """Its locations are no assemblies."""
    line = EdgeLine(api, edge)
    free = make_program(api, line.line.mill)
    facts(edge, line.line.mill, program_seen(MARCH, free["filename"]))
    facts(edge, line.line.mill, cycle(MARCH + 60, program=free["filename"], tool_seconds={str(LOCATION): 30}))
    assert runtimes(api, line) == [0, 0, 0]


# A restart


def test_a_restart_changes_no_count(fresh: Server) -> None:
    """State is folded from facts."""
    with fresh.client(fresh.admin_key) as api:
        line = produced(api, 4, part_life=9)
        replaced(api, line.tool, timestamp=MARCH + MINUTE)
        patch_tool(api, line.tool, part_count=7)
        before = [tool_of(api, line.tool), lives_of(api, line.tool), parts_of(api, line.mill)]
    fresh.restart()
    with fresh.client(fresh.admin_key) as api:
        assert [tool_of(api, line.tool), lives_of(api, line.tool), parts_of(api, line.mill)] == before
        report(api, line.mill, part_count=5, when=MARCH + HOUR)
        assert part_counts(api, line.tool) == {"": 8, str(line.process["id"]): 4}


# Parts tell of their tools


def life_in(part: Json, tool: Json) -> int:
    """The life of a tool at a part, as a number or as an object that has it."""
    found = part["tool_life"][str(tool["id"])]
    count: int = found["part_count"] if isinstance(found, dict) else found
    return count


def test_a_part_has_the_life_of_its_tools(api: httpx.Client) -> None:
    """`tool_life`: what each tool had made since its last replacement, with this part included."""
    line = produced(api, 4)
    make_tool(api)
    replaced(api, line.tool, timestamp=MARCH + 2 * MINUTE)
    report(api, line.mill, part_count=5, when=MARCH + HOUR)
    parts = parts_of(api, line.mill)
    assert life_in(parts[-1], line.tool) == 3
    assert [life_in(part, line.tool) for part in parts] in ([1, 2, 3, 4, 3], [1, 2, 1, 2, 3])
    assert all(part["tool_life"].keys() == {str(line.tool["id"])} for part in parts)
    assert get(api, f"/api/parts/{parts[0]['id']}") == parts[0]


def test_a_part_that_used_no_tool(api: httpx.Client) -> None:
    """A program without a process."""
    line = make_line(api)
    free = line._replace(program=make_program(api, line.mill))
    load(api, free)
    report(api, line.mill, part_count=1, when=MARCH + 60)
    assert parts_of(api, line.mill)[0]["tool_life"] == {}
