"""`/api/processes/`: the Process API, as documented."""

from collections.abc import Callable
from typing import Annotated

import msgspec
from litestar import Controller, Response, delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import UNSET, Meta, Struct, UnsetType

from takt_projections import processes
from takt_projections import programs as program_rows
from takt_projections import tools as tool_rows
from takt_projections.activity import Span
from takt_projections.cycle_times import Efficiency, average_cycle_minutes, efficiency
from takt_projections.parts import Part
from takt_projections.processes import ProcessAlone, ProcessDocument
from takt_projections.programs import ProgramDocument
from takt_projections.tools import ToolDocument
from taktledger.api.backend import Backend
from taktledger.api.bodies import ApiRequest
from taktledger.api.documents import Document, Noun, document, encode, map_of, object_of, with_fields
from taktledger.api.nouns import PROCESSES, PROCESSES_ALONE, PROGRAMS, TOOLS
from taktledger.api.parameters import Flag, Id, OptionalTime, is_set
from taktledger.api.production import Overview, overview, parts_between
from taktledger.api.writing import answered, object_id, revision_of, write
from taktledger.domain.changeover import ChangeOver, change_over
from taktledger.domain.duplicate import Copy, DuplicateProcess, duplicate_process
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
from taktledger.domain.values import Int

EFFICIENCY_SECONDS = 24 * 3600.0


Groups = dict[str, tuple[Noun, dict[int, list[int]]]]
"""Name of a field -> what is in it, and process ID -> IDs."""
Rate = Callable[[ProcessDocument], Efficiency]


class ProcessInList(ProcessDocument, kw_only=True):
    """A process with what was asked for besides."""

    programs: dict[str, ProgramDocument] | UnsetType = UNSET
    tools: dict[str, ToolDocument] | UnsetType = UNSET
    efficiency: Efficiency | UnsetType = UNSET


class Process(ProcessAlone, kw_only=True):
    """One process with what was asked for besides."""

    programs: dict[str, ProgramDocument] | UnsetType = UNSET
    tools: dict[str, ToolDocument] | UnsetType = UNSET
    efficiency: Efficiency | UnsetType = UNSET


class ProcessChart(Struct):
    process: ProcessDocument
    parts: dict[str, Part]


ProcessIds = Annotated[list[int], Meta(max_length=10_000)]


class Removed(Struct):
    """The body of a changeover."""

    remove_tool_assemblies: Annotated[list[Int], Meta(max_length=10_000)] = []


