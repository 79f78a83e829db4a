"""What is read of download keys and of restricted products. Every query names its tenant; none commits."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select

from app.download_keys.models import DownloadKey
from app.exceptions import NotFoundError
from app.extensions import db
from app.language import say
from app.listing import ListQuery, cut_list
from app.products.models import Product
from app.text import is_canonical_id


def is_restricted(tenant_id: str, product_id: str) -> bool:
    """Whether the releases of a product are only for those who have a token or one of its download keys."""
    query = select(Product.is_restricted).where(Product.tenant_id == tenant_id, Product.id == product_id)
    return bool(db.session.scalar(query))


def list_keys(tenant_id: str, product_id: str, wanted: ListQuery) -> Sequence[DownloadKey]:
    """Gives the download keys of a product that fit, at most ``wanted.limit`` of them."""
    query = select(DownloadKey).where(
        DownloadKey.tenant_id == tenant_id, DownloadKey.product_id == product_id, *wanted.conditions
    )
    return db.session.scalars(cut_list(query, (DownloadKey.created_at, DownloadKey.id), wanted)).all()


def count_keys(tenant_id: str, product_id: str) -> int:
    """Gives how many download keys of a product are in force."""
    query = select(func.count()).where(
        DownloadKey.tenant_id == tenant_id, DownloadKey.product_id == product_id, DownloadKey.revoked_at.is_(None)
    )
    return db.session.scalars(query).one()


def get_key(tenant_id: str, product_id: str, key_id: str) -> DownloadKey:
    """Gives a download key of a product. Raises NotFoundError, alike for an absent one and for another tenant's."""
    key = None
    if is_canonical_id(product_id) and is_canonical_id(key_id):
        key = db.session.scalar(
            select(DownloadKey).where(
                DownloadKey.tenant_id == tenant_id,
                DownloadKey.product_id == product_id,
                DownloadKey.id == key_id,
            )
        )
    if key is None:
        raise NotFoundError(say("There is no such download key."))
    return key
