"""`/api/edge/`: what an edge and the ledger tell each other besides facts."""

import asyncio
import hashlib
from typing import Annotated

import msgspec
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery, JSONBody, Parameter
from msgspec import Struct

from taktledger.api.backend import Backend
from taktledger.api.live import MachineLive
from taktledger.domain.values import Seconds
from taktledger.shopfloor.profile import profile_for_edge
from taktledger.shopfloor.wire import Profiles

LONGEST_WAIT_SECONDS = 60.0
COALESCED_SECONDS = 0.2
"""Commits that come within this time make one look at the profiles."""


class LiveReport(Struct):
    machines: dict[str, MachineLive]
    clock: Seconds | None = None
    """What time it is at the edge. UNIX seconds."""


class EdgeController(Controller):
    path = "/api/edge"
    tags = ("Edge",)

    @get("/profile", operation_id="get_profile", summary="Get the profiles of machines")
    async def get_profile(
        self,
        backend: NamedDependency[Backend],
        machine: FromQuery[list[str] | None] = None,
        known: FromQuery[str | None] = None,
        wait: FromQuery[Annotated[float, Parameter(ge=0, le=LONGEST_WAIT_SECONDS, description="seconds")]] = 0,
    ) -> Response[Profiles | None]:
        """The profiles of these machines. With `known`, the version that the edge has: waits up to `wait` seconds for
        another one, then 304."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait
        while True:
            changed = backend.live.changed
            profiles = _profiles(backend, machine or [])
            left = deadline - loop.time()
            if profiles.version != known:
                return Response(profiles)
            if left <= 0 or backend.live.stopping:
                return Response(None, status_code=304)
            try:
                await asyncio.wait_for(changed.wait(), left)
                await asyncio.sleep(COALESCED_SECONDS)
            except TimeoutError:
                continue
            except asyncio.CancelledError:
                return Response(None, status_code=304)  # the edge has hung up; nobody reads this

    @post("/state", operation_id="report_live_state", summary="Report the live state of machines", status_code=204)
    async def report_live_state(self, backend: NamedDependency[Backend], data: JSONBody[LiveReport]) -> None:
        """The live state of the edge's machines: no events, kept in memory."""
        backend.live.hear(backend.writer.shop, data.machines, backend.clock(), data.clock)


def _profiles(backend: Backend, names: list[str]) -> Profiles:
    shop = backend.writer.shop
    found = {
        name: profile_for_edge(shop, shop.machines[shop.machine_ids[name]], backend.clock())
        for name in sorted(set(names))
        if name in shop.machine_ids
    }
    return Profiles(version=hashlib.sha256(msgspec.json.encode(found)).hexdigest()[:16], machines=found)
