"""Taktledger: an event-sourced production ledger for machine shops."""

from importlib.metadata import version

__version__ = version("taktledger")
