"""`/health/live`, `/health/ready` and `/metrics`: for those who keep the server running."""

from collections.abc import Callable, Iterator, Mapping

from litestar import MediaType, Response, get
from litestar.di import NamedDependency
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from taktledger.api.adapters import adapters
from taktledger.api.backend import Backend
from taktledger.shopfloor.wire import AdapterStatus

POSITION = Gauge("taktledger_ledger_position", "Position of the last event in the ledger")
BACKLOG = Gauge("taktledger_writer_backlog_requests", "Requests that wait for the writer")
GROUPS = Gauge("taktledger_writer_groups", "Groups written since the start")
OF_MACHINES: dict[str, tuple[str, Callable[[AdapterStatus], float | None]]] = {
    "taktledger_edge_backlog_facts": ("Facts that wait at the edge", lambda status: status.backlog),
    "taktledger_edge_clock_difference_seconds": (
        "How far the edge's clock is ahead of ours",
        lambda status: status.clock_difference,
    ),
    "taktledger_machine_connected": ("1 if the edge has a link to the machine", lambda status: status.connected),
    "taktledger_machine_last_update_timestamp_seconds": (
        "When the machine last answered",
        lambda status: status.last_update,
    ),
    "taktledger_machine_last_update_age_seconds": ("How long ago that was", lambda status: status.age),
    "taktledger_machine_errors": (
        "How often the link failed since the edge was started",
        lambda status: status.errors,
    ),
    "taktledger_machine_hold_output": (
        "1 if the hold output reads that it holds",
        lambda status: status.hold_output,
    ),
}
"""What isn't known has no sample."""


class OfMachines(Collector):
    """One sample of each for every machine that an edge reads."""

    def __init__(self, statuses: Mapping[str, AdapterStatus]) -> None:
        self._statuses = statuses

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for metric, (what, value_of) in OF_MACHINES.items():
            family = GaugeMetricFamily(metric, what, labels=["machine"])
            for name, status in self._statuses.items():
                if (value := value_of(status)) is not None:
                    family.add_metric([name], value)
            yield family


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
    machines = CollectorRegistry()
    machines.register(OfMachines(adapters(backend)))
    return (generate_latest() + generate_latest(machines)).decode()
