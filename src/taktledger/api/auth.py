"""Authentication: `Authorization: Bearer <API key>`, and a name and a password where a key is made."""

from base64 import b64decode
from typing import Any

from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException
from litestar.types import ASGIApp, Receive, Scope, Send
from msgspec import Struct

from taktledger.api.backend import Backend
from taktledger.api.levels import check_level
from taktledger.api.passwords import is_password
from taktledger.domain.shop import User
from taktledger.domain.users import user_named

Connection = ASGIConnection[Any, Any, Any, Any]

TAKES_PASSWORD = "issue_key"
"""The one operation that takes HTTP Basic as well. Everywhere else a password would have to be hashed each time."""


class Caller(Struct, frozen=True):
    """Who makes a request."""

    user_id: int
    level: str

    @property
    def actor(self) -> str:
        return f"user-{self.user_id}"


class Authentication:
    """Sets `request.user` to the Caller. Answers 401 without a valid key, and 403 where the table of levels says so.

    A plain ASGI middleware: Litestar's own, and its guards, cost as much as the rest of a GET.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller, handler = _caller(scope), scope["route_handler"]
        if caller is None and getattr(handler, "operation_id", "") == TAKES_PASSWORD:
            caller = await _caller_with_password(scope)
            if caller is None:
                raise key_needed("a valid API key, or the name and the password of a user, is needed")
        if caller is None:
            raise key_needed()
        check_level(handler, caller.level)
        scope["user"] = caller
        await self.app(scope, receive, send)


def caller_of(connection: Connection) -> Caller | None:
    """Whose key came with the request; None: nobody's."""
    return _caller(connection.scope)


def _caller(scope: Scope) -> Caller | None:
    """Whether the key is valid, and for what, the ledger says: a key that is revoked there is revoked, whatever the
    file of the hashes still holds."""
    backend = _backend(scope)
    scheme, secret = _authorization(scope)
    key_id = backend.credentials.key_id(secret) if scheme == "bearer" else None
    key = backend.writer.shop.keys.get(key_id) if key_id is not None else None
    if key is None or key.revoked or key.user_id is None:
        return None
    return _active(backend.writer.shop.users[key.user_id])


async def _caller_with_password(scope: Scope) -> Caller | None:
    """Whose name and password came with the request. An unknown name takes as long as a wrong password."""
    backend = _backend(scope)
    scheme, encoded = _authorization(scope)
    if scheme != "basic":
        return None
    try:
        name, _, password = b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:  # no Base64, or no UTF-8
        return None
    user = user_named(backend.writer.shop, name)
    password_id = user.password_id if user else None
    if not await is_password(password, backend.credentials.password_hash(password_id)) or user is None:
        return None
    now = backend.writer.shop.users.get(user.id)  # much may have happened since
    return _active(now) if now is not None and now.password_id == password_id else None


def _active(user: User) -> Caller | None:
    return Caller(user_id=user.id, level=user.access_level) if user.active else None


def _backend(scope: Scope) -> Backend:
    backend: Backend = scope["litestar_app"].state.backend
    return backend


def _authorization(scope: Scope) -> tuple[str, str]:
    """Scheme, in lower case, and what follows it."""
    header = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
    scheme, _, rest = header.decode("latin-1").partition(" ")
    return scheme.lower(), rest.strip()


def needs_key(connection: Connection) -> bool:
    """Also for paths that don't exist."""
    return f"{connection.url.path}/".startswith("/api/")


def key_needed(
    message: str = "an API key is needed: send the header 'Authorization: Bearer <key>'",
) -> NotAuthorizedException:
    """Never with the challenge `Basic`: a browser would put a window of its own over the page."""
    return NotAuthorizedException(message, headers={"WWW-Authenticate": "Bearer"})
