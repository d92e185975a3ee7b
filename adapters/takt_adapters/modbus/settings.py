"""The table `[machine.modbus]`: where a machine's values are, and how each is read.

One struct per kind of value, so that a key that means nothing for it is an error, and not silently ignored.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from takt_adapters.mapping import VariableNumber, check, check_alarm, scaled
from takt_adapters.modbus.registers import (
    ADDRESSES,
    NUMBER_WORDS,
    NumberType,
    Register,
    Span,
    WordOrder,
    as_number,
    as_text,
)
from takt_adapters.modbus.tls import Tls

Address = Annotated[int, Meta(ge=0, le=ADDRESSES - 1)]
BitNumber = Annotated[int, Meta(ge=0, le=15)]
Word = Annotated[int, Meta(ge=0, le=65535)]
Type = Literal["bool", "string"] | NumberType


class Place(Struct, kw_only=True, frozen=True):
    """Where something is read."""

    register: Register
    address: Address
    """0-based, as on the wire."""
    bit: BitNumber | None = None
    """Of a register; 0 is the lowest."""

    @property
    def kind(self) -> Type:
        return "bool"

    @property
    def span(self) -> Span:
        return Span(self.register, self.address, NUMBER_WORDS.get(self.kind, 1))

    def __post_init__(self) -> None:
        if self.register in ("coil", "discrete"):
            if self.kind != "bool":
                raise ValueError(f'type: expected "bool" for a {self.register}, got "{self.kind}"')
            if self.bit is not None:
                raise ValueError(f"bit: a {self.register} is one bit")
        elif self.kind == "bool" and self.bit is None:
            raise ValueError(f"bit: missing, expected the bit of the {self.register} register, or another type")
        elif self.kind != "bool" and self.bit is not None:
            raise ValueError(f'bit: expected type = "bool" with it, got "{self.kind}"')
        if self.span.end > ADDRESSES:
            raise ValueError(f"address: {self.span.size} registers from {self.address} end beyond {ADDRESSES - 1}")


class Flag(Place, kw_only=True, frozen=True):
    """True or false."""

    type: Literal["bool"] = "bool"

    def value(self, words: Sequence[int], order: WordOrder) -> bool:
        return bool(_bit(self, words))


class Alarm(Place, kw_only=True, frozen=True):
    """An alarm that is on while its bit is."""

    code: str | None = None
    type: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_alarm(self)

    def value(self, words: Sequence[int], order: WordOrder) -> bool:
        return bool(_bit(self, words))


class Heartbeat(Place, kw_only=True, frozen=True):
    """What changes as long as the device is alive: many answer with zeros when they no longer know."""

    max_age_seconds: Annotated[float, Meta(ge=0.1, le=3600)]
    """Answers are believed for so long after a change."""

    @property
    def kind(self) -> Type:
        return "uint16" if self.bit is None and self.register in ("input", "holding") else "bool"

    def value(self, words: Sequence[int], order: WordOrder) -> int:
        return words[0] if self.kind == "uint16" else _bit(self, words)


class Number(Place, kw_only=True, frozen=True):
    """A number, times `scale`. A bit is 0 or 1."""

    type: Literal["bool", "uint16", "int16", "uint32", "int32", "float32", "float64"] = "bool"
    word_order: WordOrder | None = None
    """Instead of the machine's."""
    scale: Annotated[float, Meta(ge=-1e9, le=1e9)] = 1.0

    @property
    def kind(self) -> Type:
        return self.type

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.word_order is not None and self.span.size == 1:
            raise ValueError(f'word_order: a "{self.type}" has one word')
        if self.scale == 0:
            raise ValueError("scale: 0 makes every value 0")

    def value(self, words: Sequence[int], order: WordOrder) -> int | float:
        if self.type == "bool":
            return _bit(self, words)
        number = as_number(words, self.type, self.word_order or order)
        return scaled(number, self.scale)


class Whole(Number, kw_only=True, frozen=True):
    """A whole number."""

    type: Literal["bool", "uint16", "int16", "uint32", "int32"] = "bool"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.scale != 1:
            raise ValueError("scale: not for a whole number")


