"""How many parts each tool of a part had made, against an oracle that asks of every part and every tool anew."""

import sqlite3
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from takt_projections import BUILT_IN, parts
from takt_projections.files import RowsFile
from taktledger.domain.assemblies import AssemblyCreated, AssemblyDeleted, AssemblyFields, AssemblyMoved
from taktledger.domain.event import Event
from taktledger.domain.machines import MachineCreated, MachineFields
from taktledger.domain.parts import CycleFinished, PartDeleted
from taktledger.domain.processes import ProcessCreated, ProcessFields
from taktledger.domain.shop import Shop
from taktledger.domain.tools.fields import ToolFields
from taktledger.domain.tools.tool import ToolCreated, ToolDeleted, ToolMoved

BEGAN = 1_700_000_100.0
QUARTER = 900.0
PROCESSES, ASSEMBLIES, TOOLS = (1, 2), (1, 2), (1, 2, 3)

# A few moments, so that things happen at the same time; and many quarters, so that sums are asked for.
moments = st.sampled_from((0, 1, 2, 9, 10, 20)).map(lambda number: BEGAN + number * QUARTER / 2)
some_process, some_assembly = st.none() | st.sampled_from(PROCESSES), st.none() | st.sampled_from(ASSEMBLIES)
happenings = st.one_of(
    st.tuples(st.just("cycle"), moments, st.sampled_from(PROCESSES), st.integers(1, 2)),
    st.tuples(st.just("cycle"), moments, st.sampled_from(PROCESSES), st.integers(1, 2)),
    st.tuples(st.just("assembly"), moments, st.sampled_from(ASSEMBLIES), some_process),
    st.tuples(st.just("tool"), moments, st.sampled_from(TOOLS), some_assembly),
    st.tuples(st.just("end of assembly"), moments, st.sampled_from(ASSEMBLIES), st.none()),
    st.tuples(st.just("end of tool"), moments, st.sampled_from(TOOLS), st.none()),
    st.tuples(st.just("delete"), moments, st.integers(1, 12), st.none()),
)


class Made(NamedTuple):
    finished: float
    id: int
    process_id: int
    position: int


class Move(NamedTuple):
    at: float
    position: int
    place: int | None


class Naive:
    """Lists of what happened, and loops over them."""

    def __init__(self) -> None:
        self.parts: list[Made] = []
        self.moves: dict[tuple[str, int], list[Move]] = {}

    def place(self, what: str, mover: int, part: Made) -> int | None:
        first = next((move for move in self.moves.get((what, mover), []) if move.place is not None), None)
        if first is None or (part.finished <= first.at and part.position < first.position):
            return None
        later = [move for move in self.moves[what, mover] if move.position > first.position]
        before = [move for move in sorted(later) if move.at < part.finished]
        return before[-1].place if before else first.place

    def made(self, tool: int, part: Made) -> bool:
        assembly = self.place("tool", tool, part)
        return assembly is not None and self.place("assembly", assembly, part) == part.process_id

    def tool_life(self, part: Made) -> dict[int, int]:
        until = [each for each in self.parts if each[:2] <= part[:2]]
        tools = {mover for what, mover in self.moves if what == "tool"}
        return {tool: sum(self.made(tool, each) for each in until) for tool in sorted(tools) if self.made(tool, part)}


@settings(max_examples=200, deadline=None)
@given(st.lists(happenings, max_size=6) | st.lists(happenings, min_size=25, max_size=50))
def test_tool_life_is_what_loops_over_the_events_say(story: list[tuple[str, float, int, Any]]) -> None:
    naive = Naive()
    events: list[Event] = [
        MachineCreated(occurred_at=BEGAN, machine_id=1, source_name="mill", fields=MachineFields(name="mill")),
        *(
            ProcessCreated(occurred_at=BEGAN, process_id=each, machine_id=1, fields=ProcessFields(name="p"))
            for each in PROCESSES
        ),
    ]
    living: set[tuple[str, int]] = set()
    ended: set[tuple[str, int]] = set()
    last_part = 0
    for kind, at, number, more in story:
        what = kind.rpartition(" ")[2]
        position = len(events) + 1
        if kind == "cycle":
            events.append(CycleFinished(occurred_at=at, machine_id=1, process_id=number, cycles=more, parts=more))
            for _ in range(more):
                last_part += 1
                naive.parts.append(Made(at, last_part, number, position))
        elif kind == "delete":
            part = next((each for each in naive.parts if each.id == number), None)
            if part is not None:
                naive.parts.remove(part)
                events.append(_deleted(part))
        elif kind.startswith("end"):
            if (what, number) in living:
                living.discard((what, number))
                ended.add((what, number))
                naive.moves[what, number].append(Move(at, position, None))
                events.append(_ended(what, number, at))
        elif (what, number) not in ended:
            if what == "tool" and more is not None and ("assembly", more) not in living:
                continue
            events.append(_moved(what, number, more, at, new=(what, number) not in living))
            living.add((what, number))
            naive.moves.setdefault((what, number), []).append(Move(at, position, more))
    with tempfile.TemporaryDirectory() as folder:
        found = _rows(Path(folder), events)
    assert found == {part.id: naive.tool_life(part) for part in naive.parts}


def _deleted(part: Made) -> Event:
    return PartDeleted(
        occurred_at=part.finished,
        part_id=part.id,
        machine_id=1,
        program_id=None,
        process_id=part.process_id,
        finished=part.finished,
        program_last_cycle=None,
        process_last_cycle=None,
    )


def _ended(what: str, number: int, at: float) -> Event:
    if what == "tool":
        return ToolDeleted(occurred_at=at, tool_id=number)
    return AssemblyDeleted(occurred_at=at, assembly_id=number)


def _moved(what: str, number: int, place: int | None, at: float, *, new: bool) -> Event:
    if what == "tool":
        if new:
            return ToolCreated(occurred_at=at, tool_id=number, fields=ToolFields(name="t"), assembly_id=place)
        return ToolMoved(occurred_at=at, tool_id=number, assembly_id=place)
    if new:
        return AssemblyCreated(occurred_at=at, assembly_id=number, fields=AssemblyFields(name="a"), process_id=place)
    return AssemblyMoved(occurred_at=at, assembly_id=number, process_id=place)


def _rows(folder: Path, events: list[Event]) -> dict[int, dict[int, int]]:
    """As a page of all parts gives it, which must be what each part alone gives."""
    file, shop = RowsFile.create(folder / "rows.db", BUILT_IN), Shop()
    file.fold(shop, events, 1)
    file.write(shop)
    file.commit()
    file.finish()
    file.connection.row_factory = sqlite3.Row
    found = {part.id: part.tool_life for part in parts.find(file.connection)}
    alone = {each: parts.get(file.connection, each) for each in found}
    assert {each: part[0].tool_life for each, part in alone.items() if part} == found
    file.close()
    return found
