"""How a handler hands a command to the writer."""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from litestar import Response

from taktledger.api.backend import Backend
from taktledger.api.bodies import ApiRequest
from taktledger.api.documents import Noun
from taktledger.domain.errors import Invalid, PreconditionFailed
from taktledger.domain.event import Event
from taktledger.domain.shop import Shop
from taktledger.ledger.writer import Answer, Decide, Request, Step

LONGEST_KEY = 200


Revision = Callable[[Shop], int | None]
"""How often people changed an object, when it is the writer's turn; None: it isn't there."""


async def write(
    request: ApiRequest,
    backend: Backend,
    decide: Decide,
    command: Any,
    status: int = 200,
    revision: Revision | None = None,
    secret: bytes = b"",
    images: dict[str, bytes] | None = None,
) -> Answer:
    """One command. The same `Idempotency-Key` from the same user is written once.

    With a `revision` it is refused (412) if `If-Match` names another one. `secret`: see `write_steps`. `images`: what
    the command names by its SHA-256.
    """
    step = Step(decide=_if_match(request, decide, revision) if revision else decide, command=command)
    return await write_steps(request, backend, [step], status, secret, images)


def revision_of(noun: Noun, object_id: int) -> Revision:
    def revision(shop: Shop) -> int | None:
        found = getattr(shop, noun.touched).get(object_id)
        return found.revision if found is not None else None

    return revision


def _if_match(request: ApiRequest, decide: Decide, revision: Revision) -> Decide:
    """Decides only if the object is as the client has seen it: asked in the writer, so that of two who edit the same
    object at once one is told."""
    header = request.headers.get("if-match")
    if header is None or header.strip() == "*":
        return decide
    seen = {int(each) for each in re.findall(r'(?:^|[\s,])"(\d{1,16})-[0-9a-f]+"', header)}

    def decide_if_unchanged(shop: Shop, command: Any, now: float) -> Iterable[Event]:
        current = revision(shop)
        if current is not None and current not in seen:
            raise PreconditionFailed("it has been changed since you read it; read it again", "If-Match")
        return decide(shop, command, now)

    return decide_if_unchanged


async def write_steps(
    request: ApiRequest,
    backend: Backend,
    steps: Sequence[Step],
    status: int = 200,
    secret: bytes = b"",
    images: dict[str, bytes] | None = None,
) -> Answer:
    """All of the steps, or none.

    `secret` is for bodies with a password. The fingerprint of the body goes into the ledger, and from a plain one the
    password could be guessed.
    """
    key = request.headers.get("idempotency-key") or None
    if key is not None and len(key) > LONGEST_KEY:
        raise Invalid(f"an Idempotency-Key has at most {LONGEST_KEY} characters", "Idempotency-Key")
    target = f"{request.method} {request.url.path.rstrip('/')}?{request.url.query}\n".encode()
    digest = hmac.new(secret, target, hashlib.sha256) if secret else hashlib.sha256(target)
    digest.update(await request.body())
    return await backend.writer.execute(
        Request(
            steps=steps,
            actor=request.user.actor,
            status=status,
            key=key,
            body_sha256=digest.hexdigest(),
            images=images or {},
        )
    )


def object_id(answer: Answer) -> int:
    """The ID of the object that the command made: `program-12` -> 12."""
    return int((answer.stream or "").rpartition("-")[2])


def answered(answer: Answer, content: Any) -> Response[Any]:
    """What is no document, with the first answer's status."""
    headers = {"Idempotency-Replayed": "true"} if answer.replayed else None
    return Response(content, status_code=answer.status, headers=headers)
