"""The organisation itself: its name, its address, and what it asks of its members."""
