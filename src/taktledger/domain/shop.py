"""The state of the shop: one plain struct per noun, and the Shop that holds them. No behaviour.

Everything here is folded from events and can be thrown away. It is saved as one msgpack blob beside the rows.
"""

from typing import Literal

from msgspec import Struct, field

from taktledger.domain.values import Count, Int, Line, Number, Scalar, Seconds

SHOP_VERSION = 1
"""Raised when a saved shop of an earlier release must not be used any more."""


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


class Machine(Struct, kw_only=True):
    id: int
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
    control: Control = field(default_factory=Control)
    programs: dict[str, int] = field(default_factory=dict)
    """File name -> program ID."""
    reported_by_edge: bool = False
    clock_differs: bool = False
    last_fact_at: float | None = None


class Program(Struct, kw_only=True):
    id: int
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


class User(Struct, kw_only=True):
    id: int
    username: str
    access_level: str
    active: bool = True


class Key(Struct, kw_only=True):
    id: int
    user_id: int
    name: str
    revoked: bool = False


class Options(Struct, kw_only=True):
    """The settings of the whole shop (`GET /api/options/`)."""

    timezone: str = "UTC"
    """IANA name of the shop's time zone: what `local time` means."""
    part_report_limit: int = 100
    """Cycles that one update may report before it is taken as a jump of the counter."""


class AnsweredRequest(Struct, kw_only=True):
    """What the first of several equal requests was answered."""

    body_sha256: str
    status: int
    stream: str
    recorded_at: float


class Touched(Struct):
    """IDs of the objects that changed since the read models last wrote their rows."""

    machines: set[int] = field(default_factory=set)
    programs: set[int] = field(default_factory=set)
    processes: set[int] = field(default_factory=set)

    def clear(self) -> None:
        for name in self.__struct_fields__:
            getattr(self, name).clear()


class Shop(Struct, kw_only=True):
    position: int = 0
    """Of the last event that is folded in."""
    recorded_at: float = 0.0
    """Of the last event that is folded in."""
    machines: dict[int, Machine] = field(default_factory=dict)
    machine_ids: dict[str, int] = field(default_factory=dict)
    """Source name -> machine ID."""
    programs: dict[int, Program] = field(default_factory=dict)
    processes: dict[int, Process] = field(default_factory=dict)
    users: dict[int, User] = field(default_factory=dict)
    keys: dict[int, Key] = field(default_factory=dict)
    options: Options = field(default_factory=Options)
    last_ids: dict[str, int] = field(default_factory=dict)
    """Kind -> the last ID given. Never goes back, so that no ID is given twice."""
    parts_made: int = 0
    """Also the ID of the last part."""
    received: dict[str, list[list[int]]] = field(default_factory=dict)
    """Source -> the sequences that the ledger holds, as sorted ranges [first, last]."""
    answered: dict[str, AnsweredRequest] = field(default_factory=dict)
    """`actor key` -> answer, oldest first, of the last seven days."""
    touched: Touched = field(default_factory=Touched)
