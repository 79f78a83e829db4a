"""Which releases can stand in the place of one that is archived. Every query names its tenant; none commits."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from app.extensions import db
from app.releases import queries
from app.releases.models import Release

# Of each kind: whoever looks for one looks among the newest.
_OFFERED = 50


def list_replacements(release: Release) -> Sequence[Release]:
    """Gives releases of the same product that are not archived: of the same channel first, and the newest first."""
    mine = select(Release).where(
        Release.tenant_id == release.tenant_id,
        Release.product_id == release.product_id,
        Release.archived.is_(False),
        Release.id != release.id,
    )
    newest = mine.order_by(Release.version_key.desc(), Release.id.desc()).limit(_OFFERED)
    beside = db.session.scalars(newest.where(Release.channel == release.channel)).all()
    return [*beside, *db.session.scalars(newest.where(Release.channel != release.channel)).all()]


def find_replacement(release: Release) -> Release | None:
    """Gives the release that stands in an archived one's place, if it is still there."""
    if not release.archived or release.replacement_id is None:
        return None
    return queries.find_release(release.tenant_id, release.replacement_id)
