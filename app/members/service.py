"""How whoever was invited joins. Each function commits once or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app import times
from app.accounts import attempts, passwords, user_sessions
from app.accounts import queries as accounts
from app.accounts.actors import SignedInUser, build_actor
from app.accounts.models import User
from app.audit import service as audit
from app.database import generate_id, transaction
from app.exceptions import ConflictError, NotFoundError
from app.language import say
from app.members import links, queries
from app.members.membership import lock_members
from app.members.models import Invitation
from app.members.schema import Newcomer, parse_newcomer

# Within it, a form that is sent twice signs in by what the first one has made.
_SECOND_CLICK = timedelta(minutes=2)


class InvitationClosedError(NotFoundError):
    """The link opens nothing: unknown, damaged, used, revoked and expired look alike."""

    code = "invitation_closed"
    title = "This invitation is not open"

    def __init__(self) -> None:
        super().__init__(say("This invitation is not open: it was used or withdrawn, or its time is over."))


class AlreadyMemberError(ConflictError):
    """The invited address belongs to a member already. Only whoever has the link is told so."""

    code = "already_member"
    title = "Already a member"

    def __init__(self, email: str, organisation: str) -> None:
        super().__init__(say("{email} is a member of {organisation} already.", email=email, organisation=organisation))


@dataclass(frozen=True, slots=True)
class OpenInvitation:
    """An invitation that can be accepted: into which organisation, as whom, by whom and until when."""

    id: str
    tenant_id: str
    organisation: str
    email: str
    role: str
    invited_by: str
    expires_at: datetime


def find_invitation(secret_link: str) -> OpenInvitation:
    """Takes the last step of a link's path; gives what it invites to.

    Raises InvitationClosedError, AlreadyMemberError.
    """
    invitation = _find_by_link(secret_link)
    if invitation is None or not _is_open(invitation):
        raise InvitationClosedError
    organisation = accounts.get_tenant(invitation.tenant_id).name
    if queries.find_member(invitation.tenant_id, invitation.email) is not None:
        raise AlreadyMemberError(invitation.email, organisation)
    return OpenInvitation(
        id=invitation.id,
        tenant_id=invitation.tenant_id,
        organisation=organisation,
        email=invitation.email,
        role=invitation.role,
        invited_by=invitation.invited_by,
        expires_at=invitation.expires_at,
    )


def accept_invitation(secret_link: str, name: str, password: str | None) -> User:
    """Commits the member that an invitation was for, and gives them. Nobody is signed in by it.

    Without a password they sign in by a provider alone. Raises ValidationError with every broken rule,
    InvitationClosedError, AlreadyMemberError.
    """
    find_invitation(secret_link)
    newcomer = parse_newcomer(name, password)
    password_hash = _hash(newcomer)
    try:
        with transaction() as session:
            user = _insert_member(session, secret_link, newcomer, password_hash)
            session.expunge(user)
    except IntegrityError:
        # Somebody else has just taken the address; whoever looks now sees so.
        find_invitation(secret_link)
        raise
    return user


def join(secret_link: str, name: str, password: str, address: str, user_agent: str = "") -> SignedInUser:
    """Accepts an invitation and opens a session for who joined; gives them, who are not in any cookie yet.

    The same form sent twice makes one member and signs in with each. Raises what ``accept_invitation`` does, and
    ThrottledError.
    """
    with transaction() as session:
        attempt = attempts.admit_attempt(session, f"invitation {secret_link[:36]}", address)
    user = _find_just_joined(secret_link, password) or accept_invitation(secret_link, name, password)
    tenant_id, user_id = user.tenant_id, user.id
    with transaction() as session:
        attempts.clear_attempt(session, attempt)
        user = queries.get_member(tenant_id, user_id)[0]
        signed_in = user_sessions.open_session(
            session, user, accounts.get_tenant(tenant_id), address=address, user_agent=user_agent, method="invitation"
        )
        audit.record(session, signed_in.actor, "user.signed_in", user_id, {"method": "invitation"})
    return signed_in


def _find_just_joined(secret_link: str, password: str) -> User | None:
    """Gives who joined by this link a moment ago with this password, and has no second factor yet."""
    invitation = _find_by_link(secret_link)
    if invitation is None or not invitation.accepted_at or invitation.accepted_at < times.now() - _SECOND_CLICK:
        return None
    user = queries.find_member(invitation.tenant_id, invitation.email)
    if user is None or not user.is_active or user.totp_confirmed_at is not None:
        return None
    return user if passwords.is_password(user.password_hash, password) else None


def _insert_member(session: Session, secret_link: str, newcomer: Newcomer, password_hash: str) -> User:
    before = _find_by_link(secret_link)
    if before is None:
        raise InvitationClosedError
    lock_members(session, before.tenant_id)
    # Another tab may have accepted it while this one waited.
    session.expire_all()
    invitation = _find_by_link(secret_link)
    if invitation is None or not _is_open(invitation):
        raise InvitationClosedError
    moment = times.now()
    user = User(
        id=generate_id(),
        tenant_id=invitation.tenant_id,
        email=invitation.email,
        name=newcomer.name,
        password_hash=password_hash,
        role=invitation.role,
        is_active=True,
        created_at=moment,
        updated_at=moment,
    )
    session.add(user)
    invitation.accepted_at = moment
    session.flush()
    details = {"email": user.email, "role": user.role, "invitedBy": invitation.invited_by}
    audit.record(session, build_actor(user), "user.joined", user.id, details)
    return user


def _find_by_link(secret_link: str) -> Invitation | None:
    named = links.read_link(secret_link)
    invitation = queries.find_invitation(named[0]) if named else None
    return invitation if invitation and named and links.is_secret(invitation, named[1]) else None


def _is_open(invitation: Invitation) -> bool:
    return not (invitation.accepted_at or invitation.revoked_at) and invitation.expires_at > times.now()


def _hash(newcomer: Newcomer) -> str:
    return passwords.UNUSABLE if newcomer.password is None else passwords.hash_password(newcomer.password)
