"""Which requests are made, and what words mean, against the plainest possible oracle."""

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from takt_adapters.modbus.registers import (
    BRIDGED,
    NUMBER_WORDS,
    REQUEST_LIMITS,
    BadAnswer,
    Span,
    as_number,
    as_text,
    plan,
)

FORMATS = {"uint16": ">H", "int16": ">h", "uint32": ">I", "int32": ">i", "float32": ">f", "float64": ">d"}
ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")


def on_the_wire(data: bytes, order: str) -> list[int]:
    """ABCD or, for 64 bits, ABCDEFGH, as a device of this word order sends it."""
    words = [data[at : at + 2] for at in range(0, len(data), 2)]
    if order in ("CDAB", "DCBA"):
        words.reverse()
    if order in ("BADC", "DCBA"):
        words = [word[::-1] for word in words]
    return [int.from_bytes(word, "big") for word in words]


@st.composite
def numbers(draw: st.DrawFn) -> tuple[str, float]:
    kind = draw(st.sampled_from(sorted(FORMATS)))
    bits = 16 * NUMBER_WORDS[kind]
    if kind.startswith("float"):
        return kind, draw(st.floats(width=bits, allow_nan=False, allow_infinity=False))  # type: ignore[call-overload]
    low, high = (0, 2**bits - 1) if kind.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return kind, draw(st.integers(low, high))


@given(numbers(), st.sampled_from(ORDERS))
def test_a_number_of_each_type_and_order(number: tuple[str, float], order: str) -> None:
    kind, value = number
    data = struct.pack(FORMATS[kind], value)
    words = on_the_wire(data, order if len(data) > 2 else "ABCD")
    assert as_number(words, kind, order) == value  # type: ignore[arg-type]


def test_the_letters_mean_what_they_say() -> None:
    sent = {"ABCD": [0x0A0B, 0x0C0D], "CDAB": [0x0C0D, 0x0A0B], "BADC": [0x0B0A, 0x0D0C], "DCBA": [0x0D0C, 0x0B0A]}
    assert {order: as_number(words, "uint32", order) for order, words in sent.items()} == dict.fromkeys(  # type: ignore[arg-type]
        ORDERS, 0x0A0B0C0D
    )


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_a_float_that_is_no_number(order: str, value: float, kind: str) -> None:
    with pytest.raises(BadAnswer):
        as_number(on_the_wire(struct.pack(FORMATS[kind], value), order), kind, order)  # type: ignore[arg-type]


@given(st.text(st.characters(exclude_categories=["C", "Z"]), max_size=20), st.sampled_from(["ABCD", "BADC"]))
def test_text(text: str, order: str) -> None:
    data = text.encode() + b"\0junk"
    words = on_the_wire(data + b"\0" * (len(data) % 2), order)
    assert as_text(words, order) == text  # type: ignore[arg-type]


def test_text_is_filled_up_with_spaces_or_ends_at_nul() -> None:
    assert as_text([0x4F31, 0x2020], "ABCD") == "O1"
    assert as_text([0x4F31, 0x0041], "ABCD") == "O1"
    assert as_text([0, 0], "ABCD") == ""


@pytest.mark.parametrize("words", [[0xFF41], [0x0741], [0x410A]])
def test_what_is_not_text(words: list[int]) -> None:
    with pytest.raises(BadAnswer):
        as_text(words, "ABCD")


spans = st.builds(
    Span,
    st.sampled_from(["coil", "discrete", "input", "holding"]),
    st.integers(0, 65_000) | st.integers(0, 300),
    st.integers(1, 125),
)


@given(st.lists(spans, max_size=30))
def test_a_plan_covers_everything_within_the_limits(wanted: list[Span]) -> None:
    requests = plan(wanted)
    assert all(request.size <= REQUEST_LIMITS[request.register] for request in requests)
    for span in wanted:  # as a whole: a value of two words must not be of two moments
        assert any(r.register == span.register and r.address <= span.address and span.end <= r.end for r in requests)
    read = {(r.register, address) for r in requests for address in range(r.address, r.end)}
    asked = {(s.register, address) for s in wanted for address in range(s.address, s.end)}
    for register, address in read - asked:  # a hole, and a short one
        assert any((register, address + step) in asked for step in range(1, BRIDGED + 1))
        assert any((register, address - step) in asked for step in range(1, BRIDGED + 1))


@given(st.lists(spans, max_size=30))
def test_without_bridging_nothing_else_is_read(wanted: list[Span]) -> None:
    read = {(r.register, address) for r in plan(wanted, bridged=0) for address in range(r.address, r.end)}
    assert read == {(s.register, address) for s in wanted for address in range(s.address, s.end)}


def test_neighbours_are_read_at_once() -> None:
    values = [Span("holding", 100, 2), Span("holding", 102, 1), Span("holding", 106, 2), Span("input", 103, 1)]
    assert plan(values) == [Span("holding", 100, 8), Span("input", 103, 1)]
    assert plan([Span("holding", 0, 1), Span("holding", 2 + BRIDGED, 1)]) == [
        Span("holding", 0, 1),
        Span("holding", 2 + BRIDGED, 1),
    ]
    assert plan([Span("holding", at, 1) for at in range(126)]) == [Span("holding", 0, 125), Span("holding", 125, 1)]
    assert plan([Span("coil", at, 1) for at in range(2001)]) == [Span("coil", 0, 2000), Span("coil", 2000, 1)]
