"""One machine over Modbus TCP: asks for the planned requests, writes the hold output, and doubts every answer.

pymodbus returns a device's exceptions, raises what goes wrong on the way, and takes other answers than the one it
asked for; all three become AdapterError here.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.constants import ExcCodes
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.bit_message import ReadCoilsResponse, ReadDiscreteInputsResponse, WriteSingleCoilResponse
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersResponse,
    ReadInputRegistersResponse,
    WriteSingleRegisterResponse,
)

from takt_adapters.adapter import AdapterError, BadAnswer, Reading, Report
from takt_adapters.modbus.registers import Register, Span, plan
from takt_adapters.modbus.settings import HOLD_OUTPUT, AnyValue, Heartbeat, ModbusSettings
from taktledger.domain.shop import ControlAlarm
from taktledger.shopfloor.update import MachineUpdate

# What it would log we raise, and the runner logs it once instead of at every try.
logging.getLogger("pymodbus").setLevel(logging.CRITICAL)

READS: dict[Register, tuple[str, type[ModbusPDU]]] = {
    "coil": ("read_coils", ReadCoilsResponse),
    "discrete": ("read_discrete_inputs", ReadDiscreteInputsResponse),
    "holding": ("read_holding_registers", ReadHoldingRegistersResponse),
    "input": ("read_input_registers", ReadInputRegistersResponse),
}
WRITES: dict[Register, tuple[str, type[ModbusPDU]]] = {
    "coil": ("write_coil", WriteSingleCoilResponse),
    "holding": ("write_register", WriteSingleRegisterResponse),
}
Words = dict[tuple[Register, int], int]
"""(register, address) -> what is there. A bit is 0 or 1."""


class IllegalAddress(BadAnswer):
    """The device has nothing at one of the addresses."""


class ModbusAdapter:
    def __init__(self, settings: ModbusSettings, clock: Callable[[], float]) -> None:
        """`clock` is monotonic, in seconds."""
        self.settings = settings
        self._clock = clock
        self._values: dict[str, AnyValue] = dict(settings.named())
        wanted = [value.span for value in self._values.values()]
        self._plans = [plan(wanted), plan(wanted, bridged=0), sorted(set(wanted))]
        """Ways to ask for it all, the best one first."""
        if settings.hold_output is not None:  # whose address may be wrong: that must not stop the counting
            self._plans.append(sorted(set(wanted) - {settings.hold_output.span}))
        self._client: AsyncModbusTcpClient | None = None
        self._beat: object = None
        """The heartbeat as it was last read. It outlives connections: a new one proves nothing."""
        self._beat_at = 0.0
        self._beat_changed = False
        self._held: bool | None = None

    @property
    def counter_bits(self) -> int:
        count = self.settings.values.part_count
        return 16 if count is not None and count.type == "uint16" else 32

    @property
    def has_hold_output(self) -> bool:
        return self.settings.hold_output is not None

    @property
    def held(self) -> bool | None:
        return self._held

    async def connect(self, mark: str | None) -> None:
        await self.close()
        # A fresh client for each connection, which never reconnects or repeats by itself: an answer that is late
        # can't be taken for the next one's, and a peer that froze is noticed within one timeout.
        self._client = AsyncModbusTcpClient(
            self.settings.host,
            port=self.settings.port,
            timeout=self.settings.timeout_seconds,
            retries=0,
            reconnect_delay=0,
        )
        if not await self._client.connect():
            raise AdapterError(f"no connection to {self.settings.host}:{self.settings.port}")

    async def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    async def poll(self) -> Sequence[Report]:
        return [Report(await self._read_update())]

    async def _read_update(self) -> MachineUpdate:
        words = await self._read_all()
        self._held = await self._read_output(words)
        read: dict[str, Any] = {}
        for name, value in self._values.items():
            if name == HOLD_OUTPUT:
                continue
            try:
                read[name] = self._decode(value, words)
            except BadAnswer as error:
                raise BadAnswer(f"{name} ({value.span}): {error}") from error
        if self.settings.heartbeat is not None:
            output = self.settings.hold_output
            if not any(word for place, word in words.items() if output is None or place != output.span[:2]):
                # Turning to 0 with all the rest is a change, but no sign of life. Nor is what we wrote ourselves.
                raise AdapterError("nothing but zeros, and the heartbeat with them")
            if not self._is_alive(self.settings.heartbeat, read["heartbeat"]):
                return MachineUpdate()  # it answers, and what it says is still unknown
        return self._update(read)

    def _update(self, read: dict[str, Any]) -> MachineUpdate:
        alarms = [
            ControlAlarm(alarm_code=alarm.code, alarm_type=alarm.type)
            for alarm in self.settings.alarms
            if read[f"alarm {alarm.name}"]
        ]
        return MachineUpdate(
            **{name: read[name] for name in self.settings.values.__struct_fields__ if name in read},
            common_vars={number: float(read[f"variable {number}"]) for number in self.settings.variables},
            alarms=alarms if self.settings.alarms else None,
        )

    async def _read_output(self, words: Words) -> bool | None:
        """From what was read; or by itself, where the device refuses to read it with the rest."""
        output = self.settings.hold_output
        if output is None:
            return None
        if output.span[:2] not in words:
            try:
                words = await self._read([output.span])
            except BadAnswer:
                return None
        return output.value([words[output.span[:2]]], self.settings.word_order)

    async def hold(self, held: bool) -> None:
        output = self.settings.hold_output
        if output is None:
            raise AdapterError("it has no hold output")
        word = output.on if held else output.off
        await self._write(output.span, word)
        words = await self._read([output.span])
        self._held = output.value(list(words.values()), self.settings.word_order)
        if self._held is not held:
            raise BadAnswer(f"{output.span}: {word} was written, and it reads {_shown(words, output.span)}")

    async def describe(self) -> list[Reading]:
        """Each value is asked for by itself, so that one that fails doesn't hide the others."""
        readings = []
        for name, value in self._values.items():
            raw = ""
            try:
                words = await self._read([value.span])
                raw = _shown(words, value.span)
                readings.append(Reading(name, str(value.span), raw, self._decode(value, words)))
            except BadAnswer as error:
                readings.append(Reading(name, str(value.span), raw, None, str(error)))
        return readings

    def _decode(self, value: AnyValue, words: Words) -> object:
        span = value.span
        return value.value(
            [words[span.register, address] for address in range(span.address, span.end)], self.settings.word_order
        )

    def _is_alive(self, heartbeat: Heartbeat, beat: object) -> bool:
        """Whether it was ever seen to change. Raises AdapterError if it did not for too long."""
        now = self._clock()
        if beat != self._beat:
            self._beat_changed = self._beat is not None
            self._beat, self._beat_at = beat, now
        if now - self._beat_at > heartbeat.max_age_seconds:
            raise AdapterError(f"the heartbeat ({heartbeat.span}) did not change for {heartbeat.max_age_seconds:g} s")
        return self._beat_changed

    async def _read_all(self) -> Words:
        while True:
            try:
                return await self._read(self._plans[0])
            except IllegalAddress:
                # Some devices refuse to read over a hole, or over the border of two areas. From now on we don't.
                if len(self._plans) == 1:
                    raise
                self._plans.pop(0)

    async def _read(self, requests: Iterable[Span]) -> Words:
        words: Words = {}
        for span in requests:
            for offset, word in enumerate(await self._ask(span)):
                words[span.register, span.address + offset] = word
        return words

    async def _ask(self, span: Span) -> list[int]:
        """One request to read. Raises AdapterError; BadAnswer when the device does answer."""
        answer = await self._request(span, *READS[span.register], count=span.size)
        if span.register in ("coil", "discrete"):
            found, expected = len(answer.bits), -(-span.size // 8) * 8  # bits come in whole bytes
            words = [int(bit) for bit in answer.bits[: span.size]]
        else:
            found, expected = len(answer.registers), span.size
            words = list(answer.registers)
        if found != expected:
            raise BadAnswer(f"{span}: the answer has {found} values instead of {expected}")
        return words

    async def _write(self, span: Span, word: int) -> None:
        """One request to write. Raises AdapterError. The answer to it is what was asked, word by word."""
        answer = await self._request(span, *WRITES[span.register], value=word)
        echo = [int(bit) for bit in answer.bits] if span.register == "coil" else answer.registers
        if (answer.address, echo) != (span.address, [word]):
            raise BadAnswer(f"{span}: {word} was written, and the answer says {echo} at {answer.address}")

    async def _request(self, span: Span, method: str, answer_type: type[ModbusPDU], **more: int) -> ModbusPDU:
        """Raises AdapterError; BadAnswer when the device answers something else than an `answer_type`."""
        if self._client is None:
            raise AdapterError("not connected")
        try:
            answer: ModbusPDU = await getattr(self._client, method)(span.address, device_id=self.settings.unit, **more)
        except ModbusException as error:
            raise AdapterError(
                f"{span}: no answer within {self.settings.timeout_seconds:g} s, or no connection"
            ) from error
        if answer.isError():
            kind = IllegalAddress if answer.exception_code == ExcCodes.ILLEGAL_ADDRESS else BadAnswer
            raise kind(f"{span}: the device answers with {_exception(answer.exception_code)}")
        if type(answer) is not answer_type:
            raise BadAnswer(f"{span}: asked for function {answer_type.function_code}, got {answer.function_code}")
        return answer


def make(settings: Sequence[ModbusSettings], clock: Callable[[], float]) -> list[ModbusAdapter]:
    """The adapters of these machines."""
    return [ModbusAdapter(each, clock) for each in settings]


def _exception(code: int) -> str:
    name = ExcCodes(code).name.lower().replace("_", " ") if code in set(ExcCodes) else "an unknown code"
    return f"exception {code} ({name})"


def _shown(words: Words, span: Span) -> str:
    if span.register in ("coil", "discrete"):
        return str(words[span.register, span.address])
    return " ".join(f"{words[span.register, address]:04x}" for address in range(span.address, span.end))
