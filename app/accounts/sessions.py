"""The browser's side of a session: a signed cookie that holds little, and how Flask and Flask-Login deal with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from flask import Flask, Request, current_app, flash, g, redirect, request, session, url_for
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask_login import current_user, login_required, login_user, logout_user
from flask_wtf.csrf import CSRFError
from itsdangerous import BadData
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response as BaseResponse

from app import languages
from app.accounts import keys, service, user_sessions
from app.accounts.actors import SignedInUser
from app.accounts.redirects import find_referring_path
from app.exceptions import AuthenticationError, FieldError, ValidationError
from app.extensions import csrf, login_manager
from app.requests import client_address

P = ParamSpec("P")
R = TypeVar("R")

_LONGEST_TEXT = 512
_EXPIRED = FieldError(
    "", "csrf_failed", "This form was open for too long to be sent as it was. Nothing is lost: send it again."
)
_ENDED = FieldError("", "session_ended", "Your session has ended. Nothing is lost: sign in below, and send this again.")


def init_app(app: Flask) -> None:
    """Takes the application; tells Flask and Flask-Login how sessions are kept."""
    keys.init_app(app)
    app.session_interface = StrictSessionInterface()
    app.permanent_session_lifetime = user_sessions.ABSOLUTE_TIMEOUT
    # The cookie is set at sign-in and ends with the session; sending it with each page would only prolong it.
    app.config["SESSION_REFRESH_EACH_REQUEST"] = False
    # Flask-Login would also believe a cookie of its own, and fails on some. No cookie's name can hold this sign.
    app.config["REMEMBER_COOKIE_NAME"] = "="
    login_manager.session_protection = "basic"
    login_manager.user_loader(load_user)
    login_manager.unauthorized_handler(ask_to_sign_in)


class StrictSessionInterface(SecureCookieSessionInterface):
    """Reads a cookie as no session unless it has the shape that Slipway writes, whoever signed it."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Gives what the cookie holds, or an empty session."""
        try:
            opened = super().open_session(app, request)
        except (BadData, TypeError, ValueError, LookupError):
            opened = None
        if opened is None or not all(_is_expected(name, value) for name, value in opened.items()):
            return self.session_class()
        return opened


def load_user(cookie_id: str) -> SignedInUser | None:
    """Takes what the cookie holds; gives the user, or None.

    After a failure there is nobody: the page that tells of it would ask once more, and fail as well.
    """
    if "user_lookup_failed" in g:
        return None
    try:
        user = user_sessions.find_user(cookie_id)
    except SQLAlchemyError:
        g.user_lookup_failed = True
        raise
    if user is not None:
        languages.remember_reader(user)
    return user


def sign_in_required(view: Callable[P, R]) -> Callable[P, R | BaseResponse]:
    """Decorates a page: it runs for whoever is signed in, and everybody else gets what ``ask_to_sign_in`` gives."""
    decorated: Callable[P, R | BaseResponse] = login_required(view)
    return decorated


def begin_session(user: SignedInUser) -> None:
    """Puts a user's new session into the cookie of the current answer, and nothing that was there before.

    What somebody else may have planted in this browser ends here: the contents and the CSRF token are new.
    """
    session.clear()
    g.pop(current_app.config.get("WTF_CSRF_FIELD_NAME", "csrf_token"), None)
    # The cookie outlives the browser's window; how long it is worth something, the database says.
    session.permanent = True
    login_user(user)
    languages.remember_reader(user)


def end_session() -> None:
    """Empties the cookie of the current answer."""
    logout_user()
    session.clear()
    g.pop(current_app.config.get("WTF_CSRF_FIELD_NAME", "csrf_token"), None)


def admit_form() -> None:
    """Lets a form in whose view is exempt from the check that comes before views, and does it here.

    So a token or a session that has ended costs nobody what was typed: the view shows the form again, with it. Where
    nobody is signed in any more, its sender may be by ``signInEmail`` and ``signInPassword``, two fields beside the
    others. Raises ValidationError on these two or on none, and ThrottledError.
    """
    try:
        csrf.protect()
    except CSRFError:
        raise ValidationError([_EXPIRED if current_user.is_authenticated else _ENDED]) from None
    if not current_user.is_authenticated:
        # Who was not asked for them has not forgotten them: the session has ended since the page was shown.
        if not any(name in request.form for name in ("signInEmail", "signInPassword")):
            raise ValidationError([_ENDED])
        email, password = (request.form.get(name, "") for name in ("signInEmail", "signInPassword"))
        begin_session(service.sign_in_within_form(email, password, client_address()))


def is_sign_in_needed() -> bool:
    """Whether a form that is shown again must ask who sends it; not if only the database cannot say so now."""
    return not current_user.is_authenticated and "user_lookup_failed" not in g


def ask_to_sign_in() -> BaseResponse:
    """Answers who is not signed in: pages lead to the sign-in page and back; a script is told in so many words."""
    if request.mimetype == "application/json":
        raise AuthenticationError("Your session has ended. Sign in again.", code="authentication_required")
    if request.method in ("GET", "HEAD"):
        return redirect(url_for("accounts.sign_in", next=request.full_path.rstrip("?")), 302)
    # What was sent cannot be repeated by following a link, but the page with its button can be come back to.
    flash("You were signed out. Sign in again, then repeat what you did.", "info")
    page = find_referring_path(request.referrer, request.host)
    return redirect(url_for("accounts.sign_in", next=page), 303)


def _is_expected(name: str, value: Any) -> bool:
    if name in ("_user_id", "_id", "csrf_token"):
        return isinstance(value, str) and len(value) <= _LONGEST_TEXT and value.isascii()
    if name in ("_fresh", "_permanent"):
        return isinstance(value, bool)
    if name == "_flashes":
        return isinstance(value, list) and all(_is_flash(item) for item in value)
    return False


def _is_flash(item: Any) -> bool:
    return isinstance(item, tuple) and len(item) == 2 and all(isinstance(part, str) for part in item)
