"""Holds back what a webhook is owed and lets it go again: while it is paused, and while it is switched off.

Paused, a webhook is still told of events, later: they are recorded and held. Switched off, it is not; only what it
was owed before waits.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app import etags, times
from app.accounts.actors import Actor
from app.audit import service as audit
from app.database import clock, transaction
from app.etags import Precondition
from app.webhooks import queries, rounds, tags
from app.webhooks.models import Delivery, Webhook
from app.webhooks.rows import lock_webhook
from app.webhooks.states import HELD, PENDING

PAUSED: Final = "The webhook is paused."
SWITCHED_OFF: Final = "The webhook is switched off."


def pause_webhook(actor: Actor, webhook_id: str, expected: Precondition = etags.NONE) -> Webhook:
    """Commits a pause: from now on nothing but tests goes out. Pausing again changes nothing.

    Raises PreconditionFailedError if the webhook is not as expected, NotFoundError, PermissionDeniedError.
    """
    actor.require("webhook:write")
    queries.get_webhook(actor.tenant_id, webhook_id)
    with transaction() as session:
        held = hold_pending(session, actor.tenant_id, webhook_id, PAUSED)
        webhook = lock_webhook(session, actor.tenant_id, webhook_id)
        tags.check(webhook, expected)
        if webhook.paused_at is None:
            webhook.paused_at = webhook.updated_at = times.now()
            session.flush()
            audit.record(session, actor, "webhook.paused", webhook.id, {"held": held})
        session.expunge(webhook)
    return webhook


def resume_webhook(actor: Actor, webhook_id: str, expected: Precondition = etags.NONE) -> Webhook:
    """Commits the end of a pause: what was held goes out at a ramp. Without a pause nothing changes.

    Raises PreconditionFailedError if the webhook is not as expected, NotFoundError, PermissionDeniedError.
    """
    actor.require("webhook:write")
    with transaction() as session:
        lock_held(session, actor.tenant_id, webhook_id)
        webhook = lock_webhook(session, actor.tenant_id, webhook_id)
        tags.check(webhook, expected)
        if webhook.paused_at is not None:
            webhook.paused_at, webhook.updated_at = None, times.now()
            # Nobody is switched off for the days in which nothing was sent.
            webhook.failing_since, webhook.failure_count, webhook.warned_at = None, 0, None
            session.flush()
            released = _release(session, webhook)
            audit.record(session, actor, "webhook.resumed", webhook.id, {"released": released})
        session.expunge(webhook)
    return webhook


def switch(session: Session, webhook: Webhook, *, is_active: bool) -> None:
    """Takes a locked webhook and switches it on or off, if it is not so already. Never commits.

    Switched on, it starts anew: what spoke against it is forgotten, and what was held goes out at a ramp, unless it
    is paused. Whoever switches it off holds what is pending before that.
    """
    if webhook.active == is_active:
        return
    webhook.active = is_active
    if is_active:
        webhook.disabled_at, webhook.disabled_reason = None, ""
        webhook.failing_since, webhook.failure_count, webhook.warned_at = None, 0, None
        _release(session, webhook)


def hold_pending(session: Session, tenant_id: str, webhook_id: str, reason: str) -> int:
    """Holds what is pending, tests left out; gives how many there are.

    An attempt that is under way keeps its claim in vain: its outcome is written down and changes nothing. To be called
    before the webhook's row is locked: whoever records outcomes locks deliveries first, too, and in the same order.
    """
    pending = (
        select(Delivery.id)
        .where(
            Delivery.tenant_id == tenant_id,
            Delivery.webhook_id == webhook_id,
            Delivery.state == PENDING,
            Delivery.is_test.is_(False),
        )
        .order_by(Delivery.id)
        .with_for_update()
        .cte("pending")
    )
    held = session.scalars(
        update(Delivery)
        .where(Delivery.tenant_id == tenant_id, Delivery.id.in_(select(pending.c.id)))
        .values(
            state=HELD,
            is_claimed=False,
            next_attempt_at=None,
            held_at=clock(),
            reason=reason,
            updated_at=clock(),
        )
        # Counted like this, for SQLite's driver counts no rows of a statement that begins with WITH.
        .returning(Delivery.id)
        .execution_options(synchronize_session=False)
    )
    return len(held.all())


def lock_held(session: Session, tenant_id: str, webhook_id: str) -> None:
    """Locks what is held. To be called before the webhook's row is locked, as by everybody, and before a release."""
    session.execute(
        select(Delivery.id)
        .where(Delivery.tenant_id == tenant_id, Delivery.webhook_id == webhook_id, Delivery.state == HELD)
        .order_by(Delivery.id)
        .with_for_update()
    )


def _release(session: Session, webhook: Webhook) -> int:
    if not webhook.active or webhook.paused_at is not None:
        # One of two reasons is gone: what is held says the one that is left.
        session.execute(
            update(Delivery)
            .where(Delivery.tenant_id == webhook.tenant_id, Delivery.webhook_id == webhook.id, Delivery.state == HELD)
            .values(reason=PAUSED if webhook.active else SWITCHED_OFF)
            .execution_options(synchronize_session=False)
        )
        return 0
    return rounds.release_held(session, webhook.tenant_id, webhook.id)
