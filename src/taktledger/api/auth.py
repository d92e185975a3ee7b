"""Authentication: `Authorization: Bearer <API key>`."""

from typing import Any

from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult

from taktledger.ledger.credentials import Caller, Credentials

Connection = ASGIConnection[Any, Any, Any, Any]


class BearerAuthentication(AbstractAuthenticationMiddleware):
    """Sets `request.user` to the Caller, or answers 401."""

    async def authenticate_request(self, connection: Connection) -> AuthenticationResult:
        caller = caller_of(connection)
        if caller is None:
            raise key_needed()
        return AuthenticationResult(user=caller, auth=None)


def caller_of(connection: Connection) -> Caller | None:
    """Whose key came with the request; None: nobody's."""
    credentials: Credentials = connection.app.state.credentials
    scheme, _, key = connection.headers.get("authorization", "").partition(" ")
    return credentials.caller(key.strip()) if scheme.lower() == "bearer" else None


def needs_key(connection: Connection) -> bool:
    """Also for paths that don't exist."""
    return f"{connection.url.path}/".startswith("/api/")


def key_needed() -> NotAuthorizedException:
    return NotAuthorizedException(
        "an API key is needed: send the header 'Authorization: Bearer <key>'", headers={"WWW-Authenticate": "Bearer"}
    )
