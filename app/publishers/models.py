"""Whom a product trusts, the tokens that come of it, and the identity tokens that have been used up."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKeyConstraint, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Id, UtcDateTime, generate_id
from app.extensions import Model


class TrustedPublisher(Model):
    """A job of CI, as its issuer describes it in claims, that may publish releases of one product."""

    __tablename__ = "trusted_publishers"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "product_id"], ["products.tenant_id", "products.id"], ondelete="CASCADE"),
        # Lets a token refer to its publisher and its tenant at once, so that neither can be another's.
        UniqueConstraint("tenant_id", "id"),
        # The same job is trusted once; the digest is of kind, issuer and members.
        UniqueConstraint("product_id", "digest"),
        # By this, and not by its tenant, a job finds who trusts it.
        Index("ix_trusted_publishers_lookup", "issuer", "lookup"),
        Index("ix_trusted_publishers_listing", "tenant_id", "product_id", "created_at", "id"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=generate_id)
    tenant_id: Mapped[str] = mapped_column(Id)
    product_id: Mapped[str] = mapped_column(Id)
    # "github", "gitlab" or "other": by which rules the members are compared with claims.
    kind: Mapped[str] = mapped_column(String(16))
    issuer: Mapped[str] = mapped_column(String(512))
    members: Mapped[dict[str, Any]] = mapped_column(JSON)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    # A hash of the kind and of the one claim that every job which is trusted here has.
    lookup: Mapped[bytes] = mapped_column(LargeBinary(32))
    # Who owns the repository, by an id that is never given away again: as it was told, or as the first job had it.
    owner_id: Mapped[str] = mapped_column(String(64), default="", server_default="")
    created_by: Mapped[str] = mapped_column(String(254))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class PublisherToken(Model):
    """A token that a job got. Its id is the ``jti`` of the JWT; without its publisher it is worth nothing."""

    __tablename__ = "publisher_tokens"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "publisher_id"],
            ["trusted_publishers.tenant_id", "trusted_publishers.id"],
            ondelete="CASCADE",
        ),
        Index("ix_publisher_tokens_publisher_id", "tenant_id", "publisher_id"),
        Index("ix_publisher_tokens_expires_at", "expires_at"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=generate_id)
    tenant_id: Mapped[str] = mapped_column(Id)
    publisher_id: Mapped[str] = mapped_column(Id)
    scopes: Mapped[list[str]] = mapped_column(JSON)
    # Which run of the job has it, as the audit log tells.
    run: Mapped[dict[str, str]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class SpentIdentityToken(Model):
    """An identity token that has been swapped, until it would have expired: it is good for one token only.

    It belongs to no tenant, and stays when the publisher goes that it was for.
    """

    __tablename__ = "spent_identity_tokens"
    __table_args__ = (Index("ix_spent_identity_tokens_expires_at", "expires_at"),)

    # A hash of the issuer and of what identifies the token.
    id: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
