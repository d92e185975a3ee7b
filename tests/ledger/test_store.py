"""The store against a plain list of events."""

import math
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import taktledger.ledger.store
from street import START, events, new_folder, recorded
from taktledger.domain.alerts import AlertRaised
from taktledger.domain.event import Codec, Event, topic
from taktledger.domain.fold import CODEC
from taktledger.domain.machines import MachineCreated, MachineDeleted, MachineEdited, MachineFields
from taktledger.domain.options import OptionFields, OptionsEdited
from taktledger.ledger.sqlite import LedgerDamaged
from taktledger.ledger.store import Ledger, LedgerInUse, StoredRow

QUICK = settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with closing(Ledger(tmp_path / "ledger.db")) as opened:
        yield opened


def edited(machine_id: int = 1, at: float = START, text: str = "x") -> MachineEdited:
    fields = MachineFields(description=text)
    return MachineEdited(occurred_at=at, recorded_at=at, actor="user-1", machine_id=machine_id, fields=fields)


def created(machine_id: int = 1, at: float = START, name: str = "Säge") -> MachineCreated:
    fields = MachineFields(name=name)
    return MachineCreated(
        occurred_at=at, recorded_at=at, actor="user-1", machine_id=machine_id, source_name=name, fields=fields
    )


def deleted(machine_id: int = 1, at: float = START) -> MachineDeleted:
    return MachineDeleted(
        occurred_at=at - 7, recorded_at=at, actor="system", machine_id=machine_id, source="spool", source_sequence=4
    )


an_event = st.one_of(
    st.builds(edited, st.integers(1, 3), text=st.text(max_size=5)),
    st.builds(created, st.integers(1, 3), name=st.text(min_size=1, max_size=5)),
    st.builds(deleted, st.integers(1, 3)),
)
"""Of any type on any stream: the store doesn't ask what they mean."""


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """In which the time never goes backwards, and often stands still."""
    now, history = START, []
    for event in draw(st.lists(an_event, max_size=30)):
        now += draw(st.sampled_from((0.0, 0.0, 0.001, 1.0, 3600.0)))
        history.append(msgspec.structs.replace(event, recorded_at=now))
    return history


# Appending and scanning


@QUICK
@given(st.lists(st.lists(an_event, max_size=8), max_size=8), st.integers(1, 9), st.data())
def test_what_is_appended_is_scanned(appends: list[list[Event]], batch: int, data: st.DataObject) -> None:
    everything = [event for each in appends for event in each]
    with new_folder() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(taktledger.ledger.store, "BATCH", batch)
        written = 0
        with closing(Ledger(folder / "ledger.db")) as ledger:
            for each in appends:
                ledger.append(each)
                written += len(each)
                assert ledger.head == ledger.read_head() == written
        with closing(Ledger(folder / "ledger.db")) as ledger:
            assert ledger.head == written
            assert recorded(ledger) == list(enumerate(everything, 1))
            after = data.draw(st.integers(0, written + 1))
            until = data.draw(st.none() | st.integers(0, written + 2))
            batches = list(ledger.scan(after, until))
            assert [event for _, each in batches for event in each] == everything[after:until]
            position = after
            for first, each in batches:
                assert first == position + 1
                assert 1 <= len(each) <= batch
                position += len(each)


@QUICK
@given(st.lists(st.lists(an_event, max_size=8), max_size=8), st.integers(0, 3))
def test_each_stream_counts_its_versions(appends: list[list[Event]], cached: int) -> None:
    versions: dict[str, int] = {}
    with new_folder() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(taktledger.ledger.store, "CACHED_VERSIONS", cached)
        with closing(Ledger(folder / "ledger.db")) as ledger:
            for number, each in enumerate(appends):
                ledger.append(each)
                if number % 3 == 2:
                    ledger.forget()
            for row in all_pages(ledger, limit=100):
                versions[row.stream] = versions.get(row.stream, 0) + 1
                assert row.stream_version == versions[row.stream]


def test_order_of_a_scan_is_that_of_the_positions(ledger: Ledger) -> None:
    """SQLite promises no order for group_concat over an ordered subquery: see that it keeps it, over many pages."""
    count = 2 * taktledger.ledger.store.BATCH + 123
    for first in range(1, count + 1, 5_000):
        ledger.append([edited(1 + n % 50, text=str(n)) for n in range(first, min(first + 5_000, count + 1))])
    batches = list(ledger.scan())
    assert [first for first, _ in batches] == [1, 10_001, 20_001]
    found = [event.fields.description for _, each in batches for event in each if isinstance(event, MachineEdited)]
    assert found == [str(n) for n in range(1, count + 1)]


