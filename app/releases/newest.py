"""Finds the newest release for a customer: by version, of one product, on one channel and for one platform."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, and_, func, select, union_all

from app.accounts.actors import Actor
from app.download_keys import service as download_keys
from app.exceptions import NotFoundError
from app.extensions import db
from app.language import say
from app.products.models import Product
from app.releases import versions
from app.releases.models import Release, ReleaseSlot
from app.releases.newest_schema import NewestQuery
from app.releases.queries import is_for_customers, is_published

# Of a release that names no platform: it is for all of them.
_EVERY_PLATFORM = ""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where to look: whose product, on which channel, for which platform, and whether private ones count."""

    tenant_id: str
    product_id: str
    channel: str
    platform: str
    has_private: bool

    @property
    def is_shown(self) -> ColumnElement[bool]:
        """The condition that the caller may have a release."""
        return is_published() if self.has_private else is_for_customers()


def get_latest(actor: Actor | None, wanted: NewestQuery) -> Release:
    """Gives the newest release that fits. Raises NotFoundError if there is none, AuthenticationError."""
    release = _find_newest(actor, wanted)
    if release is None:
        raise NotFoundError(say("Nothing is published for this platform on this channel."))
    return release


def find_update(actor: Actor | None, wanted: NewestQuery) -> Release | None:
    """Gives the newest release that fits if it is newer than the version that the caller has, else None.

    Raises NotFoundError if there is no such product, AuthenticationError.
    """
    release = _find_newest(actor, wanted)
    is_update = release is not None and versions.is_newer(release.version_key, wanted.version)
    return release if is_update else None


def may_see_private(actor: Actor | None, tenant_id: str, product_id: str | None = None) -> bool:
    """Whether private releases are shown: to whoever may read the releases of the tenant, or of the one product."""
    if actor is None or actor.tenant_id != tenant_id or actor.product_id not in (None, product_id):
        return False
    return actor.has_scope("release:read")


def _find_newest(actor: Actor | None, wanted: NewestQuery) -> Release | None:
    # Nobody has said for whom this is but the product, whose id is known to its customers.
    query = select(Product.tenant_id, Product.is_restricted).where(Product.id == wanted.product_id)
    product = db.session.execute(query).one_or_none()
    if product is None:
        raise NotFoundError(say("There is no such product."))
    if product.is_restricted:
        download_keys.require_access(actor, product.tenant_id, wanted.product_id, wanted.key)
    place = _Place(
        product.tenant_id,
        wanted.product_id,
        wanted.channel,
        wanted.platform,
        may_see_private(actor, product.tenant_id, wanted.product_id),
    )
    return db.session.scalars(_select_newest(place)).one_or_none()


def _select_newest(place: _Place) -> Select[Release]:
    """Looks at the highest version of the platform and of those for all, each by the index of the slots.

    Of two with the same version the one that names the platform comes first.
    """
    candidates = [_select_candidate(place, platform) for platform in dict.fromkeys((place.platform, _EVERY_PLATFORM))]
    found = union_all(*(select(candidate.subquery()) for candidate in candidates)).subquery()
    best = select(found.c.release_id).order_by(found.c.version_key.desc(), found.c.platform.desc()).limit(1)
    return select(Release).where(Release.tenant_id == place.tenant_id, Release.id == best.scalar_subquery())


def _select_candidate(place: _Place, platform: str) -> Select[str, bytes, str]:
    query = (
        select(ReleaseSlot.release_id, ReleaseSlot.version_key, ReleaseSlot.platform)
        .join(Release, and_(Release.id == ReleaseSlot.release_id, Release.tenant_id == ReleaseSlot.tenant_id))
        .where(
            ReleaseSlot.tenant_id == place.tenant_id,
            ReleaseSlot.product_id == place.product_id,
            ReleaseSlot.channel == place.channel,
            ReleaseSlot.platform == platform,
            place.is_shown,
        )
    )
    if not place.has_private:
        # However many drafts are newer: one look into an index says from where on it is worth looking.
        query = query.where(ReleaseSlot.version_key <= _select_highest(place).scalar_subquery())
    return query.order_by(ReleaseSlot.version_key.desc()).limit(1)


def _select_highest(place: _Place) -> Select[bytes]:
    return select(func.max(Release.version_key)).where(
        Release.tenant_id == place.tenant_id,
        Release.product_id == place.product_id,
        Release.channel == place.channel,
        is_for_customers(),
    )
