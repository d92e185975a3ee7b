"""The documents of an MTConnect agent with one device, in version 2.2 of the standard."""

from collections.abc import Iterable, Sequence
from typing import Literal
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from msgspec import Struct

from taktledger.demo.servers.mtconnect.buffer import Buffer, Observation
from taktledger.demo.servers.mtconnect.items import NORMAL, UNAVAILABLE, ComponentSpec, ItemSpec, device_uuid
from taktledger.demo.specs import AlarmSpec, MachineSpec

VERSION = "2.2"
CONTAINERS = {"SAMPLE": "Samples", "EVENT": "Events", "CONDITION": "Condition"}
Kind = Literal["Devices", "Streams", "Error"]


class Sender(Struct, frozen=True, kw_only=True):
    """Who makes the documents."""

    machine: MachineSpec
    items: tuple[ItemSpec, ...]
    instance_id: int
    started_at: str

    @property
    def uuid(self) -> str:
        return device_uuid(self.machine)


def devices(sender: Sender, buffer: Buffer, now: str) -> bytes:
    """The answer to `probe`."""
    root = _document("Devices", sender, buffer, now, assetBufferSize=0, assetCount=0)
    machine = sender.machine
    attributes = {"id": "device", "name": machine.source_name, "uuid": sender.uuid}
    device = SubElement(SubElement(root, "Devices"), "Device", attributes)
    SubElement(device, "Description").text = machine.description
    _data_items(device, sender.items, None)
    elements: dict[ComponentSpec | None, Element] = {None: device}
    for component in _components(sender.items):
        parent = elements[component.parent]
        inside = parent.find("Components")
        inside = SubElement(parent, "Components") if inside is None else inside
        made = SubElement(inside, component.type, id=component.id, name=component.name)
        _data_items(made, sender.items, component)
        elements[component] = made
    return _text(root)


def streams(sender: Sender, buffer: Buffer, observations: Iterable[Observation], next_sequence: int, now: str) -> bytes:
    """The answer to `current` and `sample`. `next_sequence`: from which one it goes on."""
    numbers = {"nextSequence": next_sequence, "firstSequence": buffer.first, "lastSequence": buffer.last}
    root = _document("Streams", sender, buffer, now, **numbers)
    stream = SubElement(SubElement(root, "Streams"), "DeviceStream", name=sender.machine.source_name, uuid=sender.uuid)
    containers: dict[tuple[str, str], Element] = {}
    components: dict[str, Element] = {}
    for each in sorted(observations):
        kind, component_id, name = _place(each.item.component, sender)
        if component_id not in components:
            attributes = {"component": kind, "componentId": component_id, "name": name}
            components[component_id] = SubElement(stream, "ComponentStream", attributes)
        key = component_id, CONTAINERS[each.item.category]
        if key not in containers:
            containers[key] = SubElement(components[component_id], key[1])
        _observation(containers[key], each)
    return _text(root)


def error(sender: Sender, buffer: Buffer, code: str, message: str, now: str) -> bytes:
    root = _document("Error", sender, buffer, now)
    SubElement(SubElement(root, "Errors"), "Error", errorCode=code).text = message
    return _text(root)


def _document(kind: Kind, sender: Sender, buffer: Buffer, now: str, **more: int) -> Element:
    root = Element(f"MTConnect{kind}", xmlns=f"urn:mtconnect.org:MTConnect{kind}:{VERSION}")
    header = {
        "creationTime": now,
        "sender": "taktledger-demo",
        "instanceId": str(sender.instance_id),
        "version": VERSION,
        "deviceModelChangeTime": sender.started_at,
        "bufferSize": str(buffer.size),
    }
    SubElement(root, "Header", header | {name: str(number) for name, number in more.items()})
    return root


def _components(items: Iterable[ItemSpec]) -> list[ComponentSpec]:
    """Each of them once, after the one that it is in."""
    found: dict[ComponentSpec, None] = {}
    for item in items:
        path = []
        component = item.component
        while component is not None:
            path.append(component)
            component = component.parent
        found.update(dict.fromkeys(reversed(path)))
    return list(found)


def _data_items(parent: Element, items: Sequence[ItemSpec], component: ComponentSpec | None) -> None:
    own = [item for item in items if item.component == component]
    made = SubElement(parent, "DataItems") if own else parent
    for item in own:
        more = {"subType": item.sub_type, "units": item.units, "nativeUnits": item.units}
        attributes = {"id": item.id, "category": item.category, "type": item.type}
        SubElement(made, "DataItem", attributes | {key: text for key, text in more.items() if text is not None})


def _place(component: ComponentSpec | None, sender: Sender) -> tuple[str, str, str]:
    """Type, ID and name."""
    if component is None:
        return "Device", "device", sender.machine.source_name
    return component.type, component.id, component.name


def _observation(parent: Element, each: Observation) -> None:
    attributes = {"dataItemId": each.item.id, "timestamp": each.timestamp, "sequence": str(each.sequence)}
    if each.item.category == "CONDITION":
        _condition(parent, each, attributes | {"type": each.item.type})
        return
    if each.item.sub_type is not None:
        attributes["subType"] = each.item.sub_type
    SubElement(parent, each.item.element, attributes).text = str(each.value)


def _condition(parent: Element, each: Observation, attributes: dict[str, str]) -> None:
    match each.value:
        case AlarmSpec() as alarm:
            attributes |= {"nativeCode": alarm.code, "conditionId": alarm.code}
            SubElement(parent, "Fault", attributes).text = alarm.text
        case word:
            SubElement(parent, {NORMAL: "Normal", UNAVAILABLE: "Unavailable"}[word], attributes)


def _text(root: Element) -> bytes:
    text: bytes = ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return text
