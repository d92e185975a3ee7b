"""The variables of a simulated control, and the settings that tell an edge to read them.

Both come from the nodes below, so they can't say different things.
"""

from collections.abc import Callable, Iterator

from msgspec import Struct

from taktledger.demo.control import STATES, Control
from taktledger.demo.servers.server import HOST
from taktledger.demo.specs import ALARMS, DIAMETER, PROGRAM_SELECT, SPINDLE_LOAD, AlarmSpec, MachineSpec

NAMESPACE, NAMESPACE_URI = 2, "urn:taktledger:demo:control"
"""Index and name of the one in which the variables are."""
PART_COUNT, HEARTBEAT, HOLD = "PartCount", "Heartbeat", "Hold"


class VariableSpec(Struct, frozen=True):
    """A variable in the object `Machine`."""

    name: str
    """Of its node, too."""
    type: str
    """The data type by its name in the standard."""
    of: Callable[[Control], object]
    """What it reads."""


def _is_on(alarm: AlarmSpec) -> Callable[[Control], bool]:
    return lambda control: control.alarm is alarm


# The counter comes first: a part that is finished is shown before the next program.
VALUES = {
    "part_count": VariableSpec(PART_COUNT, "UInt32", lambda control: control.counter),
    "cycle_state": VariableSpec("CycleState", "Int32", lambda control: STATES.index(control.cycle_state)),
    "program_name": VariableSpec("ProgramName", "String", lambda control: control.program_name),
    "active_tool": VariableSpec("ActiveTool", "UInt16", lambda control: control.active_tool),
    "feed_rate_override": VariableSpec("FeedRateOverride", "UInt16", lambda control: control.feed_rate_override),
    "estopped": VariableSpec("EmergencyStop", "Boolean", lambda control: control.estopped),
}
ALARM_VALUES = {alarm: VariableSpec(f"Alarm{alarm.code}", "Boolean", _is_on(alarm)) for alarm in ALARMS}
VARIABLES = {
    DIAMETER: VariableSpec("Diameter", "Double", lambda control: control.variables[DIAMETER]),
    SPINDLE_LOAD: VariableSpec("SpindleLoad", "Double", lambda control: control.variables[SPINDLE_LOAD]),
}
SELECT = VariableSpec("ProgramSelect", "Int32", lambda control: round(control.variables[PROGRAM_SELECT]))
HOLD_OUTPUT = VariableSpec(HOLD, "Boolean", lambda control: control.held)


def variables_of(machine: MachineSpec) -> list[VariableSpec]:
    """All that this machine has, but for the heartbeat, which is no value of the control."""
    return [*VALUES.values(), *ALARM_VALUES.values(), *_numbered(machine).values(), HOLD_OUTPUT]


def node(name: str) -> str:
    return f"ns={NAMESPACE};s={name}"


def settings(machine: MachineSpec, port: int) -> Iterator[str]:
    """The lines of its table in `shop.toml`."""
    at = "machine.opcua"
    yield from (f"[{at}]", f'url = "opc.tcp://{HOST}:{port}"')
    for name, variable in VALUES.items():
        yield from _named(f"[{at}.values.{name}]", variable.name)
        if name == "cycle_state":
            yield "map = { " + ", ".join(f'{code} = "{state}"' for code, state in enumerate(STATES)) + " }"
    for number, variable in _numbered(machine).items():
        yield from _named(f"[{at}.variables.{number}]", variable.name)
    for alarm, variable in ALARM_VALUES.items():
        yield from _named(f"[[{at}.alarms]]", variable.name)
        yield from (f'code = "{alarm.code}"', f'type = "{alarm.text}"')
    yield from (*_named(f"[{at}.heartbeat]", HEARTBEAT), "max_age_seconds = 5")
    yield from _named(f"[{at}.hold_output]", HOLD)


def _numbered(machine: MachineSpec) -> dict[int, VariableSpec]:
    return VARIABLES if machine.main_program is None else VARIABLES | {PROGRAM_SELECT: SELECT}


def _named(table: str, name: str) -> list[str]:
    return [table, f'node = "{node(name)}"']
