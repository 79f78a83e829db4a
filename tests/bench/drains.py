"""What one worker of Slipway does: how fast it works off a backlog, and how soon it sends what was just committed."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from flask import Flask
from sqlalchemy import event, func, select, text

from app import times
from app.accounts.actors import Actor
from app.database import transaction
from app.extensions import db
from app.releases import service as releases
from app.releases.models import Release
from app.releases.serializers import serialize_release
from app.webhooks import outbox
from app.webhooks.events import RELEASE_CREATED
from app.webhooks.models import Attempt, Delivery
from app.webhooks.states import DELIVERED, SUCCESS
from tests.bench.receiving import Receivers
from tests.factories import Factory
from tests.stack import Stack, wait_until

BACKLOG_EVENTS = 500
STEADY_COUNT = 1500
STEADY_PER_SECOND = 100
NOTES = "## Changes\n\n" + "\n".join(f"- Change number {number} that somebody made" for number in range(10))
_PATIENCE_SECONDS = 120.0
_DELIVERY_ID = re.compile(rb"\r\nwebhook-id: (\S+)\r\n", re.IGNORECASE)
_RELEASE_ID = re.compile(rb'"data":{"id":"([0-9a-f-]{36})"')


@dataclass(frozen=True, slots=True)
class Latency:
    """From the commit until the receiver has the request, in milliseconds, and how many a second there were."""

    per_second: float
    p50_ms: float
    p99_ms: float
    slowest_ms: float


@dataclass(frozen=True, slots=True)
class Place:
    """Who makes releases of which product."""

    actor: Actor
    product_id: str

    def create_release(self, version: str) -> Release:
        """Commits a release, its event and what is owed, and rings, by the service that every door uses."""
        raw = {"name": "App", "version": version, "productId": self.product_id, "notes": NOTES}
        return releases.create_release(self.actor, releases.parse_release(self.actor, raw)).release


def measure_drain(app: Flask, stack: Stack, receivers: Receivers) -> tuple[float, bytes]:
    """Gives the deliveries a second of one worker that finds a backlog, and the body that they had.

    From the first receipt until the last outcome is recorded. Every delivery must arrive, once.
    """
    [place] = _make_places(app, [receivers.urls])
    _commit_backlog(place)
    total = BACKLOG_EVENTS * len(receivers.urls)
    worker = stack.start_worker()
    wait_until(lambda: receivers.count, _PATIENCE_SECONDS, "the first delivery has arrived")
    started_at = time.perf_counter()
    wait_until(lambda: receivers.count >= total, _PATIENCE_SECONDS, "all deliveries have arrived")
    wait_until(lambda: _count_delivered(place) == total, _PATIENCE_SECONDS, "all outcomes are recorded")
    elapsed = time.perf_counter() - started_at
    stack.kill(worker)
    requests = [request for _, request in receivers.take()]
    if not len(requests) == len({_find(_DELIVERY_ID, it) for it in requests}) == _count_attempts(place):
        raise RuntimeError("not every delivery was made exactly once")
    return total / elapsed, requests[0].partition(b"\r\n\r\n")[2]


def _make_places(app: Flask, urls_of_each: Sequence[Sequence[str]]) -> list[Place]:
    """Makes an organisation for each group of URLs, with a webhook for each of these."""
    make, places = Factory(app), []
    for urls in urls_of_each:
        owner = make.organisation()
        for url in urls:
            make.webhook(owner, url)
        places.append(Place(owner.actor, make.product(owner).id))
    return places


def _commit_backlog(place: Place) -> None:
    data = serialize_release(place.create_release("1.0"))
    with transaction() as session:
        for _ in range(BACKLOG_EVENTS - 1):
            outbox.record(session, place.actor.tenant_id, RELEASE_CREATED, data["id"], data, times.now())
    with transaction() as session:
        # So many rows at once are unknown to the planner until the server looks at them by itself, once a minute.
        session.execute(text("ANALYZE"))


def _count_delivered(place: Place) -> int:
    return _count(Delivery.tenant_id == place.actor.tenant_id, Delivery.state == DELIVERED)


def _count_attempts(place: Place) -> int:
    return _count(Attempt.tenant_id == place.actor.tenant_id, Attempt.outcome == SUCCESS)


def _count(*criteria: Any) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).where(*criteria)) or 0


def measure_latency(app: Flask, stack: Stack, receivers: Receivers) -> Latency:
    """Gives how soon receivers have what they are owed while releases are made at a steady rate, one webhook each."""
    places = _make_places(app, [[url] for url in receivers.urls])
    processes = [stack.start_worker(), stack.start_relay()]
    # What is made while they start waits for that; it is not counted.
    places[0].create_release("0.1")
    wait_until(lambda: receivers.count, _PATIENCE_SECONDS, "the first delivery has arrived")
    receivers.take()
    started_at = time.monotonic()
    committed_at = _create_steadily(places)
    elapsed = time.monotonic() - started_at
    wait_until(lambda: receivers.count >= STEADY_COUNT, _PATIENCE_SECONDS, "all deliveries have arrived")
    for process in processes:
        stack.kill(process)
    arrivals = receivers.take()
    waits = sorted((at - committed_at[_find(_RELEASE_ID, request)]) * 1000 for at, request in arrivals)
    return Latency(STEADY_COUNT / elapsed, statistics.median(waits), waits[len(waits) * 99 // 100], waits[-1])


def _create_steadily(places: Sequence[Place]) -> dict[str, float]:
    """Gives when each release was committed, by the clock that the receivers go by, and by the release's id."""
    commits: list[float] = []
    committed_at: dict[str, float] = {}

    def note_commit(_session: object) -> None:
        commits.append(time.monotonic())

    with ExitStack() as stack:
        event.listen(db.session, "after_commit", note_commit)
        stack.callback(event.remove, db.session, "after_commit", note_commit)
        start = time.monotonic()
        for number in range(STEADY_COUNT):
            time.sleep(max(0.0, start + number / STEADY_PER_SECOND - time.monotonic()))
            release = places[number % len(places)].create_release(f"1.{number}")
            committed_at[release.id] = commits[-1]
    return committed_at


def _find(pattern: re.Pattern[bytes], request: bytes) -> str:
    match = pattern.search(request)
    if match is None:
        raise RuntimeError(f"{pattern.pattern!r} is not in what was sent: {request[:500]!r}")
    return match[1].decode()
