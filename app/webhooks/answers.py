"""What the API answers of webhooks to the one who asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Response, g

from app.answers import answer_entity
from app.webhooks import health, service, tags, troubles
from app.webhooks.models import Webhook
from app.webhooks.serializers import serialize_health, serialize_webhook


def show_webhook(webhook: Webhook) -> dict[str, Any]:
    """Takes a webhook; gives its members as the actor of this request may see them. Raises PermissionDeniedError."""
    (shown,) = show_webhooks([webhook])
    return shown


def answer_webhook(webhook: Webhook, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Answers one webhook, with its entity tag. It holds a secret, so nobody keeps it. Raises as above."""
    kept = {**(headers or {}), "Cache-Control": "no-store"}
    return answer_entity(show_webhook(webhook), status, kept, tag=tags.build_tag(webhook))


def show_webhook_health(webhook: Webhook) -> dict[str, Any]:
    """Takes a webhook of the actor's tenant; gives the members of its health."""
    return serialize_health(health.describe(g.actor.tenant_id, webhook), troubles.find_dismissal(webhook))


def show_webhooks(webhooks: Sequence[Webhook]) -> list[dict[str, Any]]:
    """Takes webhooks of the actor's tenant; gives the members of each. Raises PermissionDeniedError."""
    ends = tags.find_former_ends(g.actor.tenant_id, [webhook.id for webhook in webhooks])
    return [
        serialize_webhook(
            webhook,
            service.show_token(g.actor, webhook),
            service.list_header_names(g.actor, webhook),
            ends.get(webhook.id),
        )
        for webhook in webhooks
    ]
