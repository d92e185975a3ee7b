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
from taktledger.domain.assemblies import AssemblyChanges, CreateAssembly, EditAssembly, create_assembly, edit_assembly
from taktledger.domain.assembling import (
    AddTools,
    DeleteAssembly,
    MergeAssemblies,
    add_tools,
    delete_assembly,
    merge_assemblies,
)
from taktledger.domain.changeover import ChangeOver, change_over
from taktledger.domain.errors import DomainError
from taktledger.domain.event import Event
from taktledger.domain.machines import CreateMachine, create_machine
from taktledger.domain.parts import CycleFinished, DeletePart, delete_part
from taktledger.domain.processes import CreateProcess, DeleteProcess, create_process, delete_process
from taktledger.domain.programs import CreateProgram, EditProgram, ProgramFields, create_program, edit_program
from taktledger.domain.shop import Shop
from taktledger.domain.tools.editing import (
    AdjustPartCounts,
    EditProcessLife,
    EditTool,
    ProcessLifeChanges,
    ToolChanges,
    adjust_part_counts,
    edit_process_life,
    edit_tool,
)
from taktledger.domain.tools.life import ToolCountCorrected
from taktledger.domain.tools.replacing import ReplaceTool, Replacing, UndoReplacement, replace_tool, undo_replacement
from taktledger.domain.tools.tool import CreateTool, DeleteTool, create_tool, delete_tool
from taktledger.ledger.writer import Answer, Request
from taktledger.shopfloor.facts import ProgramSeen, RunTimeSeen
from taktledger.shopfloor.ingest import TakeFact, take_fact

STEP = 450.0
"""Half of the quarter hours that production is summed in. Seconds."""
NOW = 4
"""Steps at which a story begins: there is a past before it."""
MOMENTS = tuple(START + number * STEP for number in (0, 3, 4, 5, 6, 9))


class Do(Struct, frozen=True):
    """One request, by name."""

    decide: str
    command: Any


class Story(Struct, frozen=True):
    begins: list[Do]
    then: list[tuple[int, Do]]
    """Steps since what was before, and what is done."""
    group: int
    """Requests that are written as one, at most, of those that come at the same moment."""
    share: float
    """The part of the ledger that is rebuilt before the rest is caught up with in one go."""

    def groups(self) -> Iterator[tuple[int, list[Do]]]:
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
    """What a control says, at any time. A process that is gone makes nothing."""
    if event.process_id in shop.processes:
        yield event


DECISIONS: dict[str, Callable[..., Any]] = {
    each.__name__: each
    for each in (
        add_tools,
        change_over,
        create_assembly,
        create_machine,
        create_process,
        create_program,
        create_tool,
        delete_assembly,
        delete_process,
        delete_tool,
        edit_assembly,
        edit_program,
        finish_cycles,
        merge_assemblies,
        take_fact,
    )
}
WITH_HISTORY: dict[str, Callable[..., Any]] = {
    each.__name__: each
    for each in (adjust_part_counts, delete_part, edit_process_life, edit_tool, replace_tool, undo_replacement)
}

# What may happen

moments = st.sampled_from(MOMENTS)
a_process, some_process = st.sampled_from((1, 2)), st.sampled_from((None, 1, 2))
an_assembly, some_assembly = st.sampled_from((1, 2, 3)), st.sampled_from((None, 1, 2, 3))
a_tool = st.sampled_from((1, 2, 3, 4))
some_location = st.sampled_from((1, 2, 1, 2, None))
seconds = st.sampled_from((0.0, 0.0004, 1.5, 7.0006))
tool_seconds = st.dictionaries(st.sampled_from((1, 2)), seconds, max_size=2)
counted = st.sampled_from((UNSET, 0, 1, 5))


def _do(decide: Callable[..., Any], command: st.SearchStrategy[Any]) -> st.SearchStrategy[Do]:
    return st.builds(Do, st.just(decide.__name__), command)


