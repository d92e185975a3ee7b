"""Errors as RFC 9457 problem details, with `error`: a short sentence fit to show to a user."""

import re
from http import HTTPStatus
from typing import Any

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from taktledger.api.auth import caller_of, key_needed, needs_key
from taktledger.domain.errors import (
    Conflict,
    DomainError,
    Invalid,
    NotFound,
    PreconditionFailed,
    ReferenceMissing,
    TooEarly,
)
from taktledger.ledger.writer import KeyReused, OutcomeUnknown

log = structlog.get_logger()

STATUS: dict[type[DomainError], int] = {
    Invalid: 400,
    NotFound: 404,
    Conflict: 409,
    PreconditionFailed: 412,
    ReferenceMissing: 424,
    TooEarly: 425,
    KeyReused: 422,
}


def problem(
    request: Request[Any, Any, Any], status: int, error: str, headers: dict[str, str] | None = None, **more: Any
) -> Response[dict[str, Any]]:
    content = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": error,
        "instance": request.url.path,
        "error": error,
        **more,
    }
    return Response(content, status_code=status, media_type="application/problem+json", headers=headers)


def on_domain_error(request: Request[Any, Any, Any], error: DomainError) -> Response[dict[str, Any]]:
    more: dict[str, Any] = {"field": error.field} if error.field else {}
    return problem(request, STATUS[type(error)], error.message, **more)


def on_outcome_unknown(request: Request[Any, Any, Any], error: OutcomeUnknown) -> Response[dict[str, Any]]:
    message = "it is not known whether this was written; repeat it with the same Idempotency-Key"
    return problem(request, 503, message, {"Retry-After": "1"})


def on_validation_error(request: Request[Any, Any, Any], error: ValidationException) -> Response[dict[str, Any]]:
    """Litestar's list of what is wrong: the first of it in `error`, all of it in `errors`."""
    found = error.extra if isinstance(error.extra, list) else []
    if found and all(each.get("source") == "path" for each in found):
        return problem(request, 404, "there is no such object")  # an ID that no object can have
    if any(each.get("message") == "'data'" for each in found):
        return problem(request, 400, "the request needs a JSON body")
    errors = [{"field": _field(each), "error": str(each.get("message", ""))} for each in found]
    if not errors:
        return problem(request, 400, error.detail)
    first = errors[0]
    sentence = f"{first['field']}: {first['error']}" if first["field"] else first["error"]
    return problem(request, 400, sentence, field=first["field"], errors=errors)


def _field(found: dict[str, Any]) -> str:
    """`data.filename` -> `filename`; a missing or unknown one is named in the message alone."""
    named = re.search(r"(?:missing required|contains unknown) field `([^`]*)`", str(found.get("message", "")))
    path = str(found.get("key", "")).removeprefix("data").lstrip(".")
    return ".".join(filter(None, (path, named[1] if named else "")))


def on_http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[dict[str, Any]]:
    if error.status_code in (404, 405) and needs_key(request) and caller_of(request) is None:
        error = key_needed()  # not even what there is is told
    more = error.extra if isinstance(error.extra, dict) else {}
    detail = error.detail or HTTPStatus(error.status_code).phrase
    return problem(request, error.status_code, detail, dict(error.headers or {}), **more)


def on_unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[dict[str, Any]]:
    log.error("a request failed", method=request.method, path=request.url.path, exc_info=error)
    return problem(request, 500, "something went wrong here; it has been logged")


HANDLERS: dict[Any, Any] = {
    DomainError: on_domain_error,
    OutcomeUnknown: on_outcome_unknown,
    ValidationException: on_validation_error,
    HTTPException: on_http_error,
    Exception: on_unexpected,
}
