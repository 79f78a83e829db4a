"""How somebody signs in by the API: an e-mail address and a password for an access token of an hour.

The token is a row like those of other access tokens, so it is listed, can be revoked, and ends when all sessions of its
user do. It may whatever the user's role allows. Commits once or not at all.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app import times
from app.accounts import attempts, keys, queries, second_factor, service, tokens
from app.accounts.actors import SCOPES, Actor, build_actor
from app.accounts.attempts import Attempt
from app.accounts.login_schema import LoginSchema
from app.accounts.models import AccessToken, User
from app.accounts.schema import normalize_email
from app.accounts.second_step import name_attempts
from app.audit import service as audit
from app.database import generate_id, transaction
from app.exceptions import SlipwayError, ThrottledError
from app.language import say

logger = logging.getLogger(__name__)

LIFETIME: Final = timedelta(hours=1)
# What its owner reads in the list of access tokens.
_NAME: Final = "API sign-in"


class LoginRefusedError(SlipwayError):
    """Nobody is signed in. It is one and the same whatever is wrong, so that nobody learns by it what is right."""

    status = 400
    code = "wrong_credentials"
    title = "Not signed in"

    def __init__(self) -> None:
        super().__init__(
            say(
                "E-mail address or password is wrong, or something is missing: accountAlias, if the e-mail address "
                "belongs to several organisations, or a fresh code, if the account has two-factor sign-in."
            )
        )


def log_in(sent: LoginSchema, address: str = "") -> str:
    """Commits a token for whoever knows the password, and has the code where there is a second factor; gives the JWT.

    Raises LoginRefusedError, and ThrottledError by the same count of tries as the page for signing in.
    """
    account = normalize_email(sent.email)
    with transaction() as session:
        attempt = attempts.admit_attempt(session, account, address)
    matching = service.find_matching(account, sent.password, sent.accountAlias or None)
    if len(matching) != 1:
        raise _refuse(address)
    user, tenant = matching[0]
    code_attempt = _admit_code(user, address) if second_factor.is_on(user) else None
    # Before the transaction: the first key of an installation is made in one of its own.
    keys.get_signing_key()
    # The hash is what was checked: if it was changed meanwhile, the password that was sent is the old one.
    query = select(User).where(
        User.tenant_id == tenant.id, User.id == user.id, User.password_hash == user.password_hash, User.is_active
    )
    row, actor = None, None
    with transaction() as session:
        locked = session.scalars(query.with_for_update()).one_or_none()
        if locked is not None and _is_admitted(session, locked, sent.code or "", code_attempt, address):
            _clear(session, locked, attempt, code_attempt)
            actor = build_actor(locked)
            row = _insert_token(session, actor, times.now())
            session.expunge(row)
    if row is None or actor is None:
        raise _refuse(address)
    return tokens.sign_token(actor, row)


def _admit_code(user: User, address: str) -> Attempt:
    """Counts a try of a code, wherever codes of this user are typed."""
    try:
        with transaction() as session:
            return attempts.admit_attempt(session, name_attempts(user.id), address)
    except ThrottledError:
        # To say so would say that the password is right.
        raise _refuse(address) from None


def _is_admitted(session: Session, user: User, code: str, code_attempt: Attempt | None, address: str) -> bool:
    if not second_factor.is_on(user):
        # Where the organisation asks for a second factor, nobody comes in without one.
        return code_attempt is None and not queries.get_tenant(user.tenant_id).requires_two_factor
    if code_attempt is None or not code.strip():
        return False
    if second_factor.take_code(session, user, code, times.now()):
        return True
    # Whoever got this far knows the password: its owner should hear of it.
    audit.record(session, build_actor(user), "user.second_factor_refused", user.id, {"address": address})
    return False


def _clear(session: Session, user: User, attempt: Attempt, code_attempt: Attempt | None) -> None:
    attempts.clear_attempt(session, attempt, is_shared=len(queries.find_users(user.email)) > 1)
    if code_attempt is not None:
        attempts.clear_attempt(session, code_attempt)


def _insert_token(session: Session, actor: Actor, moment: datetime) -> AccessToken:
    """Adds the row, and deletes in passing those of the user that are over."""
    session.execute(
        delete(AccessToken)
        .where(
            AccessToken.tenant_id == actor.tenant_id,
            AccessToken.user_id == actor.user_id,
            AccessToken.is_login,
            AccessToken.expires_at < moment,
        )
        .execution_options(synchronize_session=False)
    )
    row = AccessToken(
        id=generate_id(),
        tenant_id=actor.tenant_id,
        user_id=actor.user_id,
        name=_NAME,
        scopes=[scope for scope in SCOPES if actor.has_scope(scope)],
        is_login=True,
        expires_at=moment + LIFETIME,
        created_at=moment,
        updated_at=moment,
    )
    session.add(row)
    session.flush()
    details = {"method": "password", "through": "API", "tokenId": row.id}
    audit.record(session, actor, "user.signed_in", actor.user_id, details)
    return row


def _refuse(address: str) -> LoginRefusedError:
    logger.info("sign-in by the API refused", extra={"address": address})
    return LoginRefusedError()
