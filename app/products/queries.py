"""What is read of products. Every query names its tenant; none commits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import func, select

from app.extensions import db
from app.products.models import Product
from app.releases.models import Release
from app.text import is_canonical_id


def has_product(tenant_id: str, product_id: object) -> bool:
    """Whether the id, whatever was sent as one, is that of a product of the tenant."""
    if not isinstance(product_id, str) or not is_canonical_id(product_id):
        return False
    query = select(Product.id).where(Product.tenant_id == tenant_id, Product.id == product_id)
    return db.session.scalar(query) is not None


def list_products(tenant_id: str) -> Sequence[Product]:
    """Gives the products of a tenant by name."""
    query = select(Product).where(Product.tenant_id == tenant_id).order_by(Product.name)
    return db.session.scalars(query).all()


def count_releases(tenant_id: str) -> Mapping[str, int]:
    """Gives the number of releases of each product of a tenant that has any."""
    query = (
        select(Release.product_id, func.count().label("releases"))
        .where(Release.tenant_id == tenant_id)
        .group_by(Release.product_id)
    )
    return {row.product_id: row.releases for row in db.session.execute(query)}
