"""Somebody who looks after the tools while the floor is live, so that it goes on for hours: nobody else may be there.

What is past its life he replaces some minutes later, unless a person does it first. A critical tool he replaces when it
has been warned of. Now and then he orders what is short, and fills the cabinets.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from random import Random
from typing import Any

from msgspec import Struct

from taktledger.api.backend import Backend
from taktledger.demo.people import MINUTE, PLANNER, on_shift
from taktledger.demo.stock import OrderItems, TakeDelivery, order_items, take_delivery
from taktledger.demo.tool_requests import how_to_replace
from taktledger.demo.wearing import NORMAL, PREVENTIVE, WORN
from taktledger.domain.errors import DomainError
from taktledger.domain.event import Event
from taktledger.domain.shop import Shop, Tool
from taktledger.domain.tools.fields import process_of
from taktledger.domain.tools.replacement import ReplacementHistory
from taktledger.domain.tools.replacing import ReplaceTool, Replacing, replace_tool
from taktledger.domain.users import user_named
from taktledger.ledger.writer import OutcomeUnknown, Request, Step

LOOK_SECONDS = 15.0
PATIENCE = (8 * MINUTE, 20 * MINUTE)
"""From when he sees an alert until he has replaced the tool."""
STOCK_SECONDS = 20 * MINUTE
"""Between two looks into the crib."""


class ReplaceKnown(Struct, frozen=True, kw_only=True):
    tool_id: int
    user_id: int | None


class Keeper:
    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._due: dict[int, float] = {}
        """Alert ID -> when he gets to it."""
        self._stock_due: float | None = None

    async def run(self) -> None:
        while True:
            await self.look(time.monotonic())
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self, now: float) -> None:
        """Does what is due. `now`: seconds on any clock."""
        shop = self._backend.writer.shop
        seen = {alert_id: self._due.get(alert_id) or now + _patience(alert_id) for alert_id in _worn(shop)}
        self._due = seen
        for alert_id, due in seen.items():
            alert = shop.open_alerts.get(alert_id)
            if now >= due and alert is not None and alert.tool_id is not None:
                user = user_named(shop, on_shift(self._backend.clock()))
                command = ReplaceKnown(tool_id=alert.tool_id, user_id=user.id if user else None)
                await self._say(partial(_replace_known, history=self._backend.history), command, command.user_id)
        if self._stock_due is None or now >= self._stock_due:
            planner = user_named(shop, PLANNER)
            if self._stock_due is not None:
                planner_id = planner.id if planner else None
                await self._say(take_delivery, TakeDelivery(truck=None), planner_id)
                await self._say(order_items, OrderItems(), planner_id)
            self._stock_due = now + STOCK_SECONDS

    async def _say(self, decide: Callable[..., Iterable[Event]], command: Any, user_id: int | None) -> None:
        """A person may have been quicker, or the disk is full: the next look finds out."""
        actor = f"user-{user_id}" if user_id is not None else "demo"
        with suppress(DomainError, OutcomeUnknown):
            await self._backend.writer.execute(Request(steps=[Step(decide=decide, command=command)], actor=actor))


def _worn(shop: Shop) -> Iterator[int]:
    for alert_id, alert in shop.open_alerts.items():
        tool = shop.tools.get(alert.tool_id) if alert.tool_id else None
        if tool is not None and (alert.kind == "tool_life" or (alert.kind == "tool_warning" and tool.is_critical)):
            yield alert_id


def _patience(alert_id: int) -> float:
    return Random(alert_id).uniform(*PATIENCE)


def _replace_known(shop: Shop, command: ReplaceKnown, now: float, *, history: ReplacementHistory) -> Iterable[Event]:
    tool = shop.tools.get(command.tool_id)
    if tool is None:
        return []
    reason = PREVENTIVE if tool.is_critical else WORN
    said = how_to_replace(shop, tool, _machine_of(shop, tool), Replacing(reason=reason, condition=NORMAL))
    if said is None:  # there are no new ones
        return []
    return replace_tool(shop, ReplaceTool(tool_id=tool.id, said=said, user_id=command.user_id), now, history=history)


def _machine_of(shop: Shop, tool: Tool) -> str:
    """Source name."""
    process = process_of(shop, tool)
    return shop.machines[process.machine_id].source_name if process is not None else ""
