"""Observations out of a streams document: those of one device, in the order in which the agent got them."""

from collections.abc import Container, Iterable, Iterator
from typing import NamedTuple
from xml.etree.ElementTree import Element

from takt_adapters.adapter import BadAnswer
from takt_adapters.mtconnect.documents import children, local, number, shown
from takt_adapters.mtconnect.model import Model

UNAVAILABLE = "UNAVAILABLE"
MAX_LINE = 500
"""Characters of a text, as the ledger takes them."""


class Observation(NamedTuple):
    """What was said about one data item."""

    sequence: int
    item: str
    """Id of the data item."""
    timestamp: str
    """By whose clock is up to the agent."""
    text: str
    level: str
    """Of a condition: Normal, Warning, Fault or Unavailable. The element's name of everything else."""
    element: Element

    @property
    def key(self) -> str:
        """Of a condition: which of those that one data item may have at once. "": its only one, or all of them."""
        return (self.element.get("conditionId") or self.element.get("nativeCode") or "")[:MAX_LINE]


def observations(root: Element, model: Model, wanted: Container[str]) -> list[Observation]:
    """Those of the wanted data items, each sequence number once. Raises BadAnswer."""
    found: dict[int, Observation] = {}
    for streams in children(root, "Streams"):
        for device in children(streams, "DeviceStream"):
            if _is_ours(device, model):
                for element in _elements(device):
                    item = element.get("dataItemId")
                    if item is not None and item in wanted:
                        each = _observation(element, item)
                        found.setdefault(each.sequence, each)
    return [found[sequence] for sequence in sorted(found)]


def is_there(root: Element, model: Model) -> bool:
    """Whether the document has anything of the device."""
    return any(_is_ours(each, model) for streams in children(root, "Streams") for each in streams)


def moments(found: Iterable[Observation]) -> Iterator[list[Observation]]:
    """What was said at once: neighbours with the same timestamp, no data item twice (but for conditions)."""
    group: list[Observation] = []
    seen: set[str] = set()
    for each in found:
        is_condition = each.level in ("Normal", "Warning", "Fault", "Unavailable")
        if group and (each.timestamp != group[0].timestamp or (each.item in seen and not is_condition)):
            yield group
            group, seen = [], set()
        group.append(each)
        seen.add(each.item)
    if group:
        yield group


def _is_ours(device: Element, model: Model) -> bool:
    """An uuid can change while the agent runs, and names are optional: one of them does."""
    return any(
        ours is not None and ours == theirs
        for ours, theirs in ((model.name, device.get("name")), (model.uuid, device.get("uuid")))
    ) or (model.name is None and model.uuid is None)


def _elements(device: Element) -> Iterator[Element]:
    for component in device:
        for category in component:
            yield from category


def _observation(element: Element, item: str) -> Observation:
    try:
        sequence = number(element.get("sequence"), "sequence")
    except BadAnswer as error:
        raise BadAnswer(f"data item {shown(item)}: {error}") from error
    return Observation(
        sequence=sequence,
        item=item,
        timestamp=element.get("timestamp", ""),
        text="".join(element.itertext()).strip(),
        level=local(element),
        element=element,
    )
