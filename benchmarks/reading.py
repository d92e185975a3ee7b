"""Reading: the overview of a year over a million parts, and a list of which one object has changed."""

import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from benchmarks.measure import Figure, Side, in_turn
from takt_projections import BUILT_IN, processes, production
from takt_projections.files import RowsFile
from taktledger.api.documents import Documents, map_of
from taktledger.api.nouns import PROCESSES
from taktledger.domain.machines import CreateMachine, MachineCreated, MachineFields, create_machine
from taktledger.domain.parts import CycleFinished
from taktledger.domain.processes import (
    CreateProcess,
    EditProcess,
    ProcessCreated,
    ProcessFields,
    create_process,
    edit_process,
)
from taktledger.domain.shop import Shop
from taktledger.ledger.writer import Decide, Request, Step
from taktledger.main import close_backend, open_backend

PARTS, BATCH, ROUNDS, YEAR, OBJECTS, CHANGES = 1_000_000, 20_000, 5, 2025, 1_000, 20
BEGAN = datetime(YEAR, 1, 1, tzinfo=UTC).timestamp()
SPACING = 365 * 24 * 3600 / PARTS
ZONE = ZoneInfo("Europe/Berlin")


def overview(scratch: Path) -> list[Figure]:
    """From the quarter hours, against counting the parts themselves."""
    db = _year(scratch / "year.db")
    first, last = date(YEAR, 1, 1), date(YEAR, 12, 31)
    start, end = production.midnight(first, ZONE), production.midnight(date(YEAR + 1, 1, 1), ZONE)
    counted = "SELECT count(*) FROM parts WHERE process_id = 1 AND finished >= ? AND finished < ?"
    sides: dict[str, Side] = {
        "ours": _rate(lambda: sum(production.days(db, "process_id", 1, first, last, ZONE).values())),
        "parts": _rate(lambda: db.execute(counted, (start, end)).fetchone()[0]),
    }
    rates = in_turn(sides, ROUNDS)
    db.close()
    what, to = f"Overview of a year, {PARTS:,} parts", "only counting the parts of that year, without their days"
    return [Figure(what=what, ours=rates["ours"], compared_to=to, other=rates["parts"])]


def changed_list(scratch: Path) -> list[Figure]:
    """The list after one object changed, against encoding all of it."""
    backend = open_backend(scratch / "list")
    steps = [Step(decide=create_machine, command=CreateMachine(name="mill"))]
    steps += [
        Step(decide=create_process, command=CreateProcess(machine_id=1, name=f"Flange {number}"))
        for number in range(OBJECTS)
    ]
    backend.writer.write([Request(steps=steps, actor="user-1")])
    kept, names = backend.documents, iter(range(10**9))

    def change(documents: Documents) -> bytes:
        command = EditProcess(process_id=500, fields=ProcessFields(description=f"{next(names)}"))
        _write(backend.writer.write, edit_process, command)
        return map_of(documents.bodies(PROCESSES, processes.ids(backend.rows.db)))

    sides: dict[str, Side] = {
        "kept": _rate(lambda: change(kept)),
        "anew": _rate(lambda: change(Documents(backend.rows, backend.clock))),
    }
    kept.bodies(PROCESSES, processes.ids(backend.rows.db))
    before = kept.encoded
    rates = in_turn(sides, ROUNDS)
    encoded = (kept.encoded - before) / CHANGES / ROUNDS
    close_backend(backend)
    what = f"Edit one of {OBJECTS:,} processes and list them: {encoded:.1f} encoded"
    return [Figure(what=what, ours=rates["kept"], compared_to="encoding all of them", other=rates["anew"])]


def _rate(run: Callable[[], object]) -> Side:
    def side() -> float:
        began = time.perf_counter()
        for _ in range(CHANGES):
            run()
        return CHANGES / (time.perf_counter() - began)

    return side


def _write(write: Callable[..., object], decide: Decide, command: object) -> None:
    write([Request(steps=[Step(decide=decide, command=command)], actor="user-1")])


def _year(path: Path) -> sqlite3.Connection:
    """The rows of a year in which one machine made a million parts with one process."""
    file, shop = RowsFile.create(path, BUILT_IN), Shop()
    file.fold(
        shop,
        [
            MachineCreated(occurred_at=BEGAN, machine_id=1, source_name="mill", fields=MachineFields(name="mill")),
            ProcessCreated(occurred_at=BEGAN, process_id=1, machine_id=1, fields=ProcessFields(name="Flange")),
        ],
        1,
    )
    for start in range(0, PARTS, BATCH):
        numbers = range(start, start + BATCH)
        made = [CycleFinished(occurred_at=BEGAN + each * SPACING, machine_id=1, process_id=1) for each in numbers]
        file.fold(shop, made, start + 3)
        file.write(shop)
        file.commit()
        shop.touched.clear()
    file.finish()
    return file.connection
