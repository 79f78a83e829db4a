"""The browser's side of a session: how it begins and ends, and how Flask and Flask-Login deal with it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from flask import Flask, current_app, flash, g, redirect, request, session, url_for
from flask_login import current_user, login_user, logout_user
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response as BaseResponse

from app import languages
from app.accounts import keys, second_step, service, user_sessions
from app.accounts.actors import SignedInUser
from app.accounts.cookies import (
    StrictSessionInterface,
    find_second_step,
    forget_second_step,
    is_second_step_pending,
    remember_second_step,
)
from app.accounts.redirects import find_own_path, find_referring_path
from app.accounts.second_step import SecondStepNeededError, SecondStepOverError
from app.exceptions import AuthenticationError, FieldError, ValidationError
from app.extensions import csrf, login_manager
from app.language import gettext as _
from app.language import say
from app.requests import client_address

P = ParamSpec("P")
R = TypeVar("R")

_EXPIRED = FieldError(
    "", "csrf_failed", say("This form was open for too long to be sent as it was. Nothing is lost: send it again.")
)
_STALE = FieldError("", "csrf_failed", say("This page was open for too long. Send it once more."))
_ENDED = FieldError(
    "", "session_ended", say("Your session has ended. Nothing is lost: sign in below, and send this again.")
)
_TWO_FACTOR_NEEDED = FieldError(
    "",
    "two_factor_needed",
    say(
        "Your organisation asks for two-factor sign-in. Nothing is lost: set it up in your settings, in another tab, "
        "and send this again."
    ),
)


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
    app.add_template_global(is_second_step_pending)


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
    """Decorates a page: it runs for whoever is signed in, and everybody else gets what ``ask_to_sign_in`` gives.

    Who must set up a second factor first is led to where that is done.
    """
    return _decorate(view, demands_two_factor=True)


def session_required(view: Callable[P, R]) -> Callable[P, R | BaseResponse]:
    """Decorates a page that is also for who has no second factor yet although the organisation asks for one."""
    return _decorate(view, demands_two_factor=False)


def _decorate(view: Callable[P, R], *, demands_two_factor: bool) -> Callable[P, R | BaseResponse]:
    @functools.wraps(view)
    def run(*args: P.args, **kwargs: P.kwargs) -> R | BaseResponse:
        if not current_user.is_authenticated:
            return ask_to_sign_in()
        if demands_two_factor and current_user.needs_two_factor:
            return ask_to_set_up_two_factor()
        return view(*args, **kwargs)

    return run


def read_user_agent() -> str:
    """Gives what the browser of the current request says of itself."""
    return request.headers.get("User-Agent", "")


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
    others, and ``signInCode``, which is asked for where there is a second factor. Raises ValidationError on these or on
    none, and ThrottledError.
    """
    try:
        csrf.protect()
    except CSRFError:
        raise ValidationError([_EXPIRED if current_user.is_authenticated else _ENDED]) from None
    if not current_user.is_authenticated:
        begin_session(_sign_in_by_form())
    if current_user.needs_two_factor:
        raise ValidationError([_TWO_FACTOR_NEEDED])


def admit_visitor() -> None:
    """Does the same for a form of whoever need not be signed in. Raises ValidationError if its token is not good."""
    try:
        csrf.protect()
    except CSRFError:
        raise ValidationError([_STALE]) from None


def _sign_in_by_form() -> SignedInUser:
    email, password, code = (request.form.get(name, "") for name in ("signInEmail", "signInPassword", "signInCode"))
    pending = find_second_step()
    if pending is None or password:
        # Who was not asked for them has not forgotten them: the session has ended since the page was shown.
        if not any(name in request.form for name in ("signInEmail", "signInPassword")):
            raise ValidationError([_ENDED])
        try:
            return service.sign_in_within_form(email, password, client_address(), read_user_agent())
        except SecondStepNeededError as error:
            pending = error.pending
            remember_second_step(pending)
            if not code.strip():
                raise ValidationError([FieldError("signInCode", error.code, error.message)]) from None
    try:
        return second_step.finish_sign_in(pending, code, "signInCode", client_address(), read_user_agent())
    except SecondStepOverError as error:
        forget_second_step()
        raise ValidationError([FieldError("signInPassword", error.code, error.message)]) from None


def is_sign_in_needed() -> bool:
    """Whether a form that is shown again must ask who sends it; not if only the database cannot say so now."""
    return not current_user.is_authenticated and "user_lookup_failed" not in g


def ask_to_sign_in() -> BaseResponse:
    """Answers who is not signed in: pages lead to the sign-in page and back; a script is told in so many words."""
    if request.mimetype == "application/json":
        raise AuthenticationError(say("Your session has ended. Sign in again."), code="authentication_required")
    if request.method in ("GET", "HEAD"):
        return redirect(url_for("accounts.sign_in", next=request.full_path.rstrip("?")), 302)
    # What was sent cannot be repeated by following a link, but the page with its button can be come back to.
    flash(_("You were signed out. Sign in again, then repeat what you did."), "info")
    page = find_referring_path(request.referrer, request.host)
    return redirect(url_for("accounts.sign_in", next=page), 303)


def ask_to_set_up_two_factor() -> BaseResponse:
    """Answers who must have a second factor first: leads to where it is set up, and back."""
    if request.mimetype == "application/json":
        raise AuthenticationError(_TWO_FACTOR_NEEDED.message, code=_TWO_FACTOR_NEEDED.code, status=403)
    if request.method in ("GET", "HEAD"):
        page = find_own_path(request.full_path.rstrip("?"))
        return redirect(url_for("account.show_two_factor", next=page), 302)
    page = find_referring_path(request.referrer, request.host)
    return redirect(url_for("account.show_two_factor", next=page), 303)
