"""A day on one machine, minute by minute, with the clock in our hand. All totals are counted by hand.

It is the 25th of October 2026 in Berlin, which has 25 hours: the hour from two to three comes twice. Minutes count from
the midnight that the day begins with, so minute 120 is two o'clock, minute 180 is two o'clock again, and minute 1500 is
the next midnight.

    0     two processes: flange (programs 1, 2) and housing (programs 3, 4, two parts a cycle)
    10    program 1 is loaded; what is shared goes to the flange
    20    11 cycles of program 1, one every ten minutes until 120            parts 1 to 11
    125   program 2
    130   5 cycles until 170, the first time between two and three           parts 12 to 16
    180   6 cycles until 230, the second time                                parts 17 to 22
    240   one more, and at the same time program 3: a switch by its name     part 23
    245   the changeover is confirmed; the face mill is taken out
    250   6 cycles of program 3 until 300, two parts each                    parts 24 to 35
    305   refused changeovers; then one is planned, back to the flange
    310   the variable says 2: program 2, whatever the name says             a switch as planned
    320   two cycles, and again at 330 and 340                               parts 36 to 41
    350   the variable says 4: program 4, a switch that nobody planned
    360   one cycle of program 4                                             parts 42, 43
    1490  one cycle, ten minutes before midnight                             parts 44, 45
    1505  one cycle, five minutes after it                                   parts 46, 47
          Part 1 is scrapped. Part 22 is deleted.
"""

from collections.abc import Iterator
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from street import Clock, Street, assert_sound, street_on
from takt_projections import alerts, parts, processes, production, programs
from takt_projections.cycle_times import average_cycle_minutes
from takt_projections.history import History
from taktledger.domain.assemblies import CreateAssembly, create_assembly
from taktledger.domain.changeover import ChangeOver, change_over
from taktledger.domain.errors import Conflict, PreconditionFailed
from taktledger.domain.machines import CreateMachine, create_machine
from taktledger.domain.parts import DeletePart, EditPart, PartFields, delete_part, edit_part
from taktledger.domain.processes import CreateProcess, create_process
from taktledger.domain.programs import CreateProgram, create_program
from taktledger.domain.shop import MappedVariable
from taktledger.domain.tools.tool import CreateTool, create_tool
from taktledger.domain.users import CreateUser, create_user
from taktledger.shopfloor.ingest import ReportUpdate
from taktledger.shopfloor.update import MachineUpdate

BERLIN = ZoneInfo("Europe/Berlin")
MIDNIGHT = datetime(2026, 10, 25, tzinfo=BERLIN).timestamp()
SELECTS, BORE = 100, 500
"""Variables: the one that selects programs, and a diameter."""
FLANGE, HOUSING, ELSEWHERE = 1, 2, 3
PROBE, DRILL, FACE_MILL = 1, 2, 3


