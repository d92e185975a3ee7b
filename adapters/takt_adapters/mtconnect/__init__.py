"""MTConnect (`README.md`)."""

from takt_adapters.adapter import AdapterKind
from takt_adapters.mtconnect.mtconnect import make
from takt_adapters.mtconnect.settings import MtconnectSettings

MTCONNECT = AdapterKind("mtconnect", MtconnectSettings, make)
