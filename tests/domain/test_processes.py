"""Processes: `api/process.txt`, and "Programs and processes" of the domain."""

import msgspec
import pytest

from given import NOON, Given, a_machine, a_process, a_program, a_tool, an_assembly, cycles_of
from taktledger.domain.assemblies import AssemblyMoved, CreateAssembly, create_assembly
from taktledger.domain.changeover import ProcessSwitched
from taktledger.domain.errors import Invalid, NotFound, ReferenceMissing
from taktledger.domain.event import Event
from taktledger.domain.machines import DeleteMachine, delete_machine
from taktledger.domain.parts import CycleFinished, finish_cycles
from taktledger.domain.processes import (
    ArchiveProcess,
    CreateProcess,
    DeleteProcess,
    EditProcess,
    ProcessCreated,
    ProcessDeleted,
    ProcessEdited,
    ProcessFields,
    archive_process,
    create_process,
    delete_process,
    edit_process,
)
from taktledger.domain.programs import ProgramEdited, ProgramFields
from taktledger.domain.shop import MappedVariable


def test_a_process_is_created() -> None:
    """PUT 201: the new (full) Process object."""
    given = Given(a_machine())
    cv_map = {"Serial number": {"number": 5, "notifyComparison": "EQ", "notifyValue": 1}}
    body = {"name": "Flange", "cv_map": cv_map, "parts_per_cycle": 2, "time_per_cycle": 3.5}
    given.when(create_process, msgspec.convert(body | {"machine_id": 1}, CreateProcess))
    said = msgspec.convert(body, ProcessFields)
    given.then(ProcessCreated(occurred_at=NOON + 1, process_id=1, machine_id=1, fields=said))
    process = given.shop.processes[1]
    assert (process.name, process.machine_id, msgspec.to_builtins(process.cv_map)) == ("Flange", 1, cv_map)
    assert (process.parts_per_cycle, process.time_per_cycle) == (2, 3.5)


def test_what_a_new_process_does_not_say_has_its_default() -> None:
    """parts_per_cycle defaults to 1; lists empty, texts "", nullable fields null; last_cycle null."""
    given = Given(a_machine()).when(create_process, CreateProcess(name="Flange", machine_id=1))
    process = given.shop.processes[1]
    assert (process.parts_per_cycle, process.tags, process.cv_map) == (1, [], {})
    assert (process.description, process.setup_instructions, process.teardown_instructions) == ("", "", "")
    assert (process.display_variable, process.part_count_cv, process.time_per_cycle) == (None, None, None)
    assert (process.archived, process.last_cycle, process.last_program_id) == (False, None, None)


@pytest.mark.parametrize("body", [{}, {"name": "Flange"}, {"machine_id": 1}, {"name": "", "machine_id": 1}])
def test_name_and_machine_are_required(body: dict[str, object]) -> None:
    """PUT 400 without name or machine_id."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(body, CreateProcess)


def test_a_process_of_an_unknown_machine() -> None:
    """PUT 424 unknown machine."""
    given = Given(a_machine())
    given.when(create_process, CreateProcess(name="Flange", machine_id=2)).then_error(ReferenceMissing, "machine_id")


def test_ids_are_never_used_twice() -> None:
    """Given in order from 1, never used twice: also not those of the processes that went with their machine."""
    given = Given(a_machine(1), a_machine(2, "mill"), a_process(1), a_process(2))
    given.when(delete_machine, DeleteMachine(machine_id=1))
    given.when(create_process, CreateProcess(name="Flange", machine_id=2))
    assert list(given.shop.processes) == [3]


def test_two_processes_may_have_the_same_name() -> None:
    """The documents name no 409 for a process's name."""
    given = Given(a_machine(), a_process(1, "Flange"))
    given.when(create_process, CreateProcess(name="Flange", machine_id=1)).then(ProcessCreated)


