"""HTTP to a ledger or an agent: whom to trust, when to go without a proxy, and what may go wrong."""

import re
import ssl
from functools import cache

import httpx

HTTP_ERRORS = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, AttributeError)
"""What httpx raises when a peer can't be talked with. The last one comes from anyio under uvloop, for a connection that
was reset as soon as it was made."""


def check_address(url: str) -> None:
    """Raises ValueError that says what was expected, if nobody can be asked there."""
    expected = f'expected an address such as "http://192.0.2.10:5000", got "{url}"'
    try:
        parts = httpx.URL(url)
        somewhere = parts.host and (parts.port is None or 0 < parts.port < 2**16)
    except (httpx.InvalidURL, ValueError) as error:  # the latter: a host that is no name
        raise ValueError(expected) from error
    if parts.scheme not in ("http", "https") or not somewhere or re.search(r"[?#\s\\]", url):
        raise ValueError(expected)


def is_here(url: str) -> bool:
    """Then no proxy that the environment names may come between, and see the key."""
    return httpx.URL(url).host in ("127.0.0.1", "::1", "localhost")


@cache
def trusted() -> ssl.SSLContext:
    """Whom the system trusts, as a plant's own authority is made known there; httpx would take a list of its own.

    Made once: it takes as long as a hundred polls.
    """
    return ssl.create_default_context()
