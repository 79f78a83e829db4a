"""The idempotency keys of those who create something."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Id, UtcDateTime
from app.extensions import Model


class IdempotencyKey(Model):
    """An Idempotency-Key that was used, what was sent with it, and the release or the webhook that came of it.

    Of a button it is the key that its form carries: then the webhook is what was acted on, and ``made_id`` is the
    delivery or the replay that came of it, if any did. Of an invitation, an access token or a product ``made_id`` alone
    is set. It is written in the transaction of what was done: if that is lost, so is this, and the key is free again.
    """

    __tablename__ = "idempotency_keys"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "release_id"], ["releases.tenant_id", "releases.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["tenant_id", "webhook_id"], ["webhooks.tenant_id", "webhooks.id"], ondelete="CASCADE"),
        Index("ix_idempotency_keys_created_at", "created_at"),
        Index("ix_idempotency_keys_release_id", "release_id"),
        Index("ix_idempotency_keys_webhook_id", "webhook_id"),
    )

    tenant_id: Mapped[str] = mapped_column(Id, primary_key=True)
    caller_id: Mapped[str] = mapped_column(Id, primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary(32))
    # One of the two, or none.
    release_id: Mapped[str | None] = mapped_column(Id)
    webhook_id: Mapped[str | None] = mapped_column(Id)
    made_id: Mapped[str | None] = mapped_column(Id)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
