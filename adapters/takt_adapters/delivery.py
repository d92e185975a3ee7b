"""What goes between the edge and the ledger: facts up, profiles down, live state up.

Facts go in batches, in order per machine, until the ledger has acknowledged them. Whatever it answers that isn't a
clear yes or a clear no leaves them where they are. A batch that was stored though its answer was lost is sent again,
and the ledger knows it by source and sequence.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, TypeVar

import httpx
import msgspec
import structlog
from msgspec import Struct, field

from takt_adapters.http import HTTP_ERRORS
from takt_adapters.retry import Retry
from takt_adapters.runner import Live
from takt_adapters.spool import Spool
from takt_adapters.spool_file import SpooledFact
from taktledger.shopfloor.profile import Profile
from taktledger.shopfloor.wire import Profiles, Stored

DecodedT = TypeVar("DecodedT")

BATCH_FACTS = 500
ANSWER_SECONDS = 10.0
PROFILE_WAIT_SECONDS = 10
"""How long the ledger may hold the request while the profiles stay as they are. A link that has died is noticed only
after it."""
PROFILE_ANSWER_SECONDS = 5.0
"""And so long it may take to answer then."""
PROFILE_PAUSE_SECONDS = 0.5
"""From one request to the next at least, for a ledger that answers at once."""
STATE_SECONDS = 2.0
STATE_PAUSE_SECONDS = 0.1
"""Changes that come together go together."""


class LedgerTrouble(Exception):
    """No answer, or none that means anything: try again."""


class CloudEvent(Struct, frozen=True, kw_only=True):
    """CloudEvents 1.0, JSON format, with the `sequence` extension."""

    specversion: str = "1.0"
    id: str
    source: str
    type: str
    subject: str
    time: str
    sequence: str
    datacontenttype: str = "application/json"
    data: msgspec.Raw


class RefusedFact(Struct):
    index: int = -1
    """Of the fact in the batch. The ledger lists other errors in the same way, without it."""
    error: str = ""


class Refused(Struct):
    """400: it stored nothing, and will never take these facts."""

    error: str
    errors: list[RefusedFact] = field(default_factory=list)


class Delivery:
    """Facts up."""

    def __init__(
        self,
        ledger: httpx.AsyncClient,
        spool: Spool,
        spooled: asyncio.Event,
        *,
        clock: Callable[[], float],
        random: Callable[[], float],
    ) -> None:
        self._ledger, self._spool, self._spooled, self._clock = ledger, spool, spooled, clock
        self._retry = Retry(structlog.get_logger(), "delivery", random)
        self._limit = BATCH_FACTS
        self._turn = 0

    async def run(self) -> None:
        while True:
            self._spooled.clear()
            batch = self._next_batch()
            if not batch:
                await self._spooled.wait()
                continue
            try:
                await self._deliver(batch)
                self._retry.worked()
            except LedgerTrouble as error:
                await asyncio.sleep(self._retry.failed(str(error)))

    def _next_batch(self) -> list[SpooledFact]:
        """The same share for each machine that waits, so that a long backlog of one doesn't hold up the others."""
        machines = self._spool.machines_waiting()
        if not machines:
            return []
        first = self._turn % len(machines)
        share = max(1, self._limit // len(machines))
        in_turn = [*machines[first:], *machines[:first]][: self._limit]
        return [fact for machine in in_turn for fact in self._spool.waiting(machine, share)]

    async def _deliver(self, batch: Sequence[SpooledFact]) -> None:
        response = await _send(
            self._ledger,
            "POST",
            "/api/events",
            content=msgspec.json.encode([self._event(fact) for fact in batch]),
            headers={"Content-Type": "application/cloudevents-batch+json"},
        )
        if response.status_code == 200:
            answer = _decoded(response, Stored)
            if answer.stored + answer.repeated != len(batch):
                raise LedgerTrouble(f"it took {answer.stored + answer.repeated} facts of {len(batch)}")
            self._spool.acknowledge(batch)
            self._limit = min(2 * self._limit, BATCH_FACTS)
            self._turn += 1
        elif response.status_code == 400:
            self._refused(batch, _decoded(response, Refused))
        elif response.status_code == 413:
            self._refused(batch, Refused("too large"))
        else:
            raise LedgerTrouble(_said(response))

    def _refused(self, batch: Sequence[SpooledFact], answer: Refused) -> None:
        """If it doesn't say which facts, smaller batches find out. The turn stays, so that it ends at the first one."""
        refused = {batch[each.index]: each.error for each in answer.errors if 0 <= each.index < len(batch)}
        if not refused and len(batch) == 1:
            refused = {batch[0]: answer.error}
        if refused:
            for fact, error in refused.items():
                structlog.get_logger().error("fact set aside", machine=fact.machine, fact=fact.type, error=error)
            self._spool.set_aside(refused, self._clock())
        else:
            self._limit = max(1, len(batch) // 2)

    def _event(self, fact: SpooledFact) -> CloudEvent:
        source = self._spool.source(fact.machine)
        time = datetime.fromtimestamp(fact.occurred_at, UTC).isoformat(timespec="microseconds")
        return CloudEvent(
            id=f"{source}/{fact.sequence}",
            source=source,
            type=fact.type,
            subject=fact.machine,
            time=time.replace("+00:00", "Z"),
            sequence=str(fact.sequence),
            data=msgspec.Raw(fact.data.encode()),
        )


async def follow_profiles(
    ledger: httpx.AsyncClient,
    spool: Spool,
    machines: Mapping[str, asyncio.Event],
    profiles: dict[str, Profile],
    random: Callable[[], float],
) -> None:
    """Profiles down, by long poll: into `profiles` and into the spool, for a start without the ledger.

    The event of a machine is set when its profile changes.
    """
    retry = Retry(structlog.get_logger(), "profiles", random)
    version, _ = spool.profiles()
    now = asyncio.get_running_loop().time
    while True:
        asked_at = now()
        query: list[tuple[str, str | int]] = [("machine", name) for name in machines]
        query += [("known", version)] if version is not None else []
        try:
            response = await _send(
                ledger,
                "GET",
                "/api/edge/profile",
                params=httpx.QueryParams([*query, ("wait", PROFILE_WAIT_SECONDS)]),
                timeout=PROFILE_WAIT_SECONDS + PROFILE_ANSWER_SECONDS,
            )
            if response.status_code == 200:
                answer = _decoded(response, Profiles)
                # One that it has named before and doesn't name now was deleted there: nothing holds it any more.
                said = {name: answer.machines.get(name) or Profile() for name in {*answer.machines, *profiles}}
                for name, profile in said.items():
                    if name in machines and profile != profiles.get(name):
                        profiles[name] = profile
                        machines[name].set()
                version = answer.version
                spool.keep_profiles(version, profiles)  # after the machines know: the disk may be full
            elif response.status_code != 304:
                raise LedgerTrouble(_said(response))
        except LedgerTrouble as error:
            await asyncio.sleep(retry.failed(str(error)))
        else:
            retry.worked()
            await asyncio.sleep(max(0.0, asked_at + PROFILE_PAUSE_SECONDS - now()))


async def tell_state(
    ledger: httpx.AsyncClient,
    spool: Spool,
    machines: Mapping[str, Live],
    live_changed: asyncio.Event,
    clock: Callable[[], float],
) -> None:
    """Live state up, on every change and every two seconds. One that is lost is followed by another."""
    retry = Retry(structlog.get_logger(), "live state", lambda: 0.0)
    while True:
        live_changed.clear()
        states = {
            name: {**msgspec.to_builtins(live), "backlog": spool.backlog(name)} for name, live in machines.items()
        }
        try:
            response = await _send(
                ledger,
                "POST",
                "/api/edge/state",
                content=msgspec.json.encode({"machines": states, "clock": clock()}),
                headers={"Content-Type": "application/json"},
            )
            if response.status_code != httpx.codes.NO_CONTENT:
                raise LedgerTrouble(_said(response))
            retry.worked()
        except LedgerTrouble as error:
            retry.failed(str(error))
        await asyncio.sleep(STATE_PAUSE_SECONDS)
        with suppress(TimeoutError):
            async with asyncio.timeout(STATE_SECONDS - STATE_PAUSE_SECONDS):
                await live_changed.wait()


async def _send(ledger: httpx.AsyncClient, method: str, path: str, **request: Any) -> httpx.Response:
    try:
        return await ledger.request(method, path, **request)
    except HTTP_ERRORS as error:
        raise LedgerTrouble(f"no answer from {ledger.base_url}: {error or type(error).__name__}") from error


def _decoded(response: httpx.Response, kind: type[DecodedT]) -> DecodedT:
    """Raises LedgerTrouble for what the ledger can't have said: then it was something between us and it."""
    try:
        return msgspec.json.decode(response.content, type=kind)
    except msgspec.DecodeError as error:
        raise LedgerTrouble(f"{_said(response)}, which is not an answer of the ledger") from error


def _said(response: httpx.Response) -> str:
    return f"the ledger answers {response.status_code} {response.reason_phrase}".rstrip()
