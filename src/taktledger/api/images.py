"""Pictures of tools, assemblies and replacements: read, checked and served the same way."""

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

from litestar import Response

from takt_projections.images import image_of
from taktledger.api.backend import Backend
from taktledger.api.bodies import ApiRequest
from taktledger.api.documents import is_known
from taktledger.api.pictures import check_picture
from taktledger.api.uploads import FileUpload, beside
from taktledger.domain.errors import NotFound
from taktledger.domain.shop import Image


@dataclass
class PictureUpload(FileUpload):
    types = ("image/png", "image/jpeg", "image/webp", "image/gif")


class Upload(NamedTuple):
    image: Image
    images: dict[str, bytes]
    """For the ledger."""


async def uploaded(request: ApiRequest) -> Upload:
    """The picture in the body. 415 if it is none, or not what its Content-Type says; 413 if it is too large."""
    body = await request.body()
    kind = await beside(check_picture, body, request.headers.get("content-type", ""))
    digest = hashlib.sha256(body).hexdigest()
    return Upload(Image(digest, kind), {digest: body})


def picture(request: ApiRequest, backend: Backend, table: str, object_id: int) -> Response[bytes]:
    """The file, with its type and length. The digest is its ETag: it never changes."""
    image = image_of(backend.rows.db, table, object_id)
    if image is None:
        raise NotFound("there is no image")
    headers = {
        "ETag": f'"{image.sha256}"',
        "Cache-Control": "private, no-cache",
        "X-Content-Type-Options": "nosniff",
    }
    if is_known(request.scope, headers["ETag"].encode()):
        return Response(b"", status_code=304, headers=headers, media_type=image.type)
    return Response(backend.ledger.image(image.sha256) or b"", headers=headers, media_type=image.type)
