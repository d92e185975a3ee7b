"""A simulated CNC control: a state machine without a clock, a network or a source of chance of its own.

What a control does is a script: a generator that changes the control's values and yields for how many seconds they
stay so. The same script runs second by second on the live floor and in leaps through a month of history.
"""

from collections.abc import Iterator
from random import Random

from msgspec import Struct

from taktledger.demo.specs import (
    ALARMS,
    DIAMETER,
    PROGRAM_SELECT,
    SPINDLE_LOAD,
    AlarmSpec,
    MachineSpec,
    ProcessSpec,
    ProgramSpec,
)

STOPPED, ACTIVE, FEED_HOLD, INTERRUPTED = "STOPPED", "ACTIVE", "FEED_HOLD", "INTERRUPTED"
STATES = (STOPPED, ACTIVE, FEED_HOLD, INTERRUPTED)
"""A control that shows its state as a number shows its place in here."""

SHORTEST_CYCLE, LONGEST_CYCLE = 5.0, 20.0
"""Seconds that the spindle cuts in one cycle, at pace 1."""
ALARM_CHANCE, HOLD_CHANCE, OVERRIDE_CHANCE = 0.025, 0.02, 0.03
"""Per cycle."""
STAND_CHANCE = 0.2
"""Per batch: nobody is there, so that the spindle gets cold."""
TRAYS_PER_MEASURING = 5


class Rhythm(Struct, frozen=True, kw_only=True):
    """How fast life goes."""

    pace: float
    """How many times longer everything takes than on the live floor."""
    batch: tuple[int, int]
    """Fewest and most cycles until another process is set up. The last tray is always finished."""
    changeover: tuple[float, float]
    """Seconds that this takes, at pace 1."""
    cycles_per_reset: int
    """Cycles until the operator sets the counter to 0, where that is done at all."""


LIVE = Rhythm(pace=1.0, batch=(12, 30), changeover=(8, 20), cycles_per_reset=90)


class Kept(Struct, kw_only=True):
    """What a control still knows after its power was off."""

    counter: int
    total: int = 0
    """Cycles counted on this floor, whatever the counter says."""
    process: str | None = None
    """Name of the one that is set up."""
    port: int = 0
    """Where it listened, so that its shop.toml still holds. 0: any free port."""


