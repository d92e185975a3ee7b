"""Registers: which requests to make for what is wanted, and what the words of an answer mean. Pure functions.

Modbus says that a register is 16 bits, high byte first. How two or four of them make a bigger value it doesn't say,
so every device does it its own way: that is the word order.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from pymodbus.client import AsyncModbusTcpClient

from takt_adapters.adapter import BadAnswer

Register = Literal["coil", "discrete", "input", "holding"]
WordOrder = Literal["ABCD", "CDAB", "BADC", "DCBA"]
"""How the bytes of a 32-bit value ABCD (A is the highest) come over the wire."""
NumberType = Literal["uint16", "int16", "uint32", "int32", "float32", "float64"]

NUMBER_WORDS: dict[str, int] = {"uint16": 1, "int16": 1, "uint32": 2, "int32": 2, "float32": 2, "float64": 4}
ADDRESSES = 65_536
REQUEST_LIMITS: dict[Register, int] = {"coil": 2000, "discrete": 2000, "input": 125, "holding": 125}
"""What one request may ask for."""
BRIDGED = 4
"""A hole of so many addresses is read along, since a request costs more than a few words."""


class Span(NamedTuple):
    """Neighbouring addresses of one kind."""

    register: Register
    address: int
    size: int

    @property
    def end(self) -> int:
        return self.address + self.size

    def __str__(self) -> str:
        return f"{self.register} {self.address}" + (f"..{self.end - 1}" if self.size > 1 else "")


def plan(wanted: Iterable[Span], bridged: int = BRIDGED) -> list[Span]:
    """The fewest requests that cover what is wanted. No value is ever split: its words are of one moment."""
    requests: list[Span] = []
    for span in sorted(wanted):
        last = requests[-1] if requests else None
        if last and last.register == span.register and span.address <= last.end + bridged:
            size = max(last.end, span.end) - last.address
            if size <= REQUEST_LIMITS[span.register]:
                requests[-1] = last._replace(size=size)
                continue
        requests.append(span)
    return requests


def as_number(words: Sequence[int], kind: NumberType, order: WordOrder) -> int | float:
    """Raises BadAnswer for a float that is not a number. The order is that of 32 and 64 bits only."""
    if len(words) > 1 and order in ("BADC", "DCBA"):
        words = _bytes_swapped(words)
    value = AsyncModbusTcpClient.convert_from_registers(
        words,
        AsyncModbusTcpClient.DATATYPE[kind.upper()],
        word_order="little" if order in ("CDAB", "DCBA") else "big",
    )
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        raise BadAnswer(f"{value} is not a number")
    return value


def as_text(words: Sequence[int], order: WordOrder) -> str:
    """Up to the first NUL, without the spaces that fill it up. Raises BadAnswer for what isn't printable UTF-8."""
    if order == "BADC":
        words = _bytes_swapped(words)
    data = b"".join(word.to_bytes(2, "big") for word in words).split(b"\0")[0]
    try:
        text = data.decode().rstrip(" ")
    except UnicodeDecodeError:
        text = "\0"
    if not text.isprintable():
        raise BadAnswer(f"{data!r} is not text")
    return text


def _bytes_swapped(words: Sequence[int]) -> list[int]:
    return [(word & 0xFF) << 8 | word >> 8 for word in words]
