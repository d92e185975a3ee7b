"""One machine over OPC UA: its values come by a subscription, and what can't be trusted is read anew.

A subscription samples, so its notifications are never counted: what the counter reads is what counts.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from asyncua import ua
from asyncua.ua.status_codes import StatusCodes

from takt_adapters.adapter import AdapterError, BadAnswer, Reading, Report
from takt_adapters.heartbeat import Heartbeat
from takt_adapters.mapping import HEARTBEAT, HOLD_OUTPUT, named, update_of
from takt_adapters.opcua.inbox import Moment, seconds
from takt_adapters.opcua.session import CURRENT_TIME, START_TIME, Session
from takt_adapters.opcua.settings import OpcuaSettings, Place, shown
from taktledger.shopfloor.facts import RESTART
from taktledger.shopfloor.update import MachineUpdate

LATEST = (HEARTBEAT, HOLD_OUTPUT, "feed_rate_override")
"""Of these, and of variables, only the last value matters: what comes too fast for us is no loss."""
RECHECK_SECONDS = 10.0
"""Everything is read anew after so long: a server may forget a subscription, or a part of it, without a word."""
NO_VALUE = {
    StatusCodes.BadNodeIdUnknown: "there is no such node",
    StatusCodes.BadNodeIdInvalid: "there is no such node",
    StatusCodes.BadAttributeIdInvalid: "this node has no value",
    StatusCodes.BadNotReadable: "this node can't be read",
    StatusCodes.BadUserAccessDenied: "this user may not read it",
}
"""Not a bad moment of a value, but no value at all: something is wrong with the settings, or with the user's rights."""


