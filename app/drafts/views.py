"""What the forms of releases ask while somebody types: JSON for our own scripts, by the session of the browser.

Each answer says whose it is. A page stays open while somebody else signs in in another tab, and must never take for
its own what belongs to them.
"""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, current_app, request
from flask_login import current_user
from flask_wtf.csrf import CSRFError, generate_csrf
from werkzeug.wrappers import Response as BaseResponse

from app.accounts.sessions import sign_in_required
from app.drafts import pages, schema, serializers, service
from app.exceptions import InvalidRequestError, SlipwayError, ThrottledError
from app.extensions import csrf
from app.forms import list_headers
from app.json_body import read_json_object
from app.language import say, translate
from app.text import is_idempotency_key

blueprint = Blueprint("drafts", __name__, url_prefix="/drafts")
# Who is signed in is asked before the token of the form is: a token goes with its session, and that is what is told.
csrf.exempt(blueprint)
blueprint.add_app_template_global(pages.describe_draft)

Answer = Response | BaseResponse


@blueprint.get("/sender")
def show_sender() -> Response:
    """Says who would send a form from this browser now, and with which token. For anybody: nobody is an answer."""
    return _answer({"csrfToken": generate_csrf()})


@blueprint.get("/outcome")
@sign_in_required
def show_outcome() -> Response:
    """Says which release has come of an idempotency key, if one has: after an answer that never arrived."""
    return _answer({"made": serializers.serialize_made(service.find_outcome(current_user.actor, _read_key()))})


@blueprint.get("/<subject>")
@sign_in_required
def show_draft(subject: str) -> Response:
    """Gives what is kept of a form."""
    key = _read_key() if request.args.get("key") else ""
    return _answer(serializers.serialize_kept(service.show_draft(current_user.actor, subject, key)))


@blueprint.put("/<subject>")
@sign_in_required
def save_draft(subject: str) -> Response:
    """Keeps the text of a form in one window."""
    _admit()
    sent = schema.parse_draft(read_json_object())
    return _answer(serializers.serialize_kept(service.save_draft(current_user.actor, subject, sent)))


@blueprint.delete("/<subject>")
@sign_in_required
def discard_draft(subject: str) -> Response:
    """Lets go of the texts that a window knows."""
    _admit()
    service.discard_draft(current_user.actor, subject, schema.parse_known(read_json_object()))
    return _answer({})


@blueprint.errorhandler(SlipwayError)
def answer_refusal(error: SlipwayError) -> Response:
    """Takes a refusal; gives it as JSON."""
    return _answer({"code": error.code, "message": translate(error.message)}, error.status, list_headers(error))


@blueprint.errorhandler(CSRFError)
def answer_csrf_error(_error: CSRFError) -> Response:
    """A token that belongs to another session, or is too old: the script asks for another one."""
    return _answer({"code": "csrf_failed"}, 400)


@blueprint.after_app_request
def lead_script(response: Response) -> Response:
    """Takes the answer to a form of a release; where it leads on, a script that sent the form is told whither in JSON.

    A script cannot see where an answer leads without going there, and what is said once would be said to it.
    """
    is_sent_by_script = request.blueprint == "releases" and request.accept_mimetypes.best == "application/json"
    if request.method == "POST" and is_sent_by_script and response.status_code == 303:
        response.set_data(json.dumps({"location": response.headers.pop("Location")}))
        response.content_type, response.status_code = "application/json", 200
    return response


def _admit() -> None:
    """Checks the token of the page, and counts. Raises CSRFError, ThrottledError."""
    csrf.protect()
    allowance = current_app.extensions["slipway"].limiter.count(f"drafts:{current_user.id}")
    if allowance is not None and allowance.is_exceeded:
        message = say("Drafts are saved too often: more than {limit} times in five seconds.", limit=allowance.limit)
        raise ThrottledError(message, allowance.reset_seconds)


def _read_key() -> str:
    key = request.args.get("key", "")
    if not is_idempotency_key(key):
        raise InvalidRequestError(say("key must be 1 to 255 visible ASCII characters."))
    return key


def _answer(body: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    owner = f"{current_user.tenant_id}/{current_user.id}" if current_user.is_authenticated else None
    # Escaped to ASCII: what somebody has typed may hold what UTF-8 cannot say.
    return Response(json.dumps({"owner": owner, **body}), status, headers, content_type="application/json")
