"""The channels and the platforms of a tenant."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Id, UtcDateTime, generate_id
from app.extensions import Model


class Name(Model):
    """What the two have in common. A release may name what stands in neither table; that is added when it is read."""

    __abstract__ = True

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=generate_id)
    tenant_id: Mapped[str] = mapped_column(Id, ForeignKey("tenants.id"))
    name: Mapped[str] = mapped_column(String(256))
    # Whether somebody made it. If not, a release was there first.
    is_declared: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ReleaseChannel(Name):
    """A channel, such as ``stable``."""

    __tablename__ = "release_channels"
    __table_args__ = (UniqueConstraint("tenant_id", "name"),)


class ReleasePlatform(Name):
    """A platform, such as ``linux``."""

    __tablename__ = "release_platforms"
    __table_args__ = (UniqueConstraint("tenant_id", "name"),)
