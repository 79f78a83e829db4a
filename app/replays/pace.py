"""How quickly a replay sends: by the ramp of what was held. Pure."""

from __future__ import annotations

import math
from typing import Final

from app.webhooks.rounds import RAMP

# What one step takes at most: at two steps a second it is the ramp's highest rate.
LARGEST_STEP: Final = 10
_STEP_SECONDS = 0.5


def size_step(queued_count: int, elapsed_seconds: float) -> int:
    """Takes how many a replay has queued and how long ago it began; gives how many it may queue now.

    A replay that had to wait, because its webhook was paused or Slipway was down, does not make up for that at once: a
    step takes no more than the ramp's rate at its place.
    """
    rate = next(rate for last, _, rate in RAMP if last is None or queued_count < last)
    largest = min(LARGEST_STEP, math.ceil(rate * _STEP_SECONDS))
    return max(0, min(largest, count_due(elapsed_seconds) - queued_count))


def count_due(elapsed_seconds: float) -> int:
    """Takes the seconds since the ramp began; gives how many are due by then, the first one at once."""
    last, begins_at = 0, 0.0
    for next_last, ends_at, rate in RAMP:
        if next_last is None or ends_at is None or elapsed_seconds < ends_at:
            count = (last or 1) + int(max(0.0, elapsed_seconds - begins_at) * rate)
            return count if next_last is None else min(count, next_last)
        last, begins_at = next_last, ends_at
    return last
