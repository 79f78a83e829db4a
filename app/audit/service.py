"""Writes the audit log. It never commits: an entry belongs to the transaction of what it tells of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from app.accounts.actors import Actor
from app.audit.models import AuditEntry
from app.logs import current_request_id
from app.times import now


def record(session: Session, actor: Actor, action: str, entity_id: str, details: Mapping[str, Any]) -> None:
    """Takes the session of a transaction, who acts, a word such as ``release.created``, and what it was done to."""
    session.execute(AuditEntry.__table__.insert(), build_entry(actor, action, entity_id, details))  # type: ignore[attr-defined]


def build_entry(actor: Actor, action: str, entity_id: str, details: Mapping[str, Any]) -> dict[str, Any]:
    """Gives the row of an entry, by column."""
    return {
        "tenant_id": actor.tenant_id,
        "actor_kind": actor.kind,
        "actor_id": actor.user_id,
        "actor_email": actor.email,
        "action": action,
        "entity_id": entity_id,
        "details": build_details(actor, details),
        "request_id": current_request_id(),
        "occurred_at": now(),
    }


def build_details(actor: Actor, details: Mapping[str, Any]) -> dict[str, Any]:
    """Gives what an entry tells: the details, and where a job of CI acts, which run of it."""
    return {**details, "run": dict(actor.run)} if actor.run else dict(details)