class Day:
    def __init__(self, street: Street) -> None:
        self.street = street
        self.count = 100
        self.whereabouts: dict[int, dict[int, int | None]] = {}
        """Minute -> where each assembly was then."""

    def at(self, minute: float) -> None:
        self.street.clock.now = MIDNIGHT + minute * 60

    def do(self, decide: Any, command: Any) -> None:
        self.street.do(decide, command)

    def report(self, minute: float, cycles: int = 0, **said: Any) -> None:
        """The control says that it made so many cycles more."""
        self.at(minute)
        self.count += cycles
        update = MachineUpdate(part_count=self.count, **said)
        self.street.do(self.street.inbox.take, ReportUpdate(machine_id=1, update=update))
        self.whereabouts[int(minute)] = {
            each: assembly.process_id for each, assembly in self.street.shop.assemblies.items()
        }

    def live(self) -> None:
        self.at(0)
        self._set_up()
        self.report(10, program_name="O1", common_vars={SELECTS: 0.0})
        for minute in range(20, 121, 10):
            self.report(minute, 1, tools_seen=[1, 7])
        self.report(125, program_name="O2")
        for minute in (*range(130, 171, 10), *range(180, 231, 10)):
            self.report(minute, 1)
        self.report(240, 1, program_name="O3")
        self.at(245)
        self.do(change_over, ChangeOver(from_id=1, to_id=2, remove_tool_assemblies=[FACE_MILL], user_id=1))
        for minute in range(250, 301, 10):
            self.report(minute, 1)
        self.at(305)
        with pytest.raises(PreconditionFailed):  # 412: the flange is not loaded
            self.do(change_over, ChangeOver(from_id=HOUSING, to_id=FLANGE))
        with pytest.raises(Conflict):  # 409: that process is on the lathe
            self.do(change_over, ChangeOver(from_id=HOUSING, to_id=ELSEWHERE, planned=True))
        self.do(change_over, ChangeOver(from_id=HOUSING, to_id=FLANGE, planned=True))
        self.report(310, program_name="O3", common_vars={SELECTS: 2.0})
        for minute, bore in ((320, 12.4), (330, 12.6), (340, 12.5)):
            self.report(minute, 2, common_vars={SELECTS: 2.0, BORE: bore})
        self.report(350, common_vars={SELECTS: 4.0})
        self.report(360, 1)
        self.report(1490, 1)
        self.report(1505, 1)
        history = History(self.street.models)
        scrapped = EditPart(part_id=1, editor_id=1, fields=PartFields(scrapped=True))
        self.do(partial(edit_part, history=history), scrapped)
        self.do(partial(delete_part, history=history), DeletePart(part_id=22))

    def _set_up(self) -> None:
        self.do(create_user, CreateUser(username="planner", access_level="plan"))
        self.do(create_machine, CreateMachine(name="mill", program_cv=SELECTS))
        self.do(create_machine, CreateMachine(name="lathe"))
        bore = MappedVariable(number=BORE, notify_comparison="GT", notify_value=12.5)
        self.do(create_process, CreateProcess(name="flange", machine_id=1, cv_map={"bore": bore}))
        self.do(create_process, CreateProcess(name="housing", machine_id=1, parts_per_cycle=2))
        self.do(create_process, CreateProcess(name="shaft", machine_id=2))
        for name, process, value in (("O1", 1, None), ("O2", 1, 2), ("O3", 2, None), ("O4", 2, 4)):
            program = CreateProgram(filename=name, machine_id=1, process_id=process, load_by_var_value=value)
            self.do(create_program, program)
        for name, process, shared in (("probe", 1, True), ("drill", 2, True), ("face mill", 1, False)):
            location = {"probe": 1, "drill": 2, "face mill": 3}[name]
            assembly = CreateAssembly(name=name, location=location, process_id=process, shared=shared)
            self.do(create_assembly, assembly)
        for assembly_id in (PROBE, DRILL, FACE_MILL):
            self.do(create_tool, CreateTool(name="insert", assembly_id=assembly_id))


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    folder: Path = tmp_path_factory.mktemp("day")
    with street_on(folder, Clock(MIDNIGHT)) as street:
        lived = Day(street)
        lived.live()
        yield lived


def overview(day: Day, owner: str, owner_id: int) -> dict[str, int]:
    return production.days(day.street.models.db, owner, owner_id, date(2026, 1, 1), date(2026, 12, 31), BERLIN)


def made_between(day: Day, start: float, end: float) -> list[int]:
    """IDs of the parts from minute `start` to just before `end`."""
    from_, to = MIDNIGHT + start * 60, MIDNIGHT + end * 60 - 1
    return [part.id for part in parts.find(day.street.models.db, start=from_, end=to)]


def document(day: Day, module: Any, object_id: int) -> Any:
    (loaded,) = module.load(day.street.models.db, [object_id])
    return loaded.document


def test_the_day_has_25_hours() -> None:
    assert datetime(2026, 10, 26, tzinfo=BERLIN).timestamp() - MIDNIGHT == 25 * 3600


def test_parts_of_each_program(day: Day) -> None:
    assert overview(day, "program_id", 1) == {"2026-10-25": 11}
    assert overview(day, "program_id", 2) == {"2026-10-25": 17}  # 5 + 6 + 1 + 3 x 2, less the deleted one
    assert overview(day, "program_id", 3) == {"2026-10-25": 12}  # 6 cycles of two
    assert overview(day, "program_id", 4) == {"2026-10-25": 4, "2026-10-26": 2}


def test_parts_of_each_process(day: Day) -> None:
    assert overview(day, "process_id", FLANGE) == {"2026-10-25": 28}  # 11 + 17
    assert overview(day, "process_id", HOUSING) == {"2026-10-25": 16, "2026-10-26": 2}  # 12 + 4


def test_the_hour_that_comes_twice(day: Day) -> None:
    assert made_between(day, 120, 180) == [11, 12, 13, 14, 15, 16]
    assert made_between(day, 180, 240) == [17, 18, 19, 20, 21]  # and 22, which was deleted
    assert [len(made_between(day, start, start + 60)) for start in range(0, 420, 60)] == [4, 6, 6, 5, 11, 8, 2]


