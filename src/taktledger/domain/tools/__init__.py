"""Tools: what cuts, how long it lasts, and when it was replaced (`docs/tools.md`)."""
