"""Picks the deliveries that a claim takes: of each webhook and priority as many as a quota says, the longest due first.

On PostgreSQL by one query, which is part of the claim, on SQLite by one for each quota. They are built once, as in
``due``.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ARRAY,
    CollectionAggregate,
    ColumnElement,
    Integer,
    Select,
    SmallInteger,
    and_,
    any_,
    bindparam,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.orm import Session

from app.database import Id, clock
from app.webhooks.due import is_free, is_pending
from app.webhooks.models import Delivery, Webhook
from app.webhooks.pacing import Quota

_DELIVERIES: Any = Delivery.__table__
_WEBHOOKS: Any = Webhook.__table__


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
            is_pending(_DELIVERIES),
            _DELIVERIES.c.priority == bindparam("the_priority"),
            _DELIVERIES.c.webhook_id == bindparam("the_webhook_id"),
            _DELIVERIES.c.next_attempt_at <= clock(),
            is_free(_DELIVERIES.c),
            _may_be_sent(),
        )
        .order_by(_DELIVERIES.c.next_attempt_at)
        .limit(bindparam("the_count", type_=Integer))
    )


def select_due() -> CollectionAggregate[Any]:
    """Gives any of the same ids on PostgreSQL, which locks what it finds and passes over what is locked.

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
            is_pending(_DELIVERIES),
            _DELIVERIES.c.priority == asked.c.priority,
            _DELIVERIES.c.webhook_id == asked.c.webhook_id,
            _DELIVERIES.c.next_attempt_at <= clock(),
            is_free(_DELIVERIES.c),
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
    # As an array, each id is looked up. Joined, PostgreSQL may go through everything that waits to find them.
    return any_(func.array(select(due.c.id).scalar_subquery()))


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
