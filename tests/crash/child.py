"""A writer that dies at a named point. Started by `test_crash.py`; nothing in the product knows of it.

    python child.py DATA POINT

Reads groups of numbers from stdin, a line each, and says each line again when it is written. `rebuild` on a line
rebuilds the read models and changes over.
"""

import itertools
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

sys.path.insert(0, str(Path(__file__).parent.parent))

import takt_projections.current
import takt_projections.files
import takt_projections.parts
import takt_projections.rebuild
import taktledger.ledger.store
from street import START, Clock, Street
from takt_projections import BUILT_IN
from takt_projections.history import History
from taktledger.domain.assemblies import CreateAssembly, create_assembly
from taktledger.domain.machines import CreateMachine, EditMachine, MachineFields, create_machine, edit_machine
from taktledger.domain.parts import DeletePart, EditPart, PartFields, delete_part, edit_part
from taktledger.domain.processes import CreateProcess, create_process
from taktledger.domain.programs import EditProgram, ProgramFields, edit_program
from taktledger.domain.shop import Counter
from taktledger.domain.tools.tool import CreateTool, create_tool
from taktledger.ledger.writer import Request, Step
from taktledger.shopfloor.facts import CyclesSeen
from taktledger.shopfloor.ingest import TakeFact, take_fact

AFTER = 4
"""How often a point is passed before the child dies there."""


def request_of(number: int, street: Street) -> Request:
    """The numbered command. What it is, follows from its number alone; that it is there, from `numbers_in`."""
    turn, kind = divmod(number, 3)
    if kind == 1:  # a batch of facts
        return Request(steps=[cycle(100 * number + each) for each in range(3)], actor="key-1")
    step = _new(number, turn) if kind == 0 else _change(number, turn, History(street.models))
    return Request(steps=[step], actor="user-1", key=f"key {number}", body_sha256=str(number))


def _new(number: int, turn: int) -> Step:
    match turn % 3:
        case 0:
            return Step(decide=create_machine, command=CreateMachine(name=f"machine {number}"))
        case 1:
            return Step(decide=create_process, command=CreateProcess(machine_id=1, name=f"process {number}"))
        case _:
            return Step(decide=create_tool, command=CreateTool(name=f"tool {number}"))


def _change(number: int, turn: int, history: History) -> Step:
    """The batch before it has made six parts; process 1 came with number 3, process 2 with number 12."""
    match turn % 5:
        case 0:
            edit = EditMachine(machine_id=1, fields=MachineFields(description=f"said {number}"))
            return Step(decide=edit_machine, command=edit)
        case 1:
            assembly = CreateAssembly(name=f"assembly {number}", shared=True, process_id=1, location=turn)
            return Step(decide=create_assembly, command=assembly)
        case 2:
            said = EditPart(part_id=6 * turn + 1, editor_id=1, fields=PartFields(notes=f"said {number}"))
            return Step(decide=partial(edit_part, history=history), command=said)
        case 3:
            return Step(decide=partial(delete_part, history=history), command=DeletePart(part_id=6 * turn + 6))
        case _:  # the loaded program goes to another process each time, and what is shared with it
            process_id = 1 if turn % 10 == 4 else 2
            moved = EditProgram(program_id=1, fields=ProgramFields(process_id=process_id))
            return Step(decide=edit_program, command=moved)


def cycle(sequence: int) -> Step:
    seen = CyclesSeen(cycles=2, counters={"part_count": Counter(sequence)}, program=f"O{sequence % 5}")
    taken = TakeFact(machine="machine 0", fact=seen, occurred_at=START + sequence)
    return Step(decide=take_fact, command=taken, source="spool", sequence=sequence)


def numbers_in(events: list[Any]) -> list[int]:
    """Which commands these events come from, one number for each time."""
    keys = [int(each.receipt.key.split()[1]) for each in events if each.receipt]
    cycles = [each.source_sequence for each in events if type(each).__name__ == "CycleFinished"]
    batches = {first: [each for each in cycles if each // 100 == first] for first in {each // 100 for each in cycles}}
    for first, sequences in batches.items():
        assert sequences == [100 * first, 100 * first + 1, 100 * first + 2], "a batch is all there, and once"
    return sorted([*keys, *batches])


def die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")


def after(owner: Any, name: str, times: int = 1) -> None:
    """Dies when `owner.name` has been called so often and has done what it does."""
    _wrap(owner, name, times, before=False)


def before(owner: Any, name: str, times: int = 1) -> None:
    _wrap(owner, name, times, before=True)


def _wrap(owner: Any, name: str, times: int, *, before: bool) -> None:
    original: Callable[..., Any] = getattr(owner, name)
    calls = itertools.count(1)

    def wrapped(*args: Any, **more: Any) -> Any:
        call = next(calls)
        if before and call == times:
            die()
        result = original(*args, **more)
        if call == times:
            die()
        return result

    setattr(owner, name, wrapped)


POINTS: dict[str, Callable[[], None]] = {
    "never": lambda: None,
    "before append": lambda: before(taktledger.ledger.store.Ledger, "append", AFTER),
    "after append": lambda: after(taktledger.ledger.store.Ledger, "append", AFTER),
    "in the middle of the rows": lambda: before(takt_projections.parts.Parts, "write", AFTER),
    "after rows commit": lambda: after(takt_projections.files.RowsFile, "commit", AFTER),
    "during rebuild": lambda: after(takt_projections.rebuild.RowsFile, "fold", 2),
    "before rename of rebuild": lambda: before(Path, "rename"),
    "after rename of rebuild": lambda: after(Path, "rename"),
    "during change over before symlink": lambda: before(takt_projections.current, "point_to"),
    "in the middle of the symlink": lambda: before(os, "replace"),
    "during change over after symlink": lambda: after(takt_projections.current, "point_to"),
    "in the middle of removing the old file": lambda: after(Path, "unlink", 4),
}


def main(data: Path, point: str) -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whoever prints something disturbs nothing
    taktledger.ledger.store.BATCH = 20
    takt_projections.files.SHOP_EVERY = 40
    street = Street(data, Clock())
    POINTS[point]()
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        if line == "rebuild\n":
            takt_projections.current.rebuild_next(street.ledger, data, BUILT_IN)
            street.writer.shop = street.models.change_over()
        else:
            outcomes = street.write(*(request_of(int(number), street) for number in line.split()))
            for outcome in outcomes:
                if isinstance(outcome, Exception):
                    raise outcome
        print(line, end="", file=answers, flush=True)
    street.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
