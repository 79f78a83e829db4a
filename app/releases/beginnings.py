"""What the notes of a release can begin with: those of the release before it."""

from __future__ import annotations

from sqlalchemy import select

from app.extensions import db
from app.releases.models import Release
from app.releases.versions import build_version_key, find_version_error
from app.text import find_encoding_error, is_canonical_id


def find_previous_release(
    tenant_id: str, product_id: str, channel: str, version: str = "", release_id: str | None = None
) -> Release | None:
    """Gives the release of a product and channel that comes before a version, or None if there is none at all.

    Where nothing comes before the version, or what was given is none, it is the newest of the channel. ``release_id``
    is the release that the notes are for, if it exists already.
    """
    if not is_canonical_id(product_id) or find_encoding_error(channel):
        return None
    newest = (
        select(Release)
        .where(Release.tenant_id == tenant_id, Release.product_id == product_id, Release.channel == channel)
        .order_by(Release.version_key.desc(), Release.id.desc())
        .limit(1)
    )
    if release_id and is_canonical_id(release_id):
        newest = newest.where(Release.id != release_id)
    found = None
    if find_version_error(version) is None:
        found = db.session.scalar(newest.where(Release.version_key < build_version_key(version)))
    return found or db.session.scalar(newest)
