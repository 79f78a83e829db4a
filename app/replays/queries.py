"""What is read of replays, and of what they would send. Every query names its tenant; none commits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, literal_column, or_, select
from sqlalchemy.orm import aliased

from app.exceptions import NotFoundError
from app.extensions import db
from app.listing import cut_list
from app.paging import Place
from app.replays.models import Replay
from app.text import is_canonical_id
from app.webhooks.models import Delivery, Event, Webhook, WebhookSubscription
from app.webhooks.pausing import PAUSED, SWITCHED_OFF
from app.webhooks.states import DEAD, DELIVERED, HELD, PENDING

RUNNING: Final = "running"
DONE: Final = "done"
CANCELLED: Final = "cancelled"
# Why a delivery is dead that a cancelled replay has taken back.
TAKEN_BACK: Final = "The replay was cancelled."


@dataclass(frozen=True, slots=True)
class Span:
    """Of which webhook, from when until before when, and of which event types; None is every type."""

    tenant_id: str
    webhook_id: str
    since_at: datetime
    until_at: datetime
    event_types: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """What a replay would find: dead deliveries that match, all deliveries of the span, and missed events.

    ``until_at`` is the end of the span, the moment of the preview at the latest: a replay with this end finds nothing
    that happened since.
    """

    matching: int
    total: int
    missed: int
    until_at: datetime


@dataclass(frozen=True, slots=True)
class Progress:
    """What became of the deliveries that a replay has queued and that no later one took over.

    ``retrying`` are those of ``pending`` of which an attempt has failed since. ``taken_back`` are those of ``dead``
    that were not tried before it was cancelled.
    """

    delivered: int = 0
    dead: int = 0
    pending: int = 0
    retrying: int = 0
    taken_back: int = 0


@dataclass(frozen=True, slots=True)
class ReplayRecord:
    """A replay with how far it is."""

    replay: Replay
    progress: Progress


def get_replay(tenant_id: str, webhook_id: str, replay_id: str) -> ReplayRecord:
    """Gives a webhook's replay. Raises NotFoundError for an absent one and for somebody else's alike."""
    replay = None
    if is_canonical_id(webhook_id) and is_canonical_id(replay_id):
        replay = db.session.scalar(_select_replays(tenant_id, webhook_id).where(Replay.id == replay_id))
    if replay is None:
        raise NotFoundError("There is no such replay.")
    (record,) = _load_records(tenant_id, [replay])
    return record


def list_replays(tenant_id: str, webhook_id: str, wanted: Place) -> list[ReplayRecord]:
    """Gives the part of a webhook's replays that is wanted."""
    query = cut_list(_select_replays(tenant_id, webhook_id), (Replay.created_at, Replay.id), wanted)
    return _load_records(tenant_id, db.session.scalars(query).all())


def _select_replays(tenant_id: str, webhook_id: str) -> Select[Replay]:
    return select(Replay).where(Replay.tenant_id == tenant_id, Replay.webhook_id == webhook_id)


def _load_records(tenant_id: str, replays: Sequence[Replay]) -> list[ReplayRecord]:
    progress = _count_progress(tenant_id, [replay.id for replay in replays])
    return [ReplayRecord(replay, progress.get(replay.id, Progress())) for replay in replays]


def _count_progress(tenant_id: str, replay_ids: Sequence[str]) -> Mapping[str, Progress]:
    if not replay_ids:
        return {}
    failed = Delivery.attempt_count - Delivery.attempts_before - case((Delivery.is_claimed, 1), else_=0)
    query = (
        select(
            Delivery.replay_id,
            _count_where(Delivery.state == DELIVERED),
            _count_where(Delivery.state == DEAD),
            _count_where(Delivery.state.not_in((DELIVERED, DEAD))),
            _count_where(Delivery.state.in_((PENDING, HELD)) & (failed > 0)),
            _count_where((Delivery.state == DEAD) & (Delivery.reason == TAKEN_BACK)),
        )
        .where(Delivery.tenant_id == tenant_id, Delivery.replay_id.in_(replay_ids))
        .group_by(Delivery.replay_id)
    )
    return {replay_id: Progress(*counts) for replay_id, *counts in db.session.execute(query) if replay_id}


def _count_where(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0))


def explain_wait(replay: Replay, webhook: Webhook) -> str | None:
    """Gives why a running replay cannot go on at this moment, in a sentence, or None."""
    if replay.state != RUNNING:
        return None
    if not webhook.active:
        return SWITCHED_OFF
    return PAUSED if webhook.paused_at is not None else None


def list_sending(tenant_id: str, webhook_id: str) -> Sequence[Replay]:
    """Gives the running replays of the webhook that have not sent all of theirs once, the oldest first.

    What is only tried again, which may take days, is in nobody's way.
    """
    is_untried = exists().where(*build_is_untried(Replay))
    sending = _select_replays(tenant_id, webhook_id).where(
        Replay.state == RUNNING, or_(Replay.queued_count < Replay.total, is_untried)
    )
    return db.session.scalars(sending.order_by(Replay.created_at)).all()


