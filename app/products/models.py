"""The product of a tenant."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String, Text, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Id, UtcDateTime, generate_id
from app.extensions import Model


class Product(Model):
    """Something that a tenant releases."""

    __tablename__ = "products"
    __table_args__ = (
        UniqueConstraint("tenant_id", "name"),
        UniqueConstraint("tenant_id", "slug"),
        # Lets a release refer to its product and its tenant at once, so that neither can be another's.
        UniqueConstraint("tenant_id", "id"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=generate_id)
    tenant_id: Mapped[str] = mapped_column(Id, ForeignKey("tenants.id"))
    name: Mapped[str] = mapped_column(String(256))
    slug: Mapped[str] = mapped_column(String(64))
    display_name: Mapped[str] = mapped_column(String(256), default="")
    description: Mapped[str] = mapped_column(Text, default="")
    # What else is known of it, in order: ``key``, ``value``, and whether customers see it (``visible``).
    entries: Mapped[list[dict[str, Any]]] = mapped_column("metadata", JSON, default=list, server_default=text("'[]'"))
    # Whether its releases and files are only for those who have a token or one of its download keys.
    is_restricted: Mapped[bool] = mapped_column(default=False, server_default=false())
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
