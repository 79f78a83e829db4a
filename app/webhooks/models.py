"""Webhooks, the events they are owed, the deliveries that owe them, and every attempt to deliver."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.database import BigId, Id, UtcDateTime, generate_id
from app.extensions import Model


class Webhook(Model):
    """A receiver: its URL, its secret (the API's ``token``), and the events that it subscribed to.

    ``active`` is the owner's switch: without it no event is recorded for the webhook. While it is paused
    (``paused_at``) events are recorded and held. ``disabled_reason`` says why Slipway switched it off by itself.
    """

    __tablename__ = "webhooks"
    __table_args__ = (UniqueConstraint("tenant_id", "id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=generate_id)
    tenant_id: Mapped[str] = mapped_column(Id, ForeignKey("tenants.id"))
    name: Mapped[str] = mapped_column(String(256))
    url: Mapped[str] = mapped_column(String(2048))
    # Encrypted with a key derived from SECRET_KEY: a copy of the database signs nothing.
    token: Mapped[bytes] = mapped_column(LargeBinary)
    scheme: Mapped[str] = mapped_column(String(16), default="cryptlex")
    # The owner's own headers as a JSON object, encrypted: what they hold is often another secret.
    headers: Mapped[bytes | None] = mapped_column(LargeBinary)
    active: Mapped[bool] = mapped_column(default=True)
    # How many attempts may be under way at once, and how many may begin within a second; None is without a limit.
    max_concurrency: Mapped[int] = mapped_column(default=8)
    rate_per_second: Mapped[int | None]
    paused_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    disabled_reason: Mapped[str] = mapped_column(Text, default="")
    # When somebody said that they know of it; said before the webhook was switched off, it is about an earlier time.
    dismissed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Since the last success: when the first attempt failed, and how many did. A test is never counted.
    failing_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failure_count: Mapped[int] = mapped_column(default=0)
    warned_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # A deleted webhook keeps its row, so that the log of its deliveries stays readable; nothing else shows it.
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    subscriptions: Mapped[list[WebhookSubscription]] = relationship(
        lazy="selectin", cascade="all, delete-orphan", order_by="WebhookSubscription.event_type"
    )

    @property
    def events(self) -> list[str]:
        """The event types that the webhook subscribed to, sorted."""
        return [subscription.event_type for subscription in self.subscriptions]


class FormerSecret(Model):
    """A secret that a rotation replaced, and that still signs until it expires."""

    __tablename__ = "webhook_former_secrets"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "webhook_id"], ["webhooks.tenant_id", "webhooks.id"], ondelete="CASCADE"),
        Index("ix_webhook_former_secrets_webhook_id", "webhook_id", "expires_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    tenant_id: Mapped[str] = mapped_column(Id)
    webhook_id: Mapped[str] = mapped_column(Id)
    token: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class WebhookSubscription(Model):
    """One event type that a webhook wants. Rows, not a JSON list: so one statement can find all subscribers."""

    __tablename__ = "webhook_subscriptions"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "webhook_id"], ["webhooks.tenant_id", "webhooks.id"], ondelete="CASCADE"),
        Index("ix_webhook_subscriptions_subscribers", "tenant_id", "event_type"),
    )

    webhook_id: Mapped[str] = mapped_column(Id, primary_key=True)
    event_type: Mapped[str] = mapped_column(String(64), primary_key=True)
    tenant_id: Mapped[str] = mapped_column(Id)


class Event(Model):
    """Something that happened, with the body that every subscriber gets, frozen as bytes when it happened."""

    __tablename__ = "events"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        Index("ix_events_entity", "tenant_id", "entity_id"),
        Index("ix_events_triggered_at", "tenant_id", "triggered_at"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=generate_id)
    tenant_id: Mapped[str] = mapped_column(Id, ForeignKey("tenants.id"))
    event_type: Mapped[str] = mapped_column(String(64))
    entity_id: Mapped[str] = mapped_column(Id)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    request_id: Mapped[str] = mapped_column(String(64))
    triggered_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Delivery(Model):
    """One event owed to one webhook. Its id is the ``webhook-id`` that the receiver sees on every attempt.

    ``pending``: owed, and due at ``next_attempt_at``, unless it is claimed and its lease lasts (``leased_until``). A
    claim counts ``attempt_count`` up; so a worker that dies leaves a delivery that becomes due again by itself, and a
    worker that wakes up late finds that its attempt number is no longer the last one. ``held``: owed, and not due
    before the webhook is resumed. ``delivered`` and ``dead`` are ends, from which only its owner sends it again: that
    begins a new round of attempts, and ``attempts_before`` counts those of the rounds before.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "event_id"], ["events.tenant_id", "events.id"]),
        ForeignKeyConstraint(["tenant_id", "webhook_id"], ["webhooks.tenant_id", "webhooks.id"]),
        UniqueConstraint("event_id", "webhook_id"),
        UniqueConstraint("tenant_id", "id"),
        Index("ix_deliveries_webhook_id", "tenant_id", "webhook_id", "created_at"),
        Index("ix_deliveries_listing", "tenant_id", "created_at"),
        Index(
            "ix_deliveries_dead",
            "tenant_id",
            "created_at",
            postgresql_where=text("state = 'dead'"),
            sqlite_where=text("state = 'dead'"),
        ),
        # What a resumed webhook gets, and what waited too long, is found without reading what was delivered long ago.
        Index(
            "ix_deliveries_held",
            "tenant_id",
            "webhook_id",
            "held_at",
            postgresql_where=text("state = 'held'"),
            sqlite_where=text("state = 'held'"),
        ),
        # How far a replay is, without reading the rest of its span.
        Index(
            "ix_deliveries_replay_id",
            "tenant_id",
            "replay_id",
            postgresql_where=text("replay_id IS NOT NULL"),
            sqlite_where=text("replay_id IS NOT NULL"),
        ),
        # Finds the webhooks that have something due without looking at how much it is.
        Index(
            "ix_deliveries_queue",
            "priority",
            "webhook_id",
            "next_attempt_at",
            postgresql_where=text("state = 'pending'"),
            sqlite_where=text("state = 'pending'"),
        ),
        Index(
            "ix_deliveries_due",
            "next_attempt_at",
            postgresql_where=text("state = 'pending'"),
            sqlite_where=text("state = 'pending'"),
        ),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=generate_id)
    tenant_id: Mapped[str] = mapped_column(Id, ForeignKey("tenants.id"))
    event_id: Mapped[str] = mapped_column(Id)
    webhook_id: Mapped[str] = mapped_column(Id)
    state: Mapped[str] = mapped_column(String(16), default="pending")
    # What goes first: 0 the first attempts, 1 the retries, 2 what was held or is replayed.
    priority: Mapped[int] = mapped_column(SmallInteger, default=0)
    attempt_count: Mapped[int] = mapped_column(default=0)
    attempts_before: Mapped[int] = mapped_column(default=0)
    lost_count: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    is_claimed: Mapped[bool] = mapped_column(default=False)
    # How long the last claim lasts; it means nothing once that is over. In no index, like all that a claim changes:
    # so PostgreSQL writes the row alone, and no index, where there is room in its page.
    leased_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # A test is sent once, whatever becomes of it, and says nothing of the webhook's health.
    is_test: Mapped[bool] = mapped_column(default=False)
    # Why a dead or held delivery is so, in a sentence for its owner.
    reason: Mapped[str] = mapped_column(Text, default="")
    held_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # The replay that took it last; None once its owner has sent it again by itself.
    replay_id: Mapped[str | None] = mapped_column(Id)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    delivered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Attempt(Model):
    """One HTTP call, written before it is made. ``outcome`` is ``started`` until it is known or given up as lost."""

    __tablename__ = "attempts"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "delivery_id"], ["deliveries.tenant_id", "deliveries.id"]),
        UniqueConstraint("delivery_id", "number"),
        Index("ix_attempts_webhook_id", "tenant_id", "webhook_id", "started_at"),
        Index("ix_attempts_listing", "tenant_id", "started_at"),
        # What is under way at a webhook, whatever has become of the deliveries.
        Index(
            "ix_attempts_started",
            "webhook_id",
            "started_at",
            postgresql_where=text("outcome = 'started'"),
            sqlite_where=text("outcome = 'started'"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    tenant_id: Mapped[str] = mapped_column(Id, ForeignKey("tenants.id"))
    delivery_id: Mapped[str] = mapped_column(Id)
    webhook_id: Mapped[str | None] = mapped_column(Id)
    number: Mapped[int]
    is_test: Mapped[bool] = mapped_column(default=False)
    outcome: Mapped[str] = mapped_column(String(16), default="started")
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    status_code: Mapped[int | None]
    error: Mapped[str | None] = mapped_column(String(32))
    error_message: Mapped[str | None] = mapped_column(Text)
    response_snippet: Mapped[str | None] = mapped_column(Text)
    # What was called: the webhook's URL at that time. None of attempts that are older than this column.
    url: Mapped[str | None] = mapped_column(String(2048))
    address: Mapped[str | None] = mapped_column(String(64))
    phases: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    # As they were sent, the owner's own with their values masked.
    request_headers: Mapped[dict[str, str] | None] = mapped_column(JSON)
    # When the next attempt was due, as decided after this one.
    retry_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
