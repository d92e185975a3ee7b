"""The whole street on one directory: ledger, read models and writer, with a clock that the test sets."""

import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import Struct

from takt_projections import BUILT_IN
from takt_projections.current import ReadModels
from takt_projections.history import History
from takt_projections.rebuild import rebuild_into
from taktledger.domain.alerts import DismissAlert, dismiss_alert
from taktledger.domain.assemblies import (
    AssemblyChanges,
    ChangeAssemblyImage,
    CreateAssembly,
    EditAssembly,
    change_assembly_image,
    create_assembly,
    edit_assembly,
)
from taktledger.domain.assembling import (
    AddTools,
    AssemblyCopy,
    DeleteAssembly,
    DuplicateAssembly,
    MergeAssemblies,
    add_tools,
    delete_assembly,
    duplicate_assembly,
    merge_assemblies,
)
from taktledger.domain.changeover import ChangeOver, change_over
from taktledger.domain.controls import ControlChanges, NoteContact, note_contact
from taktledger.domain.duplicate import Copy, DuplicateProcess, duplicate_process
from taktledger.domain.event import Event
from taktledger.domain.fold import fold
from taktledger.domain.holds.clock import LookAtHolds, look_at_holds
from taktledger.domain.holds.hold import (
    CreateHold,
    DeleteHold,
    EditHold,
    HoldFields,
    create_hold,
    delete_hold,
    edit_hold,
)
from taktledger.domain.holds.schedule import (
    CreateHoldSchedule,
    DeleteHoldSchedule,
    EditHoldSchedule,
    HoldScheduleFields,
    create_hold_schedule,
    delete_hold_schedule,
    edit_hold_schedule,
)
from taktledger.domain.inventory.items import (
    CreateInventoryItem,
    DeleteInventoryItem,
    EditInventoryItem,
    InventoryItemFields,
    create_inventory_item,
    delete_inventory_item,
    edit_inventory_item,
)
from taktledger.domain.inventory.points import (
    CreateInventoryPoint,
    DeleteInventoryPoint,
    EditInventoryPoint,
    ImportQuantities,
    InventoryPointChanges,
    create_inventory_point,
    delete_inventory_point,
    edit_inventory_point,
    import_quantities,
)
from taktledger.domain.machines import (
    CreateMachine,
    DeleteMachine,
    EditMachine,
    MachineFields,
    create_machine,
    delete_machine,
    edit_machine,
)
from taktledger.domain.options import OptionFields, edit_options
from taktledger.domain.parts import DeletePart, EditPart, PartFields, delete_part, edit_part
from taktledger.domain.processes import (
    ArchiveProcess,
    CreateProcess,
    DeleteProcess,
    EditProcess,
    ProcessFields,
    archive_process,
    create_process,
    delete_process,
    edit_process,
)
from taktledger.domain.programs import (
    CreateProgram,
    DeleteProgram,
    EditProgram,
    ProgramFields,
    create_program,
    delete_program,
    edit_program,
)
from taktledger.domain.shop import ControlAlarm, Counter, Image, MappedVariable, Shop
from taktledger.domain.tool_requirements import (
    CreateToolRequirement,
    ToolRequirementFields,
    create_tool_requirement,
)
from taktledger.domain.tools.editing import (
    AdjustPartCounts,
    ChangeTags,
    EditProcessLife,
    EditTool,
    ProcessLifeChanges,
    ToolChanges,
    UpdatePartLives,
    adjust_part_counts,
    change_tags,
    edit_process_life,
    edit_tool,
    update_part_lives,
)
from taktledger.domain.tools.importing import ImportTools, ToolRow, import_tools
from taktledger.domain.tools.replacement import ReplacementFields
from taktledger.domain.tools.replacing import (
    ChangeReplacementImage,
    EditReplacement,
    ReplaceTool,
    Replacing,
    UndoReplacement,
    change_replacement_image,
    edit_replacement,
    replace_tool,
    undo_replacement,
)
from taktledger.domain.tools.tool import (
    ChangeToolImage,
    CreateTool,
    DeleteTool,
    change_tool_image,
    create_tool,
    delete_tool,
)
from taktledger.domain.tools.watch import ToolWatch
from taktledger.domain.users import (
    LEVELS,
    CreateUser,
    DeleteUser,
    EditUser,
    IssueKey,
    RevokeKey,
    UserFields,
    create_user,
    delete_user,
    edit_user,
    issue_key,
    revoke_key,
)
from taktledger.ledger.store import Ledger, Recorded
from taktledger.ledger.writer import Answer, Request, Step, Writer
from taktledger.shopfloor import facts as f
from taktledger.shopfloor.ingest import ReportUpdate, TakeFact, UpdateInbox, take_fact
from taktledger.shopfloor.update import MachineUpdate

