"""`/api/machines/`: machines, and the updates that are posted for them."""

from litestar import Controller, Response, delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Struct

from takt_projections import machines
from takt_projections.machines import MachineDocument
from taktledger.api.backend import Backend
from taktledger.api.bodies import ApiRequest
from taktledger.api.live import MachineLive
from taktledger.api.parameters import Id
from taktledger.api.writing import answered, object_id, write
from taktledger.domain.errors import NotFound
from taktledger.domain.machines import (
    CreateMachine,
    DeleteMachine,
    EditMachine,
    MachineFields,
    create_machine,
    delete_machine,
    edit_machine,
)
from taktledger.shopfloor.ingest import OldUpdate, ReportUpdate
from taktledger.shopfloor.update import MachineUpdate


class UpdateResult(Struct):
    """What became of an update."""

    applied: bool
    events: list[str]
    """Names of the events that it made, in order."""
    reason: str | None = None
    """Why it was not applied."""


def with_last_contact(backend: Backend, machine: MachineDocument) -> MachineDocument:
    """What the row holds is the time of the last fact; the live state knows better."""
    live = backend.live.last_contact(machine.source_name)
    if live is not None:
        machine.last_contact = live
    return machine


def machine_or_404(backend: Backend, machine_id: int) -> MachineDocument:
    machine = machines.get(backend.rows.db, machine_id)
    if machine is None:
        raise NotFound(f"there is no machine {machine_id}")
    return with_last_contact(backend, machine)


class MachineController(Controller):
    path = "/api/machines"
    tags = ("Machines",)

    @get("/", operation_id="list_machines", summary="List machines")
    async def list_machines(self, backend: NamedDependency[Backend]) -> dict[str, MachineDocument]:
        """All machines."""
        return {str(each.id): with_last_contact(backend, each) for each in machines.find(backend.rows.db)}

    @put("/", operation_id="create_machine", summary="Create machine", status_code=201)
    async def create_machine(
        self, request: ApiRequest, backend: NamedDependency[Backend], data: JSONBody[CreateMachine]
    ) -> Response[MachineDocument]:
        """Sets up a machine. 409 if another one has this source name."""
        answer = await write(request, backend, create_machine, data, 201)
        return answered(answer, machine_or_404(backend, object_id(answer)))

    @get("/{machine_id:int}", operation_id="get_machine", summary="Get machine")
    async def get_machine(self, backend: NamedDependency[Backend], machine_id: FromPath[Id]) -> MachineDocument:
        """One machine."""
        return machine_or_404(backend, machine_id)

    @patch("/{machine_id:int}", operation_id="edit_machine", summary="Edit machine")
    async def edit_machine(
        self,
        request: ApiRequest,
        backend: NamedDependency[Backend],
        machine_id: FromPath[Id],
        data: JSONBody[MachineFields],
    ) -> Response[MachineDocument]:
        """Changes the fields that are given."""
        answer = await write(request, backend, edit_machine, EditMachine(machine_id=machine_id, fields=data))
        return answered(answer, machine_or_404(backend, machine_id))

    @delete("/{machine_id:int}", operation_id="delete_machine", summary="Delete machine", status_code=204)
    async def delete_machine(
        self, request: ApiRequest, backend: NamedDependency[Backend], machine_id: FromPath[Id]
    ) -> Response[None]:
        """Deletes a machine, its programs and its processes. Its parts stay."""
        answer = await write(request, backend, delete_machine, DeleteMachine(machine_id=machine_id), 204)
        return answered(answer, None)

    @post("/{machine_id:int}/update", operation_id="report_update", summary="Report a machine update", status_code=200)
    async def report_update(
        self,
        request: ApiRequest,
        backend: NamedDependency[Backend],
        machine_id: FromPath[Id],
        data: JSONBody[MachineUpdate],
    ) -> Response[UpdateResult]:
        """What a control reports at one moment. 409 for a machine that an edge reports."""
        try:
            command = ReportUpdate(machine_id=machine_id, update=data)
            answer = await write(request, backend, backend.inbox.take, command)
        except OldUpdate as error:
            return Response(UpdateResult(applied=False, events=[], reason=error.message))
        machine = backend.writer.shop.machines.get(machine_id)
        if data.success and machine is not None:
            now = backend.clock()
            backend.live.hear({machine.source_name: MachineLive(connected=True, last_contact=now)}, now)
        made = [type(recorded.event).__name__ for recorded in answer.events]
        return answered(answer, UpdateResult(applied=data.success, events=made))
