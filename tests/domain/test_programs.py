"""Programs: `api/program.txt`, and "Programs and processes" and "Machines and what they report" of the domain."""

import msgspec
import pytest

from given import NOON, Given, a_machine, a_process, a_program, cycles_of, said
from taktledger.domain.changeover import ProcessSwitched
from taktledger.domain.errors import Conflict, NotFound, ReferenceMissing
from taktledger.domain.machines import DeleteMachine, delete_machine
from taktledger.domain.parts import finish_cycles
from taktledger.domain.programs import (
    CreateProgram,
    DeleteProgram,
    EditProgram,
    ProgramCreated,
    ProgramDeleted,
    ProgramEdited,
    ProgramFields,
    ProgramLoaded,
    create_program,
    delete_program,
    edit_program,
)


def loaded(program_id: int, program: str = "O1", machine_id: int = 1) -> ProgramLoaded:
    return ProgramLoaded(occurred_at=NOON - 40, machine_id=machine_id, program_id=program_id, program=program)


# PUT


def test_a_program_is_created_by_hand() -> None:
    """PUT: 'The request body should be a (partial) program object (filename and machine_id are required)'; 201."""
    given = Given(a_machine(), a_process())
    given.when(
        create_program,
        CreateProgram(filename="O100", machine_id=1, custom_name="Flange", load_by_var_value=7, process_id=1),
    )
    said = ProgramFields(filename="O100", custom_name="Flange", load_by_var_value=7, process_id=1)
    given.then(ProgramCreated(occurred_at=NOON + 1, program_id=1, machine_id=1, fields=said))
    program = given.shop.programs[1]
    assert (program.filename, program.machine_id, program.process_id) == ("O100", 1, 1)
    assert (program.custom_name, program.load_by_var_value) == ("Flange", 7)


def test_what_a_new_program_does_not_say_has_its_default() -> None:
    """Texts "", nullable fields null; process_id is 'null if not set yet'."""
    program = Given(a_machine()).when(create_program, CreateProgram(filename="O1", machine_id=1)).shop.programs[1]
    assert (program.custom_name, program.description, program.archived) == ("", "", False)
    assert (program.load_by_var_value, program.process_id, program.last_cycle) == (None, None, None)


