"""The read models: one module each, with its table, its fold and its queries."""
