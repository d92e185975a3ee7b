"""`/api/processes/{id}/toolRequirements`: which tools a process needs."""

from litestar import Controller, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from takt_projections import tool_requirements
from taktledger.api.backend import Backend
from taktledger.api.bodies import ApiRequest
from taktledger.api.documents import Document, map_of
from taktledger.api.nouns import PROCESSES, TOOL_REQUIREMENTS
from taktledger.api.parameters import Id
from taktledger.api.writing import object_id, write
from taktledger.domain.shop import ToolRequirement
from taktledger.domain.tool_requirements import (
    CreateToolRequirement,
    ToolRequirementFields,
    create_tool_requirement,
)


class ToolRequirementController(Controller):
    path = "/api/processes/{process_id:int}/toolRequirements"
    tags = ("Processes",)

    @put(
        "/",
        operation_id="create_tool_requirement",
        summary="Create tool requirement",
        status_code=201,
    )
    async def create_tool_requirement(
        self,
        request: ApiRequest,
        backend: NamedDependency[Backend],
        process_id: FromPath[Id],
        data: JSONBody[ToolRequirementFields],
    ) -> Document[ToolRequirement]:
        """Notes which tool the process needs in a location. 409 if it has a requirement there."""
        command = CreateToolRequirement(process_id=process_id, fields=data)
        answer = await write(request, backend, create_tool_requirement, command, 201)
        return backend.documents.one(TOOL_REQUIREMENTS, object_id(answer)).answering(answer)

    @get("/", operation_id="list_tool_requirements", summary="List tool requirements")
    async def list_tool_requirements(
        self, backend: NamedDependency[Backend], process_id: FromPath[Id]
    ) -> Document[dict[str, ToolRequirement]]:
        """Which tools the process needs."""
        backend.documents.one(PROCESSES, process_id)
        ids = tool_requirements.ids(backend.rows.db, process_id)
        return Document(map_of(backend.documents.bodies(TOOL_REQUIREMENTS, ids)))
