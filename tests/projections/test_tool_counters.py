"""What tools count, against an oracle that loops over the events: live counters, records of replacements, average
lives, the tools of each part. In the rows of a server that lives through it, and in those of a rebuild."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET, Struct

from projections.tool_oracle import OWN, Oracle, Sums
from street import START, Clock, Street, events, new_folder, new_street, one_of, request, rows
from takt_projections import BUILT_IN, parts, replacements, tool_counts
from takt_projections.files import RowsFile, catch_up
from takt_projections.history import History
from takt_projections.rebuild import rebuild_into
from taktledger.domain import assembling as on_assemblies
from taktledger.domain.assemblies import AssemblyChanges, CreateAssembly, EditAssembly, create_assembly, edit_assembly
from taktledger.domain.changeover import ChangeOver, change_over
from taktledger.domain.errors import DomainError
from taktledger.domain.event import Event
from taktledger.domain.machines import CreateMachine, create_machine
from taktledger.domain.parts import CycleFinished, DeletePart, delete_part
from taktledger.domain.processes import CreateProcess, DeleteProcess, create_process, delete_process
from taktledger.domain.programs import CreateProgram, EditProgram, ProgramFields, create_program, edit_program
from taktledger.domain.shop import Shop
from taktledger.domain.tools import editing
from taktledger.domain.tools.life import ToolCountCorrected
from taktledger.domain.tools.replacing import ReplaceTool, Replacing, UndoReplacement, replace_tool, undo_replacement
from taktledger.domain.tools.tool import CreateTool, DeleteTool, create_tool, delete_tool
from taktledger.ledger.writer import Answer, Request
from taktledger.shopfloor.facts import ProgramSeen, RunTimeSeen
from taktledger.shopfloor.ingest import TakeFact, take_fact

STEP = 450.0
"""Half of the quarter hours that production is summed in. Seconds."""
NOW = START + 4 * STEP
"""When a story begins: there is a past before it."""
MOMENTS = tuple(START + number * STEP for number in (0, 3, 4, 5, 6, 9))
ASKED = MOMENTS[1::2]
"""Until when counters are asked for."""


class Do(Struct, frozen=True):
    """One request."""

    decide: Callable[..., Any]
    command: Any

    def on(self, street: Street) -> Request:
        history = {"history": History(street.models)} if self.decide in WITH_HISTORY else {}
        return request(partial(self.decide, **history), self.command)


class Story(Struct, frozen=True):
    """What happens to a shop."""

    begins: list[Do]
    then: list[tuple[int, Do]]
    """Steps since what was before it, and a request."""
    group: int
    """Requests that are written as one, at most, of those that come at the same moment."""
    share: float
    """Of the ledger. That much is rebuilt, and the rest caught up with in one go."""

    def groups(self) -> Iterator[tuple[int, list[Do]]]:
        """Steps to wait, and what comes then."""
        for each in self.begins:
            yield 0, [each]
        waited, those = 0, list[Do]()
        for wait, do in self.then:
            if those and (wait or len(those) == self.group):
                yield waited, those
                waited, those = 0, []
            waited, those = waited or wait, [*those, do]
        yield waited, those


def finish_cycles(shop: Shop, event: CycleFinished, now: float) -> Iterator[Event]:
    """What a control says, of any time. A process that is gone makes nothing."""
    if event.process_id in shop.processes:
        yield event


WITH_HISTORY = (
    delete_part,
    editing.adjust_part_counts,
    editing.edit_process_life,
    editing.edit_tool,
    replace_tool,
    undo_replacement,
)

# What may happen

moments = st.sampled_from(MOMENTS)
sometime = st.sampled_from((None, *MOMENTS))
a_process, some_process = st.sampled_from((1, 2)), st.sampled_from((None, 1, 2, 1, 2))
an_assembly, some_assembly = st.sampled_from((1, 2, 1, 2, 3)), st.sampled_from((None, 1, 2, 1, 2, 3))
a_tool = st.sampled_from((1, 2, 3, 1, 2, 3, 4))
a_location, some_location = st.sampled_from((1, 2)), st.sampled_from((1, 2, 1, 2, None))
seconds = st.sampled_from((0.0, 0.0004, 1.5, 7.0006))
counted = {"part_count": st.sampled_from((UNSET, 0, 1, 5)), "runtime": st.just(UNSET) | seconds}


def some(kind: Callable[..., Any], **fields: Any) -> st.SearchStrategy[Any]:
    """`fields`: strategies, and values."""
    drawn = {name: value if isinstance(value, st.SearchStrategy) else st.just(value) for name, value in fields.items()}
    return st.builds(kind, **drawn)


def do(decide: Callable[..., Any], kind: Callable[..., Any], **fields: Any) -> st.SearchStrategy[Do]:
    return st.builds(Do, st.just(decide), some(kind, **fields))


def a_cycle(cycles: int, each: int, **more: Any) -> CycleFinished:
    return CycleFinished(machine_id=1, cycles=cycles, parts=cycles * each, **more)


cycles = do(
    finish_cycles,
    a_cycle,
    occurred_at=moments,
    process_id=a_process,
    cycles=st.sampled_from((1, 1, 1, 2)),
    each=st.sampled_from((1, 1, 2, 0)),
    tool_seconds=st.dictionaries(a_location, seconds, max_size=2),
)
run_times, switches = (
    do(take_fact, TakeFact, machine="mill", fact=fact, occurred_at=moments)
    for fact in (
        some(RunTimeSeen, tool_seconds=st.dictionaries(a_location, seconds, min_size=1)),
        some(ProgramSeen, program=st.sampled_from(("O1", "O2", "O1", "O2", "O3"))),
    )
)
assembly_acts = one_of(
    do(edit_assembly, EditAssembly, assembly_id=an_assembly, changes=some(AssemblyChanges, process_id=some_process)),
    do(edit_assembly, EditAssembly, assembly_id=an_assembly, changes=some(AssemblyChanges, location=some_location)),
    do(
        edit_assembly,
        EditAssembly,
        assembly_id=an_assembly,
        changes=some(AssemblyChanges, location=some_location, process_id=some_process, shared=st.booleans()),
    ),
    do(
        create_assembly,
        CreateAssembly,
        name="pot",
        location=some_location,
        shared=st.booleans(),
        process_id=some_process,
    ),
)
rarer_acts = one_of(
    do(on_assemblies.delete_assembly, on_assemblies.DeleteAssembly, assembly_id=an_assembly),
    do(
        on_assemblies.merge_assemblies,
        on_assemblies.MergeAssemblies,
        assembly_id=an_assembly,
        sources=st.lists(an_assembly, min_size=1, max_size=1),
    ),
    do(
        change_over,
        ChangeOver,
        from_id=a_process,
        to_id=a_process,
        planned=st.booleans(),
        remove_tool_assemblies=st.lists(an_assembly, max_size=1),
    ),
    do(edit_program, EditProgram, program_id=a_process, fields=some(ProgramFields, process_id=some_process)),
    do(delete_process, DeleteProcess, process_id=a_process),
    do(delete_tool, DeleteTool, tool_id=a_tool),
    do(on_assemblies.add_tools, on_assemblies.AddTools, assembly_id=an_assembly, tools=st.lists(a_tool, max_size=2)),
)
tool_acts = one_of(
    do(create_tool, CreateTool, name="insert", assembly_id=some_assembly),
    do(
        editing.edit_tool,
        editing.EditTool,
        tool_id=a_tool,
        changes=some(editing.ToolChanges, assembly_id=some_assembly),
    ),
    do(editing.edit_tool, editing.EditTool, tool_id=a_tool, changes=some(editing.ToolChanges, **counted)),
    one_of(
        do(
            editing.edit_tool,
            editing.EditTool,
            tool_id=a_tool,
            changes=some(editing.ToolChanges, assembly_id=some_assembly, **counted),
        ),
        do(
            editing.edit_process_life,
            editing.EditProcessLife,
            tool_id=a_tool,
            process_id=a_process,
            changes=some(editing.ProcessLifeChanges, **counted),
        ),
        do(
            editing.adjust_part_counts,
            editing.AdjustPartCounts,
            tools=st.lists(a_tool, max_size=2),
            count=st.sampled_from((1, -2)),
        ),
    ),
)
replacement_acts = one_of(
    do(replace_tool, ReplaceTool, tool_id=a_tool, said=some(Replacing, timestamp=sometime)),
    do(
        replace_tool,
        ReplaceTool,
        tool_id=a_tool,
        said=some(Replacing, timestamp=sometime, substitute=a_tool),
        force_substitute=st.sampled_from((True, True, False)),
    ),
    do(undo_replacement, UndoReplacement, replacement_id=st.integers(1, 5)),
)
deletions = do(delete_part, DeletePart, part_id=st.integers(1, 9))
acts = one_of(
    *[cycles] * 5,
    run_times,
    *[switches] * 2,
    *[assembly_acts] * 3,
    *[tool_acts] * 3,
    *[replacement_acts] * 4,
    deletions,
    rarer_acts,
)

MILL = [
    Do(create_machine, CreateMachine(name="mill")),
    Do(create_process, CreateProcess(machine_id=1, name="flange")),
    Do(create_process, CreateProcess(machine_id=1, name="ring")),
    Do(create_program, CreateProgram(machine_id=1, filename="O1", process_id=1)),
    Do(create_program, CreateProgram(machine_id=1, filename="O2", process_id=2)),
]
TOOLED = [
    *MILL,
    Do(create_assembly, CreateAssembly(name="drill", location=1, shared=True, process_id=1)),
    Do(create_assembly, CreateAssembly(name="probe", location=2, shared=True, process_id=2)),
    Do(create_tool, CreateTool(name="insert", assembly_id=1)),
    Do(create_tool, CreateTool(name="ball", assembly_id=2)),
    Do(create_tool, CreateTool(name="insert")),
]
waits = st.sampled_from((0, 0, 0, 0, 0, 1))
few, many = (st.lists(st.tuples(waits, acts), min_size=least, max_size=most) for least, most in ((0, 8), (20, 40)))
stories = st.builds(
    Story,
    begins=st.sampled_from((TOOLED, TOOLED, TOOLED, MILL)),
    then=one_of(few, many, many),
    group=st.sampled_from((1, 3, 12)),
    share=st.sampled_from((0.0, 0.5, 0.8)),
)


@pytest.mark.timeout(600)  # it takes seconds, but a failure is made small first
@settings(max_examples=45, deadline=None)
@given(stories)
def test_tools_count_what_loops_over_the_events_say(story: Story) -> None:
    live_through(story)


@pytest.mark.long
@pytest.mark.timeout(900)
@settings(max_examples=700, deadline=None)
@given(stories)
def test_tools_count_what_loops_over_the_events_say_at_length(story: Story) -> None:
    live_through(story)


def live_through(story: Story) -> None:
    clock = Clock(NOW)
    with new_street(clock) as street, new_folder() as folder:
        for wait, those in story.groups():
            clock.now += wait * STEP
            for each, answer in zip(those, street.write(*[each.on(street) for each in those]), strict=True):
                assert isinstance(answer, Answer | DomainError), (each, answer)
                check_correction(street, each, answer)
        said = events(street.ledger)
        oracle = Oracle(said)
        expected = what_it_says(oracle)
        assert found(street.models.db, oracle) == expected, f"living: {shown(said)}"
        zero, caught_up = folder / "zero.db", folder / "caught_up.db"
        rebuild_into(street.ledger, zero, BUILT_IN)
        with closing(sqlite3.connect(zero)) as db:
            db.row_factory = sqlite3.Row
            assert found(db, oracle) == expected, f"rebuilt: {shown(said)}"
        assert rows(street.models.db) == rows(zero), f"living and rebuilt: {shown(said)}"
        catch_up_from(street, caught_up, round(story.share * len(said)))
        assert rows(caught_up) == rows(zero), f"caught up and rebuilt: {shown(said)}"


def catch_up_from(street: Street, path: Path, position: int) -> None:
    """As at a start when the rows have fallen behind: whatever comes after this position is written in one go."""
    rebuild_into(street.ledger, path, BUILT_IN, until=position)
    file = RowsFile.open(path, BUILT_IN)
    assert file is not None
    with closing(file):
        catch_up(street.ledger, file)


def check_correction(street: Street, each: Do, answer: Answer | DomainError) -> None:
    """A counter was put right from what it counted just then, in the midst of a group too."""
    if each.decide is editing.edit_tool and isinstance(answer, Answer):
        for position, event in answer.events:
            wanted = each.command.changes.part_count
            if isinstance(event, ToolCountCorrected) and wanted is not UNSET:
                before = events(street.ledger)[: position - 1]
                counted = Oracle(before).counts(event.tool_id)[OWN][0]
                assert counted + event.parts == wanted, f"corrected: {shown(before)}"


Counters = dict[str, Any]


def what_it_says(oracle: Oracle) -> Counters:
    return {
        "counts": {each: oracle.counts(each) for each in oracle.tools},
        "records": oracle.records(),
        "average lives": oracle.average_lives(),
        "tool lives": oracle.tool_lives(),
        "last parts": oracle.last_parts(),
        "counts until": [{each: oracle.counts(each, until=at) for each in oracle.tools} for at in ASKED],
    }


def found(db: sqlite3.Connection, oracle: Oracle) -> Counters:
    """The same, as the read models answer it."""
    tools = oracle.tools
    records = [each.document for each in replacements.load(db, [each.id for each in oracle.replacements])]
    lives = {part.id: part.tool_life for part in parts.find(db)}
    alone = {each: parts.get(db, each) for each in lives}
    assert {each: part[0].tool_life for each, part in alone.items() if part} == lives, "on a page, and alone"
    return {
        "counts": _of_something(tool_counts.counts(db, tools)),
        "records": {each.id: (each.part_count, round(each.runtime * 1000)) for each in records},
        "average lives": tool_counts.average_lives(db, tools),
        "tool lives": lives,
        "last parts": tool_counts.last_parts(db, tools),
        "counts until": [_of_something(tool_counts.counts_until(db, tools, at)) for at in ASKED],
    }


def _of_something(counts: dict[int, dict[int, Any]]) -> dict[int, dict[int, Sums]]:
    """Without pairs that count nothing."""
    return {
        tool_id: {each: tuple(sums) for each, sums in of.items() if any(sums) or each == OWN}
        for tool_id, of in counts.items()
    }


# For the reader of a failure

SILENT = (*Event.__struct_fields__, "day_count_type", "before", "message")


def shown(said: Sequence[Event]) -> str:
    """What happened, a line each: position, time in steps, and what the event says."""
    lines = []
    for position, event in enumerate(said, 1):
        at = (event.occurred_at - START) / STEP
        lines.append(f"{position} at {at:g}: {type(event).__name__} {', '.join(_fields(event))}")
    return "\n".join(["", *lines])


def _fields(struct: Struct) -> Iterator[str]:
    """Those that say something."""
    for name in struct.__struct_fields__:
        value = getattr(struct, name)
        if name not in SILENT and value is not UNSET and value not in (None, "", [], {}):
            yield f"{name}=({', '.join(_fields(value))})" if isinstance(value, Struct) else f"{name}={value}"
