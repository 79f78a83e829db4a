"""What is read of members and invitations. Every query names its tenant; none commits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, or_, select

from app import times
from app.accounts.models import AccessToken, User, UserSession
from app.accounts.user_sessions import IDLE_TIMEOUT
from app.audit.models import AuditEntry
from app.exceptions import NotFoundError
from app.extensions import db
from app.members.models import Invitation
from app.text import find_encoding_error, is_canonical_id

# More open invitations than these are not shown at once; nobody has as many.
INVITATION_LIMIT = 200


@dataclass(frozen=True, slots=True)
class MemberFilter:
    """Which members to list: by a part of the name or the address, by role, and those that are active or not."""

    text: str = ""
    role: str = ""
    is_active: bool | None = None


def list_members(
    tenant_id: str, wanted: MemberFilter, limit: int, after: str = ""
) -> Sequence[Row[User, datetime | None]]:
    """Gives members of a tenant by e-mail address, from the one after ``after`` on, each with when they were seen."""
    query = _select_members(tenant_id).order_by(User.email).limit(limit)
    if wanted.text:
        if find_encoding_error(wanted.text):
            return []
        text = wanted.text.lower()
        parts = [func.lower(column).contains(text, autoescape=True) for column in (User.email, User.name)]
        query = query.where(or_(*parts))
    if wanted.role:
        query = query.where(User.role == wanted.role)
    if wanted.is_active is not None:
        query = query.where(User.is_active == wanted.is_active)
    if after and not find_encoding_error(after):
        query = query.where(User.email > after)
    return db.session.execute(query).all()


def get_member(tenant_id: str, user_id: str) -> Row[User, datetime | None]:
    """Gives a member of a tenant with when they were seen last. Raises NotFoundError."""
    query = _select_members(tenant_id).where(User.id == user_id)
    found = db.session.execute(query).one_or_none() if is_canonical_id(user_id) else None
    if found is None:
        raise NotFoundError("There is no such member.")
    return found


def count_members(tenant_id: str) -> int:
    """Gives how many members of a tenant are active."""
    query = select(func.count()).where(User.tenant_id == tenant_id, User.is_active)
    return db.session.scalar(query) or 0


def list_addresses(tenant_id: str, limit: int) -> Sequence[str]:
    """Gives the e-mail addresses of a tenant's members, for a field that suggests them."""
    return db.session.scalars(
        select(User.email).where(User.tenant_id == tenant_id).order_by(User.email).limit(limit)
    ).all()


def count_access(tenant_id: str, user_id: str) -> tuple[int, int, int]:
    """Gives how many sessions and access tokens of a member are in force, and how many invitations they have sent."""
    moment = times.now()
    sessions = select(func.count()).where(
        UserSession.tenant_id == tenant_id,
        UserSession.user_id == user_id,
        UserSession.revoked_at.is_(None),
        UserSession.expires_at > moment,
        UserSession.last_seen_at > moment - IDLE_TIMEOUT,
    )
    tokens = select(func.count()).where(
        AccessToken.tenant_id == tenant_id,
        AccessToken.user_id == user_id,
        AccessToken.revoked_at.is_(None),
        AccessToken.expires_at > moment,
    )
    sent = len(list_invitations_of(tenant_id, user_id))
    return db.session.scalar(sessions) or 0, db.session.scalar(tokens) or 0, sent


def list_invitations_of(tenant_id: str, user_id: str) -> Sequence[Invitation]:
    """Gives the invitations of a tenant that are open by a link which this member was shown, as the audit log has it.

    Whoever makes the newest link is shown it, and nobody else is.
    """
    made = select(func.max(AuditEntry.id)).where(
        AuditEntry.tenant_id == tenant_id, AuditEntry.action.in_(("invitation.created", "invitation.renewed"))
    )
    own = select(AuditEntry.entity_id).where(
        AuditEntry.tenant_id == tenant_id,
        AuditEntry.id.in_(made.group_by(AuditEntry.entity_id)),
        AuditEntry.actor_id == user_id,
    )
    query = select(Invitation).where(
        Invitation.tenant_id == tenant_id,
        Invitation.accepted_at.is_(None),
        Invitation.revoked_at.is_(None),
        Invitation.expires_at > times.now(),
        Invitation.id.in_(own),
    )
    return db.session.scalars(query.order_by(Invitation.created_at, Invitation.id)).all()


def list_open_invitations(tenant_id: str) -> Sequence[Invitation]:
    """Gives the invitations of a tenant that were neither accepted nor revoked, also if expired, newest first."""
    query = (
        select(Invitation)
        .where(Invitation.tenant_id == tenant_id, Invitation.accepted_at.is_(None), Invitation.revoked_at.is_(None))
        .order_by(Invitation.created_at.desc(), Invitation.id)
        .limit(INVITATION_LIMIT)
    )
    return db.session.scalars(query).all()


def get_invitation(tenant_id: str, invitation_id: str) -> Invitation:
    """Gives an invitation of a tenant, whatever has become of it. Raises NotFoundError."""
    query = select(Invitation).where(Invitation.tenant_id == tenant_id, Invitation.id == invitation_id)
    found = db.session.scalar(query) if is_canonical_id(invitation_id) else None
    if found is None:
        raise NotFoundError("There is no such invitation.")
    return found


def find_member(tenant_id: str, email: str) -> User | None:
    """Gives the member of a tenant with this address, as it is stored, active or not."""
    return db.session.scalar(select(User).where(User.tenant_id == tenant_id, User.email == email))


def find_invitation(invitation_id: str) -> Invitation | None:
    """Gives an invitation of whatever tenant: whoever has its link belongs to none yet."""
    return db.session.get(Invitation, invitation_id)


def _select_members(tenant_id: str) -> Any:
    seen_at = (
        select(func.max(UserSession.last_seen_at))
        .where(UserSession.tenant_id == User.tenant_id, UserSession.user_id == User.id)
        .scalar_subquery()
    )
    return select(User, seen_at.label("seen_at")).where(User.tenant_id == tenant_id)
