"""What a subscription says, message by message: what is missing, what came late, and what belongs together."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asyncua import ua
from asyncua.client import ua_client

from takt_adapters.opcua.inbox import LIMIT, OVERFLOW, Inbox

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def change(handle: int, value: Any, at: float | None, status: int = 0) -> ua.MonitoredItemNotification:
    stamp = None if at is None else NOON + timedelta(seconds=at)
    return ua.MonitoredItemNotification(
        handle, ua.DataValue(ua.Variant(value), ua.StatusCode(status), SourceTimestamp=stamp)
    )


def message(sequence: int, *changes: ua.MonitoredItemNotification) -> ua.PublishResult:
    data = [ua.DataChangeNotification(list(changes))] if changes else []
    return ua.PublishResult(NotificationMessage=ua.NotificationMessage(sequence, NOON, data))


def heard(*messages: ua.PublishResult, latest: tuple[int, ...] = ()) -> Inbox:
    inbox = Inbox(latest)
    for number, each in enumerate(messages):
        inbox.take(each, float(number))
    return inbox


def said(inbox: Inbox) -> list[dict[int, Any]]:
    return [{handle: each.Value.Value for handle, each in moment.changes.items()} for moment in inbox.empty()]


def test_messages_in_order_are_believed() -> None:
    inbox = heard(message(1, change(0, 1, 0)), message(2), message(2, change(0, 2, 1)), message(3), message(3))
    assert (inbox.overrun, inbox.doubtful) == (False, False)
    assert said(inbox) == [{0: 1}, {0: 2}]


@pytest.mark.parametrize(
    ("sequences", "overrun"),
    [([(1, 1), (3, 1)], True), ([(1, 1), (3, 0)], False), ([(2, 1)], False), ([(1, 1), (1, 1)], True)],
)
def test_a_message_that_is_missing_is_noticed(sequences: list[tuple[int, int]], overrun: bool) -> None:
    """By the number of the next one, or of the sign of life after it."""
    inbox = heard(*(message(number, *[change(0, number, number)] * changes) for number, changes in sequences))
    assert (inbox.overrun, inbox.doubtful) == (overrun, True)


def test_a_sign_of_life_is_doubted_once() -> None:
    inbox = heard(message(1, change(0, 1, 0)), message(3))
    inbox.forget()
    inbox.take(message(3), 2.0)
    inbox.take(message(3, change(0, 2, 5)), 3.0)
    assert (inbox.overrun, inbox.doubtful) == (False, False)


def test_sequences_start_again_at_one() -> None:
    inbox = Inbox()
    inbox._sequence = 2**32 - 1
    inbox.take(message(1, change(0, 1, 0)), 1.0)
    assert not inbox.doubtful


def test_a_queue_that_ran_over_is_a_loss_but_for_what_only_the_last_value_matters() -> None:
    assert heard(message(1, change(0, 1, 0, OVERFLOW))).overrun
    assert not heard(message(1, change(0, 1, 0, OVERFLOW)), latest=(0,)).overrun


def test_values_that_change_all_the_time_displace_nothing() -> None:
    """The counter is not lost among them, and they fill no memory."""
    messages = []
    for number in range(1, 3 * LIMIT):
        counter = [change(1, number, number)] if number % 500 == 0 else []
        messages.append(message(number, change(0, number, number), *counter))
    inbox = heard(*messages, latest=(0,))
    assert not inbox.overrun
    found = said(inbox)
    assert len(found) <= LIMIT + 1
    assert [each[1] for each in found if 1 in each] == [500, 1000, 1500, 2000, 2500]
    assert found[-1][0] == 3 * LIMIT - 1


def test_too_many_changes_are_an_overrun_and_fill_no_memory() -> None:
    inbox = heard(*(message(number, change(0, number, number)) for number in range(1, 3 * LIMIT)))
    assert inbox.overrun
    assert len(said(inbox)) <= LIMIT


def test_changes_come_moment_by_moment_whatever_their_order_in_the_message() -> None:
    """Counter 0, program 1."""
    inbox = heard(message(1, change(0, 1, 0), change(0, 2, 2), change(0, 3, 3), change(1, "B", 1)))
    assert said(inbox) == [{0: 1}, {1: "B"}, {0: 2}, {0: 3}]


def test_a_change_without_a_time_came_with_the_one_before_it() -> None:
    inbox = heard(message(1, change(2, True, None), change(0, 2, 2), change(3, False, None), change(1, "B", 1)))
    assert said(inbox) == [{1: "B"}, {2: True, 0: 2, 3: False}]


def test_a_request_that_is_cancelled_as_its_answer_comes_is_cancelled_as_any_other() -> None:
    """Otherwise nobody would know who cancelled it, and a machine's task would end without a word."""

    async def main() -> None:
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        asking = asyncio.create_task(ua_client.wait_for(answer, 5))
        await asyncio.sleep(0)
        answer.set_result(1)
        asking.cancel()
        (outcome,) = await asyncio.gather(asking, return_exceptions=True)
        assert type(outcome) in (int, asyncio.CancelledError)

    asyncio.run(main())
