"""The HTTP API: one Controller module per noun."""
