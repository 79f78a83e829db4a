"""The way into the API: an access token in the Authorization header (RFC 6750, section 2.1), and no other."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from flask import g, request

from app.accounts.actors import Actor
from app.accounts.tokens import authenticate
from app.exceptions import AuthenticationError, OtherProductError

P = ParamSpec("P")
R = TypeVar("R")

_FORM = "application/x-www-form-urlencoded"
# What splits or breaks a header: a list of two, a scheme given twice, a line that was folded in.
_SEPARATOR = re.compile(r"[\x00-\x20\x7f,]")


def token_required(
    *scopes: str, is_for_publishers: bool = False, shortcut: Callable[[str], Any] | None = None
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorates an API view: it runs with ``g.actor``, who has the scopes, or not at all. Where none is named, all may.

    ``is_for_publishers`` says that the view, and all that it calls, heeds ``actor.product_id``; no other runs for an
    actor who may act for one product only. ``shortcut`` takes the token and may give the answer by itself, to what it
    has done for whom it has verified by itself, or None if it has done nothing. Raises AuthenticationError and
    PermissionDeniedError as RFC 6750, section 3.1, names them, and OtherProductError. A browser's session counts for
    nothing here: another site could make use of it.
    """

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(view)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            token = read_token()
            answer: R | None = shortcut(token) if shortcut else None
            if answer is not None:
                return answer
            actor = authenticate(token)
            for scope in scopes:
                actor.require(scope)
            if actor.product_id is not None and not is_for_publishers:
                raise OtherProductError
            g.actor = actor
            return view(*args, **kwargs)

        # The API's description names it.
        run.required_scopes = scopes  # type: ignore[attr-defined]
        return run

    return decorate


def find_actor() -> Actor | None:
    """Gives whose token the current request carries, None if it has no Authorization header at all.

    For what everybody may ask for, and some learn more. Whoever sends a token means it: raises AuthenticationError if
    it is not good.
    """
    return authenticate(read_token()) if "Authorization" in request.headers else None


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
    # What is PUT is a file, whatever it is called: it is not read before its sender is known.
    is_form = request.mimetype == _FORM and request.method != "PUT"
    if "access_token" in request.args or (is_form and "access_token" in request.form):
        raise _build_unclear("The access token must be in the Authorization header only.")
    return token


def _build_unclear(message: str) -> AuthenticationError:
    return AuthenticationError(message, code="invalid_request", status=400)
