"""The truth: the append-only store and its one writer."""