class OpcuaAdapter:
    def __init__(self, settings: OpcuaSettings, clock: Callable[[], float]) -> None:
        """`clock` is monotonic, in seconds."""
        self.settings = settings
        self._clock = clock
        self._places: dict[str, Place] = dict(named(settings))
        self._names = list(self._places)
        """A name's place in it is the handle of its monitored item."""
        self._session: Session | None = None
        self._nodes: dict[str, ua.NodeId] = {}
        self._missing: list[str] = []
        """What the server has no node for."""
        self._read: dict[int, ua.DataValue] = {}
        """What was read at the start and not yet reported, by handle."""
        self._untold = False
        """It said what was never reported."""
        self._values: dict[str, Any] = {}
        """How everything is now. None: unknown."""
        self._kinds: dict[str, str] = {}
        """The type that each was last read as."""
        self._mark: str | None = None
        self._lost: str | None = None
        self._lag = 0.0
        """Our clock less the server's."""
        self._polled_at = self._read_at = 0.0
        self._beat: Heartbeat | None = None
        if settings.heartbeat is not None:
            self._beat = Heartbeat(settings.heartbeat.where, settings.heartbeat.max_age_seconds, clock)

    @property
    def counter_bits(self) -> int:
        return 16 if self._kinds.get("part_count") == "UInt16" else 32

    @property
    def has_hold_output(self) -> bool:
        return self.settings.hold_output is not None

    @property
    def held(self) -> bool | None:
        held: bool | None = self._values.get(HOLD_OUTPUT)
        return held

    async def connect(self, mark: str | None) -> None:
        await self.close()
        latest = [handle for handle, name in enumerate(self._names) if name in LATEST or name.startswith("variable ")]
        self._session = session = Session(self.settings, self._clock, latest)
        self._values, self._kinds, self._untold = {}, {}, False
        await session.open()
        found = await session.resolve(self._places)
        self._nodes = {name: node for name, node in found.items() if node is not None}
        self._missing = [self._called(name) for name, node in found.items() if node is None and name != HOLD_OUTPUT]
        started, current, *values = await session.read([START_TIME, CURRENT_TIME, *self._nodes.values()])
        self._polled_at = self._clock()
        self._lag = self._polled_at - (seconds(_time(current)) or 0.0)
        self._restarted(mark, _time(started))
        self._read, self._read_at = self._by_handle(values), self._polled_at
        session.inbox.settle(self._read)
        await session.watch(
            {
                handle: self._nodes[self._names[handle]]
                for handle, value in self._read.items()
                if value.StatusCode is None or value.StatusCode.value not in NO_VALUE
            }
        )

    def _restarted(self, mark: str | None, started_at: datetime | None) -> None:
        """The counters of a server that started anew may have passed their old values: then they hide what was made."""
        self._mark = None if started_at is None else started_at.isoformat()
        if self._mark is not None and mark not in (None, self._mark):
            self._lost = RESTART

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def poll(self) -> Sequence[Report]:
        session = self._opened()
        await session.check()
        reports = await self._listen(session)
        self._polled_at = self._clock()
        if self._beat is not None and not self._beat.is_alive(self._values.get(HEARTBEAT)):
            self._untold = True
            return [Report(None)]
        if self._untold:
            self._untold, reports = False, [Report(self._update())]
        if not reports:
            # As of when it last said anything: a server that has died since may hide what was made.
            return [Report(MachineUpdate(), max(self._polled_at - session.inbox.heard_at, 0.0))]
        first = reports[0]._replace(mark=self._mark, lost=self._lost)
        self._mark = self._lost = None
        return [first, *reports[1:]]

    async def _listen(self, session: Session) -> list[Report]:
        """What is new: what was read at the start, and what the subscription said since the poll before."""
        if self._missing:
            raise BadAnswer(f"{', '.join(self._missing)}: there is no such node")
        reports, inbox = [], session.inbox
        if inbox.published_at is not None:
            self._lag = min(self._lag, inbox.heard_at - inbox.published_at)  # the one with the least delay is the best
        if self._read:
            reports.append(self._report(self._read))
            self._read = {}
        if inbox.overrun or inbox.doubtful or self._clock() - self._read_at > RECHECK_SECONDS:
            self._lost = self._lost or ("overrun" if inbox.overrun else None)
            heard = self._said(inbox.empty()) if not inbox.overrun and not inbox.doubtful else []
            inbox.forget()
            read = self._by_handle(await session.read(list(self._nodes.values())))
            self._read_at = self._clock()
            inbox.settle(read)
            return [*reports, *heard, self._report(read)]
        return [*reports, *self._said(inbox.empty())]

    def _said(self, moments: Iterable[Moment]) -> list[Report]:
        return [Report(self._update(), self._age(moment)) for moment in moments if self._take(moment.changes)]

    def _report(self, values: Mapping[int, ua.DataValue]) -> Report:
        self._take(values)
        return Report(self._update())

    def _take(self, values: Mapping[int, ua.DataValue]) -> bool:
        """Whether there is something to report. Raises BadAnswer."""
        before = dict(self._values)
        for handle, value in values.items():
            if handle >= len(self._names):
                raise BadAnswer("a change of something that was never asked for")
            name = self._names[handle]
            try:
                self._values[name] = self._decode(name, value)
            except BadAnswer as error:
                if name != HOLD_OUTPUT:  # of which something may be wrong: that must not stop the counting
                    raise BadAnswer(f"{self._called(name)}: {error}") from error
                self._values[name] = None
        return any(
            self._values[name] != before.get(name)
            for name in map(self._names.__getitem__, values)
            if name not in (HEARTBEAT, HOLD_OUTPUT)
        )

    def _decode(self, name: str, value: ua.DataValue) -> object:
        """None: unknown. Raises BadAnswer."""
        status, variant = value.StatusCode or ua.StatusCode(), value.Value
        if status.value in NO_VALUE:
            raise BadAnswer(NO_VALUE[status.value])
        if not status.is_good() or variant is None or variant.VariantType == ua.VariantType.Null:
            return None
        self._kinds[name] = kind = variant.VariantType.name
        if variant.is_array:
            raise BadAnswer(f"expected one value, got an array of {len(variant.Value or ())}")
        return self._places[name].value(kind, variant.Value)

    def _update(self) -> MachineUpdate:
        """How it is now, as a whole."""
        return update_of(self.settings, self._values)

    def _age(self, moment: Moment) -> float:
        """Not before the poll before, whatever the server's clock says."""
        now = self._clock()
        at = moment.heard_at if moment.said_at is None else moment.said_at + self._lag
        return min(max(now - at, 0.0), max(now - self._polled_at, 0.0))

    async def hold(self, held: bool) -> None:
        output, session = self.settings.hold_output, self._opened()
        if output is None:
            raise AdapterError("it has no hold output")
        node = self._nodes.get(HOLD_OUTPUT)
        try:
            if node is None:
                raise BadAnswer("there is no such node")
            if HOLD_OUTPUT not in self._kinds:
                (value,) = await session.read([node])
                self._decode(HOLD_OUTPUT, value)  # it may say why it can't be read
            kind = self._kinds.get(HOLD_OUTPUT, "node that reads nothing")
            raw = output.raw(kind, held)
            await session.write(node, ua.Variant(raw, ua.VariantType[kind]))
            session.inbox.doubtful = True  # what comes next may have been said before it was written
            (value,) = await session.read([node])
            self._take({self._names.index(HOLD_OUTPUT): value})
            if self.held is not held:
                raise BadAnswer(f"{raw} was written, and it reads {_shown(value)}")
        except BadAnswer as error:
            raise BadAnswer(f"{self._called(HOLD_OUTPUT)}: {error}") from error

    async def describe(self) -> list[Reading]:
        values = self._by_handle(await self._opened().read(list(self._nodes.values())))
        readings = []
        for handle, (name, place) in enumerate(self._places.items()):
            raw, value, error = "", None, None
            if handle not in values:
                error = "there is no such node"
            else:
                raw, status = _shown(values[handle]), values[handle].StatusCode
                try:
                    value = self._decode(name, values[handle])
                    error = None if status is None or status.is_good() else status.name
                    if error is None and name == HOLD_OUTPUT and not await self._opened().may_write(self._nodes[name]):
                        error = "this user may not write it"
                except BadAnswer as failed:
                    error = str(failed)
            readings.append(Reading(name, place.where, raw, value, error))
        return readings

    def _called(self, name: str) -> str:
        return f"{name} ({self._places[name].where})"

    def _opened(self) -> Session:
        if self._session is None:
            raise AdapterError("not connected")
        return self._session

    def _by_handle(self, values: Sequence[ua.DataValue]) -> dict[int, ua.DataValue]:
        """The values of all nodes that there are."""
        return {self._names.index(name): value for name, value in zip(self._nodes, values, strict=True)}


def _time(value: ua.DataValue) -> datetime | None:
    time = value.Value.Value if value.Value is not None else None
    return time if isinstance(time, datetime) else None


def _shown(value: ua.DataValue) -> str:
    return "" if value.Value is None else shown(value.Value.VariantType.name, value.Value.Value)
