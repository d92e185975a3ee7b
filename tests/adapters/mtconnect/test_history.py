"""Any history of parts, polls, lost connections and agents that start anew: what was made is counted, or a gap says so.

The oracle is naive: it knows what the machine made and up to where the edge can know it.
"""

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from adapters.mtconnect.agents import BufferAgent, adapter_at, serving
from takt_adapters.adapter import AdapterError, believed
from taktledger.shopfloor.detector import DetectorState, detect
from taktledger.shopfloor.facts import BaselineSeen, CountersSeen, CyclesSeen, Fact, GapSeen, ProgramSeen, ReportsLost
from taktledger.shopfloor.profile import Profile

STEPS = st.one_of(
    st.tuples(st.just("parts"), st.integers(1, 4)),
    st.tuples(st.just("noise"), st.integers(1, 12)),
    st.tuples(st.just("program"), st.sampled_from(["A", "B", "C"])),
    st.tuples(st.just("poll"), st.just(0)),
    st.tuples(st.just("cut"), st.just(0)),
    st.tuples(st.just("new edge"), st.just(0)),
    st.tuples(st.just("forget"), st.just(0)),
    st.tuples(st.just("restart"), st.booleans()),
    st.tuples(st.just("away"), st.just(0)),
    st.tuples(st.just("back"), st.just(0)),
    st.tuples(st.just("flap"), st.just(0)),
    st.tuples(st.just("wait"), st.integers(1, 90)),
)


class Machine:
    """Makes parts, and tells the agent while its own adapter runs."""

    def __init__(self, agent: BufferAgent) -> None:
        self.agent, self.count, self.program, self.away = agent, 0, "A", True
        self.made = 0
        self.back()

    def back(self) -> None:
        if self.away:
            self.away = False
            self.agent.say("avail", "AVAILABLE")
            self.agent.say("pc", str(self.count))
            self.agent.say("pgm", self.program)
            self.agent.say("exec", "ACTIVE")

    def leave(self) -> None:
        if not self.away:
            self.away = True
            for item in ("avail", "pc", "pgm", "exec"):
                self.agent.say(item, "UNAVAILABLE")

    def flap(self) -> None:
        """Gone for a moment, of which only the availability tells."""
        if not self.away:
            self.agent.say("avail", "UNAVAILABLE")
            self.agent.say("avail", "AVAILABLE")

    def restart(self, from_zero: bool) -> None:
        """The agent starts anew, and maybe the control with it. Until it is back the agent knows nothing of it."""
        if from_zero:
            self.count = 0
        self.agent.restart()
        self.away = True

    def does(self, step: str, value: Any) -> bool:
        match step:
            case "parts":
                self.make(value)
            case "noise":
                for number in range(value):
                    self.agent.say("x", str(number))
            case "program":
                self.load(value)
            case "restart":
                self.restart(value)
            case "away":
                self.leave()
            case "back":
                self.back()
            case "flap":
                self.flap()
            case "wait":
                self.agent.now += value
            case _:
                return False
        return True

    def make(self, parts: int) -> None:
        for _ in range(parts):
            self.count += 1
            self.made += 1
            self.agent.now += 1
            if not self.away:
                self.agent.say("pc", str(self.count))

    def load(self, program: str) -> None:
        self.program = program
        if not self.away:
            self.agent.say("pgm", program)


class Edge:
    """What the runner does, with what is safe kept apart from what was only detected."""

    def __init__(self, port: int, agent: BufferAgent) -> None:
        self.port, self.agent = port, agent
        self.safe: tuple[DetectorState, list[tuple[float, Fact]]] = (DetectorState(), [])
        self.adapter = adapter_at(port, lambda: agent.now)
        self.connected = False
        self.made_before: int | None = None
        """Parts that were made before the first that this edge could count."""
        self.knew_another_agent = False

    async def poll(self, machine: Machine, keep: bool = True) -> None:
        state, facts = self.safe[0], list(self.safe[1])
        now = self.agent.now
        try:
            if not self.connected:
                await self.adapter.connect(state.mark)
                self.connected = True
            reports = [believed(each) for each in await self.adapter.poll()]
        except AdapterError:
            await self.cut()
            raise
        for report in reports:
            last = state.run.seen_at
            at = now if last is None else min(max(now - report.age_seconds, last), now)
            state, found = detect(Profile(), state, report.update, at, self.adapter.counter_bits, report.lost)
            state = replace(state, mark=report.mark or state.mark)
            facts += [(at, fact) for fact in found]
        if not keep:
            return await self.cut()  # the disk was full: all of it is to be had again
        self.safe = state, facts
        if self.made_before is None and self.of(BaselineSeen):
            self.made_before = machine.made - self.counted()
        if not reports[-1].update.success:
            await self.cut()
        return None

    async def does(self, step: str, machine: Machine) -> None:
        match step:
            case "poll" | "forget":
                await self.poll(machine, keep=step == "poll")
            case "cut":
                await self.cut()
            case "new edge":
                await self.renew()

    async def cut(self) -> None:
        await self.adapter.close()
        self.connected = False

    async def renew(self) -> None:
        await self.adapter.close()
        self.adapter, self.connected = adapter_at(self.port, lambda: self.agent.now), False

    def counted(self) -> int:
        return sum(each.cycles for each in self.of(CyclesSeen))

    def of(self, *kinds: Any) -> list[Any]:
        return [fact for _, fact in self.safe[1] if isinstance(fact, kinds)]


