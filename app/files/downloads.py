"""Downloads: who may have which file, and how often each was had.

A token that may read the release may have all of it. A customer may have the files of what is released for everybody;
of a restricted product, and those that are secured, with one of the product's download keys.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.exc import SQLAlchemyError

from app.accounts.actors import Actor
from app.database import transaction
from app.download_keys import service as download_keys
from app.exceptions import AuthenticationError, NotFoundError
from app.files import queries, schema
from app.files.models import DownloadRow, ReleaseFile
from app.files.serializers import find_url
from app.language import say

logger = logging.getLogger(__name__)

_MISSING = say("There is no such file.")
_NEEDED = say("This download needs an access token (Authorization: Bearer …), or a download key (?key=…).")
_REFUSED = say("This download key is not valid here. The download needs another one, or an access token.")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file is looked for. The tenant is named by newer clients only."""

    release_id: str
    name: str
    tenant_id: str | None = None


@dataclass(frozen=True, slots=True)
class Download:
    """A file that its caller may have. Without ``blob_id`` it lies elsewhere, at ``url``."""

    tenant_id: str
    file_id: str
    name: str
    size: int
    url: str
    blob_id: str | None
    sha256: str | None
    created_at: datetime


def find_download(actor: Actor | None, place: Place, key: str | None) -> Download:
    """Takes who asks, None for somebody without a token, and the download key that they sent; gives the file.

    Raises NotFoundError and PermissionDeniedError for those whom we know, and AuthenticationError for all others,
    whether there is such a file or not.
    """
    row = None
    if schema.is_name(place.name):
        row = queries.find_download(place.release_id, schema.find_key(place.name))
    if row is not None and place.tenant_id in (None, row.file.tenant_id):
        download = build_download(row.file)
        if _may_read(actor, row) or _is_open(row):
            return download
        # What was read is let go by this.
        if row.is_for_customers and download_keys.admits(download.tenant_id, row.product_id, key):
            return download
    if actor is None:
        raise AuthenticationError(_REFUSED if key else _NEEDED, code="authentication_required")
    actor.require("release:read")
    raise NotFoundError(_MISSING)


def get_download(actor: Actor, release_id: str, file_id: str) -> Download:
    """Gives the file of a release that the actor may read. Raises NotFoundError, PermissionDeniedError."""
    actor.require("release:read")
    file = queries.get_file(actor, file_id).file
    if file.release_id != release_id:
        raise NotFoundError(_MISSING)
    return build_download(file)


def build_download(file: ReleaseFile) -> Download:
    """Gives what is needed to send a file, whatever becomes of its row."""
    return Download(
        tenant_id=file.tenant_id,
        file_id=file.id,
        name=file.name,
        size=file.size,
        url=find_url(file),
        blob_id=file.blob_id,
        sha256=file.sha256,
        created_at=file.created_at,
    )


def _may_read(actor: Actor | None, row: DownloadRow) -> bool:
    return (
        actor is not None
        and actor.tenant_id == row.file.tenant_id
        and actor.has_scope("release:read")
        and actor.can_reach(row.product_id)
    )


def _is_open(row: DownloadRow) -> bool:
    return row.is_for_customers and not row.file.secured and not row.is_restricted


def count_download(download: Download) -> None:
    """Commits that a file was had once more. If that fails, the download does not: the log tells of it."""
    try:
        with transaction() as session:
            session.execute(
                update(ReleaseFile)
                .where(ReleaseFile.tenant_id == download.tenant_id, ReleaseFile.id == download.file_id)
                .values(downloads=ReleaseFile.downloads + 1)
                .execution_options(synchronize_session=False)
            )
    except SQLAlchemyError as error:
        reason = str(error).split("\n")[0]
        logger.warning("a download was not counted", extra={"file": download.file_id, "error": reason})
