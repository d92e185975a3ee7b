"""`/api/tools/assemblies/`: tool assemblies."""

from litestar import Controller, Response, delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Struct

from takt_projections import assemblies
from takt_projections.assemblies import AssemblyDocument
from taktledger.api.backend import Backend
from taktledger.api.bodies import ApiRequest
from taktledger.api.documents import Document, map_of
from taktledger.api.images import PictureUpload, picture, uploaded
from taktledger.api.nouns import ASSEMBLIES, PROCESSES
from taktledger.api.parameters import Flag, Id, OptionalId, is_set
from taktledger.api.writing import answered, object_id, revision_of, write
from taktledger.domain.assemblies import (
    AssemblyChanges,
    ChangeAssemblyImage,
    CreateAssembly,
    EditAssembly,
    change_assembly_image,
    create_assembly,
    edit_assembly,
)
from taktledger.domain.assembling import (
    AddTools,
    AssemblyCopy,
    DeleteAssembly,
    DuplicateAssembly,
    MergeAssemblies,
    add_tools,
    delete_assembly,
    duplicate_assembly,
    merge_assemblies,
)
from taktledger.domain.errors import ReferenceMissing
from taktledger.domain.values import Id as BodyId

AssemblyIds = list[BodyId]


class ToolsToAdd(Struct, kw_only=True, frozen=True):
    tools: list[BodyId]


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

    @post(
        "/{assembly_id:int}/duplicate",
        operation_id="duplicate_assembly",
        summary="Duplicate tool assembly",
        status_code=201,
    )
    async def duplicate_assembly(
        self,
        request: ApiRequest,
        backend: NamedDependency[Backend],
        assembly_id: FromPath[Id],
        data: JSONBody[AssemblyCopy | None] = None,
    ) -> Document[AssemblyDocument]:
        """Copies an assembly. `assembly`: what is different; `tools`: loose tools to put into the copy; `duplicate`:
        tools to copy into it, with their new names. 400 for a tool that doesn't exist or is in an assembly already."""
        command = DuplicateAssembly(assembly_id=assembly_id, copy=data or AssemblyCopy())
        answer = await write(request, backend, duplicate_assembly, command, 201)
        return backend.documents.one(ASSEMBLIES, object_id(answer)).answering(answer)

    @post("/{assembly_id:int}/addTools", operation_id="add_tools", summary="Add tools to an assembly", status_code=200)
    async def add_tools(
        self,
        request: ApiRequest,
        backend: NamedDependency[Backend],
        assembly_id: FromPath[Id],
        data: JSONBody[ToolsToAdd],
    ) -> Document[AssemblyDocument]:
        """Moves tools into the assembly. Those that are in it already are ignored; 400 for an unknown one."""
        command = AddTools(assembly_id=assembly_id, tools=data.tools)
        answer = await write(request, backend, add_tools, command, 200, revision_of(ASSEMBLIES, assembly_id))
        return backend.documents.one(ASSEMBLIES, assembly_id).answering(answer)

    @post("/{assembly_id:int}/merge", operation_id="merge_assemblies", summary="Merge assemblies", status_code=200)
    async def merge_assemblies(
        self,
        request: ApiRequest,
        backend: NamedDependency[Backend],
        assembly_id: FromPath[Id],
        data: JSONBody[AssemblyIds],
    ) -> Document[AssemblyDocument]:
        """Moves all tools of other assemblies into this one, and deletes those. 400 for an unknown one, or this one."""
        command = MergeAssemblies(assembly_id=assembly_id, sources=data)
        answer = await write(request, backend, merge_assemblies, command, 200, revision_of(ASSEMBLIES, assembly_id))
        return backend.documents.one(ASSEMBLIES, assembly_id).answering(answer)

    @get(
        "/{assembly_id:int}/image",
        operation_id="get_assembly_image",
        summary="Get an assembly's image",
        media_type="image/*",
    )
    async def get_image(
        self, request: ApiRequest, backend: NamedDependency[Backend], assembly_id: FromPath[Id]
    ) -> Response[bytes]:
        """The file, with its MIME type. 404 if there is none."""
        backend.documents.one(ASSEMBLIES, assembly_id)
        return picture(request, backend, "assemblies", assembly_id)

    @post(
        "/{assembly_id:int}/image",
        operation_id="set_assembly_image",
        summary="Set an assembly's image",
        status_code=200,
        operation_class=PictureUpload,
    )
    async def set_image(
        self, request: ApiRequest, backend: NamedDependency[Backend], assembly_id: FromPath[Id]
    ) -> Document[AssemblyDocument]:
        """The body is the file: PNG, JPEG, WebP or GIF up to 10 MiB. 415 for anything else, 413 for more."""
        backend.documents.one(ASSEMBLIES, assembly_id)
        upload = await uploaded(request)
        command = ChangeAssemblyImage(assembly_id=assembly_id, image=upload.image)
        revision = revision_of(ASSEMBLIES, assembly_id)
        answer = await write(request, backend, change_assembly_image, command, 200, revision, images=upload.images)
        return backend.documents.one(ASSEMBLIES, assembly_id).answering(answer)

    @delete(
        "/{assembly_id:int}/image",
        operation_id="delete_assembly_image",
        summary="Remove an assembly's image",
        status_code=200,
    )
    async def delete_image(
        self, request: ApiRequest, backend: NamedDependency[Backend], assembly_id: FromPath[Id]
    ) -> Document[AssemblyDocument]:
        """Removes the image from the assembly."""
        command = ChangeAssemblyImage(assembly_id=assembly_id, image=None)
        answer = await write(
            request, backend, change_assembly_image, command, 200, revision_of(ASSEMBLIES, assembly_id)
        )
        return backend.documents.one(ASSEMBLIES, assembly_id).answering(answer)