def is_overlapping(replay: Replay, span: Span) -> bool:
    """Whether a replay looks at some of what the span holds: the same time, and the same event types."""
    is_same_time = replay.since_at < span.until_at and span.since_at < replay.until_at
    types, others = replay.event_types, span.event_types
    return is_same_time and (types is None or others is None or not set(types).isdisjoint(others))


def list_ready(limit: int) -> Sequence[tuple[str, str, str]]:
    """Gives tenant, webhook and id of running replays of all tenants that could go on, or are at their end.

    The one that has waited for a step the longest comes first. Those that have more to queue while their webhook is
    paused or switched off are left out, and those whose webhook was deleted are not.
    """
    can_send = and_(Webhook.active, Webhook.paused_at.is_(None))
    has_ended = and_(
        Replay.queued_count >= Replay.total,
        ~exists().where(*build_is_open(Replay)),
    )
    can_go_on = or_(Webhook.deleted_at.is_not(None), and_(can_send, Replay.queued_count < Replay.total), has_ended)
    query = (
        select(Replay.tenant_id, Replay.webhook_id, Replay.id)
        .join(Webhook, (Webhook.id == Replay.webhook_id) & (Webhook.tenant_id == Replay.tenant_id))
        # As a constant: a prepared statement could not see that the partial index fits.
        .where(Replay.state == literal_column("'running'"), can_go_on)
        .order_by(Replay.updated_at)
        .limit(limit)
    )
    return [(tenant_id, webhook_id, replay_id) for tenant_id, webhook_id, replay_id in db.session.execute(query)]


def build_is_open(replay: Any) -> Sequence[ColumnElement[bool]]:
    """Takes a replay or the model; gives the criteria of what it has queued and what has not ended yet."""
    return (
        Delivery.tenant_id == replay.tenant_id,
        Delivery.replay_id == replay.id,
        Delivery.state.in_((PENDING, HELD)),
    )


def build_is_untried(replay: Any) -> Sequence[ColumnElement[bool]]:
    """Takes a replay or the model; gives the criteria of what it has queued and what no attempt was begun of since."""
    return (*build_is_open(replay), Delivery.attempt_count == Delivery.attempts_before)


def preview(span: Span) -> Preview:
    """Gives what a replay of the span would find. ``total`` leaves the event types out of account."""
    return Preview(count_matching(span), _count(_select_deliveries(span)), count_missed(span), span.until_at)


def count_matching(span: Span) -> int:
    """Gives how many deliveries of the span are dead."""
    return _count(select_dead(span))


def count_missed(span: Span) -> int:
    """Gives how many events of the span the webhook was never owed."""
    return _count(select_missed(span))


def _count(query: Select[str] | Select[str, datetime]) -> int:
    return db.session.scalar(query.with_only_columns(func.count(), maintain_column_froms=True)) or 0


def select_dead(span: Span) -> Select[str]:
    """Selects the ids of the span's dead deliveries. A test is none: it was sent once, and on purpose."""
    query = _select_deliveries(span).where(Delivery.state == literal_column("'dead'"))
    if span.event_types is None:
        return query
    return query.where(
        exists().where(
            Event.tenant_id == span.tenant_id, Event.id == Delivery.event_id, Event.event_type.in_(span.event_types)
        )
    )


def _select_deliveries(span: Span) -> Select[str]:
    return select(Delivery.id).where(
        Delivery.tenant_id == span.tenant_id,
        Delivery.webhook_id == span.webhook_id,
        Delivery.created_at >= span.since_at,
        Delivery.created_at < span.until_at,
        Delivery.is_test.is_(False),
    )


def select_missed(span: Span) -> Select[str, datetime]:
    """Selects id and time of the span's events that the webhook subscribes to now and was never owed.

    Those before its first day are not among them. Why it was not owed an event is written down nowhere; between its
    first day and now it can only have been switched off, or subscribed to less.
    """
    owed = aliased(Delivery)
    query = (
        select(Event.id, Event.triggered_at)
        .join(
            WebhookSubscription,
            (WebhookSubscription.tenant_id == Event.tenant_id) & (WebhookSubscription.event_type == Event.event_type),
        )
        .join(Webhook, (Webhook.tenant_id == Event.tenant_id) & (Webhook.id == WebhookSubscription.webhook_id))
        .where(
            Event.tenant_id == span.tenant_id,
            Webhook.id == span.webhook_id,
            Event.triggered_at >= span.since_at,
            Event.triggered_at < span.until_at,
            Event.triggered_at > Webhook.created_at,
            ~exists().where(owed.event_id == Event.id, owed.webhook_id == Webhook.id),
        )
    )
    return query if span.event_types is None else query.where(Event.event_type.in_(span.event_types))
