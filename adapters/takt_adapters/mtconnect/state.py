"""What is known of a device: observations in, machine updates out. No network, no clock."""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from takt_adapters.adapter import BadAnswer
from takt_adapters.mtconnect.conditions import Conditions
from takt_adapters.mtconnect.documents import shown
from takt_adapters.mtconnect.model import Model
from takt_adapters.mtconnect.streams import MAX_LINE, UNAVAILABLE, Observation
from taktledger.shopfloor.update import MachineUpdate

MAX_COUNT = 2**32 - 1
MAX_OVERRIDE = 10_000.0

Field = str | int
"""Field of the machine update, or number of a variable."""


class BadValue(BadAnswer):
    """A value that can't be."""


def _part_count(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,15}(\.0*)?", text) or (count := int(text.partition(".")[0])) > MAX_COUNT:
        raise ValueError("a whole number that isn't negative")
    return count


def _estopped(text: str) -> bool:
    if text not in ("ARMED", "TRIGGERED"):
        raise ValueError("ARMED or TRIGGERED")
    return text == "TRIGGERED"


def _line(text: str) -> str:
    if len(text) > MAX_LINE:
        raise ValueError(f"at most {MAX_LINE} characters")
    return text


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or abs(value) > 1e300:
        raise ValueError("a number")
    return value


def _override(text: str) -> float:
    value = _number(text)
    if not 0 <= value <= MAX_OVERRIDE:
        raise ValueError(f"percent from 0 to {MAX_OVERRIDE:g}")
    return value


def _tool(text: str) -> int | None:
    """The location: 12, or T12. The name of a tool is none."""
    found = re.fullmatch(r"[Tt]?([0-9]{1,9})", text)
    return int(found[1]) if found else None


READ: Mapping[str, Callable[[str], Any]] = {
    "part_count": _part_count,
    "cycle_state": _line,
    "estopped": _estopped,
    "program_name": _line,
    "feed_rate_override": _override,
    "active_tool": _tool,
}


def read(field: Field, text: str) -> Any:
    """The value that an observation's text stands for. None: unknown. Raises ValueError that says what was expected."""
    if text == UNAVAILABLE or (not text and field != "program_name"):  # no program is loaded: that is known
        return None
    return _number(text) if isinstance(field, int) else READ[field](text)


class State:
    def __init__(self, model: Model, before: "State | None" = None) -> None:
        """`before`: whose conditions stay known where the device says nothing of them."""
        self.model = model
        self.fields: dict[str, list[Field]] = {}
        """Id of a data item -> what is read from it."""
        for name, item in model.fields.items():
            self.fields.setdefault(item.id, []).append(name)
        for number, item in model.variables.items():
            self.fields.setdefault(item.id, []).append(number)
        self.conditions: Conditions = Conditions(model.conditions, before.conditions if before is not None else None)
        self.wanted = {*self.fields, *model.conditions, *filter(None, [model.availability])}
        self.available = True
        self._values: dict[Field, Any] = {}

    def load(self, found: Sequence[Observation]) -> None:
        """Takes everything at once, and no value from before. Raises BadValue."""
        self._load(found, 0)

    def load_as_before(self, found: Sequence[Observation], sequence: int) -> None:
        """Takes how it was before this sequence number, so far as what was found later tells; the rest is unknown.

        A value that was said since then must come in its turn: if it were known now, it would be told too early, and
        what was said before it would look like a counter that goes back. Conditions are taken as they are: they are
        none the worse for being known too early.
        """
        self._load([each for each in found if each.sequence < sequence or each.item in self.conditions], math.inf)

    def take(self, moment: Sequence[Observation], forgiven: float = 0) -> MachineUpdate:
        """What was said at one moment. Raises BadValue; before the sequence number `forgiven` such a value is unknown.

        While the device is unavailable it says nothing, and afterwards everything that was said meanwhile.
        """
        available = self.available
        self._take(moment, forgiven)
        if not self.available or not available:
            return self.update()
        said = {each.item for each in moment}
        fields = [field for id in said for field in self.fields.get(id, ())]
        return self._update(fields, with_alarms=any(id in self.conditions for id in said))

    def update(self) -> MachineUpdate:
        """Everything that is known."""
        return self._update(self._values, with_alarms=True)

    def nothing_new(self) -> MachineUpdate:
        return MachineUpdate(success=self.available)

    def _load(self, found: Sequence[Observation], forgiven: float) -> None:
        self._values, self.available = {}, True
        self.conditions.doubt(each.item for each in found)
        self._take(found, forgiven)

    def _take(self, found: Iterable[Observation], forgiven: float) -> None:
        for each in found:
            if each.item == self.model.availability:
                self.available = each.text != UNAVAILABLE
            if each.item in self.conditions:
                self.conditions.take(each)
            for field in self.fields.get(each.item, ()):
                try:
                    self._values[field] = read(field, each.text)
                except ValueError as error:
                    if each.sequence >= forgiven:
                        raise BadValue(_complaint(field, each, error)) from error
                    self._values[field] = None

    def _update(self, fields: Iterable[Field], with_alarms: bool) -> MachineUpdate:
        if not self.available:
            return self.nothing_new()
        known = {field: value for field in fields if (value := self._values.get(field)) is not None}
        variables = {field: value for field, value in known.items() if isinstance(field, int)}
        return MachineUpdate(
            **{field: value for field, value in known.items() if isinstance(field, str)},
            common_vars=variables or None,
            alarms=self.conditions.alarms() if with_alarms else None,
        )


def _complaint(field: Field, each: Observation, error: ValueError) -> str:
    name = f"variable {field}" if isinstance(field, int) else field
    return f"{name} (data item {shown(each.item)}): expected {error}, got {shown(each.text)!r}"