class ProcessController(Controller):
    path = "/api/processes"
    tags = ("Processes",)

    @get("/", operation_id="list_processes", summary="List processes")
    async def list_processes(
        self,
        backend: NamedDependency[Backend],
        programs: FromQuery[Flag] = None,
        tools: FromQuery[Flag] = None,
        efficiency: FromQuery[Flag] = None,
    ) -> Document[dict[str, ProcessInList]]:
        """All processes; on request each with its programs, its tools and how it did in the last 24 hours (slow)."""
        asked = is_set(programs), is_set(tools)
        if is_set(efficiency):
            return Document(_list(backend, *asked, True))
        nouns = [PROCESSES, *([PROGRAMS] if asked[0] else []), *([TOOLS] if asked[1] else [])]
        return backend.documents.kept(nouns, ("processes", *asked), lambda: _list(backend, *asked, False))

    @put("/", operation_id="create_process", summary="Create process", status_code=201)
    async def create_process(
        self, request: ApiRequest, backend: NamedDependency[Backend], data: JSONBody[CreateProcess]
    ) -> Document[ProcessAlone]:
        """Sets up a process. 424 for an unknown machine."""
        answer = await write(request, backend, create_process, data, 201)
        return backend.documents.one(PROCESSES_ALONE, object_id(answer)).answering(answer)

    @get("/{process_id:int}", operation_id="get_process", summary="Get process")
    async def get_process(
        self,
        backend: NamedDependency[Backend],
        process_id: FromPath[Id],
        programs: FromQuery[Flag] = None,
        tools: FromQuery[Flag] = None,
        efficiency: FromQuery[Flag] = None,
    ) -> Document[Process]:
        """One process, with the tool locations that it doesn't use; on request with what the list can have too."""
        found = backend.documents.one(PROCESSES_ALONE, process_id)
        if programs is None and tools is None and efficiency is None:
            return found
        groups: Groups = {}
        if is_set(programs):
            groups["programs"] = PROGRAMS, {process_id: program_rows.ids(backend.rows.db, process=process_id)}
        if is_set(tools):
            groups["tools"] = TOOLS, {process_id: tool_rows.ids(backend.rows.db, process=process_id)}
        rate = _rate(backend) if is_set(efficiency) else None
        return Document(_with_members(backend, process_id, found.body, groups, rate), found.revision)

    @patch("/{process_id:int}", operation_id="edit_process", summary="Edit process")
    async def edit_process(
        self,
        request: ApiRequest,
        backend: NamedDependency[Backend],
        process_id: FromPath[Id],
        data: JSONBody[ProcessFields],
    ) -> Document[ProcessAlone]:
        """Changes the fields that are given. Its machine never changes."""
        command = EditProcess(process_id=process_id, fields=data)
        answer = await write(request, backend, edit_process, command, 200, revision_of(PROCESSES, process_id))
        return backend.documents.one(PROCESSES_ALONE, process_id).answering(answer)

    @delete("/{process_id:int}", operation_id="delete_process", summary="Delete process", status_code=204)
    async def delete_process(
        self, request: ApiRequest, backend: NamedDependency[Backend], process_id: FromPath[Id]
    ) -> Response[None]:
        """Deletes a process. Its programs, tool assemblies and parts stay, without a process."""
        command = DeleteProcess(process_id=process_id)
        answer = await write(request, backend, delete_process, command, 204, revision_of(PROCESSES, process_id))
        return answered(answer, None)

    @post("/{process_id:int}/archive", operation_id="archive_process", summary="Archive process", status_code=200)
    async def archive_process(
        self,
        request: ApiRequest,
        backend: NamedDependency[Backend],
        process_id: FromPath[Id],
        programs: FromQuery[Flag] = None,
    ) -> Document[ProcessAlone]:
        """Archives a process. `programs=1`: its programs too."""
        command = ArchiveProcess(process_id=process_id, programs=is_set(programs))
        answer = await write(request, backend, archive_process, command, 200, revision_of(PROCESSES, process_id))
        return backend.documents.one(PROCESSES_ALONE, process_id).answering(answer)

    @get("/{process_id:int}/overview/{year:int}", operation_id="process_overview", summary="Parts per day of a year")
    async def overview_year(
        self, backend: NamedDependency[Backend], process_id: FromPath[Id], year: FromPath[int]
    ) -> Document[Overview]:
        """Parts per local day of a year. Days without parts are left out."""
        backend.documents.one(PROCESSES, process_id)
        return document(overview(backend, "process_id", process_id, year))

    @get(
        "/{process_id:int}/overview/{year:int}/{month:int}",
        operation_id="process_overview_month",
        summary="Parts per day of a month",
    )
    async def overview_month(
        self, backend: NamedDependency[Backend], process_id: FromPath[Id], year: FromPath[int], month: FromPath[int]
    ) -> Document[Overview]:
        """Parts per local day of a month (1..12)."""
        backend.documents.one(PROCESSES, process_id)
        return document(overview(backend, "process_id", process_id, year, month))

    @get("/{process_id:int}/chart", operation_id="process_chart", summary="Parts between two times")
    async def chart(
        self,
        backend: NamedDependency[Backend],
        process_id: FromPath[Id],
        start: FromQuery[OptionalTime] = None,
        end: FromQuery[OptionalTime] = None,
    ) -> Document[ProcessChart]:
        """The process and its parts from `start` (default: the beginning of the local day) to `end` (default: now)."""
        process = backend.documents.one(PROCESSES, process_id).body
        parts = encode(parts_between(backend, start, end, process=process_id))
        return Document(object_of(process=process, parts=parts))

    @get("/{process_id:int}/tools", operation_id="list_process_tools", summary="List the tools of a process")
    async def list_process_tools(
        self, backend: NamedDependency[Backend], process_id: FromPath[Id]
    ) -> Document[dict[str, ToolDocument]]:
        """The tools in its assemblies."""
        backend.documents.one(PROCESSES, process_id)
        ids = tool_rows.ids(backend.rows.db, process=process_id)
        return Document(map_of(backend.documents.bodies(TOOLS, ids)))

    @get("/variables", operation_id="list_process_variables", summary="List variable names")
    async def list_process_variables(self, backend: NamedDependency[Backend]) -> Document[list[str]]:
        """The names in the `cv_map` of any process, archived ones included, each once, sorted."""
        return document(processes.variable_names(backend.rows.db))

    @post(
        "/averageCycleTimes",
        operation_id="average_cycle_times",
        summary="Average minutes between cycles",
        status_code=200,
    )
    async def average_cycle_times(
        self, backend: NamedDependency[Backend], data: JSONBody[ProcessIds]
    ) -> Document[dict[str, float | None]]:
        """Process ID -> minutes between its cycles, null if it has not run twice. Unknown IDs are left out."""
        known = [each for each in dict.fromkeys(data) if backend.documents.exists(PROCESSES, each)]
        return document({str(each): average_cycle_minutes(backend.rows.db, each) for each in known})

    @post("/{process_id:int}/duplicate", operation_id="duplicate_process", summary="Duplicate process", status_code=201)
    async def duplicate_process(
        self, request: ApiRequest, backend: NamedDependency[Backend], process_id: FromPath[Id], data: JSONBody[Copy]
    ) -> Document[ProcessAlone]:
        """Copies a process with its tool assemblies, tools and tool requirements onto a machine. 424 for an unknown
        machine."""
        command = DuplicateProcess(process_id=process_id, copy=data)
        answer = await write(request, backend, duplicate_process, command, 201)
        return backend.documents.one(PROCESSES_ALONE, object_id(answer)).answering(answer)

    @post(
        "/{from_id:int}/changeover/{to_id:int}",
        operation_id="change_over",
        summary="Confirm a changeover",
        status_code=200,
    )
    async def change_over(
        self,
        request: ApiRequest,
        backend: NamedDependency[Backend],
        from_id: FromPath[Id],
        to_id: FromPath[Id],
        data: JSONBody[Removed | None] = None,
        planned: FromQuery[Flag] = None,
    ) -> Document[ProcessAlone]:
        """Confirms a changeover. 409 for processes of two machines; 412 if the new process is not loaded, unless it is
        `planned=1`."""
        command = ChangeOver(
            from_id=from_id,
            to_id=to_id,
            planned=is_set(planned),
            remove_tool_assemblies=data.remove_tool_assemblies if data else [],
            user_id=request.user.user_id,
        )
        answer = await write(request, backend, change_over, command)
        return backend.documents.one(PROCESSES_ALONE, to_id).answering(answer)


