"""The one form of an access token in JSON. The token itself is none of its members."""

from __future__ import annotations

from typing import Any

from app.accounts.models import AccessToken
from app.times import format_time


def serialize_token(token: AccessToken) -> dict[str, Any]:
    """Takes an access token; gives its members. The contract's come first, behind them those that Slipway adds."""
    return {
        "id": token.id,
        "name": token.name,
        "scopes": list(token.scopes),
        "expiresAt": format_time(token.expires_at),
        "revoked": token.revoked_at is not None,
        "createdAt": format_time(token.created_at),
        "updatedAt": format_time(token.updated_at),
        "userId": token.user_id,
        "lastUsedAt": format_time(token.last_used_at) if token.last_used_at else None,
    }
