"""A release, and the slots that make it unique."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, ForeignKeyConstraint, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.database import Id, UtcDateTime, generate_id
from app.extensions import Model
from app.files.models import ReleaseFile

# As each of the two databases writes the condition of ``queries.is_for_customers``.
_FOR_CUSTOMERS = "published AND NOT private AND NOT archived"
_FOR_CUSTOMERS_SQLITE = "published = 1 AND private = 0 AND archived = 0"


def _index_some(name: str, condition: str, sqlite_condition: str) -> Index:
    """Gives an index by time of those releases alone that meet a condition, as each of the two databases writes it."""
    return Index(
        name,
        "tenant_id",
        "created_at",
        "id",
        postgresql_where=text(condition),
        sqlite_where=text(sqlite_condition),
    )


class Release(Model):
    """A release of a product. Its notes are kept as typed; their HTML is made at first view and kept beside them."""

    __tablename__ = "releases"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "product_id"], ["products.tenant_id", "products.id"]),
        UniqueConstraint("tenant_id", "id"),
        Index("ix_releases_listing", "tenant_id", "created_at", "id"),
        Index("ix_releases_product_listing", "tenant_id", "product_id", "created_at", "id"),
        # In the order of versions, for lists and for what is the newest of a channel.
        Index("ix_releases_version", "tenant_id", "version_key", "id"),
        Index("ix_releases_product_order", "tenant_id", "product_id", "version_key", "id"),
        Index("ix_releases_product_version", "tenant_id", "product_id", "channel", "version_key", "id"),
        # Each of these answers a filter that may fit a few among a million. An entry in an index costs whoever creates
        # a release, so one that is not private, archived or published is in none of the indexes for such.
        Index("ix_releases_name", "tenant_id", "name", postgresql_ops={"name": "varchar_pattern_ops"}),
        _index_some("ix_releases_drafts", "NOT published", "published = 0"),
        _index_some("ix_releases_private", "private", "private = 1"),
        _index_some("ix_releases_archived", "archived", "archived = 1"),
        # What is out, by version and by time. A draft is in neither, so that to create one costs nothing here.
        Index(
            "ix_releases_newest",
            "tenant_id",
            "product_id",
            "channel",
            "version_key",
            postgresql_where=text(_FOR_CUSTOMERS),
            sqlite_where=text(_FOR_CUSTOMERS_SQLITE),
        ),
        _index_some("ix_releases_published", "published AND NOT archived", "published = 1 AND archived = 0"),
        Index(
            "ix_releases_due",
            "publish_at",
            postgresql_where=text("publish_at IS NOT NULL"),
            sqlite_where=text("publish_at IS NOT NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=generate_id)
    tenant_id: Mapped[str] = mapped_column(Id, ForeignKey("tenants.id"))
    product_id: Mapped[str] = mapped_column(Id)
    name: Mapped[str] = mapped_column(String(256))
    version: Mapped[str] = mapped_column(String(128))
    version_key: Mapped[bytes] = mapped_column(LargeBinary(32))
    channel: Mapped[str] = mapped_column(String(256))
    platforms: Mapped[list[str]] = mapped_column(JSON)
    private: Mapped[bool]
    published: Mapped[bool] = mapped_column(default=False)
    published_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    archived: Mapped[bool] = mapped_column(default=False)
    # Why, for the tenant's own people, and which release stands in its place. No foreign key: that one may go.
    archive_reason: Mapped[str] = mapped_column(String(1024), default="", server_default="")
    replacement_id: Mapped[str | None] = mapped_column(Id)
    # When a draft is to be published by itself, and who asked for that.
    publish_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    publish_by: Mapped[str | None] = mapped_column(Id)
    # Whether createdAt was given: an old release that was entered later.
    is_historic: Mapped[bool] = mapped_column(default=False)
    total_files: Mapped[int] = mapped_column(default=0)
    notes: Mapped[str] = mapped_column(Text, default="")
    notes_html: Mapped[str | None] = mapped_column(Text)
    notes_renderer: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)

    # For reading alone: their own service writes them. However many releases are loaded, their files come by one query.
    files: Mapped[list[ReleaseFile]] = relationship(
        ReleaseFile,
        lazy="selectin",
        viewonly=True,
        cascade="expunge",
        order_by=(ReleaseFile.created_at, ReleaseFile.id),
    )


class ReleaseSlot(Model):
    """The place that a release takes: one per platform, or one with the empty platform if it names none.

    The primary key is the duplicate rule: one release per product, channel, platform and version. A version is
    compared by its key, so 1.2 and 1.2.0 are one.
    """

    __tablename__ = "release_slots"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "release_id"], ["releases.tenant_id", "releases.id"], ondelete="CASCADE"),
        Index("ix_release_slots_release_id", "release_id"),
    )

    product_id: Mapped[str] = mapped_column(Id, primary_key=True)
    channel: Mapped[str] = mapped_column(String(256), primary_key=True)
    platform: Mapped[str] = mapped_column(String(256), primary_key=True)
    version_key: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    tenant_id: Mapped[str] = mapped_column(Id)
    release_id: Mapped[str] = mapped_column(Id)


class DeletedRelease(Model):
    """A draft that was deleted, whole, for as long as its deletion can be undone."""

    __tablename__ = "deleted_releases"
    __table_args__ = (Index("ix_deleted_releases_listing", "tenant_id", "deleted_at", "id"),)

    # The id that it had, and has again if it comes back.
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    tenant_id: Mapped[str] = mapped_column(Id, ForeignKey("tenants.id"))
    # The rows of the release and of its files, by column.
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    deleted_by: Mapped[str] = mapped_column(String(254))
    deleted_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
