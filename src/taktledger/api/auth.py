"""Authentication: `Authorization: Bearer <API key>`."""

from typing import Any

from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.types import ASGIApp
from msgspec import Struct

from taktledger.api.backend import Backend

Connection = ASGIConnection[Any, Any, Any, Any]


class Caller(Struct, frozen=True):
    """Who makes a request."""

    user_id: int
    level: str

    @property
    def actor(self) -> str:
        return f"user-{self.user_id}"


class BearerAuthentication(AbstractAuthenticationMiddleware):
    """Sets `request.user` to the Caller, or answers 401."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app, exclude_http_methods=[])  # by default OPTIONS passes

    async def authenticate_request(self, connection: Connection) -> AuthenticationResult:
        caller = caller_of(connection)
        if caller is None:
            raise key_needed()
        return AuthenticationResult(user=caller, auth=None)


def caller_of(connection: Connection) -> Caller | None:
    """Whose key came with the request; None: nobody's. Whether it is valid, and for what, the ledger says: a key that
    is revoked there is revoked, whatever the file of the hashes still holds."""
    backend: Backend = connection.app.state.backend
    scheme, _, secret = connection.headers.get("authorization", "").partition(" ")
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
