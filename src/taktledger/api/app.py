"""The Litestar application."""

from pathlib import Path

from litestar import Litestar, Router, get
from litestar.datastructures import State
from litestar.di import Provide
from litestar.logging import LoggingConfig
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import SwaggerRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.response import Redirect
from litestar.static_files import create_static_files_router

from taktledger import __version__
from taktledger.api.adapters import AdapterController
from taktledger.api.alerts import AlertController
from taktledger.api.assemblies import AssemblyController
from taktledger.api.auth import Authentication
from taktledger.api.backend import Backend
from taktledger.api.bodies import ApiRequest
from taktledger.api.edge import EdgeController
from taktledger.api.events import EventController
from taktledger.api.health import live, measure, metrics, ready
from taktledger.api.hold_schedules import HoldScheduleController
from taktledger.api.holds import HoldController
from taktledger.api.inventory import InventoryItemController, InventoryPointController
from taktledger.api.machines import MachineController
from taktledger.api.metrics import MeasureRequests
from taktledger.api.options import OptionController
from taktledger.api.parts import PartController
from taktledger.api.problems import HANDLERS
from taktledger.api.processes import ProcessController
from taktledger.api.programs import ProgramController
from taktledger.api.replacements import ReplacementController
from taktledger.api.tool_import import ToolImportController
from taktledger.api.tool_life import ToolLifeController
from taktledger.api.tool_requirements import ToolRequirementController
from taktledger.api.tools import ToolController
from taktledger.api.users import UserController

CONTROLLERS = (
    MachineController,
    ProgramController,
    ProcessController,
    ToolRequirementController,
    AssemblyController,
    ToolController,
    ToolLifeController,
    ToolImportController,
    ReplacementController,
    InventoryItemController,
    InventoryPointController,
    HoldController,
    HoldScheduleController,
    PartController,
    AlertController,
    OptionController,
    UserController,
    EventController,
    EdgeController,
    AdapterController,
)
VENDORED = Path(__file__).parent.parent / "web" / "vendor"
INTRODUCTION = (
    "The production ledger's API. Press *Authorize* and paste a key: the administrator's is in the file `admin.key` of "
    "the data directory. Times are UNIX seconds."
)
BODY_BYTES = 10 * 1024 * 1024


@get("/", include_in_schema=False)
async def home() -> Redirect:
    return Redirect("/docs")


def create_app(backend: Backend) -> Litestar:
    """The API over these objects. It starts and stops nothing: that is `main.py`'s."""
    measure(backend)
    return Litestar(
        route_handlers=[_behind_keys(), live, ready, home, _vendored()],
        request_class=ApiRequest,
        state=State({"backend": backend}, deep_copy=False),
        dependencies={"backend": Provide(lambda: backend, use_cache=True, sync_to_thread=False)},
        middleware=[MeasureRequests],
        exception_handlers=HANDLERS,
        request_max_body_size=BODY_BYTES,
        logging_config=LoggingConfig(log_exceptions="never"),  # problems.py logs them
        openapi_config=_openapi(),
    )


def _behind_keys() -> Router:
    """All that needs a key, and a level by the table."""
    return Router(
        path="/",
        route_handlers=[*CONTROLLERS, metrics],
        middleware=[Authentication],
    )


def _vendored() -> Router:
    return create_static_files_router(path="/vendor", directories=[VENDORED], include_in_schema=False)


def _openapi() -> OpenAPIConfig:
    """OpenAPI 3.1 at `/docs/openapi.json`, and a page that loads nothing from outside."""
    swagger = "/vendor/swagger-ui"
    page = SwaggerRenderPlugin(
        path="/",
        js_url=f"{swagger}/swagger-ui-bundle.js",
        css_url=f"{swagger}/swagger-ui.css",
        standalone_preset_js_url=f"{swagger}/swagger-ui-standalone-preset.js",
        favicon=f'<link rel="icon" href="{swagger}/favicon-32x32.png">',
    )
    key = SecurityScheme(type="http", scheme="bearer", description="An API key: the first one is in DATA/admin.key")
    password = SecurityScheme(type="http", scheme="basic", description="User name and password, to get a key")
    return OpenAPIConfig(
        title="Taktledger",
        version=__version__,
        path="/docs",
        render_plugins=[page],
        components=Components(security_schemes={"key": key, "password": password}),
        security=[{"key": []}],
        description=INTRODUCTION,
        use_handler_docstrings=True,
        servers=[],
    )
