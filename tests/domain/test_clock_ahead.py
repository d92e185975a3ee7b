"""A machine whose clock is ahead, and people who say something meanwhile: what they say holds."""

from given import NOON, Given, a_machine, a_process, a_program, a_tool, an_assembly
from taktledger.domain.assemblies import AssemblyChanges, AssemblyDeleted, EditAssembly, edit_assembly
from taktledger.domain.assembling import DeleteAssembly, delete_assembly
from taktledger.domain.changeover import ProcessSwitched
from taktledger.domain.programs import EditProgram, ProgramFields, edit_program
from taktledger.domain.tools.tool import DeleteTool, ToolDeleted, delete_tool

AHEAD = NOON + 3600


def a_shop() -> Given:
    """By its clock, which is an hour ahead, the machine has switched to the second process, and the probe with it."""
    given = Given(
        a_machine(),
        *(a_process(each, name=f"process {each}") for each in (1, 2, 3)),
        *(a_program(each, f"O{each}", process_id=each) for each in (1, 2)),
        an_assembly(1, "probe", process_id=1, shared=True),
        a_tool(1, assembly_id=1),
    )
    given.loading("O1", at=NOON).loading("O2", at=AHEAD)
    assert given.shop.assemblies[1].process_id == 2
    return given


def test_a_switch_that_a_person_causes_comes_after_that_of_the_machine() -> None:
    given = a_shop()
    moved = EditProgram(program_id=2, fields=ProgramFields(process_id=3))
    given.when(edit_program, moved, now=NOON + 20)
    (switched,) = [event for event in given.events if isinstance(event, ProcessSwitched)]
    assert (switched.process_id, switched.occurred_at) == (3, AHEAD)
    assert given.shop.machines[1].loaded_process_id == 3
    assert given.shop.assemblies[1].process_id == 3


def test_a_person_moves_an_assembly() -> None:
    given = a_shop()
    given.when(edit_assembly, EditAssembly(assembly_id=1, changes=AssemblyChanges(process_id=3)), now=NOON + 20)
    assert given.shop.assemblies[1].process_id == 3


def test_what_a_person_deletes_is_deleted_after_it_was_moved() -> None:
    """Otherwise it would go on making parts."""
    given = a_shop()
    given.when(delete_tool, DeleteTool(tool_id=1), now=NOON + 20).then(ToolDeleted)
    given.when(delete_assembly, DeleteAssembly(assembly_id=1), now=NOON + 21)
    (deleted,) = given.events
    assert (type(deleted), deleted.occurred_at) == (AssemblyDeleted, AHEAD)
