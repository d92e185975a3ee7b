"""The shop as a whole."""

from msgspec import Struct, field

from taktledger.domain.shop.holds import Hold, HoldSchedule
from taktledger.domain.shop.machines import Machine, Process, Program
from taktledger.domain.shop.people import AnsweredRequest, Key, OpenAlert, Options, User
from taktledger.domain.shop.tooling import Assembly, InventoryItem, InventoryPoint, Tool, ToolRequirement

SHOP_VERSION = 6
"""Raised when a saved shop of an earlier release must not be used any more."""


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
    holds: set[int] = field(default_factory=set)
    hold_schedules: set[int] = field(default_factory=set)
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
    holds: dict[int, Hold] = field(default_factory=dict)
    open_holds: set[int] = field(default_factory=set)
    """IDs of those that are not over."""
    hold_schedules: dict[int, HoldSchedule] = field(default_factory=dict)
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
