"""The one form of a release in JSON: API answers, the webhooks' ``data`` and, by the same values, the pages."""

from __future__ import annotations

from typing import Any

from app.files.models import FileRecord
from app.files.serializers import serialize_file
from app.releases.models import Release
from app.times import format_time


def serialize_release(release: Release) -> dict[str, Any]:
    """Takes a release; gives the document's members, no others, in the document's order."""
    return {
        "id": release.id,
        "createdAt": format_time(release.created_at),
        "updatedAt": format_time(release.updated_at),
        "name": release.name,
        "channel": release.channel,
        "version": release.version,
        "platforms": list(release.platforms),
        "notes": release.notes,
        "totalFiles": release.total_files,
        "publishedAt": format_time(release.published_at) if release.published_at else None,
        "files": [serialize_file(FileRecord(file, release.name, release.published)) for file in release.files],
        "published": release.published,
        "private": release.private,
        "archived": release.archived,
        "productId": release.product_id,
        "tenantId": release.tenant_id,
    }