async def play(size: int, supports_at: bool, steps: list[tuple[str, Any]]) -> None:
    agent = BufferAgent(size)
    agent.supports_at = supports_at
    machine = Machine(agent)
    async with serving(agent) as port:
        edge = Edge(port, agent)
        try:
            for step, value in steps:
                agent.now += 0.25
                if step == "restart" and edge.made_before is not None:
                    edge.knew_another_agent = True
                if not machine.does(step, value):
                    await edge.does(step, machine)
            machine.back()
            await edge.poll(machine)
            await edge.poll(machine)
            check(edge, machine)
        finally:
            await edge.cut()


def check(edge: Edge, machine: Machine) -> None:
    """The counter was followed without a hole: from the baseline over every cycle and every gap to where it is now."""
    times = [at for at, _ in edge.safe[1]]
    assert times == sorted(times)
    reading: int | None = None
    glitch: int | None = None
    """The reading before it went back. The next one may be compared with that one instead."""
    for _, fact in edge.safe[1]:
        match fact:
            case BaselineSeen():
                assert reading is None
                reading = fact.counters["part_count"].value
            case CyclesSeen() | CountersSeen():
                value = fact.counters["part_count"].value
                assert value - (fact.cycles if isinstance(fact, CyclesSeen) else 0) in (reading, glitch)
                reading, glitch = value, None
            case GapSeen():
                assert reading == fact.from_reading
                assert fact.why == "restart"  # no step makes more than the limit
                reading, glitch = fact.to_reading, fact.from_reading
    assert reading == machine.count
    if edge.knew_another_agent:
        assert "agent restart" in [each.why for each in edge.of(ReportsLost)]
    if not edge.of(ReportsLost, GapSeen):
        assert edge.counted() == machine.made - (edge.made_before or 0)
    assert edge.safe[0].control.program == machine.program
    programs = [each.program for each in edge.of(ProgramSeen)]
    assert all(program != following for program, following in pairwise(programs))


@pytest.mark.long
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(14, 60), st.booleans(), st.lists(STEPS, max_size=40))
def test_any_history(size: int, supports_at: bool, steps: list[tuple[str, Any]]) -> None:
    asyncio.run(play(size, supports_at, steps))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(14, 60), st.booleans(), st.lists(STEPS, max_size=25))
def test_some_histories(size: int, supports_at: bool, steps: list[tuple[str, Any]]) -> None:
    asyncio.run(play(size, supports_at, steps))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.integers(14, 40),
    st.lists(st.tuples(st.sampled_from(["parts", "noise", "program"]), st.integers(1, 9)), max_size=30),
    st.integers(0, 30),
)
def test_what_the_buffer_still_has_is_had_exactly(size: int, said: list[tuple[str, int]], when: int) -> None:
    """Without the edge, each part keeps its program, unless a gap is told of."""

    async def main() -> None:
        agent = BufferAgent(size)
        machine = Machine(agent)
        made: list[str] = []
        async with serving(agent) as port:
            edge = Edge(port, agent)
            await edge.poll(machine)
            for number, (what, value) in enumerate(said):
                if number == when:
                    await edge.renew()
                    await edge.poll(machine)
                if what == "parts":
                    machine.make(value)
                    made += [machine.program] * value
                elif what == "noise":
                    for _ in range(value):
                        agent.say("x", "1")
                else:
                    machine.load("ABCDEFGHIJ"[value])
            await edge.poll(machine)
            await edge.cut()
            counted = [each.program for each in edge.of(CyclesSeen) for _ in range(each.cycles)]
            if not edge.of(ReportsLost):
                assert counted == made
            assert len(counted) == len(made)

    asyncio.run(main())
