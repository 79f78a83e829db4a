"""Keys of forms: a button that is pressed twice does one thing, and a form that was changed means another one."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any, Final

from flask import current_app
from sqlalchemy.orm import Session

from app.accounts.actors import Actor
from app.crypto import derive_key
from app.idempotency import rows
from app.idempotency.models import IdempotencyKey
from app.text import is_idempotency_key

_PURPOSE: Final = "slipway/form-key/1"


def build_key(form_key: str, *meant: Any) -> str | None:
    """Takes the key of a form and what it was sent for, as JSON can say it; gives the key of the two together.

    None if the form has no key that could be one. It is keyed, because what is sent may hold secrets: whoever reads
    the database must not be able to try guesses on them.
    """
    if not is_idempotency_key(form_key):
        return None
    message = json.dumps([form_key, *meant], sort_keys=True).encode()
    secret = current_app.extensions["slipway"].settings.secret_key
    return hmac.digest(derive_key(secret, _PURPOSE), message, hashlib.sha256).hex()


def find_click(actor: Actor, key: str | None) -> IdempotencyKey | None:
    """Takes a key that ``build_key`` gave; gives what the click before this one has led to, None if it is the first.

    To be called where the webhook's row is locked: of two clicks at once the second then sees what the first has made.
    """
    return rows.find_used(actor, key, [_build_fingerprint(key)]) if key else None


def remember_click(
    session: Session, actor: Actor, key: str | None, webhook_id: str, made_id: str | None = None
) -> None:
    """Writes into the session's transaction what a click has led to; without a key, nothing."""
    if key:
        rows.insert_key(session, actor, key, _build_fingerprint(key), webhook_id=webhook_id, made_id=made_id)


def _build_fingerprint(key: str) -> bytes:
    # The key itself says what was sent.
    return hashlib.sha256(key.encode()).digest()
