"""Given these events, when this is decided, then those events follow: how the tests of the meaning are written.

    Given(a_machine(1)).when(create_program, CreateProgram(filename="O1", machine_id=1)).then(ProgramCreated(...))
    Given(a_machine(1)).when(create_machine, CreateMachine(name="lathe")).then_error(Conflict, field="source_name")

What is decided is folded in the way the writer does it, and whatever is written must be readable again.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import zip_longest
from typing import Any, Self

from msgspec import convert
from msgspec.msgpack import encode
from msgspec.structs import replace

from taktledger.domain.alerts import AlertRaised
from taktledger.domain.assemblies import AssemblyCreated, AssemblyFields
from taktledger.domain.errors import DomainError
from taktledger.domain.event import Event
from taktledger.domain.fold import CODEC, fold
from taktledger.domain.machines import MachineCreated, MachineFields
from taktledger.domain.parts import FinishCycles
from taktledger.domain.processes import ProcessCreated, ProcessFields
from taktledger.domain.programs import ProgramCreated, ProgramFields, SelectProgram, select_program
from taktledger.domain.reactions import react
from taktledger.domain.shop import Shop
from taktledger.domain.tools.fields import ToolFields
from taktledger.domain.tools.tool import ToolCreated

Decide = Callable[[Shop, Any, float], Iterable[Event]]
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp()
"""When a test begins. Every `when` that names no time is a second later than the one before."""
BY_THE_WRITER = {"recorded_at": 0.0, "actor": "", "source": None, "source_sequence": None}
"""The envelope fields that only count in a comparison when the test names them."""


class _NoHistory:
    """For decisions that need not look at the rows here."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"this decision asks the history: {name}")


NO_HISTORY: Any = _NoHistory()


class Given:
    """A shop in which this has happened."""

    def __init__(self, *events: Event) -> None:
        self._shop = Shop()
        self.now = NOON
        self.events: list[Event] = []
        """What the last `when` brought about, reactions included."""
        self._error: DomainError | None = None
        for event in events:
            fold(self._shop, event if event.recorded_at else replace(event, recorded_at=event.occurred_at))

    @property
    def shop(self) -> Shop:
        self._nothing_wrong()
        return self._shop

    @property
    def alerts(self) -> list[AlertRaised]:
        return [event for event in self.events if isinstance(event, AlertRaised)]

    def when(self, decide: Decide, command: Any, now: float | None = None, **envelope: Any) -> Self:
        """Runs one decision. `envelope`: what the writer knows of it, such as `actor`, `source`, `source_sequence`."""
        self._nothing_wrong()
        self.now = self.now + 1 if now is None else now
        self.events, self._before = [], encode(self._shop)
        try:
            for event in decide(self._shop, command, self.now):
                self._write(event, {"actor": "user-1", **envelope})
        except DomainError as error:
            self._error = error
        return self

    def loading(self, program: str, at: float | None = None, machine_id: int = 1, **more: Any) -> Self:
        """The control says that this program is loaded."""
        return self.when(
            select_program,
            SelectProgram(
                machine_id=machine_id,
                program=program,
                program_name=None,
                occurred_at=self.now + 1 if at is None else at,
                reported_at=None,
                **more,
            ),
        )

    def then(self, *expected: Event | type[Event]) -> Self:
        """Exactly this followed, in this order. A class stands for any event of its kind."""
        self._nothing_wrong()
        pairs = list(zip_longest(expected, self.events))
        found = [type(event) if isinstance(each, type) else event for each, event in pairs]
        assert found == [_as_written(each, event) for each, event in pairs]
        return self

    def then_error(self, kind: type[DomainError], field: str | None = None) -> Self:
        """It was refused, about this field, and nothing has happened."""
        error, self._error = self._error, None
        assert type(error) is kind, f"{kind.__name__} expected, but: {error!r} {self.events}"
        assert field is None or error.field == field, f"about {error.field}: {error.message}"
        assert encode(self._shop) == self._before, "a refused command has changed the shop"
        return self

    def _write(self, event: Event, envelope: dict[str, Any]) -> None:
        event = replace(event, recorded_at=self.now, **envelope)
        assert CODEC.decode(CODEC.encode(event)) == event, "what is written must be readable again"
        fold(self._shop, event)
        self.events.append(event)
        for reaction in react(self._shop, event):
            self._write(reaction, {"actor": "system"})

    def _nothing_wrong(self) -> None:
        if self._error is not None:
            raise AssertionError(f"refused: {self._error.message}") from self._error


def a_machine(machine_id: int = 1, name: str = "lathe", **fields: Any) -> MachineCreated:
    said = MachineFields(name=name, **fields)
    return MachineCreated(occurred_at=NOON - 60, machine_id=machine_id, source_name=name, fields=said)


def a_program(program_id: int = 1, filename: str = "O1", machine_id: int = 1, **fields: Any) -> ProgramCreated:
    said = ProgramFields(filename=filename, **fields)
    return ProgramCreated(occurred_at=NOON - 50, program_id=program_id, machine_id=machine_id, fields=said)


def a_process(process_id: int = 1, name: str = "flange", machine_id: int = 1, **fields: Any) -> ProcessCreated:
    said = convert({"name": name, **fields}, ProcessFields)
    return ProcessCreated(occurred_at=NOON - 55, process_id=process_id, machine_id=machine_id, fields=said)


def an_assembly(
    assembly_id: int = 1, name: str = "drill", process_id: int | None = None, **fields: Any
) -> AssemblyCreated:
    said = AssemblyFields(name=name, **fields)
    return AssemblyCreated(occurred_at=NOON - 45, assembly_id=assembly_id, process_id=process_id, fields=said)


def a_tool(tool_id: int = 1, name: str = "insert", assembly_id: int | None = None, **fields: Any) -> ToolCreated:
    said = ToolFields(name=name, **fields)
    return ToolCreated(occurred_at=NOON - 44, tool_id=tool_id, assembly_id=assembly_id, fields=said)


def cycles_of(program: str | None = "O1", cycles: int = 1, at: float = NOON, **more: Any) -> FinishCycles:
    said = {"machine_id": 1, "counters": {}, "tools_seen": [], "tool_seconds": {}, "variables": {}, "reported_at": None}
    return FinishCycles(**(said | {"program": program, "cycles": cycles, "occurred_at": at} | more))


def said(shop: Shop, events: Iterable[Event], now: float) -> Iterable[Event]:
    """A decision that has been made: these events follow."""
    return events


def _as_written(expected: Any, event: Event | None) -> Any:
    """`expected`, with the envelope of `event` where the test says nothing of it."""
    if event is None or not isinstance(expected, Event):
        return expected
    silent = {name: getattr(event, name) for name, unset in BY_THE_WRITER.items() if getattr(expected, name) == unset}
    return replace(expected, **silent)
