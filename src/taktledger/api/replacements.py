"""`/api/tools/…/replace` and `/api/tools/replacements/`: replacing tools, and the records of it."""

from functools import partial
from typing import Any

from litestar import Controller, Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Struct

from takt_projections import inventory, options, replacements
from takt_projections.replacements import ToolReplacement
from takt_projections.tools import ToolDocument
from taktledger.api.backend import Backend
from taktledger.api.bodies import ApiRequest
from taktledger.api.documents import Document, document, encode, object_of
from taktledger.api.images import PictureUpload, picture, uploaded
from taktledger.api.nouns import ASSEMBLIES, TOOLS
from taktledger.api.parameters import Flag, Id, Limit, Offset, is_set
from taktledger.api.writing import Revision, answered, write
from taktledger.domain.errors import NotFound
from taktledger.domain.shop import Image, Shop
from taktledger.domain.tools.replacement import ReplacementFields, ToolReplaced
from taktledger.domain.tools.replacing import (
    ChangeReplacementImage,
    EditReplacement,
    ReplaceTool,
    Replacing,
    UndoReplacement,
    change_replacement_image,
    edit_replacement,
    replace_tool,
    undo_replacement,
)


class ReplacementPrompt(Struct, kw_only=True):
    """What a user who replaces a tool should see first."""

    default_inventory_point_id: int | None
    """Where it last came from, if there is one left, else where most of them are; null: nowhere."""
    last_replacement: ToolReplacement | None


class Replaced(Struct, kw_only=True, omit_defaults=True):
    tool: ToolDocument
    replacement: ToolReplacement
    list: list[str]
    """To be checked now."""
    substitute: ToolDocument | None = None


