"""A trusted publisher as the API answers it."""

from __future__ import annotations

from typing import Any

from app.publishers.minting import LIFETIME, MintedToken
from app.publishers.models import TrustedPublisher
from app.publishers.schema import PublisherDraft
from app.times import format_time


def serialize_publisher(publisher: TrustedPublisher) -> dict[str, Any]:
    """Gives the members of a publisher; those behind ``issuer`` differ by ``kind``."""
    used_at = publisher.last_used_at
    return {
        "id": publisher.id,
        "createdAt": format_time(publisher.created_at),
        "updatedAt": format_time(publisher.updated_at),
        "productId": publisher.product_id,
        "kind": publisher.kind,
        "issuer": publisher.issuer,
        **publisher.members,
        "ownerId": publisher.owner_id,
        "lastUsedAt": format_time(used_at) if used_at else None,
    }


def serialize_draft(draft: PublisherDraft) -> dict[str, Any]:
    """Gives what would be stored of a draft, in the wire's names."""
    return {"kind": draft.kind, "issuer": draft.issuer, **draft.members, "ownerId": draft.owner_id}


def serialize_token(minted: MintedToken) -> dict[str, Any]:
    """Gives what a job gets. ``success`` and ``token`` are the members that PyPI answers with."""
    return {
        "success": True,
        "token": minted.token,
        "expiresAt": format_time(minted.row.expires_at),
        "expiresIn": int(LIFETIME.total_seconds()),
        "scopes": minted.row.scopes,
        "productId": minted.product_id,
        "productName": minted.product_name,
    }
