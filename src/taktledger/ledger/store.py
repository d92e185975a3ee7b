"""The ledger: the events of one shop, appended by one writer and read by anybody."""

import fcntl
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec
from eventsourcing.persistence import StoredEvent

from taktledger.domain.event import Codec, Event, schema_version, topic
from taktledger.domain.fold import CODEC
from taktledger.ledger.sqlite import LedgerFactory, LedgerRecorder

BATCH = 10_000
"""Events that a scan decodes at once. Fewer are slower, more only cost memory."""
SEARCHED_POSITIONS = 100_000
"""What one filtered page looks through at most, so that a rare type can't stall the server."""
CACHED_VERSIONS = 100_000


class LedgerInUse(Exception):
    """Another process has this ledger open for writing."""


class LedgerReadOnly(Exception):
    """This process has the ledger open for reading."""


class StoredPage(msgspec.Struct, kw_only=True):
    """Events as the ledger shows them, and where to go on."""

    events: list["StoredRow"]
    next_after: int | None


class StoredRow(msgspec.Struct, kw_only=True):
    """One event as it stands in the ledger."""

    position: int
    stream: str
    stream_version: int
    type: str
    schema_version: int
    occurred_at: float
    recorded_at: float
    actor: str
    source: str | None
    source_sequence: int | None
    data: dict[str, Any]


class Recorded(NamedTuple):
    position: int
    event: Event


