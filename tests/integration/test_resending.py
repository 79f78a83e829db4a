"""Sending a delivery again: what the receiver gets, what is recorded, and what stands in the way."""

from __future__ import annotations

import threading

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.audit.models import AuditEntry
from app.database import transaction
from app.deliveries import service
from app.exceptions import ConflictError, NotFoundError, PermissionDeniedError
from app.extensions import db
from app.webhooks import outcomes, pausing, samples
from app.webhooks.delivery import Outcome
from app.webhooks.models import Delivery, Webhook
from tests.factories import Caller, Factory, Organisation
from tests.receivers import Receiver
from tests.stack import wait_until
from tests.working import claim, create_release, deliver_all, get_delivery, list_attempts, make_due


@pytest.mark.parametrize("statuses", [[200], [500], [410]], ids=["delivered", "retrying", "dead"])
def test_a_receiver_gets_the_same_id_and_the_same_bytes_again(
    app: Flask, make: Factory, owner: Organisation, caller: Caller, statuses: list[int]
) -> None:
    with Receiver(statuses=statuses) as receiver:
        webhook = make.webhook(owner, receiver.url)
        create_release(make, owner, caller)
        deliver_all(app)
        with transaction() as session:
            session.execute(update(Webhook).where(Webhook.id == webhook.id).values(active=True))
        delivery = service.resend(owner.actor, get_delivery().id)
        assert (delivery.state, delivery.attempts_before, delivery.priority) == ("pending", 1, 0)
        assert (delivery.reason, delivery.delivered_at) == ("", None)
        deliver_all(app)
    first, second = receiver.requests
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == delivery.id
    assert get_delivery().state == "delivered"
    assert [attempt.status_code for attempt in list_attempts()] == [*statuses, 200]


def test_what_is_sent_again_has_its_ten_attempts_anew(
    app: Flask, make: Factory, owner: Organisation, caller: Caller
) -> None:
    with Receiver(statuses=[500] * 12) as receiver:
        make.webhook(owner, receiver.url)
        create_release(make, owner, caller)
        for _ in range(10):
            make_due()
            deliver_all(app)
        assert get_delivery().state == "dead"
        service.resend(owner.actor, get_delivery().id)
        deliver_all(app)
    delivery = get_delivery()
    assert (delivery.state, delivery.attempt_count, delivery.attempts_before) == ("pending", 11, 10)
    assert delivery.next_attempt_at is not None
    assert 3 <= (delivery.next_attempt_at - delivery.updated_at).total_seconds() <= 7


def test_while_an_attempt_is_under_way_both_are_recorded_and_the_later_one_counts(
    app: Flask, make: Factory, owner: Organisation, caller: Caller
) -> None:
    is_holding = threading.Event()

    def send_again_beside(receiver: Receiver, delivery_id: str) -> None:
        with app.app_context(), receiver.holding():
            is_holding.set()
            wait_until(lambda: receiver.requests, 10, "the first attempt is under way")
            service.resend(owner.actor, delivery_id)
            db.session.remove()

    with Receiver(statuses=[500, 200]) as receiver:
        make.webhook(owner, receiver.url)
        create_release(make, owner, caller)
        other = threading.Thread(target=send_again_beside, args=(receiver, get_delivery().id))
        other.start()
        assert is_holding.wait(10)
        deliver_all(app)
        other.join()
    assert [(it.number, it.outcome, it.status_code, it.retry_at) for it in list_attempts()] == [
        (1, "failed", 500, None),
        (2, "success", 200, None),
    ]
    first, second = receiver.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert (get_delivery().state, get_delivery().attempt_count) == ("delivered", 2)


@pytest.mark.parametrize("is_success", [True, False])
def test_an_outcome_that_comes_after_the_resend_changes_nothing_but_its_attempt(
    make: Factory, owner: Organisation, caller: Caller, is_success: bool
) -> None:
    make.webhook(owner, "http://127.0.0.1:9/")
    create_release(make, owner, caller)
    (early,) = claim(1)
    service.resend(owner.actor, early.delivery_id)
    service.resend(owner.actor, early.delivery_id)
    outcome = Outcome(is_success, 200 if is_success else 500, phases={"total": 1})
    with transaction() as session:
        assert outcomes.record_outcomes(session, [(early, outcome)]) == ["superseded"]
    delivery = get_delivery()
    assert (delivery.state, delivery.attempt_count, delivery.attempts_before) == ("pending", 1, 1)
    (again,) = claim(1)
    assert (again.delivery_id, again.number, again.round_number, again.body) == (early.delivery_id, 2, 1, early.body)
    assert [attempt.outcome for attempt in list_attempts()] == ["success" if is_success else "failed", "started"]


