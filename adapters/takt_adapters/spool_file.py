"""The spool's file: opening it, proving that it is what was written, and mending what can be.

SQLite finds a commit that was torn. What else a disk may do is found by a checksum in every row, and by sequences
without holes: a fact that is not as it was written, or not there, is replaced by one that says so. A file that is
damaged beyond that is put aside, and a new one begun.
"""

import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import NamedTuple

import msgspec
import structlog

from taktledger.shopfloor.detector import DetectorState
from taktledger.shopfloor.facts import DAMAGED, Fact, ReportsLost

VERSION = 2
SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL, checksum INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE machine (
    name TEXT PRIMARY KEY,
    acknowledged INTEGER NOT NULL,
    last_sequence INTEGER NOT NULL,
    state TEXT NOT NULL,
    checksum INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE fact (
    machine TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    occurred_at REAL NOT NULL,
    type TEXT NOT NULL,
    data TEXT NOT NULL,
    checksum INTEGER NOT NULL,
    PRIMARY KEY (machine, sequence)
) STRICT, WITHOUT ROWID;
CREATE TABLE refused (
    machine TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    occurred_at REAL NOT NULL,
    type TEXT NOT NULL,
    data TEXT NOT NULL,
    error TEXT NOT NULL,
    PRIMARY KEY (machine, sequence)
) STRICT, WITHOUT ROWID;
"""
UPGRADE = f"""
DROP INDEX waiting;
ALTER TABLE meta RENAME TO old_meta;
ALTER TABLE machine RENAME TO old_machine;
ALTER TABLE fact RENAME TO old_fact;
{SCHEMA}
INSERT INTO meta SELECT key, value, checksum_of(key, value) FROM old_meta;
INSERT INTO fact SELECT machine, sequence, occurred_at, type, data,
    checksum_of(machine, sequence, occurred_at, type, data) FROM old_fact WHERE error IS NULL;
INSERT INTO refused SELECT machine, sequence, occurred_at, type, data, error FROM old_fact WHERE error IS NOT NULL;
INSERT INTO machine SELECT name, acknowledged, last_sequence, state,
    checksum_of(name, acknowledged, last_sequence, state) FROM (
        SELECT *, ifnull((SELECT min(sequence) FROM fact WHERE machine = name) - 1, last_sequence) AS acknowledged
        FROM old_machine
    );
DROP TABLE old_meta;
DROP TABLE old_machine;
DROP TABLE old_fact;
"""
"""From version 1."""

UNUSABLE = {
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_NOTADB,
}
"""Of these SQLite errors the file itself is not the cause, or it is no spool. Others mean that it is damaged."""


class SpoolError(Exception):
    """The file can't be used. The message is fit to show to a user."""


class Damaged(SpoolError):
    """What is in the file is not what was written."""


class SpooledFact(NamedTuple):
    machine: str
    """Source name."""
    sequence: int
    occurred_at: float
    type: str
    data: str
    """Its fields as JSON."""


class SpoolFile:
    def __init__(
        self,
        path: Path,
        new_id: Callable[[], str],
        machines: Iterable[str] = (),
        broken: Callable[[], None] = lambda: None,
    ) -> None:
        """Opens the file, or makes it. `new_id` names a new spool for ever. Raises SpoolError.

        If it is damaged, each of `machines` will have to be told so. `broken` is called when that shows only while it
        is in use: opening it anew puts it aside.
        """
        self._path, self._broken = path, broken
        try:
            self._open(new_id)
        except Damaged as error:
            aside = _put_aside(path)
            log = structlog.get_logger()
            log.error("the spool is damaged: a new one is begun", put_aside=aside.name, error=str(error))
            self._open(new_id)
            with self._transaction():
                self._set("lost", as_json(dict.fromkeys(machines, DAMAGED)))
        self._lost = msgspec.json.decode(self._get("lost") or "{}", type=dict[str, str])
        # Counted here, and not by the database each time: when the ledger is away for days there are many.
        counts = self._db.execute("SELECT machine, count(*) FROM fact GROUP BY machine")
        self._waiting: dict[str, int] = dict(counts.fetchall())

    def _open(self, new_id: Callable[[], str]) -> None:
        existed = self._path.exists()
        try:
            # IMMEDIATE: every transaction here writes. No waiting for a lock: nobody else should have it.
            self._db = sqlite3.connect(self._path, timeout=0, isolation_level="IMMEDIATE")
            # Bytes that are no text are for the checksums to find.
            self._db.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
            self._db.create_function("checksum_of", -1, checksum_of, deterministic=True)
            for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = FULL"):
                self._db.execute(f"PRAGMA {pragma}")
            self._prepare(new_id)
            self._prove()
        except (sqlite3.Error, SpoolError, TypeError, ValueError) as error:
            if hasattr(self, "_db"):
                self._db.close()
            raise _why(self._path, error, existed=existed) from error

    def _prepare(self, new_id: Callable[[], str]) -> None:
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if version == VERSION:
                return  # nothing is written: the disk may be full
            if version == 0:
                self._run(SCHEMA)
                self._set("spool_id", new_id())
            elif version == 1:
                self._run(UPGRADE)
            else:
                raise SpoolError(f"this spool is of version {version}, and the edge reads version {VERSION}")
            self._db.execute(f"PRAGMA user_version = {VERSION}")

    def _run(self, statements: str) -> None:
        """(The database's own way would commit first.)"""
        for statement in filter(str.strip, statements.split(";")):
            self._db.execute(statement)

    def _prove(self) -> None:
        """Finds what is damaged, and mends what can be. Raises Damaged if the file can't be gone on with."""
        for (problem,) in self._db.execute("PRAGMA quick_check(1)"):
            if problem != "ok":
                raise Damaged(problem)
        spool_id = self._get("spool_id")
        if spool_id is None:
            raise Damaged("nobody knows which spool this is")
        self.id = spool_id
        last: dict[str, tuple[int, int]] = {}
        for name, acknowledged, last_sequence, state, checksum in self._db.execute("SELECT * FROM machine").fetchall():
            if checksum != checksum_of(name, acknowledged, last_sequence, state):
                # Without its last sequence one could be given twice.
                raise Damaged(f"the state of {name!r} is not as it was written")
            last[name] = acknowledged, last_sequence
        self._fill_holes(last)

    def _fill_holes(self, machines: Mapping[str, tuple[int, int]]) -> None:
        """A fact whose key is damaged is missing under its own."""
        found = self._db.execute("SELECT machine, count(*), min(sequence), max(sequence) FROM fact GROUP BY machine")
        rows = {machine: tuple(more) for machine, *more in found.fetchall()}
        if rows.keys() - machines.keys():
            with self._transaction():
                self._db.execute("DELETE FROM fact WHERE machine NOT IN (SELECT name FROM machine)")
        for machine, (acknowledged, last_sequence) in machines.items():
            counted = last_sequence - acknowledged
            if rows.get(machine, (0, 0, 0)) == ((counted, acknowledged + 1, last_sequence) if counted else (0, 0, 0)):
                continue
            refused = self._db.execute("SELECT sequence FROM refused WHERE machine = ?", (machine,))
            expected = set(range(acknowledged + 1, last_sequence + 1)) - {sequence for (sequence,) in refused}
            there = {row[0] for row in self._db.execute("SELECT sequence FROM fact WHERE machine = ?", (machine,))}
            with self._transaction():
                for sequence in there - expected:
                    self._db.execute("DELETE FROM fact WHERE machine = ? AND sequence = ?", (machine, sequence))
                for sequence in sorted(expected - there):
                    self._say_damaged(machine, sequence)

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            with self._db:
                yield
        except sqlite3.DatabaseError as error:
            if _code(error) == sqlite3.SQLITE_CORRUPT:
                self._broken()
            raise

    def state(self, machine: str) -> DetectorState:
        row = self._db.execute("SELECT state FROM machine WHERE name = ?", (machine,)).fetchone()
        return msgspec.json.decode(row[0], type=DetectorState) if row else DetectorState()

    def lost(self, machine: str) -> str | None:
        """Why not all that this machine said was kept, which is still to be told."""
        return self._lost.get(machine)

    def _say_damaged(self, machine: str, sequence: int) -> SpooledFact:
        """Says in its place that something was lost, from the fact before it until the one after."""
        times = [
            self._db.execute(
                f"SELECT occurred_at FROM fact WHERE machine = ? AND sequence {side}", (machine, sequence)
            ).fetchone()
            for side in ("< ? ORDER BY sequence DESC LIMIT 1", "> ? ORDER BY sequence LIMIT 1")
        ]
        before, after = (row[0] if row else None for row in times)
        at = after or before or self.state(machine).run.seen_at or 0.0
        fact = SpooledFact(machine, sequence, at, *fields_of(ReportsLost(gap_from=before, why=DAMAGED)))
        self._db.execute("INSERT OR REPLACE INTO fact VALUES (?, ?, ?, ?, ?, ?)", (*fact, checksum_of(*fact)))
        return fact

    def _get(self, key: str) -> str | None:
        """None: it isn't there, or not as it was written."""
        row = self._db.execute("SELECT value, checksum FROM meta WHERE key = ?", (key,)).fetchone()
        return row[0] if row is not None and row[1] == checksum_of(key, row[0]) else None

    def _set(self, key: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?, ?)", (key, value, checksum_of(key, value)))

    def _seal(self, machine: str) -> None:
        self._db.execute(
            "UPDATE machine SET checksum = checksum_of(name, acknowledged, last_sequence, state) WHERE name = ?",
            (machine,),
        )


def checksum_of(*fields: object) -> int:
    """Of the columns of a row, in their order."""
    return zlib.crc32(repr(fields).encode("utf-8", "surrogateescape"))


def _why(path: Path, error: Exception, *, existed: bool) -> SpoolError:
    """What is wrong with the file."""
    if isinstance(error, SpoolError):
        return type(error)(f"{path}: {error}")
    code = _code(error)
    if code == sqlite3.SQLITE_BUSY:
        return SpoolError(f"{path}: another edge is using this spool")
    # Zeros are what a power failure leaves. A file of something else is left alone.
    if not existed or (code in UNUSABLE and not (code == sqlite3.SQLITE_NOTADB and _was_a_spool(path))):
        return SpoolError(f"{path}: {error}")
    return Damaged(f"{path}: {error}")


def _code(error: Exception) -> int | None:
    """SQLite's own, without what it adds to it. Errors of Python's module have none."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _was_a_spool(path: Path) -> bool:
    with path.open("rb") as file:
        return not any(file.read(16)) or path.with_name(f"{path.name}-wal").exists()


def _put_aside(path: Path) -> Path:
    """With what SQLite keeps beside it. Says where it is now."""
    aside = next(free for number in count(1) if not (free := path.with_name(f"{path.name}.damaged-{number}")).exists())
    for end in ("", "-wal", "-shm"):
        file = path.with_name(path.name + end)
        if file.exists():
            file.rename(aside.with_name(aside.name + end))
    return aside


def fields_of(fact: Fact) -> tuple[str, str]:
    """Its type, and its fields as JSON."""
    fields = msgspec.to_builtins(fact)
    return fields.pop("type"), as_json(fields)


def as_json(value: object) -> str:
    return msgspec.json.encode(value).decode()
