"""Events: written as readable JSON, tagged with their topic, readable for ever."""

import json
import re
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given as given_any
from hypothesis import settings
from hypothesis import strategies as st
from msgspec import inspect

from taktledger.domain.event import Codec, Event, schema_version, topic
from taktledger.domain.fold import CODEC, FOLDS

KINDS = sorted(FOLDS, key=topic)
TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=3,
)


def instances(kind: type[Any]) -> st.SearchStrategy[Any]:
    """Any instance of a struct that its own types allow."""
    described = inspect.type_info(kind)
    assert isinstance(described, inspect.StructType)
    return _struct(described)


def _struct(described: inspect.StructType) -> st.SearchStrategy[Any]:
    fields = {each.name: _values(each.type) for each in described.fields}
    always = {each.name: fields[each.name] for each in described.fields if each.required}
    sometimes = {name: values for name, values in fields.items() if name not in always}
    return st.fixed_dictionaries(always, optional=sometimes).map(lambda said: described.cls(**said))


def _values(described: inspect.Type) -> st.SearchStrategy[Any]:
    by_kind: dict[type[inspect.Type], Callable[[Any], st.SearchStrategy[Any]]] = {
        inspect.AnyType: lambda _: ANYTHING,
        inspect.NoneType: lambda _: st.none(),
        inspect.BoolType: lambda _: st.booleans(),
        inspect.IntType: lambda kind: st.integers(
            -(2**53) if kind.ge is None else kind.ge, 2**53 if kind.le is None else kind.le
        ),
        inspect.FloatType: lambda kind: st.floats(kind.ge, kind.le, allow_nan=False, allow_infinity=False),
        inspect.StrType: lambda kind: (
            st.from_regex(kind.pattern, alphabet="0123456789:", fullmatch=True)
            if kind.pattern
            else TEXT.filter(lambda text: len(text) >= (kind.min_length or 0))
        ),
        inspect.DateType: lambda _: st.dates(),
        inspect.LiteralType: lambda kind: st.sampled_from(kind.values),
        inspect.ListType: lambda kind: st.lists(_values(kind.item_type), max_size=3),
        inspect.DictType: lambda kind: st.dictionaries(_values(kind.key_type), _values(kind.value_type), max_size=3),
        inspect.UnionType: lambda kind: st.one_of(*map(_values, kind.types)),
        inspect.StructType: _struct,
    }
    return by_kind[type(described)](described)


@pytest.mark.parametrize("kind", KINDS, ids=topic)
@settings(deadline=None, derandomize=True, database=None, max_examples=25)
@given_any(data=st.data())
def test_every_event_is_read_as_it_was_written(kind: type[Event], data: st.DataObject) -> None:
    """An event is stored as readable JSON, tagged with its topic, and comes out as it went in, alone or in a row."""
    event = data.draw(instances(kind))
    written = CODEC.encode(event)
    assert json.loads(written)["event"] == topic(kind)
    assert CODEC.decode(written) == event
    assert type(CODEC.decode(written)) is kind
    assert CODEC.decode_array(b"[" + written + b"," + written + b"]") == [event, event]


@pytest.mark.parametrize("kind", KINDS, ids=topic)
def test_a_topic_is_the_name_of_the_class(kind: type[Event]) -> None:
    """Topic = its name, from the second version on with it (`CycleFinished`, `CycleFinished.2`)."""
    name, _, version = topic(kind).partition(".")
    assert kind.__name__.startswith(name)
    assert not version or int(version) >= 2


