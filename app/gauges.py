"""Reads from the database what ``/metrics`` shows of it: what waits, since when, and how the webhooks are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, case, func, literal_column, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.database import clock
from app.mail.models import Mail
from app.replays.models import Replay
from app.webhooks.due import is_free
from app.webhooks.models import Delivery, Webhook
from app.webhooks.states import DEAD, DELIVERED, HELD, PENDING


@dataclass(frozen=True, slots=True)
class Gauges:
    """What the rows say at one moment, over all tenants. ``oldest_due_seconds`` is 0 if nothing is due."""

    deliveries: Mapping[str, int]
    due_count: int
    oldest_due_seconds: float
    webhooks: Mapping[str, int]
    pending_mails: int
    running_replays: int


def read_gauges(session: Session) -> Gauges:
    """Gives the gauges, all of them exact. Raises SQLAlchemyError.

    What is open or failed has small indexes of its own. What is delivered is all that is left, and of that only an
    index is read: a million deliveries are counted in some 30 ms.
    """
    pending, due_count, oldest = _read_pending(session)
    dead, held = _count_in_state(session, DEAD), _count_in_state(session, HELD)
    total = session.scalar(select(func.count()).select_from(Delivery)) or 0
    delivered = max(0, total - pending - dead - held)
    return Gauges(
        deliveries={PENDING: pending, HELD: held, DEAD: dead, DELIVERED: delivered},
        due_count=due_count,
        oldest_due_seconds=oldest,
        webhooks=_count_webhooks(session),
        pending_mails=session.scalar(select(func.count()).where(_is_in(Mail.state, PENDING))) or 0,
        running_replays=session.scalar(select(func.count()).where(_is_in(Replay.state, "running"))) or 0,
    )


def _is_in(column: InstrumentedAttribute[str], state: str) -> ColumnElement[bool]:
    # As a constant, not as a parameter: a prepared statement could not see that a partial index fits.
    return column == literal_column(f"'{state}'")


def _read_pending(session: Session) -> tuple[int, int, float]:
    """Gives how many are pending, how many of them are due, and since how many seconds the first one is.

    What a worker has under way is pending, and not due.
    """
    moment = clock()
    is_due = and_(Delivery.next_attempt_at <= moment, is_free(Delivery))
    now, pending, due, oldest = session.execute(
        select(
            moment,
            func.count(),
            func.count().filter(is_due),
            func.min(Delivery.next_attempt_at).filter(is_due),
        ).where(_is_in(Delivery.state, PENDING))
    ).one()
    return pending, due, max(0.0, (now - oldest).total_seconds()) if oldest else 0.0


def _count_in_state(session: Session, state: str) -> int:
    return session.scalar(select(func.count()).select_from(Delivery).where(_is_in(Delivery.state, state))) or 0


def _count_webhooks(session: Session) -> dict[str, int]:
    """Gives how many webhooks are in each state; each is in the first that fits."""
    state = case(
        (Webhook.active.is_(False) & Webhook.disabled_at.is_not(None), "disabled"),
        (Webhook.active.is_(False), "inactive"),
        (Webhook.paused_at.is_not(None), "paused"),
        (Webhook.failing_since.is_not(None), "failing"),
        else_="active",
    ).label("state")
    counted = session.execute(select(state, func.count()).where(Webhook.deleted_at.is_(None)).group_by(state))
    found = {row.state: row[1] for row in counted}
    return {name: found.get(name, 0) for name in ("active", "failing", "paused", "disabled", "inactive")}
