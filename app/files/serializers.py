"""The one form of a file in JSON: API answers, the webhooks' ``data``, and the ``files`` of a release."""

from __future__ import annotations

from typing import Any

from app.files.models import FileRecord
from app.times import format_time


def serialize_file(record: FileRecord) -> dict[str, Any]:
    """Takes a file; gives the contract's members, no others, in the contract's order."""
    file = record.file
    return {
        "id": file.id,
        "createdAt": format_time(file.created_at),
        "updatedAt": format_time(file.updated_at),
        "name": file.name,
        "url": file.url,
        "size": file.size,
        "downloads": file.downloads,
        "extension": find_extension(file.name),
        "checksum": file.checksum,
        "secured": file.secured,
        "published": record.is_published,
        "releaseId": file.release_id,
        "releaseName": record.release_name,
    }


def find_extension(name: str) -> str:
    """Gives the extension of a file's name, with the dot; nothing if it has none."""
    _, dot, extension = name.rpartition(".")
    return f"{dot}{extension}" if dot else ""
