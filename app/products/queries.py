"""What is read of products. Every query names its tenant; none commits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, String, cast, func, literal, select
from sqlalchemy.orm import defer, lazyload

from app.exceptions import NotFoundError
from app.extensions import db
from app.language import say
from app.listing import ListQuery, cut_list
from app.products.filters import mentions
from app.products.models import Product
from app.releases.models import Release
from app.text import is_canonical_id

# A count that went on for ever would cost as much as the product is large.
COUNT_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Newest:
    """The release with the highest version of a channel that is not archived."""

    channel: str
    release: Release


def has_product(tenant_id: str, product_id: object) -> bool:
    """Whether the id, whatever was sent as one, is that of a product of the tenant."""
    if not isinstance(product_id, str) or not is_canonical_id(product_id):
        return False
    query = select(Product.id).where(Product.tenant_id == tenant_id, Product.id == product_id)
    return db.session.scalar(query) is not None


def get_product(tenant_id: str, product_id: str) -> Product:
    """Gives the tenant's product. Raises NotFoundError, alike for an absent one and for another tenant's."""
    query = select(Product).where(Product.tenant_id == tenant_id, Product.id == product_id)
    product = db.session.scalar(query) if is_canonical_id(product_id) else None
    if product is None:
        raise NotFoundError(say("There is no such product."))
    return product


def find_product_named(tenant_id: str, name: str) -> Product | None:
    """Gives the tenant's product of exactly this name, None if there is none."""
    return db.session.scalar(select(Product).where(Product.tenant_id == tenant_id, Product.name == name))


def select_page(tenant_id: str, wanted: ListQuery) -> Sequence[Product]:
    """Gives the products that fit (see ``filters``), at most ``wanted.limit`` of them."""
    query = select(Product).where(Product.tenant_id == tenant_id, *wanted.conditions)
    return db.session.scalars(cut_list(query, (Product.created_at, Product.id), wanted)).all()


def list_products(tenant_id: str) -> Sequence[Product]:
    """Gives the products of a tenant by name."""
    query = select(Product).where(Product.tenant_id == tenant_id).order_by(Product.name)
    return db.session.scalars(query).all()


def list_page(tenant_id: str, text: str, after: str, limit: int) -> Sequence[Product]:
    """Gives the products by name from behind a name on, whose names hold each word of the text, whatever its case."""
    query = select(Product).where(Product.tenant_id == tenant_id)
    if text.split():
        query = query.where(mentions(text))
    if after:
        query = query.where(Product.name > after)
    return db.session.scalars(query.order_by(Product.name).limit(limit)).all()


def count_releases(tenant_id: str, product_ids: Sequence[str]) -> Mapping[str, int]:
    """Gives the number of releases of each of the products, counted to one more than COUNT_LIMIT."""
    own = select(Release.id).where(Release.tenant_id == tenant_id, Release.product_id == Product.id)
    counted = select(func.count()).select_from(own.correlate(Product).limit(COUNT_LIMIT + 1).subquery())
    query = select(Product.id, counted.scalar_subquery()).where(
        Product.tenant_id == tenant_id, Product.id.in_(product_ids)
    )
    return {row[0]: row[1] for row in db.session.execute(query)}


def count_all_releases(tenant_id: str, product_ids: Sequence[str]) -> Mapping[str, int]:
    """Gives the number of releases of each of the products that have any, however many there are."""
    query = (
        select(Release.product_id, func.count())
        .where(Release.tenant_id == tenant_id, Release.product_id.in_(product_ids))
        .group_by(Release.product_id)
    )
    return {row[0]: row[1] for row in db.session.execute(query)}


def list_newest(tenant_id: str, product_ids: Sequence[str], channel_limit: int) -> Mapping[str, list[Newest]]:
    """Gives, of each of the products, the newest version on each channel, the first ``channel_limit`` by name.

    It looks into the index once for each channel and once for its version, however many releases there are.
    """
    rows = db.session.execute(_select_newest(tenant_id, product_ids, channel_limit)).all()
    query = select(Release).where(Release.tenant_id == tenant_id, Release.id.in_([row.release_id for row in rows]))
    options = (defer(Release.notes), defer(Release.notes_html), lazyload(Release.files))
    releases = {release.id: release for release in db.session.scalars(query.options(*options))}
    found: dict[str, list[Newest]] = {}
    for row in rows:
        if row.release_id in releases:
            found.setdefault(row.product_id, []).append(Newest(row.channel, releases[row.release_id]))
    return found


def _select_newest(tenant_id: str, product_ids: Sequence[str], channel_limit: int) -> Select[Any]:
    """Goes from channel to channel by the index: each step finds the next name."""
    own = select(Release.channel).where(Release.tenant_id == tenant_id).order_by(Release.channel).limit(1)
    first = own.where(Release.product_id == Product.id).correlate(Product).scalar_subquery()
    channels = (
        select(Product.id.label("product_id"), cast(first, String).label("channel"), literal(1).label("step"))
        .where(Product.tenant_id == tenant_id, Product.id.in_(product_ids))
        .cte("channels", recursive=True)
    )
    place = channels.c
    following = own.where(Release.product_id == place.product_id, Release.channel > place.channel)
    step = select(
        place.product_id, cast(following.correlate(channels).scalar_subquery(), String), place.step + 1
    ).where(place.channel.is_not(None), place.step < channel_limit)
    channels = channels.union_all(step)
    place = channels.c
    newest = (
        select(Release.id)
        .where(
            Release.tenant_id == tenant_id,
            Release.product_id == place.product_id,
            Release.channel == place.channel,
            Release.archived.is_(False),
        )
        .order_by(Release.version_key.desc(), Release.id.desc())
        .limit(1)
        .correlate(channels)
        .scalar_subquery()
    )
    query = select(place.product_id, place.channel, newest.label("release_id")).where(place.channel.is_not(None))
    return query.order_by(place.product_id, place.step)
