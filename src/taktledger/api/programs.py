"""`/api/programs/`: the Program API, as documented."""

from litestar import Controller, Response, delete, get, patch, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Struct

from takt_projections import programs
from takt_projections.parts import Part
from takt_projections.programs import ProgramDocument
from taktledger.api.backend import Backend
from taktledger.api.bodies import ApiRequest
from taktledger.api.documents import Document, document, encode, map_of, object_of
from taktledger.api.nouns import PROCESSES, PROGRAMS
from taktledger.api.parameters import Id, OptionalFlag, OptionalId, OptionalTime, flag
from taktledger.api.production import Overview, overview, parts_between
from taktledger.api.writing import answered, object_id, revision_of, write
from taktledger.domain.errors import ReferenceMissing
from taktledger.domain.programs import (
    CreateProgram,
    DeleteProgram,
    EditProgram,
    ProgramFields,
    create_program,
    delete_program,
    edit_program,
)


class ProgramChart(Struct):
    program: ProgramDocument
    parts: dict[str, Part]


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
    ) -> Document[dict[str, ProgramDocument]]:
        """All programs, or those that match all parameters. `process=0`: those without a process."""
        documents = backend.documents
        if process and not documents.exists(PROCESSES, process):
            raise ReferenceMissing(f"there is no process {process}", "process")
        asked = machine, process, flag(loaded), flag(archived)

        def make() -> bytes:
            return map_of(documents.bodies(PROGRAMS, programs.ids(backend.rows.db, *asked)))

        return documents.kept([PROGRAMS], ("programs", *asked), make)

    @put("/", operation_id="create_program", summary="Create program", status_code=201)
    async def create_program(
        self, request: ApiRequest, backend: NamedDependency[Backend], data: JSONBody[CreateProgram]
    ) -> Document[ProgramDocument]:
        """Sets up a program by hand. 409 if the machine has one with this filename, 424 for an unknown machine."""
        answer = await write(request, backend, create_program, data, 201)
        return backend.documents.one(PROGRAMS, object_id(answer)).answering(answer)

    @get("/{program_id:int}", operation_id="get_program", summary="Get program")
    async def get_program(
        self, backend: NamedDependency[Backend], program_id: FromPath[Id]
    ) -> Document[ProgramDocument]:
        """One program."""
        return backend.documents.one(PROGRAMS, program_id)

    @patch("/{program_id:int}", operation_id="edit_program", summary="Edit program")
    async def edit_program(
        self,
        request: ApiRequest,
        backend: NamedDependency[Backend],
        program_id: FromPath[Id],
        data: JSONBody[ProgramFields],
    ) -> Document[ProgramDocument]:
        """Changes the fields that are given. 409 for a process of another machine, 424 for one that doesn't exist."""
        command = EditProgram(program_id=program_id, fields=data)
        answer = await write(request, backend, edit_program, command, 200, revision_of(PROGRAMS, program_id))
        return backend.documents.one(PROGRAMS, program_id).answering(answer)

    @delete("/{program_id:int}", operation_id="delete_program", summary="Delete program", status_code=204)
    async def delete_program(
        self, request: ApiRequest, backend: NamedDependency[Backend], program_id: FromPath[Id]
    ) -> Response[None]:
        """Deletes a program. Its parts stay."""
        command = DeleteProgram(program_id=program_id)
        answer = await write(request, backend, delete_program, command, 204, revision_of(PROGRAMS, program_id))
        return answered(answer, None)

    @get("/{program_id:int}/overview/{year:int}", operation_id="program_overview", summary="Parts per day of a year")
    async def overview_year(
        self, backend: NamedDependency[Backend], program_id: FromPath[Id], year: FromPath[int]
    ) -> Document[Overview]:
        """Parts per local day of a year. Days without parts are left out."""
        backend.documents.one(PROGRAMS, program_id)
        return document(overview(backend, "program_id", program_id, year))

    @get(
        "/{program_id:int}/overview/{year:int}/{month:int}",
        operation_id="program_overview_month",
        summary="Parts per day of a month",
    )
    async def overview_month(
        self, backend: NamedDependency[Backend], program_id: FromPath[Id], year: FromPath[int], month: FromPath[int]
    ) -> Document[Overview]:
        """Parts per local day of a month (1..12)."""
        backend.documents.one(PROGRAMS, program_id)
        return document(overview(backend, "program_id", program_id, year, month))

    @get("/{program_id:int}/chart", operation_id="program_chart", summary="Parts between two times")
    async def chart(
        self,
        backend: NamedDependency[Backend],
        program_id: FromPath[Id],
        start: FromQuery[OptionalTime] = None,
        end: FromQuery[OptionalTime] = None,
    ) -> Document[ProgramChart]:
        """The program and its parts from `start` (default: the beginning of the local day) to `end` (default: now)."""
        program = backend.documents.one(PROGRAMS, program_id).body
        parts = encode(parts_between(backend, start, end, program=program_id))
        return Document(object_of(program=program, parts=parts))
