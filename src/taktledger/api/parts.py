"""`/api/parts/`: what was made."""

from functools import partial

from litestar import Controller, Response, delete, get, patch
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from takt_projections import parts
from takt_projections.parts import Part
from taktledger.api.backend import Backend
from taktledger.api.bodies import ApiRequest
from taktledger.api.documents import Document, document
from taktledger.api.parameters import Id, Limit, Offset, OptionalFlag, OptionalId, OptionalTime, flag
from taktledger.api.production import MOST_PARTS
from taktledger.api.writing import Revision, answered, write
from taktledger.domain.errors import NotFound
from taktledger.domain.parts import DeletePart, EditPart, PartFields, delete_part, edit_part
from taktledger.domain.shop import Shop


class PartController(Controller):
    path = "/api/parts"
    tags = ("Parts",)

    @get("/", operation_id="list_parts", summary="List parts")
    async def list_parts(
        self,
        backend: NamedDependency[Backend],
        machine: FromQuery[OptionalId] = None,
        process: FromQuery[OptionalId] = None,
        program: FromQuery[OptionalId] = None,
        start: FromQuery[OptionalTime] = None,
        end: FromQuery[OptionalTime] = None,
        scrapped: FromQuery[OptionalFlag] = None,
        limit: FromQuery[Limit] = MOST_PARTS,
        offset: FromQuery[Offset] = 0,
    ) -> Document[dict[str, Part]]:
        """Parts that match all parameters, by the time they were finished. `scrapped=1`: only scrapped ones.

        At most 10,000 at a time: `offset` goes on from there.
        """
        found = parts.find(
            backend.rows.db,
            machine=machine,
            process=process,
            program=program,
            start=start,
            end=end,
            scrapped=flag(scrapped) or None,
            limit=MOST_PARTS if limit is None else min(limit, MOST_PARTS),
            offset=offset,
        )
        return document({str(part.id): part for part in found})

    @get("/{part_id:int}", operation_id="get_part", summary="Get part")
    async def get_part(self, backend: NamedDependency[Backend], part_id: FromPath[Id]) -> Document[Part]:
        """One part."""
        return part_document(backend, part_id)

    @patch("/{part_id:int}", operation_id="edit_part", summary="Edit part")
    async def edit_part(
        self,
        request: ApiRequest,
        backend: NamedDependency[Backend],
        part_id: FromPath[Id],
        data: JSONBody[PartFields],
    ) -> Document[Part]:
        """Changes the fields that are given. A scrapped part still counts, and wore its tools."""
        command = EditPart(part_id=part_id, editor_id=request.user.user_id, fields=data)
        decide = partial(edit_part, history=backend.history)
        answer = await write(request, backend, decide, command, 200, _revision(backend, part_id))
        return part_document(backend, part_id).answering(answer)

    @delete("/{part_id:int}", operation_id="delete_part", summary="Delete part", status_code=204)
    async def delete_part(
        self, request: ApiRequest, backend: NamedDependency[Backend], part_id: FromPath[Id]
    ) -> Response[None]:
        """Deletes a part: everything is as if it had not been made."""
        decide = partial(delete_part, history=backend.history)
        command = DeletePart(part_id=part_id)
        answer = await write(request, backend, decide, command, 204, _revision(backend, part_id))
        return answered(answer, None)


def part_document(backend: Backend, part_id: int) -> Document[Part]:
    found = parts.get(backend.rows.db, part_id)
    if found is None:
        raise NotFound(f"there is no part {part_id}")
    part, revision = found
    return document(part, revision)


def _revision(backend: Backend, part_id: int) -> Revision:
    def revision(shop: Shop) -> int | None:
        part = backend.history.part(shop, part_id)
        return part.revision if part else None

    return revision
