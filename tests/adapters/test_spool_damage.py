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

from takt_adapters.spool import SCHEMA, Dated, Spool, SpoolError
from taktledger.domain.shop import Control, Counter
from taktledger.shopfloor.detector import DetectorState, RunTime
from taktledger.shopfloor.facts import CyclesSeen

MACHINE = "mill-1"


def state(count: int) -> DetectorState:
    return DetectorState(control=Control(counters={"part_count": Counter(count)}), run=RunTime(seen_at=float(count)))


def cycle(count: int) -> Dated:
    return Dated(CyclesSeen(cycles=1, counters={"part_count": Counter(count)}), float(count))


@contextmanager
def opened(path: Path, name: str = "spool-a") -> Iterator[Spool]:
    spool = Spool(path, lambda: name)
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
        assert not spool.was_damaged
        facts = spool.waiting(MACHINE, 10)
        assert [(fact.sequence, fact.type) for fact in facts] == [
            (1, "CyclesSeen"),
            (2, "CyclesSeen"),
            (3, "ReportsLost"),
            (4, "CyclesSeen"),
        ]
        assert json.loads(facts[2].data) == {"gap_from": 2.0, "why": "damaged"}
        assert facts[2].occurred_at == 4.0
        assert spool.waiting(MACHINE, 10) == facts  # it stays so, under the same sequence
        spool.acknowledge(facts)
        assert spool.backlog(MACHINE) == 0


@pytest.mark.parametrize(
    "damage",
    ["UPDATE machine SET state = replace(state, '4', '5')", "UPDATE machine SET last_sequence = 2"],
)
def test_a_machine_that_is_not_as_it_was_written_begins_anew(tmp_path: Path, damage: str) -> None:
    """With a lost sequence another fact could be taken for one that the ledger has: so it is a new source."""
    path = tmp_path / "spool.db"
    write(path, 4)
    with sqlite3.connect(path) as db:
        db.execute(damage)
    db.close()
    with opened(path, "spool-b") as spool:
        assert spool.was_damaged
        assert (spool.id, spool.state(MACHINE), spool.machines_waiting()) == ("spool-b", DetectorState(), [])
    with sqlite3.connect(tmp_path / "spool.db.damaged-1") as aside:
        assert aside.execute("SELECT count(*) FROM fact").fetchone() == (4,)
    aside.close()
    with opened(path) as spool:
        assert not spool.was_damaged


@pytest.mark.parametrize("seed", range(5))
def test_pages_full_of_noise(tmp_path: Path, seed: int) -> None:
    """Found at the start; or it is in nothing that matters, and every fact is what was written or says it isn't."""
    path, chance = tmp_path / "spool.db", random.Random(seed)
    with opened(path) as spool:
        spool.write(MACHINE, state(300), [cycle(count) for count in range(1, 301)])
    data = bytearray(path.read_bytes())
    page = chance.randrange(1, len(data) // 4096)
    data[page * 4096 : (page + 1) * 4096] = chance.randbytes(4096)
    path.write_bytes(data)
    with opened(path, "spool-b") as spool:
        assert spool.was_damaged
        assert spool.id == "spool-b"
    assert (tmp_path / "spool.db.damaged-1").exists()


def test_what_is_put_aside_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    for number in (1, 2):
        path.unlink(missing_ok=True)
        write(path, number)
        with sqlite3.connect(path) as db:
            db.execute("UPDATE machine SET last_at = 0")
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
    schema = SCHEMA.replace(",\n    checksum INTEGER NOT NULL", "").replace("    checksum INTEGER NOT NULL,\n", "")
    assert "checksum" not in schema
    db.executescript(schema)
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
            assert (spool.id, spool.was_damaged) == ("spool-old", False)
            assert spool.state(MACHINE).control.counters == {"part_count": Counter(count)}
            assert [(fact.sequence, fact.type) for fact in spool.waiting(MACHINE, 9)][:1] == [(7, "CyclesSeen")]
            spool.write(MACHINE, state(8), [cycle(8)])
            assert spool.waiting(MACHINE, 9)[-1].sequence > 7
