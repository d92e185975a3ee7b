"""The documents of tools on a real backend, without HTTP: always what the rows say, and encoded no more than needed."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from street import (
    AT_WORK,
    START,
    Clock,
    Group,
    commands,
    facts_taken,
    groups_of,
    new_folder,
    request,
    request_of,
)
from takt_projections import tools
from takt_projections.tool_counts import average_lives
from taktledger.api.documents import encode as encoded
from taktledger.api.documents import map_of, with_fields
from taktledger.api.nouns import ASSEMBLIES, INVENTORY_ITEMS, TOOLS
from taktledger.domain.assemblies import AssemblyChanges, CreateAssembly, EditAssembly, create_assembly, edit_assembly
from taktledger.domain.errors import NotFound
from taktledger.domain.machines import CreateMachine, create_machine
from taktledger.domain.options import OptionFields, edit_options
from taktledger.domain.parts import DeletePart, delete_part
from taktledger.domain.processes import CreateProcess, create_process
from taktledger.domain.programs import CreateProgram, create_program
from taktledger.domain.tools.editing import EditTool, ToolChanges, edit_tool
from taktledger.domain.tools.replacing import ReplaceTool, Replacing, UndoReplacement, replace_tool, undo_replacement
from taktledger.domain.tools.tool import CreateTool, DeleteTool, create_tool, delete_tool
from taktledger.ledger.writer import Request, Step
from taktledger.main import close_backend, open_backend
from taktledger.shopfloor.facts import CyclesSeen, ProgramSeen, RunTimeSeen
from taktledger.shopfloor.ingest import TakeFact, UpdateInbox, take_fact

QUICK = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    report_multiple_bugs=False,
    phases=(Phase.generate,),  # shrinking takes minutes
    suppress_health_check=list(HealthCheck),
)
DAY = 86_400.0
MIDNIGHT = datetime.fromtimestamp(START, UTC).replace(hour=0).timestamp() + DAY
EVERY = range(1, 60)


class Server:
    """What `serve` opens. Looks like a Street to what plays on one."""

    def __init__(self, data: Path) -> None:
        self.clock = Clock()
        self.backend = open_backend(data, self.clock)
        self.models, self.documents = self.backend.rows, self.backend.documents
        self.inbox = UpdateInbox()
        self.made = 0
        """Lists made, not kept."""

    def write(self, *requests: Request) -> None:
        for outcome in self.backend.writer.write(requests):
            assert not isinstance(outcome, Exception), outcome

    def do(self, decide: Callable[..., Any], command: Any, *, asking: bool = False) -> None:
        self.write(request(partial(decide, history=self.backend.history) if asking else decide, command))

    def facts(self, *facts: Any, ago: float = 0.0, machine: str = "lathe") -> None:
        """One batch of an edge."""
        self.clock.now += 10
        at = self.clock.now - ago
        taken = [TakeFact(machine=machine, fact=fact, occurred_at=at + n) for n, fact in enumerate(facts)]
        self.write(Request(steps=[Step(decide=take_fact, command=each) for each in taken], actor="user-1"))

    def tool(self, tool_id: int = 1) -> Any:
        return msgspec.json.decode(self.documents.one(TOOLS, tool_id).body)

    def shows(self, tool_id: int = 1, *names: str) -> Any:
        """These fields of a tool, in the document that is kept and in one that is made anew."""
        found = [self.tool(tool_id)[name] for name in names]
        (fresh,) = tools.load(self.models.db, [tool_id], self.clock.now)
        assert found == [getattr(fresh.document, name) for name in names]
        return found[0] if len(found) == 1 else found

    def listed(self, life: bool = False) -> bytes:
        """As `GET /api/tools/`, with `life=1` or without."""
        return self.documents.kept(
            [TOOLS, ASSEMBLIES, INVENTORY_ITEMS], ("tools", life), partial(self._list, life)
        ).body

    def _list(self, life: bool) -> bytes:
        self.made += 1
        bodies = self.documents.bodies(TOOLS, tools.ids(self.models.db))
        if life:
            averages = average_lives(self.models.db)
            bodies = [(each, with_fields(body, average_tool_life=encoded(averages.get(each)))) for each, body in bodies]
        return map_of(bodies)

    def encodes(self, what: Callable[[], Any]) -> int:
        """How many objects are encoded for this."""
        before = self.documents.encoded
        what()
        return self.documents.encoded - before


@pytest.fixture
def server() -> Iterator[Server]:
    """The lathe runs O1 of process 1; O2 is of process 2. Assembly and tool 1 are in process 1, 2 in process 2."""
    with new_folder() as folder:
        opened = Server(folder)
        opened.do(create_machine, CreateMachine(name="lathe"))
        for number in (1, 2):
            opened.do(create_process, CreateProcess(machine_id=1, name=f"process {number}"))
            opened.do(create_program, CreateProgram(machine_id=1, filename=f"O{number}", process_id=number))
            opened.do(create_assembly, CreateAssembly(name="drill", process_id=number, location=number))
            opened.do(create_tool, CreateTool(name="insert", assembly_id=number, part_life=100))
        opened.facts(ProgramSeen(program="O1"))
        yield opened
        close_backend(opened.backend)


def cycles(count: int = 1, program: str = "O1", **seconds: float) -> CyclesSeen:
    times = {int(location.removeprefix("_")): each for location, each in seconds.items()}
    return CyclesSeen(cycles=count, counters={}, program=program, tool_seconds=times)


def fills(server: Server) -> None:
    """Every document is kept."""
    server.listed()
    server.listed(life=True)


# What changes a tool


def test_a_cycle(server: Server) -> None:
    fills(server)
    server.facts(cycles(3, _1=2.5))
    names = ("part_count", "parts_remaining", "runtime", "last_part_id")
    assert server.shows(1, *names) == [3, 97, 2.5, 3]
    assert server.shows(2, *names) == [0, 100, 0.0, None]


def test_run_time_of_a_cycle_that_goes_on(server: Server) -> None:
    fills(server)
    server.facts(RunTimeSeen(tool_seconds={1: 1.5}))
    assert server.shows(1, "runtime") == 1.5


def test_only_the_tools_of_the_process_are_encoded_anew(server: Server) -> None:
    """Untouched tools are not."""
    for _ in range(5):
        server.do(create_tool, CreateTool(name="loose"))
    fills(server)
    server.facts(cycles())
    assert server.encodes(server.listed) == 1
    assert server.encodes(partial(server.listed, life=True)) == 0
    server.do(edit_tool, EditTool(tool_id=4, changes=ToolChanges(notes="x")), asking=True)
    assert server.encodes(server.listed) == 1
    server.facts(cycles(2, "O2"))
    assert server.encodes(partial(server.shows, 2, "part_count")) == 1
    assert server.encodes(server.listed) == 0


def test_a_cycle_that_comes_late(server: Server) -> None:
    """It is charged to a tool that is elsewhere now."""
    server.clock.now += 100
    server.do(edit_assembly, EditAssembly(assembly_id=1, changes=AssemblyChanges(process_id=2)))
    fills(server)
    server.facts(cycles(4), ago=60)
    assert [server.shows(each, "part_count") for each in (1, 2)] == [4, 0]
    server.facts(cycles(1, "O2"))
    assert [server.shows(each, "part_count") for each in (1, 2)] == [5, 1]


def test_a_cycle_and_a_move_at_once(server: Server) -> None:
    """In one group: when the tool is looked for, it is elsewhere already."""
    fills(server)
    move = EditAssembly(assembly_id=1, changes=AssemblyChanges(process_id=2))
    server.clock.now += 10
    taken = TakeFact(machine="lathe", fact=cycles(3), occurred_at=server.clock.now)
    server.write(request(take_fact, taken), request(edit_assembly, move))
    assert server.shows(1, "part_count") == 3


def test_a_cycle_and_a_switch_in_one_batch(server: Server) -> None:
    """A shared assembly goes with the machine to the next process."""
    server.do(edit_assembly, EditAssembly(assembly_id=1, changes=AssemblyChanges(shared=True)))
    fills(server)
    server.facts(cycles(3), ProgramSeen(program="O2"))
    assert server.shows(1, "part_count") == 3


def test_a_move_that_is_older_than_a_cycle(server: Server) -> None:
    """The clock of the machine is ahead: what it made after the move is made elsewhere."""
    server.facts(cycles(3), ago=-60)
    fills(server)
    server.do(edit_assembly, EditAssembly(assembly_id=1, changes=AssemblyChanges(process_id=2)))
    assert server.shows(1, "part_count") == 0


def test_a_deleted_part(server: Server) -> None:
    server.facts(cycles(3))
    fills(server)
    server.do(delete_part, DeletePart(part_id=3), asking=True)
    assert server.shows(1, "part_count", "last_part_id") == [2, 2]


def test_a_replacement_and_its_undoing(server: Server) -> None:
    server.facts(cycles(3))
    fills(server)
    server.clock.now += 10
    server.do(replace_tool, ReplaceTool(tool_id=1, said=Replacing(maintenance_status=6)), asking=True)
    names = ("part_count", "last_replaced", "maintenance_status", "last_part_id")
    assert server.shows(1, *names) == [0, server.clock.now, 6, 3]
    server.do(undo_replacement, UndoReplacement(replacement_id=1), asking=True)
    assert server.shows(1, *names) == [3, None, 1, 3]


def test_a_substitute(server: Server) -> None:
    server.do(create_tool, CreateTool(name="spare"))
    server.facts(cycles(3))
    fills(server)
    server.do(replace_tool, ReplaceTool(tool_id=1, said=Replacing(substitute=3)), asking=True)
    assert [server.shows(each, "assembly_id") for each in (1, 3)] == [None, 1]
    server.facts(cycles(2))
    assert [server.shows(each, "part_count") for each in (1, 3)] == [0, 2]


def test_a_warning(server: Server) -> None:
    fills(server)
    server.facts(cycles(100))
    assert server.shows(1, "warning_sent", "parts_remaining") == [True, 0]


def test_a_deleted_tool(server: Server) -> None:
    fills(server)
    server.do(delete_tool, DeleteTool(tool_id=1))
    with pytest.raises(NotFound):
        server.tool()
    assert [*msgspec.json.decode(server.listed())] == ["2"]


def test_what_was_refused_changes_no_document(server: Server) -> None:
    fills(server)
    (refused,) = server.backend.writer.write([request(delete_tool, DeleteTool(tool_id=9))])
    assert isinstance(refused, NotFound)
    assert server.encodes(partial(fills, server)) == 0


# Days


def test_a_day_begins(server: Server) -> None:
    """Documents are made anew at local midnight, and not before it."""
    assert server.shows(1, "day_count") == 0
    server.listed()
    server.clock.now = MIDNIGHT - 0.001
    assert server.encodes(server.listed) == 0
    assert server.shows(1, "day_count") == 0
    server.clock.now = MIDNIGHT
    assert server.shows(1, "day_count") == 1
    assert [each["day_count"] for each in msgspec.json.decode(server.listed()).values()] == [1, 1]
    assert server.encodes(partial(server.listed, life=True)) == 0, "once a day"
    server.clock.now += 3 * DAY + 5
    assert [each["day_count"] for each in msgspec.json.decode(server.listed()).values()] == [4, 4]


@pytest.mark.parametrize(("zone", "ends"), [("Pacific/Kiritimati", DAY - 14 * 3600), ("America/New_York", 5 * 3600)])
def test_another_time_zone(server: Server, zone: str, ends: float) -> None:
    """A change of `timezone` re-buckets the past. (The API tells the documents of it.)"""
    fills(server)
    server.do(edit_options, OptionFields(timezone=zone))
    server.documents.forget_day()
    assert server.shows(1, "day_count") == 0
    server.clock.now = MIDNIGHT + ends - 0.001
    assert server.shows(1, "day_count") == 0
    server.clock.now = MIDNIGHT + ends
    assert server.shows(1, "day_count") == 1


def test_another_time_zone_in_which_it_is_another_day(server: Server) -> None:
    """At 11:00 UTC of the next day it is the day after that in Kiritimati, and the tool came the day before."""
    server.clock.now = MIDNIGHT + 11 * 3600
    assert server.shows(1, "day_count") == 1
    server.listed()
    server.do(edit_options, OptionFields(timezone="Pacific/Pago_Pago"))
    server.documents.forget_day()
    server.clock.now = MIDNIGHT + 10 * 3600
    assert server.shows(1, "day_count") == 0
    assert [each["day_count"] for each in msgspec.json.decode(server.listed()).values()] == [0, 0]


# Lists


@pytest.mark.parametrize("life", [False, True])
def test_a_list_is_kept_until_something_changes(server: Server, life: bool) -> None:
    first = server.listed(life)
    assert [server.listed(life) is first for _ in range(3)] == [True] * 3
    server.do(create_machine, CreateMachine(name="mill"))
    server.facts(ProgramSeen(program="O9"), machine="mill")
    server.facts(cycles(1, "O9"), machine="mill")
    assert server.listed(life) is first, "a machine without tools changes none"
    assert server.made == 1
    server.facts(cycles())
    assert server.listed(life) != first
    assert server.made == 2
    for change in ({"notes": "x"}, {"part_count": 7}, {"part_life": 9}):
        before = server.listed(life)
        server.do(edit_tool, EditTool(tool_id=2, changes=ToolChanges(**change)), asking=True)
        assert server.listed(life) != before


def test_the_list_with_average_lives(server: Server) -> None:
    """Mean of `part_count` over all its replacements, as late cycles and undone ones leave it."""

    def averages() -> list[float | None]:
        return [each["average_tool_life"] for each in msgspec.json.decode(server.listed(life=True)).values()]

    assert averages() == [None, None]
    for parts in (3, 6):
        server.facts(cycles(parts))
        server.clock.now += 50
        server.do(replace_tool, ReplaceTool(tool_id=1), asking=True)
    assert averages() == [4.5, None]
    server.facts(cycles(2), ago=15)
    assert averages() == [5.5, None]
    server.do(delete_part, DeletePart(part_id=1), asking=True)
    assert averages() == [5.0, None]
    server.do(undo_replacement, UndoReplacement(replacement_id=2), asking=True)
    assert averages() == [2.0, None]


# Whatever happens


def documents(server: Server) -> list[tuple[int, bytes]]:
    return [*server.documents.bodies(TOOLS, EVERY), (0, server.listed()), (0, server.listed(life=True))]


@QUICK
@given(groups_of(commands, commands, facts_taken))
def test_documents_are_what_the_rows_say(story: list[Group]) -> None:
    """After each group: what is kept is what would be made anew."""
    with new_folder() as folder:
        server = Server(folder)
        for group in [*AT_WORK, *story]:
            server.clock.now += group.wait
            server.backend.writer.write([request_of(act, server) for act in group.acts])  # type: ignore[arg-type]
            kept = documents(server)
            server.documents.clear()
            assert kept == documents(server)
            fills(server)
        close_backend(server.backend)
