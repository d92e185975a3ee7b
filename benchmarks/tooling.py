"""Tools: a cycle of a process with many tools against one with few, and how long tools lasted on average."""

import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import Figure, Side, in_turn
from takt_projections import BUILT_IN
from takt_projections.files import RowsFile
from takt_projections.tool_counts import average_lives
from taktledger.domain.assemblies import AssemblyCreated, AssemblyFields, CreateAssembly, create_assembly
from taktledger.domain.event import Event
from taktledger.domain.machines import CreateMachine, MachineCreated, MachineFields, create_machine
from taktledger.domain.parts import CycleFinished, FinishCycles, finish_cycles
from taktledger.domain.processes import CreateProcess, ProcessCreated, ProcessFields, create_process
from taktledger.domain.programs import CreateProgram, create_program
from taktledger.domain.shop import Shop
from taktledger.domain.tools.fields import ToolFields
from taktledger.domain.tools.replacement import ToolReplaced
from taktledger.domain.tools.tool import CreateTool, ToolCreated, create_tool
from taktledger.ledger.writer import Request, Step
from taktledger.main import close_backend, open_backend

MANY, FEW, PER_ASSEMBLY, CYCLES, GROUP, ROUNDS = 20, 2, 3, 1_000, 100, 7
TOOLS, REPLACEMENTS, BATCH, BEGAN = 1_000, 100, 20_000, 1_763_640_000.0


def tool_cycles(scratch: Path) -> list[Figure]:
    """Decided, folded, appended and written, in groups. Every location is used in every cycle."""
    backend = open_backend(scratch / "cycles")
    steps = []
    for number, assemblies in ((1, MANY), (2, FEW)):
        steps += [
            Step(decide=create_machine, command=CreateMachine(name=f"mill {number}")),
            Step(decide=create_process, command=CreateProcess(machine_id=number, name="Flange")),
            Step(decide=create_program, command=CreateProgram(machine_id=number, filename="O1", process_id=number)),
        ]
        first = 0 if number == 1 else MANY
        for location in range(1, assemblies + 1):
            steps.append(_step_assembly(number, location))
            steps += [
                Step(
                    decide=create_tool, command=CreateTool(name="insert", assembly_id=first + location, part_life=10**9)
                )
                for _ in range(PER_ASSEMBLY)
            ]
    backend.writer.write([Request(steps=steps, actor="user-1")])

    def cycles(machine_id: int, locations: int) -> Side:
        used = list(range(1, locations + 1))

        def side() -> float:
            began = time.perf_counter()
            for _ in range(CYCLES // GROUP):
                made = FinishCycles(
                    machine_id=machine_id,
                    program="O1",
                    cycles=1,
                    counters={},
                    tools_seen=used,
                    tool_seconds=dict.fromkeys(used, 12.5),
                    variables={},
                    occurred_at=time.time(),
                    reported_at=None,
                )
                steps = [Step(decide=finish_cycles, command=made)]
                backend.writer.write([Request(steps=steps, actor="user-1")] * GROUP)
            return CYCLES / (time.perf_counter() - began)

        return side

    rates = in_turn({"many": cycles(1, MANY), "few": cycles(2, FEW)}, ROUNDS)
    close_backend(backend)
    what = f"Cycles of a process with {MANY * PER_ASSEMBLY} tools in {MANY} locations"
    to = f"with {FEW * PER_ASSEMBLY} in {FEW}"
    return [Figure(what=what, ours=rates["many"], compared_to=to, other=rates["few"], target=">= 0.67")]


def tool_lives(scratch: Path) -> list[Figure]:
    """`life=1`: one query over all replacements, against the mean of as many plain numbers."""
    file, shop = RowsFile.create(scratch / "lives.db", BUILT_IN), Shop()
    events = _replaced_again_and_again()
    for first in range(0, len(events), BATCH):
        file.fold(shop, events[first : first + BATCH], first + 1)
        file.write(shop)
        file.commit()
        shop.touched.clear()
    file.finish()
    db = file.connection
    db.execute("CREATE TABLE plain AS SELECT tool_id, reason AS parts FROM tool_replacements ORDER BY tool_id")
    db.execute("CREATE INDEX plain_by_tool ON plain (tool_id, parts)")
    plain = "SELECT tool_id, avg(parts) FROM plain GROUP BY tool_id"
    sides: dict[str, Side] = {
        "ours": lambda: _once(lambda: average_lives(db)),
        "plain": lambda: _once(lambda: dict(db.execute(plain))),
    }
    rates = in_turn(sides, ROUNDS)
    file.close()
    what = f"Average life of {TOOLS:,} tools with {REPLACEMENTS} replacements each"
    return [Figure(what=what, ours=rates["ours"], compared_to="a mean of stored numbers", other=rates["plain"])]


def _step_assembly(process_id: int, location: int) -> Step:
    command = CreateAssembly(name=f"T{location}", process_id=process_id, location=location)
    return Step(decide=create_assembly, command=command)


def _once(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return 1 / (time.perf_counter() - began)


def _replaced_again_and_again() -> list[Event]:
    events: list[Event] = [
        MachineCreated(occurred_at=BEGAN, machine_id=1, source_name="mill", fields=MachineFields(name="mill")),
        ProcessCreated(occurred_at=BEGAN, process_id=1, machine_id=1, fields=ProcessFields(name="Flange")),
        AssemblyCreated(occurred_at=BEGAN, assembly_id=1, process_id=1, fields=AssemblyFields(name="T1", location=1)),
    ]
    events += [
        ToolCreated(occurred_at=BEGAN, tool_id=each, assembly_id=1, fields=ToolFields(name="insert"))
        for each in range(1, TOOLS + 1)
    ]
    for number in range(REPLACEMENTS):
        at = BEGAN + 3600 * (number + 1)
        events += [CycleFinished(occurred_at=at - each, machine_id=1, process_id=1) for each in (300, 200, 100)]
        events += [
            ToolReplaced(occurred_at=at, tool_id=each, replacement_id=TOOLS * number + each)
            for each in range(1, TOOLS + 1)
        ]
    return events