def test_the_notification_log_of_the_library(ledger: Ledger) -> None:
    """What is built for the library reads our table too."""
    ledger.append([created(), edited(), created(2, name="b"), deleted()])
    recorder = ledger._recorder
    log = recorder.select_notifications(start=2, limit=10)
    assert [(each.id, each.originator_id, each.topic) for each in log] == [
        (2, "machine-1", "MachineEdited"),
        (3, "machine-2", "MachineCreated"),
        (4, "machine-1", "MachineDeleted"),
    ]
    assert CODEC.decode(log[0].state) == edited()
    assert [each.id for each in recorder.select_notifications(start=2, limit=1, inclusive_of_start=False)] == [3]
    topics = ("MachineCreated", "MachineDeleted")
    assert [each.id for each in recorder.select_notifications(None, 10, stop=3, topics=topics)] == [1, 3]


def test_nothing_appended_is_no_write(ledger: Ledger) -> None:
    ledger.append([])
    assert (ledger.head, events(ledger)) == (0, [])


@pytest.mark.parametrize("text", ["Größe µm", "日本語", "\U0001f529", "a\u0000b", "'; DROP TABLE", "\u2028", '"\\'])
def test_any_text_comes_back(tmp_path: Path, text: str) -> None:
    path = tmp_path / "Fräserei 日本" / "ledger.db"
    path.parent.mkdir()
    with closing(Ledger(path)) as ledger:
        ledger.append([created(name=text)])
        assert events(ledger) == [created(name=text)]
        (row,) = all_pages(ledger)
        assert row.data["source_name"] == text


def test_all_or_nothing(ledger: Ledger) -> None:
    ledger.append([edited()])
    with closing(sqlite3.connect(ledger.path)) as other:
        other.execute("INSERT INTO stored_events VALUES (3, 'machine-9', 1, 'MachineDeleted', '{}')")
        other.commit()
    with pytest.raises(Exception, match="UNIQUE"):
        ledger.append([edited(), edited()])  # 2 would be free, 3 is not
    with closing(sqlite3.connect(ledger.path)) as other:
        assert [each for (each,) in other.execute("SELECT position FROM stored_events ORDER BY 1")] == [1, 3]


def test_goes_on_after_a_failed_append(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger.append([edited()])
    insert = ledger._recorder.insert_events

    def written_all_the_same(*args: Any, **kwargs: Any) -> Any:
        insert(*args, **kwargs)
        raise OSError("the answer got lost")

    monkeypatch.setattr(ledger._recorder, "insert_events", written_all_the_same)
    with pytest.raises(OSError, match="lost"):
        ledger.append([edited(), edited(2)])
    monkeypatch.undo()
    ledger.forget()
    ledger.append([edited()])
    assert [(row.position, row.stream, row.stream_version) for row in all_pages(ledger)] == [
        (1, "machine-1", 1),
        (2, "machine-1", 2),
        (3, "machine-2", 1),
        (4, "machine-1", 3),
    ]


# What nobody may do


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE stored_events SET state = '{}'",
        "UPDATE stored_events SET position = 9 WHERE position = 1",
        "DELETE FROM stored_events",
        "DELETE FROM stored_events WHERE position = 2",
    ],
)
def test_events_are_never_changed(ledger: Ledger, statement: str) -> None:
    ledger.append([edited(), edited()])
    with closing(sqlite3.connect(ledger.path)) as other, pytest.raises(sqlite3.IntegrityError, match="never"):
        other.execute(statement)
    assert len(events(ledger)) == 2


@pytest.mark.parametrize("missing", [1, 4, 7, 8])
def test_a_hole_is_seen(ledger: Ledger, missing: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taktledger.ledger.store, "BATCH", 3)
    ledger.append([edited(text=str(n)) for n in range(9)])
    with closing(sqlite3.connect(ledger.path)) as other:
        other.execute("DROP TRIGGER stored_events_no_delete")
        other.execute("DELETE FROM stored_events WHERE position = ?", (missing,))
        other.commit()
    with pytest.raises(LedgerDamaged, match="1 events are missing"):
        events(ledger)


