"""The public keys that verify what is sent by the asymmetric scheme, for the receivers."""

from __future__ import annotations

from flask import Blueprint, Response

from app.answers import answer_json
from app.webhooks import rotation

blueprint = Blueprint("webhook_keys_api", __name__)

_CACHE_SECONDS = 300


@blueprint.get("/.well-known/webhooks/<webhook_id>/jwks.json")
def show_key_set(webhook_id: str) -> Response:
    """Answers the JWK set (RFC 7517, section 5) of one webhook. It is public."""
    headers = {"Cache-Control": f"public, max-age={_CACHE_SECONDS}"}
    return answer_json(rotation.build_public_keys(webhook_id), headers=headers)
