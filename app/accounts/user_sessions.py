"""The rows of signed-in browsers. The row is the session: the cookie only names it, and proves whose it is."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from app import times
from app.accounts import queries
from app.accounts.actors import SignedInUser
from app.accounts.models import Tenant, User, UserSession
from app.database import generate_id, transaction
from app.text import is_canonical_id

ABSOLUTE_TIMEOUT = timedelta(days=30)
IDLE_TIMEOUT = timedelta(days=7)
# A write for each page would cost more than the page.
_TOUCH_AFTER = timedelta(minutes=5)
_SECRET_BYTES = 32


def open_session(session: Session, user: User, tenant: Tenant) -> SignedInUser:
    """Takes the session of a transaction and who signs in; writes a session row and gives the user with its secret.

    Rows of the user that are over are deleted in passing.
    """
    moment = times.now()
    session.execute(
        delete(UserSession).where(
            UserSession.tenant_id == user.tenant_id,
            UserSession.user_id == user.id,
            UserSession.expires_at < moment,
        )
    )
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    row = UserSession(
        id=generate_id(),
        tenant_id=user.tenant_id,
        user_id=user.id,
        secret_hash=_hash_secret(secret, user.password_hash),
        created_at=moment,
        last_seen_at=moment,
        expires_at=moment + ABSOLUTE_TIMEOUT,
    )
    session.add(row)
    session.flush()
    return _build_user(row.id, secret, user, tenant)


def close_session(session: Session, user: SignedInUser) -> None:
    """Takes the session of a transaction; from now on the user's cookie is worth nothing, in whoever's hands."""
    session.execute(
        update(UserSession)
        .where(UserSession.tenant_id == user.tenant_id, UserSession.id == user.session_id)
        .values(revoked_at=times.now())
    )


def find_user(cookie_id: str) -> SignedInUser | None:
    """Takes what the cookie holds; gives the user, or None for anything that is not a session in force."""
    session_id, _, secret = cookie_id.partition(".")
    if not is_canonical_id(session_id):
        return None
    moment = times.now()
    found = queries.find_session(session_id, moment, moment - IDLE_TIMEOUT)
    if found is None:
        return None
    row, user, tenant = found
    if not hmac.compare_digest(row.secret_hash, _hash_secret(secret, user.password_hash)):
        return None
    signed_in = _build_user(session_id, secret, user, tenant)
    if row.last_seen_at < moment - _TOUCH_AFTER:
        _touch_session(signed_in, moment)
    return signed_in


def _touch_session(user: SignedInUser, moment: datetime) -> None:
    with transaction() as session:
        session.execute(
            update(UserSession)
            .where(UserSession.tenant_id == user.tenant_id, UserSession.id == user.session_id)
            .values(last_seen_at=moment)
        )


def _hash_secret(secret: str, password_hash: str) -> bytes:
    # The password's hash is part of it: whatever changes the password ends all sessions, and nobody can forget to.
    return hashlib.sha256(f"{secret} {password_hash}".encode()).digest()


def _build_user(session_id: str, secret: str, user: User, tenant: Tenant) -> SignedInUser:
    return SignedInUser(
        id=user.id,
        email=user.email,
        name=user.name or user.email,
        role=user.role,
        tenant_id=tenant.id,
        tenant_name=tenant.name,
        tenant_slug=tenant.slug,
        session_id=session_id,
        session_secret=secret,
        locale=user.locale,
        theme=user.theme,
        has_two_factor=user.totp_confirmed_at is not None,
    )
