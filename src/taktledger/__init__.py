"""Taktledger: an event-sourced production ledger for machine shops."""

import os
from importlib.metadata import version

# Where lxml is installed, openpyxl would read sheets with it, and that doesn't refuse what defusedxml does.
os.environ["OPENPYXL_LXML"] = "False"

__version__ = version("taktledger")
