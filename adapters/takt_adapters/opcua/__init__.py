"""OPC UA (`README.md`)."""

from collections.abc import Callable, Sequence

from takt_adapters.adapter import Adapter, AdapterKind
from takt_adapters.opcua.settings import OpcuaSettings


def make(settings: Sequence[OpcuaSettings], clock: Callable[[], float]) -> Sequence[Adapter]:
    """The adapters of these machines."""
    from takt_adapters.opcua.opcua import OpcuaAdapter  # asyncua is large, and most shops have other machines too

    return [OpcuaAdapter(each, clock) for each in settings]


OPCUA = AdapterKind("opcua", OpcuaSettings, make)
