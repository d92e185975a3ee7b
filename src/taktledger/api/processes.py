"""`/api/processes/`: processes."""

from litestar import Controller, Response, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from takt_projections import processes
from takt_projections.processes import ProcessDocument
from taktledger.api.backend import Backend
from taktledger.api.bodies import ApiRequest
from taktledger.api.parameters import Id
from taktledger.api.writing import answered, object_id, write
from taktledger.domain.errors import NotFound
from taktledger.domain.processes import CreateProcess, create_process


def process_or_404(backend: Backend, process_id: int) -> ProcessDocument:
    process = processes.get(backend.rows.db, process_id)
    if process is None:
        raise NotFound(f"there is no process {process_id}")
    return process


class ProcessController(Controller):
    path = "/api/processes"
    tags = ("Processes",)

    @get("/", operation_id="list_processes", summary="List processes")
    async def list_processes(self, backend: NamedDependency[Backend]) -> dict[str, ProcessDocument]:
        """All processes."""
        return {str(process.id): process for process in processes.find(backend.rows.db)}

    @put("/", operation_id="create_process", summary="Create process", status_code=201)
    async def create_process(
        self, request: ApiRequest, backend: NamedDependency[Backend], data: JSONBody[CreateProcess]
    ) -> Response[ProcessDocument]:
        """Sets up a process. 424 for an unknown machine."""
        answer = await write(request, backend, create_process, data, 201)
        return answered(answer, process_or_404(backend, object_id(answer)))

    @get("/{process_id:int}", operation_id="get_process", summary="Get process")
    async def get_process(self, backend: NamedDependency[Backend], process_id: FromPath[Id]) -> ProcessDocument:
        """One process."""
        return process_or_404(backend, process_id)
