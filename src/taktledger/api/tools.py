"""`/api/tools/`: tools."""

from functools import partial
from typing import Any, NamedTuple

import msgspec
from litestar import Controller, Response, delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from takt_projections import tools, users
from takt_projections.tool_counts import average_lives
from takt_projections.tools import ToolDocument
from taktledger.api.backend import Backend
from taktledger.api.bodies import ApiRequest
from taktledger.api.documents import Document, Noun, encode, map_of, with_fields
from taktledger.api.images import PictureUpload, picture, uploaded
from taktledger.api.levels import only_writable
from taktledger.api.nouns import ASSEMBLIES, INVENTORY_ITEMS, MACHINES, PROCESSES, TOOLS, USERS
from taktledger.api.parameters import Flag, Id, OptionalId, is_set
from taktledger.api.writing import answered, object_id, revision_of, write
from taktledger.domain.errors import Invalid, ReferenceMissing
from taktledger.domain.tools.editing import EditTool, ToolChanges, edit_tool
from taktledger.domain.tools.tool import (
    ChangeToolImage,
    CreateTool,
    DeleteTool,
    change_tool_image,
    create_tool,
    delete_tool,
)

KINDS = {"durable": True, "consumable": False}


class Wanted(NamedTuple):
    """Which tools a list is asked for; its key in the cache."""

    filters: tuple[tuple[str, Any], ...]
    favorites_of: int | None
    usage_modes: tuple[int, ...]
    life: bool
    warned: bool


