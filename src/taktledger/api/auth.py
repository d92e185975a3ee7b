"""Authentication: `Authorization: Bearer <API key>`."""

from typing import Any

from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult

from taktledger.ledger.credentials import Credentials


class BearerAuthentication(AbstractAuthenticationMiddleware):
    """Sets `request.user` to the Caller, or answers 401."""

    async def authenticate_request(self, connection: ASGIConnection[Any, Any, Any, Any]) -> AuthenticationResult:
        scheme, _, key = connection.headers.get("authorization", "").partition(" ")
        credentials: Credentials = connection.app.state.credentials
        caller = credentials.caller(key.strip()) if scheme.lower() == "bearer" else None
        if caller is None:
            raise NotAuthorizedException(
                "an API key is needed: send the header 'Authorization: Bearer <key>'",
                headers={"WWW-Authenticate": "Bearer"},
            )
        return AuthenticationResult(user=caller, auth=None)