START = 1_763_640_000.0
"""2025-11-20 12:00 UTC."""

Rows = dict[str, list[tuple[Any, ...]]]


class Clock:
    def __init__(self, now: float = START) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Street:
    """Everything that `serve` opens, on one directory."""

    def __init__(self, data: Path, clock: Clock | None = None, inbox: UpdateInbox | None = None) -> None:
        self.data = data
        self.clock = clock or Clock()
        self.inbox = inbox or UpdateInbox()
        self.ledger = Ledger(data / "ledger.db")
        self.models = ReadModels(self.ledger, data, BUILT_IN)
        self.writer = Writer(self.ledger, self.models, self.clock, ToolWatch(History(self.models)).follow)

    @property
    def shop(self) -> Shop:
        return self.writer.shop

    def write(self, *requests: Request) -> list[Answer | Exception]:
        return self.writer.write(requests)

    def do(self, decide: Callable[..., Any], command: Any, **more: Any) -> Answer:
        """One request, which must succeed."""
        (answer,) = self.write(request(decide, command, **more))
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        self.models.close(self.shop)
        self.ledger.close()

    def abandon(self) -> None:
        """As after a kill -9: the files are let go of, and nothing is saved."""
        self.models.db.close()
        self.models._file.close()
        self.ledger.close()


@contextmanager
def street_on(data: Path, clock: Clock | None = None, inbox: UpdateInbox | None = None) -> Iterator[Street]:
    street = Street(data, clock, inbox)
    try:
        yield street
    finally:
        street.abandon()


@contextmanager
def new_street(clock: Clock | None = None) -> Iterator[Street]:
    """On a directory of its own: for hypothesis, which must not share one between examples."""
    with new_folder() as folder, street_on(folder, clock) as street:
        yield street


@contextmanager
def new_folder() -> Iterator[Path]:
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


def request(
    decide: Callable[..., Any],
    command: Any,
    source: str | None = None,
    sequence: int = 0,
    key: str | None = None,
    body: str = "",
    actor: str = "user-1",
    status: int = 200,
) -> Request:
    step = Step(decide=decide, command=command, source=source, sequence=sequence)
    return Request(steps=[step], actor=actor, status=status, key=key, body_sha256=body)


# Looking


def rows(db: sqlite3.Connection | Path) -> Rows:
    """Every table's rows, sorted, but the checkpoint's."""
    if isinstance(db, Path):
        with closing(sqlite3.connect(db)) as connection:
            return rows(connection)
    names = db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'").fetchall()
    tables = sorted({name for (name,) in names} - {"checkpoint"})
    return {table: sorted(map(tuple, db.execute(f"SELECT * FROM {table}")), key=repr) for table in tables}


def events(ledger: Ledger) -> list[Event]:
    return [event for _, batch in ledger.scan() for event in batch]


def recorded(ledger: Ledger) -> list[Recorded]:
    return [Recorded(at, event) for first, batch in ledger.scan() for at, event in enumerate(batch, first)]


def folded(ledger: Ledger) -> Shop:
    """The shop, folded from zero event by event."""
    shop = Shop()
    for position, event in recorded(ledger):
        fold(shop, event)
        shop.position = position
    return shop


def shop_bytes(shop: Shop) -> bytes:
    copy = msgspec.msgpack.decode(msgspec.msgpack.encode(shop), type=Shop)
    copy.touched.clear()
    return msgspec.msgpack.encode(_in_order(copy), order="deterministic")


def _in_order(value: Any) -> Any:
    """Maps as lists of pairs: their order is part of the shop, that of a set is not."""
    match value:
        case Struct():
            return [_in_order(getattr(value, name)) for name in value.__struct_fields__]
        case dict():
            return [(key, _in_order(each)) for key, each in value.items()]
        case list():
            return [_in_order(each) for each in value]
        case _:
            return value


def rebuilt(ledger: Ledger) -> Rows:
    """The rows that a rebuild from zero makes."""
    with new_folder() as folder:
        path = folder / "zero.db"
        rebuild_into(ledger, path, BUILT_IN)
        return rows(path)


def assert_sound(street: Street) -> None:
    """The shop and the rows are what the ledger says, and its positions have no gaps."""
    said = recorded(street.ledger)
    assert [position for position, _ in said] == list(range(1, street.ledger.head + 1))
    times = [event.recorded_at for _, event in said]
    assert times == sorted(times)
    assert shop_bytes(street.shop) == shop_bytes(folded(street.ledger))
    assert rows(street.models.db) == rebuilt(street.ledger)


# Strategies: what may happen to a shop


class Act(Struct, frozen=True):
    """One request, by name, so that it can be played on any street."""

    decide: str
    command: Any
    source: str | None = None
    sequence: int = 0
    key: str | None = None


