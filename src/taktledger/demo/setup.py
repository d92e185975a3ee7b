"""The first three hours: a planner says what the machines, programs, processes and tools are."""

from collections.abc import Iterator

from taktledger.demo.machines import MACHINES
from taktledger.demo.people import MINUTE, PEOPLE, PLANNER, Wish
from taktledger.demo.requests import (
    DescribeMachine,
    PlanProcess,
    PlanProgram,
    RequireTool,
    SetUpAssembly,
    describe_machine,
    plan_process,
    plan_program,
    require_tool,
    set_up_assembly,
)
from taktledger.demo.specs import DIAMETER, PROGRAM_SELECT, AssemblySpec, MachineSpec, ProcessSpec, ProgramSpec
from taktledger.domain.assemblies import AssemblyFields
from taktledger.domain.machines import MachineFields
from taktledger.domain.processes import ProcessFields
from taktledger.domain.programs import ProgramFields
from taktledger.domain.shop import MappedVariable
from taktledger.domain.tool_requirements import ToolRequirementFields
from taktledger.domain.tools.fields import ToolFields
from taktledger.domain.users import CreateUser, create_user

DESCRIBED, PLANNED, LISTED, TOOLED = 20 * MINUTE, 30 * MINUTE, 55 * MINUTE, 90 * MINUTE
"""When the machines are described, the processes planned, the programs put into them, the tools entered."""
DONE = 190 * MINUTE
"""All of it. Seconds after the start."""
HANDLING_SECONDS = 3.0
"""What a planner allows for unloading a part and loading the next one, at pace 1."""


def set_up_people(start: float) -> Iterator[Wish]:
    for username, level in PEOPLE.items():
        yield Wish(start, None, create_user, CreateUser(username=username, access_level=level))


def set_up_machine(machine: MachineSpec, start: float, pace: float) -> Iterator[Wish]:
    """One machine after the other. `pace`: how many times longer than on the live floor everything takes."""
    number = MACHINES.index(machine)
    name = machine.source_name
    fields = MachineFields(
        name=machine.name,
        description=machine.description,
        program_cv=PROGRAM_SELECT if machine.main_program is not None else None,
        custom_properties={"pots": max(each.location for each in _assemblies(machine))},
    )
    described = DescribeMachine(machine=name, fields=fields)
    yield Wish(start + DESCRIBED + number * MINUTE, PLANNER, describe_machine, described)
    at = start + PLANNED + number * 6 * MINUTE
    for index, process in enumerate(machine.processes):
        planned = PlanProcess(machine=name, fields=_process_fields(machine, process, pace))
        yield Wish(at + index * 2 * MINUTE, PLANNER, plan_process, planned)
    programs = [
        (None, machine.warm_up),
        *((each.name, program) for each in machine.processes for program in each.all_programs),
    ]
    at = start + LISTED + number * 8 * MINUTE
    for index, (owner, program) in enumerate(programs):
        listed = PlanProgram(machine=name, filename=program.filename, process=owner, fields=_program_fields(program))
        yield Wish(at + index * MINUTE, PLANNER, plan_program, listed)
    yield from _tools(machine, start + TOOLED + number * 25 * MINUTE)


def _tools(machine: MachineSpec, at: float) -> Iterator[Wish]:
    """One assembly every minute or two. Then what each process needs is written down."""
    owned = [(process.name, each) for process in machine.processes for each in process.assemblies]
    name = machine.source_name
    for owner, assembly in [*((None, each) for each in machine.shared), *owned]:
        command = SetUpAssembly(
            machine=name,
            process=owner,
            fields=AssemblyFields(
                name=assembly.name, notes=assembly.notes, location=assembly.location, shared=owner is None
            ),
            tools=tuple(ToolFields(name=tool.name, notes=tool.notes, tags=list(tool.tags)) for tool in assembly.tools),
        )
        yield Wish(at, PLANNER, set_up_assembly, command)
        at += 1.5 * MINUTE
    for process in machine.processes:
        used = {location for program in process.all_programs for location in program.tools}
        for assembly in sorted((*machine.shared, *process.assemblies), key=lambda each: each.location):
            if assembly.location in used:
                required = ToolRequirementFields(
                    location=assembly.location,
                    name=assembly.name,
                    notes=assembly.notes,
                    stick_out=assembly.stick_out,
                )
                yield Wish(at, PLANNER, require_tool, RequireTool(machine=name, process=process.name, fields=required))
        at += 2 * MINUTE


def _assemblies(machine: MachineSpec) -> list[AssemblySpec]:
    return [*machine.shared, *(each for process in machine.processes for each in process.assemblies)]


def _process_fields(machine: MachineSpec, process: ProcessSpec, pace: float) -> ProcessFields:
    diameter = MappedVariable(
        number=DIAMETER,
        notify_comparison="GT" if process.largest_diameter is not None else None,
        notify_value=process.largest_diameter,
    )
    seconds = sum(program.seconds for program in process.programs) / len(process.programs)
    return ProcessFields(
        name=process.name,
        description=process.description,
        cv_map={"diameter": diameter} if machine.watches_diameter else {},
        display_variable=DIAMETER if machine.watches_diameter else None,
        part_material_cost=process.material_cost,
        part_sell_price=process.sell_price,
        parts_per_cycle=process.parts_per_cycle,
        setup_instructions=process.setup,
        teardown_instructions=process.teardown,
        tags=list(process.tags),
        time_per_cycle=round((seconds + HANDLING_SECONDS) * pace / 60, 2),
    )


def _program_fields(program: ProgramSpec) -> ProgramFields:
    return ProgramFields(custom_name=program.title, load_by_var_value=program.selected_by)
