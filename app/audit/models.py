"""The audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.database import BigId, Id, UtcDateTime
from app.extensions import Model


class AuditEntry(Model):
    """One thing that an actor did, written in the transaction that did it."""

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index("ix_audit_entries_listing", "tenant_id", "id"),
        Index("ix_audit_entries_entity", "tenant_id", "entity_id"),
        Index("ix_audit_entries_action", "tenant_id", "action", "id"),
        Index("ix_audit_entries_actor", "tenant_id", "actor_email", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    tenant_id: Mapped[str] = mapped_column(Id, ForeignKey("tenants.id"))
    actor_kind: Mapped[str] = mapped_column(String(16))
    actor_id: Mapped[str] = mapped_column(Id)
    actor_email: Mapped[str] = mapped_column(String(254))
    action: Mapped[str] = mapped_column(String(64))
    entity_id: Mapped[str] = mapped_column(Id)
    details: Mapped[dict[str, Any]] = mapped_column(JSON)
    request_id: Mapped[str] = mapped_column(String(64))
    occurred_at: Mapped[datetime] = mapped_column(UtcDateTime)
