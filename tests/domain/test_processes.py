"""Processes: `api/process.txt`, and "Programs and processes" of the domain."""

import msgspec
import pytest

from given import NOON, Given, a_machine, a_process
from taktledger.domain.errors import ReferenceMissing
from taktledger.domain.machines import DeleteMachine, delete_machine
from taktledger.domain.processes import CreateProcess, ProcessCreated, ProcessFields, create_process


def test_a_process_is_created() -> None:
    """PUT 201: the new (full) Process object."""
    given = Given(a_machine())
    cv_map = {"Serial number": {"number": 5, "notifyComparison": "EQ", "notifyValue": 1}}
    body = {"name": "Flange", "cv_map": cv_map, "parts_per_cycle": 2, "time_per_cycle": 3.5}
    given.when(create_process, msgspec.convert(body | {"machine_id": 1}, CreateProcess))
    said = msgspec.convert(body, ProcessFields)
    given.then(ProcessCreated(occurred_at=NOON + 1, process_id=1, machine_id=1, fields=said))
    process = given.shop.processes[1]
    assert (process.name, process.machine_id, msgspec.to_builtins(process.cv_map)) == ("Flange", 1, cv_map)
    assert (process.parts_per_cycle, process.time_per_cycle) == (2, 3.5)


def test_what_a_new_process_does_not_say_has_its_default() -> None:
    """parts_per_cycle defaults to 1; lists empty, texts "", nullable fields null; last_cycle null."""
    given = Given(a_machine()).when(create_process, CreateProcess(name="Flange", machine_id=1))
    process = given.shop.processes[1]
    assert (process.parts_per_cycle, process.tags, process.cv_map) == (1, [], {})
    assert (process.description, process.setup_instructions, process.teardown_instructions) == ("", "", "")
    assert (process.display_variable, process.part_count_cv, process.time_per_cycle) == (None, None, None)
    assert (process.archived, process.last_cycle, process.last_program_id) == (False, None, None)


@pytest.mark.parametrize("body", [{}, {"name": "Flange"}, {"machine_id": 1}, {"name": "", "machine_id": 1}])
def test_name_and_machine_are_required(body: dict[str, object]) -> None:
    """PUT 400 without name or machine_id."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(body, CreateProcess)


def test_a_process_of_an_unknown_machine() -> None:
    """PUT 424 unknown machine."""
    given = Given(a_machine())
    given.when(create_process, CreateProcess(name="Flange", machine_id=2)).then_error(ReferenceMissing, "machine_id")


def test_ids_are_never_used_twice() -> None:
    """Given in order from 1, never used twice: also not those of the processes that went with their machine."""
    given = Given(a_machine(1), a_machine(2, "mill"), a_process(1), a_process(2))
    given.when(delete_machine, DeleteMachine(machine_id=1))
    given.when(create_process, CreateProcess(name="Flange", machine_id=2))
    assert list(given.shop.processes) == [3]


def test_two_processes_may_have_the_same_name() -> None:
    """The documents name no 409 for a process's name."""
    given = Given(a_machine(), a_process(1, "Flange"))
    given.when(create_process, CreateProcess(name="Flange", machine_id=1)).then(ProcessCreated)
