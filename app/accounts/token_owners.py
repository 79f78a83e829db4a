"""Whose token it is: looked up for each request, or by the very statement that does what the request asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import JSON, BindParameter, Select, bindparam, cast, literal, or_, select
from sqlalchemy.dialects.postgresql import JSONB

from app.accounts.actors import Actor
from app.accounts.claims import Claims
from app.accounts.models import AccessToken, SigningKey, User
from app.statements import Statement, Value

# When a token was last used is shown to people; to the hour is enough, and spares each request a write.
_TOUCH_AFTER: Final = timedelta(hours=1)
_REMEMBERED_LIMIT: Final = 4096


@dataclass(frozen=True, slots=True)
class Owner:
    """What the tables say of a token that is good. ``is_stale`` says that it is time to note that it is used."""

    email: str
    role: str
    scopes: list[str]
    is_stale: bool


@dataclass(frozen=True, slots=True)
class Caller:
    """Who acts if things still are as they were. ``facts`` are the parameters by which ``select_caller`` tells that."""

    actor: Actor
    facts: Mapping[str, Value]


def _select_owners(*columns: Any) -> Select[*tuple[Any, ...]]:
    """Gives the query for a token that is not revoked, of a user who is active, signed with a key in use."""
    return (
        select(*columns)
        .select_from(AccessToken)
        .join(User, (User.tenant_id == AccessToken.tenant_id) & (User.id == AccessToken.user_id))
        .join(SigningKey, SigningKey.kid == bindparam("caller_key_id"))
        .where(
            AccessToken.tenant_id == bindparam("caller_tenant_id"),
            AccessToken.id == bindparam("caller_token_id"),
            AccessToken.user_id == bindparam("caller_user_id"),
            AccessToken.expires_at > bindparam("caller_moment"),
            AccessToken.revoked_at.is_(None),
            User.is_active,
            SigningKey.retired_at.is_(None),
        )
    )


_TOUCHED_BEFORE: BindParameter[Any] = bindparam("caller_touched_before")
_FIND_OWNER = Statement(
    _select_owners(
        User.email,
        User.role,
        AccessToken.scopes,
        or_(AccessToken.last_used_at.is_(None), AccessToken.last_used_at < _TOUCHED_BEFORE),
    )
)
# By the token's id, as last looked up. It decides nothing: whoever begins with it has it verified.
_remembered: dict[str, Owner] = {}


def find_owner(claims: Claims, moment: datetime) -> Owner | None:
    """Takes what a token says; gives what the tables say of it now, None unless it is good."""
    row = _FIND_OWNER.fetch(_describe(claims, moment))
    if row is None:
        return None
    if len(_remembered) >= _REMEMBERED_LIMIT:
        _remembered.clear()
    owner = _remembered[claims.token_id] = Owner(*row)
    return owner


def recall_owner(claims: Claims, moment: datetime) -> tuple[Owner, dict[str, Value]] | None:
    """Gives what was found last, if anything was, and the parameters by which a statement sees that it is still so."""
    owner = _remembered.get(claims.token_id)
    if owner is None:
        return None
    facts: dict[str, Value] = {"caller_email": owner.email, "caller_role": owner.role, "caller_scopes": owner.scopes}
    return owner, {**_describe(claims, moment), **facts}


def select_caller() -> Select[*tuple[Any, ...]]:
    """Gives the query that finds one row if all that was recalled is still so, and none if anything has changed."""
    return _select_owners(literal(1)).where(
        User.email == bindparam("caller_email"),
        User.role == bindparam("caller_role"),
        cast(AccessToken.scopes, JSONB) == cast(bindparam("caller_scopes", type_=JSON), JSONB),
        AccessToken.last_used_at >= _TOUCHED_BEFORE,
    )


def _describe(claims: Claims, moment: datetime) -> dict[str, Value]:
    return {
        "caller_tenant_id": claims.tenant_id,
        "caller_token_id": claims.token_id,
        "caller_user_id": claims.user_id,
        "caller_key_id": claims.key_id,
        "caller_moment": moment,
        "caller_touched_before": moment - _TOUCH_AFTER,
    }
