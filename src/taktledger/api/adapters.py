"""`/api/adapters/`: how the edges' links to their machines are just now."""

from litestar import Controller, get
from litestar.di import NamedDependency

from taktledger.api.backend import Backend
from taktledger.api.live import Heard
from taktledger.domain.shop import Machine
from taktledger.shopfloor.wire import AdapterStatus


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
    known = {machine.source_name: machine for machine in shop.machines.values()}
    read = {
        name
        for name, machine in known.items()
        if machine.reported_by_edge and not machine.archived and not machine.disabled
    }
    heard = {name: each for name, each in backend.live.machines.items() if each.live.adapter is not None}
    # Of a machine that isn't used any more, or was deleted, nobody waits to hear.
    told = {name for name, each in heard.items() if each.is_heard(now)}
    return {name: _status(name, known.get(name), heard.get(name), now) for name in sorted(read | told)}


def _status(name: str, machine: Machine | None, heard: Heard | None, now: float) -> AdapterStatus:
    last = (heard.last_contact if heard else None) or (machine.last_fact_at if machine else None)
    live = heard.live if heard else None
    current = live if heard and heard.is_heard(now) else None
    difference = heard.clock_difference if heard else None
    return AdapterStatus(
        source_name=name,
        machine_id=machine.id if machine else None,
        adapter=live.adapter if live else None,
        connected=current is not None and current.connected,
        last_update=last,
        age=None if last is None else round(max(0.0, now - last), 3),
        error=current.error if current else "its edge is not heard",
        errors=live.errors if live else 0,
        backlog=live.backlog if live else 0,
        clock_difference=None if difference is None else round(difference, 3),
        hold_output=current.hold_output if current else None,
        reported=heard.at if heard else None,
    )
