"""`/api/machines/holds/`: the Hold API, as documented."""

from litestar import Controller, Response, delete, get, patch, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from takt_projections import holds
from takt_projections.holds import HoldDocument
from taktledger.api.backend import Backend
from taktledger.api.bodies import ApiRequest
from taktledger.api.documents import Document, list_of
from taktledger.api.levels import only_writable
from taktledger.api.nouns import HOLDS
from taktledger.api.parameters import Id, Limit, Offset, OptionalFlag, OptionalId, OptionalTime, flag
from taktledger.api.writing import answered, object_id, revision_of, write
from taktledger.domain.holds.hold import (
    CreateHold,
    DeleteHold,
    EditHold,
    HoldFields,
    create_hold,
    delete_hold,
    edit_hold,
)


class HoldController(Controller):
    path = "/api/machines"
    tags = ("Holds",)

    @put("/{machine_id:int}/holds", operation_id="create_hold", summary="Create hold", status_code=201)
    async def create_hold(
        self,
        request: ApiRequest,
        backend: NamedDependency[Backend],
        machine_id: FromPath[Id],
        data: JSONBody[HoldFields],
    ) -> Document[HoldDocument]:
        """Keeps a machine from running: from `start` (default: now) until `end` (null: until somebody ends it)."""
        command = CreateHold(machine_id=machine_id, fields=data, user_id=request.user.user_id)
        answer = await write(request, backend, create_hold, command, 201)
        return backend.documents.one(HOLDS, object_id(answer)).answering(answer)

    @get("/holds", operation_id="list_holds", summary="List holds")
    async def list_holds(
        self,
        backend: NamedDependency[Backend],
        machine: FromQuery[list[OptionalId] | None] = None,
        user: FromQuery[list[OptionalId] | None] = None,
        end: FromQuery[OptionalFlag] = None,
        start_after: FromQuery[OptionalTime] = None,
        end_before: FromQuery[OptionalTime] = None,
        limit: FromQuery[Limit] = None,
        offset: FromQuery[Offset] = 0,
    ) -> Document[list[HoldDocument]]:
        """All holds, or those that match all parameters, in order of their start. `machine` and `user` may be given
        several times; `user=0`: those that no person made. `end`: those with an end, or without one."""
        found = holds.ids(
            backend.rows.db,
            [each for each in machine or () if each is not None],
            [each for each in user or () if each is not None],
            flag(end),
            start_after,
            end_before,
            limit,
            offset,
        )
        return Document(list_of(backend.documents.bodies(HOLDS, found)))

    @get("/holds/{hold_id:int}", operation_id="get_hold", summary="Get hold")
    async def get_hold(self, backend: NamedDependency[Backend], hold_id: FromPath[Id]) -> Document[HoldDocument]:
        """One hold."""
        return backend.documents.one(HOLDS, hold_id)

    @patch("/holds/{hold_id:int}", operation_id="edit_hold", summary="Edit hold")
    async def edit_hold(
        self,
        request: ApiRequest,
        backend: NamedDependency[Backend],
        hold_id: FromPath[Id],
        data: JSONBody[HoldFields],
    ) -> Document[HoldDocument]:
        """Changes the fields that are given. An `end` of now releases the machine. Level `shop` may write `notes`."""
        fields = only_writable("edit_hold", request.user.level, data, request.user.actor)
        command = EditHold(hold_id=hold_id, fields=fields)
        answer = await write(request, backend, edit_hold, command, 200, revision_of(HOLDS, hold_id))
        return backend.documents.one(HOLDS, hold_id).answering(answer)

    @delete("/holds/{hold_id:int}", operation_id="delete_hold", summary="Delete hold", status_code=204)
    async def delete_hold(
        self, request: ApiRequest, backend: NamedDependency[Backend], hold_id: FromPath[Id]
    ) -> Response[None]:
        """Deletes a hold. If it was in force, its machine may run."""
        command = DeleteHold(hold_id=hold_id)
        return answered(await write(request, backend, delete_hold, command, 204, revision_of(HOLDS, hold_id)), None)
