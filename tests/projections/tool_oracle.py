"""What tools count, by loops over the list of events: the oracle of `test_tool_counters.py`.

It follows the meaning (docs/tools.md), shares nothing with the read models, and is as slow as it is plain: of each
part, tool and moment it asks anew.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from msgspec import UNSET

from taktledger.domain.assemblies import (
    AssemblyCreated,
    AssemblyDeleted,
    AssemblyEdited,
    AssemblyEvent,
    AssemblyMoved,
)
from taktledger.domain.changeover import ProcessSwitched
from taktledger.domain.controls import ToolRunTimeMeasured
from taktledger.domain.event import Event
from taktledger.domain.parts import CycleFinished, PartDeleted
from taktledger.domain.tools.fields import ToolEvent
from taktledger.domain.tools.life import ToolCountCorrected
from taktledger.domain.tools.replacement import ToolReplaced, ToolReplacementUndone
from taktledger.domain.tools.tool import ToolCreated, ToolDeleted, ToolMoved

OWN = 0
"""In place of a process: all that a tool did."""
EVER, NEVER = float("-inf"), float("inf")

Sums = tuple[int, int]
"""Parts, milliseconds."""


class Move(NamedTuple):
    at: float
    position: int
    place: int | None
    replacement_id: int | None = None


class Edit(NamedTuple):
    """An assembly has this location from here on."""

    at: float
    position: int
    location: int | None


class Made(NamedTuple):
    """What one event says that a process did: a part, or how long its locations cut."""

    at: float
    part_id: int
    """0: no part."""
    position: int
    process_id: int
    milliseconds: dict[int, int]
    """Location -> how long."""


class Correction(NamedTuple):
    at: float
    tool_id: int
    process_id: int
    sums: Sums


class Replacement(NamedTuple):
    at: float
    id: int
    tool_id: int


class Oracle:
    """Lists of what happened, and loops over them. The first event has position 1."""

    def __init__(self, events: Sequence[Event]) -> None:
        self.made: list[Made] = []
        self.tools: list[int] = []
        self.corrections: list[Correction] = []
        self.replacements: list[Replacement] = []
        self._tool_moves: defaultdict[int, list[Move]] = defaultdict(list)
        self._assembly_moves: defaultdict[int, list[Move]] = defaultdict(list)
        self._edits: defaultdict[int, list[Edit]] = defaultdict(list)
        self._loaded: dict[int, int | None] = {}
        """Machine ID -> process ID."""
        self._last_part = 0
        for position, event in enumerate(events, 1):
            self._take(event, position)

    @property
    def parts(self) -> list[Made]:
        """By time and ID."""
        return sorted(each for each in self.made if each.part_id)

    def _take(self, event: Event, position: int) -> None:
        at = event.occurred_at
        match event:
            case CycleFinished():
                for _ in range(event.parts):
                    self._last_part += 1
                    if event.process_id is not None:
                        self.made.append(Made(at, self._last_part, position, event.process_id, {}))
                self._cut(event, position, event.process_id)
            case ToolRunTimeMeasured():
                self._cut(event, position, self._loaded.get(event.machine_id))
            case PartDeleted():
                self.made = [each for each in self.made if each.part_id != event.part_id]
            case ProcessSwitched():
                self._loaded[event.machine_id] = event.process_id
            case ToolCountCorrected():
                sums = event.parts, round(event.seconds * 1000)
                self.corrections.append(Correction(at, event.tool_id, event.process_id or OWN, sums))
            case AssemblyEvent():
                self._take_assembly(event, position)
            case ToolEvent():
                self._take_tool(event, position)

    def _take_assembly(self, event: AssemblyEvent, position: int) -> None:
        at, moves, edits = event.occurred_at, self._assembly_moves[event.assembly_id], self._edits[event.assembly_id]
        match event:
            case AssemblyCreated():
                moves.append(Move(at, position, event.process_id))
                edits.append(Edit(at, position, event.fields.location or None))
            case AssemblyMoved():
                moves.append(Move(at, position, event.process_id))
            case AssemblyDeleted():
                moves.append(Move(at, position, None))
            case AssemblyEdited() if event.fields.location is not UNSET:
                edits.append(Edit(at, position, event.fields.location))

    def _take_tool(self, event: ToolEvent, position: int) -> None:
        at, moves = event.occurred_at, self._tool_moves[event.tool_id]
        match event:
            case ToolCreated():
                self.tools.append(event.tool_id)
                moves.append(Move(at, position, event.assembly_id))
            case ToolMoved():
                moves.append(Move(at, position, event.assembly_id))
            case ToolDeleted():
                moves.append(Move(at, position, None))
            case ToolReplaced():
                self.replacements.append(Replacement(at, event.replacement_id, event.tool_id))
                if event.substitute_id is not None:
                    into = Move(at, position, event.assembly_id, event.replacement_id)
                    self._tool_moves[event.substitute_id].append(into)
                    moves.append(into._replace(place=None))
            case ToolReplacementUndone():
                self.replacements = [each for each in self.replacements if each.id != event.replacement_id]
                for each in self._tool_moves.values():
                    each[:] = [move for move in each if move.replacement_id != event.replacement_id]

    def _cut(self, event: CycleFinished | ToolRunTimeMeasured, position: int, process_id: int | None) -> None:
        if process_id is not None and event.tool_seconds:
            times = {location: round(seconds * 1000) for location, seconds in event.tool_seconds.items()}
            self.made.append(Made(event.occurred_at, 0, position, process_id, times))

    # Places

    def _made_with(self, tool_id: int, made: Made) -> Sums | None:
        """What the tool has behind it by this; null if it had nothing to do with it."""
        assembly_id = _place(self._tool_moves[tool_id], made)
        if assembly_id is None or _place(self._assembly_moves[assembly_id], made) != made.process_id:
            return None
        location = self._location(assembly_id, made)
        return 1 if made.part_id else 0, made.milliseconds.get(location, 0) if location is not None else 0

    def _location(self, assembly_id: int, made: Made) -> int | None:
        """Where the assembly was put first it had the location that it had when that was recorded."""
        first, edits = _first(self._assembly_moves[assembly_id]), self._edits[assembly_id]
        at_first = [each for each in edits if each.position <= first.position]
        later = sorted(each for each in edits if each.position > first.position and each.at < made.at)
        return (at_first[-1:] + later)[-1].location

    # Counters

    def _counter(self, tool_id: int, at: float) -> int:
        """The replacement on whose record it is; 0: the counter that runs now."""
        ends = sorted(each for each in self.replacements if each.tool_id == tool_id and each.at >= at)
        return ends[0].id if ends else 0

    def counts(self, tool_id: int, counter: int = 0, until: float = NEVER) -> dict[int, Sums]:
        """Process ID, or OWN -> parts and milliseconds. Pairs that count nothing are left out."""
        found = {OWN: (0, 0)}
        for at, process_id, sums in self._counted(tool_id):
            if at <= until and self._counter(tool_id, at) == counter:
                parts, milliseconds = found.get(process_id, (0, 0))
                found[process_id] = parts + sums[0], milliseconds + sums[1]
        return {each: sums for each, sums in found.items() if any(sums) or each == OWN}

    def _counted(self, tool_id: int) -> Iterator[tuple[float, int, Sums]]:
        """When, in which process (or OWN), and how much."""
        for made in self.made:
            sums = self._made_with(tool_id, made)
            if sums is not None:
                yield made.at, OWN, sums
                yield made.at, made.process_id, sums
        for each in self.corrections:
            if each.tool_id == tool_id:
                yield each.at, each.process_id, each.sums

    def records(self) -> dict[int, Sums]:
        """Replacement ID -> what the tool had behind it."""
        return {each.id: self.counts(each.tool_id, each.id)[OWN] for each in self.replacements}

    def average_lives(self) -> dict[int, float]:
        lives: defaultdict[int, list[int]] = defaultdict(list)
        for each in self.replacements:
            lives[each.tool_id].append(self.counts(each.tool_id, each.id)[OWN][0])
        return {tool_id: sum(parts) / len(parts) for tool_id, parts in lives.items()}

    def tool_lives(self) -> dict[int, dict[int, int]]:
        """Part ID -> tool ID -> how many parts it had made since it was replaced, this one included."""
        found: dict[int, dict[int, int]] = {each.part_id: {} for each in self.parts}
        for tool_id in self.tools:
            counted: Counter[int] = Counter()
            for part in self.parts:
                if self._made_with(tool_id, part):
                    counter = self._counter(tool_id, part.at)
                    counted[counter] += 1
                    found[part.part_id][tool_id] = counted[counter] + self._corrected(tool_id, counter, part.at)
        return found

    def _corrected(self, tool_id: int, counter: int, until: float) -> int:
        return sum(
            each.sums[0]
            for each in self.corrections
            if each.tool_id == tool_id and each.process_id == OWN and each.at <= until
            if self._counter(tool_id, each.at) == counter
        )

    def last_parts(self) -> dict[int, int]:
        """Tool ID -> the latest part that was made with it."""
        found = {each: [part.part_id for part in self.parts if self._made_with(each, part)] for each in self.tools}
        return {tool_id: parts[-1] for tool_id, parts in found.items() if parts}


def _first(moves: Iterable[Move]) -> Move:
    """Where it was put first, in the order in which that was recorded."""
    return next((move for move in moves if move.place is not None), Move(NEVER, 0, None))


def _place(moves: Sequence[Move], made: Made) -> int | None:
    """Where something was when this was made. There it was first put it has always been, for what is recorded later;
    but a substitute takes over when it replaces."""
    first = _first(moves)
    has_always_been = made.position > first.position and first.replacement_id is None
    if first.place is None or (made.at <= first.at and not has_always_been):
        return None
    put = first if first.replacement_id else first._replace(at=EVER)
    return max(
        move for move in (put, *moves) if move.at < made.at and (move is put or move.position > first.position)
    ).place
