"""What is read of the audit log. Every query names its tenant; none commits."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Text, cast, func, or_, select

from app.accounts.models import User
from app.audit.models import AuditEntry
from app.audit.schema import AuditFilter
from app.extensions import db
from app.products.models import Product
from app.releases.models import Release
from app.text import is_canonical_id
from app.webhooks.models import Webhook


def list_entries(tenant_id: str, wanted: AuditFilter, limit: int, before: int | None = None) -> Sequence[AuditEntry]:
    """Gives entries of a tenant, the newest first, from the one before the id ``before`` on.

    It costs the same however deep it is, and no entry comes twice or is left out because others are written.
    """
    query = select(AuditEntry).where(AuditEntry.tenant_id == tenant_id, *_build_conditions(wanted))
    if before is not None:
        query = query.where(AuditEntry.id < before)
    return db.session.scalars(query.order_by(AuditEntry.id.desc()).limit(limit)).all()


def list_actors(tenant_id: str, limit: int) -> Sequence[str]:
    """Gives the addresses of a tenant's members, for a field that suggests who may have acted."""
    query = select(User.email).where(User.tenant_id == tenant_id).order_by(User.email).limit(limit)
    return db.session.scalars(query).all()


def find_names(tenant_id: str, ids: Mapping[str, Collection[str]]) -> dict[str, str]:
    """Takes ids by the group of actions that they are of; gives what those that exist are called, by id."""
    names: dict[str, str] = {}
    for group, query in _select_names(tenant_id).items():
        if wanted := sorted(ids.get(group, ())):
            id_column = query.column_descriptions[0]["expr"]
            names.update({row[0]: row[1] for row in db.session.execute(query.where(id_column.in_(wanted)))})
    return names


def _select_names(tenant_id: str) -> dict[str, Any]:
    release_name = Release.name + " " + Release.version
    return {
        "release": select(Release.id, release_name).where(Release.tenant_id == tenant_id),
        "product": select(Product.id, Product.name).where(Product.tenant_id == tenant_id),
        "webhook": select(Webhook.id, Webhook.name).where(Webhook.tenant_id == tenant_id, Webhook.deleted_at.is_(None)),
        "user": select(User.id, User.email).where(User.tenant_id == tenant_id),
    }


def _build_conditions(wanted: AuditFilter) -> list[Any]:
    conditions: list[Any] = []
    if wanted.action:
        conditions.append(AuditEntry.action == wanted.action)
    if wanted.group:
        conditions.append(AuditEntry.action.startswith(f"{wanted.group}.", autoescape=True))
    if wanted.is_system:
        conditions.append(AuditEntry.actor_kind == "system")
    if wanted.actor:
        conditions.append(_match_actor(wanted.actor))
    if wanted.entity:
        conditions.append(_match_entity(wanted.entity))
    if wanted.since is not None:
        conditions.append(AuditEntry.occurred_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(AuditEntry.occurred_at < wanted.until)
    return conditions


def _match_actor(text: str) -> Any:
    # A whole address is looked up in the index; a part of one is looked for in every entry.
    email = text.lower()
    is_whole = "@" in email[1:-1]
    return AuditEntry.actor_email == email if is_whole else AuditEntry.actor_email.contains(email, autoescape=True)


def _match_entity(text: str) -> Any:
    if is_canonical_id(text):
        return or_(AuditEntry.entity_id == text, _contains(text))
    return _contains(text)


def _contains(text: str) -> Any:
    # As JSON spells it, and only then in lower case: so the two agree about what is not ASCII.
    spelled = json.dumps(text)[1:-1].lower()
    return func.lower(cast(AuditEntry.details, Text)).contains(spelled, autoescape=True)
