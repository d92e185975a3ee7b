"""Modbus/TCP."""
