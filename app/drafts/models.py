"""Drafts of forms."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKeyConstraint, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Id, UtcDateTime, generate_id
from app.extensions import Model


class Draft(Model):
    """What a user has typed into a form: one for each form, wherever it is open. The newest text wins."""

    __tablename__ = "drafts"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "user_id"], ["users.tenant_id", "users.id"], ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "user_id", "subject"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=generate_id)
    tenant_id: Mapped[str] = mapped_column(Id)
    user_id: Mapped[str] = mapped_column(Id)
    # "release:new", or "release:<id>" for the form that changes one.
    subject: Mapped[str] = mapped_column(String(64))
    # The fields as they were typed, by the names that the form sends them under.
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    # Counts what was saved: whoever saves says which one was seen last.
    revision: Mapped[int]
    # Which window has saved it, a name that it gave itself.
    window: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
