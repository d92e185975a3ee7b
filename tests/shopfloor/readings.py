"""What a control may say, for hypothesis: readings that grow, jump, wrap, restart, glitch, repeat and go missing."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from hypothesis import strategies as st

from taktledger.shopfloor.update import MachineUpdate

PROGRAM_CV = 100
"""The variable that selects a program."""
COUNTING_CV = 500
"""The variable that counts for the process of BY_CV and SELECTED."""
BY_CV, SELECTED, SELECTED_VALUE = "BY_CV", "SELECTED", 2


class Said(NamedTuple):
    """One update, in the plainest terms. None: it doesn't say."""

    after: float
    success: bool
    part_count: int | None
    counting_cv: int | None
    name: str | None
    selector: int | None
    tool: int | None
    state: str | None
    watched: float | None

    def update(self, timestamp: float | None = None) -> MachineUpdate:
        numbers = {PROGRAM_CV: self.selector, COUNTING_CV: self.counting_cv, 7: self.watched}
        return MachineUpdate(
            success=self.success,
            part_count=self.part_count,
            program_name=self.name,
            active_tool=self.tool,
            cycle_state=self.state,
            common_vars={number: float(value) for number, value in numbers.items() if value is not None},
            timestamp=timestamp,
        )


MOVES = st.sampled_from(
    ["same", "one", "one", "few", "limit", "over", "back", "back", "drop", "drop", "zero", "top", "gone"]
)
"""How a counter may move from one reading to the next."""


def moved(move: str, reading: int, highest: int, before: int, extra: int, limit: int, size: int) -> int | None:
    """A reading after `reading`. `before` is the one before it, `highest` the last before a decrease."""
    steps = {"same": 0, "one": 1, "few": extra, "limit": limit, "over": limit + extra}
    if move in steps:
        return (reading + steps[move]) % size
    return {
        "back": (highest + extra - 1) % size,
        "drop": max(reading - extra, 0),
        "zero": extra - 1,
        "top": size - extra,
        "gone": None,
    }[move]


def readings(moves: Sequence[tuple[str, int]], limit: int, size: int, start: int) -> list[int | None]:
    said: list[int | None] = []
    reading = highest = before = start
    for move, extra in moves:
        value = moved(move, reading, highest, before, extra, limit, size)
        said.append(value)
        if value is not None and value != reading:
            highest = reading if value < reading else highest
            before, reading = reading, value
    return said


@st.composite
def scripts(draw: st.DrawFn, limit: int, size: int, complete: bool = False, length: int = 25) -> list[Said]:
    """What one control says. `complete`: it always says its program name and its selecting variable."""
    updates = draw(st.integers(1, length))
    lists = {"min_size": updates, "max_size": updates}
    moves = st.lists(st.tuples(MOVES, st.integers(1, 4)), **lists)
    part_counts = readings(draw(moves), limit, size, draw(st.sampled_from([0, 5, size - 3])))
    counting = readings(draw(moves), limit, 2**32, draw(st.sampled_from([0, 70, 2**32 - 3])))
    missing: list[Any] = [] if complete else [None]
    others = st.tuples(
        st.sampled_from([0.0, 1.0, 1.0, 15.0, 60.0, 61.0]),
        st.sampled_from([True] * 9 + [False]),
        st.sampled_from([*missing, "O1", "O1", BY_CV, ""]),
        st.sampled_from([*missing, 0, 0, SELECTED_VALUE]),
        st.sampled_from([None, None, 1, 2]),
        st.sampled_from([None, None, "ACTIVE", "STOPPED"]),
        st.sampled_from([None, 1.0, 2.5]),
    )
    return [
        Said(after, success, part_count, counter, name, selector, tool, state, watched)
        for part_count, counter, (after, success, name, selector, tool, state, watched) in zip(
            part_counts, counting, draw(st.lists(others, **lists)), strict=True
        )
    ]


def encoded(*values: Any) -> list[bytes]:
    """A deep picture of values, to see whether somebody changed them."""
    return [msgspec.msgpack.encode(value) for value in values]
