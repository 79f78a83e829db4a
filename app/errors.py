"""Exceptions become answers here, and only here: a page for people, problem+json (RFC 9457) for machines."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, current_app, g, json, render_template, request
from flask_login import current_user
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge, SecurityError
from werkzeug.wrappers import Response as BaseResponse

from app.accounts.actors import ROLE_SCOPES
from app.accounts.sessions import ask_to_sign_in
from app.database import has_committed
from app.exceptions import (
    AuthenticationError,
    DuplicateError,
    OutcomeUnknownError,
    PermissionDeniedError,
    RangeNotSatisfiableError,
    SlipwayError,
    StillRunningError,
    ThrottledError,
    UnavailableError,
    ValidationError,
)
from app.outages import CommitLostError, is_lock_timeout, is_outage
from app.publishers.refusals import InvalidPublisherError
from app.requests import is_cross_site, request_id

logger = logging.getLogger(__name__)

PROBLEM_TYPE = "application/problem+json"
RETRY_AFTER_OUTAGE_SECONDS = 2
# Clients of this API family wait as long as they are told, and are told no more than this.
_LONGEST_WAIT_SECONDS = 60
_STILL_RUNNING = (
    "A request with this Idempotency-Key, or one for the same, is still running. Send it again in a moment."
)
_THINGS = {
    "release": "releases",
    "product": "products",
    "webhook": "webhooks",
    "personalAccessToken": "access tokens",
    "user": "users",
    "account": "the account",
}


def init_app(app: Flask) -> None:
    """Takes the application and registers the handlers."""
    app.register_error_handler(SlipwayError, answer_refusal)
    app.register_error_handler(HTTPException, answer_http_exception)
    app.register_error_handler(CSRFError, answer_csrf_error)
    app.register_error_handler(DBAPIError, answer_database_error)
    app.register_error_handler(PoolTimeoutError, answer_database_error)
    app.register_error_handler(Exception, answer_crash)


def is_machine_request() -> bool:
    """Whether the current request is for the API, whose every answer is JSON."""
    path = request.path
    return path == "/v3" or path.startswith(("/v3/", "/.well-known/"))


def answer_refusal(error: SlipwayError) -> Response:
    """Takes one of Slipway's own exceptions; gives the page or the problem document."""
    headers = _find_headers(error)
    if not is_machine_request():
        headers.pop("WWW-Authenticate", None)
    return _answer(error.status, error.code, error.title, _find_detail(error), _find_members(error), headers)


def _find_members(error: SlipwayError) -> dict[str, Any]:
    if isinstance(error, ValidationError):
        errors = [{"field": item.field, "code": item.code, "message": item.message} for item in error.errors]
        return {"errors": errors}
    if isinstance(error, DuplicateError):
        return {"existing": {"id": error.existing_id, "url": _absolute(error.path)}}
    if isinstance(error, InvalidPublisherError):
        return {"claims": error.claims}
    return {"scope": error.scope} if isinstance(error, PermissionDeniedError) else {}


def _find_headers(error: SlipwayError) -> dict[str, str]:
    if isinstance(error, DuplicateError):
        return {"Location": _absolute(error.path)}
    if isinstance(error, RangeNotSatisfiableError):
        return {"Accept-Ranges": "bytes", "Content-Range": f"bytes */{error.size}"}
    if isinstance(error, ThrottledError | StillRunningError | UnavailableError):
        return {"Retry-After": str(_find_wait(error))}
    if isinstance(error, AuthenticationError):
        return {"WWW-Authenticate": describe_challenge(error)}
    if isinstance(error, PermissionDeniedError):
        return {"WWW-Authenticate": f'Bearer error="{error.code}", scope="{error.scope}"'}
    return {}


def _find_wait(error: ThrottledError | StillRunningError | UnavailableError) -> int:
    if not isinstance(error, ThrottledError):
        return RETRY_AFTER_OUTAGE_SECONDS
    seconds = error.retry_after_seconds
    return min(seconds, _LONGEST_WAIT_SECONDS) if is_machine_request() else seconds


def _find_detail(error: SlipwayError) -> str:
    if isinstance(error, PermissionDeniedError) and not is_machine_request():
        return describe_allowed(error.scope)
    return error.message


def describe_allowed(scope: str) -> str:
    """Takes a scope; says who may do what it names, for people, who know roles and no scopes."""
    *others, last = [f"{role}s" for role, scopes in ROLE_SCOPES.items() if scope in scopes]
    thing, _, action = scope.partition(":")
    who = f"{', '.join(others)} and {last}" if others else last
    verb = "see" if action == "read" else "change"
    return f"Only {who} of your organisation may {verb} {_THINGS[thing]}."


def describe_challenge(error: AuthenticationError) -> str:
    """Gives the WWW-Authenticate value, with the words of RFC 6750, section 3.1, as errors.

    Where there was no token at all the RFC would rather have no error; the contract asks for ``invalid_token``.
    """
    word = "invalid_token" if error.code == "authentication_required" else error.code
    return f'Bearer error="{word}"'


