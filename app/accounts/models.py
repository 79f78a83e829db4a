"""Tenants, their users, and what users sign in with: sessions, access tokens, and the keys that sign those."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.database import BigId, Id, UtcDateTime, generate_id
from app.extensions import Model


class Tenant(Model):
    """An organisation: the border that no row crosses."""

    __tablename__ = "tenants"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=generate_id)
    name: Mapped[str] = mapped_column(String(256), unique=True)
    slug: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class User(Model):
    """A person of one tenant. The same e-mail address may stand for another user in another tenant."""

    __tablename__ = "users"
    __table_args__ = (UniqueConstraint("tenant_id", "email"), UniqueConstraint("tenant_id", "id"))

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=generate_id)
    tenant_id: Mapped[str] = mapped_column(Id, ForeignKey("tenants.id"))
    email: Mapped[str] = mapped_column(String(254), index=True)
    name: Mapped[str] = mapped_column(String(256), default="")
    password_hash: Mapped[str] = mapped_column(String(256))
    role: Mapped[str] = mapped_column(String(16))
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)

    tenant: Mapped[Tenant] = relationship(lazy="raise")


class UserSession(Model):
    """A signed-in browser. The row is the session: once it is revoked, its cookie is worth nothing."""

    __tablename__ = "user_sessions"
    __table_args__ = (Index("ix_user_sessions_user_id", "tenant_id", "user_id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=generate_id)
    tenant_id: Mapped[str] = mapped_column(Id, ForeignKey("tenants.id"))
    user_id: Mapped[str] = mapped_column(Id, ForeignKey("users.id"))
    # Only a hash of the secret in the cookie is kept: a copy of the database signs nobody in.
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class AccessToken(Model):
    """A personal access token. Its id is the ``jti`` of the JWT, which itself is shown once and never stored."""

    __tablename__ = "access_tokens"
    __table_args__ = (Index("ix_access_tokens_user_id", "tenant_id", "user_id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=generate_id)
    tenant_id: Mapped[str] = mapped_column(Id, ForeignKey("tenants.id"))
    user_id: Mapped[str] = mapped_column(Id, ForeignKey("users.id"))
    name: Mapped[str] = mapped_column(String(256))
    scopes: Mapped[list[str]] = mapped_column(JSON)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SigningKey(Model):
    """A key pair that signs access tokens; one row of the key set at ``/.well-known/jwks.json``."""

    __tablename__ = "signing_keys"

    kid: Mapped[str] = mapped_column(String(64), primary_key=True)
    algorithm: Mapped[str] = mapped_column(String(16))
    public_jwk: Mapped[dict[str, str]] = mapped_column(JSON)
    # Encrypted with a key derived from SECRET_KEY.
    private_pem: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # A retired key has left the key set: every token that it signed is refused.
    retired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class SignInAttempt(Model):
    """One try to sign in, written before the password is looked at, so that tries at the same instant all count."""

    __tablename__ = "sign_in_attempts"
    __table_args__ = (Index("ix_sign_in_attempts_subject", "subject", "attempted_at"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    # "account:<hash>" or "address:<ip>"; nothing that names a person is kept.
    subject: Mapped[str] = mapped_column(String(128))
    attempted_at: Mapped[datetime] = mapped_column(UtcDateTime)
