"""One machine over Modbus/TCP: asks for the planned requests, writes the hold output, and doubts every answer."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from takt_adapters.adapter import AdapterError, BadAnswer, Reading, Report
from takt_adapters.heartbeat import Heartbeat
from takt_adapters.mapping import HOLD_OUTPUT, named, update_of
from takt_adapters.modbus.connection import Answer, Connection
from takt_adapters.modbus.registers import Register, Span, plan
from takt_adapters.modbus.requests import IllegalAddress, check_written, to_read, to_write, words_read
from takt_adapters.modbus.settings import AnyValue, ModbusSettings
from takt_adapters.modbus.tls import Tls
from taktledger.shopfloor.update import MachineUpdate

Words = dict[tuple[Register, int], int]
"""(register, address) -> what is there. A bit is 0 or 1."""


class ModbusAdapter:
    def __init__(self, settings: ModbusSettings, connection: Connection, clock: Callable[[], float]) -> None:
        """The connection may be shared. `clock` is monotonic, in seconds."""
        self.settings = settings
        self._connection, self._clock = connection, clock
        self._joined = False
        self._values: dict[str, AnyValue] = dict(named(settings))
        wanted = [value.span for value in self._values.values()]
        self._plans = [plan(wanted), plan(wanted, bridged=0), sorted(set(wanted))]
        """Ways to ask for it all, the best one first."""
        if settings.hold_output is not None:  # whose address may be wrong: that must not stop the counting
            self._plans.append(sorted(set(wanted) - {settings.hold_output.span}))
        self._beat: Heartbeat | None = None
        if settings.heartbeat is not None:
            self._beat = Heartbeat(str(settings.heartbeat.span), settings.heartbeat.max_age_seconds, clock)
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
        self._joined, self._held = True, None
        await self._connection.join(self, self.settings.timeout_seconds)

    async def close(self) -> None:
        self._joined = False
        await self._connection.leave(self)

    async def poll(self) -> Sequence[Report]:
        return [Report(await self._read_update())]

    async def _read_update(self) -> MachineUpdate | None:
        """None: the heartbeat has not proven yet that it is alive."""
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
        if self._beat is not None:
            output = self.settings.hold_output
            if not any(word for place, word in words.items() if output is None or place != output.span[:2]):
                # Turning to 0 with all the rest is a change, but no sign of life. Nor is what we wrote ourselves.
                raise BadAnswer("nothing but zeros, and the heartbeat with them")
            if not self._beat.is_alive(read["heartbeat"]):
                return None
        return update_of(self.settings, read)

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
        await self._request(output.span, to_write(output.span, word), partial(check_written, output.span, word))
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
            for offset, word in enumerate(await self._request(span, to_read(span), partial(words_read, span))):
                words[span.register, span.address + offset] = word
        return words

    async def _request(self, span: Span, request: bytes, understand: Callable[[bytes], Answer]) -> Answer:
        """Raises AdapterError; BadAnswer when the device does answer."""
        if not self._joined:
            raise AdapterError("not connected")
        unit, timeout_seconds = self.settings.unit, self.settings.timeout_seconds
        return await self._connection.ask(self, span, unit, request, understand, timeout_seconds)


def make(settings: Sequence[ModbusSettings], clock: Callable[[], float]) -> list[ModbusAdapter]:
    """The adapters of these machines. Those with the same host, port and TLS are behind one connection."""
    connections: dict[tuple[str, int, Tls | None], Connection] = {}
    for each in settings:
        place = each.host, each.port, each.tls
        connections.setdefault(place, Connection(*place, clock))
    return [ModbusAdapter(each, connections[each.host, each.port, each.tls], clock) for each in settings]


def _shown(words: Words, span: Span) -> str:
    if span.register in ("coil", "discrete"):
        return str(words[span.register, span.address])
    return " ".join(f"{words[span.register, address]:04x}" for address in range(span.address, span.end))