class ReplacementController(Controller):
    path = "/api/tools"
    tags = ("Replacements",)

    @get("/{tool_id:int}/replace", operation_id="prompt_replacement", summary="What to know before replacing")
    async def prompt_replacement(
        self, backend: NamedDependency[Backend], tool_id: FromPath[Id]
    ) -> Document[ReplacementPrompt]:
        """The inventory point to take from, and the last replacement."""
        backend.documents.one(TOOLS, tool_id)
        db = backend.rows.db
        last = _records(backend, replacements.ids(db, tool=tool_id, limit=1))
        prompt = ReplacementPrompt(
            default_inventory_point_id=inventory.default_point(db, tool_id),
            last_replacement=next(iter(last.values()), None),
        )
        return document(prompt)

    @post("/{tool_id:int}/replace", operation_id="replace_tool", summary="Replace tool", status_code=200)
    async def replace_tool(
        self,
        request: ApiRequest,
        backend: NamedDependency[Backend],
        tool_id: FromPath[Id],
        data: JSONBody[Replacing | None] = None,
        forceSub: FromQuery[Flag] = None,
    ) -> Document[Replaced]:
        """A tool was replaced, or (`indexed`) turned to its next corner.

        400: the inventory point has too few, no corner is left, or the `timestamp` is out of order. 409: the
        `substitute` is in an assembly (`forceSub=1` takes it), or the tool was replaced since `last_replacement_id`.
        424: unknown `substitute`. 425: it was used for less than the option `tool_replacement_min_usage`.
        """
        said = data or Replacing()
        command = ReplaceTool(
            tool_id=tool_id, said=said, force_substitute=is_set(forceSub), user_id=request.user.user_id
        )
        answer = await write(request, backend, partial(replace_tool, history=backend.history), command)
        replaced = next((each.event for each in answer.events if isinstance(each.event, ToolReplaced)), None)
        documents, db = backend.documents, backend.rows.db
        found = [replaced.replacement_id] if replaced else []
        record = next(iter(_records(backend, found).values()), None)  # null: it was taken back since
        checklist = options.checklist(db, tool_id)
        content = {
            "tool": documents.one(TOOLS, tool_id).body,
            "replacement": encode(record),
            "list": encode(checklist),
        }
        if said.substitute is not None and documents.exists(TOOLS, said.substitute):
            content["substitute"] = documents.one(TOOLS, said.substitute).body
        return Document[Replaced](object_of(**content)).answering(answer)

    @get("/{tool_id:int}/replacements", operation_id="tool_replacements", summary="A tool's replacements")
    async def tool_replacements(
        self,
        backend: NamedDependency[Backend],
        tool_id: FromPath[Id],
        limit: FromQuery[Limit] = None,
        offset: FromQuery[Offset] = 0,
    ) -> Document[dict[str, ToolReplacement]]:
        """The latest first."""
        backend.documents.one(TOOLS, tool_id)
        found = replacements.ids(backend.rows.db, tool=tool_id, limit=limit, offset=offset)
        return document(_records(backend, found))

    @get(
        "/assemblies/{assembly_id:int}/replacements",
        operation_id="assembly_replacements",
        summary="An assembly's replacements",
    )
    async def assembly_replacements(
        self,
        backend: NamedDependency[Backend],
        assembly_id: FromPath[Id],
        limit: FromQuery[Limit] = None,
        offset: FromQuery[Offset] = 0,
    ) -> Document[dict[str, ToolReplacement]]:
        """Of the tools that were in it then. The latest first."""
        backend.documents.one(ASSEMBLIES, assembly_id)
        found = replacements.ids(backend.rows.db, assembly=assembly_id, limit=limit, offset=offset)
        return document(_records(backend, found))

    @get("/replacements/{replacement_id:int}", operation_id="get_replacement", summary="Get replacement")
    async def get_replacement(
        self, backend: NamedDependency[Backend], replacement_id: FromPath[Id]
    ) -> Document[ToolReplacement]:
        """One record."""
        return _document(backend, replacement_id)

    @patch("/replacements/{replacement_id:int}", operation_id="edit_replacement", summary="Edit replacement")
    async def edit_replacement(
        self,
        request: ApiRequest,
        backend: NamedDependency[Backend],
        replacement_id: FromPath[Id],
        data: JSONBody[ReplacementFields],
    ) -> Document[ToolReplacement]:
        """Changes its `notes`, `reason` and `condition`."""
        command = EditReplacement(replacement_id=replacement_id, fields=data)
        decide = partial(edit_replacement, history=backend.history)
        answer = await write(request, backend, decide, command, 200, _revision(backend, replacement_id))
        return _document(backend, replacement_id).answering(answer)

    @delete(
        "/replacements/{replacement_id:int}",
        operation_id="undo_replacement",
        summary="Undo replacement",
        status_code=204,
    )
    async def undo_replacement(
        self, request: ApiRequest, backend: NamedDependency[Backend], replacement_id: FromPath[Id]
    ) -> Response[None]:
        """Takes the latest replacement of a tool back: everything is as if it had not been. 409 if it isn't the latest,
        or a tool of it has moved since."""
        decide = partial(undo_replacement, history=backend.history)
        command = UndoReplacement(replacement_id=replacement_id)
        answer = await write(request, backend, decide, command, 204, _revision(backend, replacement_id))
        return answered(answer, None)

    @get(
        "/replacements/{replacement_id:int}/image",
        operation_id="get_replacement_image",
        summary="Get a replacement's image",
        media_type="image/*",
    )
    async def get_image(
        self, request: ApiRequest, backend: NamedDependency[Backend], replacement_id: FromPath[Id]
    ) -> Response[bytes]:
        """The file, with its MIME type. 404 if there is none."""
        _document(backend, replacement_id)
        return picture(request, backend, "tool_replacements", replacement_id)

    @post(
        "/replacements/{replacement_id:int}/image",
        operation_id="set_replacement_image",
        summary="Set a replacement's image",
        status_code=200,
        operation_class=PictureUpload,
    )
    async def set_image(
        self, request: ApiRequest, backend: NamedDependency[Backend], replacement_id: FromPath[Id]
    ) -> Document[ToolReplacement]:
        """The body is the file: PNG, JPEG, WebP or GIF up to 10 MiB. 415 for anything else, 413 for more."""
        _document(backend, replacement_id)
        upload = await uploaded(request)
        return await _show(request, backend, replacement_id, upload.image, upload.images)

    @delete(
        "/replacements/{replacement_id:int}/image",
        operation_id="delete_replacement_image",
        summary="Remove a replacement's image",
        status_code=200,
    )
    async def delete_image(
        self, request: ApiRequest, backend: NamedDependency[Backend], replacement_id: FromPath[Id]
    ) -> Document[ToolReplacement]:
        """Removes the image from the replacement."""
        return await _show(request, backend, replacement_id, None, {})


async def _show(
    request: ApiRequest, backend: Backend, replacement_id: int, image: Image | None, images: dict[str, bytes]
) -> Document[ToolReplacement]:
    command = ChangeReplacementImage(replacement_id=replacement_id, image=image)
    decide = partial(change_replacement_image, history=backend.history)
    revision = _revision(backend, replacement_id)
    answer = await write(request, backend, decide, command, 200, revision, images=images)
    return _document(backend, replacement_id).answering(answer)


def _records(backend: Backend, ids: list[int]) -> dict[str, Any]:
    return {str(each.id): each.document for each in replacements.load(backend.rows.db, ids)}


def _document(backend: Backend, replacement_id: int) -> Document[ToolReplacement]:
    found = next(replacements.load(backend.rows.db, [replacement_id]), None)
    if found is None:
        raise NotFound(f"there is no tool replacement {replacement_id}")
    return Document(encode(found.document), found.revision)


def _revision(backend: Backend, replacement_id: int) -> Revision:
    def revision(shop: Shop) -> int | None:
        record = backend.history.replacement(shop, replacement_id)
        return record.revision if record else None

    return revision
