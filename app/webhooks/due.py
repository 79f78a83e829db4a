"""Finds what is due, in time that grows with the number of webhooks that wait and not with what waits for them.

The statements are built once: a busy worker runs each of them a hundred times a second, and building one takes longer
than the database takes to answer it.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Integer,
    ScalarSelect,
    Select,
    SmallInteger,
    and_,
    bindparam,
    case,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.orm import Session

from app.database import Id, clock
from app.webhooks.models import Attempt, Delivery, Webhook
from app.webhooks.pacing import Candidate, Quota
from app.webhooks.rounds import BACKLOG, FIRST, RETRY

# Longer than the longest attempt: a lease that runs out belongs to a worker that is gone.
LEASE_SECONDS: Final = 30
_RATE_SECONDS = 1.0
_DELIVERIES: Any = Delivery.__table__
_WEBHOOKS: Any = Webhook.__table__
_ATTEMPTS: Any = Attempt.__table__


def has_due(session: Session) -> bool:
    """Whether anything is due: new, to be retried, or left behind by a worker whose lease has run out."""
    return session.connection().scalar(_build_has_due()) is not None


def find_candidates(session: Session) -> list[Candidate]:
    """Gives the webhooks that have something due of each priority, and how many attempts each may begin now."""
    return [
        Candidate(webhook_id, tenant_id, priority, oldest_at, min(room, budget))
        for webhook_id, tenant_id, priority, oldest_at, room, budget in session.connection().execute(
            _build_candidates()
        )
    ]


@functools.cache
def _build_has_due() -> Select[int]:
    query = select(literal(1)).select_from(_DELIVERIES)
    return query.where(_is_pending(_DELIVERIES), _DELIVERIES.c.next_attempt_at <= clock()).limit(1)


@functools.cache
def _build_candidates() -> Select[Any]:
    waiting = union_all(*(_find_waiting(priority) for priority in (FIRST, RETRY, BACKLOG))).subquery()
    room = _WEBHOOKS.c.max_concurrency - _count_under_way(waiting.c.webhook_id)
    rate = _WEBHOOKS.c.rate_per_second
    budget = case((rate.is_not(None), rate - _count_begun()), else_=_WEBHOOKS.c.max_concurrency)
    return (
        select(waiting.c.webhook_id, _WEBHOOKS.c.tenant_id, waiting.c.priority, waiting.c.oldest_at, room, budget)
        .select_from(waiting.join(_WEBHOOKS, _WEBHOOKS.c.id == waiting.c.webhook_id))
        .where(waiting.c.oldest_at <= clock())
    )


def _is_pending(deliveries: Any) -> ColumnElement[bool]:
    # As a constant, not as a parameter: a prepared statement could not see that the partial indexes fit.
    result: ColumnElement[bool] = deliveries.c.state == literal_column("'pending'")
    return result


def _has_priority(deliveries: Any, priority: int) -> ColumnElement[bool]:
    return and_(_is_pending(deliveries), deliveries.c.priority == literal_column(str(priority), Integer))


def _find_waiting(priority: int) -> Select[Any]:
    """Selects each webhook that has pending deliveries of the priority, with the time of the first of them.

    A loose index scan: it goes through the index from one webhook to the next, and passes over what each has.
    """
    steps = select(_find_next(priority).label("webhook_id")).cte(f"waiting_{priority}", recursive=True)
    steps = steps.union_all(select(_find_next(priority, steps.c.webhook_id)).where(steps.c.webhook_id.is_not(None)))
    deliveries = _DELIVERIES.alias()
    oldest = (
        select(func.min(deliveries.c.next_attempt_at))
        .where(_has_priority(deliveries, priority), deliveries.c.webhook_id == steps.c.webhook_id)
        .correlate(steps)
        .scalar_subquery()
    )
    return select(
        steps.c.webhook_id, literal_column(str(priority), Integer).label("priority"), oldest.label("oldest_at")
    ).where(steps.c.webhook_id.is_not(None))


def _find_next(priority: int, after: ColumnElement[str] | None = None) -> ScalarSelect[str]:
    deliveries = _DELIVERIES.alias()
    query = select(deliveries.c.webhook_id).where(_has_priority(deliveries, priority))
    if after is not None:
        query = query.where(deliveries.c.webhook_id > after)
    return query.order_by(deliveries.c.webhook_id).limit(1).scalar_subquery()


def _count_under_way(webhook_id: ColumnElement[str]) -> ColumnElement[int]:
    """Counts what all workers have under way at a webhook: claimed, and the lease has not run out."""
    deliveries = _DELIVERIES.alias()
    return (
        select(func.count())
        .where(
            _is_pending(deliveries),
            deliveries.c.priority.in_([literal_column(str(priority), Integer) for priority in (FIRST, RETRY, BACKLOG)]),
            deliveries.c.webhook_id == webhook_id,
            deliveries.c.is_claimed,
            # Retries have their time in the same column; those that are further away than a lease are passed over.
            deliveries.c.next_attempt_at > clock(),
            deliveries.c.next_attempt_at <= clock(LEASE_SECONDS),
        )
        .scalar_subquery()
    )


def _count_begun() -> ColumnElement[int]:
    """Counts the attempts that began at a webhook within the time that its rate is of."""
    return (
        select(func.count())
        .where(
            _ATTEMPTS.c.tenant_id == _WEBHOOKS.c.tenant_id,
            _ATTEMPTS.c.webhook_id == _WEBHOOKS.c.id,
            _ATTEMPTS.c.started_at > clock(-_RATE_SECONDS),
        )
        .correlate(_WEBHOOKS)
        .scalar_subquery()
    )


def find_due(session: Session, quotas: Sequence[Quota]) -> list[str]:
    """Gives the ids of the deliveries that the quotas ask for, the longest due first of each; for SQLite.

    There a transaction that writes is alone, so what is found stays as it is.
    """
    connection = session.connection()
    return [
        delivery_id
        for quota in quotas
        for delivery_id in connection.scalars(
            _build_select_one(),
            {"the_priority": quota.priority, "the_webhook_id": quota.webhook_id, "the_count": quota.count},
        )
    ]


@functools.cache
def _build_select_one() -> Select[str]:
    return (
        select(_DELIVERIES.c.id)
        .where(
            _is_pending(_DELIVERIES),
            _DELIVERIES.c.priority == bindparam("the_priority"),
            _DELIVERIES.c.webhook_id == bindparam("the_webhook_id"),
            _DELIVERIES.c.next_attempt_at <= clock(),
            _may_be_sent(),
        )
        .order_by(_DELIVERIES.c.next_attempt_at)
        .limit(bindparam("the_count", type_=Integer))
    )


def select_due() -> Select[str]:
    """Gives the query for the same on PostgreSQL, which locks what it finds and passes over what is locked.

    Its parameters are three arrays of equal length: ``the_webhook_ids``, ``the_priorities`` and ``the_counts``.
    """
    asked = (
        func.unnest(
            bindparam("the_webhook_ids", type_=ARRAY(Id)),
            bindparam("the_priorities", type_=ARRAY(SmallInteger)),
            bindparam("the_counts", type_=ARRAY(Integer)),
        )
        .table_valued("webhook_id", "priority", "count", name="asked")
        .render_derived()
    )
    found = (
        select(_DELIVERIES.c.id)
        .where(
            _is_pending(_DELIVERIES),
            _DELIVERIES.c.priority == asked.c.priority,
            _DELIVERIES.c.webhook_id == asked.c.webhook_id,
            _DELIVERIES.c.next_attempt_at <= clock(),
            _may_be_sent(),
        )
        .order_by(_DELIVERIES.c.next_attempt_at)
        .limit(asked.c.count)
        .with_for_update(skip_locked=True)
        .correlate(asked)
        .lateral("found")
    )
    # As a plain subquery it may be run once for each row, passing over what it has locked itself, limit or not.
    due = select(found.c.id).select_from(asked.join(found, true())).cte("due")
    return select(due.c.id)


def _may_be_sent() -> ColumnElement[bool]:
    # What was owed at the very moment of a pause may have been overlooked by it; ``upkeep`` holds it in time.
    webhooks = _WEBHOOKS.alias()
    is_open = and_(webhooks.c.active, webhooks.c.paused_at.is_(None))
    return (
        select(literal(1))
        .where(
            webhooks.c.id == _DELIVERIES.c.webhook_id,
            webhooks.c.deleted_at.is_(None),
            or_(_DELIVERIES.c.is_test, is_open),
        )
        .correlate(_DELIVERIES)
        .exists()
    )


def build_parameters(quotas: Sequence[Quota]) -> dict[str, Any]:
    """Gives the parameters of ``select_due``."""
    return {
        "the_webhook_ids": [quota.webhook_id for quota in quotas],
        "the_priorities": [quota.priority for quota in quotas],
        "the_counts": [quota.count for quota in quotas],
    }