def test_positions_are_not_given_again_by_sqlite(ledger: Ledger) -> None:
    with closing(sqlite3.connect(ledger.path)) as other:
        (sql,) = other.execute("SELECT sql FROM sqlite_master WHERE name = 'stored_events'").fetchone()
        assert "AUTOINCREMENT" in sql
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)


# Two processes

OPEN = """
import sys
from pathlib import Path
from taktledger.ledger.store import Ledger
ledger = Ledger(Path(sys.argv[1]), writing=sys.argv[2] == "write")
print("open", ledger.head, flush=True)
sys.stdin.read()
"""


def _other(path: Path, how: str) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, "-c", OPEN, str(path), how], stdin=pipe, stdout=pipe, stderr=pipe, text=True
    )


def test_a_second_writer_is_refused_and_a_reader_is_not(ledger: Ledger) -> None:
    ledger.append([edited(), edited()])
    writer, reader = _other(ledger.path, "write"), _other(ledger.path, "read")
    out, error = writer.communicate(timeout=60)
    assert writer.returncode == 1
    assert out == ""
    assert f"LedgerInUse: another Taktledger (process {os.getpid()}) is writing to {ledger.path.parent}" in error
    assert reader.communicate("", timeout=60) == ("open 2\n", "")


def test_the_lock_dies_with_its_holder(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    holder = _other(path, "write")
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open 0\n"
        with pytest.raises(LedgerInUse, match=rf"process {holder.pid}\)"):
            Ledger(path)
        holder.send_signal(signal.SIGKILL)
        holder.wait(60)
        with closing(Ledger(path)) as ledger:
            ledger.append([edited()])


def test_reads_beside_the_writer(ledger: Ledger) -> None:
    with closing(Ledger(ledger.path, writing=False)) as reader:
        ledger.append([edited(), edited()])
        assert reader.read_head() == 2
        assert events(reader) == events(ledger)


def test_closing_frees_the_lock(tmp_path: Path) -> None:
    for head in range(3):
        with closing(Ledger(tmp_path / "ledger.db")) as ledger:
            assert ledger.head == head
            ledger.append([edited()])


def test_there_is_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no ledger"):
        Ledger(tmp_path / "ledger.db", writing=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_ledger_that_cannot_be_opened_keeps_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(b"this is no database, and long enough to be one" * 100)
    with pytest.raises(Exception, match="not a database"):
        Ledger(path)
    path.unlink()
    with closing(Ledger(path)) as ledger:
        assert ledger.head == 0


# Pages and times


def all_pages(ledger: Ledger, limit: int = 1_000, **filters: Any) -> list[StoredRow]:
    """As a client walks through it."""
    found: list[StoredRow] = []
    after: int | None = 0
    for _ in range(10_000):
        assert after is not None
        page = ledger.page(after, limit, **{**NO_FILTERS, **filters})
        assert len(page.events) <= limit
        found += page.events
        assert page.next_after is None or page.next_after > after
        after = page.next_after
        if after is None:
            return found
    raise AssertionError("there is no end to it")


NO_FILTERS: dict[str, Any] = {"stream": None, "kind": None, "since": None, "until": None}


@QUICK
@given(histories(), st.data())
def test_time_to_position(history: list[Event], data: st.DataObject) -> None:
    times = sorted({START - 1, *(event.recorded_at for event in history)})
    near = [each for at in times for each in (math.nextafter(at, 0), at, math.nextafter(at, 1e12), at + 0.5)]
    with new_folder() as folder, closing(Ledger(folder / "ledger.db")) as ledger:
        ledger.append(history)
        for at in near:
            assert ledger.position_at(at) == sum(event.recorded_at <= at for event in history)


@QUICK
@given(histories(), st.integers(1, 5), st.integers(1, 7), st.data())
def test_walking_all_pages_finds_all_that_match(
    history: list[Event], limit: int, searched: int, data: st.DataObject
) -> None:
    times = st.none() | st.sampled_from([START - 1, *(event.recorded_at for event in history), START + 1e6])
    filters: dict[str, Any] = {
        "stream": data.draw(st.sampled_from((None, "machine-1", "machine-2", "machine-77"))),
        "kind": data.draw(st.sampled_from((None, "MachineEdited", "MachineDeleted", "Machine", "machineedited"))),
        "since": data.draw(times),
        "until": data.draw(times),
    }
    expected = [
        position
        for position, event in enumerate(history, 1)
        if filters["stream"] in (None, event.stream)
        and filters["kind"] in (None, topic(type(event)))
        and (filters["since"] is None or event.recorded_at >= filters["since"])
        and (filters["until"] is None or event.recorded_at <= filters["until"])
    ]
    with new_folder() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(taktledger.ledger.store, "SEARCHED_POSITIONS", searched)
        with closing(Ledger(folder / "ledger.db")) as ledger:
            ledger.append(history)
            assert [row.position for row in all_pages(ledger, limit, **filters)] == expected


def test_a_page_after_the_end_is_empty(ledger: Ledger) -> None:
    ledger.append([edited(), edited()])
    for after in (2, 3, 10**9):
        page = ledger.page(after, 10, **NO_FILTERS)
        assert (page.events, page.next_after) == ([], None)


def test_the_last_full_page_is_the_last(ledger: Ledger) -> None:
    ledger.append([edited(), edited()])
    assert ledger.page(0, 2, **NO_FILTERS).next_after is None
    assert ledger.page(0, 1, **NO_FILTERS).next_after == 1
    assert ledger.page(1, 1, **NO_FILTERS).next_after is None


class Measured(Event, frozen=True, kw_only=True):
    value: int

    @property
    def stream(self) -> str:
        return "ruler"


class Measured2(Measured, frozen=True, kw_only=True, tag="Measured.2"):
    unit: str


class MeasuredTwice(Measured, frozen=True, kw_only=True):
    pass


def _mm(old: Measured) -> Measured2:
    fields = {name: getattr(old, name) for name in old.__struct_fields__}
    return Measured2(**fields, unit="mm")


def test_versions_of_an_event(tmp_path: Path) -> None:
    old, twice = (kind(occurred_at=1, recorded_at=1, actor="system", value=1) for kind in (Measured, MeasuredTwice))
    new = Measured2(occurred_at=2, recorded_at=2, actor="system", value=2, unit="inch")
    codec = Codec([Measured2, MeasuredTwice], {Measured: _mm})
    with closing(Ledger(tmp_path / "ledger.db", codec=codec)) as ledger:
        ledger.append([old, twice, new])
        assert events(ledger) == [_mm(old), twice, new]
        found = all_pages(ledger, kind="Measured")
        assert [(row.position, row.type, row.schema_version) for row in found] == [
            (1, "Measured", 1),
            (3, "Measured", 2),
        ]
        assert "unit" not in found[0].data  # as it stands in the ledger


@pytest.mark.parametrize("kind", ["Measured*", "*", "M[e]asured", "?easured"])
def test_a_type_is_a_name_and_no_pattern(tmp_path: Path, kind: str) -> None:
    new = Measured2(occurred_at=2, recorded_at=2, actor="system", value=2, unit="inch")
    with closing(Ledger(tmp_path / "ledger.db", codec=Codec([Measured2]))) as ledger:
        ledger.append([new])
        assert all_pages(ledger, kind=kind) == []


def test_a_row_shows_the_envelope_apart_from_what_happened(ledger: Ledger) -> None:
    alert = AlertRaised(
        occurred_at=START, recorded_at=START + 1, actor="system", alert_id=3, kind="gap", message="ü", data={"a": [1]}
    )
    ledger.append(
        [deleted(2), alert, OptionsEdited(occurred_at=1, recorded_at=START + 1, actor="x", fields=OptionFields())]
    )
    first, second, third = all_pages(ledger)
    assert first == StoredRow(
        position=1,
        stream="machine-2",
        stream_version=1,
        type="MachineDeleted",
        schema_version=1,
        occurred_at=START - 7,
        recorded_at=START,
        actor="system",
        source="spool",
        source_sequence=4,
        data={"machine_id": 2},
    )
    assert second.stream == "alert-3"
    assert second.data == {"alert_id": 3, "kind": "gap", "message": "ü", "data": {"a": [1]}}
    assert third.data == {"fields": {}}


@QUICK
@given(st.lists(an_event, max_size=10))
def test_the_codec_reads_what_it_wrote(some: list[Event]) -> None:
    written = [CODEC.encode(event) for event in some]
    assert [CODEC.decode(each) for each in written] == some
    assert CODEC.decode_array(b"[" + b",".join(written) + b"]") == some
