"""`/api/adapters/`: how the edges' links to their machines are just now."""

from litestar import Controller, get
from litestar.di import NamedDependency
from msgspec import Struct

from taktledger.api.backend import Backend
from taktledger.api.live import Heard
from taktledger.domain.shop import Machine


class AdapterStatus(Struct, kw_only=True):
    source_name: str
    machine_id: int | None
    """Null: the machine has never answered, so that the ledger doesn't know it yet."""
    adapter: str | None
    """Which one reads it. Null: no edge has spoken of it since this server was started."""
    connected: bool
    last_update: float | None
    """When the machine last answered: UNIX seconds, by the ledger's clock."""
    age: float | None
    """Seconds since then."""
    error: str | None
    errors: int
    """How often the link failed since the edge was started."""
    backlog: int
    """Facts that wait at the edge."""
    clock_difference: float | None
    """Seconds by which the edge's clock is ahead of the ledger's."""
    hold_output: bool | None
    """As it was last read. Null: nobody knows, or the machine has none."""
    reported: float | None
    """When its edge last said so. UNIX seconds."""


class AdapterController(Controller):
    path = "/api/adapters"
    tags = ("Edge",)

    @get("/", operation_id="list_adapters", summary="List the links to machines")
    async def list_adapters(self, backend: NamedDependency[Backend]) -> dict[str, AdapterStatus]:
        """Every machine that an edge reads, by its source name, also one that has never answered."""
        return adapters(backend)


def adapters(backend: Backend) -> dict[str, AdapterStatus]:
    """By source name."""
    shop, now = backend.writer.shop, backend.clock()
    named = {machine.source_name: machine for machine in shop.machines.values() if machine.reported_by_edge}
    heard = {name: each for name, each in backend.live.machines.items() if each.live.adapter is not None}
    known = {name: shop.machines[shop.machine_ids[name]] for name in heard if name in shop.machine_ids}
    return {name: _status(name, (named | known).get(name), heard.get(name), now) for name in sorted({*named, *heard})}


def _status(name: str, machine: Machine | None, heard: Heard | None, now: float) -> AdapterStatus:
    last = (heard.last_contact if heard else None) or (machine.last_fact_at if machine else None)
    live = heard.live if heard else None
    difference = heard.clock_difference if heard else None
    is_heard = heard is not None and heard.is_heard(now)
    return AdapterStatus(
        source_name=name,
        machine_id=machine.id if machine else None,
        adapter=live.adapter if live else None,
        connected=is_heard and heard is not None and heard.live.connected,
        last_update=last,
        age=None if last is None else round(max(0.0, now - last), 3),
        error=live.error if live and is_heard else "its edge is not heard",
        errors=live.errors if live else 0,
        backlog=live.backlog if live else 0,
        clock_difference=None if difference is None else round(difference, 3),
        hold_output=live.hold_output if live and is_heard else None,
        reported=heard.at if heard else None,
    )