@pytest.mark.parametrize("body", [{}, {"filename": "O1"}, {"machine_id": 1}, {"filename": None, "machine_id": 1}])
def test_filename_and_machine_are_required(body: dict[str, object]) -> None:
    """PUT 400 without filename or machine_id."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(body, CreateProgram)


def test_a_new_program_of_an_unknown_machine() -> None:
    """PUT 424 unknown machine."""
    given = Given(a_machine())
    given.when(create_program, CreateProgram(filename="O1", machine_id=2)).then_error(ReferenceMissing, "machine_id")


def test_a_new_program_in_an_unknown_process() -> None:
    """PUT 424 unknown process."""
    given = Given(a_machine())
    command = CreateProgram(filename="O1", machine_id=1, process_id=9)
    given.when(create_program, command).then_error(ReferenceMissing, "process_id")


def test_a_new_program_in_a_process_of_another_machine() -> None:
    """409 if the program is being added to a process of a machine other than the one it belongs to."""
    given = Given(a_machine(1), a_machine(2, "mill"), a_process(1, machine_id=2))
    command = CreateProgram(filename="O1", machine_id=1, process_id=1)
    given.when(create_program, command).then_error(Conflict, "process_id")


def test_a_filename_that_the_machine_already_has() -> None:
    """PUT 409 for a filename that the machine already has."""
    given = Given(a_machine(), a_program(1, "O1"))
    given.when(create_program, CreateProgram(filename="O1", machine_id=1)).then_error(Conflict, "filename")


def test_the_same_file_on_two_machines_is_two_programs() -> None:
    """If the same program file is loaded on multiple machines, then there will be a program record for each machine."""
    given = Given(a_machine(1), a_machine(2, "mill"), a_program(1, "O1", machine_id=1))
    given.when(create_program, CreateProgram(filename="O1", machine_id=2)).then(ProgramCreated)
    assert {program.machine_id for program in given.shop.programs.values()} == {1, 2}


def test_ids_are_given_in_order_and_never_twice() -> None:
    """IDs are positive integers, unique within their kind, given in order from 1, never used twice."""
    given = Given(a_machine())
    for filename in ("O1", "O2"):
        given.when(create_program, CreateProgram(filename=filename, machine_id=1))
    given.when(delete_program, DeleteProgram(program_id=2))
    given.when(create_program, CreateProgram(filename="O2", machine_id=1))
    assert list(given.shop.programs) == [1, 3]


# PATCH


def test_an_edit_carries_only_what_changed() -> None:
    """PATCH bodies hold any subset of fields; omitted ones stay."""
    given = Given(a_machine(), a_program(1, "O1", custom_name="Flange", description="roughing"))
    edit = EditProgram(program_id=1, fields=ProgramFields(custom_name="Ring", description="roughing"))
    given.when(edit_program, edit)
    given.then(ProgramEdited(occurred_at=NOON + 1, program_id=1, fields=ProgramFields(custom_name="Ring")))
    program = given.shop.programs[1]
    assert (program.filename, program.custom_name, program.description) == ("O1", "Ring", "roughing")


def test_an_edit_that_changes_nothing_is_no_event() -> None:
    given = Given(a_machine(), a_program(1, "O1"))
    given.when(edit_program, EditProgram(program_id=1, fields=ProgramFields(filename="O1", process_id=None))).then()


def test_editing_an_unknown_program() -> None:
    """PATCH 404 if the program does not exist."""
    Given(a_machine()).when(edit_program, EditProgram(program_id=1)).then_error(NotFound)


def test_moving_a_program_to_an_unknown_process() -> None:
    """PATCH 424 if the program is being added to a process that does not exist."""
    given = Given(a_machine(), a_program())
    edit = EditProgram(program_id=1, fields=ProgramFields(process_id=4))
    given.when(edit_program, edit).then_error(ReferenceMissing, "process_id")


def test_moving_a_program_to_a_process_of_another_machine() -> None:
    """PATCH 409 if the process belongs to another machine than the program."""
    given = Given(a_machine(1), a_machine(2, "mill"), a_process(1, machine_id=2), a_program())
    edit = EditProgram(program_id=1, fields=ProgramFields(process_id=1))
    given.when(edit_program, edit).then_error(Conflict, "process_id")


def test_renaming_a_program_to_a_filename_that_the_machine_already_has() -> None:
    """A filename that the machine already has: 409, by the pattern of PUT."""
    given = Given(a_machine(), a_program(1, "O1"), a_program(2, "O2"))
    edit = EditProgram(program_id=2, fields=ProgramFields(filename="O1"))
    given.when(edit_program, edit).then_error(Conflict, "filename")


def test_a_filename_that_was_renamed_away_is_free_again() -> None:
    given = Given(a_machine(), a_program(1, "O1"))
    given.when(edit_program, EditProgram(program_id=1, fields=ProgramFields(filename="O2"))).then(ProgramEdited)
    given.when(create_program, CreateProgram(filename="O1", machine_id=1)).then(ProgramCreated)
    assert given.shop.machines[1].programs == {"O2": 1, "O1": 2}


def test_a_program_leaves_its_process() -> None:
    """process_id is nullable: PATCH null takes the program out of its process."""
    given = Given(a_machine(), a_process(), a_program(process_id=1))
    given.when(edit_program, EditProgram(program_id=1, fields=ProgramFields(process_id=None))).then(ProgramEdited)
    assert given.shop.programs[1].process_id is None


def test_the_machine_of_a_program_and_its_last_cycle_are_not_written() -> None:
    """Fields that are read-only are ignored silently."""
    fields = msgspec.convert({"id": 7, "machine_id": 2, "last_cycle": 1.0, "nonsense": 1}, ProgramFields)
    Given(a_machine(1), a_machine(2, "mill"), a_program()).when(
        edit_program, EditProgram(program_id=1, fields=fields)
    ).then()


# What is loaded


def test_the_process_of_the_loaded_program_is_the_loaded_process() -> None:
    """The process of the loaded program becomes the machine's loaded process."""
    given = Given(a_machine(), a_process(), a_program(process_id=1)).when(said, [loaded(1)])
    switched = ProcessSwitched(occurred_at=NOON - 40, machine_id=1, process_id=1)
    given.then(loaded(1), switched)
    machine = given.shop.machines[1]
    assert (machine.loaded_program_id, machine.loaded_process_id) == (1, 1)


