"""The most important promise of the house: however the shop came to where it is, the rows and the shop are the same.

One command after the other, in groups, with restarts in between, after a crash in between, or folded from zero.
"""

import random
from collections.abc import Iterator
from typing import Any, NoReturn

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

import takt_projections.files
import taktledger.ledger.store
from street import (
    AT_WORK,
    START,
    Act,
    Clock,
    Group,
    Street,
    assert_sound,
    commands,
    events,
    facts_taken,
    groups_of,
    new_folder,
    new_street,
    play,
    request,
    request_of,
    rows,
    shop_bytes,
    street_on,
    updates_taken,
)
from takt_projections import (
    BUILT_IN,
    alerts,
    assemblies,
    machines,
    options,
    parts,
    processes,
    programs,
    tool_requirements,
    tools,
)
from takt_projections.files import finished_files
from takt_projections.rebuild import rebuild_next
from taktledger.domain.alerts import DismissAlert
from taktledger.domain.assemblies import AssemblyChanges, EditAssembly
from taktledger.domain.assembling import DeleteAssembly
from taktledger.domain.changeover import ChangeOver
from taktledger.domain.controls import NoteContact
from taktledger.domain.duplicate import Copy, DuplicateProcess
from taktledger.domain.errors import Conflict
from taktledger.domain.machines import CreateMachine, DeleteMachine, create_machine
from taktledger.domain.options import OptionFields
from taktledger.domain.parts import DeletePart, EditPart, PartDeleted, PartFields
from taktledger.domain.processes import ArchiveProcess, DeleteProcess, EditProcess, ProcessFields
from taktledger.domain.programs import DeleteProgram, EditProgram, ProgramFields
from taktledger.domain.shop import Counter
from taktledger.domain.tools.editing import EditTool, ToolChanges
from taktledger.domain.tools.tool import DeleteTool
from taktledger.domain.users import DeleteUser
from taktledger.ledger.writer import Answer
from taktledger.shopfloor.facts import CyclesSeen, ProgramSeen
from taktledger.shopfloor.ingest import ReportUpdate, TakeFact, UpdateInbox
from taktledger.shopfloor.update import MachineUpdate

QUICK = settings(max_examples=18, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
LONG = settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))

