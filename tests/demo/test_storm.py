"""The demo floor with all its protocols while links freeze, drop and lie at random, machine by machine.

`STORM_MINUTES` says for how long (default 4), `STORM_PACE` how fast the floor works, `SEED` what happens when.
"""

import os
import random
import signal
import statistics
import threading
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import httpx
import pytest

from demo.accounting import Account, Truth, audit, check_order, check_parts
from demo.chaos import LIES, Link, Network
from demo.processes import Shop
from taktledger.demo.shop import shop_toml

SEED = int(os.environ.get("SEED") or random.randrange(10**6))
MINUTES = float(os.environ.get("STORM_MINUTES") or 4)
PACE = float(os.environ.get("STORM_PACE") or 0.2)
TROUBLE_SECONDS = (0.2, 15.0)
BACK_SECONDS = 10.0
"""So long after a trouble at most until the machine is read again."""
RSS_SECONDS = 10.0
FILES = 40
"""So many connections may be open at once beyond the fewest: troubles leave some for a while."""
LOOK_SECONDS = 0.25
DELIVERED_SECONDS = 90.0
START = '{"mill-2": {"counter": 65500}, "lathe-1": {"counter": 310}}'
"""One counter wraps soon."""
MB = 1024
"""Of the kilobytes in which the kernel tells memory."""


@dataclass
class Trouble:
    machine: str
    kind: str
    begin: float
    end: float = 0.0
    back_after: float | None = None
    """Seconds from its end until the machine was read again. None: other troubles came first, so nobody can say."""


@dataclass
class Storm:
    """What happened, told by several threads."""

    stopping: threading.Event = field(default_factory=threading.Event)
    """No more troubles."""
    watched: threading.Event = field(default_factory=threading.Event)
    """Nothing more to see: it comes later, as the last trouble may have ended with the storm."""
    troubles: list[Trouble] = field(default_factory=list)
    contacts: dict[str, list[float]] = field(default_factory=dict)
    """Machine -> every last contact that the ledger was told of."""
    rss: dict[str, list[int]] = field(default_factory=lambda: {"edge": [], "ledger": []})
    """Kilobytes."""
    files: dict[str, list[int]] = field(default_factory=lambda: {"edge": [], "ledger": [], "floor": []})
    """How many are open, connections among them."""
    errors: list[BaseException] = field(default_factory=list)

    def calm(self, seconds: float) -> bool:
        """Waits. False: it is over."""
        return not self.stopping.wait(seconds)

    def go_through(self, machine: str, kind: str, begin: Callable[[], None], end: Callable[[], None], s: float) -> None:
        trouble = Trouble(machine, kind, time.time())
        begin()
        self.calm(s)
        end()
        trouble.end = time.time()
        self.troubles.append(trouble)

    def thread(self, work: Callable[..., None], *arguments: object) -> threading.Thread:
        def guarded() -> None:
            try:
                work(*arguments)
            except BaseException as error:
                self.errors.append(error)

        thread = threading.Thread(target=guarded, daemon=True)
        thread.start()
        return thread


def pause(random: Random) -> float:
    """Mostly long enough to see that the machine is back, sometimes not."""
    return random.uniform(0.2, 3) if random.random() < 0.2 else random.uniform(BACK_SECONDS + 1, 2 * BACK_SECONDS)


def how_long(random: Random) -> float:
    low, high = TROUBLE_SECONDS
    return low * (high / low) ** random.random()


def trouble_link(storm: Storm, machine: str, link: Link, lies: tuple[str, ...], random: Random) -> None:
    """One link, until the storm is over. A lie every third time, every kind of it in turn."""
    lies, lie = tuple(random.sample(lies, len(lies))), 0
    while storm.calm(pause(random)):
        kind = random.choice(["freezes", "drops", "half open", "slow", "lies", "lies"])
        begins: dict[str, Callable[[], None]] = {
            "freezes": link.freeze,
            "drops": link.drop,
            "half open": link.silence,
            "slow": lambda: link.drip(random.choice([0.001, 0.005, 0.02, 0.1])),
        }
        if kind == "lies":
            name, lie = lies[lie % len(lies)], lie + 1
            begins["lies"], kind = lambda name=name: link.lie(name), f"lies: {name}"  # type: ignore[misc]
        storm.go_through(machine, kind, begins[kind.partition(":")[0]], link.heal, how_long(random))


