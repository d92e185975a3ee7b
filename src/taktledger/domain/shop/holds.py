"""Holds: when machines must not run."""

from msgspec import Struct


class Hold(Struct, kw_only=True):
    """A span of time in which a machine must not run."""

    id: int
    revision: int = 1
    machine_id: int
    start: float
    """UNIX seconds. In force from this moment on."""
    end: float | None = None
    """UNIX seconds. Not in force any more at this moment. Null: until somebody ends it."""
    reason: str = ""
    notes: str = ""
    user_id: int | None = None
    """Who made it. Null: the ledger did, or somebody who was deleted."""
    schedule_id: int | None = None
    """The schedule that made it. Null: none, or one that was deleted."""
    tool_id: int | None = None
    """The critical tool for which the ledger made it."""
    automatic: bool = False
    """No person made it."""
    started: bool = False
    """It has been written down that it is in force."""
    ended: bool = False
    """It has been written down that it is over."""


class HoldSchedule(Struct, kw_only=True):
    """When a machine is held again and again. When that is, is in `domain/holds/recurrence.py`."""

    id: int
    revision: int = 1
    machine_id: int
    name: str
    reason: str = ""
    frequency: str
    """`Y`, `M`, `W`, `D` or `H`."""
    interval: int = 1
    indices: list[int]
    months: int
    """The sum of: 1 January, 2 February, 4 March … 2048 December."""
    weekdays: int
    """The sum of: 1 Monday, 2 Tuesday … 64 Sunday."""
    time_of_day: str
    """`HH:MM`, local time."""
    duration: float | None = None
    """Minutes. Null: until somebody ends it."""
    created: float
    """UNIX seconds. `interval` counts from here."""
    looked_until: float
    """What it was to make until then is made. UNIX seconds."""
