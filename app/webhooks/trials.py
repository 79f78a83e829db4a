"""Tells what a change of a webhook would come to, and changes nothing. Never commits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app import etags
from app.accounts.actors import Actor
from app.etags import Precondition
from app.webhooks import headers, queries, rotation, service, stored_headers, tags
from app.webhooks.models import Webhook
from app.webhooks.schema import WebhookChangeSchema

_MADE = "A new secret would be made, which the receiver needs: the present one cannot sign by this scheme."


@dataclass(frozen=True, slots=True)
class Trial:
    """What a change would make of a webhook, in the wire's names, and what its caller may not expect of it.

    A token of None is one that would be made; values of headers are masked as everywhere.
    """

    normalized: Mapping[str, Any]
    warnings: tuple[str, ...]


def try_change(actor: Actor, webhook_id: str, sent: WebhookChangeSchema, expected: Precondition = etags.NONE) -> Trial:
    """Takes changes that ``service.parse_webhook_change`` gave; gives what they would come to now.

    Raises PreconditionFailedError if the webhook is not as expected, ValidationError for what only the stored webhook
    can tell, NotFoundError, PermissionDeniedError.
    """
    actor.require("webhook:write")
    webhook = queries.get_webhook(actor.tenant_id, webhook_id)
    tags.check(webhook, expected)
    # What would be stored is thrown away: that it could be is all that is asked.
    stored_headers.choose_headers(webhook, sent.url, sent.headers)
    secret = rotation.choose_secret(webhook, sent.scheme, sent.token)
    token = secret.token if secret.is_new else service.show_token(actor, webhook)
    own = service.list_header_names(actor, webhook) if sent.headers is None else headers.mask(sent.headers)
    normalized = {**_list_settings(webhook, sent), "token": token, "scheme": secret.scheme, "headers": own}
    return Trial(normalized, (_MADE,) if secret.is_new and secret.token is None else ())


def _list_settings(webhook: Webhook, sent: WebhookChangeSchema) -> dict[str, Any]:
    """Gives all members in the order in which a new webhook's are answered."""
    rate = webhook.rate_per_second if sent.rate_per_second is None else sent.rate_per_second
    return {
        "name": sent.name or webhook.name,
        "url": sent.url or webhook.url,
        "token": None,
        "active": webhook.active if sent.active is None else sent.active,
        "events": sent.events or webhook.events,
        "scheme": webhook.scheme,
        "headers": {},
        "maxConcurrency": sent.max_concurrency or webhook.max_concurrency,
        "ratePerSecond": rate or None,
    }
