"""Edge and ledger are killed and cut off from each other again and again while parts are made: each part is there once.

`KILLS` says how many times (default 100), `SEED` what happens when.
"""

import os
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest

from demo.accounting import Account, Json, Made, Truth, audit, check_order, check_parts
from demo.chaos import Link, Network
from demo.processes import Shop
from taktledger.demo.shop import shop_toml

SEED = int(os.environ.get("SEED") or random.randrange(10**6))
KILLS = int(os.environ.get("KILLS") or 100)
PACE = 0.05
"""A part takes a second or less."""
CALM_STARTS, LEAST_CALM, MOST_CALM = 2.5, 5.5, 10.0
"""Seconds between two kills: up to so many times what a start of the edge takes. Else it would hardly ever live."""
LONGEST_PARTITION = 120.0
DELIVERED_SECONDS = 90.0
START = '{"mill-2": {"counter": 65400}, "lathe-1": {"counter": 310}}'
"""One counter wraps soon."""


def check(shop: Shop, truth: Truth) -> list[Account]:
    """Goes through the whole ledger. Asserts nothing: what is wrong stands in the accounts."""
    events, accounts = shop.events(), []
    order = check_order(events)
    for name, machine in shop.machines().items():
        account = audit(name, machine["id"], events, truth.made[name])
        check_parts(account, machine["id"], events, shop.parts(machine["id"]))
        account.errors += order
        accounts.append(account)
    return accounts


def all_is_there(shop: Shop, truth: Truth, since: float) -> bool:
    if not shop.delivered(shop.ports, since):
        return False
    events = shop.events()
    accounts = [audit(name, each["id"], events, truth.made[name]) for name, each in shop.machines().items()]
    return not any(each.errors for each in accounts)


def show(accounts: list[Account]) -> None:
    for each in accounts:
        print(
            f"{each.machine:9} made {each.made:5}  counted {each.counted:5}  in gaps {each.in_gaps:3}  "
            f"gaps {len(each.gaps):3}, of which taken back {each.glitches:3}  errors {len(each.errors)}"
        )
        for error in each.errors:
            print(f"          {error}")