class Control:
    """One control and what it shows. Nothing happens until it is stepped."""

    def __init__(
        self, machine: MachineSpec, random: Random, rhythm: Rhythm = LIVE, counter: int = 0, process: str | None = None
    ) -> None:
        """Starts cold, with this reading of the part counter and, if it is known, this process set up."""
        self.machine = machine
        self.counter = counter
        self.total = 0
        """Cycles counted since it was made, whatever the counter says."""
        self.process: ProcessSpec = next((each for each in machine.processes if each.name == process), self._first)
        self.program: ProgramSpec = self.process.programs[0]
        self.held = False
        """Its hold output is on: it stands still, and its time with it."""
        self.unattended = False
        """It stands because it is set up, or nobody is there: not between two parts."""
        self.alarm: AlarmSpec | None = None
        self.feed_rate_override = 100
        """Percent."""
        self.active_tool = next(iter(self.program.tools))
        self.variables = {DIAMETER: self.program.diameter or 0.0, SPINDLE_LOAD: 0.0}
        self._load(self.program)
        self._random = random
        self._rhythm = rhythm
        self._since_reset = 0
        self._trays = 0
        self._cold = True
        self._script = self._work()
        self._state = STOPPED
        """What it does unless it is held."""
        self._until: float | None = None
        self._stepped_at = 0.0

    @property
    def _first(self) -> ProcessSpec:
        return self.machine.processes[0]

    @property
    def program_name(self) -> str:
        """What the display says is loaded."""
        return self.machine.main_program or self.program.filename

    @property
    def cycle_state(self) -> str:
        return FEED_HOLD if self.held and self._state == ACTIVE else self._state

    @property
    def estopped(self) -> bool:
        return self.alarm is not None and self.alarm.emergency

    def step(self, now: float) -> None:
        """Does all that is due by `now` (seconds on any clock). The first step is where its time begins."""
        if self._until is None:
            self._until = self._stepped_at = now
        if self.held:
            self._until += now - self._stepped_at
        self._stepped_at = now
        while self._until <= now:
            self._until += self.move()

    def move(self) -> float:
        """Makes the next move, and says for how many seconds its values stay so."""
        return next(self._script)

    def get_cold(self) -> None:
        """It stood for so long that it warms up before the next part."""
        self._cold = True

    def _work(self) -> Iterator[float]:
        while True:
            left = self._random.randint(*self._rhythm.batch)
            while left > 0:
                yield from self._tray()
                left -= self.process.tray * len(self.process.programs)
            self.unattended = True
            if self._random.random() < STAND_CHANCE:
                yield self._seconds(60, 120)
                self.get_cold()
            yield self._seconds(*self._rhythm.changeover)
            self.unattended = False
            self.process = self._random.choice([each for each in self.machine.processes if each is not self.process])

    def _tray(self) -> Iterator[float]:
        """A tray of parts goes through one program after the other. Now and then the last part is measured."""
        process = self.process
        for program in process.programs:
            self._load(program)
            yield self._seconds(1, 3)
            for _ in range(process.tray):
                yield from self._load_part()
                if self._cold:
                    yield from self._warm_up()
                yield from self._cycle()
        if process.measuring and self._trays % TRAYS_PER_MEASURING == 0:
            self._load(process.measuring)
            yield self._seconds(1, 3)
            yield from self._cycle()
        self._trays += 1

    def _load(self, program: ProgramSpec) -> None:
        self.program = program
        if program.selected_by is not None:
            self.variables[PROGRAM_SELECT] = float(program.selected_by)

    def _warm_up(self) -> Iterator[float]:
        self._cold, goes_on = False, self.program
        self._load(self.machine.warm_up)
        yield self._seconds(1, 3)
        yield from self._cycle()
        self._load(goes_on)
        yield self._seconds(1, 3)

    def _load_part(self) -> Iterator[float]:
        """The spindle stands while a part is unloaded and the next one loaded. The time for everything else, too."""
        yield self._seconds(0.7, 1.5)
        if self.machine.counter_is_reset and self._since_reset >= self._rhythm.cycles_per_reset:
            self.counter = self._since_reset = 0
        if self._random.random() < OVERRIDE_CHANCE:
            self.feed_rate_override = self._random.choice((80, 90, 100, 100, 110))
        yield self._seconds(1.0, 2.0)

    def _cycle(self) -> Iterator[float]:
        """One run of the program. A part is measured with the last tool, and counted when the program has ended."""
        program = self.program
        seconds, tools = self._cycle_seconds(), program.tools
        trouble_with = self._random.choice(list(tools))
        self._state = ACTIVE
        last = list(tools)[-1]
        for tool, share in tools.items():
            self.active_tool = tool
            self.variables[SPINDLE_LOAD] = round(self._random.uniform(20, 80), 1)
            if tool == last and program.diameter is not None:
                self.variables[DIAMETER] = round(self._random.gauss(program.diameter, 0.008), 3)
            yield seconds * share / sum(tools.values())
            if tool == trouble_with:
                yield from self._trouble()
        self._state = STOPPED
        self.variables[SPINDLE_LOAD] = 0.0
        if program.counts:
            self.counter = (self.counter + 1) % 2**self.machine.counter_bits
            self.total += 1
            self._since_reset += 1

    def _trouble(self) -> Iterator[float]:
        """Seldom: an alarm stops the machine until somebody has seen to it, or the operator holds the feed."""
        chance = self._random.random()
        if chance < ALARM_CHANCE:
            self.alarm, self._state = self._random.choice(ALARMS), INTERRUPTED
            yield self._seconds(4, 12)
        elif chance < ALARM_CHANCE + HOLD_CHANCE:
            self._state = FEED_HOLD
            yield self._seconds(2, 6)
        self.alarm, self._state = None, ACTIVE

    def _cycle_seconds(self) -> float:
        seconds = self.program.seconds * self._random.gauss(1, 0.05) * 100 / self.feed_rate_override
        return min(max(seconds, SHORTEST_CYCLE), LONGEST_CYCLE) * self._rhythm.pace

    def _seconds(self, least: float, most: float) -> float:
        return self._random.uniform(least, most) * self._rhythm.pace


class Link:
    """The network to a control, which fails for 10 to 20 s every two to four minutes."""

    def __init__(self, random: Random) -> None:
        self.up = True
        self._random = random
        self._changes_at: float | None = None

    def step(self, now: float) -> None:
        """Goes up or down if that is due by `now`. The first step is where its time begins."""
        if self._changes_at is None:
            self._changes_at = now + self._random.uniform(120, 240)
        while self._changes_at <= now:
            self.up = not self.up
            self._changes_at += self._random.uniform(120, 240) if self.up else self._random.uniform(10, 20)
