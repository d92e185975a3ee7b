"""What a probe says of a device: which of its data items is which field of a machine update."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple
from xml.etree.ElementTree import Element

from takt_adapters.adapter import AdapterError
from takt_adapters.mtconnect.documents import children, local, shown

IN_PATH, IN_CONTROLLER, OF_DEVICE, ELSEWHERE, IN_OTHER_PATH = range(5)
"""Where a data item is, the best place first."""
NAMES_SHOWN = 20


class Item(NamedTuple):
    """A data item as the probe describes it."""

    id: str
    name: str | None
    category: str
    type: str
    sub_type: str | None
    representation: str
    discrete: bool
    """Each report is an occurrence of its own, such as one part: not a value that stands until the next."""
    place: int


class Kind(NamedTuple):
    """Data items that a field can come from."""

    type: str
    sub_types: tuple[str | None, ...] = (None,)
    """The best one first. Others are never taken."""
    category: str = "EVENT"


FIELDS: Mapping[str, tuple[Kind, ...]] = {
    # No subType is ALL by the standard. TARGET, REMAINING, BAD and the like don't count finished cycles.
    "part_count": (Kind("PART_COUNT", ("ALL", None, "COMPLETE", "GOOD")),),
    "cycle_state": (Kind("EXECUTION"),),
    "estopped": (Kind("EMERGENCY_STOP"),),
    # MAIN is what makes the part; ACTIVE follows every call of a subprogram; SCHEDULE only says what runs when.
    "program_name": (Kind("PROGRAM", ("MAIN", None, "ACTIVE")),),
    # The second form is that of versions before 1.3. RAPID and JOG are other switches.
    "feed_rate_override": (
        Kind("PATH_FEEDRATE_OVERRIDE", ("PROGRAMMED", None)),
        Kind("PATH_FEEDRATE", ("OVERRIDE",), "SAMPLE"),
    ),
    "active_tool": (Kind("TOOL_NUMBER"), Kind("TOOL_ASSET_ID"), Kind("TOOL_ID")),
}
"""Field of the machine update -> what it is read from, the best one first."""


class Model(NamedTuple):
    """A device, and what is read of it."""

    segment: str
    """What the agent calls it in addresses."""
    name: str | None
    uuid: str | None
    fields: dict[str, Item]
    variables: dict[int, Item]
    conditions: dict[str, Item]
    """By id."""
    availability: str | None
    """Id of its data item."""
    unusable: dict[str, Item]
    """Fields for which there is a data item that can't be used."""


def devices(root: Element) -> list[Element]:
    """Those of a probe. The agent, which since 1.7 is there as a device too, is left out."""
    return [each for group in children(root, "Devices") for each in children(group, "Device")]


def choose_device(found: list[Element], wanted: str | None) -> Element:
    """Raises AdapterError, which names the devices that there are."""
    matching = found
    if wanted is not None:
        by_key = ([each for each in found if each.get(key) == wanted] for key in ("name", "uuid", "id"))
        matching = next(filter(None, by_key), [])
    if len(matching) == 1:
        return matching[0]
    there = f"it has {_listed(each.get('name') or each.get('uuid') or each.get('id') for each in found)}"
    if wanted is None:
        raise AdapterError(f"the agent has {len(found)} devices: the setting device must name one; {there}")
    raise AdapterError(f'the agent has {"more than one" if matching else "no"} device "{wanted}"; {there}')


def read_model(device: Element, path: str | None, variables: Mapping[int, str]) -> Model:
    """Raises AdapterError if the path or a variable isn't there."""
    segment = device.get("name") or device.get("uuid") or device.get("id")
    if not segment:
        raise AdapterError("the device has no name, uuid or id")
    items = _items(device, path)
    fields = {name: item for name in FIELDS if (item := _best(name, items)) is not None}
    return Model(
        segment=segment,
        name=device.get("name"),
        uuid=device.get("uuid"),
        fields={name: item for name, item in fields.items() if not _unusable(name, item)},
        variables={variable: _variable(variable, wanted, items) for variable, wanted in variables.items()},
        conditions={item.id: item for item in items if item.category == "CONDITION"},
        availability=next((each.id for each in items if each.type == "AVAILABILITY" and each.place == OF_DEVICE), None),
        unusable={name: item for name, item in fields.items() if _unusable(name, item)},
    )


