"""Replays: orders to send again what failed, or was missed, in a span of time."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, ForeignKeyConstraint, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Id, UtcDateTime, generate_id
from app.extensions import Model


class Replay(Model):
    """One order, worked off in small steps by the relay.

    It is ``running`` until nothing that it has queued is open any more, then ``done``, unless it is ``cancelled``. Once
    it has queued everything, ``queued_count`` is ``total``; once each of that was tried, another one may look at the
    same. Each delivery that it takes carries its id, so that no step takes one twice, whatever happens between two
    steps.
    """

    __tablename__ = "replays"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "webhook_id"], ["webhooks.tenant_id", "webhooks.id"]),
        Index("ix_replays_webhook_id", "tenant_id", "webhook_id", "created_at"),
        Index(
            "ix_replays_running",
            "created_at",
            postgresql_where=text("state = 'running'"),
            sqlite_where=text("state = 'running'"),
        ),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=generate_id)
    tenant_id: Mapped[str] = mapped_column(Id)
    webhook_id: Mapped[str] = mapped_column(Id)
    since_at: Mapped[datetime] = mapped_column(UtcDateTime)
    until_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # None is every type; else a list of event types.
    event_types: Mapped[list[str] | None] = mapped_column(JSON)
    includes_missed: Mapped[bool] = mapped_column(default=False)
    state: Mapped[str] = mapped_column(String(16), default="running")
    total: Mapped[int]
    queued_count: Mapped[int] = mapped_column(default=0)
    created_by: Mapped[str] = mapped_column(String(254))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
