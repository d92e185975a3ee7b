"""A critical tool of a loaded process that is past its life keeps its machine from running: one hold, while it is."""

from functools import partial
from typing import Any

import pytest

from street import START, Street, events, new_street
from takt_projections.history import History
from taktledger.domain.assemblies import (
    AssemblyChanges,
    CreateAssembly,
    EditAssembly,
    create_assembly,
    edit_assembly,
)
from taktledger.domain.event import Event
from taktledger.domain.holds.hold import (
    DeleteHold,
    EditHold,
    HoldCreated,
    HoldDeleted,
    HoldEnded,
    HoldEvent,
    HoldFields,
    delete_hold,
    edit_hold,
)
from taktledger.domain.machines import CreateMachine, create_machine
from taktledger.domain.parts import DeletePart, delete_part
from taktledger.domain.processes import CreateProcess, create_process
from taktledger.domain.programs import CreateProgram, create_program
from taktledger.domain.shop import Hold
from taktledger.domain.tools.editing import EditTool, ToolChanges, edit_tool
from taktledger.domain.tools.replacing import ReplaceTool, Replacing, UndoReplacement, replace_tool, undo_replacement
from taktledger.domain.tools.tool import CreateTool, DeleteTool, create_tool, delete_tool
from taktledger.shopfloor.facts import CyclesSeen, ProgramSeen
from taktledger.shopfloor.ingest import TakeFact, take_fact

LIFE = 3


class Line:
    """The lathe has processes 1 (program O1) and 2 (O2). Tool 1 is critical, and lasts three parts in process 1."""

    def __init__(self, street: Street) -> None:
        self.street = street
        street.do(create_machine, CreateMachine(name="lathe"))
        for number in (1, 2):
            street.do(create_process, CreateProcess(machine_id=1, name=f"process {number}"))
            street.do(create_program, CreateProgram(machine_id=1, filename=f"O{number}", process_id=number))
        street.do(create_assembly, CreateAssembly(name="drill", process_id=1, location=1))
        street.do(create_tool, CreateTool(name="insert", assembly_id=1, part_life=LIFE, is_critical=True))
        self.load("O1")

    def do(self, decide: Any, command: Any, *, asks: bool = False) -> None:
        self.street.clock.now += 1
        self.street.do(partial(decide, history=History(self.street.models)) if asks else decide, command)

    def fact(self, fact: Any) -> None:
        self.do(take_fact, TakeFact(machine="lathe", fact=fact, occurred_at=self.street.clock.now + 1))

    def load(self, program: str) -> None:
        self.fact(ProgramSeen(program=program))

    def make(self, parts: int, program: str = "O1") -> None:
        for _ in range(parts):
            self.fact(CyclesSeen(cycles=1, counters={}, program=program))

    def edit_tool(self, **changes: Any) -> None:
        self.do(edit_tool, EditTool(tool_id=1, changes=ToolChanges(**changes)), asks=True)

    def replace(self) -> None:
        self.do(replace_tool, ReplaceTool(tool_id=1, said=Replacing()), asks=True)

    def release(self, hold_id: int = 1) -> None:
        fields = HoldFields(end=self.street.clock.now + 1)
        self.do(edit_hold, EditHold(hold_id=hold_id, fields=fields))

    @property
    def open(self) -> list[Hold]:
        return [self.street.shop.holds[each] for each in sorted(self.street.shop.open_holds)]

    @property
    def said(self) -> list[Event]:
        return [each for each in events(self.street.ledger) if isinstance(each, HoldEvent)]

    @property
    def made(self) -> int:
        return sum(isinstance(each, HoldCreated) for each in self.said)


@pytest.fixture
def line() -> Any:
    with new_street() as street:
        yield Line(street)


def test_it_is_made_by_the_part_beyond_its_life_and_once(line: Line) -> None:
    line.make(LIFE)
    assert line.open == []
    line.make(1)
    (hold,) = line.open
    assert (hold.machine_id, hold.tool_id, hold.end, hold.started) == (1, 1, None, True)
    assert (hold.user_id, hold.schedule_id, hold.automatic) == (None, None, True)
    assert hold.reason == "'insert' is past its life: 4 of 3 parts"
    assert line.said[0].actor == "system"
    line.make(3)
    assert line.made == 1


ENDS: dict[str, Any] = {
    "a replacement": lambda line: line.replace(),
    "a longer life": lambda line: line.edit_tool(part_life=20),
    "no life at all": lambda line: line.edit_tool(part_life=0),
    "a corrected counter": lambda line: line.edit_tool(part_count=1),
    "not critical any more": lambda line: line.edit_tool(is_critical=False),
    "out of its assembly": lambda line: line.edit_tool(assembly_id=None),
    "its assembly out of the process": lambda line: line.do(
        edit_assembly, EditAssembly(assembly_id=1, changes=AssemblyChanges(process_id=None))
    ),
    "the tool deleted": lambda line: line.do(delete_tool, DeleteTool(tool_id=1)),
    "another process loaded": lambda line: line.load("O2"),
    "a part that was none": lambda line: line.do(delete_part, DeletePart(part_id=2), asks=True),
}


