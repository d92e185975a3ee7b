"""The inventory: items, and the points where they are kept (`docs/inventory.md`)."""

from taktledger.domain.inventory.stock import give_back, stock_of, take

__all__ = ["give_back", "stock_of", "take"]
