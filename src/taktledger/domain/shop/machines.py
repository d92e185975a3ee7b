"""Machines, what their controls said last, and what they run."""

from typing import Literal

from msgspec import Struct, field

from taktledger.domain.values import Count, Int, Line, Number, Scalar, Seconds


class Counter(Struct, frozen=True, omit_defaults=True):
    """One counter of a control, as it was last read."""

    value: Count
    before_reset: Count | None = None
    """The reading before a decrease that may still prove to be a glitch: the very next change decides."""


class ControlAlarm(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An alarm that a control reports. One of code and type is there."""

    alarm_code: Line | None = None
    alarm_type: Line | None = None
    timestamp: Seconds | None = None
    custom_message: Line | None = None
    info: Line | None = None


class Control(Struct, kw_only=True):
    """What a machine's control said last. None: it never said. This is what the cycle detector goes by."""

    counters: dict[str, Counter] = field(default_factory=dict)
    """`part_count`, and each counting variable by its number as text."""
    program: str | None = None
    """The file name of the program that is loaded, after `program_cv` had its word."""
    program_name: str | None = None
    """The one that was reported."""
    cycle_state: str | None = None
    estopped: bool | None = None
    feed_rate_override: float | None = None
    active_tool: int | None = None
    alarms: list[ControlAlarm] | None = None
    variables: dict[int, float] = field(default_factory=dict)


class MappedVariable(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """A variable that a process keeps with each part (`cv_map`)."""

    number: Int
    notify_comparison: Literal["EQ", "NE", "LT", "LE", "GT", "GE"] | None = None
    notify_value: Number | None = None


class HoldFailure(Struct, frozen=True, kw_only=True):
    """Why a control could not be told something."""

    held: bool
    """What: to hold, or to run again."""
    error: str
    edge_is_lost: bool = False
    """The ledger says so, and not the edge."""


class Machine(Struct, kw_only=True):
    id: int
    revision: int = 1
    """How often people changed it, its creation included. Every noun that can be edited has one."""
    name: str
    source_name: str
    description: str = ""
    archived: bool = False
    disabled: bool = False
    program_cv: int | None = None
    current_work_order: str = ""
    running_states: list[str] | None = None
    custom_alarms: dict[str, str] = field(default_factory=dict)
    custom_properties: dict[str, Scalar] = field(default_factory=dict)
    loaded_program_id: int | None = None
    loaded_process_id: int | None = None
    last_process_id: int | None = None
    """The process that was loaded last, also while a program without a process is."""
    switched_at: float = 0.0
    """When it switched last. UNIX seconds."""
    planned_process_id: int | None = None
    """Where the next changeover goes, if somebody planned it."""
    control: Control = field(default_factory=Control)
    programs: dict[str, int] = field(default_factory=dict)
    """File name -> program ID."""
    process_ids: set[int] = field(default_factory=set)
    reported_by_edge: bool = False
    clock_differs: bool = False
    """A fact or an update came that is ahead of the ledger's clock."""
    clock_difference: float | None = None
    """Seconds by which its edge's clock is ahead, while that is too much."""
    silent: bool = False
    """Its edge has had no answer from it for longer than the limit."""
    last_fact_at: float | None = None
    told_held: bool = False
    """What its control was last told, by the word of its edge: to hold, or to run again."""
    hold_failure: HoldFailure | None = None
    """What it could not be told, until it can."""


class Program(Struct, kw_only=True):
    id: int
    revision: int = 1
    machine_id: int
    filename: str
    custom_name: str = ""
    description: str = ""
    archived: bool = False
    load_by_var_value: int | None = None
    process_id: int | None = None
    last_cycle: float | None = None


class Process(Struct, kw_only=True):
    id: int
    revision: int = 1
    machine_id: int
    name: str
    description: str = ""
    archived: bool = False
    cv_map: dict[str, MappedVariable] = field(default_factory=dict)
    display_variable: int | None = None
    part_count_cv: int | None = None
    part_material_cost: float = 0.0
    part_sell_price: float = 0.0
    parts_per_cycle: int = 1
    setup_instructions: str = ""
    teardown_instructions: str = ""
    tags: list[str] = field(default_factory=list)
    time_per_cycle: float | None = None
    last_cycle: float | None = None
    last_program_id: int | None = None
    unassigned_tools_used: dict[int, float] = field(default_factory=dict)
    """Location -> when the machine last used it. UNIX seconds."""
    assembly_ids: set[int] = field(default_factory=set)
    requirement_ids: set[int] = field(default_factory=set)
    parts_made: int = 0
    """Since ever, deleted ones included. With the next, what the watch for worn tools goes by (`tools/watch.py`)."""
    tool_seconds: float = 0.0
    """Of cutting since ever, of all locations together. At least what its tools count."""
