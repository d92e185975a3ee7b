"""One machine, for ever: connect, poll, detect, spool, hold or let run; and once more when it fails.

Nothing that a machine, its adapter or the disk does leaves this module: one that fails, hangs or lies never disturbs
another. The state goes on only with what is in the spool, so a write that failed is detected again at the next poll.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

import structlog
from msgspec import Struct
from msgspec.structs import replace

from takt_adapters.adapter import Adapter, AdapterError, BadAnswer, Report, believed
from takt_adapters.retry import Retry
from takt_adapters.spool import Dated, Spool
from taktledger.shopfloor import enforcement
from taktledger.shopfloor.detector import DetectorState, detect
from taktledger.shopfloor.facts import DISK, Fact
from taktledger.shopfloor.profile import Profile

STUCK_SECONDS = 30.0
"""Adapters have their own, shorter timeouts. This one is for an adapter that forgot."""
CLOSE_SECONDS = 0.5
SAVE_SECONDS = 10.0
"""Run time is saved this often while a machine runs, besides with each fact. Every write is one sync of the disk, and
what a crash can lose of it is so many seconds of a tool's run time, never a count."""

MARK_SECONDS = 60.0
"""Where an adapter stands is saved this often while a machine has nothing to tell: it may not be able to go on from
where it stood days ago."""
RIGHTED_SECONDS = 3600.0
"""A clock that was ahead by more than this was wrong, and is right now: waiting for it could take years."""
LONGEST_ERROR = 500
"""Characters, as the ledger takes them."""


class Live(Struct):
    """What a machine is doing right now. Kept in memory only, and told to the ledger outside the spool."""

    adapter: str = ""
    """Which one reads it."""
    connected: bool = False
    last_contact: float | None = None
    """UNIX seconds of the last good poll."""
    error: str | None = None
    errors: int = 0
    """How often it failed since the edge was started."""
    hold_output: bool | None = None
    """As it was last read. None: nobody knows, or it has none."""


