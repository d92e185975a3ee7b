"""Folding a long ledger into all read models. Each run is a process of its own: `python -m benchmarks.rebuild SIDE`."""

import gc
import json
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Union

import msgspec
from eventsourcing.persistence import StoredEvent, Tracking
from eventsourcing.sqlite import SQLiteApplicationRecorder, SQLiteDatastore, SQLiteTrackingRecorder
from msgspec import Raw
from sqlite_utils import Database

from benchmarks.measure import Figure, Side, in_turn
from benchmarks.workload import make_ledger
from takt_projections import BUILT_IN
from takt_projections.parts import INSERT, Parts
from takt_projections.production import ADD, QUARTER_SECONDS, Production
from takt_projections.rebuild import rebuild_into
from taktledger.domain.event import topic
from taktledger.domain.fold import CODEC, FOLDS, fold
from taktledger.domain.parts import CycleFinished
from taktledger.domain.shop import Shop
from taktledger.ledger.store import Ledger

EVENTS, SAMPLE, SMALL = 500_000, 10_000, 100_000
ROUNDS = 5
NOTHING = Raw(b"")


def rebuild(scratch: Path) -> list[Figure]:
    """Ours against a bare script, and against the library's way: a transaction per event."""
    ledger = _ledger(scratch)
    sample = _library_ledger(ledger, scratch / "library.db")
    sides: dict[str, Side] = {
        "ours": lambda: _run("ours", ledger, EVENTS)["rate"],
        "bare": lambda: _run("bare", ledger, EVENTS)["rate"],
        "library": lambda: _run("library", sample, SAMPLE)["rate"],
    }
    rates = in_turn(sides, ROUNDS)
    what, to = f"Rebuild, {EVENTS:,} events", "a bare script: scan, decode, part rows, counts"
    library_way = f"the library's way: a tracking transaction per event ({SAMPLE:,} events)"
    return [
        Figure(what=what, ours=rates["ours"], compared_to=to, other=rates["bare"], target=">= 0.4"),
        Figure(what=what, ours=rates["ours"], compared_to=library_way, other=rates["library"], target=">= 20"),
    ]


def rebuild_memory(scratch: Path) -> list[Figure]:
    ledger = _ledger(scratch)
    sides: dict[str, Side] = {
        "all": lambda: _run("ours", ledger, EVENTS)["megabytes"],
        "few": lambda: _run("ours", ledger, SMALL)["megabytes"],
    }
    grown = in_turn(sides, 3)
    what, to = f"Memory that a rebuild of {EVENTS:,} events adds at its peak", f"of {SMALL:,} events"
    return [Figure(what=what, ours=grown["all"], compared_to=to, other=grown["few"], unit="MB", target="<= 1.2")]


def _ledger(scratch: Path) -> Path:
    path = scratch / "ledger.db"
    if not path.exists():
        make_ledger(path, EVENTS)
    return path


def _library_ledger(ledger: Path, path: Path) -> Path:
    """The first events in the library's own table: it can't read notifications from ours."""
    statement = "SELECT originator_id, originator_version, topic, CAST(state AS BLOB) FROM stored_events LIMIT ?"
    source = sqlite3.connect(ledger)
    recorder = SQLiteApplicationRecorder(SQLiteDatastore(str(path), originator_id_type="text"))
    recorder.create_table()
    recorder.insert_events([StoredEvent(*row) for row in source.execute(statement, (SAMPLE,))])
    source.close()
    return path


