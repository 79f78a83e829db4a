"""The one form of a download key in JSON. The key itself is in the answer of its creation alone."""

from __future__ import annotations

from typing import Any

from app.download_keys.models import DownloadKey
from app.times import format_time


def serialize_key(row: DownloadKey) -> dict[str, Any]:
    """Takes a download key; gives its members."""
    return {
        "id": row.id,
        "createdAt": format_time(row.created_at),
        "updatedAt": format_time(row.updated_at),
        "name": row.name,
        "ending": row.ending,
        "revoked": row.revoked_at is not None,
        "lastUsedAt": format_time(row.last_used_at) if row.last_used_at else None,
        "productId": row.product_id,
    }


def serialize_access(is_restricted: bool) -> dict[str, bool]:
    """Takes whether a product is restricted; gives the members."""
    return {"restricted": is_restricted}
