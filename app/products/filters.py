"""The query of the API's list of products: filters, order and place, from the URL's parameters to conditions."""

from __future__ import annotations

from collections.abc import Mapping

from app import paging
from app.comparisons import Compare, Condition, ConditionReader, compare_id, compare_order, compare_text, mention
from app.listing import ListQuery
from app.parameters import PLACE, Parameters, read_parameters, read_time
from app.products.models import Product


def parse_list_query(parameters: Parameters) -> ListQuery:
    """Takes the URL's parameters in order; gives what to list, and names those that say nothing.

    Raises ValidationError with every parameter that breaks a rule.
    """
    filters = ConditionReader(_FIELDS)
    place = read_parameters(parameters, PLACE, filters.read)
    return ListQuery(conditions=tuple(filters.conditions), ignored=tuple(filters.ignored), **place)


def build_cursor(product: Product) -> str:
    """Gives the cursor that a list goes on from after this product."""
    return paging.build_cursor(product.created_at, product.id)


def mentions(text: str) -> Condition:
    """The condition that name, display name or address hold each word of the text, whatever its case."""
    return mention((Product.name, Product.display_name, Product.slug), text)


_FIELDS: Mapping[str, Compare] = {
    "id": compare_id(Product.id),
    "name": compare_text(Product.name),
    "displayName": compare_text(Product.display_name),
    "description": compare_text(Product.description),
    "createdAt": compare_order(Product.created_at, read_time),
    "updatedAt": compare_order(Product.updated_at, read_time),
    "query": lambda _operator, value: mentions(value),
}
