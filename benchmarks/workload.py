"""Events as a shop of twenty machines with ten programs each would have made them: 85 % are finished cycles."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from taktledger.domain.alerts import AlertRaised
from taktledger.domain.controls import (
    ControlChanges,
    MachineStateChanged,
    MachineVariablesChanged,
    ToolRunTimeMeasured,
)
from taktledger.domain.event import Event
from taktledger.domain.machines import MachineCreated, MachineFields
from taktledger.domain.parts import CycleFinished, ProductionGapRecorded
from taktledger.domain.processes import ProcessCreated, ProcessFields
from taktledger.domain.programs import ProgramCreated, ProgramEdited, ProgramFields, ProgramLoaded
from taktledger.domain.shop import Counter
from taktledger.ledger.store import Ledger

MACHINES, PROGRAMS, START = 20, 10, 1_763_640_000.0
KINDS = {"cycle": 850, "state": 80, "variables": 30, "seconds": 20, "load": 10, "edit": 8, "gap": 2}


def make_ledger(path: Path, count: int) -> None:
    ledger = Ledger(path)
    events = islice(shop_events(), count)
    while batch := list(islice(events, 10_000)):
        ledger.append(batch)
    ledger.close()


def shop_events() -> Iterator[Event]:
    """Without end, and always the same."""
    random, at = Random(1), START
    counts, programs, sequences, alerts = [48_000] * (MACHINES + 1), [1] * (MACHINES + 1), [0] * (MACHINES + 1), 0
    yield from _furnish()
    while True:
        kind = random.choices(list(KINDS), list(KINDS.values()))[0]
        at = round(at + random.random() * 12, 3)
        machine = random.randint(1, MACHINES)
        stamp: dict[str, Any] = {"occurred_at": at, "recorded_at": at + 0.4, "actor": "user-2"}
        sequences[machine] += kind != "edit"  # an edge leaves none out
        source = {"source": f"7f3a9c51/mill-{machine}", "source_sequence": sequences[machine]}
        on = stamp | source | {"machine_id": machine}
        match kind:
            case "cycle":
                yield _cycle(random, on, machine, programs[machine], counts)
            case "state":
                yield MachineStateChanged(
                    **on, changes=ControlChanges(cycle_state=random.choice(("ACTIVE", "STOPPED")))
                )
            case "variables":
                yield MachineVariablesChanged(**on, variables={500: round(random.uniform(19, 24), 2)})
            case "seconds":
                yield ToolRunTimeMeasured(**on, tool_seconds={random.randint(1, 24): 60.0})
            case "load":
                programs[machine] = number = random.randint(1, PROGRAMS)
                yield ProgramLoaded(**on, program_id=_id(machine, number), program=_filename(number))
            case "edit":
                fields = ProgramFields(description=f"checked at {at}")
                yield ProgramEdited(**stamp, program_id=_id(machine, programs[machine]), fields=fields)
            case "gap":
                before = counts[machine]
                counts[machine] = now = before + 200
                alerts += 1
                reading: dict[str, Any] = {
                    "counters": {"part_count": Counter(now)},
                    "from_reading": before,
                    "to_reading": now,
                }
                yield ProductionGapRecorded(**on, **reading, counter="part_count", gap_from=at - 60, why="jump")
                message = f"The counter of machine {machine} went from {before} to {now}"
                yield AlertRaised(**stamp, alert_id=alerts, kind="gap", message=message, machine_id=machine)


def _cycle(random: Random, on: dict[str, Any], machine: int, number: int, counts: list[int]) -> Event:
    cycles = 1 if random.random() < 0.97 else 2
    counts[machine] += cycles
    tools = sorted(random.sample(range(1, 25), random.randint(2, 7)))
    return CycleFinished(
        **on,
        program_id=_id(machine, number),
        process_id=_id(machine, number),
        program=_filename(number),
        cycles=cycles,
        parts=cycles,
        counters={"part_count": Counter(counts[machine])},
        tools_seen=tools,
        tool_seconds={tool: round(random.uniform(2, 90), 3) for tool in tools},
        variables={"temperature": round(random.uniform(19, 24), 2)} if random.random() < 0.3 else {},
        work_order=f"WO-{machine:03}" if machine % 2 else "",
    )


def _furnish() -> Iterator[Event]:
    by: dict[str, Any] = {"occurred_at": START, "recorded_at": START, "actor": "user-1"}
    for machine in range(1, MACHINES + 1):
        name = f"mill-{machine}"
        yield MachineCreated(**by, machine_id=machine, source_name=name, fields=MachineFields(name=name))
        for number in range(1, PROGRAMS + 1):
            each = _id(machine, number)
            fields = ProgramFields(filename=_filename(number), process_id=each)
            yield ProcessCreated(**by, process_id=each, machine_id=machine, fields=ProcessFields(name=f"Flange {each}"))
            yield ProgramCreated(**by, program_id=each, machine_id=machine, fields=fields)


def _id(machine: int, number: int) -> int:
    return (machine - 1) * PROGRAMS + number


def _filename(number: int) -> str:
    return f"O{4000 + number}.NC"
