"""Changing over: which process a machine has loaded, and what moves with it (`docs/processes.md`).

A switch is what the machine does: its loaded program belongs to another process. A changeover is what a person says
about it.
"""

from collections.abc import Iterator

from msgspec import Struct

from taktledger.domain.alerts import dismiss_alerts, raise_alert
from taktledger.domain.assemblies import AssemblyMoved, move_assembly
from taktledger.domain.controls import MachineEvent
from taktledger.domain.errors import Conflict, Invalid, PreconditionFailed
from taktledger.domain.event import Event
from taktledger.domain.processes import get_process
from taktledger.domain.shop import Machine, Shop

# Events


class ProcessSwitched(MachineEvent, frozen=True, kw_only=True):
    """A machine has another process loaded: another program was loaded, or the loaded one moved."""

    process_id: int | None
    """Null: the loaded program has no process, or none is loaded."""
    previous_process_id: int | None = None
    """The process that was loaded last, also if a program without one was in between."""
    planned: bool = False
    """A person said so before: nobody needs to confirm it."""


class ProcessChangedOver(MachineEvent, frozen=True, kw_only=True):
    """A person confirmed, or planned, a changeover. The removed assemblies have moved by events of their own."""

    from_process_id: int
    to_process_id: int
    planned: bool = False
    removed_assembly_ids: list[int] = []


# What they do


def process_switched(shop: Shop, event: ProcessSwitched) -> None:
    machine = shop.machines[event.machine_id]
    both = (machine.loaded_process_id, event.process_id)
    shop.touched.processes |= {each for each in both if each is not None}
    shop.touched.machines.add(machine.id)
    machine.loaded_process_id = event.process_id
    machine.switched_at = max(machine.switched_at, event.occurred_at)
    if event.process_id is not None:
        machine.last_process_id = event.process_id
        machine.planned_process_id = None


def process_changed_over(shop: Shop, event: ProcessChangedOver) -> None:
    """What is loaded stays what the machine says."""
    machine = shop.machines[event.machine_id]
    if machine.loaded_process_id != event.to_process_id:
        machine.planned_process_id = event.to_process_id
    elif machine.planned_process_id == event.to_process_id:
        machine.planned_process_id = None


# What follows from other events


def switch_process(shop: Shop, machine: Machine, cause: Event) -> Iterator[Event]:
    """The process of the loaded program is the loaded process, at once."""
    program = shop.programs.get(machine.loaded_program_id) if machine.loaded_program_id else None
    process_id = program.process_id if program else None
    if process_id != machine.loaded_process_id:
        # What a person causes comes after what the machine has said, also if its clock is ahead.
        by_machine = isinstance(cause, MachineEvent)
        yield ProcessSwitched(
            occurred_at=cause.occurred_at if by_machine else max(cause.occurred_at, machine.switched_at),
            reported_at=cause.reported_at,
            machine_id=machine.id,
            process_id=process_id,
            previous_process_id=machine.last_process_id,
            planned=process_id is not None and process_id == machine.planned_process_id,
        )


def move_shared_assemblies(shop: Shop, switched: ProcessSwitched) -> Iterator[Event]:
    """Every shared assembly of any process of this machine goes to the new one. Without a new one they stay."""
    if switched.process_id is None:
        return
    ids = {
        assembly_id
        for process_id in shop.machines[switched.machine_id].process_ids - {switched.process_id}
        for assembly_id in shop.processes[process_id].assembly_ids
        if shop.assemblies[assembly_id].shared
    }
    for assembly_id in sorted(ids):
        yield AssemblyMoved(occurred_at=switched.occurred_at, assembly_id=assembly_id, process_id=switched.process_id)


def ask_for_confirmation(shop: Shop, switched: ProcessSwitched) -> Iterator[Event]:
    """An alert with the two processes. A machine has one such alert open at a time: the latest."""
    new, before = switched.process_id, switched.previous_process_id
    if new is None or before is None or new == before or before not in shop.processes:
        return
    yield from dismiss_alerts(shop, switched, kind="switch", machine_id=switched.machine_id)
    if switched.planned:
        return
    machine, process = shop.machines[switched.machine_id], shop.processes[new]
    yield raise_alert(
        shop,
        switched,
        "switch",
        f"{machine.name} has switched from '{shop.processes[before].name}' to '{process.name}': "
        "please confirm the changeover",
        process_id=new,
        from_process_id=before,
        to_process_id=new,
    )


# Decisions


class ChangeOver(Struct, kw_only=True, frozen=True):
    from_id: int
    to_id: int
    planned: bool = False
    """The new process need not be loaded yet."""
    remove_tool_assemblies: list[int] = []
    user_id: int | None = None


def change_over(shop: Shop, command: ChangeOver, now: float) -> Iterator[Event]:
    """Confirms or plans a changeover (`POST /api/processes/{from}/changeover/{to}`).

    The removed assemblies leave any process.
    """
    before, after = get_process(shop, command.from_id), get_process(shop, command.to_id)
    if before.machine_id != after.machine_id:
        raise Conflict(f"process {before.id} and process {after.id} belong to different machines")
    machine = shop.machines[after.machine_id]
    if not command.planned and machine.loaded_process_id != after.id:
        raise PreconditionFailed(f"process {after.id} is not loaded on {machine.name}")
    removed = list(dict.fromkeys(command.remove_tool_assemblies))
    for assembly_id in removed:
        if assembly_id not in before.assembly_ids | after.assembly_ids:
            raise Invalid(f"tool assembly {assembly_id} belongs to neither process", "remove_tool_assemblies")
    changed = ProcessChangedOver(
        occurred_at=now,
        machine_id=machine.id,
        from_process_id=before.id,
        to_process_id=after.id,
        planned=command.planned,
        removed_assembly_ids=removed,
    )
    yield changed
    for assembly_id in removed:
        yield move_assembly(shop.assemblies[assembly_id], None, now)
    if machine.loaded_process_id == after.id:
        yield from dismiss_alerts(shop, changed, kind="switch", machine_id=machine.id, user_id=command.user_id)
