"""`/api/machines/`: machines, and the updates that are posted for them."""

from litestar import Controller, Response, delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Struct

from takt_projections import machines
from takt_projections.machines import MachineDocument
from taktledger.api.backend import Backend
from taktledger.api.bodies import ApiRequest
from taktledger.api.documents import Document, encode, map_of, with_fields
from taktledger.api.live import MachineLive
from taktledger.api.nouns import MACHINES
from taktledger.api.parameters import Id
from taktledger.api.writing import answered, object_id, revision_of, write
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


def machine_document(backend: Backend, machine_id: int) -> Document[MachineDocument]:
    """What the row holds of the last contact is the time of the last fact; the live state knows better."""
    found = backend.documents.one(MACHINES, machine_id)
    contacts = last_contacts(backend, [machine_id])
    return Document(with_fields(found.body, last_contact=encode(contacts[machine_id])), found.revision)


def last_contacts(backend: Backend, ids: list[int]) -> dict[int, float | None]:
    """Machine ID -> UNIX seconds."""
    facts = machines.last_facts(backend.rows.db, ids)
    return {machine_id: backend.live.last_contact(name) or fact for machine_id, (name, fact) in facts.items()}


class MachineController(Controller):
    path = "/api/machines"
    tags = ("Machines",)

    @get("/", operation_id="list_machines", summary="List machines")
    async def list_machines(self, backend: NamedDependency[Backend]) -> Document[dict[str, MachineDocument]]:
        """All machines."""
        bodies = backend.documents.bodies(MACHINES, machines.ids(backend.rows.db))
        contacts = last_contacts(backend, [each for each, _ in bodies])
        return Document(
            map_of([(each, with_fields(body, last_contact=encode(contacts[each]))) for each, body in bodies])
        )

    @put("/", operation_id="create_machine", summary="Create machine", status_code=201)
    async def create_machine(
        self, request: ApiRequest, backend: NamedDependency[Backend], data: JSONBody[CreateMachine]
    ) -> Document[MachineDocument]:
        """Sets up a machine. 409 if another one has this source name."""
        answer = await write(request, backend, create_machine, data, 201)
        return machine_document(backend, object_id(answer)).answering(answer)

    @get("/{machine_id:int}", operation_id="get_machine", summary="Get machine")
    async def get_machine(
        self, backend: NamedDependency[Backend], machine_id: FromPath[Id]
    ) -> Document[MachineDocument]:
        """One machine."""
        return machine_document(backend, machine_id)

    @patch("/{machine_id:int}", operation_id="edit_machine", summary="Edit machine")
    async def edit_machine(
        self,
        request: ApiRequest,
        backend: NamedDependency[Backend],
        machine_id: FromPath[Id],
        data: JSONBody[MachineFields],
    ) -> Document[MachineDocument]:
        """Changes the fields that are given."""
        command = EditMachine(machine_id=machine_id, fields=data)
        answer = await write(request, backend, edit_machine, command, 200, revision_of(MACHINES, machine_id))
        return machine_document(backend, machine_id).answering(answer)

    @delete("/{machine_id:int}", operation_id="delete_machine", summary="Delete machine", status_code=204)
    async def delete_machine(
        self, request: ApiRequest, backend: NamedDependency[Backend], machine_id: FromPath[Id]
    ) -> Response[None]:
        """Deletes a machine, its programs and its processes. Its parts stay."""
        command = DeleteMachine(machine_id=machine_id)
        answer = await write(request, backend, delete_machine, command, 204, revision_of(MACHINES, machine_id))
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
            heard = {machine.source_name: MachineLive(connected=True, last_contact=now)}
            backend.live.hear(backend.writer.shop, heard, now)
        made = [type(recorded.event).__name__ for recorded in answer.events]
        return answered(answer, UpdateResult(applied=data.success, events=made))
