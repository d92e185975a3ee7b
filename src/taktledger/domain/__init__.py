"""The meaning: what happens in a shop, as pure functions over plain values. No I/O, no clock, no database."""
