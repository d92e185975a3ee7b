"""Copying a whole process onto a machine."""

from typing import Any

import msgspec
import pytest

from given import NOON, Given, a_machine, a_process, a_program, a_tool, an_assembly, cycles_of
from taktledger.domain.assemblies import AssemblyCreated, AssemblyFields, AssemblyMoved
from taktledger.domain.changeover import ProcessSwitched
from taktledger.domain.duplicate import Copy, DuplicateProcess, duplicate_process
from taktledger.domain.errors import NotFound, ReferenceMissing
from taktledger.domain.event import Event
from taktledger.domain.parts import finish_cycles
from taktledger.domain.processes import EditProcess, ProcessCreated, ProcessFields, edit_process
from taktledger.domain.programs import ProgramEdited, ProgramFields
from taktledger.domain.tool_requirements import (
    CreateToolRequirement,
    ToolRequirementCreated,
    ToolRequirementFields,
    create_tool_requirement,
)
from taktledger.domain.tools.fields import ToolFields
from taktledger.domain.tools.tool import ToolCreated

EVERY_FIELD: dict[str, Any] = {
    "description": "d",
    "archived": True,
    "cv_map": {"Serial": {"number": 5, "notifyComparison": "EQ", "notifyValue": 1}},
    "display_variable": 6,
    "part_count_cv": 7,
    "part_material_cost": 1.5,
    "part_sell_price": 2.5,
    "parts_per_cycle": 3,
    "setup_instructions": "s",
    "teardown_instructions": "t",
    "tags": ["a", "ü"],
    "time_per_cycle": 4.5,
}
COPY = DuplicateProcess(process_id=1, copy=Copy(machine_id=2, name="copy"))


def a_shop(*more: Event, **fields: Any) -> Given:
    """On machine 1 process 1, with these fields, has two programs, and process 2 has one."""
    return Given(
        *(a_machine(1), a_machine(2, "mill"), a_process(1, **fields), a_process(2, "ring")),
        *(a_program(1, "O1", process_id=1), a_program(2, "O2", process_id=1), a_program(3, "O3", process_id=2)),
        *more,
    )


def test_every_field_is_copied() -> None:
    """A process duplicate copies every field that the process has, but for its name and machine."""
    assert {*EVERY_FIELD, "name"} == set(ProcessFields.__struct_fields__)
    given = a_shop(**EVERY_FIELD).when(duplicate_process, COPY)
    fields = msgspec.convert(EVERY_FIELD | {"name": "copy"}, ProcessFields)
    given.then(ProcessCreated(occurred_at=NOON + 1, process_id=3, machine_id=2, fields=fields, copied_from=1))
    assert given.shop.processes[3].revision == 1


def test_what_the_process_did_is_not_copied() -> None:
    given = a_shop().when(finish_cycles, cycles_of("O1", tools_seen=[9])).when(duplicate_process, COPY)
    copy = given.shop.processes[3]
    assert (copy.last_cycle, copy.last_program_id, copy.unassigned_tools_used) == (None, None, {})
    assert given.shop.processes[1].last_cycle == NOON


