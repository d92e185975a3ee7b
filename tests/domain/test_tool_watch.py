"""The watch notices at the same event as one that remembers nothing, and looks at every tool of a process each time.

A finished cycle must not cost a look at every tool, so the watch keeps bounds. They may make it faster, and no later.
"""

from functools import partial
from typing import Any

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from street import START, Clock, Street, events, new_street, one_of
from takt_projections.history import History
from taktledger.domain.assemblies import AssemblyChanges, CreateAssembly, EditAssembly, create_assembly, edit_assembly
from taktledger.domain.assembling import AddTools, add_tools
from taktledger.domain.event import Event
from taktledger.domain.machines import CreateMachine, create_machine
from taktledger.domain.parts import DeletePart, delete_part
from taktledger.domain.processes import CreateProcess, create_process
from taktledger.domain.programs import CreateProgram, create_program
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
from taktledger.domain.tools.life import ToolWarned
from taktledger.domain.tools.replacing import ReplaceTool, Replacing, UndoReplacement, replace_tool, undo_replacement
from taktledger.domain.tools.tool import CreateTool, create_tool
from taktledger.domain.tools.watch import LookAtTools, ToolWatch
from taktledger.ledger.writer import Request, Step
from taktledger.shopfloor.facts import CyclesSeen, Fact, ProgramSeen, RunTimeSeen
from taktledger.shopfloor.ingest import TakeFact, take_fact

MACHINES = ("lathe", "mill")
LOCATIONS = (1, 2, 3)
STEP = 10.0
"""Between two requests. Seconds."""


class Do(Struct, frozen=True):
    """One decision, by name."""

    decide: str
    command: Any
    ago: float = 0.0
    """When a fact happened. Seconds before it comes."""


class Floor:
    """The lathe has processes 1 (O1) and 2 (O2), the mill has 3 (O3). Tools 1 to 3 are in assemblies 1 to 3, in
    locations 1 to 3 of processes 1, 2 and 3; the first two assemblies are shared."""

    def __init__(self, street: Street, *, forgetful: bool) -> None:
        self.street = street
        self.watch = ToolWatch(History(street.models))
        self.forgetful = forgetful
        street.writer._follow = self.watch.follow
        history = History(street.models)
        asking = (
            edit_tool,
            edit_process_life,
            adjust_part_counts,
            replace_tool,
            undo_replacement,
            delete_part,
        )
        self.decisions: dict[str, Any] = {each.__name__: partial(each, history=history) for each in asking}
        plain = (take_fact, edit_assembly, add_tools, self.watch.look_at_tools)
        self.decisions |= {each.__name__: each for each in plain}
        for name in MACHINES:
            street.do(create_machine, CreateMachine(name=name))
        for number, machine_id in ((1, 1), (2, 1), (3, 2)):
            street.do(create_process, CreateProcess(machine_id=machine_id, name=f"process {number}"))
            program = CreateProgram(machine_id=machine_id, filename=f"O{number}", process_id=number)
            street.do(create_program, program)
            assembly = CreateAssembly(name="drill", process_id=number, location=number, shared=number < 3)
            street.do(create_assembly, assembly)
            street.do(create_tool, CreateTool(name="insert", assembly_id=number))

    def play(self, *requests: list[Do]) -> None:
        for those in requests:
            if self.forgetful:
                self.watch.forget()
            self.street.clock.now += STEP
            self.street.write(Request(steps=[self._step(each) for each in those], actor="user-1"))

    def _step(self, each: Do) -> Step:
        command = each.command
        if isinstance(command, TakeFact):
            command = TakeFact(machine=command.machine, fact=command.fact, occurred_at=self.street.clock.now - each.ago)
        return Step(decide=self.decisions[each.decide], command=command)


def both(*requests: list[Do]) -> tuple[list[Event], list[Event]]:
    """What the ledger says of it, and what it would say if the watch remembered nothing."""
    found = []
    for forgetful in (False, True):
        with new_street(Clock(START)) as street:
            Floor(street, forgetful=forgetful).play(*requests)
            found.append(events(street.ledger))
    return found[0], found[1]


# What may happen


def a_fact(fact: Fact, machine: str = "lathe", ago: float = 0.0) -> Do:
    return Do("take_fact", TakeFact(machine=machine, fact=fact, occurred_at=0.0), ago)


