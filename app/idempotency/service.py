"""How long idempotency keys are remembered."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete

from app import times
from app.database import transaction
from app.idempotency.models import IdempotencyKey

# A caller that repeats a request does so within hours.
IDEMPOTENCY_KEY_LIFETIME = timedelta(hours=48)


def forget_old_keys() -> None:
    """Deletes the idempotency keys that are past their time."""
    with transaction() as session:
        session.execute(
            delete(IdempotencyKey).where(IdempotencyKey.created_at < times.now() - IDEMPOTENCY_KEY_LIFETIME)
        )
