"""What the figures in the README come from. Each is a ratio, taken in one run with what it is compared to."""
