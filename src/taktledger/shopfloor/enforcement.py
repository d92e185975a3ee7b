"""Holds at the edge: whether a machine is to be held now, and what the ledger is told of its hold output.

Pure functions, as in the detector: no clock, no network. The state is what the ledger was told. So it hears once of
what goes on, and of every change, also after a restart of the edge.
"""

from msgspec import Struct
from msgspec.structs import replace

from taktledger.shopfloor.facts import Fact, HoldOutputFailed, HoldOutputWritten
from taktledger.shopfloor.profile import Profile

REPEAT_SECONDS = 10.0
"""What the ledger was told of an output it isn't told again sooner, however often the control resets it."""
LOSSES = 3
"""What has to be written anew at so many polls in a row does not hold the machine."""
NO_OUTPUT = "it has no hold output"
RESET = "something else at the control resets the hold output"


class HoldState(Struct, kw_only=True, frozen=True):
    """What the ledger was told of a machine's hold output."""

    held: bool | None = None
    """As the output was last confirmed. None: it never was."""
    told_at: float | None = None
    """UNIX seconds of that."""
    failed: bool | None = None
    """What the machine could not be told. None: nothing, or something else is wanted by now."""
    unsettled: bool = False
    """A failure was told, and the output was not confirmed since."""
    losses: int = 0
    """At so many polls in a row it had to be written anew."""

    @property
    def is_reset(self) -> bool:
        """Something else at the control works against it."""
        return self.losses >= LOSSES


Told = tuple[HoldState, list[Fact]]
"""The state after it, and what to tell the ledger."""


def is_held(profile: Profile, at: float) -> bool:
    """Whether the machine must not run at `at` (UNIX seconds)."""
    return any(hold.start <= at and (hold.end is None or at < hold.end) for hold in profile.holds)


def confirmed(state: HoldState, held: bool, at: float, *, written: bool) -> Told:
    """The output reads `held`, as is wanted. `written`: only since it was written just now."""
    changed = held if state.held is None else held is not state.held  # one that was never held has nothing to tell
    losses = min(state.losses + 1, LOSSES) if written and not changed else 0
    if losses == LOSSES:
        state, facts = failed(state, held, RESET, at)
        return replace(state, losses=losses), facts
    lost = written and not _told_lately(state, at)
    if changed or lost or state.unsettled:
        return HoldState(held=held, told_at=at, losses=losses), [HoldOutputWritten(held=held)]
    return (state if losses == state.losses else replace(state, losses=losses)), []


def failed(state: HoldState, held: bool, error: str, at: float) -> Told:
    """The machine can't be told to hold (`held`) or to run again. `error` is fit to show to a user.

    An output that works at one poll and not at the next would flood the ledger: what was confirmed just now has to
    fail for longer.
    """
    if state.failed is held or (not state.unsettled and state.held is held and _told_lately(state, at)):
        return state, []
    return replace(state, failed=held, unsettled=True), [HoldOutputFailed(held=held, error=error)]


def out_of_reach(state: HoldState, held: bool, error: str, at: float) -> Told:
    """The machine does not answer. This matters if it was last told something else than is wanted now."""
    return failed(state, held, error, at) if held is not bool(state.held) else (_moved_on(state, held), [])


def without_output(state: HoldState, held: bool, at: float) -> Told:
    """The machine has nothing that could be written. This matters while it is to be held."""
    return failed(state, held, NO_OUTPUT, at) if held else (_moved_on(state, held), [])


def _moved_on(state: HoldState, held: bool) -> HoldState:
    """Something else is wanted than what failed: when that is wanted again, it is another occasion."""
    return state if state.failed in (None, held) else replace(state, failed=None)


def _told_lately(state: HoldState, at: float) -> bool:
    """A clock that was set back tells nothing."""
    return state.told_at is not None and 0 <= at - state.told_at < REPEAT_SECONDS
