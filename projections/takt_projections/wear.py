"""Wear: what each tool has behind it, in parts and milliseconds of cutting.

A tool's spans say from when to when it was in which process, cut by its replacements. Each closed span has its sums. An
open one has a base, and its count is the running total of its process plus that base: so a finished cycle costs one
addition, however many tools cut it. What comes late, or changes the past, is put right in the spans.

Every sum follows from exact rows (parts, run times, moves, replacements), and a rebuild makes them all from those.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import partial

from msgspec import UNSET
from sqlite_utils import Database

from takt_projections import spans
from takt_projections.model import Handler, ReadModel, json_text
from taktledger.domain.assemblies import AssemblyDeleted, AssemblyEdited, AssemblyMoved
from taktledger.domain.controls import ToolRunTimeMeasured
from taktledger.domain.event import Event
from taktledger.domain.parts import CycleFinished, PartDeleted
from taktledger.domain.shop import Assembly, Shop
from taktledger.domain.tools.life import ToolCountCorrected
from taktledger.domain.tools.replacement import ToolReplaced, ToolReplacementUndone
from taktledger.domain.tools.tool import ToolCreated, ToolDeleted, ToolMoved

ADD_PARTS = (
    "INSERT INTO process_totals VALUES (?, ?, ?) ON CONFLICT (process_id) DO UPDATE SET "
    "parts = parts + excluded.parts, counted_until = max(counted_until, excluded.counted_until)"
)
ADD_TIME = (
    "INSERT INTO location_totals VALUES (?, ?, ?) ON CONFLICT (process_id, location) DO UPDATE SET "
    "milliseconds = milliseconds + excluded.milliseconds"
)


class Wear(ReadModel):
    name = "wear"
    version = 2

    def __init__(self) -> None:
        self._has_rows = True
        """False while a rebuild goes on: the rows that sums are made from have no indexes yet."""
        self._totals = _Totals()
        self._run_times: list[tuple[int, int, float, str | None, int | None]] = []
        self._corrections: list[tuple[int, int, float, int, int, int]] = []
        self._steps: list[Callable[[sqlite3.Connection], set[int]]] = []
        """What happened to spans, in order. Each answers the tools that must be recounted."""
        self._recount: set[int] = set()
        self._recount_assemblies: set[int] = set()

    def create(self, db: Database) -> None:
        self._has_rows = False
        # Exact rows: what the sums are made from.
        db.execute(
            "CREATE TABLE run_times (position INTEGER PRIMARY KEY, process_id INTEGER, at REAL, seconds TEXT, "
            "late INTEGER) STRICT"
        )
        db.execute(
            "CREATE TABLE tool_corrections (tool_id INTEGER, process_id INTEGER, at REAL, position INTEGER, "
            "parts INTEGER, milliseconds INTEGER, PRIMARY KEY (tool_id, at, position)) STRICT, WITHOUT ROWID"
        )
        # Sums.
        db.execute(
            "CREATE TABLE process_totals (process_id INTEGER PRIMARY KEY, parts INTEGER, counted_until REAL) STRICT"
        )
        db.execute(
            "CREATE TABLE location_totals (process_id INTEGER, location INTEGER, milliseconds INTEGER, "
            "PRIMARY KEY (process_id, location)) STRICT, WITHOUT ROWID"
        )
        db.execute(
            "CREATE TABLE tool_spans (tool_id INTEGER, begins REAL, ends REAL, process_id INTEGER, location INTEGER, "
            "after_position INTEGER, replacement_id INTEGER, parts INTEGER, milliseconds INTEGER, "
            "PRIMARY KEY (tool_id, begins)) STRICT, WITHOUT ROWID"
        )
        db.execute(
            "CREATE TABLE tool_sums (tool_id INTEGER, replacement_id INTEGER, process_id INTEGER, spans INTEGER, "
            "parts INTEGER, milliseconds INTEGER, PRIMARY KEY (tool_id, replacement_id, process_id)) "
            "STRICT, WITHOUT ROWID"
        )

    def index(self, db: Database) -> None:
        self._has_rows = True
        db.execute("CREATE INDEX run_times_by_process ON run_times (process_id, at)")
        db.execute("CREATE INDEX late_run_times ON run_times (process_id, at) WHERE late = 1")
        tools = [row[0] for row in db.execute("SELECT DISTINCT tool_id FROM tool_moves ORDER BY tool_id")]
        spans.recount(db.conn, tools)
        db.execute("CREATE INDEX tool_spans_by_process ON tool_spans (process_id, ends)")
        db.execute("CREATE INDEX open_tool_spans ON tool_spans (tool_id) WHERE ends IS NULL")
        for statement in spans.KEEP_SUMS:
            db.execute(statement)

    def handlers(self) -> Mapping[type[Event], Handler]:
        return {
            CycleFinished: self._cycle_finished,
            ToolRunTimeMeasured: self._run_time_measured,
            PartDeleted: self._part_deleted,
            AssemblyEdited: self._assembly_edited,
            AssemblyMoved: self._assembly_moved,
            AssemblyDeleted: self._assembly_deleted,
            ToolCreated: self._tool_moved,
            ToolMoved: self._tool_moved,
            ToolDeleted: self._tool_moved,
            ToolReplaced: self._tool_replaced,
            ToolReplacementUndone: self._replacement_undone,
            ToolCountCorrected: self._count_corrected,
        }

    # What was made

    def _cycle_finished(self, event: CycleFinished, shop: Shop, position: int) -> None:
        if event.process_id is not None:
            self._made(event, event.process_id, event.parts, shop, position)

    def _run_time_measured(self, event: ToolRunTimeMeasured, shop: Shop, position: int) -> None:
        process_id = shop.machines[event.machine_id].loaded_process_id
        if process_id is not None:
            self._made(event, process_id, 0, shop, position)

    def _made(
        self, event: CycleFinished | ToolRunTimeMeasured, process_id: int, parts: int, shop: Shop, position: int
    ) -> None:
        at, late = event.occurred_at, event.occurred_at <= shop.tooled_at
        seconds = event.tool_seconds
        self._totals.add(process_id, at, parts, seconds)
        if seconds:
            self._run_times.append((position, process_id, at, json_text(seconds), 1 if late else None))
        if late and self._has_rows:
            self._step(partial(_late, process_id=process_id, at=at, parts=parts, seconds=seconds))

    def _part_deleted(self, event: PartDeleted, shop: Shop, position: int) -> None:
        if event.process_id is not None:
            self._totals.add(event.process_id, event.finished, -1, {})
            if self._has_rows:
                self._step(partial(spans.take_out, process_id=event.process_id, at=event.finished))

    def _count_corrected(self, event: ToolCountCorrected, shop: Shop, position: int) -> None:
        milliseconds = round(event.seconds * 1000)
        self._corrections.append(
            (event.tool_id, event.process_id or 0, event.occurred_at, position, event.parts, milliseconds)
        )

    # Where it was made

    def _assembly_edited(self, event: AssemblyEdited, shop: Shop, position: int) -> None:
        assembly = shop.assemblies[event.assembly_id]
        if event.fields.location is not UNSET:
            self._switched(assembly, event.occurred_at, in_order=assembly.moved_at < event.occurred_at)

    def _assembly_moved(self, event: AssemblyMoved, shop: Shop, position: int) -> None:
        assembly = shop.assemblies[event.assembly_id]
        self._switched(assembly, event.occurred_at, in_order=assembly.moved_at == event.occurred_at)

    def _switched(self, assembly: Assembly, at: float, *, in_order: bool) -> None:
        """`in_order`: it is the latest that happened to this assembly, and not the first."""
        if not in_order:
            self._recount_assemblies.add(assembly.id)
        elif self._has_rows:
            self._step(
                partial(
                    spans.switch,
                    assembly_id=assembly.id,
                    tool_ids=sorted(assembly.tool_ids),
                    at=at,
                    process_id=assembly.process_id,
                    location=assembly.location,
                )
            )

    def _assembly_deleted(self, event: AssemblyDeleted, shop: Shop, position: int) -> None:
        self._recount_assemblies.add(event.assembly_id)

    def _tool_moved(self, event: ToolCreated | ToolMoved | ToolDeleted, shop: Shop, position: int) -> None:
        self._recount.add(event.tool_id)

    def _tool_replaced(self, event: ToolReplaced, shop: Shop, position: int) -> None:
        if event.substitute_id is not None:
            self._recount |= {event.tool_id, event.substitute_id}
        elif self._has_rows:
            tool_id, at, replacement_id = event.tool_id, event.occurred_at, event.replacement_id
            self._step(partial(_cut, tool_id=tool_id, at=at, replacement_id=replacement_id))

    def _replacement_undone(self, event: ToolReplacementUndone, shop: Shop, position: int) -> None:
        self._recount.add(event.tool_id)
        if event.substitute_id is not None:
            self._recount.add(event.substitute_id)

    def _step(self, step: Callable[[sqlite3.Connection], set[int]]) -> None:
        """After what was made before it."""
        if self._totals.is_empty:
            self._steps.append(step)
            return
        self._steps += [self._totals.write, step]
        self._totals = _Totals()

    # Writing

    def write(self, connection: sqlite3.Connection, shop: Shop) -> None:
        connection.executemany("INSERT INTO run_times VALUES (?, ?, ?, ?, ?)", self._run_times)
        connection.executemany("INSERT INTO tool_corrections VALUES (?, ?, ?, ?, ?, ?)", self._corrections)
        for step in self._steps:
            self._recount |= step(connection)
        self._totals.write(connection)
        if self._has_rows:
            for assembly_id in self._recount_assemblies:
                found = connection.execute("SELECT tool_id FROM tool_moves WHERE assembly_id = ?", (assembly_id,))
                self._recount |= {row[0] for row in found}
            if self._recount:
                spans.recount(connection, sorted(self._recount))
        self.forget()

    def forget(self) -> None:
        self._totals = _Totals()
        self._run_times.clear()
        self._corrections.clear()
        self._steps.clear()
        self._recount.clear()
        self._recount_assemblies.clear()


class _Totals:
    """What was made since they were written last."""

    def __init__(self) -> None:
        self._parts: dict[int, tuple[int, float]] = {}
        """Process ID -> parts, and when the latest was made."""
        self._milliseconds: defaultdict[int, defaultdict[int, int]] = defaultdict(lambda: defaultdict(int))
        """Process ID -> location -> of cutting."""

    @property
    def is_empty(self) -> bool:
        return not self._parts

    def add(self, process_id: int, at: float, parts: int, seconds: Mapping[int, float]) -> None:
        before, until = self._parts.get(process_id, (0, at))
        self._parts[process_id] = before + parts, at if at > until else until
        if seconds:
            of = self._milliseconds[process_id]
            for location, each in seconds.items():
                of[location] += round(each * 1000)

    def write(self, connection: sqlite3.Connection) -> set[int]:
        connection.executemany(ADD_PARTS, [(each, *sums) for each, sums in self._parts.items()])
        times = [(process_id, *each) for process_id, of in self._milliseconds.items() for each in of.items()]
        connection.executemany(ADD_TIME, times)
        return set()


def _late(db: sqlite3.Connection, process_id: int, at: float, parts: int, seconds: Mapping[int, float]) -> set[int]:
    spans.add_late(db, process_id, at, parts, {location: round(each * 1000) for location, each in seconds.items()})
    return set()


def _cut(db: sqlite3.Connection, tool_id: int, at: float, replacement_id: int) -> set[int]:
    return set() if spans.cut(db, tool_id, at, replacement_id) else {tool_id}
