"""Passwords are hashed and compared in threads of their own, two at a time: each takes 64 MiB and some 50 ms."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from litestar.exceptions import TooManyRequestsException

from taktledger.ledger import credentials

ResultT = TypeVar("ResultT")
_THREADS = ThreadPoolExecutor(max_workers=2, thread_name_prefix="password")
_ROOM = asyncio.Semaphore(40)
"""About a second's work. Whoever tries passwords by the thousand keeps nobody else waiting for longer."""


async def hash_password(password: str) -> str:
    return await _in_turn(credentials.hash_password, password)


async def is_password(password: str, hashed: str | None) -> bool:
    """Whether this is the password. None, for somebody who has none, takes as long as any other."""
    return await _in_turn(credentials.is_password, password, hashed)


async def _in_turn(work: Callable[..., ResultT], *arguments: str | None) -> ResultT:
    if _ROOM.locked():
        raise TooManyRequestsException("too many passwords are being checked; try again", headers={"Retry-After": "1"})
    async with _ROOM:
        return await asyncio.get_running_loop().run_in_executor(_THREADS, work, *arguments)
