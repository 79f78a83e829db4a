"""Who changes what guards an account proves once more who they are: by their password or, where that is said, a code.

Tries are counted like those of signing in. Nothing here changes anything but their count.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import times
from app.accounts import attempts, passwords, recovery, second_factor, totp
from app.accounts.actors import SignedInUser
from app.accounts.attempts import Attempt
from app.accounts.models import User
from app.accounts.second_step import name_attempts
from app.database import transaction
from app.exceptions import FieldError, NotFoundError, ValidationError
from app.extensions import db
from app.language import say

# How long after signing in somebody without a password is believed without one.
FRESH = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Proof:
    """What was typed, whether it is the password, and of which hash; a code is only taken when it is settled."""

    typed: str
    field: str
    attempt: Attempt
    password_hash: str
    is_password: bool


def has_password(tenant_id: str, user_id: str) -> bool:
    """Whether a user can sign in with a password at all."""
    return _get_hash(tenant_id, user_id) != passwords.UNUSABLE


def is_fresh(user: SignedInUser) -> bool:
    """Whether the user has signed in so lately that nobody else is likely to sit there."""
    return user.signed_in_at is not None and times.now() - user.signed_in_at < FRESH


def check(user: SignedInUser, typed: str, field: str, address: str) -> Proof:
    """Takes what a user typed to prove who they are; counts the try, and looks whether it is the password.

    Raises ThrottledError.
    """
    is_code = totp.fold_code(typed) is not None or recovery.fold_code(typed) is not None
    name = name_attempts(user.id) if is_code else f"password {user.id}"
    with transaction() as session:
        attempt = attempts.admit_attempt(session, name, address)
    password_hash = _get_hash(user.tenant_id, user.id)
    return Proof(typed, field, attempt, password_hash, passwords.is_password(password_hash, typed))


def settle(session: Session, user: SignedInUser, proof: Proof, *, takes_codes: bool = False) -> User:
    """Takes the session of a transaction and a proof; gives the row of the user, locked, if it is good.

    Raises ValidationError on the field, also if the password was changed since it was looked at.
    """
    row = lock_user(session, user.tenant_id, user.id)
    is_good = proof.is_password and row.password_hash == proof.password_hash
    if not is_good and takes_codes:
        is_good = second_factor.take_code(session, row, proof.typed, times.now()) is not None
    if not is_good:
        raise ValidationError([build_refusal(proof.field, takes_codes=takes_codes)])
    attempts.clear_attempt(session, proof.attempt)
    return row


def build_refusal(field: str, *, takes_codes: bool = False) -> FieldError:
    """Gives what is wrong with a proof that is not good."""
    if takes_codes:
        return FieldError(field, "wrong", say("This is neither your password nor a code that is good now."))
    return FieldError(field, "wrong", say("Current password is wrong."))


def lock_user(session: Session, tenant_id: str, user_id: str) -> User:
    """Takes the session of a transaction; gives an active user, whom nobody else changes until its end.

    Raises NotFoundError.
    """
    query = select(User).where(User.tenant_id == tenant_id, User.id == user_id, User.is_active)
    row = session.scalars(query.with_for_update()).one_or_none()
    if row is None:
        raise NotFoundError(say("There is no such user."))
    return row


def _get_hash(tenant_id: str, user_id: str) -> str:
    query = select(User.password_hash).where(User.tenant_id == tenant_id, User.id == user_id)
    return db.session.scalar(query) or passwords.UNUSABLE