DECISIONS: dict[str, Callable[..., Any]] = {
    "create_assembly": create_assembly,
    "edit_assembly": edit_assembly,
    "delete_assembly": delete_assembly,
    "duplicate_assembly": duplicate_assembly,
    "add_tools": add_tools,
    "merge_assemblies": merge_assemblies,
    "change_assembly_image": change_assembly_image,
    "create_tool": create_tool,
    "delete_tool": delete_tool,
    "change_tool_image": change_tool_image,
    "change_tags": change_tags,
    "import_tools": import_tools,
    "create_tool_requirement": create_tool_requirement,
    "create_inventory_item": create_inventory_item,
    "edit_inventory_item": edit_inventory_item,
    "delete_inventory_item": delete_inventory_item,
    "create_inventory_point": create_inventory_point,
    "edit_inventory_point": edit_inventory_point,
    "delete_inventory_point": delete_inventory_point,
    "import_quantities": import_quantities,
    "create_hold": create_hold,
    "edit_hold": edit_hold,
    "delete_hold": delete_hold,
    "create_hold_schedule": create_hold_schedule,
    "edit_hold_schedule": edit_hold_schedule,
    "delete_hold_schedule": delete_hold_schedule,
    "look_at_holds": look_at_holds,
    "edit_process": edit_process,
    "archive_process": archive_process,
    "delete_process": delete_process,
    "duplicate_process": duplicate_process,
    "change_over": change_over,
    "dismiss_alert": dismiss_alert,
    "note_contact": note_contact,
    "create_machine": create_machine,
    "edit_machine": edit_machine,
    "delete_machine": delete_machine,
    "create_program": create_program,
    "edit_program": edit_program,
    "delete_program": delete_program,
    "create_process": create_process,
    "edit_options": edit_options,
    "create_user": create_user,
    "edit_user": edit_user,
    "delete_user": delete_user,
    "issue_key": issue_key,
    "revoke_key": revoke_key,
    "take_fact": take_fact,
}


WITH_HISTORY: dict[str, Callable[..., Any]] = {
    "edit_part": edit_part,
    "delete_part": delete_part,
    "edit_tool": edit_tool,
    "edit_process_life": edit_process_life,
    "adjust_part_counts": adjust_part_counts,
    "update_part_lives": update_part_lives,
    "replace_tool": replace_tool,
    "undo_replacement": undo_replacement,
    "edit_replacement": edit_replacement,
    "change_replacement_image": change_replacement_image,
}
"""Decisions that ask the rows."""


def request_of(act: Act, street: Street) -> Request:
    if act.decide == "take_update":
        decide: Callable[..., Any] = street.inbox.take
    elif act.decide in WITH_HISTORY:
        decide = partial(WITH_HISTORY[act.decide], history=History(street.models))
    else:
        decide = DECISIONS[act.decide]
    return request(decide, act.command, source=act.source, sequence=act.sequence, key=act.key)


