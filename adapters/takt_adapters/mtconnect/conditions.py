"""The alarms of a device: what its conditions say, bounded."""

from collections.abc import Iterable

from takt_adapters.mtconnect.streams import MAX_LINE, Observation
from taktledger.domain.shop import ControlAlarm

MAX_ALARMS = 100
"""Of one device at once, so that who invents alarms fills no memory, and the parts are counted all the same. The first
are kept: they are what the others follow from."""


class Conditions:
    """Unavailable is unknown: what was active stays, until its data item says something new."""

    def __init__(self, items: Iterable[str], before: "Conditions | None" = None) -> None:
        """`items`: ids of the data items. `before`: what was known of them on an earlier connection stays known."""
        self._rank = {item: rank for rank, item in enumerate(items)}
        self._known: set[str] = set()
        self._ever_known: set[str] = set()
        self._active: dict[tuple[str, str], ControlAlarm] = {}
        """(data item, which of those that it may have at once) -> alarm."""
        if before is not None:
            self._known = before._known & self._rank.keys()
            self._ever_known = before._ever_known & self._rank.keys()
            self._active = {key: alarm for key, alarm in before._active.items() if key[0] in self}
        self._alarms: list[ControlAlarm] | None = None
        self._changed = True

    def __contains__(self, item: str) -> bool:
        return item in self._rank

    def doubt(self, items: Iterable[str]) -> None:
        """What these data items say next replaces what they said before."""
        self._known.difference_update(items)

    def take(self, each: Observation) -> None:
        if each.level not in ("Normal", "Warning", "Fault"):
            self._known.discard(each.item)
            return
        self._changed = True
        key = each.item, each.key
        if each.item not in self._known or (each.level == "Normal" and not each.key):
            self._active = {other: alarm for other, alarm in self._active.items() if other[0] != each.item}
        self._known.add(each.item)
        self._ever_known.add(each.item)
        if each.level == "Normal":
            self._active.pop(key, None)
        elif key in self._active or len(self._active) < MAX_ALARMS:
            self._active[key] = _alarm(each)

    def alarms(self) -> list[ControlAlarm] | None:
        """In the order of the device's data items, so that the same alarms are the same list. It is shared, and made
        anew only after a change. None: nobody knows."""
        if self._changed:
            keys = sorted(self._active, key=lambda key: (self._rank[key[0]], key[1]))
            self._alarms = [self._active[key] for key in keys] if self._ever_known else None
            self._changed = False
        return self._alarms


def _alarm(each: Observation) -> ControlAlarm:
    get = each.element.get
    kind = get("type") or each.level.upper()
    details = (each.level.upper(), get("qualifier"), get("nativeSeverity"))
    return ControlAlarm(
        alarm_code=(get("nativeCode") or kind)[:MAX_LINE],
        alarm_type=kind[:MAX_LINE],
        custom_message=each.text[:MAX_LINE] or None,
        info=", ".join(filter(None, details))[:MAX_LINE],
    )
