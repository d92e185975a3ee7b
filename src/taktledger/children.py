"""Processes that a server starts beside itself, and that end with it: also when it is killed with -9.

A child reads its standard input, a pipe that nobody else holds: when the server is gone, however it went, it ends.
"""

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Sequence

import structlog

log = structlog.get_logger()

STOP_SECONDS = 3.0
RESTART_SECONDS = 1.0


async def start(module: str, *arguments: str, stdout: int | None = None) -> asyncio.subprocess.Process:
    """Starts `python -m module` with a pipe for its standard input."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments, stdin=asyncio.subprocess.PIPE, stdout=stdout
    )


async def stop(process: asyncio.subprocess.Process) -> None:
    """Asks it to end, and makes it end if it doesn't."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def keep_running(name: str, module: str, arguments: Sequence[str]) -> None:
    """Runs a child until this task is cancelled; one that ends is started again."""
    while True:
        process = await start(module, *arguments)
        try:
            code = await process.wait()
        finally:
            await asyncio.shield(stop(process))
        log.error(f"the {name} ended; it is started again", exit_code=code)
        await asyncio.sleep(RESTART_SECONDS)


def end_with_parent() -> None:
    """For a child: sends itself SIGTERM when its standard input ends."""

    def watch() -> None:
        while os.read(0, 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()
