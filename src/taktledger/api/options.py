"""`/api/options/`: the settings of the whole shop."""

from litestar import Controller, Response, get, patch
from litestar.di import NamedDependency
from litestar.params import JSONBody

from taktledger.api.backend import Backend
from taktledger.api.bodies import ApiRequest
from taktledger.api.writing import answered, write
from taktledger.domain.options import OptionFields, edit_options
from taktledger.domain.shop import Options


class EditOptions(OptionFields, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Unlike elsewhere an unknown key is an error: a setting that silently does nothing helps nobody."""


class OptionController(Controller):
    path = "/api/options"
    tags = ("Options",)

    @get("/", operation_id="get_options", summary="Get options")
    async def get_options(self, backend: NamedDependency[Backend]) -> Options:
        """All settings."""
        return backend.writer.shop.options

    @patch("/", operation_id="edit_options", summary="Edit options")
    async def edit_options(
        self, request: ApiRequest, backend: NamedDependency[Backend], data: JSONBody[EditOptions]
    ) -> Response[Options]:
        """Changes the settings that are given. An unknown one: 400."""
        fields = OptionFields(**{name: getattr(data, name) for name in OptionFields.__struct_fields__})
        answer = await write(request, backend, edit_options, fields)
        return answered(answer, backend.writer.shop.options)
