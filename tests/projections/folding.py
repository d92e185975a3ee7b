"""Rows that are folded from a list of events, without a ledger: for oracles that need many short histories."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from street import START, new_folder
from takt_projections import BUILT_IN
from takt_projections.files import RowsFile
from taktledger.domain.event import Event
from taktledger.domain.machines import MachineCreated, MachineFields
from taktledger.domain.parts import CycleFinished, PartDeleted
from taktledger.domain.processes import ProcessCreated, ProcessFields
from taktledger.domain.shop import Shop


@contextmanager
def folded_rows(events: Sequence[Event]) -> Iterator[sqlite3.Connection]:
    with new_folder() as folder:
        file, shop = RowsFile.create(folder / "rows.db", BUILT_IN), Shop()
        try:
            file.fold(shop, events, 1)
            file.write(shop)
            file.commit()
            file.finish()
            file.connection.row_factory = sqlite3.Row
            yield file.connection
        finally:
            file.close()


def a_mill_with_processes(*process_ids: int) -> list[Event]:
    processes = [
        ProcessCreated(occurred_at=START, process_id=each, machine_id=1, fields=ProcessFields(name=f"process {each}"))
        for each in process_ids
    ]
    mill = MachineCreated(occurred_at=START, machine_id=1, source_name="mill", fields=MachineFields(name="mill"))
    return [mill, *processes]


def a_cycle(at: float, process_id: int, parts: int = 1, cycles: int = 1, tools_seen: Sequence[int] = ()) -> Event:
    """`parts`: of each cycle."""
    return CycleFinished(
        occurred_at=at,
        machine_id=1,
        process_id=process_id,
        cycles=cycles,
        parts=parts * cycles,
        tools_seen=list(tools_seen),
    )


def a_deletion(part_id: int, finished: float, process_id: int) -> Event:
    return PartDeleted(
        occurred_at=finished,
        part_id=part_id,
        machine_id=1,
        program_id=None,
        process_id=process_id,
        finished=finished,
        program_last_cycle=None,
        process_last_cycle=None,
    )
