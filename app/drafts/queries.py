"""What is read of drafts. Nothing here commits."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select

from app.accounts.actors import Actor
from app.drafts.models import Draft
from app.extensions import db
from app.idempotency.models import IdempotencyKey
from app.releases.models import Release


def find_draft(actor: Actor, subject: str) -> Draft | None:
    """Gives what the actor has typed into a form and not sent yet."""
    query = select(Draft).where(
        Draft.tenant_id == actor.tenant_id, Draft.user_id == actor.user_id, Draft.subject == subject
    )
    return db.session.scalar(query)


def find_made(actor: Actor, keys: Collection[str]) -> dict[str, Release]:
    """Takes idempotency keys; gives the releases that the actor has made under them, by key."""
    used = select(IdempotencyKey.key, Release).where(
        IdempotencyKey.tenant_id == actor.tenant_id,
        IdempotencyKey.caller_id == actor.caller_id,
        IdempotencyKey.key.in_(keys),
        Release.tenant_id == IdempotencyKey.tenant_id,
        Release.id == IdempotencyKey.release_id,
    )
    return {found.key: found.Release for found in db.session.execute(used)}
