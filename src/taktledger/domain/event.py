"""What an event is, and how it is written down.

An event is an immutable struct: its envelope (when, who, from where) and what happened. It is stored as readable JSON,
tagged with its topic: the class name, and from the second version on `Name.2`. Released events never change; a new
shape is a new class, and an upcaster turns the old one into it when it is read.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Union

import msgspec

SYSTEM = "system"
"""The actor of what the ledger does by itself."""
Upcasters = Mapping[type["Event"], Callable[[Any], "Event"]]


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """Written on the first event of a command that came with an `Idempotency-Key`, so that a repeat is known as one."""

    key: str
    body_sha256: str
    status: int


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="event", tag=True):
    """The envelope that every event has."""

    occurred_at: float
    """When it happened, by the word of the machine or the caller. UNIX seconds."""
    recorded_at: float = 0.0
    """When the ledger wrote it; never goes backwards along positions. UNIX seconds. Set by the writer."""
    actor: str = ""
    """Who said so: `user-1`, `key-2` or `system`. Set by the writer."""
    source: str | None = None
    """The edge's spool and machine, for what came from outside."""
    source_sequence: int | None = None
    """The number that the source gave it."""
    reported_at: float | None = None
    """The time that was reported, where that can't be right: the clock was ahead of the ledger's."""
    receipt: Receipt | None = None
    follows: int | None = None
    """How many events before this one the receipt of its request stands, if there is one. Set by the writer."""

    @property
    def stream(self) -> str:
        """The stream that this event belongs to, such as `machine-3`."""
        raise NotImplementedError


def topic(kind: type[Event]) -> str:
    """The name under which events of this class are stored: `CycleFinished`, `CycleFinished.2`."""
    return str(kind.__struct_config__.tag)


def schema_version(of_topic: str) -> int:
    """`CycleFinished` -> 1, `CycleFinished.2` -> 2."""
    _, _, version = of_topic.partition(".")
    return int(version or 1)


class Codec:
    """Writes and reads a known set of events. Old versions come out as what their upcaster makes of them."""

    def __init__(self, events: Iterable[type[Event]], upcasters: Upcasters | None = None) -> None:
        self.events = tuple(events)
        self.upcasters = dict(upcasters or {})
        union: Any = Union[tuple({**dict.fromkeys(self.events), **dict.fromkeys(self.upcasters)})]  # noqa: UP007 (built at run time)
        self.encode = msgspec.json.Encoder().encode
        self._one: msgspec.json.Decoder[Event] = msgspec.json.Decoder(union)
        self._many: msgspec.json.Decoder[list[Event]] = msgspec.json.Decoder(list[union])

    def decode(self, data: bytes | str) -> Event:
        return self._upcast(self._one.decode(data))

    def decode_array(self, data: bytes | str) -> list[Event]:
        """Reads a JSON array of events in one go: the fast way through a long ledger."""
        events = self._many.decode(data)
        return [self._upcast(event) for event in events] if self.upcasters else events

    def _upcast(self, event: Event) -> Event:
        while upcaster := self.upcasters.get(type(event)):
            event = upcaster(event)
        return event

    def schema(self) -> dict[str, Any]:
        """JSON Schema (2020-12) of every version ever written."""
        kinds = sorted({*self.events, *self.upcasters}, key=topic)
        references, components = msgspec.json.schema_components(kinds, ref_template="#/$defs/{name}")
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "The events of Taktledger",
            "oneOf": list(references),
            "$defs": dict(sorted(components.items())),
        }