def test_topics_are_globally_unique() -> None:
    assert len({topic(kind) for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize("kind", KINDS, ids=topic)
@settings(deadline=None, derandomize=True, database=None, max_examples=3)
@given_any(data=st.data())
def test_every_event_belongs_to_a_stream(kind: type[Event], data: st.DataObject) -> None:
    """Streams are text: `machine-3`, `tool-requirement-41`; `options` is the only one of its kind."""
    stream = data.draw(instances(kind)).stream
    assert re.fullmatch(r"([a-z]+-)+-?\d+|options", stream)


@pytest.mark.parametrize("kind", KINDS, ids=topic)
def test_an_event_is_immutable_and_says_what_it_is(kind: type[Event]) -> None:
    """An event is an immutable struct; every one is documented."""
    assert kind.__struct_config__.frozen
    assert kind.__doc__
    assert kind.__doc__ != Event.__doc__


def test_the_schema_has_every_event() -> None:
    """JSON Schema 2020-12 that holds every version ever written."""
    schema = CODEC.schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert len(schema["oneOf"]) == len(KINDS)
    tags = [json.dumps(each) for each in schema["$defs"].values()]
    for kind in KINDS:
        assert any(f'"{topic(kind)}"' in each for each in tags)


def test_an_unknown_event_is_not_read() -> None:
    """What no version of the ledger ever wrote is an error, and never skipped."""
    with pytest.raises(msgspec.ValidationError):
        CODEC.decode(b'{"event": "NobodyKnows", "occurred_at": 1.0}')


# A worked example: released events never change; a new shape is a new version with an upcaster.


class SomethingHappenedOnce(Event, frozen=True, kw_only=True, tag="SomethingHappened"):
    """As it was released first: minutes."""

    minutes: float


class SomethingHappened(Event, frozen=True, kw_only=True, tag="SomethingHappened.2"):
    """As it is today: seconds, and where it happened."""

    seconds: float
    place: str

    @property
    def stream(self) -> str:
        return f"place-{self.place}"


def today(old: SomethingHappenedOnce) -> SomethingHappened:
    return SomethingHappened(
        occurred_at=old.occurred_at,
        recorded_at=old.recorded_at,
        actor=old.actor,
        seconds=old.minutes * 60,
        place="unknown",
    )


EXAMPLE = Codec([SomethingHappened], {SomethingHappenedOnce: today})
OLD = b'{"event":"SomethingHappened","occurred_at":1.0,"recorded_at":2.0,"actor":"user-1","minutes":1.5}'
NEW = SomethingHappened(occurred_at=1.0, recorded_at=2.0, actor="user-1", seconds=90.0, place="unknown")


def test_an_old_version_comes_out_as_what_it_is_today() -> None:
    """An upcaster turns the old class into the new one when it is read; its envelope stays."""
    assert EXAMPLE.decode(OLD) == NEW
    assert EXAMPLE.decode(OLD).stream == "place-unknown"


def test_what_is_written_today_is_the_new_version() -> None:
    assert json.loads(EXAMPLE.encode(NEW))["event"] == "SomethingHappened.2"
    assert EXAMPLE.decode(EXAMPLE.encode(NEW)) == NEW


def test_old_and_new_stand_in_one_ledger_in_their_order() -> None:
    other = SomethingHappened(occurred_at=3.0, seconds=1.0, place="hall")
    assert EXAMPLE.decode_array(b"[" + OLD + b"," + EXAMPLE.encode(other) + b"," + OLD + b"]") == [NEW, other, NEW]


def test_the_schema_holds_both_versions() -> None:
    """`events.schema.json` holds every version ever written."""
    text = json.dumps(EXAMPLE.schema())
    assert len(EXAMPLE.schema()["oneOf"]) == 2
    assert '"SomethingHappened"' in text
    assert '"SomethingHappened.2"' in text


def test_an_old_version_goes_through_every_step_to_today() -> None:
    """Version 1 is what version 2 makes of it, and that is what version 3 makes of it."""

    class SomethingHappenedToday(Event, frozen=True, kw_only=True, tag="SomethingHappened.3"):
        hours: float

    def third(second: SomethingHappened) -> SomethingHappenedToday:
        return SomethingHappenedToday(occurred_at=second.occurred_at, hours=second.seconds / 3600)

    codec = Codec([SomethingHappenedToday], {SomethingHappenedOnce: today, SomethingHappened: third})
    assert codec.decode(OLD) == SomethingHappenedToday(occurred_at=1.0, hours=0.025)
    assert len(codec.schema()["oneOf"]) == 3


@pytest.mark.parametrize(("of_topic", "version"), [("CycleFinished", 1), ("CycleFinished.2", 2), ("A.12", 12)])
def test_the_version_of_a_topic(of_topic: str, version: int) -> None:
    assert schema_version(of_topic) == version