def cycles(count: int = 1, program: str = "O1", ago: float = 0.0, **seconds: float) -> Do:
    """`_1=2.5`: location 1 cut for so long."""
    times = {int(location.removeprefix("_")): each for location, each in seconds.items()}
    seen = CyclesSeen(cycles=count, counters={}, program=program, tool_seconds=times)
    return a_fact(seen, "mill" if program == "O3" else "lathe", ago)


def runs(machine: str = "lathe", ago: float = 0.0, **seconds: float) -> Do:
    times = {int(location.removeprefix("_")): each for location, each in seconds.items()}
    return a_fact(RunTimeSeen(tool_seconds=times), machine, ago)


def loads(program: str, ago: float = 0.0) -> Do:
    return a_fact(ProgramSeen(program=program), "mill" if program == "O3" else "lathe", ago)


def lasts(tool_id: int = 1, **changes: Any) -> Do:
    return Do("edit_tool", EditTool(tool_id=tool_id, changes=ToolChanges(**changes)))


def goes(assembly_id: int, process_id: int | None) -> Do:
    return Do("edit_assembly", EditAssembly(assembly_id=assembly_id, changes=AssemblyChanges(process_id=process_id)))


a_tool_id = st.sampled_from((1, 1, 1, 2, 3))
a_process_id = st.integers(1, 3)
an_assembly_id = st.sampled_from((1, 1, 1, 2, 3))
an_ago = st.sampled_from((*[0.0] * 5, 3.5 * STEP, 8.5 * STEP))
some_seconds = st.tuples(st.sampled_from(("_1", "_1", "_1", "_2", "_3")), st.sampled_from((0.1, 0.2, 0.7))).map(
    lambda one: dict([one])
)
by_parts = st.fixed_dictionaries(
    {"part_life": st.integers(2, 6), "warn_life": st.integers(0, 2), "max_runtime": st.just(0.0)}
)
by_time = st.fixed_dictionaries(
    {"max_runtime": st.sampled_from((0.9, 2.1)), "part_life": st.just(0), "usage_mode": st.just(1)}
)
by_both = st.fixed_dictionaries({"max_runtime": st.just(1.0), "warn_runtime": st.just(0.1), "part_life": st.just(4)})
a_life = one_of(by_parts, by_time, by_both, st.just({"day_life": 1}))
a_mode = st.fixed_dictionaries({"usage_mode": st.integers(0, 2)})
a_counter = st.sampled_from(({"part_count": 2}, {"part_count": 0, "runtime": 0.2}, {"runtime": 0.0}))


def _do(kind: Any, decide: str, **fields: Any) -> st.SearchStrategy[Do]:
    return st.builds(kind, **fields).map(lambda command: Do(decide, command))


def lasting(tool_id: int, said: dict[str, Any]) -> Do:
    return lasts(tool_id, **said)


