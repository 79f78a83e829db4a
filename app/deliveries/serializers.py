"""The forms of a delivery and of an attempt in JSON."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from app.deliveries.logs import AttemptRecord
from app.deliveries.queries import DeliveryRecord
from app.deliveries.schema import build_attempt_id
from app.deliveries.wording import find_state
from app.times import format_time
from app.webhooks import states
from app.webhooks.models import Attempt, Delivery, Webhook


def serialize_delivery(record: DeliveryRecord) -> dict[str, Any]:
    """Takes a delivery; gives its members in JSON."""
    delivery = record.delivery
    return {
        "id": delivery.id,
        "createdAt": format_time(delivery.created_at),
        "updatedAt": format_time(delivery.updated_at),
        "webhookId": delivery.webhook_id,
        "webhookName": record.webhook.name,
        "event": record.event_type,
        "eventId": delivery.event_id,
        "entityId": record.entity_id,
        "requestId": record.request_id or None,
        "state": find_state(delivery),
        "reason": delivery.reason,
        "attempts": delivery.attempt_count,
        "nextAttemptAt": _format_optional(delivery.next_attempt_at),
        "deliveredAt": _format_optional(delivery.delivered_at),
        "heldAt": _format_optional(delivery.held_at),
        "test": delivery.is_test,
    }


def serialize_whole_delivery(record: DeliveryRecord) -> dict[str, Any]:
    """Takes a delivery with its body and attempts; gives its members with both, the body as the text that is sent."""
    told = (record.event_type, record.entity_id, record.request_id)
    attempts = [serialize_attempt(AttemptRecord(it, record.delivery, record.webhook, *told)) for it in record.attempts]
    return {**serialize_delivery(record), "requestBody": record.body.decode(), "log": attempts}


def serialize_attempt(record: AttemptRecord) -> dict[str, Any]:
    """Takes an attempt; gives its members in JSON."""
    attempt, delivery = record.attempt, record.delivery
    return {
        "id": build_attempt_id(attempt.delivery_id, attempt.number),
        "createdAt": format_time(attempt.started_at),
        "updatedAt": format_time(attempt.finished_at or attempt.started_at),
        "webhookId": delivery.webhook_id,
        "webhookName": record.webhook.name,
        "url": find_url(attempt, record.webhook),
        "event": record.event_type,
        "eventId": delivery.event_id,
        "deliveryId": delivery.id,
        "entityId": record.entity_id,
        "requestId": record.request_id or None,
        "attempt": attempt.number,
        "outcome": attempt.outcome,
        "statusCode": attempt.status_code,
        "sentAt": format_time(attempt.started_at),
        "receivedAt": _format_optional(find_received_at(attempt)),
        "durationMilliseconds": measure_duration(attempt),
        "error": attempt.error,
        "errorMessage": attempt.error_message,
        "retryReason": find_retry_reason(attempt, delivery),
        "retryAt": _format_optional(attempt.retry_at),
        "phases": _serialize_phases(attempt),
        "address": attempt.address,
        "requestHeaders": attempt.request_headers,
        "responseBody": attempt.response_snippet,
        "test": attempt.is_test,
    }


def find_url(attempt: Attempt, webhook: Webhook) -> str:
    """Gives what an attempt has called; of an old one, which does not say, the webhook's present URL."""
    return attempt.url or webhook.url


def measure_duration(attempt: Attempt) -> int | None:
    """Gives how many milliseconds an attempt took, None while it is under way."""
    if attempt.phases and "total" in attempt.phases:
        return int(attempt.phases["total"])
    if attempt.finished_at is None:
        return None
    return round((attempt.finished_at - attempt.started_at).total_seconds() * 1000)


def find_received_at(attempt: Attempt) -> datetime | None:
    """Gives when an answer had arrived, None without one. When it was written down is another, later time."""
    milliseconds = measure_duration(attempt)
    if attempt.status_code is None or milliseconds is None:
        return None
    return attempt.started_at + timedelta(milliseconds=milliseconds)


def _serialize_phases(attempt: Attempt) -> dict[str, int] | None:
    return None if attempt.phases is None else {_camelize(name): value for name, value in attempt.phases.items()}


def _camelize(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def find_retry_reason(attempt: Attempt, delivery: Delivery) -> str | None:
    """Gives what an attempt was followed, or is to be followed, by another one for; None if nothing follows by itself.

    One that was lost with its worker has no time for the next: that one comes once the lease has run out.
    """
    is_lost_and_repeated = attempt.outcome == states.LOST and attempt.number < delivery.attempt_count
    return attempt.error_message if attempt.retry_at or is_lost_and_repeated else None


def _format_optional(moment: datetime | None) -> str | None:
    return format_time(moment) if moment else None
