"""Holds: keeping machines from running, by hand, by calendar, by worn tool (`docs/holds.md`)."""
