"""The links of invitations: which invitation, and the proof that whoever has it was given it."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

from flask import current_app

from app.members.models import Invitation

_SECRET_BYTES = 32
_LINK = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.([A-Za-z0-9_-]{43})\Z")


def generate_secret() -> str:
    """Gives a new secret. It goes into one link and is kept nowhere."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def hash_secret(secret: str) -> bytes:
    """Gives what is kept of a secret. It is random and long: a plain hash is all that it needs."""
    return hashlib.sha256(secret.encode()).digest()


def build_link(invitation_id: str, secret: str) -> str:
    """Gives the whole address, by BASE_URL."""
    return f"{current_app.extensions['slipway'].settings.base_url}/invitations/{invitation_id}.{secret}"


def read_link(link: str) -> tuple[str, str] | None:
    """Takes the last step of a link's path; gives the id and the secret that it names, None if it is no link."""
    match = _LINK.match(link)
    return (match[1], match[2]) if match else None


def is_secret(invitation: Invitation, secret: str) -> bool:
    """Whether the secret is that of the invitation's newest link."""
    return hmac.compare_digest(invitation.secret_hash, hash_secret(secret))
