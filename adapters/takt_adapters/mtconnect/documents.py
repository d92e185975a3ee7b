"""An MTConnect response document, out of bytes that nobody vouches for.

The standard library's parser is expat, at C speed. A document type is refused before it is parsed, and with it go
entities of any kind. (libxml2 would never give back the memory of the names that it has seen, so that a peer with new
ones in each answer would fill it.) Names are compared without their namespace, which has the version in it.
"""

import re
from datetime import UTC, datetime
from typing import Literal, NamedTuple
from xml.etree.ElementTree import Element, ParseError, XMLParser

from takt_adapters.adapter import BadAnswer

MAX_TAGS = 400_000
MAX_ATTRIBUTES = 400_000
"""What an element or an attribute takes in memory is many times what it takes in the answer."""
SHOWN = 200
"""Characters of a peer's text in a message."""

Kind = Literal["MTConnectDevices", "MTConnectStreams"]


class Refused(BadAnswer):
    """The agent answers with an MTConnectError document."""

    def __init__(self, message: str, codes: frozenset[str]) -> None:
        super().__init__(message)
        self.codes = codes


class Header(NamedTuple):
    """What each document says of the agent. Sequence numbers are those of the whole agent, not of one device."""

    instance: int
    """Another one: the agent was started anew, and its sequence numbers with it."""
    created: str | None
    """When the agent answered, by its clock, as it was written."""
    model_changed: str | None
    """When its devices changed last, if it says that."""
    first: int
    """The oldest sequence number that it still has."""
    last: int
    next: int
    """The first sequence number that isn't in this document."""


def parse(body: bytes, kind: Kind) -> Element:
    """The root of a document. Raises BadAnswer, and Refused for an MTConnectError document."""
    if b"\0" in body or b"<!DOCTYPE" in body:  # UTF-16 and UTF-32, where we would not find it, are full of NULs
        raise BadAnswer("the answer has a document type or isn't UTF-8: no MTConnect document does that")
    if body.count(b"<") > MAX_TAGS:
        raise BadAnswer(f"the answer has more than {MAX_TAGS} tags")
    if body.count(b"=") > MAX_ATTRIBUTES:  # each has one
        raise BadAnswer(f"the answer has more than {MAX_ATTRIBUTES} attributes")
    try:
        parser = XMLParser()
        parser.feed(body)
        root: Element = parser.close()
    except (ParseError, ValueError, LookupError) as error:  # the latter: an encoding that doesn't exist
        raise BadAnswer(f"the answer isn't whole XML: {error}") from error
    name = local(root)
    if name == "MTConnectError":
        raise _refusal(root)
    if name != kind:
        raise BadAnswer(f"expected an {kind} document, got <{shown(name)}>")
    return root


def local(element: Element) -> str:
    """Its name without the namespace."""
    return element.tag.rpartition("}")[2]


def children(element: Element, name: str) -> list[Element]:
    return [each for each in element if local(each) == name]


def read_header(root: Element) -> Header:
    """Raises BadAnswer. A devices document has no sequence numbers: they read 0."""
    headers = children(root, "Header")
    if not headers:
        raise BadAnswer("the answer has no Header")
    attributes = headers[0].attrib
    streams = local(root) == "MTConnectStreams"
    following = number(attributes.get("nextSequence"), "nextSequence") if streams else 0
    return Header(
        instance=number(attributes.get("instanceId"), "instanceId"),
        created=attributes.get("creationTime"),
        model_changed=attributes.get("deviceModelChangeTime"),
        first=number(attributes.get("firstSequence"), "firstSequence") if streams else 0,
        last=number(attributes.get("lastSequence", str(following - 1)), "lastSequence") if following else 0,
        next=following,
    )


def number(text: str | None, name: str) -> int:
    """An unsigned number of 64 bits. Raises BadAnswer."""
    if text is None or not re.fullmatch(r"[0-9]{1,20}", text):
        raise BadAnswer(f"{name}: expected a whole number, got {shown(text)!r}")
    return int(text)


def seconds(text: str | None) -> float | None:
    """UNIX seconds of a timestamp. None: it isn't one. Without a zone it is UTC; a duration may follow."""
    try:
        moment = datetime.fromisoformat((text or "").partition("@")[0])
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def shown(text: str | None) -> str:
    """A peer's text as a message may quote it."""
    line = " ".join((text or "").split())
    return line if len(line) <= SHOWN else line[: SHOWN - 2] + " …"


def _refusal(root: Element) -> Refused:
    errors = [(each.get("errorCode", ""), " ".join(each.itertext())) for each in root.iter() if each.get("errorCode")]
    said = shown("; ".join(f"{code}: {text}" for code, text in errors[:5]))
    return Refused(f"the agent answers {said or 'with an error'}", frozenset(code for code, _ in errors))
