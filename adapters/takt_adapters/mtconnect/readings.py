"""What `adapters check` shows of a device."""

from collections.abc import Iterable, Iterator

from takt_adapters.adapter import Reading
from takt_adapters.mtconnect.model import Model
from takt_adapters.mtconnect.state import Field, read
from takt_adapters.mtconnect.streams import UNAVAILABLE, Observation


def readings(model: Model, found: Iterable[Observation]) -> list[Reading]:
    """Every data item that is used, as it is now. The value of an alarm is whether it is on."""
    by_item: dict[str, list[Observation]] = {}
    for each in found:
        by_item.setdefault(each.item, []).append(each)
    return [*_values(model, by_item), *_conditions(model, by_item)]


def _values(model: Model, by_item: dict[str, list[Observation]]) -> Iterator[Reading]:
    if model.availability is not None:
        text = _text(by_item, model.availability)
        yield Reading("availability", model.availability, text, text not in (UNAVAILABLE, ""))
    named: list[tuple[str, Field, str]] = [(name, name, item.id) for name, item in model.fields.items()]
    named += [(f"variable {number}", number, item.id) for number, item in sorted(model.variables.items())]
    for name, field, item in named:
        text = _text(by_item, item)
        try:
            yield Reading(name, item, text, read(field, text))
        except ValueError as error:
            yield Reading(name, item, text, None, f"expected {error}")
    for name, unusable in model.unusable.items():
        why = "it says 1 for each part instead of counting them (discrete), and can't be used"
        yield Reading(name, unusable.id, _text(by_item, unusable.id), None, why)


def _conditions(model: Model, by_item: dict[str, list[Observation]]) -> Iterator[Reading]:
    for item in model.conditions.values():
        said = by_item.get(item.id, [])
        raw = "; ".join(" ".join(filter(None, (each.level.upper(), each.key, each.text))) for each in said)
        known = [each for each in said if each.level in ("Normal", "Warning", "Fault")]
        is_on = any(each.level != "Normal" for each in known) if known else None
        yield Reading(f"alarm {item.type}", item.id, raw, is_on)


def _text(by_item: dict[str, list[Observation]], item: str) -> str:
    return " ".join(each.text for each in by_item.get(item, ()))