class Counter(Whole, kw_only=True, frozen=True):
    """The part count. The size of its register says where it wraps."""

    type: Literal["uint16", "uint32"]


class Text(Place, kw_only=True, frozen=True):
    """Text, or a number that stands for one."""

    type: Literal["bool", "uint16", "int16", "uint32", "int32", "string"] = "bool"
    word_order: WordOrder | None = None
    """Instead of the machine's; of a string, whether the characters of a register are swapped."""
    length: Annotated[int, Meta(ge=1, le=125)] | None = None
    """Of a string, in registers."""
    map: dict[int, str] = field(default_factory=dict)
    """Number -> text. A number that isn't in it reads as its digits."""

    @property
    def kind(self) -> Type:
        return self.type

    @property
    def span(self) -> Span:
        return super().span._replace(size=self.length) if self.length else super().span

    def __post_init__(self) -> None:
        if (self.type == "string") != (self.length is not None):
            raise ValueError(
                "length: missing, expected the registers of the string"
                if self.length is None
                else f'length: expected type = "string" with it, got "{self.type}"'
            )
        super().__post_init__()
        if self.type == "string" and self.map:
            raise ValueError("map: not for a string")
        if self.type == "string" and self.word_order not in (None, "ABCD", "BADC"):
            raise ValueError(f'word_order: expected "ABCD" or "BADC" for a string, got "{self.word_order}"')
        if self.type != "string" and self.word_order is not None and self.span.size == 1:
            raise ValueError(f'word_order: a "{self.type}" has one word')

    def value(self, words: Sequence[int], order: WordOrder) -> str:
        if self.type == "string":
            return as_text(words, self.word_order or "ABCD")
        number = (
            _bit(self, words) if self.type == "bool" else int(as_number(words, self.type, self.word_order or order))
        )
        return self.map.get(number, str(number))


class HoldOutput(Struct, kw_only=True, frozen=True):
    """What is written to hold the machine, and read back."""

    register: Literal["coil", "holding"]
    address: Address
    on: Word = 1
    """Written to hold it."""
    off: Word = 0
    """Written to let it run."""

    @property
    def span(self) -> Span:
        return Span(self.register, self.address, 1)

    def __post_init__(self) -> None:
        if self.register == "coil" and (self.on, self.off) != (1, 0):
            raise ValueError("on: not for a coil, which is 1 to hold the machine and 0 to let it run")
        if self.on == self.off:
            raise ValueError(f"off: expected another number than on, got {self.off}")

    def value(self, words: Sequence[int], order: WordOrder) -> bool | None:
        """None: the register reads neither."""
        return {self.on: True, self.off: False}.get(words[0])


class Values(Struct, kw_only=True, frozen=True):
    """Fields of the machine update. What isn't here stays unknown."""

    part_count: Counter | None = None
    cycle_state: Text | None = None
    estopped: Flag | None = None
    program_name: Text | None = None
    feed_rate_override: Number | None = None
    active_tool: Whole | None = None


AnyValue = Flag | Alarm | Heartbeat | Number | Text | HoldOutput


class ModbusSettings(Struct, kw_only=True, frozen=True):
    host: Annotated[str, Meta(min_length=1, max_length=253)]
    port: Annotated[int, Meta(ge=1, le=65535)] = 502
    unit: Annotated[int, Meta(ge=0, le=255)] = 1
    """Device ID."""
    timeout_seconds: Annotated[float, Meta(ge=0.05, le=10)] = 2.0
    """To connect, and for each answer."""
    word_order: WordOrder = "ABCD"
    """Of values of 32 and 64 bits."""
    tls: Tls | None = None
    """None: what is sent can be read and changed on the way."""
    values: Values = Values()
    variables: dict[VariableNumber, Number] = field(default_factory=dict)
    alarms: list[Alarm] = field(default_factory=list)
    heartbeat: Heartbeat | None = None
    hold_output: HoldOutput | None = None

    def __post_init__(self) -> None:
        check(self)


def _bit(place: Place, words: Sequence[int]) -> int:
    return words[0] >> (place.bit or 0) & 1
