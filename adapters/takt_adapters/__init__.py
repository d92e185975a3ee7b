"""The edge: adapters that turn machines into updates, and what carries the facts to the ledger."""
