"""The data items of a simulated control, and the settings that tell an edge to read them.

What MTConnect has a type for needs no settings: an edge finds it by itself.
"""

from collections.abc import Callable, Iterator
from typing import Literal

from msgspec import Struct

from taktledger.demo.control import Control
from taktledger.demo.servers.server import HOST
from taktledger.demo.specs import DIAMETER, PROGRAM_SELECT, SPINDLE_LOAD, AlarmSpec, MachineSpec

Category = Literal["SAMPLE", "EVENT", "CONDITION"]
Value = str | AlarmSpec
"""What an item reads. Of a condition: the alarm that is on, or a word."""
UNAVAILABLE, NORMAL = "UNAVAILABLE", "NORMAL"


class ComponentSpec(Struct, frozen=True):
    """A part of the device, and where in it that is."""

    type: str
    id: str
    name: str
    parent: "ComponentSpec | None" = None
    """None: the device itself."""


class ItemSpec(Struct, frozen=True, kw_only=True):
    id: str
    type: str
    """As in the standard."""
    of: Callable[[Control], Value]
    """What it reads."""
    component: ComponentSpec | None = None
    """None: the device itself."""
    category: Category = "EVENT"
    sub_type: str | None = None
    units: str | None = None

    @property
    def element(self) -> str:
        """Name of the element that an observation of it is."""
        return "".join(word.capitalize() for word in self.type.split("_"))


AXES = ComponentSpec("Axes", "axes", "base")
SPINDLE = ComponentSpec("Rotary", "spindle", "C", AXES)
CONTROLLER = ComponentSpec("Controller", "controller", "controller")
PATH = ComponentSpec("Path", "path", "path", CONTROLLER)

AVAILABILITY = ItemSpec(id="avail", type="AVAILABILITY", of=lambda _: "AVAILABLE")
PART_COUNT = ItemSpec(id="part_count", type="PART_COUNT", component=PATH, of=lambda control: str(control.counter))
VARIABLES = {
    DIAMETER: ItemSpec(
        id="diameter", type="VARIABLE", component=PATH, of=lambda control: str(control.variables[DIAMETER])
    ),
    SPINDLE_LOAD: ItemSpec(
        id="spindle_load",
        type="LOAD",
        category="SAMPLE",
        units="PERCENT",
        component=SPINDLE,
        of=lambda control: str(control.variables[SPINDLE_LOAD]),
    ),
}
SELECT = ItemSpec(
    id="program_select",
    type="VARIABLE",
    component=PATH,
    of=lambda control: str(round(control.variables[PROGRAM_SELECT])),
)
# The counter comes before what may follow it: a part that is finished is shown before the next program.
ITEMS = (
    AVAILABILITY,
    PART_COUNT,
    ItemSpec(id="execution", type="EXECUTION", component=PATH, of=lambda control: control.cycle_state),
    ItemSpec(id="program", type="PROGRAM", component=PATH, of=lambda control: control.program_name),
    ItemSpec(id="tool", type="TOOL_NUMBER", component=PATH, of=lambda control: str(control.active_tool)),
    ItemSpec(
        id="feed_override",
        type="PATH_FEEDRATE_OVERRIDE",
        sub_type="PROGRAMMED",
        component=PATH,
        of=lambda control: str(control.feed_rate_override),
    ),
    *VARIABLES.values(),
    ItemSpec(
        id="emergency_stop",
        type="EMERGENCY_STOP",
        component=CONTROLLER,
        of=lambda control: "TRIGGERED" if control.estopped else "ARMED",
    ),
    ItemSpec(
        id="system",
        type="SYSTEM",
        category="CONDITION",
        component=CONTROLLER,
        of=lambda control: control.alarm or NORMAL,
    ),
)


def items_of(machine: MachineSpec) -> tuple[ItemSpec, ...]:
    return ITEMS if machine.main_program is None else (*ITEMS, SELECT)


def device_uuid(machine: MachineSpec) -> str:
    return f"taktledger-demo-{machine.source_name}"


def settings(machine: MachineSpec, port: int) -> Iterator[str]:
    """The lines of its table in `shop.toml`."""
    at = "machine.mtconnect"
    yield from (f"[{at}]", f'url = "http://{HOST}:{port}"', f'device = "{machine.source_name}"')
    yield f"[{at}.variables]"
    selected = {} if machine.main_program is None else {PROGRAM_SELECT: SELECT}
    for number, item in (VARIABLES | selected).items():
        yield f'{number} = "{item.id}"'
