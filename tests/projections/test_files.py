"""The numbered files: what is rebuilt when, how a newer one is changed to, and that all of it may be thrown away."""

import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

import takt_projections.files
import taktledger.ledger.store
from street import Street, assert_sound, folded, recorded, request, rows, shop_bytes, street_on
from takt_projections import BUILT_IN, Alerts, Machines, machines
from takt_projections.current import ReadModels
from takt_projections.files import RowsFile, catch_up, finished_files, folder
from takt_projections.rebuild import rebuild_into, rebuild_next
from taktledger.domain.machines import CreateMachine, create_machine
from taktledger.domain.shop import SHOP_VERSION, Counter
from taktledger.ledger.store import Ledger
from taktledger.ledger.writer import Request, Step
from taktledger.shopfloor.facts import CyclesSeen
from taktledger.shopfloor.ingest import TakeFact, take_fact


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taktledger.ledger.store, "BATCH", 10)


def work(street: Street, count: int = 5) -> None:
    """Four events each, the first times more."""
    for _ in range(count):
        street.clock.now += 1
        head = street.ledger.head
        seen = CyclesSeen(cycles=2, counters={"part_count": Counter(head)}, program=f"O{head % 3}")
        fact = TakeFact(machine="lathe", fact=seen, occurred_at=street.clock.now)
        steps = [Step(decide=take_fact, command=fact, source="spool", sequence=head)]
        street.write(
            Request(steps=steps, actor="key-1"),
            *(
                request(create_machine, CreateMachine(name=f"m{head}-{each}"), key=f"k{head}-{each}")
                for each in range(3)
            ),
        )


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A shop in which something happened, closed properly."""
    with street_on(tmp_path) as street:
        work(street)
        street.models.close(street.shop)
    return tmp_path


class Scans:
    """Which events are read from the ledger."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.first: list[int] = []
        self.events = 0
        scan = Ledger.scan

        def counted(ledger: Ledger, after: int = 0, until: int | None = None) -> Any:
            for first, batch in scan(ledger, after, until):
                self.first.append(first)
                self.events += len(batch)
                yield first, batch

        monkeypatch.setattr(Ledger, "scan", counted)


@pytest.fixture
def scans(data: Path, monkeypatch: pytest.MonkeyPatch) -> Scans:
    return Scans(monkeypatch)


def file_names(data: Path) -> list[str]:
    return sorted(each.name for each in folder(data).iterdir() if each.suffix not in (".db-wal", ".db-shm"))


def numbers(data: Path) -> list[str]:
    return [each.stem for each in finished_files(data)]


# Starting


def test_a_warm_start_reads_no_events(data: Path, scans: Scans) -> None:
    with street_on(data) as street:
        assert scans.events == 0
        assert_sound(street)
    assert numbers(data) == ["000001"]


def test_a_start_after_a_crash_folds_the_tail(data: Path, scans: Scans) -> None:
    with street_on(data) as street:
        saved = street.ledger.head
        work(street, 3)
        head = street.ledger.head  # and not closed: the saved shop is an old one
    with street_on(data) as street:
        assert (scans.first[0], scans.events) == (saved + 1, head - saved)
        assert_sound(street)


