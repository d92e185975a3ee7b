"""`/api/parts/`: what was made."""

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from takt_projections import parts
from takt_projections.parts import Part
from taktledger.api.backend import Backend
from taktledger.api.parameters import Id, Limit, Offset, OptionalFlag, OptionalId, OptionalTime, flag
from taktledger.domain.errors import NotFound

MOST_PARTS = 10_000
"""In one answer: nobody can write while it is made."""


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
    ) -> dict[str, Part]:
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
        return {str(part.id): part for part in found}

    @get("/{part_id:int}", operation_id="get_part", summary="Get part")
    async def get_part(self, backend: NamedDependency[Backend], part_id: FromPath[Id]) -> Part:
        """One part."""
        part = parts.get(backend.rows.db, part_id)
        if part is None:
            raise NotFound(f"there is no part {part_id}")
        return part
