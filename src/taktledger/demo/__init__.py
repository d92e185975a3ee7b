"""The simulated shop floor."""
