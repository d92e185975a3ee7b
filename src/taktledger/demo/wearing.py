"""How a tool of the demo shop wears, as its people see it: how far it is, and how it ends."""

from random import Random
from typing import NamedTuple

from taktledger.demo.items import ITEMS
from taktledger.demo.people import DAY
from taktledger.demo.setup_tools import first_use
from taktledger.demo.specs import AssemblySpec, MachineSpec, ProcessSpec, ToolSpec

WORN, DAMAGED, PART_QUALITY, SETUP, PREVENTIVE = 1, 2, 3, 4, 5
"""Reasons."""
SNAPPED, CORNER, SIDE, LARGE, NORMAL, COULD_RUN = 1, 2, 4, 8, 16, 32
"""Conditions, which are added up."""


class Ending(NamedTuple):
    """One way in which a tool ends."""

    chance: float
    earliest: float
    latest: float
    """Shares of its life."""
    reason: int
    conditions: tuple[int, ...]
    notes: tuple[str, ...]
    """One of them is written down, or nothing where it is empty."""


WORN_OUT = Ending(0.5, 1.0, 1.05, WORN, (NORMAL,), ("", "", "", "", "Even wear on all edges.", "0.2 mm on the flank."))
FORGOTTEN = Ending(0.09, 1.08, 1.35, WORN, (NORMAL, NORMAL + CORNER), ("", "Seen too late.", "It got loud."))
IN_TIME = Ending(
    0.25, 0.91, 1.0, PREVENTIVE, (NORMAL, NORMAL + COULD_RUN), ("", "", "In the break.", "Long batch ahead.")
)
BAD_PARTS = Ending(
    0.08,
    0.6,
    0.98,
    PART_QUALITY,
    (NORMAL, CORNER),
    ("Burr on the edge.", "Surface above Ra 1.6.", "Dimension drifts by 0.02.", "Chatter marks."),
)
INSERT_BROKE = Ending(
    0.08,
    0.1,
    0.9,
    DAMAGED,
    (CORNER, SIDE, LARGE),
    ("Corner gone, hard spot.", "Chips were not evacuated.", "Crashed into a clamp."),
)
SHANK_BROKE = Ending(
    0.08,
    0.1,
    0.9,
    DAMAGED,
    (SNAPPED, SIDE, SNAPPED),
    ("Snapped, coolant nozzle was off.", "Pulled out of the collet.", "Broke in the bore."),
)
EMPTY = Ending(1.0, 1.0, 1.1, PREVENTIVE, (NORMAL,), ("",))
"""A battery or a filter."""
CRITICAL = Ending(
    1.0, 0.91, 0.99, PREVENTIVE, (NORMAL, NORMAL, NORMAL + COULD_RUN), ("", "", "", "Before it stops the machine.")
)
CRASHED = Ending(1.0, 5 * DAY, 27 * DAY, DAMAGED, (SNAPPED,), ("Drove into the vice jaw, stylus snapped.",))
"""A stylus has no life: days of the history instead of shares."""


class Wearing:
    """One tool, from its set-up on. All chance is its own, in the order of what happens to it."""

    def __init__(
        self,
        machine: MachineSpec,
        process: ProcessSpec | None,
        assembly: AssemblySpec,
        spec: ToolSpec,
        start: float,
        seed: int,
    ) -> None:
        self.spec = spec
        self.process = process
        """None: it is shared, and there whatever is made."""
        self.random = Random(f"{seed} tool {machine.source_name} {spec.name}")
        self._location = assembly.location
        self._start = start
        self._type = ITEMS[spec.item].type if spec.item is not None else ""
        self._parts, self._seconds = first_use(machine, spec)
        self._parts_in: dict[str, int] = {}
        self._since = int(start // DAY)
        """Day since 1970."""
        self.ending, self._share = EMPTY, 0.0
        self._draw()

    @property
    def is_hopeless(self) -> bool:
        """Its damage is more than a corner."""
        return self.ending.reason == DAMAGED and self.random.random() < 0.4

    def cut(self, process: ProcessSpec, parts: int, seconds: dict[int, float]) -> None:
        self._parts += parts
        self._parts_in[process.name] = self._parts_in.get(process.name, 0) + parts
        if self._location is not None:
            self._seconds += seconds.get(self._location, 0.0)

    def is_at_its_end(self, at: float, process: ProcessSpec) -> bool:
        if self.ending is CRASHED:
            return at >= self._start + self._share
        return self.spec.wears and self.used(at, process) >= self._share

    def used(self, at: float, process: ProcessSpec) -> float:
        """Share of its life. Filters go by weekdays."""
        spec = self.spec
        if spec.days:
            days = range(self._since + 1, int(at // DAY) + 1)
            return sum(self._type != "Filter" or (day + 3) % 7 < 5 for day in days) / spec.days
        if spec.minutes:
            return self._seconds / 60 / spec.minutes
        if process.name in spec.lives:
            return self._parts_in.get(process.name, 0) / spec.lives[process.name]
        lasts = next((each.parts for each in reversed(spec.changes) if at >= self._start + each.day * DAY), spec.parts)
        return self._parts / lasts if lasts else 0.0

    def renew(self, at: float) -> None:
        """It was replaced."""
        self._parts, self._seconds, self._since = 0, 0.0, int(at // DAY)
        self._parts_in.clear()
        if self.ending is CRASHED:
            self._share = float("inf")
        else:
            self._draw()

    def _draw(self) -> None:
        endings = self._endings()
        self.ending = self.random.choices(endings, [each.chance for each in endings])[0]
        self._share = self.random.uniform(self.ending.earliest, self.ending.latest)

    def _endings(self) -> tuple[Ending, ...]:
        if self._type == "Stylus":
            return (CRASHED,)
        if self.spec.days:
            return (EMPTY,)
        broke = INSERT_BROKE if self._type == "Insert" else SHANK_BROKE
        if self.spec.is_critical:
            return (CRITICAL, broke._replace(chance=0.1))
        return (WORN_OUT, FORGOTTEN, IN_TIME, BAD_PARTS, broke)
