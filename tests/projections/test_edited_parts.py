"""Parts that people edit and delete: the rows, and what is left of the last cycles."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from street import START, Street, assert_sound, new_street, request
from takt_projections import parts, processes, programs
from takt_projections.history import History
from taktledger.domain.errors import NotFound
from taktledger.domain.machines import CreateMachine, DeleteMachine, create_machine, delete_machine
from taktledger.domain.parts import (
    DeletePart,
    EditPart,
    PartDeleted,
    PartEdited,
    PartFields,
    delete_part,
    edit_part,
)
from taktledger.domain.processes import CreateProcess, DeleteProcess, create_process, delete_process
from taktledger.domain.programs import (
    CreateProgram,
    DeleteProgram,
    EditProgram,
    ProgramFields,
    create_program,
    delete_program,
    edit_program,
)
from taktledger.domain.users import CreateUser, DeleteUser, create_user, delete_user
from taktledger.ledger.writer import Answer, Request
from taktledger.shopfloor.facts import CyclesSeen
from taktledger.shopfloor.ingest import TakeFact, take_fact


class Parts:
    """A street with two processes (one and three parts a cycle), a program in each, and people who edit parts."""

    def __init__(self, street: Street) -> None:
        self.street = street
        self.sequence = 0
        street.do(create_machine, CreateMachine(name="lathe"))
        for number, parts_per_cycle in ((1, 1), (2, 3)):
            process = CreateProcess(machine_id=1, name=f"process {number}", parts_per_cycle=parts_per_cycle)
            street.do(create_process, process)
            program = CreateProgram(machine_id=1, filename=f"O{number}", process_id=number)
            street.do(create_program, program)
        for name in ("anna", "ben"):
            street.do(create_user, CreateUser(username=name, access_level="shop"))

    @property
    def db(self) -> Any:
        return self.street.models.db

    def cycle(self, at: float, program: str = "O1") -> Request:
        self.sequence += 1
        seen = CyclesSeen(cycles=1, counters={}, program=program)
        taken = TakeFact(machine="lathe", fact=seen, occurred_at=START + at)
        return request(take_fact, taken, source="spool", sequence=self.sequence)

    def edit(self, part_id: int, editor_id: int = 1, **fields: Any) -> Request:
        decide = partial(edit_part, history=History(self.street.models))
        command = EditPart(part_id=part_id, editor_id=editor_id, fields=PartFields(**fields))
        return request(decide, command)

    def delete(self, part_id: int) -> Request:
        return request(partial(delete_part, history=History(self.street.models)), DeletePart(part_id=part_id))

    def do(self, *requests: Request) -> list[Any]:
        """Each in a group of its own. The events of each, or what went wrong."""
        return [self.together(each)[0] for each in requests]

    def together(self, *requests: Request) -> list[Any]:
        found = self.street.write(*requests)
        return [[each.event for each in said.events] if isinstance(said, Answer) else said for said in found]

    def last_cycles(self) -> dict[str, tuple[float, int | None] | None]:
        found: dict[str, tuple[float, int | None] | None] = {}
        for each in processes.load(self.db, processes.ids(self.db)):
            last: Any = getattr(each.document, "last_cycle")  # noqa: B009 (a document of any kind)
            found[f"process {each.id}"] = (last.finished - START, last.program_id) if last else None
        return found

    def program_cycles(self) -> dict[int, float | None]:
        found = {}
        for each in programs.load(self.db, programs.ids(self.db)):
            last: Any = getattr(each.document, "last_cycle")  # noqa: B009 (a document of any kind)
            found[each.id] = last - START if last is not None else None
        return found

    def one(self, part_id: int) -> Any:
        found = parts.get(self.db, part_id)
        return found[0] if found else None


@pytest.fixture(autouse=True)
def _no_logs() -> Iterator[None]:
    with capture_logs():
        yield


@pytest.fixture
def made() -> Iterator[Parts]:
    with new_street() as street:
        yield Parts(street)


def test_an_edit_of_a_part(made: Parts) -> None:
    made.do(made.cycle(0))
    ((edited,),) = made.do(made.edit(1, notes="a scratch", scrapped=True, reworked=False))
    assert edited.fields == PartFields(notes="a scratch", scrapped=True), "edits carry only what changed"
    part, revision = parts.get(made.db, 1) or (None, 0)
    assert part is not None
    assert (part.notes, part.scrapped, part.reworked, part.suspect) == ("a scratch", True, False, False)
    assert (part.editor_id, revision) == (1, 2)
    assert [each.id for each in parts.find(made.db, scrapped=True)] == [1]
    assert parts.find(made.db, scrapped=False) == []
    made.do(made.edit(1, 2, suspect=True, scrapped=False))
    part, revision = parts.get(made.db, 1) or (None, 0)
    assert part is not None
    assert (part.notes, part.scrapped, part.suspect, part.editor_id, revision) == ("a scratch", False, True, 2, 3)
    assert_sound(made.street)


def test_an_edit_that_changes_nothing_is_no_event(made: Parts) -> None:
    made.do(made.cycle(0), made.edit(1, notes="n"))
    assert made.do(made.edit(1, 2, notes="n", scrapped=False), made.edit(1, 2)) == [[], []]
    assert made.one(1).editor_id == 1


def test_emptied_notes_are_empty(made: Parts) -> None:
    made.do(made.cycle(0), made.edit(1, notes="n"), made.edit(1, notes=""))
    assert made.one(1).notes == ""


def test_an_editor_who_was_deleted_reads_null(made: Parts) -> None:
    made.do(made.cycle(0), made.edit(1, 2, notes="n"))
    made.street.do(delete_user, DeleteUser(user_id=2, by=1))
    assert (made.one(1).editor_id, made.one(1).notes) == (None, "n")


def test_unknown_parts(made: Parts) -> None:
    """404: never made, or deleted."""
    made.do(made.cycle(0), made.cycle(1), made.delete(1))
    for outcome in made.do(made.edit(1, notes="n"), made.delete(1), made.edit(3, notes="n"), made.delete(0)):
        assert isinstance(outcome, NotFound)
    assert [each.id for each in parts.find(made.db)] == [2]
    assert_sound(made.street)


def test_decisions_of_one_group_see_each_other(made: Parts) -> None:
    """What was decided before is in the open transaction: an edit after a cycle, nothing after a deletion."""
    outcomes = made.together(
        made.cycle(0), made.edit(1, notes="n"), made.edit(1, notes="n"), made.delete(1), made.edit(1, notes="m")
    )
    kinds = [[type(event) for event in each] if isinstance(each, list) else type(each) for each in outcomes[1:]]
    assert kinds == [[PartEdited], [], [PartDeleted], NotFound]
    assert parts.find(made.db) == []
    assert_sound(made.street)


def test_the_id_of_a_deleted_part_is_never_used_again(made: Parts) -> None:
    made.do(made.cycle(0), made.delete(1), made.cycle(1))
    assert [each.id for each in parts.find(made.db)] == [2]


def test_one_of_three_parts_of_a_cycle_may_be_deleted(made: Parts) -> None:
    made.do(made.cycle(0, "O2"), made.delete(2))
    assert [each.id for each in parts.find(made.db)] == [1, 3]
    assert made.last_cycles()["process 2"] == (0.0, 2)
    made.do(made.delete(3), made.delete(1))
    assert made.last_cycles()["process 2"] is None


def test_a_deletion_says_what_it_found_out(made: Parts) -> None:
    """Decisions before the append, sums after it."""
    made.do(made.cycle(5), made.cycle(9), made.cycle(7))
    ((deleted,),) = made.do(made.delete(2))
    assert (deleted.part_id, deleted.finished, deleted.program_id, deleted.process_id) == (2, START + 9, 1, 1)
    assert deleted.process_last_cycle.finished == deleted.program_last_cycle.finished == START + 7
    assert made.last_cycles()["process 1"] == (7.0, 1)
    assert made.program_cycles()[1] == 7.0


def test_parts_without_a_process_or_whose_owners_are_gone(made: Parts) -> None:
    """Deleting always works."""
    made.do(made.cycle(0, "O9"), made.cycle(1), made.cycle(2, "O2"))
    made.street.do(delete_process, DeleteProcess(process_id=1))
    made.street.do(delete_program, DeleteProgram(program_id=2))
    made.do(made.delete(1), made.delete(2), made.edit(3, notes="n"), made.delete(3))
    made.street.do(delete_machine, DeleteMachine(machine_id=1))
    made.do(made.edit(4, notes="n"), made.delete(5))
    assert [(each.id, each.notes, each.machine_id) for each in parts.find(made.db)] == [(4, "n", None)]
    assert_sound(made.street)


happenings = st.one_of(
    st.tuples(st.just("cycle"), st.integers(0, 6), st.sampled_from(("O1", "O2", "O3"))),
    st.tuples(st.just("cycle"), st.integers(0, 6), st.sampled_from(("O1", "O2"))),
    st.tuples(st.just("delete"), st.integers(1, 9), st.none()),
    st.tuples(st.just("move"), st.integers(1, 2), st.sampled_from((1, 2, None))),
)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.lists(happenings, max_size=14), st.booleans())
@example([("cycle", 5, "O1"), ("cycle", 5, "O2"), ("move", 2, 1), ("cycle", 5, "O2"), ("delete", 7, None)], False)
@example([("cycle", 5, "O1"), ("move", 2, 1), ("cycle", 5, "O2"), ("cycle", 6, "O1"), ("delete", 3, None)], False)
@example([("cycle", 3, "O2"), ("delete", 3, None), ("delete", 1, None), ("delete", 2, None)], True)
def test_last_cycles_are_what_loops_over_lists_say(story: list[tuple[str, int, Any]], at_once: bool) -> None:
    """A deleted part counts nowhere: `last_cycle` is as if it had not been made. Of parts of one time the last in the
    ledger is the last."""
    left: list[tuple[int, int, int, int | None]] = []  # when, part, program, process
    with new_street() as street:
        made = Parts(street)
        of: dict[str, int | None] = {"O1": 1, "O2": 2}  # program -> process
        ids, last, requests = {"O1": 1, "O2": 2}, 0, []
        for kind, number, more in story:
            if kind == "cycle":
                requests.append(made.cycle(number, more))
                program_id, process_id = ids.setdefault(more, 3), of.get(more)
                for _ in range(3 if process_id == 2 else 1):
                    last += 1
                    left.append((number, last, program_id, process_id))
            elif kind == "delete":
                requests.append(made.delete(number))
                left = [each for each in left if each[1] != number]
            else:
                fields = ProgramFields(process_id=more)
                requests.append(request(edit_program, EditProgram(program_id=number, fields=fields)))
                of[f"O{number}"] = more
        made.together(*requests) if at_once else made.do(*requests)
        for process_id in (1, 2):
            mine = sorted(each for each in left if each[3] == process_id)
            expected = (float(mine[-1][0]), mine[-1][2]) if mine else None
            assert made.last_cycles()[f"process {process_id}"] == expected
        for program_id, found in made.program_cycles().items():
            times = [each[0] for each in left if each[2] == program_id]
            assert found == max(times, default=None)
        assert_sound(street)


def test_edits_survive_a_restart(tmp_path: Path) -> None:
    street = Street(tmp_path)
    made = Parts(street)
    made.do(made.cycle(0), made.cycle(1), made.edit(1, notes="n"), made.delete(2))
    street.close()
    street = Street(tmp_path)
    assert [(each.id, each.notes) for each in parts.find(street.models.db)] == [(1, "n")]
    street.abandon()
