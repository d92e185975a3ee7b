"""How a handler hands a command to the writer."""

import hashlib
from collections.abc import Sequence
from typing import Any

from litestar import Response

from taktledger.api.backend import Backend
from taktledger.api.bodies import ApiRequest
from taktledger.domain.errors import Invalid
from taktledger.ledger.writer import Answer, Decide, Request, Step

LONGEST_KEY = 200


async def write(request: ApiRequest, backend: Backend, decide: Decide, command: Any, status: int = 200) -> Answer:
    """One command. The same `Idempotency-Key` from the same user is written once."""
    return await write_steps(request, backend, [Step(decide=decide, command=command)], status)


async def write_steps(request: ApiRequest, backend: Backend, steps: Sequence[Step], status: int = 200) -> Answer:
    """All of the steps, or none."""
    key = request.headers.get("idempotency-key") or None
    if key is not None and len(key) > LONGEST_KEY:
        raise Invalid(f"an Idempotency-Key has at most {LONGEST_KEY} characters", "Idempotency-Key")
    digest = hashlib.sha256(f"{request.method} {request.url.path.rstrip('/')}\n".encode())
    digest.update(await request.body())
    return await backend.writer.execute(
        Request(
            steps=steps,
            actor=request.user.actor,
            status=status,
            key=key,
            body_sha256=digest.hexdigest(),
        )
    )


def object_id(answer: Answer) -> int:
    """The ID of the object that the command made: `program-12` -> 12."""
    return int((answer.stream or "").rpartition("-")[2])


def answered(answer: Answer, content: Any) -> Response[Any]:
    """The object as it is now, with the first answer's status."""
    headers = {"Idempotency-Replayed": "true"} if answer.replayed else None
    return Response(content, status_code=answer.status, headers=headers)
