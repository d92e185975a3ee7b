"""The adapters there are: the built-in ones, and those of other packages."""

from importlib.metadata import entry_points

from takt_adapters.adapter import AdapterKind
from takt_adapters.modbus import MODBUS

BUILT_IN: tuple[AdapterKind, ...] = (MODBUS,)


def installed_adapters() -> dict[str, AdapterKind]:
    """By name. A built-in adapter can't be replaced."""
    others: list[AdapterKind] = [each.load() for each in entry_points(group="taktledger.adapters")]
    return {kind.name: kind for kind in (*others, *BUILT_IN)}
