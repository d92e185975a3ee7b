"""Activity: when which process was loaded on a machine, and when the machine was running.

Both are kept as they were reported, and laid over each other when they are read: facts may arrive late.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise

from msgspec import UNSET
from sqlite_utils import Database

from takt_projections.model import Handler, ReadModel
from taktledger.domain.changeover import ProcessSwitched
from taktledger.domain.controls import MachineFellSilent, MachineSilenceEnded, MachineStateChanged, is_running
from taktledger.domain.event import Event
from taktledger.domain.machines import MachineEdited
from taktledger.domain.shop import Shop

Span = tuple[float, float]
"""From, to. UNIX seconds."""


class Activity(ReadModel):
    name = "activity"
    version = 1

    def __init__(self) -> None:
        self._loaded: list[tuple[int, float, int, int | None]] = []
        self._running: list[tuple[int, float, int, bool]] = []

    def create(self, db: Database) -> None:
        for table, value in (("loaded", "process_id"), ("running", "running")):
            key = {"machine_id": int, "at": float, "position": int}
            db.table(table).create({**key, value: int}, pk=tuple(key), not_null={*key}, strict=True)

    def handlers(self) -> Mapping[type[Event], Handler]:
        return {
            ProcessSwitched: self._process_switched,
            MachineStateChanged: self._state_changed,
            MachineEdited: self._edited,
            MachineFellSilent: self._fell_silent,
            MachineSilenceEnded: self._silence_ended,
        }

    def _process_switched(self, event: ProcessSwitched, shop: Shop, position: int) -> None:
        self._loaded.append((event.machine_id, event.occurred_at, position, event.process_id))

    def _state_changed(self, event: MachineStateChanged, shop: Shop, position: int) -> None:
        if event.changes.cycle_state is not UNSET:
            self._note(event.machine_id, event.occurred_at, position, shop)

    def _edited(self, event: MachineEdited, shop: Shop, position: int) -> None:
        if event.fields.running_states is not UNSET:
            self._note(event.machine_id, event.occurred_at, position, shop)

    def _fell_silent(self, event: MachineFellSilent, shop: Shop, position: int) -> None:
        """Nobody knows whether it runs: that is no running time."""
        at = event.occurred_at if event.last_contact is None else event.last_contact
        self._running.append((event.machine_id, at, position, False))

    def _silence_ended(self, event: MachineSilenceEnded, shop: Shop, position: int) -> None:
        self._note(event.machine_id, event.occurred_at, position, shop)

    def _note(self, machine_id: int, at: float, position: int, shop: Shop) -> None:
        self._running.append((machine_id, at, position, is_running(shop.machines[machine_id])))

    def write(self, connection: sqlite3.Connection, shop: Shop) -> None:
        connection.executemany("INSERT INTO loaded VALUES (?, ?, ?, ?)", self._loaded)
        connection.executemany("INSERT INTO running VALUES (?, ?, ?, ?)", self._running)
        self.forget()

    def forget(self) -> None:
        self._loaded.clear()
        self._running.clear()


# Queries


def loaded_spans(db: sqlite3.Connection, machine_id: int, process_id: int, start: float, end: float) -> list[Span]:
    """When this process was loaded, between two times."""
    return list(_spans(db, "loaded", "process_id", machine_id, process_id, start, end))


def running_spans(db: sqlite3.Connection, machine_id: int, start: float, end: float) -> list[Span]:
    """When this machine was running, between two times."""
    return list(_spans(db, "running", "running", machine_id, 1, start, end))


def seconds(spans: Iterable[Span]) -> float:
    return sum(end - start for start, end in spans)


def common(some: Iterable[Span], others: list[Span]) -> list[Span]:
    """Where both are. Spans of one list don't overlap."""
    return [
        (max(start, begins), min(end, ends))
        for start, end in some
        for begins, ends in others
        if max(start, begins) < min(end, ends)
    ]


def _spans(
    db: sqlite3.Connection, table: str, column: str, machine_id: int, value: int, start: float, end: float
) -> Iterator[Span]:
    """Where the column had this value: each row says from when on."""
    before = db.execute(
        f"SELECT {column} FROM {table} WHERE machine_id = ? AND at <= ? ORDER BY at DESC, position DESC LIMIT 1",
        (machine_id, start),
    ).fetchone()
    within = db.execute(
        f"SELECT at, {column} FROM {table} WHERE machine_id = ? AND at > ? AND at < ? ORDER BY at, position",
        (machine_id, start, end),
    )
    changes = [(start, before[0] if before else None), *map(tuple, within), (end, None)]
    for (begins, current), (ends, _) in pairwise(changes):
        if current == value and begins < ends:
            yield begins, ends