def test_assemblies_their_tools_and_requirements_are_copied() -> None:
    """Copies of every assembly of the process, and of every tool in each of them: notes and shared too."""
    given = a_shop(
        an_assembly(1, "drill", process_id=1, notes="n", location=5, shared=True),
        an_assembly(2, "mill", process_id=2),
        an_assembly(3, "tap", process_id=1),
        a_tool(1, "left", assembly_id=1, notes="n", tags=["a"]),
        a_tool(2, "right", assembly_id=1),
        a_tool(3, "other", assembly_id=2),
        a_tool(4, "loose"),
    )
    for process_id, location in ((1, 5), (2, 5), (1, 6)):
        fields = ToolRequirementFields(location=location, name="drill", stick_out=1.5)
        given.when(create_tool_requirement, CreateToolRequirement(process_id=process_id, fields=fields))
    given.when(duplicate_process, COPY)
    at = given.now
    given.then(
        ProcessCreated,
        AssemblyCreated(
            occurred_at=at,
            assembly_id=4,
            process_id=3,
            copied_from=1,
            fields=AssemblyFields(name="drill", notes="n", location=5, shared=True),
        ),
        ToolCreated(
            occurred_at=at,
            tool_id=5,
            assembly_id=4,
            copied_from=1,
            fields=ToolFields(name="left", notes="n", tags=["a"]),
        ),
        ToolCreated(
            occurred_at=at,
            tool_id=6,
            assembly_id=4,
            copied_from=2,
            fields=ToolFields(name="right"),
        ),
        AssemblyCreated(
            occurred_at=at,
            assembly_id=5,
            process_id=3,
            copied_from=3,
            fields=AssemblyFields(name="tap", notes="", location=None, shared=False),
        ),
        *(
            ToolRequirementCreated(
                occurred_at=at,
                requirement_id=each,
                process_id=3,
                fields=ToolRequirementFields(location=location, name="drill", stick_out=1.5),
            )
            for each, location in ((4, 5), (5, 6))
        ),
    )
    shop = given.shop
    assert (shop.processes[3].assembly_ids, shop.processes[3].requirement_ids) == ({4, 5}, {4, 5})
    assert (shop.processes[1].assembly_ids, shop.assemblies[1].tool_ids) == ({1, 3}, {1, 2})
    assert (shop.assemblies[4].tool_ids, shop.tools[5].created) == ({5, 6}, at)


def test_programs_of_the_same_name_join_it() -> None:
    """Those of the new machine that are in no process; no new programs are created."""
    programs = (
        *(a_process(3, "bolt", 2), a_program(4, "O1", machine_id=2), a_program(6, "O3", machine_id=2)),
        a_program(5, "O2", machine_id=2, process_id=3),
    )
    given = a_shop(*programs).when(duplicate_process, COPY)
    given.then(ProcessCreated, ProgramEdited(occurred_at=NOON + 1, program_id=4, fields=ProgramFields(process_id=4)))
    assert {each.id: each.process_id for each in given.shop.programs.values()} == {
        1: 1,
        2: 1,
        3: 2,
        4: 4,
        5: 3,
        6: None,
    }


def test_a_loaded_program_that_joins_loads_the_copy() -> None:
    """... and a switch moves what is shared, the copies of this moment among it."""
    given = a_shop(
        *(a_program(4, "O1", machine_id=2), a_process(3, "bolt", 2)),
        *(an_assembly(1, process_id=3, shared=True), an_assembly(2, process_id=1, shared=True)),
    )
    given.loading("O1", machine_id=2).when(duplicate_process, COPY)
    given.then(ProcessCreated, AssemblyCreated, ProgramEdited, ProcessSwitched, AssemblyMoved)
    assert given.shop.machines[2].loaded_process_id == 4
    assert {each.id: each.process_id for each in given.shop.assemblies.values()} == {1: 4, 2: 1, 3: 4}


def test_on_its_own_machine_its_programs_stay() -> None:
    given = a_shop().when(duplicate_process, DuplicateProcess(process_id=1, copy=Copy(machine_id=1, name="copy")))
    given.then(ProcessCreated)


def test_the_copy_goes_its_own_way() -> None:
    given = a_shop(**EVERY_FIELD).when(duplicate_process, COPY)
    given.when(edit_process, EditProcess(process_id=1, fields=ProcessFields(tags=["new"], cv_map={})))
    assert (given.shop.processes[3].tags, list(given.shop.processes[3].cv_map)) == (["a", "ü"], ["Serial"])


@pytest.mark.parametrize("body", [{}, {"machine_id": 1}, {"name": "x"}, {"machine_id": 1, "name": ""}])
def test_machine_and_name_are_required(body: dict[str, object]) -> None:
    """400."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(body, Copy)


def test_an_unknown_process_and_an_unknown_machine() -> None:
    """404 and 424."""
    given = a_shop()
    copy = Copy(machine_id=9, name="copy")
    given.when(duplicate_process, DuplicateProcess(process_id=9, copy=copy)).then_error(NotFound)
    given.when(duplicate_process, DuplicateProcess(process_id=1, copy=copy)).then_error(ReferenceMissing, "machine_id")
