"""Trying again: how long to wait, and saying so once instead of at every try."""

from collections.abc import Callable
from typing import Any

FIRST_SECONDS = 0.5
LAST_SECONDS = 5.0
"""No longer, so that what is back is seen soon."""


class Retry:
    """One thing that may fail for a while."""

    def __init__(self, log: Any, what: str, random: Callable[[], float]) -> None:
        """`log` is a bound structlog logger, `what` names the thing in it. `random` gives 0 <= x < 1."""
        self._log, self._what, self._random = log, what, random
        self._longest = FIRST_SECONDS
        self.error: str | None = None

    def worked(self) -> None:
        if self.error is not None:
            self._log.info(f"{self._what}: works again")
        self.error, self._longest = None, FIRST_SECONDS

    def failed(self, error: str, exc_info: BaseException | None = None) -> float:
        """Seconds to wait before the next try. The jitter keeps many edges from coming back all at once."""
        if error != self.error:
            self._log.warning(f"{self._what}: fails", error=error, exc_info=exc_info)
        self.error = error
        wait_seconds = FIRST_SECONDS + self._random() * (self._longest - FIRST_SECONDS)
        self._longest = min(2 * self._longest, LAST_SECONDS)
        return wait_seconds
