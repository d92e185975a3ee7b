"""The spool: what the edge has detected and the ledger has not acknowledged yet, in one SQLite file.

A machine's state and the facts that led to it are written in one transaction, so that a crash at any moment detects
nothing twice and loses nothing. Each fact has its machine's next sequence, which is never given twice, not even after
the fact is gone: source and sequence are what the ledger knows a repeated fact by.

Writing waits for the disk on the event loop: a few milliseconds, and polls that are late miss nothing, since it is
counters that are read.

SQLite finds a commit that was torn. What else a disk may do is found by a checksum in every row: a fact that is not as
it was written is replaced by one that says so. A file that is damaged beyond that is put aside, and a new one begun.

A spool belongs to one process, which holds the file's lock as long as it is open: two edges on one spool would count
everything twice.
"""

import sqlite3
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import NamedTuple

import msgspec
import structlog

from taktledger.shopfloor.detector import DetectorState
from taktledger.shopfloor.facts import Fact, FactSetAside, ReportsLost
from taktledger.shopfloor.profile import Profile

VERSION = 2
SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE machine (
    name TEXT PRIMARY KEY,
    last_sequence INTEGER NOT NULL,
    last_at REAL NOT NULL,
    state TEXT NOT NULL,
    checksum INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE fact (
    machine TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    occurred_at REAL NOT NULL,
    type TEXT NOT NULL,
    data TEXT NOT NULL,
    error TEXT,
    checksum INTEGER NOT NULL,
    PRIMARY KEY (machine, sequence)
) STRICT, WITHOUT ROWID;
CREATE INDEX waiting ON fact (machine, sequence) WHERE error IS NULL;
"""
UPGRADE = """
ALTER TABLE machine ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE fact ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
UPDATE machine SET checksum = checksum_of(name, last_sequence, last_at, state);
UPDATE fact SET checksum = checksum_of(machine, sequence, occurred_at, type, data);
"""
"""From version 1."""

RIGHTED_SECONDS = 3600.0


def in_order(last_at: float, at: float) -> float:
    """Times never go back along the sequences of a machine: a clock that was set back a little stands still meanwhile.

    One that was ahead by more than an hour was wrong, and is right now: waiting for it could take years.
    """
    return at if last_at - at > RIGHTED_SECONDS else max(last_at, at)


class SpoolError(Exception):
    """The file can't be used. The message is fit to show to a user."""


class Damaged(SpoolError):
    """What is in the file is not what was written."""


class Dated(NamedTuple):
    """A fact, and when it happened. UNIX seconds."""

    fact: Fact
    at: float


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
        self.was_damaged = False
        """The file that was there had to be put aside."""
        try:
            self._open(path, new_id)
        except Damaged as error:
            aside = _put_aside(path)
            structlog.get_logger().error(
                "the spool is damaged: a new one is begun", put_aside=aside.name, error=str(error)
            )
            self.was_damaged = True
            self._open(path, new_id)
        (self.id,) = self._db.execute("SELECT value FROM meta WHERE key = 'spool_id'").fetchone()
        # Counted here, and not by the database each time: when the ledger is away for days there are many.
        counts = self._db.execute("SELECT machine, count(*) FROM fact WHERE error IS NULL GROUP BY machine")
        self._waiting: dict[str, int] = dict(counts.fetchall())

    def _open(self, path: Path, new_id: Callable[[], str]) -> None:
        # IMMEDIATE: every transaction here writes. No waiting for a lock: nobody else should have it.
        try:
            self._db = sqlite3.connect(path, timeout=0, isolation_level="IMMEDIATE")
        except sqlite3.Error as error:
            raise SpoolError(f"{path}: {error}") from error
        self._db.create_function("checksum_of", -1, checksum_of, deterministic=True)
        try:
            for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = FULL"):
                self._db.execute(f"PRAGMA {pragma}")
            self._prepare(new_id)
            self._prove()
        except sqlite3.Error as error:
            self._db.close()
            kinds = {
                sqlite3.SQLITE_BUSY: SpoolError("another edge is using this spool"),
                sqlite3.SQLITE_CORRUPT: Damaged(error),
            }
            found = kinds.get(error.sqlite_errorcode & 0xFF, SpoolError(error))
            raise type(found)(f"{path}: {found}") from error
        except SpoolError:
            self._db.close()
            raise

    def _prepare(self, new_id: Callable[[], str]) -> None:
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if version == 0:
                self._run(SCHEMA)
                self._db.execute("INSERT INTO meta VALUES ('spool_id', ?)", (new_id(),))
            elif version == 1:
                self._run(UPGRADE)
            elif version != VERSION:
                raise SpoolError(f"this spool is of version {version}, and the edge reads version {VERSION}")
            self._db.execute(f"PRAGMA user_version = {VERSION}")

    def _run(self, statements: str) -> None:
        """(The database's own way would commit first.)"""
        for statement in filter(str.strip, statements.split(";")):
            self._db.execute(statement)

    def _prove(self) -> None:
        """Raises Damaged if the file can't be gone on with: without the last sequence one could be given twice."""
        for (problem,) in self._db.execute("PRAGMA quick_check(1)"):
            if problem != "ok":
                raise Damaged(problem)
        wrong = self._db.execute(
            "SELECT name FROM machine WHERE checksum != checksum_of(name, last_sequence, last_at, state)"
        )
        if (row := wrong.fetchone()) is not None:
            raise Damaged(f"the state of {row[0]} is not as it was written")

    def close(self) -> None:
        self._db.close()

    def source(self, machine: str) -> str:
        """What the ledger knows this machine's facts by."""
        return f"{self.id}/{machine}"

    def state(self, machine: str) -> DetectorState:
        row = self._db.execute("SELECT state FROM machine WHERE name = ?", (machine,)).fetchone()
        return msgspec.json.decode(row[0], type=DetectorState) if row else DetectorState()

    def write(self, machine: str, state: DetectorState, facts: Sequence[Dated]) -> None:
        """Writes what one poll made, all or nothing."""
        with self._db:
            self._db.execute(
                "INSERT INTO machine VALUES (?, 0, 0, ?, 0) ON CONFLICT (name) DO UPDATE SET state = excluded.state",
                (machine, _json(state)),
            )
            self._append(machine, facts)
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
            "SELECT machine, sequence, occurred_at, type, data, checksum FROM fact"
            " WHERE machine = ? AND error IS NULL ORDER BY sequence LIMIT ?",
            (machine, limit),
        )
        facts: list[SpooledFact] = []
        for *fields, checksum in rows.fetchall():
            fact = SpooledFact(*fields)
            if checksum != checksum_of(*fact):
                fact = self._replace_damaged(fact, facts[-1].occurred_at if facts else None)
            facts.append(fact)
        return facts

    def _replace_damaged(self, fact: SpooledFact, before: float | None) -> SpooledFact:
        """Says in its place that something was lost. `before`: the time of the fact before it, if that is known."""
        structlog.get_logger().error("a fact in the spool is damaged", **fact._asdict())
        (last_at,) = self._db.execute("SELECT last_at FROM machine WHERE name = ?", (fact.machine,)).fetchone()
        kind, data = _fields(ReportsLost(gap_from=before, why="damaged"))
        fact = SpooledFact(fact.machine, fact.sequence, last_at, kind, data)
        with self._db:
            self._db.execute(
                "UPDATE fact SET occurred_at = ?, type = ?, data = ?, checksum = ? WHERE machine = ? AND sequence = ?",
                (*fact[2:], checksum_of(*fact), fact.machine, fact.sequence),
            )
        return fact

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
                    self._append(fact.machine, [Dated(FactSetAside(fact=fact.type, error=error), at)])
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

    def _append(self, machine: str, facts: Sequence[Dated]) -> None:
        """Gives each fact the machine's next sequence. Along it, times never go back."""
        row = self._db.execute("SELECT last_sequence, last_at FROM machine WHERE name = ?", (machine,)).fetchone()
        sequence, at = row
        for sequence, dated in enumerate(facts, start=sequence + 1):  # noqa: B020  # goes on from the last one
            at = in_order(at, dated.at)
            fact = SpooledFact(machine, sequence, at, *_fields(dated.fact))
            self._db.execute("INSERT INTO fact VALUES (?, ?, ?, ?, ?, NULL, ?)", (*fact, checksum_of(*fact)))
        self._db.execute(
            "UPDATE machine SET last_sequence = ?1, last_at = ?2, checksum = checksum_of(name, ?1, ?2, state)"
            " WHERE name = ?3",
            (sequence, at, machine),
        )

    def _count(self, machine: str, change: int) -> None:
        self._waiting[machine] = self._waiting.get(machine, 0) + change
        if not self._waiting[machine]:
            del self._waiting[machine]


def checksum_of(*fields: object) -> int:
    """Of the columns of a row, in their order."""
    return zlib.crc32(repr(fields).encode())


def _put_aside(path: Path) -> Path:
    """With what SQLite keeps beside it. Says where it is now."""
    aside = next(free for number in count(1) if not (free := path.with_name(f"{path.name}.damaged-{number}")).exists())
    for end in ("", "-wal", "-shm"):
        file = path.with_name(path.name + end)
        if file.exists():
            file.rename(aside.with_name(aside.name + end))
    return aside


def _fields(fact: Fact) -> tuple[str, str]:
    """Its type, and its fields as JSON."""
    fields = msgspec.to_builtins(fact)
    return fields.pop("type"), _json(fields)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
