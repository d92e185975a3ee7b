"""The spool: what the edge has detected and the ledger has not acknowledged yet, in one SQLite file.

A machine's state and the facts that led to it are written in one transaction, so that a crash at any moment detects
nothing twice and loses nothing. Each fact has its machine's next sequence, which is never given twice, not even after
the fact is gone: source and sequence are what the ledger knows a repeated fact by.

Writing waits for the disk on the event loop: a few milliseconds, and polls that are late miss nothing, since it is
counters that are read.

A spool belongs to one process, which holds the file's lock as long as it is open: two edges on one spool would count
everything twice.
"""

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from taktledger.shopfloor.detector import DetectorState
from taktledger.shopfloor.facts import Fact, FactSetAside
from taktledger.shopfloor.profile import Profile

VERSION = 1
SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE machine (
    name TEXT PRIMARY KEY,
    last_sequence INTEGER NOT NULL,
    last_at REAL NOT NULL,
    state TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE fact (
    machine TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    occurred_at REAL NOT NULL,
    type TEXT NOT NULL,
    data TEXT NOT NULL,
    error TEXT,
    PRIMARY KEY (machine, sequence)
) STRICT, WITHOUT ROWID;
CREATE INDEX waiting ON fact (machine, sequence) WHERE error IS NULL;
"""


RIGHTED_SECONDS = 3600.0


def in_order(last_at: float, at: float) -> float:
    """Times never go back along the sequences of a machine: a clock that was set back a little stands still meanwhile.

    One that was ahead by more than an hour was wrong, and is right now: waiting for it could take years.
    """
    return at if last_at - at > RIGHTED_SECONDS else max(last_at, at)


class SpoolError(Exception):
    """The file can't be used. The message is fit to show to a user."""


class SpooledFact(NamedTuple):
    machine: str
    """Source name."""
    sequence: int
    occurred_at: float
    type: str
    data: str
    """Its fields as JSON."""


class Spool:
    def __init__(self, path: Path, new_id: Callable[[], str]) -> None:
        """Opens the file, or makes it. `new_id` names a new spool for ever. Raises SpoolError."""
        try:
            # IMMEDIATE: every transaction here writes. No waiting for a lock: nobody else should have it.
            self._db = sqlite3.connect(path, timeout=0, isolation_level="IMMEDIATE")
            for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = FULL"):
                self._db.execute(f"PRAGMA {pragma}")
            self._prepare(new_id)
        except sqlite3.Error as error:
            busy = error.sqlite_errorcode == sqlite3.SQLITE_BUSY
            raise SpoolError(f"{path}: {'another edge is using this spool' if busy else error}") from error
        (self.id,) = self._db.execute("SELECT value FROM meta WHERE key = 'spool_id'").fetchone()
        # Counted here, and not by the database each time: when the ledger is away for days there are many.
        counts = self._db.execute("SELECT machine, count(*) FROM fact WHERE error IS NULL GROUP BY machine")
        self._waiting: dict[str, int] = dict(counts.fetchall())

    def _prepare(self, new_id: Callable[[], str]) -> None:
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if version == 0:
                for statement in filter(str.strip, SCHEMA.split(";")):
                    self._db.execute(statement)
                self._db.execute("INSERT INTO meta VALUES ('spool_id', ?)", (new_id(),))
                self._db.execute(f"PRAGMA user_version = {VERSION}")
            elif version != VERSION:
                raise SpoolError(f"this spool is of version {version}, and the edge reads version {VERSION}")

    def close(self) -> None:
        self._db.close()

    def source(self, machine: str) -> str:
        """What the ledger knows this machine's facts by."""
        return f"{self.id}/{machine}"

    def state(self, machine: str) -> DetectorState:
        row = self._db.execute("SELECT state FROM machine WHERE name = ?", (machine,)).fetchone()
        return msgspec.json.decode(row[0], type=DetectorState) if row else DetectorState()

    def write(self, machine: str, state: DetectorState, facts: Sequence[Fact], at: float) -> None:
        """Writes what one update made, all or nothing."""
        with self._db:
            self._db.execute(
                "INSERT INTO machine VALUES (?, 0, 0, ?) ON CONFLICT (name) DO UPDATE SET state = excluded.state",
                (machine, _json(state)),
            )
            self._append(machine, facts, at)
        self._count(machine, len(facts))

    def backlog(self, machine: str) -> int:
        """Facts that wait for the ledger."""
        return self._waiting.get(machine, 0)

    def machines_waiting(self) -> list[str]:
        """Machines with a backlog, in order of name; also those that the config no longer has."""
        return sorted(self._waiting)

    def waiting(self, machine: str, limit: int) -> list[SpooledFact]:
        """The machine's oldest facts that wait, in order."""
        rows = self._db.execute(
            "SELECT machine, sequence, occurred_at, type, data FROM fact"
            " WHERE machine = ? AND error IS NULL ORDER BY sequence LIMIT ?",
            (machine, limit),
        )
        return [SpooledFact(*row) for row in rows]

    def acknowledge(self, facts: Iterable[SpooledFact]) -> None:
        """The ledger has them: they are deleted."""
        facts = list(facts)
        with self._db:
            self._db.executemany(
                "DELETE FROM fact WHERE machine = ? AND sequence = ?", [(fact.machine, fact.sequence) for fact in facts]
            )
        for fact in facts:
            self._count(fact.machine, -1)

    def set_aside(self, refused: Mapping[SpooledFact, str], at: float) -> None:
        """The ledger will never take them: they are kept with its error, and a fact says so.

        One that only says so itself, and is refused, is kept in silence: it would go on for ever.
        """
        said: list[str] = []
        with self._db:
            for fact, error in refused.items():
                self._db.execute(
                    "UPDATE fact SET error = ? WHERE machine = ? AND sequence = ?", (error, fact.machine, fact.sequence)
                )
                if fact.type != FactSetAside.__name__:
                    self._append(fact.machine, [FactSetAside(fact=fact.type, error=error)], at)
                    said.append(fact.machine)
        for fact in refused:
            self._count(fact.machine, -1)
        for machine in said:
            self._count(machine, 1)

    def profiles(self) -> tuple[str | None, dict[str, Profile]]:
        """Version and profiles as the ledger gave them last, for a start without it. Version None: it never did."""
        rows = dict(self._db.execute("SELECT key, value FROM meta WHERE key IN ('version', 'profiles')").fetchall())
        return rows.get("version"), msgspec.json.decode(rows.get("profiles", "{}"), type=dict[str, Profile])

    def keep_profiles(self, version: str, profiles: Mapping[str, Profile]) -> None:
        with self._db:
            self._db.executemany(
                "INSERT OR REPLACE INTO meta VALUES (?, ?)", [("version", version), ("profiles", _json(profiles))]
            )

    def _append(self, machine: str, facts: Sequence[Fact], at: float) -> None:
        """Gives each fact the machine's next sequence. Along it, times never go back."""
        row = self._db.execute("SELECT last_sequence, last_at FROM machine WHERE name = ?", (machine,)).fetchone()
        sequence, at = row[0], in_order(row[1], at)
        for sequence, fact in enumerate(facts, start=sequence + 1):  # noqa: B020  # goes on from the last one
            fields = msgspec.to_builtins(fact)
            kind = fields.pop("type")
            self._db.execute(
                "INSERT INTO fact VALUES (?, ?, ?, ?, ?, NULL)", (machine, sequence, at, kind, _json(fields))
            )
        self._db.execute("UPDATE machine SET last_sequence = ?, last_at = ? WHERE name = ?", (sequence, at, machine))

    def _count(self, machine: str, change: int) -> None:
        self._waiting[machine] = self._waiting.get(machine, 0) + change
        if not self._waiting[machine]:
            del self._waiting[machine]


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
