"""The state of the shop: one plain struct per noun, and the Shop that holds them. No behaviour.

Everything here is folded from events and can be thrown away. It is saved as one msgpack blob beside the rows.
"""

from taktledger.domain.shop.holds import Hold, HoldSchedule
from taktledger.domain.shop.machines import (
    Control,
    ControlAlarm,
    Counter,
    HoldFailure,
    Machine,
    MappedVariable,
    Process,
    Program,
)
from taktledger.domain.shop.people import AnsweredRequest, Key, OpenAlert, Options, User
from taktledger.domain.shop.shop import SHOP_VERSION, Shop, Touched
from taktledger.domain.shop.tooling import (
    Assembly,
    Image,
    InventoryItem,
    InventoryPoint,
    LastReplacement,
    Life,
    Tool,
    ToolRequirement,
)

__all__ = [
    "SHOP_VERSION",
    "AnsweredRequest",
    "Assembly",
    "Control",
    "ControlAlarm",
    "Counter",
    "Hold",
    "HoldFailure",
    "HoldSchedule",
    "Image",
    "InventoryItem",
    "InventoryPoint",
    "Key",
    "LastReplacement",
    "Life",
    "Machine",
    "MappedVariable",
    "OpenAlert",
    "Options",
    "Process",
    "Program",
    "Shop",
    "Tool",
    "ToolRequirement",
    "Touched",
    "User",
]
