"""The read models: what happened in, rows and documents out."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from street import START, Street, new_street, rows, street_on
from takt_projections import alerts, machines, parts, processes, production, programs
from taktledger.domain.controls import ControlChanges
from taktledger.domain.machines import (
    CreateMachine,
    DeleteMachine,
    EditMachine,
    MachineFields,
    create_machine,
    delete_machine,
    edit_machine,
)
from taktledger.domain.processes import CreateProcess, create_process
from taktledger.domain.programs import (
    CreateProgram,
    DeleteProgram,
    EditProgram,
    ProgramFields,
    create_program,
    delete_program,
    edit_program,
)
from taktledger.domain.shop import ControlAlarm, Counter, MappedVariable
from taktledger.ledger.writer import Answer, Request, Step
from taktledger.shopfloor import facts as f
from taktledger.shopfloor.ingest import ReportUpdate, TakeFact, take_fact
from taktledger.shopfloor.update import MachineUpdate

QUICK = settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


class Shopfloor(Street):
    """A lathe (1) with a process of two parts a cycle (1) and a program in it (1)."""

    sequence = 0

    def furnish(self) -> None:
        self.do(create_machine, CreateMachine(name="lathe", custom_properties={"bought": 1987, "ü": None}))
        self.do(
            create_process,
            CreateProcess(
                machine_id=1, name="flange", parts_per_cycle=2, cv_map={"temp": MappedVariable(number=100)}, tags=["a"]
            ),
        )
        self.do(create_program, CreateProgram(machine_id=1, filename="O1", process_id=1))

    def say(self, *facts: f.Fact, at: float = START, machine: str = "lathe") -> None:
        steps = []
        for fact in facts:
            self.sequence += 1
            command = TakeFact(machine=machine, fact=fact, occurred_at=at)
            steps.append(Step(decide=take_fact, command=command, source="spool", sequence=self.sequence))
        (answer,) = self.write(Request(steps=steps, actor="key-1"))
        assert isinstance(answer, Answer)

    def cycle(
        self, at: float, program: str | None = "O1", cycles: int = 1, machine: str = "lathe", **more: Any
    ) -> None:
        counters = {"part_count": Counter(self.sequence + 1)}
        self.say(f.CyclesSeen(cycles=cycles, counters=counters, program=program, **more), at=at, machine=machine)

    @property
    def db(self) -> Any:
        return self.models.db


def one(shop: Shopfloor, module: Any, object_id: int) -> Any:
    """The document of an object, or None."""
    return next((each.document for each in module.load(shop.db, [object_id])), None)


@pytest.fixture(autouse=True)
def _no_logs() -> Iterator[None]:
    with capture_logs():
        yield


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shopfloor]:
    street = Shopfloor(tmp_path)
    street.furnish()
    yield street
    street.abandon()


def test_a_machine(shop: Shopfloor) -> None:
    alarm = ControlAlarm(alarm_code="E1", custom_message="Öl", timestamp=1.5)
    shop.say(
        f.BaselineSeen(counters={"part_count": Counter(7)}),
        f.ProgramSeen(program="O1"),
        f.StateSeen(changes=ControlChanges(cycle_state="ACTIVE", estopped=True, active_tool=3, alarms=[alarm])),
        f.VariablesSeen(variables={100: 1.5}),
    )
    fields = MachineFields(name="Drehbank ü", running_states=[], custom_alarms={"E1": "x"}, current_work_order="W1")
    shop.do(edit_machine, EditMachine(machine_id=1, fields=fields))
    assert machines.ids(shop.db) == [1]
    found = one(shop, machines, 1)
    assert one(shop, machines, 2) is None
    assert (found.name, found.source_name, found.current_work_order) == ("Drehbank ü", "lathe", "W1")
    assert (found.running_states, found.custom_alarms) == ([], {"E1": "x"})
    assert found.custom_properties == {"bought": 1987, "ü": None}
    assert (found.loaded_program_id, found.loaded_process_id, found.part_count) == (1, 1, 7)
    assert (found.cycle_state, found.estopped, found.active_tool, found.alarms) == ("ACTIVE", True, 3, [alarm])
    assert (found.feed_rate_override, found.variables) == (None, {100: 1.5})
    assert machines.last_facts(shop.db, machines.ids(shop.db)) == {1: ("lathe", START)}
    assert (found.archived, found.disabled, found.program_cv) == (False, False, None)


def test_a_machine_that_never_spoke(shop: Shopfloor) -> None:
    found = one(shop, machines, 1)
    assert (found.part_count, found.cycle_state, found.estopped, found.alarms) == (None, None, None, None)
    assert (found.variables, found.running_states) == ({}, None)
    assert machines.last_facts(shop.db, machines.ids(shop.db)) == {1: ("lathe", None)}


@pytest.mark.parametrize("text", ["null", "true", "1", "1.0", "", "[]", "\u0000"])
def test_text_stays_text(shop: Shopfloor, text: str) -> None:
    name = text or "x"
    shop.do(create_machine, CreateMachine(name=name, description=text, current_work_order=text))
    shop.do(create_program, CreateProgram(machine_id=2, filename=name, custom_name=text, description=text))
    shop.do(create_process, CreateProcess(machine_id=2, name=name, setup_instructions=text, tags=[text]))
    shop.cycle(START, name, machine=name)
    shop.say(f.StateSeen(changes=ControlChanges(cycle_state=text)), machine=name)
    machine, program, process = one(shop, machines, 2), one(shop, programs, 2), one(shop, processes, 2)
    assert (machine.name, machine.description, machine.cycle_state) == (name, text, text)
    assert (program.filename, program.custom_name, program.description) == (name, text, text)
    assert (process.name, process.setup_instructions, process.tags) == (name, text, [text])
    assert [(each.program_name, each.work_order) for each in parts.find(shop.db)] == [(name, text)]


def test_programs(shop: Shopfloor) -> None:
    shop.do(create_program, CreateProgram(machine_id=1, filename="O2", archived=True))
    shop.do(create_machine, CreateMachine(name="mill"))
    shop.do(create_program, CreateProgram(machine_id=2, filename="O1"))
    shop.say(f.ProgramSeen(program="O1"))

    def ids(**filters: Any) -> list[int]:
        return programs.ids(shop.db, **filters)

    assert ids() == [1, 2, 3]
    assert (ids(machine=1), ids(machine=2), ids(machine=3)) == ([1, 2], [3], [])
    assert (ids(process=1), ids(process=0), ids(process=9)) == ([1], [2, 3], [])
    assert (ids(loaded=True), ids(loaded=False)) == ([1], [2, 3])
    assert (ids(archived=True), ids(archived=False)) == ([2], [1, 3])
    assert ids(machine=1, process=0, loaded=False, archived=True) == [2]
    shop.do(edit_program, EditProgram(program_id=1, fields=ProgramFields(process_id=None)))
    shop.do(delete_program, DeleteProgram(program_id=2))
    assert (ids(process=0), ids(loaded=True)) == ([1, 3], [1])
    shop.do(delete_program, DeleteProgram(program_id=1))
    assert (ids(), ids(loaded=True), ids(loaded=False)) == ([3], [], [3])
    assert one(shop, programs, 1) is None
    assert machines.ids(shop.db) == [1, 2]
    lathe = one(shop, machines, 1)
    assert (lathe.loaded_program_id, lathe.loaded_process_id) == (None, None)


def test_processes(shop: Shopfloor) -> None:
    assert processes.ids(shop.db) == [1]
    found = one(shop, processes, 1)
    assert (found.name, found.parts_per_cycle, found.tags) == ("flange", 2, ["a"])
    assert found.cv_map == {"temp": MappedVariable(number=100)}
    assert (found.last_cycle, found.loaded, found.time_per_cycle) == (None, False, None)
    shop.say(f.ProgramSeen(program="O1"))
    shop.cycle(START + 9)
    shop.cycle(START + 5)  # late: the last one stays the last one
    late = one(shop, processes, 1)
    assert late.loaded
    assert late.last_cycle is not None
    assert (late.last_cycle.finished, late.last_cycle.program_id) == (START + 9, 1)
    assert one(shop, programs, 1).last_cycle == START + 9
    assert one(shop, processes, 2) is None
    shop.do(delete_machine, DeleteMachine(machine_id=1))
    assert (machines.ids(shop.db), programs.ids(shop.db), processes.ids(shop.db)) == ([], [], [])


def test_parts_of_a_cycle(shop: Shopfloor) -> None:
    shop.do(edit_machine, EditMachine(machine_id=1, fields=MachineFields(current_work_order="W1")))
    shop.cycle(START + 1, cycles=2, tools_seen=[3, 1], variables={100: 2.5, 101: 1.0})
    shop.cycle(START, None)
    found = parts.find(shop.db)
    assert [each.id for each in found] == [5, 1, 2, 3, 4]
    none, first = found[:2]
    assert (none.program_id, none.process_id, none.program_name, none.machine_id) == (None, None, None, 1)
    assert (first.program_id, first.process_id, first.program_name, first.finished) == (1, 1, "O1", START + 1)
    assert (first.tools_seen, first.variables, first.work_order) == ([3, 1], {"temp": 2.5}, "W1")
    assert (first.notes, first.scrapped, first.reworked, first.suspect, first.editor_id) == (
        "",
        False,
        False,
        False,
        None,
    )
    assert parts.get(shop.db, 1) == (first, 1)
    assert parts.get(shop.db, 6) is None


def test_a_part_outlives_what_it_was_made_with(shop: Shopfloor) -> None:
    shop.cycle(START)
    shop.do(delete_program, DeleteProgram(program_id=1))
    shop.cycle(START + 1)  # makes the program anew
    assert [(each.program_id, each.process_id, each.machine_id) for each in parts.find(shop.db)] == [
        (None, 1, 1),
        (None, 1, 1),
        (2, None, 1),
    ]
    shop.do(delete_machine, DeleteMachine(machine_id=1))
    found = parts.find(shop.db)
    assert [(each.id, each.program_id, each.process_id, each.machine_id) for each in found] == [
        (1, None, None, None),
        (2, None, None, None),
        (3, None, None, None),
    ]
    assert [each.program_name for each in found] == ["O1", "O1", "O1"]
    stored = rows(shop.db)["parts"]
    assert [row[2:5] for row in stored] == [(1, 1, 1), (1, 1, 1), (1, 2, None)], "the IDs stay in the rows"
    assert [each.id for each in parts.find(shop.db, machine=1)] == [1, 2, 3]
    assert [each.id for each in parts.find(shop.db, program=1)] == [1, 2]


@QUICK
@given(
    st.lists(st.tuples(st.integers(0, 5), st.sampled_from(("O1", "O2", None)), st.sampled_from(("lathe", "mill")))),
    st.data(),
)
def test_filters_of_parts(cycles: list[tuple[int, str | None, str]], data: st.DataObject) -> None:
    moments = st.none() | st.integers(-1, 6).map(lambda each: START + each)
    with new_street() as street:
        shop = Shopfloor.__new__(Shopfloor)
        shop.__dict__ = street.__dict__
        shop.furnish()
        for at, program, machine in cycles:
            shop.cycle(START + at, program, machine=machine)
        everything = parts.find(shop.db)
        assert everything == sorted(everything, key=lambda each: (each.finished, each.id))
        wanted = {
            "machine": data.draw(st.sampled_from((None, 1, 2, 7))),
            "process": data.draw(st.sampled_from((None, 1, 7))),
            "program": data.draw(st.sampled_from((None, 1, 2, 3))),
            "start": data.draw(moments),
            "end": data.draw(moments),
            "scrapped": data.draw(st.sampled_from((None, False, True))),
        }
        limit, offset = data.draw(st.none() | st.integers(0, 5)), data.draw(st.integers(0, 5))
        expected = [
            each
            for each in everything
            if wanted["machine"] in (None, each.machine_id)
            and wanted["process"] in (None, each.process_id)
            and wanted["program"] in (None, each.program_id)
            and (wanted["start"] is None or each.finished >= wanted["start"])
            and (wanted["end"] is None or each.finished <= wanted["end"])
            and wanted["scrapped"] in (None, each.scrapped)
        ]
        assert parts.find(shop.db, **wanted) == expected  # type: ignore[arg-type]
        page = parts.find(shop.db, **wanted, limit=limit, offset=offset)  # type: ignore[arg-type]
        assert page == expected[offset:][:limit]


def test_alerts(shop: Shopfloor) -> None:
    def gap(at: float) -> f.GapSeen:
        return f.GapSeen(counter="part_count", gap_from=at - 9, from_reading=5, to_reading=900, why="jump", counters={})

    shop.say(gap(START), at=START)
    shop.say(f.FactSetAside(fact="CyclesSeen", error="no ü"), at=START + 4)
    shop.say(gap(START), at=START + 2)
    found = alerts.find(shop.db)
    assert [(each.id, each.kind, each.timestamp) for each in found] == [
        (2, "fact", START + 4),
        (3, "gap", START + 2),
        (1, "gap", START),
    ]
    assert (found[0].data, found[0].machine_id, found[0].dismissed) == ({"fact": "CyclesSeen"}, 1, False)
    assert "went from 5 to 900" in found[2].message
    assert (found[2].data["gap_from"], found[2].data["gap_to"]) == (START - 9, START)
    assert [each.id for each in alerts.find(shop.db, limit=1, offset=1)] == [3]
    shop.do(delete_machine, DeleteMachine(machine_id=1))
    assert [each.machine_id for each in alerts.find(shop.db)] == [None] * 3, "references to what was deleted read null"


def test_a_clock_that_is_ahead_is_told_once(shop: Shopfloor) -> None:
    for count, timestamp in enumerate((START + 100, START + 101, None, START + 102)):
        update = MachineUpdate(part_count=count, timestamp=timestamp)
        shop.do(shop.inbox.take, ReportUpdate(machine_id=1, update=update))
        shop.clock.now += 1
    assert [each.kind for each in alerts.find(shop.db)] == ["clock", "clock"]


# Production

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",  # until 2019 the clock changed at midnight
    "Asia/Kathmandu",
    "Australia/Lord_Howe",  # half an hour of summer time
    "Pacific/Apia",  # had no 2011-12-30
    "America/Havana",
    "Pacific/Chatham",
)


def oracle(times: list[float], first: date, last: date, zone: ZoneInfo) -> dict[str, int]:
    days: dict[str, int] = {}
    for at in times:
        day = datetime.fromtimestamp(at, zone).date()
        if first <= day <= last:
            days[day.isoformat()] = days.get(day.isoformat(), 0) + 2
    return dict(sorted(days.items()))


@QUICK
@given(
    st.sampled_from(ZONES),
    st.sampled_from(
        (
            date(2025, 3, 30),
            date(2025, 10, 26),
            date(2018, 11, 4),
            date(2018, 2, 18),
            date(2011, 12, 30),
            date(2025, 4, 6),
        )
    ),
    st.lists(st.integers(-3 * 96 * 900, 3 * 96 * 900), min_size=1, max_size=12),
    st.integers(-2, 1),
    st.integers(0, 3),
)
@example("Europe/Berlin", date(2025, 3, 30), [900 * each for each in range(-110, 110, 3)], 0, 0)
@example("Europe/Berlin", date(2025, 10, 26), [900 * each for each in range(-110, 110, 3)], 0, 0)
def test_days_in_any_zone(name: str, day: date, offsets: list[int], begin: int, length: int) -> None:
    zone = ZoneInfo(name)
    around = datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp()
    times = [around + each for each in offsets]
    first = day + timedelta(days=begin)
    last = first + timedelta(days=length)
    with new_street() as street:
        shop = Shopfloor.__new__(Shopfloor)
        shop.__dict__ = street.__dict__
        shop.furnish()
        shop.write(
            Request(
                steps=[
                    Step(
                        decide=take_fact,
                        command=TakeFact(
                            machine="lathe", fact=f.CyclesSeen(cycles=1, counters={}, program="O1"), occurred_at=at
                        ),
                        source="spool",
                        sequence=number,
                    )
                    for number, at in enumerate(times, 1)
                ],
                actor="key-1",
            )
        )
        found = production.days(shop.db, "program_id", 1, first, last, zone)
        assert found == oracle(times, first, last, zone)
        assert list(found) == sorted(found)
        assert production.days(shop.db, "program_id", 2, first, last, zone) == {}


@pytest.mark.parametrize(("day", "hours"), [(date(2025, 3, 30), 23), (date(2025, 10, 26), 25), (date(2025, 6, 1), 24)])
def test_days_of_23_and_25_hours(shop: Shopfloor, day: date, hours: int) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    start = datetime(day.year, day.month, day.day, tzinfo=berlin).timestamp()
    for each in range(-1, 26):
        shop.cycle(start + 3600 * each + 1)
    shop.cycle(start - 0.001)
    shop.cycle(start)
    days = production.days(shop.db, "program_id", 1, day, day, berlin)
    assert days == {day.isoformat(): 2 * (hours + 1)}


def test_quarter_hours(shop: Shopfloor) -> None:
    quarter = START - START % 900
    for at in (quarter, quarter + 899.999, quarter + 900, quarter - 0.001):
        shop.cycle(at)
    shop.cycle(quarter, None)
    shop.cycle(quarter, machine="mill")
    assert rows(shop.db)["production"] == [
        (0, 0, 1, quarter, 1),
        (1, 1, 1, quarter - 900, 2),
        (1, 1, 1, quarter, 4),
        (1, 1, 1, quarter + 900, 2),
        (2, 0, 2, quarter, 1),
    ]


def test_days_without_parts_are_left_out(shop: Shopfloor) -> None:
    """A cycle of a process that makes no parts is a cycle, and no part."""
    shop.do(create_process, CreateProcess(machine_id=1, name="warm up", parts_per_cycle=0))
    shop.do(edit_program, EditProgram(program_id=1, fields=ProgramFields(process_id=2)))
    shop.cycle(START)
    assert parts.find(shop.db) == []
    day = datetime.fromtimestamp(START, UTC).date()
    assert production.days(shop.db, "program_id", 1, day, day, ZoneInfo("UTC")) == {}


def test_reading_sees_only_what_is_committed_and_writes_nothing(tmp_path: Path) -> None:
    with street_on(tmp_path) as street, pytest.raises(Exception, match="readonly"):
        street.models.db.execute("DELETE FROM machines")


def test_the_last_cycle_of_a_process_names_no_deleted_program(shop: Shopfloor) -> None:
    shop.do(create_process, CreateProcess(name="Flange", machine_id=1))
    shop.do(create_program, CreateProgram(filename="O77", machine_id=1, process_id=1))
    shop.say(f.CyclesSeen(cycles=1, counters={}, program="O77"), at=START)
    (program_id,) = [each for each in programs.ids(shop.db) if one(shop, programs, each).filename == "O77"]
    before = one(shop, processes, 1)
    assert before.last_cycle == processes.ProcessCycle(finished=START, program_id=program_id)
    shop.do(delete_program, DeleteProgram(program_id=program_id))
    after = one(shop, processes, 1)
    assert after.last_cycle == processes.ProcessCycle(finished=START, program_id=None)
