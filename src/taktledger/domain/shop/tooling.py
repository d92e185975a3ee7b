"""Tools, where they stand, and what they are made from."""

from datetime import date
from typing import Literal

from msgspec import Struct, field


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
    hold_waived: bool = False
    """A person ended the hold that was made because of it: none is made until it is replaced or its life changes."""
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
