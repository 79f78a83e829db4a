"""Deliveries a second and their latency, beside other ways to run the same job, in the same run."""

from __future__ import annotations

import os
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from flask_migrate import upgrade

from app import create_app
from tests.bench import comparators, drains, textbook
from tests.bench.drains import Latency
from tests.bench.receiving import Receivers
from tests.services import postgres_url, valkey
from tests.stack import Stack

RECEIVER_COUNT = 20
# At least so many times as fast as the better of those whose name begins so.
RATIOS = (("RQ SimpleWorker", 10.0), ("Celery", 4.0), ("Dramatiq", 1.5))
P50_LIMIT_MS, P99_LIMIT_MS = 100.0, 1000.0
# What else the machine does comes and goes; each has its turn in every round, so that it meets all alike.
_ROUNDS = 3
_OURS = "Slipway, one worker"
_INTRODUCTION = (
    f"A POST to one of {RECEIVER_COUNT} receivers on loopback, its outcome recorded in PostgreSQL (with fsync).",
    "Slipway: one worker process with its default settings, with guard, signature, deadline, leases and fencing.",
    "The others make the same POST as a textbook has it, one job for each, on the same Valkey: `requests` with",
    "sessions that are kept open, a signature, one SELECT, one UPDATE. All find a backlog; measured from the first",
    f"receipt until the last outcome is recorded, {_ROUNDS} times in turn; the median.",
)


@dataclass(frozen=True, slots=True)
class Result:
    """Deliveries a second of one worker of Slipway and, by name, of each other; and Slipway's latency."""

    ours: float
    others: Mapping[str, float]
    latency: Latency


def run() -> Result:
    """Measures everything on one PostgreSQL and one Valkey, one after the other."""
    found: dict[str, list[float]] = defaultdict(list)
    with _serve() as (environment, folder), Receivers(RECEIVER_COUNT) as receivers:
        app = create_app(environment)
        with app.app_context(), Stack(environment, folder) as stack:
            upgrade()
            latency = drains.measure_latency(app, stack, receivers)
            for _ in range(_ROUNDS):
                rate, body = drains.measure_drain(app, stack, receivers)
                found[_OURS].append(rate)
                for comparator in comparators.COMPARATORS:
                    found[comparator.name].append(comparators.measure(comparator, stack, receivers, body))
    medians = {name: statistics.median(rates) for name, rates in found.items()}
    return Result(medians.pop(_OURS), medians, latency)


@contextmanager
def _serve() -> Iterator[tuple[dict[str, str], Path]]:
    with postgres_url() as url, valkey() as queue, tempfile.TemporaryDirectory() as folder:
        environment = {
            "DATA_DIR": folder,
            "DATABASE_URL": url,
            "REDIS_URL": queue.url,
            "SECRET_KEY": "a-secret-key-that-only-the-benchmark-knows-01",
            "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
            "LOG_LEVEL": "WARNING",
        }
        theirs = textbook.build_environment(url, queue.url)
        # Enqueuing is done by this process, with the same settings as the workers'.
        os.environ |= theirs
        with psycopg.connect(theirs["TEXTBOOK_DATABASE_URL"], autocommit=True) as connection:
            connection.execute(textbook.TABLES)
        yield environment | theirs, Path(folder)


def format_report(result: Result) -> list[str]:
    """Gives the tables in Markdown, and what was aimed at."""
    latency = result.latency
    lines = [
        *_INTRODUCTION,
        "",
        "| what | deliveries/s | Slipway's, times that |",
        "| --- | ---: | ---: |",
        f"| {_OURS} | {result.ours:,.0f} | 1.0 |",
    ]
    lines += [f"| {name} | {rate:,.0f} | {result.ours / rate:.1f} |" for name, rate in result.others.items()]
    lines += [
        "",
        f"From the commit of a release to its receipt by one webhook, at {latency.per_second:.0f} releases a second:",
        f"p50 {latency.p50_ms:.0f} ms, p99 {latency.p99_ms:.0f} ms, slowest {latency.slowest_ms:.0f} ms.",
        "",
        "| aim | found | met |",
        "| --- | ---: | --- |",
    ]
    return [*lines, *_format_aims(result)]


def _format_aims(result: Result) -> Iterator[str]:
    for name, ratio in RATIOS:
        found = result.ours / max(rate for other, rate in result.others.items() if other.startswith(name))
        yield f"| at least {ratio:g} times {name} | {found:.1f} times | {_say(found >= ratio)} |"
    for name, found, limit in (
        ("p50", result.latency.p50_ms, P50_LIMIT_MS),
        ("p99", result.latency.p99_ms, P99_LIMIT_MS),
    ):
        yield f"| {name} within {limit:,.0f} ms | {found:,.0f} ms | {_say(found <= limit)} |"


def _say(is_met: bool) -> str:
    return "yes" if is_met else "**no**"
