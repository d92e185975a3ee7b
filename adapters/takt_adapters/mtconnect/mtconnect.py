"""One machine behind an MTConnect agent: from its sequence numbers to reports, without a hole that isn't told of."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple
from xml.etree.ElementTree import Element

from takt_adapters.adapter import AdapterError, BadAnswer, Reading, Report
from takt_adapters.mtconnect.agent import Agent
from takt_adapters.mtconnect.documents import Header, Kind, Refused, read_header, seconds
from takt_adapters.mtconnect.model import Model, choose_device, devices, read_model
from takt_adapters.mtconnect.readings import readings
from takt_adapters.mtconnect.settings import MtconnectSettings
from takt_adapters.mtconnect.state import BadValue, State
from takt_adapters.mtconnect.streams import Observation, is_there, moments, observations
from taktledger.shopfloor.facts import RESTART
from taktledger.shopfloor.update import MachineUpdate

COUNT = 1000
"""Observations asked for at once."""
REQUESTS = 10
"""At most so many per poll: the rest of a long absence comes with the next ones."""
ENOUGH = 2000
"""Reports after which a poll asks for no more, so that it has fewer than 3000: all of them are detected in one go, and
other machines wait meanwhile."""
RESTARTS = 3
"""So often an agent may start anew while it is asked."""
FROZEN_SECONDS = 10.0
"""Who answers with the same creation time for so long is no agent, but something that kept an agent's answer."""


class Mark(NamedTuple):
    """Up to where the device was heard."""

    instance: int
    next: int
    """The sequence number that comes next."""

    def __str__(self) -> str:
        return f"{self.instance}:{self.next}"

    @classmethod
    def parse(cls, text: str | None) -> "Mark | None":
        """None: there is none, or another adapter wrote it, which followed another's counters."""
        found = re.fullmatch(r"([0-9]{1,20}):([0-9]{1,20})", text or "")
        return cls(int(found[1]), int(found[2])) if found else None

    def lost(self, header: Header) -> str | None:
        """Why the agent can't say what comes next. None: it can."""
        # The instance is the second in which it started: two starts within one are told by the numbers going back.
        if header.instance != self.instance or header.next < self.next:
            return "agent restart"
        return "overrun" if header.first > self.next else None


