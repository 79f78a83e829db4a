"""The machines' door to trusted publishers: ``/v3/products/{id}/trusted-publishers``. Its twin for people is ``views``.

What the jobs themselves ask for is in ``oidc_api``.
"""

from __future__ import annotations

from flask import Blueprint, Response, current_app, g

from app.accounts.bearer import token_required
from app.answers import (
    answer_entity,
    answer_list,
    answer_trial,
    build_url,
    list_parameters,
    name_ignored_fields,
    read_flag,
    refuse_trial,
)
from app.json_body import read_json_object
from app.paging import build_cursor
from app.parameters import read_place
from app.products import queries as products
from app.publishers import queries, service
from app.publishers.schema import parse_publisher
from app.publishers.serializers import serialize_draft, serialize_publisher
from app.schemas import describe_ignored

blueprint = Blueprint("publishers_api", __name__, url_prefix="/v3/products/<product_id>/trusted-publishers")


@blueprint.post("")
@token_required("product:write")
def create_publisher(product_id: str) -> Response:
    """Has a product trust a job of CI, or with ``validateOnly=true`` says whether it could."""
    is_trial, is_strict = read_flag("validateOnly"), read_flag("strict")
    products.get_product(g.actor.tenant_id, product_id)
    raw = read_json_object()
    issuers = current_app.extensions["slipway"].issuers
    draft = parse_publisher(raw, issuers.names, is_strict=is_strict)
    headers = name_ignored_fields(draft.ignored_fields)
    if is_trial:
        return answer_trial(serialize_draft(draft), map(describe_ignored, draft.ignored_fields), headers)
    creation = service.create_publisher(g.actor, product_id, draft)
    shown = serialize_publisher(creation.publisher)
    if creation.is_replay:
        return answer_entity(shown, 200, {**headers, "Idempotent-Replayed": "true"})
    location = build_url(f"/v3/products/{product_id}/trusted-publishers/{creation.publisher.id}")
    return answer_entity(shown, 201, {**headers, "Location": location})


@blueprint.get("")
@token_required("product:read")
def list_publishers(product_id: str) -> Response:
    """Answers a bare array, with the next page's address in Link."""
    products.get_product(g.actor.tenant_id, product_id)
    place = read_place(list_parameters())
    found = queries.list_publishers(g.actor.tenant_id, product_id, place)
    return answer_list(
        [serialize_publisher(publisher) for publisher in found],
        place.limit,
        lambda: build_cursor(found[-1].created_at, found[-1].id),
    )


@blueprint.get("/<publisher_id>")
@token_required("product:read")
def get_publisher(product_id: str, publisher_id: str) -> Response:
    """Answers one trusted publisher."""
    return answer_entity(serialize_publisher(queries.get_publisher(g.actor.tenant_id, product_id, publisher_id)))


@blueprint.delete("/<publisher_id>")
@token_required("product:write")
def delete_publisher(product_id: str, publisher_id: str) -> Response:
    """Ends the trust in a job. The tokens that it has are refused at once."""
    refuse_trial()
    service.delete_publisher(g.actor, product_id, publisher_id)
    return Response(status=204)


@blueprint.post("/<publisher_id>/revoke-tokens")
@token_required("product:write")
def revoke_publisher_tokens(product_id: str, publisher_id: str) -> Response:
    """Revokes the tokens that a job has now. It is still trusted, and can get another one."""
    refuse_trial()
    return answer_entity(serialize_publisher(service.revoke_tokens(g.actor, product_id, publisher_id)))
