"""The writer: the one consumer of one queue. Whatever changes the shop goes through here, one command after the other.

It takes all that waits (a group). Each command is decided on the shop as it stands after the one before, and its events
are folded into the shop and the open read-model transaction. Then one durable append of all events, the read models'
commit, and the answers: a client reads its own write, and 32 clients cost one fsync.
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, Protocol

import msgspec
import structlog

from taktledger.domain.errors import DomainError
from taktledger.domain.event import SYSTEM, Event, Receipt
from taktledger.domain.fold import CODEC, fold
from taktledger.domain.reactions import react
from taktledger.domain.receipts import answer_to, is_received
from taktledger.domain.shop import Shop, Touched
from taktledger.ledger.store import Ledger, Recorded

log = structlog.get_logger()

GROUP = 500
"""Requests that are taken into one group at most, so that the first of them doesn't wait for ever."""

RELOAD_SECONDS = 1.0
"""Between two tries to load the shop anew, while nobody writes."""

Decide = Callable[[Shop, Any, float], Iterable[Event]]
"""`decide(shop, command, now)`: what follows, or a DomainError. Each event is folded before the next is asked for."""

Follow = Callable[[Shop, Sequence[Event], float], Iterable[Event]]
"""`follow(shop, events, now)`: what else is to be noticed once, after all events of a request."""


def nothing_follows(shop: Shop, events: Sequence[Event], now: float) -> Iterable[Event]:
    return ()


