"""Which channels and platforms the releases of a tenant name. Every query names its tenant; none commits.

It goes from name to name by the indexes that products have their releases in: a look for each product, channel and
platform, however many releases there are.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import CTE, ColumnElement, String, cast, exists, select

from app.extensions import db
from app.products.models import Product
from app.releases.models import Release, ReleaseSlot

# Whoever gives every release a channel of its own is not told of all of them.
LOOK_LIMIT: Final = 10_000


def list_used_channels(tenant_id: str) -> set[str]:
    """Gives the channels that releases are on."""
    found = _walk_channels(tenant_id)
    query = select(found.c.channel).where(found.c.channel.is_not(None)).limit(LOOK_LIMIT)
    return set(db.session.scalars(query))


def list_used_platforms(tenant_id: str) -> set[str]:
    """Gives the platforms that releases name."""
    found = _walk_platforms(tenant_id)
    # A release that names no platform takes the place of the empty one.
    query = select(found.c.platform).where(found.c.platform.is_not(None), found.c.platform != "").limit(LOOK_LIMIT)
    return set(db.session.scalars(query))


def is_platform_used(tenant_id: str, name: str) -> bool:
    """Whether a release names the platform."""
    found = _walk_channels(tenant_id)
    is_used: ColumnElement[bool] = exists().where(
        ReleaseSlot.tenant_id == tenant_id,
        ReleaseSlot.product_id == found.c.product_id,
        ReleaseSlot.channel == found.c.channel,
        ReleaseSlot.platform == name,
    )
    return bool(db.session.scalar(select(is_used)))


def _walk_channels(tenant_id: str) -> CTE:
    """Gives product and channel, with an empty channel behind the last one of each product."""
    own = select(Release.channel).where(Release.tenant_id == tenant_id).order_by(Release.channel).limit(1)
    first = own.where(Release.product_id == Product.id).correlate(Product).scalar_subquery()
    channels = (
        select(Product.id.label("product_id"), cast(first, String).label("channel"))
        .where(Product.tenant_id == tenant_id)
        .cte("channels", recursive=True)
    )
    place = channels.c
    following = own.where(Release.product_id == place.product_id, Release.channel > place.channel)
    step = select(place.product_id, cast(following.correlate(channels).scalar_subquery(), String))
    return channels.union_all(step.where(place.channel.is_not(None)))


def _walk_platforms(tenant_id: str) -> CTE:
    """Gives product, channel and platform, with an empty platform behind the last one of each channel."""
    channels = _walk_channels(tenant_id)
    at = channels.c
    own = select(ReleaseSlot.platform).where(ReleaseSlot.tenant_id == tenant_id)
    own = own.order_by(ReleaseSlot.platform).limit(1)
    first = _of(own, at).correlate(channels).scalar_subquery()
    platforms = (
        select(at.product_id, at.channel, cast(first, String).label("platform"))
        .where(at.channel.is_not(None))
        .cte("platforms", recursive=True)
    )
    place = platforms.c
    following = _of(own, place).where(ReleaseSlot.platform > place.platform).correlate(platforms).scalar_subquery()
    step = select(place.product_id, place.channel, cast(following, String)).where(place.platform.is_not(None))
    return platforms.union_all(step)


def _of(query: Any, place: Any) -> Any:
    return query.where(ReleaseSlot.product_id == place.product_id, ReleaseSlot.channel == place.channel)