class ToolController(Controller):
    path = "/api/tools"
    tags = ("Tools",)

    @get("/", operation_id="list_tools", summary="List tools")
    async def list_tools(
        self,
        request: ApiRequest,
        backend: NamedDependency[Backend],
        durable: FromQuery[str | None] = None,
        unassigned: FromQuery[Flag] = None,
        process: FromQuery[OptionalId] = None,
        machine: FromQuery[OptionalId] = None,
        active: FromQuery[Flag] = None,
        inventory_item: FromQuery[OptionalId] = None,
        assembly: FromQuery[OptionalId] = None,
        favorite: FromQuery[Flag] = None,
        life: FromQuery[Flag] = None,
        warn_life: FromQuery[Flag] = None,
        usage_mode: FromQuery[list[int] | None] = None,
    ) -> Document[dict[str, ToolDocument]]:
        """Tools that match all parameters.

        Only one of `unassigned`, `process`, `machine` (its loaded process), `active` (any loaded process),
        `inventory_item` and `assembly` may be given: else 400. 424 for one that doesn't exist. `durable`: `durable` or
        `consumable`. `favorite=1`: the caller's. `warn_life=1`: those at or past their warning. `life=1` adds
        `average_tool_life`, the mean parts between replacements.
        """
        if durable is not None and durable not in KINDS:
            raise Invalid("durable is 'durable' or 'consumable'", "durable")
        references = {"process": process, "machine": machine, "inventory_item": inventory_item, "assembly": assembly}
        filters = {name: value for name, value in references.items() if value is not None}
        filters |= {name: True for name, value in (("unassigned", unassigned), ("active", active)) if is_set(value)}
        if len(filters) > 1:
            raise Invalid(f"{' and '.join(filters)} can't be combined", list(filters)[1])
        for name, noun in REFERENCES.items():
            _check(backend, name, noun, references[name])
        if durable is not None:
            filters["durable"] = KINDS[durable]
        wanted = Wanted(
            tuple(filters.items()),
            request.user.user_id if is_set(favorite) else None,
            tuple(usage_mode or ()),
            is_set(life),
            is_set(warn_life),
        )
        depends = [TOOLS, ASSEMBLIES, INVENTORY_ITEMS]
        depends += [MACHINES] if {"machine", "active"} & filters.keys() else []
        depends += [USERS] if wanted.favorites_of is not None else []
        return backend.documents.kept(depends, ("tools", wanted), partial(_list, backend, wanted))

    @put("/", operation_id="create_tool", summary="Create tool", status_code=201)
    async def create_tool(
        self, request: ApiRequest, backend: NamedDependency[Backend], data: JSONBody[CreateTool]
    ) -> Document[ToolDocument]:
        """Sets up a tool. 424 for an unknown assembly or inventory item."""
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
        """Changes the fields that are given and that the caller's level may write. Another `assembly_id` is a move;
        another `part_count` or `runtime` is a correction, dated now. `life_modification_notes` are kept with a change
        of its life."""
        changes = only_writable("edit_tool", request.user.level, data, request.user.actor)
        command = EditTool(tool_id=tool_id, changes=changes, user_id=request.user.user_id)
        decide = partial(edit_tool, history=backend.history)
        answer = await write(request, backend, decide, command, 200, revision_of(TOOLS, tool_id))
        return backend.documents.one(TOOLS, tool_id).answering(answer)

    @delete("/{tool_id:int}", operation_id="delete_tool", summary="Delete tool", status_code=204)
    async def delete_tool(
        self, request: ApiRequest, backend: NamedDependency[Backend], tool_id: FromPath[Id]
    ) -> Response[None]:
        """Deletes a tool. Its history stays."""
        command = DeleteTool(tool_id=tool_id)
        answer = await write(request, backend, delete_tool, command, 204, revision_of(TOOLS, tool_id))
        return answered(answer, None)

    @get("/{tool_id:int}/image", operation_id="get_tool_image", summary="Get a tool's image", media_type="image/*")
    async def get_image(
        self, request: ApiRequest, backend: NamedDependency[Backend], tool_id: FromPath[Id]
    ) -> Response[bytes]:
        """The file, with its MIME type. 404 if there is none."""
        backend.documents.one(TOOLS, tool_id)
        return picture(request, backend, "tools", tool_id)

    @post(
        "/{tool_id:int}/image",
        operation_id="set_tool_image",
        summary="Set a tool's image",
        status_code=200,
        operation_class=PictureUpload,
    )
    async def set_image(
        self, request: ApiRequest, backend: NamedDependency[Backend], tool_id: FromPath[Id]
    ) -> Document[ToolDocument]:
        """The body is the file: PNG, JPEG, WebP or GIF up to 10 MiB. 415 for anything else, 413 for more."""
        backend.documents.one(TOOLS, tool_id)
        upload = await uploaded(request)
        command = ChangeToolImage(tool_id=tool_id, image=upload.image)
        revision = revision_of(TOOLS, tool_id)
        answer = await write(request, backend, change_tool_image, command, 200, revision, images=upload.images)
        return backend.documents.one(TOOLS, tool_id).answering(answer)

    @delete("/{tool_id:int}/image", operation_id="delete_tool_image", summary="Remove a tool's image", status_code=200)
    async def delete_image(
        self, request: ApiRequest, backend: NamedDependency[Backend], tool_id: FromPath[Id]
    ) -> Document[ToolDocument]:
        """Removes the image from the tool."""
        command = ChangeToolImage(tool_id=tool_id, image=None)
        answer = await write(request, backend, change_tool_image, command, 200, revision_of(TOOLS, tool_id))
        return backend.documents.one(TOOLS, tool_id).answering(answer)


REFERENCES = {"process": PROCESSES, "machine": MACHINES, "inventory_item": INVENTORY_ITEMS, "assembly": ASSEMBLIES}


def _list(backend: Backend, wanted: Wanted) -> bytes:
    db = backend.rows.db
    favorites = users.favorite_tools(db, wanted.favorites_of) if wanted.favorites_of is not None else None
    found = tools.ids(db, **dict(wanted.filters), usage_modes=wanted.usage_modes, among_these=favorites)
    bodies = backend.documents.bodies(TOOLS, found)
    if wanted.warned:
        bodies = [each for each in bodies if tools.is_warned(msgspec.json.decode(each[1], type=ToolDocument))]
    if wanted.life:
        averages = average_lives(db)
        bodies = [(each, with_fields(body, average_tool_life=encode(averages.get(each)))) for each, body in bodies]
    return map_of(bodies)


def _check(backend: Backend, name: str, noun: Noun, object_id: int | None) -> None:
    if object_id is not None and not backend.documents.exists(noun, object_id):
        raise ReferenceMissing(f"there is no {noun.singular} {object_id}", name)