def test_the_shop_is_saved_now_and_then(data: Path, scans: Scans, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(takt_projections.files, "SHOP_EVERY", 8)
    with street_on(data) as street:
        work(street, 6)
    with street_on(data) as street:
        assert scans.events < 8 + 7
        assert_sound(street)


def test_rows_that_are_behind_the_ledger_catch_up(data: Path) -> None:
    shutil.copytree(data / "readmodel", data / "kept")
    with street_on(data) as street:
        work(street)
    shutil.rmtree(data / "readmodel")
    (data / "kept").rename(data / "readmodel")
    with street_on(data) as street:
        assert_sound(street)


def test_rows_that_are_ahead_of_the_ledger_are_not_used(data: Path) -> None:
    """Somebody has put back a backup of the ledger."""
    shutil.copy(data / "ledger.db", data / "backup")
    with street_on(data) as street:
        work(street)
    for each in data.glob("ledger.db*"):
        each.unlink()
    (data / "backup").rename(data / "ledger.db")
    with street_on(data) as street:
        assert_sound(street)
    assert file_names(data) == ["000001.db"]


def _delete_file(data: Path) -> None:
    finished_files(data)[0].unlink()


def _delete_folder(data: Path) -> None:
    shutil.rmtree(data / "readmodel")


def _delete_link(data: Path) -> None:
    (data / "readmodel.db").unlink()


def _delete_all(data: Path) -> None:
    _delete_folder(data)
    _delete_link(data)


def _delete_wal(data: Path) -> None:
    for each in folder(data).glob("*-wal"):
        each.unlink()


def _no_database(data: Path) -> None:
    finished_files(data)[0].write_bytes(b"not a database, but long enough to look like one" * 300)


def _empty(data: Path) -> None:
    finished_files(data)[0].write_bytes(b"")


def _newer_but_broken(data: Path) -> None:
    (folder(data) / "000002.db").write_bytes(b"")


def _leftovers(data: Path) -> None:
    for name in ("000002.building", "000002.building-journal", "000002.building-wal"):
        (folder(data) / name).write_bytes(b"x")
    (data / "readmodel.db.new").symlink_to("nowhere")


def _link_to_nowhere(data: Path) -> None:
    _delete_link(data)
    (data / "readmodel.db").symlink_to("readmodel/000077.db")


DAMAGE: list[Callable[[Path], None]] = [
    _delete_file,
    _delete_folder,
    _delete_link,
    _delete_all,
    _delete_wal,
    _no_database,
    _empty,
    _newer_but_broken,
    _leftovers,
    _link_to_nowhere,
]


@pytest.mark.parametrize("damage", DAMAGE)
def test_whatever_happens_to_the_read_models_they_come_again(data: Path, damage: Callable[[Path], None]) -> None:
    before = rows(finished_files(data)[0])
    damage(data)
    with street_on(data) as street:
        assert rows(street.models.db) == before
        assert_sound(street)
        assert file_names(data) == [street.models._file.path.name]
        work(street)
        assert_sound(street)
    link = data / "readmodel.db"
    assert link.is_symlink()
    assert not link.readlink().is_absolute(), "the directory may be moved"
    assert rows(link) == rows(finished_files(data)[0])
    assert not (data / "readmodel.db.new").is_symlink()


def test_a_changed_version_is_rebuilt(data: Path, scans: Scans) -> None:
    class MachinesNow(Machines):
        version = Machines.version + 1

    progress: list[tuple[int, int]] = []
    with closing(Ledger(data / "ledger.db")) as ledger:
        models = ReadModels(
            ledger, data, (MachinesNow, *BUILT_IN[1:]), lambda done, total: progress.append((done, total))
        )
        head = ledger.head
        assert scans.events == head
        assert progress[0] == (0, head)
        assert progress[-1] == (head, head)
        assert [done for done, _ in progress] == sorted(done for done, _ in progress)
        assert len(machines.ids(models.db)) == 16
        models.close(models.load())
        assert scans.events == head
        models = ReadModels(ledger, data, [each for each in BUILT_IN if each is not Alerts])  # a read model less
        assert "alerts" not in rows(models.db)
        models.close(models.load())
        models = ReadModels(ledger, data, BUILT_IN)
        assert rows(models.db)[Alerts.name] == []
        models.close(models.load())
    assert len(numbers(data)) == 1


# The saved shop


def _set(data: Path, **values: Any) -> None:
    with closing(sqlite3.connect(finished_files(data)[0])) as connection:
        for name, value in values.items():
            connection.execute(f"UPDATE checkpoint SET {name} = ?", (value,))
        connection.commit()


@pytest.mark.parametrize(
    "change",
    [
        {"shop": None},
        {"shop": b""},
        {"shop": b"\xc1 no msgpack"},
        {"shop": msgspec.msgpack.encode([1, 2])},
        {"shop": msgspec.msgpack.encode({"position": "seven"})},
        {"shop_version": SHOP_VERSION - 1},
        {"shop_version": SHOP_VERSION + 1},
        {"shop_version": None},
    ],
)
def test_a_saved_shop_that_is_of_no_use_is_folded_anew(data: Path, scans: Scans, change: dict[str, Any]) -> None:
    before = rows(finished_files(data)[0])
    _set(data, **change)
    with street_on(data) as street:
        assert scans.events == street.ledger.head, "the shop alone: the rows are there"
        assert rows(street.models.db) == before
        assert_sound(street)
        street.models.close(street.shop)
    scans.events = 0
    with street_on(data) as street:
        assert scans.events == 0
        assert_sound(street)


# Rebuilding


@pytest.mark.parametrize("meanwhile", [0, 4])
def test_rebuilding_beside_a_writer_and_changing_over(data: Path, meanwhile: int) -> None:
    with street_on(data) as street:
        before = street.models._file.path
        assert not street.models.newer()
        with closing(Ledger(data / "ledger.db", writing=False)) as reader:
            calls: list[int] = []

            def progress(done: int, total: int) -> None:
                calls.append(done)
                if len(calls) == 2:
                    work(street, meanwhile)
                assert not street.models.newer()

            path = rebuild_next(reader, data, BUILT_IN, progress)
        assert path.name == "000002.db"
        work(street, meanwhile)
        assert street.models.newer()
        old = rows(street.models.db)
        street.writer.shop = street.models.change_over()
        assert not street.models.newer()
        assert rows(street.models.db) == old
        assert not before.exists()
        assert file_names(data) == ["000002.db"]
        assert (data / "readmodel.db").resolve() == path.resolve()
        assert_sound(street)
        work(street)
        assert_sound(street)
        street.models.close(street.shop)
    with street_on(data) as street:
        assert street.models._file.path == path
        assert_sound(street)


def test_a_rebuilt_file_that_these_models_cannot_use_is_dropped(data: Path) -> None:
    with street_on(data) as street:
        rebuild_next(street.ledger, data, BUILT_IN[:2])
        assert street.models.newer()
        street.writer.shop = street.models.change_over()
        assert not street.models.newer()
        assert numbers(data) == ["000001"]
        work(street)
        assert_sound(street)


def test_a_rebuilt_file_is_found_at_the_next_start(data: Path) -> None:
    with closing(Ledger(data / "ledger.db", writing=False)) as ledger:
        rebuild_next(ledger, data, BUILT_IN)
    with street_on(data) as street:
        assert numbers(data) == ["000002"]
        assert_sound(street)


def test_the_past(data: Path, tmp_path: Path) -> None:
    with closing(Ledger(data / "ledger.db")) as ledger:
        path = tmp_path / "past.db"
        for until in range(ledger.head + 1):
            assert rebuild_into(ledger, path, BUILT_IN, until=until) == until
            now = recorded(ledger)[:until]
            file = RowsFile.open(path, BUILT_IN)
            assert file is not None
            assert (file.position, file.load_shop().position) == (until, until)
            assert len(rows(file.connection)["machines"]) == len(file.load_shop().machines)
            made = sum(event.parts for _, event in now if type(event).__name__ == "CycleFinished")  # type: ignore[attr-defined]
            assert len(rows(file.connection)["parts"]) == made
            if until % 7 == 0:  # and from there on to today
                assert shop_bytes(catch_up(ledger, file)) == shop_bytes(folded(ledger))
                assert rows(file.connection) == rows(finished_files(data)[0])
            file.close()


def test_a_rebuild_has_the_tables_and_indexes_of_a_new_file(data: Path) -> None:
    def schema(path: Path) -> list[Any]:
        with closing(sqlite3.connect(path)) as connection:
            return connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY 1, 2").fetchall()

    with closing(Ledger(data / "ledger.db")) as ledger:
        rebuilt = rebuild_next(ledger, data, BUILT_IN)
    assert schema(rebuilt) == schema(folder(data) / "000001.db")
    assert sum(kind == "index" for kind, *_ in schema(rebuilt)) > 5


def test_two_rebuilds_at_once_spoil_nothing(data: Path) -> None:
    """Somebody starts `taktledger rebuild` while another one runs. Whatever either says, what is there is whole."""
    inside, go_on = threading.Event(), threading.Event()

    def slowly(done: int, total: int) -> None:
        if done:
            inside.set()
            go_on.wait(20)

    def second() -> None:
        try:
            with closing(Ledger(data / "ledger.db", writing=False)) as ledger:
                rebuild_next(ledger, data, BUILT_IN, slowly)
        except Exception:  # it may be refused
            inside.set()

    with street_on(data) as street:
        expected = rows(street.models.db)
        other = threading.Thread(target=second)
        waiting = [other]

        def first(done: int, total: int) -> None:
            if done and waiting:
                waiting.pop().start()
                inside.wait(20)

        try:
            with closing(Ledger(data / "ledger.db", writing=False)) as ledger:
                rebuild_next(ledger, data, BUILT_IN, first)
            finished = [rows(path) for path in finished_files(data)]
        finally:
            go_on.set()
            other.join(20)
        assert finished == [expected] * len(finished)
        if street.models.newer():
            street.writer.shop = street.models.change_over()
        assert_sound(street)


def test_a_rebuilt_file_that_cannot_be_used_changes_nothing(data: Path) -> None:
    """It is of another release, say: the server goes on with what it has."""
    with street_on(data) as street:
        work(street)
        before = street.models._file.path
        newest = before.with_name("000009.db")
        newest.write_bytes(b"no database" * 100)
        assert street.models.newer()
        assert street.models.change_over() is None
        assert not newest.exists()
        assert not street.models.newer()
        work(street)
        assert street.models._file.path == before
        assert_sound(street)
