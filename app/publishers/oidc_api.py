"""The door of jobs of CI: ``/v3/oidc``. Whoever comes brings no token of Slipway's, and gets one."""

from __future__ import annotations

from flask import Blueprint, Response, current_app

from app.answers import answer_json, refuse_trial
from app.json_body import read_json_object
from app.publishers import minting
from app.publishers.schema import parse_mint
from app.publishers.serializers import serialize_token

blueprint = Blueprint("publishing_api", __name__, url_prefix="/v3/oidc")


@blueprint.get("/audience")
def get_audience() -> Response:
    """Answers whom the identity token of a job must be for: this installation, and no other."""
    return answer_json({"audience": current_app.extensions["slipway"].settings.base_url})


@blueprint.post("/mint-token")
def mint_token() -> Response:
    """Swaps the identity token of a job of CI for a token of the product that trusts it, good for 15 minutes.

    An identity token counts once.
    """
    refuse_trial()
    slipway = current_app.extensions["slipway"]
    minted = minting.mint_token(parse_mint(read_json_object()), slipway.issuers, slipway.settings.base_url)
    # Nothing between here and the job may keep it (RFC 6749, section 5.1).
    return answer_json(serialize_token(minted), headers={"Cache-Control": "no-store"})
