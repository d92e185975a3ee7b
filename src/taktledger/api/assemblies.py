"""`/api/tools/assemblies/`: tool assemblies."""

from litestar import Controller, Response, delete, get, patch, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from takt_projections import assemblies
from takt_projections.assemblies import AssemblyDocument
from taktledger.api.backend import Backend
from taktledger.api.bodies import ApiRequest
from taktledger.api.documents import Document, map_of
from taktledger.api.nouns import ASSEMBLIES, PROCESSES
from taktledger.api.parameters import Flag, Id, OptionalId, is_set
from taktledger.api.writing import answered, object_id, revision_of, write
from taktledger.domain.assemblies import (
    AssemblyChanges,
    CreateAssembly,
    DeleteAssembly,
    EditAssembly,
    create_assembly,
    delete_assembly,
    edit_assembly,
)
from taktledger.domain.errors import ReferenceMissing


class AssemblyController(Controller):
    path = "/api/tools/assemblies"
    tags = ("Tool assemblies",)

    @get("/", operation_id="list_assemblies", summary="List tool assemblies")
    async def list_assemblies(
        self,
        backend: NamedDependency[Backend],
        process: FromQuery[OptionalId] = None,
        shared: FromQuery[Flag] = None,
    ) -> Document[dict[str, AssemblyDocument]]:
        """All assemblies, or those of a process. `shared=1`: with the shared ones of other processes of its machine.

        424 for an unknown process.
        """
        documents = backend.documents
        if process is not None and not documents.exists(PROCESSES, process):
            raise ReferenceMissing(f"there is no process {process}", "process")
        with_shared = is_set(shared)

        def make() -> bytes:
            ids = assemblies.ids(backend.rows.db, process=process, shared=with_shared)
            return map_of(documents.bodies(ASSEMBLIES, ids))

        return documents.kept([ASSEMBLIES], ("assemblies", process, with_shared), make)

    @put("/", operation_id="create_assembly", summary="Create tool assembly", status_code=201)
    async def create_assembly(
        self, request: ApiRequest, backend: NamedDependency[Backend], data: JSONBody[CreateAssembly]
    ) -> Document[AssemblyDocument]:
        """Sets up an assembly. 424 for an unknown process."""
        answer = await write(request, backend, create_assembly, data, 201)
        return backend.documents.one(ASSEMBLIES, object_id(answer)).answering(answer)

    @get("/{assembly_id:int}", operation_id="get_assembly", summary="Get tool assembly")
    async def get_assembly(
        self, backend: NamedDependency[Backend], assembly_id: FromPath[Id]
    ) -> Document[AssemblyDocument]:
        """One assembly."""
        return backend.documents.one(ASSEMBLIES, assembly_id)

    @patch("/{assembly_id:int}", operation_id="edit_assembly", summary="Edit tool assembly")
    async def edit_assembly(
        self,
        request: ApiRequest,
        backend: NamedDependency[Backend],
        assembly_id: FromPath[Id],
        data: JSONBody[AssemblyChanges],
    ) -> Document[AssemblyDocument]:
        """Changes the fields that are given. Another `process_id` is a move. 424 for an unknown process."""
        command = EditAssembly(assembly_id=assembly_id, changes=data)
        answer = await write(request, backend, edit_assembly, command, 200, revision_of(ASSEMBLIES, assembly_id))
        return backend.documents.one(ASSEMBLIES, assembly_id).answering(answer)

    @delete("/{assembly_id:int}", operation_id="delete_assembly", summary="Delete tool assembly", status_code=204)
    async def delete_assembly(
        self, request: ApiRequest, backend: NamedDependency[Backend], assembly_id: FromPath[Id]
    ) -> Response[None]:
        """Deletes an assembly. Its tools stay, without one."""
        command = DeleteAssembly(assembly_id=assembly_id)
        answer = await write(request, backend, delete_assembly, command, 204, revision_of(ASSEMBLIES, assembly_id))
        return answered(answer, None)