cycles = _do(
    finish_cycles,
    st.builds(
        lambda at, process_id, cycles, each, seconds: CycleFinished(
            occurred_at=at,
            machine_id=1,
            process_id=process_id,
            cycles=cycles,
            parts=cycles * each,
            tool_seconds=seconds,
        ),
        moments,
        a_process,
        st.sampled_from((1, 1, 1, 2)),
        st.sampled_from((1, 1, 2, 0)),
        tool_seconds,
    ),
)
run_times = _do(
    take_fact,
    st.builds(
        TakeFact,
        machine=st.just("mill"),
        fact=st.builds(RunTimeSeen, tool_seconds=st.dictionaries(st.sampled_from((1, 2)), seconds, min_size=1)),
        occurred_at=moments,
    ),
)
switches = _do(
    take_fact,
    st.builds(
        TakeFact,
        machine=st.just("mill"),
        fact=st.builds(ProgramSeen, program=st.sampled_from(("O1", "O2", "O3", "O1", "O2"))),
        occurred_at=moments,
    ),
)
on_assemblies = one_of(
    _do(
        edit_assembly,
        st.builds(EditAssembly, assembly_id=an_assembly, changes=st.builds(AssemblyChanges, process_id=some_process)),
    ),
    _do(
        edit_assembly,
        st.builds(
            EditAssembly,
            assembly_id=an_assembly,
            changes=st.builds(
                AssemblyChanges,
                location=some_location,
                process_id=st.sampled_from((UNSET, UNSET, UNSET, 1, 2)),
                shared=st.sampled_from((UNSET, UNSET, True)),
            ),
        ),
    ),
    _do(
        create_assembly,
        st.builds(
            CreateAssembly,
            name=st.just("pot"),
            location=some_location,
            shared=st.booleans(),
            process_id=some_process,
        ),
    ),
    one_of(
        _do(delete_assembly, st.builds(DeleteAssembly, assembly_id=an_assembly)),
        _do(
            merge_assemblies,
            st.builds(MergeAssemblies, assembly_id=an_assembly, sources=st.lists(an_assembly, min_size=1, max_size=1)),
        ),
        _do(
            change_over,
            st.builds(
                ChangeOver,
                from_id=a_process,
                to_id=a_process,
                planned=st.booleans(),
                remove_tool_assemblies=st.lists(an_assembly, max_size=1),
            ),
        ),
        _do(
            edit_program,
            st.builds(
                EditProgram,
                program_id=st.sampled_from((1, 2)),
                fields=st.builds(ProgramFields, process_id=some_process),
            ),
        ),
        _do(delete_process, st.builds(DeleteProcess, process_id=a_process)),
    ),
)
on_tools = one_of(
    _do(edit_tool, st.builds(EditTool, tool_id=a_tool, changes=st.builds(ToolChanges, assembly_id=some_assembly))),
    _do(
        edit_tool,
        st.builds(
            EditTool,
            tool_id=a_tool,
            changes=st.builds(
                ToolChanges,
                assembly_id=st.sampled_from((UNSET, UNSET, 1, 2)),
                part_count=counted,
                runtime=st.just(UNSET) | seconds,
            ),
        ),
    ),
    _do(
        edit_process_life,
        st.builds(
            EditProcessLife,
            tool_id=a_tool,
            process_id=a_process,
            changes=st.builds(ProcessLifeChanges, part_count=counted, runtime=st.just(UNSET) | seconds),
        ),
    ),
    _do(create_tool, st.builds(CreateTool, name=st.just("insert"), assembly_id=some_assembly)),
    one_of(
        _do(delete_tool, st.builds(DeleteTool, tool_id=a_tool)),
        _do(add_tools, st.builds(AddTools, assembly_id=an_assembly, tools=st.lists(a_tool, max_size=2))),
        _do(
            adjust_part_counts,
            st.builds(AdjustPartCounts, tools=st.lists(a_tool, max_size=2), count=st.sampled_from((1, -2))),
        ),
    ),
)
on_replacements = one_of(
    _do(
        replace_tool,
        st.builds(ReplaceTool, tool_id=a_tool, said=st.builds(Replacing, timestamp=st.sampled_from((None, *MOMENTS)))),
    ),
    _do(
        replace_tool,
        st.builds(
            ReplaceTool,
            tool_id=a_tool,
            said=st.builds(Replacing, timestamp=st.sampled_from((None, *MOMENTS)), substitute=st.none() | a_tool),
            force_substitute=st.booleans(),
        ),
    ),
    _do(undo_replacement, st.builds(UndoReplacement, replacement_id=st.integers(1, 4))),
)
deletions = _do(delete_part, st.builds(DeletePart, part_id=st.integers(1, 9)))
happenings = one_of(
    *[cycles] * 3, run_times, *[switches] * 2, *[on_assemblies] * 3, *[on_tools] * 3, *[on_replacements] * 3, deletions
)
MILL = [
    Do("create_machine", CreateMachine(name="mill")),
    Do("create_process", CreateProcess(machine_id=1, name="flange")),
    Do("create_process", CreateProcess(machine_id=1, name="ring")),
    Do("create_program", CreateProgram(machine_id=1, filename="O1", process_id=1)),
    Do("create_program", CreateProgram(machine_id=1, filename="O2", process_id=2)),
]
TOOLED = [
    *MILL,
    Do("create_assembly", CreateAssembly(name="drill", location=1, shared=True, process_id=1)),
    Do("create_assembly", CreateAssembly(name="probe", location=2, shared=True, process_id=2)),
    Do("create_tool", CreateTool(name="insert", assembly_id=1)),
    Do("create_tool", CreateTool(name="ball", assembly_id=2)),
    Do("create_tool", CreateTool(name="insert")),
]
some = st.lists(st.tuples(st.sampled_from((0, 0, 0, 0, 0, 1)), happenings), max_size=6)
many = st.lists(st.tuples(st.sampled_from((0, 0, 0, 0, 0, 1)), happenings), min_size=20, max_size=50)
stories = st.builds(
    Story,
    begins=st.sampled_from((TOOLED, TOOLED, TOOLED, MILL)),
    then=one_of(some, many, many),
    group=st.sampled_from((1, 3, 12)),
    share=st.sampled_from((0.0, 0.5, 0.8)),
)


