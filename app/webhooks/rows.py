"""Takes a webhook's row for oneself, inside a transaction of a service."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.exceptions import NotFoundError
from app.text import is_canonical_id
from app.webhooks.models import Webhook


def lock_webhook(session: Session, tenant_id: str, webhook_id: str) -> Webhook:
    """Gives the tenant's webhook, which nobody else changes before this transaction is over.

    Of two who change it at once, the second sees what the first has made of it. Whoever records an event for the
    webhook meanwhile does not wait. Raises NotFoundError for an absent, a deleted and another tenant's one alike.
    """
    query = (
        select(Webhook)
        .where(Webhook.tenant_id == tenant_id, Webhook.id == webhook_id, Webhook.deleted_at.is_(None))
        # NO KEY: a row that refers to the webhook, such as a new delivery, needs its key alone. SQLite has one writer.
        .with_for_update(key_share=True, of=Webhook)
        .execution_options(populate_existing=True)
    )
    webhook = session.scalar(query) if is_canonical_id(webhook_id) else None
    if webhook is None:
        raise NotFoundError("There is no such webhook.")
    return webhook
