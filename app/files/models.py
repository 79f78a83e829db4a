"""The files of releases."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Id, UtcDateTime, generate_id
from app.extensions import Model


class ReleaseFile(Model):
    """A file of a release that lies elsewhere: its address, its size in bytes, and the checksum that was named."""

    __tablename__ = "release_files"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "release_id"], ["releases.tenant_id", "releases.id"], ondelete="CASCADE"),
        # Names are compared without case.
        UniqueConstraint("release_id", "name_key"),
        Index("ix_release_files_listing", "tenant_id", "created_at", "id"),
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
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file with what is told of its release beside it."""

    file: ReleaseFile
    release_name: str
    is_published: bool
