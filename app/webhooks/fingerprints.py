"""Tells whether a webhook was asked for by the same body as before, without keeping anything of the body."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Final

from flask import current_app

from app.crypto import derive_key
from app.webhooks.schema import WebhookSchema

_PURPOSE: Final = "slipway/idempotency/1"


def build_fingerprints(sent: WebhookSchema) -> list[bytes]:
    """Gives 32 bytes that are the same for what says the same, by SECRET_KEY, then by each of its fallbacks.

    Keyed, because what is sent may hold secrets: whoever reads the database must not be able to try guesses on them.
    """
    settings = current_app.extensions["slipway"].settings
    message = json.dumps(sent.model_dump(by_alias=True), sort_keys=True).encode()
    secrets = (settings.secret_key, *settings.secret_key_fallbacks)
    return [hmac.digest(derive_key(secret, _PURPOSE), message, hashlib.sha256) for secret in secrets]