def answer_http_exception(error: HTTPException) -> Response:
    """Takes an HTTP exception of the framework; gives the page or the problem document, with its own headers kept."""
    if error.response is not None:
        return error.response  # type: ignore[return-value]
    status = error.code or 500
    code, title = _describe_status(status)
    detail = error.description or title
    if isinstance(error, RequestEntityTooLarge):
        limit = current_app.config["MAX_CONTENT_LENGTH"]
        detail = f"The request's body is larger than {limit} bytes."
    elif status == 404:
        detail = "There is nothing here."
    elif isinstance(error, SecurityError):
        detail = "This host is not served here."
        if not is_machine_request():
            # A page has links, and for a host that is none of ours there are none.
            return Response(f"{detail}\n", status, content_type="text/plain; charset=utf-8")
    kept = {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After", "Location")}
    return _answer(status, code, title, detail, {}, kept)


def answer_csrf_error(error: CSRFError) -> BaseResponse:
    """A form without a good token: whoever is signed out meanwhile is led to the sign-in page, and back.

    Its token went with the session. That is not for another site to have: its request comes without the session's
    cookie, and the answer that tells of it would set another one. Nor is it for the doors themselves, nor for a script.
    """
    is_plain = request.mimetype != "application/json" and request.blueprint != "accounts"
    if is_plain and not is_cross_site() and not current_user.is_authenticated:
        return ask_to_sign_in()
    detail = "The form's security token is missing or too old. Go back, reload and send it again."
    return _answer(400, "csrf_failed", "Bad request", detail, {}, {})


def answer_database_error(error: DBAPIError | PoolTimeoutError) -> Response:
    """An outage of the database is a 503 that says when to come back; any other database error is a bug.

    Who sent a form that makes something is told how to get at what was typed; the browser and the key have kept it.
    """
    if "idempotency_key" in g and is_lock_timeout(error):
        return answer_refusal(StillRunningError(_STILL_RUNNING))
    outage = find_outage(error)
    if outage is None:
        return answer_crash(error)
    if _has_form_key():
        outage.message += " Go back: what you filled in is still there."
    return answer_refusal(outage)


def find_outage(error: DBAPIError | PoolTimeoutError) -> UnavailableError | None:
    """Takes what the database failed with; gives what the caller is told if that is an outage, else None.

    It says, too, whether anything was saved, as far as that is known: if the database goes away while it commits, or
    after that and before the answer, it may have been.
    """
    if not is_outage(error):
        return None
    is_unknown = _is_outcome_unknown(error)
    reason = str(getattr(error, "orig", error)).strip().split("\n")[0]
    logger.error("database unavailable", extra={"error": reason, "is_outcome_unknown": is_unknown})
    if not is_unknown:
        return UnavailableError("The database cannot be reached or is busy. Nothing was changed; try again.")
    advice = "Look at what is there before you send it again."
    if "idempotency_key" in g:
        advice = "With the same Idempotency-Key it is safe to send it again."
    elif _has_form_key():
        advice = "Send it again: nothing is made twice."
    return OutcomeUnknownError(f"The database went away: it is not known whether this was saved. {advice}")


def _has_form_key() -> bool:
    return not is_machine_request() and bool(request.form.get("idempotencyKey"))


def _is_outcome_unknown(error: DBAPIError | PoolTimeoutError) -> bool:
    # Who only reads asks for nothing to be saved.
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return False
    return isinstance(error, CommitLostError) or has_committed()


def answer_crash(error: Exception) -> Response:
    """A bug: the log gets the traceback, the caller gets the id to find it by, and nothing else."""
    logger.error("unhandled exception", exc_info=error)
    detail = f"Slipway failed to answer this. The log has the details under the request id {request_id()}."
    return _answer(500, "internal_error", "Internal error", detail, {}, {})


def _describe_status(status: int) -> tuple[str, str]:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Error"
    return phrase.lower().replace(" ", "_").replace("-", "_"), phrase.capitalize()


def _absolute(path: str) -> str:
    # Links are built from BASE_URL, never from the Host header of the request.
    return f"{current_app.extensions['slipway'].settings.base_url}{path}"


def _answer(
    status: int, code: str, title: str, detail: str, extra: dict[str, Any], headers: dict[str, str]
) -> Response:
    if is_machine_request():
        body = {
            "type": "about:blank" if code == "internal_error" else f"urn:slipway:problem:{code}",
            "title": title,
            "status": status,
            "detail": detail,
            "message": detail,
            "code": code,
            "requestId": request_id(),
            **extra,
        }
        return Response(json.dumps(body, ensure_ascii=True), status, headers, content_type=PROBLEM_TYPE)
    page = render_template("errors/error.html", status=status, title=title, detail=detail, request_id=request_id())
    return Response(page, status, headers, content_type="text/html; charset=utf-8")
