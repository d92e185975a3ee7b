"""MTConnect."""
