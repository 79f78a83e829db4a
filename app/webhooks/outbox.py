"""The outbox: what is owed is written in the transaction of what happened, and never commits by itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import current_app
from sqlalchemy import case, insert, literal, select
from sqlalchemy.orm import Session

from app.database import call_after_commit, clock, generate_id, random_id
from app.logs import current_request_id
from app.times import format_time
from app.webhooks.models import Delivery, Event, Webhook, WebhookSubscription
from app.webhooks.states import HELD, PENDING


def record(
    session: Session, tenant_id: str, event_type: str, entity_id: str, data: Mapping[str, Any], triggered_at: datetime
) -> str:
    """Writes the event and one delivery for each active webhook that subscribed to it; gives the event's id.

    ``data`` is what GET of the entity answers at this moment. The body is frozen as bytes here: whatever happens to
    the entity later, every receiver gets, and every retry sends, these bytes. Once the transaction is committed,
    the doorbell rings.
    """
    event_id = generate_id()
    session.execute(
        Event.__table__.insert(),  # type: ignore[attr-defined]
        {
            "id": event_id,
            "tenant_id": tenant_id,
            "event_type": event_type,
            "entity_id": entity_id,
            "body": build_body(event_type, data, triggered_at),
            "request_id": current_request_id(),
            "triggered_at": triggered_at,
        },
    )
    _owe(session, tenant_id, event_id, event_type)
    call_after_commit(session, current_app.extensions["slipway"].doorbell.ring)
    return event_id


def build_body(event_type: str, data: Mapping[str, Any], triggered_at: datetime) -> bytes:
    """Gives the bytes of a webhook's body: ``{"event", "data", "triggeredAt"}`` as UTF-8 JSON."""
    body = {"event": event_type, "data": data, "triggeredAt": format_time(triggered_at)}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def _owe(session: Session, tenant_id: str, event_id: str, event_type: str) -> None:
    # One statement: a webhook that is added or switched off at this very moment is either in or out, never half.
    is_paused = Webhook.paused_at.is_not(None)
    subscribers = (
        select(
            random_id(),
            literal(tenant_id, Delivery.tenant_id.type),
            literal(event_id, Delivery.event_id.type),
            Webhook.id,
            case((is_paused, HELD), else_=PENDING),
            literal(0),
            literal(0),
            literal(0),
            literal(0),
            case((is_paused, None), else_=clock()),
            literal(False),
            literal(False),
            case((is_paused, "The webhook is paused."), else_=""),
            case((is_paused, clock()), else_=None),
            clock(),
            clock(),
        )
        .join(WebhookSubscription, WebhookSubscription.webhook_id == Webhook.id)
        .where(
            WebhookSubscription.tenant_id == tenant_id,
            WebhookSubscription.event_type == event_type,
            Webhook.tenant_id == tenant_id,
            Webhook.active.is_(True),
            Webhook.deleted_at.is_(None),
        )
    )
    columns = (
        "id", "tenant_id", "event_id", "webhook_id", "state", "priority", "attempt_count", "attempts_before",
        "lost_count", "next_attempt_at", "is_claimed", "is_test", "reason", "held_at", "created_at", "updated_at",
    )  # fmt: skip
    session.execute(insert(Delivery.__table__).from_select(columns, subscribers, include_defaults=False))  # type: ignore[arg-type]
