"""Authentication: `Authorization: Bearer <API key>`."""

from typing import Any

from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException
from litestar.types import ASGIApp, Receive, Scope, Send
from msgspec import Struct

from taktledger.api.backend import Backend
from taktledger.api.levels import check_level

Connection = ASGIConnection[Any, Any, Any, Any]


class Caller(Struct, frozen=True):
    """Who makes a request."""

    user_id: int
    level: str

    @property
    def actor(self) -> str:
        return f"user-{self.user_id}"


class BearerAuthentication:
    """Sets `request.user` to the Caller. Answers 401 without a valid key, and 403 where the table of levels says so.

    A plain ASGI middleware: Litestar's own, and its guards, cost as much as the rest of a GET.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = _caller(scope)
        if caller is None:
            raise key_needed()
        check_level(scope["route_handler"], caller.level)
        scope["user"] = caller
        await self.app(scope, receive, send)


def caller_of(connection: Connection) -> Caller | None:
    """Whose key came with the request; None: nobody's."""
    return _caller(connection.scope)


def _caller(scope: Scope) -> Caller | None:
    """Whether the key is valid, and for what, the ledger says: a key that is revoked there is revoked, whatever the
    file of the hashes still holds."""
    backend: Backend = scope["litestar_app"].state.backend
    header = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
    scheme, _, secret = header.decode("latin-1").partition(" ")
    key_id = backend.credentials.key_id(secret.strip()) if scheme.lower() == "bearer" else None
    key = backend.writer.shop.keys.get(key_id) if key_id is not None else None
    if key is None or key.revoked:
        return None
    user = backend.writer.shop.users[key.user_id]
    return Caller(user_id=user.id, level=user.access_level) if user.active else None


def needs_key(connection: Connection) -> bool:
    """Also for paths that don't exist."""
    return f"{connection.url.path}/".startswith("/api/")


def key_needed() -> NotAuthorizedException:
    return NotAuthorizedException(
        "an API key is needed: send the header 'Authorization: Bearer <key>'", headers={"WWW-Authenticate": "Bearer"}
    )
