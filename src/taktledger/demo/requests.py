"""What the people of the demo shop tell the ledger.

IDs are the ledger's and depend on what came before: these commands go by names, and find the IDs when it is their turn.
What has become pointless by then does nothing.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import asdict, replace

from taktledger.domain.alerts import DismissAlert, dismiss_alert
from taktledger.domain.changeover import ChangeOver, change_over
from taktledger.domain.event import Event
from taktledger.domain.machines import EditMachine, MachineFields, edit_machine
from taktledger.domain.parts import DeletePart, EditPart, PartFields, PartHistory, delete_part, edit_part
from taktledger.domain.processes import CreateProcess, ProcessFields, create_process
from taktledger.domain.programs import CreateProgram, EditProgram, ProgramFields, create_program, edit_program
from taktledger.domain.shop import Machine, Process, Shop
from taktledger.domain.users import user_named

LOOK_BACK = 300
"""Parts, of the whole shop, among which somebody finds the one he means."""


class DescribeMachine(Struct, frozen=True, kw_only=True):
    machine: str
    """Source name, in every command here."""
    fields: MachineFields


class PlanProcess(Struct, frozen=True, kw_only=True):
    machine: str
    fields: ProcessFields
    """With the name."""


class PlanProgram(Struct, frozen=True, kw_only=True):
    """Says what a program is. One that the control has not reported yet is made."""

    machine: str
    filename: str
    process: str | None
    fields: ProgramFields


class SayChangeover(Struct, frozen=True, kw_only=True):
    """Plans a changeover, or confirms one."""

    machine: str
    before: str
    after: str
    planned: bool
    user: str
    take_out: str | None = None
    """Name of an assembly that is not needed any more."""


class SeeToAlerts(Struct, frozen=True, kw_only=True):
    """Dismisses the alerts of one kind."""

    machine: str
    kind: str
    user: str


class NotePart(Struct, frozen=True, kw_only=True):
    machine: str
    finished: float
    """UNIX seconds."""
    fields: PartFields
    user: str


class RemovePart(Struct, frozen=True, kw_only=True):
    machine: str
    finished: float
    """UNIX seconds."""


def describe_machine(shop: Shop, command: DescribeMachine, now: float) -> list[Event]:
    return edit_machine(
        shop, EditMachine(machine_id=machine_named(shop, command.machine).id, fields=command.fields), now
    )


def plan_process(shop: Shop, command: PlanProcess, now: float) -> list[Event]:
    machine = machine_named(shop, command.machine)
    return create_process(shop, CreateProcess(machine_id=machine.id, **asdict(command.fields)), now)


def plan_program(shop: Shop, command: PlanProgram, now: float) -> list[Event]:
    machine = machine_named(shop, command.machine)
    process_id = process_named(shop, machine, command.process).id if command.process is not None else None
    fields = replace(command.fields, process_id=process_id)
    known = machine.programs.get(command.filename)
    if known is not None:
        return edit_program(shop, EditProgram(program_id=known, fields=fields), now)
    new = replace(fields, filename=command.filename)
    return create_program(shop, CreateProgram(machine_id=machine.id, **asdict(new)), now)


def say_changeover(shop: Shop, command: SayChangeover, now: float) -> Iterable[Event]:
    """A plan is for a process that isn't loaded yet; a confirmation answers the alert."""
    machine = machine_named(shop, command.machine)
    before, after = process_named(shop, machine, command.before), process_named(shop, machine, command.after)
    if command.planned == (machine.loaded_process_id == after.id):
        return []
    if not command.planned and ("switch", machine.id) not in {
        (a.kind, a.machine_id) for a in shop.open_alerts.values()
    }:
        return []
    removed = [each for each in before.assembly_ids if shop.assemblies[each].name == command.take_out]
    said = ChangeOver(
        from_id=before.id,
        to_id=after.id,
        planned=command.planned,
        remove_tool_assemblies=removed,
        user_id=user_id_of(shop, command.user),
    )
    return change_over(shop, said, now)


def see_to_alerts(shop: Shop, command: SeeToAlerts, now: float) -> Iterator[Event]:
    machine, user_id = machine_named(shop, command.machine), user_id_of(shop, command.user)
    for alert_id, alert in list(shop.open_alerts.items()):
        if (alert.kind, alert.machine_id) == (command.kind, machine.id):
            yield from dismiss_alert(shop, DismissAlert(alert_id=alert_id, user_id=user_id), now)


def note_part(shop: Shop, command: NotePart, now: float, *, history: PartHistory) -> list[Event]:
    part_id = _find_part(shop, command.machine, command.finished, history)
    if part_id is None:
        return []
    edit = EditPart(part_id=part_id, editor_id=user_id_of(shop, command.user), fields=command.fields)
    return edit_part(shop, edit, now, history=history)


def remove_part(shop: Shop, command: RemovePart, now: float, *, history: PartHistory) -> list[Event]:
    part_id = _find_part(shop, command.machine, command.finished, history)
    return delete_part(shop, DeletePart(part_id=part_id), now, history=history) if part_id is not None else []


def _find_part(shop: Shop, machine: str, finished: float, history: PartHistory) -> int | None:
    """The last one that was finished then. Parts are in the order in which they were finished."""
    machine_id = machine_named(shop, machine).id
    recent = range(max(1, shop.parts_made - LOOK_BACK), shop.parts_made + 1)

    def finished_at(part_id: int) -> float:
        """Of a part that was deleted: when the next one was."""
        part = history.part(shop, part_id)
        if part is None:
            return finished_at(part_id + 1) if part_id < shop.parts_made else math.inf
        return part.finished

    index = bisect_right(recent, finished, key=finished_at) - 1
    part = history.part(shop, recent[index]) if index >= 0 else None
    if part is None or (part.machine_id, part.finished) != (machine_id, finished):
        return None
    return part.id


def machine_named(shop: Shop, source_name: str) -> Machine:
    return shop.machines[shop.machine_ids[source_name]]


def processes_of(shop: Shop, machine: Machine) -> list[Process]:
    return [each for each in shop.processes.values() if each.machine_id == machine.id]


def process_named(shop: Shop, machine: Machine, name: str) -> Process:
    return next(each for each in processes_of(shop, machine) if each.name == name)


def user_id_of(shop: Shop, username: str) -> int:
    user = user_named(shop, username)
    assert user is not None, username
    return user.id
