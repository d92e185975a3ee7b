"""What the ledger says was made, against what the floor knows was made: part by part.

A second telling of the counting rules in `docs/edge.md`, from the other side: here the truth is known, and every event
must fit it.
"""

import json
import os
import threading
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from taktledger.demo.machines import MACHINES

Json = dict[str, Any]
LIMIT = 100
"""The option `part_report_limit`."""
CLOCK_SECONDS = 1.0
"""By so much a time may be wrong: what an adapter says of a moment, and what the file's time says of it."""
WATCH_SECONDS = 0.03
BITS = {machine.source_name: machine.counter_bits for machine in MACHINES}


class Made(NamedTuple):
    """What the floor knew of a machine from this moment on."""

    at: float
    total: int
    """Cycles counted, whatever the counter says."""
    counter: int


class Truth(threading.Thread):
    """Follows the floor's own file: every count is in it before anybody can read it off the control."""

    def __init__(self, state: Path) -> None:
        super().__init__(daemon=True)
        self._state = state
        self._stopping = threading.Event()
        self.made: dict[str, list[Made]] = {}
        self.look()
        self.start()

    def run(self) -> None:
        while not self._stopping.wait(WATCH_SECONDS):
            self.look()

    def look(self) -> None:
        with self._state.open() as file:  # so that the time and the text are of the same one
            at = os.fstat(file.fileno()).st_mtime
            kept: Json = json.load(file)
        for name, each in kept.items():
            known = self.made.setdefault(name, [])
            now = (each.get("total", 0), each["counter"])
            if not known or known[-1][1:] != now:
                known.append(Made(at, *now))

    def stop(self) -> None:
        """With a last look, after which nothing more is made."""
        self._stopping.set()
        self.join()
        self.look()


@dataclass
class Account:
    """One machine at the end."""

    machine: str
    made: int = 0
    """By the floor, since the ledger read the counter for the first time."""
    counted: int = 0
    in_gaps: int = 0
    """Made where a recorded gap says that nobody can know."""
    gaps: list[str] = field(default_factory=list)
    glitches: int = 0
    """Gaps that the next reading took back: nothing is missing."""
    errors: list[str] = field(default_factory=list)


class _Audit:
    """Walks through the events of one machine, and knows at each of them how many parts were really made by then."""

    def __init__(self, machine: str, made: Sequence[Made]) -> None:
        self.account = Account(machine)
        self._made = made
        self._size = 2 ** BITS[machine]
        self._bases = list(dict.fromkeys((each.total - each.counter) % self._size for each in made))
        """Total less counter, one for each time that the counter was set to 0."""
        self._epoch = 0
        self._value: int | None = None
        """Of the counter, as the ledger knows it."""
        self._total = 0
        """Made by the machine when the counter had that value."""
        self._gap: Json | None = None
        """The last one, which the next reading may still take back."""
        self._jump: Json | None = None

    def take(self, event: Json) -> None:
        match event["type"]:
            case "MachineBaselineRead":
                self._baseline(event)
            case "CycleFinished":
                self._cycles(event)
            case "ProductionGapRecorded":
                self._gap_recorded(event)
            case "MachineCountersRead":
                reading = _reading(event)
                if self._gap is None or reading != self._gap["data"]["from_reading"]:
                    self._wrong(event, f"the counter reads {reading} without a cycle")
                self._taken_back()
                self._value = reading
            case _:
                return
        self._not_before_it_was_made(event)

    def end(self) -> Account:
        account, last = self.account, self._made[-1]
        if self._gap is not None:
            self._crossed()
        account.made = last.total - account.made
        if (self._total, self._value) != (last.total, last.counter):
            account.errors.append(
                f"the ledger ends at part {self._total} ({self._value}), the floor at {last.total} ({last.counter})"
            )
        if account.counted + account.in_gaps != account.made:
            account.errors.append(
                f"{account.made} were made; counted are {account.counted}, and {account.in_gaps} in recorded gaps"
            )
        return account

    def _baseline(self, event: Json) -> None:
        if self._value is not None:
            self._wrong(event, "a second baseline")
        self._value = _reading(event)
        self._total = self.account.made = (self._value + self._bases[0]) % self._size

    def _cycles(self, event: Json) -> None:
        reading, cycles = _reading(event), event["data"].get("cycles", 1)
        self.account.counted += cycles
        if self._value is None:
            self._wrong(event, "a cycle before the baseline")
            return
        if self._gap is not None:
            before = self._gap["data"]["from_reading"]
            if 0 <= reading - before <= LIMIT:
                self._taken_back()
                self._value = before
            else:
                self._crossed()
        grown = (reading - self._value) % self._size
        if grown > LIMIT and cycles == 1:
            self._jump = event  # a gap must follow
        elif cycles != grown or event["data"].get("parts", 1) != cycles:
            self._wrong(event, f"{cycles} cycles, and the counter went from {self._value} to {reading}")
        self._total += grown
        self._value = reading

    def _gap_recorded(self, event: Json) -> None:
        gap = event["data"]
        self.account.gaps.append(f"{gap['why']} {gap['from_reading']} > {gap['to_reading']}")
        if gap["why"] == "jump" and self._jump is not None:
            self._jump = None
            self._covered(event, gap["to_reading"] - gap["from_reading"] - 1, self._total)
            return
        if gap["why"] != "restart" or gap["from_reading"] != self._value:
            self._wrong(event, f"a gap ({self.account.gaps[-1]}), and the counter was {self._value}")
            return
        if self._gap is not None:
            self._crossed()
        self._gap = event
        self._value = gap["to_reading"]

    def _taken_back(self) -> None:
        self._gap = None
        self.account.glitches += 1

    def _crossed(self) -> None:
        """The counter was really set to 0: what was made meanwhile is known here, and nowhere else."""
        event, self._gap = self._gap, None
        assert event is not None
        self._epoch += 1
        if self._epoch >= len(self._bases):
            self._wrong(event, "the counter went back, and on the floor nothing did")
            return
        total = (event["data"]["to_reading"] + self._bases[self._epoch]) % self._size
        self._covered(event, total - self._total, total)
        self._total = total

    def _covered(self, event: Json, missing: int, until: int) -> None:
        """So many parts are missing: all of them were made between the two readings of the gap."""
        self.account.in_gaps += missing
        begin = event["data"]["gap_from"] - CLOCK_SECONDS
        if missing < 0 or (missing > 0 and self._made_at(until - missing + 1) < begin):
            self._wrong(event, f"{missing} parts are missing, which were not all made in this gap")

    def _made_at(self, total: int) -> float:
        index = bisect_left(self._made, total, key=lambda each: each.total)
        return self._made[index].at if index < len(self._made) else float("inf")

    def _not_before_it_was_made(self, event: Json) -> None:
        if self._gap is None and self._made_at(self._total) > event["occurred_at"] + CLOCK_SECONDS:
            self._wrong(event, f"part {self._total} was counted before it was made: a phantom")

    def _wrong(self, event: Json, what: str) -> None:
        self.account.errors.append(f"position {event['position']}: {what}")


