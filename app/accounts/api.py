"""The public keys of access tokens, for whoever wants to verify one."""

from __future__ import annotations

from flask import Blueprint, Response

from app.accounts import keys
from app.answers import answer_json

blueprint = Blueprint("accounts_api", __name__)

_CACHE_SECONDS = 300


@blueprint.get("/.well-known/jwks.json")
def show_key_set() -> Response:
    """Answers the JWK set (RFC 7517, section 5). It is public."""
    return answer_json(keys.build_key_set(), headers={"Cache-Control": f"public, max-age={_CACHE_SECONDS}"})