def critical(life: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.tuples(life, st.booleans()).map(lambda said: said[0] | {"is_critical": said[1]})


def _tool(said: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[Do]:
    return _do(EditTool, "edit_tool", tool_id=a_tool_id, changes=said.map(lambda each: ToolChanges(**each)))


def _pair(said: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[Do]:
    changes = said.map(lambda each: msgspec.convert(each, ProcessLifeChanges))
    return _do(EditProcessLife, "edit_process_life", tool_id=a_tool_id, process_id=a_process_id, changes=changes)


when = st.sampled_from((None, None, START + 45.0, START + 145.0))
said = st.builds(Replacing, substitute=st.sampled_from((None, None, 1, 2)), timestamp=when)
changes = one_of(
    *[_tool(a_life)] * 3,
    *(_tool(a_mode), _tool(a_counter), _pair(a_life), _pair(a_counter)),
    _tool(st.fixed_dictionaries({"is_critical": st.booleans()})),
    _do(ReplaceTool, "replace_tool", tool_id=a_tool_id, said=said, force_substitute=st.just(True)),
    _do(UndoReplacement, "undo_replacement", replacement_id=st.integers(1, 3)),
    _do(AdjustPartCounts, "adjust_part_counts", tools=st.just([1, 2]), count=st.integers(-2, 2)),
    _do(AddTools, "add_tools", assembly_id=an_assembly_id, tools=st.lists(a_tool_id, min_size=1, max_size=2)),
    _do(DeletePart, "delete_part", part_id=st.integers(1, 6)),
    *[st.builds(goes, an_assembly_id, st.sampled_from((1, 2, 3, 3, None)))] * 2,
    st.builds(loads, st.sampled_from(("O1", "O2", "O3")), an_ago),
    st.just(Do("look_at_tools", LookAtTools())),
)
"""Each makes the watch look anew."""
some_cycles = st.builds(
    lambda count, program, ago, seconds: cycles(count, program, ago, **seconds),
    st.integers(1, 2),
    st.sampled_from(("O1", "O1", "O1", "O3", "O3", "O2")),
    an_ago,
    some_seconds,
)
some_run_time = st.builds(
    lambda machine, ago, seconds: runs(machine, ago, **seconds), st.sampled_from(MACHINES), an_ago, some_seconds
)
wear = one_of(some_cycles, some_cycles, some_cycles, some_run_time)
phases = st.tuples(st.lists(changes, max_size=2), st.lists(wear, min_size=6, max_size=12))
stories = st.tuples(
    st.tuples(*(st.builds(lasting, st.just(each), critical(one_of(by_parts, by_time, by_time))) for each in (1, 3))),
    st.lists(phases, min_size=2, max_size=5),
).map(lambda story: [[each] for part in (story[0], *(some for phase in story[1] for some in phase)) for each in part])
BEGIN = [[loads("O1")], [loads("O3")]]


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    phases=(Phase.generate,),  # shrinking takes long, and the stories below are short
)
@given(stories)
def test_it_notices_at_the_same_event(story: list[list[Do]]) -> None:
    remembering, forgetting = both(*BEGIN, *story)
    assert remembering == forgetting


def warned(found: list[Event]) -> list[tuple[float, str]]:
    """When what was noticed of tool 1. Steps since the start."""
    return [((each.occurred_at - START) / STEP, each.what) for each in found if isinstance(each, ToolWarned)]


@pytest.mark.parametrize("seconds", [0.1, 0.2, 0.7, 1.1, 0.0016])
def test_many_short_run_times(seconds: float) -> None:
    """The sum of what was cut is no exact number, and each time is rounded to milliseconds."""
    life = round(9 * round(seconds, 3), 3)
    remembering, forgetting = both([lasts(usage_mode=1, max_runtime=life)], *[[cycles(_1=seconds)]] * 11)
    assert warned(forgetting) == [(10, "warning"), (11, "life")]
    assert warned(remembering) == warned(forgetting)


def test_run_time_that_comes_late() -> None:
    """It belongs to a tool that has gone to another process since: that is looked at with the next cycle there."""
    begin = [[lasts(usage_mode=1, max_runtime=5)], [loads("O1")], [loads("O3")], [cycles()]]
    moved = [[goes(1, 3)], [cycles(program="O3")], [cycles(program="O3")]]
    late = [[runs(ago=3.5 * STEP, _1=9.0)], [cycles(program="O3")]]
    remembering, forgetting = both(*begin, *moved, *late)
    assert warned(forgetting) == [(9, "warning"), (9, "life")]
    assert warned(remembering) == warned(forgetting)


def test_a_cycle_that_comes_late() -> None:
    """The same of parts."""
    begin = [[lasts(part_life=5)], [loads("O1")], [loads("O3")], [cycles()]]
    moved = [[goes(1, 3)], [cycles(program="O3")], [cycles(program="O3")]]
    late = [[cycles(9, ago=3.5 * STEP)], [cycles(program="O3")]]
    remembering, forgetting = both(*begin, *moved, *late)
    assert warned(forgetting) == [(9, "warning"), (9, "life")]
    assert warned(remembering) == warned(forgetting)


def test_a_bound_is_kept_while_nothing_can_be_due() -> None:
    """That it saves looks at all: six cycles far from the end of its life are one look."""
    with new_street(Clock(START)) as street:
        floor = Floor(street, forgetful=False)
        floor.play([lasts(part_life=100)], [loads("O1")], [cycles()])
        looks: list[int] = []
        uses = floor.watch._history.uses
        floor.watch._history = counting = type("Counting", (), {})()
        counting.uses = lambda *given, **more: looks.append(1) or uses(*given, **more)
        floor.play(*[[cycles()]] * 6)
        assert looks == []
        floor.play([cycles(92)])
        assert looks == []
        floor.play([cycles()])
        assert looks, "99 parts of 100: the warning may be due with the next"