class Rows(Protocol):
    """The read models, as the writer sees them."""

    def load(self) -> Shop:
        """Drops what is not committed, and catches up with the ledger. The shop is that of the ledger's head."""

    def apply(self, event: Event, shop: Shop, position: int) -> None:
        """Takes one event, which `shop` has folded already, into the open transaction."""

    def write(self, shop: Shop) -> None:
        """Writes the rows of what was touched, and the shop's position, into the open transaction."""

    def commit(self) -> None:
        """Makes them durable."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One decision. With a source and a sequence it is taken once, however often it comes."""

    decide: Decide
    command: Any
    source: str | None = None
    sequence: int = 0


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What a client wants written: all of its steps, or none."""

    steps: Sequence[Step]
    actor: str
    status: int = 200
    """What the client is answered if it succeeds; kept with the key."""
    key: str | None = None
    """`Idempotency-Key`."""
    body_sha256: str = ""
    images: dict[str, bytes] = {}
    """SHA-256 -> what the commands name by it."""


class Answer(msgspec.Struct, kw_only=True):
    status: int
    stream: str | None = None
    """Of the first event: the object that the command made or changed."""
    events: list[Recorded] = msgspec.field(default_factory=list)
    """What it wrote; of a repeated request, what it wrote when it came first."""
    repeated: int = 0
    """Steps that the ledger held already."""
    replayed: bool = False
    """The whole request had been answered before, under the same key."""
    receipt_at: int | None = None
    """Which of its events carries the receipt of its key."""


class KeyReused(DomainError):
    """An `Idempotency-Key` came again with another body (422)."""


class OutcomeUnknown(Exception):
    """The disk failed while it was written: it may be there or not. Repeat with the same key (503)."""


class _RunAgain(Exception):
    """A request failed when parts of it were folded already: the group must run again without it."""

    def __init__(self, index: int, error: Exception) -> None:
        self.index = index
        self.error = error


class Writer:
    """Decides, folds and appends. Everything happens on the event loop, so nobody ever sees half a group."""

    def __init__(
        self, ledger: Ledger, rows: Rows, clock: Callable[[], float], follow: Follow = nothing_follows
    ) -> None:
        self._ledger = ledger
        self._rows = rows
        self.clock = clock
        self._follow = follow
        self._queue: deque[tuple[Request, asyncio.Future[Answer]]] = deque()
        self._waiting = asyncio.Event()
        self.on_commit: list[Callable[[Touched], None]] = []
        """Called after each group with what it changed."""
        self.on_load: list[Callable[[], None]] = []
        """Called when the shop was loaded anew: whatever was remembered beside it may be ahead of it."""
        self.shop = rows.load()
        self.stale = False
        self.groups = 0

    @property
    def backlog(self) -> int:
        return len(self._queue)

    async def execute(self, request: Request) -> Answer:
        """Waits until it is written. Raises DomainError, OutcomeUnknown, or what went wrong."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._queue.append((request, future))
        self._waiting.set()
        return await future

    async def run(self) -> None:
        """Serves the queue until it is cancelled."""
        while True:
            try:
                await asyncio.wait_for(self._waiting.wait(), RELOAD_SECONDS if self.stale else None)
            except TimeoutError:
                with suppress(Exception):  # still no room on the disk
                    self.reload()
            self._waiting.clear()
            while self._queue:
                group = [self._queue.popleft() for _ in range(min(GROUP, len(self._queue)))]
                outcomes = self.write([request for request, _ in group])
                for (_, future), outcome in zip(group, outcomes, strict=True):
                    if future.done():
                        continue  # the client has gone; what it wanted is written all the same
                    if isinstance(outcome, Answer):
                        future.set_result(outcome)
                    else:
                        future.set_exception(outcome)
                await asyncio.sleep(0)

    def reload(self) -> None:
        """Loads the shop anew from what is durable."""
        self.stale = True  # until it is done: this may fail too, on a disk that is full
        self._ledger.forget()
        self.shop = self._rows.load()
        self.stale = False
        for listener in self.on_load:
            listener()

    def write(self, group: Sequence[Request]) -> list[Answer | Exception]:
        """Writes a group. One outcome for each request, in order."""
        try:
            if self.stale:
                self.reload()
            outcomes = self._decide_all(group)
            answers = [outcome for outcome in outcomes if isinstance(outcome, Answer) and not outcome.replayed]
            events = [recorded.event for answer in answers for recorded in answer.events]
            if not events:
                self._rows.commit()  # nothing, but a decision may have looked at the open rows
                self._recall(group, outcomes)
                return outcomes
            try:
                self._prove(events)
            except (sqlite3.OperationalError, OSError):
                raise  # the disk, and no event's fault
            except Exception as error:
                self.reload()
                return self._one_by_one(group, error)
            written = [request for request, outcome in zip(group, outcomes, strict=True) if isinstance(outcome, Answer)]
            self._ledger.append(events, {name: each for request in written for name, each in request.images.items()})
            self._rows.commit()
        except Exception:
            log.exception("a group could not be written", requests=len(group))
            with suppress(Exception):
                self.reload()
            return [OutcomeUnknown() for _ in group]
        self.groups += 1
        self._tell()
        self._recall(group, outcomes)
        return outcomes

    def _recall(self, group: Sequence[Request], outcomes: Sequence[Answer | Exception]) -> None:
        """What repeated requests wrote when they came first: perhaps in this very group."""
        for request, outcome in zip(group, outcomes, strict=True):
            if isinstance(outcome, Answer) and outcome.replayed:
                outcome.events = self._ledger.written_by(outcome.stream or "", request.actor, request.key or "")

    def _prove(self, events: Sequence[Event]) -> None:
        """Before anything is durable: what can't be read again, or has no place in a row, would stop every start."""
        for event in events:
            CODEC.decode(CODEC.encode(event))
        self._rows.write(self.shop)

    def _one_by_one(self, group: Sequence[Request], error: Exception) -> list[Answer | Exception]:
        """One request of the group makes what can't be written: the others go on without it."""
        if len(group) > 1:
            return [self.write([request])[0] for request in group]
        log.error("a command made what can't be written", actor=group[0].actor, exc_info=error)
        return [error]

    def _tell(self) -> None:
        for listener in self.on_commit:
            try:
                listener(self.shop.touched)
            except Exception:
                log.exception("a listener failed; what it was told of is written")
        self.shop.touched.clear()

    def _decide_all(self, group: Sequence[Request]) -> list[Answer | Exception]:
        failed: dict[int, Exception] = {}
        while True:
            try:
                return self._decide(group, failed)
            except _RunAgain as again:
                failed[again.index] = again.error
                if not isinstance(again.error, DomainError):
                    log.error("a command failed", actor=group[again.index].actor, exc_info=again.error)
                self.reload()

    def _decide(self, group: Sequence[Request], failed: dict[int, Exception]) -> list[Answer | Exception]:
        """Decides each request that hasn't failed yet. A domain error fails only its own request."""
        outcomes: list[Answer | Exception] = []
        for index, request in enumerate(group):
            if index in failed:
                outcomes.append(failed[index])
                continue
            answer = Answer(status=request.status)
            try:
                self._take(request, answer)
                outcomes.append(answer)
            except DomainError as error:
                if answer.events:  # they are folded already
                    raise _RunAgain(index, error) from error
                outcomes.append(error)
            except Exception as error:
                raise _RunAgain(index, error) from error
        return outcomes

    def _take(self, request: Request, answer: Answer) -> None:
        if request.key is not None:
            before = answer_to(self.shop, request.actor, request.key, self.clock())
            if before is not None:
                if before.body_sha256 != request.body_sha256:
                    raise KeyReused("this Idempotency-Key was used for another request", "Idempotency-Key")
                answer.status, answer.stream, answer.replayed = before.status, before.stream, True
                return
        now = max(self.clock(), self.shop.recorded_at)
        for step in request.steps:
            if step.source is not None and is_received(self.shop, step.source, step.sequence):
                answer.repeated += 1
                continue
            for event in step.decide(self.shop, step.command, now):
                self._fold(event, request, step, answer, now)
        happened = [recorded.event for recorded in answer.events]
        for event in self._follow(self.shop, happened, now) if happened else ():
            self._record(msgspec.structs.replace(event, recorded_at=now, actor=SYSTEM), answer)

    def _fold(self, event: Event, request: Request, step: Step, answer: Answer, now: float) -> None:
        # A decision may write what was due before it: that is the ledger's own doing, and not what was asked for.
        is_asked_for = event.actor != SYSTEM
        receipt = None
        if request.key is not None and is_asked_for and answer.receipt_at is None:
            answer.receipt_at = len(answer.events)
            receipt = Receipt(key=request.key, body_sha256=request.body_sha256, status=request.status)
        stamped = msgspec.structs.replace(
            event,
            recorded_at=now,
            actor=request.actor if is_asked_for else SYSTEM,
            source=step.source,
            source_sequence=step.sequence if step.source is not None else None,
            receipt=receipt,
        )
        self._record(stamped, answer)
        if answer.stream is None and is_asked_for:
            answer.stream = stamped.stream

    def _record(self, event: Event, answer: Answer) -> None:
        if answer.receipt_at is not None and answer.receipt_at < len(answer.events):
            event = msgspec.structs.replace(event, follows=len(answer.events) - answer.receipt_at)
        position = self.shop.position + 1
        answer.events.append(Recorded(position, event))
        fold(self.shop, event)
        self.shop.position = position
        self._rows.apply(event, self.shop, position)
        for reaction in react(self.shop, event):
            self._record(msgspec.structs.replace(reaction, recorded_at=event.recorded_at, actor=SYSTEM), answer)
