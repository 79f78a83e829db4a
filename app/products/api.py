"""The machines' door to products: ``/v3/products``. Its twin for people is ``views``."""

from __future__ import annotations

from flask import Blueprint, Response, g

from app.accounts.bearer import token_required
from app.answers import (
    answer_entity,
    answer_list,
    answer_trial,
    build_url,
    list_parameters,
    name_ignored_fields,
    read_flag,
    read_idempotency_key,
    read_precondition,
    refuse_trial,
)
from app.json_body import read_json_object
from app.products import filters, queries, service
from app.products.answers import show_product, show_products
from app.products.schema import find_unknown, find_warnings, parse_product, parse_product_change

blueprint = Blueprint("products_api", __name__, url_prefix="/v3/products")


@blueprint.post("")
@token_required("product:write")
def create_product() -> Response:
    """Creates a product, or with ``validateOnly=true`` says whether it could be created."""
    is_trial, is_strict = read_flag("validateOnly"), read_flag("strict")
    key = read_idempotency_key()
    raw = read_json_object()
    sent = parse_product(raw, is_strict=is_strict)
    headers = name_ignored_fields(find_unknown(raw))
    if is_trial:
        service.refuse_taken(g.actor, sent)
        return answer_trial(
            {**sent.model_dump(), "displayName": sent.displayName or sent.name}, find_warnings(raw), headers
        )
    made = service.create_product(g.actor, sent, key)
    shown = show_product(made.product)
    if made.is_replay:
        return answer_entity(shown, 200, {**headers, "Idempotent-Replayed": "true"})
    return answer_entity(shown, 201, {**headers, "Location": build_url(f"/v3/products/{made.product.id}")})


@blueprint.get("")
@token_required("product:read")
def list_products() -> Response:
    """Answers a bare array, with the next page's address in Link."""
    wanted = filters.parse_list_query(list_parameters())
    found = queries.select_page(g.actor.tenant_id, wanted)
    shown = show_products(found)
    return answer_list(shown, wanted.limit, lambda: filters.build_cursor(found[-1]), ignored=wanted.ignored)


@blueprint.get("/<product_id>")
@token_required("product:read")
def get_product(product_id: str) -> Response:
    """Answers one product."""
    return answer_entity(show_product(queries.get_product(g.actor.tenant_id, product_id)))


@blueprint.patch("/<product_id>")
@token_required("product:write")
def update_product(product_id: str) -> Response:
    """Changes what is given, or with ``validateOnly=true`` says whether it could be changed so."""
    is_trial, is_strict = read_flag("validateOnly"), read_flag("strict")
    expected = read_precondition()
    raw = read_json_object()
    sent = parse_product_change(raw, is_strict=is_strict)
    headers = name_ignored_fields(find_unknown(raw))
    if is_trial:
        return answer_trial(service.try_change(g.actor, product_id, sent, expected), find_warnings(raw), headers)
    product = service.update_product(g.actor, product_id, sent, expected=expected)
    return answer_entity(show_product(product), headers=headers)


@blueprint.delete("/<product_id>")
@token_required("product:write")
def delete_product(product_id: str) -> Response:
    """Deletes a product that has no releases."""
    refuse_trial()
    service.delete_product(g.actor, product_id, read_precondition())
    return Response(status=204)
