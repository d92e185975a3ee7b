"""What is sent twice is written once: sources and their sequences, and answered requests."""

from hypothesis import given as given_any
from hypothesis import settings
from hypothesis import strategies as st
from msgspec.structs import replace

from given import NOON, Given, a_machine
from taktledger.domain.controls import ToolRunTimeMeasured
from taktledger.domain.event import Receipt
from taktledger.domain.fold import fold
from taktledger.domain.machines import MachineEdited, MachineFields
from taktledger.domain.receipts import PRUNED_EVERY, answer_to, is_received, remember_received, request_id
from taktledger.domain.shop import Shop

DAY = 24 * 3600.0
SEQUENCES = st.integers(1, 30)
SOURCES = st.sampled_from(["spool-a/lathe", "spool-a/mill", "spool-b/lathe"])


@settings(deadline=None, derandomize=True, database=None, max_examples=200)
@given_any(st.lists(st.tuples(SOURCES, SEQUENCES), max_size=60))
def test_a_fact_is_received_when_it_has_been_received(facts: list[tuple[str, int]]) -> None:
    """A (source, sequence) that the ledger holds is skipped and acknowledged, in whatever order they came."""
    shop, held = Shop(), set[tuple[str, int]]()
    for source, sequence in facts:
        assert is_received(shop, source, sequence) == ((source, sequence) in held)
        remember_received(shop, source, sequence)
        held.add((source, sequence))
        for each in ("spool-a/lathe", "spool-a/mill", "spool-b/lathe"):
            assert [n for n in range(33) if is_received(shop, each, n)] == sorted(n for s, n in held if s == each)


@settings(deadline=None, derandomize=True, database=None, max_examples=50)
@given_any(st.permutations(range(1, 25)))
def test_what_arrived_without_a_hole_is_one_range(sequences: list[int]) -> None:
    """However the facts of a spool arrived: as many ranges are kept as there are holes, and one."""
    shop = Shop()
    for sequence in sequences:
        remember_received(shop, "spool", sequence)
    assert shop.received == {"spool": [[1, 24]]}


def test_the_envelope_of_an_event_says_what_was_received() -> None:
    """It is folded from events, so it survives a rebuild. Several events may come from one fact."""
    heard = ToolRunTimeMeasured(occurred_at=NOON, machine_id=1, tool_seconds={}, source="spool", source_sequence=7)
    shop = Given(a_machine(), heard, heard).shop
    assert [sequence for sequence in range(10) if is_received(shop, "spool", sequence)] == [7]
    assert not is_received(shop, "another spool", 7)


# Idempotency keys


def answered(at: float, key: str, actor: str = "user-1") -> MachineEdited:
    receipt = Receipt(key=key, body_sha256=f"sha of {key}", status=200)
    fields = MachineFields(description=key)
    return MachineEdited(occurred_at=at, recorded_at=at, actor=actor, machine_id=1, fields=fields, receipt=receipt)


def test_an_answered_request_is_remembered_for_its_user() -> None:
    """An `Idempotency-Key` (per user) answers with the first status and the object."""
    shop = Given(a_machine(), answered(NOON, "k1"), answered(NOON + 1, "k1", "user-2")).shop
    assert set(shop.answered) == {request_id("user-1", "k1"), request_id("user-2", "k1")}
    answer = shop.answered[request_id("user-1", "k1")]
    assert (answer.status, answer.body_sha256, answer.stream) == (200, "sha of k1", "machine-1")
    assert answer.recorded_at == NOON


def test_an_answer_is_kept_for_seven_days() -> None:
    """Kept 7 days."""
    shop = Given(a_machine(), answered(NOON, "k1"), answered(NOON + 7 * DAY - 1, "k2")).shop
    assert request_id("user-1", "k1") in shop.answered
    fold(shop, answered(NOON + 7 * DAY + 1, "k3"))
    assert [key for key in ("k1", "k2", "k3") if answer_to(shop, "user-1", key, shop.recorded_at)] == ["k2", "k3"]


def test_old_answers_are_dropped_in_the_end() -> None:
    """The shop doesn't grow for ever."""
    shop = Given(a_machine()).shop
    for number in range(3 * PRUNED_EVERY):
        fold(shop, answered(NOON + number * DAY / 100, f"k{number}"))
    assert len(shop.answered) <= 700 + PRUNED_EVERY


def test_an_event_without_a_key_is_no_request() -> None:
    assert Given(a_machine(), replace(answered(NOON, "k1"), receipt=None)).shop.answered == {}


@settings(deadline=None, derandomize=True, database=None, max_examples=100)
@given_any(st.lists(st.tuples(st.sampled_from("abcd"), st.floats(0, 5)), max_size=15))
def test_nothing_older_than_seven_days_is_remembered_when_a_request_is_written(
    requests: list[tuple[str, float]],
) -> None:
    """Kept 7 days: also when a key that was forgotten is used again, for a new request."""
    shop, at, expected = Given(a_machine()).shop, NOON, dict[str, float]()
    for key, days in requests:
        at += days * DAY
        if answer_to(shop, "user-1", key, at):
            continue  # answered from memory: nothing is written
        expected = {each: when for each, when in expected.items() if when >= at - 7 * DAY}
        expected[key] = at
        fold(shop, answered(at, key))
        answers = {each: answer_to(shop, "user-1", each, at) for each in "abcd"}
        kept = {each: answer.recorded_at for each, answer in answers.items() if answer is not None}
        assert kept == expected
