"""How an access token is made by a form that may be sent twice. Commits once or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.exc import IntegrityError

from app import times
from app.accounts import keys as signing_keys
from app.accounts import tokens
from app.accounts.actors import Actor
from app.accounts.models import AccessToken
from app.database import transaction
from app.idempotency import rows as keys
from app.idempotency.fingerprints import build_fingerprint
from app.tokens import queries
from app.tokens.schema import TokenRequest

# How long a form that is sent again, by a second click or because the answer was lost, gets the token once more: it
# is signed anew from its row, for it is stored nowhere.
_SHOWN_AGAIN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token's row, and the token itself; None if it was shown before and cannot be had again."""

    row: AccessToken
    token: str | None


def issue_token(actor: Actor, request: TokenRequest, key: str | None = None) -> IssuedToken:
    """Commits an access token of the actor's user that ``schema.parse_request`` gave.

    The same form sent twice, by its key, makes one. Raises IdempotencyMismatchError, PermissionDeniedError.
    """
    actor.require("personalAccessToken:write")
    draft, expires_on = request.draft, request.expires_on
    fingerprint = build_fingerprint(draft.name, draft.scopes, draft.expires_in_days, expires_on and str(expires_on))
    used = keys.find_used(actor, key, [fingerprint])
    if used is not None and used.made_id:
        return _show_again(actor, queries.get_token(actor.tenant_id, used.made_id))
    # Before the transaction: the first key of an installation is made in one of its own.
    signing_keys.get_signing_key()
    try:
        with transaction() as session:
            moment = times.now()
            row = tokens.insert_token(session, actor, draft, moment, request.end(moment))
            if key:
                keys.insert_key(session, actor, key, fingerprint, made_id=row.id)
            session.expunge(row)
    except IntegrityError:
        # Another request with this key was quicker, and what it made is what was asked for.
        if key is None:
            raise
        return issue_token(actor, request, key)
    return IssuedToken(row, tokens.sign_token(actor, row))


def _show_again(actor: Actor, row: AccessToken) -> IssuedToken:
    is_fresh = row.revoked_at is None and row.created_at > times.now() - _SHOWN_AGAIN
    return IssuedToken(row, tokens.sign_token(actor, row) if is_fresh else None)
