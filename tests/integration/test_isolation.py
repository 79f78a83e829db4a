"""A receiver that is slow, silent, noisy or limited waits for itself and for nobody else."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from flask import Flask

from app.webhooks.pacing import SLOW_SECONDS
from app.webhooks.queue import connect
from app.webhooks.retry import next_delay_seconds
from app.webhooks.rounds import BACKLOG
from tests.factories import Caller, Factory, Organisation
from tests.integration.hasty_wsgi import DEADLINE_SECONDS
from tests.receivers import Peer, RawReceiver, Receiver
from tests.stack import Stack, wait_until
from tests.working import create_release, deliver_all, list_attempts, make_due, owe, work_off

pytestmark = pytest.mark.once

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
# What a healthy receiver may wait whatever the others do: less than one that waits for a silent one's slot.
STEADY_SECONDS = 2.0
COLD_SECONDS = DEADLINE_SECONDS + 2.0

StartWorker = Callable[[], None]


def be_silent(peer: Peer) -> None:
    """Takes the request and never answers."""
    peer.read_request()
    peer.wait()


class Gauge:
    """What a receiver does that takes a moment for each request, and counts how many it has at once."""

    def __init__(self, seconds: float) -> None:
        self.count = self.highest = 0
        self._now, self._seconds, self._lock = 0, seconds, threading.Lock()

    def __call__(self, peer: Peer) -> None:
        """Serves one connection."""
        peer.read_request()
        with self._lock:
            self.count, self._now = self.count + 1, self._now + 1
            self.highest = max(self.highest, self._now)
        peer.wait(self._seconds)
        with self._lock:
            self._now -= 1
        peer.send(OK)


@pytest.fixture
def start_worker(app: Flask, environment: dict[str, str], tmp_path: Path) -> Iterator[StartWorker]:
    """Starts real workers whose attempts have a short deadline, and waits until they wait; beside them a relay runs."""
    redis = connect(environment["REDIS_URL"])

    def count_waiting() -> int:
        return int(redis.info("clients")["blocked_clients"])

    with Stack({**environment, "WORKER_CONCURRENCY": "32"}, tmp_path) as stack:

        def start() -> None:
            before = count_waiting()
            stack.start_worker("tests.integration.hasty_wsgi")
            wait_until(lambda: count_waiting() > before, 20, "the worker waits for jobs")

        stack.start_relay()
        yield start


def measure_receipts(
    make: Factory, owner: Organisation, caller: Caller, receiver: Receiver, webhooks: int = 1
) -> list[float]:
    """Makes a release that so many webhooks of the receiver hear of; gives the seconds until each had it, sorted."""
    before = len(receiver.requests)
    started_at = time.monotonic()
    create_release(make, owner, caller)
    wait_until(lambda: len(receiver.requests) == before + webhooks, 20, "the healthy ones have it")
    return sorted(request.received_at - started_at for request in receiver.requests[before:])


def test_nineteen_silent_receivers_of_twenty_do_not_hold_up_the_healthy_one(
    make: Factory, owner: Organisation, caller: Caller, start_worker: StartWorker
) -> None:
    with Receiver() as healthy, RawReceiver(be_silent) as silent:
        for number in range(19):
            make.webhook(owner, f"{silent.url}/{number}")
        make.webhook(owner, healthy.url)
        start_worker()
        [cold] = measure_receipts(make, owner, caller, healthy)
        steady: list[float] = []
        # All along, until the silent ones have used up a deadline and were called again.
        for called in (15, 19, 23, 27, 31, 35, 38):
            wait_until(
                lambda called=called: silent.connection_count > called, 20, f"{called} were called, and one more"
            )
            for _ in range(4):
                steady += measure_receipts(make, owner, caller, healthy)
    assert cold < COLD_SECONDS
    assert max(steady) < STEADY_SECONDS


def test_a_receiver_that_times_out_with_ten_thousand_waiting_does_not_hold_up_nine_healthy_ones(
    make: Factory, owner: Organisation, caller: Caller, start_worker: StartWorker
) -> None:
    with Receiver() as healthy, RawReceiver(be_silent) as silent:
        noisy = make.webhook(owner, silent.url, events=["release.updated"])
        for number in range(9):
            make.webhook(owner, f"{healthy.url}/{number}")
        start_worker()
        measure_receipts(make, owner, caller, healthy, 9)
        quiet = [measure_receipts(make, owner, caller, healthy, 9) for _ in range(12)]
        owe(noisy, 10_000)
        wait_until(lambda: silent.connection_count, 10, "the noisy one is served, too")
        loud = [measure_receipts(make, owner, caller, healthy, 9) for _ in range(12)]
        assert silent.connection_count <= noisy.max_concurrency * 3
    # Whoever waits for a slot that the noisy one holds waits for seconds; what else the machine does costs less.
    assert find_p95(loud) < max(2 * find_p95(quiet), 0.75)


def find_p95(measured: list[list[float]]) -> float:
    """Gives the seconds that one receipt in twenty exceeds."""
    every = sorted(seconds for receipts in measured for seconds in receipts)
    return every[len(every) * 95 // 100]


def test_what_is_new_does_not_wait_for_the_backlog_of_its_own_webhook(
    app: Flask, make: Factory, owner: Organisation, caller: Caller
) -> None:
    with Receiver() as receiver:
        webhook = make.webhook(owner, receiver.url, maxConcurrency=1)
        owe(webhook, 200, BACKLOG)
        create_release(make, owner, caller)
        deliver_all(app)
    assert len(receiver.requests) == 201
    assert b"release.created" in receiver.requests[0].body


def test_first_attempts_go_before_retries(app: Flask, make: Factory, owner: Organisation, caller: Caller) -> None:
    with Receiver(statuses=[500] * 5) as receiver:
        make.webhook(owner, receiver.url, maxConcurrency=1)
        for number in range(5):
            create_release(make, owner, caller, f"1.{number}")
        deliver_all(app)
        make_due()
        create_release(make, owner, caller, "2.0")
        work_off(app)
    assert len(receiver.requests) == 11
    assert b'"version":"2.0"' in receiver.requests[5].body


def test_two_workers_together_have_no_more_under_way_than_a_webhook_allows(
    make: Factory, owner: Organisation, start_worker: StartWorker
) -> None:
    gauge = Gauge(seconds=0.03)
    with RawReceiver(gauge) as receiver:
        webhook = make.webhook(owner, receiver.url, maxConcurrency=3)
        start_worker()
        start_worker()
        owe(webhook, 60)
        wait_until(lambda: gauge.count == 60, 15, "all have arrived")
    assert gauge.highest == 3


def test_a_receiver_that_is_always_slow_has_as_many_at_once_as_it_allows_while_nobody_else_wants_the_slots(
    make: Factory, owner: Organisation, start_worker: StartWorker
) -> None:
    gauge = Gauge(seconds=SLOW_SECONDS + 0.1)
    with RawReceiver(gauge) as receiver:
        webhook = make.webhook(owner, receiver.url, maxConcurrency=4)
        start_worker()
        owe(webhook, 9)
        wait_until(lambda: gauge.count == 9, 15, "all have arrived")
    assert gauge.highest == 4


def test_no_more_attempts_begin_within_a_second_than_a_webhook_allows(
    make: Factory, owner: Organisation, start_worker: StartWorker
) -> None:
    with Receiver() as receiver:
        webhook = make.webhook(owner, receiver.url, ratePerSecond=5)
        start_worker()
        owe(webhook, 14)
        wait_until(lambda: len(receiver.requests) == 14, 20, "all have arrived")
    # By the database's clock, by which they are counted: how long each is on its way to the receiver differs.
    moments = sorted(attempt.started_at for attempt in list_attempts())
    gaps = [later - earlier for earlier, later in zip(moments, moments[5:], strict=False)]
    assert min(gaps) >= timedelta(seconds=1)


@pytest.mark.parametrize(("number", "asked", "width"), [(1, None, 2.0), (2, None, 120.0), (1, 3600, 720.0)])
def test_a_thousand_that_failed_at_the_same_second_do_not_come_back_together(
    number: int, asked: int | None, width: float
) -> None:
    random = Random(11)
    delays = [next_delay_seconds(number, asked, status_code=503, random=random) or 0.0 for _ in range(1000)]
    twentieths = Counter(int((delay - min(delays)) / width * 20) for delay in delays)
    assert max(delays) - min(delays) > width * 0.9
    # Evenly spread there would be fifty in each.
    assert max(twentieths.values()) < 85
