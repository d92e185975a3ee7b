"""How long requests take. (Litestar's own middleware for this costs as much as a whole GET.)"""

from functools import cache
from time import perf_counter

from litestar.types import ASGIApp, Message, Receive, Scope, Send
from prometheus_client import Histogram

SECONDS = Histogram(
    "taktledger_request_duration_seconds", "How long HTTP requests took", ["method", "path", "status_code"]
)


class MeasureRequests:
    """ASGI middleware: one time series per method, path as it is declared, and status."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began, status = perf_counter(), 500

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, watch)
        except Exception as error:
            status = getattr(error, "status_code", 500)
            raise
        finally:
            _series(scope["method"], scope["path_template"], status).observe(perf_counter() - began)  # type: ignore[typeddict-item]


@cache
def _series(method: str, path: str, status: int) -> Histogram:
    return SECONDS.labels(method, path, status)
