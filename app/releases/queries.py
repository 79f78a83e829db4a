"""What is read of releases. Every query names its tenant; none commits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from sqlalchemy import ColumnElement, and_, exists, not_, or_, select

from app.accounts.actors import Actor
from app.accounts.models import Tenant
from app.channels import queries as channel_queries
from app.exceptions import NotFoundError
from app.extensions import db
from app.language import say
from app.paging import Cursor
from app.products.models import Product
from app.releases.listing import ReleaseFilter, list_releases
from app.releases.models import Release, ReleaseSlot
from app.text import is_canonical_id

# What the form offers is what people release now: a name that was used once, years ago, is no help.
_LOOK_BACK = 200
_OFFERED = 12
# Of a search: each costs as much as the one before.
_WORDS = 8


def get_release(tenant_id: str, release_id: str) -> Release:
    """Gives the tenant's release. Raises NotFoundError, alike for an absent one and for another tenant's."""
    release = find_release(tenant_id, release_id)
    if release is None:
        raise NotFoundError(say("There is no such release."))
    return release


def get_reachable_release(actor: Actor, release_id: str) -> Release:
    """Gives the actor's release, as ``get_release`` does. Raises OtherProductError if the actor may not."""
    release = get_release(actor.tenant_id, release_id)
    actor.require_product(release.product_id)
    return release


def find_release(tenant_id: str, release_id: str) -> Release | None:
    """Gives the tenant's release, None for an absent one and for another tenant's alike."""
    if not is_canonical_id(release_id):
        return None
    return db.session.scalar(select(Release).where(Release.tenant_id == tenant_id, Release.id == release_id))


def find_slot_holders(
    tenant_id: str, product_id: str, channel: str, version_key: bytes, platforms: Iterable[str]
) -> list[Release]:
    """Gives the releases that hold any of the slots, the oldest first."""
    query = (
        select(Release)
        .join(ReleaseSlot, and_(ReleaseSlot.release_id == Release.id, ReleaseSlot.tenant_id == Release.tenant_id))
        .where(
            Release.tenant_id == tenant_id,
            ReleaseSlot.product_id == product_id,
            ReleaseSlot.channel == channel,
            ReleaseSlot.version_key == version_key,
            ReleaseSlot.platform.in_(list(platforms)),
        )
        .order_by(Release.created_at, Release.id)
    )
    return list(db.session.scalars(query).unique())


def list_channels_and_platforms(tenant_id: str) -> tuple[list[str], list[str]]:
    """Gives the channels and the platforms that a tenant's newest releases use, the most used of them, sorted."""
    newest = (
        select(Release.channel, Release.platforms)
        .where(Release.tenant_id == tenant_id)
        .order_by(Release.created_at.desc(), Release.id.desc())
        .limit(_LOOK_BACK)
    )
    rows = db.session.execute(newest).all()
    channels = Counter(row.channel for row in rows)
    platforms = Counter(platform for row in rows for platform in row.platforms)
    return sorted({*_pick(channels), "stable"}), sorted(_pick(platforms))


def list_offered(tenant_id: str) -> tuple[list[str], list[str]]:
    """Gives what a form offers as channels and platforms: those that releases use, and those that somebody made."""
    used = list_channels_and_platforms(tenant_id)
    channels, platforms = (
        sorted({*in_use, *declared})
        for in_use, declared in zip(used, channel_queries.list_declared(tenant_id), strict=True)
    )
    return channels, platforms


def _pick(counted: Counter[str]) -> list[str]:
    return [name for name, _ in counted.most_common(_OFFERED)]


def find_last_product(tenant_id: str) -> str:
    """Gives the id of the product that was released last, or of the only product, or nothing."""
    query = select(Release.product_id).where(Release.tenant_id == tenant_id).order_by(Release.updated_at.desc())
    found = db.session.scalar(query.limit(1))
    if found is None:
        own = db.session.scalars(select(Product.id).where(Product.tenant_id == tenant_id).limit(2)).all()
        found = own[0] if len(own) == 1 else ""
    return found


def get_product_slug(tenant_id: str, product_id: str) -> str:
    """Gives the slug of a product of the tenant."""
    query = select(Product.slug).where(Product.tenant_id == tenant_id, Product.id == product_id)
    return db.session.scalars(query).one()


def find_public_product(tenant_slug: str, product_slug: str) -> tuple[Tenant, Product]:
    """Gives the tenant and the product behind a customer page. Raises NotFoundError."""
    query = (
        select(Tenant, Product)
        .join(Product, Product.tenant_id == Tenant.id)
        .where(Tenant.slug == tenant_slug, Product.slug == product_slug)
    )
    row = db.session.execute(query).first()
    if row is None:
        raise NotFoundError(say("There is no such page."))
    return row[0], row[1]


def list_newer_for_customers(release: Release, limit: int) -> list[Release]:
    """Gives the releases that stand before this one on the customer page, the nearest first, at most ``limit``."""
    wanted = ReleaseFilter(
        conditions=(is_for_customers(), is_of_product(release.product_id)),
        limit=limit,
        after=Cursor(release.created_at, release.id),
    )
    return list_releases(release.tenant_id, wanted)


def is_for_customers() -> ColumnElement[bool]:
    """The condition of everything that customers see: published, not private, not archived."""
    # Plain, and not "IS true": so PostgreSQL sees that it is the condition of an index.
    return and_(Release.published, not_(Release.private), not_(Release.archived))


def is_published() -> ColumnElement[bool]:
    """The condition that a release is out, for customers or, as a private one, for some."""
    return and_(Release.published, not_(Release.archived))


def is_unrestricted() -> ColumnElement[bool]:
    """The condition that a release is of a product that is not restricted."""
    return not_(
        exists().where(Product.tenant_id == Release.tenant_id, Product.id == Release.product_id, Product.is_restricted)
    )


def is_of_product(product_id: str) -> ColumnElement[bool]:
    """The condition that a release is the product's."""
    return Release.product_id == product_id


def is_in_reach(actor: Actor) -> tuple[ColumnElement[bool], ...]:
    """The conditions that a release is one that the actor may act for: none, unless that is of one product only."""
    return () if actor.product_id is None else (is_of_product(actor.product_id),)


def mentions(text: str) -> ColumnElement[bool]:
    """The condition that name, version or channel holds each word of the text, whatever its case.

    Notes are not looked through: they are long, and what they hold is found where customers read them.
    """
    words = text.split()[:_WORDS] or [text]
    return and_(*(_mentions_word(word) for word in words))


def _mentions_word(word: str) -> ColumnElement[bool]:
    columns = (Release.name, Release.version, Release.channel)
    found = [column.icontains(word, autoescape=True) for column in columns]
    if word[:1] in "vV" and word[1:2].isdigit():
        found.append(Release.version.startswith(word[1:], autoescape=True))
    return or_(*found)
