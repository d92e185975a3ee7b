"""A value that changes as long as a control is alive. Many answer with old values when they no longer know."""

from collections.abc import Callable

from takt_adapters.adapter import BadAnswer


class Heartbeat:
    """It outlives connections: a new one proves nothing."""

    def __init__(self, where: str, max_age_seconds: float, clock: Callable[[], float]) -> None:
        """`where`: the protocol's own address. `clock` is monotonic, in seconds."""
        self._where, self._max_age_seconds, self._clock = where, max_age_seconds, clock
        self._beat: object = None
        self._beat_at: float | None = None
        self._changed = False

    def is_alive(self, beat: object) -> bool:
        """Whether it was ever seen to change. Raises BadAnswer if it did not for too long: it may hear all the same.

        `beat` is how it reads now. None: unknown, which is no sign of life.
        """
        now = self._clock()
        if self._beat_at is None:
            self._beat_at = now
        if beat is not None and beat != self._beat:
            self._changed = self._beat is not None
            self._beat, self._beat_at = beat, now
        if now - self._beat_at > self._max_age_seconds:
            raise BadAnswer(f"the heartbeat ({self._where}) did not change for {self._max_age_seconds:g} s")
        return self._changed
