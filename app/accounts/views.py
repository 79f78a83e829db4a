"""The pages of signing in, signing out and setting up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flask import Blueprint, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts import queries, service, sessions
from app.accounts import setup as first_start
from app.accounts.redirects import find_own_path
from app.exceptions import FieldError, ThrottledError, ValidationError
from app.forms import FormState
from app.requests import client_address

blueprint = Blueprint("accounts", __name__)

Answer = Response | tuple[str, int] | tuple[str, int, dict[str, str]]

_SIGN_IN_LABELS = {"email": "E-mail address", "password": "Password"}


@blueprint.get("/sign-in")
def sign_in() -> Response | str:
    """Shows the form, or goes on if one is signed in or nobody can be yet."""
    target = find_own_path(request.args.get("next"))
    if current_user.is_authenticated:
        return redirect(target or _home())
    if not queries.has_organisation():
        return redirect(url_for(".setup"))
    return _render_sign_in({"next": target or ""})


@blueprint.post("/sign-in")
def submit_sign_in() -> Answer:
    """Signs in. Whoever was signed in in this browser is no longer."""
    values = {name: _read(name) for name in ("email", "organisation", "next")}
    password = _read("password")
    try:
        _require(_SIGN_IN_LABELS, {**values, "password": password})
        user = service.sign_in(values["email"], password, values["organisation"] or None, client_address())
    except ValidationError as error:
        return _render_sign_in(values, error.errors), error.status
    except ThrottledError as error:
        page = _render_sign_in(values, [FieldError("", error.code, error.message)])
        return page, error.status, {"Retry-After": str(error.retry_after_seconds)}
    if current_user.is_authenticated:
        service.sign_out(current_user)
    sessions.begin_session(user)
    return redirect(find_own_path(values["next"]) or _home(), 303)


@blueprint.post("/sign-out")
def sign_out() -> Response:
    """Signs out; does nothing if nobody is signed in any more."""
    if current_user.is_authenticated:
        service.sign_out(current_user)
        sessions.end_session()
    return redirect(url_for(".sign_in"), 303)


@blueprint.get("/setup")
def setup() -> str:
    """Shows the form that creates the first organisation; there is no such page once one exists."""
    first_start.require_not_set_up()
    return _render_setup({})


@blueprint.post("/setup")
def submit_setup() -> Answer:
    """Creates the first organisation and signs its owner in."""
    values = {name: _read(name) for name in ("setup_code", "organisation", "email")}
    try:
        user = first_start.set_up(
            values["setup_code"], values["organisation"], values["email"], _read("password"), client_address()
        )
    except ValidationError as error:
        return _render_setup(values, error.errors), error.status
    except ThrottledError as error:
        page = _render_setup(values, [FieldError("", error.code, error.message)])
        return page, error.status, {"Retry-After": str(error.retry_after_seconds)}
    sessions.begin_session(user)
    return redirect(_home(), 303)


def _read(name: str) -> str:
    """Gives a field that was sent once. One that comes twice is as good as none: who is to say which counts?"""
    values = request.form.getlist(name)
    return values[0] if len(values) == 1 else ""


def _require(labels: Mapping[str, str], values: Mapping[str, str]) -> None:
    missing = [FieldError(name, "required", f"{labels[name]} is required.") for name in labels if not values[name]]
    if missing:
        raise ValidationError(missing)


def _home() -> str:
    return url_for("releases.list_releases")


def _render_sign_in(values: Mapping[str, str], errors: Iterable[FieldError] = ()) -> str:
    errors = tuple(errors)
    asks = bool(values.get("organisation")) or any(error.field == "organisation" for error in errors)
    # Only what may be followed goes into the page.
    shown = {**values, "next": find_own_path(values.get("next")) or "", "needs_organisation": asks}
    return render_template("accounts/sign_in.html", form=FormState.build(shown, errors))


def _render_setup(values: Mapping[str, str], errors: Iterable[FieldError] = ()) -> str:
    return render_template("accounts/setup.html", form=FormState.build(values, errors))
