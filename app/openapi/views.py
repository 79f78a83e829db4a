"""Serves the API's description, to machines as JSON and to people as a page where it can be tried."""

from __future__ import annotations

import hashlib
import json

from flask import Blueprint, Flask, Response, current_app, render_template, request

from app.answers import build_url
from app.openapi.document import build_document

blueprint = Blueprint("openapi", __name__)

_CACHE_SECONDS = 300
_KEPT = "slipway-openapi"


@blueprint.get("/v3/openapi.json")
def show_document() -> Response:
    """Answers the OpenAPI 3.1 document. It is public, and the same for everybody."""
    text = _find_document(current_app)
    answer = Response(text, content_type="application/json; charset=utf-8")
    answer.set_etag(hashlib.sha256(text.encode()).hexdigest()[:32])
    answer.headers["Cache-Control"] = f"public, max-age={_CACHE_SECONDS}"
    answer.make_conditional(request)
    return answer


@blueprint.get("/v3/docs")
def show_docs() -> str:
    """Shows the operations, each of which can be tried with a token of one's own."""
    return render_template("openapi/docs.html", document_url="/v3/openapi.json")


def _find_document(app: Flask) -> str:
    # Routes do not change while a process runs.
    if _KEPT not in app.extensions:
        app.extensions[_KEPT] = json.dumps(build_document(app, build_url("")), ensure_ascii=False)
    return str(app.extensions[_KEPT])
