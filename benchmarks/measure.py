"""How a figure is taken: the sides in turn, several rounds, the median of the rounds' ratios. No time is asserted."""

import os
import platform
import sqlite3
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

Side = Callable[[], float]
"""Runs one side once, and says how many it did a second (or how much it took)."""
Rates = dict[str, list[float]]


class Figure(Struct, kw_only=True):
    """One row of the table. `ours` and `other` hold one value per round, and belong together."""

    what: str
    ours: Sequence[float]
    other: Sequence[float]
    compared_to: str
    unit: str = "/s"
    target: str = ""
    """Such as `>= 0.45`; of the ratio."""

    def row(self) -> str:
        ratios = sorted(mine / theirs for mine, theirs in zip(self.ours, self.other, strict=True))
        ratio = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        cells = (self.what, self._median(self.ours), self.compared_to, self._median(self.other), ratio, self.target)
        return "| " + " | ".join(cells) + " |"

    def _median(self, values: Sequence[float]) -> str:
        return f"{statistics.median(values):,.0f} {self.unit}".replace(" /", "/")


HEADER = "| What | Ours | Compared to | It | Ratio (spread) | Target |\n|---|---:|---|---:|---:|---|"


def in_turn(sides: Mapping[str, Side], rounds: int) -> Rates:
    """Each round runs all sides, every other round backwards, so that a slow moment hits them alike."""
    rates: Rates = {name: [] for name in sides}
    for number in range(rounds):
        for name in sides if number % 2 == 0 else reversed(list(sides)):
            rates[name].append(sides[name]())
    return rates


def against(
    base: str, rates: Rates, what: str, compared_to: str, targets: Mapping[str, str] | None = None
) -> list[Figure]:
    """A figure for each of the other sides."""
    return [
        Figure(
            what=what.format(name),
            ours=rates[name],
            compared_to=compared_to,
            other=rates[base],
            target=(targets or {}).get(name, ""),
        )
        for name in rates
        if name != base
    ]


def machine_facts(scratch: Path) -> str:
    filesystem = _filesystem(scratch)
    warning = " (in memory: an fsync costs nothing, use --dir)" if filesystem == "tmpfs" else ""
    return (
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}, {filesystem}{warning} at {scratch.parent}"
    )


def _filesystem(path: Path) -> str:
    """The type of what is mounted there; empty where there is no /proc."""
    mounts = Path("/proc/mounts")
    fields = [line.split()[1:3] for line in mounts.read_text().splitlines()] if mounts.exists() else []
    found = [(len(at), kind) for at, kind in fields if path.resolve().is_relative_to(at)]
    return max(found)[1] if found else ""