class _Found(NamedTuple):
    item: Element
    controller: Element | None
    path: Element | None
    direct: bool
    """Of the device itself."""


def _walk(device: Element) -> Iterator[_Found]:
    """Every data item in the order of the document, and every Path with its Controller, as an item of its own."""
    todo: list[tuple[Element, Element | None, Element | None, int]] = [(device, None, None, 0)]
    while todo:
        element, controller, path, depth = todo.pop()
        match local(element):
            case "DataItem":
                yield _Found(element, controller, path, depth == 2)
                continue
            case "Controller":
                controller = element
            case "Path":
                path = element
                yield _Found(element, controller, path, False)
        todo.extend((each, controller, path, depth + 1) for each in reversed(element))


def _items(device: Element, wanted: str | None) -> list[Item]:
    """All data items, those of the best place first."""
    found = list(_walk(device))
    paths = [each for each in found if each.item is each.path]
    if wanted is not None:
        named = [each for each in paths if wanted in (each.item.get("name"), each.item.get("id"))]
        if not named:
            names = _listed(each.item.get("name") or each.item.get("id") for each in paths)
            raise AdapterError(f'the device has no path "{wanted}"; it has {names}')
        paths = named
    path = paths[0].path if paths else None
    controllers = [each.controller for each in found if each.controller is not None]
    controller = paths[0].controller if paths else next(iter(controllers), None)
    items = []
    for each in found:
        if each.item is each.path:
            continue
        if each.path is not None:
            place = IN_PATH if each.path is path else IN_OTHER_PATH
        elif each.controller is not None and each.controller is controller:
            place = IN_CONTROLLER
        else:
            place = OF_DEVICE if each.direct else ELSEWHERE
        if item := _item(each.item, place):
            items.append(item)
    return sorted(items, key=lambda item: item.place)


def _item(element: Element, place: int) -> Item | None:
    get = element.get
    if not (id := get("id")):
        return None
    representation = get("representation") or "VALUE"
    return Item(
        id=id,
        name=get("name"),
        category=get("category", ""),
        type=get("type", ""),
        sub_type=get("subType") or None,
        representation=representation,
        discrete=representation == "DISCRETE" or get("discrete") in ("true", "1"),
        place=place,
    )


def _best(field: str, items: Iterable[Item]) -> Item | None:
    """Kinds first, then places, then subtypes; and one that can be used before one that can't."""
    ranked = [
        ((_unusable(field, item), rank, item.place, kind.sub_types.index(item.sub_type)), item)
        for rank, kind in enumerate(FIELDS[field])
        for item in items
        if (item.type, item.category) == (kind.type, kind.category)
        and item.sub_type in kind.sub_types
        and item.representation in ("VALUE", "DISCRETE")
        and item.place != IN_OTHER_PATH
    ]
    return min(ranked, key=lambda each: each[0])[1] if ranked else None


def _unusable(field: str, item: Item) -> bool:
    """A part count of which each report is one part isn't a counter: what is missed of it could never be known."""
    return field == "part_count" and item.discrete


def _variable(variable: int, wanted: str, items: list[Item]) -> Item:
    matching = [each for each in items if each.id == wanted] or [each for each in items if each.name == wanted]
    if not matching:
        raise AdapterError(f'variable {variable}: the device has no data item "{wanted}"')
    item = matching[0]
    if item.category == "CONDITION" or item.representation not in ("VALUE", "DISCRETE"):
        raise AdapterError(f'variable {variable}: data item "{wanted}" is no single value')
    return item


def _listed(names: Iterable[str | None]) -> str:
    known = [f'"{shown(name)}"' for name in names if name]
    more = f" and {len(known) - NAMES_SHOWN} more" if len(known) > NAMES_SHOWN else ""
    return (", ".join(known[:NAMES_SHOWN]) or "none") + more