class Ledger:
    """The events of one shop, in one file. Open for writing in one process at a time, for reading in any number."""

    def __init__(self, path: Path, *, writing: bool = True, codec: Codec = CODEC) -> None:
        self.path = path
        self._codec = codec
        self._lock = _lock(path.with_suffix(".lock")) if writing else None
        if not writing and not path.exists():
            raise FileNotFoundError(f"there is no ledger at {path}")
        factory = LedgerFactory(
            {"SQLITE_DBNAME": str(path), "ORIGINATOR_ID_TYPE": "text", "CREATE_TABLE": "t" if writing else "f"}
        )
        self._factory = factory
        self._versions: dict[str, int] = {}
        try:
            self._recorder = cast(LedgerRecorder, factory.application_recorder())
            self.head = self.read_head()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._factory.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def read_head(self) -> int:
        """The last position, 0 for an empty ledger."""
        return cast(int, self._recorder.query("SELECT coalesce(max(position), 0) FROM stored_events")[0][0])

    def append(self, events: Sequence[Event], images: Mapping[str, bytes] | None = None) -> None:
        """Writes all of these events or none, with the images that they name by their SHA-256. When it returns they are
        on the disk, at `head` and before it."""
        if not events:
            return
        if self._lock is None:
            raise LedgerReadOnly(f"{self.path} is open for reading only")
        versions: dict[str, int] = {}
        stored = []
        for event in events:
            stream = event.stream
            version = versions.get(stream) or self._version(stream)
            versions[stream] = version + 1
            stored.append(StoredEvent(stream, version + 1, topic(type(event)), self._codec.encode(event)))
        self._recorder.insert_events(stored, first_position=self.head + 1, images=images or {})
        self.head += len(events)
        if len(self._versions) > CACHED_VERSIONS:
            self._versions.clear()
        self._versions.update(versions)

    def written_by(self, stream: str, actor: str, key: str) -> list[Recorded]:
        """The events of the request that came with this `Idempotency-Key`. The first of them is in this stream."""
        rows = self._recorder.query(
            "SELECT position, state FROM stored_events WHERE originator_id = ? AND instr(state, ?) "
            "ORDER BY originator_version DESC",
            (stream, msgspec.json.encode(key).decode()),
        )
        for position, state in rows:
            first = self._codec.decode(state)
            if first.actor == actor and first.receipt is not None and first.receipt.key == key:
                return self._rest_of(position, first)
        return []

    def _rest_of(self, position: int, first: Event) -> list[Recorded]:
        found = [Recorded(position, first)]
        for start, events in self.scan(position):
            for at, event in enumerate(events, start):
                if event.follows != len(found):
                    return found
                found.append(Recorded(at, event))
        return found

    def image(self, sha256: str) -> bytes | None:
        found = self._recorder.query("SELECT bytes FROM images WHERE sha256 = ?", (sha256,))
        return cast(bytes, found[0][0]) if found else None

    def forget(self) -> None:
        """After a failed append: nobody knows what became of it. Look again."""
        self._versions.clear()
        self.head = self.read_head()

    def scan(self, after: int = 0, until: int | None = None) -> Iterator[tuple[int, list[Event]]]:
        """Batches of events with the position of the first: the fast way through the ledger."""
        end = self.read_head() if until is None else until
        while after < end:
            count, array = self._recorder.scan(after, min(BATCH, end - after))
            if not count:
                return
            yield after + 1, self._codec.decode_array(array)
            after += count

    def position_at(self, recorded_at: float) -> int:
        """The last position that was written at this time or before it."""
        low, high = 0, self.read_head()
        while low < high:  # recorded_at never goes backwards along positions
            middle = (low + high + 1) // 2
            row = self._recorder.query(
                "SELECT state ->> '$.recorded_at' FROM stored_events WHERE position = ?", (middle,)
            )
            low, high = (middle, high) if row[0][0] <= recorded_at else (low, middle - 1)
        return low

    def page(
        self, after: int, limit: int, *, stream: str | None, kind: str | None, since: float | None, until: float | None
    ) -> StoredPage:
        """Events after a position, of a stream or a type, recorded in [since, until]. Looks through at most 100,000."""
        last = self.read_head() if until is None else self.position_at(until)
        if since is not None:
            after = max(after, self.position_at(math.nextafter(since, 0)))
        searching = kind is not None or stream is not None
        end = min(last, after + SEARCHED_POSITIONS) if searching else last
        where = "position > ? AND position <= ?"
        values: list[Any] = [after, end]
        if stream is not None:
            where += " AND +originator_id = ?"  # by position: its index would sort the whole stream for each page
            values.append(stream)
        if kind is not None:
            where += " AND (topic = ? OR substr(topic, 1, ?) = ?)"  # any version of it
            values += [kind, len(kind) + 1, f"{kind}."]
        rows = self._recorder.query(
            "SELECT position, originator_id, originator_version, topic, state FROM stored_events "
            f"WHERE {where} ORDER BY position LIMIT ?",
            (*values, limit),
        )
        found = [_row(*row) for row in rows]
        reached = found[-1].position if len(found) == limit else end
        return StoredPage(events=found, next_after=reached if reached < last else None)

    def _version(self, stream: str) -> int:
        version = self._versions.get(stream)
        if version is None:
            rows = self._recorder.query(
                "SELECT coalesce(max(originator_version), 0) FROM stored_events WHERE originator_id = ?", (stream,)
            )
            version = cast(int, rows[0][0])
        return version


def _row(position: int, stream: str, version: int, kind: str, state: str) -> StoredRow:
    data = msgspec.json.decode(state)
    del data["event"]
    data.pop("receipt", None)  # somebody's Idempotency-Key
    return StoredRow(
        position=position,
        stream=stream,
        stream_version=version,
        type=kind.partition(".")[0],
        schema_version=schema_version(kind),
        occurred_at=data.pop("occurred_at"),
        recorded_at=data.pop("recorded_at"),
        actor=data.pop("actor"),
        source=data.pop("source", None),
        source_sequence=data.pop("source_sequence", None),
        data=data,
    )


def _lock(path: Path) -> int:
    """Held as long as the process lives, also after a kill -9 no longer: the system lets go of it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        owner = os.pread(descriptor, 20, 0).decode(errors="replace").strip()
        os.close(descriptor)
        raise LedgerInUse(
            f"another Taktledger (process {owner or 'unknown'}) is writing to {path.parent}: stop it first"
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor
