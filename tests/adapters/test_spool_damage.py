"""A spool on a disk that tears, damages or is full: what is left is whole, and what is not is told."""

import json
import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from takt_adapters.spool import RESERVE_BYTES, Dated, NoRoom, Spool
from takt_adapters.spool_file import SpoolError
from taktledger.domain.shop import Control, Counter
from taktledger.shopfloor.detector import DetectorState, RunTime
from taktledger.shopfloor.facts import CyclesSeen, ReportsLost
from taktledger.shopfloor.profile import Profile

MACHINE = "mill-1"
VERSION_1 = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE machine (
    name TEXT PRIMARY KEY, last_sequence INTEGER NOT NULL, last_at REAL NOT NULL, state TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE fact (
    machine TEXT NOT NULL, sequence INTEGER NOT NULL, occurred_at REAL NOT NULL, type TEXT NOT NULL, data TEXT NOT NULL,
    error TEXT, PRIMARY KEY (machine, sequence)
) STRICT, WITHOUT ROWID;
CREATE INDEX waiting ON fact (machine, sequence) WHERE error IS NULL;
"""


def state(count: int) -> DetectorState:
    return DetectorState(control=Control(counters={"part_count": Counter(count)}), run=RunTime(seen_at=float(count)))


def cycle(count: int) -> Dated:
    return Dated(CyclesSeen(cycles=1, counters={"part_count": Counter(count)}), float(count))


@contextmanager
def opened(path: Path, name: str = "spool-a") -> Iterator[Spool]:
    spool = Spool(path, lambda: name, [MACHINE])
    try:
        yield spool
    finally:
        spool.close()


def counted(spool: Spool) -> list[int]:
    facts = spool.waiting(MACHINE, 10_000)
    assert [fact.sequence for fact in facts] == list(range(1, len(facts) + 1))
    return [json.loads(fact.data)["counters"]["part_count"]["value"] for fact in facts if fact.type == "CyclesSeen"]


def write(path: Path, parts: int) -> None:
    """As an edge that is killed: what it wrote is still in the write-ahead log alone."""
    with opened(path) as spool:
        for count in range(1, parts + 1):
            spool.write(MACHINE, state(count), [cycle(count)])
        for end in ("", "-wal"):
            shutil.copy(f"{path}{end}", f"{path}{end}.kept")
    for end in ("-wal", ""):
        shutil.move(f"{path}{end}.kept", f"{path}{end}")


@settings(max_examples=40, deadline=None)
@given(parts=st.integers(1, 12), torn=st.floats(0, 1), flipped=st.booleans())
def test_a_torn_write_is_as_if_it_had_not_been_begun(
    tmp_path_factory: pytest.TempPathFactory, parts: int, torn: float, flipped: bool
) -> None:
    path = tmp_path_factory.mktemp("spool") / "spool.db"
    write(path, parts)
    log = Path(f"{path}-wal")
    data = bytearray(log.read_bytes())
    at = int(torn * (len(data) - 1))
    if flipped:
        data[at] ^= 0x40
    log.write_bytes(data if flipped else data[:at])
    with opened(path, "spool-b") as spool:
        if spool.id == "spool-b":  # not even its making is whole: then nothing was ever told of it
            assert counted(spool) == []
            return
        seen = counted(spool)
        assert seen == list(range(1, len(seen) + 1))
        # State and facts are of the same moment, so the counter's next reading says what is missing.
        assert spool.state(MACHINE) == (state(len(seen)) if seen else DetectorState())


def test_a_fact_that_is_not_as_it_was_written_is_replaced_by_one_that_says_so(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    write(path, 4)
    with sqlite3.connect(path) as db:
        db.execute("UPDATE fact SET data = replace(data, '3', '9') WHERE sequence = 3")
    db.close()
    with opened(path) as spool:
        facts = spool.waiting(MACHINE, 10)
        assert [(fact.sequence, fact.type) for fact in facts] == [
            (1, "CyclesSeen"),
            (2, "CyclesSeen"),
            (3, "ReportsLost"),
            (4, "CyclesSeen"),
        ]
        assert json.loads(facts[2].data) == {"gap_from": 2.0, "why": "damaged"}
        assert facts[2].occurred_at == 4.0  # until the fact after it
        assert spool.waiting(MACHINE, 10) == facts  # it stays so, under the same sequence
        spool.acknowledge(facts)
        assert spool.backlog(MACHINE) == 0


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE machine SET state = replace(state, '4', '5')",
        "UPDATE machine SET state = CAST(x'ff' AS TEXT)",
        "UPDATE machine SET last_sequence = 2",
        "UPDATE machine SET acknowledged = 2",
        "UPDATE machine SET name = 'mill-2'",
        "UPDATE meta SET value = 'spool-x' WHERE key = 'spool_id'",
        "DELETE FROM meta",
    ],
)
def test_a_spool_that_can_not_be_gone_on_with_is_put_aside(tmp_path: Path, damage: str) -> None:
    """With a lost sequence another fact could be taken for one that the ledger has: so it is a new source."""
    path = tmp_path / "spool.db"
    write(path, 4)
    with sqlite3.connect(path) as db:
        db.execute(damage)
    db.close()
    with opened(path, "spool-b") as spool:
        assert (spool.id, spool.state(MACHINE), spool.machines_waiting()) == ("spool-b", DetectorState(), [])
        assert (spool.lost(MACHINE), spool.lost("mill-9")) == ("damaged", None)
    with sqlite3.connect(tmp_path / "spool.db.damaged-1") as aside:
        assert aside.execute("SELECT count(*) FROM fact").fetchone() == (4,)
    aside.close()
    with opened(path, "spool-c") as spool:  # an edge that was restarted before the machine answered
        assert (spool.id, spool.lost(MACHINE)) == ("spool-b", "damaged")
        spool.write(MACHINE, state(1), [])
        assert spool.lost(MACHINE) == "damaged"  # nobody was told
        spool.write(MACHINE, state(1), [Dated(ReportsLost(gap_from=None, why="damaged"), 1.0)])
        assert spool.lost(MACHINE) is None


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE fact SET sequence = 30 WHERE sequence = 3",
        "UPDATE fact SET machine = CAST(x'6d80' AS TEXT) WHERE sequence = 3",
        "UPDATE fact SET data = CAST(x'ff' AS TEXT) WHERE sequence = 3",
        "UPDATE fact SET occurred_at = 1e300 WHERE sequence = 3",
        "UPDATE fact SET type = 'Nonsense' WHERE sequence = 3",
        "DELETE FROM fact WHERE sequence = 3",
    ],
)
def test_a_fact_that_is_not_there_any_more_is_told(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "spool.db"
    write(path, 4)
    with sqlite3.connect(path) as db:
        db.execute(damage)
    db.close()
    with opened(path) as spool:
        assert spool.machines_waiting() == [MACHINE]
        assert spool.backlog(MACHINE) == 4
        facts = spool.waiting(MACHINE, 10)
        assert [(fact.sequence, fact.type == "ReportsLost") for fact in facts] == [
            (1, False),
            (2, False),
            (3, True),
            (4, False),
        ]
        assert (facts[2].occurred_at, json.loads(facts[2].data)["gap_from"]) == (4.0, 2.0)


@pytest.mark.parametrize("value", ["replace(value, '100', '900')", "'x'", "CAST(x'ff' AS TEXT)"])
def test_profiles_that_are_not_as_they_were_written_are_asked_for_anew(tmp_path: Path, value: str) -> None:
    path = tmp_path / "spool.db"
    with opened(path) as spool:
        spool.keep_profiles("v1", {MACHINE: Profile()})
    with sqlite3.connect(path) as db:
        db.execute(f"UPDATE meta SET value = {value} WHERE key = 'profiles'")
    db.close()
    with opened(path) as spool:
        assert (spool.id, spool.profiles()) == ("spool-a", (None, {}))


def test_what_was_acknowledged_or_refused_is_not_missing(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    write(path, 6)
    with opened(path) as spool:
        spool.acknowledge(spool.waiting(MACHINE, 2))
        spool.set_aside({spool.waiting(MACHINE, 2)[1]: "no"}, 9.0)
    with opened(path) as spool:
        types = [(fact.sequence, fact.type) for fact in spool.waiting(MACHINE, 10)]
        assert types == [(3, "CyclesSeen"), (5, "CyclesSeen"), (6, "CyclesSeen"), (7, "FactSetAside")]


@pytest.mark.parametrize("seed", range(120))
def test_one_bit_anywhere(tmp_path: Path, seed: int) -> None:
    """Whatever it hits: nothing raises, nothing is believed that was not written, nothing is missing in silence."""
    path, chance = tmp_path / "spool.db", random.Random(seed)
    with opened(path) as spool:
        for machine in ("mill-1", "mill-2"):
            spool.write(machine, state(40), [cycle(count) for count in range(1, 41)])
        before = {machine: spool.waiting(machine, 100) for machine in ("mill-1", "mill-2")}
    data = bytearray(path.read_bytes())
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)
    try:
        spool = Spool(path, lambda: "spool-b", before)
    except SpoolError as error:
        said = str(error)
        assert "not a database" in said or "version" in said  # its head says that it is something else
        return
    try:
        for machine, facts in before.items():
            found = spool.waiting(machine, 100)
            if spool.id == "spool-b":
                assert (found, spool.lost(machine)) == ([], "damaged")
                continue
            assert [fact.sequence for fact in found] == [fact.sequence for fact in facts]
            assert all(new == old or new.type == "ReportsLost" for new, old in zip(found, facts, strict=True))
            spool.acknowledge(found)
        spool.write("mill-1", state(41), [cycle(41)])
    finally:
        spool.close()


def test_a_page_of_zeros_at_its_head_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    write(path, 3)
    with opened(path):
        pass
    data = path.read_bytes()
    path.write_bytes(bytes(4096) + data[4096:])
    with opened(path, "spool-b") as spool:
        assert (spool.id, spool.lost(MACHINE)) == ("spool-b", "damaged")


def test_a_disk_that_is_full_lets_the_edge_start_and_empty_its_spool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "spool.db"
    write(path, 3)
    nearly_full = shutil.disk_usage(tmp_path)._replace(free=RESERVE_BYTES - 1)
    monkeypatch.setattr("takt_adapters.spool.shutil.disk_usage", lambda path: nearly_full)
    with opened(path) as spool:
        with pytest.raises(NoRoom, match="full"):
            spool.write(MACHINE, state(4), [cycle(4)])
        spool.acknowledge(spool.waiting(MACHINE, 10))
        assert spool.machines_waiting() == []


def test_what_is_put_aside_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    for number in (1, 2):
        path.unlink(missing_ok=True)
        write(path, number)
        with sqlite3.connect(path) as db:
            db.execute("UPDATE machine SET acknowledged = 9")
        db.close()
        with opened(path):
            pass
        assert sorted(each.name for each in tmp_path.glob("*.damaged-?")) == [
            f"spool.db.damaged-{each}" for each in range(1, number + 1)
        ]


def test_a_file_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(SpoolError, match="not a database"):
        Spool(path, lambda: "spool-a")
    assert path.read_bytes() == b"not a database" * 1000
    assert list(tmp_path.iterdir()) == [path]


def test_a_spool_of_version_1_is_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    db = sqlite3.connect(path)
    db.executescript(VERSION_1)
    db.execute("INSERT INTO meta VALUES ('spool_id', 'spool-old')")
    db.execute(
        """INSERT INTO machine VALUES ('mill-1', 7, 7.5, '{"control":{"counters":{"part_count":{"value":7}}}}')"""
    )
    db.execute(
        """INSERT INTO fact VALUES
        ('mill-1', 7, 7.5, 'CyclesSeen', '{"cycles":1,"counters":{"part_count":{"value":7}}}', NULL)"""
    )
    db.execute("PRAGMA user_version = 1")
    db.commit()
    db.close()
    for count in (7, 8):
        with opened(path) as spool:
            assert spool.id == "spool-old"
            assert spool.state(MACHINE).control.counters == {"part_count": Counter(count)}
            assert [(fact.sequence, fact.type) for fact in spool.waiting(MACHINE, 9)][:1] == [(7, "CyclesSeen")]
            spool.write(MACHINE, state(8), [cycle(8)])
            assert spool.waiting(MACHINE, 9)[-1].sequence > 7
