"""The first hour and a half: a planner says what the machines, programs and processes are. Then come the tools."""

from collections.abc import Iterator

from taktledger.demo.machines import MACHINES
from taktledger.demo.people import MINUTE, PEOPLE, PLANNER, Wish
from taktledger.demo.requests import (
    DescribeMachine,
    PlanProcess,
    PlanProgram,
    describe_machine,
    plan_process,
    plan_program,
)
from taktledger.demo.specs import DIAMETER, PROGRAM_SELECT, MachineSpec, ProcessSpec, ProgramSpec
from taktledger.domain.machines import MachineFields
from taktledger.domain.processes import ProcessFields
from taktledger.domain.programs import ProgramFields
from taktledger.domain.shop import MappedVariable
from taktledger.domain.users import CreateUser, create_user

DESCRIBED, PLANNED, LISTED, TOOLED = 20 * MINUTE, 30 * MINUTE, 55 * MINUTE, 95 * MINUTE
"""When the machines are described, the processes planned, the programs put into them, the tools entered
(`setup_tools.py`)."""
DONE = 210 * MINUTE
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
        custom_properties={"pots": machine.pots},
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
