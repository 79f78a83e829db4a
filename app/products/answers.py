"""What the API answers of products to the one who asks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import g

from app.products import queries
from app.products.models import Product
from app.products.serializers import serialize_product


def show_product(product: Product) -> dict[str, Any]:
    """Takes a product of the actor's tenant; gives its members."""
    (shown,) = show_products([product])
    return shown


def show_products(products: Sequence[Product]) -> list[dict[str, Any]]:
    """Takes products of the actor's tenant; gives the members of each."""
    counts = queries.count_all_releases(g.actor.tenant_id, [product.id for product in products])
    return [serialize_product(product, counts.get(product.id, 0)) for product in products]
