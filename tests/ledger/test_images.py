"""Images beside the events: in the same transaction, by their digest, and never changed."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from street import START, Street, assert_sound, events, street_on
from taktledger.domain.errors import Conflict, NotFound
from taktledger.domain.event import Event
from taktledger.domain.machines import CreateMachine, create_machine
from taktledger.domain.shop import Image, Shop
from taktledger.domain.tools.tool import (
    ChangeToolImage,
    CreateTool,
    ToolImageChanged,
    change_tool_image,
    create_tool,
)
from taktledger.ledger.store import Ledger, LedgerReadOnly
from taktledger.ledger.writer import Answer, OutcomeUnknown, Request, Step

EDGE, FACE = b"\x89PNG the worn edge", bytes(range(256)) * 400
UNSTORABLE: Any = object()


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[Any]]:
    with capture_logs() as logs:
        yield logs


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Street]:
    """With tools 1 and 2."""
    with street_on(tmp_path) as opened:
        for name in ("mill", "drill"):
            opened.do(create_tool, CreateTool(name=name))
        yield opened


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with closing(Ledger(tmp_path / "ledger.db")) as opened:
        yield opened


def digest(content: bytes) -> str:
    return sha256(content).hexdigest()


def shown(content: bytes, tool_id: int = 1, **more: Any) -> Request:
    """A request that uploads a picture of a tool."""
    command = ChangeToolImage(tool_id=tool_id, image=Image(digest(content), "image/png"))
    step = Step(decide=change_tool_image, command=command)
    return Request(steps=[step], actor="user-1", images={digest(content): content}, **more)


def changed(content: bytes, tool_id: int = 1) -> ToolImageChanged:
    image = Image(digest(content), "image/png")
    return ToolImageChanged(occurred_at=START, recorded_at=START, tool_id=tool_id, image=image)


def stored(ledger: Ledger) -> dict[str, bytes]:
    """What really is in the file."""
    with closing(sqlite3.connect(ledger.path)) as connection:
        return dict(connection.execute("SELECT sha256, bytes FROM images").fetchall())


# The store


def test_an_image_is_found_by_its_digest(ledger: Ledger) -> None:
    ledger.append([changed(EDGE), changed(FACE)], {digest(EDGE): EDGE, digest(FACE): FACE})
    assert (ledger.image(digest(EDGE)), ledger.image(digest(FACE))) == (EDGE, FACE)
    assert (ledger.image("unknown"), ledger.image("")) == (None, None)


def test_an_empty_ledger_has_no_images_and_a_plain_append_makes_none(ledger: Ledger) -> None:
    assert ledger.image(digest(EDGE)) is None
    ledger.append([changed(EDGE)])
    assert stored(ledger) == {}


def test_without_an_event_there_is_no_image(ledger: Ledger) -> None:
    ledger.append([], {digest(EDGE): EDGE})
    assert (stored(ledger), ledger.head) == ({}, 0)


def test_the_same_digest_twice_is_stored_once(ledger: Ledger) -> None:
    for tool_id in (1, 2):
        ledger.append([changed(EDGE, tool_id)], {digest(EDGE): EDGE})
    assert stored(ledger) == {digest(EDGE): EDGE}
    assert ledger.head == 2


def test_the_first_one_stays(ledger: Ledger) -> None:
    """Nothing that comes later under its name changes it."""
    ledger.append([changed(EDGE)], {digest(EDGE): EDGE})
    ledger.append([changed(EDGE)], {digest(EDGE): b"another"})
    assert ledger.image(digest(EDGE)) == EDGE


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE images SET bytes = x'00'",
        "UPDATE images SET sha256 = 'x'",
        "DELETE FROM images",
        "DELETE FROM stored_events",
    ],
)
def test_images_are_never_changed_or_deleted(ledger: Ledger, statement: str) -> None:
    ledger.append([changed(EDGE)], {digest(EDGE): EDGE})
    with closing(sqlite3.connect(ledger.path)) as connection, pytest.raises(sqlite3.IntegrityError, match="never"):
        connection.execute(statement)
    assert ledger.image(digest(EDGE)) == EDGE


def test_readable_after_reopening_and_by_others(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with closing(Ledger(path)) as writing:
        writing.append([changed(FACE)], {digest(FACE): FACE})
        with closing(Ledger(path, writing=False)) as reading:
            assert reading.image(digest(FACE)) == FACE
            with pytest.raises(LedgerReadOnly):
                reading.append([changed(EDGE)], {digest(EDGE): EDGE})
    with closing(Ledger(path)) as again:
        assert stored(again) == {digest(FACE): again.image(digest(FACE))} == {digest(FACE): FACE}


def test_a_ledger_from_before_there_were_images(tmp_path: Path) -> None:
    """It gets their table when it is opened for writing."""
    path = tmp_path / "ledger.db"
    with closing(Ledger(path)) as ledger:
        ledger.append([changed(EDGE)])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE images")
        connection.commit()
    with closing(Ledger(path)) as ledger:
        ledger.append([changed(EDGE)], {digest(EDGE): EDGE})
        assert (ledger.image(digest(EDGE)), ledger.head) == (EDGE, 2)


def test_an_image_that_can_not_be_stored_stores_no_event(ledger: Ledger) -> None:
    """All or nothing, the other way round too."""
    ledger.append([changed(FACE)], {digest(FACE): FACE})
    with pytest.raises(Exception, match="type"):
        ledger.append([changed(EDGE)], {digest(EDGE): EDGE, "x": UNSTORABLE})
    ledger.forget()
    assert (ledger.head, ledger.read_head(), stored(ledger)) == (1, 1, {digest(FACE): FACE})


def test_events_that_can_not_be_stored_store_no_image(tmp_path: Path, ledger: Ledger) -> None:
    ledger.append([changed(FACE)], {})
    ledger.head = 0  # as if somebody else had written: the position is taken
    with pytest.raises(Exception, match="UNIQUE"):
        ledger.append([changed(EDGE)], {digest(EDGE): EDGE})
    ledger.forget()
    assert (ledger.head, stored(ledger)) == (1, {})


# The writer


def test_an_image_comes_with_its_event(street: Street) -> None:
    (answer,) = street.write(shown(EDGE))
    assert isinstance(answer, Answer)
    assert events(street.ledger)[-1] == answer.events[0].event
    assert street.ledger.image(digest(EDGE)) == EDGE
    assert street.shop.tools[1].image == Image(digest(EDGE), "image/png")
    assert_sound(street)


def test_each_of_a_group_brings_its_own(street: Street) -> None:
    first, second, third = street.write(shown(EDGE), shown(FACE, 2), shown(EDGE, 2))
    assert [type(each) for each in (first, second, third)] == [Answer] * 3
    assert stored(street.ledger) == {digest(EDGE): EDGE, digest(FACE): FACE}


@pytest.mark.parametrize("alone", [True, False])
def test_a_refused_one_is_not_stored(street: Street, alone: bool) -> None:
    others = [] if alone else [shown(EDGE), Request(steps=[_machine("a")], actor="user-1")]
    refused, *rest = street.write(shown(FACE, 9), *others)
    assert isinstance(refused, NotFound)
    assert [type(each) for each in rest] == [Answer] * len(others)
    assert stored(street.ledger) == ({} if alone else {digest(EDGE): EDGE})


@pytest.mark.parametrize("error", [Conflict("no"), ZeroDivisionError("oops")])
def test_one_that_is_refused_in_the_middle_is_not_stored(street: Street, error: Exception) -> None:
    """The group runs again without it."""

    def and_then(shop: Shop, command: ChangeToolImage, now: float) -> Iterator[Event]:
        yield from change_tool_image(shop, command, now)
        raise error

    command = ChangeToolImage(tool_id=1, image=Image(digest(FACE), "image/png"))
    failing = Request(steps=[Step(decide=and_then, command=command)], actor="user-1", images={digest(FACE): FACE})
    outcomes = street.write(shown(EDGE, 2), failing)
    assert [type(each) for each in outcomes] == [Answer, type(error)]
    assert stored(street.ledger) == {digest(EDGE): EDGE}
    assert street.shop.tools[1].image is None
    assert_sound(street)


def _machine(name: str) -> Step:
    return Step(decide=create_machine, command=CreateMachine(name=name))


def test_what_changes_nothing_stores_nothing(street: Street) -> None:
    street.write(shown(EDGE))
    head = street.ledger.head
    (again,) = street.write(shown(EDGE))
    assert again == Answer(status=200)
    assert (street.ledger.head, len(stored(street.ledger))) == (head, 1)


def test_a_repeat_with_the_same_key(street: Street) -> None:
    first, again = (street.write(shown(EDGE, key="k", body_sha256=digest(EDGE)))[0] for _ in range(2))
    assert isinstance(first, Answer)
    assert isinstance(again, Answer)
    assert (first.replayed, again.replayed, stored(street.ledger)) == (False, True, {digest(EDGE): EDGE})


@pytest.mark.parametrize("when", ["before", "after", "images"])
def test_a_failing_append_stores_both_or_neither(street: Street, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    """The client is told that nobody knows, and may repeat it."""
    head, insert = street.ledger.head, street.ledger._recorder.insert_events

    def insert_events(events: Any, **more: Any) -> Any:
        if when == "before":
            raise OSError("no space left on device")
        if when == "images":
            more["images"] = more["images"] | {"x": UNSTORABLE}
        insert(events, **more)
        raise OSError("the answer got lost")

    with monkeypatch.context() as patch:
        patch.setattr(street.ledger._recorder, "insert_events", insert_events)
        (outcome,) = street.write(shown(EDGE))
    assert isinstance(outcome, OutcomeUnknown)
    both = when == "after"
    assert (street.ledger.read_head(), len(stored(street.ledger))) == ((head + 1, 1) if both else (head, 0))
    assert (street.shop.tools[1].image is not None) == both
    (repeated,) = street.write(shown(EDGE))
    assert isinstance(repeated, Answer)
    assert stored(street.ledger) == {digest(EDGE): EDGE}
    assert_sound(street)


def test_a_street_that_is_opened_again_shows_it(tmp_path: Path) -> None:
    with street_on(tmp_path) as street:
        street.do(create_tool, CreateTool(name="mill"))
        street.write(shown(FACE))
    with street_on(tmp_path) as street:
        image = street.shop.tools[1].image
        assert image == Image(digest(FACE), "image/png")
        assert image is not None
        assert street.ledger.image(image.sha256) == FACE
        street.do(change_tool_image, ChangeToolImage(tool_id=1, image=None))
        assert stored(street.ledger) == {digest(FACE): FACE}, "removed from the tool, and not from the ledger"
