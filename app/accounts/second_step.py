"""The second step of a sign-in: what is remembered between the password and the code, and what the code leads to."""

from __future__ import annotations

import hashlib
import hmac
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from sqlalchemy import select

from app import times
from app.accounts import attempts, queries, second_factor, user_sessions
from app.accounts.actors import SignedInUser, build_actor
from app.accounts.models import User
from app.audit import service as audit
from app.database import transaction
from app.exceptions import FieldError, SlipwayError, ValidationError
from app.language import say
from app.text import is_canonical_id

logger = logging.getLogger(__name__)

LIFETIME = timedelta(minutes=10)
_WRONG = say("This code is not good: it is wrong, too old, or was used before. Wait for the next one.")
_OVER = say("Too much time has passed since you typed your password. Sign in again.")


@dataclass(frozen=True, slots=True)
class PendingSignIn:
    """Who knew the password, and when. It is worth a sign-in only with a code, and while the password is the same."""

    tenant_id: str
    user_id: str
    begun_at: datetime
    proof: str

    @classmethod
    def begin(cls, user: User) -> Self:
        """Takes who has just typed their password."""
        return cls(user.tenant_id, user.id, times.now(), build_proof(user))

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Takes what the session holds; gives what it stands for, None if it is nothing of the kind or too old."""
        tenant_id, user_id, second, proof = [*text.split(" "), *([""] * 4)][:4]
        if not (is_canonical_id(tenant_id) and is_canonical_id(user_id) and second.isdecimal() and len(second) < 12):
            return None
        begun_at = datetime.fromtimestamp(int(second), tz=times.now().tzinfo)
        is_good = timedelta(0) <= times.now() - begun_at < LIFETIME
        return cls(tenant_id, user_id, begun_at, proof) if is_good else None

    def __str__(self) -> str:
        return f"{self.tenant_id} {self.user_id} {int(self.begun_at.timestamp())} {self.proof}"


class SecondStepNeededError(SlipwayError):
    """The password is right, and the account has a second factor: nobody is signed in yet."""

    status = 401
    code = "second_factor_required"
    title = "Second step needed"

    def __init__(self, pending: PendingSignIn) -> None:
        super().__init__(say("Code is required: this account has two-factor sign-in."))
        self.pending = pending


class SecondStepOverError(SlipwayError):
    """The password was typed too long ago, or is another one by now: the sign-in begins anew."""

    status = 400
    code = "second_step_over"
    title = "Sign in again"

    def __init__(self) -> None:
        super().__init__(_OVER)


def build_proof(user: User) -> str:
    """Gives what says which password was known, and nothing else of it."""
    return hashlib.sha256(f"second step {user.id} {user.password_hash}".encode()).hexdigest()


def finish_sign_in(
    pending: PendingSignIn, typed: str, field: str, address: str = "", user_agent: str = ""
) -> SignedInUser:
    """Takes a sign-in that waits for its second step and what was typed for it; gives the user with a session.

    Raises ValidationError on the field for a code that is not good, SecondStepOverError, ThrottledError.
    """
    if not typed.strip():
        raise ValidationError([FieldError(field, "required", say("Code is required."))])
    with transaction() as session:
        attempt = attempts.admit_attempt(session, name_attempts(pending.user_id), address)
    moment = times.now()
    query = select(User).where(User.tenant_id == pending.tenant_id, User.id == pending.user_id, User.is_active)
    signed_in = None
    with transaction() as session:
        user = session.scalars(query.with_for_update()).one_or_none()
        if user is None or not second_factor.is_on(user) or not hmac.compare_digest(build_proof(user), pending.proof):
            raise SecondStepOverError
        tenant = queries.get_tenant(pending.tenant_id)
        if kind := second_factor.take_code(session, user, typed, moment):
            attempts.clear_attempt(session, attempt)
            signed_in = user_sessions.open_session(session, user, tenant, address=address, user_agent=user_agent)
            audit.record(session, signed_in.actor, "user.signed_in", user.id, {"method": "password", "with": kind})
        else:
            # Whoever got this far knows the password: its owner should hear of it.
            audit.record(session, build_actor(user), "user.second_factor_refused", user.id, {"address": address})
    if signed_in is None:
        logger.info("second step refused", extra={"address": address})
        raise ValidationError([FieldError(field, "wrong_code", _WRONG)])
    return signed_in


def name_attempts(user_id: str) -> str:
    """Gives under which name tries of a user's codes are counted, wherever they are typed."""
    return f"second factor {user_id}"
