"""Authentication: `Authorization: Bearer <API key>`."""

from typing import Any

from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.types import ASGIApp

from taktledger.ledger.credentials import Credentials


class BearerAuthentication(AbstractAuthenticationMiddleware):
    """Sets `request.user` to the Caller, or answers 401."""

    def __init__(self, app: ASGIApp, credentials: Credentials) -> None:
        super().__init__(app)
        self._credentials = credentials

    async def authenticate_request(self, connection: ASGIConnection[Any, Any, Any, Any]) -> AuthenticationResult:
        scheme, _, key = connection.headers.get("authorization", "").partition(" ")
        caller = self._credentials.caller(key.strip()) if scheme.lower() == "bearer" else None
        if caller is None:
            raise NotAuthorizedException(
                "an API key is needed: send the header 'Authorization: Bearer <key>'",
                headers={"WWW-Authenticate": "Bearer"},
            )
        return AuthenticationResult(user=caller, auth=None)
