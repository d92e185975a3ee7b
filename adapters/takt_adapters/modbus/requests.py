"""Requests and answers (PDUs): the bytes that ask for a span, and what came back, byte for byte. Pure functions.

From the MODBUS Application Protocol Specification V1.1b3, sections 6.1 to 6.6 and 7.
"""

import struct

from pymodbus.constants import ExcCodes

from takt_adapters.adapter import AdapterError, BadAnswer
from takt_adapters.modbus.registers import Register, Span

READS: dict[Register, int] = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
WRITES: dict[Register, int] = {"coil": 5, "holding": 6}
COIL_WORDS = {0: 0x0000, 1: 0xFF00}
"""How a coil that is written comes over the wire."""
EXCEPTION = 0x80
"""Added to the function code of a request that was refused."""
OUT_OF_REACH = (ExcCodes.GATEWAY_PATH_UNAVIABLE, ExcCodes.GATEWAY_NO_RESPONSE)


class IllegalAddress(BadAnswer):
    """The device has nothing at one of the addresses."""


class Broken(BadAnswer):
    """No answer to what was asked: whoever sent it can't be trusted with the next request either."""


def to_read(span: Span) -> bytes:
    return struct.pack(">BHH", READS[span.register], span.address, span.size)


def to_write(span: Span, word: int) -> bytes:
    return struct.pack(">BHH", WRITES[span.register], span.address, _sent(span, word))


def words_read(span: Span, answer: bytes) -> list[int]:
    """What is in the answer to `to_read`. A bit is 0 or 1. Raises AdapterError."""
    data = _data(span, READS[span.register], answer)
    bits = span.register in ("coil", "discrete")
    expected = -(-span.size // 8) if bits else 2 * span.size  # bits come in whole bytes
    found = len(data) - 1
    if found != expected:
        values = (found * 8, expected * 8) if bits else (found // 2, span.size)
        raise Broken(f"{span}: the answer has {max(values[0], 0)} values instead of {values[1]}")
    if data[0] != found:
        raise Broken(f"{span}: the answer says that it has {data[0]} bytes, and has {found}")
    if bits:
        return [data[1 + offset // 8] >> offset % 8 & 1 for offset in range(span.size)]
    return list(struct.unpack(f">{span.size}H", data[1:]))


def check_written(span: Span, word: int, answer: bytes) -> None:
    """The answer to `to_write` is the request, byte for byte. Raises AdapterError."""
    echo = _data(span, WRITES[span.register], answer)
    if echo != struct.pack(">HH", span.address, _sent(span, word)):
        raise Broken(f"{span}: {word} was written, and the answer says {echo.hex(' ', 2) or 'nothing'}")


def _sent(span: Span, word: int) -> int:
    return COIL_WORDS[word] if span.register == "coil" else word


def _data(span: Span, function: int, answer: bytes) -> bytes:
    """What follows the function code. Raises AdapterError."""
    if answer[0] == function | EXCEPTION and len(answer) == 2:
        code = answer[1]
        text = f"{span}: the device answers with exception {code} ({_name(code)})"
        if code in OUT_OF_REACH:  # it is the gateway that answers, and the device doesn't
            raise AdapterError(f"{span}: the gateway answers with exception {code} ({_name(code)})")
        raise IllegalAddress(text) if code == ExcCodes.ILLEGAL_ADDRESS else BadAnswer(text)
    if answer[0] != function:
        raise Broken(f"{span}: asked for function {function}, got {answer[0]}")
    return answer[1:]


def _name(code: int) -> str:
    if code == ExcCodes.GATEWAY_PATH_UNAVIABLE:
        return "gateway path unavailable"
    return ExcCodes(code).name.lower().replace("_", " ") if code in set(ExcCodes) else "an unknown code"
