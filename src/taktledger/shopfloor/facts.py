"""Facts: what the cycle detector makes of updates, in the edge's own terms.

At the edge a machine is its source name, a program a file name, a tool a location. The ledger turns facts into events
(`ingest.py`). The CloudEvents `type` of a fact is the name of its class.
"""

from typing import Annotated, get_args

from msgspec import Meta, Struct, field

from taktledger.domain.controls import ControlChanges
from taktledger.domain.shop import Counter
from taktledger.domain.values import Count, Duration, Int, Line, Name, Number, Seconds

RESTART, DISK, DAMAGED = "restart", "disk", "damaged"
"""Why reports were lost: whoever keeps the counters started anew; the edge could not write, or not read it again."""
CounterName = Annotated[str, Meta(pattern=r"^(part_count|\d{1,10})$")]
Counters = dict[CounterName, Counter]


class BaselineSeen(Struct, kw_only=True, frozen=True, omit_defaults=True, tag=True):
    """Counters were read for the first time: counting starts here."""

    counters: Counters


class CountersSeen(Struct, kw_only=True, frozen=True, omit_defaults=True, tag=True):
    """Counters moved without making a cycle."""

    counters: Counters


class CyclesSeen(Struct, kw_only=True, frozen=True, omit_defaults=True, tag=True):
    """The counter in use grew: so many cycles of this program finished."""

    cycles: Annotated[int, Meta(ge=1, le=1000)]
    counters: Counters
    """Readings after it."""
    program: Name | None = None
    tools_seen: list[Int] = field(default_factory=list)
    tool_seconds: dict[Int, Duration] = field(default_factory=dict)
    variables: dict[Int, Number] = field(default_factory=dict)


class GapSeen(Struct, kw_only=True, frozen=True, omit_defaults=True, tag=True):
    """The counter in use moved in a way that doesn't say what was made."""

    counter: CounterName
    gap_from: Seconds | None
    from_reading: Count
    to_reading: Count
    why: str
    counters: Counters
    """Readings after it."""


class ReportsLost(Struct, kw_only=True, frozen=True, omit_defaults=True, tag=True):
    """The machine said things that nobody heard: all that is known of that time are the readings before and after."""

    gap_from: Seconds | None
    """Null: nobody knows since when."""
    why: Line
    """`overrun`: more was said than the machine's buffer holds. `restart`: whoever keeps the counters started anew.
    `agent restart`: an MTConnect agent did, and its buffer is empty. `disk`: the edge could not write. `damaged`: what
    the edge had written can't be read."""
    before: dict[CounterName, Count] = field(default_factory=dict)
    after: dict[CounterName, Count] = field(default_factory=dict)


class ProgramSeen(Struct, kw_only=True, frozen=True, omit_defaults=True, tag=True):
    """Another program is loaded."""

    program: Name
    program_name: Name | None = None
    """The one that was reported, where the variable selected another."""
    tools_seen: list[Int] = field(default_factory=list)
    """Locations used since the last cycle, with the program before."""


class StateSeen(Struct, kw_only=True, frozen=True, omit_defaults=True, tag=True):
    """The control's state changed."""

    changes: ControlChanges


class VariablesSeen(Struct, kw_only=True, frozen=True, omit_defaults=True, tag=True):
    """Watched variables changed."""

    variables: dict[Int, Number]


class RunTimeSeen(Struct, kw_only=True, frozen=True, omit_defaults=True, tag=True):
    """Tools cut for so long in a cycle that goes on."""

    tool_seconds: dict[Int, Duration]


class HoldOutputWritten(Struct, kw_only=True, frozen=True, omit_defaults=True, tag=True):
    """The machine's hold output was written, and reads back as it was written."""

    held: bool


class HoldOutputFailed(Struct, kw_only=True, frozen=True, omit_defaults=True, tag=True):
    """The machine can't be told to hold, or to run again. Said once, until it works.

    Its output can't be written, reads back wrong, or isn't there.
    """

    held: bool
    """What it should have been told."""
    error: str


class FactSetAside(Struct, kw_only=True, frozen=True, omit_defaults=True, tag=True):
    """The edge had a fact that the ledger refused, and keeps it."""

    fact: str
    error: str


Fact = (
    BaselineSeen
    | CountersSeen
    | CyclesSeen
    | GapSeen
    | ReportsLost
    | ProgramSeen
    | StateSeen
    | VariablesSeen
    | RunTimeSeen
    | HoldOutputWritten
    | HoldOutputFailed
    | FactSetAside
)
FACT_TYPES: dict[str, type[Fact]] = {kind.__name__: kind for kind in get_args(Fact)}
