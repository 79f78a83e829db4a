"""The forms of a webhook in JSON."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from app.times import format_time
from app.webhooks.headers import mask
from app.webhooks.models import Webhook
from app.webhooks.schema import WebhookSchema

if TYPE_CHECKING:
    from app.webhooks.health import Health


def serialize_webhook(
    webhook: Webhook, token: str, headers: Mapping[str, str], former_ends_at: datetime | None
) -> dict[str, Any]:
    """Takes a webhook, its secret as its owner sees it, and its own headers, masked; gives its members.

    ``former_ends_at`` is when the last of its former secrets ends that is still good, None if none is.
    The contract's come first, as it has them; behind them stand those that Slipway adds.
    """
    return {
        "id": webhook.id,
        "createdAt": format_time(webhook.created_at),
        "updatedAt": format_time(webhook.updated_at),
        "name": webhook.name,
        "url": webhook.url,
        "token": token,
        "active": webhook.active,
        "events": webhook.events,
        "scheme": webhook.scheme,
        "headers": dict(headers),
        "maxConcurrency": webhook.max_concurrency,
        "ratePerSecond": webhook.rate_per_second,
        "paused": webhook.paused_at is not None,
        "disabledReason": webhook.disabled_reason or None,
        "formerTokenExpiresAt": _format(former_ends_at),
    }


def serialize_settings(sent: WebhookSchema) -> dict[str, Any]:
    """Takes what was sent for a webhook that is not made; gives its members as they would be stored.

    A token of None is one that would be made; values of headers are masked here as everywhere.
    """
    return {
        "name": sent.name,
        "url": sent.url,
        "token": sent.token,
        "active": sent.active,
        "events": sent.events,
        "scheme": sent.scheme,
        "headers": mask(sent.headers or {}),
        "maxConcurrency": sent.max_concurrency,
        "ratePerSecond": sent.rate_per_second or None,
        "ping": sent.ping,
    }


def serialize_health(health: Health, dismissed_at: datetime | None) -> dict[str, Any]:
    """Takes the health of a webhook, and when the notice that it is switched off was dismissed; gives the members.

    Times that there are none of are null.
    """
    return {
        "state": health.state,
        "words": health.words,
        "attemptCount": health.attempt_count,
        "successCount": health.success_count,
        "successRate": health.success_rate,
        "p50Milliseconds": health.p50_ms,
        "p95Milliseconds": health.p95_ms,
        "lastSuccessAt": _format(health.last_success_at),
        "lastFailureAt": _format(health.last_failure_at),
        "failingSince": _format(health.failing_since),
        "failureCount": health.failure_count,
        "disablesAt": _format(health.disables_at),
        "disabledAt": _format(health.disabled_at),
        "disabledReason": health.disabled_reason or None,
        "noticeDismissedAt": _format(dismissed_at),
    }


def _format(moment: datetime | None) -> str | None:
    return format_time(moment) if moment else None
