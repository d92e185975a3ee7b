"""Production: parts per program, process and machine, in quarter hours of UTC.

Every time zone's midnight falls on a quarter hour, so days are added up when they are read: the zone is a question,
not a fact.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import msgspec
from sqlite_utils import Database

from takt_projections.model import Handler, ReadModel
from taktledger.domain.event import Event
from taktledger.domain.parts import CycleFinished, PartDeleted
from taktledger.domain.shop import Shop

QUARTER_SECONDS = 900

ADD = (
    "INSERT INTO production (program_id, process_id, machine_id, quarter, parts) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (program_id, process_id, machine_id, quarter) DO UPDATE SET parts = parts + excluded.parts"
)


class Production(ReadModel):
    name = "production"
    version = 2

    def __init__(self) -> None:
        self._sums: defaultdict[tuple[int, int, int, int], int] = defaultdict(int)

    def create(self, db: Database) -> None:
        key = {"program_id": int, "process_id": int, "machine_id": int, "quarter": int}
        db.table("production").create({**key, "parts": int}, pk=tuple(key), not_null={*key, "parts"}, strict=True)

    def index(self, db: Database) -> None:
        for owner in ("program_id", "process_id"):
            db.table("production").create_index([owner, "quarter", "parts"])

    def handlers(self) -> Mapping[type[Event], Handler]:
        return {CycleFinished: self._cycle_finished, PartDeleted: self._part_deleted}

    def _cycle_finished(self, event: CycleFinished, shop: Shop, position: int) -> None:
        if event.parts:
            self._sums[_key(event, event.occurred_at)] += event.parts

    def _part_deleted(self, event: PartDeleted, shop: Shop, position: int) -> None:
        self._sums[_key(event, event.finished)] -= 1

    def write(self, connection: sqlite3.Connection, shop: Shop) -> None:
        connection.executemany(ADD, [(*key, parts) for key, parts in self._sums.items()])
        self._sums.clear()

    def forget(self) -> None:
        self._sums.clear()


def _key(event: CycleFinished | PartDeleted, finished: float) -> tuple[int, int, int, int]:
    quarter = int(finished // QUARTER_SECONDS) * QUARTER_SECONDS
    return event.program_id or 0, event.process_id or 0, event.machine_id, quarter


# Queries


def days(db: sqlite3.Connection, owner: str, owner_id: int, first: date, last: date, zone: ZoneInfo) -> dict[str, int]:
    """`YYYY-MM-DD` -> parts, in local days from first to last. Days without parts are left out.

    `owner`: `program_id` or `process_id`.
    """
    begins = [midnight(first + timedelta(days=each), zone) for each in range((last - first).days + 2)]
    names = [(first + timedelta(days=each)).isoformat() for each in range(len(begins) - 1)]
    sums = db.execute(
        f"SELECT (SELECT sum(parts) FROM production WHERE {owner} = ? AND quarter >= day.value ->> 0 "
        "AND quarter < day.value ->> 1) FROM json_each(?) AS day ORDER BY day.key",
        (owner_id, msgspec.json.encode(list(pairwise(begins))).decode()),
    )
    return {name: parts for name, (parts,) in zip(names, sums, strict=True) if parts}


def parts_made(db: sqlite3.Connection, process_id: int, after: float, until: float, *, including_end: bool) -> int:
    """Parts of a process in this span of time, without its beginning: whole quarter hours, and what is left over."""
    if until <= after and not (including_end and until == after):
        return 0
    first = -(-max(after, 0.0) // QUARTER_SECONDS) * QUARTER_SECONDS + QUARTER_SECONDS
    last = until // QUARTER_SECONDS * QUARTER_SECONDS
    end = "<=" if including_end else "<"
    count = f"SELECT count(*) FROM parts WHERE process_id = :process AND finished > :after AND finished {end} :until"
    if first >= last:
        rows = db.execute(count, {"process": process_id, "after": after, "until": until})
        return int(rows.fetchone()[0])
    rows = db.execute(
        "SELECT (SELECT coalesce(sum(parts), 0) FROM production WHERE process_id = :process AND quarter >= :first "
        "AND quarter < :last) + (SELECT count(*) FROM parts WHERE process_id = :process AND finished > :after "
        f"AND finished < :first) + (SELECT count(*) FROM parts WHERE process_id = :process AND finished >= :last "
        f"AND finished {end} :until)",
        {"process": process_id, "after": after, "until": until, "first": first, "last": last},
    )
    return int(rows.fetchone()[0])


def midnight(day: date, zone: ZoneInfo) -> float:
    """When this local day begins. UNIX seconds."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()
