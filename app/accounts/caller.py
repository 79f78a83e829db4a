"""Who a token is: what the API tells of whoever asks, and of the roles there are. Reads only."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import select

from app.accounts import queries
from app.accounts.actors import ROLE_SCOPES, SCOPES, Actor
from app.accounts.models import AccessToken, User
from app.accounts.scope_words import ROLE_EFFECTS
from app.extensions import db
from app.products.models import Product
from app.publishers.models import PublisherToken
from app.times import format_time

# Roles are no rows: their ids follow from the organisation's and the name, by RFC 9562, section 5.5.
_ROLES: Final = uuid.UUID("b5a1a5e6-54a1-4f0e-9c86-6b6f6f0b8f0d")


def describe_caller(actor: Actor) -> dict[str, Any]:
    """Gives the members of ``GET /v3/me``. Of a job of CI that a product trusts those that only a user has are null."""
    tenant = queries.get_tenant(actor.tenant_id)
    user = _find_user(actor)
    token = _find_token(actor)
    since = user or token or tenant
    return {
        "id": user.id if user else None,
        "createdAt": format_time(since.created_at),
        "updatedAt": format_time(user.updated_at if user else since.created_at),
        "email": user.email if user else None,
        "name": (user.name or user.email) if user else actor.email,
        "role": user.role if user else None,
        "tenantId": tenant.id,
        "tenant": {"id": tenant.id, "name": tenant.name, "slug": tenant.slug},
        "scopes": [scope for scope in SCOPES if actor.has_scope(scope)],
        "productId": actor.product_id,
        "productName": _find_product_name(actor),
        "token": {
            "id": actor.token_id,
            "kind": actor.kind,
            "name": token.name if isinstance(token, AccessToken) else actor.email,
            "expiresAt": format_time(token.expires_at) if token else None,
        },
    }


def list_roles(actor: Actor) -> list[dict[str, Any]]:
    """Gives the roles of an organisation, each with what it may do. They are as old as the organisation."""
    tenant = queries.get_tenant(actor.tenant_id)
    return [
        {
            "id": str(uuid.uuid5(_ROLES, f"{tenant.id}/{name}")),
            "createdAt": format_time(tenant.created_at),
            "updatedAt": format_time(tenant.created_at),
            "name": name,
            "description": str(ROLE_EFFECTS[name]),
            "claims": [scope for scope in SCOPES if scope in scopes],
        }
        for name, scopes in ROLE_SCOPES.items()
    ]


def list_claims() -> Mapping[str, Sequence[str]]:
    """Gives all scopes by what they are about."""
    claims: dict[str, list[str]] = {}
    for scope in SCOPES:
        claims.setdefault(scope.partition(":")[0], []).append(scope)
    return claims


def _find_user(actor: Actor) -> User | None:
    query = select(User).where(User.tenant_id == actor.tenant_id, User.id == actor.user_id)
    return None if actor.kind == "publisher" else db.session.scalar(query)


def _find_token(actor: Actor) -> AccessToken | PublisherToken | None:
    table = PublisherToken if actor.kind == "publisher" else AccessToken
    query: Any = select(table).where(table.tenant_id == actor.tenant_id, table.id == actor.token_id)
    found: AccessToken | PublisherToken | None = db.session.scalar(query)
    return found


def _find_product_name(actor: Actor) -> str | None:
    query = select(Product.name).where(Product.tenant_id == actor.tenant_id, Product.id == actor.product_id)
    return db.session.scalar(query) if actor.product_id else None
