"""The spool: what the edge has detected and the ledger has not acknowledged yet, in one SQLite file.

A machine's state and the facts that led to it are written in one transaction, so that a crash at any moment detects
nothing twice and loses nothing. Each fact has its machine's next sequence, which is never given twice, not even after
the fact is gone: source and sequence are what the ledger knows a repeated fact by.

Writing waits for the disk on the event loop: a few milliseconds, and polls that are late miss nothing, since it is
counters that are read.

A spool belongs to one process, which holds the file's lock as long as it is open: two edges on one spool would count
everything twice.
"""

import shutil
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec
import structlog

from takt_adapters.spool_file import SpooledFact, SpoolFile, as_json, checksum_of, fields_of
from taktledger.shopfloor.detector import DetectorState
from taktledger.shopfloor.facts import Fact, FactSetAside, ReportsLost
from taktledger.shopfloor.profile import Profile

RESERVE_BYTES = 8 * 2**20
"""So much of the disk is left free: without it not even what the ledger has acknowledged could be deleted, nor could
it be noted that something was lost."""


class NoRoom(sqlite3.OperationalError):
    """The disk is full but for what is kept free."""


class Dated(NamedTuple):
    """A fact, and when it happened. UNIX seconds."""

    fact: Fact
    at: float


class Spool(SpoolFile):
    def source(self, machine: str) -> str:
        """What the ledger knows this machine's facts by."""
        return f"{self.id}/{machine}"

    def write(self, machine: str, state: DetectorState, facts: Sequence[Dated]) -> None:
        """Writes what one poll made, all or nothing. Raises sqlite3.Error.

        A `ReportsLost` among the facts tells what was still to be told.
        """
        if shutil.disk_usage(self._path.parent).free < RESERVE_BYTES:
            raise NoRoom(f"database or disk is full: the last {RESERVE_BYTES >> 20} MiB are kept for what is delivered")
        lost = self._lost
        if any(isinstance(dated.fact, ReportsLost) for dated in facts):
            lost = {name: why for name, why in lost.items() if name != machine}
        with self._transaction():
            if lost != self._lost:
                self._set("lost", as_json(lost))
            self._db.execute(
                "INSERT INTO machine VALUES (?, 0, 0, ?, 0) ON CONFLICT (name) DO UPDATE SET state = excluded.state",
                (machine, as_json(state)),
            )
            self._append(machine, facts)
        self._lost = lost
        self._count(machine, len(facts))

    def note_lost(self, machine: str, why: str) -> None:
        """Something could not be written, which is to be told later, also by the next process. Raises sqlite3.Error."""
        lost = {**self._lost, machine: why}
        if lost != self._lost:
            with self._transaction():  # the room that is kept free is for this, too
                self._set("lost", as_json(lost))
            self._lost = lost

    def backlog(self, machine: str) -> int:
        """Facts that wait for the ledger."""
        return self._waiting.get(machine, 0)

    def machines_waiting(self) -> list[str]:
        """Machines with a backlog, in order of name; also those that the config no longer has."""
        return sorted(self._waiting)

    def waiting(self, machine: str, limit: int) -> list[SpooledFact]:
        """The machine's oldest facts that wait, in order."""
        with self._transaction():
            rows = self._db.execute(
                "SELECT machine, sequence, occurred_at, type, data, checksum FROM fact"
                " WHERE machine = ? ORDER BY sequence LIMIT ?",
                (machine, limit),
            ).fetchall()
            facts = []
            for *fields, checksum in rows:
                fact = SpooledFact(*fields)
                if checksum != checksum_of(*fact):
                    structlog.get_logger().error("a fact in the spool is damaged", **fact._asdict())
                    fact = self._say_damaged(machine, fact.sequence)
                facts.append(fact)
        return facts

    def acknowledge(self, facts: Iterable[SpooledFact]) -> None:
        """The ledger has them: they are deleted."""
        facts = list(facts)
        with self._transaction():
            self._db.executemany(
                "DELETE FROM fact WHERE machine = ? AND sequence = ?", [(fact.machine, fact.sequence) for fact in facts]
            )
            for machine, sequence in {fact.machine: fact.sequence for fact in facts}.items():
                self._db.execute("UPDATE machine SET acknowledged = ? WHERE name = ?", (sequence, machine))
                self._seal(machine)
        for fact in facts:
            self._count(fact.machine, -1)

    def set_aside(self, refused: Mapping[SpooledFact, str], at: float) -> None:
        """The ledger will never take them: they are kept with its error, and a fact says so.

        One that only says so itself, and is refused, is kept in silence: it would go on for ever.
        """
        said: list[str] = []
        with self._transaction():
            for fact, error in refused.items():
                self._db.execute("INSERT INTO refused VALUES (?, ?, ?, ?, ?, ?)", (*fact, error))
                self._db.execute("DELETE FROM fact WHERE machine = ? AND sequence = ?", (fact.machine, fact.sequence))
                if fact.type != FactSetAside.__name__:
                    self._append(fact.machine, [Dated(FactSetAside(fact=fact.type, error=error), at)])
                    said.append(fact.machine)
        for fact in refused:
            self._count(fact.machine, -1)
        for machine in said:
            self._count(machine, 1)

    def profiles(self) -> tuple[str | None, dict[str, Profile]]:
        """Version and profiles as the ledger gave them last, for a start without it. Version None: it never did."""
        version, profiles = self._get("version"), self._get("profiles")
        if version is None or profiles is None:
            return None, {}
        return version, msgspec.json.decode(profiles, type=dict[str, Profile])

    def keep_profiles(self, version: str, profiles: Mapping[str, Profile]) -> None:
        with self._transaction():
            self._set("version", version)
            self._set("profiles", as_json(profiles))

    def _append(self, machine: str, facts: Sequence[Dated]) -> None:
        """Gives each fact the machine's next sequence."""
        (sequence,) = self._db.execute("SELECT last_sequence FROM machine WHERE name = ?", (machine,)).fetchone()
        for sequence, dated in enumerate(facts, start=sequence + 1):  # noqa: B020  # goes on from the last one
            fact = SpooledFact(machine, sequence, dated.at, *fields_of(dated.fact))
            self._db.execute("INSERT INTO fact VALUES (?, ?, ?, ?, ?, ?)", (*fact, checksum_of(*fact)))
        self._db.execute("UPDATE machine SET last_sequence = ? WHERE name = ?", (sequence, machine))
        self._seal(machine)

    def _count(self, machine: str, change: int) -> None:
        self._waiting[machine] = self._waiting.get(machine, 0) + change
        if not self._waiting[machine]:
            del self._waiting[machine]
