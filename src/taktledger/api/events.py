"""`/api/events/`: the ledger itself, and where edges put their facts (CloudEvents 1.0, structured JSON)."""

from datetime import datetime
from typing import Any

import msgspec
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.exceptions import ClientException
from litestar.params import FromQuery, JSONBody
from msgspec import Struct

from taktledger.api.backend import Backend
from taktledger.api.bodies import ApiRequest
from taktledger.api.parameters import Limit, OptionalTime, Position
from taktledger.api.writing import answered, write_steps
from taktledger.domain.values import Name, Seconds
from taktledger.ledger.store import StoredPage
from taktledger.ledger.writer import Step
from taktledger.shopfloor.facts import FACT_TYPES
from taktledger.shopfloor.ingest import TakeFact, take_fact
from taktledger.shopfloor.wire import Stored

PAGE = 1000
BATCH = 1000
SHAPES = {"application/cloudevents+json": dict, "application/cloudevents-batch+json": list}


class CloudEvent(Struct, kw_only=True):
    """One fact. `subject` is the machine's source name, `sequence` counts up within `source`."""

    specversion: str
    id: Name
    source: Name
    type: Name
    subject: Name
    time: datetime
    sequence: int
    data: dict[str, Any]
    datacontenttype: str = "application/json"


class WrongEvents(ClientException):
    """Some events of a batch are wrong; nothing was stored."""


class EventController(Controller):
    path = "/api/events"
    tags = ("Events",)

    @get("/", operation_id="list_events", summary="List events")
    async def list_events(
        self,
        backend: NamedDependency[Backend],
        after: FromQuery[Position] = 0,
        limit: FromQuery[Limit] = 100,
        stream: FromQuery[str | None] = None,
        type: FromQuery[str | None] = None,
        since: FromQuery[OptionalTime] = None,
        until: FromQuery[OptionalTime] = None,
    ) -> StoredPage:
        """Events after a position, in order. `next_after` is where the next page goes on, null at the end.

        `since` and `until` go by `recorded_at`. A page looks through 100,000 positions at most: it may hold fewer
        events than `limit` (at most 1000) and still have a `next_after`.
        """
        count = min(PAGE if limit is None else max(limit, 1), PAGE)
        return backend.ledger.page(after, count, stream=stream, kind=type, since=since, until=until)

    @post("/", operation_id="append_events", summary="Take facts (CloudEvents)", status_code=200)
    async def append_events(
        self, request: ApiRequest, backend: NamedDependency[Backend], data: JSONBody[Any]
    ) -> Response[Stored]:
        """Takes one CloudEvent or a batch of at most 1000: all of it or nothing. What the ledger holds is skipped."""
        batch = data if isinstance(data, list) else [data]
        expected = SHAPES.get(request.content_type[0].lower())
        if expected is not None and not isinstance(data, expected):
            raise ClientException(f"the body must be a JSON {'array' if expected is list else 'object'}")
        if len(batch) > BATCH:
            raise ClientException(f"a batch has at most {BATCH} events, this one has {len(batch)}", status_code=413)
        steps, errors = [], []
        for index, each in enumerate(batch):
            try:
                steps.append(step_of(each))
            except (msgspec.ValidationError, ValueError) as error:
                errors.append({"index": index, "error": str(error)})
        if errors:
            first = f"event {errors[0]['index']}: {errors[0]['error']}"
            raise WrongEvents(f"nothing was stored; {first}", extra={"errors": errors})
        answer = await write_steps(request, backend, steps)
        repeated = len(steps) if answer.replayed else answer.repeated
        return answered(answer, Stored(stored=len(steps) - repeated, repeated=repeated))


def step_of(value: Any) -> Step:
    """Raises ValueError for what is no fact."""
    event = msgspec.convert(value, CloudEvent, strict=False)
    if event.specversion != "1.0":
        raise ValueError(f"specversion: expected '1.0', got '{event.specversion}'")
    if event.time.tzinfo is None:
        raise ValueError("time: expected a time with its zone, such as 2026-11-20T10:00:00Z")
    if not 1 <= event.sequence <= 2**53:
        raise ValueError("sequence: expected a whole number from 1")
    kind = FACT_TYPES.get(event.type)
    if kind is None:
        raise ValueError(f"type: expected one of {', '.join(FACT_TYPES)}, got '{event.type}'")
    fact = msgspec.convert(event.data, kind, str_keys=True)
    occurred_at = msgspec.convert(event.time.timestamp(), Seconds)
    command = TakeFact(machine=event.subject, fact=fact, occurred_at=occurred_at)
    return Step(decide=take_fact, command=command, source=event.source, sequence=event.sequence)
