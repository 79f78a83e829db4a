"""What users change of their own account: how they are called, what they see, their address and password.

Each function commits once or not at all.
"""

from __future__ import annotations

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app import times
from app.accounts import attempts, letters, links, passwords, proofs, queries, user_sessions
from app.accounts.actors import SignedInUser
from app.accounts.models import User
from app.accounts.schema import ProfileDraft, parse_new_email
from app.audit import service as audit
from app.database import transaction
from app.exceptions import FieldError, NotFoundError, ValidationError
from app.extensions import db
from app.language import say

_EMAIL_PURPOSE = "email"
# Letters to addresses that are not the user's yet, in five minutes.
_LETTER_LIMIT = 5
_CURRENT = say("Current password")
_NEW = say("New password")
_EMAIL_TAKEN = FieldError("email", "taken", say("E-mail address is taken: another member of your organisation has it."))
_LINK_OVER = say("This link is not good any more: it was used, or it is older than an hour. Ask for a new one.")


def get_user(user: SignedInUser) -> User:
    """Gives the row of who is signed in."""
    row = db.session.get(User, user.id)
    if row is None or row.tenant_id != user.tenant_id:
        raise NotFoundError(say("There is no such user."))
    return row


def change_profile(user: SignedInUser, draft: ProfileDraft) -> None:
    """Stores name, language and appearance."""
    with transaction() as session:
        row = proofs.lock_user(session, user.tenant_id, user.id)
        values = {"name": draft.name, "locale": draft.locale, "theme": draft.theme}
        before = {name: getattr(row, name) for name in values if getattr(row, name) != values[name]}
        if before:
            row.name, row.locale, row.theme, row.updated_at = draft.name, draft.locale, draft.theme, times.now()
            after = {name: values[name] for name in before}
            audit.record(session, user.actor, "user.profile_changed", user.id, {"before": before, "after": after})


def change_email(user: SignedInUser, email: str, password: str, address: str) -> bool:
    """Takes a new e-mail address and the password; gives whether it counts now.

    Where e-mail can be sent, it counts once the link that goes there is opened: so nobody takes an address that is not
    theirs, and with it the sign-in by a provider of whose it is. Raises ValidationError, ThrottledError.
    """
    wanted = _check_new_email(user, email, password)
    proof = proofs.check(user, password, "password", address)
    try:
        with transaction() as session:
            row = proofs.settle(session, user, proof)
            if wanted == row.email:
                return True
            if letters.can_send():
                attempts.admit_attempt(session, f"letters {row.id}", address, limit=_LETTER_LIMIT)
                token = links.sign(_EMAIL_PURPOSE, row.tenant_id, row.id, wanted, links.mark(row))
                url = links.build_url(f"/settings/account/email/{token}")
                letters.tell_new_address(session, row, wanted, queries.get_tenant(row.tenant_id), url)
                audit.record(session, user.actor, "user.email_change_requested", row.id, {"email": wanted})
                return False
            _store_email(session, user, row, wanted)
    except IntegrityError:
        raise ValidationError([_EMAIL_TAKEN]) from None
    return True


def find_new_email(user: SignedInUser, token: str) -> str:
    """Takes a link that was sent to a new address; gives the address. Raises NotFoundError if it is not good."""
    return _read_email_link(get_user(user), token)


def confirm_email(user: SignedInUser, token: str) -> str:
    """Takes a link that was sent to a new address; gives the address, which is the user's from then on.

    Raises NotFoundError if it is not good, ValidationError if somebody else has the address by now.
    """
    try:
        with transaction() as session:
            row = proofs.lock_user(session, user.tenant_id, user.id)
            email = _read_email_link(row, token)
            _store_email(session, user, row, email)
    except IntegrityError:
        raise ValidationError([_EMAIL_TAKEN]) from None
    return email


def change_password(
    user: SignedInUser, current: str, new: str, address: str = "", user_agent: str = ""
) -> SignedInUser:
    """Stores another password; gives the user with a new session for this browser. All others end.

    Who has none yet, because they sign in by a provider, need only have signed in lately. Raises ValidationError with
    every broken rule, ThrottledError.
    """
    has_password = proofs.has_password(user.tenant_id, user.id)
    errors = [error for error in (passwords.find_password_error(new, "newPassword", _NEW),) if error]
    proof = None
    if has_password and not current:
        errors.insert(0, FieldError("currentPassword", "required", say("{label} is required.", label=_CURRENT)))
    elif has_password:
        proof = proofs.check(user, current, "currentPassword", address)
        if not proof.is_password:
            errors.insert(0, proofs.build_refusal("currentPassword"))
        elif new == current:
            message = say("New password must be another one than the current one.")
            errors.append(FieldError("newPassword", "unchanged", message))
    elif not proofs.is_fresh(user):
        message = say("Sign in again first: your first password needs a session that is at most 15 minutes old.")
        errors.insert(0, FieldError("", "sign_in_needed", message))
    if errors:
        raise ValidationError(errors)
    password_hash = passwords.hash_password(new)
    with transaction() as session:
        row = proofs.settle(session, user, proof) if proof else _lock_without_password(session, user)
        tenant = queries.get_tenant(user.tenant_id)
        ended = user_sessions.close_others(session, row.tenant_id, row.id)
        store_password(row, password_hash)
        signed_in = user_sessions.open_session(
            session, row, tenant, address=address, user_agent=user_agent, method=user.method
        )
        details = {"endedSessions": max(0, ended - 1)}
        audit.record(session, user.actor, "user.password_changed", row.id, details)
        letters.tell_password_changed(session, row, tenant)
    return signed_in


def store_password(row: User, password_hash: str) -> None:
    """Takes the locked row of a user and the hash of another password. Every session goes by it, and so ends."""
    row.password_hash, row.updated_at = password_hash, times.now()


def _lock_without_password(session: Session, user: SignedInUser) -> User:
    row = proofs.lock_user(session, user.tenant_id, user.id)
    if row.password_hash != passwords.UNUSABLE:
        raise ValidationError([proofs.build_refusal("currentPassword")])
    return row


def _check_new_email(user: SignedInUser, email: str, password: str) -> str:
    errors: list[FieldError] = []
    wanted = ""
    try:
        wanted = parse_new_email(email)
    except ValidationError as error:
        errors.extend(error.errors)
    if wanted and wanted != user.email and queries.has_member(user.tenant_id, wanted):
        errors.append(_EMAIL_TAKEN)
    if not proofs.has_password(user.tenant_id, user.id):
        message = say("Set a password first, on the page Security: a new e-mail address needs it.")
        errors.append(FieldError("", "password_needed", message))
    elif not password:
        errors.append(FieldError("password", "required", say("{label} is required.", label=_CURRENT)))
    if errors:
        raise ValidationError(errors)
    return wanted


def _store_email(session: Session, user: SignedInUser, row: User, email: str) -> None:
    former = row.email
    row.email, row.updated_at = email, times.now()
    session.flush()
    details = {"before": {"email": former}, "after": {"email": email}}
    audit.record(session, user.actor, "user.email_changed", row.id, details)
    letters.tell_address_changed(session, row, former, queries.get_tenant(row.tenant_id))


def _read_email_link(row: User, token: str) -> str:
    tenant_id, user_id, email, mark = links.read(_EMAIL_PURPOSE, token, 4) or ("", "", "", "")
    if (tenant_id, user_id, mark) != (row.tenant_id, row.id, links.mark(row)):
        raise NotFoundError(_LINK_OVER)
    return email
