"""Machines: one row each, with what their control said last."""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType, field

from takt_projections.model import AMONG, Loaded, ObjectModel, among, json_text
from taktledger.domain.shop import ControlAlarm, Machine
from taktledger.domain.values import Scalar


class Machines(ObjectModel):
    name = "machines"
    version = 2
    columns = {
        "id": int,
        "revision": int,
        "name": str,
        "source_name": str,
        "description": str,
        "archived": int,
        "disabled": int,
        "program_cv": int,
        "current_work_order": str,
        "running_states": str,
        "custom_alarms": str,
        "custom_properties": str,
        "loaded_program_id": int,
        "loaded_process_id": int,
        "part_count": int,
        "cycle_state": str,
        "estopped": int,
        "feed_rate_override": float,
        "active_tool": int,
        "alarms": str,
        "variables": str,
        "last_fact_at": float,
    }
    required = ("name", "source_name")

    def row(self, machine: Machine) -> tuple[Any, ...]:
        control = machine.control
        part_count = control.counters.get("part_count")
        return (
            machine.id,
            machine.revision,
            machine.name,
            machine.source_name,
            machine.description,
            machine.archived,
            machine.disabled,
            machine.program_cv,
            machine.current_work_order,
            json_text(machine.running_states),
            json_text(machine.custom_alarms),
            json_text(machine.custom_properties),
            machine.loaded_program_id,
            machine.loaded_process_id,
            part_count.value if part_count else None,
            control.cycle_state,
            control.estopped,
            control.feed_rate_override,
            control.active_tool,
            json_text(control.alarms),
            json_text(control.variables),
            machine.last_fact_at,
        )


# Queries


class MachineDocument(Struct, kw_only=True):
    """A machine, as `GET /api/machines/{id}` answers it."""

    id: int
    name: str
    source_name: str
    """What the adapter's config calls it. It never changes."""
    description: str
    archived: bool
    disabled: bool
    program_cv: int | None
    current_work_order: str
    running_states: list[str] | None
    custom_alarms: dict[str, str]
    custom_properties: dict[str, Scalar]
    loaded_program_id: int | None
    loaded_process_id: int | None
    part_count: int | None
    cycle_state: str | None
    estopped: bool | None
    feed_rate_override: float | None
    active_tool: int | None
    alarms: list[ControlAlarm] | None
    variables: dict[int, float] = field(default_factory=dict)
    last_contact: float | UnsetType | None = UNSET
    """UNIX seconds: the last answer of the control; after a restart, until it answers again, its last fact."""


def ids(db: sqlite3.Connection) -> list[int]:
    return [row[0] for row in db.execute("SELECT id FROM machines ORDER BY id")]


def load(db: sqlite3.Connection, ids: Sequence[int]) -> Iterator[Loaded]:
    """Without `last_contact`, which the live state knows better than any row."""
    for row in db.execute(f"SELECT * FROM machines WHERE id {AMONG}", among(ids)):
        values = dict(row)
        for name in ("running_states", "custom_alarms", "custom_properties", "alarms", "variables"):
            values[name] = msgspec.json.decode(values[name]) if values[name] is not None else None
        yield Loaded(row["id"], row["revision"], msgspec.convert(values, MachineDocument, strict=False))


def last_facts(db: sqlite3.Connection, ids: Sequence[int]) -> dict[int, tuple[str, float | None]]:
    """Machine ID -> its source name, and the time of its last fact. UNIX seconds."""
    rows = db.execute(f"SELECT id, source_name, last_fact_at FROM machines WHERE id {AMONG}", among(ids))
    return {row[0]: (row[1], row[2]) for row in rows}
