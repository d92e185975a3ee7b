"""The `shop.toml` of the simulated shop floor."""

from collections.abc import Callable, Iterator, Mapping

from taktledger.demo.machines import MACHINES
from taktledger.demo.servers.modbus import registers
from taktledger.demo.servers.mtconnect import items
from taktledger.demo.servers.opcua import nodes
from taktledger.demo.specs import MachineSpec, Protocol

POLL_SECONDS = 0.5
SETTINGS: dict[Protocol, Callable[[MachineSpec, int], Iterator[str]]] = {
    "modbus": registers.settings,
    "opcua": nodes.settings,
    "mtconnect": items.settings,
}


def shop_toml(ports: Mapping[str, int]) -> str:
    """The `shop.toml` for the controls that listen at these ports of this computer. `ports`: by source name."""
    return "\n".join(_machine(each, ports[each.source_name]) for each in MACHINES if each.source_name in ports)


def _machine(machine: MachineSpec, port: int) -> str:
    head = ("[[machine]]", f'name = "{machine.source_name}"', f'adapter = "{machine.protocol}"')
    return "\n".join([*head, f"poll_seconds = {POLL_SECONDS}", *SETTINGS[machine.protocol](machine, port)]) + "\n"
