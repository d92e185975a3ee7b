"""The state of the shop: one plain struct per noun, and the Shop that holds them. No behaviour.

Everything here is folded from events and can be thrown away. It is saved as one msgpack blob beside the rows.
"""

from datetime import date
from typing import Literal

from msgspec import Struct, field

from taktledger.domain.values import Count, Int, Line, Number, Scalar, Seconds

SHOP_VERSION = 3
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
    silent: bool = False
    """Its edge has had no answer from it for longer than the limit."""
    last_fact_at: float | None = None


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
    tool_milliseconds: int = 0
    """Of cutting since ever, of all locations together."""


class ToolRequirement(Struct, kw_only=True):
    """A tool that a process needs in a location."""

    id: int
    process_id: int
    location: int
    name: str = ""
    notes: str = ""
    inventory_item_id: int | None = None
    stick_out: float | None = None


class Image(Struct, frozen=True):
    """A picture that somebody uploaded. Its bytes are in the ledger, by their digest."""

    sha256: str
    type: str
    """MIME type."""


class Assembly(Struct, kw_only=True):
    """A tool assembly: what stands in one pot of a machine."""

    id: int
    revision: int = 1
    name: str
    notes: str = ""
    location: int | None = None
    shared: bool = False
    process_id: int | None = None
    image: Image | None = None
    moved_at: float = 0.0
    """When it came to its process; 0: it has always been there. UNIX seconds."""
    tool_ids: set[int] = field(default_factory=set)


class Life(Struct, kw_only=True):
    """How long a tool should last: in all, or in one process."""

    part_life: int = 0
    """Parts. 0: they are not tracked."""
    warn_life: int = 0
    """Parts remaining at which a warning is due."""
    max_runtime: float = 0.0
    """Seconds. 0: not tracked."""
    warn_runtime: float = 0.0
    """Seconds."""
    day_life: int = 0
    """Days. 0: not tracked."""
    day_warning: int = 0
    """Days."""
    day_count_type: Literal["all", "week", "part"] = "all"
    sent: set[str] = field(default_factory=set)
    """What was alerted since the last replacement: `warning`, `day_warning`, `life`."""

    @property
    def is_set(self) -> bool:
        return bool(self.part_life or self.max_runtime or self.day_life)


class LastReplacement(Struct, frozen=True):
    id: int
    at: float
    """UNIX seconds."""


class Tool(Struct, kw_only=True):
    """One tool or insert (`api/tools/`). Its counters are rows (`takt_projections/wear.py`)."""

    id: int
    revision: int = 1
    name: str
    notes: str = ""
    tags: list[str] = field(default_factory=list)
    created: float
    """UNIX seconds."""
    calibration_date: date | None = None
    calibration_interval: int | None = None
    calibration_notify: int | None = None
    in_service_date: date | None = None
    inventory_item_id: int | None = None
    is_critical: bool = False
    maintenance_status: int = 1
    monitoring_dest: int | None = None
    offset_number: int | None = None
    order_qty: int | None = None
    out_service_date: date | None = None
    pinned: bool = False
    purchase_date: date | None = None
    reorder_point: int | None = None
    replace_duration: float = 0.0
    replaced_checklist: list[str] | None = None
    replaced_message: str = ""
    replacement_rules_snoozed_until: float | None = None
    slots: int = 1
    stick_out: float | None = None
    stick_out_ref: str = ""
    torque_spec: float | None = None
    torque_spec_units: str = ""
    used_corners: int = 0
    usage_mode: int = 0
    life: Life = field(default_factory=Life)
    """Its own."""
    process_lives: dict[int, Life] = field(default_factory=dict)
    """Process ID -> how long it should last there, where somebody said so."""
    life_record_id: int | None = None
    """The last change of its life."""
    image: Image | None = None
    last_replacement: LastReplacement | None = None
    last_point_id: int | None = None
    """The inventory point that it last took an item from."""
    calibration_alerted: date | None = None
    """The calibration date after which the next one was found to be due."""
    below_reorder_point: bool = False
    """The stock of its inventory item has been found to be that low."""
    assembly_id: int | None = None
    moved_at: float = 0.0
    """When it came to its assembly; 0: it has always been there. UNIX seconds."""


