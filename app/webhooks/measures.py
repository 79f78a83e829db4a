"""Counts attempts for ``/metrics``, in Valkey, where the counts of all workers come together.

One hash holds all counts. It is an aid for whoever watches and no record: a counter that begins anew, because the
hash was lost, is what Prometheus expects of any counter.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from redis.exceptions import RedisError

from app.webhooks.queue import connect
from app.webhooks.states import FAILED, LOST, SUCCESS

logger = logging.getLogger(__name__)

# The upper bounds of the histograms' buckets, in seconds. An attempt may take 15; a first attempt may have to wait.
ATTEMPT_BUCKETS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0)
WAIT_BUCKETS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
OUTCOMES: Final = (SUCCESS, FAILED, LOST)
# The words that an attempt's error can be. Any other is counted as the last of them: each makes a series of its own.
NO_REASON: Final = "none"
WORKER_DIED: Final = "worker_died"
OTHER_REASON: Final = "other"
REASONS: Final = (
    NO_REASON, "blocked", "bad_response", "connection_error", "dns_error", "http_status", "internal_error", "redirect",
    "secret_unreadable", "timeout", "tls_error", WORKER_DIED, OTHER_REASON,
)  # fmt: skip

_KEY: Final = "slipway:measures"
_ATTEMPTS, _DURATION, _WAIT = "attempts", "duration", "wait"
_SUM: Final = "microseconds"
_COUNT = re.compile(r"[0-9]{1,19}\Z")
# After a failure nobody tries for a while, so that recording outcomes does not become slow with the queue.
_BREAK_SECONDS = 1.0


class Measurement(NamedTuple):
    """One attempt that is over. ``reason`` is its error's word, if it has one; ``seconds`` is how long it took.

    ``waited_seconds`` is how long its delivery had been owed when its first attempt began, and None for all others.
    """

    outcome: str
    reason: str | None
    seconds: float | None
    waited_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Histogram:
    """Observations by size: ``counts`` by the bucket that each fell into, the last for what was above all bounds."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    sum_seconds: float


@dataclass(frozen=True, slots=True)
class Readings:
    """What was counted: ``attempts`` by outcome and reason, how long they took, and how long first ones waited."""

    attempts: Mapping[tuple[str, str], int]
    durations: Histogram
    waits: Histogram


class Measures:
    """The counts. Never raises: while Valkey is away, what is counted is kept here and added when it is back."""

    def __init__(self, redis_url: str) -> None:
        self._redis = connect(redis_url)
        self._broken_until = 0.0
        # There are only so many names, so that it does not grow however long the outage.
        self._unsent: Counter[str] = Counter()
        self._lock = threading.Lock()

    def count(self, measurements: Iterable[Measurement]) -> None:
        """Counts attempts that are over, all of them in one round trip."""
        with self._lock:
            for measurement in measurements:
                for name, amount in _list_increments(measurement):
                    self._unsent[name] += amount
            if not self._unsent or time.monotonic() < self._broken_until:
                return
            try:
                # As one transaction, so that no reader sees a histogram's sum without its buckets.
                with self._redis.pipeline(transaction=True) as pipeline:
                    for name, amount in self._unsent.items():
                        pipeline.hincrby(_KEY, name, amount)
                    pipeline.execute()
            except (RedisError, OSError) as error:
                self._broken_until = time.monotonic() + _BREAK_SECONDS
                logger.warning("attempts are counted later: Valkey cannot be reached", extra={"error": str(error)})
            else:
                self._unsent.clear()

    def read(self) -> Readings | None:
        """Gives what all processes counted, None if Valkey cannot be read: that is not the same as nothing."""
        try:
            found = self._redis.hgetall(_KEY)
        except (RedisError, OSError):
            return None
        counts = {_to_text(name): _parse_count(_to_text(value)) for name, value in found.items()}
        attempts = {
            (outcome, reason): value
            for outcome in OUTCOMES
            for reason in REASONS
            if (value := counts.get(f"{_ATTEMPTS}:{outcome}:{reason}"))
        }
        durations = _read_histogram(counts, _DURATION, ATTEMPT_BUCKETS)
        return Readings(attempts, durations, _read_histogram(counts, _WAIT, WAIT_BUCKETS))


def _list_increments(measurement: Measurement) -> Iterator[tuple[str, int]]:
    reason = measurement.reason or NO_REASON
    word = reason if reason in REASONS else OTHER_REASON
    yield f"{_ATTEMPTS}:{measurement.outcome}:{word}", 1
    if measurement.seconds is not None:
        yield from _observe(_DURATION, ATTEMPT_BUCKETS, measurement.seconds)
    if measurement.waited_seconds is not None:
        yield from _observe(_WAIT, WAIT_BUCKETS, measurement.waited_seconds)


def _observe(name: str, bounds: tuple[float, ...], seconds: float) -> Iterator[tuple[str, int]]:
    # A bound belongs to its bucket (Prometheus' ``le``), which is where bisect_left puts it. A clock that was set back
    # must not let a sum fall, hence no time below zero.
    yield f"{name}:{bisect_left(bounds, seconds)}", 1
    if microseconds := max(0, round(seconds * 1_000_000)):
        yield f"{name}:{_SUM}", microseconds


def _read_histogram(counts: Mapping[str, int], name: str, bounds: tuple[float, ...]) -> Histogram:
    buckets = tuple(counts.get(f"{name}:{place}", 0) for place in range(len(bounds) + 1))
    return Histogram(bounds, buckets, counts.get(f"{name}:{_SUM}", 0) / 1_000_000)


def _to_text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode("utf-8", "replace")


def _parse_count(value: str) -> int:
    # Only HINCRBY writes here; whatever else stands there was put there by somebody else, and counts nothing.
    return int(value) if _COUNT.match(value) else 0
