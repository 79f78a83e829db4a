"""Finds and writes the rows of idempotency keys. Nothing here commits."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app import times
from app.accounts.actors import Actor
from app.exceptions import IdempotencyMismatchError
from app.extensions import db
from app.idempotency.models import IdempotencyKey


def find_used(actor: Actor, key: str | None, fingerprints: Collection[bytes]) -> IdempotencyKey | None:
    """Gives what this caller has done with a key, None if nothing, or if there is no key.

    ``fingerprints`` are those that what is sent now may have been stored with. Raises IdempotencyMismatchError if the
    key came with something else.
    """
    if key is None:
        return None
    used = db.session.scalar(
        select(IdempotencyKey).where(
            IdempotencyKey.tenant_id == actor.tenant_id,
            IdempotencyKey.caller_id == actor.caller_id,
            IdempotencyKey.key == key,
        )
    )
    if used is not None and used.fingerprint not in fingerprints:
        raise IdempotencyMismatchError("This Idempotency-Key was used before, with another body.")
    return used


def insert_key(
    session: Session,
    actor: Actor,
    key: str,
    fingerprint: bytes,
    *,
    release_id: str | None = None,
    webhook_id: str | None = None,
    made_id: str | None = None,
) -> None:
    """Inserts what a key came with and led to. Raises IntegrityError if the caller used it before."""
    ids = {"release_id": release_id, "webhook_id": webhook_id, "made_id": made_id}
    session.execute(IdempotencyKey.__table__.insert(), build_row(actor, key, fingerprint, ids))  # type: ignore[attr-defined]


def build_row(actor: Actor, key: str, fingerprint: bytes, ids: Mapping[str, str | None]) -> dict[str, Any]:
    """Gives the row of a key, by column; ``ids`` are those of what came of it."""
    return {
        "tenant_id": actor.tenant_id,
        "caller_id": actor.caller_id,
        "key": key,
        "fingerprint": fingerprint,
        **ids,
        "created_at": times.now(),
    }


def free_keys(session: Session, tenant_id: str, webhook_id: str) -> None:
    """Deletes the keys that led to a webhook, whose row stays when it is deleted."""
    session.execute(
        delete(IdempotencyKey)
        .where(IdempotencyKey.tenant_id == tenant_id, IdempotencyKey.webhook_id == webhook_id)
        .execution_options(synchronize_session=False)
    )


def free_made_keys(session: Session, tenant_id: str, made_id: str) -> None:
    """Deletes the keys that led to something that is gone now: whoever sends the same again makes it anew."""
    session.execute(
        delete(IdempotencyKey)
        .where(IdempotencyKey.tenant_id == tenant_id, IdempotencyKey.made_id == made_id)
        .execution_options(synchronize_session=False)
    )
