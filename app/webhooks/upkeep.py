"""What the relay does for all tenants' webhooks from time to time. Each function commits short transactions.

Two relays may call the same at once: every change says what it expects to find, and whoever comes second changes
nothing.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from itertools import takewhile
from typing import Final

from sqlalchemy import ColumnElement, and_, exists, literal_column, or_, select, update

from app import times
from app.accounts import queries as accounts
from app.database import clock, transaction
from app.extensions import db
from app.webhooks import health
from app.webhooks.health_words import (
    DISABLE_AFTER,
    DISABLE_FAILURES,
    HELD_DAYS,
    WARN_AFTER,
    WARNED_FOR,
    give_reason,
    write_warning,
)
from app.webhooks.models import Attempt, Delivery, Webhook
from app.webhooks.states import DEAD, HELD, LOST, LOST_REASON, STARTED

logger = logging.getLogger(__name__)

BATCH: Final = 500
_WEBHOOKS_LIMIT = 100
# Eight times as long as an attempt may take.
_LOST_SECONDS = 120
_LOOKED_AT = 2000
_DAY_SECONDS = 86400
_EXPIRED = f"It was held for {HELD_DAYS} days, and the webhook was not switched on or resumed in that time."


class _ChangedMeanwhileError(Exception):
    """What was to be done must not be done any more; rolls its transaction back."""


def warn_and_disable() -> bool:
    """Warns of webhooks that have failed for four days; switches off those that have for five, if warned a day ago.

    Each is warned of however few its failures are, since the rest may come within the day; it is switched off with the
    twentieth. A paused one is left alone: nothing is sent to it that could succeed. Gives whether there may be more.
    """
    query = (
        select(Webhook.id, Webhook.tenant_id, Webhook.warned_at)
        .where(or_(_build_warned_rule(), _build_disabled_rule()))
        .limit(_WEBHOOKS_LIMIT)
    )
    found = db.session.execute(query).all()
    db.session.remove()
    for webhook_id, tenant_id, warned_at in found:
        if warned_at is None and _warn(tenant_id, webhook_id):
            logger.warning("warned of a webhook", extra={"webhook": webhook_id, "tenant": tenant_id})
        elif warned_at is not None and _disable(tenant_id, webhook_id):
            logger.warning("switched off a webhook", extra={"webhook": webhook_id, "tenant": tenant_id})
    return len(found) == _WEBHOOKS_LIMIT


def expire_held() -> bool:
    """Gives up deliveries of one webhook that were held for 30 days, some hundreds at once.

    Gives whether there were any.
    """
    is_expired = _build_expired_rule()
    waiting = select(Webhook.tenant_id, Webhook.id).where(exists().where(is_expired)).limit(1)
    webhook = db.session.execute(waiting).one_or_none()
    db.session.remove()
    if webhook is None:
        return False
    expired = (
        select(Delivery.id)
        .join(Webhook, is_expired)
        .where(Webhook.tenant_id == webhook.tenant_id, Webhook.id == webhook.id)
        .order_by(Delivery.held_at)
        .limit(BATCH)
        .with_for_update(skip_locked=True, of=Delivery)
        .cte("expired")
    )
    with transaction() as session:
        session.execute(
            update(Delivery)
            .where(Delivery.tenant_id == webhook.tenant_id, Delivery.id.in_(select(expired.c.id)))
            .values(state=DEAD, reason=_EXPIRED, held_at=None, updated_at=clock())
            .execution_options(synchronize_session=False)
        )
    return True


class LostAttempts:
    """Finds attempts that nobody will end: their worker died after their delivery was taken from them.

    Of a delivery that is still due, the next claim says so. Looks at every attempt once, in the order of their ids, a
    small step at a time, because an index of those under way would make each attempt dearer.
    """

    def __init__(self) -> None:
        self._last_id = 0

    def mark(self) -> bool:
        """Marks those among the next attempts as lost; gives whether there may be more to look at."""
        query = (
            select(Attempt.id, Attempt.outcome, (Attempt.started_at <= clock(-_LOST_SECONDS)).label("is_over"))
            .where(Attempt.id > self._last_id)
            .order_by(Attempt.id)
            .limit(_LOOKED_AT)
        )
        over = list(takewhile(lambda row: row.is_over, db.session.execute(query)))
        db.session.remove()
        if lost := [row.id for row in over if row.outcome == STARTED]:
            with transaction() as session:
                session.execute(
                    update(Attempt)
                    .where(Attempt.id.in_(lost), Attempt.outcome == STARTED)
                    .values(outcome=LOST, finished_at=clock(), error_message=LOST_REASON)
                    .execution_options(synchronize_session=False)
                )
        if over:
            self._last_id = over[-1].id
        return len(over) == _LOOKED_AT


def _build_expired_rule() -> ColumnElement[bool]:
    return and_(
        Delivery.tenant_id == Webhook.tenant_id,
        Delivery.webhook_id == Webhook.id,
        # As a constant, so that the partial index is seen to fit.
        Delivery.state == literal_column(f"'{HELD}'"),
        Delivery.held_at <= clock(-HELD_DAYS * _DAY_SECONDS),
    )


def _build_warned_rule() -> ColumnElement[bool]:
    return and_(
        _build_watched_rule(), Webhook.warned_at.is_(None), Webhook.failing_since <= _build_moment_before(WARN_AFTER)
    )


def _build_disabled_rule() -> ColumnElement[bool]:
    return and_(
        _build_watched_rule(),
        Webhook.failing_since <= _build_moment_before(DISABLE_AFTER),
        Webhook.failure_count >= DISABLE_FAILURES,
        Webhook.warned_at <= _build_moment_before(WARNED_FOR),
    )


def _build_watched_rule() -> ColumnElement[bool]:
    return and_(Webhook.active.is_(True), Webhook.deleted_at.is_(None), Webhook.paused_at.is_(None))


def _build_moment_before(length: timedelta) -> clock:
    return clock(-length.total_seconds())


def _warn(tenant_id: str, webhook_id: str) -> bool:
    with transaction() as session:
        webhook = session.execute(
            update(Webhook)
            .where(Webhook.tenant_id == tenant_id, Webhook.id == webhook_id, _build_warned_rule())
            .values(warned_at=clock())
            .returning(
                Webhook.name,
                Webhook.active,
                Webhook.paused_at,
                Webhook.failing_since,
                Webhook.failure_count,
                Webhook.warned_at,
                Webhook.disabled_at,
                Webhook.disabled_reason,
            )
            .execution_options(synchronize_session=False)
        ).one_or_none()
        if webhook is None:
            return False
        organisation = accounts.get_tenant(tenant_id).name
        standing = health.build_standing(webhook)
        written = write_warning(webhook.name, organisation, health.build_link(webhook_id), standing, times.now())
        health.tell(session, tenant_id, *written)
    return True


def _disable(tenant_id: str, webhook_id: str) -> bool:
    try:
        with transaction() as session:
            webhook = session.scalars(
                select(Webhook).where(Webhook.tenant_id == tenant_id, Webhook.id == webhook_id)
            ).one()
            reason = give_reason(health.build_standing(webhook))
            if not health.switch_off(session, tenant_id, webhook_id, reason, [_build_disabled_rule()]):
                raise _ChangedMeanwhileError
    except _ChangedMeanwhileError:
        return False
    return True
