"""What is read of trusted publishers. Every query but one names its tenant; none commits."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import times
from app.exceptions import NotFoundError
from app.extensions import db
from app.language import say
from app.listing import cut_list
from app.paging import Place
from app.products.models import Product
from app.publishers.models import PublisherToken, TrustedPublisher
from app.text import is_canonical_id

# A job fits few publishers. So many others have named the same repository before it is not looked any further.
CANDIDATE_LIMIT = 200


def list_publishers(tenant_id: str, product_id: str, place: Place) -> Sequence[TrustedPublisher]:
    """Gives the part of a product's publishers that is wanted."""
    query = select(TrustedPublisher).where(
        TrustedPublisher.tenant_id == tenant_id, TrustedPublisher.product_id == product_id
    )
    return db.session.scalars(cut_list(query, (TrustedPublisher.created_at, TrustedPublisher.id), place)).all()


def get_publisher(tenant_id: str, product_id: str, publisher_id: str) -> TrustedPublisher:
    """Gives a publisher of a product of the tenant. Raises NotFoundError."""
    query = select(TrustedPublisher).where(
        TrustedPublisher.tenant_id == tenant_id,
        TrustedPublisher.product_id == product_id,
        TrustedPublisher.id == publisher_id,
    )
    found = db.session.scalar(query) if is_canonical_id(publisher_id) and is_canonical_id(product_id) else None
    if found is None:
        raise NotFoundError(say("There is no such trusted publisher."))
    return found


def count_publishers(tenant_id: str, product_id: str) -> int:
    """Gives how many publishers a product has."""
    query = select(func.count()).where(
        TrustedPublisher.tenant_id == tenant_id, TrustedPublisher.product_id == product_id
    )
    return db.session.scalars(query).one()


def count_live_tokens(tenant_id: str, publisher_ids: Collection[str]) -> dict[str, int]:
    """Gives how many tokens of each of the publishers are in force; those that have none are left out."""
    query = (
        select(PublisherToken.publisher_id, func.count())
        .where(
            PublisherToken.tenant_id == tenant_id,
            PublisherToken.publisher_id.in_(list(publisher_ids)),
            PublisherToken.revoked_at.is_(None),
            PublisherToken.expires_at > times.now(),
        )
        .group_by(PublisherToken.publisher_id)
    )
    return {row[0]: row[1] for row in db.session.execute(query)}


def has_publisher_of(issuer: str) -> bool:
    """Whether anybody here trusts a job of this issuer."""
    query = select(TrustedPublisher.id).where(TrustedPublisher.issuer == issuer).limit(1)
    return db.session.scalar(query) is not None


def list_candidates(
    issuer: str, lookups: Collection[bytes], product_id: str | None = None, product_name: str | None = None
) -> list[tuple[TrustedPublisher, str]]:
    """Takes the issuer of a job, the hashes by which a publisher of it may be found, and which product is meant if the
    job says so; gives those publishers, with the names of their products.

    Of all tenants: a job does not say for which one it is, but who it is, and that decides.
    """
    query = (
        select(TrustedPublisher, Product.name)
        .join(
            Product,
            (Product.tenant_id == TrustedPublisher.tenant_id) & (Product.id == TrustedPublisher.product_id),
        )
        .where(TrustedPublisher.issuer == issuer, TrustedPublisher.lookup.in_(list(lookups)))
        .order_by(TrustedPublisher.created_at, TrustedPublisher.id)
        .limit(CANDIDATE_LIMIT)
    )
    if product_id is not None and not is_canonical_id(product_id):
        return []
    if product_id is not None:
        query = query.where(TrustedPublisher.product_id == product_id)
    if product_name is not None:
        query = query.where(Product.name == product_name)
    return [(row[0], row[1]) for row in db.session.execute(query)]


def lock_publisher(session: Session, tenant_id: str, publisher_id: str) -> TrustedPublisher | None:
    """Gives a publisher as it is now, which nobody else changes before the transaction is over; None if it is gone."""
    query = (
        select(TrustedPublisher)
        .where(TrustedPublisher.tenant_id == tenant_id, TrustedPublisher.id == publisher_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return session.scalar(query)
