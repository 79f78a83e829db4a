"""A forgotten password: a link by e-mail that lets one choose another. Each function commits once or not at all.

The second factor is not forgotten with it: whoever has one still needs a code to sign in.
"""

from __future__ import annotations

import hmac
import logging
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from app.accounts import attempts, letters, links, passwords, proofs, queries, user_sessions
from app.accounts.account_service import store_password
from app.accounts.actors import Actor, build_actor, build_system_actor
from app.accounts.models import Tenant, User
from app.accounts.schema import normalize_email, parse_new_email
from app.audit import service as audit
from app.database import transaction
from app.exceptions import NotFoundError, ValidationError
from app.extensions import db
from app.language import say
from app.text import is_canonical_id

logger = logging.getLogger(__name__)

_PURPOSE = "reset"
# Letters to one address in five minutes.
_LETTER_LIMIT = 3


class ResetOverError(NotFoundError):
    """The link is not good: unknown, used and too old look alike."""

    code = "reset_over"
    title = "This link is not good any more"

    def __init__(self) -> None:
        super().__init__(say("This link was used, or it is older than an hour. Ask for a new one."))


@dataclass(frozen=True, slots=True)
class OpenReset:
    """Whose password a link lets one choose."""

    email: str
    organisation: str


def admit_request(email: str, address: str) -> str:
    """Takes what was typed; counts the request, and gives the address as it is looked up.

    Raises ValidationError if it is no e-mail address at all, ThrottledError. It takes the same for every address.
    """
    wanted = parse_new_email(email)
    with transaction() as session:
        attempts.admit_attempt(session, f"reset {wanted}", address, limit=_LETTER_LIMIT)
    return wanted


def send_links(email: str, locale: str) -> None:
    """Owes each active user of an e-mail address a link; to nobody, nothing.

    Nobody waits for what this does, and so it raises nothing: if the database is away, the log says so.
    """
    try:
        with transaction() as session:
            for user, tenant in queries.find_users(normalize_email(email)):
                if user.is_active:
                    letters.tell_reset(session, user, tenant, _build_link(user), locale)
                    actor = build_system_actor(user.tenant_id)
                    audit.record(session, actor, "user.password_reset_requested", user.id, {"email": user.email})
    except SQLAlchemyError:
        logger.exception("a link for another password is not owed")


def make_link(actor: Actor) -> str:
    """Gives such a link to whoever runs commands here."""
    with transaction() as session:
        user = proofs.lock_user(session, actor.tenant_id, actor.user_id)
        system = build_system_actor(user.tenant_id)
        audit.record(session, system, "user.password_reset_requested", user.id, {"email": user.email})
        return _build_link(user)


def find_reset(token: str) -> OpenReset:
    """Takes the last step of a link; gives whose it is. Raises ResetOverError."""
    user, tenant = _find(token)
    return OpenReset(user.email, tenant.name)


def reset_password(token: str, password: str, address: str = "") -> None:
    """Takes the last step of a link and the password that was chosen: it counts, and all sessions end.

    Raises ValidationError, ResetOverError (of two who use a link at once, one gets it), ThrottledError.
    """
    user, _ = _find(token)
    error = passwords.find_password_error(password)
    if error:
        raise ValidationError([error])
    tenant_id, user_id = user.tenant_id, user.id
    with transaction() as session:
        attempt = attempts.admit_attempt(session, f"reset link {user_id}", address)
    password_hash = passwords.hash_password(password)
    with transaction() as session:
        user = proofs.lock_user(session, tenant_id, user_id)
        if not _is_marked(user, token):
            raise ResetOverError
        user_sessions.close_others(session, tenant_id, user_id)
        store_password(user, password_hash)
        attempts.clear_attempt(session, attempt)
        audit.record(session, build_actor(user), "user.password_reset", user_id, {})
        letters.tell_password_changed(session, user, queries.get_tenant(tenant_id))


def _build_link(user: User) -> str:
    return links.build_url(f"/sign-in/reset/{links.sign(_PURPOSE, user.tenant_id, user.id, links.mark(user))}")


def _find(token: str) -> tuple[User, Tenant]:
    tenant_id, user_id, _ = links.read(_PURPOSE, token, 3) or ("", "", "")
    user = db.session.get(User, user_id) if is_canonical_id(user_id) else None
    if user is None or user.tenant_id != tenant_id or not user.is_active or not _is_marked(user, token):
        raise ResetOverError
    return user, queries.get_tenant(tenant_id)


def _is_marked(user: User, token: str) -> bool:
    _, _, mark = links.read(_PURPOSE, token, 3) or ("", "", "")
    return hmac.compare_digest(mark.encode(), links.mark(user).encode())
