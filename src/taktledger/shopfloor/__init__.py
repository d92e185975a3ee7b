"""What a control says, and the facts and events that follow from it."""
