"""What the people of the demo shop tell the ledger: names, processes, which program belongs to which, work orders.

IDs are the ledger's and depend on what came before: these commands go by names, and find the IDs when it is their turn.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import asdict

from taktledger.demo.machines import DIAMETER, MachineSpec
from taktledger.domain.event import Event
from taktledger.domain.machines import EditMachine, MachineFields, edit_machine
from taktledger.domain.processes import CreateProcess, ProcessFields, create_process
from taktledger.domain.programs import EditProgram, ProgramFields, edit_program
from taktledger.domain.shop import MappedVariable, Shop

MINUTE, DAY = 60.0, 24 * 3600.0


class DescribeMachine(Struct, frozen=True, kw_only=True):
    machine: str
    """Source name."""
    fields: MachineFields


class PlanProcess(Struct, frozen=True, kw_only=True):
    machine: str
    fields: ProcessFields
    """With the name."""


class AssignProgram(Struct, frozen=True, kw_only=True):
    """Gives a program its name, and puts it into a process of its machine."""

    machine: str
    program: str
    """File name."""
    process: str
    custom_name: str


def describe_machine(shop: Shop, command: DescribeMachine, now: float) -> list[Event]:
    machine_id = shop.machine_ids[command.machine]
    return edit_machine(shop, EditMachine(machine_id=machine_id, fields=command.fields), now)


def plan_process(shop: Shop, command: PlanProcess, now: float) -> list[Event]:
    machine_id = shop.machine_ids[command.machine]
    return create_process(shop, CreateProcess(machine_id=machine_id, **asdict(command.fields)), now)


def assign_program(shop: Shop, command: AssignProgram, now: float) -> list[Event]:
    machine = shop.machines[shop.machine_ids[command.machine]]
    process_id = next(
        each.id for each in shop.processes.values() if (each.machine_id, each.name) == (machine.id, command.process)
    )
    fields = ProgramFields(process_id=process_id, custom_name=command.custom_name)
    return edit_program(shop, EditProgram(program_id=machine.programs[command.program], fields=fields), now)


class Wish(NamedTuple):
    """What somebody wants at a time (UNIX seconds)."""

    at: float
    decide: Callable[[Shop, Any, float], Iterable[Event]]
    command: Struct


def wishes(machine: MachineSpec, start: float, now: float, seen: dict[str, float], pace: float) -> list[Wish]:
    """All that is wanted of one machine between `start` and `now`, in order of time.

    `seen`: program -> when its control first had it loaded, which is when the ledger knows it. Times are UNIX seconds.
    """
    name = machine.source_name
    fields = MachineFields(name=machine.name, description=machine.description)
    found = [Wish(start + 20 * MINUTE, describe_machine, DescribeMachine(machine=name, fields=fields))]
    for index, program in enumerate(machine.programs):
        planned = start + (30 + 5 * index) * MINUTE
        process = ProcessFields(
            name=program.process,
            cv_map={"diameter": MappedVariable(number=DIAMETER)} if machine.watches_diameter else {},
            parts_per_cycle=program.parts_per_cycle,
            time_per_cycle=round(program.seconds * pace / 60, 2),
        )
        found.append(Wish(planned, plan_process, PlanProcess(machine=name, fields=process)))
        if program.filename in seen:
            assign = AssignProgram(
                machine=name, program=program.filename, process=program.process, custom_name=program.title
            )
            assigned = min(max(seen[program.filename], planned) + 10 * MINUTE, now)
            found.append(Wish(assigned, assign_program, assign))
    found += _work_orders(machine, start, now)
    return sorted(found, key=lambda wish: wish.at)


def _work_orders(machine: MachineSpec, start: float, now: float) -> Iterator[Wish]:
    """Every weekday at ten to six another order is next."""
    at = start - start % DAY + DAY + 350 * MINUTE
    while at < now:
        day = datetime.fromtimestamp(at, UTC)
        if day.weekday() < 5:
            fields = MachineFields(current_work_order=f"WO-{day:%y%j}-{machine.source_name}")
            yield Wish(at, describe_machine, DescribeMachine(machine=machine.source_name, fields=fields))
        at += DAY