def trouble_floor(storm: Storm, shop: Shop, random: Random) -> None:
    """All controls stand still at once, in the middle of whatever they say."""
    group = shop.processes["floor"].pid
    while storm.calm(random.uniform(40, 90)):
        storm.go_through(
            "*",
            "stopped",
            lambda: os.killpg(group, signal.SIGSTOP),
            lambda: os.killpg(group, signal.SIGCONT),
            random.uniform(1, 10),
        )


def trouble_delivery(storm: Storm, link: Link, random: Random) -> None:
    while storm.calm(random.uniform(20, 60)):
        kind = random.choice([link.drop, link.silence, link.freeze, link.cut_answers])
        storm.go_through("ledger", kind.__name__.replace("_", " "), kind, link.heal, how_long(random))


def watch(storm: Storm, shop: Shop) -> None:
    """Contacts as the ledger shows them, and memory as the kernel does."""
    with httpx.Client(base_url=shop.api.base_url, headers=shop.api.headers, trust_env=False) as api:
        measured_at = float("-inf")
        while not storm.watched.wait(LOOK_SECONDS):
            for machine in api.get("/api/machines/").json().values():
                seen = storm.contacts.setdefault(machine["source_name"], [])
                if machine["last_contact"] and (not seen or machine["last_contact"] > seen[-1]):
                    seen.append(machine["last_contact"])
            if time.monotonic() - measured_at >= RSS_SECONDS:
                measured_at = time.monotonic()
                for name, series in storm.rss.items():
                    shop.must_live(name)
                    series.append(status_of(shop, name, "VmRSS"))
                for name, series in storm.files.items():
                    series.append(len(os.listdir(f"/proc/{shop.processes[name].pid}/fd")))


