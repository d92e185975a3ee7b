"""`/api/tools/`: tools."""

from litestar import Controller, Response, delete, get, patch, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from takt_projections import tools
from takt_projections.tools import ToolDocument
from taktledger.api.backend import Backend
from taktledger.api.bodies import ApiRequest
from taktledger.api.documents import Document, Noun, map_of
from taktledger.api.levels import only_writable
from taktledger.api.nouns import ASSEMBLIES, PROCESSES, TOOLS
from taktledger.api.parameters import Id, OptionalId
from taktledger.api.writing import answered, object_id, revision_of, write
from taktledger.domain.errors import Invalid, ReferenceMissing
from taktledger.domain.tools import (
    CreateTool,
    DeleteTool,
    EditTool,
    ToolChanges,
    create_tool,
    delete_tool,
    edit_tool,
)


class ToolController(Controller):
    path = "/api/tools"
    tags = ("Tools",)

    @get("/", operation_id="list_tools", summary="List tools")
    async def list_tools(
        self,
        backend: NamedDependency[Backend],
        process: FromQuery[OptionalId] = None,
        assembly: FromQuery[OptionalId] = None,
    ) -> Document[dict[str, ToolDocument]]:
        """All tools, those of a process, or those in an assembly. 400 for both; 424 for one that doesn't exist."""
        documents = backend.documents
        if process is not None and assembly is not None:
            raise Invalid("process and assembly can't be combined", "assembly")
        for name, noun, each in (("process", PROCESSES, process), ("assembly", ASSEMBLIES, assembly)):
            _check(backend, name, noun, each)

        def make() -> bytes:
            return map_of(documents.bodies(TOOLS, tools.ids(backend.rows.db, process=process, assembly=assembly)))

        return documents.kept([TOOLS, ASSEMBLIES], ("tools", process, assembly), make)

    @put("/", operation_id="create_tool", summary="Create tool", status_code=201)
    async def create_tool(
        self, request: ApiRequest, backend: NamedDependency[Backend], data: JSONBody[CreateTool]
    ) -> Document[ToolDocument]:
        """Sets up a tool. 424 for an unknown assembly."""
        answer = await write(request, backend, create_tool, data, 201)
        return backend.documents.one(TOOLS, object_id(answer)).answering(answer)

    @get("/{tool_id:int}", operation_id="get_tool", summary="Get tool")
    async def get_tool(self, backend: NamedDependency[Backend], tool_id: FromPath[Id]) -> Document[ToolDocument]:
        """One tool."""
        return backend.documents.one(TOOLS, tool_id)

    @patch("/{tool_id:int}", operation_id="edit_tool", summary="Edit tool")
    async def edit_tool(
        self,
        request: ApiRequest,
        backend: NamedDependency[Backend],
        tool_id: FromPath[Id],
        data: JSONBody[ToolChanges],
    ) -> Document[ToolDocument]:
        """Changes the fields that are given and that the caller's level may write. Another `assembly_id` is a move."""
        changes = only_writable("edit_tool", request.user.level, data, request.user.actor)
        command = EditTool(tool_id=tool_id, changes=changes)
        answer = await write(request, backend, edit_tool, command, 200, revision_of(TOOLS, tool_id))
        return backend.documents.one(TOOLS, tool_id).answering(answer)

    @delete("/{tool_id:int}", operation_id="delete_tool", summary="Delete tool", status_code=204)
    async def delete_tool(
        self, request: ApiRequest, backend: NamedDependency[Backend], tool_id: FromPath[Id]
    ) -> Response[None]:
        """Deletes a tool. Its history stays."""
        command = DeleteTool(tool_id=tool_id)
        answer = await write(request, backend, delete_tool, command, 204, revision_of(TOOLS, tool_id))
        return answered(answer, None)


def _check(backend: Backend, name: str, noun: Noun, object_id: int | None) -> None:
    if object_id is not None and not backend.documents.exists(noun, object_id):
        raise ReferenceMissing(f"there is no {noun.singular} {object_id}", name)
