"""What an account at the provider is good for: signing in, joining, and being linked. Each function commits once."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from app import times
from app.accounts import attempts, passwords, proofs, user_sessions
from app.accounts.actors import SignedInUser, build_actor
from app.accounts.attempts import Attempt
from app.accounts.models import User, UserSession
from app.audit import service as audit
from app.database import generate_id, lock_name, transaction
from app.exceptions import ConflictError, FieldError, NotFoundError, SlipwayError, ValidationError
from app.language import say
from app.members import service as members
from app.members.service import AlreadyMemberError
from app.oidc import queries
from app.oidc.models import Identity
from app.oidc.queries import Candidate
from app.oidc.schema import Account
from app.oidc.states import LIFETIME_SECONDS

logger = logging.getLogger(__name__)

METHOD = "oidc"
_TAKEN = say("This account signs in another member of the organisation already.")


class UsedStateError(SlipwayError):
    """What came back from the provider has come before."""

    status = 400
    code = "sign_in_used"
    title = "This sign-in was used already"


class NoAccountError(SlipwayError):
    """The account at the provider signs nobody in here. Whether anybody has its address is not told."""

    status = 403
    code = "no_account"
    title = "No account here"


class ChoiceNeededError(SlipwayError):
    """The account signs in to several organisations."""

    status = 409
    code = "organisation_needed"
    title = "Choose an organisation"

    def __init__(self) -> None:
        super().__init__(say("Choose an organisation."))


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request comes from, for its user to recognise."""

    address: str
    user_agent: str


def admit(state: str, address: str) -> Attempt:
    """Commits that a state has come back, and that there was a try to sign in; gives that.

    Of two that bring the same state at the same instant, one goes on. Raises UsedStateError, ThrottledError.
    """
    name = f"state {state}"
    with transaction() as session:
        # Under the name of its state it never is too many; what counts is the address.
        attempt = attempts.admit_attempt(session, name, address)
        if not attempts.use_once(session, name, LIFETIME_SECONDS):
            raise UsedStateError(say("This answer of the provider was used already. Sign in again."))
    return attempt


def list_choices(account: Account) -> list[tuple[str, str]]:
    """Gives the organisations that an account signs in to, by id and name, in the order of their names."""
    found = {candidate.tenant.id: candidate.tenant.name for candidate in queries.list_candidates(account)}
    return sorted(found.items(), key=lambda item: item[1])


def sign_in(account: Account, attempt: Attempt, origin: Origin, tenant_id: str | None = None) -> SignedInUser:
    """Opens a session for whom an account stands for, and links it if the verified address is all that says so.

    Gives the user, who is not in any cookie yet. Raises NoAccountError; ChoiceNeededError without a tenant if there are
    several.
    """
    with transaction() as session:
        _lock(session, account.issuer)
        found = [it for it in queries.list_candidates(account) if tenant_id in (None, it.tenant.id)]
        if len(found) > 1:
            raise ChoiceNeededError
        user = _lock_user(session, found[0]) if found else None
        if user is None:
            logger.info("sign-in by the provider refused", extra={"address": origin.address})
            raise NoAccountError(say("This account signs nobody in here."))
        identity = found[0].identity or _insert(session, user, account, "verified_address")
        identity.last_used_at = times.now()
        attempts.clear_attempt(session, attempt)
        signed_in = user_sessions.open_session(
            session, user, found[0].tenant, address=origin.address, user_agent=origin.user_agent, method=METHOD
        )
        details = {"method": METHOD, "issuer": account.issuer}
        audit.record(session, signed_in.actor, "user.signed_in", user.id, details)
    return signed_in


def join(account: Account, secret_link: str, attempt: Attempt, origin: Origin) -> SignedInUser:
    """Accepts an invitation for its address, which the provider must have verified, and signs in.

    Raises ConflictError if the addresses differ, and what ``members.service.accept_invitation`` and ``sign_in`` do.
    """
    try:
        invitation = members.find_invitation(secret_link)
    except AlreadyMemberError:
        return sign_in(account, attempt, origin)
    if not account.is_email_verified or account.email != invitation.email:
        raise ConflictError(
            say(
                "The invitation is for {email}, and this is not the verified address of the account that you signed "
                "in with.",
                email=invitation.email,
            )
        )
    if queries.find_identity(invitation.tenant_id, account) is not None:
        raise ConflictError(_TAKEN)
    members.accept_invitation(secret_link, account.name or account.email, None)
    return sign_in(account, attempt, origin, invitation.tenant_id)


