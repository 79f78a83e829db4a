"""The outbox: what is owed is written in the transaction of what happened, and never commits by itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import current_app
from sqlalchemy import BindParameter, ColumnElement, Insert, case, insert, literal, select
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from app.database import call_after_commit, clock, generate_id, random_id
from app.logs import current_request_id
from app.times import format_time
from app.webhooks.models import Delivery, Event, Webhook, WebhookSubscription
from app.webhooks.states import HELD, PENDING

# A value, or the parameter that stands for it in a statement that is written down once.
Text = str | BindParameter[str]


def record(
    session: Session,
    tenant_id: str,
    event_type: str,
    entity_id: str,
    data: Mapping[str, Any],
    triggered_at: datetime,
    *,
    is_backdated: bool = False,
) -> str:
    """Writes the event and one delivery for each active webhook that subscribed to it; gives the event's id.

    ``data`` is what GET of the entity answers at this moment. The body is frozen as bytes here: whatever happens to
    the entity later, every receiver gets, and every retry sends, these bytes. One of an import of history
    (``is_backdated``) says so beside its data. Once the transaction is committed, the doorbell rings.
    """
    values = build_event(tenant_id, event_type, entity_id, data, triggered_at, is_backdated=is_backdated)
    session.execute(Event.__table__.insert(), values)  # type: ignore[attr-defined]
    session.execute(owe(tenant_id, values["id"], event_type))
    call_after_commit(session, ring)
    event_id: str = values["id"]
    return event_id


def ring() -> None:
    """Rings for the workers, who look for what was committed."""
    current_app.extensions["slipway"].doorbell.ring_soon()


def build_event(
    tenant_id: str,
    event_type: str,
    entity_id: str,
    data: Mapping[str, Any],
    triggered_at: datetime,
    *,
    is_backdated: bool = False,
) -> dict[str, Any]:
    """Gives the row of a new event, by column."""
    return {
        "id": generate_id(),
        "tenant_id": tenant_id,
        "event_type": event_type,
        "entity_id": entity_id,
        "body": build_body(event_type, data, triggered_at, is_backdated=is_backdated),
        "request_id": current_request_id(),
        "triggered_at": triggered_at,
    }


def build_body(
    event_type: str, data: Mapping[str, Any], triggered_at: datetime, *, is_backdated: bool = False
) -> bytes:
    """Gives the bytes of a webhook's body: ``{"event", "data", "triggeredAt"}`` as UTF-8 JSON.

    The member ``backdated`` stands beside them where it is true, and nowhere else.
    """
    body: dict[str, Any] = {"event": event_type, "data": data, "triggeredAt": format_time(triggered_at)}
    if is_backdated:
        body["backdated"] = True
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def owe(tenant_id: Text, event_id: Text, event_type: Text, *conditions: Any) -> Insert:
    """Gives the statement that writes one delivery of an event for each active webhook that subscribed to it.

    One statement: a webhook that is added or switched off at this very moment is either in or out, never half.
    """
    is_paused = Webhook.paused_at.is_not(None)
    subscribers = (
        select(
            random_id(),
            _say(tenant_id, Delivery.tenant_id.type),
            _say(event_id, Delivery.event_id.type),
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
            *conditions,
        )
    )
    columns = (
        "id", "tenant_id", "event_id", "webhook_id", "state", "priority", "attempt_count", "attempts_before",
        "lost_count", "next_attempt_at", "is_claimed", "is_test", "reason", "held_at", "created_at", "updated_at",
    )  # fmt: skip
    return insert(Delivery.__table__).from_select(columns, subscribers, include_defaults=False)  # type: ignore[arg-type]


def _say(value: Text, kind: TypeEngine[str]) -> ColumnElement[str]:
    return literal(value, kind) if isinstance(value, str) else value
