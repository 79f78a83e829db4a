"""Which webhooks need their owner: those that Slipway switched off, and those that it has warned of. Never commits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import Select, or_, select

from app import times
from app.extensions import db
from app.webhooks.health_words import HELD_DAYS
from app.webhooks.models import Webhook


def has_troubles(tenant_id: str) -> bool:
    """Whether any webhook of the tenant needs its owner; asked for every page, so it finds one and stops."""
    return db.session.scalar(_select_troubled(tenant_id).with_only_columns(Webhook.id).limit(1)) is not None


def list_troubles(tenant_id: str, limit: int) -> Sequence[Webhook]:
    """Gives the webhooks that need their owner, those that are switched off before those that are about to be."""
    query = _select_troubled(tenant_id).order_by(Webhook.disabled_at.is_(None), Webhook.failing_since, Webhook.id)
    return db.session.scalars(query.limit(limit)).all()


def _select_troubled(tenant_id: str) -> Select[Webhook]:
    # For as long as something may still be held for it: later there is nothing to save, and perhaps it is meant so.
    is_fresh = Webhook.disabled_at > times.now() - timedelta(days=HELD_DAYS)
    is_warned = Webhook.warned_at.is_not(None) & Webhook.active.is_(True) & Webhook.paused_at.is_(None)
    return select(Webhook).where(Webhook.tenant_id == tenant_id, Webhook.deleted_at.is_(None), or_(is_fresh, is_warned))
