"""What an MTConnect agent answers to a request: no network here."""

from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from taktledger.demo.control import Control
from taktledger.demo.servers.mtconnect.buffer import Buffer
from taktledger.demo.servers.mtconnect.documents import Sender, devices, error, streams
from taktledger.demo.servers.mtconnect.items import NORMAL, items_of
from taktledger.demo.specs import AlarmSpec

COUNT = 100
"""Observations in an answer, unless it is asked for another number of them."""
PARAMETERS = {"probe": (), "current": ("at",), "sample": ("from", "count")}


class Answer(NamedTuple):
    status: int
    document: bytes
    has_values: bool = False
    """It shows what the control reads."""


class _Refused(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


class Agent:
    def __init__(self, control: Control) -> None:
        self._control = control
        started = datetime.now(UTC)
        self._sender = Sender(
            machine=control.machine,
            items=items_of(control.machine),
            instance_id=int(started.timestamp()),
            started_at=_written(started),
        )
        self._buffer = Buffer(self._sender.items, _written(started))

    def observe(self) -> None:
        """Puts what has changed at the control into the buffer."""
        timestamp = _now()
        for item in self._sender.items:
            value, before = item.of(self._control), self._buffer.value(item)
            if value != before:
                if isinstance(value, AlarmSpec) and isinstance(before, AlarmSpec):
                    self._buffer.add(item, NORMAL, timestamp)  # a second fault would leave the first one active
                self._buffer.add(item, value, timestamp)

    def answer(self, method: str, target: str) -> Answer:
        """`target`: path and query, as in the request."""
        try:
            if method != "GET":
                raise _Refused(405, "UNSUPPORTED", f"{method}: only GET")
            return self._get(target)
        except _Refused as refused:
            document = error(self._sender, self._buffer, refused.code, str(refused), _now())
            return Answer(refused.status, document)

    def _get(self, target: str) -> Answer:
        url = urlsplit(target)
        *device, command = [unquote(each) for each in url.path.split("/") if each] or ["probe"]
        if not device and command not in PARAMETERS:
            device, command = [command], "probe"
        if device and device[0] not in (self._sender.machine.source_name, self._sender.uuid):
            raise _Refused(404, "NO_DEVICE", f"there is no device {device[0]}")
        if len(device) > 1 or command not in PARAMETERS:
            raise _Refused(400, "INVALID_REQUEST", f"{url.path} is no request that an agent knows")
        numbers = _numbers(url.query, PARAMETERS[command])
        match command:
            case "probe":
                return Answer(200, devices(self._sender, self._buffer, _now()))
            case "current":
                return Answer(200, self._current(numbers.get("at")), has_values=True)
        return Answer(200, self._sample(numbers.get("from"), numbers.get("count", COUNT)), has_values=True)

    def _current(self, at: int | None) -> bytes:
        buffer = self._buffer
        if at is not None:
            _check_range("at", at, buffer.first, buffer.last)
        return streams(self._sender, buffer, buffer.current(at), buffer.next, _now())

    def _sample(self, begin: int | None, count: int) -> bytes:
        buffer = self._buffer
        begin = buffer.first if begin is None else begin
        _check_range("from", begin, buffer.first, buffer.next)
        _check_range("count", count, 1, buffer.size)
        found = buffer.since(begin, count)
        return streams(self._sender, buffer, found, begin + len(found), _now())


def _numbers(query: str, known: tuple[str, ...]) -> dict[str, int]:
    found = {}
    for name, text in parse_qsl(query, keep_blank_values=True):
        if name not in known:
            raise _Refused(400, "UNSUPPORTED", f"{name}: expected one of {', '.join(known) or 'none'}")
        if not (text.isascii() and text.removeprefix("-").isdigit() and len(text) < 20):
            raise _Refused(400, "INVALID_REQUEST", f"{name}: {text!r} is not a whole number")
        found[name] = int(text)
    return found


def _check_range(name: str, number: int, least: int, most: int) -> None:
    if not least <= number <= most:
        raise _Refused(400, "OUT_OF_RANGE", f"{name}: {number} is not from {least} to {most}")


def _now() -> str:
    return _written(datetime.now(UTC))


def _written(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
