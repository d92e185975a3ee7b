"""What has been received already: so that whatever is sent twice is written once."""

from bisect import bisect_right

from taktledger.domain.event import Event, Receipt
from taktledger.domain.shop import AnsweredRequest, Shop

KEPT_SECONDS = 7 * 24 * 3600
"""How long the answer to an `Idempotency-Key` is remembered."""


PRUNED_EVERY = 1000
"""Answers between two looks for old ones."""


def is_received(shop: Shop, source: str, sequence: int) -> bool:
    """Whether the ledger holds this fact."""
    ranges = shop.received.get(source, [])
    at = bisect_right(ranges, sequence, key=lambda each: each[0])
    return at > 0 and sequence <= ranges[at - 1][1]


def remember_received(shop: Shop, source: str, sequence: int) -> None:
    """Adds one sequence. In order, as the edge sends them, this lengthens the last range."""
    ranges = shop.received.setdefault(source, [])
    if ranges and ranges[-1][1] + 1 == sequence:
        ranges[-1][1] = sequence
    elif not is_received(shop, source, sequence):
        at = bisect_right(ranges, sequence, key=lambda each: each[0])
        ranges.insert(at, [sequence, sequence])
        _join(ranges, at)
        if at > 0:
            _join(ranges, at - 1)


def _join(ranges: list[list[int]], at: int) -> None:
    if at + 1 < len(ranges) and ranges[at][1] + 1 == ranges[at + 1][0]:
        ranges[at][1] = ranges.pop(at + 1)[1]


def request_id(actor: str, key: str) -> str:
    """Keys are per user: two users may use the same one."""
    return f"{actor} {key}"


def remember_request(shop: Shop, event: Event, receipt: Receipt) -> None:
    answered = shop.answered
    answered[request_id(event.actor, receipt.key)] = AnsweredRequest(
        body_sha256=receipt.body_sha256, status=receipt.status, stream=event.stream, recorded_at=event.recorded_at
    )
    if len(answered) % PRUNED_EVERY == 0:
        oldest = event.recorded_at - KEPT_SECONDS
        shop.answered = {name: each for name, each in answered.items() if each.recorded_at >= oldest}


def answer_to(shop: Shop, actor: str, key: str, now: float) -> AnsweredRequest | None:
    """What a request with this key was answered, if it is remembered."""
    answered = shop.answered.get(request_id(actor, key))
    return answered if answered is not None and answered.recorded_at >= now - KEPT_SECONDS else None
