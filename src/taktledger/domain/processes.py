"""Processes: a machine, a subset of its programs, and what is made with them (`docs/processes.md`)."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from taktledger.domain.errors import ReferenceMissing
from taktledger.domain.event import Event
from taktledger.domain.shop import MappedVariable, Process, Shop
from taktledger.domain.values import Count, Id, Int, Name, Number, Text, set_fields

# Events


class ProcessFields(Struct, kw_only=True, frozen=True, omit_defaults=True):
    """The fields of a process that a user may write."""

    name: Name | UnsetType = UNSET
    description: Text | UnsetType = UNSET
    archived: bool | UnsetType = UNSET
    cv_map: dict[str, MappedVariable] | UnsetType = UNSET
    display_variable: Int | UnsetType | None = UNSET
    part_count_cv: Count | UnsetType | None = UNSET
    part_material_cost: Number | UnsetType = UNSET
    part_sell_price: Number | UnsetType = UNSET
    parts_per_cycle: Annotated[int, Meta(ge=0, le=1000)] | UnsetType = UNSET
    setup_instructions: Text | UnsetType = UNSET
    teardown_instructions: Text | UnsetType = UNSET
    tags: list[Text] | UnsetType = UNSET
    time_per_cycle: Number | UnsetType | None = UNSET
    """Minutes."""


class ProcessEvent(Event, frozen=True, kw_only=True):
    process_id: int

    @property
    def stream(self) -> str:
        return f"process-{self.process_id}"


class ProcessCreated(ProcessEvent, frozen=True, kw_only=True):
    """A user set up a process."""

    machine_id: int
    fields: ProcessFields


# What they do


def process_created(shop: Shop, event: ProcessCreated) -> None:
    process = Process(id=event.process_id, machine_id=event.machine_id, name="")
    set_fields(process, event.fields)
    shop.processes[process.id] = process
    shop.last_ids["process"] = process.id
    shop.touched.processes.add(process.id)


def drop_process(shop: Shop, process: Process) -> None:
    """Takes a process out of the shop."""
    del shop.processes[process.id]
    shop.touched.processes.add(process.id)


# Decisions


class CreateProcess(ProcessFields, kw_only=True, frozen=True):
    name: Name
    machine_id: Id


def create_process(shop: Shop, command: CreateProcess, now: float) -> list[Event]:
    """Sets up a process (`PUT /api/processes/`)."""
    if command.machine_id not in shop.machines:
        raise ReferenceMissing(f"there is no machine {command.machine_id}", "machine_id")
    fields = ProcessFields(**{name: getattr(command, name) for name in ProcessFields.__struct_fields__})
    process_id = shop.last_ids.get("process", 0) + 1
    return [ProcessCreated(occurred_at=now, process_id=process_id, machine_id=command.machine_id, fields=fields)]