def test_a_cycle_belongs_to_the_program_before(day: Day) -> None:
    (part,) = parts.find(day.street.models.db, start=MIDNIGHT + 240 * 60, end=MIDNIGHT + 240 * 60)
    assert (part.id, part.program_name, part.process_id) == (23, "O2", FLANGE)


def test_last_cycles(day: Day) -> None:
    minutes = {each: (document(day, programs, each).last_cycle - MIDNIGHT) / 60 for each in (1, 2, 3, 4)}
    assert minutes == {1: 120, 2: 340, 3: 300, 4: 1505}
    for process_id, minute, program_id in ((FLANGE, 340, 2), (HOUSING, 1505, 4)):
        last = document(day, processes, process_id).last_cycle
        assert ((last.finished - MIDNIGHT) / 60, last.program_id) == (minute, program_id)
    assert document(day, processes, ELSEWHERE).last_cycle is None


def test_shared_assemblies_go_with_each_switch(day: Day) -> None:
    everything_shared_in = {
        10: {PROBE: FLANGE, DRILL: FLANGE, FACE_MILL: FLANGE},  # the drill was set up in the other process
        230: {PROBE: FLANGE, DRILL: FLANGE, FACE_MILL: FLANGE},
        240: {PROBE: HOUSING, DRILL: HOUSING, FACE_MILL: FLANGE},
        250: {PROBE: HOUSING, DRILL: HOUSING, FACE_MILL: None},  # it was taken out
        310: {PROBE: FLANGE, DRILL: FLANGE, FACE_MILL: None},
        350: {PROBE: HOUSING, DRILL: HOUSING, FACE_MILL: None},
        1505: {PROBE: HOUSING, DRILL: HOUSING, FACE_MILL: None},
    }
    assert {minute: day.whereabouts[minute] for minute in everything_shared_in} == everything_shared_in


def test_alerts(day: Day) -> None:
    """Open ones first. The switch at 310 was planned, so nobody has to confirm it."""
    found = [
        (alert.id, alert.kind, (alert.timestamp - MIDNIGHT) / 60, alert.dismissed, alert.dismissed_by)
        for alert in alerts.find(day.street.models.db)
    ]
    assert found == [
        (3, "switch", 350, False, None),
        (2, "variable", 330, False, None),
        (1, "switch", 240, True, 1),
    ]
    said = {alert.id: alert.data for alert in alerts.find(day.street.models.db)}
    assert said[1] == {"from_process_id": FLANGE, "to_process_id": HOUSING}
    assert said[3] == {"from_process_id": FLANGE, "to_process_id": HOUSING}
    assert (said[2]["variable"], said[2]["value"], said[2]["part_ids"]) == ("bore", 12.6, [38, 39])


def test_averages(day: Day) -> None:
    """Flange: twenty gaps of ten minutes, four of five, one of twenty (where the deleted part was); two of forty are
    longer than three times ten. Housing: five of ten, one of fifteen; sixty and 1130 are breaks."""
    db = day.street.models.db
    assert average_cycle_minutes(db, FLANGE) == pytest.approx((20 * 10 + 4 * 5 + 20) / 25)
    assert average_cycle_minutes(db, HOUSING) == pytest.approx((5 * 10 + 15) / 6)
    assert average_cycle_minutes(db, ELSEWHERE) is None


def test_what_the_tools_had_made(day: Day) -> None:
    """The probe and the drill were in whatever was loaded; the face mill until it was taken out."""
    found = parts.get(day.street.models.db, 23), parts.get(day.street.models.db, 47)
    assert [part[0].tool_life for part in found if part] == [{1: 22, 2: 22, 3: 22}, {1: 46, 2: 46}]


def test_locations(day: Day) -> None:
    assert document(day, processes, FLANGE).unassigned_tools_used == {7: MIDNIGHT + 120 * 60}
    db = day.street.models.db
    assert processes.unused_tool_locations(db, HOUSING) == [1, 2]
    assert processes.unused_tool_locations(db, FLANGE) == []  # nothing is in it any more


def test_a_scrapped_part_was_made(day: Day) -> None:
    (part,) = parts.find(day.street.models.db, scrapped=True)
    assert (part.id, part.editor_id) == (1, 1)
    assert part.id in made_between(day, 0, 60)


def test_living_it_and_folding_it_anew_are_the_same(day: Day) -> None:
    assert_sound(day.street)
