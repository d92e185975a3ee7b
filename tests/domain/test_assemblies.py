"""Tool assemblies: where they stand, and what that fills."""

import msgspec
import pytest

from given import NOON, Given, a_machine, a_process, a_program, a_tool, an_assembly, cycles_of, said
from taktledger.domain.assemblies import (
    AssemblyChanges,
    AssemblyCreated,
    AssemblyDeleted,
    AssemblyEdited,
    AssemblyFields,
    AssemblyMoved,
    CreateAssembly,
    EditAssembly,
    create_assembly,
    edit_assembly,
)
from taktledger.domain.assembling import DeleteAssembly, delete_assembly
from taktledger.domain.controls import ControlChanges, MachineStateChanged
from taktledger.domain.errors import NotFound, ReferenceMissing
from taktledger.domain.parts import finish_cycles
from taktledger.domain.processes import EditProcess, ProcessFields, edit_process
from taktledger.domain.tools.tool import ToolMoved


def edit(assembly_id: int = 1, **changes: object) -> EditAssembly:
    return EditAssembly(assembly_id=assembly_id, changes=msgspec.convert(changes, AssemblyChanges))


# PUT


def test_an_assembly_is_created() -> None:
    """PUT 201: name is required, everything else is optional."""
    given = Given(a_machine(), a_process())
    command = CreateAssembly(name="drill", notes="long", location=5, shared=True, process_id=1)
    given.when(create_assembly, command)
    fields = AssemblyFields(name="drill", notes="long", location=5, shared=True)
    given.then(AssemblyCreated(occurred_at=NOON + 1, assembly_id=1, process_id=1, fields=fields))
    assert given.shop.processes[1].assembly_ids == {1}
    assert (given.shop.assemblies[1].process_id, given.shop.assemblies[1].moved_at) == (1, 0.0)


