"""Parts: one row each, numbered in the order of the ledger."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, Struct
from sqlite_utils import Database

from takt_projections.model import Handler, ReadModel, json_text
from takt_projections.tool_life import Made, tool_life
from taktledger.domain.event import Event
from taktledger.domain.parts import CycleFinished, LastCycle, PartDeleted, PartEdited, PartRecord
from taktledger.domain.shop import Shop

INSERT = (
    "INSERT INTO parts (id, position, machine_id, program_id, process_id, program_name, finished, parts_per_cycle, "
    "late, tools_seen, variables, work_order) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
UPDATE = (
    "UPDATE parts SET revision = revision + 1, editor_id = ?, notes = coalesce(?, notes), "
    "scrapped = coalesce(?, scrapped), reworked = coalesce(?, reworked), suspect = coalesce(?, suspect) WHERE id = ?"
)


class Parts(ReadModel):
    name = "parts"
    version = 3

    def __init__(self) -> None:
        self._made: list[tuple[Any, ...]] = []
        self._changed: list[tuple[str, tuple[Any, ...]]] = []
        """Statements and their parameters, in order: what happened to parts after they were made."""

    def create(self, db: Database) -> None:
        db.table("parts").create(
            {
                "id": int,
                "position": int,
                "machine_id": int,
                "program_id": int,
                "process_id": int,
                "program_name": str,
                "finished": float,
                "parts_per_cycle": int,
                "late": int,
                "revision": int,
                "editor_id": int,
                "notes": str,
                "scrapped": int,
                "reworked": int,
                "suspect": int,
                "tools_seen": str,
                "variables": str,
                "work_order": str,
            },
            pk="id",
            not_null={"position", "machine_id", "finished", "revision", "notes", "scrapped", "reworked", "suspect"},
            defaults={"revision": 1, "notes": "", "scrapped": 0, "reworked": 0, "suspect": 0},
            strict=True,
        )

    def index(self, db: Database) -> None:
        db.table("parts").create_index(["finished"])
        for owner in ("machine_id", "program_id"):
            db.table("parts").create_index([owner, "finished"])
        db.table("parts").create_index(["process_id", "finished", "position"])
        db.execute("CREATE INDEX late_parts ON parts (process_id, finished, position) WHERE late = 1")

    def handlers(self) -> Mapping[type[Event], Handler]:
        return {
            CycleFinished: self._cycle_finished,
            PartEdited: self._part_edited,
            PartDeleted: self._part_deleted,
        }

    def _cycle_finished(self, event: CycleFinished, shop: Shop, position: int) -> None:
        row = (
            position,
            event.machine_id,
            event.program_id,
            event.process_id,
            event.program,
            event.occurred_at,
            event.parts // event.cycles if event.parts != event.cycles else None,
            1 if event.occurred_at <= shop.tooled_at else None,
            json_text(event.tools_seen) if event.tools_seen else None,
            json_text(event.variables) if event.variables else None,
            event.work_order or None,
        )
        last = shop.parts_made
        if event.parts == 1:
            self._made.append((last, *row))
        else:
            self._made.extend((each, *row) for each in range(last - event.parts + 1, last + 1))

    def _part_edited(self, event: PartEdited, shop: Shop, position: int) -> None:
        fields = event.fields
        said = (fields.notes, fields.scrapped, fields.reworked, fields.suspect)
        values = tuple(None if each is UNSET else each for each in said)
        self._changed.append((UPDATE, (event.editor_id, *values, event.part_id)))

    def _part_deleted(self, event: PartDeleted, shop: Shop, position: int) -> None:
        self._changed.append(("DELETE FROM parts WHERE id = ?", (event.part_id,)))

    def write(self, connection: sqlite3.Connection, shop: Shop) -> None:
        connection.executemany(INSERT, self._made)
        for statement, values in self._changed:
            connection.execute(statement, values)
        self.forget()

    def forget(self) -> None:
        self._made.clear()
        self._changed.clear()


# Queries

SELECT = (
    "SELECT parts.id, parts.revision, position, parts.process_id AS made_in, programs.id AS program_id, "
    "processes.id AS process_id, machines.id AS machine_id, program_name, finished, users.id AS editor_id, "
    "parts.notes, scrapped, reworked, suspect, tools_seen, parts.variables, work_order FROM parts "
    "LEFT JOIN programs ON programs.id = parts.program_id LEFT JOIN processes ON processes.id = parts.process_id "
    "LEFT JOIN machines ON machines.id = parts.machine_id LEFT JOIN users ON users.id = parts.editor_id"
)


class Part(Struct, kw_only=True):
    """One part that a cycle made, as `GET /api/parts/{id}` answers it."""

    id: int
    program_id: int | None
    process_id: int | None
    machine_id: int | None
    """Null when it was deleted."""
    program_name: str | None
    """The file name, as it was then."""
    finished: float
    """UNIX seconds."""
    editor_id: int | None
    """The user who edited it last; null if nobody did, or the user was deleted."""
    notes: str
    scrapped: bool
    reworked: bool
    suspect: bool
    tools_seen: list[int]
    """Locations."""
    tool_life: dict[int, int]
    """Tool ID -> how many parts that tool had made since it was replaced, this one included. (The tools that its
    process had then.)"""
    variables: dict[str, float]
    work_order: str


def get(db: sqlite3.Connection, part_id: int) -> tuple[Part, int] | None:
    """The part and its revision."""
    row = db.execute(f"{SELECT} WHERE parts.id = ?", (part_id,)).fetchone()
    return (_parts(db, [row])[0], row["revision"]) if row else None


def record(connection: sqlite3.Connection, part_id: int) -> PartRecord | None:
    """For a decision about it."""
    columns = PartRecord.__struct_fields__
    row = connection.execute(f"SELECT {', '.join(columns)} FROM parts WHERE id = ?", (part_id,)).fetchone()
    return msgspec.convert(dict(zip(columns, row, strict=True)), PartRecord, strict=False) if row else None


def last_cycle(connection: sqlite3.Connection, owner: str, owner_id: int, without: int) -> LastCycle | None:
    """Of all parts but one. `owner`: `program_id` or `process_id`."""
    row = connection.execute(
        f"SELECT finished, program_id FROM parts WHERE {owner} = ? AND id != ? ORDER BY finished DESC, id DESC LIMIT 1",
        (owner_id, without),
    ).fetchone()
    return LastCycle(finished=row[0], program_id=row[1]) if row else None


def find(
    db: sqlite3.Connection,
    *,
    machine: int | None = None,
    process: int | None = None,
    program: int | None = None,
    start: float | None = None,
    end: float | None = None,
    scrapped: bool | None = None,
    limit: int | None = None,
    offset: int = 0,
) -> list[Part]:
    """Parts that match all that is given, by time and ID. `start` and `end` are UNIX seconds, both included."""
    conditions = {
        "parts.machine_id = ?": machine,
        "parts.process_id = ?": process,
        "parts.program_id = ?": program,
        "finished >= ?": start,
        "finished <= ?": end,
        "scrapped = ?": scrapped,
    }
    given = {condition: value for condition, value in conditions.items() if value is not None}
    where = " AND ".join(given) or "1"
    rows = db.execute(
        f"{SELECT} WHERE {where} ORDER BY finished, parts.id LIMIT ? OFFSET ?",
        (*given.values(), -1 if limit is None else limit, offset),
    )
    return _parts(db, rows.fetchall())


def _parts(db: sqlite3.Connection, rows: Sequence[sqlite3.Row]) -> list[Part]:
    made = [Made(row["finished"], row["id"], row["made_in"], row["position"]) for row in rows if row["made_in"]]
    lives = tool_life(db, made)
    found = []
    for row in rows:
        values = dict(row)
        values["tools_seen"] = msgspec.json.decode(values["tools_seen"] or "[]")
        values["tool_life"] = lives.get(row["id"], {})
        values["variables"] = msgspec.json.decode(values["variables"] or "{}")
        values["work_order"] = values["work_order"] or ""
        found.append(msgspec.convert(values, Part, strict=False))
    return found
