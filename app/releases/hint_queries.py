"""What the form of a release asks while it is filled in. Every query names its tenant; none commits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, select

from app.extensions import db
from app.products.models import Product
from app.releases.models import Release
from app.text import is_canonical_id

# More releases of one version, each for platforms of its own, are no help to look at.
_MOST_BESIDE = 100


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A release on the same channel as the one in the form, in short."""

    id: str
    name: str
    version: str
    version_key: bytes
    platforms: tuple[str, ...]


def find_product(tenant_id: str, product_id: str) -> Product | None:
    """Gives the tenant's product, None if what was chosen is none."""
    if not is_canonical_id(product_id):
        return None
    return db.session.scalar(select(Product).where(Product.tenant_id == tenant_id, Product.id == product_id))


def find_newest(tenant_id: str, product_id: str, channel: str, except_id: str | None) -> Neighbour | None:
    """Gives the release with the highest version on a channel, without the one that is being changed."""
    query = _select_neighbours(tenant_id, product_id, channel, except_id).order_by(
        Release.version_key.desc(), Release.id
    )
    return next(iter(_read(query.limit(1))), None)


def list_beside(
    tenant_id: str, product_id: str, channel: str, version_key: bytes, except_id: str | None
) -> list[Neighbour]:
    """Gives the releases with this version on a channel, for whatever platforms, without the one being changed."""
    query = _select_neighbours(tenant_id, product_id, channel, except_id).where(Release.version_key == version_key)
    return _read(query.order_by(Release.created_at, Release.id).limit(_MOST_BESIDE))


def has_place(tenant_id: str, release_id: str, channel: str, version_key: bytes) -> bool:
    """Whether a release has this version on this channel already."""
    is_own: ColumnElement[bool] = exists().where(
        Release.tenant_id == tenant_id,
        Release.id == release_id,
        Release.channel == channel,
        Release.version_key == version_key,
    )
    return bool(db.session.scalar(select(is_own)))


def is_channel_used(tenant_id: str, channel: str) -> bool:
    """Whether the tenant has ever released on a channel, whatever product."""
    # By product, because so the index is.
    own = select(Product.id).where(Product.tenant_id == tenant_id)
    is_used: ColumnElement[bool] = exists().where(
        Release.tenant_id == tenant_id, Release.product_id.in_(own), Release.channel == channel
    )
    return bool(db.session.scalar(select(is_used)))


def _select_neighbours(
    tenant_id: str, product_id: str, channel: str, except_id: str | None
) -> Select[*tuple[Any, ...]]:
    columns = (Release.id, Release.name, Release.version, Release.version_key, Release.platforms)
    query = select(*columns).where(
        Release.tenant_id == tenant_id, Release.product_id == product_id, Release.channel == channel
    )
    return query.where(Release.id != except_id) if except_id else query


def _read(query: Select[*tuple[Any, ...]]) -> list[Neighbour]:
    rows: Sequence[Any] = db.session.execute(query).all()
    return [Neighbour(row.id, row.name, row.version, row.version_key, tuple(row.platforms)) for row in rows]