def _list(backend: Backend, with_programs: bool, with_tools: bool, with_efficiency: bool) -> bytes:
    db = backend.rows.db
    groups: Groups = {}
    if with_programs:
        groups["programs"] = PROGRAMS, program_rows.by_process(db)
    if with_tools:
        groups["tools"] = TOOLS, tool_rows.by_process(db)
    for noun, by_process in groups.values():  # all in one query
        backend.documents.bodies(noun, [each for ids in by_process.values() for each in ids])
    bodies = backend.documents.bodies(PROCESSES, processes.ids(db))
    rate = _rate(backend) if with_efficiency else None
    return map_of([(each, _with_members(backend, each, body, groups, rate)) for each, body in bodies])


def _with_members(backend: Backend, process_id: int, body: bytes, groups: Groups, rate: Rate | None) -> bytes:
    """The document of a process, with those of its programs and tools, and its efficiency."""
    more = {
        name: map_of(backend.documents.bodies(noun, by_process.get(process_id, [])))
        for name, (noun, by_process) in groups.items()
    }
    if rate is not None:
        more["efficiency"] = encode(rate(msgspec.json.decode(body, type=ProcessDocument)))
    return with_fields(body, **more)


def _rate(backend: Backend) -> Rate:
    """Says how processes did in the last 24 hours. When a machine ran is asked once for all of its processes."""
    now = backend.clock()
    running: dict[int, list[Span]] = {}
    return lambda process: efficiency(backend.rows.db, process, now - EFFICIENCY_SECONDS, now, running)
