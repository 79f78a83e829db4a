"""What the signed cookie of a session holds: little, and nothing else is read out of it."""

from __future__ import annotations

from typing import Any

from flask import Flask, Request, session
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from itsdangerous import BadData

from app.accounts.second_step import PendingSignIn
from app.oidc import states

# What the cookie may hold beside the framework's own: a sign-in that waits for its code, and which recovery codes are
# to be shown next.
_PENDING = "second_step"
_CODES_KEY = "recovery_codes_key"
_LONGEST_TEXT = 512
_TEXTS = frozenset({"_user_id", "_id", "csrf_token", _PENDING, _CODES_KEY})


class StrictSessionInterface(SecureCookieSessionInterface):
    """Reads a cookie as no session unless it has the shape that Slipway writes, whoever signed it."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Gives what the cookie holds, or an empty session."""
        if "HTTP_COOKIE" not in request.environ:
            return self.session_class()
        try:
            opened = super().open_session(app, request)
        except (BadData, TypeError, ValueError, LookupError):
            opened = None
        if opened is None or not all(_is_expected(name, value) for name, value in opened.items()):
            return self.session_class()
        return opened


def remember_second_step(pending: PendingSignIn) -> None:
    """Puts a sign-in that waits for its code into the cookie of the current answer."""
    session[_PENDING] = str(pending)


def find_second_step() -> PendingSignIn | None:
    """Gives the sign-in that waits for its code in this browser, None if there is none or it is too old."""
    return PendingSignIn.parse(session.get(_PENDING, ""))


def is_second_step_pending() -> bool:
    """Whether a form that is shown again need only ask for the code: the password was typed already."""
    return find_second_step() is not None


def forget_second_step() -> None:
    """Takes it out of the cookie."""
    session.pop(_PENDING, None)


def remember_codes(form_key: str) -> None:
    """Takes the key of the form that made recovery codes: the next page shows them."""
    session[_CODES_KEY] = form_key


def take_codes_key() -> str:
    """Gives the key once; after that it is the empty string."""
    key: str = session.pop(_CODES_KEY, "")
    return key


def _is_expected(name: str, value: Any) -> bool:
    if name in _TEXTS:
        return isinstance(value, str) and len(value) <= _LONGEST_TEXT and value.isascii()
    if name in ("_fresh", "_permanent"):
        return isinstance(value, bool)
    if name == "_flashes":
        return isinstance(value, list) and all(_is_flash(item) for item in value)
    return name in states.NAMES and states.is_expected(name, value)


def _is_flash(item: Any) -> bool:
    return isinstance(item, tuple) and len(item) == 2 and all(isinstance(part, str) for part in item)
