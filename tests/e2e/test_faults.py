"""Faults on real processes. After each: one release, one event, delivered."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.embedded import ValkeyServer
from app.extensions import db
from app.releases.models import Release
from app.webhooks.models import Delivery, Event
from tests.factories import Factory
from tests.receivers import Receiver
from tests.stack import Stack, wait_until


@pytest.fixture
def stack(app: Flask, environment: dict[str, str], tmp_path: Path) -> Iterator[Stack]:
    """A Slipway on the run's database and queue, of which nothing is started yet."""
    with Stack(environment, tmp_path) as stack:
        yield stack


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver that keeps what it gets."""
    with Receiver() as receiver:
        yield receiver


class Poster:
    """Creates releases over HTTP, as a CI job does."""

    def __init__(self, make: Factory, receiver: Receiver, stack: Stack) -> None:
        owner = make.organisation()
        self.product_id = make.product(owner).id
        make.webhook(owner, receiver.url)
        self.token = make.caller(owner, "release:write").token
        self.address = urlsplit(stack.base_url).netloc

    def post(self, version: str = "1.0.0", key: str | None = None) -> tuple[int, dict[str, Any]]:
        """Gives the status and the answer. Raises OSError or HTTPException if there is none."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        if key:
            headers["Idempotency-Key"] = key
        body = json.dumps({"name": "App", "version": version, "productId": self.product_id, "platforms": ["linux"]})
        connection = http.client.HTTPConnection(self.address, timeout=20)
        try:
            connection.request("POST", "/v3/releases", body, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()


def count(model: Any) -> int:
    """Gives the number of a model's rows."""
    db.session.rollback()
    return int(db.session.scalar(select(func.count()).select_from(model)) or 0)


def is_all_delivered() -> bool:
    """Whether no delivery is open."""
    db.session.rollback()
    return set(db.session.scalars(select(Delivery.state))) == {"delivered"}


def test_kill_9_of_the_web_process_right_after_the_commit_loses_nothing(
    make: Factory, stack: Stack, receiver: Receiver
) -> None:
    poster = Poster(make, receiver, stack)
    web = stack.start_web("tests.e2e.killing_wsgi:app")
    with pytest.raises((OSError, http.client.HTTPException)):
        poster.post(key="build-1")
    stack.kill(web)
    assert (count(Release), count(Event)) == (1, 1)
    assert not receiver.requests

    stack.start_web()
    stack.start_worker()
    stack.start_relay()
    status, _ = poster.post(key="build-1")
    assert status == 200
    wait_until(is_all_delivered, 15, "delivered")
    assert (count(Release), count(Event), len(receiver.requests)) == (1, 1, 1)


def test_with_the_queue_down_a_create_is_answered_and_delivered_after_its_return(
    make: Factory, stack: Stack, receiver: Receiver, queue_server: ValkeyServer
) -> None:
    poster = Poster(make, receiver, stack)
    stack.start_web()
    stack.start_worker()
    stack.start_relay()
    queue_server.stop()
    started = time.monotonic()
    status, _ = poster.post()
    assert status == 201
    assert time.monotonic() - started < 2.5

    queue_server.start()
    wait_until(lambda: receiver.requests, 5, "delivered within 5 s of the queue's return")
    wait_until(is_all_delivered, 5, "recorded")
    assert (count(Event), len(receiver.requests)) == (1, 1)


def test_a_killed_workers_delivery_is_made_again_with_the_same_id(
    make: Factory, stack: Stack, receiver: Receiver
) -> None:
    poster = Poster(make, receiver, stack)
    stack.start_web()
    stack.start_relay()
    worker = stack.start_worker()
    with receiver.holding():
        poster.post()
        wait_until(lambda: receiver.requests, 15, "the request is on its way")
        stack.kill(worker)
    killed_at = time.monotonic()
    stack.start_worker()
    wait_until(is_all_delivered, 45, "delivered again")
    assert time.monotonic() - killed_at < 45
    first, second = receiver.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert (first.headers["webhook-attempt"], second.headers["webhook-attempt"]) == ("1", "2")


def test_two_workers_that_race_send_each_delivery_once(make: Factory, stack: Stack, receiver: Receiver) -> None:
    poster = Poster(make, receiver, stack)
    stack.start_web()
    stack.start_relay()
    stack.start_worker()
    stack.start_worker()
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda number: poster.post(f"1.{number}")[0], range(60)))
    assert set(statuses) == {201}
    wait_until(is_all_delivered, 30, "all delivered")
    ids = [request.headers["webhook-id"] for request in receiver.requests]
    assert len(ids) == len(set(ids)) == 60


def test_fifty_parallel_identical_creates_are_one_release(make: Factory, stack: Stack, receiver: Receiver) -> None:
    poster = Poster(make, receiver, stack)
    stack.start_web(workers=2)
    stack.start_worker()
    stack.start_relay()
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: poster.post(), range(50)))
    assert sorted(status for status, _ in answers) == [200] * 49 + [201]
    assert len({body["id"] for _, body in answers}) == 1
    wait_until(is_all_delivered, 15, "delivered")
    assert (count(Release), count(Event), len(receiver.requests)) == (1, 1, 1)
