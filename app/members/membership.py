"""What is done with members: their roles, and whether they may come in. Each function commits once or not at all.

Whatever changes who may do what in an organisation waits for each other, and looks again at who asks for it: so the
last owner stays one, however many requests come at the same instant.
"""

from __future__ import annotations

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app import times
from app.accounts.actors import ROLE_SCOPES, Actor
from app.accounts.models import AccessToken, User, UserSession
from app.audit import service as audit
from app.database import lock_name, transaction
from app.exceptions import ConflictError, FieldError, NotFoundError, PermissionDeniedError, ValidationError
from app.language import say
from app.members import queries
from app.text import is_canonical_id

OWNER = "owner"


def lock_members(session: Session, tenant_id: str) -> None:
    """Takes the session of a transaction; until it ends nobody else changes who belongs to the organisation."""
    lock_name(session, f"members {tenant_id}")


def lock_for(session: Session, actor: Actor) -> str:
    """Does the same for an actor who manages members, and gives their role as it is now.

    Raises PermissionDeniedError if they were switched off or lost the role meanwhile.
    """
    lock_members(session, actor.tenant_id)
    query = select(User.role).where(User.tenant_id == actor.tenant_id, User.id == actor.user_id, User.is_active)
    role = session.scalar(query)
    if "user:write" not in ROLE_SCOPES.get(role or "", frozenset()):
        raise PermissionDeniedError("user:write")
    return role or ""


def change_role(actor: Actor, user_id: str, role: str) -> User:
    """Commits a role that ``schema.parse_role`` gave; one that the member has already changes nothing.

    Invitations that they have sent, and could not send any more, are withdrawn.
    Raises ValidationError on ``role`` for what only owners may do and for the last owner, NotFoundError,
    PermissionDeniedError.
    """
    actor.require("user:write")
    with transaction() as session:
        own_role = lock_for(session, actor)
        user = _lock_user(session, actor.tenant_id, user_id)
        if user.role != role:
            if OWNER in (user.role, role) and own_role != OWNER:
                raise _refuse(say("Role must be set by an owner where it is or was that of an owner."))
            if user.role == OWNER and user.is_active and _is_last_owner(session, user):
                raise _refuse(say("Role must stay owner: nobody else of your organisation is an active owner."))
            before, user.role, user.updated_at = user.role, role, times.now()
            session.flush()
            details = {"email": user.email, "before": {"role": before}, "after": {"role": role}}
            audit.record(session, actor, "user.role_changed", user.id, details)
            _withdraw_invitations(session, actor, user)
        session.expunge(user)
    return user


def deactivate_member(actor: Actor, user_id: str) -> User:
    """Switches a member off: their sessions and access tokens end, and do not come back. Twice changes nothing.

    Invitations that they have sent are withdrawn.

    Raises ConflictError for oneself, for the last owner, and for an owner if the actor is none; NotFoundError,
    PermissionDeniedError.
    """
    actor.require("user:write")
    with transaction() as session:
        own_role = lock_for(session, actor)
        user = _lock_user(session, actor.tenant_id, user_id)
        if user.is_active:
            _check_reach(own_role, user)
            if user.id == actor.user_id:
                raise ConflictError(say("You cannot deactivate yourself. Another owner or admin can."))
            if user.role == OWNER and _is_last_owner(session, user):
                raise ConflictError(say("The last active owner cannot be deactivated."))
            user.is_active, user.updated_at = False, times.now()
            session.flush()
            ended = _end_access(session, user)
            audit.record(session, actor, "user.deactivated", user.id, {"email": user.email, **ended})
            _withdraw_invitations(session, actor, user)
        session.expunge(user)
    return user


def reactivate_member(actor: Actor, user_id: str) -> User:
    """Lets a member in again, in the role that they had. Twice changes nothing.

    Raises ConflictError for an owner if the actor is none; NotFoundError, PermissionDeniedError.
    """
    actor.require("user:write")
    with transaction() as session:
        own_role = lock_for(session, actor)
        user = _lock_user(session, actor.tenant_id, user_id)
        if not user.is_active:
            _check_reach(own_role, user)
            user.is_active, user.updated_at = True, times.now()
            session.flush()
            audit.record(session, actor, "user.reactivated", user.id, {"email": user.email, "role": user.role})
        session.expunge(user)
    return user


def _lock_user(session: Session, tenant_id: str, user_id: str) -> User:
    query = select(User).where(User.tenant_id == tenant_id, User.id == user_id).with_for_update(key_share=True)
    user = session.scalar(query) if is_canonical_id(user_id) else None
    if user is None:
        raise NotFoundError("There is no such member.")
    return user


def _is_last_owner(session: Session, user: User) -> bool:
    others = select(func.count()).where(
        User.tenant_id == user.tenant_id, User.role == OWNER, User.is_active, User.id != user.id
    )
    return not session.scalar(others)


def _check_reach(own_role: str, user: User) -> None:
    if user.role == OWNER and own_role != OWNER:
        raise ConflictError(say("Only owners may deactivate owners and let them in again."))


def _end_access(session: Session, user: User) -> dict[str, int]:
    """Ends sessions and tokens for good: who is let in again later does not find old doors open."""
    moment, ended = times.now(), {}
    for name, table in (("sessions", UserSession), ("tokens", AccessToken)):
        statement = (
            update(table)
            .where(
                table.tenant_id == user.tenant_id,
                table.user_id == user.id,
                table.revoked_at.is_(None),
                table.expires_at > moment,
            )
            .values(revoked_at=moment)
            .execution_options(synchronize_session=False)
        )
        ended[name] = session.execute(statement).rowcount  # type: ignore[attr-defined]
    return ended


def _withdraw_invitations(session: Session, actor: Actor, user: User) -> None:
    """Withdraws what a member could not send any more: they know the links, and could come back by one."""
    may_invite = user.is_active and "user:write" in ROLE_SCOPES.get(user.role, frozenset())
    for invitation in queries.list_invitations_of(user.tenant_id, user.id):
        if not may_invite or (invitation.role == OWNER and user.role != OWNER):
            invitation.revoked_at = times.now()
            details = {"email": invitation.email, "role": invitation.role}
            audit.record(session, actor, "invitation.revoked", invitation.id, details)


def _refuse(message: str) -> ValidationError:
    return ValidationError([FieldError("role", "not_allowed", message)])
