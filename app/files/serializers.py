"""The one form of a file in JSON: API answers, the webhooks' ``data``, and the ``files`` of a release."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from flask import current_app

from app.files.models import FileRecord, ReleaseFile
from app.times import format_time


def serialize_file(record: FileRecord) -> dict[str, Any]:
    """Takes a file; gives the contract's members, no others, in the contract's order."""
    file = record.file
    return {
        "id": file.id,
        "createdAt": format_time(file.created_at),
        "updatedAt": format_time(file.updated_at),
        "name": file.name,
        "url": find_url(file),
        "size": file.size,
        "downloads": file.downloads,
        "extension": find_extension(file.name),
        "checksum": file.checksum,
        "secured": file.secured,
        "published": record.is_published,
        "releaseId": file.release_id,
        "releaseName": record.release_name,
    }


def find_url(file: ReleaseFile) -> str:
    """Gives where a file is downloaded from: its own address, or ours by BASE_URL if it was uploaded."""
    if file.blob_id is None:
        return file.url
    base_url: str = current_app.extensions["slipway"].settings.base_url
    return base_url + find_path(file)


def find_path(file: ReleaseFile) -> str:
    """Gives the path by which we give a file out, or lead to where it lies."""
    return f"/v3/{file.tenant_id}/{file.release_id}/{quote(file.name, safe='()')}"


def find_extension(name: str) -> str:
    """Gives the extension of a file's name, with the dot; nothing if it has none."""
    _, dot, extension = name.rpartition(".")
    return f"{dot}{extension}" if dot else ""
