"""The pages of signing in, signing out and setting up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts import cookies, queries, script_answers, second_step, service, sessions
from app.accounts import setup as first_start
from app.accounts.actors import SignedInUser
from app.accounts.redirects import find_own_path
from app.accounts.second_step import SecondStepNeededError, SecondStepOverError
from app.exceptions import FieldError, ThrottledError, ValidationError
from app.extensions import csrf
from app.forms import FormState, list_errors, list_headers
from app.language import say, translate
from app.requests import client_address

blueprint = Blueprint("accounts", __name__)

Answer = Response | tuple[str, int] | tuple[str, int, dict[str, str]]

_MISSING = {"email": say("E-mail address is required."), "password": say("Password is required.")}


@blueprint.get("/sign-in")
def sign_in() -> Response | str:
    """Shows the form, or goes on if one is signed in or nobody can be yet. A script is told who is signed in."""
    target = find_own_path(request.args.get("next"))
    if script_answers.is_wanted():
        return script_answers.tell_reader()
    if current_user.is_authenticated:
        return redirect(target or _home())
    if not queries.has_organisation():
        return redirect(url_for(".setup"))
    return _render_sign_in({"next": target or ""})


@blueprint.post("/sign-in")
def submit_sign_in() -> Answer:
    """Signs in, or leads to the second step. Whoever was signed in in this browser is no longer."""
    values = {name: _read(name) for name in ("email", "organisation", "next")}
    password = _read("password")
    try:
        sessions.admit_visitor()
        _require({"email": values["email"], "password": password})
        user = service.sign_in(
            values["email"], password, values["organisation"] or None, client_address(), sessions.read_user_agent()
        )
    except SecondStepNeededError as error:
        cookies.remember_second_step(error.pending)
        if script_answers.is_wanted():
            return script_answers.refuse(error)
        return redirect(url_for(".show_second_step", next=find_own_path(values["next"])), 303)
    except (ValidationError, ThrottledError) as error:
        return _refuse(error, partial(_render_sign_in, values))
    return _go_on(user, values["next"])


@blueprint.get("/sign-in/second-step")
def show_second_step() -> Response | str:
    """Shows the form for the code of the second factor, to whoever has just typed their password."""
    target = find_own_path(request.args.get("next"))
    if current_user.is_authenticated:
        return redirect(target or _home())
    if cookies.find_second_step() is None:
        return redirect(url_for(".sign_in", next=target))
    return _render_second_step({"next": target or ""})


@blueprint.post("/sign-in/second-step")
def submit_second_step() -> Answer:
    """Signs in with a code, or with a recovery code where there is no other."""
    values = {"next": _read("next")}
    code, recovery_code = _read("code"), _read("recoveryCode")
    field = "recoveryCode" if recovery_code.strip() else "code"
    pending = cookies.find_second_step()
    try:
        sessions.admit_visitor()
        if pending is None:
            raise SecondStepOverError
        user = second_step.finish_sign_in(
            pending, recovery_code or code, field, client_address(), sessions.read_user_agent()
        )
    except SecondStepOverError as error:
        cookies.forget_second_step()
        if script_answers.is_wanted():
            return script_answers.refuse(error)
        flash(translate(error.message), "info")
        return redirect(url_for(".sign_in", next=find_own_path(values["next"])), 303)
    except (ValidationError, ThrottledError) as error:
        return _refuse(error, partial(_render_second_step, {**values, "usesRecovery": field == "recoveryCode"}))
    return _go_on(user, values["next"])


# ``admit_visitor`` checks the tokens.
csrf.exempt(submit_sign_in)
csrf.exempt(submit_second_step)


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
            values["setup_code"],
            values["organisation"],
            values["email"],
            _read("password"),
            client_address(),
            sessions.read_user_agent(),
        )
    except (ValidationError, ThrottledError) as error:
        return _refuse(error, partial(_render_setup, values))
    sessions.begin_session(user)
    return redirect(_home(), 303)


def _read(name: str) -> str:
    """Gives a field that was sent once. One that comes twice is as good as none: who is to say which counts?"""
    values = request.form.getlist(name)
    return values[0] if len(values) == 1 else ""


def _require(values: Mapping[str, str]) -> None:
    missing = [FieldError(name, "required", _MISSING[name]) for name, value in values.items() if not value]
    if missing:
        raise ValidationError(missing)


def _refuse(error: ValidationError | ThrottledError, render: Callable[[Iterable[FieldError]], str]) -> Answer:
    """Shows the form again with what is wrong, or tells a script."""
    if script_answers.is_wanted():
        return script_answers.refuse(error)
    return render(list_errors(error)), error.status, list_headers(error)


def _go_on(user: SignedInUser, target: str) -> Answer:
    if current_user.is_authenticated:
        service.sign_out(current_user)
    sessions.begin_session(user)
    if script_answers.is_wanted():
        return script_answers.tell_reader()
    return redirect(find_own_path(target) or _home(), 303)


def _home() -> str:
    return url_for("releases.list_releases")


def _render_sign_in(values: Mapping[str, str], errors: Iterable[FieldError] = ()) -> str:
    errors = tuple(errors)
    asks = bool(values.get("organisation")) or any(error.field == "organisation" for error in errors)
    # Only what may be followed goes into the page.
    shown = {**values, "next": find_own_path(values.get("next")) or "", "needs_organisation": asks}
    return render_template("accounts/sign_in.html", form=FormState.build(shown, errors))


def _render_second_step(values: Mapping[str, Any], errors: Iterable[FieldError] = ()) -> str:
    shown = {**values, "next": find_own_path(values.get("next")) or ""}
    return render_template("accounts/second_step.html", form=FormState.build(shown, errors))


def _render_setup(values: Mapping[str, str], errors: Iterable[FieldError] = ()) -> str:
    return render_template("accounts/setup.html", form=FormState.build(values, errors))
