"""`/api/machines/holds/schedules/`: holds that come again and again."""

from itertools import islice
from typing import Annotated

from litestar import Controller, Response, delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, Parameter

from takt_projections import holds
from takt_projections.holds import HoldScheduleDocument
from takt_projections.options import zone as local_zone
from taktledger.api.backend import Backend
from taktledger.api.bodies import ApiRequest
from taktledger.api.documents import Document, document, map_of
from taktledger.api.nouns import HOLD_SCHEDULES
from taktledger.api.parameters import Id
from taktledger.api.writing import answered, object_id, revision_of, write
from taktledger.domain.errors import ReferenceMissing
from taktledger.domain.holds.recurrence import firings
from taktledger.domain.holds.schedule import (
    CreateHoldSchedule,
    DeleteHoldSchedule,
    EditHoldSchedule,
    HoldScheduleFields,
    PreviewedSchedule,
    create_hold_schedule,
    delete_hold_schedule,
    edit_hold_schedule,
    recurrence_asked,
)

LONGEST_PREVIEW = 1000
Count = Annotated[int, Parameter(ge=0, le=LONGEST_PREVIEW, description="how many times")]


class HoldScheduleController(Controller):
    path = "/api/machines/holds/schedules"
    tags = ("Holds",)

    @get("/", operation_id="list_hold_schedules", summary="List hold schedules")
    async def list_hold_schedules(self, backend: NamedDependency[Backend]) -> Document[dict[str, HoldScheduleDocument]]:
        """All schedules."""
        ids = holds.schedule_ids(backend.rows.db)
        return Document(map_of(backend.documents.bodies(HOLD_SCHEDULES, ids)))

    @put("/", operation_id="create_hold_schedule", summary="Create hold schedule", status_code=201)
    async def create_hold_schedule(
        self, request: ApiRequest, backend: NamedDependency[Backend], data: JSONBody[CreateHoldSchedule]
    ) -> Document[HoldScheduleDocument]:
        """Sets up a schedule. 424 for an unknown machine."""
        answer = await write(request, backend, create_hold_schedule, data, 201)
        return backend.documents.one(HOLD_SCHEDULES, object_id(answer)).answering(answer)

    @post("/previewSchedule", operation_id="preview_hold_schedule", summary="Preview a hold schedule", status_code=200)
    async def preview_hold_schedule(
        self, backend: NamedDependency[Backend], data: JSONBody[PreviewedSchedule], count: FromQuery[Count] = 1
    ) -> Document[list[float]]:
        """The next times at which such a schedule would fire, in UNIX seconds, from now on; with the `id` of a schedule
        that has made a hold, from that on. Fewer than `count` if nothing comes for fifty years."""
        rule = recurrence_asked(data)
        now = backend.clock()
        created, after = now, now
        if data.id is not None:
            known = holds.created_and_last_start(backend.rows.db, data.id)
            if known is None:
                raise ReferenceMissing(f"there is no hold schedule {data.id}", "id")
            created, after = known[0], known[1] or now
        return document(list(islice(firings(rule, created, local_zone(backend.rows.db), after), count)))

    @get("/{schedule_id:int}", operation_id="get_hold_schedule", summary="Get hold schedule")
    async def get_hold_schedule(
        self, backend: NamedDependency[Backend], schedule_id: FromPath[Id]
    ) -> Document[HoldScheduleDocument]:
        """One schedule."""
        return backend.documents.one(HOLD_SCHEDULES, schedule_id)

    @patch("/{schedule_id:int}", operation_id="edit_hold_schedule", summary="Edit hold schedule")
    async def edit_hold_schedule(
        self,
        request: ApiRequest,
        backend: NamedDependency[Backend],
        schedule_id: FromPath[Id],
        data: JSONBody[HoldScheduleFields],
    ) -> Document[HoldScheduleDocument]:
        """Changes the fields that are given. It fires by its new rule from now on."""
        command = EditHoldSchedule(schedule_id=schedule_id, fields=data)
        revision = revision_of(HOLD_SCHEDULES, schedule_id)
        answer = await write(request, backend, edit_hold_schedule, command, 200, revision)
        return backend.documents.one(HOLD_SCHEDULES, schedule_id).answering(answer)

    @delete("/{schedule_id:int}", operation_id="delete_hold_schedule", summary="Delete hold schedule", status_code=204)
    async def delete_hold_schedule(
        self, request: ApiRequest, backend: NamedDependency[Backend], schedule_id: FromPath[Id]
    ) -> Response[None]:
        """Deletes a schedule. The holds that it made stay."""
        command = DeleteHoldSchedule(schedule_id=schedule_id)
        revision = revision_of(HOLD_SCHEDULES, schedule_id)
        return answered(await write(request, backend, delete_hold_schedule, command, 204, revision), None)
