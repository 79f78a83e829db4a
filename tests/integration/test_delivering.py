"""From the commit to the receiver: the job, the claims, the retries and the relay, on a real queue."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from flask import Flask
from redis import Redis
from rq import Callback, Queue
from sqlalchemy import select, update

from app.database import transaction
from app.extensions import db
from app.webhooks import outcomes, relay
from app.webhooks.models import Webhook
from app.webhooks.queue import QUEUE_NAME, get_queue
from tests.factories import Caller, Factory, Organisation
from tests.receivers import Receiver
from tests.sending import send
from tests.working import claim, create_release, deliver_all, get_delivery, list_attempts, make_due, work_off

TOKEN = "a-token-of-thirty-two-characters"


def test_a_receiver_gets_what_get_answers_signed_over_the_raw_bytes(
    app: Flask, make: Factory, owner: Organisation, caller: Caller
) -> None:
    with Receiver() as receiver:
        make.webhook(owner, receiver.url, token=TOKEN)
        release = create_release(make, owner, caller)
        assert work_off(app)
    (request,) = receiver.requests
    body = json.loads(request.body)
    assert list(body) == ["event", "data", "triggeredAt"]
    assert (body["event"], body["data"]) == ("release.created", release)
    assert body["triggeredAt"] == release["updatedAt"]
    expected = base64.b64encode(hmac.new(TOKEN.encode(), request.body, hashlib.sha256).digest()).decode()
    assert request.headers["Webhook-Signature"] == expected
    assert request.headers["Content-Type"] == "application/json; charset=utf-8"
    delivery = get_delivery()
    assert (delivery.state, delivery.attempt_count, request.headers["webhook-id"]) == ("delivered", 1, delivery.id)
    (attempt,) = list_attempts()
    assert (attempt.outcome, attempt.status_code, attempt.address) == ("success", 200, "127.0.0.1")


def test_a_failed_attempt_is_retried_by_schedule_with_the_same_id_and_bytes(
    app: Flask, make: Factory, owner: Organisation, caller: Caller
) -> None:
    with Receiver(statuses=[500, 200]) as receiver:
        make.webhook(owner, receiver.url)
        create_release(make, owner, caller)
        work_off(app)
        delivery = get_delivery()
        assert (delivery.state, delivery.attempt_count, delivery.is_claimed) == ("pending", 1, False)
        assert delivery.next_attempt_at is not None
        assert 3 <= (delivery.next_attempt_at - delivery.updated_at).total_seconds() <= 7
        make_due()
        deliver_all(app)
    first, second = receiver.requests
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert get_delivery().state == "delivered"
    assert [(attempt.outcome, attempt.status_code) for attempt in list_attempts()] == [
        ("failed", 500),
        ("success", 200),
    ]


def test_after_the_last_attempt_a_delivery_is_dead_with_the_reason(
    app: Flask, make: Factory, owner: Organisation, caller: Caller
) -> None:
    with Receiver(statuses=[500] * 10) as receiver:
        make.webhook(owner, receiver.url)
        create_release(make, owner, caller)
        for _ in range(10):
            make_due()
            deliver_all(app)
        make_due()
        deliver_all(app)
    delivery = get_delivery()
    assert (delivery.state, delivery.attempt_count, delivery.reason) == ("dead", 10, "All 10 attempts failed.")
    assert len(receiver.requests) == 10


def test_410_switches_the_webhook_off_at_once(app: Flask, make: Factory, owner: Organisation, caller: Caller) -> None:
    with Receiver(statuses=[410]) as receiver:
        make.webhook(owner, receiver.url)
        create_release(make, owner, caller)
        deliver_all(app)
    assert get_delivery().state == "dead"
    assert db.session.scalars(select(Webhook.active)).one() is False


def test_a_url_that_became_forbidden_is_not_called(
    app: Flask, make: Factory, owner: Organisation, caller: Caller
) -> None:
    webhook = make.webhook(owner, "http://127.0.0.1:9/")
    create_release(make, owner, caller)
    with transaction() as session:
        session.execute(update(Webhook).where(Webhook.id == webhook.id).values(url="http://169.254.169.254/"))
    deliver_all(app)
    (attempt,) = list_attempts()
    assert (attempt.outcome, attempt.error, attempt.status_code) == ("failed", "blocked", None)


def test_two_claims_at_once_never_share_a_delivery(make: Factory, owner: Organisation, caller: Caller) -> None:
    make.webhook(owner, "http://127.0.0.1:9/")
    for number in range(6):
        create_release(make, owner, caller, f"1.{number}")
    first, second, third = claim(4), claim(4), claim(4)
    assert (len(first), len(second), third) == (4, 2, [])
    assert len({claim.delivery_id for claim in first + second}) == 6


def test_a_worker_that_wakes_up_late_changes_nothing(
    app: Flask, make: Factory, owner: Organisation, caller: Caller
) -> None:
    with Receiver() as receiver:
        make.webhook(owner, receiver.url)
        create_release(make, owner, caller)
        (stale,) = claim(1)
        make_due()
        deliver_all(app)
    assert [attempt.outcome for attempt in list_attempts()] == ["lost", "success"]
    late = send(stale.url, stale.body, {})
    with transaction() as session:
        assert outcomes.record_outcomes(session, [(stale, late)]) == ["superseded"]
    assert get_delivery().state == "delivered"
    assert get_delivery().attempt_count == 2


def test_a_delivery_whose_worker_died_three_times_is_dead(make: Factory, owner: Organisation, caller: Caller) -> None:
    make.webhook(owner, "http://127.0.0.1:9/")
    create_release(make, owner, caller)
    for _ in range(4):
        claim(1)
        make_due()
    delivery = get_delivery()
    assert (delivery.state, delivery.reason) == ("dead", "3 attempts were lost with the worker that made them.")
    assert [attempt.outcome for attempt in list_attempts()] == ["lost"] * 3


def test_the_relay_rings_for_what_nobody_heard(
    app: Flask, make: Factory, owner: Organisation, caller: Caller, environment: dict[str, str]
) -> None:
    with Receiver() as receiver:
        make.webhook(owner, receiver.url)
        create_release(make, owner, caller)
        Redis.from_url(environment["REDIS_URL"]).flushall()
        assert not work_off(app)
        assert relay.ring_for_due(app)
        assert work_off(app)
    assert len(receiver.requests) == 1
    assert not relay.ring_for_due(app)


def test_many_rings_are_one_waiting_job(app: Flask, environment: dict[str, str]) -> None:
    doorbell = app.extensions["slipway"].doorbell
    assert all(doorbell.ring() for _ in range(10))
    assert get_queue(Redis.from_url(environment["REDIS_URL"])).count == 1


@pytest.mark.parametrize("function", ["os.system", "app.webhooks.jobs.send", "subprocess.check_output"])
def test_a_forged_job_is_not_run(app: Flask, environment: dict[str, str], tmp_path: Any, function: str) -> None:
    canary = tmp_path / "canary"
    forger = Queue(QUEUE_NAME, connection=Redis.from_url(environment["REDIS_URL"]), serializer="json")
    forger.enqueue(function, f"touch {canary}")
    work_off(app)
    assert not canary.exists()
    assert forger.count == 0


def test_a_pickled_job_is_not_unpickled(app: Flask, environment: dict[str, str]) -> None:
    forger = Queue(QUEUE_NAME, connection=Redis.from_url(environment["REDIS_URL"]))
    forger.enqueue("app.webhooks.jobs.deliver_due")
    work_off(app)
    assert forger.count == 0


def test_a_job_with_a_callback_is_not_run(
    app: Flask, make: Factory, owner: Organisation, caller: Caller, environment: dict[str, str]
) -> None:
    redis = Redis.from_url(environment["REDIS_URL"])
    with Receiver() as receiver:
        make.webhook(owner, receiver.url)
        create_release(make, owner, caller)
        redis.flushall()
        forger = Queue(QUEUE_NAME, connection=redis, serializer="json")
        forger.enqueue("app.webhooks.jobs.deliver_due", on_success=Callback("os.getcwd"))
        assert not work_off(app)
    assert forger.count == 0
    assert not receiver.requests
