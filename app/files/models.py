"""The files of releases."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, ForeignKeyConstraint, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Id, UtcDateTime, generate_id
from app.extensions import Model


class ReleaseFile(Model):
    """A file of a release, with its size in bytes and its checksum.

    One that lies elsewhere has its address, and the checksum that was named. One that was uploaded has ``blob_id``, its
    MD5 as the checksum, and its SHA-256.
    """

    __tablename__ = "release_files"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "release_id"], ["releases.tenant_id", "releases.id"], ondelete="CASCADE"),
        # Names are compared without case.
        UniqueConstraint("release_id", "name_key"),
        Index("ix_release_files_listing", "tenant_id", "created_at", "id"),
        Index(
            "ix_release_files_blob_id",
            "blob_id",
            postgresql_where=text("blob_id IS NOT NULL"),
            sqlite_where=text("blob_id IS NOT NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=generate_id)
    tenant_id: Mapped[str] = mapped_column(Id)
    release_id: Mapped[str] = mapped_column(Id)
    name: Mapped[str] = mapped_column(String(256))
    name_key: Mapped[str] = mapped_column(String(256))
    url: Mapped[str] = mapped_column(String(2048))
    size: Mapped[int] = mapped_column(BigInteger)
    downloads: Mapped[int] = mapped_column(default=0)
    checksum: Mapped[str] = mapped_column(String(128))
    secured: Mapped[bool] = mapped_column(default=False)
    # What was uploaded; no foreign key, for a deleted draft keeps its files' rows beside the tables.
    blob_id: Mapped[str | None] = mapped_column(Id)
    sha256: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Blob(Model):
    """Something in the storage, by the key that it lies there under, from before its first byte until after its last.

    ``reserved_until`` is set while it is uploaded: nobody may delete it, and its size counts for the quota.
    ``doomed_at`` is set once no file names it: it is deleted then, unless one names it again.
    """

    __tablename__ = "blobs"
    __table_args__ = (
        Index("ix_blobs_tenant_id", "tenant_id", "reserved_until"),
        Index(
            "ix_blobs_doomed_at",
            "doomed_at",
            postgresql_where=text("doomed_at IS NOT NULL"),
            sqlite_where=text("doomed_at IS NOT NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=generate_id)
    tenant_id: Mapped[str] = mapped_column(Id, ForeignKey("tenants.id"))
    size: Mapped[int] = mapped_column(BigInteger)
    reserved_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    doomed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file with what is told of its release beside it."""

    file: ReleaseFile
    release_name: str
    is_published: bool


@dataclass(frozen=True, slots=True)
class DownloadRow:
    """A file with what decides on who may have it."""

    file: ReleaseFile
    product_id: str
    # Its release is published, not private and not archived.
    is_for_customers: bool
    is_restricted: bool