def _reading(event: Json) -> int:
    return int(event["data"]["counters"]["part_count"]["value"])


def audit(machine: str, machine_id: int, events: Iterable[Json], made: Sequence[Made]) -> Account:
    """Follows one machine through all the events of the ledger."""
    walk = _Audit(machine, made)
    for event in events:
        if event["data"].get("machine_id") == machine_id:
            walk.take(event)
    return walk.end()


def check_parts(account: Account, machine_id: int, events: Iterable[Json], parts: Sequence[Json]) -> None:
    """Whether the parts are those of the cycles, each once, by their times."""
    expected = [
        event["occurred_at"]
        for event in events
        if event["type"] == "CycleFinished" and event["data"]["machine_id"] == machine_id
        for _ in range(event["data"].get("parts", 1))
    ]
    if [part["finished"] for part in parts] != expected:
        account.errors.append(f"{len(parts)} parts are not those of the {len(expected)} cycles")
    if len({part["id"] for part in parts}) < len(parts):
        account.errors.append("a part is listed twice")


def check_order(events: Sequence[Json]) -> list[str]:
    """What is wrong with the ledger as a whole: positions, sequences and times."""
    errors = []
    if [event["position"] for event in events] != list(range(1, len(events) + 1)):
        errors.append("positions have holes")
    last: dict[str, Json] = {}
    previous: Json = {}
    for event in events:
        source, sequence = event["source"], event["source_sequence"]
        if source is not None:
            before = last.get(source)
            expected = (before["source_sequence"] if before else 0) + 1
            # One fact may make several events, at once.
            goes_on = (previous.get("source"), previous.get("source_sequence")) == (source, sequence)
            if not goes_on and sequence != expected:
                errors.append(f"position {event['position']}: {source} {sequence} comes instead of {expected}")
            if goes_on and previous["type"] == event["type"] == "CycleFinished":
                errors.append(f"position {event['position']}: {source} {sequence} is stored twice")
            if before and event["occurred_at"] < before["occurred_at"]:
                errors.append(f"position {event['position']}: time goes back")
            last[source] = event
            previous = event
        elif event["actor"] != "system":  # what the ledger adds by itself stands in between
            previous = event
    if len(last) != len({source.partition("/")[2] for source in last}):
        errors.append(f"a machine has two sources: {sorted(last)}")
    return errors
