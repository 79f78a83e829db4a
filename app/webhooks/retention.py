"""Deletes what is past its time: events with their deliveries and attempts, replays, e-mails. What is open stays.

What has a time of its own goes by that, however long the rest is kept: former secrets, tries to sign in, deleted
releases, and what was typed into forms.

A little at a time, in short transactions: the relay deletes some hundreds of rows between two looks at what is due, and
goes on at the next one while there is more. Nobody waits for it, and two relays pass over each other's rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from flask import current_app
from sqlalchemy import ColumnElement, Select, delete, exists, select
from sqlalchemy.orm import Session

from app.accounts.attempts import WINDOW_SECONDS
from app.accounts.models import SignInAttempt, Tenant
from app.database import clock, transaction
from app.drafts.models import Draft
from app.drafts.service import LIFETIME_DAYS
from app.extensions import db
from app.mail import states as mail_states
from app.mail.models import Mail
from app.publishers.models import PublisherToken, SpentIdentityToken
from app.releases.deletion import KEPT_DAYS
from app.releases.models import DeletedRelease
from app.replays.models import Replay
from app.webhooks.models import Attempt, Delivery, Event, FormerSecret
from app.webhooks.states import HELD, PENDING

BATCH: Final = 500
_DAY_SECONDS = 86400
_RUNNING = "running"
_OPEN = (PENDING, HELD)


def delete_old() -> bool:
    """Deletes at most 500 rows that are past their time; gives whether there were any.

    Of those that are older than RETENTION_DAYS all are of one tenant.
    """
    return bool(_delete_expired()) or _delete_aged()


def _delete_expired() -> int:
    """Deletes what nobody can use any more: former secrets, tries to sign in, deleted releases, forgotten drafts, and
    the tokens of jobs of CI."""
    is_uncounted = SignInAttempt.attempted_at < clock(-WINDOW_SECONDS)
    is_gone = DeletedRelease.deleted_at <= clock(-KEPT_DAYS * _DAY_SECONDS)
    is_forgotten = Draft.updated_at < clock(-LIFETIME_DAYS * _DAY_SECONDS)
    with transaction() as session:
        deleted = _delete_rows(session, FormerSecret, [FormerSecret.expires_at <= clock()], BATCH)
        deleted += _delete_rows(session, SignInAttempt, [is_uncounted], BATCH - deleted)
        deleted += _delete_rows(session, DeletedRelease, [is_gone], BATCH - deleted)
        for model in (PublisherToken, SpentIdentityToken):
            deleted += _delete_rows(session, model, [model.expires_at <= clock()], BATCH - deleted)
        return deleted + _delete_rows(session, Draft, [is_forgotten], BATCH - deleted)


def _delete_aged() -> bool:
    days = current_app.extensions["slipway"].settings.retention_days
    if not days:
        return False
    before = clock(-days * _DAY_SECONDS)
    tenant_ids = db.session.scalars(_select_tenants(before)).all()
    db.session.remove()
    return any(_delete_of_tenant(tenant_id, before) for tenant_id in tenant_ids)


def _select_tenants(before: ColumnElement[Any]) -> Select[Any]:
    """Selects those that have something so old, be it open or not."""
    return (
        select(Tenant.id)
        .where(
            exists().where(Event.tenant_id == Tenant.id, Event.triggered_at < before)
            | exists().where(Replay.tenant_id == Tenant.id, Replay.finished_at < before)
            | exists().where(Mail.tenant_id == Tenant.id, Mail.created_at < before)
        )
        .order_by(Tenant.id)
    )


def _delete_of_tenant(tenant_id: str, before: ColumnElement[Any]) -> int:
    is_over = [Replay.finished_at < before, Replay.state != _RUNNING]
    is_sent = [Mail.created_at < before, Mail.state != mail_states.PENDING]
    with transaction() as session:
        deleted = _delete_events(session, tenant_id, before)
        deleted += _delete(session, Replay, tenant_id, is_over, BATCH - deleted)
        return deleted + _delete(session, Mail, tenant_id, is_sent, BATCH - deleted)


def _delete_events(session: Session, tenant_id: str, before: ColumnElement[Any]) -> int:
    """Deletes attempts, then deliveries that have none left, then events that have none left."""
    event_ids = _lock_events(session, tenant_id, before)
    # Locked, they are not sent again before this is over: an attempt is deleted with its delivery, or soon before.
    delivery_ids = session.scalars(
        select(Delivery.id)
        .where(Delivery.tenant_id == tenant_id, Delivery.event_id.in_(event_ids), Delivery.state.not_in(_OPEN))
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    ).all()
    is_tried = exists().where(Attempt.tenant_id == Delivery.tenant_id, Attempt.delivery_id == Delivery.id)
    is_owed = exists().where(Delivery.tenant_id == Event.tenant_id, Delivery.event_id == Event.id)
    deleted = _delete(session, Attempt, tenant_id, [Attempt.delivery_id.in_(delivery_ids)], BATCH)
    deleted += _delete(session, Delivery, tenant_id, [Delivery.id.in_(delivery_ids), ~is_tried], BATCH - deleted)
    return deleted + _delete(session, Event, tenant_id, [Event.id.in_(event_ids), ~is_owed], BATCH - deleted)


def _lock_events(session: Session, tenant_id: str, before: ColumnElement[Any]) -> Sequence[str]:
    """Gives events that are old and owed to nobody. A replay of what was missed waits before it owes one of them."""
    is_open = exists().where(
        Delivery.tenant_id == Event.tenant_id, Delivery.event_id == Event.id, Delivery.state.in_(_OPEN)
    )
    query = (
        select(Event.id)
        .where(Event.tenant_id == tenant_id, Event.triggered_at < before, ~is_open)
        .order_by(Event.triggered_at)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    return session.scalars(query).all()


def _delete(session: Session, model: Any, tenant_id: str, criteria: Sequence[ColumnElement[bool]], limit: int) -> int:
    """Deletes at most so many of a tenant's rows; gives how many there were."""
    return _delete_rows(session, model, [model.tenant_id == tenant_id, *criteria], limit)


def _delete_rows(session: Session, model: Any, criteria: Sequence[ColumnElement[bool]], limit: int) -> int:
    """Deletes at most so many of the rows, and none that somebody else holds; gives how many there were."""
    if limit <= 0:
        return 0
    chosen = select(model.id).where(*criteria).limit(limit).with_for_update(skip_locked=True, of=model).cte("chosen")
    deleted = session.scalars(
        delete(model)
        .where(model.id.in_(select(chosen.c.id)))
        # Counted like this, for SQLite's driver counts no rows of a statement that begins with WITH.
        .returning(model.id)
        .execution_options(synchronize_session=False)
    )
    return len(deleted.all())