@pytest.mark.parametrize(
    "cv_map",
    [
        {"bore": MappedVariable(number=5, notify_comparison="EQ")},
        {"": MappedVariable(number=5)},
        {" \t": MappedVariable(number=5)},
    ],
    ids=["nothing to compare with", "no name", "a blank name"],
)
def test_a_map_that_says_too_little(cv_map: dict[str, MappedVariable]) -> None:
    """400, when it is made and when it is edited."""
    given = Given(a_machine(), a_process())
    given.when(create_process, CreateProcess(name="x", machine_id=1, cv_map=cv_map)).then_error(Invalid, "cv_map")
    edit = EditProcess(process_id=1, fields=ProcessFields(cv_map=cv_map))
    given.when(edit_process, edit).then_error(Invalid, "cv_map")


# PATCH


def test_an_edit_carries_only_what_changed() -> None:
    given = Given(a_machine(), a_process(tags=["a"], parts_per_cycle=2))
    fields = ProcessFields(tags=["a"], parts_per_cycle=3, name="flange")
    given.when(edit_process, EditProcess(process_id=1, fields=fields))
    given.then(ProcessEdited(occurred_at=NOON + 1, process_id=1, fields=ProcessFields(parts_per_cycle=3)))
    process = given.shop.processes[1]
    assert (process.tags, process.parts_per_cycle, process.revision) == (["a"], 3, 2)


def test_an_edit_that_changes_nothing_is_no_event() -> None:
    """Read-only fields and the machine, which can't change, are ignored."""
    given = Given(a_machine(1), a_machine(2, "mill"), a_process())
    fields = msgspec.convert({"name": "flange", "machine_id": 2, "id": 9, "loaded": True, "x": 1}, ProcessFields)
    given.when(edit_process, EditProcess(process_id=1, fields=fields)).then()


def test_an_unknown_process() -> None:
    """404."""
    given = Given(a_machine(), a_process())
    given.when(edit_process, EditProcess(process_id=2)).then_error(NotFound)
    given.when(archive_process, ArchiveProcess(process_id=2, programs=True)).then_error(NotFound)
    given.when(delete_process, DeleteProcess(process_id=2)).then_error(NotFound)


def test_parts_per_cycle_of_the_past_stays() -> None:
    """The event holds the number, so a later change of the process doesn't change the past."""
    given = Given(a_machine(), a_process(parts_per_cycle=2), a_program(process_id=1)).loading("O1")
    given.when(finish_cycles, cycles_of(cycles=3))
    (event,) = given.events
    assert isinstance(event, CycleFinished)
    assert (event.cycles, event.parts) == (3, 6)
    given.when(edit_process, EditProcess(process_id=1, fields=ProcessFields(parts_per_cycle=0)))
    assert Given(*_set_up(2), event).shop.parts_made == given.shop.parts_made == 6
    given.when(finish_cycles, cycles_of(cycles=3))
    assert given.shop.parts_made == 6
    assert given.shop.processes[1].last_cycle == NOON


def _set_up(parts_per_cycle: int) -> list[Event]:
    return [a_machine(), a_process(parts_per_cycle=parts_per_cycle), a_program(process_id=1)]


# Archiving


def test_a_process_is_archived() -> None:
    given = Given(a_machine(), a_process(), a_program(process_id=1))
    given.when(archive_process, ArchiveProcess(process_id=1))
    given.then(ProcessEdited(occurred_at=NOON + 1, process_id=1, fields=ProcessFields(archived=True)))
    assert not given.shop.programs[1].archived
    given.when(archive_process, ArchiveProcess(process_id=1)).then()


