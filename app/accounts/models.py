"""Tenants, their users, and what users sign in with: sessions, access tokens, and the keys that sign those."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
    false,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.database import BigId, Id, UtcDateTime, generate_id
from app.extensions import Model


class Tenant(Model):
    """An organisation: the border that no row crosses."""

    __tablename__ = "tenants"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=generate_id)
    name: Mapped[str] = mapped_column(String(256), unique=True)
    slug: Mapped[str] = mapped_column(String(64), unique=True)
    # What stands above its customer pages, in plain text.
    description: Mapped[str] = mapped_column(String(1024), default="", server_default="")
    # Whether everybody who signs in with a password must have a second factor.
    requires_two_factor: Mapped[bool] = mapped_column(default=False, server_default=false())
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
    # What the pages look like for this user; empty means as the browser asks.
    locale: Mapped[str] = mapped_column(String(8), default="", server_default="")
    theme: Mapped[str] = mapped_column(String(8), default="", server_default="")
    # Which product the form of a new release begins with. No foreign key: a product that has gone is none.
    last_product_id: Mapped[str | None] = mapped_column(Id)
    # The secret of the second factor (RFC 6238), sealed; it counts once it is confirmed.
    totp_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    totp_confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # The last time step whose code was taken: no code counts twice (RFC 6238, section 5.2).
    totp_last_step: Mapped[int | None] = mapped_column(BigInteger)
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
    # What its owner recognises it by.
    address: Mapped[str] = mapped_column(String(64), default="", server_default="")
    user_agent: Mapped[str] = mapped_column(String(256), default="", server_default="")
    # "password", "oidc", "invitation" or "setup".
    method: Mapped[str] = mapped_column(String(16), default="password", server_default="password")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class RecoveryCode(Model):
    """Stands in for the second factor once. Only its hash is kept."""

    __tablename__ = "recovery_codes"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "user_id"], ["users.tenant_id", "users.id"], ondelete="CASCADE"),
        Index("ix_recovery_codes_user_id", "tenant_id", "user_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    tenant_id: Mapped[str] = mapped_column(Id)
    user_id: Mapped[str] = mapped_column(Id)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class AccessToken(Model):
    """A personal access token. Its id is the ``jti`` of the JWT, which itself is shown once and never stored."""

    __tablename__ = "access_tokens"
    __table_args__ = (Index("ix_access_tokens_user_id", "tenant_id", "user_id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=generate_id)
    tenant_id: Mapped[str] = mapped_column(Id, ForeignKey("tenants.id"))
    user_id: Mapped[str] = mapped_column(Id, ForeignKey("users.id"))
    name: Mapped[str] = mapped_column(String(256))
    scopes: Mapped[list[str]] = mapped_column(JSON)
    # Whether it came of an e-mail address and a password sent to the API: it ends when the user's sessions do.
    is_login: Mapped[bool] = mapped_column(default=False, server_default=false())
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
