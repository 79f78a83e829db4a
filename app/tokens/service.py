"""What can be done with access tokens. Each function checks permission, and commits once or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app import etags, times
from app.accounts import keys as signing_keys
from app.accounts import tokens
from app.accounts.actors import Actor
from app.accounts.models import AccessToken
from app.audit import service as audit
from app.database import transaction
from app.etags import Precondition
from app.exceptions import ConflictError, FieldError, NotFoundError, ValidationError
from app.idempotency import rows as keys
from app.idempotency.fingerprints import build_fingerprint
from app.language import say
from app.text import is_canonical_id
from app.tokens import queries
from app.tokens.api_schema import TokenChangeSchema
from app.tokens.schema import TokenRequest
from app.tokens.serializers import serialize_token

# How long a form that is sent again, by a second click or because the answer was lost, gets the token once more: it
# is signed anew from its row, for it is stored nowhere.
_SHOWN_AGAIN = timedelta(minutes=1)
_SCOPE = "personalAccessToken:write"


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token's row, and the token itself; None if it was shown before and cannot be had again.

    ``is_replay`` says that it was made before.
    """

    row: AccessToken
    token: str | None
    is_replay: bool = False


def issue_token(actor: Actor, request: TokenRequest, key: str | None = None) -> IssuedToken:
    """Commits an access token of the actor's user that ``schema.parse_request`` or ``api_schema.parse_token`` gave.

    The same sent twice, by its key, makes one. Raises IdempotencyMismatchError, PermissionDeniedError.
    """
    actor.require(_SCOPE)
    draft, expires_on = request.draft, request.expires_on
    ends = (expires_on and str(expires_on), *([str(request.expires_at)] if request.expires_at else []))
    fingerprint = build_fingerprint(draft.name, draft.scopes, draft.expires_in_days, *ends)
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
    return IssuedToken(row, tokens.sign_token(actor, row) if is_fresh else None, is_replay=True)


def update_token(
    actor: Actor, token_id: str, sent: TokenChangeSchema, expected: Precondition = etags.NONE
) -> AccessToken:
    """Commits another name of a token, or that it is revoked, from which there is no way back.

    Raises ValidationError if scopes or expiry were sent that it does not have, ConflictError if a revoked one is to be
    good again, NotFoundError, PreconditionFailedError, PermissionDeniedError.
    """
    actor.require(_SCOPE)
    with transaction() as session:
        row = _lock_token(session, actor, token_id)
        expected.check(etags.build_tag(serialize_token(row)))
        _check_change(row, sent)
        moment = times.now()
        if sent.name not in (None, row.name):
            details = {"before": {"name": row.name}, "after": {"name": sent.name}}
            row.name, row.updated_at = str(sent.name), moment
            audit.record(session, actor, "token.updated", row.id, details)
        if sent.revoked:
            tokens.mark_revoked(session, actor, row, moment)
        session.flush()
        session.expunge(row)
    return row


def try_change(
    actor: Actor, token_id: str, sent: TokenChangeSchema, expected: Precondition = etags.NONE
) -> dict[str, Any]:
    """Gives what a change would leave of what can be changed. Raises what ``update_token`` does."""
    actor.require(_SCOPE)
    row = queries.get_reachable_token(actor, token_id)
    expected.check(etags.build_tag(serialize_token(row)))
    _check_change(row, sent)
    return {"name": sent.name or row.name, "revoked": bool(sent.revoked or row.revoked_at)}


def _check_change(row: AccessToken, sent: TokenChangeSchema) -> None:
    errors = []
    if sent.scopes is not None and set(sent.scopes) != set(row.scopes):
        message = say("Scopes cannot be changed: they are signed into the token. Make another one.")
        errors.append(FieldError("scopes", "read_only", message))
    if sent.expiresAt is not None and times.parse_time(sent.expiresAt) != times.parse_time(
        times.format_time(row.expires_at)
    ):
        message = say("Expires at cannot be changed: it is signed into the token. Make another one.")
        errors.append(FieldError("expiresAt", "read_only", message))
    if errors:
        raise ValidationError(errors)
    if sent.revoked is False and row.revoked_at is not None:
        raise ConflictError(say("A revoked token cannot be made good again. Make another one."))


def delete_token(actor: Actor, token_id: str, expected: Precondition = etags.NONE) -> None:
    """Commits that a token is gone: it is refused from the next request on, and stands in no list.

    Raises NotFoundError, PreconditionFailedError, PermissionDeniedError.
    """
    actor.require(_SCOPE)
    with transaction() as session:
        row = _lock_token(session, actor, token_id)
        expected.check(etags.build_tag(serialize_token(row)))
        details = {"name": row.name, "ownerId": row.user_id}
        session.delete(row)
        keys.free_made_keys(session, actor.tenant_id, token_id)
        audit.record(session, actor, "token.deleted", token_id, details)


def _lock_token(session: Session, actor: Actor, token_id: str) -> AccessToken:
    query = select(AccessToken).where(AccessToken.tenant_id == actor.tenant_id, AccessToken.id == token_id)
    row = session.scalar(query.with_for_update()) if is_canonical_id(token_id) else None
    if row is None or not tokens.is_in_reach(actor, row):
        raise NotFoundError("There is no such token.")
    return row
