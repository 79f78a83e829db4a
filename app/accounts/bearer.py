"""The way into the API: an access token in the Authorization header (RFC 6750, section 2.1), and no other."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from flask import g, request

from app.accounts.tokens import authenticate
from app.exceptions import AuthenticationError

P = ParamSpec("P")
R = TypeVar("R")

_FORM = "application/x-www-form-urlencoded"
# What splits or breaks a header: a list of two, a scheme given twice, a line that was folded in.
_SEPARATOR = re.compile(r"[\x00-\x20\x7f,]")


def token_required(scope: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorates an API view: it runs with ``g.actor``, who has the scope, or not at all.

    Raises AuthenticationError and PermissionDeniedError as RFC 6750, section 3.1, names them. A browser's session
    counts for nothing here: another site could make use of it.
    """

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(view)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            actor = authenticate(read_token())
            actor.require(scope)
            g.actor = actor
            return view(*args, **kwargs)

        return run

    return decorate


def read_token() -> str:
    """Gives the token of the current request. Raises AuthenticationError if there is none, or it is unclear."""
    scheme, _, rest = request.headers.get("Authorization", "").strip(" \t").partition(" ")
    if scheme.lower() != "bearer":
        raise AuthenticationError(
            "This needs an access token: Authorization: Bearer <token>.", code="authentication_required"
        )
    token = rest.strip(" ")
    if not token:
        raise _build_unclear("The Authorization header has the scheme Bearer, but no token.")
    if _SEPARATOR.search(token):
        raise _build_unclear("The Authorization header must hold one token, and nothing else.")
    if "access_token" in request.args or (request.mimetype == _FORM and "access_token" in request.form):
        raise _build_unclear("The access token must be in the Authorization header only.")
    return token


def _build_unclear(message: str) -> AuthenticationError:
    return AuthenticationError(message, code="invalid_request", status=400)
