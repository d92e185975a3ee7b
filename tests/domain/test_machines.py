"""Machines: "Machines and what they report"."""

import msgspec
import pytest

from given import NOON, Given, a_machine, a_process, a_program
from taktledger.domain.controls import (
    ControlChanges,
    MachineBaselineRead,
    MachineCountersRead,
    MachineStateChanged,
    MachineVariablesChanged,
    ToolRunTimeMeasured,
)
from taktledger.domain.errors import Conflict, NotFound
from taktledger.domain.event import Event
from taktledger.domain.machines import (
    CreateMachine,
    DeleteMachine,
    EditMachine,
    MachineCreated,
    MachineDeleted,
    MachineEdited,
    MachineFields,
    create_machine,
    delete_machine,
    edit_machine,
    ensure_machine,
)
from taktledger.domain.parts import CycleFinished
from taktledger.domain.processes import ProcessDeleted
from taktledger.domain.programs import ProgramDeleted
from taktledger.domain.shop import ControlAlarm, Counter, Shop


def test_a_machine_is_created() -> None:
    """`PUT /api/machines/` (name required)."""
    given = Given().when(create_machine, CreateMachine(name="Lathe 1", program_cv=100, description="by the door"))
    said = MachineFields(name="Lathe 1", program_cv=100, description="by the door")
    given.then(MachineCreated(occurred_at=NOON + 1, machine_id=1, source_name="Lathe 1", fields=said))
    machine = given.shop.machines[1]
    assert (machine.name, machine.source_name, machine.program_cv) == ("Lathe 1", "Lathe 1", 100)


def test_what_a_new_machine_does_not_say_has_its_default() -> None:
    """Texts "", nullable fields null, and nothing known of its control."""
    machine = Given().when(create_machine, CreateMachine(name="Lathe 1")).shop.machines[1]
    assert (machine.description, machine.archived, machine.disabled, machine.program_cv) == ("", False, False, None)
    assert (machine.current_work_order, machine.custom_alarms, machine.custom_properties) == ("", {}, {})
    assert (machine.loaded_program_id, machine.loaded_process_id, machine.last_fact_at) == (None, None, None)
    control = machine.control
    assert (control.counters, control.program, control.cycle_state, control.alarms) == ({}, None, None, None)


@pytest.mark.parametrize("body", [{}, {"name": None}, {"name": ""}, {"source_name": "lathe"}])
def test_a_machine_needs_a_name(body: dict[str, object]) -> None:
    """`name` required: 400."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(body, CreateMachine)


def test_a_machine_whose_source_name_is_given() -> None:
    """`source_name`: what the adapter's config calls it."""
    given = Given().when(create_machine, CreateMachine(name="Lathe 1", source_name="lathe-1"))
    assert given.shop.machines[1].name == "Lathe 1"
    assert given.shop.machine_ids == {"lathe-1": 1}


def test_a_source_name_belongs_to_one_machine() -> None:
    given = Given(a_machine(name="lathe"))
    given.when(create_machine, CreateMachine(name="Other", source_name="lathe")).then_error(Conflict, "source_name")


def test_renaming_changes_the_name_and_never_the_source_name() -> None:
    """It never changes (renaming the machine changes `name`)."""
    given = Given(a_machine(name="lathe"))
    fields = msgspec.convert({"name": "Lathe by the door", "source_name": "other"}, MachineFields)
    given.when(edit_machine, EditMachine(machine_id=1, fields=fields))
    given.then(
        MachineEdited(occurred_at=NOON + 1, machine_id=1, fields=MachineFields(name="Lathe by the door")),
    )
    machine = given.shop.machines[1]
    assert (machine.name, machine.source_name, given.shop.machine_ids) == ("Lathe by the door", "lathe", {"lathe": 1})


def test_an_edit_that_changes_nothing_is_no_event() -> None:
    given = Given(a_machine(name="lathe", program_cv=100))
    given.when(edit_machine, EditMachine(machine_id=1, fields=MachineFields(name="lathe", program_cv=100))).then()


def test_what_the_control_says_is_not_written_by_users() -> None:
    """Fields that are read-only (`id`, `part_count`, `loaded_program_id`, `last_contact` ...) are ignored silently."""
    body = {"id": 9, "part_count": 5, "loaded_program_id": 1, "last_contact": 1.0, "cycle_state": "ACTIVE", "x": 1}
    fields = msgspec.convert(body, MachineFields)
    Given(a_machine()).when(edit_machine, EditMachine(machine_id=1, fields=fields)).then()


def test_editing_or_deleting_an_unknown_machine() -> None:
    """A missing object is 404."""
    given = Given(a_machine())
    given.when(edit_machine, EditMachine(machine_id=2)).then_error(NotFound)
    given.when(delete_machine, DeleteMachine(machine_id=2)).then_error(NotFound)


