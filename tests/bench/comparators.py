"""Deliveries a second of queues that run one job for each delivery, on the same services and receivers."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg
import rq
from redis import Redis

from tests.bench import textbook
from tests.bench.receiving import Receivers
from tests.bench.rq_worker import QUEUE_NAME
from tests.stack import Stack, wait_until

_START_SECONDS = 30.0
_DRAIN_SECONDS = 60.0

_SECRET = "a-secret-that-the-receivers-share"


@dataclass(frozen=True, slots=True)
class Comparator:
    """One way to run the job: how jobs get on its queue, its command, and how many it does in some seconds."""

    name: str
    enqueue: Callable[[list[str]], None]
    command: tuple[str, ...]
    count: int


def enqueue_rq(ids: list[str]) -> None:
    """Enqueues for either of RQ's workers; nothing of a job is kept."""
    queue = rq.Queue(QUEUE_NAME, connection=Redis.from_url(os.environ["TEXTBOOK_REDIS_URL"]))
    queue.enqueue_many([queue.prepare_data(textbook.deliver, (row_id,), result_ttl=0, failure_ttl=0) for row_id in ids])


def enqueue_celery(ids: list[str]) -> None:
    """Enqueues for Celery over one connection."""
    # It reads its settings when it is loaded.
    from tests.bench import celery_app  # noqa: PLC0415

    with celery_app.app.producer_pool.acquire() as producer:
        for row_id in ids:
            celery_app.task.apply_async((row_id,), producer=producer)


def enqueue_dramatiq(ids: list[str]) -> None:
    """Enqueues for Dramatiq."""
    # It reads its settings when it is loaded.
    from tests.bench import dramatiq_app  # noqa: PLC0415

    for row_id in ids:
        dramatiq_app.actor.send(row_id)


_RQ = ("-m", "tests.bench.rq_worker")
_CELERY = (
    "-m", "celery", "--app", "tests.bench.celery_app", "worker", "--loglevel", "WARNING",
    # What workers tell each other costs something, and one alone has nobody to tell.
    "--without-gossip", "--without-mingle", "--without-heartbeat",
)  # fmt: skip
_DRAMATIQ = ("-m", "dramatiq", "tests.bench.dramatiq_app")
COMPARATORS = (
    Comparator("RQ Worker, a fork for each job", enqueue_rq, (*_RQ, "Worker"), 60),
    Comparator("RQ SimpleWorker", enqueue_rq, (*_RQ, "SimpleWorker"), 500),
    Comparator("Celery, 2 processes", enqueue_celery, (*_CELERY, "--concurrency", "2"), 1500),
    Comparator("Celery, 16 threads", enqueue_celery, (*_CELERY, "--pool", "threads", "--concurrency", "16"), 1500),
    Comparator(
        "Dramatiq, 2 processes of 8 threads",
        enqueue_dramatiq,
        (*_DRAMATIQ, "--processes", "2", "--threads", "8"),
        4000,
    ),
)


def measure(comparator: Comparator, stack: Stack, receivers: Receivers, body: bytes) -> float:
    """Gives the jobs a second of one worker that finds them waiting, each to send ``body`` to one of the receivers.

    From the first receipt until the last outcome is recorded, as for Slipway.
    """
    with psycopg.connect(os.environ["TEXTBOOK_DATABASE_URL"], autocommit=True) as connection:
        ids = _make_rows(connection, comparator.count, receivers.urls, body)
        comparator.enqueue(ids)
        process = stack.start_module(*comparator.command)
        wait_until(lambda: receivers.count, _START_SECONDS, f"{comparator.name}: begun")
        started_at = time.perf_counter()
        wait_until(lambda: receivers.count >= len(ids), _DRAIN_SECONDS, f"{comparator.name}: all sent")
        wait_until(lambda: _count_delivered(connection) == len(ids), _DRAIN_SECONDS, f"{comparator.name}: all recorded")
        elapsed = time.perf_counter() - started_at
        stack.kill(process)
        receivers.take()
    return len(ids) / elapsed


def _make_rows(connection: psycopg.Connection[Any], count: int, urls: list[str], body: bytes) -> list[str]:
    """Makes deliveries to each webhook in turn, an event for each round of them; gives their ids."""
    connection.execute("TRUNCATE textbook_deliveries, textbook_events, textbook_webhooks RESTART IDENTITY")
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO textbook_webhooks (url, secret) VALUES (%s, %s)", [(url, _SECRET) for url in urls]
        )
    rounds = math.ceil(count / len(urls))
    connection.execute("INSERT INTO textbook_events (body) SELECT %s FROM generate_series(1, %s)", (body, rounds))
    insert = """
        INSERT INTO textbook_deliveries (webhook_id, event_id)
        SELECT number %% %s + 1, number / %s + 1 FROM generate_series(0, %s) number RETURNING id::text
    """
    ids = [str(row[0]) for row in connection.execute(insert, (len(urls), len(urls), count - 1))]
    connection.execute("ANALYZE textbook_deliveries, textbook_events, textbook_webhooks")
    return ids


def _count_delivered(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("SELECT count(*) FROM textbook_deliveries WHERE state = 'delivered'").fetchone()
    return int(row[0]) if row else 0
