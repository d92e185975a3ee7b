"""`/api/programs/`: the Program API, as documented."""

from calendar import monthrange
from datetime import date, datetime
from zoneinfo import ZoneInfo

from litestar import Controller, Response, delete, get, patch, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Struct

from takt_projections import parts, processes, production, programs
from taktledger.api.backend import Backend
from taktledger.api.bodies import ApiRequest
from taktledger.api.parameters import Id, OptionalFlag, OptionalId, OptionalTime, flag
from taktledger.api.writing import answered, object_id, write
from taktledger.domain.errors import Invalid, NotFound, ReferenceMissing
from taktledger.domain.programs import (
    CreateProgram,
    DeleteProgram,
    EditProgram,
    ProgramFields,
    create_program,
    delete_program,
    edit_program,
)
from taktledger.domain.shop import Program

Overview = dict[str, dict[str, int]]
"""Year -> `YYYY-MM-DD` -> parts."""


class ProgramChart(Struct):
    program: Program
    parts: dict[str, parts.Part]


def program_or_404(backend: Backend, program_id: int) -> Program:
    program = programs.get(backend.rows.db, program_id)
    if program is None:
        raise NotFound(f"there is no program {program_id}")
    return program


class ProgramController(Controller):
    path = "/api/programs"
    tags = ("Programs",)

    @get("/", operation_id="list_programs", summary="List programs")
    async def list_programs(
        self,
        backend: NamedDependency[Backend],
        machine: FromQuery[OptionalId] = None,
        process: FromQuery[OptionalId] = None,
        loaded: FromQuery[OptionalFlag] = None,
        archived: FromQuery[OptionalFlag] = None,
    ) -> dict[str, Program]:
        """All programs, or those that match all parameters. `process=0`: those without a process."""
        db = backend.rows.db
        if process and not processes.exists(db, process):
            raise ReferenceMissing(f"there is no process {process}", "process")
        found = programs.find(db, machine=machine, process=process, loaded=flag(loaded), archived=flag(archived))
        return {str(program.id): program for program in found}

    @put("/", operation_id="create_program", summary="Create program", status_code=201)
    async def create_program(
        self, request: ApiRequest, backend: NamedDependency[Backend], data: JSONBody[CreateProgram]
    ) -> Response[Program]:
        """Sets up a program by hand. 409 if the machine has one with this filename, 424 for an unknown machine."""
        answer = await write(request, backend, create_program, data, 201)
        return answered(answer, program_or_404(backend, object_id(answer)))

    @get("/{program_id:int}", operation_id="get_program", summary="Get program")
    async def get_program(self, backend: NamedDependency[Backend], program_id: FromPath[Id]) -> Program:
        """One program."""
        return program_or_404(backend, program_id)

    @patch("/{program_id:int}", operation_id="edit_program", summary="Edit program")
    async def edit_program(
        self,
        request: ApiRequest,
        backend: NamedDependency[Backend],
        program_id: FromPath[Id],
        data: JSONBody[ProgramFields],
    ) -> Response[Program]:
        """Changes the fields that are given. 409 for a process of another machine, 424 for one that doesn't exist."""
        answer = await write(request, backend, edit_program, EditProgram(program_id=program_id, fields=data))
        return answered(answer, program_or_404(backend, program_id))

    @delete("/{program_id:int}", operation_id="delete_program", summary="Delete program", status_code=204)
    async def delete_program(
        self, request: ApiRequest, backend: NamedDependency[Backend], program_id: FromPath[Id]
    ) -> Response[None]:
        """Deletes a program. Its parts stay."""
        answer = await write(request, backend, delete_program, DeleteProgram(program_id=program_id), 204)
        return answered(answer, None)

    @get("/{program_id:int}/overview/{year:int}", operation_id="program_overview", summary="Parts per day of a year")
    async def overview_year(
        self, backend: NamedDependency[Backend], program_id: FromPath[Id], year: FromPath[int]
    ) -> Overview:
        """Parts per local day of a year. Days without parts are left out."""
        return overview(backend, program_id, year, None)

    @get(
        "/{program_id:int}/overview/{year:int}/{month:int}",
        operation_id="program_overview_month",
        summary="Parts per day of a month",
    )
    async def overview_month(
        self, backend: NamedDependency[Backend], program_id: FromPath[Id], year: FromPath[int], month: FromPath[int]
    ) -> Overview:
        """Parts per local day of a month (1..12)."""
        return overview(backend, program_id, year, month)

    @get("/{program_id:int}/chart", operation_id="program_chart", summary="Parts between two times")
    async def chart(
        self,
        backend: NamedDependency[Backend],
        program_id: FromPath[Id],
        start: FromQuery[OptionalTime] = None,
        end: FromQuery[OptionalTime] = None,
    ) -> ProgramChart:
        """The program and its parts from `start` (default: the beginning of the local day) to `end` (default: now)."""
        program = program_or_404(backend, program_id)
        now = backend.clock()
        if start is None:
            zone = ZoneInfo(backend.writer.shop.options.timezone)
            start = production.midnight(datetime.fromtimestamp(now, zone).date(), zone)
        found = parts.find(backend.rows.db, program=program_id, start=start, end=now if end is None else end)
        return ProgramChart(program=program, parts={str(part.id): part for part in found})


def overview(backend: Backend, program_id: int, year: int, month: int | None) -> Overview:
    program_or_404(backend, program_id)
    if not 1970 <= year <= 9998:
        raise Invalid("the year must be from 1970 to 9998", "year")
    if month is not None and not 1 <= month <= 12:
        raise Invalid("the month must be from 1 to 12", "month")
    first = date(year, month or 1, 1)
    last = date(year, month or 12, monthrange(year, month or 12)[1])
    zone = ZoneInfo(backend.writer.shop.options.timezone)
    return {str(year): production.days_of_program(backend.rows.db, program_id, first, last, zone)}
