"""What can be done with replays. Each function checks permission, and commits once or not at all.

Whoever changes a replay locks its webhook's row first: so of two relays only one takes a step, a pause is seen, and no
more replays run than may.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from flask import current_app
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app import times
from app.accounts.actors import Actor
from app.audit import service as audit
from app.database import clock, generate_id, transaction
from app.exceptions import ConflictError, FieldError, NotFoundError, ValidationError
from app.extensions import db
from app.idempotency import clicks
from app.language import say
from app.replays import queries, schema, steps
from app.replays.models import Replay
from app.replays.queries import Preview, Span
from app.replays.schema import ReplayOrder
from app.webhooks import queries as webhooks
from app.webhooks.rows import lock_webhook

logger = logging.getLogger(__name__)

SENDING_LIMIT: Final = 3
# So many replays get a step in one go; the relay has more to do.
_STEPS_LIMIT = 50


def parse_replay(raw: Mapping[str, Any]) -> ReplayOrder:
    """Takes what was sent; gives what to send again. Raises ValidationError with everything that is wrong."""
    return schema.parse_replay(raw, times.now(), current_app.extensions["slipway"].settings.retention_days)


def preview(actor: Actor, webhook_id: str, raw: Mapping[str, Any]) -> Preview:
    """Takes what was sent; gives what a replay would find now, missed events whether or not they are asked for.

    Raises NotFoundError, ValidationError, PermissionDeniedError.
    """
    actor.require("webhook:read")
    webhooks.get_webhook(actor.tenant_id, webhook_id)
    return queries.preview(_build_span(actor, webhook_id, parse_replay(raw)))


def create_replay(actor: Actor, webhook_id: str, sent: ReplayOrder, form_key: str = "") -> Replay:
    """Commits a replay, which the relay then works off step by step.

    It takes what is dead at this moment: what dies later is not its business. Raises ConflictError if as many of the
    webhook's are sending as may, or one that looks at some of the same; ValidationError if there is nothing to send,
    NotFoundError, PermissionDeniedError. One that has sent all of its own once, and waits for retries, is in nobody's
    way: what has died of it by now, the new one takes over. Ordered twice by one form, whose key that is, it is one.
    """
    actor.require("webhook:write")
    webhooks.get_webhook(actor.tenant_id, webhook_id)
    # Counted before anything is locked: of a long span it takes its time.
    span = _build_span(actor, webhook_id, sent)
    total = _count(span, sent)
    key = clicks.build_key(form_key, "replay", webhook_id)
    with transaction() as session:
        lock_webhook(session, actor.tenant_id, webhook_id)
        click = clicks.find_click(actor, key)
        if click is not None and click.made_id is not None:
            replay = _load_replay(session, actor.tenant_id, webhook_id, click.made_id)
            session.expunge(replay)
            return replay
        _check_sending(queries.list_sending(actor.tenant_id, webhook_id), span)
        if not total:
            raise ValidationError(
                [FieldError("since", "nothing_to_send", say("There is nothing to send again in this time."))]
            )
        replay = _build_replay(actor, webhook_id, sent, total)
        session.add(replay)
        session.flush()
        audit.record(session, actor, "replay.created", replay.id, {"webhookId": webhook_id, "total": total})
        clicks.remember_click(session, actor, key, webhook_id, replay.id)
        session.refresh(replay)
        session.expunge(replay)
    return replay


def _check_sending(sending: Sequence[Replay], span: Span) -> None:
    # Two that take from each other would spoil each other's figures, and send faster than the ramp.
    other = next((replay for replay in sending if queries.is_overlapping(replay, span)), None)
    if other is not None:
        raise ConflictError(
            f"The replay {other.id}, ordered at {times.format_time(other.created_at)}, is running over some of the "
            "same time and events. Wait until it has sent everything once, or cancel it."
        )
    if len(sending) >= SENDING_LIMIT:
        raise ConflictError(
            f"{SENDING_LIMIT} replays of this webhook are running. Wait until one has sent everything once, or cancel "
            "one."
        )


def _count(span: Span, sent: ReplayOrder) -> int:
    return queries.count_matching(span) + (queries.count_missed(span) if sent.includes_missed else 0)


def _build_replay(actor: Actor, webhook_id: str, sent: ReplayOrder, total: int) -> Replay:
    return Replay(
        id=generate_id(),
        tenant_id=actor.tenant_id,
        webhook_id=webhook_id,
        since_at=sent.since_at,
        until_at=sent.until_at,
        event_types=list(sent.event_types) if sent.event_types else None,
        includes_missed=sent.includes_missed,
        state=queries.RUNNING,
        total=total,
        created_by=actor.email,
        created_at=clock(),
        updated_at=clock(),
    )


def cancel_replay(actor: Actor, webhook_id: str, replay_id: str) -> Replay:
    """Commits the end of a running replay: no further step is taken, and what was not tried yet is dead again.

    What is under way, or has failed and is tried again, goes on. Raises ConflictError if the replay has ended already,
    NotFoundError, PermissionDeniedError.
    """
    actor.require("webhook:write")
    queries.get_replay(actor.tenant_id, webhook_id, replay_id)
    with transaction() as session:
        lock_webhook(session, actor.tenant_id, webhook_id)
        replay = _load_replay(session, actor.tenant_id, webhook_id, replay_id)
        if replay.state != queries.RUNNING:
            raise ConflictError(f"This replay is not running any more: it is {replay.state}.")
        taken_back = steps.take_back(session, replay)
        steps.finish(replay, queries.CANCELLED)
        session.flush()
        details = {"queued": replay.queued_count, "takenBack": taken_back}
        audit.record(session, actor, "replay.cancelled", replay.id, details)
        session.refresh(replay)
        session.expunge(replay)
    return replay


def take_steps() -> int:
    """Takes one step of each running replay of all tenants, each in a transaction of its own.

    Called by the relay, again and again. Ends what has nothing to wait for any more. Gives how many deliveries became
    due. What a step fails with is logged, and the next call tries again; only a database that cannot be asked at all
    raises SQLAlchemyError.
    """
    ready = queries.list_ready(_STEPS_LIMIT)
    db.session.rollback()
    taken = 0
    for tenant_id, webhook_id, replay_id in ready:
        try:
            taken += _take_step(tenant_id, webhook_id, replay_id)
        except SQLAlchemyError:
            # One that cannot go on, because of a lock or a time limit, must not keep the others from it.
            logger.exception("a replay cannot go on", extra={"replay": replay_id, "webhook": webhook_id})
    return taken


def _take_step(tenant_id: str, webhook_id: str, replay_id: str) -> int:
    with transaction() as session:
        try:
            webhook = lock_webhook(session, tenant_id, webhook_id)
        except NotFoundError:
            webhook = None
        replay = _load_replay(session, tenant_id, webhook_id, replay_id)
        # All this may have changed while the lock was waited for.
        if replay.state != queries.RUNNING:
            return 0
        if webhook is None:
            steps.finish(replay, queries.CANCELLED)
            return 0
        can_send = webhook.active and webhook.paused_at is None
        taken = steps.take_step(session, replay) if can_send else 0
        steps.settle(session, replay)
        return taken


def _load_replay(session: Session, tenant_id: str, webhook_id: str, replay_id: str) -> Replay:
    query = (
        select(Replay)
        .where(Replay.tenant_id == tenant_id, Replay.webhook_id == webhook_id, Replay.id == replay_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return session.scalars(query).one()


def _build_span(actor: Actor, webhook_id: str, sent: ReplayOrder) -> Span:
    return Span(actor.tenant_id, webhook_id, sent.since_at, sent.until_at, sent.event_types)
