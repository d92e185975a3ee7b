"""What the API answers: JSON documents, encoded once and sent often.

One document per object, with the object's own fields only; what embeds others joins their bytes. After each group the
documents of what it changed are dropped, and every list that they were in.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar, cast

import msgspec
from litestar import Response
from litestar.connection import Request
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from takt_projections.current import ReadModels
from takt_projections.model import Loaded
from takt_projections.options import zone as local_zone
from takt_projections.production import midnight
from taktledger.domain.errors import NotFound
from taktledger.domain.shop import Touched
from taktledger.ledger.writer import Answer

DocumentT = TypeVar("DocumentT")
KEPT_LISTS = 64
"""Beyond that many different ones are not asked for again and again."""
NOT_MODIFIED = 304


class Document(Response[DocumentT]):
    """Encoded JSON and its ETag, `"REVISION-DIGEST"`: how often people changed the object, and the bytes themselves.

    `If-None-Match` goes by the whole of it, `If-Match` by the revision (`writing.py`): what a machine reports while
    somebody edits is no conflict.
    """

    __slots__ = ("_headers", "body", "replayed", "revision", "status")

    def __init__(self, body: bytes, revision: int = 0, status: int = 200, replayed: bool = False) -> None:
        super().__init__(cast(DocumentT, None), status_code=status)
        self.body = body
        self.revision = revision
        self.status = status
        self.replayed = replayed
        self._headers: list[tuple[bytes, bytes]] = []

    @property
    def etag(self) -> str:
        return f'"{self.revision}-{hashlib.sha256(self.body).hexdigest()[:16]}"'

    def answering(self, answer: Answer) -> "Document[DocumentT]":
        """The same, as the answer to a command."""
        return Document(self.body, self.revision, answer.status, answer.replayed)

    def to_asgi_response(self, app: Any, request: Request[Any, Any, Any], **_: Any) -> ASGIApp:  # type: ignore[override]
        """Sent as it is: the plain way through Litestar's response classes takes longer than all the rest of a GET."""
        return self._send

    async def _send(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._headers:
            self._headers = [(b"content-type", b"application/json"), (b"etag", self.etag.encode())]
            if self.replayed:
                self._headers.append((b"idempotency-replayed", b"true"))
            self._headers.append((b"content-length", str(len(self.body)).encode()))
        start: dict[str, Any] = {"type": "http.response.start", "status": self.status, "headers": self._headers}
        body = self.body
        if self.status == 200 and scope["method"] == "GET" and is_known(scope, self._headers[1][1]):  # type: ignore[typeddict-item]
            start |= {"status": NOT_MODIFIED, "headers": self._headers[1:-1]}
            body = b""
        await send(cast(Message, start))
        await send({"type": "http.response.body", "body": body, "more_body": False})


def is_known(scope: Scope, etag: bytes) -> bool:
    """Whether `If-None-Match` names this one. (Compared weakly, RFC 9110, 13.1.2.)"""
    for name, value in scope["headers"]:
        if name == b"if-none-match":
            return value.strip() == b"*" or etag in [each.strip().removeprefix(b"W/") for each in value.split(b",")]
    return False


encode = msgspec.json.Encoder().encode


def document(content: DocumentT, revision: int = 0) -> Document[DocumentT]:
    """One that is not kept, since it is another each time."""
    return Document(encode(content), revision)


def object_of(**fields: bytes) -> bytes:
    """A JSON object of values that are JSON already."""
    return b"{%s}" % b",".join([b'"%s":%s' % (name.encode(), value) for name, value in fields.items()])


def with_fields(body: bytes, **fields: bytes) -> bytes:
    """A JSON object with more fields at its end."""
    return b"%s,%s" % (body[:-1], object_of(**fields)[1:]) if fields else body


def map_of(bodies: Iterable[tuple[int, bytes]]) -> bytes:
    """`{"1": …, "2": …}`"""
    return b"{%s}" % b",".join([b'"%d":%s' % each for each in bodies])


def list_of(bodies: Iterable[tuple[int, bytes]]) -> bytes:
    """`[…, …]`"""
    return b"[%s]" % b",".join([body for _, body in bodies])


class Noun(NamedTuple):
    """A kind of object."""

    touched: str
    """The set in `Shop.touched` that says which of them changed; also their table."""
    singular: str
    load: Callable[..., Iterator[Loaded]]
    """`load(db, ids)`; with `daily`, `load(db, ids, now)`."""
    daily: bool = False
    """It counts days: with every local day it is another."""
    worn: Callable[[sqlite3.Connection, Collection[int]], Collection[int]] | None = None
    """`worn(db, process_ids)`: those that change when these processes make parts."""


class Documents:
    """The documents of a running server."""

    def __init__(self, rows: ReadModels, clock: Callable[[], float]) -> None:
        self._rows = rows
        self._clock = clock
        self._day_ends = 0.0
        """UNIX seconds; 0: look at the time zone again."""
        self._objects: dict[Noun, dict[int, Document[Any]]] = {}
        self._lists: dict[tuple[Any, ...], tuple[frozenset[str], Document[Any]]] = {}
        self.encoded = 0
        """Objects encoded since the start."""

    def one(self, noun: Noun, object_id: int) -> Document[Any]:
        """Raises NotFound."""
        self._begin_day()
        found = self._objects.get(noun, {}).get(object_id)
        if found is None:
            self._load(noun, [object_id])
            found = self._objects[noun].get(object_id)
            if found is None:
                raise NotFound(f"there is no {noun.singular} {object_id}")
        return found

    def exists(self, noun: Noun, object_id: int) -> bool:
        try:
            self.one(noun, object_id)
        except NotFound:
            return False
        return True

    def bodies(self, noun: Noun, ids: Sequence[int]) -> list[tuple[int, bytes]]:
        """ID and document of each that exists, in the order of the IDs given."""
        self._begin_day()
        kept = self._objects.setdefault(noun, {})
        if missing := [each for each in ids if each not in kept]:
            self._load(noun, missing)
        return [(each, kept[each].body) for each in ids if each in kept]

    def kept(self, nouns: Iterable[Noun], key: tuple[Any, ...], make: Callable[[], bytes]) -> Document[Any]:
        """A list, kept until one of these nouns changes. `key`: what was asked for."""
        self._begin_day()
        found = self._lists.get(key)
        if found is None:
            if len(self._lists) >= KEPT_LISTS:
                del self._lists[next(iter(self._lists))]
            found = self._lists[key] = frozenset(each.touched for each in nouns), Document(make())
        return found[1]

    def committed(self, touched: Touched) -> None:
        """Drops what a group changed."""
        changed: dict[str, Collection[int]] = {
            name: ids for name in touched.__struct_fields__ if (ids := getattr(touched, name))
        }
        if not changed:
            return
        for noun, kept in self._objects.items():
            for each in changed.get(noun.touched, ()):
                kept.pop(each, None)
            if noun.worn is not None and touched.worn:
                for each in noun.worn(self._rows.db, touched.worn):
                    kept.pop(each, None)
                changed.setdefault(noun.touched, ())
        for key, (depends, _) in list(self._lists.items()):
            if not depends.isdisjoint(changed):
                del self._lists[key]

    def forget_day(self) -> None:
        """The time zone is another: days are."""
        self._day_ends = 0.0

    def _begin_day(self) -> None:
        """What counts days is another from midnight on."""
        now = self._clock()
        if now < self._day_ends:
            return
        zone = local_zone(self._rows.db)
        self._day_ends = midnight(datetime.fromtimestamp(now, zone).date() + timedelta(days=1), zone)
        daily = {noun.touched for noun in self._objects if noun.daily}
        for noun, kept in self._objects.items():
            if noun.daily:
                kept.clear()
        for key, (depends, _) in list(self._lists.items()):
            if not depends.isdisjoint(daily):
                del self._lists[key]

    def clear(self) -> None:
        """The rows are others now."""
        self._objects.clear()
        self._lists.clear()
        self._day_ends = 0.0

    def _load(self, noun: Noun, ids: Sequence[int]) -> None:
        kept = self._objects.setdefault(noun, {})
        for each in noun.load(self._rows.db, ids, *([self._clock()] if noun.daily else [])):
            kept[each.id] = Document(encode(each.document), each.revision)
            self.encoded += 1
