"""The signed-in browsers of a user: which there are, and how they are signed out from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from app import times
from app.accounts import user_sessions
from app.accounts.actors import SignedInUser
from app.accounts.models import UserSession
from app.audit import service as audit
from app.database import transaction
from app.exceptions import NotFoundError
from app.extensions import db
from app.language import say
from app.text import is_canonical_id


def list_sessions(user: SignedInUser) -> Sequence[UserSession]:
    """Gives the sessions of a user that are in force, this one first, then those that were seen last."""
    moment = times.now()
    query = (
        select(UserSession)
        .where(
            UserSession.tenant_id == user.tenant_id,
            UserSession.user_id == user.id,
            UserSession.revoked_at.is_(None),
            UserSession.expires_at > moment,
            UserSession.last_seen_at > moment - user_sessions.IDLE_TIMEOUT,
        )
        .order_by(UserSession.last_seen_at.desc(), UserSession.id)
    )
    return sorted(db.session.scalars(query), key=lambda row: row.id != user.session_id)


def revoke_session(user: SignedInUser, session_id: str) -> None:
    """Signs a browser of the user out, from the next request on. One that is signed out already stays so.

    Raises NotFoundError if it is none of theirs.
    """
    query = select(UserSession).where(
        UserSession.tenant_id == user.tenant_id, UserSession.user_id == user.id, UserSession.id == session_id
    )
    with transaction() as session:
        row = session.scalars(query.with_for_update()).one_or_none() if is_canonical_id(session_id) else None
        if row is None:
            raise NotFoundError(say("There is no such session."))
        if row.revoked_at is None:
            row.revoked_at = times.now()
            audit.record(session, user.actor, "user.session_revoked", user.id, {"address": row.address})


def revoke_others(user: SignedInUser) -> int:
    """Signs out all browsers of a user but this one; gives how many there were."""
    with transaction() as session:
        count = user_sessions.close_others(session, user.tenant_id, user.id, user.session_id)
        if count:
            audit.record(session, user.actor, "user.sessions_revoked", user.id, {"count": count})
    return count
