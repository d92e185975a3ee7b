"""Modbus TCP (`README.md`)."""

from takt_adapters.adapter import AdapterKind
from takt_adapters.modbus.modbus import make
from takt_adapters.modbus.settings import ModbusSettings

MODBUS = AdapterKind("modbus", ModbusSettings, make)
