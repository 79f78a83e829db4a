"""How a script of a page signs somebody in without leaving the page: the sign-in's answers as JSON.

It is the same door with the same tokens, tries and steps; only ``Accept: application/json`` asks for these answers.
"""

from __future__ import annotations

from typing import Any

from flask import Response, request
from flask_login import current_user
from flask_wtf.csrf import generate_csrf

from app.answers import answer_json
from app.exceptions import SlipwayError
from app.forms import list_errors, list_headers
from app.language import translate


def is_wanted() -> bool:
    """Whether the current request asks for JSON."""
    return request.accept_mimetypes.best == "application/json"


def tell_reader() -> Response:
    """Tells who is signed in, if anybody is, and the token that forms need from now on."""
    user = None
    if current_user.is_authenticated:
        user = {"id": current_user.id, "tenantId": current_user.tenant_id, "email": current_user.email}
    return answer_json({"user": user, "csrfToken": generate_csrf()})


def refuse(error: SlipwayError) -> Response:
    """Tells what is wrong in the reader's language, by fields where it is about fields, with a good token."""
    body: dict[str, Any] = {
        "code": error.code,
        "message": translate(error.message),
        "errors": [
            {"field": item.field, "code": item.code, "message": translate(item.message)} for item in list_errors(error)
        ],
        "csrfToken": generate_csrf(),
    }
    return answer_json(body, error.status, list_headers(error))