def one_of(*strategies: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Each as often as it is named. (Hypothesis' own `one_of` takes nested ones apart: the longest would win.)"""
    return st.integers(0, len(strategies) - 1).flatmap(strategies.__getitem__)


MACHINES = ("lathe", "mill", "säge")
PROGRAMS = ("O1", "O2", "Ø 3", "(No Program)")
READINGS = (0, 1, 2, 3, 5, 9, 150, 65_530, 65_535, 2**32 - 3, 2**32 - 1)
CONTROL_VARIABLES = (100, 101, 102)

a_machine_id = st.sampled_from((1, 2, 1, 2, 3))
some_machine_ids = st.lists(a_machine_id, max_size=2)
a_program_id = st.integers(1, 5)
a_process_id = st.integers(1, 4)
a_moment = st.integers(-1_000, 4_000).map(lambda seconds: START + seconds)
a_text = st.sampled_from(("", "x", "Größe\u0000", "日本 \U0001f529", "null", "'\"\\\n"))
a_name = a_text.filter(bool)
a_counter = st.sampled_from(READINGS).map(Counter)
a_number = st.sampled_from((0.0, 1.0, 2.0, 2.5, -7.25, 1e300))
a_mapped_variable = st.builds(
    MappedVariable,
    number=st.sampled_from(CONTROL_VARIABLES),
    notify_comparison=st.none() | st.sampled_from(("EQ", "NE", "LT", "LE", "GT", "GE")),
    notify_value=a_number | st.none(),
)
a_part_id = st.sampled_from((1, 2, 3, 4, 5, 6, 7, 8, 12))
an_assembly_id = st.integers(1, 5)
a_tool_id = st.integers(1, 5)
a_location = st.integers(1, 5)
an_item_id = st.sampled_from((1, 2, 1, 2, 3))
a_point_id = st.sampled_from((1, 2, 1, 2, 3))
some_quantities = st.dictionaries(an_item_id, st.sampled_from((0, 1, 7, 10)), max_size=2)
some_variables = st.dictionaries(st.sampled_from(CONTROL_VARIABLES), a_number, max_size=3)
some_tools = st.lists(st.integers(1, 5), max_size=3)
some_seconds = st.dictionaries(st.integers(1, 5), st.sampled_from((0.0, 1.0, 2.5)), max_size=2)
some_counters = st.dictionaries(st.sampled_from(("part_count", "101")), a_counter, min_size=1, max_size=2)
some_alarms = st.lists(st.builds(ControlAlarm, alarm_code=a_text, custom_message=st.none() | a_text), max_size=2)
a_state = st.sampled_from(("ACTIVE", "STOPPED", "läuft"))


def _some(kind: Any, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A struct with any of these fields."""
    return _any_of(fields).map(lambda given: kind(**given))


def _any_of(fields: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """(Hypothesis' own optional fields are left out nearly always.)"""
    names = st.lists(st.sampled_from(tuple(fields)), unique=True, max_size=len(fields))
    return names.flatmap(lambda chosen: st.fixed_dictionaries({name: fields[name] for name in chosen}))


_machine: dict[str, Any] = {
    "description": a_text,
    "archived": st.booleans(),
    "program_cv": st.none() | st.just(100),
    "current_work_order": a_text,
    "running_states": st.none() | st.lists(a_state, max_size=2),
    "custom_alarms": st.dictionaries(a_text, a_text, max_size=1),
    "custom_properties": st.dictionaries(a_text, st.none() | a_text | a_number | st.booleans(), max_size=2),
}
_program: dict[str, Any] = {
    "custom_name": a_text,
    "archived": st.booleans(),
    "load_by_var_value": st.none() | st.integers(0, 2),
    "process_id": st.none() | a_process_id,
}
_process: dict[str, Any] = {
    "description": a_text,
    "archived": st.booleans(),
    "cv_map": st.dictionaries(a_name | st.just(" "), a_mapped_variable, max_size=2),
    "display_variable": st.none() | st.sampled_from(CONTROL_VARIABLES),
    "part_count_cv": st.none() | st.just(101),
    "parts_per_cycle": st.integers(0, 4),
    "tags": st.lists(a_text, max_size=2),
    "time_per_cycle": st.sampled_from((None, 0.0, 0.5, 2.5)),
}
_assembly: dict[str, Any] = {
    "notes": a_text,
    "location": st.none() | a_location,
    "shared": st.booleans(),
    "process_id": st.none() | a_process_id,
}
_life: dict[str, Any] = {
    "part_life": st.integers(0, 4),
    "warn_life": st.integers(0, 2),
    "max_runtime": st.sampled_from((0.0, 2.5)),
    "day_life": st.integers(0, 2),
    "day_count_type": st.sampled_from(("all", "week", "part")),
}
_tool: dict[str, Any] = {
    "notes": a_text,
    "tags": st.lists(a_text, max_size=2),
    "assembly_id": st.none() | an_assembly_id,
    "inventory_item_id": st.none() | st.sampled_from((1, 2)),
    "slots": st.integers(0, 2),
    "reorder_point": st.none() | st.integers(0, 9),
    "calibration_date": st.none() | st.dates(date(2025, 11, 1), date(2025, 11, 30)),
    "calibration_interval": st.none() | st.integers(1, 20),
    "calibration_notify": st.none() | st.just(1),
    "is_critical": st.booleans(),
    "replaced_checklist": st.none() | st.lists(a_text, max_size=1),
    "part_count": st.integers(0, 5),
    "runtime": a_number.filter(lambda seconds: 0 <= seconds < 10),
    **_life,
}
_hold: dict[str, Any] = {"start": a_moment, "end": st.none() | a_moment, "reason": a_text, "notes": a_text}
_schedule: dict[str, Any] = {
    "machine_id": a_machine_id,
    "reason": a_text,
    "frequency": st.sampled_from(("D", "H", "W")),
    "interval": st.integers(1, 2),
    "indices": st.lists(st.integers(1, 7), min_size=1, max_size=7),
    "months": st.sampled_from((4095, 1, 1024)),
    "weekdays": st.sampled_from((127, 8)),
    "time_of_day": st.sampled_from(("12:00", "12:20", "13:05")),
    "duration": st.sampled_from((None, 0.5, 20.0)),
}
_replacing: dict[str, Any] = {
    "reason": st.integers(0, 6),
    "notes": a_text,
    "indexed": st.booleans(),
    "substitute": st.none() | a_tool_id,
    "maintenance_status": st.none() | st.integers(1, 7),
    "inv_pt": st.just(1),
    "timestamp": st.none() | a_moment,
}
an_image = st.none() | st.builds(Image, st.sampled_from(("aa", "bb")), st.just("image/png"))
a_replacement_id = st.integers(1, 5)
_item: dict[str, Any] = {
    "notes": a_text,
    "part_number": a_text,
    "corners": st.integers(0, 4),
    "cut_length": st.none() | a_number,
    "flutes": st.none() | st.integers(0, 4),
    "durable": st.booleans(),
    "suppliers": st.lists(a_text, max_size=2),
}
_point: dict[str, Any] = {"items": some_quantities}
_part: dict[str, Any] = {
    "notes": a_text,
    "scrapped": st.booleans(),
    "reworked": st.booleans(),
    "suspect": st.booleans(),
}
_user: dict[str, Any] = {
    "username": a_name,
    "access_level": st.sampled_from(LEVELS),
    "active": st.booleans(),
    "favorite_tools": st.lists(st.integers(1, 4), max_size=2),
    "favorite_machines": some_machine_ids,
}
_changes = _some(
    ControlChanges,
    cycle_state=a_state,
    estopped=st.booleans(),
    feed_rate_override=st.sampled_from((0.0, 100.0, 12.5)),
    active_tool=st.integers(1, 5),
    alarms=some_alarms,
)

cycles_seen = st.builds(
    f.CyclesSeen,
    cycles=st.integers(1, 3),
    counters=some_counters,
    program=st.none() | st.sampled_from(PROGRAMS),
    tools_seen=some_tools,
    tool_seconds=some_seconds,
    variables=some_variables,
)

facts = one_of(
    cycles_seen,
    cycles_seen,
    cycles_seen,
    st.builds(f.ProgramSeen, program=st.sampled_from(PROGRAMS)),
    st.builds(f.ProgramSeen, program=st.sampled_from(PROGRAMS), tools_seen=some_tools),
    st.builds(f.BaselineSeen, counters=some_counters),
    st.builds(f.CountersSeen, counters=some_counters),
    st.builds(
        f.GapSeen,
        counter=st.just("part_count"),
        gap_from=st.none() | a_moment,
        from_reading=st.integers(0, 9),
        to_reading=st.integers(0, 9),
        why=st.sampled_from(("jump", "restart")),
        counters=some_counters,
    ),
    st.builds(f.StateSeen, changes=_changes),
    st.builds(f.VariablesSeen, variables=some_variables),
    st.builds(f.RunTimeSeen, tool_seconds=some_seconds),
    st.builds(f.HoldOutputWritten, held=st.booleans()),
    st.builds(f.HoldOutputFailed, held=st.booleans(), error=a_text),
    st.builds(f.FactSetAside, fact=a_text, error=a_text),
)

updates = _some(
    MachineUpdate,
    success=st.sampled_from((True, True, True, False)),
    part_count=st.sampled_from(READINGS),
    cycle_state=a_state,
    estopped=st.booleans(),
    program_name=st.sampled_from((*PROGRAMS[:3], "")),
    alarms=some_alarms,
    common_vars=some_variables,
    feed_rate_override=st.sampled_from((0.0, 100.0)),
    active_tool=st.integers(1, 5),
    tools_seen=some_tools,
    timestamp=a_moment,
)

_maybe_key = st.none() | st.sampled_from(("k1", "k2", "k3"))


def _act(decide: str, command: st.SearchStrategy[Any]) -> st.SearchStrategy[Act]:
    return st.builds(Act, st.just(decide), command, key=_maybe_key)


def _new(kind: Any, names: st.SearchStrategy[str], fields: dict[str, Any]) -> st.SearchStrategy[Any]:
    """A command that makes something, with a name and any of these fields."""
    return st.tuples(names, _some(dict, **fields)).map(lambda said: kind(name=said[0], **said[1]))


_on_tooling = one_of(
    _act("create_assembly", _new(CreateAssembly, a_name, _assembly)),
    _act(
        "edit_assembly",
        st.builds(EditAssembly, assembly_id=an_assembly_id, changes=_some(AssemblyChanges, **_assembly)),
    ),
    _act(
        "edit_assembly",
        st.builds(EditAssembly, assembly_id=an_assembly_id, changes=_some(AssemblyChanges, **_assembly)),
    ),
    _act("delete_assembly", st.builds(DeleteAssembly, assembly_id=an_assembly_id)),
    _act("create_tool", _new(CreateTool, a_name, _tool)),
    _act("edit_tool", st.builds(EditTool, tool_id=a_tool_id, changes=_some(ToolChanges, **_tool))),
    _act("delete_tool", st.builds(DeleteTool, tool_id=a_tool_id)),
    *[
        _act(
            "replace_tool",
            st.builds(
                ReplaceTool, tool_id=a_tool_id, said=_some(Replacing, **_replacing), force_substitute=st.booleans()
            ),
        )
        for _ in range(3)
    ],
    _act("undo_replacement", st.builds(UndoReplacement, replacement_id=a_replacement_id)),
    _act(
        "edit_replacement",
        st.builds(EditReplacement, replacement_id=a_replacement_id, fields=_some(ReplacementFields, notes=a_text)),
    ),
    _act(
        "change_replacement_image",
        st.builds(ChangeReplacementImage, replacement_id=a_replacement_id, image=an_image),
    ),
    _act("change_tool_image", st.builds(ChangeToolImage, tool_id=a_tool_id, image=an_image)),
    _act("change_assembly_image", st.builds(ChangeAssemblyImage, assembly_id=an_assembly_id, image=an_image)),
    _act(
        "edit_process_life",
        st.builds(
            EditProcessLife,
            tool_id=a_tool_id,
            process_id=a_process_id,
            changes=_some(ProcessLifeChanges, part_count=st.integers(0, 5), **_life),
        ),
    ),
    _act("adjust_part_counts", st.builds(AdjustPartCounts, tools=some_tools, count=st.integers(-3, 3))),
    _act("change_tags", st.builds(ChangeTags, tools=some_tools, add=st.lists(a_text, max_size=2))),
    _act("update_part_lives", st.builds(UpdatePartLives, tools=some_tools)),
    _act("add_tools", st.builds(AddTools, assembly_id=an_assembly_id, tools=some_tools)),
    _act(
        "merge_assemblies",
        st.builds(MergeAssemblies, assembly_id=an_assembly_id, sources=st.lists(an_assembly_id, max_size=1)),
    ),
    _act(
        "duplicate_assembly",
        st.builds(
            DuplicateAssembly,
            assembly_id=an_assembly_id,
            copy=st.builds(AssemblyCopy, duplicate=st.dictionaries(a_tool_id, a_name, max_size=2)),
        ),
    ),
    _act(
        "import_tools",
        st.builds(
            ImportTools,
            rows=st.lists(
                st.builds(
                    ToolRow, number=st.integers(2, 9), assembly=st.none() | a_name, location=st.just(4), tool=a_name
                ),
                max_size=2,
            ),
            columns=st.just({}),
            process_id=st.none() | a_process_id,
        ),
    ),
    _act(
        "create_tool_requirement",
        st.builds(
            CreateToolRequirement,
            process_id=a_process_id,
            fields=st.builds(
                ToolRequirementFields,
                location=a_location,
                notes=a_text,
                stick_out=st.none() | a_number,
                inventory_item_id=st.none() | an_item_id,
            ),
        ),
    ),
)
_on_inventory = one_of(
    _act("create_inventory_item", _new(CreateInventoryItem, a_name, _item)),
    _act(
        "edit_inventory_item",
        st.builds(EditInventoryItem, item_id=an_item_id, fields=_some(InventoryItemFields, **_item)),
    ),
    _act("delete_inventory_item", st.builds(DeleteInventoryItem, item_id=an_item_id)),
    _act("create_inventory_point", _new(CreateInventoryPoint, a_name, _point)),
    *[
        _act(
            "edit_inventory_point",
            st.builds(
                EditInventoryPoint, point_id=a_point_id, changes=_some(InventoryPointChanges, name=a_name, **_point)
            ),
        )
        for _ in range(2)
    ],
    _act("delete_inventory_point", st.builds(DeleteInventoryPoint, point_id=a_point_id)),
    _act("import_quantities", st.builds(ImportQuantities, point_id=a_point_id, quantities=some_quantities)),
)
_on_holds = one_of(
    _act("create_hold", st.builds(CreateHold, machine_id=a_machine_id, fields=_some(HoldFields, **_hold))),
    *[
        _act("edit_hold", st.builds(EditHold, hold_id=st.integers(1, 4), fields=_some(HoldFields, **_hold)))
        for _ in range(2)
    ],
    _act("delete_hold", st.builds(DeleteHold, hold_id=st.integers(1, 4))),
    _act(
        "create_hold_schedule",
        _some(dict, **_schedule).map(
            lambda said: CreateHoldSchedule(
                **{"machine_id": 1, "name": "look", "frequency": "H", "time_of_day": "12:10", "indices": [3]} | said
            )
        ),
    ),
    _act(
        "edit_hold_schedule",
        st.builds(EditHoldSchedule, schedule_id=st.integers(1, 2), fields=_some(HoldScheduleFields, **_schedule)),
    ),
    _act("delete_hold_schedule", st.builds(DeleteHoldSchedule, schedule_id=st.integers(1, 2))),
    *[_act("look_at_holds", st.just(LookAtHolds())) for _ in range(3)],
)
_on_processes = one_of(
    _act("edit_process", st.builds(EditProcess, process_id=a_process_id, fields=_some(ProcessFields, **_process))),
    _act("edit_process", st.builds(EditProcess, process_id=a_process_id, fields=_some(ProcessFields, **_process))),
    _act("archive_process", st.builds(ArchiveProcess, process_id=a_process_id, programs=st.booleans())),
    _act("delete_process", st.builds(DeleteProcess, process_id=a_process_id)),
    _act(
        "duplicate_process",
        st.builds(
            DuplicateProcess,
            process_id=a_process_id,
            copy=st.builds(Copy, machine_id=a_machine_id, name=a_name),
        ),
    ),
    *[
        _act(
            "change_over",
            st.builds(
                ChangeOver,
                from_id=st.sampled_from((1, 2, 3, 4)),
                to_id=st.sampled_from((2, 1, 2, 1, 3)),
                planned=st.booleans(),
                remove_tool_assemblies=st.lists(an_assembly_id, max_size=most),
                user_id=st.none() | st.integers(1, 2),
            ),
        )
        for most in (0, 0, 2)
    ],
)
_on_parts = one_of(
    _act("edit_part", st.builds(EditPart, part_id=a_part_id, editor_id=st.just(1), fields=_some(PartFields, **_part))),
    _act("delete_part", st.builds(DeletePart, part_id=a_part_id)),
    _act("delete_part", st.builds(DeletePart, part_id=a_part_id)),
    _act("dismiss_alert", st.builds(DismissAlert, alert_id=st.integers(1, 6), user_id=st.integers(1, 2))),
    _act(
        "note_contact",
        st.builds(NoteContact, machine_id=a_machine_id, last_contact=st.none() | a_moment, silent=st.booleans()),
    ),
)
_on_the_rest = one_of(
    _act("create_machine", st.builds(CreateMachine, name=st.sampled_from(MACHINES))),
    _act("edit_machine", st.builds(EditMachine, machine_id=a_machine_id, fields=_some(MachineFields, **_machine))),
    _act("delete_machine", st.builds(DeleteMachine, machine_id=a_machine_id)),
    _act(
        "create_program",
        st.builds(
            CreateProgram,
            filename=st.sampled_from(PROGRAMS),
            machine_id=a_machine_id,
            load_by_var_value=st.none() | st.integers(0, 2),
        ),
    ),
    _act(
        "edit_program",
        st.builds(
            EditProgram,
            program_id=a_program_id,
            fields=_some(ProgramFields, filename=st.sampled_from(PROGRAMS), **_program),
        ),
    ),
    _act("edit_program", st.builds(EditProgram, program_id=a_program_id, fields=_some(ProgramFields, **_program))),
    _act("delete_program", st.builds(DeleteProgram, program_id=a_program_id)),
    _act(
        "create_process",
        _some(dict, **_process).flatmap(
            lambda fields: st.builds(CreateProcess, machine_id=a_machine_id, name=a_name, **_just(fields))
        ),
    ),
    _act(
        "edit_options",
        _some(
            OptionFields,
            part_report_limit=st.sampled_from((1, 4, 100)),
            check_unused_tools_parts=st.integers(1, 3),
            machine_silent_seconds=st.sampled_from((0, 60)),
            timezone=st.sampled_from(("UTC", "Europe/Berlin", "Asia/Kathmandu")),
        ),
    ),
    _act(
        "create_user",
        st.builds(
            CreateUser,
            username=a_name,
            access_level=st.just("shop"),
            favorite_machines=some_machine_ids,
            password_id=st.none() | st.just("p0"),
        ),
    ),
    _act("edit_user", st.builds(EditUser, user_id=st.integers(1, 2), password_id=st.none() | st.just("p1"))),
    _act("edit_user", st.builds(EditUser, user_id=st.integers(1, 2), fields=_some(UserFields, **_user))),
    _act("delete_user", st.builds(DeleteUser, user_id=st.integers(1, 3), by=st.none() | st.just(1))),
    _act("issue_key", st.builds(IssueKey, user_id=st.integers(1, 2), name=a_name)),
    _act("revoke_key", st.builds(RevokeKey, key_id=st.integers(1, 2))),
)
commands = one_of(_on_the_rest, _on_the_rest, _on_tooling, _on_inventory, _on_processes, _on_parts, _on_holds)
_an_updated_machine = st.sampled_from((2, 2, 2, 1, 3))  # edges report the lathe, and then 1 takes no updates
facts_taken = st.builds(
    Act,
    st.just("take_fact"),
    st.builds(
        TakeFact, machine=st.sampled_from(("lathe", "lathe", "lathe", *MACHINES)), fact=facts, occurred_at=a_moment
    ),
    source=st.sampled_from(("spool-1", "spool-2")),
    sequence=st.integers(1, 12),
)
updates_taken = st.builds(
    Act, st.just("take_update"), st.builds(ReportUpdate, machine_id=_an_updated_machine, update=updates), key=_maybe_key
)


def _just(fields: dict[str, Any]) -> dict[str, st.SearchStrategy[Any]]:
    return {name: st.just(value) for name, value in fields.items()}


class Group(Struct, frozen=True):
    """What comes at one moment."""

    wait: float
    acts: list[Act]


EMPTY: list[Group] = []
FURNISHED = [
    Group(
        wait=0.0,
        acts=[
            Act("create_machine", CreateMachine(name="lathe")),
            Act("create_machine", CreateMachine(name="mill", program_cv=100)),
            Act("create_user", CreateUser(username="anna", access_level="admin", favorite_machines=[2, 1])),
            Act(
                "create_process",
                CreateProcess(
                    machine_id=1,
                    name="flange",
                    cv_map={"temperature": MappedVariable(number=102, notify_comparison="GT", notify_value=1.0)},
                ),
            ),
            Act("create_process", CreateProcess(machine_id=1, name="ring", parts_per_cycle=3, part_count_cv=101)),
            Act("create_process", CreateProcess(machine_id=2, name="bolt", parts_per_cycle=0)),
            Act("create_program", CreateProgram(machine_id=1, filename="O1", process_id=1)),
            Act("create_program", CreateProgram(machine_id=1, filename="O2", process_id=2)),
            Act("create_program", CreateProgram(machine_id=2, filename="O1", process_id=3, load_by_var_value=1)),
            Act("create_assembly", CreateAssembly(name="probe", location=1, shared=True, process_id=1)),
            Act("create_assembly", CreateAssembly(name="drill", location=2, shared=True, process_id=2)),
            Act("create_assembly", CreateAssembly(name="face mill", location=3, process_id=1)),
            Act("create_tool", CreateTool(name="ball", assembly_id=1)),
            Act("create_tool", CreateTool(name="insert", assembly_id=3, tags=["a"], part_life=4, inventory_item_id=1)),
            Act("create_tool", CreateTool(name="insert", assembly_id=3)),
            Act("create_inventory_item", CreateInventoryItem(name="insert", corners=4)),
            Act("create_inventory_item", CreateInventoryItem(name="drill", part_number="D 8.5")),
            Act("create_inventory_point", CreateInventoryPoint(name="cabinet", items={1: 10, 2: 3})),
            Act(
                "create_tool_requirement",
                CreateToolRequirement(process_id=1, fields=ToolRequirementFields(location=1, name="probe")),
            ),
        ],
    ),
]
"""A shop in which most commands find what they are about."""


def _made(sequence: int, fact: f.Fact) -> Act:
    taken = TakeFact(machine="lathe", fact=fact, occurred_at=START + 10 * sequence)
    return Act("take_fact", taken, source="spool-0", sequence=sequence)


AT_WORK = [
    *FURNISHED,
    Group(
        wait=60.0,
        acts=[
            _made(1, f.ProgramSeen(program="O1")),
            _made(2, f.StateSeen(changes=ControlChanges(cycle_state="ACTIVE", active_tool=3))),
            _made(3, f.CyclesSeen(cycles=2, counters={}, program="O1", tools_seen=[1, 4])),
            _made(4, f.ProgramSeen(program="O2")),
            _made(5, f.CyclesSeen(cycles=2, counters={}, program="O2", tools_seen=[2])),
        ],
    ),
]
"""... and that has made eight parts, and switched its process once."""


def groups_of(*acts: st.SearchStrategy[Act], most: int = 8) -> st.SearchStrategy[list[Group]]:
    waits = st.sampled_from((0.0, 0.5, 30.0, 61.0, 900.0, -50.0))
    some = st.lists(one_of(*acts), min_size=2, max_size=7)
    groups = st.lists(st.builds(Group, waits, some), min_size=3, max_size=most)
    return st.tuples(st.sampled_from((FURNISHED, AT_WORK, FURNISHED, AT_WORK, EMPTY)), groups).map(
        lambda parts: parts[0] + parts[1]
    )


def play(street: Street, groups: list[Group], *, at_once: bool) -> list[Any]:
    """Lives through it, and says what was answered."""
    answers: list[Any] = []
    for group in groups:
        street.clock.now += group.wait
        requests = [request_of(act, street) for act in group.acts]
        for part in [requests] if at_once else [[each] for each in requests]:
            answers.extend(street.write(*part))
    return answers
