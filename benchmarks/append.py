"""Appending: what the ledger and the writer add to bare sqlite3, everything durable (WAL, synchronous=FULL)."""

import asyncio
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import count, islice
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.measure import Figure, Side, against, in_turn
from benchmarks.workload import shop_events
from taktledger.domain.event import Event, topic
from taktledger.domain.fold import CODEC
from taktledger.domain.shop import Counter as Reading
from taktledger.ledger.store import Ledger
from taktledger.ledger.writer import Request, Step, Writer
from taktledger.main import close_backend, open_backend
from taktledger.shopfloor.facts import CyclesSeen
from taktledger.shopfloor.ingest import TakeFact, take_fact

ROUNDS = 7
SINGLES, BATCHED, BATCH = 300, 10_000, 100
"""Events per round, one per transaction and in batches."""
CLIENTS, FACTS = 32, 500


def append_single(scratch: Path) -> list[Figure]:
    return [_append(scratch, "Append, one event per transaction", SINGLES, 1)]


def append_batch(scratch: Path) -> list[Figure]:
    return [_append(scratch, f"Append, {BATCH} events per transaction", BATCHED, BATCH)]


def writer_groups(scratch: Path) -> list[Figure]:
    """Durable commands through the writer: decided, folded, appended, their rows written."""
    backend = open_backend(scratch / "writer")
    bare, events = Bare(scratch / "bare-writer.db"), shop_events()
    runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)  # one loop: the writer's queue is bound to it

    def clients(number: int, requests: int, facts: int) -> Side:
        return lambda: runner.run(_clients(backend.writer, number, requests, facts))

    sides: dict[str, Side] = {
        "bare": lambda: _rate(bare.append, bare.prepare(list(islice(events, SINGLES)), 1)),
        "one client": clients(1, SINGLES, 1),
        f"{CLIENTS} clients": clients(CLIENTS, 60, 1),
        f"one client, {FACTS} facts a request": clients(1, 4, FACTS),
    }
    rates = in_turn(sides, ROUNDS)
    runner.close()
    close_backend(backend)
    return against("bare", rates, "Commands through the writer, {}", "bare sqlite3, one event per transaction")


def _append(scratch: Path, what: str, events: int, size: int) -> Figure:
    ledger, bare = Ledger(scratch / f"append-{size}.db"), Bare(scratch / f"bare-{size}.db")
    for_ours, for_bare = shop_events(), shop_events()
    sides: dict[str, Side] = {
        "ours": lambda: size * _rate(ledger.append, _split(list(islice(for_ours, events)), size)),
        "bare": lambda: size * _rate(bare.append, bare.prepare(list(islice(for_bare, events)), size)),
    }
    rates = in_turn(sides, ROUNDS)
    ledger.close()
    to = "bare sqlite3, the same rows already encoded"
    return Figure(what=what, ours=rates["ours"], compared_to=to, other=rates["bare"], target=">= 0.45")


def _split(values: list[Any], size: int) -> list[list[Any]]:
    return [values[at : at + size] for at in range(0, len(values), size)]


def _rate(append: Callable[[Any], None], batches: Sequence[Any]) -> float:
    """Batches a second."""
    began = time.perf_counter()
    for batch in batches:
        append(batch)
    return len(batches) / (time.perf_counter() - began)


class Bare:
    """The ledger's table, triggers and pragmas, and nothing else."""

    def __init__(self, path: Path) -> None:
        Ledger(path).close()
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA synchronous=FULL")
        self._versions: Counter[str] = Counter()
        self._positions = count(1)

    def prepare(self, events: list[Event], size: int) -> list[list[Any]]:
        """The rows, encoded, in batches."""
        rows: list[tuple[Any, ...]] = []
        for event in events:
            self._versions[event.stream] += 1
            version, state = self._versions[event.stream], CODEC.encode(event).decode()
            rows.append((next(self._positions), event.stream, version, topic(type(event)), state))
        return _split(rows, size)

    def append(self, rows: list[tuple[Any, ...]]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany("INSERT INTO stored_events VALUES (?,?,?,?,?)", rows)
        self._connection.execute("COMMIT")


# Clients of the writer

_sequences = count(1)


def _step() -> Step:
    """A cycle, as an edge reports it."""
    number = next(_sequences)
    counters, seconds = {"part_count": Reading(number)}, {3: 6.1, 9: 50.6, 13: 63.5, 18: 86.4}
    cycle = CyclesSeen(cycles=1, counters=counters, program="O4001.NC", tools_seen=[*seconds], tool_seconds=seconds)
    command = TakeFact(machine=f"mill-{number % 20}", fact=cycle, occurred_at=1_763_640_000.0 + number)
    return Step(decide=take_fact, command=command, source="benchmark", sequence=number)


async def _clients(writer: Writer, clients: int, requests: int, facts: int) -> float:
    """Facts a second."""

    async def client() -> None:
        for _ in range(requests):
            await writer.execute(Request(steps=[_step() for _ in range(facts)], actor="user-1"))

    running = asyncio.create_task(writer.run())
    began = time.perf_counter()
    async with asyncio.timeout(120):  # rather than for ever, if the writer dies
        await asyncio.gather(*(client() for _ in range(clients)))
    seconds = time.perf_counter() - began
    running.cancel()
    return clients * requests * facts / seconds
