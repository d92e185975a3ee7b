"""Averages, unused locations and days, after anything that may happen to parts: against loops over plain lists."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from statistics import mean, median
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from projections.folding import a_cycle, a_deletion, a_mill_with_processes, folded_rows
from street import START
from takt_projections import cycle_times, production
from takt_projections.cycle_times import average_cycle_minutes
from takt_projections.processes import unused_tool_locations
from taktledger.domain.assemblies import AssemblyCreated, AssemblyDeleted, AssemblyFields, AssemblyMoved
from taktledger.domain.event import Event
from taktledger.domain.options import OptionFields, OptionsEdited


class Report(NamedTuple):
    """One report of a control, at a moment that may be earlier than the one before."""

    seconds: int
    cycles: int
    parts: int
    """Of each cycle."""
    process_id: int
    tools_seen: tuple[int, ...] = ()


class Made(NamedTuple):
    finished: float
    id: int
    report: int
    process_id: int


reports = st.builds(
    Report,
    st.sampled_from((0, 1, 60, 61, 90, 100, 1_000, 5_000)) | st.integers(0, 6_000),
    st.integers(1, 4),
    st.integers(0, 4),
    st.sampled_from((1, 1, 1, 2)),
    st.lists(st.integers(1, 5), max_size=3).map(tuple),
)


class Naive:
    """What was made and is left, as plain lists."""

    def __init__(self, story: list[Report], deleted: set[int], start: float = START) -> None:
        self.story, self.deleted = story, deleted
        self.start = start
        made: list[Made] = []
        for number, report in enumerate(story):
            for _ in range(report.cycles * report.parts):
                made.append(Made(start + report.seconds, len(made) + 1, number, report.process_id))
        self.parts = [each for each in made if each.id not in deleted]
        self.gone = [each for each in made if each.id in deleted]

    def events(self) -> list[Event]:
        cycles = [
            a_cycle(self.start + each.seconds, each.process_id, each.parts, each.cycles, each.tools_seen)
            for each in self.story
        ]
        return [*cycles, *(a_deletion(each.id, each.finished, each.process_id) for each in self.gone)]

    def average_minutes(self, process_id: int, most: int) -> float | None:
        """Each cycle of a report has an equal share of the time since the report before."""
        left: dict[tuple[float, int], int] = {}
        for part in self.parts:
            if part.process_id == process_id:
                key = part.finished, part.report
                left[key] = left.get(key, 0) + 1
        times = sorted(left)
        gaps: list[float] = []
        for before, key in pairwise(times):
            per_cycle = self.story[key[1]].parts
            cycles = 0
            while cycles * per_cycle < left[key]:  # parts that are left need so many cycles
                cycles += 1
            gaps += [(key[0] - before[0]) / cycles / 60] * cycles
        gaps = gaps[-most:]
        usual = [gap for gap in gaps if gap <= 3 * median(gaps)]
        return mean(usual) if usual else None

    def unused(self, process_id: int, locations: set[int], last: int) -> list[int]:
        parts = sorted(each for each in self.parts if each.process_id == process_id)
        used = {tool for part in parts[-last:] for tool in self.story[part.report].tools_seen}
        return sorted(locations - used)


deletions = st.sets(st.integers(1, 60), max_size=12)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(reports, max_size=12), deletions, st.sampled_from((100, 100, 3)))
@example([Report(0, 1, 1, 1), Report(100, 4, 2, 1), Report(50, 1, 3, 1)], {2, 5}, 100)
@example([Report(0, 1, 1, 1), Report(60, 1, 0, 1), Report(90, 1, 1, 1), Report(90, 1, 1, 1)], set(), 100)
@example([Report(0, 1, 2, 1), Report(60, 2, 2, 1), Report(61, 3, 1, 1)], {1, 2}, 3)
def test_averages_are_what_loops_over_lists_say(story: list[Report], deleted: set[int], most: int) -> None:
    naive = Naive(story, deleted)
    with folded_rows([*a_mill_with_processes(1, 2), *naive.events()]) as db, pytest.MonkeyPatch.context() as patch:
        patch.setattr(cycle_times, "GAPS", most)
        for process_id in (1, 2):
            found, expected = average_cycle_minutes(db, process_id), naive.average_minutes(process_id, most)
            assert found == (None if expected is None else pytest.approx(expected))


def test_an_average_by_hand() -> None:
    """Gaps of 1, 1, 2 (two cycles in 4 minutes: 2, 2) and a night: (1 + 1 + 2 + 2) / 4."""
    minutes = [(0, 1), (1, 1), (2, 1), (6, 2), (600, 1)]
    events = [a_cycle(START + 60 * at, 1, cycles=cycles) for at, cycles in minutes]
    with folded_rows([*a_mill_with_processes(1), *events]) as db:
        assert average_cycle_minutes(db, 1) == pytest.approx(1.5)


def test_the_last_hundred_gaps() -> None:
    """The first 20 gaps are of 50 seconds, and the last 100 of a minute: nothing but the last counts."""
    times = [50 * each for each in range(20)] + [1_000 + 60 * each for each in range(101)]
    with folded_rows([*a_mill_with_processes(1), *(a_cycle(START + at, 1) for at in times)]) as db:
        assert average_cycle_minutes(db, 1) == pytest.approx(1.0)


def test_a_process_that_never_ran_or_once() -> None:
    with folded_rows([*a_mill_with_processes(1, 2), a_cycle(START, 2, parts=4)]) as db:
        assert [average_cycle_minutes(db, each) for each in (1, 2, 3)] == [None, None, None]


# Locations that are not used


standing = st.lists(
    st.tuples(
        st.none() | st.integers(1, 5), st.sampled_from((1, 1, 2, None)), st.sampled_from(("stays", "goes", "ends"))
    ),
    max_size=6,
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(reports, max_size=8), deletions, standing, st.none() | st.integers(1, 7))
@example([Report(60, 1, 1, 1, (1,)), Report(0, 5, 1, 1, (2,))], set(), [(1, 1, "stays"), (2, 1, "stays")], None)
@example([Report(60, 1, 1, 1, (1,)), Report(0, 5, 1, 1, (2,))], {1}, [(1, 1, "stays"), (2, 1, "goes")], 1)
def test_unused_locations_are_what_loops_over_lists_say(
    story: list[Report], deleted: set[int], assemblies: list[tuple[int | None, int | None, str]], last: int | None
) -> None:
    """Locations that have an assembly of the process but were not in `tools_seen` of any of its last N parts."""
    naive = Naive(story, deleted)
    locations: dict[int, set[int]] = {1: set(), 2: set()}
    events: list[Event] = []
    for number, (location, process_id, fate) in enumerate(assemblies, 1):
        fields = AssemblyFields(name="a", location=location)
        events.append(AssemblyCreated(occurred_at=START, assembly_id=number, fields=fields, process_id=process_id))
        if fate == "ends":
            events.append(AssemblyDeleted(occurred_at=START, assembly_id=number))
        elif fate == "goes":
            events.append(AssemblyMoved(occurred_at=START, assembly_id=number, process_id=2))
        stands_in = {"stays": process_id, "goes": 2, "ends": None}[fate]
        if location is not None and stands_in is not None:
            locations[stands_in].add(location)
    if last is not None:
        events.append(OptionsEdited(occurred_at=START, fields=OptionFields(check_unused_tools_parts=last)))
    with folded_rows([*a_mill_with_processes(1, 2), *events, *naive.events()]) as db:
        for process_id in (1, 2):
            expected = naive.unused(process_id, locations[process_id], last or 5)
            assert unused_tool_locations(db, process_id) == expected


# Days after deletions


CHANGES = (
    ("Europe/Berlin", date(2026, 3, 29)),  # 23 hours
    ("Europe/Berlin", date(2026, 10, 25)),  # 25 hours
    ("America/New_York", date(2026, 11, 1)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),  # half an hour
    ("Asia/Kathmandu", date(2026, 7, 1)),
)


@settings(max_examples=120, deadline=None, derandomize=True)
@given(
    st.sampled_from(CHANGES),
    st.lists(
        st.builds(Report, st.integers(-40, 70).map(lambda each: 1_800 * each), st.integers(1, 3), st.integers(0, 3),
                  st.sampled_from((1, 1, 2))),
        max_size=10,
    ),
    deletions,
)  # fmt: skip
@example(CHANGES[1], [Report(1_800 * each, 1, 1, 1) for each in range(-2, 54)], {1, 3, 53, 55})
@example(CHANGES[0], [Report(1_800 * each, 1, 1, 1) for each in range(-2, 54)], {1, 3, 49, 51})
def test_days_after_deletions(where: tuple[str, date], story: list[Report], deleted: set[int]) -> None:
    """Days in local time; a deleted part leaves counts and overviews; days without parts are left out."""
    zone, day = ZoneInfo(where[0]), where[1]
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()
    naive = Naive(story, deleted, midnight)
    first, last = day - timedelta(days=2), day + timedelta(days=3)
    with folded_rows([*a_mill_with_processes(1, 2), *naive.events()]) as db:
        for process_id in (1, 2):
            expected: dict[str, int] = {}
            for part in naive.parts:
                if part.process_id == process_id:
                    name = datetime.fromtimestamp(part.finished, zone).date().isoformat()
                    expected[name] = expected.get(name, 0) + 1
            assert production.days(db, "process_id", process_id, first, last, zone) == expected
        assert production.days(db, "program_id", 1, first, last, zone) == {}


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 6, 1), 24)])
def test_a_part_each_hour_of_a_day_and_one_deleted(day: date, hours: int) -> None:
    """One part each hour from an hour before midnight to 26 hours after it; the second of the day is deleted."""
    berlin = ZoneInfo("Europe/Berlin")
    begins = datetime(day.year, day.month, day.day, tzinfo=berlin).timestamp()
    cycles = [a_cycle(begins + 3_600 * each, 1) for each in range(-1, 27)]
    events = [*a_mill_with_processes(1), *cycles, a_deletion(3, begins + 3_600, 1)]
    with folded_rows(events) as db:
        days = production.days(db, "process_id", 1, day - timedelta(1), day + timedelta(1), berlin)
        before, after = (day + timedelta(each) for each in (-1, 1))
        assert days == {before.isoformat(): 1, day.isoformat(): hours - 1, after.isoformat(): 27 - hours}


def test_a_day_whose_parts_are_all_deleted_is_left_out() -> None:
    day = datetime.fromtimestamp(START, UTC).date()
    with folded_rows([*a_mill_with_processes(1), a_cycle(START, 1), a_deletion(1, START, 1)]) as db:
        assert production.days(db, "process_id", 1, day, day, ZoneInfo("UTC")) == {}
