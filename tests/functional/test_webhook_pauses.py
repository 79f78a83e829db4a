"""Pauses, tests that are sent when somebody asks for one, and what both leave of a webhook's health."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.audit.models import AuditEntry
from app.extensions import db
from app.webhooks.models import Attempt, Delivery, Event, Webhook
from tests.factories import Caller, Factory, Organisation
from tests.receivers import Receiver
from tests.working import create_release, deliver_all, make_due

URL = "http://127.0.0.1:9/hook"


def act(caller: Caller, webhook: Webhook, action: str) -> dict[str, Any]:
    """Does something with a webhook; gives what the API answers."""
    answer = caller.post(f"/v3/webhooks/{webhook.id}/{action}")
    assert answer.status_code == (202 if action == "test" else 200), answer.text
    found: dict[str, Any] = answer.get_json()
    return found


def list_deliveries() -> list[Delivery]:
    """Gives the deliveries as they are stored now, the oldest first."""
    db.session.rollback()
    db.session.expire_all()
    return list(db.session.scalars(select(Delivery).order_by(Delivery.created_at, Delivery.id)))


def list_actions() -> list[str]:
    """Gives what the audit log has of webhooks."""
    query = select(AuditEntry.action).where(AuditEntry.action.startswith("webhook.")).order_by(AuditEntry.id)
    return list(db.session.scalars(query))


def test_a_pause_holds_what_is_owed_and_what_comes_and_resuming_sends_both_once(
    app: Flask, make: Factory, owner: Organisation, caller: Caller
) -> None:
    with Receiver() as receiver:
        webhook = make.webhook(owner, receiver.url)
        create_release(make, owner, caller, "1.0")
        assert act(caller, webhook, "pause")["paused"] is True
        assert act(caller, webhook, "pause")["paused"] is True
        create_release(make, owner, caller, "1.1")
        deliver_all(app)
        held = list_deliveries()
        assert [(it.state, it.reason, it.next_attempt_at) for it in held] == [
            ("held", "The webhook is paused.", None)
        ] * 2
        assert all(it.held_at is not None for it in held)
        assert receiver.requests == []
        assert act(caller, webhook, "resume")["paused"] is False
        assert act(caller, webhook, "resume")["paused"] is False
        due = list_deliveries()
        assert [(it.state, it.reason, it.held_at, it.priority) for it in due] == [("pending", "", None, 2)] * 2
        expected = [it.id for it in due]
        make_due()
        deliver_all(app)
    # Both are under way at once: which of them arrives first nobody promises.
    assert sorted(request.headers["webhook-id"] for request in receiver.requests) == sorted(expected)
    assert list_actions() == ["webhook.created", "webhook.paused", "webhook.resumed"]
    query = select(AuditEntry.details).where(AuditEntry.entity_id == webhook.id).order_by(AuditEntry.id)
    assert db.session.scalars(query).all()[1:] == [{"held": 1}, {"released": 2}]


def test_what_was_held_goes_out_at_a_ramp(make: Factory, owner: Organisation, caller: Caller) -> None:
    webhook = make.webhook(owner, URL)
    act(caller, webhook, "pause")
    for number in range(3):
        create_release(make, owner, caller, f"1.{number}")
    act(caller, webhook, "resume")
    times = [it.next_attempt_at for it in list_deliveries()]
    pairs = [(before, after) for before, after in itertools.pairwise(times) if before and after]
    seconds = [(after - before).total_seconds() for before, after in pairs]
    assert seconds == pytest.approx([1, 1], abs=0.2)


def test_switched_on_in_a_pause_everything_waits_for_its_end(
    make: Factory, owner: Organisation, caller: Caller
) -> None:
    webhook = make.webhook(owner, URL)
    create_release(make, owner, caller)
    path = f"/v3/webhooks/{webhook.id}"
    act(caller, webhook, "pause")
    caller.request("PATCH", path, json={"active": False})
    act(caller, webhook, "resume")
    assert [it.state for it in list_deliveries()] == ["held"]
    act(caller, webhook, "pause")
    caller.request("PATCH", path, json={"active": True})
    assert [it.state for it in list_deliveries()] == ["held"]
    act(caller, webhook, "resume")
    assert [it.state for it in list_deliveries()] == ["pending"]


@pytest.mark.parametrize("standing", ["active", "paused", "switched off"])
def test_a_test_goes_to_this_webhook_alone_whatever_its_standing(
    app: Flask, make: Factory, owner: Organisation, caller: Caller, standing: str
) -> None:
    with Receiver() as receiver, Receiver() as other:
        webhook = make.webhook(owner, receiver.url, events=["release.deleted"], active=standing != "switched off")
        make.webhook(owner, other.url)
        if standing == "paused":
            act(caller, webhook, "pause")
        delivery_id = act(caller, webhook, "test")["deliveryId"]
        deliver_all(app)
    (request,) = receiver.requests
    assert other.requests == []
    assert request.headers["webhook-id"] == delivery_id
    body = json.loads(request.body)
    assert list(body) == ["event", "data", "triggeredAt"]
    assert body["event"] == "webhook.test"
    assert (body["data"]["webhookId"], body["data"]["name"]) == (webhook.id, webhook.name)
    assert list(body["data"]) == ["webhookId", "name", "message"]
    (delivery,) = list_deliveries()
    assert (delivery.id, delivery.state, delivery.is_test) == (delivery_id, "delivered", True)


def test_a_test_that_fails_is_sent_once_and_says_nothing_of_the_webhook(
    app: Flask, make: Factory, owner: Organisation, caller: Caller
) -> None:
    with Receiver(statuses=[500]) as receiver:
        webhook = make.webhook(owner, receiver.url)
        act(caller, webhook, "test")
        deliver_all(app)
    assert len(receiver.requests) == 1
    (delivery,) = list_deliveries()
    assert (delivery.state, delivery.attempt_count) == ("dead", 1)
    assert db.session.scalars(select(Attempt.is_test)).all() == [True]
    stored = db.session.scalars(select(Webhook)).one()
    assert (stored.active, stored.failure_count, stored.failing_since) == (True, 0, None)


def test_a_pause_does_not_hold_a_test_back(make: Factory, owner: Organisation, caller: Caller) -> None:
    webhook = make.webhook(owner, URL)
    act(caller, webhook, "test")
    act(caller, webhook, "pause")
    assert [it.state for it in list_deliveries()] == ["pending"]


@pytest.mark.parametrize(("ping", "count"), [(True, 1), (False, 0), (None, 0)])
def test_a_ping_is_a_test_that_is_sent_with_the_creation(caller: Caller, ping: bool | None, count: int) -> None:
    body = {"name": "CI", "url": URL, "events": ["release.created"], "ping": ping}
    answer = caller.post("/v3/webhooks", json=body)
    assert answer.status_code == 201
    assert "ping" not in answer.get_json()
    assert [it.is_test for it in list_deliveries()] == [True] * count
    assert db.session.scalars(select(Event.event_type)).all() == ["webhook.test"] * count


def test_a_ping_of_what_is_refused_sends_nothing(caller: Caller) -> None:
    body = {"name": "", "url": URL, "events": ["release.created"], "ping": True}
    assert caller.post("/v3/webhooks", json=body).status_code == 400
    assert list_deliveries() == []


@pytest.mark.parametrize("action", ["test", "pause", "resume"])
def test_whoever_may_only_read_does_nothing_with_a_webhook(make: Factory, owner: Organisation, action: str) -> None:
    webhook = make.webhook(owner, URL)
    assert make.caller(owner, "webhook:read").post(f"/v3/webhooks/{webhook.id}/{action}").status_code == 403
    assert list_actions() == ["webhook.created"]


def test_the_health_of_a_webhook_counts_no_tests(
    app: Flask, make: Factory, owner: Organisation, caller: Caller
) -> None:
    with Receiver(statuses=[500, 200]) as receiver:
        webhook = make.webhook(owner, receiver.url)
        act(caller, webhook, "test")
        deliver_all(app)
        path = f"/v3/webhooks/{webhook.id}/health"
        fresh = caller.get(path).get_json()
        create_release(make, owner, caller)
        deliver_all(app)
    assert (fresh["state"], fresh["attemptCount"], fresh["successRate"]) == ("new", 0, None)
    health = make.caller(owner, "webhook:read").get(path).get_json()
    assert (health["state"], health["attemptCount"], health["successCount"]) == ("healthy", 1, 1)
    assert health["successRate"] == 1
    assert health["lastSuccessAt"].endswith("Z")
    assert (health["lastFailureAt"], health["disabledReason"]) == (None, None)
    assert list(health)[:2] == ["state", "words"]
    act(caller, webhook, "pause")
    assert caller.get(path).get_json()["state"] == "paused"