class MtconnectAdapter:
    counter_bits = None  # the standard doesn't say where a part count wraps
    has_hold_output = False
    held = None

    def __init__(self, settings: MtconnectSettings, clock: Callable[[], float]) -> None:
        """`clock` is monotonic, in seconds."""
        self.settings = settings
        self._clock = clock
        self._agent: Agent | None = None
        self._state: State | None = None
        """Outlives connections, since it remembers alarms of which the device says nothing."""
        self._at = Mark(0, 0)
        self._told: Mark | None = None
        """The mark that the last report carried."""
        self._lost: str | None = None
        """To be told with the next report that says anything."""
        self._ready: list[Report] = []
        """What connecting has found out already."""
        self._forgiven = Mark(0, 0)
        """Wrong values before it were complained of. They must not keep out for ever what comes after them."""
        self._model_changed: str | None = None
        self._created: tuple[str | None, float] = (None, 0.0)
        """Creation time of the last sample, and since when it is that. A new connection proves nothing."""

    async def connect(self, mark: str | None) -> None:
        await self.close()
        self._agent = Agent(self.settings.url, self.settings.timeout_seconds)
        self._told, self._lost, self._ready = None, None, []
        since = Mark.parse(mark)
        await self._enter(since, RESTART if mark is not None and since is None else None)

    async def close(self) -> None:
        agent, self._agent = self._agent, None
        if agent is not None:
            await agent.close()

    async def poll(self) -> Sequence[Report]:
        if not self._ready:
            await self._sample()
        reports, self._ready = self._ready, []
        return reports

    async def hold(self, held: bool) -> None:
        raise AdapterError("MTConnect is read-only: the machine can't be told to hold")

    async def describe(self) -> list[Reading]:
        model = self._known().model
        found, _ = await self._current(model)
        return readings(model, found)

    async def _enter(self, since: Mark | None, why: str | None = None) -> None:
        """Reads the data items, and goes on after `since` or takes the device as it is now. `why` as for `_start`."""
        await self._probe()
        if since is None or since.instance != self._at.instance or not await self._resume(since):
            await self._start(since, why)

    async def _probe(self) -> Model:
        wanted = self.settings.device
        try:
            root = await self._ask("MTConnectDevices", *filter(None, [wanted]), "probe")
        except Refused:
            if wanted is None:
                raise
            root = await self._ask("MTConnectDevices", "probe")  # the device by its id, or which there are
        model = read_model(choose_device(devices(root), wanted), self.settings.path, self.settings.variables)
        self._state = State(model, self._state)
        self._at = Mark(read_header(root).instance, 0)
        return model

    async def _resume(self, since: Mark) -> bool:
        """Goes on after `since`, with what was known there. False: the agent can't or won't say that."""
        state = self._known()
        try:
            found, header = await self._current(state.model, at=since.next - 1)
        except BadAnswer:
            return False
        if since.lost(header) is not None:
            return False
        state.load_as_before(found, since.next)
        self._at = self._told = since
        self._model_changed = header.model_changed
        return True

    async def _start(self, since: Mark | None, why: str | None = None) -> None:
        """Takes the device as it is now. `why` what came before is lost, if the agent's numbers don't say it."""
        for _ in range(RESTARTS):
            state = self._known()
            found, header = await self._current(state.model)
            if header.instance == self._at.instance:
                break
            await self._probe()
        else:
            raise AdapterError(f"the agent started anew {RESTARTS} times while it was asked")
        self._model_changed = header.model_changed
        lost = (since.lost(header) if since is not None else None) or why
        if since is not None and lost is None:
            # It only can't say how it was then.
            state.load_as_before(found, since.next)
            self._at = self._told = since
            return
        state.load(found)
        self._at = Mark(header.instance, header.next)
        self._lost = self._lost or lost
        self._ready.append(self._report(state.update(), 0.0, self._at))

    async def _start_over(self, why: str) -> None:
        since = self._at
        await self._probe()
        await self._start(since, why)

    async def _sample(self) -> None:
        """Makes reports of what is new. One request, unless there is more than one answer holds."""
        for _ in range(REQUESTS):
            span = {"from": self._at.next, "count": COUNT}
            try:
                root = await self._ask("MTConnectStreams", self._known().model.segment, "sample", **span)
            except Refused as error:
                if "OUT_OF_RANGE" not in error.codes:
                    raise
                return await self._start_over("overrun")
            header = read_header(root)
            if (why := self._at.lost(header)) is not None:
                return await self._start_over(why)
            self._watch(header)
            if header.model_changed != self._model_changed:
                await self._enter(self._at)
                self._model_changed = header.model_changed
                if self._ready:
                    return None
                continue
            before, self._at = self._at, Mark(header.instance, header.next)
            self._ready += self._reports(root, header, before.next)
            if header.next > header.last or self._at == before or len(self._ready) >= ENOUGH:
                break
        if not self._ready:
            self._ready.append(self._report(self._known().nothing_new(), 0.0, self._at))
        return None

    def _reports(self, root: Element, header: Header, since: int) -> Iterator[Report]:
        """What the answer says, moment by moment. Raises BadAnswer."""
        state = self._known()
        found = [each for each in observations(root, state.model, state.wanted) if each.sequence >= since]
        if found and found[-1].sequence >= header.next:
            raise BadAnswer(f"the answer ends before {header.next}, and has {found[-1].sequence}")
        if len(found) > COUNT:
            raise BadAnswer(f"the answer has {len(found)} observations: {COUNT} were asked for")
        forgiven = self._forgiven.next if self._forgiven.instance == header.instance else 0
        now = seconds(header.created)
        said = list(moments(found))
        for number, moment in enumerate(said, start=1):
            try:
                update = state.take(moment, forgiven)
            except BadValue:
                self._forgiven = Mark(header.instance, header.next)
                raise
            then = seconds(moment[0].timestamp)
            age = max(now - then, 0.0) if now is not None and then is not None else 0.0
            following = header.next if number == len(said) else moment[-1].sequence + 1
            yield self._report(update, age, Mark(header.instance, following))

    def _report(self, update: MachineUpdate, age_seconds: float, mark: Mark) -> Report:
        """Of a device that is unavailable nothing is taken down. So what was lost is told later, and the mark waits."""
        if self._lost is not None and not update.success:
            return Report(update, age_seconds)
        lost, self._lost = self._lost, None
        news, self._told = str(mark) if mark != self._told else None, mark
        return Report(update, age_seconds, news, lost)

    async def _current(self, model: Model, **query: int) -> tuple[list[Observation], Header]:
        """The device as it is, or was `at` a sequence number."""
        root = await self._ask("MTConnectStreams", model.segment, "current", **query)
        if not is_there(root, model):
            raise BadAnswer(f"{model.segment}/current: the answer has nothing of this device")
        return observations(root, model, self._known().wanted), read_header(root)

    async def _ask(self, kind: Kind, *path: str, **query: int) -> Element:
        if self._agent is None:
            raise AdapterError("not connected")
        return await self._agent.ask(kind, *path, **query)

    def _known(self) -> State:
        if self._state is None:
            raise AdapterError("not connected")
        return self._state

    def _watch(self, header: Header) -> None:
        """Raises AdapterError if the agent's clock stands still."""
        now = self._clock()
        created, since = self._created
        if header.created is None or header.created != created:
            self._created = header.created, now
        elif now - since > FROZEN_SECONDS:
            raise AdapterError(f"the agent's answers are all of the same moment, for {FROZEN_SECONDS:g} s and more")


def make(settings: Sequence[MtconnectSettings], clock: Callable[[], float]) -> list[MtconnectAdapter]:
    """The adapters of these machines."""
    return [MtconnectAdapter(each, clock) for each in settings]
