"""The one form of a product in JSON."""

from __future__ import annotations

from typing import Any

from app.products.models import Product
from app.times import format_time


def serialize_product(product: Product, release_count: int) -> dict[str, Any]:
    """Takes a product and how many releases it has; gives the contract's members, no others, in its order."""
    return {
        "id": product.id,
        "createdAt": format_time(product.created_at),
        "updatedAt": format_time(product.updated_at),
        "name": product.name,
        "displayName": product.display_name,
        "description": product.description,
        "totalReleases": release_count,
        "metadata": [
            {"key": entry["key"], "value": entry["value"], "visible": entry["visible"]} for entry in product.entries
        ],
    }
