"""`/health/live`, `/health/ready` and `/metrics`: for those who keep the server running."""

from litestar import MediaType, Response, get
from litestar.di import NamedDependency
from prometheus_client import Gauge, generate_latest

from taktledger.api.backend import Backend

POSITION = Gauge("taktledger_ledger_position", "Position of the last event in the ledger")
BACKLOG = Gauge("taktledger_writer_backlog_requests", "Requests that wait for the writer")
GROUPS = Gauge("taktledger_writer_groups", "Groups written since the start")
EDGE_BACKLOG = Gauge("taktledger_edge_backlog_facts", "Facts that wait at the edge", ["machine"])
CONNECTED = Gauge("taktledger_machine_connected", "1 if the edge has a link to the machine", ["machine"])


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
    EDGE_BACKLOG.clear()
    CONNECTED.clear()
    for name, machine in backend.live.machines.items():
        if name not in backend.writer.shop.machine_ids:
            continue
        EDGE_BACKLOG.labels(name).set(machine.backlog)
        CONNECTED.labels(name).set(backend.live.is_connected(name, backend.clock()))
    return generate_latest().decode()
