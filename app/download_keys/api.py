"""The machines' door to who may have a product's releases: ``/v3/products/{id}/access`` and ``…/download-keys``.

Its twin for people is ``views``.
"""

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
from app.download_keys import filters, queries, schema, service
from app.download_keys.serializers import serialize_access, serialize_key
from app.etags import build_tag
from app.json_body import read_json_object
from app.paging import build_cursor
from app.products import queries as products
from app.schemas import describe_ignored, find_unknown

blueprint = Blueprint("download_keys_api", __name__, url_prefix="/v3/products/<product_id>")


@blueprint.get("/access")
@token_required("product:read")
def get_access(product_id: str) -> Response:
    """Answers whether a product is restricted."""
    return answer_entity(serialize_access(products.get_product(g.actor.tenant_id, product_id).is_restricted))


@blueprint.patch("/access")
@token_required("product:write")
def update_access(product_id: str) -> Response:
    """Restricts a product, or opens it to everybody."""
    is_trial, is_strict = read_flag("validateOnly"), read_flag("strict")
    expected = read_precondition()
    products.get_product(g.actor.tenant_id, product_id)
    raw = read_json_object()
    sent = schema.parse_access(raw, is_strict=is_strict)
    unknown = find_unknown(schema.AccessSchema, raw)
    headers = name_ignored_fields(unknown)
    if is_trial:
        service.try_access(g.actor, product_id, expected)
        return answer_trial(serialize_access(sent.restricted), map(describe_ignored, unknown), headers)
    service.restrict_product(g.actor, product_id, is_restricted=sent.restricted, expected=expected)
    return answer_entity(serialize_access(sent.restricted), headers=headers)


@blueprint.get("/download-keys")
@token_required("product:read")
def list_keys(product_id: str) -> Response:
    """Answers a bare array, with the next page's address in Link."""
    products.get_product(g.actor.tenant_id, product_id)
    wanted = filters.parse_list_query(list_parameters())
    found = queries.list_keys(g.actor.tenant_id, product_id, wanted)
    return answer_list(
        [serialize_key(row) for row in found],
        wanted.limit,
        lambda: build_cursor(found[-1].created_at, found[-1].id),
        ignored=wanted.ignored,
    )


@blueprint.post("/download-keys")
@token_required("product:write")
def create_key(product_id: str) -> Response:
    """Makes a download key. The key itself is in this answer alone."""
    is_trial, is_strict = read_flag("validateOnly"), read_flag("strict")
    idempotency_key = read_idempotency_key()
    products.get_product(g.actor.tenant_id, product_id)
    raw = read_json_object()
    sent = schema.parse_download_key(raw, is_strict=is_strict)
    unknown = find_unknown(schema.DownloadKeySchema, raw)
    headers = name_ignored_fields(unknown)
    if is_trial:
        return answer_trial(sent.model_dump(), map(describe_ignored, unknown), headers)
    issued = service.create_key(g.actor, product_id, sent, idempotency_key)
    shown = serialize_key(issued.row)
    body = {**({"key": issued.key} if issued.key else {}), **shown}
    # The key is nowhere else: nothing on the way may keep it.
    headers = {**headers, "Cache-Control": "no-store"}
    if issued.is_replay:
        return answer_entity(body, 200, {**headers, "Idempotent-Replayed": "true"}, tag=build_tag(shown))
    location = build_url(f"/v3/products/{product_id}/download-keys/{issued.row.id}")
    return answer_entity(body, 201, {**headers, "Location": location}, tag=build_tag(shown))


@blueprint.get("/download-keys/<download_key_id>")
@token_required("product:read")
def get_key(product_id: str, download_key_id: str) -> Response:
    """Answers one download key, without the key itself."""
    return answer_entity(serialize_key(queries.get_key(g.actor.tenant_id, product_id, download_key_id)))


@blueprint.patch("/download-keys/<download_key_id>")
@token_required("product:write")
def update_key(product_id: str, download_key_id: str) -> Response:
    """Changes the name of a download key, or with ``"revoked": true`` revokes it."""
    is_trial, is_strict = read_flag("validateOnly"), read_flag("strict")
    expected = read_precondition()
    queries.get_key(g.actor.tenant_id, product_id, download_key_id)
    raw = read_json_object()
    change = schema.parse_download_key_change(raw, is_strict=is_strict)
    unknown = find_unknown(schema.DownloadKeyChangeSchema, raw)
    headers = name_ignored_fields(unknown)
    if is_trial:
        return answer_trial(
            service.try_change(g.actor, product_id, download_key_id, change, expected),
            map(describe_ignored, unknown),
            headers,
        )
    row = service.update_key(g.actor, product_id, download_key_id, change, expected)
    return answer_entity(serialize_key(row), headers=headers)


@blueprint.delete("/download-keys/<download_key_id>")
@token_required("product:write")
def revoke_key(product_id: str, download_key_id: str) -> Response:
    """Revokes a download key: it is refused from the next request on."""
    refuse_trial()
    service.revoke_key(g.actor, product_id, download_key_id, read_precondition())
    return Response(status=204)
