"""Imports of history, and the rows of their files."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Id, UtcDateTime, generate_id
from app.extensions import Model


class Import(Model):
    """A file of old releases: a ``preview`` until it is run, then ``running``, ``stopped`` or ``done``.

    The relay works it off, a few rows at a time. Each row's outcome is written in the transaction of its release, so
    whatever ends the relay, none is done twice and none is left out.
    """

    __tablename__ = "imports"
    __table_args__ = (
        # A product that has releases stays; with one that never had any goes what was to be imported into it.
        ForeignKeyConstraint(["tenant_id", "product_id"], ["products.tenant_id", "products.id"], ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "id"),
        Index("ix_imports_listing", "tenant_id", "created_at", "id"),
        Index("ix_imports_product_id", "tenant_id", "product_id"),
        Index("ix_imports_updated_at", "state", "updated_at"),
        Index(
            "ix_imports_running",
            "started_at",
            postgresql_where=text("state = 'running'"),
            sqlite_where=text("state = 'running'"),
        ),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=generate_id)
    tenant_id: Mapped[str] = mapped_column(Id, ForeignKey("tenants.id"))
    product_id: Mapped[str | None] = mapped_column(Id)
    state: Mapped[str] = mapped_column(String(16))
    # Why it was stopped, if nobody has asked for that.
    reason: Mapped[str] = mapped_column(String(256), default="")
    file_name: Mapped[str] = mapped_column(String(256))
    # What the file was read as.
    format: Mapped[str] = mapped_column(String(16))
    # What was chosen, in the wire's names.
    options: Mapped[dict[str, Any]] = mapped_column(JSON)
    warnings: Mapped[list[Any]] = mapped_column(JSON)
    total: Mapped[int]
    # The file, as long as it can be read once more with other options.
    content: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    # Tells whether the same file comes again with the same options.
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary(32))
    created_by: Mapped[str] = mapped_column(String(254))
    # In whose name it is run: the id of a user, or of a trusted publisher.
    run_by: Mapped[str | None] = mapped_column(Id)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ImportRow(Model):
    """One release of the file: what would be created of it, and what has come of that.

    ``state`` is ``create``, ``created``, ``same``, ``conflict``, ``error`` or ``skip``. Before the run it says what
    would come, afterwards what has; ``is_open`` are the rows that the run still has to look at.
    """

    __tablename__ = "import_rows"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "import_id"], ["imports.tenant_id", "imports.id"], ondelete="CASCADE"),
        Index("ix_import_rows_open", "import_id", "is_open", "position"),
    )

    import_id: Mapped[str] = mapped_column(Id, primary_key=True)
    # Its place in the file, from 1, and the line or the element of the array at which it begins.
    number: Mapped[int] = mapped_column(primary_key=True)
    line: Mapped[int]
    # Its place in the run, the oldest release first.
    position: Mapped[int]
    tenant_id: Mapped[str] = mapped_column(Id)
    state: Mapped[str] = mapped_column(String(16))
    is_open: Mapped[bool]
    version: Mapped[str] = mapped_column(String(256))
    name: Mapped[str] = mapped_column(String(256))
    channel: Mapped[str] = mapped_column(String(256))
    platforms: Mapped[list[str]] = mapped_column(JSON)
    private: Mapped[bool]
    publishes: Mapped[bool]
    product_id: Mapped[str | None] = mapped_column(Id)
    released_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # The file names a day, and no time of it.
    is_day: Mapped[bool]
    # Kept until it is done; afterwards the release has them.
    notes: Mapped[str | None] = mapped_column(Text)
    errors: Mapped[list[Any]] = mapped_column(JSON)
    warnings: Mapped[list[Any]] = mapped_column(JSON)
    has_warnings: Mapped[bool]
    # The release that was created, or that has the place. No foreign key: that one may go.
    release_id: Mapped[str | None] = mapped_column(Id)
