"""What is read of access tokens. Every query names its tenant; none commits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, and_, not_, select

from app import times
from app.accounts.actors import Actor
from app.accounts.models import AccessToken, User
from app.accounts.tokens import is_in_reach
from app.exceptions import NotFoundError
from app.extensions import db
from app.listing import cut_list
from app.paging import Place
from app.text import find_encoding_error, is_canonical_id
from app.tokens.filters import TokenListQuery


@dataclass(frozen=True, slots=True)
class TokenFilter:
    """Whose tokens, of a user or of an address, else everybody's; and those in force, or those that are not."""

    user_id: str | None = None
    email: str | None = None
    is_active: bool = True


def list_tokens(tenant_id: str, wanted: TokenFilter, place: Place) -> Sequence[Row[AccessToken, User]]:
    """Gives access tokens of a tenant with their owners, the newest first if the place says so."""
    is_in_force = and_(AccessToken.revoked_at.is_(None), AccessToken.expires_at > times.now(), User.is_active)
    query = _select_tokens(tenant_id)
    # A sign-in by the API that is over is no token that anybody would look for.
    query = query.where(is_in_force if wanted.is_active else and_(not_(is_in_force), AccessToken.is_login.is_(False)))
    if wanted.user_id is not None:
        query = query.where(AccessToken.user_id == wanted.user_id)
    if wanted.email is not None:
        if find_encoding_error(wanted.email):
            return []
        query = query.where(User.email == wanted.email)
    return db.session.execute(cut_list(query, (AccessToken.created_at, AccessToken.id), place)).all()


def select_page(actor: Actor, wanted: TokenListQuery) -> Sequence[AccessToken]:
    """Gives the actor's own tokens that fit (see ``filters``), or everybody's, at most ``wanted.limit`` of them.

    Raises PermissionDeniedError if everybody's are asked for by somebody who does not manage users.
    """
    query = select(AccessToken).where(AccessToken.tenant_id == actor.tenant_id, *wanted.conditions)
    if wanted.is_everybodys:
        actor.require("user:write")
    else:
        query = query.where(AccessToken.user_id == actor.user_id)
    return db.session.scalars(cut_list(query, (AccessToken.created_at, AccessToken.id), wanted)).all()


def get_reachable_token(actor: Actor, token_id: str) -> AccessToken:
    """Gives a token that the actor may change: an own one, or any for who manages users. Raises NotFoundError."""
    found = get_token(actor.tenant_id, token_id)
    if not is_in_reach(actor, found):
        raise NotFoundError("There is no such token.")
    return found


def get_token(tenant_id: str, token_id: str) -> AccessToken:
    """Gives an access token of a tenant. Raises NotFoundError."""
    query = select(AccessToken).where(AccessToken.tenant_id == tenant_id, AccessToken.id == token_id)
    found = db.session.scalar(query) if is_canonical_id(token_id) else None
    if found is None:
        raise NotFoundError("There is no such token.")
    return found


def _select_tokens(tenant_id: str) -> Any:
    return (
        select(AccessToken, User)
        .join(User, and_(User.tenant_id == AccessToken.tenant_id, User.id == AccessToken.user_id))
        .where(AccessToken.tenant_id == tenant_id)
    )
