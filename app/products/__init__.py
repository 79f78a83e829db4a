"""Products: what releases belong to."""