def test_its_programs_are_archived_too_on_request() -> None:
    """Those that are not archived yet; no others."""
    given = Given(
        *(a_machine(1), a_machine(2, "mill"), a_process(1), a_process(2), a_process(3, machine_id=2)),
        *(
            a_program(1, process_id=1),
            a_program(2, "O2", process_id=1, archived=True),
            a_program(3, "O3", process_id=1),
        ),
        *(a_program(4, "O4", process_id=2), a_program(5, "O5"), a_program(6, "O1", machine_id=2, process_id=3)),
    )
    given.when(archive_process, ArchiveProcess(process_id=1, programs=True))
    given.then(
        ProcessEdited,
        *(ProgramEdited(occurred_at=NOON + 1, program_id=each, fields=ProgramFields(archived=True)) for each in (1, 3)),
    )
    assert [each.id for each in given.shop.programs.values() if each.archived] == [1, 2, 3]
    assert given.shop.programs[1].process_id == 1
    given.when(archive_process, ArchiveProcess(process_id=1, programs=True)).then()


def test_an_archived_process_can_still_be_loaded_and_makes_parts() -> None:
    given = Given(a_machine(), a_process(archived=True), a_program(process_id=1, archived=True)).loading("O1")
    given.when(finish_cycles, cycles_of())
    assert (given.shop.machines[1].loaded_process_id, given.shop.processes[1].last_cycle) == (1, NOON)


# DELETE


def test_a_deleted_process_leaves_programs_and_assemblies() -> None:
    """DELETE 204: its programs stay, without a process; its assemblies stay, without a process."""
    given = Given(
        *(a_machine(), a_process(1), a_process(2), a_program(1, process_id=1), a_program(2, "O2", process_id=2)),
        *(an_assembly(1, process_id=1, shared=True), an_assembly(2, process_id=2), an_assembly(3, process_id=1)),
        *(a_tool(1, assembly_id=3),),
    )
    given.when(finish_cycles, cycles_of()).when(delete_process, DeleteProcess(process_id=1))
    gone = ProcessSwitched(occurred_at=NOON + 2, machine_id=1, process_id=None)
    given.then(
        AssemblyMoved(occurred_at=NOON + 2, assembly_id=1, process_id=None),
        AssemblyMoved(occurred_at=NOON + 2, assembly_id=3, process_id=None),
        ProcessDeleted(occurred_at=NOON + 2, process_id=1),
        gone,
    )
    shop = given.shop
    assert list(shop.processes) == [2]
    assert {each.id: each.process_id for each in shop.programs.values()} == {1: None, 2: 2}
    assert {each.id: each.process_id for each in shop.assemblies.values()} == {1: None, 2: 2, 3: None}
    assert (shop.tools[1].assembly_id, shop.parts_made) == (3, 1)
    assert (shop.machines[1].loaded_program_id, shop.machines[1].loaded_process_id) == (1, None)
    assert (shop.machines[1].process_ids, shop.machines[1].last_process_id) == ({2}, None)


def test_a_deleted_process_that_is_not_loaded_switches_nothing() -> None:
    given = Given(a_machine(), a_process(1), a_process(2), a_program(1, process_id=1)).loading("O1")
    given.when(delete_process, DeleteProcess(process_id=2)).then(ProcessDeleted)
    assert given.shop.machines[1].loaded_process_id == 1


def test_its_assemblies_leave_it_also_when_a_machine_has_moved_them_in_the_future() -> None:
    """Or they would name a process that isn't there."""
    given = Given(a_machine(), a_process(1), a_process(2), a_program(process_id=1), a_program(2, "O2", process_id=2))
    given.when(create_assembly, CreateAssembly(name="drill", process_id=2, shared=True))
    given.loading("O1", at=NOON + 9_000).when(delete_process, DeleteProcess(process_id=1))
    assert given.shop.assemblies[1].process_id is None
    given.loading("O2", at=NOON + 9_001)
    assert given.shop.assemblies[1].process_id is None, "in no process it is of no machine"


def test_programs_of_a_deleted_process_make_parts_without_one() -> None:
    given = Given(a_machine(), a_process(parts_per_cycle=3), a_program(process_id=1)).loading("O1")
    given.when(delete_process, DeleteProcess(process_id=1)).when(finish_cycles, cycles_of(cycles=2))
    given.then(CycleFinished(occurred_at=NOON, machine_id=1, program_id=1, program="O1", cycles=2, parts=2))