@settings(max_examples=300, deadline=None)
@given(stories)
def test_tools_count_what_loops_over_the_events_say(story: Story) -> None:
    live_through(story)


@pytest.mark.long
@pytest.mark.timeout(600)
@settings(max_examples=6000, deadline=None)
@given(stories)
def test_tools_count_what_loops_over_the_events_say_at_length(story: Story) -> None:
    live_through(story)


def live_through(story: Story) -> None:
    clock = Clock(START + NOW * STEP)
    with new_street(clock) as street, new_folder() as folder:
        for wait, those in story.groups():
            clock.now += wait * STEP
            for each, answer in zip(those, street.write(*[_request(street, do) for do in those]), strict=True):
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
        catch_up_with(street, caught_up, round(story.share * len(said)))
        assert rows(caught_up) == rows(zero), f"caught up and rebuilt: {shown(said)}"


def catch_up_with(street: Street, path: Path, position: int) -> None:
    """As at a start, when the rows have fallen behind: whatever comes after this position is written at once."""
    rebuild_into(street.ledger, path, BUILT_IN, until=position)
    file = RowsFile.open(path, BUILT_IN)
    assert file is not None
    with closing(file):
        catch_up(street.ledger, file)


def _request(street: Street, do: Do) -> Request:
    if do.decide in WITH_HISTORY:
        return request(partial(WITH_HISTORY[do.decide], history=History(street.models)), do.command)
    return request(DECISIONS[do.decide], do.command)


def check_correction(street: Street, do: Do, answer: Answer | DomainError) -> None:
    """A counter was put right from what it counted just then, in the midst of a group too."""
    if isinstance(do.command, EditTool) and isinstance(answer, Answer) and do.command.changes.part_count is not UNSET:
        corrected = [each for each in answer.events if isinstance(each.event, ToolCountCorrected)]
        if corrected:
            before = events(street.ledger)[: corrected[0].position - 1]
            was = Oracle(before).counts(do.command.tool_id)[OWN][0]
            assert was + corrected[0].event.parts == do.command.changes.part_count, shown(before)


Counters = dict[str, Any]


def what_it_says(oracle: Oracle) -> Counters:
    return {
        "counts": {each: oracle.counts(each) for each in oracle.tools},
        "records": oracle.records(),
        "average lives": oracle.average_lives(),
        "tool lives": oracle.tool_lives(),
        "last parts": oracle.last_parts(),
        **{
            f"counts until {at}": {each: oracle.counts(each, until=at) for each in oracle.tools} for at in MOMENTS[1::2]
        },
    }


def found(db: sqlite3.Connection, oracle: Oracle) -> Counters:
    """The same, as the read models answer it."""
    tools = oracle.tools
    records = [each.document for each in replacements.load(db, [each.id for each in oracle.replacements])]
    page = parts.find(db)
    alone = [parts.get(db, each.id) for each in page]
    lives = {each.id: each.tool_life for each in page}
    assert {each[0].id: each[0].tool_life for each in alone if each} == lives
    return {
        "counts": _without_nothing(tool_counts.counts(db, tools)),
        "records": {each.id: (each.part_count, round(each.runtime * 1000)) for each in records},
        "average lives": tool_counts.average_lives(db, tools),
        "tool lives": lives,
        "last parts": tool_counts.last_parts(db, tools),
        **{f"counts until {at}": _without_nothing(tool_counts.counts_until(db, tools, at)) for at in MOMENTS[1::2]},
    }


def _without_nothing(counts: dict[int, dict[int, Any]]) -> dict[int, dict[int, Sums]]:
    return {
        tool_id: {each: tuple(sums) for each, sums in of.items() if any(sums) or each == OWN}
        for tool_id, of in counts.items()
    }


def shown(said: Sequence[Event]) -> str:
    """What happened, a line each, with times in steps: for the reader of a failure."""
    lines = []
    for position, event in enumerate(said, 1):
        what = ", ".join(_said(event)).replace("fields=", "")
        lines.append(f"{position} at {(event.occurred_at - START) / STEP:g}: {type(event).__name__} {what}")
    return "\n".join(["", *lines])


def _said(struct: Struct) -> Iterator[str]:
    """Its fields that say something."""
    for name in struct.__struct_fields__:
        value = getattr(struct, name)
        if name not in HIDDEN and value is not UNSET and value not in (None, "", [], {}):
            yield f"{name}=({', '.join(_said(value))})" if isinstance(value, Struct) else f"{name}={value}"


HIDDEN = ("occurred_at", "recorded_at", "reported_at", "actor", "day_count_type", "before", "message")
