"""`/api/tools/…`: how long tools last, and their counters."""

from collections.abc import Iterable
from functools import partial
from typing import Annotated

from litestar import Controller, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Meta

from takt_projections import tool_lives, tool_locations
from takt_projections.tool_lives import ToolLifeRecord, ToolProcessLife
from takt_projections.tool_locations import ToolLocationRecord
from takt_projections.tools import ToolDocument
from taktledger.api.backend import Backend
from taktledger.api.bodies import ApiRequest
from taktledger.api.documents import Document, document, map_of
from taktledger.api.nouns import PROCESSES, TOOLS
from taktledger.api.parameters import Id, OptionalTime
from taktledger.api.writing import revision_of, write
from taktledger.domain.errors import Invalid
from taktledger.domain.tools.editing import (
    AdjustPartCounts,
    ChangeTags,
    EditProcessLife,
    ProcessLifeChanges,
    UpdatePartLives,
    adjust_part_counts,
    change_tags,
    edit_process_life,
    update_part_lives,
)
from taktledger.domain.tools.fields import ToolEvent
from taktledger.domain.values import Id as BodyId
from taktledger.ledger.writer import Answer

WAYS = ("all", "week", "part")
ToolIds = Annotated[list[BodyId], Meta(max_length=100_000)]


class ToolLifeController(Controller):
    path = "/api/tools"
    tags = ("Tools",)

    @get("/{tool_id:int}/lifeHistory", operation_id="tool_life_history", summary="Changes of a tool's life")
    async def life_history(
        self,
        backend: NamedDependency[Backend],
        tool_id: FromPath[Id],
        start: FromQuery[OptionalTime] = None,
        end: FromQuery[OptionalTime] = None,
    ) -> Document[dict[str, ToolLifeRecord]]:
        """Every change of `usage_mode`, `part_life`, `max_runtime` or `day_life`, from `start` to `end`."""
        backend.documents.one(TOOLS, tool_id)
        records = tool_lives.life_history(backend.rows.db, tool_id, start, end)
        return document({str(each.id): each for each in records})

    @get("/{tool_id:int}/locationHistory", operation_id="tool_location_history", summary="Where a tool was")
    async def location_history(
        self, backend: NamedDependency[Backend], tool_id: FromPath[Id]
    ) -> Document[dict[str, ToolLocationRecord]]:
        """Every move of the tool, or of the assembly that it was in."""
        backend.documents.one(TOOLS, tool_id)
        records = tool_locations.location_history(backend.rows.db, tool_id)
        return document({str(each.id): each for each in records})

    @get("/{tool_id:int}/dayCount/{force_type:str}", operation_id="tool_day_count", summary="Days a tool was used")
    async def day_count(
        self, backend: NamedDependency[Backend], tool_id: FromPath[Id], force_type: FromPath[str]
    ) -> Document[int]:
        """Days since its last replacement: `all`, those of the `week`, or those with at least one `part`."""
        backend.documents.one(TOOLS, tool_id)
        if force_type not in WAYS:
            raise Invalid(f"days are counted as {', '.join(WAYS)}", "force_type")
        return document(tool_lives.day_count(backend.rows.db, tool_id, force_type, backend.clock()))

    @get("/{tool_id:int}/processLife", operation_id="tool_process_life", summary="A tool's life in each process")
    async def process_life(
        self, backend: NamedDependency[Backend], tool_id: FromPath[Id]
    ) -> Document[dict[str, ToolProcessLife]]:
        """Process ID, or `""` for the tool's own, to its life and what it counts there."""
        revision = backend.documents.one(TOOLS, tool_id).revision
        return document(tool_lives.process_lives(backend.rows.db, tool_id, backend.clock()), revision)

    @patch(
        "/{tool_id:int}/processLife/{process_id:int}",
        operation_id="edit_tool_process_life",
        summary="Edit a tool's life in a process",
    )
    async def edit_process_life(
        self,
        request: ApiRequest,
        backend: NamedDependency[Backend],
        tool_id: FromPath[Id],
        process_id: FromPath[Id],
        data: JSONBody[ProcessLifeChanges],
    ) -> Document[ToolProcessLife]:
        """Changes a tool's life and its counters in one process. 404 for an unknown tool or process."""
        backend.documents.one(PROCESSES, process_id)
        command = EditProcessLife(tool_id=tool_id, process_id=process_id, changes=data, user_id=request.user.user_id)
        decide = partial(edit_process_life, history=backend.history)
        answer = await write(request, backend, decide, command, 200, revision_of(TOOLS, tool_id))
        lives = tool_lives.process_lives(backend.rows.db, tool_id, backend.clock())
        revision = backend.documents.one(TOOLS, tool_id).revision
        return document(lives[str(process_id)], revision).answering(answer)

    @post("/bulkAdjustPartCount", operation_id="bulk_adjust_part_count", summary="Adjust part counts", status_code=200)
    async def bulk_adjust_part_count(
        self, request: ApiRequest, backend: NamedDependency[Backend], data: JSONBody[AdjustPartCounts]
    ) -> Document[dict[str, ToolDocument]]:
        """Adds `count` to the part count of several tools; none falls below zero. Unknown ones are left out."""
        answer = await write(request, backend, partial(adjust_part_counts, history=backend.history), data)
        return _changed(backend, data.tools, answer)

    @post("/bulkChangeTags", operation_id="bulk_change_tags", summary="Change tags", status_code=200)
    async def bulk_change_tags(
        self, request: ApiRequest, backend: NamedDependency[Backend], data: JSONBody[ChangeTags]
    ) -> Document[dict[str, ToolDocument]]:
        """Adds tags to several tools and removes others. Unknown tools are left out."""
        return _changed(backend, data.tools, await write(request, backend, change_tags, data))

    @post("/updatePartLife", operation_id="update_part_life", summary="Set lives to averages", status_code=200)
    async def update_part_life(
        self, request: ApiRequest, backend: NamedDependency[Backend], data: JSONBody[ToolIds]
    ) -> Document[dict[str, ToolDocument]]:
        """Sets `part_life` to the average parts between replacements. Tools without any are left out."""
        command = UpdatePartLives(tools=data, user_id=request.user.user_id)
        answer = await write(request, backend, partial(update_part_lives, history=backend.history), command)
        return _changed(backend, data, answer)


def _changed(backend: Backend, tool_ids: Iterable[int], answer: Answer) -> Document[dict[str, ToolDocument]]:
    """Those of these tools that were changed."""
    changed = {each.event.tool_id for each in answer.events if isinstance(each.event, ToolEvent)}
    wanted = [each for each in dict.fromkeys(tool_ids) if each in changed]
    bodies = backend.documents.bodies(TOOLS, wanted)
    return Document[dict[str, ToolDocument]](map_of(bodies)).answering(answer)