@pytest.mark.parametrize("how", ENDS)
def test_it_ends_with_its_reason(line: Line, how: str) -> None:
    line.make(LIFE + 1)
    ENDS[how](line)
    assert line.open == []
    ended = line.said[-1]
    assert isinstance(ended, HoldEnded)
    assert line.street.shop.holds[1].end == ended.occurred_at == line.street.clock.now


def test_a_loaded_process_is_looked_at_at_once(line: Line) -> None:
    line.make(LIFE + 1)
    line.load("O2")
    assert line.open == []
    line.load("O1")
    assert [hold.id for hold in line.open] == [2]


def test_a_tool_of_another_process_holds_nothing(line: Line) -> None:
    line.load("O2")
    line.make(9, "O2")
    assert line.said == []


def test_what_a_person_has_ended_stays_ended_until_the_tool_is_replaced(line: Line) -> None:
    line.make(LIFE + 1)
    line.release()
    line.make(2)
    line.edit_tool(notes="still good")
    assert (line.open, line.made) == ([], 1)
    line.replace()
    line.make(LIFE)
    assert line.open == []
    line.make(1)
    assert len(line.open) == 1


def test_or_until_its_life_changes(line: Line) -> None:
    line.make(LIFE + 1)
    line.release()
    line.edit_tool(part_life=LIFE + 2)
    line.make(1)
    assert line.open == []
    line.make(1)
    assert len(line.open) == 1


def test_a_deleted_hold_is_ended_by_a_person_too(line: Line) -> None:
    line.make(LIFE + 1)
    line.do(delete_hold, DeleteHold(hold_id=1))
    line.make(2)
    assert (line.open, line.made) == ([], 1)


def test_an_end_that_lies_ahead_is_kept_unless_the_tool_is_replaced_before(line: Line) -> None:
    line.make(LIFE + 1)
    later = line.street.clock.now + 1000
    line.do(edit_hold, EditHold(hold_id=1, fields=HoldFields(end=later)))
    line.make(1)
    assert [hold.end for hold in line.open] == [later]
    line.replace()
    assert line.street.shop.holds[1].end == line.street.clock.now


def test_one_that_a_person_has_put_off_goes_when_its_reason_does(line: Line) -> None:
    line.make(LIFE + 1)
    line.do(edit_hold, EditHold(hold_id=1, fields=HoldFields(start=START + 5000)))
    line.replace()
    assert isinstance(line.said[-1], HoldDeleted)
    assert line.street.shop.holds == {}


def test_a_replacement_that_is_taken_back_holds_again(line: Line) -> None:
    line.make(LIFE + 1)
    line.replace()
    line.do(undo_replacement, UndoReplacement(replacement_id=1), asks=True)
    assert [hold.id for hold in line.open] == [2]


def test_unless_a_person_had_ended_the_hold(line: Line) -> None:
    line.make(LIFE + 1)
    line.release()
    line.replace()
    line.do(undo_replacement, UndoReplacement(replacement_id=1), asks=True)
    line.make(1)
    assert line.open == []


def test_snoozed_notices_make_no_difference(line: Line) -> None:
    line.edit_tool(replacement_rules_snoozed_until=START + 100_000)
    line.make(LIFE)
    assert line.open == []
    line.make(1)
    assert len(line.open) == 1
    line.make(1)
    line.replace()
    assert line.open == []


def test_two_tools_make_two_holds(line: Line) -> None:
    line.street.do(create_tool, CreateTool(name="drill", assembly_id=1, part_life=LIFE + 1, is_critical=True))
    line.make(LIFE + 2)
    assert [hold.tool_id for hold in line.open] == [1, 2]
    line.replace()
    assert [hold.tool_id for hold in line.open] == [2]


def test_another_warning_is_no_other_life(line: Line) -> None:
    line.make(LIFE + 1)
    line.release()
    line.edit_tool(warn_life=1)
    line.make(1)
    assert (line.open, line.made) == ([], 1)


def test_one_that_was_put_off_and_seen_to_leaves_the_tool_critical(line: Line) -> None:
    line.make(LIFE + 1)
    line.do(edit_hold, EditHold(hold_id=1, fields=HoldFields(start=START + 5000)))
    line.replace()
    line.make(LIFE + 1)
    assert [hold.id for hold in line.open] == [2]


def test_a_hold_that_a_person_has_put_in_force_again_is_that_persons(line: Line) -> None:
    line.make(LIFE + 1)
    line.replace()
    line.do(edit_hold, EditHold(hold_id=1, fields=HoldFields(end=None, reason="the spindle, too")))
    line.street.do(create_tool, CreateTool(name="drill"))
    line.make(1)
    assert [hold.reason for hold in line.open] == ["the spindle, too"]


def test_a_counter_that_is_put_right_while_notices_are_snoozed(line: Line) -> None:
    line.make(LIFE + 1)
    line.edit_tool(replacement_rules_snoozed_until=START + 100_000)
    line.edit_tool(part_count=0)
    assert line.open == []
    line.make(LIFE)
    assert line.open == []
    line.make(1)
    assert len(line.open) == 1