class Runner:
    def __init__(
        self,
        name: str,
        adapter: Adapter,
        poll_seconds: float,
        *,
        spool: Spool,
        profiles: Mapping[str, Profile],
        profile_changed: asyncio.Event,
        live: Live,
        spooled: asyncio.Event,
        live_changed: asyncio.Event,
        clock: Callable[[], float],
        random: Callable[[], float],
    ) -> None:
        """`profiles` may change at any time; `profile_changed` is set then. `spooled` and `live_changed` are set here
        when there is something new."""
        self.name, self._adapter, self._poll_seconds = name, adapter, poll_seconds
        self._spool, self._live = spool, live
        self._profiles, self._profile_changed = profiles, profile_changed
        self._spooled, self._live_changed = spooled, live_changed
        self._clock = clock
        log = structlog.get_logger().bind(machine=name)
        self._retry, self._hold_retry = Retry(log, "machine", random), Retry(log, "hold output", random)
        self._state = spool.state(name)
        self._saved = self._state
        self._saved_at = 0.0
        self._lost = spool.lost(name)
        """Why what was said is known only by what it led to. To be told with what is said next."""

    async def run(self) -> None:
        """Ends only when it is cancelled; then the run time is saved."""
        try:
            while True:
                try:
                    await self._session()
                except sqlite3.Error as error:
                    wait_seconds = self._not_kept(error)
                except Exception as error:
                    wait_seconds = self._failed(error)
                self._profile_changed.clear()
                await self._close()
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait_seconds):  # a hold doesn't wait, be it that nobody answers
                        await self._profile_changed.wait()
        finally:
            with suppress(sqlite3.Error):
                self._save()
            await self._close()

    async def _session(self) -> None:
        """Polls at a fixed period, and at once when the profile changes, until something fails."""
        async with asyncio.timeout(STUCK_SECONDS):
            await self._adapter.connect(self._state.mark)
        now = asyncio.get_running_loop().time
        due = now()
        while True:
            self._profile_changed.clear()
            try:
                reports = await self._poll()
            except Exception as error:
                if isinstance(error, BadAnswer) or _unexpected(error):
                    # What it says can't be believed. It may hear all the same.
                    hold = await self._enforce(is_read=False)
                    with suppress(sqlite3.Error):
                        self._note(*hold)
                raise
            clock = self._clock()
            hold = await self._enforce(is_read=True)  # before anything that a full disk could stop
            self._live.hold_output = self._adapter.held
            last = reports[-1].update
            is_there = last is None or last.success
            if is_there:
                self._live.last_contact = clock
            self._take(reports, clock)
            self._note(*hold)
            if not is_there:
                raise AdapterError("the control does not answer")
            self._retry.worked()
            failed = self._hold_retry.error or (enforcement.RESET if self._state.hold.is_reset else None)
            self._tell(connected=True, error=None if failed is None else f"hold output: {failed}")
            if due <= now():  # else the profile came before its time
                due = max(due + self._poll_seconds, now())
            with suppress(TimeoutError):
                async with asyncio.timeout_at(due):
                    await self._profile_changed.wait()

    def _take(self, reports: Sequence[Report], clock: float) -> None:
        """Detects what they say, and keeps all of it or nothing. `clock`: when they were read. UNIX seconds."""
        profile = self._profiles.get(self.name) or Profile()
        state, facts, lost = self._state, [], self._lost
        now = in_order(state.run.seen_at or 0.0, clock)
        for report in reports:
            lost = report.lost or lost
            if report.update is not None and report.update.success:
                at = _moment(state.run.seen_at, now, report.age_seconds)
                state, found = detect(profile, state, report.update, at, self._adapter.counter_bits, lost)
                facts += [Dated(fact, at) for fact in found]
                lost = None
            if lost is None:  # else it is to be told again after a restart
                state = replace(state, mark=report.mark or state.mark)
        if facts:
            try:
                self._keep(state, facts, now)
            except sqlite3.Error:
                self._lost = self._lost or DISK
                with suppress(sqlite3.Error):
                    self._spool.note_lost(self.name, self._lost)
                raise
        self._state, self._lost = state, lost
        since = abs(now - self._saved_at)  # the clock may have been set back
        if (state.run.running and since >= SAVE_SECONDS) or (state.mark != self._saved.mark and since >= MARK_SECONDS):
            self._save()

    def _save(self) -> None:
        if self._state is not self._saved and self._state.run.seen_at is not None:
            self._keep(self._state, [], self._state.run.seen_at)

    def _keep(self, state: DetectorState, facts: Sequence[Dated], at: float) -> None:
        self._spool.write(self.name, state, facts)
        self._saved, self._saved_at = state, at
        if facts:
            self._spooled.set()

    async def _poll(self) -> Sequence[Report]:
        async with asyncio.timeout(STUCK_SECONDS):
            reports = [believed(report) for report in await self._adapter.poll()]
        if not reports:
            raise BadAnswer("a poll that says nothing")
        return reports

    async def _enforce(self, *, is_read: bool) -> enforcement.Told:
        """Makes the hold output what it should be, and says what there is to tell of it. Never raises.

        `is_read`: what the adapter says of it was read just now.
        """
        profile, adapter, hold = self._profiles.get(self.name), self._adapter, self._state.hold
        if profile is None:
            return hold, []  # the ledger has never said anything about this machine
        held = enforcement.is_held(profile, self._clock())
        if not adapter.has_hold_output:
            return enforcement.without_output(hold, held, self._clock())
        # What was not read may have been lost, and to be held is what matters.
        wrong = adapter.held is not held or (not is_read and (held or hold.held is True))
        try:
            if wrong:
                async with asyncio.timeout(STUCK_SECONDS):
                    await adapter.hold(held)
        except Exception as error:
            self._hold_retry.failed(said(error), _unexpected(error))
            return enforcement.failed(hold, held, said(error), self._clock())
        self._hold_retry.worked()
        if not (is_read or wrong):
            return hold, []
        return enforcement.confirmed(hold, held, self._clock(), written=wrong and is_read)

    def _out_of_reach(self, error: str) -> None:
        """Tells of a hold that began or ended without the machine."""
        profile, at = self._profiles.get(self.name), self._clock()
        if profile is not None:
            held, hold = enforcement.is_held(profile, at), self._state.hold
            if self._adapter.has_hold_output:
                self._note(*enforcement.out_of_reach(hold, held, error, at))
            else:
                self._note(*enforcement.without_output(hold, held, at))

    def _note(self, hold: enforcement.HoldState, facts: Sequence[Fact]) -> None:
        if hold != self._state.hold:
            state, at = replace(self._state, hold=hold), self._clock()
            self._keep(state, [Dated(fact, at) for fact in facts], at)
            self._state = state

    def _failed(self, error: Exception) -> float:
        self._live.errors += 1
        self._live.hold_output = None
        self._tell(connected=False, error=(text := said(error)))
        with suppress(Exception):  # the next failure tells of it
            self._out_of_reach(text)
        return self._retry.failed(text, _unexpected(error))

    def _not_kept(self, error: sqlite3.Error) -> float:
        """The machine is there, and what it said could not be kept. A new session says it again."""
        text = f"the spool can't be written: {error}"
        self._live.errors += 1
        self._tell(connected=True, error=text)
        return self._retry.failed(text)

    def _tell(self, connected: bool, error: str | None) -> None:
        error = error[:LONGEST_ERROR] if error is not None else None
        if (self._live.connected, self._live.error) != (connected, error):
            self._live.connected, self._live.error = connected, error
            self._live_changed.set()

    async def _close(self) -> None:
        with suppress(Exception):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._adapter.close()


def in_order(last_at: float, at: float) -> float:
    """Times never go back along what a machine says: a clock that was set back a little stands still meanwhile."""
    return at if last_at - at > RIGHTED_SECONDS else max(last_at, at)


def _moment(last: float | None, now: float, age_seconds: float) -> float:
    """When something was said that is so old now: after what was said before, and not in the future."""
    return now if last is None or last > now else min(max(now - age_seconds, last), now)


def _unexpected(error: Exception) -> Exception | None:
    """What the log shows with its traceback."""
    return None if isinstance(error, (AdapterError, TimeoutError)) else error


def said(error: Exception) -> str:
    """The error of a machine in words."""
    match error:
        case AdapterError():
            return str(error)
        case TimeoutError():
            return f"no answer for {STUCK_SECONDS:g} s"
    return f"{type(error).__name__}: {error}"
