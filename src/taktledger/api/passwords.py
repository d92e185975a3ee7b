"""Passwords are hashed and compared in threads of their own, two at a time: each takes 64 MiB and some 50 ms."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from taktledger.ledger import credentials

_THREADS = ThreadPoolExecutor(max_workers=2, thread_name_prefix="password")


async def hash_password(password: str) -> str:
    return await asyncio.get_running_loop().run_in_executor(_THREADS, credentials.hash_password, password)


async def is_password(password: str, hashed: str | None) -> bool:
    """Whether this is the password. None, for somebody who has none, takes as long as any other."""
    return await asyncio.get_running_loop().run_in_executor(_THREADS, credentials.is_password, password, hashed)
