"""One step of a replay: a few deliveries become due, in one short transaction. Never commits.

The webhook's row is locked before anything else, and deliveries that others hold are passed over; so a step never
waits with a lock in its hand.
"""

from __future__ import annotations

from datetime import timedelta

from flask import current_app
from sqlalchemy import Select, insert, literal, or_, select, update
from sqlalchemy.orm import Session

from app import times
from app.database import call_after_commit, clock, random_id
from app.replays import pace
from app.replays.models import Replay
from app.replays.queries import DONE, TAKEN_BACK, Span, build_is_open, build_is_untried, select_dead, select_missed
from app.webhooks import rounds
from app.webhooks.models import Delivery
from app.webhooks.states import DEAD, PENDING


def take_step(session: Session, replay: Replay) -> int:
    """Takes a running replay whose webhook is locked; makes the next few of its deliveries due and gives their number.

    How many that may be is the business of ``pace``.
    """
    elapsed: timedelta = session.scalars(select(clock())).one() - replay.created_at
    due = pace.size_step(replay.queued_count, elapsed.total_seconds())
    size = min(due, replay.total - replay.queued_count)
    if size <= 0:
        return 0
    taken = _begin_dead(session, replay, size)
    if taken < size and replay.includes_missed:
        taken += _owe_missed(session, replay, size - taken)
    replay.queued_count += taken
    replay.updated_at = clock()
    # Fewer than were asked for are all, or others hold the rest.
    if taken < size and session.scalar(_select_left(replay).limit(1)) is None:
        # Its owner has sent some of them again by other means, or they are past their time.
        replay.total = replay.queued_count
    return taken


def settle(session: Session, replay: Replay) -> None:
    """Ends a running replay that has queued everything, once all of that has arrived or is dead again."""
    if replay.queued_count < replay.total:
        return
    if session.scalar(select(Delivery.id).where(*build_is_open(replay)).limit(1)) is None:
        finish(replay, DONE)


def take_back(session: Session, replay: Replay) -> int:
    """Lets what a replay has queued, and what was not attempted since, be dead again; gives how many there are.

    What others hold at this moment is about to be attempted, or sent again by its owner, and goes on.
    """
    untried = (
        select(Delivery.id)
        .where(*build_is_untried(replay), Delivery.is_claimed.is_(False))
        .with_for_update(skip_locked=True)
        .cte("untried")
    )
    taken = session.scalars(
        update(Delivery)
        .where(Delivery.tenant_id == replay.tenant_id, Delivery.id.in_(select(untried.c.id)))
        .values(state=DEAD, reason=TAKEN_BACK, next_attempt_at=None, held_at=None, updated_at=clock())
        # Counted like this, for SQLite's driver counts no rows of a statement that begins with WITH.
        .returning(Delivery.id)
        .execution_options(synchronize_session=False)
    )
    return len(taken.all())


def finish(replay: Replay, state: str) -> None:
    """Ends a replay."""
    replay.state = state
    replay.finished_at = replay.updated_at = clock()


def build_span(replay: Replay) -> Span:
    """Gives what a replay looks at."""
    return Span(replay.tenant_id, replay.webhook_id, replay.since_at, replay.until_at, replay.event_types)


def _select_left(replay: Replay) -> Select[str]:
    return select_dead(build_span(replay)).where(
        or_(Delivery.replay_id.is_(None), Delivery.replay_id != replay.id),
        # What has died since was under way when the replay was ordered, or was sent again by its owner.
        Delivery.updated_at <= replay.created_at,
    )


def _begin_dead(session: Session, replay: Replay, size: int) -> int:
    query = _select_left(replay).order_by(Delivery.created_at, Delivery.id).limit(size)
    ids = session.scalars(query.with_for_update(skip_locked=True)).all()
    if not ids:
        return 0
    return rounds.begin_round(
        session,
        Delivery.tenant_id == replay.tenant_id,
        Delivery.id.in_(ids),
        priority=rounds.BACKLOG,
        replay_id=replay.id,
    )


def _owe_missed(session: Session, replay: Replay, size: int) -> int:
    missed = select_missed(_cut_forgotten(build_span(replay))).subquery()
    owed = (
        select(
            random_id(),
            literal(replay.tenant_id, Delivery.tenant_id.type),
            missed.c.id,
            literal(replay.webhook_id, Delivery.webhook_id.type),
            literal(PENDING),
            literal(rounds.BACKLOG),
            literal(0),
            literal(0),
            literal(0),
            clock(),
            literal(False),
            literal(False),
            literal(""),
            literal(replay.id, Delivery.replay_id.type),
            # When it would have been owed: there it stands in lists, and there a later replay finds it.
            missed.c.triggered_at,
            clock(),
        )
        .order_by(missed.c.triggered_at, missed.c.id)
        .limit(size)
    )
    columns = (
        "id", "tenant_id", "event_id", "webhook_id", "state", "priority", "attempt_count", "attempts_before",
        "lost_count", "next_attempt_at", "is_claimed", "is_test", "reason", "replay_id", "created_at", "updated_at",
    )  # fmt: skip
    statement = insert(Delivery).from_select(columns, owed, include_defaults=False).returning(Delivery.id)
    count = len(session.scalars(statement).all())
    call_after_commit(session, current_app.extensions["slipway"].doorbell.ring)
    return count


def _cut_forgotten(span: Span) -> Span:
    # A replay may wait for days. Where deliveries are forgotten by then, one that arrived would look missed.
    days = current_app.extensions["slipway"].settings.retention_days
    if not days:
        return span
    since = max(span.since_at, times.now() - timedelta(days=days))
    return Span(span.tenant_id, span.webhook_id, since, span.until_at, span.event_types)