class InventoryItem(Struct, kw_only=True):
    """What is bought and kept in stock."""

    id: int
    revision: int = 1
    name: str
    brand: str = ""
    part_number: str = ""
    type: str = ""
    notes: str = ""
    coating: str = ""
    corners: int = 0
    """Cutting edges: it can be indexed once less."""
    cut_length: float | None = None
    overall_length: float | None = None
    flutes: int | None = None
    durable: bool = False
    lead_time: float | None = None
    """Days."""
    min_on_hand_qty: int = 0
    pack_qty: int = 1
    price: float = 0.0
    qty_on_order: int = 0
    safety_stock: int = 0
    suppliers: list[str] = field(default_factory=list)


class InventoryPoint(Struct, kw_only=True):
    """A place where items are kept."""

    id: int
    revision: int = 1
    name: str
    items: dict[int, int] = field(default_factory=dict)
    """Item ID -> quantity on hand."""


class OpenAlert(Struct, kw_only=True):
    """An alert that nobody has dismissed."""

    kind: str
    machine_id: int | None = None
    process_ids: set[int] = field(default_factory=set)
    tool_id: int | None = None
    variable: str | None = None


class User(Struct, kw_only=True):
    id: int
    revision: int = 1
    username: str
    access_level: str
    active: bool = True
    favorite_tools: list[int] = field(default_factory=list)
    favorite_machines: list[int] = field(default_factory=list)
    password_id: str | None = None
    """The password that is valid, by its name in `credentials.db`."""


class Key(Struct, kw_only=True):
    id: int
    user_id: int | None
    """Null when the user was deleted."""
    name: str
    revoked: bool = False


class Options(Struct, kw_only=True):
    """The settings of the whole shop (`GET /api/options/`)."""

    timezone: str = "UTC"
    """IANA name of the shop's time zone: what `local time` means."""
    part_report_limit: int = 100
    """Cycles that one update may report before it is taken as a jump of the counter."""
    check_unused_tools_parts: int = 5
    """Parts that a location may go unused before it is listed in `unused_tool_locations`."""
    machine_silent_seconds: int = 60
    """How long an edge may have no answer from a machine before that is alerted. 0: never."""
    tool_replacement_min_usage: float = 0.0
    """Share of its life that a tool must have been used before it may be replaced. 0: it may be at any time."""
    tool_replaced_checklist: list[str] = field(default_factory=list)
    """What to check after a replacement, for tools without a checklist of their own."""


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
    tool_requirements: set[int] = field(default_factory=set)
    assemblies: set[int] = field(default_factory=set)
    tools: set[int] = field(default_factory=set)
    worn: set[int] = field(default_factory=set)
    """Processes whose tools count more now; 0: any tool may. (A cycle must not cost a mark for each tool.)"""
    inventory_items: set[int] = field(default_factory=set)
    inventory_points: set[int] = field(default_factory=set)
    users: set[int] = field(default_factory=set)
    keys: set[int] = field(default_factory=set)

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
    tool_requirements: dict[int, ToolRequirement] = field(default_factory=dict)
    assemblies: dict[int, Assembly] = field(default_factory=dict)
    tools: dict[int, Tool] = field(default_factory=dict)
    inventory_items: dict[int, InventoryItem] = field(default_factory=dict)
    inventory_points: dict[int, InventoryPoint] = field(default_factory=dict)
    open_alerts: dict[int, OpenAlert] = field(default_factory=dict)
    users: dict[int, User] = field(default_factory=dict)
    keys: dict[int, Key] = field(default_factory=dict)
    options: Options = field(default_factory=Options)
    last_ids: dict[str, int] = field(default_factory=dict)
    """Kind -> the last ID given. Never goes back, so that no ID is given twice."""
    tooled_at: float = 0.0
    """The latest time at which an assembly or a tool was put somewhere. A cycle from before is late. UNIX seconds."""
    parts_made: int = 0
    """Also the ID of the last part."""
    received: dict[str, list[list[int]]] = field(default_factory=dict)
    """Source -> the sequences that the ledger holds, as sorted ranges [first, last]."""
    answered: dict[str, AnsweredRequest] = field(default_factory=dict)
    """`actor key` -> answer, oldest first, of the last seven days."""
    touched: Touched = field(default_factory=Touched)
