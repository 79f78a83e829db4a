"""Which webhooks need their owner: those that Slipway switched off, and those that it has warned of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Select, func, or_, select

from app import times
from app.accounts.actors import Actor
from app.audit import service as audit
from app.database import clock, transaction
from app.extensions import db
from app.webhooks.health_words import HELD_DAYS
from app.webhooks.models import Webhook
from app.webhooks.rows import lock_webhook


def has_troubles(tenant_id: str) -> bool:
    """Whether any webhook of the tenant needs its owner; asked for every page, so it finds one and stops."""
    return db.session.scalar(_select_troubled(tenant_id).with_only_columns(Webhook.id).limit(1)) is not None


def list_troubles(tenant_id: str, limit: int) -> Sequence[Webhook]:
    """Gives the webhooks that need their owner, those that are switched off before those that are about to be."""
    query = _select_troubled(tenant_id).order_by(Webhook.disabled_at.is_(None), Webhook.failing_since, Webhook.id)
    return db.session.scalars(query.limit(limit)).all()


def count_troubles(tenant_id: str) -> int:
    """Gives how many webhooks need their owner."""
    troubled = _select_troubled(tenant_id).with_only_columns(Webhook.id).subquery()
    return db.session.scalar(select(func.count()).select_from(troubled)) or 0


def dismiss_notice(actor: Actor, webhook_id: str) -> Webhook:
    """Commits that it is known that Slipway has switched a webhook off: it is told of no more, to nobody.

    That ends with the next time that Slipway switches it off. Of any other webhook nothing changes. Raises
    NotFoundError, PermissionDeniedError.
    """
    actor.require("webhook:write")
    with transaction() as session:
        webhook = lock_webhook(session, actor.tenant_id, webhook_id)
        if webhook.disabled_at is not None and find_dismissal(webhook) is None:
            # It changes nothing that a form of the webhook shows, so who is about to save one need not hear of it.
            webhook.dismissed_at = clock()
            session.flush()
            session.refresh(webhook, ["dismissed_at"])
            audit.record(session, actor, "webhook.notice_dismissed", webhook.id, {})
        session.expunge(webhook)
    return webhook


def find_dismissal(webhook: Webhook) -> datetime | None:
    """Gives when the notice that Slipway has switched a webhook off was dismissed, None if it was not, or is none."""
    if webhook.disabled_at is None or webhook.dismissed_at is None or webhook.dismissed_at < webhook.disabled_at:
        return None
    return webhook.dismissed_at


def _select_troubled(tenant_id: str) -> Select[Webhook]:
    # For as long as something may still be held for it: later there is nothing to save, and perhaps it is meant so.
    is_fresh = Webhook.disabled_at > times.now() - timedelta(days=HELD_DAYS)
    is_untold = or_(Webhook.dismissed_at.is_(None), Webhook.dismissed_at < Webhook.disabled_at)
    is_warned = Webhook.warned_at.is_not(None) & Webhook.active.is_(True) & Webhook.paused_at.is_(None)
    is_troubled = or_(is_fresh & is_untold, is_warned)
    return select(Webhook).where(Webhook.tenant_id == tenant_id, Webhook.deleted_at.is_(None), is_troubled)
