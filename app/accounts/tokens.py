"""Personal access tokens: made, listed, revoked, and believed or not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.orm import Session

from app import times
from app.accounts import keys
from app.accounts.actors import ROLE_SCOPES, Actor
from app.accounts.claims import Claims, build_refusal, read_claims, sign_claims
from app.accounts.models import AccessToken, User
from app.accounts.schema import DEFAULT_EXPIRY_DAYS, TokenDraft, parse_token
from app.accounts.token_owners import Caller, Owner, find_owner, recall_owner
from app.audit import service as audit
from app.database import generate_id, is_sqlite, transaction
from app.exceptions import NotFoundError
from app.extensions import db
from app.publishers import credentials
from app.text import is_canonical_id


def authenticate(token: str) -> Actor:
    """Takes an access token as sent; gives who acts, with what token, owner's role and Slipway all allow.

    Everything is looked up anew, in one query: a revoked token, a user who was switched off or lost a role, and a
    retired key count from the next request on. Raises AuthenticationError, the same for every cause.
    """
    claims = read_claims(token, keys.find_verifying_key)
    if claims.product_id is not None:
        return credentials.authenticate(claims)
    moment = times.now()
    owner = find_owner(claims, moment)
    if owner is None:
        raise build_refusal()
    if owner.is_stale:
        _touch_token(claims, moment)
    return _build_actor(claims, owner)


def recall_caller(token: str) -> Caller | None:
    """Takes an access token as sent; gives who has acted with it before, None if this process does not know.

    None on SQLite, too, where no statement could do more than ask. What was so may have changed since: whoever goes on
    with it must have it verified, together with what is done, by ``token_owners.select_caller``. Raises
    AuthenticationError if the token by itself is not good.
    """
    if is_sqlite():
        return None
    claims = read_claims(token, keys.find_verifying_key)
    recalled = recall_owner(claims, times.now()) if claims.product_id is None else None
    if recalled is None:
        return None
    owner, facts = recalled
    return Caller(_build_actor(claims, owner), facts)


def _build_actor(claims: Claims, owner: Owner) -> Actor:
    return Actor(
        tenant_id=claims.tenant_id,
        user_id=claims.user_id,
        email=owner.email,
        role=owner.role,
        scopes=claims.scopes.intersection(owner.scopes) & ROLE_SCOPES.get(owner.role, frozenset()),
        kind="token",
        token_id=claims.token_id,
    )


def create_token(
    actor: Actor, name: str, scopes: Sequence[str], expires_in_days: int = DEFAULT_EXPIRY_DAYS
) -> tuple[AccessToken, str]:
    """Commits an access token of the actor's user; gives it and the JWT, which is not stored and cannot be had again.

    Nobody gives away more than they have. Raises ValidationError, PermissionDeniedError.
    """
    actor.require("personalAccessToken:write")
    draft = parse_token(name, scopes, expires_in_days, actor.scopes)
    # Before the transaction: the first key of an installation is made in one of its own.
    keys.get_signing_key()
    with transaction() as session:
        moment = times.now()
        token = insert_token(session, actor, draft, moment, moment + timedelta(days=draft.expires_in_days))
        session.expunge(token)
    return token, sign_token(actor, token)


def insert_token(
    session: Session, actor: Actor, draft: TokenDraft, moment: datetime, expires_at: datetime
) -> AccessToken:
    """Takes the session of a transaction; adds a token of the actor's user, and gives it. ``draft`` was checked."""
    token = AccessToken(
        id=generate_id(),
        tenant_id=actor.tenant_id,
        user_id=actor.user_id,
        name=draft.name,
        scopes=list(draft.scopes),
        expires_at=expires_at,
        created_at=moment,
        updated_at=moment,
    )
    session.add(token)
    session.flush()
    details = {"name": token.name, "scopes": token.scopes, "expiresAt": times.format_time(expires_at)}
    audit.record(session, actor, "token.created", token.id, details)
    return token


def sign_token(actor: Actor, token: AccessToken) -> str:
    """Takes a token and its owner; gives the JWT, which says no more than the row does and is not stored."""
    kid, key = keys.get_signing_key()
    return sign_claims(kid, key, _build_claims(actor, token))


def list_tokens(tenant_id: str) -> Sequence[Row[AccessToken, str]]:
    """Gives the access tokens of a tenant with their owners' e-mail addresses, the oldest first."""
    query = (
        select(AccessToken, User.email)
        .join(User, (User.tenant_id == AccessToken.tenant_id) & (User.id == AccessToken.user_id))
        .where(AccessToken.tenant_id == tenant_id)
        .order_by(AccessToken.created_at, AccessToken.id)
    )
    return db.session.execute(query).all()


def revoke_token(actor: Actor, token_id: str) -> None:
    """Revokes a token of the tenant: it is refused from the next request on. Doing it again changes nothing.

    Raises NotFoundError, PermissionDeniedError.
    """
    actor.require("personalAccessToken:write")
    moment = times.now()
    with transaction() as session:
        token = session.scalar(_select_token(actor.tenant_id, token_id)) if is_canonical_id(token_id) else None
        if token is None or not is_in_reach(actor, token):
            raise NotFoundError("There is no such token.")
        mark_revoked(session, actor, token, moment)


def mark_revoked(session: Session, actor: Actor, token: AccessToken, moment: datetime) -> None:
    """Takes the session of a transaction and a token's row; the token is refused from then on."""
    if token.revoked_at is None:
        token.revoked_at = token.updated_at = moment
        audit.record(session, actor, "token.revoked", token.id, {"name": token.name, "ownerId": token.user_id})


def get_token_actor(token_id: str) -> Actor:
    """Gives an actor who may revoke this token, for commands: an operator belongs to no tenant.

    Raises NotFoundError.
    """
    query = (
        select(User)
        .join(AccessToken, (User.tenant_id == AccessToken.tenant_id) & (User.id == AccessToken.user_id))
        .where(AccessToken.id == token_id)
    )
    user = db.session.scalar(query) if is_canonical_id(token_id) else None
    if user is None:
        raise NotFoundError("There is no such token.")
    # Whoever can run commands here may revoke any token, also that of a user who may no longer make any.
    return Actor(user.tenant_id, user.id, user.email, user.role, ROLE_SCOPES["owner"])


def is_in_reach(actor: Actor, token: AccessToken) -> bool:
    """Whether the actor may revoke the token: whoever manages users may for all of them, everybody else their own."""
    return token.user_id == actor.user_id or actor.has_scope("user:write")


def _select_token(tenant_id: str, token_id: str) -> Any:
    return select(AccessToken).where(AccessToken.tenant_id == tenant_id, AccessToken.id == token_id)


def _build_claims(actor: Actor, token: AccessToken) -> dict[str, Any]:
    return {
        "sub": token.user_id,
        "jti": token.id,
        "iat": int(token.created_at.timestamp()),
        "exp": int(token.expires_at.timestamp()),
        "email": actor.email,
        "scope": token.scopes,
        "tenantid": token.tenant_id,
    }


def _touch_token(claims: Claims, moment: datetime) -> None:
    with transaction() as session:
        session.execute(
            update(AccessToken)
            .where(AccessToken.tenant_id == claims.tenant_id, AccessToken.id == claims.token_id)
            .values(last_used_at=moment)
        )
