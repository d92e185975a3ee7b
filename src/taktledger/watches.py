"""What the server does by itself, beside answering: it looks at the clock, at its edges, at a finished rebuild.

Whatever it finds goes to the writer like everybody's commands.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from taktledger.api.backend import Backend
from taktledger.domain.controls import note_clock, note_contact
from taktledger.domain.event import SYSTEM
from taktledger.domain.holds.clock import LookAtHolds, look_at_holds, next_turn
from taktledger.domain.holds.edge import note_edge
from taktledger.domain.tools.watch import LookAtTools
from taktledger.ledger.writer import Decide, OutcomeUnknown, Request, Step

log = structlog.get_logger()

HOLDS_SECONDS = 0.25
REBUILD_SECONDS = 0.5
EDGES_SECONDS = 1.0
CALENDAR_SECONDS = 1.0


async def watch_for_rebuild(backend: Backend) -> None:
    """Changes over to a file that `taktledger rebuild` has finished: in one step, so between two groups."""
    while True:
        await asyncio.sleep(REBUILD_SECONDS)
        if backend.rows.newer() and (shop := backend.rows.change_over()) is not None:
            backend.writer.shop = shop
            backend.documents.clear()
            log.info("changed over to a rebuilt read model", position=shop.position)


async def watch_edges(backend: Backend) -> None:
    """Writes down which machines their edge has not heard of for too long, whose edge is lost while it should tell them
    something, and whose edge has another time."""
    since = backend.clock()
    while True:
        await asyncio.sleep(EDGES_SECONDS)
        for command in list(backend.live.silences(backend.writer.shop, backend.clock(), since)):
            if not await _write(backend, note_contact, command):
                break
        for edge in list(backend.live.lost_edges(backend.writer.shop, backend.clock(), since)):
            if not await _write(backend, note_edge, edge):
                break
        for clock in list(backend.live.clocks(backend.writer.shop, backend.clock())):
            if not await _write(backend, note_clock, clock):
                break


async def watch_holds(backend: Backend) -> None:
    """Writes down when holds begin and end, and makes those that schedules are due to make."""
    while True:
        due = next_turn(backend.writer.shop)
        if due is not None and due <= backend.clock():
            await _write(backend, look_at_holds, LookAtHolds())
        await asyncio.sleep(HOLDS_SECONDS)


async def watch_calendar(backend: Backend) -> None:
    """Looks at all tools when a day begins, and when notices were snoozed until now."""
    looked_at, day = 0.0, None
    while True:
        shop, now = backend.writer.shop, backend.clock()
        today = datetime.fromtimestamp(now, ZoneInfo(shop.options.timezone)).date()
        snoozes = [tool.replacement_rules_snoozed_until or 0.0 for tool in shop.tools.values()]
        if (today != day or any(looked_at <= each < now for each in snoozes)) and await _write(
            backend, backend.tools.look_at_tools, LookAtTools()
        ):
            looked_at, day = now, today
        await asyncio.sleep(CALENDAR_SECONDS)


WATCHES: tuple[Callable[[Backend], Any], ...] = (watch_for_rebuild, watch_edges, watch_holds, watch_calendar)


async def _write(backend: Backend, decide: Decide, command: Any) -> bool:
    """False: the disk is full, and the next look finds it out."""
    try:
        await backend.writer.execute(Request(steps=[Step(decide=decide, command=command)], actor=SYSTEM))
    except OutcomeUnknown:
        return False
    except Exception:
        log.exception("what the server noticed could not be written", decision=decide.__name__)
    return True