def test_moving_the_loaded_program_loads_its_new_process() -> None:
    """... also when the loaded program is moved to another process."""
    given = Given(a_machine(), a_process(1), a_process(2, "ring"), a_program(process_id=1)).when(said, [loaded(1)])
    given.when(edit_program, EditProgram(program_id=1, fields=ProgramFields(process_id=2)))
    assert (given.shop.machines[1].loaded_program_id, given.shop.machines[1].loaded_process_id) == (1, 2)
    given.when(edit_program, EditProgram(program_id=1, fields=ProgramFields(process_id=None)))
    assert (given.shop.machines[1].loaded_program_id, given.shop.machines[1].loaded_process_id) == (1, None)


def test_moving_another_program_loads_nothing() -> None:
    given = Given(a_machine(), a_process(1), a_process(2), a_program(1, process_id=1), a_program(2, "O2"))
    given.when(said, [loaded(1)])
    given.when(edit_program, EditProgram(program_id=2, fields=ProgramFields(process_id=2)))
    assert (given.shop.machines[1].loaded_program_id, given.shop.machines[1].loaded_process_id) == (1, 1)


def test_a_loaded_program_without_a_process() -> None:
    """Without a process no process is loaded."""
    given = Given(a_machine(), a_process(), a_program(1, process_id=1), a_program(2, "O2"))
    given.when(said, [loaded(1)]).when(said, [loaded(2, "O2")])
    assert (given.shop.machines[1].loaded_program_id, given.shop.machines[1].loaded_process_id) == (2, None)


# DELETE


def test_a_program_is_deleted() -> None:
    """DELETE 204."""
    given = Given(a_machine(), a_program())
    given.when(delete_program, DeleteProgram(program_id=1))
    given.then(ProgramDeleted(occurred_at=NOON + 1, program_id=1))
    assert given.shop.programs == {}
    given.when(create_program, CreateProgram(filename="O1", machine_id=1)).then(ProgramCreated)


def test_deleting_an_unknown_program() -> None:
    """DELETE 404."""
    Given(a_machine()).when(delete_program, DeleteProgram(program_id=1)).then_error(NotFound)


def test_a_deleted_loaded_program_leaves_none_loaded() -> None:
    """A deleted loaded program: none is loaded."""
    given = Given(a_machine(), a_process(), a_program(process_id=1)).when(said, [loaded(1)])
    given.when(delete_program, DeleteProgram(program_id=1))
    assert (given.shop.machines[1].loaded_program_id, given.shop.machines[1].loaded_process_id) == (None, None)


def test_deleting_another_program_keeps_what_is_loaded() -> None:
    given = Given(a_machine(), a_program(1), a_program(2, "O2"), loaded(1))
    given.when(delete_program, DeleteProgram(program_id=2))
    assert given.shop.machines[1].loaded_program_id == 1


def test_the_parts_of_a_deleted_program_stay() -> None:
    """Deleting always works and history stays."""
    given = Given(a_machine(), a_program())
    given.when(finish_cycles, cycles_of("O1", 3)).when(delete_program, DeleteProgram(program_id=1))
    assert given.shop.parts_made == 3


def test_programs_go_with_their_machine() -> None:
    """Deleting a machine deletes its programs, processes and holds with it."""
    given = Given(a_machine(1), a_machine(2, "mill"), a_program(1), a_program(2, machine_id=2))
    given.when(delete_machine, DeleteMachine(machine_id=1))
    assert list(given.shop.programs) == [2]


# last_cycle


def test_last_cycle_is_the_time_of_the_last_cycle() -> None:
    """The timestamp of the last time this cycle finished."""
    given = Given(a_machine(), a_program())
    given.when(finish_cycles, cycles_of("O1", 1, at=NOON - 30))
    assert given.shop.programs[1].last_cycle == NOON - 30
    given.when(finish_cycles, cycles_of("O1", 1, at=NOON - 10))
    assert given.shop.programs[1].last_cycle == NOON - 10


def test_a_cycle_that_arrives_late_is_not_the_last() -> None:
    """Production counts where it happened: the result is as if everything had been known in time."""
    given = Given(a_machine(), a_program())
    given.when(finish_cycles, cycles_of("O1", 1, at=NOON - 10)).when(finish_cycles, cycles_of("O1", 1, at=NOON - 30))
    assert given.shop.programs[1].last_cycle == NOON - 10
