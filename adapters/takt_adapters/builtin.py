"""The adapters there are: the built-in ones, and those of other packages."""

from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import entry_points

from takt_adapters.adapter import Adapter, AdapterKind
from takt_adapters.modbus import MODBUS
from takt_adapters.mtconnect import MTCONNECT
from takt_adapters.opcua import OPCUA
from taktledger.config import MachineConfig

BUILT_IN: tuple[AdapterKind, ...] = (MODBUS, MTCONNECT, OPCUA)


def installed_adapters() -> dict[str, AdapterKind]:
    """By name. A built-in adapter can't be replaced."""
    others: list[AdapterKind] = [each.load() for each in entry_points(group="taktledger.adapters")]
    return {kind.name: kind for kind in (*others, *BUILT_IN)}


def make_adapters(
    machines: Iterable[MachineConfig], kinds: Mapping[str, AdapterKind], clock: Callable[[], float]
) -> dict[str, Adapter]:
    """An adapter for each machine, by its name."""
    by_kind: dict[str, list[MachineConfig]] = {}
    for machine in machines:
        by_kind.setdefault(machine.adapter, []).append(machine)
    made: dict[str, Adapter] = {}
    for kind, alike in by_kind.items():
        adapters = kinds[kind].make([machine.settings for machine in alike], clock)
        made.update(zip([machine.name for machine in alike], adapters, strict=True))
    return made
