"""`/health/live`, `/health/ready` and `/metrics`: for those who keep the server running."""

from collections.abc import Callable

from litestar import MediaType, Response, get
from litestar.di import NamedDependency
from prometheus_client import Gauge, generate_latest

from taktledger.api.adapters import AdapterStatus, adapters
from taktledger.api.backend import Backend

POSITION = Gauge("taktledger_ledger_position", "Position of the last event in the ledger")
BACKLOG = Gauge("taktledger_writer_backlog_requests", "Requests that wait for the writer")
GROUPS = Gauge("taktledger_writer_groups", "Groups written since the start")
EDGE_BACKLOG = Gauge("taktledger_edge_backlog_facts", "Facts that wait at the edge", ["machine"])
CLOCK = Gauge("taktledger_edge_clock_difference_seconds", "How far the edge's clock is ahead of ours", ["machine"])
CONNECTED = Gauge("taktledger_machine_connected", "1 if the edge has a link to the machine", ["machine"])
LAST_UPDATE = Gauge("taktledger_machine_last_update_timestamp_seconds", "When the machine last answered", ["machine"])
AGE = Gauge("taktledger_machine_last_update_age_seconds", "How long ago that was", ["machine"])
ERRORS = Gauge("taktledger_machine_errors", "How often the link failed since the edge was started", ["machine"])
HOLD_OUTPUT = Gauge("taktledger_machine_hold_output", "1 if the hold output reads that it holds", ["machine"])
OF_MACHINES: dict[Gauge, Callable[[AdapterStatus], float | None]] = {
    EDGE_BACKLOG: lambda status: status.backlog,
    CLOCK: lambda status: status.clock_difference,
    CONNECTED: lambda status: status.connected,
    LAST_UPDATE: lambda status: status.last_update,
    AGE: lambda status: status.age,
    ERRORS: lambda status: status.errors,
    HOLD_OUTPUT: lambda status: status.hold_output,
}
"""What isn't known has no sample."""


def measure(backend: Backend) -> None:
    """Lets the gauges read what they show when they are asked."""
    POSITION.set_function(lambda: backend.ledger.head)
    BACKLOG.set_function(lambda: backend.writer.backlog)
    GROUPS.set_function(lambda: backend.writer.groups)


@get("/health/live", operation_id="live", summary="Whether the process answers", tags=["Health"])
async def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "live"}


@get("/health/ready", operation_id="ready", summary="Whether commands are taken", tags=["Health"])
async def ready(backend: NamedDependency[Backend]) -> Response[dict[str, str]]:
    """The writer takes commands: 200, otherwise 503."""
    if backend.writer.stale:
        return Response({"status": "the ledger can't be written"}, status_code=503)
    return Response({"status": "ready"})


@get("/metrics", operation_id="metrics", summary="Prometheus metrics", media_type=MediaType.TEXT, tags=["Health"])
async def metrics(backend: NamedDependency[Backend]) -> str:
    """Prometheus metrics."""
    statuses = adapters(backend)
    for gauge, value_of in OF_MACHINES.items():
        gauge.clear()
        for name, status in statuses.items():
            if (value := value_of(status)) is not None:
                gauge.labels(name).set(value)
    return generate_latest().decode()
