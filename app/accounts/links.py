"""Links in e-mails that prove who opens them: signed, for one purpose, good for an hour. Nothing of them is stored."""

from __future__ import annotations

import hashlib
from typing import Final

from flask import current_app
from itsdangerous import BadData, URLSafeTimedSerializer

from app.accounts.models import User
from app.crypto import derive_key

LIFETIME_SECONDS: Final = 3600
_LONGEST = 2000


def sign(purpose: str, *parts: str) -> str:
    """Takes what a link is for and what it says; gives the step of its path."""
    return _build_serializer(purpose).dumps(list(parts))


def read(purpose: str, token: str, count: int) -> list[str] | None:
    """Takes a step of a path; gives the parts that were signed, None if it was not, or too long ago."""
    if len(token) > _LONGEST:
        return None
    try:
        parts = _build_serializer(purpose).loads(token, max_age=LIFETIME_SECONDS)
    except (BadData, ValueError):
        return None
    if not isinstance(parts, list) or len(parts) != count or not all(isinstance(part, str) for part in parts):
        return None
    return parts


def build_url(path: str) -> str:
    """Takes a path; gives its address as everybody else knows it, by BASE_URL."""
    return f"{current_app.extensions['slipway'].settings.base_url}{path}"


def mark(user: User) -> str:
    """Gives what says which password and which address a user has, and nothing else of them.

    A link that carries it is worth nothing once either has changed: whatever it was for has been done, or is over.
    """
    return hashlib.sha256(f"link {user.id} {user.email} {user.password_hash}".encode()).hexdigest()[:32]


def _build_serializer(purpose: str) -> URLSafeTimedSerializer:
    settings = current_app.extensions["slipway"].settings
    # The newest key is last, and signs.
    secrets = [*reversed(settings.secret_key_fallbacks), settings.secret_key]
    return URLSafeTimedSerializer(
        [derive_key(secret, f"slipway/link/{purpose}/1") for secret in secrets],
        salt=purpose,
        signer_kwargs={"digest_method": hashlib.sha256},
    )
