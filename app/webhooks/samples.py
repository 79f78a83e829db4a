"""Tests: a real, signed delivery of an event that did not happen, to one webhook, when its owner asks for it."""

from __future__ import annotations

from flask import current_app
from sqlalchemy.orm import Session

from app import times
from app.accounts.actors import Actor
from app.audit import service as audit
from app.database import call_after_commit, clock, generate_id, transaction
from app.idempotency import clicks
from app.logs import current_request_id
from app.webhooks import outbox, queries
from app.webhooks.events import WEBHOOK_TEST
from app.webhooks.models import Delivery, Event, Webhook
from app.webhooks.rounds import FIRST
from app.webhooks.rows import lock_webhook
from app.webhooks.states import PENDING

_MESSAGE = "This is a test. It was sent because somebody asked for it; nothing has happened."


def send_test(actor: Actor, webhook_id: str, form_key: str = "") -> str:
    """Commits a test that is owed to the webhook, paused and switched off ones included; gives the delivery's id.

    It is sent once, and says nothing of the webhook's health. Asked for twice by one form, whose key that is, the first
    one stands for both. Raises NotFoundError, PermissionDeniedError.
    """
    actor.require("webhook:write")
    queries.get_webhook(actor.tenant_id, webhook_id)
    key = clicks.build_key(form_key, "test", webhook_id)
    with transaction() as session:
        webhook = lock_webhook(session, actor.tenant_id, webhook_id)
        click = clicks.find_click(actor, key)
        if click is not None and click.made_id is not None:
            return click.made_id
        delivery_id = owe_test(session, actor, webhook)
        clicks.remember_click(session, actor, key, webhook_id, delivery_id)
    return delivery_id


def owe_test(session: Session, actor: Actor, webhook: Webhook) -> str:
    """Writes a test into the session's transaction, which rings once it is committed; gives the delivery's id."""
    moment = times.now()
    data = {"webhookId": webhook.id, "name": webhook.name, "message": _MESSAGE}
    event = Event(
        id=generate_id(),
        tenant_id=webhook.tenant_id,
        event_type=WEBHOOK_TEST,
        entity_id=webhook.id,
        body=outbox.build_body(WEBHOOK_TEST, data, moment),
        request_id=current_request_id(),
        triggered_at=moment,
    )
    session.add(event)
    session.flush()
    delivery_id = generate_id()
    session.add(
        Delivery(
            id=delivery_id,
            tenant_id=webhook.tenant_id,
            event_id=event.id,
            webhook_id=webhook.id,
            state=PENDING,
            priority=FIRST,
            is_test=True,
            next_attempt_at=clock(),
            created_at=clock(),
            updated_at=clock(),
        )
    )
    session.flush()
    audit.record(session, actor, "webhook.tested", webhook.id, {"deliveryId": delivery_id})
    call_after_commit(session, current_app.extensions["slipway"].doorbell.ring)
    return delivery_id