def _run(side: str, ledger: Path, events: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.rebuild", side, str(ledger), str(events)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, env={**os.environ, "PYTHONPATH": _path()})
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def _path() -> str:
    """So that the child finds what this process found, this package included."""
    return os.pathsep.join(each for each in [os.getcwd(), *sys.path] if each)


# The sides


def ours(path: Path, events: int, target: Path) -> None:
    ledger = Ledger(path, writing=False)
    rebuild_into(ledger, target, BUILT_IN, until=events)
    ledger.close()


class Cycle(msgspec.Struct, tag_field="event", tag=topic(CycleFinished)):
    """What the rows need of a cycle. The JSON columns stay as they are."""

    occurred_at: float
    machine_id: int
    program_id: int | None = None
    process_id: int | None = None
    program: str | None = None
    parts: int = 1
    tools_seen: Raw = NOTHING
    variables: Raw = NOTHING
    work_order: str | None = None


def bare(path: Path, events: int, target: Path) -> None:
    """The fastest that we found, of those that still decode what the part rows need."""
    tags = [topic(each) for each in FOLDS if each is not CycleFinished]
    others = [msgspec.defstruct("Other", [], tag_field="event", tag=tag) for tag in tags]
    decode = msgspec.json.Decoder(list[Union[(Cycle, *others)]]).decode  # type: ignore[valid-type]
    statement = (
        "SELECT count(*), '[' || group_concat(state, ',') || ']' FROM "
        "(SELECT state FROM stored_events WHERE position > ? ORDER BY position LIMIT 10000)"
    )
    source, rows = sqlite3.connect(path), sqlite3.connect(target, isolation_level=None)
    rows.execute("PRAGMA journal_mode=OFF")
    rows.execute("PRAGMA synchronous=OFF")
    models = (Parts(), Production())
    for model in models:
        model.create(Database(rows))
    after = part = 0
    sums: dict[tuple[int, int | None, int | None, int], int] = {}
    gc.disable()
    while after < events:
        count, array = source.execute(statement, (after,)).fetchone()
        made: list[tuple[Any, ...]] = []
        for position, event in enumerate(decode(array), after + 1):
            if type(event) is not Cycle:
                continue
            ids = (event.machine_id, event.program_id, event.process_id)
            key = (*ids, int(event.occurred_at // QUARTER_SECONDS))
            sums[key] = sums.get(key, 0) + event.parts
            tools = str(event.tools_seen, "utf-8") if event.tools_seen is not NOTHING else None
            variables = str(event.variables, "utf-8") if event.variables is not NOTHING else None
            row = (position, *ids, event.program, event.occurred_at, None, None, tools, variables, event.work_order)
            for _ in range(event.parts):
                part += 1
                made.append((part, *row))
        rows.execute("BEGIN")
        rows.executemany(INSERT, made)
        rows.execute("COMMIT")
        after += count
    rows.execute("BEGIN")
    counted = [
        (program or 0, process or 0, machine, quarter * QUARTER_SECONDS, parts)
        for (machine, program, process, quarter), parts in sums.items()
    ]
    rows.executemany(ADD, counted)
    rows.execute("COMMIT")
    for model in models:
        model.index(Database(rows))


def library(path: Path, events: int, target: Path) -> None:
    """As its documentation has it: notifications, and for each one a transaction with its tracking and its rows."""
    ledger = SQLiteApplicationRecorder(SQLiteDatastore(str(path), originator_id_type="text"))
    tracking = SQLiteTrackingRecorder(SQLiteDatastore(str(target)))
    tracking.create_table()
    rows = sqlite3.connect(target)
    Parts().create(Database(rows))
    rows.close()
    parts, shop = Parts(), Shop()
    handler = parts.handlers()[CycleFinished]
    last = 0
    while last < events:
        for each in ledger.select_notifications(last, 1000, inclusive_of_start=False):
            event = CODEC.decode(each.state)
            fold(shop, event)
            if isinstance(event, CycleFinished):
                handler(event, shop, each.id)
            with tracking.datastore.transaction(commit=True) as cursor:
                tracking._insert_tracking(cursor, Tracking("parts", each.id))
                parts.write(cursor, shop)  # type: ignore[arg-type] # it has the one method that is needed
            last = each.id


def main(side: str, ledger: str, events: str) -> None:
    target = Path(ledger).with_name("rows.db")
    for left in target.parent.glob("rows.db*"):
        left.unlink()
    before, began = _peak_megabytes(), time.perf_counter()
    {"ours": ours, "bare": bare, "library": library}[side](Path(ledger), int(events), target)
    seconds = time.perf_counter() - began
    print(json.dumps({"rate": int(events) / seconds, "megabytes": _peak_megabytes() - before}))


def _peak_megabytes() -> float:
    """Of this process. (Linux hands `getrusage`'s ru_maxrss down from the parent, which hides what a child adds.)"""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    main(*sys.argv[1:])
