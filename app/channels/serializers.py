"""The one form of a channel or a platform in JSON."""

from __future__ import annotations

from typing import Any

from app.channels.models import Name
from app.times import format_time


def serialize_name(row: Name) -> dict[str, Any]:
    """Takes a channel or a platform; gives its members."""
    return {
        "id": row.id,
        "createdAt": format_time(row.created_at),
        "updatedAt": format_time(row.updated_at),
        "name": row.name,
    }