def status_of(shop: Shop, name: str, field: str) -> int:
    """Kilobytes."""
    lines = Path(f"/proc/{shop.processes[name].pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field))


def say_when_they_were_back(storm: Storm, links: dict[str, Link], refusals: dict[str, list[float]]) -> None:
    """Only where no other trouble of the machine, of its floor or on the way to the ledger came in between."""
    for trouble in storm.troubles:
        for machine in links if trouble.machine == "*" else [trouble.machine]:
            if machine == "ledger":
                continue
            after = [at for at in storm.contacts.get(machine, []) if at > trouble.end]
            until = after[0] if after else trouble.end + 3 * BACK_SECONDS
            others = (o for o in storm.troubles if o is not trouble and o.machine in (machine, "*", "ledger"))
            disturbed = any(o.begin < until + 1 and o.end > trouble.end - 1 for o in others)
            refused = any(trouble.begin - 1 < at < until + 1 for at in refusals[machine])
            if not disturbed and not refused:
                trouble.back_after = max(trouble.back_after or 0.0, until - trouble.end)


def flat(series: list[int]) -> tuple[float, float]:
    """Its median in the first quarter after the start, and its highest in the last one. MB."""
    quarter = max(1, len(series) // 4)
    return statistics.median(series[quarter : 2 * quarter]) / MB, max(series[-quarter:]) / MB


def summary(storm: Storm, shop: Shop, accounts: list[Account], adapters: dict[str, str]) -> None:
    print(f"{len(storm.troubles)} troubles in {MINUTES:g} minutes at pace {PACE:g}")
    for each in accounts:
        mine = [trouble for trouble in storm.troubles if trouble.machine == each.machine]
        kinds = Counter(trouble.kind.partition(":")[0] for trouble in mine)
        lies = Counter(trouble.kind[6:] for trouble in mine if trouble.kind.startswith("lies"))
        print(
            f"{each.machine:9} {adapters[each.machine]:9} made {each.made:5}  counted {each.counted:5}  "
            f"in gaps {each.in_gaps:3}  gaps {len(each.gaps):2}, taken back {each.glitches:2}"
        )
        print(f"          {dict(kinds)} {dict(lies)}")
        print(f"          gaps: {each.gaps}")
        for error in each.errors:
            print(f"          ERROR {error}")
    lost = Counter((event["data"]["machine_id"], event["data"]["why"]) for event in shop.events("MachineReportsLost"))
    names = {each["id"]: name for name, each in shop.machines().items()}
    print(f"reports lost: { {f'{names[number]} {why}': count for (number, why), count in lost.items()} }")
    others = [trouble for trouble in storm.troubles if trouble.machine not in adapters]
    print(f"others: {dict(Counter(f'{trouble.machine} {trouble.kind}' for trouble in others))}")
    for kind in sorted({trouble.kind for trouble in storm.troubles}):
        seconds = [each.back_after for each in storm.troubles if each.kind == kind and each.back_after is not None]
        if seconds:
            worst = max((each.back_after or 0, each.machine) for each in storm.troubles if each.kind == kind)
            print(
                f"back after {kind:18} median {statistics.median(seconds):5.2f} s, worst {worst[0]:5.2f} s "
                f"({worst[1]}, {len(seconds)} times)"
            )
    for name, series in storm.rss.items():
        print(
            f"{name} RSS: {[round(each / MB) for each in series]} MB, peak {status_of(shop, name, 'VmHWM') / MB:.0f} MB"
        )


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path, PACE, start=START)
    yield shop
    shop.close()


def run_storm(storm: Storm, shop: Shop, links: dict[str, Link], to_ledger: Link, adapters: dict[str, str]) -> None:
    threads = []
    for name, link in links.items():
        threads.append(
            storm.thread(trouble_link, storm, name, link, LIES[adapters[name]].names, Random(f"{SEED}{name}"))
        )
    threads.append(storm.thread(trouble_floor, storm, shop, Random(f"{SEED} floor")))
    threads.append(storm.thread(trouble_delivery, storm, to_ledger, Random(f"{SEED} ledger")))
    until = time.monotonic() + 60 * MINUTES
    while time.monotonic() < until and not storm.errors:
        for name in ("edge", "ledger", "floor"):
            shop.must_live(name)
        time.sleep(1)
    storm.stopping.set()
    for thread in threads:
        thread.join(60)
    assert storm.errors == []


@pytest.mark.long
@pytest.mark.timeout(60 * MINUTES + 600)
def test_counts_are_right_after_a_storm(shop: Shop) -> None:
    print(f"\nSEED={SEED} STORM_MINUTES={MINUTES:g} STORM_PACE={PACE:g}")
    adapters = {each["name"]: each["adapter"] for each in tomllib.loads(shop_toml(shop.ports))["machine"]}
    truth, storm = Truth(shop.floor_state), Storm()
    with Network() as network:
        links = {
            name: network.link(port, Random(f"{SEED} {name}"), LIES[adapters[name]])
            for name, port in shop.ports.items()
        }
        shop.config.write_text(shop_toml({name: link.port for name, link in links.items()}))
        to_ledger = network.link(shop.port, Random(SEED))
        shop.start_ledger()
        shop.start_edge(f"http://127.0.0.1:{to_ledger.port}")
        shop.until(lambda: shop.delivered(links))
        watching = storm.thread(watch, storm, shop)
        run_storm(storm, shop, links, to_ledger, adapters)
        calm_at = time.time()
        with suppress(AssertionError):
            seconds = shop.until(lambda: shop.delivered(links, calm_at), DELIVERED_SECONDS)
            print(f"all connected, and nothing waits, {seconds:.1f} s after it")
        connected = {name: each["last_contact"] for name, each in shop.machines().items()}
        time.sleep(2 * LOOK_SECONDS)
        storm.watched.set()
        watching.join(60)
        assert storm.errors == []
        refusals = {name: link.refusals for name, link in links.items()}
        assert shop.stop_making_parts() == shop.ports
        truth.stop()
        stopped_at, begin = time.time(), time.monotonic()
        while True:
            events, machines = shop.events(), shop.machines()
            accounts = [audit(name, each["id"], events, truth.made[name]) for name, each in machines.items()]
            done = shop.delivered(links, stopped_at) and not any(each.errors for each in accounts)
            if done or time.monotonic() - begin > DELIVERED_SECONDS:
                break
            time.sleep(0.5)
        for account in accounts:
            number = machines[account.machine]["id"]
            check_parts(account, number, events, shop.parts(number))
            account.errors += check_order(events)
        say_when_they_were_back(storm, links, refusals)
        summary(storm, shop, accounts, adapters)
        growth = {name: flat(series) for name, series in storm.rss.items()}
    assert [account.machine for account in accounts if account.errors] == []
    assert {account.machine for account in accounts} == set(shop.ports)
    assert all(account.counted >= 5 * MINUTES for account in accounts)
    assert all(at is not None and at > calm_at for at in connected.values()), "not all were back"
    slow = [each for each in storm.troubles if each.back_after is not None and each.back_after > BACK_SECONDS]
    assert slow == []
    for name, files in storm.files.items():
        assert max(files[-3:]) <= min(files) + FILES, f"the {name} leaves files or connections open"
    for name, (before, after) in growth.items():
        assert after <= 1.1 * before + 10, f"the {name} has grown from {before:.0f} to {after:.0f} MB"
