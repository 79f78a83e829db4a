"""The words for what a delivery and an attempt are in. Pure."""

from __future__ import annotations

from typing import Final

# Deliveries: owed and due at a time, arrived, given up, owed and held back.
PENDING: Final = "pending"
DELIVERED: Final = "delivered"
DEAD: Final = "dead"
HELD: Final = "held"
DELIVERY_STATES: Final = (PENDING, DELIVERED, DEAD, HELD)

# Attempts: under way, answered with 2xx, not so, and ended with the worker that made it.
STARTED: Final = "started"
SUCCESS: Final = "success"
FAILED: Final = "failed"
LOST: Final = "lost"

# What owners read of an attempt that nobody has ended.
LOST_REASON: Final = "The worker died during this attempt, or could not record what came of it."
