"""The spool: what is in it after a crash, and what its sequences are."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from takt_adapters.runner import in_order
from takt_adapters.spool import Dated, Spool
from takt_adapters.spool_file import SpoolError
from taktledger.domain.controls import ControlChanges
from taktledger.domain.shop import Control, Counter
from taktledger.shopfloor.detector import DetectorState, RunTime
from taktledger.shopfloor.facts import BaselineSeen, CyclesSeen, Fact, FactSetAside, StateSeen
from taktledger.shopfloor.profile import Profile, ProgramProfile

BASELINE = BaselineSeen(counters={"part_count": Counter(41)})
CYCLE = CyclesSeen(cycles=1, counters={"part_count": Counter(42)}, tool_seconds={7: 1.5})


def state(count: int) -> DetectorState:
    control = Control(counters={"part_count": Counter(count)}, variables={500: 1.5})
    return DetectorState(control=control, run=RunTime(seen_at=5.0, tool_seconds={7: 2.0}))


def dated(at: float, *facts: Fact) -> list[Dated]:
    return [Dated(fact, at) for fact in facts]


@pytest.fixture
def open_spool(tmp_path: Path) -> Iterator[Callable[[], Spool]]:
    """Opens the same file each time, as if the one before had been killed."""
    opened: list[Spool] = []
    names = iter("abcdefgh")

    def open_it() -> Spool:
        if opened:
            opened[-1].close()
        opened.append(Spool(tmp_path / "spool.db", lambda: f"spool-{next(names)}"))
        return opened[-1]

    yield open_it
    opened[-1].close()


def kept(spool: Spool, machine: str = "mill-1") -> list[tuple[int, float, str]]:
    return [(fact.sequence, fact.occurred_at, fact.type) for fact in spool.waiting(machine, 100)]


def test_a_new_spool_is_empty(open_spool: Callable[[], Spool]) -> None:
    spool = open_spool()
    assert spool.id == "spool-a"
    assert spool.source("mill-1") == "spool-a/mill-1"
    assert spool.state("mill-1") == DetectorState()
    assert spool.machines_waiting() == []
    assert spool.profiles() == (None, {})


def test_everything_is_there_after_a_crash(open_spool: Callable[[], Spool]) -> None:
    spool = open_spool()
    spool.write("mill-1", state(41), dated(1.0, BASELINE, StateSeen(changes=ControlChanges(cycle_state="IDLE"))))
    spool.write("mill-2", state(7), dated(1.5, BASELINE))
    spool.write("mill-1", state(42), dated(2.0, CYCLE))
    profiles = {"mill-1": Profile(programs={"A": ProgramProfile(counter="500")}, variables=[3])}
    spool.keep_profiles("v1", profiles)

    spool = open_spool()
    assert spool.id == "spool-a"
    assert spool.state("mill-1") == state(42)
    assert kept(spool) == [(1, 1.0, "BaselineSeen"), (2, 1.0, "StateSeen"), (3, 2.0, "CyclesSeen")]
    assert kept(spool, "mill-2") == [(1, 1.5, "BaselineSeen")]
    assert (spool.backlog("mill-1"), spool.backlog("mill-2"), spool.backlog("mill-3")) == (3, 1, 0)
    assert spool.profiles() == ("v1", profiles)
    data = spool.waiting("mill-1", 3)[2].data
    assert data == '{"cycles":1,"counters":{"part_count":{"value":42}},"tool_seconds":{"7":1.5}}'


class Crash(Exception):
    pass


@pytest.mark.parametrize("step", range(4))
def test_a_crash_in_mid_write_leaves_all_or_nothing(
    open_spool: Callable[[], Spool], monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """State and facts are one transaction: what was detected and what is to be told are never apart."""
    spool = open_spool()
    spool.write("mill-1", state(41), dated(1.0, BASELINE))
    statements = iter(range(100))

    class Dying:
        def __init__(self, db: sqlite3.Connection) -> None:
            self.db = db

        def execute(self, *arguments: Any) -> Any:
            if next(statements) == step:
                raise Crash
            return self.db.execute(*arguments)

        def __enter__(self) -> None:
            self.db.__enter__()

        def __exit__(self, *error: Any) -> None:
            pass  # a killed process rolls nothing back

    with monkeypatch.context() as patch:
        patch.setattr(spool, "_db", Dying(spool._db))
        with pytest.raises(Crash):
            spool.write("mill-1", state(43), dated(2.0, CYCLE))
    spool = open_spool()
    assert spool.state("mill-1") == state(41)
    assert kept(spool) == [(1, 1.0, "BaselineSeen")]
    spool.write("mill-1", state(43), dated(2.0, CYCLE))
    assert [sequence for sequence, _, _ in kept(spool)] == [1, 2]


def test_sequences_are_never_used_again(open_spool: Callable[[], Spool]) -> None:
    spool = open_spool()
    for expected in range(1, 4):
        spool.write("mill-1", state(expected), dated(float(expected), CYCLE))
        assert [sequence for sequence, _, _ in kept(spool)] == [expected]
        spool.acknowledge(spool.waiting("mill-1", 10))
        assert spool.machines_waiting() == []
        spool = open_spool()


def test_each_fact_keeps_its_own_time(open_spool: Callable[[], Spool]) -> None:
    """What is told of a hold happened now, and what a machine says after it may be older."""
    spool = open_spool()
    spool.write("mill-1", state(1), dated(100.0, BASELINE))
    spool.write("mill-1", state(2), dated(50.0, CYCLE))
    assert [at for _, at, _ in kept(spool)] == [100.0, 50.0]


def test_a_fact_that_is_set_aside_is_kept_and_told(open_spool: Callable[[], Spool]) -> None:
    spool = open_spool()
    spool.write("mill-1", state(1), dated(1.0, BASELINE, CYCLE))
    spool.set_aside({spool.waiting("mill-1", 1)[0]: "no such thing"}, 9.0)
    assert kept(spool) == [(2, 1.0, "CyclesSeen"), (3, 9.0, "FactSetAside")]
    assert spool.waiting("mill-1", 2)[1].data == '{"fact":"BaselineSeen","error":"no such thing"}'
    assert spool.backlog("mill-1") == 2
    spool = open_spool()
    assert spool.backlog("mill-1") == 2
    rows = spool._db.execute("SELECT sequence, type, error FROM refused").fetchall()
    assert rows == [(1, "BaselineSeen", "no such thing")]


def test_a_refused_notice_makes_no_other(open_spool: Callable[[], Spool]) -> None:
    spool = open_spool()
    spool.write("mill-1", state(1), dated(1.0, FactSetAside(fact="CyclesSeen", error="no")))
    spool.set_aside({spool.waiting("mill-1", 1)[0]: "no"}, 9.0)
    assert spool.machines_waiting() == []


def test_one_spool_has_one_edge(open_spool: Callable[[], Spool], tmp_path: Path) -> None:
    open_spool()
    with pytest.raises(SpoolError, match="another edge is using this spool"):
        Spool(tmp_path / "spool.db", lambda: "x")


def test_what_is_no_spool(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("not a database, but long enough to be looked at " * 100)
    with pytest.raises(SpoolError):
        Spool(tmp_path / "text.db", lambda: "x")
    with pytest.raises(SpoolError):
        Spool(tmp_path / "nowhere" / "spool.db", lambda: "x")
    with sqlite3.connect(tmp_path / "later.db") as later:
        later.execute("PRAGMA user_version = 3")
    later.close()
    with pytest.raises(SpoolError, match="version 3"):
        Spool(tmp_path / "later.db", lambda: "x")


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["write", "acknowledge", "aside", "crash"]), st.integers(0, 3)),
        min_size=1,
        max_size=25,
    )
)
def test_a_sequence_stands_for_one_fact_for_ever(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    path = tmp_path_factory.mktemp("spool") / "spool.db"
    spool = Spool(path, lambda: "id")
    seen: dict[int, tuple[str, str]] = {}
    for number, (step, count) in enumerate(steps):
        if step == "write":
            cycles = [
                CyclesSeen(cycles=1, counters={"part_count": Counter(10 * number + each)}) for each in range(count)
            ]
            spool.write("mill-1", state(number), dated(float(number), *cycles))
        elif step == "acknowledge":
            spool.acknowledge(spool.waiting("mill-1", count))
        elif step == "aside":
            spool.set_aside(dict.fromkeys(spool.waiting("mill-1", count), "no"), float(number))
        else:
            spool.close()
            spool = Spool(path, lambda: "other")
        waiting = spool.waiting("mill-1", 1000)
        assert len(waiting) == spool.backlog("mill-1")
        assert [fact.sequence for fact in waiting] == sorted(fact.sequence for fact in waiting)
        for fact in waiting:
            assert seen.setdefault(fact.sequence, (fact.type, fact.data)) == (fact.type, fact.data)
    assert sorted(seen) == list(range(1, len(seen) + 1))
    spool.close()


def test_times_do_not_go_back() -> None:
    assert in_order(100.0, 101.0) == 101.0
    assert in_order(100.0, 99.0) == 100.0


def test_a_clock_that_was_far_ahead_is_righted() -> None:
    """A machine's parts must not be dated 2099 until 2099, because the clock was wrong for a minute."""
    assert in_order(4_000_000_000.0, 1_763_640_000.0) == 1_763_640_000.0