def connect(user: SignedInUser, account: Account, attempt: Attempt) -> None:
    """Links an account to who is signed in, whatever its address: they have proved to be both. Twice is once.

    Raises ConflictError if it signs in somebody else of the organisation.
    """
    with transaction() as session:
        _lock(session, account.issuer)
        attempts.clear_attempt(session, attempt)
        identity = queries.find_identity(user.tenant_id, account)
        if identity is not None and identity.user_id != user.id:
            raise ConflictError(_TAKEN)
        owner = session.scalars(_select_user(user.tenant_id, user.id)).one_or_none()
        if owner is None:
            raise NotFoundError(say("There is no such user."))
        if identity is None:
            _insert(session, owner, account, "member")


def disconnect(user: SignedInUser, identity_id: str) -> None:
    """Takes an account away from who is signed in, and ends what it has signed in elsewhere.

    Raises ConflictError if they could not sign in any more, NotFoundError.
    """
    with transaction() as session:
        owner = session.scalars(_select_user(user.tenant_id, user.id).with_for_update()).one_or_none()
        identities = queries.list_identities(user.tenant_id, user.id)
        identity = next((it for it in identities if it.id == identity_id), None) if owner else None
        if owner is None or identity is None:
            raise NotFoundError(say("There is no such account."))
        if owner.password_hash == passwords.UNUSABLE and len(identities) == 1:
            raise ConflictError(say("You have no password: set one first, else you could not sign in any more."))
        session.delete(identity)
        _end_sessions(session, user)
        audit.record(session, user.actor, "user.identity_unlinked", user.id, _describe(identity))


def confirm(user: SignedInUser, password: str, address: str) -> None:
    """Makes sure that it is the user who sits there: by the password, or where there is none, by having just signed in.

    Raises ValidationError on ``password`` or on no field, ThrottledError.
    """
    if not proofs.has_password(user.tenant_id, user.id):
        if not proofs.is_fresh(user):
            message = say("Sign in again first: connecting an account needs a session that is at most 15 minutes old.")
            raise ValidationError([FieldError("", "sign_in_needed", message)])
        return
    if not password:
        raise ValidationError([FieldError("password", "required", say("Current password is required."))])
    proof = proofs.check(user, password, "password", address)
    with transaction() as session:
        proofs.settle(session, user, proof)


def _lock(session: Session, issuer: str) -> None:
    # Who is linked to whom is decided one after the other: two tabs link one account once.
    lock_name(session, f"identities {issuer}")


def _lock_user(session: Session, candidate: Candidate) -> User | None:
    # Perhaps they have been deactivated this very moment.
    query = _select_user(candidate.tenant.id, candidate.user.id).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one_or_none()


def _select_user(tenant_id: str, user_id: str) -> Select[User]:
    return select(User).where(User.tenant_id == tenant_id, User.id == user_id, User.is_active)


def _insert(session: Session, user: User, account: Account, reason: str) -> Identity:
    moment = times.now()
    identity = Identity(
        id=generate_id(),
        tenant_id=user.tenant_id,
        user_id=user.id,
        issuer=account.issuer,
        subject=account.subject,
        email=account.email,
        created_at=moment,
        last_used_at=moment,
    )
    session.add(identity)
    session.flush()
    details = {**_describe(identity), "reason": reason}
    audit.record(session, build_actor(user), "user.identity_linked", user.id, details)
    return identity


def _describe(identity: Identity) -> dict[str, str]:
    return {"issuer": identity.issuer, "subject": identity.subject, "email": identity.email}


def _end_sessions(session: Session, user: SignedInUser) -> None:
    session.execute(
        update(UserSession)
        .where(
            UserSession.tenant_id == user.tenant_id,
            UserSession.user_id == user.id,
            UserSession.id != user.session_id,
            UserSession.method == METHOD,
            UserSession.revoked_at.is_(None),
        )
        .values(revoked_at=times.now())
        .execution_options(synchronize_session=False)
    )
