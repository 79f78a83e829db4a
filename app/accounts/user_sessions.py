"""The rows of signed-in browsers. The row is the session: the cookie only names it, and proves whose it is."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

from sqlalchemy import delete, true, update
from sqlalchemy.orm import Session

from app import times
from app.accounts import queries
from app.accounts.actors import SignedInUser
from app.accounts.models import AccessToken, Tenant, User, UserSession
from app.database import generate_id, transaction
from app.text import is_canonical_id

ABSOLUTE_TIMEOUT = timedelta(days=30)
IDLE_TIMEOUT = timedelta(days=7)
# A write for each page would cost more than the page.
_TOUCH_AFTER = timedelta(minutes=5)
_SECRET_BYTES = 32
_ADDRESS_LIMIT = 64
_USER_AGENT_LIMIT = 256


def open_session(
    session: Session,
    user: User,
    tenant: Tenant,
    *,
    address: str = "",
    user_agent: str = "",
    method: str = "password",
) -> SignedInUser:
    """Takes the session of a transaction and who signs in; writes a session row and gives the user with its secret.

    Address and user agent are what its owner recognises it by; the method is ``password``, ``oidc``, ``invitation`` or
    ``setup``. Rows of the user that are over are deleted in passing.
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
        address=address[:_ADDRESS_LIMIT],
        user_agent=_clean(user_agent),
        method=method,
        created_at=moment,
        last_seen_at=moment,
        expires_at=moment + ABSOLUTE_TIMEOUT,
    )
    session.add(row)
    session.flush()
    return _build_user(row, secret, user, tenant)


def close_session(session: Session, user: SignedInUser) -> None:
    """Takes the session of a transaction; from now on the user's cookie is worth nothing, in whoever's hands."""
    session.execute(
        update(UserSession)
        .where(UserSession.tenant_id == user.tenant_id, UserSession.id == user.session_id)
        .values(revoked_at=times.now())
    )


def close_others(session: Session, tenant_id: str, user_id: str, kept_id: str | None = None) -> int:
    """Takes the session of a transaction; ends all sessions of a user but one. Gives how many were in force.

    Whoever signed in by the API has a token in place of a session: it ends, too.
    """
    moment = times.now()
    session.execute(
        update(AccessToken)
        .where(
            AccessToken.tenant_id == tenant_id,
            AccessToken.user_id == user_id,
            AccessToken.is_login,
            AccessToken.revoked_at.is_(None),
        )
        .values(revoked_at=moment, updated_at=moment)
        .execution_options(synchronize_session=False)
    )
    ended = session.execute(
        update(UserSession)
        .where(
            UserSession.tenant_id == tenant_id,
            UserSession.user_id == user_id,
            UserSession.id != kept_id if kept_id else true(),
            UserSession.revoked_at.is_(None),
            UserSession.expires_at > moment,
            UserSession.last_seen_at > moment - IDLE_TIMEOUT,
        )
        .values(revoked_at=moment)
        .returning(UserSession.id)
        .execution_options(synchronize_session=False)
    )
    return len(ended.all())


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
    signed_in = _build_user(row, secret, user, tenant)
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


def _clean(user_agent: str) -> str:
    # A header may hold what no database stores; what names browsers is printable.
    return "".join(character for character in user_agent if character.isprintable())[:_USER_AGENT_LIMIT]


def _hash_secret(secret: str, password_hash: str) -> bytes:
    # The password's hash is part of it: whatever changes the password ends all sessions, and nobody can forget to.
    return hashlib.sha256(f"{secret} {password_hash}".encode()).digest()


def _build_user(row: UserSession, secret: str, user: User, tenant: Tenant) -> SignedInUser:
    has_two_factor = user.totp_confirmed_at is not None
    return SignedInUser(
        id=user.id,
        email=user.email,
        name=user.name or user.email,
        role=user.role,
        tenant_id=tenant.id,
        tenant_name=tenant.name,
        tenant_slug=tenant.slug,
        session_id=row.id,
        session_secret=secret,
        locale=user.locale,
        theme=user.theme,
        has_two_factor=has_two_factor,
        method=row.method,
        signed_in_at=row.created_at,
        # Whoever comes by a provider has shown there whatever the organisation asks for there.
        needs_two_factor=tenant.requires_two_factor and not has_two_factor and row.method != "oidc",
    )
