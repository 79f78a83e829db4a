"""The pages of a forgotten password."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from flask import Blueprint, Flask, current_app, flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app import languages
from app.accounts import letters, resets
from app.accounts.sessions import admit_visitor
from app.exceptions import FieldError, SlipwayError, ThrottledError, UnavailableError, ValidationError
from app.extensions import csrf
from app.forms import FormState, list_errors, list_headers, telling_outages
from app.language import gettext as _
from app.requests import client_address

blueprint = Blueprint("resets", __name__, url_prefix="/sign-in")

Answer = Response | tuple[str, int, dict[str, str]]


@blueprint.get("/forgot")
def ask() -> str:
    """Shows the form that asks for a link, or who can help where no e-mail is sent."""
    return _render_ask(request.args.get("email", ""))


@blueprint.post("/forgot")
def submit_ask() -> Answer:
    """Asks for a link. The answer is the same whoever has this address, and so is what comes before it."""
    typed = request.form.get("email", "")
    try:
        with telling_outages():
            admit_visitor()
            if not letters.can_send():
                return _render_ask(typed), 200, {}
            wanted = resets.admit_request(typed, client_address())
    except SlipwayError as error:
        return _render_ask(typed, list_errors(error)), error.status, list_headers(error)
    answer = make_response(redirect(url_for(".show_asked"), 303))
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - Flask's documented way
    # Once the answer is sent: how long it takes to find somebody and to write to them shows nobody that there is one.
    answer.call_on_close(partial(_send_links, app, wanted, languages.find_locale()))
    return answer


@blueprint.get("/forgot/sent")
def show_asked() -> str:
    """Says that a link is on its way, if there is anybody to send it to."""
    return render_template("accounts/reset_sent.html")


@blueprint.get("/reset/<token>")
def choose(token: str) -> str | tuple[str, int]:
    """Shows the form for another password to whoever has a link."""
    try:
        return _render_choose(token, resets.find_reset(token))
    except resets.ResetOverError as error:
        return _render_over(error)


@blueprint.post("/reset/<token>")
def submit_choose(token: str) -> Answer | tuple[str, int]:
    """Stores another password, and leads to the sign-in."""
    try:
        found = resets.find_reset(token)
        errors = _choose(token, request.form.get("password", ""))
    except resets.ResetOverError as error:
        return _render_over(error)
    if errors is not None:
        return _render_choose(token, found, list_errors(errors)), errors.status, list_headers(errors)
    flash(_("Your password is changed, and all browsers are signed out. Sign in with the new one."), "success")
    return redirect(url_for("accounts.sign_in"), 303)


# ``admit_visitor`` checks the tokens.
csrf.exempt(submit_ask)
csrf.exempt(submit_choose)


def _send_links(app: Flask, email: str, locale: str) -> None:
    with app.app_context():
        resets.send_links(email, locale)


def _choose(token: str, password: str) -> SlipwayError | None:
    """Stores another password; gives what is wrong with it. Raises ResetOverError."""
    try:
        with telling_outages():
            admit_visitor()
            resets.reset_password(token, password, client_address())
    except (ValidationError, ThrottledError, UnavailableError) as error:
        return error
    return None


def _render_ask(email: str, errors: Iterable[FieldError] = ()) -> str:
    form = FormState.build({"email": email}, errors)
    return render_template("accounts/forgot.html", form=form, can_send=letters.can_send())


def _render_choose(token: str, found: resets.OpenReset, errors: Iterable[FieldError] = ()) -> str:
    return render_template("accounts/reset.html", form=FormState.build({}, errors), token=token, found=found)


def _render_over(error: resets.ResetOverError) -> tuple[str, int]:
    return render_template("accounts/reset_over.html", message=error.message), error.status