class Partitions:
    """What comes between edge and ledger, beside the kills: one after the other, with pauses."""

    def __init__(self, link: Link, random: Random, kills: int) -> None:
        self._link, self._random = link, random
        self._kinds: list[tuple[str, Callable[[], None]]] = [
            ("refuses", link.drop),
            ("black hole", link.silence),
            ("answers are lost", link.cut_answers),
        ]
        short = [random.uniform(1, 12) for _ in range(kills // 8)]
        self._lengths = [*short, LONGEST_PARTITION] if kills >= 50 else short
        random.shuffle(self._lengths)
        self._number, self._on = 0, False
        self._changes_at = 5.0
        self.seen: list[str] = []

    def step(self, now: float) -> None:
        if now < self._changes_at or (not self._lengths and not self._on):
            return
        self._on = not self._on
        if self._on:
            kind, begin = self._kinds[self._number % len(self._kinds)]
            self._number += 1
            seconds = self._lengths.pop()
            self.seen.append(f"{kind} {seconds:.0f} s")
            begin()
            self._changes_at = now + seconds
        else:
            self._link.heal()
            self._changes_at = now + self._random.uniform(3, 25)


def kill_again_and_again(shop: Shop, link: Link, random: Random, calm_seconds: float) -> None:
    partitions = Partitions(link, random, KILLS)
    begin, killed = time.monotonic(), {"edge": 0, "ledger": 0}
    url = f"http://127.0.0.1:{link.port}"
    starts: dict[str, Callable[[], None]] = {
        "edge": lambda: shop.start_edge(url),
        "ledger": lambda: shop.start_ledger(wait=False),
    }

    def rest(seconds: float) -> None:
        until = time.monotonic() + seconds
        while (now := time.monotonic()) < until:
            partitions.step(now - begin)
            time.sleep(min(0.05, until - now))

    while sum(killed.values()) < KILLS:
        chance = random.random()
        rest(random.uniform(0, 1) if chance < 0.2 else random.uniform(1, calm_seconds))
        names = ["edge", "ledger"] if chance > 0.9 else [random.choice(["edge", "ledger"])]
        for name in names:
            shop.must_live(name)
            shop.kill(name)
            killed[name] += 1
        for name in random.sample(names, len(names)):
            rest(random.choice([0, 0, random.uniform(0, 3)]))
            starts[name]()
    link.heal()
    seconds = time.monotonic() - begin
    lost = sum(count for asked, count in link.lost_answers.items() if asked.startswith("POST /api/events"))
    print(f"killed {killed} in {seconds:.0f} s; partitions: {', '.join(partitions.seen)}")
    print(f"{lost} times the ledger had stored facts and its answer was lost")
    assert lost or KILLS < 50


def rebuilt_parts(folder: Path) -> list[Any]:
    command = [sys.executable, "-m", "taktledger", "rebuild", "--data", str(folder / "data")]
    subprocess.run([*command, "--into", str(folder / "rebuilt.db")], check=True, capture_output=True, timeout=60)
    return parts_in(folder / "rebuilt.db")


def parts_in(file: Path) -> list[Any]:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as db:
        return db.execute("SELECT * FROM parts ORDER BY id").fetchall()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path, PACE, START)
    yield shop
    shop.close()


@pytest.mark.long
@pytest.mark.timeout(1500)
def test_every_part_is_there_once_whoever_is_killed(shop: Shop) -> None:
    print(f"\nSEED={SEED} KILLS={KILLS}")
    random = Random(SEED)
    shop.config.write_text(shop_toml(shop.ports))
    truth = Truth(shop.floor_state)
    with Network() as network:
        link = network.link(shop.port, random)
        shop.start_ledger()
        shop.start_edge(f"http://127.0.0.1:{link.port}")
        start_seconds = shop.until(lambda: shop.delivered(shop.ports))
        print(f"the edge reads all machines {start_seconds:.1f} s after its start")
        calm_seconds = min(max(LEAST_CALM, CALM_STARTS * start_seconds), MOST_CALM)
        kill_again_and_again(shop, link, random, calm_seconds)
        shop.until(shop.is_ready)
        assert shop.stop_making_parts() == shop.ports
        truth.stop()
        stopped_at = time.time()
        try:
            seconds = shop.until(lambda: all_is_there(shop, truth, stopped_at), DELIVERED_SECONDS)
            print(f"all delivered {seconds:.1f} s after the end")
        finally:
            accounts = check(shop, truth)
            show(accounts)
            print(f"{len(shop.events())} events")
    assert [account.machine for account in accounts if account.errors] == []
    assert {account.machine for account in accounts} == set(shop.ports)
    assert all(account.counted >= KILLS for account in accounts)
    shown = [part["id"] for each in shop.machines().values() for part in shop.parts(each["id"])]
    rebuilt = rebuilt_parts(shop.folder)
    assert sorted(shown) == [row[0] for row in rebuilt]
    assert rebuilt == parts_in(shop.folder / "data" / "readmodel.db")


# The check itself: it must find what is wrong.

MADE = [Made(10.0 * total, total, 40 + total) for total in range(6)]
RESET = [*MADE, Made(60.0, 5, 0), Made(70.0, 6, 1), Made(80.0, 7, 2)]


def told(*events: tuple[str, float, Json]) -> list[Json]:
    """A ledger with these events of one machine."""
    return [
        {
            "position": position,
            "type": kind,
            "occurred_at": at,
            "source": "a/mill-1",
            "source_sequence": position,
            "actor": "key-1",
            "data": {"machine_id": 1, **data},
        }
        for position, (kind, at, data) in enumerate(events, start=1)
    ]


def counter(value: int) -> Json:
    return {"counters": {"part_count": {"value": value}}}


def cycle(at: float, reading: int, cycles: int = 1) -> tuple[str, float, Json]:
    return "CycleFinished", at, {**counter(reading), "cycles": cycles, "parts": cycles}


def gap(at: float, before: int, after: int, since: float, why: str = "restart") -> tuple[str, float, Json]:
    gap = {"why": why, "gap_from": since, "from_reading": before, "to_reading": after}
    return "ProductionGapRecorded", at, {**counter(after), **gap}


BASELINE = ("MachineBaselineRead", 1.0, counter(40))
GOOD = [BASELINE, *(cycle(10.0 * n + 1, 40 + n) for n in range(1, 6))]


def errors(events: list[Json], made: list[Made] = MADE) -> str:
    account = audit("mill-1", 1, events, made)
    return "; ".join([*account.errors, *check_order(events)])


def test_the_check_finds_nothing_where_nothing_is_wrong() -> None:
    assert errors(told(*GOOD)) == ""
    assert errors(told(*GOOD[:2], cycle(41, 44, 3), GOOD[5])) == ""


def test_the_check_finds_a_part_that_is_missing() -> None:
    assert "ends at part 4" in errors(told(*GOOD[:-1]))
    assert "1 cycles, and the counter went from 42 to 44" in errors(told(*GOOD[:3], *GOOD[4:]))
    assert "5 were made; counted are 4" in errors(told(*GOOD[:3], *GOOD[4:]))


def test_the_check_finds_a_part_that_is_doubled() -> None:
    assert "1 cycles, and the counter went from 42 to 42" in errors(told(*GOOD[:3], *GOOD[2:]))
    assert "5 were made; counted are 6" in errors(told(*GOOD[:3], *GOOD[2:]))
    twice = told(*GOOD, GOOD[-1])
    twice[-1]["source_sequence"] = twice[-2]["source_sequence"]
    assert "is stored twice" in errors(twice)


def test_the_check_finds_a_part_before_it_was_made() -> None:
    early = [BASELINE, cycle(5.0, 41), *GOOD[2:]]
    assert "a phantom" in errors(told(*early))


def test_the_check_finds_what_is_wrong_with_the_order() -> None:
    for wrong in ("position", "source_sequence"):
        events = told(*GOOD)
        for event in events[3:]:
            event[wrong] += 1
        assert errors(events) != ""
    assert "time goes back" in errors(told(*GOOD[:-1], cycle(40.0, 45)))


def test_the_check_knows_what_a_gap_covers_and_what_not() -> None:
    seen = [*GOOD[:5], gap(71, 44, 1, 41), cycle(81, 2)]
    account = audit("mill-1", 1, told(*seen), RESET)
    assert (account.made, account.counted, account.in_gaps, account.errors) == (7, 5, 2, [])
    # Part 5, at 50 s, is missing in a gap that began later.
    assert "were not all made in this gap" in errors(told(*GOOD[:5], gap(71, 44, 1, 55), cycle(81, 2)), RESET)
    assert "on the floor nothing did" in errors(told(*GOOD[:3], gap(21, 42, 0, 11), cycle(31, 1)))
    # A reading that was a lie is taken back, and nothing is missing.
    lie = audit("mill-1", 1, told(*GOOD[:3], gap(22, 42, 0, 21), *GOOD[3:]), MADE)
    assert (lie.counted, lie.in_gaps, lie.glitches, lie.errors) == (5, 0, 1, [])


def test_the_check_compares_the_parts() -> None:
    events = told(*GOOD)
    parts = [{"id": n, "finished": 10.0 * n + 1} for n in range(1, 6)]
    for wrong in (parts[1:], [*parts, parts[-1]], [*parts[:-1], {"id": 9, "finished": 50.0}]):
        account = audit("mill-1", 1, events, MADE)
        check_parts(account, 1, events, parts)
        assert account.errors == []
        check_parts(account, 1, events, wrong)
        assert account.errors