def test_what_a_new_assembly_does_not_say_has_its_default() -> None:
    assembly = Given().when(create_assembly, CreateAssembly(name="drill")).shop.assemblies[1]
    assert (assembly.notes, assembly.location, assembly.shared, assembly.process_id) == ("", None, False, None)
    assert assembly.tool_ids == set()


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": None}, {"name": "x", "process_id": 0}])
def test_an_assembly_needs_a_name_and_no_process_has_the_id_0(body: dict[str, object]) -> None:
    """PUT 400 without name; IDs are positive."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(body, CreateAssembly)


def test_an_unknown_process() -> None:
    """424."""
    given = Given(a_machine(), a_process(), an_assembly())
    given.when(create_assembly, CreateAssembly(name="x", process_id=2)).then_error(ReferenceMissing, "process_id")
    given.when(edit_assembly, edit(notes="x", process_id=2)).then_error(ReferenceMissing, "process_id")


def test_ids_are_never_used_twice() -> None:
    given = Given(an_assembly(1), an_assembly(2)).when(delete_assembly, DeleteAssembly(assembly_id=2))
    given.when(create_assembly, CreateAssembly(name="drill"))
    assert list(given.shop.assemblies) == [1, 3]


# PATCH


def test_an_edit_carries_only_what_changed() -> None:
    given = Given(an_assembly(1, notes="old", location=5))
    given.when(edit_assembly, edit(notes="new", location=5, name="drill"))
    given.then(AssemblyEdited(occurred_at=NOON + 1, assembly_id=1, fields=AssemblyFields(notes="new")))
    assert (given.shop.assemblies[1].revision, given.shop.assemblies[1].location) == (2, 5)


def test_another_process_is_a_move() -> None:
    given = Given(a_machine(), a_process(1), a_process(2), an_assembly(1, process_id=1))
    given.when(edit_assembly, edit(process_id=2))
    given.then(AssemblyMoved(occurred_at=NOON + 1, assembly_id=1, process_id=2))
    shop = given.shop
    assert (shop.processes[1].assembly_ids, shop.processes[2].assembly_ids) == (set(), {1})
    assert (shop.assemblies[1].process_id, shop.assemblies[1].moved_at) == (2, NOON + 1)
    given.when(edit_assembly, edit(process_id=None)).then(AssemblyMoved)
    assert (shop.assemblies[1].process_id, shop.processes[2].assembly_ids) == (None, set())


def test_an_edit_and_a_move_at_once() -> None:
    given = Given(a_machine(), a_process(), an_assembly()).when(edit_assembly, edit(notes="n", process_id=1))
    given.then(AssemblyEdited, AssemblyMoved)


@pytest.mark.parametrize("changes", [{}, {"process_id": 1}, {"name": "drill", "process_id": 1}])
def test_an_edit_that_changes_nothing_is_no_event(changes: dict[str, object]) -> None:
    given = Given(a_machine(), a_process(), an_assembly(1, process_id=1))
    given.when(edit_assembly, edit(**changes)).then()


def test_an_unknown_assembly() -> None:
    """404."""
    given = Given(an_assembly())
    given.when(edit_assembly, edit(2)).then_error(NotFound)
    given.when(delete_assembly, DeleteAssembly(assembly_id=2)).then_error(NotFound)


def test_a_person_moves_it_also_when_a_machine_has_moved_it_in_the_future() -> None:
    """Clocks of machines may be ahead: what a person says holds."""
    ahead = AssemblyMoved(occurred_at=NOON + 9_000, assembly_id=1, process_id=1)
    given = Given(a_machine(), a_process(1), a_process(2), an_assembly(process_id=2), ahead)
    given.when(edit_assembly, edit(process_id=2))
    given.then(AssemblyMoved(occurred_at=NOON + 9_000, assembly_id=1, process_id=2))
    assert given.shop.assemblies[1].process_id == 2


def test_a_move_from_before_the_last_one_changes_no_place() -> None:
    moves = [AssemblyMoved(occurred_at=NOON + at, assembly_id=1, process_id=to) for at, to in ((9, 2), (5, 1), (9, 1))]
    given = Given(a_machine(), a_process(1), a_process(2), an_assembly(1, process_id=1), *moves[:2])
    assert given.shop.assemblies[1].process_id == 2
    given.when(said, moves[2:])
    assert given.shop.assemblies[1].process_id == 1, "at the same time the later one in the ledger"


def test_where_it_was_put_first_it_has_always_been() -> None:
    """So history may be imported after the set-up: a move from before it was put there is a move."""
    given = Given(a_machine(), a_process(1), a_process(2), an_assembly(1)).when(edit_assembly, edit(process_id=1))
    assert given.shop.assemblies[1].moved_at == 0.0
    given.when(said, [AssemblyMoved(occurred_at=NOON - 9_000, assembly_id=1, process_id=2)])
    assert (given.shop.assemblies[1].process_id, given.shop.assemblies[1].moved_at) == (2, NOON - 9_000)


def test_a_switch_of_the_machine_is_nobodys_edit() -> None:
    """A revision says how often people changed it: who edits it meanwhile is not in the way of the machine."""
    shared = an_assembly(1, process_id=1, shared=True)
    given = Given(a_machine(), a_process(1), a_process(2), a_program(process_id=2), shared).loading("O1")
    assert (given.shop.assemblies[1].process_id, given.shop.assemblies[1].revision) == (2, 1)
    given.when(edit_assembly, edit(process_id=1))
    assert (given.shop.assemblies[1].process_id, given.shop.assemblies[1].revision) == (1, 2)


# DELETE


def test_a_deleted_assembly_leaves_its_tools() -> None:
    """Deleting an assembly leaves its tools without one."""
    given = Given(a_machine(), a_process(), an_assembly(1, process_id=1), a_tool(1, assembly_id=1), a_tool(2))
    given.when(delete_assembly, DeleteAssembly(assembly_id=1))
    moved = ToolMoved(occurred_at=NOON + 1, tool_id=1, assembly_id=None)
    given.then(moved, AssemblyDeleted(occurred_at=NOON + 1, assembly_id=1))
    assert (given.shop.assemblies, given.shop.processes[1].assembly_ids) == ({}, set())
    assert [each.assembly_id for each in given.shop.tools.values()] == [None, None]


# What was used and stands nowhere (`unassigned_tools_used`)


def a_shop() -> Given:
    shared = an_assembly(1, "drill", process_id=1, location=5)
    return Given(a_machine(), a_process(), a_program(process_id=1), shared).loading("O1", at=NOON - 30)


def active(tool: int, at: float) -> list[MachineStateChanged]:
    return [MachineStateChanged(occurred_at=at, machine_id=1, changes=ControlChanges(active_tool=tool))]


def unassigned(given: Given) -> dict[int, float]:
    return given.shop.processes[1].unassigned_tools_used


def test_locations_that_a_cycle_used_and_no_assembly_fills() -> None:
    """Locations seen in use while the process was loaded that no assembly of it fills, with when they were last."""
    given = a_shop().when(finish_cycles, cycles_of(tools_seen=[5, 6, 7], at=NOON))
    assert unassigned(given) == {6: NOON, 7: NOON}
    given.when(finish_cycles, cycles_of(tools_seen=[6], at=NOON + 60))
    given.when(finish_cycles, cycles_of(tools_seen=[6, 7], at=NOON + 30))
    assert unassigned(given) == {6: NOON + 60, 7: NOON + 30}, "a late one is not the last"


def test_the_tool_in_the_spindle_is_used_by_the_loaded_process() -> None:
    given = a_shop().when(said, active(5, NOON)).when(said, active(8, NOON + 5))
    assert unassigned(given) == {8: NOON + 5}


def test_without_a_loaded_process_it_is_used_by_none() -> None:
    given = Given(a_machine(), a_process(), a_program(), an_assembly()).loading("O1").when(said, active(8, NOON))
    assert unassigned(given) == {}


def test_what_was_used_before_a_program_was_loaded_belongs_to_the_process_before() -> None:
    given = Given(a_machine(), a_process(1), a_process(2), a_program(process_id=1), a_program(2, "O2", process_id=2))
    given.loading("O1").loading("O2", at=NOON + 9, tools_seen=[6])
    assert (unassigned(given), given.shop.processes[2].unassigned_tools_used) == ({6: NOON + 9}, {})


def test_an_assembly_without_a_location_fills_none() -> None:
    given = Given(a_machine(), a_process(), a_program(process_id=1), an_assembly(1, process_id=1))
    given.when(finish_cycles, cycles_of(tools_seen=[1]))
    assert unassigned(given) == {1: NOON}


def test_a_new_assembly_fills_its_location() -> None:
    given = a_shop().when(finish_cycles, cycles_of(tools_seen=[6, 7]))
    given.when(create_assembly, CreateAssembly(name="mill", location=6, process_id=1))
    assert unassigned(given) == {7: NOON}
    given.when(finish_cycles, cycles_of(tools_seen=[6, 7], at=NOON + 9))
    assert unassigned(given) == {7: NOON + 9}


def test_an_assembly_that_comes_to_the_process_fills_its_location() -> None:
    given = a_shop().when(finish_cycles, cycles_of(tools_seen=[6, 7]))
    given.when(create_assembly, CreateAssembly(name="mill", location=6))
    assert unassigned(given) == {6: NOON, 7: NOON}
    given.when(edit_assembly, edit(2, process_id=1))
    assert unassigned(given) == {7: NOON}


def test_an_assembly_that_is_put_elsewhere_fills_that_location() -> None:
    given = a_shop().when(finish_cycles, cycles_of(tools_seen=[6, 7]))
    given.when(edit_assembly, edit(1, location=7))
    assert unassigned(given) == {6: NOON}
    given.when(finish_cycles, cycles_of(tools_seen=[5], at=NOON + 9))
    assert unassigned(given) == {6: NOON, 5: NOON + 9}, "and fills the one before no more"


def test_a_shared_assembly_that_a_switch_brings_fills_its_location() -> None:
    """The switch comes first: what the new process uses is filled by what came with it."""
    given = Given(
        *(a_machine(), a_process(1), a_process(2, "ring"), a_program(1, process_id=1)),
        *(a_program(2, "O2", process_id=2), an_assembly(1, process_id=2, shared=True, location=6)),
    )
    given.when(finish_cycles, cycles_of("O1", tools_seen=[6, 7]))
    assert unassigned(given) == {7: NOON}


def test_the_assembly_of_another_process_fills_nothing_here() -> None:
    given = Given(
        *(a_machine(), a_process(1), a_process(2, "ring"), a_program(1, process_id=1)),
        an_assembly(1, process_id=2, location=6),
    )
    given.when(finish_cycles, cycles_of("O1", tools_seen=[6]))
    assert unassigned(given) == {6: NOON}


def test_what_was_used_is_no_field_that_a_person_writes() -> None:
    """Read-only fields are ignored silently."""
    fields = msgspec.convert({"unassigned_tools_used": {}, "last_cycle": None, "loaded": True}, ProcessFields)
    given = a_shop().when(finish_cycles, cycles_of(tools_seen=[6]))
    given.when(edit_process, EditProcess(process_id=1, fields=fields)).then()
    assert unassigned(given) == {6: NOON}
