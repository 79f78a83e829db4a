"""The log of attempts, as ``/v3/webhook-event-logs`` shows it. Every query names its tenant; none commits."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import lazyload

from app.comparisons import Condition
from app.deliveries.schema import parse_attempt_id
from app.exceptions import NotFoundError
from app.extensions import db
from app.listing import ListQuery, cut_list
from app.webhooks.models import Attempt, Delivery, Event, Webhook


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """An attempt with what is needed to tell of it."""

    attempt: Attempt
    delivery: Delivery
    webhook: Webhook
    event_type: str
    entity_id: str
    request_id: str


def list_attempts(tenant_id: str, wanted: ListQuery) -> list[AttemptRecord]:
    """Gives the part of the tenant's attempts that fit."""
    # In two steps, for the same reason as the list of deliveries.
    query = select(Attempt.id).where(Attempt.tenant_id == tenant_id, *wanted.conditions)
    ids = db.session.scalars(cut_list(query, (Attempt.started_at, Attempt.delivery_id), wanted)).all()
    found = {it.attempt.id: it for it in _load_records(tenant_id, Attempt.id.in_(ids))} if ids else {}
    return [found[attempt_id] for attempt_id in ids if attempt_id in found]


def get_attempt(tenant_id: str, attempt_id: str) -> AttemptRecord:
    """Gives the tenant's attempt. Raises NotFoundError, alike for an absent one and for another tenant's."""
    key = parse_attempt_id(attempt_id)
    if key is not None:
        is_meant = Attempt.delivery_id.between(key.first_delivery_id, key.last_delivery_id)
        for record in _load_records(tenant_id, is_meant & (Attempt.number == key.number)):
            return record
    raise NotFoundError("There is no such attempt.")


def _load_records(tenant_id: str, condition: Condition) -> list[AttemptRecord]:
    query = (
        select(Attempt, Delivery, Webhook, Event.event_type, Event.entity_id, Event.request_id)
        .join(Delivery, (Delivery.id == Attempt.delivery_id) & (Delivery.tenant_id == Attempt.tenant_id))
        .join(Webhook, (Webhook.id == Delivery.webhook_id) & (Webhook.tenant_id == Delivery.tenant_id))
        .join(Event, (Event.id == Delivery.event_id) & (Event.tenant_id == Delivery.tenant_id))
        .where(Attempt.tenant_id == tenant_id, condition)
        .options(lazyload(Webhook.subscriptions))
    )
    return [AttemptRecord(*row) for row in db.session.execute(query)]
