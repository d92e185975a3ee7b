"""The writer: groups, failures, and what comes twice."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from street import (
    START,
    Street,
    assert_sound,
    events,
    new_street,
    rebuilt,
    request,
    rows,
    shop_bytes,
    street_on,
)
from takt_projections.history import History
from taktledger.domain.errors import Conflict, Invalid, NotFound
from taktledger.domain.event import Event
from taktledger.domain.machines import (
    CreateMachine,
    DeleteMachine,
    EditMachine,
    MachineFields,
    create_machine,
    delete_machine,
    edit_machine,
)
from taktledger.domain.parts import DeletePart, delete_part
from taktledger.domain.receipts import KEPT_SECONDS, answer_to, is_received
from taktledger.domain.shop import Counter, Shop, Touched
from taktledger.ledger.writer import GROUP, Answer, KeyReused, OutcomeUnknown, Request, Step
from taktledger.shopfloor.facts import CyclesSeen, Fact, FactSetAside
from taktledger.shopfloor.ingest import TakeFact, take_fact

QUICK = settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[Any]]:
    with capture_logs() as logs:
        yield logs


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Street]:
    with street_on(tmp_path) as opened:
        yield opened


def machine(name: str, **more: Any) -> Request:
    return request(create_machine, CreateMachine(name=name), **more)


def described(machine_id: int, text: str, **more: Any) -> Request:
    command = EditMachine(machine_id=machine_id, fields=MachineFields(description=text))
    return request(edit_machine, command, **more)


def cycle(sequence: int, source: str = "spool-1") -> Step:
    seen = CyclesSeen(cycles=1, counters={"part_count": Counter(sequence)}, program="O1")
    taken = TakeFact(machine="lathe", fact=seen, occurred_at=START + sequence)
    return Step(decide=take_fact, command=taken, source=source, sequence=sequence)


def cycles(*sequences: int, source: str = "spool-1") -> Request:
    return Request(steps=[cycle(each, source) for each in sequences], actor="user-2", status=202)


def two_and_then(error: Exception | None) -> Any:
    def decide(shop: Any, name: str, now: float) -> Iterator[Event]:
        for number in range(2):
            yield from create_machine(shop, CreateMachine(name=f"{name} {number}"), now)
        if error is not None:
            raise error

    return decide


def names(street: Street) -> list[str]:
    in_rows = [name for (name,) in street.models.db.execute("SELECT name FROM machines ORDER BY id").fetchall()]
    assert in_rows == [each.name for each in street.shop.machines.values()]
    return in_rows


class Appends:
    """Counts them, and makes them fail."""

    def __init__(self, street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sizes: list[int] = []
        self.fail: str | None = None
        insert = street.ledger._recorder.insert_events

        def insert_events(stored: Any, **more: Any) -> Any:
            self.sizes.append(len(stored))
            if self.fail == "before":
                raise OSError("no space left on device")
            positions = insert(stored, **more)
            if self.fail == "after":
                raise OSError("the answer got lost")
            return positions

        monkeypatch.setattr(street.ledger._recorder, "insert_events", insert_events)


@pytest.fixture
def appends(street: Street, monkeypatch: pytest.MonkeyPatch) -> Appends:
    return Appends(street, monkeypatch)


# Groups


def test_one_append_for_a_group(street: Street, appends: Appends) -> None:
    answers = street.write(*(machine(f"m{n}") for n in range(5)), cycles(1, 2), machine("m3"))
    assert appends.sizes == [5 + 5]  # the lathe, O1, which is loaded, and two cycles
    assert [each.status if isinstance(each, Answer) else type(each) for each in answers] == [200] * 5 + [202, Conflict]
    assert [each.stream for each in answers if isinstance(each, Answer)] == [f"machine-{n}" for n in range(1, 7)]
    assert street.writer.groups == 1
    assert names(street) == ["m0", "m1", "m2", "m3", "m4", "lathe"]
    assert_sound(street)


def test_one_commit_of_the_rows_for_a_group(street: Street) -> None:
    said: list[str] = []
    street.models._file.connection.set_trace_callback(said.append)
    street.write(*(machine(f"m{n}") for n in range(5)))
    assert [each for each in said if each.startswith(("BEGIN", "COMMIT"))] == ["BEGIN IMMEDIATE", "COMMIT"]


def test_positions_in_the_answers(street: Street) -> None:
    first, second, third = street.write(machine("a"), cycles(1), machine("b"))
    assert isinstance(first, Answer)
    assert isinstance(second, Answer)
    assert isinstance(third, Answer)
    in_answers = [each for answer in (first, second, third) for each in answer.events]
    assert [each.position for each in in_answers] == [1, 2, 3, 4, 5, 6]
    assert [each.event for each in in_answers] == events(street.ledger)


def test_each_is_decided_on_the_shop_after_the_one_before(street: Street) -> None:
    outcomes = street.write(
        machine("a"), machine("a"), request(delete_machine, DeleteMachine(machine_id=1)), machine("a")
    )
    assert [type(each) for each in outcomes] == [Answer, Conflict, Answer, Answer]
    assert names(street) == ["a"]
    assert list(street.shop.machines) == [2]


def test_nothing_to_do_is_an_answer(street: Street, appends: Appends) -> None:
    street.do(create_machine, CreateMachine(name="a"))
    (answer,) = street.write(described(1, ""))
    assert answer == Answer(status=200)
    assert appends.sizes == [1]
    assert street.write() == []


def test_what_changed_is_told(street: Street) -> None:
    told: list[set[int]] = []
    street.writer.on_commit.append(lambda touched: told.append(set(touched.machines)))
    street.write(machine("a"), machine("b"))
    street.write(described(2, "x"))
    street.write(machine("a"))
    assert told == [{1, 2}, {2}], "the last one changed nothing"
    assert street.shop.touched == Touched()


# Errors


@pytest.mark.parametrize("error", [Conflict("no"), ZeroDivisionError("oops")])
def test_an_error_in_the_middle_leaves_nothing_of_its_own(street: Street, error: Exception) -> None:
    loaded: list[int] = []
    street.writer.on_load.append(lambda: loaded.append(street.shop.position))
    street.do(create_machine, CreateMachine(name="before"))
    outcomes = street.write(machine("a"), request(two_and_then(error), "x", key="k"), machine("b"))
    assert [type(each) for each in outcomes] == [Answer, type(error), Answer]
    assert outcomes[1] is error
    assert names(street) == ["before", "a", "b"]
    assert list(street.shop.machines) == [1, 2, 3]
    assert street.shop.answered == {}
    assert loaded == [1]
    assert_sound(street)


def test_several_errors_in_one_group(street: Street, logs: list[Any]) -> None:
    outcomes = street.write(
        request(two_and_then(KeyError("1")), "x"),
        machine("a"),
        request(two_and_then(Invalid("2")), "y"),
        request(lambda shop, command, now: 1 / 0, None),
        request(delete_machine, DeleteMachine(machine_id=9)),
        request(two_and_then(None), "z"),
    )
    assert [type(each) for each in outcomes] == [KeyError, Answer, Invalid, ZeroDivisionError, NotFound, Answer]
    assert names(street) == ["a", "z 0", "z 1"]
    assert [each["log_level"] for each in logs if each["event"] == "a command failed"] == ["error", "error"]
    assert_sound(street)


def test_a_request_of_several_steps_is_all_or_nothing(street: Street) -> None:
    steps = [
        Step(decide=create_machine, command=CreateMachine(name="a")),
        Step(decide=create_machine, command=CreateMachine(name="b")),
        Step(decide=create_machine, command=CreateMachine(name="a")),
    ]
    first, second = street.write(Request(steps=steps, actor="user-1"), Request(steps=steps[:2], actor="user-1"))
    assert isinstance(first, Conflict)
    assert isinstance(second, Answer)
    assert names(street) == ["a", "b"]
    assert_sound(street)


# What comes twice


def test_a_key_answers_as_the_first_time(street: Street) -> None:
    def put(**more: Any) -> Any:
        return street.write(machine("a", **{"key": "k", "body": "1", "status": 201, **more}))[0]

    first = put()
    assert (first.status, first.stream, first.replayed) == (201, "machine-1", False)
    again = put(status=200)
    assert (again.status, again.stream, again.replayed, again.events) == (201, "machine-1", True, first.events)
    other = put(body="2")
    assert isinstance(other, KeyReused)
    assert other.field == "Idempotency-Key"
    assert isinstance(put(actor="user-2"), Conflict)  # another user's key: a request of its own
    assert street.ledger.head == 1


def test_a_key_twice_in_one_group(street: Street) -> None:
    first, second, other = street.write(
        machine("a", key="k", body="1"), machine("a", key="k", body="1"), machine("b", key="k", body="2")
    )
    assert isinstance(first, Answer)
    assert isinstance(second, Answer)
    assert (first.replayed, second.replayed, second.stream) == (False, True, "machine-1")
    assert isinstance(other, KeyReused)
    assert_sound(street)


@pytest.mark.parametrize("saved", [True, False])
@pytest.mark.parametrize("rows_deleted", [True, False])
def test_what_comes_twice_after_a_restart(tmp_path: Path, saved: bool, rows_deleted: bool) -> None:
    with street_on(tmp_path) as street:
        street.write(machine("a", key="k", body="1", status=201), cycles(1, 2, 5))
        if saved:
            street.models.close(street.shop)
        file = street.models._file.path
    if rows_deleted:
        file.unlink()
    with street_on(tmp_path) as street:
        key, other, facts = street.write(
            machine("a", key="k", body="1"), machine("b", key="k", body="2"), cycles(1, 2, 3, 5)
        )
        assert isinstance(key, Answer)
        assert isinstance(facts, Answer)
        assert (key.status, key.stream, key.replayed) == (201, "machine-1", True)
        assert isinstance(other, KeyReused)
        assert (facts.status, facts.repeated, len(facts.events)) == (202, 3, 1)
        assert street.shop.parts_made == 4
        assert_sound(street)


def test_a_key_whose_request_failed_is_free(street: Street) -> None:
    street.write(machine("a"))
    (failed,) = street.write(machine("a", key="k", body="1"))
    assert isinstance(failed, Conflict)
    street.do(delete_machine, DeleteMachine(machine_id=1))
    (done,) = street.write(machine("a", key="k", body="1"))
    assert isinstance(done, Answer)
    assert not done.replayed


def test_keys_are_kept_for_seven_days(street: Street) -> None:
    street.write(machine("a", key="a", body="1"))
    street.clock.now += 3600
    street.write(machine("b", key="b", body="1"))
    street.clock.now += KEPT_SECONDS - 3600
    street.write(machine("c", key="c", body="1"))
    (again,) = street.write(machine("a", key="a", body="1"))
    assert isinstance(again, Answer)
    assert again.replayed
    street.clock.now += 1
    street.write(machine("d", key="d", body="1"))
    now = street.clock.now
    actors = {each.split()[0] for each in street.shop.answered}
    assert len(actors) == 1
    assert [key for key in "abcd" if answer_to(street.shop, *actors, key, now)] == ["b", "c", "d"]
    assert_sound(street)


def test_a_batch_twice_at_once(street: Street) -> None:
    first, second, third = street.write(cycles(1, 2, 3), cycles(1, 2, 3), cycles(3, 4, 4))
    assert isinstance(first, Answer)
    assert isinstance(second, Answer)
    assert isinstance(third, Answer)
    assert [each.repeated for each in (first, second, third)] == [0, 3, 2]
    assert [each.status for each in (first, second, third)] == [202] * 3
    assert street.shop.parts_made == 4
    assert_sound(street)


def test_sources_count_for_themselves(street: Street) -> None:
    street.write(cycles(1, 2), cycles(1, 2, source="spool-2"))
    assert street.shop.parts_made == 4
    stored = {(each.source, each.source_sequence) for each in events(street.ledger) if each.source}
    assert stored == {("spool-1", 1), ("spool-1", 2), ("spool-2", 1), ("spool-2", 2)}


@QUICK
@given(st.lists(st.lists(st.integers(1, 12), max_size=8), max_size=8))
def test_each_sequence_is_stored_once_in_whatever_order(batches: list[list[int]]) -> None:
    with new_street() as street:
        held: set[int] = set()
        for batch in batches:
            (answer,) = street.write(cycles(*batch))
            assert isinstance(answer, Answer)
            new = set(batch) - held
            assert answer.repeated == len(batch) - len(new)
            held |= new
            assert {each for each in range(14) if is_received(street.shop, "spool-1", each)} == held
            ranges = street.shop.received.get("spool-1", [])
            assert all(a[1] + 1 < b[0] for a, b in pairwise(ranges)), "ranges that touch are one"
        assert street.shop.parts_made == len(held)
        assert_sound(street)


def test_a_repeated_fact_needs_no_machine_any_more(street: Street) -> None:
    street.write(cycles(1))
    street.do(delete_machine, DeleteMachine(machine_id=1))
    (answer,) = street.write(cycles(1))
    assert isinstance(answer, Answer)
    assert answer.repeated == 1
    assert street.shop.machines == {}


# Clocks


def test_time_never_goes_backwards(street: Street) -> None:
    for now in (START, START - 500, START + 1, START - 1, START + 2):
        street.clock.now = now
        street.write(machine(f"m{street.ledger.head}"), machine(f"n{street.ledger.head}"))
    times = [each.recorded_at for each in events(street.ledger)]
    assert times == [START, START, START, START] + [START + 1] * 4 + [START + 2] * 2
    street.writer.reload()
    street.clock.now = 0
    street.write(machine("last"))
    assert events(street.ledger)[-1].recorded_at == START + 2


# Disks


def _break_rows(street: Street, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    file = street.models._file
    if how == "rows":
        monkeypatch.setattr(file, "commit", _raise)
    elif how == "in the middle of the rows":
        monkeypatch.setattr(file._models[-2], "write", _raise)
    elif how == "rows saved":
        commit = file.commit

        def commit_and_raise() -> None:
            commit()
            raise sqlite3.OperationalError("disk I/O error")

        monkeypatch.setattr(file, "commit", commit_and_raise)


def _raise(*args: Any) -> None:
    raise sqlite3.OperationalError("database or disk is full")


FAILURES = {
    "before": False,
    "after": True,
    "rows": True,
    "in the middle of the rows": False,
    "rows saved": True,
}
"""How writing fails -> whether it is in the ledger all the same."""


@pytest.mark.parametrize("how", FAILURES)
@pytest.mark.parametrize("lasting", [False, True])
def test_when_writing_fails_nobody_knows_and_nothing_is_written_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, lasting: bool
) -> None:
    """`lasting`: loading the shop anew fails too."""
    with street_on(tmp_path) as street, pytest.MonkeyPatch.context() as patch:
        loaded: list[int] = []
        street.writer.on_load.append(lambda: loaded.append(street.shop.position))
        street.write(machine("before", key="0"), cycles(1))
        head = street.ledger.head
        appends = Appends(street, patch)
        appends.fail = how
        _break_rows(street, patch, how)
        if lasting:
            patch.setattr(street.models, "load", _raise)
        group = [machine("a", key="1"), cycles(2, 3), machine("before"), machine("b", key="2")]
        outcomes = street.write(*group)
        assert [type(each) for each in outcomes] == [OutcomeUnknown] * 4
        assert street.writer.groups == 1
        if lasting:
            outcomes = street.write(*group)
            assert [type(each) for each in outcomes] == [OutcomeUnknown] * 4
        patch.undo()

        durable = FAILURES[how]
        assert street.ledger.read_head() == head + (4 if durable else 0)
        if not lasting and how in ("before", "after"):
            assert loaded == [street.ledger.head]
            assert_sound(street)
        first, second, third, fourth = street.write(*group)
        assert isinstance(first, Answer)
        assert isinstance(second, Answer)
        assert isinstance(fourth, Answer)
        assert (first.replayed, fourth.replayed, second.repeated) == ((True, True, 2) if durable else (False, False, 0))
        assert isinstance(third, Conflict)
        assert names(street) == ["before", "lathe", "a", "b"]
        assert street.shop.parts_made == 3
        assert loaded[-1] in (head, head + 4)
        assert_sound(street)
        street.models.close(street.shop)
    with street_on(tmp_path) as street:
        assert names(street) == ["before", "lathe", "a", "b"]
        assert_sound(street)


@pytest.mark.parametrize("how", FAILURES)
def test_closing_after_a_failure_saves_no_shop_that_is_ahead(tmp_path: Path, how: str) -> None:
    """The disk is full, loading anew fails, and the server is stopped: what the shop holds is not what is durable."""
    with street_on(tmp_path) as street, pytest.MonkeyPatch.context() as patch:
        street.write(machine("before"), cycles(1))
        Appends(street, patch).fail = how
        _break_rows(street, patch, how)
        patch.setattr(street.models, "load", _raise)
        assert isinstance(street.write(cycles(2, 3), machine("a", key="k"))[0], OutcomeUnknown)
        patch.undo()
        street.models.close(street.shop)
    with street_on(tmp_path) as street:
        assert_sound(street)
        street.write(cycles(2, 3), machine("a", key="k"))
        assert street.shop.parts_made == 3
        assert names(street) == ["before", "lathe", "a"]
        assert_sound(street)


def test_an_event_that_cannot_be_written_down_spoils_nothing(street: Street) -> None:
    """Whatever comes through the API can be; this is the last line."""
    before = shop_bytes(street.shop)
    outcomes = street.write(machine("\ud800"), machine("a"))
    assert not any(isinstance(each, Answer) for each in outcomes[:1])
    assert street.ledger.head == street.shop.position
    assert street.ledger.head or shop_bytes(street.shop) == before
    street.write(machine("b"))
    assert "b" in names(street)
    assert_sound(street)


HUGE = [2**63, -(2**63) - 1, 2**64]


@pytest.mark.parametrize("number", HUGE)
@pytest.mark.parametrize("what", ["counter", "active tool"])
def test_no_number_from_outside_stops_the_ledger(tmp_path: Path, what: str, number: int) -> None:
    """A number that no row can hold must not get into the ledger: it would fail at every start from then on."""
    said = {
        "counter": {"type": "BaselineSeen", "counters": {"part_count": {"value": number}}},
        "active tool": {"type": "StateSeen", "changes": {"active_tool": number}},
    }[what]
    try:
        fact = msgspec.json.decode(msgspec.json.encode(said), type=Fact)
    except msgspec.ValidationError:
        return  # refused at the door
    step = Step(
        decide=take_fact, command=TakeFact(machine="lathe", fact=fact, occurred_at=START), source="s", sequence=1
    )
    with street_on(tmp_path) as street:
        street.write(Request(steps=[step], actor="user-2"))
    with street_on(tmp_path) as street:
        assert isinstance(street.write(machine("a"))[0], Answer)
        assert_sound(street)


@pytest.mark.parametrize("error", [OverflowError, sqlite3.IntegrityError, sqlite3.ProgrammingError, KeyError])
def test_what_has_no_row_fails_alone(street: Street, monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    """Before anything is durable: the others of its group are written, and it is in no ledger."""
    model = street.models._file._models[0]
    write = model.write

    def refuse(connection: sqlite3.Connection, shop: Shop) -> None:
        if any(shop.machines[each].name == "bad" for each in shop.touched.machines):
            raise error("no such row")
        write(connection, shop)

    with monkeypatch.context() as patch:
        patch.setattr(model, "write", refuse)
        outcomes = street.write(machine("a"), machine("bad"), machine("b"))
    assert [type(each) for each in outcomes] == [Answer, error, Answer]
    assert names(street) == ["a", "b"]
    assert_sound(street)


def test_what_cannot_be_read_again_fails_alone(street: Street) -> None:
    """A command that nobody has checked: its event would stop every start."""
    outcomes = street.write(machine("a"), machine("x" * 501), machine("b"))
    assert [type(each) for each in outcomes] == [Answer, msgspec.ValidationError, Answer]
    assert names(street) == ["a", "b"]
    assert_sound(street)


def test_a_fact_of_any_text_is_taken(street: Street) -> None:
    fact = FactSetAside(fact="\u0000Ü", error="\u2028'\"")
    street.do(take_fact, TakeFact(machine="säge \u0000", fact=fact, occurred_at=START), source="s", sequence=1)
    assert_sound(street)


# Many at once


class Served:
    """A writer that runs while the test does."""

    def __init__(self, street: Street) -> None:
        self.street = street

    async def __aenter__(self) -> Street:
        self.task = asyncio.create_task(self.street.writer.run())
        return self.street

    async def __aexit__(self, *what: object) -> None:
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task


def test_32_clients_read_what_they_wrote(street: Street, appends: Appends) -> None:
    async def client(number: int) -> None:
        for turn in range(10):
            answer = await street.writer.execute(machine(f"{number}/{turn}", actor=f"user-{number}", key=str(turn)))
            assert answer.stream is not None
            machine_id = int(answer.stream.partition("-")[2])
            row = street.models.db.execute("SELECT name FROM machines WHERE id = ?", (machine_id,)).fetchone()
            assert row[0] == f"{number}/{turn}"

    async def all_clients() -> None:
        async with Served(street):
            await asyncio.gather(*(client(number) for number in range(32)))

    asyncio.run(all_clients())
    assert sum(appends.sizes) == 320
    assert len(appends.sizes) <= 15, "32 clients share one append"
    assert len(names(street)) == 320
    assert_sound(street)


def test_a_client_that_goes_away_does_not_stop_its_write(street: Street) -> None:
    async def go() -> None:
        waiting = [asyncio.create_task(street.writer.execute(machine(name))) for name in ("a", "b", "c")]
        await asyncio.sleep(0)
        assert street.writer.backlog == 3
        waiting[1].cancel()
        async with Served(street):
            answers = await asyncio.gather(*waiting, return_exceptions=True)
            assert [type(each) for each in answers] == [Answer, asyncio.CancelledError, Answer]
            assert (await street.writer.execute(machine("d"))).stream == "machine-4"
        assert street.writer.backlog == 0

    asyncio.run(go())
    assert names(street) == ["a", "b", "c", "d"]


def test_errors_reach_the_client_that_caused_them(street: Street, appends: Appends) -> None:
    async def go() -> None:
        async with Served(street):
            outcomes = await asyncio.gather(
                street.writer.execute(machine("a")),
                street.writer.execute(machine("a")),
                street.writer.execute(request(two_and_then(KeyError("x")), "x")),
                return_exceptions=True,
            )
            assert [type(each) for each in outcomes] == [Answer, Conflict, KeyError]
            appends.fail = "before"
            with pytest.raises(OutcomeUnknown):
                await street.writer.execute(machine("b"))
            appends.fail = None
            assert (await street.writer.execute(machine("b"))).stream == "machine-2"

    asyncio.run(go())
    assert names(street) == ["a", "b"]


def test_a_long_queue_is_taken_in_pieces(street: Street, appends: Appends) -> None:
    async def go() -> None:
        waiting = [asyncio.create_task(street.writer.execute(machine(f"m{n}"))) for n in range(GROUP + 10)]
        await asyncio.sleep(0)
        async with Served(street):
            await asyncio.gather(*waiting)

    asyncio.run(go())
    assert appends.sizes == [GROUP, 10]


def test_a_listener_that_fails_does_not_stop_the_writer(street: Street) -> None:
    """What is written is written: its clients must hear of it, and the next ones too."""

    def listener(touched: Touched) -> None:
        raise RuntimeError("a cache fell over")

    street.writer.on_commit.append(listener)

    async def go() -> None:
        async with Served(street):
            for name in ("a", "b"):
                answer = await asyncio.wait_for(street.writer.execute(machine(name)), 0.5)
                assert answer.status == 200

    asyncio.run(go())
    assert names(street) == ["a", "b"]


def test_rows_are_those_of_a_rebuild_while_many_write(street: Street) -> None:
    async def client(number: int) -> None:
        for turn in range(4):
            await street.writer.execute(cycles(turn + 1, source=f"spool-{number}"))
            with suppress(Conflict):
                await street.writer.execute(machine(f"{turn}"))

    async def go() -> None:
        async with Served(street):
            await asyncio.gather(*(client(number) for number in range(8)))

    asyncio.run(go())
    assert street.shop.parts_made == 32
    assert rows(street.models.db) == rebuilt(street.ledger)
    assert_sound(street)


def test_what_only_looked_at_the_rows_leaves_no_transaction_open(tmp_path: Path) -> None:
    """It would keep the shop from being saved at the end."""
    with street_on(tmp_path) as street:
        street.do(create_machine, CreateMachine(name="mill"))
        decide = partial(delete_part, history=History(street.models))
        (refused,) = street.write(request(decide, DeletePart(part_id=9)))
        assert isinstance(refused, NotFound)
        assert not street.models._file.connection.in_transaction