def test_a_paused_webhook_gets_it_once_it_is_resumed(
    app: Flask, make: Factory, owner: Organisation, caller: Caller
) -> None:
    with Receiver(statuses=[200]) as receiver:
        webhook = make.webhook(owner, receiver.url)
        create_release(make, owner, caller)
        deliver_all(app)
        pausing.pause_webhook(owner.actor, webhook.id)
        delivery = service.resend(owner.actor, get_delivery().id)
        assert (delivery.state, delivery.reason, delivery.attempts_before) == ("held", "The webhook is paused.", 1)
        assert delivery.held_at is not None
        deliver_all(app)
        assert len(receiver.requests) == 1
        pausing.resume_webhook(owner.actor, webhook.id)
        make_due()
        deliver_all(app)
        assert len(receiver.requests) == 2
        assert get_delivery().state == "delivered"


def test_a_test_is_sent_again_whatever_the_switches_say(app: Flask, make: Factory, owner: Organisation) -> None:
    with Receiver(statuses=[500]) as receiver:
        webhook = make.webhook(owner, receiver.url, active=False)
        pausing.pause_webhook(owner.actor, webhook.id)
        delivery_id = samples.send_test(owner.actor, webhook.id)
        deliver_all(app)
        assert get_delivery().state == "dead"
        service.resend(owner.actor, delivery_id)
        deliver_all(app)
    assert get_delivery().state == "delivered"
    assert len(receiver.requests) == 2


def test_where_nothing_can_be_sent_it_is_a_conflict(make: Factory, owner: Organisation, caller: Caller) -> None:
    webhook = make.webhook(owner, "http://127.0.0.1:9/")
    create_release(make, owner, caller)
    delivery_id = get_delivery().id
    path = f"/v3/webhooks/{webhook.id}/deliveries/{delivery_id}/resend"
    caller.request("PATCH", f"/v3/webhooks/{webhook.id}", json={"active": False})
    answer = caller.post(path)
    assert (answer.status_code, answer.get_json()["code"]) == (409, "conflict")
    assert get_delivery().state == "held"
    caller.request("DELETE", f"/v3/webhooks/{webhook.id}")
    with pytest.raises(ConflictError, match="deleted"):
        service.resend(owner.actor, delivery_id)
    assert get_delivery().state == "dead"
    assert list(db.session.scalars(select(AuditEntry.action).where(AuditEntry.action == "delivery.resent"))) == []


def test_the_api_answers_202_and_the_audit_log_says_who_did_it(
    make: Factory, owner: Organisation, caller: Caller
) -> None:
    webhook = make.webhook(owner, "http://127.0.0.1:9/")
    create_release(make, owner, caller)
    with transaction() as session:
        session.execute(update(Delivery).values(state="dead", reason="All 10 attempts failed.", next_attempt_at=None))
    delivery_id = get_delivery().id
    answer = caller.post(f"/v3/webhooks/{webhook.id}/deliveries/{delivery_id}/resend")
    assert answer.status_code == 202
    assert (answer.get_json()["id"], answer.get_json()["state"]) == (delivery_id, "queued")
    db.session.rollback()
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "delivery.resent")).one()
    assert (entry.entity_id, entry.actor_kind, entry.actor_email) == (delivery_id, "token", owner.email)
    assert entry.details == {"webhookId": webhook.id, "state": "dead"}


def test_permission_is_checked_inside(make: Factory, owner: Organisation, caller: Caller) -> None:
    make.webhook(owner, "http://127.0.0.1:9/")
    create_release(make, owner, caller)
    delivery_id = get_delivery().id
    reader = make.caller(owner, "webhook:read")
    assert reader.get("/v3/webhook-event-logs").status_code == 200
    stranger = make.organisation()
    with pytest.raises(NotFoundError):
        service.resend(stranger.actor, delivery_id)
    weak = type(owner.actor)(owner.tenant_id, owner.actor.user_id, owner.email, "viewer", frozenset({"webhook:read"}))
    with pytest.raises(PermissionDeniedError):
        service.resend(weak, delivery_id)
