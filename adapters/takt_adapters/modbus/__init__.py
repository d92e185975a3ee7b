"""Modbus TCP (`README.md`)."""

from takt_adapters.adapter import AdapterKind
from takt_adapters.modbus.modbus import ModbusAdapter
from takt_adapters.modbus.settings import ModbusSettings

MODBUS = AdapterKind("modbus", ModbusSettings, ModbusAdapter)
