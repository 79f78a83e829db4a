"""Finds what is due, in time that grows with the number of webhooks that wait and not with what waits for them.

The statements are built once: a busy worker runs each of them a hundred times a second, and building one takes longer
than the database takes to answer it.
"""

from __future__ import annotations

import functools
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Integer,
    ScalarSelect,
    Select,
    and_,
    case,
    func,
    literal,
    literal_column,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from app.database import clock
from app.webhooks.models import Attempt, Delivery, Webhook
from app.webhooks.pacing import Candidate
from app.webhooks.rounds import BACKLOG, FIRST, RETRY
from app.webhooks.states import STARTED

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


def is_pending(deliveries: Any) -> ColumnElement[bool]:
    """Takes the table of deliveries, or an alias of it; gives the condition that one is owed and not held."""
    # As a constant, not as a parameter: a prepared statement could not see that the partial indexes fit.
    result: ColumnElement[bool] = deliveries.c.state == literal_column("'pending'")
    return result


def is_free(columns: Any) -> ColumnElement[bool]:
    """Takes the model, or the columns of its table; gives the condition that no claim stands in the way of another one.

    What is claimed keeps its place in the indexes and is passed over there: at one webhook that is never more than it
    may have under way.
    """
    # A lease without an end would keep a delivery from ever being sent.
    has_ended = or_(columns.leased_until.is_(None), columns.leased_until <= clock())
    return or_(columns.is_claimed.is_(False), has_ended)


@functools.cache
def _build_has_due() -> Select[int]:
    query = select(literal(1)).select_from(_DELIVERIES)
    is_due = _DELIVERIES.c.next_attempt_at <= clock()
    query = query.where(is_pending(_DELIVERIES), is_due, is_free(_DELIVERIES.c))
    # In this order, for one that is not due ends the search. Left to itself, PostgreSQL would hope to meet one that is
    # due anywhere, and read all that wait for their retries when there is none.
    return query.order_by(_DELIVERIES.c.next_attempt_at).limit(1)


@functools.cache
def _build_candidates() -> Select[Any]:
    waiting = union_all(*(_find_waiting(priority) for priority in (FIRST, RETRY, BACKLOG))).cte("waiting")
    # Else PostgreSQL looks each webhook's first delivery up twice: to compare its time, and to give it.
    waiting = waiting.prefix_with("MATERIALIZED", dialect="postgresql")
    room = _WEBHOOKS.c.max_concurrency - _count_under_way(waiting.c.webhook_id)
    rate = _WEBHOOKS.c.rate_per_second
    budget = case((rate.is_not(None), rate - _count_begun()), else_=_WEBHOOKS.c.max_concurrency)
    return (
        select(waiting.c.webhook_id, _WEBHOOKS.c.tenant_id, waiting.c.priority, waiting.c.oldest_at, room, budget)
        .select_from(waiting.join(_WEBHOOKS, _WEBHOOKS.c.id == waiting.c.webhook_id))
        .where(waiting.c.oldest_at <= clock())
    )


def _has_priority(deliveries: Any, priority: int) -> ColumnElement[bool]:
    return and_(is_pending(deliveries), deliveries.c.priority == literal_column(str(priority), Integer))


def _find_waiting(priority: int) -> Select[Any]:
    """Selects each webhook that has pending deliveries of the priority, with the time of the first of them.

    A loose index scan: it goes through the index from one webhook to the next, and passes over what each has.
    """
    steps = select(_find_next(priority).label("webhook_id")).cte(f"waiting_{priority}", recursive=True)
    steps = steps.union_all(select(_find_next(priority, steps.c.webhook_id)).where(steps.c.webhook_id.is_not(None)))
    deliveries = _DELIVERIES.alias()
    # As a span of one: for what is equal, SQLite would each time make an index of its own, out of all deliveries.
    is_its_own = deliveries.c.webhook_id.between(steps.c.webhook_id, steps.c.webhook_id)
    oldest = (
        select(deliveries.c.next_attempt_at)
        .where(_has_priority(deliveries, priority), is_its_own, is_free(deliveries.c))
        .order_by(deliveries.c.webhook_id, deliveries.c.next_attempt_at)
        .limit(1)
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
    """Counts what all workers have under way at a webhook: begun, not ended, and the lease has not run out.

    Attempts and not deliveries are counted: one that was sent again, or held, has lost its claim, and its attempt is
    still under way.
    """
    return (
        select(func.count())
        .where(
            # As a constant, for the same reason as above.
            _ATTEMPTS.c.outcome == literal_column(f"'{STARTED}'"),
            _ATTEMPTS.c.webhook_id == webhook_id,
            _ATTEMPTS.c.started_at > clock(-LEASE_SECONDS),
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
