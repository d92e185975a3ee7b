"""What adapters share whose values are mapped by hand: a table says where each is, here they come together again."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Protocol

from msgspec import Meta, Struct

from taktledger.domain.shop import ControlAlarm
from taktledger.shopfloor.update import MachineUpdate

VariableNumber = Annotated[int, Meta(ge=0, le=9_999_999_999)]
HEARTBEAT, HOLD_OUTPUT = "heartbeat", "hold output"
"""Their names among the values."""


class Alarm(Protocol):
    """An alarm that is on while its bit is."""

    @property
    def code(self) -> str | None: ...
    @property
    def type(self) -> str | None: ...


class Mapped(Protocol):
    """The settings of such an adapter."""

    @property
    def values(self) -> Struct: ...
    @property
    def variables(self) -> Mapping[int, Any]: ...
    @property
    def alarms(self) -> Sequence[Alarm]: ...
    @property
    def heartbeat(self) -> Any: ...
    @property
    def hold_output(self) -> Any: ...


def named(settings: Mapped) -> Iterator[tuple[str, Any]]:
    """Everything that is read, by the name that it has in messages."""
    if settings.heartbeat is not None:
        yield HEARTBEAT, settings.heartbeat
    for name in settings.values.__struct_fields__:
        if (value := getattr(settings.values, name)) is not None:
            yield name, value
    for number, variable in sorted(settings.variables.items()):
        yield f"variable {number}", variable
    for alarm in settings.alarms:
        yield _name(alarm), alarm
    if settings.hold_output is not None:
        yield HOLD_OUTPUT, settings.hold_output


def check(settings: Mapped) -> None:
    """Raises ValueError."""
    names = [name for name, _ in named(settings)]
    if not names:
        raise ValueError("values: missing, there is nothing to read")
    if len(set(names)) < len(names):
        raise ValueError("alarms: two have the same code and type")


def check_alarm(alarm: Alarm) -> None:
    """Raises ValueError."""
    if not (alarm.code or alarm.type):
        raise ValueError("code: missing, an alarm needs a code or a type")


def scaled(number: int | float, scale: float) -> int | float:
    # 15 digits are what a double is sure of: 3 * 0.1 is 0.3, not 0.30000000000000004.
    return number if scale == 1 else float(f"{number * scale:.15g}")


def update_of(settings: Mapped, read: Mapping[str, Any]) -> MachineUpdate:
    """How the machine is, of what was read, by name. What is None or isn't there is unknown."""
    variables = {number: read.get(f"variable {number}") for number in settings.variables}
    on = [(alarm, read.get(_name(alarm))) for alarm in settings.alarms]
    is_known = bool(on) and all(is_on is not None for _, is_on in on)
    fields: dict[str, Any] = {name: read.get(name) for name in settings.values.__struct_fields__}
    return MachineUpdate(
        **fields,
        common_vars={number: float(value) for number, value in variables.items() if value is not None} or None,
        alarms=[ControlAlarm(alarm_code=each.code, alarm_type=each.type) for each, is_on in on if is_on]
        if is_known
        else None,
    )


def _name(alarm: Alarm) -> str:
    return "alarm " + " ".join(each for each in (alarm.code, alarm.type) if each)