everything = groups_of(commands, facts_taken, updates_taken)
without_updates = groups_of(commands, facts_taken)
"""What an inbox remembers may be lost; without updates nothing may."""


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Several batches and several saved shops, also in a short ledger. Tracebacks in colour would take minutes."""
    monkeypatch.setattr(taktledger.ledger.store, "BATCH", 7)
    monkeypatch.setattr(takt_projections.files, "SHOP_EVERY", 5)
    with capture_logs():
        yield


class Life:
    """What is left of it."""

    def __init__(self, street: Street, answers: list[Any]) -> None:
        assert_sound(street)
        self.rows = rows(street.models.db)
        self.shop = shop_bytes(street.shop)
        self.events = events(street.ledger)
        self.answers = [_plain(each) for each in answers]


def _plain(answer: Any) -> Any:
    return msgspec.to_builtins(answer) if isinstance(answer, Answer) else (type(answer), str(answer))


def one_by_one(groups: list[Group]) -> Life:
    with new_street() as street:
        return Life(street, play(street, groups, at_once=False))


def in_groups(groups: list[Group]) -> Life:
    with new_street() as street:
        return Life(street, play(street, groups, at_once=True))


def with_restarts(groups: list[Group], seed: int, *, keeping_inbox: bool) -> Life:
    """Restarts between groups: closed properly, killed, or with the read models deleted."""
    chance = random.Random(seed)
    clock, inbox, answers = Clock(), UpdateInbox(), []
    with new_folder() as data:
        left = list(groups)
        while left:
            with street_on(data, clock, inbox) as street:
                end = "none"
                while left and end in ("none", "reload", "change over"):
                    answers += play(street, [left.pop(0)], at_once=chance.random() < 0.5)
                    end = chance.choice(("none", "none", "saved", "killed", "reload", "deleted", "change over"))
                    if end == "reload":
                        street.writer.reload()
                    elif end == "change over":
                        rebuild_next(street.ledger, data, BUILT_IN)
                        street.writer.shop = street.models.change_over()
                if end == "saved":
                    street.models.close(street.shop)
            if end == "deleted":
                for each in finished_files(data):
                    each.unlink()
            if not keeping_inbox:
                inbox = UpdateInbox()
        with street_on(data, clock, inbox) as street:
            return Life(street, answers)


def assert_same(first: Life, second: Life) -> None:
    assert first.events == second.events
    assert first.rows == second.rows
    assert first.shop == second.shop
    assert first.answers == second.answers


def _lives_agree(groups: list[Group], seed: int) -> None:
    with capture_logs() as logs:
        living = one_by_one(groups)
        assert_same(living, in_groups(groups))
        assert_same(living, with_restarts(groups, seed, keeping_inbox=True))
        with_restarts(groups, seed, keeping_inbox=False)  # may detect otherwise, but is sound in itself
    failed = [each["event"] for each in logs if each["log_level"] == "error"]
    assert not failed, "a decision failed, or made what can't be read again; or it was asked for what nobody can send"


def _fact(sequence: int, fact: Any, machine: str = "lathe", at: float | None = None) -> Act:
    taken = TakeFact(machine=machine, fact=fact, occurred_at=START + (sequence if at is None else at))
    return Act("take_fact", taken, source="spool-1", sequence=sequence)


def _cycles(sequence: int) -> Act:
    return _fact(sequence, CyclesSeen(cycles=2, counters={"part_count": Counter(sequence)}, program="O1"))


def _update(machine_id: int, **said: Any) -> Act:
    return Act("take_update", ReportUpdate(machine_id=machine_id, update=MachineUpdate(**said)))


DELETED_AND_GOES_ON = [
    Group(1.0, [_cycles(1), _fact(2, ProgramSeen(program="O1")), _cycles(3), _cycles(2)]),
    Group(1.0, [Act("delete_program", DeleteProgram(program_id=1)), _cycles(4), _cycles(5)]),
    Group(1.0, [Act("delete_machine", DeleteMachine(machine_id=1)), _cycles(6), _cycles(1)]),
    Group(1.0, [_cycles(9), _cycles(7), _cycles(8)]),
]
WRAPS_AND_RESETS = [
    Group(0.0, [Act("create_machine", CreateMachine(name="mill"), key="k1")]),
    Group(1.0, [_update(1, part_count=2**32 - 2, program_name="O1", cycle_state="ACTIVE", active_tool=2)]),
    Group(1.0, [_update(1, part_count=3), _update(1, part_count=0), _update(1, part_count=4)]),
    Group(1.0, [_update(1, part_count=400), _update(1, part_count=2), _update(1, program_name="")]),
    Group(-5.0, [Act("edit_program", EditProgram(program_id=1, fields=ProgramFields(filename="O9")))]),
    Group(1.0, [_update(1, part_count=3), _update(1, part_count=4, timestamp=START + 5_000)]),
]


def _moved(assembly_id: int, process_id: int | None) -> Act:
    changes = AssemblyChanges(process_id=process_id)
    return Act("edit_assembly", EditAssembly(assembly_id=assembly_id, changes=changes))


TOOLING_COMES_AND_GOES = [
    *AT_WORK,
    Group(30.0, [_fact(1, ProgramSeen(program="O1"), at=-500.0), _fact(2, ProgramSeen(program="O2"), at=9_000.0)]),
    Group(1.0, [_moved(1, 1), _moved(3, 3), _fact(3, ProgramSeen(program="O1"), at=70.0), _moved(3, None)]),
    Group(
        1.0,
        [
            Act("edit_tool", EditTool(tool_id=1, changes=ToolChanges(notes="n", assembly_id=3))),
            Act("duplicate_process", DuplicateProcess(process_id=1, copy=Copy(machine_id=2, name="copy"))),
            Act("delete_assembly", DeleteAssembly(assembly_id=3)),
            Act("delete_tool", DeleteTool(tool_id=2)),
            Act("edit_assembly", EditAssembly(assembly_id=2, changes=AssemblyChanges(location=4, shared=False))),
        ],
    ),
    Group(1.0, [Act("delete_process", DeleteProcess(process_id=1)), _cycles(4), _fact(5, ProgramSeen(program="O2"))]),
    Group(1.0, [Act("delete_machine", DeleteMachine(machine_id=2)), _cycles(6)]),
]
CHANGED_OVER_AND_CORRECTED = [
    *AT_WORK,
    Group(
        5.0,
        [
            Act("change_over", ChangeOver(from_id=1, to_id=2, remove_tool_assemblies=[3, 1], user_id=1), key="k1"),
            Act("change_over", ChangeOver(from_id=1, to_id=2, remove_tool_assemblies=[3, 1], user_id=1), key="k1"),
            Act("change_over", ChangeOver(from_id=2, to_id=1, planned=True)),
            Act("edit_part", EditPart(part_id=8, editor_id=1, fields=PartFields(scrapped=True, notes="n"))),
            Act("delete_part", DeletePart(part_id=8)),
            Act("delete_part", DeletePart(part_id=8)),
            Act("edit_part", EditPart(part_id=8, editor_id=1, fields=PartFields(suspect=True))),
            _fact(1, ProgramSeen(program="O1")),
            _fact(2, CyclesSeen(cycles=1, counters={}, program="O1", tools_seen=[5], variables={102: 1.5}), at=95.0),
            Act("delete_part", DeletePart(part_id=9)),
        ],
    ),
    Group(
        5.0,
        [
            Act("note_contact", NoteContact(machine_id=1, last_contact=START + 3, silent=True)),
            Act("note_contact", NoteContact(machine_id=1, last_contact=START + 3, silent=True)),
            Act("dismiss_alert", DismissAlert(alert_id=2, user_id=1)),
            Act("note_contact", NoteContact(machine_id=1, last_contact=START + 90, silent=False)),
            Act("delete_user", DeleteUser(user_id=1)),
            Act("edit_options", OptionFields(check_unused_tools_parts=1)),
            Act("archive_process", ArchiveProcess(process_id=1, programs=True)),
            Act("edit_process", EditProcess(process_id=1, fields=ProcessFields(parts_per_cycle=4))),
        ],
    ),
    Group(5.0, [_cycles(3), Act("delete_part", DeletePart(part_id=1)), Act("delete_part", DeletePart(part_id=17))]),
]
EXAMPLES = (DELETED_AND_GOES_ON, WRAPS_AND_RESETS, TOOLING_COMES_AND_GOES, CHANGED_OVER_AND_CORRECTED)


def test_the_examples_do_something() -> None:
    """Every decision about processes, tooling, parts and alerts has its event in them."""
    kinds: set[str] = set()
    for groups in EXAMPLES:
        kinds |= {type(each).__name__ for each in one_by_one(groups).events}
    assert kinds >= {
        *("ProcessSwitched", "ProcessChangedOver", "ProcessEdited", "ProcessDeleted", "ToolRequirementCreated"),
        *("AssemblyCreated", "AssemblyEdited", "AssemblyMoved", "AssemblyDeleted"),
        *("ToolCreated", "ToolEdited", "ToolMoved", "ToolDeleted"),
        *("PartEdited", "PartDeleted", "AlertRaised", "AlertDismissed", "MachineFellSilent", "MachineSilenceEnded"),
    }


@QUICK
@given(everything, st.integers(0, 2**32))
@example(DELETED_AND_GOES_ON, 1)
@example(WRAPS_AND_RESETS, 2)
@example(TOOLING_COMES_AND_GOES, 3)
@example(TOOLING_COMES_AND_GOES, 4)
@example(CHANGED_OVER_AND_CORRECTED, 5)
@example(CHANGED_OVER_AND_CORRECTED, 6)
def test_living_equals_rebuilding(groups: list[Group], seed: int) -> None:
    _lives_agree(groups, seed)


@pytest.mark.long
@LONG
@given(groups_of(commands, facts_taken, updates_taken, most=40), st.integers(0, 2**32))
def test_living_equals_rebuilding_for_long(groups: list[Group], seed: int) -> None:
    _lives_agree(groups, seed)


class Boom(Exception):
    pass


def _boom(shop: Any, command: str, now: float) -> Any:
    """Fails when two events are folded already."""
    yield from create_machine(shop, CreateMachine(name=f"{command} 1"), now)
    yield from create_machine(shop, CreateMachine(name=f"{command} 2"), now)
    _fail(command)


def _fail(how: str) -> NoReturn:
    raise Boom(how) if how == "boom" else Conflict(how)


@QUICK
@given(without_updates, st.data())
def test_what_fails_in_the_middle_of_a_group_was_never_there(groups: list[Group], data: st.DataObject) -> None:
    living = one_by_one(groups)
    with new_street() as street:
        answers = []
        for group in groups:
            street.clock.now += group.wait
            requests = [request_of(act, street) for act in group.acts]
            for how in data.draw(st.lists(st.sampled_from(("boom", "conflict")), max_size=2)):
                at = data.draw(st.integers(0, len(requests)))
                requests.insert(at, request(_boom, how, key=f"boom {at}", actor="system"))
            outcomes = street.write(*requests)
            kept = [each for each, said in zip(requests, outcomes, strict=True) if each.steps[0].decide is not _boom]
            assert len(kept) == len(group.acts)
            for each, said in zip(requests, outcomes, strict=True):
                if each.steps[0].decide is _boom:
                    assert isinstance(said, (Boom, Conflict))
                else:
                    answers.append(said)
        assert_same(living, Life(street, answers))


@QUICK
@given(everything)
def test_documents_say_what_the_shop_says(groups: list[Group]) -> None:
    with new_street() as street:
        play(street, groups, at_once=True)
        db, shop = street.models.db, street.shop
        for module, objects in (
            (machines, shop.machines),
            (programs, shop.programs),
            (processes, shop.processes),
            (assemblies, shop.assemblies),
            (tools, shop.tools),
        ):
            assert module.ids(db) == sorted(objects)
            now = [street.clock()] if module is tools else []
            for each, revision, document in module.load(db, module.ids(db), *now):
                assert (document.id, revision) == (each, objects[each].revision)
        for module, objects in ((programs, shop.programs), (assemblies, shop.assemblies), (tools, shop.tools)):
            now = [street.clock()] if module is tools else []
            for each, _, document in module.load(db, module.ids(db), *now):  # what a tool counts: test_tool_counters.py
                kept = {name for each in objects.values() for name in each.__struct_fields__}
                fields = set(document.__struct_fields__) & kept
                assert {name: getattr(document, name) for name in fields} == {
                    name: getattr(objects[each], name) for name in fields
                }
        for machine in shop.machines.values():
            ((_, _, found),) = machines.load(db, [machine.id])
            for name in ("name", "source_name", "description", "running_states", "custom_alarms", "custom_properties"):
                assert getattr(found, name) == getattr(machine, name)
            for name in ("cycle_state", "estopped", "feed_rate_override", "active_tool", "alarms", "variables"):
                assert getattr(found, name) == getattr(machine.control, name)
            assert found.loaded_program_id == machine.loaded_program_id
            assert found.loaded_process_id == machine.loaded_process_id
            assert machines.last_facts(db, machines.ids(db))[machine.id] == (machine.source_name, machine.last_fact_at)
        for process in shop.processes.values():
            ((_, _, document),) = processes.load(db, [process.id])
            fields = set(document.__struct_fields__) - {"last_cycle", "loaded"}
            assert {name: getattr(document, name) for name in fields} == {
                name: getattr(process, name) for name in fields
            }
            assert (document.last_cycle.finished if document.last_cycle else None) == process.last_cycle
            required = tool_requirements.ids(db, process.id)
            assert required == sorted(process.requirement_ids)
            for each, _, requirement in tool_requirements.load(db, required):
                assert requirement == shop.tool_requirements[each]
            assert document.loaded == (shop.machines[process.machine_id].loaded_process_id == process.id)
        assert options.get(db) == shop.options
        open_alerts = {each.id: (each.kind, each.machine_id) for each in alerts.find(db) if not each.dismissed}
        assert open_alerts == {each: (alert.kind, alert.machine_id) for each, alert in shop.open_alerts.items()}
        made = parts.find(db)
        deleted = {event.part_id for event in events(street.ledger) if isinstance(event, PartDeleted)}
        assert sorted(part.id for part in made) == sorted({*range(1, shop.parts_made + 1)} - deleted)
        for part in made:
            assert part.machine_id is None or part.machine_id in shop.machines
            assert part.program_id is None or part.program_id in shop.programs
            assert part.process_id is None or part.process_id in shop.processes