def test_a_source_name_that_the_ledger_does_not_know_makes_a_machine() -> None:
    def ensure(shop: Shop, source_name: str, now: float) -> list[Event]:
        return list(ensure_machine(shop, source_name, now))

    given = Given(a_machine(name="lathe")).when(ensure, "mill").then(MachineCreated)
    assert (given.shop.machines[2].name, given.shop.machine_ids["mill"]) == ("mill", 2)
    given.when(ensure, "mill").then()


def test_a_deleted_machine_takes_its_programs_and_processes_and_leaves_its_parts() -> None:
    """Deleting a machine deletes its programs, processes and holds with it; its parts stay."""
    made = CycleFinished(occurred_at=NOON, machine_id=1, program_id=1, program="O1", cycles=2, parts=2)
    given = Given(
        *(a_machine(1), a_machine(2, "mill"), a_process(1), a_process(2, "ring", 2)),
        *(a_program(1), a_program(2, "O2", machine_id=2), made),
    )
    given.when(delete_machine, DeleteMachine(machine_id=1))
    given.then(
        ProcessDeleted(occurred_at=NOON + 1, process_id=1),
        ProgramDeleted(occurred_at=NOON + 1, program_id=1),
        MachineDeleted(occurred_at=NOON + 1, machine_id=1),
    )
    shop = given.shop
    assert (list(shop.machines), list(shop.programs), list(shop.processes)) == ([2], [2], [2])
    assert shop.parts_made == 2


def test_a_deleted_machine_that_is_set_up_again_is_another_one() -> None:
    """IDs are never used twice."""
    given = Given(a_machine(1)).when(delete_machine, DeleteMachine(machine_id=1))
    given.when(create_machine, CreateMachine(name="lathe")).then(MachineCreated)
    assert list(given.shop.machines) == [2]


def test_what_a_control_says_is_kept_until_it_says_something_else() -> None:
    """Omitted is "unknown": what an event doesn't name stays as it was. `[]` alarms = none."""
    alarm = ControlAlarm(alarm_code="E1")
    first = ControlChanges(cycle_state="ACTIVE", active_tool=5, alarms=[alarm])
    given = Given(
        a_machine(),
        MachineStateChanged(occurred_at=NOON, machine_id=1, changes=first),
        MachineStateChanged(occurred_at=NOON + 1, machine_id=1, changes=ControlChanges(estopped=True)),
    )
    control = given.shop.machines[1].control
    assert (control.cycle_state, control.active_tool, control.alarms, control.estopped) == ("ACTIVE", 5, [alarm], True)
    gone = MachineStateChanged(occurred_at=NOON, machine_id=1, changes=ControlChanges(alarms=[]))
    control = (
        Given(a_machine(), MachineStateChanged(occurred_at=NOON, machine_id=1, changes=first), gone)
        .shop.machines[1]
        .control
    )
    assert (control.alarms, control.cycle_state) == ([], "ACTIVE")


def test_counters_and_variables_are_followed_one_by_one() -> None:
    """Every counter's last value is always followed."""
    given = Given(
        a_machine(),
        MachineBaselineRead(occurred_at=NOON, machine_id=1, counters={"part_count": Counter(4), "500": Counter(9)}),
        MachineCountersRead(occurred_at=NOON, machine_id=1, counters={"500": Counter(11)}),
        MachineVariablesChanged(occurred_at=NOON, machine_id=1, variables={100: 1.0, 101: 2.0}),
        MachineVariablesChanged(occurred_at=NOON, machine_id=1, variables={101: 3.5}),
    )
    control = given.shop.machines[1].control
    assert control.counters == {"part_count": Counter(4), "500": Counter(11)}
    assert control.variables == {100: 1.0, 101: 3.5}


def test_the_time_of_the_last_fact_never_goes_back() -> None:
    """After a restart `last_contact` is the time of the machine's last fact: of the latest, if one came late."""
    heard = [ToolRunTimeMeasured(occurred_at=at, machine_id=1, tool_seconds={}) for at in (NOON, NOON + 9, NOON + 5)]
    assert Given(a_machine(), *heard).shop.machines[1].last_fact_at == NOON + 9


def test_an_edit_is_not_a_contact() -> None:
    """What a user changes is no fact of the machine."""
    given = Given(a_machine()).when(edit_machine, EditMachine(machine_id=1, fields=MachineFields(disabled=True)))
    assert given.shop.machines[1].last_fact_at is None
    assert not given.shop.machines[1].reported_by_edge


@pytest.mark.parametrize("properties", [{"serial": 10**26}, {"deep": [{"serial": -(10**26)}]}])
def test_whatever_is_accepted_can_be_saved(properties: dict[str, object]) -> None:
    """The house: the shop is saved as one msgpack blob. A number that doesn't fit must be refused, or kept as it is."""
    body = msgspec.json.encode({"name": "lathe", "custom_properties": properties})
    try:
        command = msgspec.json.decode(body, type=CreateMachine)
    except msgspec.ValidationError:
        return
    shop = Shop()
    created = create_machine(shop, command, NOON)
    given = Given(*created)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(given.shop), type=Shop) == given.shop
