"""Questions to an agent over HTTP, and nothing but whole answers of a sane size in time."""

import asyncio
import logging
from urllib.parse import quote, urlencode
from xml.etree.ElementTree import Element

import httpx

from takt_adapters.adapter import AdapterError, BadAnswer
from takt_adapters.http import HTTP_ERRORS, is_here, trusted
from takt_adapters.mtconnect.documents import Kind, Refused, parse

# It would log every poll.
logging.getLogger("httpx").setLevel(logging.WARNING)

MAX_BYTES = 8_000_000
"""Of one answer. The probe of a large machine has some hundred thousand."""
HUNG_UP = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)
HEADERS = {"Accept": "text/xml, application/xml", "Accept-Encoding": "identity", "Cache-Control": "no-cache"}


class Agent:
    """One connection, kept alive."""

    def __init__(self, url: str, timeout_seconds: float) -> None:
        self._url = url.rstrip("/")
        self._timeout_seconds = timeout_seconds
        self._client = httpx.AsyncClient(
            headers=HEADERS,
            verify=trusted(),
            trust_env=not is_here(url),
            timeout=None,  # one deadline for the whole answer: who drips bytes never runs into one per read
            limits=httpx.Limits(max_connections=1),
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def ask(self, kind: Kind, *path: str, **query: int) -> Element:
        """GET /path?query. Raises AdapterError; BadAnswer when the agent does answer; Refused for an error document."""
        target = "/".join(quote(each, safe="") for each in path) + (f"?{urlencode(query)}" if query else "")
        try:
            async with asyncio.timeout(self._timeout_seconds):
                try:
                    status, body = await self._get(f"{self._url}/{target}")
                except HUNG_UP:  # an agent may end a connection that was idle, just when it is asked again
                    status, body = await self._get(f"{self._url}/{target}")
        except TimeoutError as error:
            raise AdapterError(f"{target}: no whole answer within {self._timeout_seconds:g} s") from error
        except HTTP_ERRORS as error:
            raise AdapterError(f"{target}: no answer from {self._url}: {error or type(error).__name__}") from error
        except BadAnswer as error:
            raise BadAnswer(f"{target}: {error}") from error
        try:
            # Since 2.0 errors have a status of their own, before it was always 200.
            return parse(body, kind)
        except Refused as error:
            raise Refused(f"{target}: {error}", error.codes) from error
        except BadAnswer as error:
            why = f"HTTP {status}" if status != 200 else str(error)
            raise BadAnswer(f"{target}: {why}") from error

    async def _get(self, url: str) -> tuple[int, bytes]:
        body = bytearray()
        async with self._client.stream("GET", url) as answer:
            encoding = answer.headers.get("Content-Encoding", "identity")
            if encoding != "identity":
                raise BadAnswer(f"the answer is encoded as {encoding}, which was not asked for")
            async for chunk in answer.aiter_raw():
                body += chunk
                if len(body) > MAX_BYTES:
                    raise BadAnswer(f"the answer has more than {MAX_BYTES} bytes")
            return answer.status_code, bytes(body)
