"""What a subscription said and nobody has looked at yet: bounded, in order, and honest about what is missing."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from asyncua import ua

LIMIT = 1_000
"""Changes that wait for the next poll."""
SEQUENCES = 2**32 - 1
"""Sequence numbers go from 1 to this one, and start again at 1."""
OVERFLOW = 0x480
"""Of a status code: it is that of a value, and values before this one were dropped from a queue of the server."""
EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
"""Of OPC UA. It stands for "unknown" as well."""


class Moment(NamedTuple):
    """What changed at one moment."""

    said_at: float | None
    """By the server's clock, in seconds. None: it doesn't say."""
    heard_at: float
    """By our clock."""
    changes: dict[int, ua.DataValue]
    """By the handle of the monitored item."""


class Inbox:
    def __init__(self, latest: Collection[int] = ()) -> None:
        """Of the handles in `latest` only the last value matters."""
        self.latest = frozenset(latest)
        self.heard_at = 0.0
        """When the last message came, even an empty one."""
        self.published_at: float | None = None
        """When the server sent it, by its own clock."""
        self.overrun = False
        """Something is missing."""
        self.doubtful = False
        """Something may have come after what was said later."""
        self.ended: str | None = None
        """Why nothing more will come."""
        self._publishes: list[tuple[float, list[ua.MonitoredItemNotification]]] = []
        self._waiting = 0
        self._sequence = 0
        self._newest: dict[int, float] = {}

    def take(self, result: ua.PublishResult, now: float) -> None:
        """Called for each message of the subscription, so it only keeps what came."""
        message = result.NotificationMessage
        self.heard_at, self.published_at = now, seconds(message.PublishTime)
        is_next = message.SequenceNumber == self._sequence % SEQUENCES + 1
        if not message.NotificationData:  # a sign of life, with the number of the message to come
            self.doubtful = self.doubtful or not is_next
            self._sequence = (message.SequenceNumber or 1) - 1
            return
        if not is_next:
            self.overrun = self.overrun or self._sequence != 0
            self.doubtful = True
        self._sequence = message.SequenceNumber
        changes: list[ua.MonitoredItemNotification] = []
        for each in message.NotificationData:
            if isinstance(each, ua.DataChangeNotification):
                changes += each.MonitoredItems or ()
            elif isinstance(each, ua.StatusChangeNotification):
                self.ended = each.Status.name
        for each in changes:
            self._note(each.ClientHandle, each.Value)
        self._publishes.append((now, changes))
        self._waiting += len(changes)
        if self._waiting > LIMIT:
            self._forget_outdated()
        if self._waiting > LIMIT:
            self.overrun, self._publishes, self._waiting = True, [], 0

    def _forget_outdated(self) -> None:
        """Of values of which only the last one matters."""
        seen: set[int] = set()
        for _, changes in reversed(self._publishes):
            kept = []
            for each in reversed(changes):
                if each.ClientHandle not in seen:
                    kept.append(each)
                if each.ClientHandle in self.latest:
                    seen.add(each.ClientHandle)
            changes[:] = reversed(kept)
        self._waiting = sum(len(changes) for _, changes in self._publishes)

    def _note(self, handle: int, value: ua.DataValue) -> None:
        at = seconds(value.SourceTimestamp)
        self.overrun = self.overrun or (handle not in self.latest and is_overflown(value))
        if at is not None:
            self.doubtful = self.doubtful or at < self._newest.get(handle, at)
            self._newest[handle] = at

    def forget(self) -> None:
        """Everything is about to be read anew."""
        self.overrun = self.doubtful = False
        self._publishes, self._waiting, self._newest = [], 0, {}

    def settle(self, values: Mapping[int, ua.DataValue]) -> None:
        """This was read. What came meanwhile may be older, or newer."""
        for handle, value in values.items():
            if (at := seconds(value.SourceTimestamp)) is not None:
                newest = self._newest.get(handle, at)
                self.doubtful = self.doubtful or newest < at
                self._newest[handle] = max(newest, at)

    def empty(self) -> list[Moment]:
        """Everything that waited, the oldest first."""
        publishes, self._publishes, self._waiting = self._publishes, [], 0
        moments: list[Moment] = []
        for heard_at, changes in publishes:
            moments += _moments(heard_at, changes)
        return moments


def _moments(heard_at: float, changes: Sequence[ua.MonitoredItemNotification]) -> list[Moment]:
    """Servers send what changed item by item; we want it moment by moment, which needs their times."""
    said: list[tuple[float | None, ua.MonitoredItemNotification]] = []
    at = next(filter(None, (seconds(each.Value.SourceTimestamp) for each in changes)), None)
    for each in changes:
        at = seconds(each.Value.SourceTimestamp) or at  # one without a time came with the one before it
        said.append((at, each))
    said.sort(key=lambda each: each[0] or 0.0)
    moments: list[Moment] = []
    for at, each in said:
        last = moments[-1] if moments else None
        if last is None or last.said_at != at or each.ClientHandle in last.changes:
            moments.append(last := Moment(at, heard_at, {}))
        last.changes[each.ClientHandle] = each.Value
    return moments


def seconds(time: datetime | None) -> float | None:
    """Since 1601. None: the server doesn't know."""
    if time is None:
        return None
    return (time.replace(tzinfo=time.tzinfo or UTC) - EPOCH).total_seconds() or None


def is_overflown(value: ua.DataValue) -> bool:
    return value.StatusCode is not None and value.StatusCode.value & OVERFLOW == OVERFLOW
