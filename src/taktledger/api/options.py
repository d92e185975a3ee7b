"""`/api/options/`: the settings of the whole shop."""

from zlib import crc32

from litestar import Controller, get, patch
from litestar.di import NamedDependency
from litestar.params import JSONBody

from takt_projections import options
from taktledger.api.backend import Backend
from taktledger.api.bodies import ApiRequest
from taktledger.api.documents import Document, document, encode
from taktledger.api.writing import write
from taktledger.domain.options import OptionFields, edit_options
from taktledger.domain.shop import Options
from taktledger.domain.values import narrow


class EditOptions(OptionFields, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Unlike elsewhere an unknown key is an error: a setting that silently does nothing helps nobody."""


class OptionController(Controller):
    path = "/api/options"
    tags = ("Options",)

    @get("/", operation_id="get_options", summary="Get options")
    async def get_options(self, backend: NamedDependency[Backend]) -> Document[Options]:
        """All settings."""
        return options_document(backend)

    @patch("/", operation_id="edit_options", summary="Edit options")
    async def edit_options(
        self, request: ApiRequest, backend: NamedDependency[Backend], data: JSONBody[EditOptions]
    ) -> Document[Options]:
        """Changes the settings that are given. An unknown one: 400."""
        fields, revision = narrow(OptionFields, data), lambda shop: _revision(shop.options)
        answer = await write(request, backend, edit_options, fields, 200, revision)
        backend.documents.forget_day()
        return options_document(backend).answering(answer)


def options_document(backend: Backend) -> Document[Options]:
    settings = options.get(backend.rows.db)
    return document(settings, _revision(settings))


def _revision(settings: Options) -> int:
    """Nobody counts how often they were changed: it goes by what they are."""
    return crc32(encode(settings))
