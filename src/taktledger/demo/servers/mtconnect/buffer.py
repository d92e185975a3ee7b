"""What an agent remembers: the last observations of its device, numbered one after the other."""

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import NamedTuple

from taktledger.demo.servers.mtconnect.items import UNAVAILABLE, ItemSpec, Value

BUFFER_SIZE = 4096


class Observation(NamedTuple):
    sequence: int
    item: ItemSpec
    value: Value
    timestamp: str
    """As in the documents."""


class Buffer:
    """Starts with nothing known."""

    def __init__(self, items: Iterable[ItemSpec], timestamp: str, size: int = BUFFER_SIZE) -> None:
        self.size = size
        self.next = 1
        """Sequence of the next observation."""
        self._kept: deque[Observation] = deque()
        self._before: dict[str, Observation] = {}
        """Item ID -> its last observation before the kept ones."""
        self._now: dict[str, Observation] = {}
        for item in items:
            self.add(item, UNAVAILABLE, timestamp)

    @property
    def first(self) -> int:
        """Sequence of the oldest observation there is."""
        return self.next - len(self._kept)

    @property
    def last(self) -> int:
        return self.next - 1

    def value(self, item: ItemSpec) -> Value:
        return self._now[item.id].value

    def add(self, item: ItemSpec, value: Value, timestamp: str) -> None:
        if len(self._kept) == self.size:
            oldest = self._kept.popleft()
            self._before[oldest.item.id] = oldest
        observation = Observation(self.next, item, value, timestamp)
        self.next += 1
        self._kept.append(observation)
        self._now[item.id] = observation

    def current(self, at: int | None = None) -> Sequence[Observation]:
        """The last observation of each item; with `at` as it was after that sequence, which has to be a kept one."""
        if at is None:
            return list(self._now.values())
        found = dict(self._before)
        found.update((each.item.id, each) for each in self.since(self.first, at - self.first + 1))
        return list(found.values())

    def since(self, sequence: int, count: int) -> Sequence[Observation]:
        """At most so many observations, from the one with this sequence on, which is a kept one or the next."""
        begin = sequence - self.first
        return list(islice(self._kept, begin, begin + count))
