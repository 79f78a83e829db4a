"""Makes deliveries due again: one that its owner resends, those of a replay, those that were held. Never commits."""

from __future__ import annotations

from typing import Any, Final

from flask import current_app
from sqlalchemy import ColumnElement, Numeric, case, cast, func, literal, select, update
from sqlalchemy.orm import Session

from app.database import call_after_commit, clock
from app.webhooks.models import Delivery
from app.webhooks.states import HELD, PENDING

# What goes first when much is due.
FIRST: Final = 0
RETRY: Final = 1
BACKLOG: Final = 2

# A receiver that comes back gets its backlog at a ramp: ten deliveries at one a second, a hundred at five, the rest
# at twenty. Each row: the number of the last delivery, when that is due, and how many a second it takes until then.
RAMP: Final = ((10, 10.0, 1.0), (110, 30.0, 5.0), (None, None, 20.0))


def begin_round(session: Session, *criteria: ColumnElement[bool], priority: int, **values: Any) -> int:
    """Makes the deliveries due at once, with all attempts before them; gives how many there are.

    The criteria must name the tenant. An attempt that is under way keeps its claim in vain: its outcome is written
    down and changes nothing, and the new round sends again. Until then it counts as under way at its webhook.
    """
    result = session.execute(
        update(Delivery)
        .where(*criteria)
        .values(
            state=PENDING,
            priority=priority,
            attempts_before=Delivery.attempt_count,
            lost_count=0,
            is_claimed=False,
            next_attempt_at=clock(),
            reason="",
            held_at=None,
            delivered_at=None,
            updated_at=clock(),
            **values,
        )
        .execution_options(synchronize_session=False)
    )
    call_after_commit(session, current_app.extensions["slipway"].doorbell.ring)
    return int(result.rowcount)  # type: ignore[attr-defined]


def release_held(session: Session, tenant_id: str, webhook_id: str) -> int:
    """Makes what a webhook's pause held back due, the oldest first, at the ramp; gives how many there are."""
    place = func.row_number().over(order_by=(Delivery.created_at, Delivery.id))
    held = (
        select(Delivery.id, cast(place, Numeric(12, 2)).label("place"))
        .where(Delivery.tenant_id == tenant_id, Delivery.webhook_id == webhook_id, Delivery.state == HELD)
        .subquery()
    )
    result = session.execute(
        update(Delivery)
        .where(Delivery.tenant_id == tenant_id, Delivery.id == held.c.id)
        .values(
            state=PENDING,
            priority=BACKLOG,
            next_attempt_at=clock(build_ramp_delay(held.c.place)),
            held_at=None,
            reason="",
            updated_at=clock(),
        )
        .execution_options(synchronize_session=False)
    )
    call_after_commit(session, current_app.extensions["slipway"].doorbell.ring)
    return int(result.rowcount)  # type: ignore[attr-defined]


def build_ramp_delay(place: ColumnElement[Any]) -> ColumnElement[Any]:
    """Takes a delivery's place in the backlog, from 1, as SQL; gives the seconds that it waits, as SQL."""
    (slow, slow_end, slow_rate), (middle, middle_end, middle_rate), (_, _, full_rate) = RAMP
    return case(
        (place <= slow, (place - 1) / literal(slow_rate)),
        (place <= middle, literal(slow_end) + (place - slow) / literal(middle_rate)),
        else_=literal(middle_end) + (place - middle) / literal(full_rate),
    )
