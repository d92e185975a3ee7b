"""Copying a whole process onto a machine (`docs/processes.md`)."""

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from taktledger.domain.assemblies import AssemblyCreated, AssemblyFields, next_assembly_id
from taktledger.domain.errors import ReferenceMissing
from taktledger.domain.event import Event
from taktledger.domain.processes import ProcessCreated, ProcessFields, get_process, next_process_id, programs_of
from taktledger.domain.programs import ProgramEdited, ProgramFields
from taktledger.domain.shop import Shop
from taktledger.domain.tool_requirements import ToolRequirementFields, tool_requirement
from taktledger.domain.tools.tool import copy_tool
from taktledger.domain.values import Id, Name, narrow


class Copy(Struct, kw_only=True, frozen=True):
    """What a user says of the copy."""

    machine_id: Id
    name: Name


class DuplicateProcess(Struct, kw_only=True, frozen=True):
    process_id: int
    copy: Copy


def duplicate_process(shop: Shop, command: DuplicateProcess, now: float) -> Iterator[Event]:
    """Copies a process with its assemblies, their tools and its requirements (`POST /api/processes/{id}/duplicate`).

    Programs of the machine with the same file names join it, unless they are in a process already.
    """
    process = get_process(shop, command.process_id)
    machine = shop.machines.get(command.copy.machine_id)
    if machine is None:
        raise ReferenceMissing(f"there is no machine {command.copy.machine_id}", "machine_id")
    filenames = [program.filename for program in programs_of(shop, process)]
    assembly_ids, requirement_ids = sorted(process.assembly_ids), sorted(process.requirement_ids)
    copy_id = next_process_id(shop)
    fields = replace(narrow(ProcessFields, process), name=command.copy.name)
    yield ProcessCreated(
        occurred_at=now, process_id=copy_id, machine_id=machine.id, fields=fields, copied_from=process.id
    )
    for assembly_id in assembly_ids:
        yield from _copy_assembly(shop, assembly_id, copy_id, now)
    for requirement_id in requirement_ids:
        required = narrow(ToolRequirementFields, shop.tool_requirements[requirement_id])
        yield tool_requirement(shop, copy_id, required, now)
    for filename in filenames:
        program = shop.programs[machine.programs[filename]] if filename in machine.programs else None
        if program is not None and program.process_id is None:
            yield ProgramEdited(occurred_at=now, program_id=program.id, fields=ProgramFields(process_id=copy_id))


def _copy_assembly(shop: Shop, assembly_id: int, process_id: int, now: float) -> Iterator[Event]:
    """With copies of its tools, which start at zero."""
    original = shop.assemblies[assembly_id]
    copy_id = next_assembly_id(shop)
    yield AssemblyCreated(
        occurred_at=now,
        assembly_id=copy_id,
        fields=narrow(AssemblyFields, original),
        process_id=process_id,
        copied_from=original.id,
        image=original.image,
    )
    for tool_id in sorted(original.tool_ids):
        yield copy_tool(shop, shop.tools[tool_id], copy_id, now)
