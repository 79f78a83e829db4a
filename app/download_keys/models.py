"""The download keys of a product."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Id, UtcDateTime, generate_id
from app.extensions import Model


class DownloadKey(Model):
    """What a customer of a restricted product sends where others send a licence key. Only its hash is kept."""

    __tablename__ = "download_keys"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "product_id"], ["products.tenant_id", "products.id"], ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "product_id", "key_hash"),
        Index("ix_download_keys_listing", "tenant_id", "product_id", "created_at", "id"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=generate_id)
    tenant_id: Mapped[str] = mapped_column(Id)
    product_id: Mapped[str] = mapped_column(Id)
    name: Mapped[str] = mapped_column(String(256))
    key_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    # Its last characters, by which people tell one from another.
    ending: Mapped[str] = mapped_column(String(8))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
